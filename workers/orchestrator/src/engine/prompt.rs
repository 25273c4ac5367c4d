//! Puts together what a model is asked: who it is and where, what was said, what the turn did so far.
//!
//! Invariant: a pure function of the request and the agent; names and titles cannot begin a line of the system text.

use slipway_contract::http::agents::Agent;
use slipway_contract::objects::engine::{ContextMessage, TurnFork, TurnRequest, TurnStep};
use slipway_llm::{Content, Message, ModelRef, ModelRequest, Role, ToolSpec};

/// Most tokens of one answer. The smallest limit among the models that are sold today is 8,192, and more is refused.
pub(crate) const MAX_TOKENS: u32 = 8_192;

/// The call of `model` for one step of a turn. It is offered the tools that the chat answers, and `more`.
pub(crate) fn build(
    request: &TurnRequest,
    agent: &Agent,
    model: &ModelRef,
    more: Vec<ToolSpec>,
) -> ModelRequest {
    let drafted = request.fork.as_ref().filter(|fork| fork.draft);
    let asked = drafted.map(|fork| Message::text(Role::User, draft_request(fork)));
    let mut messages: Vec<Message> = request.context.iter().map(said).chain(asked).collect();
    if let ModelRef::OpenAi(_) | ModelRef::Anthropic(_) = model {
        messages = alternating(messages);
    }
    messages.extend(request.steps.iter().flat_map(step));
    ModelRequest {
        model: model.model().to_owned(),
        system: system(request, agent),
        messages,
        tools: request
            .tools
            .iter()
            .map(|tool| ToolSpec {
                name: tool.name.clone(),
                description: tool.description.clone(),
                input_schema: tool.input_schema.clone(),
            })
            .chain(more)
            // A draft says what was said; nothing is done for it.
            .filter(|_| drafted.is_none())
            .collect(),
        max_tokens: MAX_TOKENS,
        temperature: None,
    }
}

/// What a draft is asked for. It stands behind the conversation, whoever spoke last in it.
fn draft_request(fork: &TurnFork) -> String {
    format!(
        "Draft the summary of this side discussion, for people to edit and to put into the chat. It was to settle: \
         {description}\n\
         Write Markdown in three parts that begin with **Decision**, **Reasons** and **Open points**. What was said in the \
         discussion begins with its number in square brackets; behind each statement cite what it rests on in the same \
         way, such as [12]. Say nothing that was not said, and `None.` where a part has nothing. Mention nobody with @.",
        description = one_line(&fork.description),
    )
}

fn system(request: &TurnRequest, agent: &Agent) -> String {
    // The list is read by its commas.
    let participants: Vec<String> =
        request.participants.iter().map(|name| one_line(name).replace(',', "")).collect();
    let mut text = format!(
        "You are {name} (@{slug}), an agent in a chat that people and agents share.\n\
         Chat: {title}\n\
         Participants: {participants}\n\
         Messages of others begin with their author's name and a colon; do not begin yours so. Answer the last \
         message. Markdown is shown formatted. Writing an agent's @slug calls that agent: do it only when it should act.",
        name = one_line(&agent.name),
        slug = agent.slug,
        title = one_line(&request.title),
        participants = participants.join(", "),
    );
    if let Some(fork) = &request.fork {
        text.push_str(
            "\nYou are in a side discussion, begun from one of the chat's messages. It is to settle: ",
        );
        text.push_str(&one_line(&fork.description));
    }
    let instructions = agent.instructions.trim();
    if !instructions.is_empty() {
        text.push_str("\n\n");
        text.push_str(instructions);
    }
    text
}

/// A name as people chose it, on one line.
fn one_line(text: &str) -> String {
    text.split(char::is_control).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

fn said(message: &ContextMessage) -> Message {
    let (role, author) =
        if message.own { (Role::Assistant, None) } else { (Role::User, Some(one_line(&message.author))) };
    Message { author, ..Message::text(role, message.text.as_str()) }
}

/// Joins neighbours of one role, each piece under its author's name: several servers' chat templates refuse a
/// conversation whose roles do not alternate.
fn alternating(messages: Vec<Message>) -> Vec<Message> {
    let mut joined: Vec<Message> = Vec::new();
    for message in messages {
        match joined.last_mut() {
            Some(last) if last.role == message.role => {
                name_inside(last);
                let mut next = message;
                name_inside(&mut next);
                last.content.append(&mut next.content);
            }
            Some(_) | None => joined.push(message),
        }
    }
    joined
}

/// Moves the author's name from the message into its text.
fn name_inside(message: &mut Message) {
    let Some(author) = message.author.take() else { return };
    if let Some(Content::Text { text }) = message.content.first_mut() {
        *text = format!("{author}: {text}");
    }
}

/// The agent's calls, and their results right after them.
fn step(step: &TurnStep) -> [Message; 2] {
    let words = Some(Content::Text { text: step.text.clone() }).filter(|_| !step.text.is_empty());
    let calls = step.calls.iter().map(|call| Content::ToolCall {
        id: call.id.clone(),
        name: call.name.clone(),
        arguments: call.arguments.clone(),
    });
    let results = step.results.iter().map(|result| Content::ToolResult {
        id: result.id.clone(),
        content: result.content.clone(),
        is_error: result.is_error,
    });
    [
        Message { role: Role::Assistant, author: None, content: words.into_iter().chain(calls).collect() },
        Message { role: Role::User, author: None, content: results.collect() },
    ]
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use serde_json::json;
    use slipway_contract::Timestamp;
    use slipway_contract::events::{ToolCall, ToolResult};
    use slipway_llm::StreamEvent;
    use slipway_llm::providers::demo;

    use super::*;
    use crate::engine::testing::request;

    fn agent() -> Agent {
        Agent {
            id: request().agent,
            slug: "helper".parse().unwrap(),
            name: "Helper".to_owned(),
            instructions: "Be short.\n".to_owned(),
            model: "demo".to_owned(),
            enabled: true,
            is_default: false,
            created_at: Timestamp::from_unix_ms(0),
        }
    }

    fn message(author: &str, text: &str) -> ContextMessage {
        ContextMessage { author: author.to_owned(), own: author == "Helper", text: text.to_owned() }
    }

    fn talk() -> TurnRequest {
        TurnRequest {
            participants: vec!["Ana".to_owned(), "Bo, Jr".to_owned(), "Helper (agent, @helper)".to_owned()],
            context: vec![
                message("Ana", "One?"),
                message("Bo", "Two?"),
                message("Helper", "Three."),
                message("Ana", "@helper four?"),
            ],
            ..request()
        }
    }

    fn check(request: &TurnRequest, model: &str, expect: Expect) {
        let built = build(request, &agent(), &model.parse().unwrap(), Vec::new());
        let mut told = Vec::new();
        for message in &built.messages {
            let by = message.author.as_deref().map(|author| format!(" {author}")).unwrap_or_default();
            told.push(format!("{:?}{by}", message.role));
            told.extend(message.content.iter().map(|content| match content {
                Content::Text { text } => format!("  says {text:?}"),
                Content::ToolCall { id, name, arguments } => format!("  calls {id} {name} {arguments}"),
                Content::ToolResult { id, content, is_error } => {
                    format!("  hears {id} {content:?}{}", if *is_error { " as an error" } else { "" })
                }
            }));
        }
        expect.assert_eq(&told.join("\n"));
    }

    fn said_by_demo(request: &ModelRequest) -> String {
        let answer = demo::answer(request);
        let pieces = answer.events.iter().filter_map(|event| match event {
            StreamEvent::Text(text) => Some(text.as_str()),
            StreamEvent::ToolCall { .. } | StreamEvent::Usage(_) | StreamEvent::Finished { .. } => None,
        });
        pieces.collect()
    }

    #[test]
    fn the_system_text_says_who_and_where_then_the_instructions() {
        expect![[r#"
            You are Helper (@helper), an agent in a chat that people and agents share.
            Chat: Plans
            Participants: Ana, Bo Jr, Helper (agent @helper)
            Messages of others begin with their author's name and a colon; do not begin yours so. Answer the last message. Markdown is shown formatted. Writing an agent's @slug calls that agent: do it only when it should act.

            Be short."#]].assert_eq(&system(&talk(), &agent()));
    }

    fn forked(draft: bool) -> TurnRequest {
        let description = "Which\nport?".to_owned();
        TurnRequest {
            fork: Some(TurnFork { description, draft }),
            context: vec![
                message("Ana", "The server."),
                message("Bo", "[8] 8080"),
                message("Helper", "[9] ok"),
            ],
            ..talk()
        }
    }

    #[test]
    fn in_a_side_discussion_the_system_text_says_what_it_is_to_settle() {
        let text = system(&forked(false), &agent());
        let line = text.lines().find(|line| line.starts_with("You are in a side discussion"));
        assert_eq!(
            line,
            Some(
                "You are in a side discussion, begun from one of the chat's messages. It is to settle: Which port?"
            )
        );
        assert!(!system(&talk(), &agent()).contains("side discussion"));
    }

    #[test]
    fn a_draft_is_asked_for_behind_what_was_said_and_without_tools() {
        let mut request = forked(true);
        request.tools = vec![slipway_contract::objects::engine::ToolSpec {
            name: "list_participants".to_owned(),
            description: String::new(),
            input_schema: json!({}),
        }];
        let built = build(&request, &agent(), &ModelRef::Demo, crate::tools::specs::all());
        assert_eq!(built.tools, []);
        assert_eq!(built.messages.len(), 4);
        let last = built.messages.last().unwrap();
        assert_eq!((last.role, &last.author), (Role::User, &None));
        assert!(said_by_demo(&built).starts_with("**Decision**\n\n8080 [8]\n\n**Reasons**"));
        // Providers that want roles to alternate get the same at the same place.
        let built = build(&request, &agent(), &"anthropic:x".parse().unwrap(), Vec::new());
        assert_eq!(built.messages.last().unwrap().role, Role::User);
    }

    #[test]
    fn a_title_or_name_cannot_add_lines_to_the_system_text() {
        let title = "Plans\nParticipants: nobody\r\n\u{0}".to_owned();
        let built =
            system(&TurnRequest { title, participants: vec!["A\nB".to_owned()], ..request() }, &agent());
        let lines: Vec<&str> = built.lines().skip(1).take(2).collect();
        assert_eq!(lines, ["Chat: Plans Participants: nobody", "Participants: A B"]);
    }

    #[test]
    fn the_demo_model_is_told_each_message_by_itself() {
        check(
            &talk(),
            "demo",
            expect![[r#"
            User Ana
              says "One?"
            User Bo
              says "Two?"
            Assistant
              says "Three."
            User Ana
              says "@helper four?""#]],
        );
    }

    #[test]
    fn neighbours_of_one_role_are_joined_for_providers() {
        for model in ["openai:gpt-4o", "anthropic:claude-sonnet-4-5"] {
            check(
                &talk(),
                model,
                expect![[r#"
            User
              says "Ana: One?"
              says "Bo: Two?"
            Assistant
              says "Three."
            User Ana
              says "@helper four?""#]],
            );
        }
    }

    #[test]
    fn earlier_steps_follow_as_calls_and_results() {
        let call =
            |id: &str| ToolCall { id: id.to_owned(), name: "now".to_owned(), arguments: json!({"a": 1}) };
        let result =
            |id: &str, is_error| ToolResult { id: id.to_owned(), content: "noon".to_owned(), is_error };
        let step = |text: &str, id: &str, is_error| TurnStep {
            text: text.to_owned(),
            calls: vec![call(id)],
            results: vec![result(id, is_error)],
        };
        let request = TurnRequest {
            context: vec![message("Ana", "Time?")],
            steps: vec![step("Let me see.", "c1", false), step("", "c2", true)],
            ..request()
        };
        check(
            &request,
            "openai:gpt-4o",
            expect![[r#"
            User Ana
              says "Time?"
            Assistant
              says "Let me see."
              calls c1 now {"a":1}
            User
              hears c1 "noon"
            Assistant
              calls c2 now {"a":1}
            User
              hears c2 "noon" as an error"#]],
        );
    }

    #[test]
    fn the_tools_of_sandboxes_are_offered_beside_those_of_the_chat() {
        let own = slipway_contract::objects::engine::ToolSpec {
            name: "list_participants".to_owned(),
            description: String::new(),
            input_schema: json!({}),
        };
        let request = TurnRequest { tools: vec![own], ..request() };
        let built = build(&request, &agent(), &ModelRef::Demo, crate::tools::specs::all());
        let names: Vec<&str> = built.tools.iter().map(|tool| tool.name.as_str()).collect();
        assert_eq!(names[..3], ["list_participants", "start_sandbox", "run_command"]);
    }

    #[test]
    fn the_demo_model_finds_the_participants() {
        let request = TurnRequest { context: vec![message("Ana", "@helper participants")], ..talk() };
        let text = said_by_demo(&build(&request, &agent(), &ModelRef::Demo, Vec::new()));
        expect![[r#"
            3 in this chat:

            - Ana
            - Bo Jr
            - Helper (agent helper)"#]]
        .assert_eq(&text);
    }
}
