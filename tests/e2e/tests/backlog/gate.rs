//! A gate before the index: it lets so many tellings through, of whatever chats, and holds who comes then. So a test decides
//! that a process dies in the middle of catching up.
//!
//! Invariant: it stands in the database itself, so it is shut from the first moment that Postgres is back.

use anyhow::{Context as _, Result};
use e2e::within;
use tokio_postgres::Client;
use xtask::testbed::Testbed;

use crate::scene::{CAUGHT_UP, connect};

/// The gate, as one reaches it after Postgres came back.
pub(crate) struct Gate {
    client: Client,
    through: i64,
}

/// Whoever is held looks again and again, since no lock outlives the server; the row of a gate that is open ends that.
const SET: &str = "
    CREATE TABLE gate (shut boolean NOT NULL);
    INSERT INTO gate VALUES (true);
    CREATE SEQUENCE gate_tellings;
    CREATE FUNCTION gate() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $gate$
    BEGIN
        IF nextval('gate_tellings') > TG_ARGV[0]::bigint THEN
            WHILE EXISTS (SELECT FROM gate WHERE shut) LOOP PERFORM pg_sleep(0.02); END LOOP;
        END IF;
        RETURN NULL;
    END $gate$;";

impl Gate {
    /// Lets `through` more tellings pass.
    pub(crate) async fn set(bed: &Testbed, through: i64) -> Result<()> {
        let client = connect(bed).await?;
        let trigger = format!(
            "CREATE TRIGGER gate AFTER INSERT ON messages FOR EACH STATEMENT EXECUTE FUNCTION gate({through})"
        );
        client.batch_execute(&format!("{SET} {trigger}")).await.context("the gate cannot be set")
    }

    /// The gate that was set before Postgres went.
    pub(crate) async fn again(bed: &Testbed, through: i64) -> Result<Self> {
        Ok(Self { client: connect(bed).await?, through })
    }

    /// Waits until somebody is held: their rows are written and not committed.
    pub(crate) async fn caught(&self) -> Result<()> {
        within(CAUGHT_UP, "a telling that is held", async || {
            let row = self.client.query_one("SELECT last_value FROM gate_tellings", &[]).await?;
            Ok((row.try_get::<_, i64>(0)? > self.through).then_some(()))
        })
        .await
    }

    /// Lets everybody through.
    pub(crate) async fn open(self) -> Result<()> {
        self.client.execute("UPDATE gate SET shut = false", &[]).await?;
        Ok(())
    }
}
