//! Carries out what people approved: `POST /internal/approvals/act`, a reply of JSON lines
//! ([`slipway_contract::objects::tools`]).
//!
//! Invariant: a reply ends with a frame that ends the work or says when to ask again, unless its reader or this process is
//! gone; the same approval again does nothing twice.

use std::rc::Rc;

use slipway_contract::approval::ApprovalAction;
use slipway_contract::objects::tools::{ActFrame, ActRequest};
use slipway_edge::log::Line;
use slipway_edge::{ids, reply};
use worker::{Context, Env, Request, Response};

use crate::errand::Errand;
use crate::sandboxes::{Changes, Wanted};
use crate::stream::{self, Gone, Lines};

/// Longest request, in bytes: 50 hosts of 255 characters, and what JSON adds.
const BODY_BYTES: usize = 64 * 1024;
/// How often people who watch hear of it, in milliseconds.
const PROGRESS_MS: u64 = 1_000;

/// `POST /internal/approvals/act`
pub(crate) async fn act(mut request: Request, env: Env, context: Rc<Context>) -> worker::Result<Response> {
    let asked: ActRequest = match stream::body(&mut request, BODY_BYTES).await {
        Ok(asked) => asked,
        Err(problem) => return reply::problem(problem, ids::fresh()),
    };
    let errand = Errand::of(env, Rc::clone(&context), asked.request, request.headers());
    stream::reply(&request, &context, asked.request, |lines| work(errand, asked, lines))
}

async fn work(errand: Errand, asked: ActRequest, mut lines: Lines) {
    let begun = errand.now();
    let mut line = Line::info("approval_acted")
        .request(asked.request)
        .org(asked.org)
        .chat(asked.chat)
        .approval(asked.approval)
        .trace(Some(&errand.trace));
    let outcome = match carry_out(&errand, &asked, &mut lines).await {
        Ok((outcome, row)) => {
            if let Some(row) = row {
                line = line.sandbox(row);
            }
            outcome
        }
        Err(Gone) => "abandoned",
    };
    line.name("outcome", outcome).took(begun).emit();
}

async fn carry_out(
    errand: &Errand,
    asked: &ActRequest,
    lines: &mut Lines,
) -> Result<(&'static str, Option<slipway_contract::SandboxId>), Gone> {
    let hosts = errand.hosts();
    let mut changes = Changes::new(errand, &hosts);
    let doing = match &asked.action {
        ApprovalAction::StartSandbox { .. } => "Making the sandbox",
        ApprovalAction::AllowHosts { .. } => "Opening the way to the hosts",
    };
    stream::tell(lines, &[ActFrame::Progress(doing.to_owned())]).await?;
    let work = async {
        match &asked.action {
            ApprovalAction::StartSandbox { size, hosts, template, reuse } => {
                let wanted = Wanted { size: *size, hosts, template: template.as_deref(), reuse: *reuse };
                changes.start(asked, wanted).await
            }
            ApprovalAction::AllowHosts { sandbox, hosts } => {
                changes.allow_hosts(asked, *sandbox, hosts).await
            }
        }
    };
    let progress = |ms: u64| ActFrame::Progress(format!("{doing}, {} s", ms / 1_000));
    let (row, last) = stream::while_working(lines, PROGRESS_MS, progress, work).await?;
    let outcome = outcome(&last);
    let sandbox = row.as_ref().map(|row| row.id);
    let mut frames: Vec<ActFrame> = row.iter().map(|row| ActFrame::Sandbox(row.status())).collect();
    frames.push(last);
    stream::tell(lines, &frames).await?;
    Ok((outcome, sandbox))
}

const fn outcome(frame: &ActFrame) -> &'static str {
    match frame {
        ActFrame::Progress(_) | ActFrame::Sandbox(_) => "told",
        ActFrame::Done { .. } => "done",
        ActFrame::Failed { .. } => "failed",
        ActFrame::Later { .. } => "later",
    }
}
