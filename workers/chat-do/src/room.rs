//! A chat's object while it is in memory: the chat, who listens, what is being written.
//!
//! Invariant: no borrow of the state lives across an await, and the state in memory is never ahead of what is stored: a
//! write that fails drops it, and the next call loads it anew.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use slipway_contract::http::chats::{EventsQuery, SocketTicket};
use slipway_contract::http::forks::ForksQuery;
use slipway_contract::objects::chat::{ChatCall, ChatCommand, RedeemedTicket};
use slipway_contract::{
    Actor, ArchiveId, ChatId, ForkId, OrgId, ParticipantId, Problem, ProblemCode, UserId,
};
use slipway_domain::chat::archive::Standing;
use slipway_domain::chat::{Answer, Chat};
use slipway_edge::log::Line;
use slipway_edge::{clock, ids};
use worker::{Env, State};

use crate::acts::Acts;
use crate::archive::restore::{self, Return};
use crate::calls::Calls;
use crate::effects::Driver;
use crate::erasing;
use crate::journal::{Journal, Sender};
use crate::projection;
use crate::schema::{self, Found};
use crate::search;
use crate::sockets::Seats;
use crate::sql::Sql;
use crate::storage::{Progress, Storage};
use crate::turns::Running;
use crate::work::Work;

/// A chat's object.
pub(crate) struct Room {
    /// The platform's handle.
    pub state: State,
    /// Its bindings.
    pub env: Env,
    /// The tables.
    pub storage: Storage,
    /// Who listens.
    pub seats: Seats,
    /// What is waiting to be written.
    pub journal: Journal,
    /// Turns at work in this process.
    pub running: Running,
    /// Calls of tools that are performed in this process.
    pub calls: Calls,
    /// What this process carries out.
    pub acts: Acts,
    /// What runs after a write.
    pub driver: Driver,
    /// Who waits for the chat to come back from its archive.
    pub returning: Return,
    held: RefCell<Option<Held>>,
    ready: Cell<bool>,
    closed: Cell<bool>,
    away: Cell<bool>,
}

/// What is in memory of a chat that exists.
pub(crate) struct Held {
    /// The chat.
    pub chat: Chat,
    /// How far the outside follows.
    pub progress: Progress,
    /// Whose read markers moved since they were written.
    pub readers: BTreeSet<ParticipantId>,
    /// The index does not know every row of people and approvals as it is.
    pub stale_rows: bool,
    /// The archive that the chat came back from, while the orchestrator does not know.
    pub back: Option<ArchiveId>,
}

impl Room {
    /// An object that has just been made; nothing is read yet.
    pub(crate) fn new(state: State, env: Env) -> Self {
        let storage = Storage { sql: Sql::new(state.storage()) };
        Self {
            seats: Seats::new(&state),
            state,
            env,
            storage,
            journal: Journal::default(),
            running: Running::default(),
            calls: Calls::default(),
            acts: Acts::default(),
            driver: Driver::default(),
            returning: Return::default(),
            held: RefCell::new(None),
            ready: Cell::new(false),
            away: Cell::new(false),
            closed: Cell::new(false),
        }
    }

    /// Whether the chat is closed for good, as far as this process knows.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.get()
    }

    /// Forgets the chat that is in memory, and never loads it again. What works on it ends.
    pub(crate) fn shut(&self) {
        let turns = self.with_chat(|chat| chat.turns.iter().map(|turn| turn.id).collect::<Vec<_>>());
        self.closed.set(true);
        self.away.set(false);
        self.held.replace(None);
        for turn in turns.unwrap_or_default() {
            self.running.stop(turn);
            self.calls.stop(turn);
        }
    }

    /// The chat that this object is.
    ///
    /// # Errors
    /// `not_found` when the object has no chat's name, so that nothing is ever stored in it.
    pub(crate) fn id(&self) -> Result<ChatId, Problem> {
        let name = self.state.id().name();
        name.and_then(|name| name.parse().ok()).ok_or_else(|| ProblemCode::NotFound.into())
    }

    /// How the object holds its chat.
    ///
    /// # Errors
    /// `internal` when storage fails.
    pub(crate) fn standing(&self) -> Result<Standing, Problem> {
        self.storage.standing().map_err(|error| self.fault("standing_unreadable", &error))
    }

    /// Whether the chat lies in an archive, as it was last looked at.
    pub(crate) fn is_away(&self) -> bool {
        self.away.get()
    }

    /// Whether the chat lies in an archive, after a look.
    pub(crate) fn finds_away(self: &Rc<Self>) -> bool {
        // What is wrong otherwise is told to whoever opens it.
        let _told_later = self.load();
        self.is_away()
    }

    /// What is in memory of the chat is no longer so.
    pub(crate) fn forget(&self) {
        self.held.replace(None);
        self.ready.set(false);
    }

    /// Reads the chat, for a call that names `org`; one that lies in an archive comes back first.
    ///
    /// # Errors
    /// `not_found` when it lies in an archive of another org; why it does not come back; `internal` when storage fails.
    pub(crate) async fn open(self: &Rc<Self>, org: Option<OrgId>) -> Result<(), Problem> {
        let loaded = self.load();
        if !self.is_away() {
            return loaded;
        }
        restore::bring_back(self, org).await?;
        self.load()
    }

    /// Reads the chat from storage unless it is in memory.
    ///
    /// # Errors
    /// `unavailable` while it lies in an archive, `internal` when storage fails.
    pub(crate) fn load(self: &Rc<Self>) -> Result<(), Problem> {
        if self.held.borrow().is_some() || self.closed.get() {
            return Ok(());
        }
        let id = self.id()?;
        let found = self.storage.holds().map_err(|error| self.fault("schema_unreadable", &error))?;
        if found == Found::Closed {
            self.closed.set(true);
            return Ok(());
        }
        let standing = self.standing()?;
        self.away.set(matches!(standing, Standing::Away { .. }));
        self.storage.sql.set_sealed(matches!(standing, Standing::Sealed(_)));
        let back = match standing {
            Standing::Here | Standing::Sealed(_) => None,
            Standing::Back(archive) => Some(archive),
            Standing::Away { .. } => return Err(Problem::new(ProblemCode::Unavailable).retry_after(1)),
        };
        if !self.ready.get() {
            if found == Found::Nothing {
                return Ok(());
            }
            self.prepare()?;
        }
        let loaded = self.storage.load(id).map_err(|error| self.fault("load_failed", &error))?;
        if let Some((chat, progress)) = loaded {
            let unprojected = self.storage.has_unprojected();
            let stale_rows = unprojected.map_err(|error| self.fault("load_failed", &error))?;
            self.held.replace(Some(Held { chat, progress, readers: BTreeSet::new(), stale_rows, back }));
            if stale_rows || back.is_some() {
                crate::effects::arm(self);
            }
            self.recover();
        }
        Ok(())
    }

    /// Brings the tables up to date.
    fn prepare(&self) -> Result<(), Problem> {
        if !self.ready.replace(true) {
            schema::bring_up_to_date(&self.storage.sql).map_err(|error| {
                self.ready.set(false);
                self.fault("schema_failed", &error)
            })?;
        }
        Ok(())
    }

    /// Turns that were at work when the process died have nobody who works on them now.
    fn recover(self: &Rc<Self>) {
        let orphans = self.with_chat(|chat| crate::turns::orphans(chat, &self.running)).unwrap_or_default();
        for (turn, attempt) in orphans {
            self.journal.put(Work::interrupted(turn, attempt));
        }
        self.journal.wake(self);
    }

    /// Reads the chat in memory.
    pub(crate) fn with_chat<T>(&self, read: impl FnOnce(&Chat) -> T) -> Option<T> {
        self.held.borrow().as_ref().map(|held| read(&held.chat))
    }

    /// Reads or changes what is in memory.
    pub(crate) fn with_held<T>(&self, work: impl FnOnce(&mut Option<Held>) -> T) -> T {
        work(&mut self.held.borrow_mut())
    }

    /// Answers one call with JSON.
    ///
    /// # Errors
    /// The problem that the caller is told.
    pub(crate) async fn call(self: &Rc<Self>, call: ChatCall) -> Result<String, Problem> {
        if let Some(answer) = erasing::answer(self, &call.command, call.actor, call.org).await {
            return answer;
        }
        let call = match crate::archive::answer(self, call).await {
            Ok(answered) => return answered,
            Err(call) => call,
        };
        let ChatCall { org, actor, command, .. } = call;
        if let ChatCommand::Reindex = command {
            return projection::begin_anew(self, actor, org);
        }
        // Who begins a chat names its org in the command.
        let named = if let ChatCommand::Create { org, .. } = &command { Some(*org) } else { org };
        if let Some(shown) = restore::shown(self, &command, actor, named).await? {
            return Ok(shown);
        }
        self.open(named).await?;
        if self.is_closed() {
            return Err(ProblemCode::NotFound.into());
        }
        if let ChatCommand::Describe = command {
            return self.describe(actor, org);
        }
        if let ChatCommand::Events(query) = command {
            return self.events(query, actor, org);
        }
        if let ChatCommand::Forks(query) = command {
            return self.forks(&query, actor, org);
        }
        if let ChatCommand::Search(query) = command {
            return search::search(self, &query, actor, org).await;
        }
        if let ChatCommand::IssueTicket = command {
            return self.issue_ticket(actor, org);
        }
        if let ChatCommand::RedeemTicket { ticket } = command {
            return self.redeem_for_system(&ticket, actor, org);
        }
        if !matches!(command, ChatCommand::Create { .. }) && self.with_chat(|_| ()).is_none() {
            return Err(ProblemCode::NotFound.into());
        }
        self.prepare()?;
        // By the org's word somebody is told: who begins, or who asked.
        let tell = if let ChatCommand::Create { creator, .. } = &command {
            Some(creator.id)
        } else if let ChatCommand::AddParticipant { by, .. } = &command {
            by.participant()
        } else {
            actor.participant()
        };
        let from = Sender(tell.map_or(0, requests_of));
        match self.journal.commit(self, from, Work::Command { actor, org, command }).await? {
            Answer::Chat => {
                let told = tell.and_then(|to| self.with_chat(|chat| json(&chat.describe(to))));
                told.unwrap_or_else(|| Ok("{}".to_owned()))
            }
            Answer::Posted(posted) => json(&posted),
            Answer::Turn(status) => json(&status),
            Answer::Approval(approval) => json(&approval),
            Answer::Fork(fork) => json(&fork),
        }
    }

    fn events(&self, query: EventsQuery, actor: Actor, org: Option<OrgId>) -> Result<String, Problem> {
        let (_, head) = self.admitted(actor, org)?;
        if let Some(fork) = query.fork {
            let known = fork.chat() == self.id()? && self.known_fork(fork)?;
            known.then_some(()).ok_or(ProblemCode::NotFound)?;
        }
        let events =
            self.storage.events(query, head)?.map_err(|error| self.fault("events_failed", &error))?;
        Ok(format!(r#"{{"events":[{events}],"head":{head}}}"#))
    }

    fn known_fork(&self, fork: ForkId) -> Result<bool, Problem> {
        let found = self.storage.fork(fork).map_err(|error| self.fault("fork_failed", &error))?;
        Ok(found.is_some())
    }

    fn forks(&self, query: &ForksQuery, actor: Actor, org: Option<OrgId>) -> Result<String, Problem> {
        self.admitted(actor, org)?;
        self.storage.forks(query)?.map_err(|error| self.fault("forks_failed", &error))
    }

    /// Who asks, if they take part, and the newest event.
    ///
    /// # Errors
    /// `not_found`.
    pub(crate) fn admitted(
        &self,
        actor: Actor,
        org: Option<OrgId>,
    ) -> Result<(ParticipantId, slipway_contract::Seq), Problem> {
        self.with_chat(|chat| chat.admitted(actor, org).map(|person| (person.participant.id, chat.head)))
            .unwrap_or_else(|| Err(ProblemCode::NotFound.into()))
    }

    fn describe(&self, actor: Actor, org: Option<OrgId>) -> Result<String, Problem> {
        let (to, _) = self.admitted(actor, org)?;
        self.with_chat(|chat| json(&chat.describe(to))).unwrap_or_else(|| Err(ProblemCode::NotFound.into()))
    }

    fn issue_ticket(&self, actor: Actor, org: Option<OrgId>) -> Result<String, Problem> {
        let ParticipantId::User { id } = self.admitted(actor, org)?.0 else {
            return Err(ProblemCode::Forbidden.into());
        };
        let secret: [u8; 24] = ids::random();
        let ticket: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
        let expires_at = self
            .storage
            .keep_ticket(&ticket, id, clock::now())
            .map_err(|error| self.fault("ticket_failed", &error))?;
        json(&SocketTicket { ticket, expires_at })
    }

    /// Whose a ticket was; it is used up.
    ///
    /// # Errors
    /// The ticket is unknown, used or too old, or its owner no longer takes part.
    pub(crate) fn redeem_ticket(&self, ticket: &str) -> Result<UserId, Problem> {
        let invalid = || Problem::new(ProblemCode::TicketInvalid);
        // An object that was never used has no tables to look in.
        if ticket.len() > 64 || self.with_chat(|_| ()).is_none() {
            return Err(invalid());
        }
        let redeemed = self.storage.redeem_ticket(ticket, clock::now());
        let user = redeemed.map_err(|error| self.fault("ticket_failed", &error))?.ok_or_else(invalid)?;
        // The person may have been put out since the ticket was made.
        let admitted = self.with_chat(|chat| chat.admitted(Actor::User { id: user }, None).is_ok());
        if admitted == Some(true) { Ok(user) } else { Err(invalid()) }
    }

    fn redeem_for_system(&self, ticket: &str, actor: Actor, org: Option<OrgId>) -> Result<String, Problem> {
        let own = self.with_chat(|chat| chat.org).filter(|own| org.is_none_or(|org| org == *own));
        match (own, actor) {
            (Some(own), Actor::System) => {
                json(&RedeemedTicket { org: own, user: self.redeem_ticket(ticket)? })
            }
            (Some(_), Actor::User { .. } | Actor::Agent { .. }) | (None, _) => {
                Err(ProblemCode::NotFound.into())
            }
        }
    }

    /// Logs what storage or the platform refused; the caller is told nothing of it.
    pub(crate) fn fault(&self, event: &'static str, error: &worker::Error) -> Problem {
        let mut line = Line::error(event).fault(error);
        if let Ok(id) = self.id() {
            line = line.chat(id);
        }
        line.emit();
        Problem::new(ProblemCode::Internal)
    }
}

/// A number for the requests of one participant: the random half of their id.
fn requests_of(participant: ParticipantId) -> u64 {
    match participant {
        ParticipantId::User { id } => id.uuid().as_u64_pair().1,
        ParticipantId::Agent { id } => id.uuid().as_u64_pair().1,
    }
}

/// Contract types always become JSON.
pub(crate) fn json<T: Serialize>(value: &T) -> Result<String, Problem> {
    serde_json::to_string(value).map_err(|_| ProblemCode::Internal.into())
}

/// Reads JSON. By way of a text always: each way to read brings all that is read into the Worker once more.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    serde_json::from_str(core::str::from_utf8(bytes).ok()?).ok()
}
