//! A sealed chat is read out of its object into R2, part by part, the manifest last.
//!
//! Invariant: never more than one part is in memory as it is, and two packed.

use futures::future::try_join;
use slipway_contract::objects::archive::ExportPlan;
use slipway_contract::{Problem, ProblemCode};
use slipway_edge::log::Line;
use slipway_store::archives::Exported;

use super::book::{Book, FRONT, Measure, Wrong};
use super::{Place, away, bucket, object, pack};
use crate::errand::Errand;

/// Reads out everything; answers what it came to.
///
/// # Errors
/// The seal is gone, something cannot be reached, or the object does not give what it said.
pub(super) async fn all(errand: &Errand, place: Place, plan: &ExportPlan) -> Result<Exported, Problem> {
    let begun = errand.now();
    let bucket = bucket(errand)?;
    let lost = |error: worker::Error| away(errand, place, &error);
    let wrong = |Wrong(cause)| {
        place.line(errand, Line::error("export_unfit")).name("cause", cause).emit();
        Problem::new(ProblemCode::Internal)
    };
    let mut book = Book::new(place);
    let part = async |number, from| {
        let raw = object::part(errand, place, number, from).await?;
        let packed = pack::packed(&raw).await.map_err(lost)?;
        let measures = (Measure::of(&raw).await.map_err(lost)?, Measure::of(&packed).await.map_err(lost)?);
        Ok::<_, Problem>((raw, packed, measures))
    };
    let put = async |number, packed: Vec<u8>| {
        bucket.put(place.part(number), packed).execute().await.map(drop).map_err(lost)
    };
    let (raw, packed, (own, measure)) = part(FRONT, None).await?;
    book.take_front(&raw, own, measure).map_err(wrong)?;
    let mut read = (FRONT, packed);
    while let Some((number, from)) = book.next() {
        // One part is on its way into R2 while the next is read.
        let ((raw, packed, (own, measure)), ()) = try_join(part(number, from), put(read.0, read.1)).await?;
        book.take(&raw, own, measure).map_err(wrong)?;
        read = (number, packed);
    }
    put(read.0, read.1).await?;
    let manifest = book.close(plan, begun).map_err(wrong)?;
    let bytes = serde_json::to_vec(&manifest).map_err(|_| ProblemCode::Internal)?;
    let manifest_sha256 = Measure::of(&bytes).await.map_err(lost)?.sha256;
    bucket.put(place.manifest(), bytes).execute().await.map_err(lost)?;
    Ok(Exported {
        head: manifest.head,
        parts: u64::try_from(manifest.parts.len()).unwrap_or(u64::MAX),
        raw_bytes: manifest.parts.iter().map(|part| part.raw_bytes).sum(),
        packed_bytes: manifest.parts.iter().map(|part| part.packed_bytes).sum(),
        manifest_sha256,
    })
}
