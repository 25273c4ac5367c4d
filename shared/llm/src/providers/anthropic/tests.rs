//! The Messages API against recorded shapes, request bodies and error bodies.

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::Anthropic;
use crate::testing::decode_any_way;
use crate::{Content, Message, ModelRequest, Provider, Role, ToolSpec};

fn provider() -> Anthropic {
    Anthropic::new(None, Some("sk-ant-api03-secret")).expect("a key is enough")
}

fn check(stream: &[u8], expect: Expect) {
    expect.assert_eq(&decode_any_way(&provider(), stream));
}

#[test]
fn text_comes_in_pieces_and_cached_tokens_are_counted_within() {
    check(
        include_bytes!("../../../fixtures/anthropic/text.sse"),
        expect![[r#"
        text "Hello"
        text ", grüß dich"
        text " — 你好 👋!"
        usage in 234 out 15 cached 21 stored 188
        finished Stop"#]],
    );
}

#[test]
fn tool_calls_come_whole() {
    check(
        include_bytes!("../../../fixtures/anthropic/tool_calls.sse"),
        expect![[r#"
        text "I'll check"
        text " both."
        call toolu_01T1x1fJ34qAmk2tNTrN7Up6 get_weather {"location":"San Francisco, CA","unit":"c"}
        call toolu_01A09q90qw90lq917835lq9 now {}
        usage in 472 out 89 cached 0 stored 0
        finished ToolUse"#]],
    );
}

#[test]
fn thinking_and_unknown_events_are_skipped_and_later_counts_win() {
    check(
        include_bytes!("../../../fixtures/anthropic/thinking.sse"),
        expect![[r#"
        text "Good day."
        usage in 71 out 37 cached 30 stored 0
        finished Stop"#]],
    );
}

#[test]
fn an_error_event_ends_the_answer_after_what_came_before() {
    check(
        include_bytes!("../../../fixtures/anthropic/error_mid_stream.sse"),
        expect![[r#"
            text "Once upon"
            failed (retryable) anthropic: overloaded: the provider has no capacity for now
              request: req_011CSHoEeqs5C35K2UUqR7Fy
              log: {"error":{"message":"Overloaded","type":"overloaded_error"},"request_id":"[redacted]","type":"error"}"#]],
    );
}

#[test]
fn a_stream_that_is_cut_is_a_retryable_failure() {
    check(
        include_bytes!("../../../fixtures/anthropic/truncated.sse"),
        expect![[r#"
        text "Once upon"
        failed (retryable) anthropic: connection: the answer ended early"#]],
    );
    check(b"", expect!["failed (retryable) anthropic: connection: the answer ended early"]);
}

#[test]
fn a_stream_that_lacks_only_its_last_event_is_whole() {
    check(
        include_bytes!("../../../fixtures/anthropic/no_message_stop.sse"),
        expect![[r#"
        text "Once upon"
        text " a time there was a harbour"
        usage in 25 out 9 cached 0 stored 0
        finished Stop"#]],
    );
}

#[test]
fn a_call_that_the_length_cut_was_never_made() {
    check(
        include_bytes!("../../../fixtures/anthropic/max_tokens_in_tool_call.sse"),
        expect![[r#"
        text "Writing."
        usage in 60 out 1024 cached 0 stored 0
        finished Length"#]],
    );
}

#[test]
fn a_call_whose_arguments_cannot_be_read_is_a_failure() {
    check(
        include_bytes!("../../../fixtures/anthropic/broken_arguments.sse"),
        expect!["failed (retryable) anthropic: protocol: the arguments of a tool call are not a JSON object"],
    );
}

#[test]
fn a_refusal_is_told() {
    check(
        include_bytes!("../../../fixtures/anthropic/refusal.sse"),
        expect![[r#"
        text "I cannot"
        usage in 25 out 4 cached 0 stored 0
        finished Refused"#]],
    );
}

#[test]
fn bytes_that_are_no_text_are_replaced() {
    check(
        include_bytes!("../../../fixtures/anthropic/non_utf8.sse"),
        expect![[r#"
        text "caf� au lait"
        usage in 25 out 5 cached 0 stored 0
        finished Stop"#]],
    );
}

#[test]
fn an_event_that_is_no_json_ends_the_answer() {
    check(
        include_bytes!("../../../fixtures/anthropic/not_json.sse"),
        expect![[r#"
        text "Hm"
        failed (retryable) anthropic: protocol: an event could not be read"#]],
    );
}

fn check_request(request: &ModelRequest, expect: Expect) {
    let sent = provider().request(request).expect("the request can be written");
    let body: Value = serde_json::from_slice(&sent.body).expect("the body is JSON");
    expect.assert_eq(&format!(
        "{} {}\n{}",
        sent.method,
        sent.url,
        serde_json::to_string_pretty(&body).unwrap()
    ));
}

fn request(messages: Vec<Message>) -> ModelRequest {
    ModelRequest {
        model: "claude-sonnet-4-5".to_owned(),
        system: String::new(),
        messages,
        tools: Vec::new(),
        max_tokens: 64,
        temperature: None,
    }
}

#[test]
fn neighbours_of_one_role_are_joined_and_speakers_named() {
    let ana = Message { author: Some("Ana".to_owned()), ..Message::text(Role::User, "Hello") };
    let bo = Message { author: Some("Bo".to_owned()), ..Message::text(Role::User, "And me") };
    let empty = Message::text(Role::User, "");
    let messages = vec![Message::text(Role::Assistant, "Earlier."), ana, empty, bo];
    check_request(
        &request(messages),
        expect![[r#"
        POST https://api.anthropic.com/v1/messages
        {
          "max_tokens": 64,
          "messages": [
            {
              "content": [
                {
                  "text": "(Earlier messages are left out.)",
                  "type": "text"
                }
              ],
              "role": "user"
            },
            {
              "content": [
                {
                  "text": "Earlier.",
                  "type": "text"
                }
              ],
              "role": "assistant"
            },
            {
              "content": [
                {
                  "text": "Ana: Hello",
                  "type": "text"
                },
                {
                  "text": "Bo: And me",
                  "type": "text"
                }
              ],
              "role": "user"
            }
          ],
          "model": "claude-sonnet-4-5",
          "stream": true
        }"#]],
    );
}

#[test]
fn results_come_first_and_ids_fit() {
    let call =
        |id: &str| Content::ToolCall { id: id.to_owned(), name: "now".to_owned(), arguments: Value::Null };
    let result =
        |id: &str, is_error| Content::ToolResult { id: id.to_owned(), content: "12:00".to_owned(), is_error };
    let messages = vec![
        Message::text(Role::User, "What time is it?"),
        Message { role: Role::Assistant, author: None, content: vec![call("functions.now:0"), call("b")] },
        Message { role: Role::User, author: None, content: vec![result("functions.now:0", false)] },
        Message::text(Role::User, "Quick!"),
        Message { role: Role::User, author: None, content: vec![result("b", true)] },
    ];
    let tool = ToolSpec {
        name: "now".to_owned(),
        description: "The time.".to_owned(),
        input_schema: json!({"type": "object", "properties": {}}),
    };
    let request = ModelRequest {
        system: "Be short.".to_owned(),
        tools: vec![tool],
        temperature: Some(1.5),
        ..request(messages)
    };
    check_request(
        &request,
        expect![[r#"
        POST https://api.anthropic.com/v1/messages
        {
          "max_tokens": 64,
          "messages": [
            {
              "content": [
                {
                  "text": "What time is it?",
                  "type": "text"
                }
              ],
              "role": "user"
            },
            {
              "content": [
                {
                  "id": "functions_now_0",
                  "input": {},
                  "name": "now",
                  "type": "tool_use"
                },
                {
                  "id": "b",
                  "input": {},
                  "name": "now",
                  "type": "tool_use"
                }
              ],
              "role": "assistant"
            },
            {
              "content": [
                {
                  "content": "12:00",
                  "is_error": false,
                  "tool_use_id": "functions_now_0",
                  "type": "tool_result"
                },
                {
                  "content": "12:00",
                  "is_error": true,
                  "tool_use_id": "b",
                  "type": "tool_result"
                },
                {
                  "text": "Quick!",
                  "type": "text"
                }
              ],
              "role": "user"
            }
          ],
          "model": "claude-sonnet-4-5",
          "stream": true,
          "system": "Be short.",
          "temperature": 1.0,
          "tools": [
            {
              "description": "The time.",
              "input_schema": {
                "properties": {},
                "type": "object"
              },
              "name": "now"
            }
          ]
        }"#]],
    );
}

#[test]
fn a_request_without_messages_is_refused() {
    let error = provider().request(&request(Vec::new())).expect_err("nothing to answer");
    assert_eq!(error.to_string(), "anthropic: invalid_request: there is no message to answer");
}

#[test]
fn the_key_travels_in_its_header_and_never_in_debug() {
    let sent = provider().request(&request(vec![Message::text(Role::User, "Hi")])).unwrap();
    assert!(sent.headers.contains(&("x-api-key", "sk-ant-api03-secret".to_owned())));
    assert!(sent.headers.contains(&("anthropic-version", "2023-06-01".to_owned())));
    let seen = format!("{sent:?} {:?}", provider());
    assert!(!seen.contains("secret"), "{seen}");
}

#[test]
fn an_address_may_end_with_v1_or_not() {
    for base in ["http://localhost:9/proxy", "http://localhost:9/proxy/v1", "http://localhost:9/proxy/v1/"] {
        let provider = Anthropic::new(Some(base), None).unwrap();
        let sent = provider.request(&request(vec![Message::text(Role::User, "Hi")])).unwrap();
        assert_eq!(sent.url, "http://localhost:9/proxy/v1/messages");
        assert!(sent.headers.iter().all(|(name, _)| *name != "x-api-key"));
    }
}

fn check_error(status: u16, kind: &str, message: &str, expect: Expect) {
    let body = json!({"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"});
    let headers =
        [("Retry-After".to_owned(), "12".to_owned()), ("request-id".to_owned(), "req_1".to_owned())];
    let error = provider().error(status, &headers, body.to_string().as_bytes());
    expect.assert_eq(&format!(
        "{error} | again {} after {:?} | {:?} {:?}",
        error.retryable(),
        error.retry_after_s(),
        error.status(),
        error.request_id(),
    ));
}

#[test]
fn error_types_decide_and_the_status_stands_in_for_unknown_ones() {
    check_error(
        401,
        "authentication_error",
        "invalid x-api-key",
        expect![[
            r#"anthropic: authentication: the provider did not accept the key | again false after None | Some(401) Some("req_1")"#
        ]],
    );
    check_error(
        403,
        "permission_error",
        "no",
        expect![[
            r#"anthropic: authentication: the provider did not accept the key | again false after None | Some(403) Some("req_1")"#
        ]],
    );
    check_error(
        400,
        "invalid_request_error",
        "messages: roles must alternate",
        expect![[
            r#"anthropic: invalid_request: the provider did not accept the request | again false after None | Some(400) Some("req_1")"#
        ]],
    );
    check_error(
        400,
        "invalid_request_error",
        "prompt is too long: 210000 tokens > 200000 maximum",
        expect![[
            r#"anthropic: context_too_long: the conversation is too long for this model | again false after None | Some(400) Some("req_1")"#
        ]],
    );
    check_error(
        400,
        "invalid_request_error",
        "Your credit balance is too low",
        expect![[
            r#"anthropic: quota_exhausted: the provider's account has no credit left | again false after None | Some(400) Some("req_1")"#
        ]],
    );
    check_error(
        404,
        "not_found_error",
        "model: claude-x",
        expect![[
            r#"anthropic: unknown_model: the provider does not know this model | again false after None | Some(404) Some("req_1")"#
        ]],
    );
    check_error(
        404,
        "not_found_error",
        "Not found",
        expect![[
            r#"anthropic: not_configured: the configured address does not speak this protocol | again false after None | Some(404) Some("req_1")"#
        ]],
    );
    check_error(
        413,
        "request_too_large",
        "Request exceeds the maximum size",
        expect![[
            r#"anthropic: context_too_long: the conversation is too long for this model | again false after None | Some(413) Some("req_1")"#
        ]],
    );
    check_error(
        429,
        "rate_limit_error",
        "This request would exceed your rate limit",
        expect![[
            r#"anthropic: rate_limited: too many requests for now | again true after Some(12) | Some(429) Some("req_1")"#
        ]],
    );
    check_error(
        429,
        "overloaded_error",
        "Overloaded",
        expect![[
            r#"anthropic: overloaded: the provider has no capacity for now | again true after Some(12) | Some(429) Some("req_1")"#
        ]],
    );
    check_error(
        500,
        "api_error",
        "Internal server error",
        expect![[
            r#"anthropic: server_error: the provider failed | again true after None | Some(500) Some("req_1")"#
        ]],
    );
    check_error(
        529,
        "new_error",
        "Overloaded",
        expect![[
            r#"anthropic: overloaded: the provider has no capacity for now | again true after Some(12) | Some(529) Some("req_1")"#
        ]],
    );
}

#[test]
fn a_body_of_any_other_form_is_kept_for_logs_without_keys() {
    let error = provider().error(502, &[], b"<html>sk-ant-api03-secret \xFF sk-other-12345</html>");
    assert_eq!(error.to_string(), "anthropic: server_error: the provider failed");
    assert_eq!(error.detail(), Some("<html>[redacted] \u{FFFD} [redacted]</html>"));
}
