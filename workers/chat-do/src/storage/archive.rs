//! The chat's rows on their way out and back, and what is left of them meanwhile.
//!
//! `archive` is a table of its own beside the versions of the others: it is there while they are not. It exists from the
//! first archive on.

use slipway_contract::objects::archive::{ArchiveStub, ExportPlan, FORMAT, PartHeader, TableRows};
use slipway_contract::{ArchiveId, ChatId, Seq};
use slipway_domain::chat::archive::{Batch, FRONT_BYTES, FRONT_EVENTS, PartDraft, Standing};
use worker::{Error, Result};

use super::Storage;
use crate::schema::{EXPORTED, MADE_ANEW, VERSION};
use crate::sql::{Value, int};

/// Bytes of rows that are read at a time. As JSON within JSON they are twice as many at most, and no value in SQLite may
/// be longer than 2 MB.
const STRETCH_BYTES: u64 = 400_000;
/// Most rows that are read at a time.
const STRETCH_ROWS: u64 = 2_000;
/// Rows that are looked at for the first time.
const FIRST_ROWS: u64 = 1_000;
/// Bytes of rows that are put into a table in one statement.
pub(crate) const BATCH_BYTES: usize = 1_000_000;

impl Storage {
    /// How the object holds its chat.
    pub(crate) fn standing(&self) -> Result<Standing> {
        let table = self.sql.text("SELECT name FROM sqlite_master WHERE name = 'archive'", vec![])?;
        if table.is_none() {
            return Ok(Standing::Here);
        }
        let row: Option<(String, ArchiveId, Option<ArchiveStub>, u32)> =
            self.sql.row("SELECT json_array(state, archive, json(stub), parts) FROM archive", vec![])?;
        Ok(match row {
            Some((_, _, Some(stub), parts)) => Standing::Away { stub, parts },
            Some((state, archive, None, _)) if state == "sealed" => Standing::Sealed(archive),
            Some((_, archive, None, _)) => Standing::Back(archive),
            None => Standing::Here,
        })
    }

    /// From now on the object holds its chat so.
    pub(crate) fn stand(&self, standing: &Standing) -> Result<()> {
        self.sql.run(
            "CREATE TABLE IF NOT EXISTS archive (
                only INTEGER PRIMARY KEY CHECK (only = 1),
                state TEXT NOT NULL,
                archive TEXT NOT NULL,
                stub TEXT,
                parts INTEGER NOT NULL
            )",
            vec![],
        )?;
        self.sql.run("DELETE FROM archive", vec![])?;
        let (state, archive, stub, parts) = match standing {
            Standing::Here => return Ok(()),
            Standing::Sealed(archive) => ("sealed", archive, None, 0),
            Standing::Away { stub, parts } => {
                ("away", &stub.archive, Some(serde_json::to_string(stub)?), *parts)
            }
            Standing::Back(archive) => ("back", archive, None, 0),
        };
        self.sql.run(
            "INSERT INTO archive (only, state, archive, stub, parts) VALUES (1, ?, ?, ?, ?)",
            vec![state.into(), archive.to_string().into(), stub.into(), int(parts.into())],
        )?;
        self.sql.set_sealed(matches!(standing, Standing::Sealed(_)));
        Ok(())
    }

    /// What an export consists of.
    pub(crate) fn plan(&self, head: Seq) -> Result<ExportPlan> {
        let tables = EXPORTED.iter().map(|(table, _)| self.rows_of(table)).collect::<Result<Vec<_>>>()?;
        Ok(ExportPlan { schema: VERSION, first: self.first()?, head, tables })
    }

    /// The log's first event.
    pub(crate) fn first(&self) -> Result<Seq> {
        self.number("SELECT CAST(min(seq) AS TEXT) FROM events").map(Seq)
    }

    /// The log's newest event.
    pub(crate) fn newest(&self) -> Result<Seq> {
        self.number("SELECT CAST(max(seq) AS TEXT) FROM events").map(Seq)
    }

    /// How many rows a table has.
    pub(crate) fn rows_of(&self, table: &str) -> Result<TableRows> {
        let rows = self.number(&format!("SELECT CAST(count(*) AS TEXT) FROM \"{}\"", exported(table)?))?;
        Ok(TableRows { table: table.to_owned(), rows })
    }

    fn number(&self, query: &str) -> Result<u64> {
        let text = self.sql.text(query, vec![])?;
        Ok(text.and_then(|text| text.parse().ok()).unwrap_or(0))
    }

    /// A part, from a place that the part before told, or from the beginning; `None` where there is no such place.
    pub(crate) fn export(
        &self,
        chat: ChatId,
        archive: ArchiveId,
        part: u32,
        from: Option<&str>,
    ) -> Result<Option<String>> {
        let mut header = PartHeader { format: FORMAT, archive, chat, part, rows: 0, next: None };
        let (first, mut after) = match from.map(|from| from.split_once(' ')) {
            None => (0, ""),
            Some(Some((table, after))) => match EXPORTED.iter().position(|(name, _)| *name == table) {
                Some(first) => (first, after),
                None => return Ok(None),
            },
            Some(None) => return Ok(None),
        };
        let mut draft = PartDraft::default();
        let mut reached;
        'tables: for (table, key) in EXPORTED.iter().skip(first) {
            let columns = self.columns(table)?;
            let mut looked = FIRST_ROWS;
            while let Some((rows, last)) = self.stretch(table, key, &columns, after, looked)? {
                // As many as were enough and a few more: each that is looked at costs.
                looked = (rows + rows / 4 + 16).min(STRETCH_ROWS);
                let lines = self.lines(table, key, &columns, after, rows)?;
                if !draft.put(table, &columns, &lines, rows) {
                    header.next = Some(format!("{table} {after}"));
                    break 'tables;
                }
                reached = last;
                after = &reached;
            }
            after = "";
        }
        Ok(Some(draft.finish(header)?))
    }

    /// The newest events in their wire form, oldest first, as many as the front of an archive has.
    pub(crate) fn front(&self) -> Result<Vec<String>> {
        self.sql.texts(
            "SELECT event FROM (
                 SELECT seq, event, sum(octet_length(event)) OVER (ORDER BY seq DESC) AS bytes
                   FROM events ORDER BY seq DESC LIMIT ?)
              WHERE bytes <= ? ORDER BY seq",
            vec![int(FRONT_EVENTS.into()), int(FRONT_BYTES)],
        )
    }

    /// How many of the next rows are read at a time, and the key of the last of them; `None` when there are none.
    fn stretch(
        &self,
        table: &str,
        key: &[&str],
        columns: &[String],
        after: &str,
        looked: u64,
    ) -> Result<Option<(u64, String)>> {
        let keys = quoted(key);
        let behind = behind(key, after);
        let sizes: Vec<String> =
            columns.iter().map(|column| format!("coalesce(octet_length(\"{column}\"), 0)")).collect();
        let size = sizes.join(" + ");
        let found = self.sql.text(
            &format!(
                "SELECT n || ' ' || json_array({keys}) FROM (
                     SELECT {keys}, row_number() OVER rows AS n, sum({size} + 20) OVER rows AS size
                       FROM \"{table}\" {behind}
                     WINDOW rows AS (ORDER BY {keys} ROWS UNBOUNDED PRECEDING) LIMIT {looked})
                  WHERE n = 1 OR size <= {STRETCH_BYTES} ORDER BY n DESC LIMIT 1"
            ),
            bound(after),
        )?;
        let found = found.as_deref().and_then(|found| found.split_once(' '));
        Ok(found.and_then(|(rows, last)| Some((rows.parse().ok()?, last.to_owned()))))
    }

    /// The next rows, each a line.
    fn lines(&self, table: &str, key: &[&str], columns: &[String], after: &str, rows: u64) -> Result<String> {
        let keys = quoted(key);
        let behind = behind(key, after);
        let all = quoted(columns);
        let lines = self.sql.text(
            &format!(
                "SELECT group_concat(line, char(10)) FROM (
                     SELECT json_array({all}) AS line FROM \"{table}\" {behind} ORDER BY {keys} LIMIT {rows})"
            ),
            bound(after),
        )?;
        Ok(lines.unwrap_or_default())
    }

    fn columns(&self, table: &str) -> Result<Vec<String>> {
        self.sql.texts("SELECT name FROM pragma_table_info(?)", vec![table.into()])
    }

    /// Puts rows into a table. `false` when there is no such table, or it has no such columns.
    pub(crate) fn import(&self, batch: Batch) -> Result<bool> {
        let Batch { table, columns, rows } = batch;
        let known = self.columns(&table)?;
        if exported(&table).is_err() || !columns.iter().all(|column| known.contains(column)) {
            return Ok(false);
        }
        let names = quoted(&columns);
        let values: Vec<String> = (0..columns.len()).map(|at| format!("value ->> {at}")).collect();
        let values = values.join(", ");
        self.sql.run(
            &format!("INSERT INTO \"{table}\" ({names}) SELECT {values} FROM json_each(?)"),
            vec![Value::String(rows)],
        )?;
        Ok(true)
    }

    /// Words are gathered from the log again.
    pub(crate) fn forget_all_words(&self) -> Result<()> {
        self.sql.run("UPDATE chat SET worded = 0", vec![])
    }

    /// Drops every table of the chat.
    pub(crate) fn drop_all(&self) -> Result<()> {
        let exported = EXPORTED.iter().map(|(table, _)| *table);
        for table in exported.chain(MADE_ANEW.iter().copied()) {
            self.sql.run(&format!("DROP TABLE IF EXISTS {table}"), vec![])?;
        }
        Ok(())
    }
}

/// A table's name, if it is one of those that leave: nothing else gets into a statement.
fn exported(table: &str) -> Result<&'static str> {
    let known = EXPORTED.iter().find(|(name, _)| *name == table).map(|(name, _)| *name);
    known.ok_or_else(|| Error::RustError("no table of an archive".to_owned()))
}

/// Names as SQL takes them, whatever they are.
fn quoted(names: &[impl AsRef<str>]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("\"{}\"", name.as_ref())).collect();
    names.join(", ")
}

/// The condition for rows behind a key.
fn behind(key: &[&str], after: &str) -> String {
    if after.is_empty() {
        return String::new();
    }
    let places: Vec<String> = (0..key.len()).map(|at| format!("?1 ->> {at}")).collect();
    format!("WHERE ({}) > ({})", quoted(key), places.join(", "))
}

fn bound(after: &str) -> Vec<Value> {
    if after.is_empty() { vec![] } else { vec![after.into()] }
}
