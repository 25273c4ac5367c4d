//! A channel or an org goes: its parts by deletions of their own, then what is left of itself.

use slipway_contract::http::deletions::DeletionStep;
use slipway_contract::{ChannelId, DeletionId, OrgId, Problem};
use slipway_domain::deletion::Came;
use slipway_edge::ids;
use slipway_store::deletions::{
    self, NewDeletion, OF_CHANNEL, OF_ORG, PARTS_OF_CHANNEL, PARTS_OF_ORG, Rows, Stored,
};
use slipway_store::{RemovalDb, StoreError};

use super::places::{Cleared, files};
use super::{Tried, forget, left, verdict};
use crate::sandboxes::Changes;

/// Parts that are asked for together.
const AT_ONCE: u64 = 100;

/// What has parts.
#[derive(Clone, Copy)]
pub(super) enum Whole {
    /// A channel has chats.
    Channel(ChannelId),
    /// The org has channels.
    Org,
}

impl Whole {
    /// Its own rows.
    const fn own(self) -> &'static [Rows] {
        match self {
            Self::Channel(_) => OF_CHANNEL,
            Self::Org => OF_ORG,
        }
    }

    /// The rows of its parts.
    const fn parts(self) -> &'static [Rows] {
        match self {
            Self::Channel(_) => PARTS_OF_CHANNEL,
            Self::Org => PARTS_OF_ORG,
        }
    }

    fn subject(self, org: OrgId) -> String {
        match self {
            Self::Channel(channel) => channel.to_string(),
            Self::Org => org.to_string(),
        }
    }
}

/// The step after `last`.
pub(super) async fn step(
    changes: &mut Changes<'_>,
    org: OrgId,
    stored: &Stored,
    whole: Whole,
    last: DeletionStep,
) -> Result<Tried, Problem> {
    let subject = whole.subject(org);
    match last {
        DeletionStep::Asked => {
            let more = ask(changes, org, stored, whole).await?;
            Ok(if more { Tried::partly(Vec::new()) } else { Tried::through(Vec::new()) })
        }
        DeletionStep::Closed => {
            // Some may have come at the same time as it was asked.
            let more = ask(changes, org, stored, whole).await?;
            let there = left(changes, org, &[whole.parts()], &subject).await?;
            if more || !there.is_empty() || stored.parts.done < stored.parts.all {
                return Ok(Tried::new(Came::AwaitsParts));
            }
            sweep_up(changes, org, whole).await
        }
        DeletionStep::Emptied => {
            let (removed, all) = forget(changes, org, whole.own(), &subject).await?;
            Ok(if all { Tried::through(removed) } else { Tried::partly(removed) })
        }
        DeletionStep::Forgotten | DeletionStep::Verified | DeletionStep::Done => {
            let mut left = left(changes, org, &[whole.parts(), whole.own()], &subject).await?;
            if let Whole::Org = whole {
                left.extend(files::left(changes.errand, &files::of_org(org)).await?);
            }
            Ok(verdict(left))
        }
    }
}

/// What lies in R2 of an org and of none of its chats.
async fn sweep_up(changes: &Changes<'_>, org: OrgId, whole: Whole) -> Result<Tried, Problem> {
    let Whole::Org = whole else { return Ok(Tried::through(Vec::new())) };
    Ok(match files::clear(changes.errand, &files::of_org(org)).await? {
        Cleared::All(went) => Tried::through(went.into_iter().collect()),
        Cleared::Some(went) => Tried::partly(went.into_iter().collect()),
        Cleared::Held(went) => Tried { came: Came::Held, removed: went.into_iter().collect() },
    })
}

/// Asks for the deletion of the next parts; whether there may be more.
async fn ask(changes: &mut Changes<'_>, org: OrgId, stored: &Stored, whole: Whole) -> Result<bool, Problem> {
    let mut rows = changes.link.removal(org).await?;
    let new = |id: DeletionId| NewDeletion {
        id,
        by: stored.asked_by,
        parent: Some(stored.id),
        now: changes.errand.now(),
    };
    let asked = match whole {
        Whole::Channel(channel) => chats(&mut rows, channel, new).await,
        Whole::Org => channels(&mut rows, new).await,
    };
    Ok(changes.link.written(rows, asked).await? == AT_ONCE)
}

async fn chats(
    rows: &mut RemovalDb,
    channel: ChannelId,
    new: impl Fn(DeletionId) -> NewDeletion,
) -> Result<u64, StoreError> {
    let chats = deletions::chats_to_go(rows, channel, AT_ONCE).await?;
    for chat in &chats {
        deletions::ask_chat(rows, &new(ids::fresh()), *chat).await?;
    }
    Ok(chats.len() as u64)
}

async fn channels(rows: &mut RemovalDb, new: impl Fn(DeletionId) -> NewDeletion) -> Result<u64, StoreError> {
    let channels = deletions::channels_to_go(rows, AT_ONCE).await?;
    for channel in &channels {
        deletions::ask_channel(rows, &new(ids::fresh()), *channel).await?;
    }
    Ok(channels.len() as u64)
}
