//! Chats whose events are long past: their own clocks cannot be turned back, but what they have written can.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use rusqlite::Connection;
use tokio::task::block_in_place;

use crate::scene::{Own, stored};

/// A moment before any that is kept.
const LONG_AGO: &str = "2020-01-01T00:00:00.000Z";

/// Everything that was said and done in the chats of the stack until now happened long ago.
pub(crate) async fn age(own: &mut Own) -> Result<()> {
    own.bed.stack.kill();
    let mut aged = 0;
    for file in databases(&own.bed.folder().join("workers"))? {
        aged += age_events(&file)?;
    }
    ensure!(aged > 0, "there is no chat yet");
    block_in_place(|| own.bed.stack.restart())?;
    own.world.sql("UPDATE chats SET created_at = '2020-01-01' WHERE chat_id <> $1", "").await.map(drop)
}

/// How many events a database has; none where it is another object's.
fn age_events(file: &Path) -> Result<usize> {
    let database = Connection::open(file)?;
    let is_chat: bool = database.query_row(
        "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'events')",
        [],
        |row| row.get(0),
    )?;
    if !is_chat {
        return Ok(0);
    }
    Ok(database.execute("UPDATE events SET event = json_set(event, '$.at', ?1)", [LONG_AGO])?)
}

fn databases(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    stored(folder, &mut files)?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "sqlite"));
    Ok(files)
}
