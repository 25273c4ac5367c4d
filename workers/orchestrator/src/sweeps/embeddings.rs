//! What context items mean: those are embedded that are new, were changed, or were embedded by another model.
//!
//! Invariants: a call has texts of one org alone; without vectors in Postgres, or without a model, nothing is sent to
//! anybody; an item that the model does not take keeps no other from being embedded.

use slipway_contract::{OrgId, Problem, ProblemCode};
use slipway_domain::context::meant;
use slipway_edge::log::Line;
use slipway_llm::ErrorKind;
use slipway_store::context_search::{self, ToEmbed};
use slipway_store::page::Page;

use super::Round;
use crate::engine::Embedder;
use crate::sandboxes::Changes;

/// Orgs that a round looks at.
const ORGS: u32 = 50;
/// Calls of a round: an item that the model does not take is told from 31 others by six.
const CALLS: u32 = 8;
/// When a model is asked again about what it did not take, in milliseconds: a day.
const AGAIN_MS: i64 = 24 * 60 * 60_000;

pub(super) async fn sweep(changes: &mut Changes<'_>, cursor: Option<String>) -> Result<Round, Problem> {
    let errand = changes.errand;
    let Some(embedder) = Embedder::of(errand) else { return Ok(Round::default()) };
    let page = Page::<OrgId> { limit: ORGS, after: cursor.and_then(|cursor| cursor.parse().ok()) };
    let mut rows = changes.link.sweeps().await?;
    let there = context_search::has_vectors(&mut rows).await.map_err(|error| errand.refuse(&error))?;
    if !there {
        changes.link.done_sweeps(rows);
        return Ok(Round::default());
    }
    let part = context_search::orgs_to_embed(&mut rows, embedder.name(), errand.now(), &page).await;
    let part = part.map_err(|error| errand.refuse(&error))?;
    changes.link.done_sweeps(rows);
    let mut round = Round::default();
    let mut calls = CALLS;
    let mut last = None;
    for org in &part.items {
        match one(changes, &embedder, *org, &mut calls).await {
            Ok(went) => round.looked += went,
            // What fails one call fails the next: the round after this one tries again, from the beginning.
            Err(problem) => {
                round.failed += 1;
                Line::warn("org_not_embedded").request(errand.request).org(*org).code(problem.code).emit();
                return Ok(round);
            }
        }
        if calls == 0 {
            round.cursor = last.map(|org: OrgId| org.to_string());
            return Ok(round);
        }
        last = Some(*org);
    }
    round.cursor = last.filter(|_| part.more).map(|org| org.to_string());
    Ok(round)
}

/// Embeds items of an org until all are, or the round has no more calls; how many were.
async fn one(
    changes: &mut Changes<'_>,
    embedder: &Embedder<'_>,
    org: OrgId,
    calls: &mut u32,
) -> Result<usize, Problem> {
    let most = u64::try_from(Embedder::TEXTS).unwrap_or(u64::MAX);
    let mut went = 0;
    while *calls > 0 {
        let mut rows = changes.link.rows(org).await?;
        let items = context_search::to_embed(&mut rows, embedder.name(), changes.errand.now(), most).await;
        let items = changes.link.written(rows, items).await?;
        if items.is_empty() {
            break;
        }
        let mut waiting: Vec<&[ToEmbed]> = vec![&items];
        while let Some(batch) = waiting.pop() {
            if *calls == 0 {
                return Ok(went);
            }
            *calls -= 1;
            match ask(changes, embedder, org, batch).await? {
                Taken::Done => went += batch.len(),
                Taken::NotTogether => {
                    let (first, second) = batch.split_at(batch.len() / 2);
                    waiting.extend([second, first]);
                }
            }
        }
    }
    Ok(went)
}

/// How a call went.
enum Taken {
    /// What is known of its items is written.
    Done,
    /// The model does not take one of them.
    NotTogether,
}

async fn ask(
    changes: &mut Changes<'_>,
    embedder: &Embedder<'_>,
    org: OrgId,
    batch: &[ToEmbed],
) -> Result<Taken, Problem> {
    let texts: Vec<String> = batch.iter().map(|item| meant(&item.title, &item.text, &item.tags)).collect();
    let answer = embedder.embed(&texts).await;
    let now = changes.errand.now();
    match (answer, batch) {
        (Ok(numbers), _) => {
            let mut rows = changes.link.rows(org).await?;
            let kept = context_search::keep(&mut rows, embedder.name(), batch, &numbers, now).await;
            changes.link.written(rows, kept).await?;
            Ok(Taken::Done)
        }
        (Err(error), [item]) if is_of_the_text(error.kind()) => {
            let again = now.plus_ms(AGAIN_MS);
            let mut rows = changes.link.rows(org).await?;
            let kept = context_search::refused(&mut rows, embedder.name(), item, now, again).await;
            changes.link.written(rows, kept).await?;
            Ok(Taken::Done)
        }
        (Err(error), _) if is_of_the_text(error.kind()) => Ok(Taken::NotTogether),
        // Why is in the log.
        (Err(_), _) => Err(ProblemCode::Unavailable.into()),
    }
}

/// Does a failure lie in what was sent, so that less of it may do?
const fn is_of_the_text(kind: ErrorKind) -> bool {
    match kind {
        ErrorKind::InvalidRequest | ErrorKind::ContextTooLong | ErrorKind::Refused => true,
        ErrorKind::Authentication
        | ErrorKind::RateLimited { .. }
        | ErrorKind::QuotaExhausted
        | ErrorKind::Overloaded { .. }
        | ErrorKind::ServerError
        | ErrorKind::UnknownModel
        | ErrorKind::Timeout
        | ErrorKind::Connection
        | ErrorKind::Protocol
        | ErrorKind::NotConfigured => false,
    }
}
