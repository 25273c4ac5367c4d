//! What an archive's parts say of themselves: read once when they are made, and again when they are read back.
//!
//! Invariant: no row is counted that does not stand under its table, and no part that is not the next one.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};
use slipway_contract::Timestamp;
use slipway_contract::objects::archive::{
    ArchiveManifest, ArchivePart, ExportPlan, FORMAT, FRONT, PartHeader, TableHeader, TableRows,
};

use super::Place;

/// An archive whose parts are read one after the other.
pub(super) struct Book {
    place: Place,
    parts: Vec<ArchivePart>,
    front: Option<ArchivePart>,
    tables: BTreeMap<String, u64>,
    digest: Sha256,
    /// Where the next part begins; absent before the first and after the last.
    next: Option<String>,
    ended: bool,
}

/// It is not what it should be; why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wrong(pub(super) &'static str);

/// A part's size and digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Measure {
    pub(super) bytes: u64,
    pub(super) sha256: String,
}

impl Book {
    pub(super) fn new(place: Place) -> Self {
        let (parts, tables) = (Vec::new(), BTreeMap::new());
        Self { place, parts, front: None, tables, digest: Sha256::new(), next: None, ended: false }
    }

    /// The number of the part that comes next and where it begins; `None` when there is none.
    pub(super) fn next(&self) -> Option<(u32, Option<String>)> {
        let number = u32::try_from(self.parts.len()).ok()?.checked_add(1)?;
        (!self.ended).then(|| (number, self.next.clone()))
    }

    /// Takes in the front: its lines, what they are, and what they are in R2.
    pub(super) fn take_front(&mut self, raw: &[u8], own: Measure, packed: Measure) -> Result<(), Wrong> {
        let (header, _) = self.header(raw, FRONT)?;
        self.front = Some(part(FRONT, header.rows, own, packed));
        Ok(())
    }

    /// Takes in the next part: its lines, what they are, and what they are in R2.
    pub(super) fn take(&mut self, raw: &[u8], own: Measure, packed: Measure) -> Result<(), Wrong> {
        let Some((number, _)) = self.next() else { return Err(Wrong("a part follows the last one")) };
        let (header, lines) = self.header(raw, number)?;
        let rows = self.rows(lines)?;
        if rows != header.rows {
            return Err(Wrong("a part has another number of rows"));
        }
        self.digest.update(&own.sha256);
        self.digest.update(b"\n");
        self.parts.push(part(number, rows, own, packed));
        self.ended = header.next.is_none();
        self.next = header.next;
        Ok(())
    }

    /// What a part says of itself, and its other lines, if it is this one.
    fn header<'l>(
        &self,
        raw: &'l [u8],
        number: u32,
    ) -> Result<(PartHeader, impl Iterator<Item = &'l [u8]> + use<'l>), Wrong> {
        let mut lines = raw.split_inclusive(|byte| *byte == b'\n');
        let header = lines.next().and_then(whole).ok_or(Wrong("a part has no header"))?;
        let header: PartHeader =
            serde_json::from_slice(header).map_err(|_| Wrong("a part's header cannot be read"))?;
        let own = header.format == FORMAT
            && header.archive == self.place.archive
            && header.chat == self.place.chat
            && header.part == number;
        if own { Ok((header, lines)) } else { Err(Wrong("a part is another one")) }
    }

    /// Counts rows by their tables.
    fn rows<'l>(&mut self, lines: impl Iterator<Item = &'l [u8]>) -> Result<u64, Wrong> {
        let (mut table, mut rows) = (None::<String>, 0);
        for line in lines {
            let line = whole(line).ok_or(Wrong("a line is not ended"))?;
            match line.first() {
                Some(b'[') => {
                    let table = table.as_ref().ok_or(Wrong("a row stands under no table"))?;
                    if let Some(counted) = self.tables.get_mut(table) {
                        *counted += 1;
                    }
                    rows += 1;
                }
                Some(b'{') => {
                    let header: TableHeader =
                        serde_json::from_slice(line).map_err(|_| Wrong("a table's header cannot be read"))?;
                    self.tables.entry(header.table.clone()).or_default();
                    table = Some(header.table);
                }
                Some(_) | None => return Err(Wrong("a line is neither a row nor a table")),
            }
        }
        Ok(rows)
    }

    /// Whether every table has as many rows as it should, and there are no others. A table without rows need not be named.
    fn tables_are(&self, tables: &[TableRows]) -> Result<(), Wrong> {
        let counted = |table: &str| self.tables.get(table).copied().unwrap_or_default();
        let known = |table: &str| tables.iter().any(|one| one.table == table);
        if tables.iter().all(|one| counted(&one.table) == one.rows)
            && self.tables.keys().all(|table| known(table))
        {
            Ok(())
        } else {
            Err(Wrong("a table has another number of rows"))
        }
    }

    fn sha256(&self) -> String {
        hexadecimal(&self.digest.clone().finalize())
    }

    /// The manifest of what was taken in, if that is all of the plan.
    pub(super) fn close(self, plan: &ExportPlan, created_at: Timestamp) -> Result<ArchiveManifest, Wrong> {
        if !self.ended {
            return Err(Wrong("a part is missing"));
        }
        self.tables_are(&plan.tables)?;
        let sha256 = self.sha256();
        let Place { org, chat, archive } = self.place;
        Ok(ArchiveManifest {
            format: FORMAT,
            archive,
            org,
            chat,
            created_at,
            schema: plan.schema,
            first: plan.first,
            head: plan.head,
            tables: plan.tables.clone(),
            parts: self.parts,
            front: self.front,
            sha256,
        })
    }

    /// Whether what was taken in is what a manifest says.
    pub(super) fn compare(&self, manifest: &ArchiveManifest) -> Result<(), Wrong> {
        if !self.ended || self.parts != manifest.parts || self.front != manifest.front {
            return Err(Wrong("the parts are not those of the manifest"));
        }
        self.tables_are(&manifest.tables)?;
        if self.sha256() == manifest.sha256 {
            Ok(())
        } else {
            Err(Wrong("the digest of the whole is another"))
        }
    }
}

fn part(part: u32, rows: u64, own: Measure, packed: Measure) -> ArchivePart {
    ArchivePart {
        part,
        rows,
        raw_bytes: own.bytes,
        raw_sha256: own.sha256,
        packed_bytes: packed.bytes,
        packed_sha256: packed.sha256,
    }
}

/// A line without its end; `None` when it has none.
fn whole(line: &[u8]) -> Option<&[u8]> {
    line.strip_suffix(b"\n")
}

/// Digits of a digest.
fn hexadecimal(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
