//! A person's account goes: their places in orgs and chats end, their name goes from the chats, then the account.

use slipway_contract::http::deletions::{DeletedCount, DeletedKind, DeletionStep};
use slipway_contract::objects::chat::ChatCommand;
use slipway_contract::{Actor, ChatId, MemberId, OrgId, ParticipantId, Problem, UserId};
use slipway_domain::deletion::Came;
use slipway_domain::orgs::{self as rules, Standing};
use slipway_store::deletions::{self, Stored};
use slipway_store::page::Page;
use slipway_store::{OrgDb, StoreError, audit, members};

use super::{Tried, object, verdict};
use crate::sandboxes::Changes;

/// Chats that one try comes to.
const AT_ONCE: u32 = 25;

/// The step after `last`.
pub(super) async fn step(
    changes: &mut Changes<'_>,
    stored: &Stored,
    user: UserId,
    last: DeletionStep,
) -> Result<Tried, Problem> {
    match last {
        DeletionStep::Asked => walk(changes, stored, user, Deed::PutOut).await,
        DeletionStep::Closed => walk(changes, stored, user, Deed::TakeName).await,
        DeletionStep::Emptied => {
            let mut rows = changes.link.erasure(user).await?;
            let removed = deletions::forget_account(&mut rows).await;
            Ok(Tried::through(changes.link.written(rows, removed).await?))
        }
        DeletionStep::Forgotten | DeletionStep::Verified | DeletionStep::Done => verify(changes, user).await,
    }
}

/// What is done in each chat that the person is or was in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Deed {
    PutOut,
    TakeName,
}

/// Where a walk through all chats is: behind that chat of the org, or at its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stop {
    org: OrgId,
    after: Option<ChatId>,
}

impl Stop {
    fn read(text: &str) -> Option<Self> {
        let (org, after) = text.split_once(' ')?;
        Some(Self { org: org.parse().ok()?, after: after.parse().ok() })
    }

    fn text(self) -> String {
        format!("{} {}", self.org, self.after.map(|chat| chat.to_string()).unwrap_or_default())
    }
}

/// Goes through the next chats of the person, org by org.
async fn walk(
    changes: &mut Changes<'_>,
    stored: &Stored,
    user: UserId,
    deed: Deed,
) -> Result<Tried, Problem> {
    let stop = stored.deletion.cursor.as_deref().and_then(Stop::read);
    let stop = match stop {
        Some(stop) => Some(stop),
        None => next_org(changes, user, None).await?,
    };
    let Some(Stop { org, after }) = stop else { return Ok(Tried::through(Vec::new())) };
    if after.is_none() && !leave(changes, stored, org, user).await? {
        return Ok(Tried::new(Came::Held));
    }
    let mut rows = changes.link.rows(org).await?;
    let part = members::chats(&mut rows, user, &Page { limit: AT_ONCE, after }).await;
    let part = changes.link.written(rows, part).await?;
    let mut names = 0;
    for chat in &part.items {
        let command = match deed {
            Deed::PutOut => ChatCommand::RemoveParticipant { participant: ParticipantId::User { id: user } },
            Deed::TakeName => ChatCommand::ErasePerson { user },
        };
        let answer = object::ask(changes.errand, org, *chat, command).await?;
        if deed == Deed::TakeName {
            names += object::erased(answer).events;
        }
    }
    let next = match part.items.last().filter(|_| part.more) {
        Some(last) => Some(Stop { org, after: Some(*last) }),
        None => next_org(changes, user, Some(org)).await?,
    };
    let removed = vec![DeletedCount { kind: DeletedKind::Names, count: names, bytes: 0 }];
    Ok(match next {
        Some(next) => Tried { came: Came::Partly { cursor: Some(next.text()) }, removed },
        None => Tried::through(removed),
    })
}

/// The next org that the person is or was in.
async fn next_org(
    changes: &mut Changes<'_>,
    user: UserId,
    after: Option<OrgId>,
) -> Result<Option<Stop>, Problem> {
    let mut rows = changes.link.erasure(user).await?;
    let orgs = deletions::orgs_of(&mut rows, after, 1).await;
    let orgs = changes.link.written(rows, orgs).await?;
    Ok(orgs.first().map(|(org, _)| Stop { org: *org, after: None }))
}

/// Ends the person's place in an org, if it has not ended yet; the org's audit log says why. An org keeps an owner: the last
/// one cannot go.
async fn leave(
    changes: &mut Changes<'_>,
    stored: &Stored,
    org: OrgId,
    user: UserId,
) -> Result<bool, Problem> {
    let entry = audit::Entry {
        key: format!("{}:left", stored.id),
        actor: Actor::User { id: user },
        action: "member.erase",
        subject: user.to_string(),
        detail: stored.id.to_string(),
    };
    let now = changes.errand.now();
    let mut rows = changes.link.rows(org).await?;
    let left = left(&mut rows, user, now, &entry).await;
    changes.link.written(rows, left).await
}

async fn left(
    rows: &mut OrgDb,
    user: UserId,
    now: slipway_contract::Timestamp,
    entry: &audit::Entry,
) -> Result<bool, StoreError> {
    if let Some(open) = members::find(rows, user).await? {
        let member: MemberId = open.member;
        let locked = members::lock(rows, member, user).await?;
        let standing = Standing { actor: locked.role, own: true, target: locked.role, owners: locked.owners };
        if !locked.ended {
            if rules::end_membership(standing).is_err() {
                return Ok(false);
            }
            members::end(rows, member, user, now).await?;
        }
    }
    audit::append(rows, entry).await?;
    Ok(true)
}

/// No account, and no open place in any org; one that was taken in the last moments of a sign-in ends on the way back.
async fn verify(changes: &mut Changes<'_>, user: UserId) -> Result<Tried, Problem> {
    let mut rows = changes.link.erasure(user).await?;
    let found = async {
        let account = deletions::account(&mut rows).await?.is_some();
        let mut after = None;
        let mut open = 0;
        loop {
            let orgs = deletions::orgs_of(&mut rows, after, 100).await?;
            open += orgs.iter().filter(|(_, ended)| ended.is_none()).count() as u64;
            after = orgs.last().map(|(org, _)| *org).filter(|_| orgs.len() == 100);
            if after.is_none() {
                return Ok::<_, StoreError>((u64::from(account), open));
            }
        }
    };
    let found = found.await;
    let (account, open) = changes.link.written(rows, found).await?;
    let counts = [(DeletedKind::Accounts, account), (DeletedKind::Members, open)];
    let left = counts.into_iter().filter(|(_, count)| *count > 0);
    Ok(verdict(left.map(|(kind, count)| DeletedCount { kind, count, bytes: 0 }).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_goes_on_where_it_stopped() {
        let org = OrgId::fresh(1, [1; 10]);
        let chat = ChatId::fresh(2, [2; 10]);
        for stop in [Stop { org, after: None }, Stop { org, after: Some(chat) }] {
            assert_eq!(Stop::read(&stop.text()), Some(stop));
        }
        assert_eq!(Stop::read("elsewhere"), None);
    }
}
