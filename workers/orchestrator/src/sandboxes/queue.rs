//! Gives free places to the sandboxes that wait, the oldest first.
//!
//! Invariant: a place is taken, the sandbox begins to start and its driver is named in one transaction; so no two drive the
//! same start, and a place is never taken for nothing.

use slipway_contract::sandbox::SandboxReason;
use slipway_contract::{OrgId, SandboxId};
use slipway_domain::sandbox::{Effect, Happened, decide};
use slipway_store::places::{self, Answer};
use slipway_store::sandboxes::{self, StoredSandbox};
use slipway_store::{OrgDb, StoreError};

use super::change::{Changes, Trouble};
use super::words;
use crate::errand::Errand;
use crate::executor::Executor;

/// How long a start is somebody's own, in milliseconds: most take a tenth of that. When it ends too early, two drive it:
/// the executor makes a sandbox once however often it is asked. When it ends late, a start whose driver died waits.
pub(crate) const LEASE_MS: i64 = 10_000;

/// A sandbox that begins to start, or must not; and what is to be done about it.
pub(crate) type Begun = (StoredSandbox, Vec<Effect>);

impl Changes<'_> {
    /// Places that executors have. One that gives no answer counts as one, so that somebody tries and says so.
    pub(crate) async fn free_places(&self) -> usize {
        let mut free = 0;
        for host in self.hosts.iter() {
            free += Executor::new(host, self.errand).free_places().await.unwrap_or(1);
        }
        free
    }

    /// Gives places to at most `most` sandboxes of an org.
    ///
    /// # Errors
    /// The database cannot be reached. What began by then goes on by the sweeps.
    pub(crate) async fn give_places(&mut self, org: OrgId, most: usize) -> Result<Vec<Begun>, Trouble> {
        let mut begun = Vec::new();
        while begun.len() < most {
            let mut rows = self.link.rows(org).await?;
            match next(&mut rows, None, self.errand).await {
                Ok(Some(next)) => {
                    let kept = self.link.commit(rows).await;
                    kept.map_err(|error| self.errand.refuse(&error))?;
                    begun.push(next);
                }
                Ok(None) => {
                    self.link.done(rows);
                    break;
                }
                // Somebody else gives the places.
                Err(StoreError::Overtaken { .. }) => break,
                Err(error) => return Err(self.errand.refuse(&error).into()),
            }
        }
        Ok(begun)
    }
}

/// Gives a place to the oldest that waits, or to nobody unless that is `only`.
pub(super) async fn next(
    rows: &mut OrgDb,
    only: Option<SandboxId>,
    errand: &Errand,
) -> Result<Option<Begun>, StoreError> {
    let first = sandboxes::claim_next(rows).await?;
    let Some(before) = first.filter(|first| only.is_none_or(|only| only == first.id)) else {
        return Ok(None);
    };
    let now = errand.now();
    let happened = match places::take(rows, before.user, now).await? {
        Answer::Taken => Happened::PlaceGiven,
        Answer::Full(_) => return Ok(None),
        Answer::NoTime(whose) => over(words::no_time(whose)),
        Answer::NoEgress(whose) => over(words::no_egress(whose)),
    };
    let Ok(step) = decide(&before.sandbox, &happened, now, &errand.rules()) else { return Ok(None) };
    let after = sandboxes::advance(rows, &before, &step, now).await?;
    sandboxes::lease(rows, after.id, &errand.request.to_string(), now, now.plus_ms(LEASE_MS)).await?;
    Ok(Some((after, step.effects)))
}

fn over(why: &str) -> Happened {
    Happened::StopAsked { reason: SandboxReason::QuotaReached, detail: Some(why.to_owned()) }
}
