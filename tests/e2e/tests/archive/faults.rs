//! An archive that is met in the middle: by the end of its process after any of its steps, by somebody who opens the chat,
//! and by bytes that are not what they were.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use e2e::{Person, eventually};
use serde_json::Value;
use slipway_contract::ProblemCode;
use slipway_contract::http::chats::Chat;
use tokio::task::block_in_place;
use xtask::testbed::Testbed;

use crate::scene::{Scene, kept, own_stack, sweep};
use crate::snag::Snag;

/// kill -9 while somebody is held.
async fn killed(bed: &mut Testbed, snag: Snag) -> Result<()> {
    snag.caught().await?;
    block_in_place(|| bed.stack.kill_workerd())?;
    snag.release().await
}

/// What somebody sees once somebody answers again.
async fn seen_again(scene: &Scene, person: &Person) -> Result<Value> {
    eventually("an answer", async || {
        let path = format!("/v1/chats/{}", scene.chat.id);
        let Some(answer) = person.call(reqwest::Method::GET, &path).try_send().await? else {
            return Ok(None);
        };
        Ok((answer.status != 503).then_some(()))
    })
    .await?;
    scene.seen_by(person).await
}

/// Whoever was at it is gone; sweeps go on until nothing stands in the middle.
async fn settled(bed: &mut Testbed, scene: &Scene, archives: usize) -> Result<()> {
    eventually("archives at rest", async || {
        scene.forget_leases().await?;
        sweep(bed)?;
        Ok((kept(bed, scene.chat.id)?.len() == archives).then_some(()))
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_dies_before_the_wipe_leaves_the_chat_whole_and_no_rest_of_an_archive() -> Result<()> {
    let (mut bed, scene) = own_stack().await?;
    let before = scene.seen_by(&scene.bo).await?;
    // All of it is in R2, and nobody noted that: it is thrown away.
    let snag = Snag::set(&bed, "verifying").await?;
    scene.archive().await?;
    killed(&mut bed, snag).await?;
    assert_eq!(seen_again(&scene, &scene.bo).await?, before);
    settled(&mut bed, &scene, 0).await?;
    // Refused by the chat, with the row still there.
    let socket = scene.bo.socket(scene.chat.id, None).await?;
    let snag = Snag::set(&bed, "gone").await?;
    let asked = scene.archiving(&scene.ada);
    let asked = tokio::spawn(async move { asked.try_send().await });
    killed(&mut bed, snag).await?;
    drop((socket, asked.await??));
    assert_eq!(seen_again(&scene, &scene.bo).await?, before);
    scene.forget_leases().await?;
    sweep(&mut bed)?;
    scene.away().await?;
    assert_eq!(scene.seen_by(&scene.bo).await?, before);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_dies_after_the_proof_is_followed_by_the_sweep() -> Result<()> {
    for state in ["wiping", "archived"] {
        let (mut bed, scene) = own_stack().await?;
        let before = scene.seen_by(&scene.bo).await?;
        let snag = Snag::set(&bed, state).await?;
        scene.archive().await?;
        killed(&mut bed, snag).await?;
        scene.forget_leases().await?;
        eventually("the end of the way", async || {
            sweep(&mut bed)?;
            let row = scene.ada.summary(&scene.chat).await?;
            Ok(row.filter(|row| row.archived).map(drop))
        })
        .await
        .with_context(|| format!("held before {state}"))?;
        assert_eq!(kept(&bed, scene.chat.id)?.len(), 1, "{state}");
        assert_eq!(seen_again(&scene, &scene.bo).await?, before, "{state}");
        scene.listed(false).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chat_that_is_opened_before_its_wipe_is_noted_is_whole_and_listed_so() -> Result<()> {
    let (mut bed, scene) = own_stack().await?;
    let before = scene.seen_by(&scene.bo).await?;
    let snag = Snag::set(&bed, "archived").await?;
    scene.archive().await?;
    snag.caught().await?;
    // Its rows are given up, and nobody knows yet.
    assert_eq!(scene.seen_by(&scene.bo).await?, before);
    snag.release().await?;
    scene.listed(false).await?;
    scene.forget_leases().await?;
    sweep(&mut bed)?;
    scene.listed(false).await?;
    assert_eq!(scene.seen_by(&scene.bo).await?, before);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chat_whose_return_nobody_could_note_is_noted_later() -> Result<()> {
    let (mut bed, scene) = own_stack().await?;
    let before = scene.seen_by(&scene.bo).await?;
    scene.away().await?;
    let snag = Snag::set(&bed, "restored").await?;
    let (bo, chat) = (scene.bo.clone(), scene.chat.id);
    // Whether it is answered before the return is noted is the object's own affair.
    let opened =
        tokio::spawn(
            async move { bo.call(reqwest::Method::GET, &format!("/v1/chats/{chat}")).try_send().await },
        );
    killed(&mut bed, snag).await?;
    if let Some(answer) = opened.await??.filter(e2e::Answer::is_success) {
        let told: Chat = answer.read()?;
        assert_eq!(told.id, chat);
    }
    assert_eq!(seen_again(&scene, &scene.bo).await?, before);
    scene.listed(false).await?;
    // It can leave again.
    scene.away().await?;
    assert_eq!(scene.seen_by(&scene.bo).await?, before);
    Ok(())
}

pub(crate) fn flip(file: &Path, place: usize) -> Result<()> {
    let mut bytes = fs::read(file)?;
    *bytes.get_mut(place).context("the object is shorter")? ^= 1;
    Ok(fs::write(file, bytes)?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_what_was_put_there_is_refused_and_kept() -> Result<()> {
    let (mut bed, scene) = own_stack().await?;
    let before = scene.seen_by(&scene.bo).await?;
    scene.away().await?;
    let archive = kept(&bed, scene.chat.id)?.pop().context("R2 has no archive")?;
    let part = archive.parts.first().context("no part")?;
    let earlier = format!("/v1/chats/{}/events?before=9", scene.chat.id);
    for (file, place) in [(part, 40), (&archive.manifest, 10)] {
        flip(file, place)?;
        for _ in 0..2 {
            let posted = scene.bo.posting(scene.chat.id, "lost", "Is anybody here?").send().await?;
            let problem = posted.refused(ProblemCode::ArchiveDamaged)?;
            ensure!(problem.detail.is_some(), "it does not say what is wrong");
            scene.bo.get(&earlier).await?.refused(ProblemCode::ArchiveDamaged)?;
        }
        // Nothing is thrown away because of that.
        scene.forget_leases().await?;
        sweep(&mut bed)?;
        scene.listed(true).await?;
        flip(file, place)?;
    }
    // Cut short: R2 itself may notice, and then it may be tried again.
    let whole = fs::read(part)?;
    fs::write(part, whole.get(..whole.len() / 2).context("an empty part")?)?;
    let refused = scene.bo.get(&earlier).await?.problem()?.code;
    ensure!(matches!(refused, ProblemCode::ArchiveDamaged | ProblemCode::Unavailable), "{refused:?}");
    fs::write(part, whole)?;
    // As it was, it comes back as it was.
    assert_eq!(scene.seen_by(&scene.bo).await?, before);
    scene.listed(false).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_archive_that_is_damaged_before_the_wipe_is_thrown_away_and_the_chat_stays() -> Result<()> {
    let (mut bed, scene) = own_stack().await?;
    let before = scene.seen_by(&scene.bo).await?;
    // The proof is over, and is made again by whoever goes on: what it noted is lost.
    let snag = Snag::set(&bed, "wiping").await?;
    scene.archive().await?;
    snag.caught().await?;
    let archive = kept(&bed, scene.chat.id)?.pop().context("R2 has no archive")?;
    flip(archive.parts.first().context("no part")?, 40)?;
    killed(&mut bed, snag).await?;
    eventually("the end of the archive", async || {
        scene.forget_leases().await?;
        sweep(&mut bed)?;
        Ok((!archive.manifest.exists()).then_some(()))
    })
    .await?;
    scene.listed(false).await?;
    assert_eq!(seen_again(&scene, &scene.bo).await?, before);
    Ok(())
}
