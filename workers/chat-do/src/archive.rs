//! The chat leaves its object for R2, as the orchestrator asks. How it comes back is in [`restore`].
//!
//! Invariant: what each step needs (rest, the seal) is looked at in the same synchronous step in which it is done.

pub(crate) mod restore;

use std::rc::Rc;

use slipway_contract::objects::archive::{ArchiveStub, ExportAnswer, ExportBlock, FORMAT, FRONT, PartHeader};
use slipway_contract::objects::chat::{ChatCall, ChatCommand};
use slipway_contract::{Actor, ArchiveId, ChatId, OrgId, Problem, ProblemCode, Seq};
use slipway_domain::chat::Chat;
use slipway_domain::chat::archive::{Around, Door, Sealing, Standing, Wiping};
use slipway_edge::clock;
use slipway_edge::log::Line;

use crate::effects;
use crate::projection::needs_projection;
use crate::room::{Room, json};

/// Answers a command that is about the chat's archive; gives any other back.
///
/// # Errors
/// The call itself when it is for the chat. The refusal of one that is not is inside.
pub(crate) async fn answer(room: &Rc<Room>, call: ChatCall) -> Result<Result<String, Problem>, ChatCall> {
    let (actor, org) = (call.actor, call.org);
    if let ChatCommand::BeginExport { archive } = call.command {
        return Ok(begin(room, actor, org, archive));
    }
    if let ChatCommand::ExportPart { archive, part, from } = &call.command {
        return Ok(export(room, actor, org, *archive, *part, from.as_deref()));
    }
    if let ChatCommand::Wipe { archive, manifest_sha256 } = call.command {
        return Ok(wipe(room, actor, org, archive, manifest_sha256).await);
    }
    Err(call)
}

fn begin(room: &Rc<Room>, actor: Actor, org: Option<OrgId>, archive: ArchiveId) -> Result<String, Problem> {
    let (standing, head) = found(room, actor, org)?;
    let answer = match standing.seal(block(room)?) {
        Sealing::Archived(stub) => ExportAnswer::Archived(stub),
        Sealing::Blocked(block) => ExportAnswer::Blocked(block),
        Sealing::Seal => {
            let sealed = room.storage.sql.all_or_nothing(|| {
                room.storage.stand(&Standing::Sealed(archive))?;
                room.storage.plan(head)
            });
            ExportAnswer::Plan(sealed.map_err(|error| room.fault("seal_failed", &error))?)
        }
    };
    json(&answer)
}

fn export(
    room: &Rc<Room>,
    actor: Actor,
    org: Option<OrgId>,
    archive: ArchiveId,
    part: u32,
    from: Option<&str>,
) -> Result<String, Problem> {
    let (standing, _) = found(room, actor, org)?;
    standing.read(archive)?;
    let chat = room.id()?;
    let text = if part == FRONT {
        front(room, chat, archive)
    } else {
        room.storage.export(chat, archive, part, from)
    };
    let text = text.map_err(|error| room.fault("export_failed", &error))?;
    text.ok_or_else(|| Problem::new(ProblemCode::InvalidParameter).detail("no such place"))
}

fn front(room: &Room, chat: ChatId, archive: ArchiveId) -> worker::Result<Option<String>> {
    let header = PartHeader { format: FORMAT, archive, chat, part: FRONT, rows: 0, next: None };
    let events = room.storage.front()?;
    Ok(room.with_chat(|chat| chat.front(header, &events)).transpose()?)
}

async fn wipe(
    room: &Rc<Room>,
    actor: Actor,
    org: Option<OrgId>,
    archive: ArchiveId,
    manifest_sha256: String,
) -> Result<String, Problem> {
    let (standing, head) = found(room, actor, org)?;
    let org = org.ok_or(ProblemCode::NotFound)?;
    let stub = ArchiveStub { org, archive, manifest_sha256, head };
    let wiping = standing.wipe(stub, block(room)?);
    if wiping.is_err() && standing == Standing::Sealed(archive) {
        // Whoever is refused takes the chat for whole, and may remove the archive: it must never be wiped for it later.
        room.storage.sql.unseal().map_err(|error| room.fault("unseal_failed", &error))?;
    }
    let stub = match wiping? {
        Wiping::Wiped(stub) => stub,
        Wiping::Wipe(stub) => {
            let wiped = room.storage.sql.all_or_nothing(|| {
                room.storage.drop_all()?;
                room.storage.stand(&Standing::Away { stub: stub.clone(), parts: 0 })
            });
            room.forget();
            wiped.map_err(|error| room.fault("wipe_failed", &error))?;
            Line::info("chat_archived").org(org).chat(room.id()?).emit();
            stub
        }
    };
    // Nothing is to be done for a stub. An alarm that stands all the same finds that out.
    effects::disarm(room).await;
    json(&stub)
}

/// How the object holds its chat, and the newest event where it is here.
fn found(room: &Rc<Room>, actor: Actor, org: Option<OrgId>) -> Result<(Standing, Seq), Problem> {
    if actor != Actor::System || org.is_none() {
        return Err(ProblemCode::NotFound.into());
    }
    let standing = room.standing()?;
    match standing.door(org)? {
        Door::Away(stub, _) => Ok((standing, stub.head)),
        Door::Open => {
            room.load()?;
            let own = |chat: &Chat| (Some(chat.org) == org).then_some(chat.head);
            let head = room.with_chat(own).flatten().ok_or(ProblemCode::NotFound)?;
            Ok((standing, head))
        }
    }
}

/// Why the chat cannot leave now, if so.
fn block(room: &Rc<Room>) -> Result<Option<ExportBlock>, Problem> {
    if room.with_chat(|_| ()).is_none() {
        return Ok(None);
    }
    let storage = &room.storage;
    let looked =
        storage.has_tickets(clock::now()).and_then(|tickets| Ok((tickets, storage.has_unprojected()?)));
    let (tickets, unprojected) = looked.map_err(|error| room.fault("archive_unreadable", &error))?;
    let around = Around {
        sockets: tickets || !room.state.get_websockets().is_empty(),
        untold: unprojected || needs_projection(room) || effects::is_active(room),
        writes: room.journal.is_busy(),
    };
    Ok(room.with_chat(|chat| chat.export_block(around)).flatten())
}
