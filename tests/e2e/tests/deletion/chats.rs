//! A chat is deleted: by whom, what becomes of everything it had, and what stays.

use anyhow::Result;
use e2e::person_deletions::{accepted, removed};
use e2e::{Team, World};
use futures::future::join;
use slipway_contract::http::deletions::{DeletedKind, DeletionStep, DeletionSubject};
use slipway_contract::http::orgs::Role;
use slipway_contract::socket::close;
use slipway_contract::{Actor, ProblemCode};

use crate::scene::{Own, Scene};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_chat_is_nowhere_at_once_and_gone_in_the_end() -> Result<()> {
    let own = Own::start()?;
    let scene = Scene::set(&own.world).await?;
    let (owner, bo) = (&scene.team.owner, &scene.bo);
    assert!(own.keeps(&scene.artifact.sha256)? && own.keeps(&scene.snapshot.sha256)?);
    let mut socket = bo.socket(scene.chat.id, None).await?;

    let asked = owner.delete_chat(scene.chat.id).await?;
    assert_eq!(asked.subject, DeletionSubject::Chat { id: scene.chat.id });
    assert_eq!((asked.asked_by, asked.org), (Actor::User { id: owner.id() }, Some(scene.team.org)));
    scene.is_nowhere().await?;
    assert_eq!(socket.closed().await?.0, close::DELETED);

    let over = owner.deleted(asked.id).await?;
    for kind in [
        DeletedKind::Artifacts,
        DeletedKind::Snapshots,
        DeletedKind::Sandboxes,
        DeletedKind::Messages,
        DeletedKind::Approvals,
        DeletedKind::Participants,
        DeletedKind::Events,
        DeletedKind::Chats,
    ] {
        assert!(removed(&over, kind) > 0, "{kind:?} is not in {over:?}");
    }
    assert_eq!(removed(&over, DeletedKind::Messages), 2);
    scene.is_nowhere().await?;
    assert!(!own.keeps(&scene.artifact.sha256)? && !own.keeps(&scene.snapshot.sha256)?);
    let chat = scene.chat.id.to_string();
    for table in ["chats", "chat_people", "messages", "approvals", "artifacts", "sandboxes"] {
        let left = own.world.sql(&format!("SELECT FROM {table} WHERE chat_id = $1"), &chat).await?;
        assert_eq!(left, 0, "{table}");
    }
    // The audit log and the ledger stay.
    let told =
        own.world.sql("SELECT FROM audit WHERE subject = $1 AND action LIKE 'chat.delete%'", &chat).await?;
    assert_eq!(told, 2);
    assert!(own.world.sql("SELECT FROM usage_entries WHERE chat_id = $1", &chat).await? > 0);
    // The org goes on.
    let next = scene.team.chat("Next", &[bo]).await?;
    bo.post(next.id, "x", "x").await?;
    Ok(())
}

#[tokio::test]
async fn who_asks_twice_or_at_once_gets_the_same_deletion() -> Result<()> {
    let (team, _, chat) = Team::of_two(&World::shared()?).await?;
    let (one, two) = join(team.owner.try_delete_chat(chat.id), team.owner.try_delete_chat(chat.id)).await;
    let (one, two) = (accepted(&one?)?, accepted(&two?)?);
    assert_eq!(one.id, two.id);
    let over = team.owner.deleted(one.id).await?;
    let again = team.owner.delete_chat(chat.id).await?;
    assert_eq!((again.id, again.step, again.ended_at), (one.id, DeletionStep::Done, over.ended_at));
    Ok(())
}

#[tokio::test]
async fn only_moderators_and_admins_delete_a_chat_and_know_of_it() -> Result<()> {
    let world = World::shared()?;
    let (team, bo, chat) = Team::of_two(&world).await?;
    let guest = team.join("Guest", Role::Guest).await?;
    let admin = team.join("Admin", Role::Admin).await?;
    let stranger = world.team("Elsewhere").await?.owner;
    bo.try_delete_chat(chat.id).await?.refused(ProblemCode::Forbidden)?;
    guest.try_delete_chat(chat.id).await?.refused(ProblemCode::NotFound)?;
    stranger.try_delete_chat(chat.id).await?.refused(ProblemCode::NotFound)?;
    stranger.at(team.org).try_delete_chat(chat.id).await?.refused(ProblemCode::NotFound)?;
    bo.describe(chat.id).await?;

    // An admin who does not take part.
    let asked = admin.delete_chat(chat.id).await?;
    for (person, knows) in [(&team.owner, true), (&admin, true), (&bo, false), (&stranger, false)] {
        let answer = person.get(&format!("/v1/deletions/{}", asked.id)).await?;
        assert_eq!(answer.is_success(), knows, "{answer}");
    }
    admin.deleted(asked.id).await?;
    // Its moderator, who is only a member.
    let own = bo.chat(team.org, team.channel, "Bo's own").await?;
    let asked = bo.delete_chat(own.id).await?;
    bo.deleted(asked.id).await?;
    Ok(())
}

#[tokio::test]
async fn a_channel_goes_with_its_chats() -> Result<()> {
    let (team, bo, chat) = Team::of_two(&World::shared()?).await?;
    let other = team.chat("Other", &[&bo]).await?;
    // One that the index is told of after the channel went would go by a deletion of its own.
    e2e::eventually("both chats in the list", async || {
        let listed = [bo.summary(&chat).await?, bo.summary(&other).await?];
        Ok(listed.iter().all(Option::is_some).then_some(()))
    })
    .await?;
    bo.try_delete_channel(team.org, team.channel).await?.refused(ProblemCode::Forbidden)?;
    let asked = accepted(&team.owner.try_delete_channel(team.org, team.channel).await?)?;
    assert!(bo.channels(team.org).await?.is_empty());
    for chat in [chat.id, other.id] {
        // The chat's own object hears of it when its part of the deletion begins.
        e2e::eventually("the chat is closed", async || {
            let answer = bo.get(&format!("/v1/chats/{chat}")).await?;
            Ok((answer.status == 404).then_some(()))
        })
        .await?;
    }
    let over = team.owner.deleted(asked.id).await?;
    assert_eq!((over.parts.all, removed(&over, DeletedKind::Channels)), (2, 1));
    // Its name is free again.
    team.owner.channel(team.org, "general", slipway_contract::http::channels::Visibility::Public).await?;
    Ok(())
}
