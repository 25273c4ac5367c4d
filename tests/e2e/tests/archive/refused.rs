//! R2 refuses what is written to it: nothing is lost by that, and nothing half is left of it.

use anyhow::{Result, ensure};
use e2e::{Refusing, eventually};
use slipway_contract::http::chats::ArchivePhase;
use xtask::testbed::Testbed;

use crate::scene::{Scene, kept, own_stack, sweep};

/// How many archives of the chat stand so.
async fn standing(scene: &Scene, state: &str) -> Result<u64> {
    let rows = format!("SELECT FROM chat_archives WHERE chat_id = $1 AND state LIKE '{state}'");
    scene.ada.world.sql(&rows, &scene.chat.id.to_string()).await
}

/// Nothing of any archive is left, in R2 or in rows, once the sweeps ran.
async fn nothing_left(bed: &mut Testbed, scene: &Scene) -> Result<()> {
    eventually("the end of what was given up", async || {
        scene.forget_leases().await?;
        sweep(bed)?;
        Ok((standing(scene, "%").await? == 0).then_some(()))
    })
    .await?;
    ensure!(kept(bed, scene.chat.id)?.is_empty(), "R2 has a rest of an archive");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_archive_that_r2_does_not_take_leaves_the_chat_as_it_is_and_the_next_is_made() -> Result<()> {
    let (mut bed, scene) = own_stack().await?;
    let other = scene.ada.chat(scene.team.org, scene.team.channel, "Other").await?;
    scene.ada.attach(other.id, "plan.txt", b"R2 has something").await?;
    let before = scene.seen_by(&scene.bo).await?;

    let refusing = Refusing::begin(&bed)?;
    scene.archive().await?;
    eventually("an archive that was given up", async || {
        Ok((standing(&scene, "removing").await? == 1).then_some(()))
    })
    .await?;
    ensure!(standing(&scene, "%").await? == 1, "another archive stands in the way");
    assert_eq!(scene.seen_by(&scene.bo).await?, before);
    scene.listed(false).await?;
    scene.bo.post(scene.chat.id, "meanwhile", "I am still here.").await?;
    let before = scene.seen_by(&scene.bo).await?;
    sweep(&mut bed)?;
    scene.listed(false).await?;

    drop(refusing);
    nothing_left(&mut bed, &scene).await?;
    assert_eq!(scene.seen_by(&scene.bo).await?, before);
    scene.away().await?;
    assert_eq!(kept(&bed, scene.chat.id)?.len(), 1);
    let again = crate::scene::accepted(&scene.archiving(&scene.ada).send().await?)?;
    assert_eq!(again.state, ArchivePhase::Archived);
    assert_eq!(scene.seen_by(&scene.bo).await?, before);
    scene.listed(false).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_r2_does_not_let_go_of_is_known_of_and_goes_later() -> Result<()> {
    let (mut bed, scene) = own_stack().await?;
    let before = scene.seen_by(&scene.bo).await?;
    scene.away().await?;
    assert_eq!(scene.seen_by(&scene.bo).await?, before);
    scene.listed(false).await?;
    let week = "UPDATE chat_archives SET restored_at = restored_at - interval '7 days' WHERE chat_id = $1";
    scene.ada.world.sql(week, &scene.chat.id.to_string()).await?;

    let refusing = Refusing::begin(&bed)?;
    eventually("an archive that shall go", async || {
        scene.forget_leases().await?;
        sweep(&mut bed)?;
        Ok((standing(&scene, "removing").await? == 1).then_some(()))
    })
    .await?;
    scene.forget_leases().await?;
    sweep(&mut bed)?;
    assert_eq!((standing(&scene, "removing").await?, kept(&bed, scene.chat.id)?.len()), (1, 1));
    assert_eq!(scene.seen_by(&scene.bo).await?, before);

    drop(refusing);
    nothing_left(&mut bed, &scene).await?;
    assert_eq!(scene.seen_by(&scene.bo).await?, before);
    Ok(())
}
