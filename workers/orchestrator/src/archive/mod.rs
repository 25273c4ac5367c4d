//! Archives of chats: from their objects into R2, and back out for whoever opens them.
//!
//! Order: the row says what is about to happen, then it happens, then the row says what came of it. What may follow is
//! decided by `slipway_domain::archive`; whoever dies in between leaves a row that a sweep goes on from.
//! Invariant: an object of R2 is written once, under an archive's own name, and never changed.

mod book;
mod export;
mod object;
mod pack;
mod verify;

use slipway_contract::objects::archive::{ExportAnswer, ExportPlan};
use slipway_contract::{Actor, ArchiveId, ChatId, OrgId, Problem, ProblemCode};
use slipway_domain::archive::{ArchiveState, Deed, Fact};
use slipway_edge::ids;
use slipway_edge::log::Line;
use slipway_store::archives::{self, Begun, Exported, Moment, StoredArchive};
use slipway_store::{StoreError, audit};
use worker::Bucket;

use crate::artifacts::BUCKET;
use crate::errand::Errand;
use crate::outgoing;
use crate::sandboxes::link::Link;

pub(crate) use verify::{lines, manifest};

/// How long reading a chat out or back may take, in milliseconds: ten times what 100,000 messages take.
const PASSAGE_MS: u64 = 100_000;
/// How long an archive is one owner's from its last step on, in milliseconds: longer than a step, which is at most a passage
/// and what is asked around it, and then whoever was at it writes nothing more.
const LEASE_MS: i64 = 180_000;
/// Objects that R2 removes at once.
const AT_ONCE: u32 = 500;

/// Archives chats, for one errand.
pub(crate) struct Archives<'a> {
    errand: &'a Errand,
    link: Link<'a>,
}

/// What came of asking for an archive.
pub(crate) enum Asked {
    /// It is sealed; the caller goes on with [`Archives::carry_out`].
    Begun(StoredArchive, ExportPlan),
    /// The chat has one that is being made, or is archived.
    There(StoredArchive),
}

/// Where the objects of an archive lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) org: OrgId,
    pub(crate) chat: ChatId,
    pub(crate) archive: ArchiveId,
}

impl Place {
    const fn of(stored: &StoredArchive) -> Self {
        Self { org: stored.org, chat: stored.chat, archive: stored.id }
    }

    fn folder(self) -> String {
        let Self { org, chat, archive } = self;
        format!("orgs/{org}/chats/{chat}/archives/{archive}/")
    }

    fn manifest(self) -> String {
        format!("{}manifest.json", self.folder())
    }

    fn part(self, number: u32) -> String {
        format!("{}part-{number:05}.jsonl.gz", self.folder())
    }

    fn line(self, errand: &Errand, line: Line) -> Line {
        line.request(errand.request).org(self.org).chat(self.chat)
    }
}

fn bucket(errand: &Errand) -> Result<Bucket, Problem> {
    errand.env.bucket(BUCKET).map_err(|error| {
        Line::error("no_bucket").request(errand.request).fault(&error).emit();
        Problem::new(ProblemCode::Unavailable).detail("There is no bucket for archives.").retry_after(60)
    })
}

/// What is told when R2 does not do what it is asked.
fn away(errand: &Errand, place: Place, error: &worker::Error) -> Problem {
    place.line(errand, Line::warn("archive_not_reached")).fault(error).emit();
    Problem::new(ProblemCode::Unavailable).detail("The archive cannot be reached for now.").retry_after(2)
}

impl<'a> Archives<'a> {
    pub(crate) const fn new(errand: &'a Errand) -> Self {
        Self { errand, link: Link::new(errand) }
    }

    /// Seals a chat for a new archive, unless it has one.
    ///
    /// # Errors
    /// `archive_blocked` with the reason, or something cannot be reached.
    pub(crate) async fn ask(&mut self, org: OrgId, chat: ChatId, by: Actor) -> Result<Asked, Problem> {
        let id: ArchiveId = ids::fresh();
        let at = self.moment();
        let mut rows = self.link.rows(org).await?;
        let begun = match archives::begin(&mut rows, id, chat, by, at).await {
            Ok(begun) => self.link.commit(rows).await.map(|()| begun),
            Err(error) => Err(error),
        };
        let stored = match begun {
            Ok(Begun::Fresh(stored)) => stored,
            Ok(Begun::There(stored)) => return Ok(Asked::There(stored)),
            Err(StoreError::NotFound { .. }) => {
                let detail = "The index does not know the chat yet.";
                return Err(Problem::new(ProblemCode::ArchiveBlocked).detail(detail).retry_after(2));
            }
            Err(error) => return Err(self.errand.refuse(&error)),
        };
        let place = Place::of(&stored);
        match object::begin(self.errand, place).await {
            Ok(ExportAnswer::Plan(plan)) => Ok(Asked::Begun(stored, plan)),
            Ok(ExportAnswer::Blocked(block)) => {
                self.note(&stored, Fact::Blocked).await?;
                let detail = format!("The chat cannot be archived now: {}.", block.detail());
                Err(Problem::new(ProblemCode::ArchiveBlocked).detail(detail))
            }
            // The row of that archive says that the chat is whole, or there is none. Nothing is done that could make it worse.
            Ok(ExportAnswer::Archived(_)) => {
                place.line(self.errand, Line::error("archive_unknown_to_index")).emit();
                self.note(&stored, Fact::Blocked).await?;
                Err(ProblemCode::Internal.into())
            }
            Err(problem) => {
                self.note(&stored, Fact::GivenUp).await?;
                Err(problem)
            }
        }
    }

    /// Reads a sealed chat out into R2 and goes on from there.
    ///
    /// # Errors
    /// As [`Self::settle`]. What could not be exported is given up.
    pub(crate) async fn carry_out(&mut self, stored: StoredArchive, plan: ExportPlan) -> Result<(), Problem> {
        let begun = self.errand.now();
        let passed = outgoing::within(PASSAGE_MS, export::all(self.errand, Place::of(&stored), &plan)).await;
        let failed = match passed {
            Some(Ok(exported)) => {
                let after = self.exported(&stored, &exported).await?;
                let line = Place::of(&stored).line(self.errand, Line::info("chat_exported")).took(begun);
                line.count("bytes", usize::try_from(exported.packed_bytes).unwrap_or(usize::MAX)).emit();
                return match after {
                    Some(after) => self.settle(after).await,
                    None => Ok(()),
                };
            }
            Some(Err(problem)) => problem,
            None => Problem::new(ProblemCode::Unavailable).detail("The export took too long."),
        };
        let line = Line::warn("chat_not_exported").code(failed.code).took(begun);
        Place::of(&stored).line(self.errand, line).emit();
        // R2 may still be taking in what was sent to it: a sweep removes that once it may be sure.
        self.note(&stored, Fact::GivenUp).await.map(drop)
    }

    /// Takes up an archive that nobody is at, and brings it as far as it goes.
    ///
    /// # Errors
    /// As [`Self::settle`].
    pub(crate) async fn take_up(&mut self, org: OrgId, archive: ArchiveId) -> Result<(), Problem> {
        let at = self.moment();
        let mut rows = self.link.rows(org).await?;
        let claimed = match archives::claim(&mut rows, archive, at).await {
            Ok(claimed) => self.link.commit(rows).await.map(|()| claimed),
            Err(error) => Err(error),
        };
        match claimed.map_err(|error| self.errand.refuse(&error))? {
            Some(stored) => self.settle(stored).await,
            None => Ok(()),
        }
    }

    /// Does what an archive's state asks for, until it is at rest.
    ///
    /// # Errors
    /// Something cannot be reached: it stands where it stood, and a sweep tries again.
    async fn settle(&mut self, stored: StoredArchive) -> Result<(), Problem> {
        let mut stored = stored;
        loop {
            let fact = match stored.state.deed(self.errand.now()) {
                Deed::GiveUp => Fact::GivenUp,
                Deed::Verify => self.verify(&stored).await?,
                Deed::Wipe => self.wipe(&stored).await?,
                Deed::Outlive => Fact::Outlived,
                Deed::Remove => {
                    remove(self.errand, Place::of(&stored)).await?;
                    Fact::Removed
                }
                Deed::Rest => return Ok(()),
            };
            match self.note(&stored, fact).await? {
                Some(after) if after.state != stored.state => stored = after,
                Some(_) | None => return Ok(()),
            }
        }
    }

    async fn verify(&self, stored: &StoredArchive) -> Result<Fact, Problem> {
        let place = Place::of(stored);
        let digest = stored.manifest_sha256.as_deref().unwrap_or_default();
        let read = outgoing::within(PASSAGE_MS, verify::all(self.errand, place, digest)).await;
        match read {
            Some(Ok(())) => Ok(Fact::Verified),
            Some(Err(verify::NotRead::Damaged(cause))) => {
                // The chat is whole in its object, so nothing is lost but the work.
                place.line(self.errand, Line::error("archive_unfit")).name("cause", cause).emit();
                Ok(Fact::Unfit)
            }
            Some(Err(verify::NotRead::Problem(problem))) => Err(problem),
            None => Err(Problem::new(ProblemCode::Unavailable).detail("Reading back took too long.")),
        }
    }

    /// Asks the object to give up its rows. An object that refuses has taken the seal away: it never does later.
    async fn wipe(&self, stored: &StoredArchive) -> Result<Fact, Problem> {
        let digest = stored.manifest_sha256.as_deref().unwrap_or_default();
        Ok(match object::wipe(self.errand, Place::of(stored), digest).await? {
            object::Wiped::Yes => Fact::Wiped,
            object::Wiped::Refused => Fact::Unsealed,
        })
    }

    /// A chat is whole in its object again.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub(crate) async fn restored(&mut self, place: Place) -> Result<(), Problem> {
        let at = self.moment();
        let mut rows = self.link.rows(place.org).await?;
        let noted = match archives::note(&mut rows, place.archive, Fact::Restored, at).await {
            Ok(_) => self.link.commit(rows).await,
            Err(error) => Err(error),
        };
        noted.map_err(|error| self.errand.refuse(&error))
    }

    async fn note(&mut self, stored: &StoredArchive, fact: Fact) -> Result<Option<StoredArchive>, Problem> {
        let at = self.moment();
        let mut rows = self.link.rows(stored.org).await?;
        let noted = async {
            let after = archives::note(&mut rows, stored.id, fact, at).await?;
            if fact == Fact::Wiped
                && after.as_ref().is_some_and(|after| after.state == ArchiveState::Archived)
            {
                let entry = audit::Entry {
                    key: format!("{}:chat.archive", stored.id),
                    actor: stored.by,
                    action: "chat.archive",
                    subject: stored.chat.to_string(),
                    detail: stored.id.to_string(),
                };
                audit::append(&mut rows, &entry).await?;
            }
            Ok(after)
        };
        let noted = match noted.await {
            Ok(after) => self.link.commit(rows).await.map(|()| after),
            Err(error) => Err(error),
        };
        noted.map_err(|error| self.errand.refuse(&error))
    }

    async fn exported(
        &mut self,
        stored: &StoredArchive,
        exported: &Exported,
    ) -> Result<Option<StoredArchive>, Problem> {
        let at = self.moment();
        let mut rows = self.link.rows(stored.org).await?;
        let noted = match archives::exported(&mut rows, stored.id, exported, at).await {
            Ok(after) => self.link.commit(rows).await.map(|()| after),
            Err(error) => Err(error),
        };
        noted.map_err(|error| self.errand.refuse(&error))
    }

    fn moment(&self) -> Moment {
        let now = self.errand.now();
        Moment { now, lease_until: now.plus_ms(LEASE_MS) }
    }
}

/// Removes all that R2 has of an archive.
async fn remove(errand: &Errand, place: Place) -> Result<(), Problem> {
    let bucket = bucket(errand)?;
    loop {
        let listed = bucket.list().prefix(place.folder()).limit(AT_ONCE).execute().await;
        let names: Vec<String> = listed
            .map_err(|error| away(errand, place, &error))?
            .objects()
            .iter()
            .map(|one| one.key())
            .collect();
        if names.is_empty() {
            return Ok(());
        }
        let removed = bucket.delete_multiple(names).await;
        removed.map_err(|error| away(errand, place, &error))?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_lies_below_its_org_and_chat() {
        let org = OrgId::fresh(1, [0; 10]);
        let (chat, archive) = (ChatId::fresh(2, [0; 10]), ArchiveId::fresh(3, [0; 10]));
        let place = Place { org, chat, archive };
        let folder = format!("orgs/{org}/chats/{chat}/archives/{archive}");
        assert_eq!(place.manifest(), format!("{folder}/manifest.json"));
        assert_eq!(place.part(1), format!("{folder}/part-00001.jsonl.gz"));
        assert_eq!(place.part(123_456), format!("{folder}/part-123456.jsonl.gz"));
    }
}
