//! What an org keeps no longer goes by itself.

use anyhow::Result;
use e2e::eventually;
use slipway_contract::ProblemCode;
use slipway_contract::http::retention::Retention;

use crate::scene::{Own, Scene};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_older_than_the_org_keeps_goes_and_the_rest_stays() -> Result<()> {
    let mut own = Own::start()?;
    let scene = Scene::set(&own.world).await?;
    let (owner, org) = (&scene.team.owner, scene.team.org);
    assert_eq!(owner.retention(org).await?, Retention::default());
    let keeps = Retention { chat_days: Some(30), artifact_days: Some(7) };
    scene.bo.try_retain(org, keeps).await?.refused(ProblemCode::Forbidden)?;
    for (wrong, field) in [
        (Retention { chat_days: Some(0), ..keeps }, "chat_days"),
        (Retention { artifact_days: Some(3_651), ..keeps }, "artifact_days"),
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
