//! Holds whoever writes down how an archive stands, right before it is written: so a test decides what dies after a step was
//! done and before anybody knows.
//!
//! Invariant: let go, nothing of it is left in the database.

use anyhow::{Context as _, Result};
use e2e::eventually;
use tokio_postgres::{Client, NoTls};
use xtask::testbed::Testbed;

/// The number of the lock that the writers wait for.
const LOCK: i64 = 20_090_901;

/// Holds the next write of one state.
pub(crate) struct Snag {
    client: Client,
}

impl Snag {
    /// Waits for an archive that comes to stand so; `gone` for one that is forgotten.
    pub(crate) async fn set(bed: &Testbed, state: &str) -> Result<Self> {
        let (client, connection) = tokio_postgres::connect(bed.database.admin_url.as_str(), NoTls).await?;
        // Ends with the client; a failure shows itself in the client's calls.
        tokio::spawn(connection);
        let on = if state == "gone" {
            "BEFORE DELETE ON chat_archives FOR EACH ROW".to_owned()
        } else {
            format!(
                "BEFORE UPDATE ON chat_archives FOR EACH ROW WHEN (NEW.state = '{state}' AND OLD.state <> '{state}')"
            )
        };
        let set = format!(
            "SELECT pg_advisory_lock({LOCK});
             CREATE FUNCTION snag() RETURNS trigger LANGUAGE plpgsql AS $snag$ BEGIN
                 PERFORM pg_advisory_xact_lock({LOCK});
                 IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
                 RETURN NEW;
             END $snag$;
             CREATE TRIGGER snag {on} EXECUTE FUNCTION snag();"
        );
        client.batch_execute(&set).await.context("the snag cannot be set")?;
        Ok(Self { client })
    }

    /// Waits until somebody is held.
    pub(crate) async fn caught(&self) -> Result<()> {
        eventually("somebody who is held", async || {
            let waiting = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted";
            Ok(self.client.query_opt(waiting, &[]).await?.map(drop))
        })
        .await
    }

    /// Lets go.
    pub(crate) async fn release(self) -> Result<()> {
        let release = format!("SELECT pg_advisory_unlock({LOCK})");
        self.client.batch_execute(&release).await?;
        let clear = "DROP TRIGGER snag ON chat_archives; DROP FUNCTION snag();";
        self.client.batch_execute(clear).await.context("the snag cannot be removed")
    }
}
