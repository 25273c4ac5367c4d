//! Whether what R2 gave is what left.

use slipway_contract::ChatId;
use slipway_contract::Seq;
use slipway_contract::objects::archive::{
    ArchiveManifest, ArchivePart, ArchiveStub, FORMAT, PartHeader, TableRows,
};

/// Why nothing is restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It is not what was put there; what is wrong, for the logs.
    Damaged(&'static str),
    /// A later version wrote it: this one has to go first.
    Newer,
}

/// Whether a manifest is the one that the chat left with, and can be read. `sha256` is of its bytes; `schema` is the
/// newest version of the tables that is known here.
///
/// # Errors
/// [`Refused`].
pub fn check_manifest(
    manifest: &ArchiveManifest,
    sha256: &str,
    stub: &ArchiveStub,
    chat: ChatId,
    schema: u32,
) -> Result<(), Refused> {
    let rows: u64 = manifest.tables.iter().map(|table| table.rows).sum();
    let in_parts: u64 = manifest.parts.iter().map(|part| part.rows).sum();
    let wrong = [
        (sha256 != stub.manifest_sha256, "the manifest's digest"),
        (manifest.archive != stub.archive, "the manifest's archive"),
        (manifest.org != stub.org || manifest.chat != chat, "the manifest's chat"),
        (manifest.head != stub.head, "the manifest's newest event"),
        (manifest.parts.is_empty(), "the manifest has no parts"),
        (!(1..).zip(&manifest.parts).all(|(number, part)| part.part == number), "the parts' numbers"),
        (rows != in_parts, "the manifest's rows"),
        (manifest.format == 0 || manifest.schema == 0, "the manifest's versions"),
    ];
    if let Some((_, what)) = wrong.into_iter().find(|(wrong, _)| *wrong) {
        return Err(Refused::Damaged(what));
    }
    if manifest.format > FORMAT || manifest.schema > schema { Err(Refused::Newer) } else { Ok(()) }
}

/// The parts that come after `done` parts, one after the other.
pub fn parts_after(manifest: &ArchiveManifest, done: u32) -> impl Iterator<Item = &ArchivePart> {
    manifest.parts.iter().filter(move |part| part.part > done)
}

/// Whether a part is the one that left. `sha256` is of its `bytes` bytes.
///
/// # Errors
/// [`Refused`].
pub fn check_part(
    part: &ArchivePart,
    bytes: usize,
    sha256: &str,
    header: &PartHeader,
    manifest: &ArchiveManifest,
) -> Result<(), Refused> {
    let wrong = [
        (part.raw_bytes != bytes as u64, "a part's size"),
        (part.raw_sha256 != sha256, "a part's digest"),
        (header.archive != manifest.archive || header.chat != manifest.chat, "a part's archive"),
        (header.part != part.part, "a part's number"),
        (header.rows != part.rows, "a part's rows"),
        (header.format != manifest.format, "a part's format"),
    ];
    wrong.into_iter().find(|(wrong, _)| *wrong).map_or(Ok(()), |(_, what)| Err(Refused::Damaged(what)))
}

/// Whether the tables have what the manifest says, once all parts are back.
///
/// # Errors
/// [`Refused`].
pub fn check_whole(
    manifest: &ArchiveManifest,
    tables: &[TableRows],
    first: Seq,
    head: Seq,
) -> Result<(), Refused> {
    if manifest.tables != tables {
        return Err(Refused::Damaged("the tables' rows"));
    }
    let whole = manifest.first == first && manifest.head == head;
    if whole { Ok(()) } else { Err(Refused::Damaged("the first or newest event")) }
}
