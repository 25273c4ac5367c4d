//! A sealed chat is read out of its object into R2, part by part, the manifest last.
//!
//! Invariant: no more is in memory than one part as it is, and [`AT_ONCE`] and two more that are packed.

use core::future::poll_fn;

use futures::channel::mpsc;
use futures::future::try_join;
use futures::{StreamExt, TryStreamExt};
use slipway_contract::objects::archive::{ExportPlan, FRONT};
use slipway_contract::{Problem, ProblemCode};
use slipway_edge::clock;
use slipway_edge::digest::sha256;
use slipway_edge::log::Line;
use slipway_store::archives::Exported;

use super::book::{Book, Measure, Wrong};
use super::pack::Held;
use super::{Place, away, bucket, object};
use crate::errand::Errand;

/// Parts that are on their way into R2 at once, while the next is read.
const AT_ONCE: usize = 4;

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
    let (mut ready, packed) = mpsc::channel::<(u32, Held)>(0);
    let read = async {
        let mut book = Book::new(place);
        let part = Part::read(errand, place, FRONT, None).await?;
        book.take_front(&part.lines, part.own, part.measure).map_err(wrong)?;
        hand_on(&mut ready, FRONT, part.packed).await;
        while let Some((number, from)) = book.next() {
            let part = Part::read(errand, place, number, from).await?;
            book.take(&part.lines, part.own, part.measure).map_err(wrong)?;
            hand_on(&mut ready, number, part.packed).await;
            clock::pause().await;
        }
        drop(ready);
        Ok(book)
    };
    let put = packed.map(Ok).try_for_each_concurrent(AT_ONCE, async |(number, packed): (u32, Held)| {
        let stream = packed.stream().map_err(lost)?;
        bucket.put(place.part(number), stream).execute().await.map(drop).map_err(lost)
    });
    let (book, ()) = try_join(read, put).await?;
    let manifest = book.close(plan, begun).map_err(wrong)?;
    let bytes = serde_json::to_vec(&manifest).map_err(|_| ProblemCode::Internal)?;
    let manifest_sha256 = sha256(&bytes).await.map_err(lost)?;
    bucket.put(place.manifest(), bytes).execute().await.map_err(lost)?;
    Ok(Exported {
        head: manifest.head,
        parts: u64::try_from(manifest.parts.len()).unwrap_or(u64::MAX),
        raw_bytes: manifest.parts.iter().map(|part| part.raw_bytes).sum(),
        packed_bytes: manifest.parts.iter().map(|part| part.packed_bytes).sum(),
        manifest_sha256,
    })
}

/// A part that was read out.
struct Part {
    lines: Vec<u8>,
    own: Measure,
    packed: Held,
    measure: Measure,
}

impl Part {
    async fn read(errand: &Errand, place: Place, number: u32, from: Option<String>) -> Result<Self, Problem> {
        let lost = |error: worker::Error| away(errand, place, &error);
        let raw = object::part(errand, place, number, from).await?;
        let packed = raw.packed().await.map_err(lost)?;
        let (own, measure) = try_join(raw.measure(), packed.measure()).await.map_err(lost)?;
        Ok(Self { lines: raw.read(), own, packed, measure })
    }
}

/// Waits until somebody takes it. Nobody does once putting has failed, and then this is given up with it.
async fn hand_on(ready: &mut mpsc::Sender<(u32, Held)>, number: u32, packed: Held) {
    if poll_fn(|context| ready.poll_ready(context)).await.is_ok() {
        let _gone = ready.start_send((number, packed));
    }
}
