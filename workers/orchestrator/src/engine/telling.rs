//! A model's events as the frames of the engine's reply.
//!
//! Invariants: what is told is bounded, whatever the model says; ids of calls are unique within the turn.

use std::collections::BTreeSet;

use slipway_contract::events::{Receipt, ToolCall, Usage};
use slipway_contract::limits;
use slipway_contract::objects::engine::{EngineFrame, Measured, TurnStep};
use slipway_llm::{ErrorKind, FinishReason, ProviderError, StreamEvent};

/// Calls of one step, and all their arguments as JSON in bytes; a frame must fit the line that its reader takes.
const CALLS: usize = 32;
const ARGUMENT_BYTES: usize = 128 * 1024;

/// What one step has told so far.
#[derive(Debug, Default)]
pub(crate) struct Telling {
    text_bytes: usize,
    calls: usize,
    argument_bytes: usize,
    ids: BTreeSet<String>,
    /// What the step used, as far as the provider said.
    pub(crate) usage: Usage,
    reason: Option<FinishReason>,
}

impl Telling {
    /// For a turn that took these steps before.
    pub(crate) fn after(steps: &[TurnStep]) -> Self {
        let ids = steps.iter().flat_map(|step| &step.calls).map(|call| call.id.clone()).collect();
        Self { ids, ..Self::default() }
    }

    /// Appends the frames for what happened.
    ///
    /// # Errors
    /// The model calls more than anyone could mean; another attempt may do better.
    pub(crate) fn take(
        &mut self,
        events: Vec<StreamEvent>,
        provider: &'static str,
        frames: &mut Vec<EngineFrame>,
    ) -> Result<(), ProviderError> {
        for event in events {
            match event {
                StreamEvent::Text(more) => self.say(more, frames),
                StreamEvent::ToolCall { id, name, arguments } => {
                    self.calls += 1;
                    self.argument_bytes = self.argument_bytes.saturating_add(arguments.to_string().len());
                    if self.calls > CALLS || self.argument_bytes > ARGUMENT_BYTES {
                        let message = "the model called too many tools, or with too much";
                        return Err(ProviderError::new(ErrorKind::Protocol, provider, message));
                    }
                    let id = self.unique(id);
                    frames.push(EngineFrame::Call(ToolCall { id, name, arguments }));
                }
                StreamEvent::Usage(used) => {
                    self.usage = Usage { input_tokens: used.input_tokens, output_tokens: used.output_tokens };
                }
                StreamEvent::Finished { reason } => self.reason = Some(reason),
            }
        }
        Ok(())
    }

    /// Whether the answer is whole.
    pub(crate) const fn is_whole(&self) -> bool {
        self.reason.is_some()
    }

    /// The last frame of a whole answer.
    ///
    /// # Errors
    /// The model declined without a word.
    pub(crate) fn end(
        &self,
        model: String,
        provider: &'static str,
        receipt: Option<Box<Receipt>>,
        measured: Option<Measured>,
    ) -> Result<EngineFrame, ProviderError> {
        if self.reason == Some(FinishReason::Refused) && self.text_bytes == 0 && self.calls == 0 {
            let message = "the model declined to answer";
            return Err(ProviderError::new(ErrorKind::Refused, provider, message));
        }
        let cut = self.reason == Some(FinishReason::Length);
        Ok(EngineFrame::Finished { model, usage: self.usage, cut, receipt, measured })
    }

    /// No message is longer than the limit: what would lie beyond it is read for the usage at its end only. One piece
    /// goes beyond, so that the reader sees that the text is cut.
    fn say(&mut self, more: String, frames: &mut Vec<EngineFrame>) {
        if self.text_bytes > limits::MESSAGE_BYTES {
            return;
        }
        self.text_bytes = self.text_bytes.saturating_add(more.len());
        if let Some(EngineFrame::Text { text }) = frames.last_mut() {
            text.push_str(&more);
        } else {
            frames.push(EngineFrame::Text { text: more });
        }
    }

    /// Some servers number the calls of each answer anew.
    fn unique(&mut self, id: String) -> String {
        let mut fresh = id.clone();
        let mut number = 2;
        while !self.ids.insert(fresh.clone()) {
            fresh = format!("{id}-{number}");
            number += 1;
        }
        fresh
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use serde_json::json;

    use super::*;
    use crate::stream::lines;

    fn text(text: &str) -> StreamEvent {
        StreamEvent::Text(text.to_owned())
    }

    fn call(id: &str) -> StreamEvent {
        StreamEvent::ToolCall { id: id.to_owned(), name: "now".to_owned(), arguments: json!({}) }
    }

    fn finished(reason: FinishReason) -> StreamEvent {
        StreamEvent::Finished { reason }
    }

    /// What is told when each of these lists arrives as one chunk.
    fn check(mut telling: Telling, chunks: Vec<Vec<StreamEvent>>, expect: Expect) {
        let mut told = String::new();
        for chunk in chunks {
            let mut frames = Vec::new();
            let result = telling.take(chunk, "openai", &mut frames);
            told.push_str(&String::from_utf8(lines(&frames).unwrap()).unwrap());
            if let Err(error) = result {
                told.push_str(&format!("failed: {error}\n"));
            }
        }
        if telling.is_whole() {
            match telling.end("openai:m".to_owned(), "openai", None, None) {
                Ok(frame) => told.push_str(&String::from_utf8(lines(&[frame]).unwrap()).unwrap()),
                Err(error) => told.push_str(&format!("failed: {error}\n")),
            }
        }
        expect.assert_eq(&told);
    }

    #[test]
    fn text_of_one_chunk_is_one_frame_and_the_end_tells_the_usage() {
        let used = slipway_llm::Usage { input_tokens: 5, output_tokens: 2, ..Default::default() };
        check(
            Telling::default(),
            vec![
                vec![text("Hel"), text("lo")],
                vec![text("!"), StreamEvent::Usage(used), finished(FinishReason::Stop)],
            ],
            expect![[r#"
                {"text":{"text":"Hello"}}
                {"text":{"text":"!"}}
                {"finished":{"model":"openai:m","usage":{"input_tokens":5,"output_tokens":2}}}
            "#]],
        );
    }

    #[test]
    fn an_answer_that_hit_the_limit_is_told_as_cut() {
        check(
            Telling::default(),
            vec![vec![text("Hi"), finished(FinishReason::Length)]],
            expect![[r#"
                {"text":{"text":"Hi"}}
                {"finished":{"model":"openai:m","usage":{"input_tokens":0,"output_tokens":0},"cut":true}}
            "#]],
        );
    }

    #[test]
    fn calls_whose_ids_were_used_in_the_turn_get_others() {
        let step = TurnStep {
            text: String::new(),
            calls: vec![ToolCall { id: "c".to_owned(), name: "now".to_owned(), arguments: json!({}) }],
            results: Vec::new(),
        };
        check(
            Telling::after(&[step]),
            vec![vec![text("See."), call("c"), call("d"), finished(FinishReason::ToolUse)]],
            expect![[r#"
                {"text":{"text":"See."}}
                {"call":{"id":"c-2","name":"now","arguments":{}}}
                {"call":{"id":"d","name":"now","arguments":{}}}
                {"finished":{"model":"openai:m","usage":{"input_tokens":0,"output_tokens":0}}}
            "#]],
        );
    }

    #[test]
    fn a_refusal_without_words_fails_and_one_with_words_is_an_answer() {
        check(
            Telling::default(),
            vec![vec![finished(FinishReason::Refused)]],
            expect![[r#"
                failed: openai: refused: the model declined to answer
            "#]],
        );
        check(
            Telling::default(),
            vec![vec![text("I'd rather not."), finished(FinishReason::Refused)]],
            expect![[r#"
                {"text":{"text":"I'd rather not."}}
                {"finished":{"model":"openai:m","usage":{"input_tokens":0,"output_tokens":0}}}
            "#]],
        );
    }

    #[test]
    fn text_beyond_the_longest_message_is_dropped_and_the_usage_still_told() {
        let mut telling = Telling::default();
        let mut told = 0;
        for _ in 0..300 {
            let mut frames = Vec::new();
            telling.take(vec![text(&"x".repeat(1_024))], "openai", &mut frames).unwrap();
            told += frames
                .iter()
                .map(|frame| if let EngineFrame::Text { text } = frame { text.len() } else { 0 })
                .sum::<usize>();
        }
        assert_eq!(told, limits::MESSAGE_BYTES + 1_024);
    }

    #[test]
    fn more_calls_than_anyone_means_are_a_failure() {
        let calls = (0..=CALLS).map(|n| call(&n.to_string())).collect();
        let error = Telling::default().take(calls, "openai", &mut Vec::new()).unwrap_err();
        expect!["openai: protocol: the model called too many tools, or with too much"]
            .assert_eq(&error.to_string());
        let huge = StreamEvent::ToolCall {
            id: "c".to_owned(),
            name: "now".to_owned(),
            arguments: json!({"a": "x".repeat(ARGUMENT_BYTES)}),
        };
        assert!(Telling::default().take(vec![huge], "openai", &mut Vec::new()).unwrap_err().retryable());
    }
}
