//! The demo model's work in a sandbox: a web page, a command, a change of the page. Each is a plan whose next step follows
//! from the results of the steps before.
//!
//! Invariant: every plan ends. A step is taken once, a command at most twice, and a refusal ends the work with its reason.

use serde_json::{Value, json};

use crate::error::clip;
use crate::request::{Content, ModelRequest};

use super::commands::after;
use super::{Reply, page, speech};

/// Where the template's server listens.
const PORT: u16 = 8000;
const PAGE: &str = "index.html";
const SERVER: &str = "serve.mjs";
/// The server of the template, for a sandbox that began without it.
const SERVER_TEXT: &str = include_str!("../../../../../templates/static-site/serve.mjs");
/// Without Node the page is shown all the same, but does not reload by itself.
const SERVE: &str = "node serve.mjs || python3 -m http.server 8000 --bind 127.0.0.1";

/// Longest reason that a tool takes, in characters.
const REASON_CHARS: usize = 500;

/// What somebody wants done in a sandbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Plan {
    /// Make, serve, show and keep a page about this.
    Page(String),
    /// Run this and tell what it wrote.
    Run(String),
    /// Write the page anew, for those who look at it.
    Change(String),
}

/// A call that was made for the plan, and what came of it.
struct Done<'a> {
    tool: &'a str,
    content: &'a str,
    failed: bool,
}

/// The plan that a text asks for; `None` when it asks for none.
pub(super) fn read(text: &str) -> Option<Plan> {
    if let Some(command) = after(text, "run:") {
        return (!command.is_empty()).then(|| Plan::Run(command.to_owned()));
    }
    match after(text, "change the page:") {
        Some(change) => page::topic(change).map(Plan::Change),
        None => page::topic(subject(text)?).map(Plan::Page),
    }
}

/// `make me a web page about X` and the ways in which people say it.
fn subject(text: &str) -> Option<&str> {
    let text = without(text, &["please ", "can you ", "could you "]);
    let verb = ["make ", "build ", "create ", "write "].iter().find_map(|verb| after(text, verb))?;
    let thing = without(without(verb, &["me ", "us "]), &["a ", "an ", "the "]);
    let thing = without(thing, &["small ", "little ", "simple ", "nice "]);
    let names = ["web page ", "webpage ", "web site ", "website ", "page ", "site ", "web app ", "app "];
    let rest = names.iter().find_map(|name| after(thing, name))?;
    ["about ", "on ", "for "].iter().find_map(|word| after(rest, word))
}

/// The text without the first of these words at its start.
fn without<'a>(text: &'a str, words: &[&str]) -> &'a str {
    words.iter().find_map(|word| after(text, word)).unwrap_or(text)
}

/// The first step.
pub(super) fn begin(plan: &Plan, request: &ModelRequest) -> Reply {
    next(plan, &[], request)
}

/// The step after those that were taken since the message `at`, which asked for the plan.
pub(super) fn go_on(plan: &Plan, request: &ModelRequest, at: usize) -> Reply {
    let blocks = || request.messages.iter().skip(at).flat_map(|message| &message.content);
    let tool = |wanted: &str| {
        let mut names = blocks().filter_map(|block| match block {
            Content::ToolCall { id, name, .. } if id == wanted => Some(name.as_str()),
            Content::ToolCall { .. } | Content::Text { .. } | Content::ToolResult { .. } => None,
        });
        names.next_back().unwrap_or_default()
    };
    let done: Vec<Done<'_>> = blocks()
        .filter_map(|block| match block {
            Content::ToolResult { id, content, is_error } => {
                Some(Done { tool: tool(id), content, failed: *is_error })
            }
            Content::Text { .. } | Content::ToolCall { .. } => None,
        })
        .collect();
    next(plan, &done, request)
}

fn next(plan: &Plan, done: &[Done<'_>], request: &ModelRequest) -> Reply {
    let tools: &[&str] = match plan {
        Plan::Page(_) => {
            &["start_sandbox", "list_files", "write_file", "run_command", "open_preview", "save_artifact"]
        }
        Plan::Run(_) => &["start_sandbox", "run_command"],
        Plan::Change(_) => &["write_file"],
    };
    if !tools.iter().all(|name| request.tools.iter().any(|tool| tool.name == *name)) {
        return Reply::say(NO_SANDBOXES);
    }
    match plan {
        Plan::Page(topic) => page_step(topic, done),
        Plan::Run(command) => run_step(command, done),
        Plan::Change(topic) => change_step(topic, done),
    }
}

const NO_SANDBOXES: &str = "\
Sandboxes are not set up here: I am offered none of their tools. Whoever runs this Slipway can connect an executor, \
and `cargo xtask dev` starts one by itself.";

fn page_step(topic: &str, done: &[Done<'_>]) -> Reply {
    let told = speech::unmentioned(topic);
    let Some(last) = done.last() else {
        let reason = format!("To make and show a web page about {topic}.");
        let asked = json!({"reason": reason, "size": "small", "template": "static-site"});
        return call(
            "I need a sandbox for that: a small one with the static-site template, and no network.",
            vec![("start_sandbox", asked)],
        );
    };
    if let Some(failed) = done.iter().find(|step| step.failed && step.tool != "list_files") {
        return match failed.tool {
            "start_sandbox" => Reply::say(not_started(failed.content)),
            "write_file" => Reply::say(broken("I could not write the page", failed.content)),
            "run_command" => {
                Reply::say(broken("I wrote the page, but its server did not start", failed.content))
            }
            "open_preview" => Reply::say(broken("I wrote the page, but nothing serves it", failed.content)),
            _ => Reply::say(format!(
                "The page about **{told}** is served on port {PORT}: open the preview to see it. It was not kept as an artifact:\n\n{}",
                quoted(failed.content)
            )),
        };
    }
    match last.tool {
        "start_sandbox" => {
            call("The sandbox runs. Let me see what is in it.", vec![("list_files", json!({}))])
        }
        "list_files" => {
            let mut files = vec![("write_file", json!({"path": PAGE, "content": page::write(topic)}))];
            if last.failed || !last.content.contains(SERVER) {
                files.push(("write_file", json!({"path": SERVER, "content": SERVER_TEXT})));
            }
            call("Writing the page.", files)
        }
        "write_file" => {
            call("Starting its server.", vec![("run_command", json!({"command": SERVE, "background": true}))])
        }
        "run_command" => call("Opening the preview.", vec![("open_preview", json!({"port": PORT}))]),
        "open_preview" => call("Keeping the page.", vec![("save_artifact", json!({"path": PAGE}))]),
        _ => Reply::say(format!(
            "Here is your page about **{told}**. It is served on port {PORT} of the sandbox, open the preview beside this chat to see \
             it. `{PAGE}` is kept as an artifact, so it stays when the sandbox stops.\n\nWrite `change the page: something else` while \
             you look at it: it reloads by itself."
        )),
    }
}

fn run_step(command: &str, done: &[Done<'_>]) -> Reply {
    let run = |text: &str| call(text, vec![("run_command", json!({"command": command}))]);
    let Some(last) = done.last() else { return run("Running it.") };
    match (last.tool, last.failed) {
        ("start_sandbox", true) => Reply::say(not_started(last.content)),
        ("start_sandbox", false) => run("The sandbox runs. Running it there."),
        (_, true) if no_sandbox(last) && done.len() == 1 => {
            let reason = clip(&format!("To run: {command}"), REASON_CHARS);
            call(
                "No sandbox runs here yet, so I ask for one.",
                vec![("start_sandbox", json!({"reason": reason, "size": "small"}))],
            )
        }
        (_, true) => Reply::say(broken("The command failed", last.content)),
        (_, false) => Reply::say(quoted(last.content)),
    }
}

fn change_step(topic: &str, done: &[Done<'_>]) -> Reply {
    let Some(last) = done.last() else {
        let written = json!({"path": PAGE, "content": page::write(topic)});
        return call("Writing the page anew.", vec![("write_file", written)]);
    };
    let told = speech::unmentioned(topic);
    Reply::say(match (last.failed, no_sandbox(last)) {
        (false, _) => format!("The page says **{told}** now. An open preview shows it by itself."),
        (true, true) => {
            "There is no page to change: no sandbox runs here. Write `make me a web page about something` first.".to_owned()
        }
        (true, false) => broken("I could not change the page", last.content),
    })
}

/// What a tool that needs a sandbox says when there is none.
fn no_sandbox(step: &Done<'_>) -> bool {
    step.failed && step.content.contains("Call start_sandbox first")
}

fn call(text: &str, calls: Vec<(&str, Value)>) -> Reply {
    let calls = calls.into_iter().map(|(name, arguments)| (name.to_owned(), arguments)).collect();
    Reply { text: text.to_owned(), calls, failure: None }
}

fn not_started(reason: &str) -> String {
    format!("I have no sandbox, so I stop here:\n\n{}", quoted(reason))
}

fn broken(what: &str, reason: &str) -> String {
    format!("{what}:\n\n{}", quoted(reason))
}

/// A tool's words, in which nobody is called.
fn quoted(text: &str) -> String {
    fenced(&speech::unmentioned(text))
}

/// The text as a block of code, whatever marks are in it.
fn fenced(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.saturating_add(1).max(3));
    format!("{fence}\n{}\n{fence}", text.trim_end())
}

#[cfg(test)]
mod tests;
