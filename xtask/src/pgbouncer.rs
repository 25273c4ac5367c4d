//! PgBouncer in transaction mode (Debian's package) in front of a local Postgres. It stands in for the pooling of
//! Hyperdrive: no session state survives a transaction.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Result, anyhow};
use serde_json::json;
use url::Url;

use crate::ports;
use crate::progress::remedy;
use crate::supervised::Supervised;

/// A running pooler; it ends with the value.
pub struct PgBouncer {
    _pooler: Supervised,
    port: u16,
}

impl PgBouncer {
    /// Starts a pooler that shares `pool_size` connections to the server of `app_url` among all clients.
    ///
    /// # Errors
    /// When PgBouncer is not installed or does not start.
    pub fn start(app_url: &Url, pool_size: u16, log: &Path) -> Result<Self> {
        let port = ports::free()?;
        let users = BTreeMap::from([(app_url.username(), app_url.password().unwrap_or_default())]);
        let settings = json!({
            "port": port,
            "upstream": {"port": app_url.port().unwrap_or(5432)},
            "users": users,
            "poolSize": pool_size,
        });
        let (pooler, _ready) = Supervised::start("pgbouncer.mjs", &settings, log, false)
            .map_err(|error| remedy(error, "install PgBouncer (on Debian: apt-get install pgbouncer)"))?;
        Ok(Self { _pooler: pooler, port })
    }

    /// The same connection URL, through the pooler.
    ///
    /// # Errors
    /// When the URL cannot carry a port.
    pub fn route(&self, app_url: &Url) -> Result<Url> {
        let mut url = app_url.clone();
        url.set_port(Some(self.port)).map_err(|()| anyhow!("the database URL cannot carry a port"))?;
        Ok(url)
    }
}
