//! The one way to the database: a connection that does nothing by itself, and transactions bound to a scope.
//!
//! Invariants: a statement runs only in a transaction that has told the database its scope first; a connection has one
//! transaction at a time (it is moved into it); what is not committed is rolled back. Only the extended protocol with
//! typed parameters is used, and no session state, so that a pooler in transaction mode may stand between.

use futures::FutureExt;
use futures::future::join3;
use slipway_contract::{OrgId, UserId};
use tokio_postgres::Client;
use tokio_postgres::types::{ToSql, Type};

use crate::error::{Cause, StoreError};
use crate::row::Row;
use crate::value::Value;

/// A connection. It serves one transaction after the other.
pub struct Db {
    client: Client,
    statements: u32,
}

impl Db {
    /// Over a connection that somebody else drives.
    pub const fn new(client: Client) -> Self {
        Self { client, statements: 0 }
    }

    /// For the rows of one org.
    pub const fn org(self, org: OrgId) -> OrgDb {
        self.scoped(Org(org))
    }

    /// For sign-up, sign-in and sessions.
    pub const fn identity(self) -> IdentityDb {
        self.scoped(Identity)
    }

    /// For one person's own place in all their orgs.
    pub const fn memberships(self, user: UserId) -> MembershipsDb {
        self.scoped(Memberships(user))
    }

    /// For the sweeps, which look across orgs.
    pub const fn sweeps(self) -> SweepsDb {
        self.scoped(Sweeps)
    }

    /// For taking away what an org no longer wants.
    pub const fn removal(self, org: OrgId) -> RemovalDb {
        self.scoped(Removal(org))
    }

    /// For taking away one person's account.
    pub const fn erasure(self, user: UserId) -> ErasureDb {
        self.scoped(Erasure(user))
    }

    /// Statements sent over this connection until now, with those that begin and end transactions.
    pub const fn statements(&self) -> u32 {
        self.statements
    }

    const fn scoped<S: Scope>(self, scope: S) -> Scoped<S> {
        Scoped { db: Some(self), scope, state: State::Fresh }
    }
}

/// What a transaction may see, as the database is told.
pub trait Scope {
    /// Values of `app.current_org_id`, `app.system_job` and `app.user_id`; empty matches nothing.
    fn settings(&self) -> [String; 3];
}

/// One org's rows.
#[derive(Clone, Copy, Debug)]
pub struct Org(pub OrgId);

/// Accounts and sessions; no tenant's rows.
#[derive(Clone, Copy, Debug)]
pub struct Identity;

/// One person's account, memberships and orgs, to be read.
#[derive(Clone, Copy, Debug)]
pub struct Memberships(pub UserId);

/// What the sweeps look through, of all orgs, and their own book-keeping. What they do about a row, they do in a
/// transaction of its org.
#[derive(Clone, Copy, Debug)]
pub struct Sweeps;

/// One org's rows, those that are about to go among them. Only here do rows go.
#[derive(Clone, Copy, Debug)]
pub struct Removal(pub OrgId);

/// One person's account, sign-ins and invitations, to be taken away.
#[derive(Clone, Copy, Debug)]
pub struct Erasure(pub UserId);

impl Scope for Removal {
    fn settings(&self) -> [String; 3] {
        [self.0.to_string(), "removal".to_owned(), String::new()]
    }
}

impl Scope for Erasure {
    fn settings(&self) -> [String; 3] {
        [String::new(), "erasure".to_owned(), self.0.to_string()]
    }
}

impl Scope for Org {
    fn settings(&self) -> [String; 3] {
        [self.0.to_string(), String::new(), String::new()]
    }
}

impl Scope for Identity {
    fn settings(&self) -> [String; 3] {
        [String::new(), "identity".to_owned(), String::new()]
    }
}

impl Scope for Memberships {
    fn settings(&self) -> [String; 3] {
        [String::new(), "memberships".to_owned(), self.0.to_string()]
    }
}

impl Scope for Sweeps {
    fn settings(&self) -> [String; 3] {
        [String::new(), "sweeps".to_owned(), String::new()]
    }
}

/// A transaction for one org.
pub type OrgDb = Scoped<Org>;
/// A transaction for accounts and sessions.
pub type IdentityDb = Scoped<Identity>;
/// A transaction for one person's own memberships.
pub type MembershipsDb = Scoped<Memberships>;
/// A transaction of the sweeps.
pub type SweepsDb = Scoped<Sweeps>;

/// A transaction that takes away what an org no longer wants.
pub type RemovalDb = Scoped<Removal>;
/// A transaction that takes away one person's account.
pub type ErasureDb = Scoped<Erasure>;

/// A transaction that sees one scope. It begins with its first statement, in the same round trip, and is rolled back
/// unless it is committed; reading needs no commit.
pub struct Scoped<S: Scope> {
    /// Gone once the transaction ended.
    db: Option<Db>,
    scope: S,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing was sent.
    Fresh,
    /// Begun.
    Open,
    /// A statement failed; Postgres would answer COMMIT by silently rolling back.
    Failed,
}

const SETTINGS: &str = "-- db::begin
    SELECT set_config('app.current_org_id', $1, true), set_config('app.system_job', $2, true),
           set_config('app.user_id', $3, true)";

impl OrgDb {
    /// The org whose rows this sees.
    pub const fn org(&self) -> OrgId {
        self.scope.0
    }
}

impl RemovalDb {
    /// The org whose rows this sees.
    pub const fn org(&self) -> OrgId {
        self.scope.0
    }
}

impl ErasureDb {
    /// The person whose account this sees.
    pub const fn user(&self) -> UserId {
        self.scope.0
    }
}

impl MembershipsDb {
    /// The person whose memberships this sees.
    pub const fn user(&self) -> UserId {
        self.scope.0
    }
}

impl<S: Scope> Scoped<S> {
    /// Keeps what was done, and gives the connection back.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the connection broke: whether it was kept is unknown then.
    pub async fn commit(mut self) -> Result<Db, StoreError> {
        const NAME: &str = "db::commit";
        match (self.state, self.db.take()) {
            (State::Fresh, Some(db)) => Ok(db),
            (State::Open, Some(mut db)) => {
                db.statements += 1;
                db.client.execute_typed("COMMIT", &[]).await.map_err(|error| StoreError::of(NAME, error))?;
                Ok(db)
            }
            (State::Failed, db) => {
                self.db = db;
                Err(StoreError::Internal { statement: NAME, source: Cause::Aborted })
            }
            (State::Fresh | State::Open, None) => {
                Err(StoreError::Internal { statement: NAME, source: Cause::Aborted })
            }
        }
    }

    /// Drops what was done, and gives the connection back. Costs no waiting.
    ///
    /// # Errors
    /// Never, but for a transaction whose statement was given up in the middle.
    pub fn end(mut self) -> Result<Db, StoreError> {
        self.roll_back();
        self.db.take().ok_or(StoreError::Internal { statement: "db::end", source: Cause::Aborted })
    }

    /// Statements sent over this connection until now, with those that begin and end transactions.
    pub fn statements(&self) -> u32 {
        self.db.as_ref().map_or(0, Db::statements)
    }

    /// All rows.
    pub(crate) async fn fetch_all(
        &mut self,
        sql: &'static str,
        params: &[Value],
    ) -> Result<Vec<Row>, StoreError> {
        let statement = name(sql);
        let rows = self.run(statement, |client| async move {
            let typed = params.iter().map(Value::typed).collect::<Vec<_>>();
            client.query_typed(sql, &typed).await
        });
        Ok(rows.await?.into_iter().map(|inner| Row { statement, inner }).collect())
    }

    /// The row, if there is one.
    pub(crate) async fn fetch_optional(
        &mut self,
        sql: &'static str,
        params: &[Value],
    ) -> Result<Option<Row>, StoreError> {
        let mut rows = self.fetch_all(sql, params).await?;
        let row = rows.pop();
        if rows.is_empty() {
            return Ok(row);
        }
        Err(StoreError::Internal { statement: name(sql), source: Cause::Rows(2) })
    }

    /// The row.
    pub(crate) async fn fetch_one(&mut self, sql: &'static str, params: &[Value]) -> Result<Row, StoreError> {
        self.fetch_optional(sql, params).await?.ok_or(StoreError::NotFound { statement: name(sql) })
    }

    /// Changes any number of rows; answers how many.
    pub(crate) async fn execute(&mut self, sql: &'static str, params: &[Value]) -> Result<u64, StoreError> {
        let typed = || params.iter().map(Value::typed).collect::<Vec<_>>();
        self.run(name(sql), |client| async move { client.execute_typed(sql, &typed()).await }).await
    }

    /// Changes exactly one row.
    pub(crate) async fn execute_one(
        &mut self,
        sql: &'static str,
        params: &[Value],
    ) -> Result<(), StoreError> {
        match self.execute(sql, params).await? {
            1 => Ok(()),
            rows => {
                self.state = State::Failed;
                Err(StoreError::Internal { statement: name(sql), source: Cause::Rows(rows) })
            }
        }
    }

    /// Changes one row or none; answers whether it did.
    pub(crate) async fn execute_optional(
        &mut self,
        sql: &'static str,
        params: &[Value],
    ) -> Result<bool, StoreError> {
        match self.execute(sql, params).await? {
            0 => Ok(false),
            1 => Ok(true),
            rows => {
                self.state = State::Failed;
                Err(StoreError::Internal { statement: name(sql), source: Cause::Rows(rows) })
            }
        }
    }

    /// Holds a statement against the number of rows that it had to change.
    pub(crate) fn expect_rows(
        &mut self,
        statement: &'static str,
        rows: u64,
        expected: u64,
    ) -> Result<(), StoreError> {
        if rows == expected {
            return Ok(());
        }
        self.state = State::Failed;
        Err(StoreError::Internal { statement, source: Cause::Rows(rows) })
    }

    /// Changes the one row that is as the caller knows it; otherwise somebody else was faster.
    pub(crate) async fn execute_guarded(
        &mut self,
        sql: &'static str,
        params: &[Value],
    ) -> Result<(), StoreError> {
        if self.execute_optional(sql, params).await? {
            return Ok(());
        }
        self.state = State::Failed;
        Err(StoreError::Overtaken { statement: name(sql) })
    }

    /// Runs one statement; the first of a transaction goes out together with what begins it.
    async fn run<'a, T, F>(
        &'a mut self,
        statement: &'static str,
        send: impl FnOnce(&'a Client) -> F,
    ) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, tokio_postgres::Error>>,
    {
        let aborted = || StoreError::Internal { statement, source: Cause::Aborted };
        let Some(db) = self.db.as_mut() else { return Err(aborted()) };
        let before = self.state;
        // Until the answer is there: a statement given up in the middle leaves a transaction that must not be committed.
        self.state = State::Failed;
        let client = &db.client;
        let result = match before {
            State::Failed => return Err(aborted()),
            State::Open => {
                db.statements += 1;
                send(client).await
            }
            State::Fresh => {
                db.statements += 3;
                let settings = self.scope.settings();
                let settings = settings.each_ref().map(|text| (text as &(dyn ToSql + Sync), Type::TEXT));
                // Each is sent at its first poll, and `join3` polls in this order: one round trip for all.
                let begin = client.execute_typed("BEGIN", &[]);
                let (begun, set, done) =
                    join3(begin, client.query_typed(SETTINGS, &settings), send(client)).await;
                begun.and(set).and(done)
            }
        };
        let done = result.map_err(|error| StoreError::of(statement, error))?;
        self.state = State::Open;
        Ok(done)
    }

    /// Tells the database, without waiting for its answer: the next statement comes after it anyway.
    fn roll_back(&mut self) {
        if let Some(db) = self.db.as_mut()
            && self.state != State::Fresh
        {
            self.state = State::Fresh;
            db.statements += 1;
            // The first poll sends it.
            let _answer_is_not_needed = db.client.execute_typed("ROLLBACK", &[]).now_or_never();
        }
    }
}

impl<S: Scope> Drop for Scoped<S> {
    fn drop(&mut self) {
        self.roll_back();
    }
}

/// The function that a statement names in its first line.
fn name(sql: &'static str) -> &'static str {
    sql.lines().next().and_then(|line| line.strip_prefix("-- ")).unwrap_or("unnamed")
}
