//! Reading an archive from R2: all of it before the object gives up its rows, and piece by piece when it wants them back.
//!
//! Invariant: nothing is handed on that is not what was put there.

use futures::{StreamExt, stream};
use slipway_contract::objects::archive::{ArchiveManifest, ArchivePart, FORMAT};
use slipway_contract::{Problem, ProblemCode};
use slipway_edge::clock;
use slipway_edge::digest::sha256;
use slipway_edge::log::Line;
use worker::Bucket;
use worker::web_sys::ReadableStream;

use super::book::{Book, Measure, Wrong};
use super::pack::Held;
use super::{Place, away, bucket};
use crate::errand::Errand;

/// Largest manifest, in bytes: of 10,000 parts, some 250 bytes each.
const MANIFEST_BYTES: u64 = 4 * 1024 * 1024;

/// Parts that are read at once, and so are in memory.
const AT_ONCE: usize = 2;

/// An archive cannot be read.
pub(crate) enum NotRead {
    /// R2 has not what was put there; why.
    Damaged(&'static str),
    /// R2 cannot be reached, as callers are told.
    Problem(Problem),
}

impl From<Problem> for NotRead {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<Wrong> for NotRead {
    fn from(Wrong(cause): Wrong) -> Self {
        Self::Damaged(cause)
    }
}

impl NotRead {
    /// What the object is told that wants its rows back.
    fn told(self, errand: &Errand, place: Place) -> Problem {
        match self {
            Self::Problem(problem) => problem,
            Self::Damaged(cause) => {
                place.line(errand, Line::error("archive_damaged")).name("cause", cause).emit();
                Problem::new(ProblemCode::ArchiveDamaged).detail(
                    "What is kept of this chat is not what was put there. It is kept as it is; nothing was restored.",
                )
            }
        }
    }
}

/// Reads everything back and holds it against the manifest, and that against its SHA-256.
///
/// # Errors
/// See [`NotRead`].
pub(super) async fn all(errand: &Errand, place: Place, digest: &str) -> Result<(), NotRead> {
    let bucket = bucket(errand)?;
    let bytes = manifest_bytes(errand, place, &bucket).await?;
    let lost = |error: worker::Error| NotRead::Problem(away(errand, place, &error));
    if sha256(&bytes).await.map_err(lost)? != digest {
        return Err(NotRead::Damaged("the manifest has another digest"));
    }
    let manifest = read(place, &bytes)?;
    let mut book = Book::new(place);
    if let Some(front) = &manifest.front {
        let (raw, own, packed) = unpacked(errand, place, &bucket, front).await?;
        book.take_front(&raw.read(), own, packed)?;
    }
    let parts = stream::iter(&manifest.parts).map(|part| unpacked(errand, place, &bucket, part));
    let mut parts = parts.buffered(AT_ONCE);
    while let Some(part) = parts.next().await {
        let (raw, own, packed) = part?;
        book.take(&raw.read(), own, packed)?;
        clock::pause().await;
    }
    Ok(book.compare(&manifest)?)
}

/// The manifest as it was written.
///
/// # Errors
/// `archive_damaged` when it is not there, `unavailable`.
pub(crate) async fn manifest(errand: &Errand, place: Place) -> Result<Vec<u8>, Problem> {
    let read = manifest_bytes(errand, place, &bucket(errand)?).await;
    read.map_err(|not| not.told(errand, place))
}

/// A part's JSON lines, as they come, once the packed form was found to be what was put there.
///
/// # Errors
/// `archive_damaged` when it is not, or not there, `unavailable`.
pub(crate) async fn lines(errand: &Errand, place: Place, number: u32) -> Result<ReadableStream, Problem> {
    let found = async {
        let bucket = bucket(errand)?;
        let manifest = read(place, &manifest_bytes(errand, place, &bucket).await?)?;
        let part = manifest.front.iter().chain(&manifest.parts).find(|part| part.part == number);
        let part = part.ok_or(NotRead::Damaged("the manifest has no such part"))?;
        let (packed, _) = packed(errand, place, &bucket, part).await?;
        packed.unpacking().map_err(|error| NotRead::Problem(away(errand, place, &error)))
    };
    found.await.map_err(|not: NotRead| not.told(errand, place))
}

async fn manifest_bytes(errand: &Errand, place: Place, bucket: &Bucket) -> Result<Vec<u8>, NotRead> {
    let lost = |error: worker::Error| NotRead::Problem(away(errand, place, &error));
    let found = bucket.get(place.manifest()).execute().await.map_err(lost)?;
    let found = found.ok_or(NotRead::Damaged("there is no manifest"))?;
    if found.size() > MANIFEST_BYTES {
        return Err(NotRead::Damaged("the manifest is too large"));
    }
    found.body().ok_or(NotRead::Damaged("the manifest has no body"))?.bytes().await.map_err(lost)
}

fn read(place: Place, bytes: &[u8]) -> Result<ArchiveManifest, NotRead> {
    let manifest: ArchiveManifest =
        serde_json::from_slice(bytes).map_err(|_| NotRead::Damaged("the manifest cannot be read"))?;
    let own = (1..=FORMAT).contains(&manifest.format)
        && (manifest.org, manifest.chat, manifest.archive) == (place.org, place.chat, place.archive);
    if own { Ok(manifest) } else { Err(NotRead::Damaged("the manifest is another archive's")) }
}

/// A part as it lies in R2.
async fn packed(
    errand: &Errand,
    place: Place,
    bucket: &Bucket,
    part: &ArchivePart,
) -> Result<(Held, Measure), NotRead> {
    let lost = |error: worker::Error| NotRead::Problem(away(errand, place, &error));
    let found = bucket.get(place.part(part.part)).execute().await.map_err(lost)?;
    let found = found.ok_or(NotRead::Damaged("a part is not there"))?;
    if found.size() != part.packed_bytes {
        return Err(NotRead::Damaged("a part has another size"));
    }
    let body = found.body().ok_or(NotRead::Damaged("a part has no body"))?;
    let packed = Held::object(body).await.map_err(lost)?;
    let measure = packed.measure().await.map_err(lost)?;
    if (measure.bytes, &measure.sha256) == (part.packed_bytes, &part.packed_sha256) {
        Ok((packed, measure))
    } else {
        Err(NotRead::Damaged("a part has another digest"))
    }
}

/// A part's lines, what they are, and what they are in R2.
async fn unpacked(
    errand: &Errand,
    place: Place,
    bucket: &Bucket,
    part: &ArchivePart,
) -> Result<(Held, Measure, Measure), NotRead> {
    let (packed, measure) = packed(errand, place, bucket, part).await?;
    let raw = packed.unpacked().await.map_err(|_| NotRead::Damaged("a part cannot be unpacked"))?;
    let own = raw.measure().await.map_err(|error| NotRead::Problem(away(errand, place, &error)))?;
    if (own.bytes, &own.sha256) == (part.raw_bytes, &part.raw_sha256) {
        Ok((raw, own, measure))
    } else {
        Err(NotRead::Damaged("a part's lines have another digest"))
    }
}
