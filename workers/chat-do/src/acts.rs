//! Carries out what people approved: asks the orchestrator, tells how far it is, hands the end to the journal.
//!
//! How far it is lives in memory only: a process that dies loses it, and the orchestrator is asked again.

use std::cell::RefCell;
use std::rc::Rc;

use slipway_contract::approval::ApprovalOption;
use slipway_contract::objects::chat::ChatCommand;
use slipway_contract::objects::tools::{ActFrame, ActRequest};
use slipway_contract::socket::ServerFrame;
use slipway_contract::{Actor, ApprovalId, ProblemCode, Timestamp};
use slipway_domain::chat::Chat;
use slipway_domain::chat::acts::ActEnd;
use slipway_edge::log::Line;
use slipway_edge::{clock, ids};
use worker::Delay;

use crate::calls::UNSTORED;
use crate::journal::Sender;
use crate::orchestrator::{Lines, Next, SILENCE_MS};
use crate::room::Room;
use crate::sockets;
use crate::work::Work;

/// What this process carries out, or has to wait for.
#[derive(Default)]
pub(crate) struct Acts {
    known: RefCell<Vec<Act>>,
}

struct Act {
    approval: ApprovalId,
    progress: Option<(String, Timestamp)>,
    working: bool,
}

impl Acts {
    /// Approved actions that nobody is at, with the time before which they are not to be asked.
    pub(crate) fn waiting(&self, chat: &Chat) -> Vec<(ApprovalId, Timestamp)> {
        let known = self.known.borrow();
        let here = |id: ApprovalId| known.iter().any(|act| act.approval == id && act.working);
        chat.acting().map(|(approval, at)| (approval.id, at)).filter(|(id, _)| !here(*id)).collect()
    }

    /// How far everything is, for somebody who comes now.
    pub(crate) fn so_far(&self) -> Vec<ServerFrame> {
        let known = self.known.borrow();
        let told = known.iter().filter_map(|act| Some(frame(act.approval, act.progress.as_ref()?)));
        told.collect()
    }

    fn set_working(&self, approval: ApprovalId, working: bool) {
        let mut known = self.known.borrow_mut();
        match known.iter_mut().find(|act| act.approval == approval) {
            Some(act) => act.working = working,
            None => known.push(Act { approval, progress: None, working }),
        }
    }

    /// Tells how far it is; the same again keeps the time at which it began.
    fn progress(&self, room: &Rc<Room>, approval: ApprovalId, text: String) {
        let mut known = self.known.borrow_mut();
        let told = known.iter_mut().find(|act| act.approval == approval).map(|act| {
            let since = act.progress.take().filter(|(before, _)| *before == text).map(|(_, since)| since);
            let progress = (text, since.unwrap_or_else(clock::now));
            let told = frame(approval, &progress);
            act.progress = Some(progress);
            told
        });
        if let Some(told) = told {
            sockets::tell(room, &told);
        }
    }
}

fn frame(approval: ApprovalId, (text, since): &(String, Timestamp)) -> ServerFrame {
    ServerFrame::Progress { approval, text: text.clone(), since: *since }
}

/// Begins to carry something out; the work itself is what is returned.
pub(crate) fn begin(room: &Rc<Room>, approval: ApprovalId) -> impl Future<Output = ()> + use<> {
    let request = room.with_chat(|chat| request(chat, approval)).flatten();
    if request.is_some() {
        room.acts.set_working(approval, true);
    }
    let room = Rc::clone(room);
    async move {
        if let Some(request) = request {
            run(&room, request).await;
        }
    }
}

fn request(chat: &Chat, approval: ApprovalId) -> Option<ActRequest> {
    let approval = chat.approval(approval)?;
    Some(ActRequest {
        org: chat.org,
        chat: chat.id,
        approval: approval.id,
        asked_by: approval.asked_by,
        user: approval.user,
        action: approval.ask.action.clone(),
        option: approval.option.unwrap_or(ApprovalOption::New),
        request: ids::fresh(),
    })
}

async fn run(room: &Rc<Room>, request: ActRequest) {
    let begun = clock::now();
    let approval = request.approval;
    let end = act(room, &request).await;
    let (outcome, over) = match &end {
        ActEnd::Ended { done: true, .. } => ("done", true),
        ActEnd::Ended { done: false, .. } => ("failed", true),
        ActEnd::Later { .. } => ("waits", false),
        ActEnd::Cut => ("cut", false),
    };
    let work = Work::EndAct { approval, end };
    if let Err(problem) = room.journal.commit(room, Sender::OBJECT, work).await
        && problem.code != ProblemCode::ApprovalEnded
    {
        Delay::from(UNSTORED).await;
    }
    if over {
        room.acts.known.borrow_mut().retain(|act| act.approval != approval);
    } else {
        room.acts.set_working(approval, false);
    }
    let line = Line::info("approval_act_ended").approval(approval).chat(request.chat);
    line.request(request.request).name("outcome", outcome).took(begun).emit();
}

async fn act(room: &Rc<Room>, request: &ActRequest) -> ActEnd {
    let mut lines = match Lines::ask(&room.env, "/internal/approvals/act", request).await {
        Ok(lines) => lines,
        Err(error) => {
            Line::warn("acts_unreachable").approval(request.approval).chat(request.chat).fault(&error).emit();
            return ActEnd::Cut;
        }
    };
    loop {
        match lines.next(SILENCE_MS).await {
            Next::Frame(ActFrame::Progress(text)) => room.acts.progress(room, request.approval, text),
            Next::Frame(ActFrame::Sandbox(status)) => {
                let command = ChatCommand::SandboxChanged(status);
                let work = Work::Command { actor: Actor::System, org: None, command };
                // What is refused is older than what is known; what is not stored is told again by the orchestrator.
                let _answer = room.journal.commit(room, Sender::OBJECT, work).await;
            }
            Next::Frame(ActFrame::Done { content }) => return ActEnd::Ended { done: true, detail: content },
            Next::Frame(ActFrame::Failed { detail }) => return ActEnd::Ended { done: false, detail },
            Next::Frame(ActFrame::Later { detail, after_ms }) => {
                room.acts.progress(room, request.approval, detail);
                return ActEnd::Later { after_ms };
            }
            Next::Quiet | Next::Cut => return ActEnd::Cut,
        }
    }
}
