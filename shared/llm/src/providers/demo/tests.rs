//! What the demo model answers, command by command.

use expect_test::{Expect, expect};
use proptest::prelude::*;
use serde_json::json;

use super::{Answer, answer, pieces};
use crate::testing::render;
use crate::{Content, Message, ModelRequest, Role, StreamEvent, ToolSpec};

fn request(messages: Vec<Message>) -> ModelRequest {
    let tool = |name: &str, description: &str| ToolSpec {
        name: name.to_owned(),
        description: description.to_owned(),
        input_schema: json!({"type": "object"}),
    };
    ModelRequest {
        model: "demo".to_owned(),
        system: "You are @demo.\nParticipants: @ana, @bo, @demo".to_owned(),
        messages,
        tools: vec![tool("weather", "Tells the weather of a city."), tool("now", "Tells the time.")],
        max_tokens: 30_000,
        temperature: None,
    }
}

fn ana(text: &str) -> Message {
    Message { author: Some("Ana".to_owned()), ..Message::text(Role::User, text) }
}

/// The answer with its words put together again.
fn told(answer: &Answer) -> String {
    let text: String = answer
        .events
        .iter()
        .filter_map(|event| match event {
            StreamEvent::Text(piece) => Some(piece.as_str()),
            StreamEvent::ToolCall { .. } | StreamEvent::Usage(_) | StreamEvent::Finished { .. } => None,
        })
        .collect();
    let rest: Vec<StreamEvent> =
        answer.events.iter().filter(|event| !matches!(event, StreamEvent::Text(_))).cloned().collect();
    format!("{text}\n=> {}", render(&rest, answer.failure.as_ref()).replace('\n', "\n=> "))
}

fn check(text: &str, expect: Expect) {
    expect.assert_eq(&told(&answer(&request(vec![ana(text)]))));
}

#[test]
fn words_come_one_by_one_and_the_end_is_told() {
    let answer = answer(&request(vec![ana("echo: two  words\n\n    here")]));
    expect![[r#"
        text "two  "
        text "words\n\n    "
        text "here"
        usage in 22 out 3 cached 0 stored 0
        finished Stop"#]]
    .assert_eq(&render(&answer.events, answer.failure.as_ref()));
}

#[test]
fn it_says_what_it_is_and_how_to_connect_a_real_model() {
    check(
        "Hello!",
        expect![[r#"
        Hello Ana! I am the built-in demo model of Slipway. Write `help` to see what I can do.
        => usage in 19 out 18 cached 0 stored 0
        => finished Stop"#]],
    );
    check(
        "@demo who are you?",
        expect![[r#"
        I am the demo model that is built into Slipway. I run without a key and without a network, give the same answer to the same words, and know only what is written in this chat. I follow a few commands: write `help` to see them, or `connect` to learn how to put a real model in my place.
        => usage in 22 out 59 cached 0 stored 0
        => finished Stop"#]],
    );
    check(
        "connect",
        expect![[r#"
        To answer with a real model:

        1. Give the orchestrator a key or an address: `ANTHROPIC_API_KEY`, `OPENAI_API_KEY`, or `OPENAI_BASE_URL` for any OpenAI-compatible server, such as `http://localhost:11434/v1` for Ollama.
        2. Restart, and open the agents page.
        3. Set the agent's model to `anthropic:<model>` or `openai:<model>`.

        Keys stay in the orchestrator: no chat, browser or sandbox sees them.
        => usage in 19 out 56 cached 0 stored 0
        => finished Stop"#]],
    );
}

#[test]
fn help_lists_every_command() {
    check(
        "help",
        expect![[r#"
            I am the built-in demo model. I know these commands:

            | write | and I answer |
            | --- | --- |
            | `help` | this list |
            | `hello` | a greeting |
            | `who are you` | what I am |
            | `connect` | how to connect a real model |
            | `participants` | who is in this chat |
            | `instructions` | the instructions that I was given |
            | `summary` | how many messages there are, and whose |
            | `context` | what I was given beside the messages |
            | `tools` | the tools that I may call |
            | `count: text` | counts words, characters and lines |
            | `2 * (3 + 4)` | simple arithmetic |
            | `show markdown` | a sample of all that a message can hold |
            | `echo: text` | exactly the text |
            | `repeat: N words` | numbered words, for long streams |
            | `write N words` | prose of that length |
            | `mention: @slug text` | speaks to another agent |
            | `call: tool {json}` | calls the tool; `then call:` in a further line calls the next one after its result |
            | `make me a web page about X` | makes it in a sandbox, shows it and keeps it |
            | `change the page: text` | writes that page anew, for those who look at it |
            | `run: command` | runs it in a sandbox, and tells what it wrote |
            | `fail: kind` | fails in that way; `fail: kind after N words` speaks first |
            => usage in 19 out 267 cached 0 stored 0
            => finished Stop"#]],
    );
}

#[test]
fn it_tells_what_it_was_given() {
    check(
        "Who is here?",
        expect![[r#"
        3 in this chat:

        - ana
        - bo
        - demo
        => usage in 21 out 10 cached 0 stored 0
        => finished Stop"#]],
    );
    check(
        "instructions",
        expect![[r#"
        I was given these instructions:

        You are demo.
        Participants: ana, bo, demo
        => usage in 19 out 12 cached 0 stored 0
        => finished Stop"#]],
    );
    check(
        "tools",
        expect![[r#"
        I may call these tools:

        - `weather`: Tells the weather of a city.
        - `now`: Tells the time.
        => usage in 19 out 18 cached 0 stored 0
        => finished Stop"#]],
    );
    let messages = vec![ana("one"), Message::text(Role::Assistant, "two"), ana("three"), ana("summary")];
    expect![[r#"
        I was given 4 messages of this chat: 3 from Ana, 1 from me.
        => usage in 22 out 14 cached 0 stored 0
        => finished Stop"#]]
    .assert_eq(&told(&answer(&request(messages))));
}

#[test]
fn without_anything_given_it_says_so() {
    let bare = |text: &str| {
        let messages = vec![Message::text(Role::User, text)];
        told(&answer(&ModelRequest { system: String::new(), tools: Vec::new(), ..request(messages) }))
    };
    expect![[r#"
        I was not told who is in this chat.
        => usage in 1 out 9 cached 0 stored 0
        => finished Stop
        I was given no instructions.
        => usage in 1 out 5 cached 0 stored 0
        => finished Stop
        No tool is offered to me here.
        => usage in 1 out 7 cached 0 stored 0
        => finished Stop
        No tool `now` is offered to me. No tool is offered to me here.
        => usage in 2 out 14 cached 0 stored 0
        => finished Stop"#]]
    .assert_eq(&["participants", "instructions", "tools", "call: now"].map(bare).join("\n"));
}

#[test]
fn it_counts_calculates_and_echoes() {
    check(
        "count: one two\nthree",
        expect![[r#"
        3 words, 13 characters, 2 lines.
        => usage in 22 out 6 cached 0 stored 0
        => finished Stop"#]],
    );
    check(
        "What is 2 + 3 * 4?",
        expect![[r#"
        2 + 3 * 4 = **14**
        => usage in 25 out 7 cached 0 stored 0
        => finished Stop"#]],
    );
    check(
        "Echo: @bo exactly *this*",
        expect![[r#"
        @bo exactly *this*
        => usage in 22 out 3 cached 0 stored 0
        => finished Stop"#]],
    );
}

#[test]
fn markdown_has_a_code_block_and_a_table() {
    let text = told(&answer(&request(vec![ana("show markdown")])));
    assert!(
        text.contains("```rust\nfn main() {\n    println!") && text.contains("| --- | ---: | :---: |"),
        "{text}"
    );
}

#[test]
fn long_streams_have_the_asked_length() {
    check(
        "repeat: 5 words",
        expect![[r#"
        word-1 word-2 word-3 word-4 word-5
        => usage in 21 out 5 cached 0 stored 0
        => finished Stop"#]],
    );
    check(
        "write 12 words.",
        expect![[r#"
        The harbour wakes before the town does. Ropes creak, gulls argue over
        => usage in 21 out 12 cached 0 stored 0
        => finished Stop"#]],
    );
    check(
        "repeat: 0 words",
        expect![[r#"

        => usage in 21 out 0 cached 0 stored 0
        => finished Stop"#]],
    );
    let long = answer(&request(vec![ana("repeat: 99999999 words")]));
    assert_eq!(long.events.len(), 20_000 + 2);
}

#[test]
fn the_limit_of_the_request_cuts_the_answer() {
    let cut = ModelRequest { max_tokens: 3, ..request(vec![ana("repeat: 5 words")]) };
    expect![[r#"
        word-1 word-2 word-3 
        => usage in 21 out 3 cached 0 stored 0
        => finished Length"#]]
    .assert_eq(&told(&answer(&cut)));
    let call = ModelRequest { max_tokens: 1, ..request(vec![ana("call: now")]) };
    expect![[r#"
        Calling 
        => usage in 20 out 1 cached 0 stored 0
        => finished Length"#]]
    .assert_eq(&told(&answer(&call)));
}

#[test]
fn it_fails_as_told() {
    check(
        "fail: rate_limited",
        expect![[r#"

        => failed (retryable) demo: rate_limited: too many requests for now"#]],
    );
    check(
        "@demo fail: connection after 2 words",
        expect![[r#"
        word-1 word-2
        => failed (retryable) demo: connection: the connection to the provider failed"#]],
    );
    check(
        "fail: badly",
        expect![[r#"
        I can fail with `authentication`, `rate_limited`, `quota_exhausted`, `overloaded`, `server_error`, `invalid_request`, `context_too_long`, `unknown_model`, `refused`, `timeout`, `connection`, `protocol`, `not_configured`.
        => usage in 20 out 17 cached 0 stored 0
        => finished Stop"#]],
    );
    check(
        "fail: timeout after a while",
        expect![[r#"
        I can fail with `authentication`, `rate_limited`, `quota_exhausted`, `overloaded`, `server_error`, `invalid_request`, `context_too_long`, `unknown_model`, `refused`, `timeout`, `connection`, `protocol`, `not_configured`.
        => usage in 23 out 17 cached 0 stored 0
        => finished Stop"#]],
    );
}

#[test]
fn it_mentions_another_agent_and_hands_on_a_command() {
    check(
        "mention: @bo mention: @demo hello",
        expect![[r#"
        @bo mention: @demo hello
        => usage in 23 out 4 cached 0 stored 0
        => finished Stop"#]],
    );
    check(
        "@bo mention: @demo hello",
        expect![[r#"
        @demo hello
        => usage in 22 out 2 cached 0 stored 0
        => finished Stop"#]],
    );
    check(
        "mention: nobody",
        expect![[r#"
        Ana, you wrote 2 words:

        > mention: nobody

        I am the built-in demo model: I follow a few commands and do not understand free text. Write `help` to see them, or `connect` to put a real model in my place.
        => usage in 20 out 40 cached 0 stored 0
        => finished Stop"#]],
    );
}

#[test]
fn quoting_someone_calls_nobody() {
    check(
        "@demo and @bo, what do you think?",
        expect![[r#"
        Ana, you wrote 7 words:

        > demo and bo, what do you think?

        I am the built-in demo model: I follow a few commands and do not understand free text. Write `help` to see them, or `connect` to put a real model in my place.
        => usage in 25 out 45 cached 0 stored 0
        => finished Stop"#]],
    );
}

#[test]
fn a_long_text_is_quoted_in_part_and_line_by_line() {
    check(
        &format!("first\nsecond {}", "é".repeat(300)),
        expect![[r#"
            Ana, you wrote 3 words:

            > first
            > second ééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééé …

            I am the built-in demo model: I follow a few commands and do not understand free text. Write `help` to see them, or `connect` to put a real model in my place.
            => usage in 58 out 43 cached 0 stored 0
            => finished Stop"#]],
    );
}

#[test]
fn it_calls_tools_and_tells_their_results() {
    let command =
        "@demo call: weather {\"city\": \"Rome\",\n \"days\": 2}\ncall: now\nthen call: weather{}\nthanks";
    let mut messages = vec![ana(command)];
    let mut seen = Vec::new();
    for turn in 0..3 {
        let answer = answer(&request(messages.clone()));
        seen.push(told(&answer));
        let calls: Vec<Content> = answer
            .events
            .iter()
            .filter_map(|event| match event {
                StreamEvent::ToolCall { id, name, arguments } => Some(Content::ToolCall {
                    id: id.clone(),
                    name: name.clone(),
                    arguments: arguments.clone(),
                }),
                StreamEvent::Text(_) | StreamEvent::Usage(_) | StreamEvent::Finished { .. } => None,
            })
            .collect();
        let results = calls.iter().filter_map(|call| match call {
            Content::ToolCall { id, name, .. } => Some(Content::ToolResult {
                id: id.clone(),
                content: format!("{name} says {turn}, ask @bo\n"),
                is_error: name == "now",
            }),
            Content::Text { .. } | Content::ToolResult { .. } => None,
        });
        let results = Message { role: Role::User, author: None, content: results.collect() };
        messages.push(Message { role: Role::Assistant, author: None, content: calls });
        messages.push(results);
    }
    expect![[r#"
        Calling `weather` and `now`.
        => call demo-1-1 weather {"city":"Rome","days":2}
        => call demo-1-2 now {}
        => usage in 31 out 6 cached 0 stored 0
        => finished ToolUse
        ---
        The tool `weather` answered:

        ```
        weather says 0, ask bo
        ```

        The tool `now` failed:

        ```
        now says 0, ask bo
        ```

        Calling `weather`.
        => call demo-3-1 weather {}
        => usage in 44 out 25 cached 0 stored 0
        => finished ToolUse
        ---
        The tool `weather` answered:

        ```
        weather says 1, ask bo
        ```
        => usage in 50 out 11 cached 0 stored 0
        => finished Stop"#]]
    .assert_eq(&seen.join("\n---\n"));
}

#[test]
fn a_call_that_cannot_be_made_is_explained() {
    check(
        "call: sunrise {}",
        expect![[r#"
        No tool `sunrise` is offered to me. I may call these tools:

        - `weather`: Tells the weather of a city.
        - `now`: Tells the time.
        => usage in 21 out 25 cached 0 stored 0
        => finished Stop"#]],
    );
    check(
        "call: now {\"a\": }",
        expect![[r#"
        I cannot read the arguments of `now` as JSON: expected value at line 1 column 7.
        => usage in 22 out 16 cached 0 stored 0
        => finished Stop"#]],
    );
    check(
        "call:",
        expect![[r#"
        No tool `` is offered to me. I may call these tools:

        - `weather`: Tells the weather of a city.
        - `now`: Tells the time.
        => usage in 19 out 25 cached 0 stored 0
        => finished Stop"#]],
    );
}

#[test]
fn a_request_without_messages_fails() {
    expect![[r#"

        => failed (final) demo: invalid_request: the provider did not accept the request"#]]
    .assert_eq(&told(&answer(&request(Vec::new()))));
}

proptest! {
    #[test]
    fn pieces_put_together_are_the_text(text in "[ a-cé\\n\\t]{0,60}") {
        let pieces = pieces(&text);
        prop_assert_eq!(pieces.concat(), text.as_str());
        prop_assert!(pieces.len() <= text.split_whitespace().count() + 1);
    }

    #[test]
    fn any_text_has_an_answer_and_always_the_same(text in prop_oneof![
        "\\PC{0,80}",
        "(@demo )?(call:|then call:|fail:|repeat:|write|count:|mention:|echo:)[ {}\":a-z0-9@\n]{0,40}",
        "[-+*/(). 0-9]{0,80}",
    ]) {
        let request = request(vec![ana(&text)]);
        let first = answer(&request);
        prop_assert!(!first.events.is_empty() || first.failure.is_some());
        prop_assert_eq!(first, answer(&request));
    }
}
