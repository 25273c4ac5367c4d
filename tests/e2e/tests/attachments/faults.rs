//! What is left when the Workers die in the middle, when nobody posts a file, and when its message is deleted.

use anyhow::{Result, ensure};
use e2e::person_attachments::open;
use e2e::world::Call;
use e2e::{Answer, Refusing, Team, World, eventually};
use slipway_contract::http::attachments::{Attachment, AttachmentUpload};
use slipway_contract::limits::ATTACHMENT_PART_BYTES;
use slipway_contract::{AttachmentId, ProblemCode};
use tokio::task::block_in_place;
use xtask::testbed::{Options, Testbed};
use xtask::workers::Worker;

/// The orchestrator's clock.
const MINUTELY: &str = "* * * * *";

async fn own_stack() -> Result<(Testbed, World)> {
    let bed = block_in_place(|| Testbed::start(Options::default()))?;
    let world = World::of(&bed)?;
    Ok((bed, world))
}

async fn rows(world: &World, id: AttachmentId) -> Result<u64> {
    world.sql("SELECT 1 FROM attachments WHERE attachment_id = $1", &id.to_string()).await
}

/// It was begun two days ago.
async fn age(world: &World, id: AttachmentId) -> Result<()> {
    let older = "UPDATE attachments SET created_at = created_at - interval '2 days' WHERE attachment_id = $1";
    ensure!(world.sql(older, &id.to_string()).await? == 1);
    Ok(())
}

/// The answer to a call that can be made again, of a stack that comes back.
async fn answered(call: impl Fn() -> Call) -> Result<Answer> {
    eventually("an answer", async || Ok(call().try_send().await?.filter(Answer::is_success))).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_goes_on_where_it_was_when_everything_died() -> Result<()> {
    let (mut bed, world) = own_stack().await?;
    let (team, bo, chat) = Team::of_two(&world).await?;
    let ada = &team.owner;
    let part = usize::try_from(ATTACHMENT_PART_BYTES)?;
    let content = vec![b'x'; part + 7];
    let (first, last) = content.split_at(part);
    let begun = ada.begin(chat.id, "one", content.len().try_into()?).await?;
    ada.putting(begun.id, 1, first).send().await?.done()?;
    block_in_place(|| bed.stack.kill_workerd())?;

    let bytes = content.len().try_into()?;
    let again: AttachmentUpload =
        answered(|| ada.beginning(chat.id, "one", "plan.txt", bytes)).await?.read()?;
    assert_eq!((again.id, again.parts.as_slice()), (begun.id, &[1][..]));
    ada.putting(begun.id, 2, last).send().await?.done()?;
    block_in_place(|| {
        bed.stack.kill();
        bed.stack.restart()
    })?;

    let file: Attachment = answered(|| ada.completing(begun.id)).await?.read()?;
    ada.post_files(chat.id, "post", "", &[file.id]).await?;
    let fetched = open(&bo.link(file.id).await?.url, &[]).await?;
    ensure!(fetched.bytes == content, "{} bytes came", fetched.bytes.len());

    // R2 has made it one, and whoever was to write that down died.
    let other = ada.begin(chat.id, "two", 5).await?.id;
    ada.put_parts(other, b"12345").await?;
    ada.completing(other).send().await?.done()?;
    let undone = "UPDATE attachments SET state = 'uploading' WHERE attachment_id = $1";
    world.sql(undone, &other.to_string()).await?;
    let file: Attachment = ada.completing(other).send().await?.read()?;
    assert_eq!((file.id, file.media_type.as_str()), (other, "text/plain"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_r2_does_not_take_is_refused_for_now_and_taken_when_it_comes_again() -> Result<()> {
    let (bed, world) = own_stack().await?;
    let (team, bo, chat) = Team::of_two(&world).await?;
    let ada = &team.owner;
    let part = usize::try_from(ATTACHMENT_PART_BYTES)?;
    let content = vec![b'x'; part + 7];
    let (first, last) = content.split_at(part);
    let begun = ada.begin(chat.id, "one", content.len().try_into()?).await?;
    ada.putting(begun.id, 1, first).send().await?.done()?;
    let whole = ada.begin(chat.id, "whole", 5).await?.id;
    ada.put_parts(whole, b"12345").await?;

    let refusing = Refusing::begin(&bed)?;
    for _ in 0..2 {
        for refused in [
            ada.putting(begun.id, 2, last),
            ada.beginning(chat.id, "two", "plan.txt", 5),
            ada.completing(whole),
        ] {
            let problem = refused.send().await?.refused(ProblemCode::Unavailable)?;
            ensure!(problem.retry_after_s.is_some_and(|seconds| seconds <= 60), "{problem:?}");
        }
    }
    // What it had taken it has.
    let again = ada.begin(chat.id, "one", content.len().try_into()?).await?;
    assert_eq!((again.id, again.parts.as_slice()), (begun.id, &[1][..]));
    drop(refusing);

    ada.putting(begun.id, 2, last).send().await?.done()?;
    let file: Attachment = ada.completing(begun.id).send().await?.read()?;
    let small: Attachment = ada.completing(whole).send().await?.read()?;
    let two = ada.begin(chat.id, "two", 5).await?;
    assert!(two.parts.is_empty() && !two.complete, "{two:?}");
    ada.post_files(chat.id, "post", "", &[file.id, small.id]).await?;
    let fetched = open(&bo.link(file.id).await?.url, &[]).await?;
    ensure!(fetched.bytes == content, "{} bytes came", fetched.bytes.len());
    assert_eq!(open(&bo.link(small.id).await?.url, &[]).await?.bytes, b"12345");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_deleted_or_never_posted_is_swept_away_and_nothing_else() -> Result<()> {
    let (mut bed, world) = own_stack().await?;
    let (team, bo, chat) = Team::of_two(&world).await?;
    let ada = &team.owner;
    let abandoned = ada.begin(chat.id, "abandoned", ATTACHMENT_PART_BYTES + 1).await?.id;
    ada.putting(abandoned, 2, b"x").send().await?.done()?;
    let fresh = ada.begin(chat.id, "fresh", 5).await?.id;
    let mut files = Vec::new();
    for name in ["deleted", "unposted", "posted"] {
        let file = ada.attach(chat.id, name, name.as_bytes()).await?.id;
        files.push((file, ada.link(file).await?.url));
    }
    let [deleted, unposted, posted] = files.as_slice() else { anyhow::bail!("{files:?}") };
    let message = ada.post_files(chat.id, "deleted", "", &[deleted.0]).await?.message;
    ada.post_files(chat.id, "posted", "", &[posted.0]).await?;
    for id in [abandoned, unposted.0, posted.0] {
        age(&world, id).await?;
    }
    assert_eq!(open(&deleted.1, &[]).await?.bytes, b"deleted");
    ada.delete(message).await?.done()?;

    eventually("what shall go is gone", async || {
        block_in_place(|| bed.stack.run_cron(Worker::Orchestrator, MINUTELY))?;
        let mut left = 0;
        for id in [abandoned, deleted.0, unposted.0] {
            left += rows(&world, id).await?;
        }
        Ok((left == 0).then_some(()))
    })
    .await?;
    for gone in [deleted, unposted] {
        assert_eq!(open(&gone.1, &[]).await?.status, 404, "the object is gone, not its row alone");
        ada.linking(gone.0).send().await?.refused(ProblemCode::NotFound)?;
    }
    let parts = "SELECT 1 FROM attachment_parts WHERE attachment_id = $1";
    assert_eq!(world.sql(parts, &abandoned.to_string()).await?, 0);
    ada.completing(abandoned).send().await?.refused(ProblemCode::NotFound)?;

    // What is young or posted stays, and the deleted message tells of no file any more.
    block_in_place(|| bed.stack.run_cron(Worker::Orchestrator, MINUTELY))?;
    assert_eq!((rows(&world, fresh).await?, rows(&world, posted.0).await?), (1, 1));
    assert_eq!(open(&bo.link(posted.0).await?.url, &[]).await?.bytes, b"posted");
    let events =
        bo.call(reqwest::Method::GET, &format!("/v1/chats/{}/events?limit=200", chat.id)).send().await?;
    assert!(!events.body.contains(&deleted.0.to_string()), "{events}");
    // Its name is free for another.
    let again = ada.begin(chat.id, "abandoned", 5).await?;
    assert!(again.id != abandoned && again.parts.is_empty());
    Ok(())
}
