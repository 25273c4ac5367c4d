//! What the log says about a command before it is decided.

use std::collections::BTreeMap;

use slipway_contract::http::chats::TurnState;
use slipway_contract::http::messages::Posted;
use slipway_contract::objects::chat::ChatCommand;
use slipway_contract::{Actor, ChatId, ForkId, MessageId, Seq, Timestamp, TurnId};
use slipway_domain::chat::{Facts, MessageFacts};
use worker::Result;

use super::{Storage, actor_key};
use crate::sql::{Value, int};

impl Storage {
    /// Earlier posts under the client ids of `posts`, in one look-up.
    pub(crate) fn earlier_posts(
        &self,
        posts: &[(Actor, &str)],
    ) -> Result<BTreeMap<(String, String), Posted>> {
        let wanted: Vec<(String, &str)> = posts.iter().map(|(actor, id)| (actor_key(*actor), *id)).collect();
        let rows: Vec<(String, String, MessageId, Seq, Timestamp)> = self.sql.rows(
            "SELECT json_array(events.actor, client_id, event ->> '$.message', seq, event ->> '$.at')
               FROM json_each(?) AS wanted
               JOIN events ON events.actor = wanted.value ->> 0 AND client_id = wanted.value ->> 1",
            vec![Value::String(serde_json::to_string(&wanted)?)],
        )?;
        // One by one: collecting into a map brings a whole sort into the Worker.
        let mut earlier = BTreeMap::new();
        for (actor, client_id, message, seq, at) in rows {
            earlier.insert((actor, client_id), Posted { message, seq, at });
        }
        Ok(earlier)
    }

    /// What the log says about a command, but for earlier posts.
    pub(crate) fn facts(&self, chat: ChatId, actor: Actor, command: &ChatCommand) -> Result<Facts> {
        let mut facts = Facts::default();
        match command {
            ChatCommand::Post(post) | ChatCommand::PostFiles { post, .. } => {
                if let Some(reply_to) = post.reply_to.filter(|message| message.chat() == chat) {
                    facts.message = self.message(reply_to)?;
                }
                if let Some(fork) = post.fork.filter(|fork| fork.chat() == chat) {
                    facts.fork = self.fork(fork)?;
                }
            }
            ChatCommand::Edit { message, .. }
            | ChatCommand::Delete { message }
            | ChatCommand::Pin { message, .. }
                if message.chat() == chat =>
            {
                facts.message = self.message(*message)?;
            }
            ChatCommand::React { message, emoji, .. } if message.chat() == chat => {
                facts.message = self.message(*message)?;
                if let Some(known) = &mut facts.message {
                    self.count_reactions(known, *message, emoji, actor)?;
                }
            }
            ChatCommand::MarkRead { seq } => facts.messages_at = self.messages_at(*seq)?,
            ChatCommand::CancelTurn { turn } if turn.chat() == chat => facts.ended = self.ended(*turn)?,
            ChatCommand::Decide { approval, .. } if approval.chat() == chat => {
                facts.approval = self.approval(*approval)?;
            }
            ChatCommand::RequestApproval { by, client_id: Some(client_id), .. }
            | ChatCommand::EarlierApproval { by, client_id } => {
                facts.approval = self.asked_before(*by, client_id)?;
            }
            ChatCommand::CreateFork { fork, .. } => {
                facts.fork = self.begun_before(actor, &fork.client_id)?;
                if fork.message.chat() == chat {
                    facts.message = self.message(fork.message)?;
                }
            }
            ChatCommand::DraftFork { fork } if fork.chat() == chat => {
                facts.fork = self.fork(*fork)?;
                facts.newest = self.newest_in(*fork)?;
            }
            ChatCommand::AcceptFork { fork, accepted } if fork.chat() == chat => {
                self.accepted_facts(&mut facts, *fork, accepted)?;
            }
            ChatCommand::AbandonFork { fork } if fork.chat() == chat => facts.fork = self.fork(*fork)?,
            ChatCommand::Create { .. }
            | ChatCommand::Describe
            | ChatCommand::Update(_)
            | ChatCommand::Events(_)
            | ChatCommand::AddParticipant { .. }
            | ChatCommand::RemoveParticipant { .. }
            | ChatCommand::Edit { .. }
            | ChatCommand::Delete { .. }
            | ChatCommand::React { .. }
            | ChatCommand::Pin { .. }
            | ChatCommand::IssueTicket
            | ChatCommand::CancelTurn { .. }
            | ChatCommand::RedeemTicket { .. }
            | ChatCommand::RequestApproval { .. }
            | ChatCommand::Decide { .. }
            | ChatCommand::Forks(_)
            | ChatCommand::DraftFork { .. }
            | ChatCommand::AcceptFork { .. }
            | ChatCommand::AbandonFork { .. }
            | ChatCommand::Search(_)
            | ChatCommand::Close
            | ChatCommand::Erase
            | ChatCommand::ErasePerson { .. }
            | ChatCommand::ForgetTurns { .. }
            | ChatCommand::SandboxChanged(_)
            | ChatCommand::Reindex
            | ChatCommand::BeginExport { .. }
            | ChatCommand::ExportPart { .. }
            | ChatCommand::Wipe { .. }
            | ChatCommand::ArtifactSaved(_) => {}
        }
        Ok(facts)
    }

    fn message(&self, message: MessageId) -> Result<Option<MessageFacts>> {
        let row: Option<(Actor, String, usize, u8, Option<Seq>)> = self.sql.row(
            "SELECT json_array(event -> '$.actor', event ->> '$.text', edits, deleted, fork)
               FROM events WHERE seq = ? AND kind = 'message.posted'",
            vec![int(message.seq().0)],
        )?;
        let Some((author, text, edits, deleted, fork)) = row else { return Ok(None) };
        let text = if edits > 0 { self.present_text(message, text)? } else { text };
        Ok(Some(MessageFacts {
            author,
            fork: fork.map(|seq| ForkId::new(message.chat(), seq)),
            deleted: deleted == 1,
            text,
            edits,
            reacted: false,
            emoji_known: false,
            emoji: 0,
            reactions: 0,
        }))
    }

    fn count_reactions(
        &self,
        facts: &mut MessageFacts,
        message: MessageId,
        emoji: &str,
        actor: Actor,
    ) -> Result<()> {
        let counted: Option<(usize, usize, u8, u8)> = self.sql.row(
            "SELECT json_array(count(*), count(DISTINCT emoji), coalesce(max(emoji = ?2), 0),
                    coalesce(max(emoji = ?2 AND actor = ?3), 0))
               FROM reactions WHERE message = ?1",
            vec![int(message.seq().0), emoji.into(), actor_key(actor).into()],
        )?;
        if let Some((reactions, distinct, known, own)) = counted {
            (facts.reactions, facts.emoji) = (reactions, distinct);
            (facts.emoji_known, facts.reacted) = (known == 1, own == 1);
        }
        Ok(())
    }

    /// How many messages there were at an event.
    pub(crate) fn messages_at(&self, seq: Seq) -> Result<u64> {
        let count =
            self.sql.row("SELECT CAST(messages AS TEXT) FROM events WHERE seq = ?", vec![int(seq.0)])?;
        Ok(count.unwrap_or(0))
    }

    fn ended(&self, turn: TurnId) -> Result<Option<TurnState>> {
        let kind = self.sql.text(
            "SELECT kind FROM events WHERE target = ? AND kind IN (
                'turn.completed', 'turn.summarised', 'turn.failed', 'turn.cancelled')",
            vec![int(turn.seq().0)],
        )?;
        Ok(kind.map(|kind| match kind.as_str() {
            "turn.completed" | "turn.summarised" => TurnState::Completed,
            "turn.cancelled" => TurnState::Cancelled,
            _ => TurnState::Failed,
        }))
    }
}
