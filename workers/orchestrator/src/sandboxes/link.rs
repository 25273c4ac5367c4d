//! Connections to Postgres of one piece of work, one after the other.
//!
//! Invariant: a connection is used only while it is young: it is ended after ten seconds, in whatever state.

use slipway_contract::{OrgId, Problem, Timestamp, UserId};
use slipway_store::{Db, ErasureDb, OrgDb, RemovalDb, Scope, Scoped, StoreError, SweepsDb};

use crate::errand::Errand;

/// Age at which another one is dialled, in milliseconds.
const AGE_MS: i64 = 4_000;

/// A way to the rows.
pub(crate) struct Link<'a> {
    errand: &'a Errand,
    open: Option<Db>,
    dialled: Timestamp,
}

impl<'a> Link<'a> {
    /// Dials when it is first used.
    pub(crate) const fn new(errand: &'a Errand) -> Self {
        Self { errand, open: None, dialled: Timestamp::from_unix_ms(0) }
    }

    /// A transaction for one org.
    ///
    /// # Errors
    /// `unavailable`.
    pub(crate) async fn rows(&mut self, org: OrgId) -> Result<OrgDb, Problem> {
        Ok(self.db().await?.org(org))
    }

    /// A transaction for the sweeps.
    ///
    /// # Errors
    /// `unavailable`.
    pub(crate) async fn sweeps(&mut self) -> Result<SweepsDb, Problem> {
        Ok(self.db().await?.sweeps())
    }

    /// A transaction that takes away what an org no longer wants.
    ///
    /// # Errors
    /// `unavailable`.
    pub(crate) async fn removal(&mut self, org: OrgId) -> Result<RemovalDb, Problem> {
        Ok(self.db().await?.removal(org))
    }

    /// A transaction that takes away a person's account.
    ///
    /// # Errors
    /// `unavailable`.
    pub(crate) async fn erasure(&mut self, user: UserId) -> Result<ErasureDb, Problem> {
        Ok(self.db().await?.erasure(user))
    }

    /// Keeps what a transaction did, if it did it.
    ///
    /// # Errors
    /// What it failed with, or as callers are told where whether it was kept is unknown.
    pub(crate) async fn written<S: Scope, T>(
        &mut self,
        rows: Scoped<S>,
        done: Result<T, StoreError>,
    ) -> Result<T, Problem> {
        let kept = match done {
            Ok(value) => rows.commit().await.map(|db| (db, value)),
            Err(error) => Err(error),
        };
        let (db, value) = kept.map_err(|error| self.errand.refuse(&error))?;
        self.open = Some(db);
        Ok(value)
    }

    /// Keeps what a transaction did.
    ///
    /// # Errors
    /// Whether it was kept is unknown, or it had failed before.
    pub(crate) async fn commit(&mut self, rows: OrgDb) -> Result<(), StoreError> {
        self.open = Some(rows.commit().await?);
        Ok(())
    }

    /// As [`Self::commit`], for the sweeps' own rows.
    pub(crate) async fn commit_sweeps(&mut self, rows: SweepsDb) -> Result<(), StoreError> {
        self.open = Some(rows.commit().await?);
        Ok(())
    }

    /// Ends a transaction that only read.
    pub(crate) fn done(&mut self, rows: OrgDb) {
        self.open = rows.end().ok();
    }

    /// As [`Self::done`], for the sweeps.
    pub(crate) fn done_sweeps(&mut self, rows: SweepsDb) {
        self.open = rows.end().ok();
    }

    async fn db(&mut self) -> Result<Db, Problem> {
        let now = self.errand.now();
        if let Some(db) = self.open.take().filter(|_| now.since(self.dialled) < AGE_MS) {
            return Ok(db);
        }
        self.dialled = now;
        self.errand.dial().await
    }
}
