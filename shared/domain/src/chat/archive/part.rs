//! A part of an archive as text: written row by row, read in batches that go into the tables in one statement each.
//!
//! Rows stay text all the way: what SQLite wrote as JSON is what SQLite reads.

use core::str::Lines;

use serde_json::{from_str, to_string};
use slipway_contract::objects::archive::{PART_BYTES, PartHeader, TableHeader};

use super::Refused;

/// Room for a part's first line, in bytes.
const HEADER_BYTES: usize = 1024;

/// A part that is being written.
#[derive(Debug, Default)]
pub struct PartDraft {
    lines: String,
    table: Option<String>,
    rows: u64,
}

impl PartDraft {
    /// Puts rows of a table behind what is there: `lines` are `rows` arrays with the values of `columns`, with a line feed
    /// between. `false` when they do not fit: then the part is done, unless it is empty, which has room for anything.
    pub fn put(&mut self, table: &str, columns: &[String], lines: &str, rows: u64) -> bool {
        let named = self.table.as_deref() == Some(table);
        let header = TableHeader { table: table.to_owned(), columns: columns.to_vec() };
        let Some(header) = to_string(&header).ok().filter(|_| rows > 0) else { return true };
        let more = if named { 0 } else { header.len() + 1 } + lines.len() + 1;
        if self.rows > 0 && self.lines.len() + more > PART_BYTES - HEADER_BYTES {
            return false;
        }
        if !named {
            self.lines.push_str(&header);
            self.lines.push('\n');
            self.table = Some(table.to_owned());
        }
        self.lines.push_str(lines);
        self.lines.push('\n');
        self.rows += rows;
        true
    }

    /// The whole part. The header's `rows` are those that were put.
    ///
    /// # Errors
    /// Never, with contract types.
    pub fn finish(mut self, mut header: PartHeader) -> serde_json::Result<String> {
        header.rows = self.rows;
        let mut first = to_string(&header)?;
        first.push('\n');
        self.lines.insert_str(0, &first);
        Ok(self.lines)
    }
}

/// A part that is read. Gives its rows in batches.
#[derive(Debug)]
pub struct Part<'a> {
    /// Its first line.
    pub header: PartHeader,
    lines: Lines<'a>,
    held: Option<&'a str>,
    table: Option<TableHeader>,
    bytes: usize,
}

/// Rows for one statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The table.
    pub table: String,
    /// The columns, in the order of the values.
    pub columns: Vec<String>,
    /// A JSON array of the rows.
    pub rows: String,
}

const BROKEN: Refused = Refused::Damaged("a part's lines");

impl<'a> Part<'a> {
    /// Begins to read; batches have about `bytes` bytes, or one row that is longer.
    ///
    /// # Errors
    /// [`Refused`] when it does not begin as a part.
    pub fn read(text: &'a str, bytes: usize) -> Result<Self, Refused> {
        let mut lines = text.lines();
        let header = lines.next().and_then(|line| from_str(line).ok()).ok_or(BROKEN)?;
        Ok(Self { header, lines, held: None, table: None, bytes })
    }

    /// The next rows; `None` at the end.
    ///
    /// # Errors
    /// [`Refused`] for a line that is neither a table nor a row of one.
    pub fn next_batch(&mut self) -> Result<Option<Batch>, Refused> {
        let mut rows = String::new();
        while let Some(line) = self.held.take().or_else(|| self.lines.next()) {
            if line.starts_with('[') && self.table.is_some() {
                if !rows.is_empty() && rows.len() + line.len() > self.bytes {
                    self.held = Some(line);
                    break;
                }
                rows.push(if rows.is_empty() { '[' } else { ',' });
                rows.push_str(line);
            } else if line.starts_with('{') {
                if !rows.is_empty() {
                    self.held = Some(line);
                    break;
                }
                self.table = Some(from_str(line).map_err(|_| BROKEN)?);
            } else {
                return Err(BROKEN);
            }
        }
        if rows.is_empty() {
            return Ok(None);
        }
        rows.push(']');
        let TableHeader { table, columns } = self.table.clone().ok_or(BROKEN)?;
        Ok(Some(Batch { table, columns, rows }))
    }
}
