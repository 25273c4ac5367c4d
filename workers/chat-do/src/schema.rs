//! The object's tables. Versions only ever go up; an object brings itself up to date when it is first used.
//!
//! `events` is the log and the only truth. `event` is the whole wire form of the entry, so that pages and frames are put
//! together without reading it. All other tables but `tickets` could be made anew from the log.

use worker::Result;

use crate::sql::Sql;

/// What brings a database from one version to the next. Never edit an entry: append.
const STEPS: &[&str] = &["
    CREATE TABLE events (
        seq INTEGER PRIMARY KEY,
        kind TEXT NOT NULL,
        actor TEXT NOT NULL,
        -- messages up to and including this event
        messages INTEGER NOT NULL,
        client_id TEXT,
        -- the event that this one is about: the message or the turn
        target INTEGER,
        edits INTEGER NOT NULL DEFAULT 0,
        deleted INTEGER NOT NULL DEFAULT 0,
        event TEXT NOT NULL
    );
    CREATE UNIQUE INDEX events_by_client_id ON events (actor, client_id) WHERE client_id IS NOT NULL;
    CREATE INDEX events_by_target ON events (target) WHERE target IS NOT NULL;
    CREATE TABLE chat (
        only INTEGER PRIMARY KEY CHECK (only = 1),
        org TEXT NOT NULL,
        channel TEXT NOT NULL,
        title TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        default_agent TEXT,
        -- people's rows are written up to this event, the index knows up to that one
        flushed INTEGER NOT NULL DEFAULT 0,
        projected INTEGER NOT NULL DEFAULT 0
    );
    CREATE TABLE people (
        id TEXT PRIMARY KEY,
        place INTEGER NOT NULL,
        here INTEGER NOT NULL,
        participant TEXT NOT NULL,
        read INTEGER NOT NULL,
        read_count INTEGER NOT NULL,
        version INTEGER NOT NULL,
        projected INTEGER NOT NULL DEFAULT 0
    ) WITHOUT ROWID;
    CREATE TABLE reactions (
        message INTEGER NOT NULL,
        emoji TEXT NOT NULL,
        actor TEXT NOT NULL,
        PRIMARY KEY (message, emoji, actor)
    ) WITHOUT ROWID;
    CREATE TABLE turns (seq INTEGER PRIMARY KEY, turn TEXT NOT NULL);
    CREATE TABLE tickets (ticket TEXT PRIMARY KEY, user TEXT NOT NULL, expires_at INTEGER NOT NULL) WITHOUT ROWID;
", "
    CREATE TABLE approvals (
        seq INTEGER PRIMARY KEY,
        over INTEGER NOT NULL,
        approval TEXT NOT NULL,
        version INTEGER NOT NULL,
        -- the version that the index knows
        projected INTEGER NOT NULL DEFAULT 0
    );
    CREATE INDEX approvals_unfinished ON approvals (seq) WHERE over = 0;
    CREATE INDEX approvals_unprojected ON approvals (seq) WHERE version > projected;
    CREATE TABLE sandboxes (sandbox TEXT PRIMARY KEY, status TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE artifacts (artifact TEXT PRIMARY KEY) WITHOUT ROWID;
", "
    -- who asked, and their client's name for it
    ALTER TABLE approvals ADD COLUMN asked_as TEXT;
    CREATE UNIQUE INDEX approvals_by_name ON approvals (asked_as) WHERE asked_as IS NOT NULL;
", "
    -- the fork that an event is in: of its message, of its turn, or its own
    ALTER TABLE events ADD COLUMN fork INTEGER;
    CREATE INDEX events_by_fork ON events (fork, seq) WHERE fork IS NOT NULL;
    CREATE TABLE forks (
        seq INTEGER PRIMARY KEY,
        state TEXT NOT NULL,
        actor TEXT NOT NULL,
        client_id TEXT,
        -- the whole wire form
        fork TEXT NOT NULL,
        UNIQUE (actor, client_id)
    );
    CREATE INDEX forks_by_state ON forks (state, seq);
", "
    -- the org's search knows the messages up to this event, `words` has those up to that one
    ALTER TABLE chat ADD COLUMN indexed INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE chat ADD COLUMN worded INTEGER NOT NULL DEFAULT 0;
    -- by the message's number; the texts themselves are in the log alone
    CREATE VIRTUAL TABLE words USING fts5 (
        text, content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 2');
"];

/// Whether the object was ever used. Asking writes nothing, so that a made-up id leaves no database behind.
pub(crate) fn exists(sql: &Sql) -> Result<bool> {
    Ok(sql.text("SELECT name FROM sqlite_master WHERE name = 'schema_version'", vec![])?.is_some())
}

/// Creates what is missing. Cheap when nothing is.
pub(crate) fn bring_up_to_date(sql: &Sql) -> Result<()> {
    sql.run("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL)", vec![])?;
    let version = sql.text("SELECT CAST(max(version) AS TEXT) FROM schema_version", vec![])?;
    let version = version.and_then(|text| text.parse().ok()).unwrap_or(0_usize);
    if version >= STEPS.len() {
        return Ok(());
    }
    sql.all_or_nothing(|| {
        for step in STEPS.iter().skip(version) {
            sql.run(step, vec![])?;
        }
        sql.run("INSERT INTO schema_version (version) VALUES (?)", vec![crate::sql::int(STEPS.len() as u64)])
    })
}
