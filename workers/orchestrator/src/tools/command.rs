//! `run_command`: what a command writes is told while it runs, and its end is the result.

use std::time::Duration;

use futures::future::{Either, select};
use slipway_contract::approval::ApprovalAsk;
use slipway_contract::limits::{HOSTS_PER_SANDBOX, REASON_CHARS};
use slipway_contract::objects::executor::{ExecExit, ExecFrame, ExecutorCode, StartExec};
use slipway_contract::objects::tools::ToolFrame;
use slipway_domain::egress::{HostName, HostPattern};
use slipway_edge::clock;
use slipway_store::sandboxes::StoredSandbox;
use worker::Delay;

use super::arguments::{RunCommand, TIMEOUT_DEFAULT_S};
use super::desk::{Desk, Usable, refused};
use super::output::{self, Output};
use super::{ALIVE_MS, done};
use crate::executor::{ExecutorError, Run};
use crate::stream::{self, Gone, Lines};

/// Time between two batches of output, in milliseconds: below it nobody sees a difference, and each costs a message.
const BATCH_MS: i64 = 60;
/// Output that is told at once, in bytes.
const BATCH_BYTES: usize = 16 * 1024;

impl Desk<'_> {
    pub(super) async fn run_command(
        &mut self,
        wanted: RunCommand,
        lines: &mut Lines,
    ) -> Result<ToolFrame, Gone> {
        let Usable { row, executor } = match self.usable().await {
            Ok(usable) => usable,
            Err(frame) => return Ok(frame),
        };
        let timeout_s = wanted.timeout_s.unwrap_or(TIMEOUT_DEFAULT_S);
        let exec = StartExec {
            argv: vec!["sh".to_owned(), "-lc".to_owned(), wanted.command.clone()],
            cwd: wanted.cwd,
            env: Default::default(),
            timeout_ms: u64::from(timeout_s) * 1_000,
            detach: wanted.background,
        };
        let mut run = match executor.exec(row.id, &self.asked.key, &exec).await {
            Ok(run) => run,
            Err(error) if error.code() == Some(ExecutorCode::NotFound) => return Ok(self.ended(&row).await),
            Err(error) => return Ok(self.failed(&row, "The command", error).await),
        };
        let mut output = Output::default();
        let ended = follow(&mut run, &mut output, lines).await?;
        Ok(match ended {
            Ok(Some(exit)) => self.told(&row, &wanted.command, &exit, timeout_s, output).await,
            Ok(None) => done("The command runs on in the background.".to_owned()),
            Err(error) => self.failed(&row, "The command", error).await,
        })
    }

    /// The result of a command that ended.
    async fn told(
        &mut self,
        row: &StoredSandbox,
        command: &str,
        exit: &ExecExit,
        timeout_s: u32,
        output: Output,
    ) -> ToolFrame {
        let mut content = output::ended(exit, timeout_s, output);
        let hosts = to_ask_for(&row.hosts, &exit.refused_hosts);
        let mut ask: Option<Box<ApprovalAsk>> = None;
        if !hosts.is_empty() {
            content.push_str(&format!(
                "\nIt asked for hosts that the sandbox may not reach: {}.",
                hosts.join(", ")
            ));
            match self.changes.ask_for_hosts(row, hosts, reason(command)).await {
                Ok(question) => ask = Some(Box::new(question)),
                Err(problem) => return refused(problem),
            }
        }
        let is_error = exit.code != 0 || exit.timed_out || exit.killed;
        ToolFrame::Result { content, is_error, effects: Vec::new(), ask }
    }
}

/// Follows a command to its end, and tells what it writes. `None` when it goes on in the background.
async fn follow(
    run: &mut Run,
    output: &mut Output,
    lines: &mut Lines,
) -> Result<Result<Option<ExecExit>, ExecutorError>, Gone> {
    let mut pending = String::new();
    let mut told = clock::now();
    loop {
        let wait = if pending.is_empty() { i64::try_from(ALIVE_MS).unwrap_or(i64::MAX) } else { BATCH_MS };
        let left = wait - clock::now().since(told);
        let timer = Delay::from(Duration::from_millis(left.max(0).unsigned_abs()));
        let frame = match select(core::pin::pin!(run.next()), timer).await {
            Either::Left((frame, _)) => Some(frame),
            Either::Right(((), _)) => None,
        };
        let end = match frame {
            Some(Ok(ExecFrame::Stdout(text) | ExecFrame::Stderr(text))) => {
                output.push(&text);
                pending.push_str(&text);
                None
            }
            Some(Ok(ExecFrame::Alive)) => None,
            Some(Ok(ExecFrame::Detached)) => Some(Ok(None)),
            Some(Ok(ExecFrame::Exit(exit))) => Some(Ok(Some(exit))),
            Some(Err(error)) => Some(Err(error)),
            None if pending.is_empty() => {
                stream::tell(lines, &[ToolFrame::Alive]).await?;
                told = clock::now();
                None
            }
            None => None,
        };
        let due = clock::now().since(told) >= BATCH_MS || pending.len() >= BATCH_BYTES || end.is_some();
        if due && !pending.is_empty() {
            stream::tell(lines, &[ToolFrame::Output(core::mem::take(&mut pending))]).await?;
            told = clock::now();
        }
        if let Some(end) = end {
            return Ok(end);
        }
    }
}

/// The refused hosts that people could be asked for: names, none that the sandbox may reach meanwhile, none twice.
fn to_ask_for(allowed: &[String], refused: &[String]) -> Vec<String> {
    let patterns: Vec<HostPattern> =
        allowed.iter().filter_map(|host| HostPattern::parse(host).ok()).collect();
    let mut hosts: Vec<String> = Vec::new();
    for name in refused.iter().filter_map(|host| HostName::parse(host).ok()) {
        let known = patterns.iter().any(|pattern| pattern.matches(&name));
        if !known && !hosts.iter().any(|host| host == name.as_str()) {
            hosts.push(name.to_string());
        }
    }
    hosts.truncate(HOSTS_PER_SANDBOX.saturating_sub(allowed.len()));
    hosts
}

/// Why the hosts are asked for: the command, as far as it fits.
fn reason(command: &str) -> String {
    let begin = "A command asked for them: ";
    let room = REASON_CHARS - begin.chars().count();
    let mut text: String = command.trim().chars().take(room).collect();
    if text.len() < command.trim().len() {
        text.pop();
        text.push('…');
    }
    format!("{begin}{text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(hosts: &[&str]) -> Vec<String> {
        hosts.iter().map(|host| (*host).to_owned()).collect()
    }

    #[test]
    fn people_are_asked_for_names_that_the_sandbox_may_not_reach_yet() {
        let cases: [(&[&str], &[&str], &[&str]); 6] = [
            (&[], &[], &[]),
            (&[], &["example.com", "Example.com.", "b.org"], &["example.com", "b.org"]),
            (&["example.com"], &["example.com"], &[]),
            (&["*.example.com"], &["a.example.com", "example.com"], &["example.com"]),
            (&[], &["127.0.0.1", "localhost", "metadata.internal", "[::1]"], &[]),
            (&["not a host"], &["b.org"], &["b.org"]),
        ];
        for (allowed, refused, expected) in cases {
            assert_eq!(to_ask_for(&list(allowed), &list(refused)), expected, "{refused:?}");
        }
    }

    #[test]
    fn no_more_is_asked_for_than_a_sandbox_may_have() {
        let many: Vec<String> = (0..80).map(|n| format!("h{n}.example.com")).collect();
        assert_eq!(to_ask_for(&[], &many).len(), HOSTS_PER_SANDBOX);
        assert_eq!(to_ask_for(&list(&["a.org", "b.org"]), &many).len(), HOSTS_PER_SANDBOX - 2);
    }

    #[test]
    fn the_reason_is_the_command_and_fits() {
        assert_eq!(reason(" npm ci\n"), "A command asked for them: npm ci");
        let long = reason(&"ä".repeat(600));
        assert_eq!(long.chars().count(), REASON_CHARS);
        assert!(long.ends_with("ä…"));
    }
}
