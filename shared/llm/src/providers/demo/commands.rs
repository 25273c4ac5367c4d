//! The commands of the demo model: one row each, tried from the top; the first that reads the text answers.

use crate::error::ErrorKind;
use crate::request::{Message, ModelRequest};

use super::{Reply, arithmetic, draft, kept, sandbox, speech, tools};

/// Most words of one answer: 400 s at 50 words a second, and less than a megabyte.
const MAX_WORDS: usize = 20_000;

struct Command {
    /// As the help shows it.
    usage: &'static str,
    does: &'static str,
    /// `None` when the text is not this command.
    answer: fn(&str, &ModelRequest) -> Option<Reply>,
}

const COMMANDS: &[Command] = &[
    Command {
        usage: "help",
        does: "this list",
        answer: |text, _| is(text, &["help", "what can you do", "commands"]).then(help),
    },
    Command {
        usage: "hello",
        does: "a greeting",
        answer: |text, request| {
            is(text, &["hello", "hi", "hey", "hello there", "good morning"])
                .then(|| Reply::say(speech::greeting(author(request))))
        },
    },
    Command {
        usage: "who are you",
        does: "what I am",
        answer: |text, _| {
            is(text, &["who are you", "what are you", "about"]).then(|| Reply::say(speech::IDENTITY))
        },
    },
    Command {
        usage: "connect",
        does: "how to connect a real model",
        answer: |text, _| {
            let asked = ["connect", "how do i connect a real model", "connect a real model"];
            is(text, &asked).then(|| Reply::say(speech::CONNECT))
        },
    },
    Command {
        usage: "participants",
        does: "who is in this chat",
        answer: |text, request| {
            is(text, &["participants", "who is here", "who is in this chat"]).then(|| participants(request))
        },
    },
    Command {
        usage: "instructions",
        does: "the instructions that I was given",
        answer: |text, request| {
            is(text, &["instructions", "system"]).then(|| Reply::say(speech::instructions(&request.system)))
        },
    },
    Command {
        usage: "summary",
        does: "how many messages there are, and whose",
        answer: |text, request| {
            let asked = ["summary", "summarize", "summarise", "summarize this chat", "summarise this chat"];
            is(text, &asked).then(|| summary(request))
        },
    },
    Command {
        usage: "context",
        does: "what I was given beside the messages",
        answer: |text, request| is(text, &["context", "what were you given"]).then(|| kept::given(request)),
    },
    Command {
        usage: "tools",
        does: "the tools that I may call",
        answer: |text, request| is(text, &["tools"]).then(|| Reply::say(tools::offered(request))),
    },
    Command {
        usage: "count: text",
        does: "counts words, characters and lines",
        answer: |text, _| after(text, "count:").map(|text| Reply::say(speech::counts(text))),
    },
    Command {
        usage: "2 * (3 + 4)",
        does: "simple arithmetic",
        answer: |text, _| arithmetic::answer(text).map(Reply::say),
    },
    Command {
        usage: "show markdown",
        does: "a sample of all that a message can hold",
        answer: |text, _| is(text, &["show markdown", "markdown"]).then(|| Reply::say(speech::MARKDOWN)),
    },
    Command {
        usage: "echo: text",
        does: "exactly the text",
        answer: |text, _| after(text, "echo:").map(Reply::say),
    },
    Command {
        usage: "repeat: N words",
        does: "numbered words, for long streams",
        answer: |text, _| word_count(after(text, "repeat:")?).map(|n| Reply::say(speech::numbered(n))),
    },
    Command {
        usage: "write N words",
        does: "prose of that length",
        answer: |text, _| word_count(after(text, "write")?).map(|n| Reply::say(speech::prose(n))),
    },
    Command {
        usage: "mention: @slug text",
        does: "speaks to another agent",
        answer: |text, _| after(text, "mention:").filter(|rest| slug(rest).is_some()).map(Reply::say),
    },
    Command {
        usage: "call: tool {json}",
        does: "calls the tool; `then call:` in a further line calls the next one after its result",
        answer: |text, request| tools::first_step(text, request),
    },
    Command {
        usage: "make me a web page about X",
        does: "makes it in a sandbox, shows it and keeps it",
        answer: |text, request| {
            sandbox::read(text)
                .filter(|plan| matches!(plan, sandbox::Plan::Page(_)))
                .map(|plan| sandbox::begin(&plan, request))
        },
    },
    Command {
        usage: "change the page: text",
        does: "writes that page anew, for those who look at it",
        answer: |text, request| {
            sandbox::read(text)
                .filter(|plan| matches!(plan, sandbox::Plan::Change(_)))
                .map(|plan| sandbox::begin(&plan, request))
        },
    },
    Command {
        usage: "run: command",
        does: "runs it in a sandbox, and tells what it wrote",
        answer: |text, request| sandbox::read(text).map(|plan| sandbox::begin(&plan, request)),
    },
    Command {
        usage: "fail: kind",
        does: "fails in that way; `fail: kind after N words` speaks first",
        answer: |text, _| after(text, "fail:").map(fail),
    },
];

/// What the model says to a message that is no tool result.
pub(super) fn reply(request: &ModelRequest, last: &Message) -> Reply {
    let text = last.texts().collect::<Vec<_>>().join("\n");
    let summed_up = draft::answer(&text, request).or_else(|| kept::summary(&text, request));
    summed_up
        .or_else(|| command(&text, request))
        .unwrap_or_else(|| Reply::say(speech::fallback(author(request), &text)))
}

fn command(text: &str, request: &ModelRequest) -> Option<Reply> {
    starts(text).find_map(|start| COMMANDS.iter().find_map(|command| (command.answer)(start, request)))
}

/// Where a command may begin: at the start, and after each mention.
pub(super) fn starts(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text.trim());
    std::iter::from_fn(move || {
        let start = rest?;
        rest = start.split_once('@').map(|(_, mention)| {
            let end = mention.find(|c: char| !is_slug(c)).unwrap_or(mention.len());
            mention.get(end..).unwrap_or_default().trim_start_matches([',', ':']).trim()
        });
        Some(start)
    })
}

/// The slug at the start of `@slug …`.
fn slug(text: &str) -> Option<&str> {
    let name = text.strip_prefix('@')?;
    name.split(|c| !is_slug(c)).next().filter(|slug| !slug.is_empty())
}

fn is_slug(c: char) -> bool {
    c.is_alphanumeric() || c == '-' || c == '_'
}

/// Whether the text is one of these, up to case, marks at its end and spaces.
fn is(text: &str, phrases: &[&str]) -> bool {
    let text = text.trim_end_matches(['?', '!', '.', ' ']);
    phrases.iter().any(|phrase| text.eq_ignore_ascii_case(phrase))
}

/// What follows this word at the start of the text.
pub(super) fn after<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let (start, rest) = text.split_at_checked(word.len())?;
    start.eq_ignore_ascii_case(word).then(|| rest.trim())
}

/// `N words`, of which the answer gives at most 20,000.
fn word_count(text: &str) -> Option<usize> {
    let (number, unit) = text.trim_end_matches(['.', '!']).split_once(' ')?;
    let known = ["word", "words"].iter().any(|name| unit.trim().eq_ignore_ascii_case(name));
    number.parse::<usize>().ok().filter(|_| known).map(|n| n.min(MAX_WORDS))
}

fn author(request: &ModelRequest) -> Option<&str> {
    request.messages.last().and_then(|message| message.author.as_deref())
}

fn help() -> Reply {
    let rows: Vec<String> =
        COMMANDS.iter().map(|command| format!("| `{}` | {} |", command.usage, command.does)).collect();
    Reply::say(format!(
        "I am the built-in demo model. I know these commands:\n\n| write | and I answer |\n| --- | --- |\n{}",
        rows.join("\n")
    ))
}

fn participants(request: &ModelRequest) -> Reply {
    let line = request.system.lines().find_map(|line| after(line.trim(), "participants:"));
    let line = speech::unmentioned(line.unwrap_or_default());
    let names: Vec<&str> = line.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    if names.is_empty() {
        return Reply::say("I was not told who is in this chat.");
    }
    Reply::say(format!("{} in this chat:\n\n- {}", names.len(), names.join("\n- ")))
}

fn summary(request: &ModelRequest) -> Reply {
    let (count, rows) = kept::counts(&request.messages);
    Reply::say(format!("I was given {count} of this chat: {rows}."))
}

fn fail(rest: &str) -> Reply {
    let (code, words) = match rest.split_once(" after ") {
        Some((code, words)) => (code, word_count(words)),
        None => (rest, Some(0)),
    };
    match (ErrorKind::from_code(code.trim()), words) {
        (Some(kind), Some(words)) => {
            Reply { text: speech::numbered(words), failure: Some(kind), ..Reply::default() }
        }
        (Some(_) | None, _) => {
            let kinds: Vec<String> = ErrorKind::ALL.iter().map(|kind| format!("`{kind}`")).collect();
            Reply::say(format!("I can fail with {}.", kinds.join(", ")))
        }
    }
}
