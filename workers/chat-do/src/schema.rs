//! The object's tables. Versions only ever go up; an object brings itself up to date when it is first used.
//!
//! `events` is the log and the only truth. `event` is the whole wire form of the entry, so that pages and frames are put
//! together without reading it. All other tables but `tickets` and `measured` could be made anew from the log. While the chat
//! lies in an archive there are none of them, but `archive`, which has no version.

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
", "
    CREATE TABLE pins (message INTEGER PRIMARY KEY, seq INTEGER NOT NULL, pin TEXT NOT NULL);
    -- turns that sum the chat up, by their numbers
    CREATE TABLE summaries (
        seq INTEGER PRIMARY KEY,
        -- queued, good, failed, or stale: what it covers was changed
        state TEXT NOT NULL,
        -- messages when it was queued, or failed
        messages INTEGER NOT NULL,
        -- the events that it covers, and the one that tells it
        first INTEGER,
        last INTEGER,
        told INTEGER
    );
    CREATE INDEX summaries_told ON summaries (state, last) WHERE told IS NOT NULL;
    -- what was counted for each agent's newest step, whole as the engine gives it; of the last step alone
    CREATE TABLE measured (agent TEXT PRIMARY KEY, measured TEXT NOT NULL) WITHOUT ROWID;
", "
    -- messages that concern somebody who has not read them, by their numbers
    CREATE TABLE mentions (user TEXT NOT NULL, message INTEGER NOT NULL, PRIMARY KEY (user, message)) WITHOUT ROWID;
    CREATE INDEX mentions_in_message ON mentions (message);
"];

/// Tables that leave with an archived chat, each with its key, and in this order.
pub(crate) const EXPORTED: &[(&str, &[&str])] = &[
    ("chat", &["only"]),
    ("people", &["id"]),
    ("events", &["seq"]),
    ("reactions", &["message", "emoji", "actor"]),
    ("turns", &["seq"]),
    ("approvals", &["seq"]),
    ("sandboxes", &["sandbox"]),
    ("artifacts", &["artifact"]),
    ("forks", &["seq"]),
    ("pins", &["message"]),
    ("summaries", &["seq"]),
    ("measured", &["agent"]),
    ("mentions", &["user", "message"]),
];
/// Tables that do not: nobody may come in with a ticket of before, and words are gathered from the log again.
pub(crate) const MADE_ANEW: &[&str] = &["tickets", "words"];

/// The newest version.
pub(crate) const VERSION: u32 = STEPS.len() as u32;

/// What there is in an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// It was never used, or was erased.
    Nothing,
    /// A chat.
    Chat,
    /// A chat that is closed for good.
    Closed,
}

/// What there is. Asking writes nothing, so that a made-up id leaves no database behind.
pub(crate) fn found(sql: &Sql) -> Result<Found> {
    let names =
        "SELECT name FROM sqlite_master WHERE name IN ('closed', 'schema_version') ORDER BY name LIMIT 1";
    Ok(match sql.text(names, vec![])?.as_deref() {
        None => Found::Nothing,
        Some("closed") => Found::Closed,
        Some(_) => Found::Chat,
    })
}

/// Creates what is missing. Cheap when nothing is, and nothing is written then.
pub(crate) fn bring_up_to_date(sql: &Sql) -> Result<()> {
    let version = if found(sql)? != Found::Nothing { version(sql)? } else { 0 };
    if version >= VERSION {
        return Ok(());
    }
    sql.all_or_nothing(|| raise(sql, version))
}

/// Creates the tables as they were at `version`. Called inside a transaction, and only where there are none.
pub(crate) fn create_at(sql: &Sql, version: u32) -> Result<()> {
    sql.run("DROP TABLE IF EXISTS schema_version", vec![])?;
    steps(sql, 0, version)
}

/// Brings tables of `version` to the newest. Called inside a transaction.
pub(crate) fn raise(sql: &Sql, version: u32) -> Result<()> {
    steps(sql, version, VERSION)
}

fn steps(sql: &Sql, from: u32, to: u32) -> Result<()> {
    sql.run("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL)", vec![])?;
    for step in STEPS.iter().take(to as usize).skip(from as usize) {
        sql.run(step, vec![])?;
    }
    sql.run("INSERT INTO schema_version (version) VALUES (?)", vec![crate::sql::int(to.into())])
}

fn version(sql: &Sql) -> Result<u32> {
    let version = sql.text("SELECT CAST(max(version) AS TEXT) FROM schema_version", vec![])?;
    Ok(version.and_then(|text| text.parse().ok()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{EXPORTED, MADE_ANEW, STEPS};

    /// Every table that the steps create, with its definition.
    fn tables() -> Vec<(&'static str, &'static str)> {
        let mut tables = Vec::new();
        for step in STEPS {
            for statement in step.split(';') {
                let words: Vec<&str> = statement.split_whitespace().collect();
                let created = words.iter().position(|word| *word == "TABLE").filter(|at| {
                    words[..*at].ends_with(&["CREATE"]) || words[..*at].ends_with(&["CREATE", "VIRTUAL"])
                });
                if let Some(at) = created {
                    tables.push((words[at + 1].trim_end_matches('('), statement));
                }
            }
        }
        tables
    }

    #[test]
    fn every_table_leaves_with_an_archive_or_is_made_anew() {
        let all: BTreeSet<&str> = tables().iter().map(|(name, _)| *name).collect();
        let exported = EXPORTED.iter().map(|(name, _)| *name);
        let known: BTreeSet<&str> = exported.chain(MADE_ANEW.iter().copied()).collect();
        assert_eq!(all, known);
        assert_eq!(known.len(), EXPORTED.len() + MADE_ANEW.len(), "no table is listed twice");
    }

    #[test]
    fn every_exported_table_is_read_by_its_own_key_and_holds_nothing_but_text_and_numbers() {
        for (table, key) in EXPORTED {
            let (_, definition) = *tables().iter().find(|(name, _)| name == table).unwrap();
            let whole = definition.contains(&format!("PRIMARY KEY ({})", key.join(", ")));
            let column = key.len() == 1
                && definition.lines().any(|line| {
                    let column = line.trim().trim_start_matches(&format!("CREATE TABLE {table} ("));
                    line.contains("PRIMARY KEY")
                        && (column.starts_with(key[0]) || line.contains(&format!("({} ", key[0])))
                });
            assert!(whole || column, "{table} has another key than {key:?}: {definition}");
        }
        for step in STEPS {
            for other in ["BLOB", "REAL", "NUMERIC", "ANY"] {
                assert!(!step.split_whitespace().any(|word| word.trim_end_matches(',') == other), "{step}");
            }
        }
    }
}
