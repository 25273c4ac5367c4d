//! An org is deleted: everything in it goes, and the people who were in it stay.

use anyhow::Result;
use e2e::person_deletions::{accepted, removed};
use e2e::world::PASSWORD;
use slipway_contract::ProblemCode;
use slipway_contract::http::deletions::DeletedKind;
use slipway_contract::http::orgs::Role;

use crate::scene::{Own, Scene};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_org_goes_with_everything_but_its_people() -> Result<()> {
    let own = Own::start()?;
    let scene = Scene::set(&own.world).await?;
    let (owner, org) = (&scene.team.owner, scene.team.org);
    let admin = scene.team.join("Admin", Role::Admin).await?;
    let invitation = owner.invite(org, "late@example.org", Role::Member).await?;

    admin.try_delete_org(org, "Acme").await?.refused(ProblemCode::Forbidden)?;
    let wrong = owner.try_delete_org(org, "acme").await?.refused(ProblemCode::InvalidField)?;
    assert_eq!(wrong.field.as_deref(), Some("name"));
    let asked = accepted(&owner.try_delete_org(org, "Acme").await?)?;
    // From now on it is nobody's.
    for person in [owner, &admin, &scene.bo] {
        assert!(person.me().await?.orgs.is_empty());
        person.get(&format!("/v1/orgs/{org}/channels")).await?.refused(ProblemCode::NotFound)?;
    }
    let late = own.world.person("Late").await?;
    let refused = late.try_accept(&invitation.token).await?.problem()?;
    assert!(matches!(refused.code, ProblemCode::InvitationEnded | ProblemCode::InvitationForAnother));
    assert_eq!(accepted(&owner.try_delete_org(org, "Acme").await?)?.id, asked.id);

    let over = owner.deleted(asked.id).await?;
    assert_eq!((over.parts.all, removed(&over, DeletedKind::Orgs)), (1, 1));
    // The report counts what its channels and their chats had.
    for (kind, count) in [(DeletedKind::Channels, 1), (DeletedKind::Chats, 1), (DeletedKind::Messages, 2)] {
        assert_eq!(removed(&over, kind), count, "{kind:?}");
    }
    assert!(!own.keeps(&scene.artifact.sha256)? && !own.keeps(&scene.snapshot.sha256)?);
    for table in ["orgs", "members", "channels", "chats", "agents", "invitations", "sandboxes", "messages"] {
        let left = own.world.sql(&format!("SELECT FROM {table} WHERE org_id = $1"), &org.to_string()).await?;
        assert_eq!(left, 0, "{table}");
    }
    assert!(own.world.sql("SELECT FROM audit WHERE org_id = $1", &org.to_string()).await? > 0);
    // Their accounts are as they were.
    own.world.log_in(&scene.bo.user.email, PASSWORD).await?.done()?;
    scene.bo.found("Anew").await?;
    Ok(())
}
