//! Our protocol code against the fake provider, over real sockets: each script gives what it says.

use expect_test::{Expect, expect};
use serde_json::json;
use slipway_llm::providers::anthropic::Anthropic;
use slipway_llm::providers::openai::OpenAi;
use slipway_llm::{
    Content, ErrorKind, Message, ModelRequest, Provider, ProviderError, Role, StreamEvent, ToolSpec,
};

use super::{FakeModel, Protocol};

fn providers(fake: &FakeModel) -> [Box<dyn Provider>; 2] {
    [
        Box::new(OpenAi::new(Some(&fake.openai_base_url()), Some("key-1")).unwrap()),
        Box::new(Anthropic::new(Some(&fake.anthropic_base_url()), Some("key-2")).unwrap()),
    ]
}

fn request(text: &str) -> ModelRequest {
    ModelRequest {
        model: "fake".to_owned(),
        system: "Be short.".to_owned(),
        messages: vec![Message::text(Role::User, text)],
        tools: vec![ToolSpec {
            name: "weather".to_owned(),
            description: "Tells the weather.".to_owned(),
            input_schema: json!({"type": "object"}),
        }],
        max_tokens: 100,
        temperature: None,
    }
}

/// Calls the provider and hands each event to `seen`.
async fn call(
    provider: &dyn Provider,
    request: &ModelRequest,
    mut seen: impl FnMut(&StreamEvent),
) -> Result<(), ProviderError> {
    let written = provider.request(request)?;
    let mut sending = reqwest::Client::new().post(&written.url).body(written.body);
    for (name, value) in written.headers {
        sending = sending.header(name, value);
    }
    let mut response = sending.send().await.expect("the fake answers");
    if response.status() != 200 {
        let pairs = response.headers().iter().map(|(k, v)| (k.to_string(), v.to_str().unwrap().to_owned()));
        let headers: Vec<(String, String)> = pairs.collect();
        return Err(provider.error(response.status().as_u16(), &headers, &response.bytes().await.unwrap()));
    }
    let mut decoder = provider.decoder();
    let mut events = Vec::new();
    loop {
        let chunk = response.chunk().await;
        let result = match &chunk {
            Ok(Some(chunk)) => decoder.feed(chunk, &mut events),
            Ok(None) | Err(_) => decoder.finish(&mut events),
        };
        events.drain(..).for_each(|event| seen(&event));
        result?;
        if !matches!(chunk, Ok(Some(_))) {
            return Ok(());
        }
    }
}

fn line(event: &StreamEvent) -> String {
    match event {
        StreamEvent::Text(text) => text.clone(),
        StreamEvent::ToolCall { name, arguments, .. } => format!("[call {name} {arguments}]"),
        StreamEvent::Usage(usage) => format!(" [in {} out {}]", usage.input_tokens, usage.output_tokens),
        StreamEvent::Finished { reason } => format!(" [{reason}]"),
    }
}

async fn told(provider: &dyn Provider, request: &ModelRequest) -> String {
    let mut told = String::new();
    let result = call(provider, request, |event| told.push_str(&line(event))).await;
    if let Err(error) = result {
        told.push_str(&format!(" [failed {} after {:?}]", error.kind(), error.retry_after_s()));
    }
    told
}

async fn check(text: &str, expect: Expect) {
    let fake = FakeModel::start().await.unwrap();
    let [openai, anthropic] = providers(&fake);
    let request = request(text);
    let first = told(&*openai, &request).await;
    assert_eq!(told(&*anthropic, &request).await, first, "both protocols behave alike");
    expect.assert_eq(&first);
}

#[tokio::test]
async fn answers_come_whole() {
    check("hello", expect!["You said: hello [in 12 out 7] [stop]"]).await;
    check("script:text", expect!["Grüß dich — 你好 👋! [in 12 out 7] [stop]"]).await;
    check("script:bytes", expect!["Grüß dich — 你好 👋! [in 12 out 7] [stop]"]).await;
    check("script:tool", expect![[r#"[call weather {"city":"Rome"}] [in 12 out 7] [tool_use]"#]]).await;
}

#[tokio::test]
async fn streams_break_in_their_ways() {
    check("script:broken", expect!["One piece [failed connection after None]"]).await;
    check("script:truncated", expect!["One piece [failed connection after None]"]).await;
    check("script:garbage", expect!["One piece [failed protocol after None]"]).await;
    check("script:error", expect!["One piece [failed overloaded after None]"]).await;
}

#[tokio::test]
async fn statuses_have_their_kinds() {
    check("script:400", expect![" [failed context_too_long after None]"]).await;
    check("script:401", expect![" [failed authentication after None]"]).await;
    check("script:404", expect![" [failed unknown_model after None]"]).await;
    check("script:429", expect![" [failed rate_limited after Some(1)]"]).await;
    check("script:500", expect![" [failed server_error after None]"]).await;
    check("script:503", expect![" [failed overloaded after None]"]).await;
}

#[tokio::test]
async fn a_failure_once_is_followed_by_an_answer() {
    let fake = FakeModel::start().await.unwrap();
    for provider in &providers(&fake) {
        let request = request(&format!("script:once-503 {provider:?}"));
        let first = call(&**provider, &request, |_| {}).await.expect_err("fails once");
        assert_eq!(first.kind(), ErrorKind::Overloaded { retry_after_s: None });
        call(&**provider, &request, |_| {}).await.expect("works then");
    }
}

#[tokio::test]
async fn a_paused_answer_goes_on_when_told() {
    let fake = FakeModel::start().await.unwrap();
    for provider in &providers(&fake) {
        let mut told = String::new();
        call(&**provider, &request("script:paused"), |event| {
            told.push_str(&line(event));
            if told == "One piece" {
                fake.resume();
            }
        })
        .await
        .unwrap();
        assert_eq!(told, "One piece and the rest. [in 12 out 7] [stop]");
    }
}

#[tokio::test]
async fn a_tool_result_is_answered_and_requests_are_recorded() {
    let fake = FakeModel::start().await.unwrap();
    let mut request = request("script:tool");
    let call = Content::ToolCall { id: "c1".to_owned(), name: "weather".to_owned(), arguments: json!({}) };
    let result = Content::ToolResult { id: "c1".to_owned(), content: "sunny".to_owned(), is_error: false };
    request.messages.push(Message { role: Role::Assistant, author: None, content: vec![call] });
    request.messages.push(Message { role: Role::User, author: None, content: vec![result] });
    for provider in &providers(&fake) {
        assert_eq!(told(&**provider, &request).await, "The tool said: sunny [in 12 out 7] [stop]");
    }
    let calls = fake.calls();
    let seen: Vec<_> = calls.iter().map(|call| (call.protocol, call.key.as_deref())).collect();
    assert_eq!(seen, [(Protocol::OpenAi, Some("key-1")), (Protocol::Anthropic, Some("key-2"))]);
    assert!(calls.iter().all(|call| call.body["model"] == "fake"), "{calls:?}");
}

#[tokio::test]
async fn a_hanging_answer_ends_only_with_its_caller() {
    let fake = FakeModel::start().await.unwrap();
    for provider in &providers(&fake) {
        let began = tokio::sync::Notify::new();
        let hang = request("script:hang");
        tokio::select! {
            result = call(&**provider, &hang, |_| began.notify_one()) => panic!("ended: {result:?}"),
            () = began.notified() => {}
        }
        let silent = request("script:silent");
        let before = fake.calls().len();
        let arrived = async {
            while fake.calls().len() == before {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            result = call(&**provider, &silent, |_| {}) => panic!("ended: {result:?}"),
            () = arrived => {}
        }
    }
}

#[tokio::test]
async fn a_slow_answer_comes_in_forty_pieces() {
    let fake = FakeModel::start().await.unwrap();
    let [openai, anthropic] = providers(&fake);
    let slow = request("script:slow");
    let pieces = async |provider: &dyn Provider| {
        let mut pieces = 0;
        let count = |event: &StreamEvent| pieces += usize::from(matches!(event, StreamEvent::Text(_)));
        call(provider, &slow, count).await.unwrap();
        pieces
    };
    assert_eq!(tokio::join!(pieces(&*openai), pieces(&*anthropic)), (40, 40));
}

/// What our own code makes of the fake's embeddings of these texts.
async fn embedded(fake: &FakeModel, texts: &[&str]) -> Result<Vec<Vec<f32>>, ProviderError> {
    let server = OpenAi::new(Some(&fake.openai_base_url()), Some("key-1")).unwrap();
    let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
    let written = server.embed("fake", &texts).unwrap();
    let mut sending = reqwest::Client::new().post(&written.url).body(written.body);
    for (name, value) in written.headers {
        sending = sending.header(name, value);
    }
    let response = sending.send().await.expect("the fake answers");
    let (status, body) = (response.status().as_u16(), response.bytes().await.unwrap());
    if status == 200 { server.embeddings(&body, texts.len()) } else { Err(server.error(status, &[], &body)) }
}

#[tokio::test]
async fn words_that_mean_the_same_are_embedded_alike() {
    let fake = FakeModel::start().await.unwrap();
    let rows = embedded(&fake, &["My CAR", "my vehicle", "my cake", ""]).await.unwrap();
    assert_eq!(rows[0], rows[1]);
    assert_ne!(rows[0], rows[2]);
    assert_eq!(fake.calls().len(), 1);
    assert_eq!(fake.calls()[0].key.as_deref(), Some("key-1"));
    let refused = embedded(&fake, &["good", "script:400"]).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ContextTooLong);
    assert_eq!(embedded(&fake, &["script:503"]).await.unwrap_err().status(), Some(503));
}
