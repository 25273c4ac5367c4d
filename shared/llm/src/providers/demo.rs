//! The built-in model: needs no key and no network, and is a pure function of the request.
//!
//! It answers the last message. A command is looked for at the start of that message and after each
//! `@mention` in it; upper and lower case are alike.
//!
//! | write | and it answers |
//! | --- | --- |
//! | `help` | this list |
//! | `hello` | a greeting |
//! | `who are you` | what it is |
//! | `connect` | how to connect a real model |
//! | `participants` | the names in the system text's line `Participants: @ana, @bo` |
//! | `instructions` | the system text that it was given |
//! | `summary` | how many messages the chat has, and whose |
//! | `context` | what it was given beside them: the summary, pinned messages, context items, files |
//! | `tools` | the tools that it was offered |
//! | `count: text` | the text's words, characters and lines |
//! | `2 * (3 + 4)` | the value: `+ - * /`, brackets and decimals |
//! | `show markdown` | a sample: heading, list, table, code, quote |
//! | `echo: text` | exactly the text |
//! | `repeat: N words` | `word-1 word-2 … word-N`, so that a lost or doubled piece shows |
//! | `write N words` | N words of prose |
//! | `mention: @slug text` | `@slug text`; the text may be a command for that agent, and so on |
//! | `call: tool {json}` | calls the tool, and tells the result when it comes; see below |
//! | `make me a web page about X` | makes it in a sandbox, serves, shows and keeps it |
//! | `change the page: text` | writes that page anew, for those who look at it |
//! | `run: command` | runs it in a sandbox, and tells what it wrote |
//! | `fail: kind` | fails with that kind; `fail: kind after N words` says N words first |
//!
//! Asked to draft the summary of a side discussion, it takes what was said there (`[12] text`) for the decision, the reasons
//! and the open points, and cites it.
//!
//! Only `echo` and `mention` write an `@`: quoting someone must not call the agents that they called.
//! Anything else is answered with what was said and the hint to `help`. N is at most 20,000; `max_tokens`
//! cuts every answer, one word being one token.
//!
//! **Tool calls.** Several lines `call: …` make one answer with several calls. A line `then call: …` makes its
//! call after the results of those before it have come. A tool that is not offered is not called: the answer
//! names those that are. Ids are `demo-<messages so far>-<number>`.
//!
//! **Sandboxes.** The three commands above go the whole way by tool calls: they ask for a sandbox where none runs, take
//! the next step when a result comes, and end with the reason when one is refused.
//!
//! **Kinds** are the codes of [`ErrorKind`], such as `overloaded` or `context_too_long`.

mod arithmetic;
mod commands;
mod draft;
mod kept;
mod page;
mod sandbox;
mod speech;
mod tools;

use serde_json::Value;

use crate::error::{ErrorKind, ProviderError};
use crate::request::{Content, ModelRequest};
use crate::stream::{FinishReason, StreamEvent, Usage};

const NAME: &str = "demo";

/// A whole answer, for the caller to pace.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// Text in pieces of one word, and the rest. Ends with `Finished` unless `failure` is set.
    pub events: Vec<StreamEvent>,
    /// What the answer ends with instead, after `events`.
    pub failure: Option<ProviderError>,
}

/// What the model decided to say and do.
#[derive(Debug, Default, PartialEq)]
struct Reply {
    text: String,
    calls: Vec<(String, Value)>,
    failure: Option<ErrorKind>,
}

impl Reply {
    fn say(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }
}

/// The answer to a request. The same request gives the same answer, always.
pub fn answer(request: &ModelRequest) -> Answer {
    let Some(last) = request.messages.last() else {
        return failed(Vec::new(), ErrorKind::InvalidRequest);
    };
    let has_result = last.content.iter().any(|block| matches!(block, Content::ToolResult { .. }));
    let reply = if has_result { tools::after_results(request) } else { commands::reply(request, last) };

    let limit = usize::try_from(request.max_tokens).unwrap_or(usize::MAX);
    let mut pieces = pieces(&reply.text);
    let cut = pieces.len() > limit;
    pieces.truncate(limit);
    let calls = if cut { Vec::new() } else { reply.calls };
    let output_tokens = as_tokens(pieces.len() + calls.len());
    let mut events: Vec<StreamEvent> =
        pieces.into_iter().map(|piece| StreamEvent::Text(piece.to_owned())).collect();
    if let Some(kind) = reply.failure {
        return failed(events, kind);
    }
    let reason = match (cut, calls.is_empty()) {
        (true, _) => FinishReason::Length,
        (false, true) => FinishReason::Stop,
        (false, false) => FinishReason::ToolUse,
    };
    for (number, (name, arguments)) in calls.into_iter().enumerate() {
        let id = format!("demo-{}-{}", request.messages.len(), number + 1);
        events.push(StreamEvent::ToolCall { id, name, arguments });
    }
    let input_tokens = input_tokens(request);
    events.push(StreamEvent::Usage(Usage { input_tokens, output_tokens, ..Usage::default() }));
    events.push(StreamEvent::Finished { reason });
    Answer { events, failure: None }
}

fn failed(events: Vec<StreamEvent>, kind: ErrorKind) -> Answer {
    Answer { events, failure: Some(ProviderError::new(kind, NAME, super::failure::words(kind))) }
}

/// The text in pieces that end after the white space behind a word; joined they are the text.
fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let word = rest.find(char::is_whitespace).unwrap_or(rest.len());
        let tail = rest.get(word..).unwrap_or_default();
        let end = word + tail.find(|c: char| !c.is_whitespace()).unwrap_or(tail.len());
        let Some((piece, after)) = rest.split_at_checked(end) else { break };
        pieces.push(piece);
        rest = after;
    }
    pieces
}

/// Longest piece of a word that is one token of a text read, in bytes.
const TOKEN_BYTES: usize = 16;

/// One word is one token, for text read as for text written; a long one is several when it is read.
fn input_tokens(request: &ModelRequest) -> u64 {
    let words =
        |text: &str| text.split_whitespace().map(|word| word.len().div_ceil(TOKEN_BYTES)).sum::<usize>();
    let blocks = request.messages.iter().flat_map(|message| &message.content).map(|block| match block {
        Content::Text { text } => words(text),
        Content::ToolCall { arguments, .. } => words(&arguments.to_string()),
        Content::ToolResult { content, .. } => words(content),
    });
    let tools = request.tools.iter().map(|tool| words(&tool.description) + 1);
    as_tokens(words(&request.system) + blocks.sum::<usize>() + tools.sum::<usize>())
}

fn as_tokens(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
