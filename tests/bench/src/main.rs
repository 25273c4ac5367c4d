//! The load client. Slipway and a peer on `partyserver` run in one workerd; rounds alternate between them, so that the
//! ratio holds when the machine's speed drifts. Every delivery is counted and its order checked: a run that loses,
//! doubles or swaps one has no figure.
#![expect(clippy::print_stdout, reason = "the report is the program's output")]

mod append;
mod archive;
mod fanout;
mod gateway;
mod listen;
mod machine;
mod opening;
mod presence;
mod report;
mod revocation;
mod rooms;
mod sandbox_start;
mod search;
mod setting;

use anyhow::Result;
use clap::Parser;

use crate::report::Report;
use crate::setting::Setting;

/// What to measure, and for how long.
#[derive(Clone, Debug, Parser)]
pub(crate) struct Plan {
    /// Only the parts whose names contain this: append-64-senders, append-1-sender, append-100-chats, fanout, opening,
    /// presence, search-in-chat, search-lag, gateway-http, gateway-echo, sandbox-start, revocation, archive.
    #[arg(default_value = "")]
    only: String,
    /// Pairs of rounds.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seconds of one round.
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// Messages of the long chat whose opening, search and archive are measured.
    #[arg(long, default_value_t = 100_000)]
    long_chat: u64,
    /// Sandboxes whose start is measured; all run until the last one does.
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u32).range(1..=50))]
    starts: u32,
    /// Revocations and stops that are measured.
    #[arg(long, default_value_t = 200)]
    trials: usize,
}

fn main() -> Result<()> {
    let plan = Plan::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // Starting the stack blocks, so it happens outside the runtime.
    let (upstream, upstream_url) = runtime.block_on(gateway::Upstream::bind())?;
    let mut setting = Setting::start(upstream_url)?;
    let wanted = |part: &str| part.contains(&plan.only);
    let mut report = Report::new();
    // Before any core is chosen: what this process starts beside the executor's sandboxes runs where they do.
    if wanted("sandbox-start") {
        runtime.block_on(sandbox_start::run(&setting, &plan, &mut report))?;
    }
    machine::pin_this_to(1)?;
    machine::pin_all_threads(setting.workerd(), 0)?;
    runtime.block_on(async {
        tokio::spawn(upstream.serve());
        if wanted("append-64-senders") {
            append::one_chat(&setting, &plan, 64, &mut report).await?;
        }
        if wanted("append-1-sender") {
            append::one_chat(&setting, &plan, 1, &mut report).await?;
        }
        if wanted("append-100-chats") {
            append::many_chats(&setting, &plan, 100, &mut report).await?;
        }
        if wanted("fanout") {
            fanout::run(&setting, &plan, 500, &mut report).await?;
        }
        if wanted("opening") {
            opening::run(&setting, &plan, &mut report).await?;
        }
        if wanted("presence") {
            presence::run(&setting, &mut report).await?;
        }
        if wanted("search-in-chat") {
            search::in_chat(&setting, &plan, &mut report).await?;
        }
        if wanted("search-lag") {
            search::lag(&setting, &mut report).await?;
        }
        if wanted("gateway-http") {
            gateway::http(&setting, &plan, 1024, &mut report).await?;
            gateway::http(&setting, &plan, 1024 * 1024, &mut report).await?;
        }
        if wanted("gateway-echo") {
            gateway::echo(&setting, &plan, 128, &mut report).await?;
            gateway::echo(&setting, &plan, 64 * 1024, &mut report).await?;
        }
        if wanted("revocation") {
            revocation::run(&setting, &plan, &mut report).await?;
        }
        // Last: it ends workerd, and others start one anew.
        if wanted("archive") {
            archive::run(&mut setting, &plan, &mut report).await?;
        }
        anyhow::Ok(())
    })?;
    println!("{}", report.render());
    Ok(())
}
