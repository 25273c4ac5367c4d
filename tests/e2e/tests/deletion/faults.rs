//! Whatever dies on the way, and whenever: the deletion goes on until nothing is left.

use anyhow::{Context as _, Result, ensure};
use e2e::{Refusing, eventually};
use slipway_contract::http::deletions::{DeletionState, DeletionStep};
use tokio::task::block_in_place;
use tokio_postgres::{Client, NoTls};

use crate::scene::{Own, Scene};

/// Holds whoever would write down that a step is done with, until it is dropped.
struct Snare {
    holder: Client,
}

/// Names the lock.
const LOCK: i64 = 7_350_114;

impl Snare {
    async fn set(own: &Own, step: &str) -> Result<Self> {
        let url = own.bed.database.admin_url.to_string();
        let (holder, connection) = tokio_postgres::connect(&url, NoTls).await?;
        tokio::spawn(connection);
        holder.execute("SELECT pg_advisory_lock($1)", &[&LOCK]).await?;
        holder
            .batch_execute(&format!(
                "CREATE OR REPLACE FUNCTION held_step() RETURNS trigger LANGUAGE plpgsql AS $$
                 BEGIN
                     IF NEW.step = '{step}' AND OLD.step <> '{step}' THEN
                         PERFORM pg_advisory_xact_lock({LOCK});
                     END IF;
                     RETURN NEW;
                 END $$;
                 CREATE OR REPLACE TRIGGER held_step BEFORE UPDATE ON deletions
                     FOR EACH ROW EXECUTE FUNCTION held_step()"
            ))
            .await?;
        Ok(Self { holder })
    }

    /// Waits until somebody is held: all of the step is done, and nothing of that is written down.
    async fn caught(&self) -> Result<()> {
        eventually("a driver at the end of its step", async || {
            let waiting = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted";
            Ok((!self.holder.query(waiting, &[]).await?.is_empty()).then_some(()))
        })
        .await
    }

    /// Lets go. Who was held is dead, and what they had not committed with them.
    async fn release(self) -> Result<()> {
        // What waits for the lock does not notice that its client is gone.
        let held =
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted";
        self.holder.execute(held, &[]).await?;
        self.holder.execute("SELECT pg_advisory_unlock($1)", &[&LOCK]).await?;
        self.holder.batch_execute("DROP TRIGGER held_step ON deletions").await?;
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deletion_that_dies_at_the_end_of_any_step_does_that_step_again() -> Result<()> {
    let mut own = Own::start()?;
    for step in ["closed", "emptied", "forgotten", "verified", "done"] {
        let scene = Scene::set(&own.world).await.with_context(|| step.to_owned())?;
        let owner = scene.team.owner.clone();
        let snare = Snare::set(&own, step).await?;
        let asked = owner.delete_chat(scene.chat.id).await?;
        snare.caught().await.with_context(|| step.to_owned())?;
        block_in_place(|| own.bed.stack.kill_workerd())?;
        snare.release().await?;
        let stopped = owner.deletion(asked.id).await?;
        ensure!(stopped.state != DeletionState::Done, "{step}: {stopped:?}");
        scene.is_nowhere().await.with_context(|| format!("after dying before {step}"))?;
        own.carry_on(&owner, asked.id).await.with_context(|| step.to_owned())?;
        scene.is_nowhere().await?;
        ensure!(!own.keeps(&scene.artifact.sha256)? && !own.keeps(&scene.snapshot.sha256)?, "{step}");
        let told = "SELECT FROM audit WHERE subject = $1 AND action = 'chat.deleted'";
        ensure!(own.world.sql(told, &scene.chat.id.to_string()).await? == 1, "{step}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_its_executor_is_away_a_chat_stays_closed_and_goes_when_it_is_back() -> Result<()> {
    let mut own = Own::start()?;
    let scene = Scene::set(&own.world).await?;
    let owner = scene.team.owner.clone();
    block_in_place(|| own.bed.executor.kill())?;
    let asked = owner.delete_chat(scene.chat.id).await?;
    scene.is_nowhere().await?;
    // It is tried, and held up where the sandbox is.
    eventually("tries that come to nothing", async || {
        own.pass_time().await?;
        own.sweep()?;
        let id = asked.id.to_string();
        let tried = "SELECT FROM deletions WHERE deletion_id = $1 AND tries >= 2";
        Ok((own.world.sql(tried, &id).await? == 1).then_some(()))
    })
    .await?;
    let held = owner.deletion(asked.id).await?;
    assert_eq!(held.step, DeletionStep::Closed);
    assert!(own.keeps(&scene.artifact.sha256)?, "what the sandbox may still be at is not taken away");

    block_in_place(|| own.bed.executor.restart())?;
    own.carry_on(&owner, asked.id).await?;
    assert!(!own.keeps(&scene.artifact.sha256)? && !own.keeps(&scene.snapshot.sha256)?);
    scene.is_nowhere().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_r2_lets_go_of_nothing_a_chat_stays_closed_and_goes_when_it_does() -> Result<()> {
    let mut own = Own::start()?;
    let scene = Scene::set(&own.world).await?;
    let owner = scene.team.owner.clone();
    let refusing = Refusing::begin(&own.bed)?;
    let asked = owner.delete_chat(scene.chat.id).await?;
    scene.is_nowhere().await?;
    let held = eventually("tries that somebody should look at", async || {
        own.pass_time().await?;
        own.sweep()?;
        let now = owner.deletion(asked.id).await?;
        Ok((now.state == DeletionState::Stuck).then_some(now))
    })
    .await?;
    assert_eq!((held.step, held.ended_at), (DeletionStep::Closed, None));
    assert!(own.keeps(&scene.artifact.sha256)? && own.keeps(&scene.snapshot.sha256)?);
    scene.is_nowhere().await?;

    drop(refusing);
    own.carry_on(&owner, asked.id).await?;
    assert!(!own.keeps(&scene.artifact.sha256)? && !own.keeps(&scene.snapshot.sha256)?);
    scene.is_nowhere().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_dead_object_tells_the_index_late_brings_nothing_back() -> Result<()> {
    let mut own = Own::start()?;
    let scene = Scene::set(&own.world).await?;
    let owner = scene.team.owner.clone();
    // The object has something to tell, and nobody to tell it to for now.
    block_in_place(|| own.bed.postgres.stop());
    scene.bo.post(scene.chat.id, "late", "said while the index was away").await?;
    block_in_place(|| own.bed.postgres.start_again())?;
    let asked = eventually("the database", async || {
        let answer = owner.try_delete_chat(scene.chat.id).await?;
        if answer.status == 503 { Ok(None) } else { e2e::person_deletions::accepted(&answer).map(Some) }
    })
    .await?;
    own.carry_on(&owner, asked.id).await?;
    scene.is_nowhere().await?;
    let left = own.world.sql("SELECT FROM messages WHERE chat_id = $1", &scene.chat.id.to_string()).await?;
    assert_eq!(left, 0);
    Ok(())
}
