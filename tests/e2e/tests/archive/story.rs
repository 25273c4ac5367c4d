//! A chat leaves, and comes back as if it had not.

use anyhow::{Result, ensure};
use e2e::eventually;
use slipway_contract::ProblemCode;
use slipway_contract::http::chats::ArchivePhase;

use crate::scene::{accepted, kept, own_stack, sweep, swept_away};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chat_that_nobody_used_for_days_leaves_and_comes_back_as_it_was() -> Result<()> {
    let (mut bed, scene) = own_stack().await?;
    let (before, by_bo) = (scene.seen_by(&scene.ada).await?, scene.seen_by(&scene.bo).await?);
    // Today it stays.
    sweep(&mut bed)?;
    assert!(kept(&bed, scene.chat.id)?.is_empty());
    swept_away(&mut bed, &scene).await?;
    let kept_now = kept(&bed, scene.chat.id)?;
    ensure!(kept_now.len() == 1 && kept_now.iter().all(|one| !one.parts.is_empty()), "R2 has no archive");
    // It is left alone now.
    sweep(&mut bed)?;
    assert_eq!(kept(&bed, scene.chat.id)?.len(), 1);

    // Somebody else opens it.
    assert_eq!(scene.seen_by(&scene.bo).await?, by_bo);
    assert_eq!(scene.seen_by(&scene.ada).await?, before);
    scene.listed(false).await?;
    let head = scene.ada.describe(scene.chat.id).await?.head;
    let next = scene.bo.post(scene.chat.id, "after", "I am back.").await?;
    assert_eq!(next.seq, head.next());
    // What was said before it left was said: the same again is the same message.
    let again = scene.ada.post(scene.chat.id, "1", "Which port is free?").await?;
    ensure!(again.seq < head, "a message was posted twice");

    // Opening it counts as use: it does not leave again at once, nor does the archive go yet.
    sweep(&mut bed)?;
    scene.listed(false).await?;
    assert_eq!(kept(&bed, scene.chat.id)?.len(), 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newer_archive_takes_the_place_of_the_older_and_a_week_ends_the_last() -> Result<()> {
    let (mut bed, scene) = own_stack().await?;
    scene.away().await?;
    scene.bo.post(scene.chat.id, "more", "One thing more.").await?;
    scene.listed(false).await?;
    let before = scene.seen_by(&scene.bo).await?;
    scene.away().await?;
    scene.forget_leases().await?;
    eventually("the end of the older archive", async || {
        sweep(&mut bed)?;
        Ok((kept(&bed, scene.chat.id)?.len() == 1).then_some(()))
    })
    .await?;
    assert_eq!(scene.seen_by(&scene.bo).await?, before);
    scene.listed(false).await?;
    let week =
        "UPDATE chat_archives SET restored_at = restored_at - interval '7 days', lease_until = begun_at
                 WHERE chat_id = $1";
    scene.ada.world.sql(week, &scene.chat.id.to_string()).await?;
    eventually("the end of the archive", async || {
        sweep(&mut bed)?;
        Ok(kept(&bed, scene.chat.id)?.is_empty().then_some(()))
    })
    .await?;
    assert_eq!(scene.seen_by(&scene.bo).await?, before);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_asks_at_once_or_again_gets_the_same_archive() -> Result<()> {
    let (bed, scene) = own_stack().await?;
    let before = scene.seen_by(&scene.bo).await?;
    // Nothing is in the way any more: the way there and back was gone once.
    scene.away().await?;
    assert_eq!(scene.seen_by(&scene.bo).await?, before);
    scene.listed(false).await?;
    let (one, other) = tokio::join!(scene.archiving(&scene.ada).send(), scene.archiving(&scene.ada).send());
    let mut begun = Vec::new();
    for answer in [one?, other?] {
        // Who comes so late that the chat has left brings it back by asking it who they are.
        if answer.is_success() {
            begun.push(accepted(&answer)?.archive);
        } else {
            answer.refused(ProblemCode::ArchiveBlocked)?;
        }
    }
    ensure!(!begun.is_empty(), "nobody could archive it");
    let (one, other) = tokio::join!(scene.seen_by(&scene.bo), scene.seen_by(&scene.bo));
    assert_eq!((one?, other?), (before.clone(), before.clone()));

    let status = scene.away().await?;
    let again = accepted(&scene.archiving(&scene.ada).send().await?)?;
    assert_eq!((again.archive, again.state), (status.archive, ArchivePhase::Archived));
    // That did not bring it back.
    scene.listed(true).await?;
    ensure!(!kept(&bed, scene.chat.id)?.is_empty(), "R2 has no archive");
    let (one, other) = tokio::join!(scene.seen_by(&scene.bo), scene.seen_by(&scene.ada));
    assert_eq!(one?, before);
    other.map(drop)
}
