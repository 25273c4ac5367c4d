//! Turns that are stopped, seen in the middle, or lose their process.

use anyhow::Result;
use e2e::eventually;
use expect_test::expect;
use slipway_contract::http::chats::TurnState;

use crate::scene::{Scene, shared};
use crate::stage::Stage;

#[tokio::test]
async fn a_stopped_turn_keeps_what_was_said_and_ends_the_provider_s_work() -> Result<()> {
    let (stage, mut scene) = shared(&["oa"]).await?;
    let posted = scene.say("@oa script:hang").await?;
    let turn = scene.turn()?;
    scene.streams(turn, "One piece").await?;
    assert!(stage.fake.is_answering(&scene.title));
    assert_eq!(scene.cancel(turn).await?.state, TurnState::Cancelled);
    assert_eq!(scene.cancel(turn).await?.state, TurnState::Cancelled, "again");
    scene.rest().await?;
    expect![[r#"
        queued oa at depth 0
        oa starts, attempt 1
        oa: One piece (partial)
        owner stopped it after words
    "#]]
    .assert_eq(&scene.told_after(posted.seq));
    eventually("the end of the provider's work", async || {
        Ok((!stage.fake.is_answering(&scene.title)).then_some(()))
    })
    .await
}

#[tokio::test]
async fn a_turn_that_is_stopped_before_its_first_word_leaves_no_message() -> Result<()> {
    let (stage, mut scene) = shared(&["an"]).await?;
    let posted = scene.say("@an script:silent").await?;
    eventually("the call", async || Ok(stage.fake.is_answering(&scene.title).then_some(()))).await?;
    scene.cancel(scene.turn()?).await?;
    scene.rest().await?;
    expect![[r#"
        queued an at depth 0
        an starts, attempt 1
        owner stopped it before any words
    "#]]
    .assert_eq(&scene.told_after(posted.seq));
    eventually("the end of the call", async || Ok((!stage.fake.is_answering(&scene.title)).then_some(())))
        .await
}

#[tokio::test]
async fn somebody_who_comes_in_the_middle_is_told_what_was_said_so_far() -> Result<()> {
    let (_stage, mut scene) = shared(&["oa"]).await?;
    scene.say("@oa script:hang").await?;
    let turn = scene.turn()?;
    scene.streams(turn, "One piece").await?;
    scene.socket = scene.owner().socket(scene.chat, Some(scene.socket.last())).await?;
    scene.streams(turn, "One piece").await?;
    scene.cancel(turn).await.map(drop)
}

#[tokio::test]
async fn a_turn_whose_process_is_killed_in_the_middle_is_answered_once() -> Result<()> {
    let stage = Stage::start(&[])?;
    let mut scene = Scene::open(&stage, &["oa"]).await?;
    let posted = scene.say("@oa script:paused").await?;
    let turn = scene.turn()?;
    scene.streams(turn, "One piece").await?;
    stage.bed().stack.kill_workerd()?;
    stage.fake.resume();
    scene.come_back(posted.seq).await?;
    scene.socket.reach(posted.seq.next()).await?;
    scene.rest().await?;
    expect![[r#"
        queued oa at depth 0
        oa starts, attempt 1
        oa starts, attempt 2
        oa: One piece and the rest.
        oa is done: openai:fake read 12 wrote 7
    "#]]
    .assert_eq(&scene.told_after(posted.seq));
    let log = scene.owner().log(scene.chat).await?;
    assert!(log.ends_with(&scene.socket.events), "the log is what the socket told");
    Ok(())
}

#[tokio::test]
async fn a_turn_whose_process_is_killed_each_time_fails_with_that_reason() -> Result<()> {
    let stage = Stage::start(&[])?;
    let mut scene = Scene::open(&stage, &["oa"]).await?;
    let posted = scene.say("@oa script:hang").await?;
    let turn = scene.turn()?;
    for _ in 0..3 {
        scene.streams(turn, "One piece").await?;
        stage.bed().stack.kill_workerd()?;
        scene.come_back(posted.seq).await?;
        scene.socket.reach(posted.seq.next()).await?;
    }
    scene.rest().await?;
    expect![[r#"
        queued oa at depth 0
        oa starts, attempt 1
        oa starts, attempt 2
        oa starts, attempt 3
        failed: Interrupted: The work was interrupted several times.
    "#]]
    .assert_eq(&scene.told_after(posted.seq));
    Ok(())
}
