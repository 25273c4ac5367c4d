//! What an agent is given for a step: who is here, what came before, what is kept, what was said, what the turn did so far.
//!
//! Invariant: however long the chat is, a bounded number of messages is read for it.

use std::rc::Rc;

use slipway_contract::http::forks::Fork;
use slipway_contract::objects::engine::{
    ContextMessage, ContextSummary, KeptAs, KeptMessage, TurnFork, TurnRequest,
};
use slipway_contract::{MessageId, ParticipantId, TurnId};
use slipway_domain::chat::summaries::{GIVEN_MESSAGES, RECENT_BYTES, RECENT_MESSAGES, fitting};
use slipway_domain::chat::{Chat, Turn, tools};
use slipway_edge::ids;
use worker::{Error, Result};

use crate::room::Room;
use crate::storage::{Said, Storage};

/// Of the messages that led to a fork, the last that are given before the fork's own.
const BEFORE_FORK: u64 = 8;
/// Forks that were resolved whose summaries are given.
const FORKS: u64 = 10;
/// Text of what is kept, in bytes: many times what the engine's budget holds, and little enough for a request.
const KEPT_BYTES: usize = 256 * 1024;
/// Participants that an agent is told of.
const PEOPLE: usize = 50;

/// What the engine needs for a turn's next step.
pub(crate) fn request(room: &Rc<Room>, id: TurnId) -> Result<TurnRequest> {
    let gone = || Error::RustError("the turn is gone".to_owned());
    let asked = room.with_chat(|chat| chat.turn(id).map(|turn| for_turn(&room.storage, chat, turn)));
    asked.flatten().ok_or_else(gone)?
}

fn for_turn(storage: &Storage, chat: &Chat, turn: &Turn) -> Result<TurnRequest> {
    let fork = turn.fork.and_then(|fork| chat.fork(fork));
    let (summary, said) = match fork {
        _ if turn.summary => storage.portion(turn.cause)?,
        Some(fork) => {
            (storage.summary_before(fork.message.seq())?, recent(said_in_fork(storage, fork, turn)?))
        }
        None => said_in_chat(storage, turn.cause)?,
    };
    let forks = if turn.summary { Vec::new() } else { storage.resolved_forks(FORKS)? };
    let kept = if turn.summary { Vec::new() } else { kept(storage, chat, &forks, &said)? };
    let own = ParticipantId::Agent { id: turn.agent };
    let context = said.into_iter().map(|message| ContextMessage {
        message: message.message,
        author: chat.name_of(message.author),
        own: message.author == own,
        text: message.text,
        attachments: message.attachments,
        kept: kept_as(chat, &forks, message.message).filter(|_| !turn.summary),
    });
    Ok(TurnRequest {
        org: chat.org,
        chat: chat.id,
        channel: chat.channel,
        turn: turn.id,
        agent: turn.agent,
        request: ids::fresh(),
        title: chat.title.clone(),
        participants: chat
            .people
            .iter()
            .take(PEOPLE)
            .map(|person| tools::spoken_name(chat, person.participant.id))
            .collect(),
        fork: fork.map(|fork| TurnFork { description: fork.description.clone(), draft: turn.draft }),
        summary,
        kept,
        context: context.collect(),
        summarise: turn.summary,
        measured: storage.measured(turn.agent)?,
        steps: turn.steps.clone(),
        tools: if turn.summary { Vec::new() } else { tools::specs() },
    })
}

/// What was said up to the message to answer: the recent messages, and what lies between them and the summary.
fn said_in_chat(storage: &Storage, cause: MessageId) -> Result<(Option<ContextSummary>, Vec<Said>)> {
    let summary = storage.summary_before(cause.seq())?;
    let summed = match &summary {
        Some(summary) => storage.messages_at(summary.to)?,
        None => 0,
    };
    let since = storage.messages_at(cause.seq())?.saturating_sub(summed);
    let said = storage.said_until(cause, since.clamp(RECENT_MESSAGES, GIVEN_MESSAGES))?;
    Ok((summary, recent(said)))
}

/// The newest of some messages for which there is space; the message to answer is always given.
fn recent(mut said: Vec<Said>) -> Vec<Said> {
    let fits = fitting(said.iter().rev().map(|message| message.text.len()), RECENT_BYTES);
    said.split_off(said.len().saturating_sub(fits))
}

/// What led to a fork, and what was said in it. Who drafts its summary cites what was said there by numbers.
fn said_in_fork(storage: &Storage, fork: &Fork, turn: &Turn) -> Result<Vec<Said>> {
    let mut said = storage.said_until(fork.message, BEFORE_FORK)?;
    let own = storage.said_in(fork.id, turn.cause, RECENT_MESSAGES)?;
    said.extend(own.into_iter().map(|message| {
        let number = message.message.seq();
        let text = if turn.draft { format!("[{number}] {}", message.text) } else { message.text };
        Said { text, ..message }
    }));
    Ok(said)
}

/// Pinned messages and the summaries of forks, but for what is given anyway: the newest for which there is space.
fn kept(storage: &Storage, chat: &Chat, forks: &[Fork], given: &[Said]) -> Result<Vec<KeptMessage>> {
    let ends = forks.iter().filter_map(|fork| fork.resolution.as_ref().map(|end| end.message));
    let mut wanted: Vec<MessageId> = ends.collect();
    wanted.extend(chat.pins.iter().map(|pin| pin.message));
    wanted.retain(|message| given.iter().all(|said| said.message != *message));
    let said = storage.said_as(&wanted)?;
    let kept = said.into_iter().filter_map(|message| {
        let kept = kept_as(chat, forks, message.message)?;
        let author = chat.name_of(message.author);
        Some(KeptMessage { message: message.message, kept, author, text: message.text })
    });
    let mut kept: Vec<KeptMessage> = kept.collect();
    let fits = fitting(kept.iter().rev().map(|message| message.text.len()), KEPT_BYTES);
    Ok(kept.split_off(kept.len().saturating_sub(fits)))
}

/// Why a message is given in every turn, if it is.
fn kept_as(chat: &Chat, forks: &[Fork], message: MessageId) -> Option<KeptAs> {
    let sums_up = |fork: &&Fork| fork.resolution.as_ref().is_some_and(|end| end.message == message);
    match forks.iter().find(sums_up) {
        Some(fork) => Some(KeptAs::Fork { fork: fork.id, description: fork.description.clone() }),
        None => chat.pins.iter().any(|pin| pin.message == message).then_some(KeptAs::Pin),
    }
}
