//! What the demo model says.

use crate::error::clip;

pub(super) const IDENTITY: &str = "\
I am the demo model that is built into Slipway. I run without a key and without a network, give the same \
answer to the same words, and know only what is written in this chat. I follow a few commands: write `help` \
to see them, or `connect` to learn how to put a real model in my place.";

pub(super) const CONNECT: &str = "\
To answer with a real model:

1. Give the orchestrator a key or an address: `ANTHROPIC_API_KEY`, `OPENAI_API_KEY`, or `OPENAI_BASE_URL` for \
any OpenAI-compatible server, such as `http://localhost:11434/v1` for Ollama.
2. Restart, and open the agents page.
3. Set the agent's model to `anthropic:<model>` or `openai:<model>`.

Keys stay in the orchestrator: no chat, browser or sandbox sees them.";

pub(super) const MARKDOWN: &str = "\
# A sample of markdown

Text can be **bold**, *italic*, ~~struck~~ or `code`, and hold a [link](https://commonmark.org).

1. First
2. Second
   - with a point of its own

- [x] done
- [ ] to do

| Fruit | Price | In stock |
| --- | ---: | :---: |
| Apple | 1.20 | yes |
| Quince | 3.40 | no |

```rust
fn main() {
    println!(\"Hello from a code block\");
}
```

> A quotation.

---

The end.";

/// Sentences for prose; no numbers or names, so that a cut anywhere reads well.
const PROSE: &str = "\
The harbour wakes before the town does. Ropes creak, gulls argue over the tide line, and the first light \
turns the wet planks silver. On the slipway a new hull waits for water. Someone has painted her name twice, \
once for luck and once because the rain came too early. The crew works without many words: one checks the \
chocks, one the winch, one the sky. When the sea is high enough they knock the last wedge free, and \
everything that was built on land begins to move by itself.";

pub(super) fn greeting(author: Option<&str>) -> String {
    let name = author.map(|name| format!(" {name}")).unwrap_or_default();
    format!("Hello{name}! I am the built-in demo model of Slipway. Write `help` to see what I can do.")
}

pub(super) fn instructions(system: &str) -> String {
    if system.trim().is_empty() {
        return "I was given no instructions.".to_owned();
    }
    format!("I was given these instructions:\n\n{}", unmentioned(system))
}

/// The text without its `@`: quoting someone must not call the agents that they called.
pub(super) fn unmentioned(text: &str) -> String {
    text.replace('@', "")
}

pub(super) fn counts(text: &str) -> String {
    format!(
        "{}, {}, {}.",
        counted(text.split_whitespace().count(), "word"),
        counted(text.chars().count(), "character"),
        counted(text.lines().count(), "line"),
    )
}

pub(super) fn counted(count: usize, unit: &str) -> String {
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

pub(super) fn numbered(words: usize) -> String {
    (1..=words).map(|n| format!("word-{n}")).collect::<Vec<_>>().join(" ")
}

pub(super) fn prose(words: usize) -> String {
    PROSE.split_whitespace().cycle().take(words).collect::<Vec<_>>().join(" ")
}

/// The answer to what is no command.
pub(super) fn fallback(author: Option<&str>, text: &str) -> String {
    let name = author.map(|name| format!("{name}, you")).unwrap_or_else(|| "You".to_owned());
    let words = counted(text.split_whitespace().count(), "word");
    let text = unmentioned(text.trim());
    let start = clip(&text, 200);
    let more = if text.len() > start.len() { " …" } else { "" };
    let quote = start.lines().collect::<Vec<_>>().join("\n> ");
    format!(
        "{name} wrote {words}:\n\n> {quote}{more}\n\nI am the built-in demo model: I follow a few commands and do \
         not understand free text. Write `help` to see them, or `connect` to put a real model in my place."
    )
}
