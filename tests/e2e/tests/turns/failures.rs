//! Providers that break in every way that they know, and settings that do not fit. Each failure has one reason.

use anyhow::Result;
use expect_test::{Expect, expect};
use futures::future::try_join_all;
use serde_json::json;

use crate::scene::{Scene, check, check_on, shared};
use crate::stage::Stage;

#[tokio::test]
async fn too_many_requests_are_waited_out() -> Result<()> {
    check(
        "oa",
        "script:once-429",
        expect![[r#"
        queued oa at depth 0
        oa starts, attempt 1
        oa starts, attempt 2
        oa: You said: Crew Owner: @oa script:once-429
        oa is done: openai:fake read 12 wrote 7
    "#]],
    )
    .await?;
    check(
        "an",
        "script:once-429",
        expect![[r#"
        queued an at depth 0
        an starts, attempt 1
        an starts, attempt 2
        an: You said: Crew Owner: @an script:once-429
        an is done: anthropic:fake read 12 wrote 7
    "#]],
    )
    .await
}

/// One attempt, and how it ends.
async fn fails_at_once(script: &str, expect: Expect) -> Result<()> {
    let (stage, mut scene) = shared(&["oa"]).await?;
    let posted = scene.say(&format!("@oa script:{script}")).await?;
    scene.rest().await?;
    expect.assert_eq(&scene.told_after(posted.seq));
    assert_eq!(calls(&stage, &scene), 1);
    Ok(())
}

fn calls(stage: &Stage, scene: &Scene) -> usize {
    stage.fake.calls().iter().filter(|call| call.body.to_string().contains(&scene.title)).count()
}

#[tokio::test]
async fn what_no_further_attempt_can_mend_fails_at_once() -> Result<()> {
    fails_at_once(
        "401",
        expect![[r#"
        queued oa at depth 0
        oa starts, attempt 1
        failed: Authentication: The provider did not accept the key: check the key of `openai`.
    "#]],
    )
    .await?;
    fails_at_once(
        "400",
        expect![[r#"
        queued oa at depth 0
        oa starts, attempt 1
        failed: ContextTooLong: The conversation is too long for this model.
    "#]],
    )
    .await?;
    fails_at_once(
        "404",
        expect![[r#"
        queued oa at depth 0
        oa starts, attempt 1
        failed: NotConfigured: The provider does not know this model: check the agent's model.
    "#]],
    )
    .await
}

/// Three attempts, no message of the agent, one reason.
async fn fails_after_all_attempts(script: &str) -> Result<String> {
    let (stage, mut scene) = shared(&["an"]).await?;
    let posted = scene.say(&format!("@an script:{script}")).await?;
    scene.rest().await?;
    assert_eq!(calls(&stage, &scene), 3, "{script}");
    let told = scene.told_after(posted.seq);
    let begun = "queued an at depth 0\nan starts, attempt 1\nan starts, attempt 2\nan starts, attempt 3\n";
    Ok(format!("{script:<9} {}", told.strip_prefix(begun).unwrap_or(&told)))
}

#[tokio::test]
async fn a_provider_that_stays_broken_fails_after_three_attempts() -> Result<()> {
    let scripts = ["500", "503", "broken", "truncated", "garbage", "error"];
    let told = try_join_all(scripts.map(fails_after_all_attempts)).await?;
    expect![[r#"
        500       failed: ProviderUnavailable: The provider failed.
        503       failed: ProviderUnavailable: The provider has no capacity for now.
        broken    failed: ProviderUnavailable: The answer ended early.
        truncated failed: ProviderUnavailable: The answer ended early.
        garbage   failed: ProviderUnavailable: An event could not be read.
        error     failed: ProviderUnavailable: The provider has no capacity for now.
    "#]]
    .assert_eq(&told.concat());
    Ok(())
}

#[tokio::test]
async fn a_provider_that_falls_silent_is_given_up() -> Result<()> {
    let stage = Stage::start(&[("MODEL_FIRST_BYTE_MS", "300"), ("MODEL_SILENCE_MS", "300")])?;
    let hangs = check_on(
        &stage,
        "oa",
        "script:hang",
        expect![[r#"
        queued oa at depth 0
        oa starts, attempt 1
        oa starts, attempt 2
        oa starts, attempt 3
        failed: ProviderUnavailable: The provider stopped in the middle of its answer.
    "#]],
    );
    let silent = check_on(
        &stage,
        "an",
        "script:silent",
        expect![[r#"
        queued an at depth 0
        an starts, attempt 1
        an starts, attempt 2
        an starts, attempt 3
        failed: ProviderUnavailable: The provider did not answer in time.
    "#]],
    );
    tokio::try_join!(hangs, silent).map(drop)
}

#[tokio::test]
async fn a_provider_without_settings_tells_an_admin_what_to_set() -> Result<()> {
    let unset = ["OPENAI_BASE_URL", "OPENAI_API_KEY", "ANTHROPIC_BASE_URL", "ANTHROPIC_API_KEY"];
    let stage = Stage::start(&unset.map(|name| (name, "")))?;
    check_on(&stage, "oa", "hello", expect![[r#"
        queued oa at depth 0
        oa starts, attempt 1
        failed: NotConfigured: Models of `openai` are not set up: set OPENAI_API_KEY, or OPENAI_BASE_URL for a server of your own, to use this provider.
    "#]]).await?;
    check_on(&stage, "an", "hello", expect![[r#"
        queued an at depth 0
        an starts, attempt 1
        failed: NotConfigured: Models of `anthropic` are not set up: set ANTHROPIC_API_KEY to use this provider.
    "#]]).await?;
    check_on(
        &stage,
        "demo",
        "hello",
        expect![[r#"
            queued demo at depth 0
            demo starts, attempt 1
            demo: Hello Crew Owner! I am the built-in demo model of Slipway. Write `help` to see what I can do.
            demo is done: demo read 316 wrote 19
        "#]],
    )
    .await
}

#[tokio::test]
async fn an_agent_that_was_switched_off_does_not_answer() -> Result<()> {
    let (_stage, mut scene) = shared(&["oa"]).await?;
    scene.change("oa", json!({"enabled": false})).await?;
    let posted = scene.say("@oa hello").await?;
    scene.rest().await?;
    expect![[r#"
        queued oa at depth 0
        oa starts, attempt 1
        failed: AgentUnavailable: The agent was removed or switched off.
    "#]]
    .assert_eq(&scene.told_after(posted.seq));
    Ok(())
}

#[tokio::test]
async fn a_turn_outlasts_an_outage_of_the_database() -> Result<()> {
    let stage = Stage::start(&[])?;
    let mut scene = Scene::open(&stage, &["demo"]).await?;
    stage.bed().postgres.stop();
    let posted = scene.say("@demo echo: still here").await?;
    // Straight, the first attempt is made in vain, and further ones follow after 1 and 4 s. A pooler holds the first one's
    // statement until the database is back. Either way the answer comes, once.
    stage.bed().postgres.start_again()?;
    scene.rest().await?;
    let told = scene.told_after(posted.seq);
    assert_eq!(told.matches("demo: still here\n").count(), 1, "{told}");
    assert!(told.contains("demo is done"), "{told}");
    Ok(())
}
