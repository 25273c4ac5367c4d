//! What an org keeps no longer goes by itself.

use anyhow::{Context as _, Result};
use e2e::{Team, eventually};
use sha2::{Digest as _, Sha256};
use slipway_contract::events::{Event, EventBody};
use slipway_contract::http::retention::Retention;
use slipway_contract::{MessageId, ProblemCode, TurnId};

use crate::aged::age;
use crate::scene::{Own, Scene};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_older_than_the_org_keeps_goes_and_the_rest_stays() -> Result<()> {
    let mut own = Own::start()?;
    let scene = Scene::set(&own.world).await?;
    let (owner, org) = (&scene.team.owner, scene.team.org);
    assert_eq!(owner.retention(org).await?, Retention::default());
    let keeps = Retention { chat_days: Some(30), artifact_days: Some(7), ..Retention::default() };
    scene.bo.try_retain(org, keeps).await?.refused(ProblemCode::Forbidden)?;
    for (wrong, field) in [
        (Retention { chat_days: Some(0), ..keeps }, "chat_days"),
        (Retention { artifact_days: Some(3_651), ..keeps }, "artifact_days"),
        (Retention { attachment_days: Some(0), ..keeps }, "attachment_days"),
        (Retention { audit_days: Some(89), ..keeps }, "audit_days"),
        (Retention { turn_days: Some(0), ..keeps }, "turn_days"),
    ] {
        let refused = owner.try_retain(org, wrong).await?.refused(ProblemCode::InvalidField)?;
        assert_eq!(refused.field.as_deref(), Some(field));
    }
    owner.try_retain(org, keeps).await?.done()?;
    assert_eq!(owner.retention(org).await?, keeps);
    let young = scene.team.chat("Young", &[&scene.bo]).await?;

    // Nothing is old yet.
    own.sweep()?;
    owner.describe(scene.chat.id).await?;
    scene.bo.get(&format!("/v1/artifacts/{}", scene.artifact.id)).await?.done()?;

    let artifact = scene.artifact.id.to_string();
    own.world
        .sql("UPDATE artifacts SET created_at = now() - interval '8 days' WHERE artifact_id = $1", &artifact)
        .await?;
    own.sweep()?;
    scene.bo.get(&format!("/v1/artifacts/{artifact}")).await?.refused(ProblemCode::NotFound)?;
    assert!(!own.keeps(&scene.artifact.sha256)?);
    owner.describe(scene.chat.id).await?;

    let aged = "UPDATE chats SET active_at = now() - interval '31 days', last_message_at = now() - interval '31 days'
                 WHERE chat_id = $1";
    eventually("the old chat is gone", async || {
        // Again each time: what the chat tells the index late makes it young again.
        own.world.sql(aged, &scene.chat.id.to_string()).await?;
        own.pass_time().await?;
        own.sweep()?;
        let left = own.world.sql("SELECT FROM chats WHERE chat_id = $1", &scene.chat.id.to_string()).await?;
        Ok((left == 0).then_some(()))
    })
    .await?;
    scene.is_nowhere().await?;
    owner.describe(young.id).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_too_old_goes_and_its_message_still_names_it() -> Result<()> {
    const FILE: &[u8] = b"a file that its org keeps for a week";
    let digest: String = Sha256::digest(FILE).iter().map(|byte| format!("{byte:02x}")).collect();
    let mut own = Own::start()?;
    let (team, bo, chat) = Team::of_two(&own.world).await?;
    let file = bo.attach(chat.id, "plan.txt", FILE).await?;
    bo.post_files(chat.id, "with", "Here it is.", &[file.id]).await?;
    let keeps = Retention { attachment_days: Some(7), ..Retention::default() };
    team.owner.try_retain(team.org, keeps).await?.done()?;
    own.sweep()?;
    bo.link(file.id).await?;
    assert!(own.keeps(&digest)?);

    let aged = "UPDATE attachments SET created_at = now() - interval '8 days' WHERE attachment_id = $1";
    own.world.sql(aged, &file.id.to_string()).await?;
    eventually("the file is gone", async || {
        own.pass_time().await?;
        own.sweep()?;
        Ok((!own.keeps(&digest)?).then_some(()))
    })
    .await?;
    bo.linking(file.id).send().await?.refused(ProblemCode::NotFound)?;
    let log = bo.log(chat.id).await?;
    let names: Vec<&str> = log
        .iter()
        .filter_map(|event| if let EventBody::MessagePosted(said) = &event.body { Some(said) } else { None })
        .flat_map(|said| said.attachments.iter().map(|file| file.name.as_str()))
        .collect();
    assert_eq!(names, ["plan.txt"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entries_of_the_audit_log_that_are_too_old_go_and_the_log_says_so_once() -> Result<()> {
    let mut own = Own::start()?;
    let team = own.world.team("Acme").await?;
    let org = team.org.to_string();
    let keeps = Retention { audit_days: Some(90), ..Retention::default() };
    team.owner.try_retain(team.org, keeps).await?.done()?;
    let old = "SELECT FROM audit WHERE org_id = $1 AND action <> 'audit.expired'";
    let told = "SELECT FROM audit WHERE org_id = $1 AND action = 'audit.expired' AND actor = 'system'";
    own.sweep()?;
    let entries = own.world.sql(old, &org).await?;
    assert!(entries > 0 && own.world.sql(told, &org).await? == 0, "nothing is old yet");

    own.world.sql("UPDATE audit SET at = now() - interval '91 days' WHERE org_id = $1", &org).await?;
    for _ in 0..2 {
        own.pass_time().await?;
        own.sweep()?;
        assert_eq!((own.world.sql(old, &org).await?, own.world.sql(told, &org).await?), (0, 1));
    }
    Ok(())
}

/// What the log has of a turn: its calls, what they answered, what the agent was given; each with its mark.
fn done_in(log: &[Event], wanted: TurnId) -> Vec<String> {
    let done = |event: &Event| {
        if let EventBody::ToolCalled { turn, call, forgotten } = &event.body {
            return Some((*turn, format!("{} {} {forgotten}", call.name, call.arguments)));
        }
        if let EventBody::ToolReturned { turn, result, forgotten } = &event.body {
            return Some((*turn, format!("{:?} {forgotten}", result.content)));
        }
        let EventBody::TurnCompleted { turn, receipt, forgotten, .. } = &event.body else { return None };
        Some((*turn, format!("receipt {} {forgotten}", receipt.is_some())))
    };
    log.iter().filter_map(done).filter(|(turn, _)| *turn == wanted).map(|(_, told)| told).collect()
}

fn turn_of(log: &[Event], asked: MessageId) -> Option<TurnId> {
    log.iter().find_map(|event| {
        let EventBody::TurnQueued { turn, cause, .. } = event.body else { return None };
        (cause == asked).then_some(turn)
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_agents_did_in_old_turns_goes_from_the_log_and_their_answers_stay() -> Result<()> {
    let mut own = Own::start()?;
    let (team, bo, _, chat) = Team::with_agent(&own.world).await?;
    let asked = bo.post(chat.id, "ended", "@demo call: list_participants").await?.message;
    let ended = eventually("the end of a turn", async || {
        let log = bo.log(chat.id).await?;
        let turn = turn_of(&log, asked).context("no turn was queued")?;
        Ok((done_in(&log, turn).len() == 3).then_some(turn))
    })
    .await?;
    let asked = team.owner.post(chat.id, "open", "@demo run: ls").await?.message;
    let open = eventually("a turn that waits", async || {
        let log = bo.log(chat.id).await?;
        let turn = turn_of(&log, asked).context("no turn was queued")?;
        let waits = log.iter().any(
            |event| matches!(event.body, EventBody::ApprovalRequested { turn: Some(of), .. } if of == turn),
        );
        Ok(waits.then_some(turn))
    })
    .await?;
    let keeps = Retention { turn_days: Some(30), ..Retention::default() };
    team.owner.try_retain(team.org, keeps).await?.done()?;
    own.sweep()?;
    let before = bo.log(chat.id).await?;
    let young = done_in(&before, ended);
    assert!(young.iter().all(|one| one.ends_with("false")) && young.len() == 3, "{young:?}");

    age(&mut own).await?;
    let after = eventually("what was done is forgotten", async || {
        own.pass_time().await?;
        own.sweep()?;
        // A connection that died with the stack may fail once more.
        let Ok(log) = bo.log(chat.id).await else { return Ok(None) };
        Ok(done_in(&log, ended).iter().all(|one| one.ends_with("true")).then_some(log))
    })
    .await?;
    assert_eq!(
        done_in(&after, ended),
        ["list_participants {} true", r#""" true"#, "receipt false true"],
        "the events stay"
    );
    assert_eq!(done_in(&after, open), done_in(&before, open), "a turn that is open keeps everything");
    let said = |log: &[Event]| -> Vec<String> {
        let texts = log.iter().filter_map(|event| {
            if let EventBody::MessagePosted(said) = &event.body { Some(said.text.clone()) } else { None }
        });
        texts.collect()
    };
    assert_eq!(said(&after), said(&before), "so do the answers");

    // Asked again from the beginning, it has nothing more to forget.
    own.world.sql("UPDATE chats SET turns_asked = NULL, turns_seen = 0 WHERE chat_id <> $1", "").await?;
    own.pass_time().await?;
    own.sweep()?;
    assert_eq!(own.world.sql("SELECT FROM chats WHERE turns_seen = 0 AND chat_id <> $1", "").await?, 0);
    assert_eq!(bo.log(chat.id).await?, after);
    Ok(())
}
