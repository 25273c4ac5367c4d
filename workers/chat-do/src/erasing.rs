//! The end of a chat, of a person in it, and of what agents did in it, as the orchestrator asks for it.
//!
//! Invariants: a chat that is closed stays so, whatever happens to this process, and is as one that never was to everybody
//! but who erases it; nothing is written to it any more.

use std::rc::Rc;

use slipway_contract::http::deletions::DELETED_PERSON;
use slipway_contract::objects::chat::ChatCommand;
use slipway_contract::objects::deletions::{Erased, ForgottenTurns};
use slipway_contract::{Actor, OrgId, ParticipantId, Problem, ProblemCode, Seq, Timestamp, UserId};
use slipway_domain::chat::archive::Door;

use crate::room::{Room, json};
use crate::schema::Found;
use crate::sockets;

/// Answers those commands that end something; `None` for all others.
pub(crate) async fn answer(
    room: &Rc<Room>,
    command: &ChatCommand,
    actor: Actor,
    org: Option<OrgId>,
) -> Option<Result<String, Problem>> {
    if let ChatCommand::Close = command {
        return Some(close(room, actor, org).and_then(|()| json(&())));
    }
    if let ChatCommand::Erase = command {
        return Some(match erase(room, actor, org).await {
            Ok(erased) => json(&erased),
            Err(problem) => Err(problem),
        });
    }
    if let ChatCommand::ErasePerson { user } = command {
        return Some(match erase_person(room, *user, actor, org).await {
            Ok(erased) => json(&erased),
            Err(problem) => Err(problem),
        });
    }
    if let ChatCommand::ForgetTurns { after, before } = command {
        let forgotten = forget_turns(room, (*after, *before), actor, org);
        return Some(forgotten.and_then(|forgotten| json(&forgotten)));
    }
    None
}

/// Shuts everybody out.
fn close(room: &Rc<Room>, actor: Actor, org: Option<OrgId>) -> Result<(), Problem> {
    room.id()?;
    own(room, actor, org)?;
    room.storage.close().map_err(|error| room.fault("close_failed", &error))?;
    room.shut();
    sockets::close_all(room);
    Ok(())
}

/// Forgets everything.
async fn erase(room: &Rc<Room>, actor: Actor, org: Option<OrgId>) -> Result<Erased, Problem> {
    close(room, actor, org)?;
    let erased = room.storage.size();
    let storage = room.storage.sql.storage();
    let gone = async {
        storage.delete_alarm().await?;
        storage.delete_all().await
    };
    gone.await.map_err(|error| room.fault("erase_failed", &error))?;
    Ok(erased)
}

/// Takes a person's name out of the log. Their id stays, so that it reads on. A chat that lies in an archive comes back for
/// that.
async fn erase_person(
    room: &Rc<Room>,
    user: UserId,
    actor: Actor,
    org: Option<OrgId>,
) -> Result<Erased, Problem> {
    room.open(org).await?;
    let known = room.with_chat(|chat| chat.org).filter(|own| org.is_none_or(|named| named == *own));
    if known.is_none() || actor != Actor::System {
        return Err(ProblemCode::NotFound.into());
    }
    let person = ParticipantId::User { id: user };
    let renamed = room.storage.sql.all_or_nothing(|| room.storage.rename(person, DELETED_PERSON));
    let events = renamed.map_err(|error| room.fault("erase_person_failed", &error))?;
    room.with_held(|held| {
        let people = held.iter_mut().flat_map(|held| &mut held.chat.people);
        for known in people.filter(|known| known.participant.id == person) {
            DELETED_PERSON.clone_into(&mut known.participant.name);
        }
    });
    Ok(Erased { events, bytes: 0 })
}

/// Takes what agents did in turns that ended long ago out of the log. A chat that lies in an archive stays there.
fn forget_turns(
    room: &Rc<Room>,
    (after, before): (Seq, Timestamp),
    actor: Actor,
    org: Option<OrgId>,
) -> Result<ForgottenTurns, Problem> {
    if actor != Actor::System || org.is_none() {
        return Err(ProblemCode::NotFound.into());
    }
    match room.standing()?.door(org)? {
        Door::Away(..) => return Ok(ForgottenTurns { events: 0, upto: after, more: false }),
        Door::Open => room.load()?,
    }
    let own = room.with_chat(|chat| (Some(chat.org) == org).then_some(chat.head)).flatten();
    let head = own.ok_or(ProblemCode::NotFound)?;
    let forgotten = room.storage.sql.all_or_nothing(|| room.storage.forget_turns(after, before, head));
    forgotten.map_err(|error| room.fault("forget_turns_failed", &error))
}

/// Slipway itself asks, and there is something here of the org that it names.
fn own(room: &Room, actor: Actor, org: Option<OrgId>) -> Result<(), Problem> {
    let unreadable = |error: worker::Error| room.fault("load_failed", &error);
    if actor != Actor::System || room.storage.holds().map_err(unreadable)? == Found::Nothing {
        return Err(ProblemCode::NotFound.into());
    }
    // Of a chat whose log lies elsewhere, the object may not know the org; who asks has looked it up.
    match room.storage.org().map_err(unreadable)? {
        Some(own) if org != Some(own) => Err(ProblemCode::NotFound.into()),
        Some(_) | None => Ok(()),
    }
}
