//! Chat completions against recorded shapes of several servers, request bodies and error bodies.

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::OpenAi;
use crate::testing::decode_any_way;
use crate::{Content, Message, ModelRequest, Provider, Role, ToolSpec};

fn provider() -> OpenAi {
    OpenAi::new(None, Some("sk-proj-secret")).expect("a key is enough")
}

fn check(stream: &[u8], expect: Expect) {
    expect.assert_eq(&decode_any_way(&provider(), stream));
}

#[test]
fn text_comes_in_pieces_and_usage_after_it() {
    check(
        include_bytes!("../../../fixtures/openai/text.sse"),
        expect![[r#"
        text "Hello"
        text ", grüß dich"
        text " — 你好 👋!"
        usage in 1117 out 46 cached 1024 stored 0
        finished Stop"#]],
    );
}

#[test]
fn tool_calls_come_whole() {
    check(
        include_bytes!("../../../fixtures/openai/tool_calls.sse"),
        expect![[r#"
        call call_DdmO9pD3xa9XTPNJ32zg2hcA get_weather {"location":"Paris"}
        call call_DdmO9pD3xa9XTPNJ32zg2hcB now {}
        usage in 1117 out 46 cached 1024 stored 0
        finished ToolUse"#]],
    );
}

#[test]
fn calls_under_one_index_are_told_apart_and_stop_means_tool_use() {
    check(
        include_bytes!("../../../fixtures/openai/ollama_tool_calls.sse"),
        expect![[r#"
        call call_xkr4dkz1 get_weather {"location":"Paris"}
        call call_8f0a2m1q get_weather {"location":"Rome"}
        usage in 170 out 38 cached 0 stored 0
        finished ToolUse"#]],
    );
    check(
        include_bytes!("../../../fixtures/openai/google_tool_calls.sse"),
        expect![[r#"
        call call_0 get_weather {"location":"Paris"}
        call call_1 get_weather {"location":"Rome"}
        finished ToolUse"#]],
    );
}

#[test]
fn arguments_may_be_an_object_or_missing() {
    check(
        include_bytes!("../../../fixtures/openai/proxy_object_arguments.sse"),
        expect![[r#"
        call call_0 get_weather {"location":"Paris"}
        call call_1 now {}
        finished ToolUse"#]],
    );
}

#[test]
fn usage_in_every_chunk_and_null_choices_are_read() {
    check(
        include_bytes!("../../../fixtures/openai/vllm_usage_null_choices.sse"),
        expect![[r#"
        text "Good"
        text " day"
        usage in 12 out 2 cached 0 stored 0
        finished Stop"#]],
    );
}

#[test]
fn usage_finish_reason_done_and_the_last_blank_line_may_be_missing() {
    check(
        include_bytes!("../../../fixtures/openai/no_usage_no_finish_reason.sse"),
        expect![[r#"
        text "Good"
        text " day"
        finished Stop"#]],
    );
    check(
        include_bytes!("../../../fixtures/openai/no_done.sse"),
        expect![[r#"
        text "Good day"
        finished Stop"#]],
    );
    check(
        include_bytes!("../../../fixtures/openai/done_without_blank_line.sse"),
        expect![[r#"
        text "Good day"
        finished Stop"#]],
    );
}

#[test]
fn an_error_in_the_stream_is_never_an_empty_answer() {
    check(
        include_bytes!("../../../fixtures/openai/error_mid_stream.sse"),
        expect![[r#"
        text "Once upon"
        failed (retryable) openai: server_error: the provider failed
          log: {"error":{"code":500,"message":"EngineCore encountered an issue. See stack trace for the root cause.","param":null,"type":"InternalServerError"}}"#]],
    );
    check(
        include_bytes!("../../../fixtures/openai/old_vllm_error.sse"),
        expect![[r#"
        failed (final) openai: context_too_long: the conversation is too long for this model
          log: {"code":400,"message":"This model's maximum context length is 4096 tokens. However, you requested 5000 tokens.","object":"error","param":null,"type":"BadRequestError"}"#]],
    );
    check(
        include_bytes!("../../../fixtures/openai/rate_limited_in_stream.sse"),
        expect![[r#"
        failed (retryable) openai: rate_limited: too many requests for now
          log: {"choices":[],"error":{"code":429,"message":"Worker local total request limit reached (33/32)"},"id":"gen-1","object":"chat.completion.chunk"}"#]],
    );
}

#[test]
fn a_stream_that_is_cut_is_a_retryable_failure() {
    check(
        include_bytes!("../../../fixtures/openai/truncated.sse"),
        expect![[r#"
        text "Once upon"
        failed (retryable) openai: connection: the answer ended early"#]],
    );
    check(b"", expect!["failed (retryable) openai: connection: the answer ended early"]);
}

#[test]
fn a_call_that_the_length_cut_was_never_made() {
    check(
        include_bytes!("../../../fixtures/openai/length_in_tool_call.sse"),
        expect![[r#"
        usage in 1117 out 46 cached 1024 stored 0
        finished Length"#]],
    );
}

#[test]
fn a_call_whose_arguments_cannot_be_read_is_a_failure() {
    check(
        include_bytes!("../../../fixtures/openai/broken_arguments.sse"),
        expect!["failed (retryable) openai: protocol: the arguments of a tool call are not a JSON object"],
    );
}

#[test]
fn refusals_and_filters_are_told() {
    check(
        include_bytes!("../../../fixtures/openai/refusal.sse"),
        expect![[r#"
        text "I can't help"
        text " with that."
        finished Refused"#]],
    );
    check(
        include_bytes!("../../../fixtures/openai/content_filter.sse"),
        expect![[r#"
        text "The"
        finished Refused"#]],
    );
}

#[test]
fn content_may_come_as_parts() {
    check(
        include_bytes!("../../../fixtures/openai/mistral_content_parts.sse"),
        expect![[r#"
        text "Good day"
        finished Stop"#]],
    );
}

#[test]
fn bytes_that_are_no_text_are_replaced_and_what_is_no_json_ends_the_answer() {
    check(
        include_bytes!("../../../fixtures/openai/non_utf8.sse"),
        expect![[r#"
        text "caf� au lait"
        finished Stop"#]],
    );
    check(
        include_bytes!("../../../fixtures/openai/not_json.sse"),
        expect![[r#"
        text "Hm"
        failed (retryable) openai: protocol: a chunk could not be read"#]],
    );
}

#[test]
fn an_answer_has_at_most_128_calls() {
    let chunk = |n: u32| {
        let call =
            json!({"index": n, "id": format!("call_{n}"), "function": {"name": "f", "arguments": "{}"}});
        format!("data: {}\n\n", json!({"choices": [{"delta": {"tool_calls": [call]}}]}))
    };
    let stream: String = (0..129).map(chunk).collect();
    check(
        stream.as_bytes(),
        expect!["failed (retryable) openai: protocol: the answer has too many tool calls"],
    );
}

fn request(messages: Vec<Message>) -> ModelRequest {
    ModelRequest {
        model: "gpt-4o".to_owned(),
        system: String::new(),
        messages,
        tools: Vec::new(),
        max_tokens: 64,
        temperature: None,
    }
}

#[test]
fn the_conversation_is_written_in_plain_strings() {
    let call = Content::ToolCall {
        id: "call_1".to_owned(),
        name: "now".to_owned(),
        arguments: json!({"tz": "UTC"}),
    };
    let result =
        Content::ToolResult { id: "call_1".to_owned(), content: "no clock".to_owned(), is_error: true };
    let ana = Message { author: Some("Ana".to_owned()), ..Message::text(Role::User, "What time is it?") };
    let words = Content::Text { text: "And hurry.".to_owned() };
    let request = ModelRequest {
        system: "Be short.".to_owned(),
        messages: vec![
            ana,
            Message { role: Role::Assistant, author: None, content: vec![call] },
            Message { role: Role::User, author: None, content: vec![words, result] },
            Message::text(Role::Assistant, "I do not know."),
            Message::text(Role::Assistant, ""),
            Message::text(Role::User, "Why?"),
        ],
        tools: vec![ToolSpec {
            name: "now".to_owned(),
            description: "The time.".to_owned(),
            input_schema: json!({"type": "object", "properties": {"tz": {"type": "string"}}}),
        }],
        temperature: Some(0.2),
        ..request(Vec::new())
    };
    let sent = provider().request(&request).expect("the request can be written");
    let body: Value = serde_json::from_slice(&sent.body).expect("the body is JSON");
    expect![[r#"
        POST https://api.openai.com/v1/chat/completions
        {
          "max_completion_tokens": 64,
          "messages": [
            {
              "content": "Be short.",
              "role": "system"
            },
            {
              "content": "Ana: What time is it?",
              "role": "user"
            },
            {
              "content": null,
              "role": "assistant",
              "tool_calls": [
                {
                  "function": {
                    "arguments": "{\"tz\":\"UTC\"}",
                    "name": "now"
                  },
                  "id": "call_1",
                  "type": "function"
                }
              ]
            },
            {
              "content": "Error: no clock",
              "role": "tool",
              "tool_call_id": "call_1"
            },
            {
              "content": "And hurry.",
              "role": "user"
            },
            {
              "content": "I do not know.",
              "role": "assistant"
            },
            {
              "content": "Why?",
              "role": "user"
            }
          ],
          "model": "gpt-4o",
          "stream": true,
          "stream_options": {
            "include_usage": true
          },
          "temperature": 0.2,
          "tools": [
            {
              "function": {
                "description": "The time.",
                "name": "now",
                "parameters": {
                  "properties": {
                    "tz": {
                      "type": "string"
                    }
                  },
                  "type": "object"
                }
              },
              "type": "function"
            }
          ]
        }"#]]
    .assert_eq(&format!("{} {}\n{}", sent.method, sent.url, serde_json::to_string_pretty(&body).unwrap()));
}

#[test]
fn the_limit_has_the_name_that_the_server_knows() {
    let limit = |base: &str| {
        let provider = OpenAi::new(Some(base), None).unwrap();
        let sent = provider.request(&request(vec![Message::text(Role::User, "Hi")])).unwrap();
        let body: Value = serde_json::from_slice(&sent.body).unwrap();
        let name = ["max_tokens", "max_completion_tokens"].into_iter().filter(|name| body[*name] == 64);
        format!("{} {}", sent.url, name.collect::<Vec<_>>().join(" "))
    };
    expect![[r#"
        https://api.openai.com/v1/chat/completions max_completion_tokens
        https://us.openai.azure.com/openai/v1/chat/completions max_completion_tokens
        http://localhost:11434/v1/chat/completions max_tokens
        https://api.openai.com.example/v1/chat/completions max_tokens"#]]
    .assert_eq(
        &[
            "https://api.openai.com/v1/",
            "https://us.openai.azure.com/openai/v1",
            "http://localhost:11434",
            "https://api.openai.com.example/v1",
        ]
        .map(limit)
        .join("\n"),
    );
}

#[test]
fn the_key_travels_in_its_header_and_never_in_debug() {
    let sent = provider().request(&request(vec![Message::text(Role::User, "Hi")])).unwrap();
    assert!(sent.headers.contains(&("authorization", "Bearer sk-proj-secret".to_owned())));
    let seen = format!("{sent:?} {:?}", provider());
    assert!(!seen.contains("secret"), "{seen}");
}

/// An error in OpenAI's own form.
fn openai(kind: &str, code: &str, message: &str) -> Value {
    json!({"error": {"message": message, "type": kind, "param": null, "code": code}})
}

fn check_error(status: u16, body: &Value, expect: Expect) {
    let headers =
        [("retry-after-ms".to_owned(), "1500".to_owned()), ("retry-after".to_owned(), "9".to_owned())];
    let error = provider().error(status, &headers, body.to_string().as_bytes());
    expect.assert_eq(&format!("{error} | again {} after {:?}", error.retryable(), error.retry_after_s()));
}

#[test]
fn error_bodies_of_many_servers_are_read() {
    let invalid = "invalid_request_error";
    check_error(
        400,
        &openai(invalid, "context_length_exceeded", "too many"),
        expect![
            "openai: context_too_long: the conversation is too long for this model | again false after None"
        ],
    );
    check_error(
        400,
        &openai(invalid, "unsupported_parameter", "no"),
        expect!["openai: invalid_request: the provider did not accept the request | again false after None"],
    );
    check_error(
        401,
        &openai(invalid, "invalid_api_key", "Incorrect API key provided: sk-x"),
        expect!["openai: authentication: the provider did not accept the key | again false after None"],
    );
    check_error(
        404,
        &openai(invalid, "model_not_found", "The model `x` does not exist"),
        expect!["openai: unknown_model: the provider does not know this model | again false after None"],
    );
    check_error(
        429,
        &openai("insufficient_quota", "insufficient_quota", "You exceeded"),
        expect![
            "openai: quota_exhausted: the provider's account has no credit left | again false after None"
        ],
    );
    check_error(
        429,
        &openai("tokens", "rate_limit_exceeded", "Rate limit reached"),
        expect!["openai: rate_limited: too many requests for now | again true after Some(2)"],
    );
    // Ollama, llama.cpp, old vLLM, FastAPI, LM Studio, Google.
    check_error(
        404,
        &json!({"error": {"message": "model \"x\" not found, try pulling it first", "type": "api_error"}}),
        expect!["openai: unknown_model: the provider does not know this model | again false after None"],
    );
    check_error(
        400,
        &json!({"error": {"code": 400, "type": "exceed_context_size_error"}}),
        expect![
            "openai: context_too_long: the conversation is too long for this model | again false after None"
        ],
    );
    check_error(
        400,
        &json!({"object": "error", "message": "This model's maximum context length is 4096 tokens.", "code": 400}),
        expect![
            "openai: context_too_long: the conversation is too long for this model | again false after None"
        ],
    );
    check_error(
        404,
        &json!({"detail": "Not Found"}),
        expect![
            "openai: not_configured: the configured address does not speak this protocol | again false after None"
        ],
    );
    check_error(
        400,
        &json!({"error": "Unexpected endpoint or method."}),
        expect!["openai: invalid_request: the provider did not accept the request | again false after None"],
    );
    check_error(
        400,
        &json!([{"error": {"code": 400, "message": "API key not valid.", "status": "INVALID_ARGUMENT"}}]),
        expect!["openai: authentication: the provider did not accept the key | again false after None"],
    );
    check_error(
        503,
        &json!([{"error": {"code": 503, "status": "UNAVAILABLE"}}]),
        expect!["openai: overloaded: the provider has no capacity for now | again true after Some(2)"],
    );
    check_error(
        503,
        &Value::Null,
        expect!["openai: overloaded: the provider has no capacity for now | again true after Some(2)"],
    );
    check_error(
        302,
        &Value::Null,
        expect![
            "openai: not_configured: the configured address does not speak this protocol | again false after None"
        ],
    );
}

#[test]
fn waits_are_whole_seconds_and_bounded() {
    let wait = |value: &str| {
        let headers = [("Retry-After".to_owned(), value.to_owned())];
        provider().error(429, &headers, b"").retry_after_s()
    };
    assert_eq!(["0.2", "1e9", "-4", "NaN"].map(wait), [Some(1), Some(86_400), Some(0), Some(0)]);
    assert_eq!(wait("Wed, 21 Oct 2026 07:28:00 GMT"), None);
}
