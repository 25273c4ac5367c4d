//! An account is deleted: the person is gone, and what they said reads on.

use anyhow::{Context as _, Result};
use e2e::person_deletions::{accepted, removed};
use e2e::world::PASSWORD;
use e2e::{Team, World};
use slipway_contract::events::EventBody;
use slipway_contract::http::deletions::{DELETED_PERSON, DeletedKind};
use slipway_contract::http::orgs::Role;
use slipway_contract::{Actor, ParticipantId, ProblemCode};

#[tokio::test]
async fn who_deletes_their_account_is_gone_and_their_words_read_on() -> Result<()> {
    let world = World::shared()?;
    let (team, bo, chat) = Team::of_two(&world).await?;
    let elsewhere = world.team("Elsewhere").await?;
    elsewhere.take_in(&bo, Role::Member).await?;
    let said = bo.post(chat.id, "words", "these words stay").await?;
    let asked = bo.delete_account().await?;
    assert_eq!(asked.asked_by, Actor::User { id: bo.id() });
    // Nobody gets in any more, by whatever key.
    world.log_in(&bo.user.email, PASSWORD).await?.refused(ProblemCode::WrongCredentials)?;
    bo.session_call("/v1/auth/refresh").send().await?.refused(ProblemCode::SessionEnded)?;
    bo.get(&format!("/v1/orgs/{}/channels", team.org)).await?.refused(ProblemCode::NotFound)?;
    let founding = bo.send(reqwest::Method::POST, "/v1/orgs", &serde_json::json!({"name": "Late"})).await?;
    founding.refused(ProblemCode::Unauthenticated)?;
    // The token is good for its last minutes, for the report too.
    let over = bo.deleted(asked.id).await?;
    assert_eq!((removed(&over, DeletedKind::Accounts), removed(&over, DeletedKind::Names)), (1, 1));
    bo.get("/v1/me").await?.refused(ProblemCode::Unauthenticated)?;
    assert_eq!(accepted(&bo.try_delete_account("whatever").await?)?.id, asked.id);

    let log = team.owner.log(chat.id).await?;
    let id = ParticipantId::User { id: bo.id() };
    let names: Vec<&str> = log
        .iter()
        .filter_map(|event| {
            let EventBody::ParticipantJoined { participant } = &event.body else { return None };
            (participant.id == id).then_some(participant.name.as_str())
        })
        .collect();
    assert_eq!(names, [DELETED_PERSON]);
    let posted = log.iter().find(|event| event.seq == said.seq).context("the message is gone")?;
    assert_eq!(posted.actor, Actor::User { id: bo.id() });
    let EventBody::MessagePosted(message) = &posted.body else { anyhow::bail!("{posted:?}") };
    assert_eq!(message.text, "these words stay");
    let there = team.owner.describe(chat.id).await?;
    assert!(there.participants.iter().all(|one| one.id != id));
    for team in [&team, &elsewhere] {
        assert!(team.owner.members(team.org).await?.iter().all(|member| member.user != bo.id()));
    }
    // The address is free.
    let again = serde_json::json!({"email": bo.user.email, "password": PASSWORD, "display_name": "Bo again"});
    world.call(reqwest::Method::POST, "/v1/auth/signup").json(&again).send().await?.done()
}

#[tokio::test]
async fn the_last_owner_of_an_org_hands_it_over_first_and_a_wrong_password_deletes_nothing() -> Result<()> {
    let (team, bo, _) = Team::of_two(&World::shared()?).await?;
    let owner = &team.owner;
    owner.try_delete_account("not the password").await?.refused(ProblemCode::WrongCredentials)?;
    let refused = owner.try_delete_account(PASSWORD).await?.refused(ProblemCode::LastOwner)?;
    assert!(refused.detail.is_some_and(|detail| detail.contains("Acme")));
    owner.me().await?;
    let member = owner.member(team.org, bo.id()).await?.id;
    owner.set_role(team.org, member, Role::Owner).await?.done()?;
    let asked = owner.delete_account().await?;
    owner.deleted(asked.id).await?;
    assert_eq!(bo.members(team.org).await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn of_two_owners_who_leave_at_once_one_stays() -> Result<()> {
    let (team, bo, _) = Team::of_two(&World::shared()?).await?;
    let member = team.owner.member(team.org, bo.id()).await?.id;
    team.owner.set_role(team.org, member, Role::Owner).await?.done()?;
    let both =
        futures::future::join(team.owner.try_delete_account(PASSWORD), bo.try_delete_account(PASSWORD));
    let (one, two) = both.await;
    let answers = [one?, two?];
    let left = answers.iter().filter(|answer| answer.is_success()).count();
    assert_eq!(left, 1, "{answers:?}");
    for answer in answers.iter().filter(|answer| !answer.is_success()) {
        answer.refused(ProblemCode::LastOwner)?;
    }
    Ok(())
}
