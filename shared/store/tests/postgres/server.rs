//! One Postgres for all tests of a run: it starts with the first and ends with the last. Tests share its database; each
//! makes its own people and orgs. `STORE_TEST_DATABASE_URL`, a superuser's, names another server to test on; its database
//! `slipway` is theirs.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use slipway_store::Db;
use tokio_postgres::{Client, NoTls};
use xtask::database::{self, Database};
use xtask::postgres::Postgres;
use xtask::secrets::Secrets;

/// A server with all migrations applied.
pub(crate) struct Server {
    // Ends before its folder does.
    _own: Option<(Mutex<Postgres>, tempfile::TempDir)>,
    database: Database,
}

static RUNNING: Mutex<Weak<Server>> = Mutex::new(Weak::new());

impl Server {
    /// The server of this run.
    pub(crate) fn get() -> Arc<Self> {
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(server) = running.upgrade() {
            return server;
        }
        let secrets = Secrets::generate().unwrap();
        let server = if let Ok(url) = std::env::var("STORE_TEST_DATABASE_URL") {
            let (url, name) = (url.parse().unwrap(), Some(database::NAME));
            let database = Database::prepare(&url, name, &secrets.database).unwrap();
            database.migrate().unwrap();
            Self { _own: None, database }
        } else {
            let folder = xtask::testbed::temporary_folder().unwrap();
            let (postgres, database) = xtask::testbed::fresh_database(folder.path(), &secrets).unwrap();
            Self { _own: Some((Mutex::new(postgres), folder)), database }
        };
        let server = Arc::new(server);
        *running = Arc::downgrade(&server);
        server
    }

    /// The store, as the Workers' role.
    pub(crate) async fn db(&self) -> Db {
        Db::new(self.app().await)
    }

    /// Plain SQL as the Workers' role.
    pub(crate) async fn app(&self) -> Client {
        connect(self.database.app_url.as_str()).await
    }

    /// Marks the chats of an org to be told of anew, as an operator does: by the owner of the tables, for whom row-level
    /// security holds too. How many were marked, and how many are in all.
    pub(crate) fn reindex(&self, org: &str) -> (u64, u64) {
        let url = &self.database.owner_url;
        (database::reindex(url, Some(org)).unwrap(), database::to_reindex(url).unwrap())
    }

    /// Plain SQL past all policies.
    pub(crate) async fn admin(&self) -> Client {
        connect(self.database.admin_url.as_str()).await
    }
}

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}
