//! The rules of a chat, told as traces: one line a command, saying what came of it.
#![expect(clippy::wildcard_enum_match_arm, reason = "each fact comes from a few kinds of events")]

mod any;
mod approvals;
mod calls;
mod forks;
mod given;
mod keeps;
mod mentions;
mod messages;
mod sandboxes;
mod turns;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use expect_test::{Expect, expect};
use slipway_contract::approval::{ApprovalAction, ApprovalAsk, ApprovalOption, ApprovalState, SelfApproval};
use slipway_contract::events::{ToolCall, TurnFailureCode, Usage};
use slipway_contract::http::approvals::{ApprovalDecision, DecideApproval};
use slipway_contract::http::artifacts::Artifact;
use slipway_contract::http::chats::{TurnState, UpdateChat};
use slipway_contract::http::forks::{AcceptFork, CreateFork, ForkState};
use slipway_contract::http::messages::PostMessage;
use slipway_contract::objects::tools::ToolEffect;
use slipway_contract::sandbox::{SandboxState, SandboxStatus};
use slipway_contract::{ApprovalId, ArtifactId, ParticipantRole, SandboxId, limits};

use super::acts::ActEnd;
use super::calls::{CallEnd, CallState};
use super::turns::{StepEnd, failure};
use super::*;
use given::*;

const ADA: &str = "user_000000000000000000000000000000a1";
const BOB: &str = "user_000000000000000000000000000000b2";
const EVE: &str = "user_000000000000000000000000000000e5";
const DEMO: &str = "agent_000000000000000000000000000000d1";
const OTHER: &str = "agent_000000000000000000000000000000d2";
const CHAT: &str = "chat_000000000000000000000000000000c1";
const ORG: &str = "org_00000000000000000000000000000001";

fn user(id: &str) -> Actor {
    Actor::User { id: id.parse().unwrap() }
}

fn participant(id: &str, slug: Option<&str>) -> Participant {
    let name = slug.unwrap_or("person").to_owned();
    let slug = slug.map(|slug| slug.parse().unwrap());
    Participant { id: id.parse().unwrap(), name, slug, role: ParticipantRole::Member }
}

fn chat_id() -> ChatId {
    CHAT.parse().unwrap()
}

/// A chat beside its whole log, from which facts are read the slow way.
#[derive(Default)]
struct World {
    chat: Option<Chat>,
    log: Vec<Event>,
    over: BTreeMap<ApprovalId, Approval>,
    forks: BTreeMap<ForkId, Fork>,
    now: i64,
    unsummed: Unsummed,
    trace: String,
}

/// A chat of two people in which nothing goes on.
pub(super) fn a_chat() -> Chat {
    World::begun().chat.unwrap()
}

impl World {
    fn begun() -> Self {
        let mut world = Self::default();
        world.run(Actor::System, create());
        world.run(
            Actor::System,
            ChatCommand::AddParticipant { participant: participant(BOB, None), by: user(ADA) },
        );
        world.trace.clear();
        world
    }

    fn facts(&self, actor: Actor, command: &ChatCommand) -> Facts {
        let named = match command {
            ChatCommand::Post(post) | ChatCommand::PostFiles { post, .. } => post.reply_to,
            ChatCommand::CreateFork { fork, .. } => Some(fork.message),
            ChatCommand::Edit { message, .. }
            | ChatCommand::Delete { message }
            | ChatCommand::React { message, .. }
            | ChatCommand::Pin { message, .. } => Some(*message),
            _ => None,
        };
        let mut facts = Facts::default();
        let mut reactions: Vec<(Actor, String)> = Vec::new();
        for event in &self.log {
            match &event.body {
                EventBody::MessagePosted(posted) => {
                    if let ChatCommand::MarkRead { seq } = command
                        && event.seq <= *seq
                        && posted.fork.is_none()
                    {
                        facts.messages_at += 1;
                    }
                    if let ChatCommand::Post(post) | ChatCommand::PostFiles { post, .. } = command
                        && posted.client_id.as_ref() == Some(&post.client_id)
                        && event.actor == actor
                    {
                        facts.earlier =
                            Some(Posted { message: posted.message, seq: event.seq, at: event.at });
                    }
                    if Some(posted.message) == named {
                        facts.message = Some(MessageFacts {
                            author: event.actor,
                            fork: posted.fork,
                            deleted: false,
                            text: posted.text.clone(),
                            edits: 0,
                            reacted: false,
                            emoji_known: false,
                            emoji: 0,
                            reactions: 0,
                        });
                    }
                }
                EventBody::MessageEdited { message, text } if Some(*message) == named => {
                    let known = facts.message.as_mut().unwrap();
                    known.edits += 1;
                    known.text.clone_from(text);
                }
                EventBody::MessageDeleted { message } if Some(*message) == named => {
                    facts.message.as_mut().unwrap().deleted = true;
                }
                EventBody::ReactionAdded { message, emoji } if Some(*message) == named => {
                    reactions.push((event.actor, emoji.clone()));
                }
                EventBody::ReactionRemoved { message, emoji } if Some(*message) == named => {
                    reactions.retain(|r| *r != (event.actor, emoji.clone()));
                }
                EventBody::TurnCompleted { turn, .. } if is_cancel(command, *turn) => {
                    facts.ended = Some(TurnState::Completed);
                }
                EventBody::TurnFailed { turn, .. } if is_cancel(command, *turn) => {
                    facts.ended = Some(TurnState::Failed);
                }
                EventBody::TurnCancelled { turn, .. } if is_cancel(command, *turn) => {
                    facts.ended = Some(TurnState::Cancelled);
                }
                _ => {}
            }
        }
        if let (Some(known), ChatCommand::React { emoji, .. }) = (&mut facts.message, command) {
            known.reacted = reactions.contains(&(actor, emoji.clone()));
            known.emoji_known = reactions.iter().any(|(_, other)| other == emoji);
            let mut distinct: Vec<_> = reactions.iter().map(|(_, emoji)| emoji).collect();
            distinct.sort();
            distinct.dedup();
            known.emoji = distinct.len();
            known.reactions = reactions.len();
        }
        if let ChatCommand::Decide { approval, .. } = command {
            facts.approval = self.over.get(approval).cloned();
        }
        if let ChatCommand::RequestApproval { by, client_id: Some(client_id), .. }
        | ChatCommand::EarlierApproval { by, client_id } = command
        {
            let open = self.chat.iter().flat_map(|chat| &chat.approvals);
            let same = |one: &&Approval| one.user == Some(*by) && one.client_id.as_ref() == Some(client_id);
            facts.approval = open.chain(self.over.values()).find(same).cloned();
        }
        facts.saved = self.saved();
        self.fork_facts(&mut facts, actor, command);
        facts
    }

    fn saved(&self) -> Vec<ArtifactId> {
        self.log
            .iter()
            .filter_map(|event| match &event.body {
                EventBody::ArtifactSaved { artifact, .. } => Some(artifact.id),
                _ => None,
            })
            .collect()
    }

    fn decide(&self, actor: Actor, command: &ChatCommand) -> Result<Decision, Problem> {
        let facts = self.facts(actor, command);
        let ask = Ask { actor, org: None, command, facts: &facts, now: Timestamp::from_unix_ms(self.now) };
        decide(self.chat.as_ref(), chat_id(), ask)
    }

    fn run(&mut self, actor: Actor, command: ChatCommand) {
        drop(self.ask(actor, command));
    }

    fn ask(&mut self, actor: Actor, command: ChatCommand) -> Result<Answer, Problem> {
        let decided = self.decide(actor, &command);
        self.settle(decided)
    }

    fn settle(&mut self, decided: Result<Decision, Problem>) -> Result<Answer, Problem> {
        let mut line = match &decided {
            Ok(decision) if decision.events.is_empty() => "nothing new".to_owned(),
            Ok(decision) => decision.events.iter().map(told).collect::<Vec<_>>().join(", "),
            Err(problem) => format!("refused: {:?}", problem.code),
        };
        let answer = decided.map(|decision| {
            match &mut self.chat {
                Some(chat) => chat.apply(&decision),
                None => self.chat = Chat::begun_by(chat_id(), &decision),
            }
            for change in &decision.turns {
                if let TurnChange::Put(turn) = change {
                    write!(line, " [{}]", stands(turn)).unwrap();
                }
            }
            for approval in &decision.approvals {
                write!(line, " <{:?}>", approval.phase).unwrap();
                if let ApprovalPhase::Ended(_) = approval.phase {
                    self.over.insert(approval.id, approval.clone());
                }
            }
            for fork in &decision.forks {
                self.forks.insert(fork.id, fork.clone());
            }
            self.log.extend(decision.events);
            decision.answer
        });
        writeln!(self.trace, "{line}").unwrap();
        answer
    }

    fn post(&mut self, by: &str, client_id: &str, text: &str) {
        self.run(user(by), post(client_id, text));
    }

    fn turn(&self) -> TurnId {
        self.chat.as_ref().unwrap().turns[0].id
    }

    fn start(&mut self) {
        let decided = self.chat.as_ref().unwrap().start_turn(self.turn(), Timestamp::from_unix_ms(self.now));
        drop(self.settle(decided));
    }

    fn end(&mut self, attempt: u8, end: StepEnd) {
        let now = Timestamp::from_unix_ms(self.now);
        let decided = self.chat.as_ref().unwrap().end_step(self.turn(), attempt, end, &self.unsummed, now);
        drop(self.settle(decided));
    }

    /// The agent asked first works and calls tools.
    fn calling(&mut self, tools: &[&str]) {
        self.post(ADA, "c1", "@demo go");
        self.start();
        self.end(1, called(tools));
    }

    /// The one call that is due, by its key.
    fn due(&self) -> String {
        self.chat.as_ref().unwrap().due_calls().map(|(_, key, _)| key).next().unwrap()
    }

    fn end_call(&mut self, end: CallEnd) {
        let (turn, key) = (self.turn(), self.due());
        self.end_call_named(turn, &key, end);
    }

    fn end_call_named(&mut self, turn: TurnId, key: &str, end: CallEnd) {
        let now = Timestamp::from_unix_ms(self.now);
        let decided = self.chat.as_ref().unwrap().end_call(turn, key, end, &self.saved(), now);
        drop(self.settle(decided));
    }

    fn expire(&mut self) {
        let now = Timestamp::from_unix_ms(self.now);
        let decided = self.chat.as_ref().unwrap().expire_approvals(now);
        drop(self.settle(Ok(decided)));
    }

    fn end_act(&mut self, approval: ApprovalId, end: ActEnd) {
        let now = Timestamp::from_unix_ms(self.now);
        let decided = self.chat.as_ref().unwrap().end_act(approval, end, now);
        drop(self.settle(decided));
    }

    /// The newest result that an agent was told.
    fn told(&self) -> (String, bool) {
        let results = self.log.iter().rev().filter_map(|event| match &event.body {
            EventBody::ToolReturned { result, .. } => Some((result.content.clone(), result.is_error)),
            _ => None,
        });
        results.take(1).next().unwrap()
    }
}

fn is_cancel(command: &ChatCommand, id: TurnId) -> bool {
    matches!(command, ChatCommand::CancelTurn { turn } if *turn == id)
}

/// A turn's phase in a few words.
fn stands(turn: &Turn) -> String {
    match &turn.phase {
        TurnPhase::Calling(calling) => {
            format!("Calling {} of {}: {:?}", calling.results.len() + 1, calling.calls.len(), calling.state)
        }
        phase => format!("{phase:?}"),
    }
}

fn told(event: &Event) -> String {
    let json = serde_json::to_value(&event.body).unwrap();
    let text = [
        "/text",
        "/emoji",
        "/title",
        "/result/content",
        "/detail",
        "/status/state",
        "/artifact/name",
        "/description",
    ];
    let text = text.iter().find_map(|at| json.pointer(at));
    let detail = text.map(|text| format!(" {text}")).unwrap_or_default();
    let code = json
        .pointer("/failure/code")
        .or(json.get("state"))
        .map(|code| format!(" {code}"))
        .unwrap_or_default();
    format!("{} {}{detail}{code}", event.seq, json["type"].as_str().unwrap())
}

fn create() -> ChatCommand {
    ChatCommand::Create {
        org: ORG.parse().unwrap(),
        channel: "chan_00000000000000000000000000000001".parse().unwrap(),
        title: " First ".to_owned(),
        creator: participant(ADA, None),
        agents: vec![participant(DEMO, Some("demo")), participant(OTHER, Some("other"))],
    }
}

fn post(client_id: &str, text: &str) -> ChatCommand {
    ChatCommand::Post(PostMessage {
        client_id: client_id.to_owned(),
        text: text.to_owned(),
        reply_to: None,
        fork: None,
        attachments: vec![],
    })
}

fn message(seq: u64) -> MessageId {
    MessageId::new(chat_id(), Seq(seq))
}

fn react(seq: u64, emoji: &str, on: bool) -> ChatCommand {
    ChatCommand::React { message: message(seq), emoji: emoji.to_owned(), on }
}

fn answered(text: &str) -> StepEnd {
    let usage = Usage { input_tokens: 5, output_tokens: 7 };
    let (cut, model) = (false, "demo".to_owned());
    StepEnd::Answered { text: text.to_owned(), cut, model, usage, receipt: None, measured: None }
}

fn overloaded() -> StepEnd {
    StepEnd::Failed {
        failure: failure(TurnFailureCode::ProviderUnavailable, "busy"),
        retryable: true,
        retry_after_ms: None,
    }
}

fn check(world: &World, expected: Expect) {
    expected.assert_eq(&world.trace);
}
