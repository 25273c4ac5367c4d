//! What forks are for.

use anyhow::{Context as _, Result};
use e2e::{World, eventually};
use expect_test::expect;
use slipway_contract::events::EventBody;
use slipway_contract::http::forks::{Fork, ForkState};
use slipway_contract::{Actor, ProblemCode, Seq};

use crate::scene::{Scene, count, is_resolved, text};

#[tokio::test]
async fn a_side_discussion_is_drafted_edited_and_lands_in_the_chat() -> Result<()> {
    let scene = Scene::open(&World::shared()?).await?;
    let (ada, bo) = (&scene.ada, &scene.bo);
    let mut socket = bo.socket(scene.chat.id, Some(Seq::START)).await?;
    let said = scene.discuss().await?;
    scene.set_default_agent().await?;
    let asked = bo.draft(scene.fork).await?;
    assert!(asked.drafting.is_some());
    assert_eq!(bo.draft(scene.fork).await?.drafting, asked.drafting, "one draft at a time");
    let draft = scene.drafted().await?;
    let drafted = text(&scene.log().await?, draft)?;
    let numbered = said.iter().enumerate().fold(drafted, |text, (n, message)| {
        text.replace(&format!("[{}]", message.seq()), &format!("[said {}]", n + 1))
    });
    expect![[r#"
        **Decision**

        Then 9090. [said 3]

        **Reasons**

        - Bo: 8080 is taken. [said 1]

        **Open points**

        - Who owns 9090? [said 2]"#]]
    .assert_eq(&numbered);

    let evidence = [said[0], said[2]];
    let accept = || ada.accepting(scene.fork, "We take 9090. @demo", Some(draft), &evidence);
    let resolved: Fork = accept().send().await?.read()?;
    assert_eq!(accept().send().await?.read::<Fork>()?, resolved, "the same again");
    assert_eq!((resolved.state, resolved.message_count), (ForkState::Resolved, 4));
    let Some(resolution) = &resolved.resolution else { anyhow::bail!("no resolution") };
    assert_eq!((resolution.draft, resolution.evidence.as_slice()), (Some(draft), &evidence[..]));
    assert_eq!(resolution.by, Actor::User { id: ada.id() });

    let log = scene.log().await?;
    assert_eq!(text(&log, resolution.message)?, "We take 9090. @demo");
    let [.., end, summary] = log.as_slice() else { anyhow::bail!("the log is short") };
    assert!(is_resolved(&end.body));
    assert_eq!(summary.seq, resolution.message.seq(), "the summary stands right behind, and asks nobody");
    // Of the chat itself there are two messages, whatever was said aside.
    let chat = bo.describe(scene.chat.id).await?;
    assert_eq!((chat.message_count, chat.unread, chat.open_forks), (2, 2, vec![]));
    eventually("the summary in the list", async || {
        let row = bo.summary(&scene.chat).await?;
        Ok(row.filter(|row| row.message_count == 2 && row.preview.starts_with("We take 9090.")))
    })
    .await?;
    // Who listens is told all of it, in order.
    socket.reach(chat.head).await?;
    assert_eq!(socket.events, log);
    // The fork's own log: what is of the chat itself is not in it.
    let own = ada.fork_log(scene.fork).await?;
    let kinds = (count(&own, |body| matches!(body, EventBody::MessagePosted(_))), own.len());
    assert_eq!(kinds, (4, 1 + 3 + 4 + 1), "began, three said, a turn of four events, its end");
    assert!(own.iter().all(|event| log.contains(event)));
    Ok(())
}

#[tokio::test]
async fn an_agent_that_is_asked_in_a_fork_answers_there() -> Result<()> {
    let scene = Scene::open(&World::shared()?).await?;
    scene.bo.post_in(scene.fork, "ask", "@demo echo: here").await?;
    eventually("the answer", async || {
        let fork = scene.stands().await?;
        Ok((fork.message_count == 2).then_some(()))
    })
    .await?;
    let log = scene.log().await?;
    let answers = count(
        &log,
        |body| matches!(body, EventBody::MessagePosted(said) if said.text == "here" && said.fork == Some(scene.fork)),
    );
    assert_eq!(answers, 1);
    assert_eq!(scene.ada.describe(scene.chat.id).await?.message_count, 1);
    // What happens to a message of the fork is in the fork's log too.
    let own = scene.ada.fork_log(scene.fork).await?;
    let said = own.iter().find_map(|event| {
        let EventBody::MessagePosted(said) = &event.body else { return None };
        Some(said.message)
    });
    let message = said.context("nothing was said")?;
    scene.bo.react(message, "👍", true).await?.done()?;
    scene.bo.edit(message, "changed").await?.done()?;
    assert_eq!(scene.ada.fork_log(scene.fork).await?.len(), own.len() + 2);
    Ok(())
}

#[tokio::test]
async fn what_is_said_aside_leaves_the_list_and_unread_counts_as_they_were() -> Result<()> {
    let scene = Scene::open(&World::shared()?).await?;
    let (ada, bo) = (&scene.ada, &scene.bo);
    let mut socket = ada.socket(scene.chat.id, None).await?;
    let before = (bo.describe(scene.chat.id).await?, ada.describe(scene.chat.id).await?);
    scene.discuss().await?;
    let after = (bo.describe(scene.chat.id).await?, ada.describe(scene.chat.id).await?);
    assert_eq!((after.0.unread, after.1.unread), (before.0.unread, before.1.unread));
    assert_eq!((after.0.read, after.0.message_count), (before.0.read, 1));
    socket.reach(after.0.head).await?;
    // The index follows a quiet chat at once; the next message of the chat itself is the next that it tells.
    bo.post(scene.chat.id, "second", "Back to the point.").await?;
    let row = eventually("the message in the list", async || {
        Ok(ada.summary(&scene.chat).await?.filter(|row| row.preview == "Back to the point."))
    });
    let row = row.await?;
    assert_eq!((row.message_count, row.unread), (2, 1));
    Ok(())
}

#[tokio::test]
async fn without_an_agent_people_write_the_summary_themselves() -> Result<()> {
    let scene = Scene::open(&World::shared()?).await?;
    let fork = scene.bo.draft(scene.fork).await?;
    assert_eq!((fork.drafting, fork.draft), (None, None));
    let resolved: Fork = scene.bo.accepting(scene.fork, "By hand.", None, &[]).send().await?.read()?;
    assert_eq!(resolved.state, ForkState::Resolved);
    scene.bo.posting_in(scene.fork, "late", "late").send().await?.refused(ProblemCode::ForkEnded)?;
    scene.bo.fork_call(scene.fork, "resolve").send().await?.refused(ProblemCode::ForkEnded)?;
    scene.bo.fork_call(scene.fork, "abandon").send().await?.refused(ProblemCode::ForkEnded)?;
    Ok(())
}
