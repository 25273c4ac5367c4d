//! A chat of two people and the demo agent, who answers when it is asked.

use anyhow::{Context as _, Result};
use e2e::{Person, Team, World, eventually};
use futures::future::try_join_all;
use reqwest::Method;
use slipway_contract::events::{Event, EventBody, Receipt, ReceiptKind, ReceiptPart, Usage};
use slipway_contract::http::chats::Chat;
use slipway_contract::{MessageId, ProblemCode, TurnId};

/// Messages that are posted at a time.
const AT_A_TIME: usize = 25;

pub(crate) struct Scene {
    pub(crate) ada: Person,
    pub(crate) bo: Person,
    pub(crate) chat: Chat,
}

/// A turn that summed up.
pub(crate) struct Summary {
    pub(crate) turn: TurnId,
    pub(crate) from: u64,
    pub(crate) to: u64,
    pub(crate) text: String,
}

impl Scene {
    pub(crate) async fn open(world: &World) -> Result<Self> {
        let (team, bo, _agent, chat) = Team::with_agent(world).await?;
        Ok(Self { ada: team.owner, bo, chat })
    }

    /// Posts notes that ask nobody; their messages in the order of the log.
    pub(crate) async fn notes(&self, count: usize) -> Result<Vec<MessageId>> {
        let names: Vec<String> = (0..count).map(|n| format!("note-{n}")).collect();
        let mut notes = Vec::new();
        for some in names.chunks(AT_A_TIME) {
            let posts = some.iter().map(|name| self.bo.post(self.chat.id, name, name));
            notes.extend(try_join_all(posts).await?.into_iter().map(|posted| posted.message));
        }
        notes.sort_unstable_by_key(|note| note.seq());
        Ok(notes)
    }

    /// Asks the agent and waits for the answer: what it used, and what it was given.
    pub(crate) async fn ask(&self, client_id: &str) -> Result<(MessageId, Usage, Receipt)> {
        let cause = self.ada.post(self.chat.id, client_id, "@demo echo: yes").await?.message;
        let (usage, receipt) = eventually("the answer", async || {
            let log = self.tail(cause).await?;
            let asked = log.iter().find_map(|event| {
                let EventBody::TurnQueued { turn, cause: of, .. } = event.body else { return None };
                (of == cause).then_some(turn)
            });
            Ok(log.into_iter().find_map(|event| {
                let EventBody::TurnCompleted { turn, usage, receipt, .. } = event.body else { return None };
                (Some(turn) == asked).then_some((usage, receipt))
            }))
        })
        .await?;
        Ok((cause, usage, *receipt.context("an answer without a receipt")?))
    }

    async fn tail(&self, after: MessageId) -> Result<Vec<Event>> {
        let query = format!("after={}&limit=200", after.seq().0);
        Ok(self.ada.events(self.chat.id, &query).await?.events)
    }

    /// Waits until no turn is open; the log then.
    pub(crate) async fn rest(&self) -> Result<Vec<Event>> {
        eventually("the end of all turns", async || {
            let answer =
                self.ada.call(Method::GET, &format!("/v1/chats/{}", self.chat.id)).try_send().await?;
            let Some(answer) = answer.filter(|answer| answer.status != 503) else { return Ok(None) };
            Ok(answer.read::<Chat>()?.open_turns.is_empty().then_some(()))
        })
        .await?;
        self.ada.log(self.chat.id).await
    }

    /// The pinned messages, as a person sees them.
    pub(crate) async fn pins(&self) -> Result<Vec<MessageId>> {
        let chat = self.bo.describe(self.chat.id).await?;
        Ok(chat.pins.iter().map(|pin| pin.message).collect())
    }

    pub(crate) async fn pin(&self, message: MessageId, on: bool) -> Result<()> {
        self.bo.pinning(message, on).send().await?.done()
    }

    pub(crate) async fn refused(&self, message: MessageId, code: ProblemCode) -> Result<()> {
        self.bo.pinning(message, true).send().await?.refused(code).map(drop)
    }
}

/// Summaries of a log, oldest first.
pub(crate) fn summaries(log: &[Event]) -> Vec<Summary> {
    let told = log.iter().filter_map(|event| {
        let EventBody::TurnSummarised { turn, from, to, text, .. } = &event.body else { return None };
        Some(Summary { turn: *turn, from: from.0, to: to.0, text: text.clone() })
    });
    told.collect()
}

/// How many events are of a kind.
pub(crate) fn count(log: &[Event], is: impl Fn(&EventBody) -> bool) -> usize {
    log.iter().filter(|event| is(&event.body)).count()
}

/// The parts of a kind.
pub(crate) fn parts(receipt: &Receipt, kind: ReceiptKind) -> Vec<&ReceiptPart> {
    receipt.parts.iter().filter(|part| part.kind == kind).collect()
}

/// The messages that the parts of a kind name.
pub(crate) fn messages(receipt: &Receipt, kind: ReceiptKind) -> Vec<MessageId> {
    parts(receipt, kind).into_iter().filter_map(|part| part.message).collect()
}
