//! A chat goes: it is closed, what it has elsewhere is removed place by place, then its rows and its object.

use slipway_contract::http::deletions::{DeletedCount, DeletedKind, DeletionStep};
use slipway_contract::objects::chat::ChatCommand;
use slipway_contract::{ChatId, DeletionId, OrgId, Problem};
use slipway_domain::deletion::Came;
use slipway_store::deletions::{KEPT_OF_CHAT, OF_CHAT};

use super::places::{Cleared, Place, files};
use super::{Tried, forget, left, object, verdict};
use crate::sandboxes::Changes;

/// Which chat, and by which deletion it goes.
#[derive(Clone, Copy)]
pub(super) struct At {
    pub(super) org: OrgId,
    pub(super) chat: ChatId,
    pub(super) deletion: DeletionId,
}

/// The step after `last`.
pub(super) async fn step(changes: &mut Changes<'_>, at: At, last: DeletionStep) -> Result<Tried, Problem> {
    match last {
        DeletionStep::Asked => {
            object::ask(changes.errand, at.org, at.chat, ChatCommand::Close).await?;
            Ok(Tried::through(Vec::new()))
        }
        DeletionStep::Closed => empty(changes, at).await,
        DeletionStep::Emptied => end(changes, at).await,
        DeletionStep::Forgotten | DeletionStep::Verified | DeletionStep::Done => verify(changes, at).await,
    }
}

/// Place by place; what is held up in one keeps the next from its turn, for what comes later goes by what came before.
async fn empty(changes: &mut Changes<'_>, at: At) -> Result<Tried, Problem> {
    let mut removed = Vec::new();
    for place in Place::ALL {
        match place.clear(changes, at).await? {
            Cleared::All(went) => removed.extend(went),
            Cleared::Some(went) => {
                removed.extend(went);
                return Ok(Tried::partly(removed));
            }
            Cleared::Held(went) => {
                removed.extend(went);
                return Ok(Tried { came: Came::Held, removed });
            }
        }
    }
    Ok(Tried::through(removed))
}

async fn end(changes: &mut Changes<'_>, at: At) -> Result<Tried, Problem> {
    let subject = at.chat.to_string();
    // Whoever was in the middle of something may have ended it after it was looked for.
    let kept = left(changes, at.org, &[KEPT_OF_CHAT], &subject).await?;
    if !kept.is_empty() {
        return Ok(Tried::new(Came::Left(kept)));
    }
    let (mut removed, all) = forget(changes, at.org, OF_CHAT, &subject).await?;
    if !all {
        return Ok(Tried::partly(removed));
    }
    removed.extend(erase(changes, at).await?);
    Ok(Tried::through(removed))
}

async fn erase(changes: &mut Changes<'_>, at: At) -> Result<Option<DeletedCount>, Problem> {
    let answer = object::ask(changes.errand, at.org, at.chat, ChatCommand::Erase).await?;
    Ok(answer.map(|answer| {
        let erased = object::erased(Some(answer));
        DeletedCount { kind: DeletedKind::Events, count: erased.events, bytes: erased.bytes }
    }))
}

async fn verify(changes: &mut Changes<'_>, at: At) -> Result<Tried, Problem> {
    let mut left = left(changes, at.org, &[KEPT_OF_CHAT, OF_CHAT], &at.chat.to_string()).await?;
    left.extend(files::left(changes.errand, &files::of_chat(at.org, at.chat)).await?);
    // There is nothing to be erased where nothing is.
    left.extend(erase(changes, at).await?.map(|found| DeletedCount { count: found.count.max(1), ..found }));
    Ok(verdict(left))
}
