//! Commands of the `Chat` object, sent as JSON in the body of `POST /` to the object named by the chat's id.
//!
//! The reply is `200` with the JSON of the command's answer, or the problem with its own status. A socket is asked for by
//! the browser's own upgrade request, handed over untouched but for its path `/socket?ticket=&after=`.

use serde::{Deserialize, Serialize};

use crate::actor::{Actor, Participant, ParticipantId};
use crate::approval::ApprovalAsk;
use crate::http::approvals::DecideApproval;
use crate::http::artifacts::Artifact;
use crate::http::attachments::Attachment;
use crate::http::chats::{EventsQuery, UpdateChat};
use crate::http::forks::{AcceptFork, CreateFork, ForksQuery};
use crate::http::messages::PostMessage;
use crate::http::search::ChatSearchQuery;
use crate::ids::{
    ApprovalId, ArchiveId, ChannelId, ForkId, MessageId, OrgId, RequestId, Seq, TurnId, UserId,
};
use crate::sandbox::SandboxStatus;
use crate::time::Timestamp;

/// One call of the object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChatCall {
    /// The org that the caller named by `X-Org-Id` or by the path; another org's chat is not found.
    #[serde(default)]
    pub org: Option<OrgId>,
    /// Who asks.
    pub actor: Actor,
    /// For the logs.
    pub request: RequestId,
    /// What is asked.
    pub command: ChatCommand,
}

/// What can be asked of a chat. Each says what it answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChatCommand {
    /// Begin. Answers [`Chat`](crate::http::chats::Chat); the same again too. By `System`, after the org's rules allowed it.
    Create {
        /// The owning org.
        org: OrgId,
        /// The channel it is in.
        channel: ChannelId,
        /// The title.
        title: String,
        /// Who begins; a moderator.
        creator: Participant,
        /// Agents that take part from the start.
        agents: Vec<Participant>,
    },
    /// Answers [`Chat`](crate::http::chats::Chat).
    Describe,
    /// Rename, set the default agent. Answers [`Chat`](crate::http::chats::Chat).
    Update(UpdateChat),
    /// Answers [`EventsPage`](crate::http::chats::EventsPage).
    Events(EventsQuery),
    /// Take somebody in, or change their name or role. By `System`, after the org's rules allowed it; by a participant
    /// otherwise refused. Answers [`Chat`](crate::http::chats::Chat).
    AddParticipant {
        /// Who, and as what.
        participant: Participant,
        /// The person who asked for it; the event's actor.
        by: Actor,
    },
    /// Put somebody out and close their sockets. Answers [`Chat`](crate::http::chats::Chat).
    RemoveParticipant {
        /// Who.
        participant: ParticipantId,
    },
    /// Answers [`Posted`](crate::http::messages::Posted).
    Post(PostMessage),
    /// Answers [`Posted`](crate::http::messages::Posted).
    Edit {
        /// Which.
        message: MessageId,
        /// The new text.
        text: String,
    },
    /// Answers [`Posted`](crate::http::messages::Posted); the same again too.
    Delete {
        /// Which.
        message: MessageId,
    },
    /// Add or take back a reaction. Answers [`Posted`](crate::http::messages::Posted); the same again too, with the
    /// message's own event.
    React {
        /// Which message.
        message: MessageId,
        /// With what.
        emoji: String,
        /// Add, or take back.
        on: bool,
    },
    /// Everything up to `seq` was read. Answers [`Chat`](crate::http::chats::Chat).
    MarkRead {
        /// The newest event read.
        seq: Seq,
    },
    /// Answers [`SocketTicket`](crate::http::chats::SocketTicket).
    IssueTicket,
    /// Answers [`TurnStatus`](crate::http::chats::TurnStatus); the same again too.
    CancelTurn {
        /// Which.
        turn: TurnId,
    },
    /// Uses up a socket ticket for something that lies outside the object (a terminal of the chat's sandbox). By `System`.
    /// Answers [`RedeemedTicket`].
    RedeemTicket {
        /// The ticket.
        ticket: String,
    },
    /// Ask people for something. By `System`, for the person `by`, who takes part. Answers
    /// [`Approval`](crate::http::approvals::Approval).
    RequestApproval {
        /// The question.
        ask: Box<ApprovalAsk>,
        /// Who asks.
        by: UserId,
        /// The client's name for it, 1 to 64 bytes: the same again, by the same person, answers the same approval.
        #[serde(default)]
        client_id: Option<String>,
    },
    /// What a person asked under a client id before, however it stands by now. By `System`. Answers
    /// [`Approval`](crate::http::approvals::Approval), or `not_found`.
    EarlierApproval {
        /// Who asked.
        by: UserId,
        /// The client's name for it.
        client_id: String,
    },
    /// A person's answer. Answers [`Approval`](crate::http::approvals::Approval); the same again too.
    Decide {
        /// Which.
        approval: ApprovalId,
        /// The answer.
        decision: DecideApproval,
        /// Participants who are guests of the org now: they decide nothing, so nobody waits for them.
        #[serde(default)]
        guests: Vec<UserId>,
    },
    /// How a sandbox stands now, told by the orchestrator as `System`. Answers [`Chat`](crate::http::chats::Chat); old news
    /// changes nothing.
    SandboxChanged(SandboxStatus),
    /// A message with files, which the caller has looked up: they are of this chat, complete, and the sender's. Answers
    /// [`Posted`](crate::http::messages::Posted).
    PostFiles {
        /// The message.
        post: PostMessage,
        /// Its files, in the order of `post.attachments`.
        attachments: Vec<Attachment>,
    },
    /// Pin a message, or take the pin back. Answers [`Chat`](crate::http::chats::Chat); the same again too.
    Pin {
        /// Which message; of the chat itself, not of a fork.
        message: MessageId,
        /// Pin, or take back.
        on: bool,
    },
    /// Begin a fork. Answers [`Fork`](crate::http::forks::Fork); the same again too.
    CreateFork {
        /// The fork.
        fork: CreateFork,
        /// Open forks that the org allows in one chat.
        most: u32,
    },
    /// Answers a [`Page`](crate::http::page::Page) of [`Fork`](crate::http::forks::Fork).
    Forks(ForksQuery),
    /// Have the default agent draft a fork's summary. Answers [`Fork`](crate::http::forks::Fork); while it drafts, too. A
    /// chat without a default agent has nobody who drafts: the fork is answered as it is.
    DraftFork {
        /// Which.
        fork: ForkId,
    },
    /// Put a fork's summary into the chat. Answers [`Fork`](crate::http::forks::Fork); the same again too.
    AcceptFork {
        /// Which.
        fork: ForkId,
        /// The summary.
        accepted: AcceptFork,
    },
    /// Give a fork up. Answers [`Fork`](crate::http::forks::Fork); the same again too.
    AbandonFork {
        /// Which.
        fork: ForkId,
    },
    /// Answers a [`Page`](crate::http::page::Page) of [`Found`](crate::http::search::Found).
    Search(ChatSearchQuery),
    /// Shut everybody out: from now on the chat refuses everything as one that is not there, and its sockets are closed. By
    /// `System`, with the org. Answers `null`; the same again too, and `not_found` when there is nothing.
    Close,
    /// Forget everything. By `System`, with the org. Answers [`Erased`](super::deletions::Erased), or `not_found` when
    /// nothing is left to be forgotten; afterwards the object is as one that never was.
    Erase,
    /// A person's account is deleted: their name goes from the log, and their id stays. By `System`, with the org. Answers
    /// [`Erased`](super::deletions::Erased); the same again too.
    ErasePerson {
        /// Who.
        user: UserId,
    },
    /// What agents did in turns that ended before a moment is kept no longer: the arguments and results of their calls, and
    /// what they were given, go from the log; its events stay, and say so. By `System`, with the org. Answers
    /// [`ForgottenTurns`](super::deletions::ForgottenTurns), a bounded number of turns at once; the same again too. A chat
    /// that lies in an archive stays there.
    ForgetTurns {
        /// Turns that ended up to this event are done with.
        after: Seq,
        /// The moment.
        before: Timestamp,
    },
    /// A person kept a file, told as `System`. Answers [`Chat`](crate::http::chats::Chat); the same again too.
    ArtifactSaved(Artifact),
    /// Tell the index once more all that it was told. By `System`, with the org. Answers `{}`; a chat that lies in an archive
    /// stays there and tells nothing.
    Reindex,
    /// Seal the chat, so that it can be archived. By `System`, with the org. Answers
    /// [`ExportAnswer`](super::archive::ExportAnswer); what all three do is said in [`archive`](super::archive).
    BeginExport {
        /// The archive that is made.
        archive: ArchiveId,
    },
    /// Read a part of what is exported. By `System`, with the org. The reply is the part itself.
    ExportPart {
        /// The archive that the chat is sealed for.
        archive: ArchiveId,
        /// The part's number; the first is 1.
        part: u32,
        /// The [`next`](super::archive::PartHeader::next) of the part before; absent for the first.
        #[serde(default)]
        from: Option<String>,
    },
    /// The archive is whole: the object becomes a stub. By `System`, with the org. Answers
    /// [`ArchiveStub`](super::archive::ArchiveStub).
    Wipe {
        /// The archive that the chat is sealed for.
        archive: ArchiveId,
        /// SHA-256 of the manifest's bytes, in hexadecimal digits.
        manifest_sha256: String,
    },
}

/// Whose a ticket was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedeemedTicket {
    /// The chat's org.
    pub org: OrgId,
    /// Who got the ticket; they take part in the chat.
    pub user: UserId,
}
