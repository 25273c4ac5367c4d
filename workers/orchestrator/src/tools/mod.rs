//! The tools of agents that the chat does not answer itself: `POST /internal/tools/call`, a reply of JSON lines
//! ([`slipway_contract::objects::tools`]).
//!
//! Invariants: a reply ends with a frame that ends the call, unless its reader or this process is gone. The same call again
//! does nothing twice: commands, artifacts and proposals are known by the call's key, the other tools leave things as they are.

mod arguments;
mod command;
mod context;
mod desk;
mod files;
mod lifecycle;
mod output;
mod preview;
pub(crate) mod specs;

use std::rc::Rc;

use slipway_contract::approval::Risk;
use slipway_contract::objects::tools::{ToolFrame, ToolRequest};
use slipway_edge::log::Line;
use slipway_edge::{ids, reply};
use worker::{Context, Env, Request, Response};

use crate::errand::Errand;
use crate::stream::{self, Gone, Lines};
use arguments::{Quiet, Tool};
use desk::Desk;

/// Longest request, in bytes: a whole file as an argument, and what JSON adds.
const BODY_BYTES: usize = 1024 * 1024;
/// The caller gives a call up that is silent for longer than three of these.
const ALIVE_MS: u64 = 10_000;

/// `POST /internal/tools/call`
pub(crate) async fn call(mut request: Request, env: Env, context: Rc<Context>) -> worker::Result<Response> {
    let asked: ToolRequest = match stream::body(&mut request, BODY_BYTES).await {
        Ok(asked) => asked,
        Err(problem) => return reply::problem(problem, ids::fresh()),
    };
    let errand = Errand::of(env, Rc::clone(&context), asked.request, request.headers());
    stream::reply(&request, &context, asked.request, |lines| work(errand, asked, lines))
}

async fn work(errand: Errand, asked: ToolRequest, mut lines: Lines) {
    let begun = errand.now();
    let mut line = Line::info("tool_called")
        .request(asked.request)
        .org(asked.org)
        .chat(asked.chat)
        .turn(asked.turn)
        .trace(Some(&errand.trace));
    let last = match Tool::of(&asked.call) {
        Ok(tool) => {
            line = line.name("tool", tool.name()).name("risk", risk(tool.risk()));
            answer(&errand, &asked, tool, &mut lines).await
        }
        Err(wrong) => Ok(error(wrong)),
    };
    let told = match last {
        Ok(last) => {
            line = line.name("outcome", outcome(&last));
            stream::tell(&mut lines, &[last]).await
        }
        Err(gone) => Err(gone),
    };
    if told == Err(Gone) {
        line = line.name("outcome", "abandoned");
    }
    line.took(begun).emit();
}

/// The frame that ends the call.
async fn answer(
    errand: &Errand,
    asked: &ToolRequest,
    tool: Tool,
    lines: &mut Lines,
) -> Result<ToolFrame, Gone> {
    let hosts = errand.hosts();
    let mut desk = Desk::new(errand, &hosts, asked);
    let quiet = match tool {
        // Tells what it writes while it runs.
        Tool::RunCommand(wanted) => return desk.run_command(wanted, lines).await,
        Tool::Quiet(quiet) => quiet,
    };
    let work = async {
        match quiet {
            Quiet::StartSandbox(wanted) => desk.start_sandbox(wanted).await,
            Quiet::WriteFile(wanted) => desk.write_file(wanted).await,
            Quiet::ReadFile(wanted) => desk.read_file(&wanted.path).await,
            Quiet::ListFiles(wanted) => desk.list_files(&wanted.path).await,
            Quiet::DeleteFile(wanted) => desk.delete_file(&wanted.path).await,
            Quiet::OpenPreview(wanted) => desk.open_preview(wanted.port).await,
            Quiet::SaveArtifact(wanted) => desk.save_artifact(&wanted.path).await,
            Quiet::RequestHosts(wanted) => desk.request_hosts(wanted).await,
            Quiet::StopSandbox(_) => desk.stop_sandbox().await,
            Quiet::ProposeContext(wanted) => desk.propose_context(wanted).await,
        }
    };
    stream::while_working(lines, ALIVE_MS, |_| ToolFrame::Alive, work).await
}

/// It worked.
fn done(content: String) -> ToolFrame {
    ToolFrame::Result { content, is_error: false, effects: Vec::new(), ask: None }
}

/// It did not, and the agent can do something about it.
fn error(content: String) -> ToolFrame {
    ToolFrame::Result { content, is_error: true, effects: Vec::new(), ask: None }
}

/// It could not be tried.
fn later(detail: &str) -> ToolFrame {
    ToolFrame::Later { detail: detail.to_owned(), after_ms: 2_000 }
}

const fn risk(risk: Risk) -> &'static str {
    match risk {
        Risk::Low => "low",
        Risk::Medium => "medium",
        Risk::High => "high",
        Risk::Critical => "critical",
    }
}

const fn outcome(frame: &ToolFrame) -> &'static str {
    match frame {
        ToolFrame::Output(_) | ToolFrame::Alive => "told",
        ToolFrame::Ask(_) => "asked",
        ToolFrame::Result { is_error: false, .. } => "done",
        ToolFrame::Result { is_error: true, .. } => "error",
        ToolFrame::Later { .. } => "later",
    }
}
