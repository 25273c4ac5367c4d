//! An archived chat comes back into its object, once somebody wants it.
//!
//! Invariants: the stub stays until all is back, each part goes in with the note that it is in, and the last step takes
//! the stub away in one transaction. So a process that dies goes on where it was, and whoever else calls waits for the
//! same work. Who only looks is shown the archive's front meanwhile: nothing is written before all is back.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use futures::channel::oneshot;
use futures::{StreamExt, stream};
use slipway_contract::objects::archive::{ArchiveManifest, ArchivePart, ArchiveRestored, ArchiveStub};
use slipway_contract::objects::chat::ChatCommand;
use slipway_contract::{Actor, ArchiveId, ChatId, OrgId, Problem, ProblemCode};
use slipway_domain::chat::archive::{self, Door, Front, Part, Refused, Standing, parts_after};
use slipway_edge::clock;
use slipway_edge::digest::sha256;
use slipway_edge::log::Line;
use worker::{Error, Response};

use crate::orchestrator;
use crate::room::{Room, parse};
use crate::schema;
use crate::storage::archive::BATCH_BYTES;

/// Whoever is told something once it is there, or why it does not come.
type Waiting<T> = RefCell<Vec<oneshot::Sender<Result<T, Problem>>>>;

/// A chat on its way back.
#[derive(Default)]
pub(crate) struct Return {
    /// It is on its way.
    begun: Cell<bool>,
    /// Who waits for all of it.
    waiting: Waiting<()>,
    /// Who is content with its front.
    looking: Waiting<Option<Rc<Front>>>,
    front: RefCell<Option<Rc<Front>>>,
}

/// Answers what is asked of an archived chat by its front, if that is enough, and lets the chat come back behind it.
///
/// # Errors
/// `not_found` for another org or somebody who takes no part; why the chat does not come back.
pub(crate) async fn shown(
    room: &Rc<Room>,
    command: &ChatCommand,
    actor: Actor,
    org: Option<OrgId>,
) -> Result<Option<String>, Problem> {
    if !matches!(command, ChatCommand::Describe | ChatCommand::Events(_)) || !room.finds_away() {
        return Ok(None);
    }
    let Some(front) = front(room, org).await? else { return Ok(None) };
    if room.is_closed() {
        return Err(ProblemCode::NotFound.into());
    }
    if let ChatCommand::Events(query) = command {
        return front.page(query, actor, org);
    }
    front.describe(actor, org).map(Some)
}

async fn front(room: &Rc<Room>, org: Option<OrgId>) -> Result<Option<Rc<Front>>, Problem> {
    let Door::Away(stub, parts) = room.standing()?.door(org)? else { return Ok(None) };
    let known = room.returning.front.borrow().clone();
    if known.is_some() {
        return Ok(known);
    }
    let (reply, told) = oneshot::channel();
    room.returning.looking.borrow_mut().push(reply);
    begin(room, stub, parts);
    told.await.unwrap_or_else(|_| Err(unavailable()))
}

/// Brings the chat back for a call that names `org`. Whoever comes meanwhile waits for the same.
///
/// # Errors
/// `not_found` for another org; `archive_damaged`, `unavailable`: the chat is where it was then.
pub(crate) async fn bring_back(room: &Rc<Room>, org: Option<OrgId>) -> Result<(), Problem> {
    let Door::Away(stub, parts) = room.standing()?.door(org)? else { return Ok(()) };
    let (reply, back) = oneshot::channel();
    room.returning.waiting.borrow_mut().push(reply);
    begin(room, stub, parts);
    back.await.unwrap_or_else(|_| Err(unavailable()))
}

/// Has the chat come back, unless it is on its way.
fn begin(room: &Rc<Room>, stub: ArchiveStub, parts: u32) {
    if room.returning.begun.replace(true) {
        return;
    }
    let room = Rc::clone(room);
    room.clone().state.wait_until(async move {
        let outcome = restore(&room, &stub, parts).await;
        room.returning.begun.set(false);
        room.returning.front.take();
        for reply in room.returning.looking.take() {
            let _gone = reply.send(outcome.clone().map(|()| None));
        }
        for reply in room.returning.waiting.take() {
            let _gone = reply.send(outcome.clone());
        }
    });
}

/// Why the chat is not back.
enum Failure {
    /// It was deleted meanwhile.
    Closed,
    Refused(Refused),
    Unreachable(Error),
    Storage(Error),
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

async fn restore(room: &Rc<Room>, stub: &ArchiveStub, parts: u32) -> Result<(), Problem> {
    let begun = clock::now();
    let chat = room.id()?;
    let line = |line: Line| line.org(stub.org).chat(chat).took(begun);
    match try_restore(room, chat, stub, parts).await {
        Ok(()) => {
            line(Line::info("chat_restored")).emit();
            // Nobody may be waiting: what is due from here on, such as telling that it is back, begins with the load.
            room.load()
        }
        Err(Failure::Closed) => Err(ProblemCode::NotFound.into()),
        Err(Failure::Refused(Refused::Damaged(what))) => {
            line(Line::error("archive_damaged")).name("wrong", what).emit();
            let detail = "What is kept of this chat is not what was put there. It is kept as it is; nothing was restored.";
            Err(Problem::new(ProblemCode::ArchiveDamaged).detail(detail))
        }
        Err(Failure::Refused(Refused::Newer)) => {
            line(Line::error("archive_too_new")).emit();
            Err(unavailable())
        }
        Err(Failure::Unreachable(error)) => {
            line(Line::warn("archive_unreachable")).fault(&error).emit();
            Err(unavailable())
        }
        Err(Failure::Storage(error)) => Err(room.fault("restore_failed", &error)),
    }
}

async fn try_restore(room: &Room, chat: ChatId, stub: &ArchiveStub, parts: u32) -> Result<(), Failure> {
    let place = place(stub.org, chat, stub.archive);
    let bytes = fetch(room, &format!("{place}/manifest")).await?;
    let manifest: ArchiveManifest = parse(&bytes).ok_or(Refused::Damaged("the manifest's form"))?;
    let digest = sha256(&bytes).await.map_err(Failure::Unreachable)?;
    archive::check_manifest(&manifest, &digest, stub, chat, schema::VERSION)?;
    if let Some(known) = manifest.front.as_ref().filter(|_| !room.returning.looking.borrow().is_empty()) {
        match front_of(room, &place, known).await {
            Ok(front) => show(room, &Rc::new(front)),
            // It is gone without: whoever looks waits for the chat.
            Err(_) => Line::warn("front_unreadable").org(stub.org).chat(chat).emit(),
        }
    }
    // One part is on its way while the one before it is put into the tables.
    let coming = parts_after(&manifest, parts).map(|part| fetch_part(room, &place, part));
    let mut coming = stream::iter(coming).buffered(2);
    while let Some(fetched) = coming.next().await {
        let (part, bytes, digest) = fetched?;
        take_part(room, stub, &manifest, part, &bytes, &digest)?;
        clock::pause().await;
    }
    finish(room, &manifest, stub.archive)
}

fn place(org: OrgId, chat: ChatId, archive: ArchiveId) -> String {
    format!("/internal/archives/{org}/{chat}/{archive}")
}

async fn front_of(room: &Room, place: &str, known: &ArchivePart) -> Result<Front, Failure> {
    let (_, bytes, digest) = fetch_part(room, place, known).await?;
    let text = core::str::from_utf8(&bytes).map_err(|_| Refused::Damaged("the front's text"))?;
    Ok(Front::read(text, &digest, known)?)
}

/// From now on the front is there for those who look.
fn show(room: &Room, front: &Rc<Front>) {
    room.returning.front.replace(Some(Rc::clone(front)));
    for reply in room.returning.looking.take() {
        let _gone = reply.send(Ok(Some(Rc::clone(front))));
    }
}

/// A part's lines and their SHA-256.
async fn fetch_part<'m>(
    room: &Room,
    place: &str,
    part: &'m ArchivePart,
) -> Result<(&'m ArchivePart, Vec<u8>, String), Failure> {
    let bytes = fetch(room, &format!("{place}/parts/{}", part.part)).await?;
    let digest = sha256(&bytes).await.map_err(Failure::Unreachable)?;
    Ok((part, bytes, digest))
}

/// What the orchestrator gives for a path.
async fn fetch(room: &Room, path: &str) -> Result<Vec<u8>, Failure> {
    let reply = orchestrator::get(&room.env, path).await;
    let mut reply: Response = reply.map_err(Failure::Unreachable)?;
    match reply.status_code() {
        200 => reply.bytes().await.map_err(Failure::Unreachable),
        409 => Err(Refused::Damaged("the orchestrator refused it").into()),
        status => Err(Failure::Unreachable(Error::RustError(format!("the orchestrator answered {status}")))),
    }
}

/// Puts one part into the tables.
fn take_part(
    room: &Room,
    stub: &ArchiveStub,
    manifest: &ArchiveManifest,
    part: &ArchivePart,
    bytes: &[u8],
    digest: &str,
) -> Result<(), Failure> {
    let text = core::str::from_utf8(bytes).map_err(|_| Refused::Damaged("a part's text"))?;
    let mut read = Part::read(text, BATCH_BYTES)?;
    archive::check_part(part, bytes.len(), digest, &read.header, manifest)?;
    let storage = &room.storage;
    in_one(room, || {
        if part.part == 1 {
            schema::create_at(&storage.sql, manifest.schema).map_err(Failure::Storage)?;
        }
        while let Some(batch) = read.next_batch()? {
            if !storage.import(batch).map_err(Failure::Storage)? {
                return Err(Refused::Damaged("a part's tables").into());
            }
        }
        let standing = Standing::Away { stub: stub.clone(), parts: part.part };
        storage.stand(&standing).map_err(Failure::Storage)
    })
}

/// All parts are in: the chat is here again if it is whole.
fn finish(room: &Room, manifest: &ArchiveManifest, archive: ArchiveId) -> Result<(), Failure> {
    let storage = &room.storage;
    in_one(room, || {
        let names = manifest.tables.iter();
        let tables: worker::Result<Vec<_>> = names.map(|table| storage.rows_of(&table.table)).collect();
        let ends = storage.first().and_then(|first| Ok((first, storage.newest()?)));
        let (first, newest) = ends.map_err(Failure::Storage)?;
        archive::check_whole(manifest, &tables.map_err(Failure::Storage)?, first, newest)?;
        schema::raise(&storage.sql, manifest.schema)
            .and_then(|()| storage.forget_all_words())
            .and_then(|()| storage.stand(&Standing::Back(archive)))
            .map_err(Failure::Storage)
    })
}

/// Runs `work` as one transaction, unless the chat was closed for good: nothing of it may come back then.
fn in_one(room: &Room, work: impl FnOnce() -> Result<(), Failure>) -> Result<(), Failure> {
    if room.is_closed() {
        return Err(Failure::Closed);
    }
    let refused = RefCell::new(None);
    let done = room.storage.sql.all_or_nothing(|| match work() {
        Ok(()) => Ok(()),
        Err(Failure::Storage(error)) => Err(error),
        Err(failure @ (Failure::Closed | Failure::Refused(_) | Failure::Unreachable(_))) => {
            refused.replace(Some(failure));
            Err(Error::RustError("refused".to_owned()))
        }
    });
    match (done, refused.take()) {
        (Ok(()), _) => Ok(()),
        (Err(_), Some(failure)) => Err(failure),
        (Err(error), None) => Err(Failure::Storage(error)),
    }
}

/// Tells the orchestrator that the chat is back.
///
/// # Errors
/// `unavailable` when it does not know now; `internal` when storage failed.
pub(crate) async fn tell(room: &Rc<Room>) -> Result<(), Problem> {
    let back = room.with_held(|held| {
        let held = held.as_ref()?;
        Some((held.back?, held.chat.org, held.chat.id, held.chat.head))
    });
    let Some((archive, org, chat, head)) = back else { return Ok(()) };
    let path = format!("{}/restored", place(org, chat, archive));
    let status = orchestrator::post(&room.env, &path, &ArchiveRestored { head }).await;
    match status.map(|reply| reply.status_code()) {
        // What is not known there waits for nobody.
        Ok(200..=299 | 404) => {}
        Ok(_) => return Err(unavailable()),
        Err(error) => {
            Line::warn("restored_untold").org(org).chat(chat).fault(&error).emit();
            return Err(unavailable());
        }
    }
    let standing = room.storage.sql.all_or_nothing(|| room.storage.stand(&Standing::Here));
    standing.map_err(|error| room.fault("restored_unmarked", &error))?;
    room.with_held(|held| {
        if let Some(held) = held {
            held.back = None;
        }
    });
    Ok(())
}

fn unavailable() -> Problem {
    Problem::new(ProblemCode::Unavailable).retry_after(1)
}
