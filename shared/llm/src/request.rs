//! What is asked of a model, in no provider's dialect. These values travel inside the orchestrator only.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One call of a model: the conversation so far and what it may do next.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelRequest {
    /// The provider's own name of the model, without our prefix (`gpt-4o`, not `openai:gpt-4o`).
    pub model: String,
    /// Standing instructions; empty means none.
    #[serde(default)]
    pub system: String,
    /// The conversation, oldest first. At least one; the last is what the model answers.
    pub messages: Vec<Message>,
    /// Tools the model may call; empty means it may call none.
    #[serde(default)]
    pub tools: Vec<ToolSpec>,
    /// Most tokens the answer may have.
    pub max_tokens: u32,
    /// Sampling temperature. `None` leaves it to the provider, which some models insist on.
    #[serde(default)]
    pub temperature: Option<f64>,
}

/// One message of the conversation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// Whether the model said it.
    pub role: Role,
    /// Who said it, where several people and agents talk. Real models see it as `Name: ` before the text.
    #[serde(default)]
    pub author: Option<String>,
    /// What was said, in order.
    pub content: Vec<Content>,
}

/// Whose words a message holds, as seen by the model that is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everyone but the model: people, other agents, and the results of tools.
    User,
    /// The model that is asked.
    Assistant,
}

/// One piece of a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Content {
    /// Words.
    Text {
        /// Markdown or plain text.
        text: String,
    },
    /// The model asked for a tool. Belongs in a message of [`Role::Assistant`].
    ToolCall {
        /// Names the call; its result carries the same id.
        id: String,
        /// Name of the tool.
        name: String,
        /// A JSON object.
        arguments: Value,
    },
    /// What the tool answered. Belongs in the message of [`Role::User`] right after the call's message.
    ToolResult {
        /// Id of the call that this answers.
        id: String,
        /// What the model is told.
        content: String,
        /// Whether the tool failed.
        #[serde(default)]
        is_error: bool,
    },
}

/// A tool that the model may call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToolSpec {
    /// Letters, digits, `_` and `-`, at most 64: what every provider accepts.
    pub name: String,
    /// Tells the model when and how to use it.
    pub description: String,
    /// JSON Schema of the arguments; its type is `object`.
    pub input_schema: Value,
}

impl Message {
    /// Words of one speaker, as the simplest message.
    pub fn text(role: Role, text: impl Into<String>) -> Self {
        Self { role, author: None, content: vec![Content::Text { text: text.into() }] }
    }

    /// The message's words, without calls and results, as separate pieces.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        self.content.iter().filter_map(|block| match block {
            Content::Text { text } if !text.is_empty() => Some(text.as_str()),
            Content::Text { .. } | Content::ToolCall { .. } | Content::ToolResult { .. } => None,
        })
    }

    /// The message's words as one text that names its speaker; `None` when it has no words.
    ///
    /// The model's own words carry no name: it would learn to write the name itself.
    pub(crate) fn spoken(&self) -> Option<String> {
        let words = self.texts().collect::<Vec<_>>().join("\n\n");
        match (&self.author, self.role) {
            _ if words.is_empty() => None,
            (Some(author), Role::User) => Some(format!("{author}: {words}")),
            (Some(_) | None, _) => Some(words),
        }
    }
}
