//! What a deletion would take is told beforehand, to who may delete the thing and to nobody else, and asking takes nothing.

use anyhow::{Result, ensure};
use e2e::person_deletions::{accepted, removed, would_remove};
use e2e::{Answer, Person, Team, World, eventually};
use reqwest::Method;
use serde_json::json;
use slipway_contract::ProblemCode;
use slipway_contract::http::deletions::{DeletedCount, DeletedKind};
use slipway_contract::http::orgs::Role;

use crate::scene::Scene;

/// A file of a chat.
const FILE: &[u8] = b"the plan";

#[tokio::test]
async fn what_a_chats_preview_counts_is_what_its_deletion_removes() -> Result<()> {
    let scene = Scene::set(&World::shared()?).await?;
    let (owner, bo, chat) = (&scene.team.owner, &scene.bo, scene.chat.id);
    let file = bo.attach(chat, "plan.txt", FILE).await?;
    bo.post_files(chat, "with", "a file", &[file.id]).await?;
    let before = eventually("all of the chat in the index", async || {
        let now = owner.preview_chat_deletion(chat).await?;
        let all = would_remove(&now, DeletedKind::Messages) == 3 && now.people == 2;
        Ok(all.then_some(now))
    })
    .await?;
    let kinds: Vec<DeletedKind> = before.removes.iter().map(|one| one.kind).collect();
    assert_eq!(
        kinds,
        [
            DeletedKind::Sandboxes,
            DeletedKind::Snapshots,
            DeletedKind::Artifacts,
            DeletedKind::Attachments,
            DeletedKind::Messages,
            DeletedKind::Approvals,
            DeletedKind::Participants,
            DeletedKind::Chats,
        ]
    );
    let bytes = |kind| before.removes.iter().find(|one| one.kind == kind).map(|one| one.bytes);
    assert_eq!(bytes(DeletedKind::Attachments), Some(FILE.len() as u64));
    assert_eq!(bytes(DeletedKind::Artifacts), Some(scene.artifact.bytes));
    assert_eq!(bytes(DeletedKind::Snapshots), Some(scene.snapshot.bytes));
    assert!(before.last_owner_of.is_empty());
    // Asking took nothing.
    bo.describe(chat).await?;

    let asked = owner.delete_chat(chat).await?;
    let over = owner.deleted(asked.id).await?;
    let after = |one: &DeletedCount| over.removed.iter().find(|gone| gone.kind == one.kind).copied();
    for one in &before.removes {
        assert_eq!(after(one), Some(*one), "{over:?}");
    }
    let gone = owner.try_preview_deletion(&format!("/v1/chats/{chat}")).await?;
    gone.refused(ProblemCode::NotFound)?;
    Ok(())
}

#[tokio::test]
async fn a_channel_and_an_org_are_told_of_with_their_chats() -> Result<()> {
    let (team, bo, chat) = Team::of_two(&World::shared()?).await?;
    let (owner, org) = (&team.owner, team.org);
    let other = team.chat("Other", &[&bo]).await?;
    for (chat, text) in [(chat.id, "here"), (other.id, "there")] {
        bo.post(chat, text, text).await?;
    }
    let of_channel = eventually("both chats in the index", async || {
        let now = owner.preview_channel_deletion(org, team.channel).await?;
        Ok((would_remove(&now, DeletedKind::Messages) == 2).then_some(now))
    })
    .await?;
    let of_org = owner.preview_org_deletion(org).await?;
    for preview in [&of_channel, &of_org] {
        assert_eq!(would_remove(preview, DeletedKind::Chats), 2, "{preview:?}");
        assert_eq!(would_remove(preview, DeletedKind::Channels), 1, "{preview:?}");
        assert_eq!(preview.people, 2, "{preview:?}");
    }
    let asked = accepted(&owner.try_delete_channel(org, team.channel).await?)?;
    let over = owner.deleted(asked.id).await?;
    assert_eq!(over.parts.all, would_remove(&of_channel, DeletedKind::Chats));
    for kind in [DeletedKind::Channels, DeletedKind::ChannelMembers] {
        assert_eq!(removed(&over, kind), would_remove(&of_channel, kind), "{kind:?}");
    }

    let left = owner.preview_org_deletion(org).await?;
    assert_eq!((would_remove(&left, DeletedKind::Chats), left.people), (0, 2), "{left:?}");
    let asked = accepted(&owner.try_delete_org(org, "Acme").await?)?;
    let over = owner.deleted(asked.id).await?;
    for kind in [DeletedKind::Orgs, DeletedKind::Members, DeletedKind::Agents] {
        assert_eq!(removed(&over, kind), would_remove(&left, kind), "{kind:?}");
    }
    Ok(())
}

/// Both are refused, with the same words.
fn alike(preview: &Answer, deletion: &Answer, code: ProblemCode) -> Result<()> {
    let (preview, deletion) = (preview.refused(code)?, deletion.refused(code)?);
    ensure!(preview.detail == deletion.detail, "{preview:?} is not {deletion:?}");
    Ok(())
}

#[tokio::test]
async fn who_may_not_delete_something_is_refused_its_preview_alike() -> Result<()> {
    let world = World::shared()?;
    let (team, bo, chat) = Team::of_two(&world).await?;
    let (owner, org) = (&team.owner, team.org);
    eventually("the chat in the index", async || owner.summary(&chat).await).await?;
    let guest = team.join("Guest", Role::Guest).await?;
    let admin = team.join("Admin", Role::Admin).await?;
    let stranger = world.team("Elsewhere").await?.owner;
    let (of_chat, of_channel) =
        (format!("/v1/chats/{}", chat.id), format!("/v1/orgs/{org}/channels/{}", team.channel));
    let of_org = format!("/v1/orgs/{org}");
    let outside = stranger.at(org);
    let refused: [(&Person, &str, ProblemCode); 10] = [
        (&bo, &of_chat, ProblemCode::Forbidden),
        (&guest, &of_chat, ProblemCode::NotFound),
        (&stranger, &of_chat, ProblemCode::NotFound),
        (&outside, &of_chat, ProblemCode::NotFound),
        (&bo, &of_channel, ProblemCode::Forbidden),
        (&guest, &of_channel, ProblemCode::NotFound),
        (&outside, &of_channel, ProblemCode::NotFound),
        (&bo, &of_org, ProblemCode::Forbidden),
        (&admin, &of_org, ProblemCode::Forbidden),
        (&outside, &of_org, ProblemCode::NotFound),
    ];
    for (person, path, code) in refused {
        let preview = person.try_preview_deletion(path).await?;
        let deletion = person.send(Method::DELETE, path, &json!({"name": "Acme"})).await?;
        alike(&preview, &deletion, code)?;
    }
    // Nothing of that did anything, and who may is told.
    admin.preview_chat_deletion(chat.id).await?;
    admin.preview_channel_deletion(org, team.channel).await?;
    owner.preview_org_deletion(org).await?;
    Ok(())
}

#[tokio::test]
async fn an_accounts_preview_names_the_orgs_that_have_no_other_owner() -> Result<()> {
    let (team, bo, _) = Team::of_two(&World::shared()?).await?;
    let owner = &team.owner;
    let told = owner.preview_account_deletion().await?;
    let names: Vec<(_, &str)> = told.last_owner_of.iter().map(|one| (one.id, one.name.as_str())).collect();
    assert_eq!(names, [(team.org, "Acme")]);
    let of_bo = eventually("Bo's place in the index", async || {
        let now = bo.preview_account_deletion().await?;
        Ok((would_remove(&now, DeletedKind::Participants) == 1).then_some(now))
    })
    .await?;
    assert_eq!((of_bo.people, of_bo.last_owner_of.len()), (0, 0));
    assert_eq!(would_remove(&of_bo, DeletedKind::Members), 1);

    let member = owner.member(team.org, bo.id()).await?.id;
    owner.set_role(team.org, member, Role::Owner).await?.done()?;
    assert_eq!(owner.preview_account_deletion().await?.last_owner_of, []);
    let asked = bo.delete_account().await?;
    let over = bo.deleted(asked.id).await?;
    assert_eq!(removed(&over, DeletedKind::Accounts), would_remove(&of_bo, DeletedKind::Accounts));
    bo.try_preview_deletion("/v1/me").await?.refused(ProblemCode::Unauthenticated)?;
    Ok(())
}
