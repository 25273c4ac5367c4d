//! Tools that a chat answers itself. All of them only read what the agent's chat holds anyway.

use slipway_contract::events::{ToolCall, ToolResult};
use slipway_contract::objects::engine::ToolSpec;
use slipway_contract::{ParticipantId, limits};

use super::Chat;

const LIST_PARTICIPANTS: &str = "list_participants";

/// What agents are offered.
pub fn specs() -> Vec<ToolSpec> {
    vec![ToolSpec {
        name: LIST_PARTICIPANTS.to_owned(),
        description: "Lists the people and agents that take part in this chat.".to_owned(),
        input_schema: serde_json::json!({ "type": "object", "properties": {}, "additionalProperties": false }),
    }]
}

/// Answers a call of one of these tools; `None` for any other, which the orchestrator answers.
pub(super) fn answer(chat: &Chat, call: &ToolCall) -> Option<ToolResult> {
    let content = match call.name.as_str() {
        LIST_PARTICIPANTS => list_participants(chat),
        _ => return None,
    };
    Some(ToolResult { id: call.id.clone(), content, is_error: false })
}

/// One line a participant, at most as many as a page of a list holds. Agents without the `@`: a model that quotes the
/// list shall not call everybody on it.
fn list_participants(chat: &Chat) -> String {
    let shown = limits::PAGE_MAX as usize;
    let people = chat.people.iter().take(shown).map(|person| &person.participant);
    let mut lines: Vec<String> = people
        .map(|participant| match &participant.slug {
            Some(slug) => format!("{} (agent {slug})", participant.name),
            None => participant.name.clone(),
        })
        .collect();
    if chat.people.len() > shown {
        lines.push(format!("and {} more", chat.people.len() - shown));
    }
    lines.join("\n")
}

/// What to call a participant when speaking to a model: agents with the way to mention them.
pub fn spoken_name(chat: &Chat, id: ParticipantId) -> String {
    match chat.person(id).map(|person| &person.participant) {
        Some(participant) => match &participant.slug {
            Some(slug) => format!("{} (agent, @{slug})", participant.name),
            None => participant.name.clone(),
        },
        None => "somebody who left".to_owned(),
    }
}
