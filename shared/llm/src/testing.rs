//! How tests run a recorded stream and write down what came out.

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::{Provider, ProviderError, StreamEvent};

/// One line for each event, neighbouring text kept apart.
pub(crate) fn render(events: &[StreamEvent], failure: Option<&ProviderError>) -> String {
    let mut lines: Vec<String> = events
        .iter()
        .map(|event| match event {
            StreamEvent::Text(text) => format!("text {text:?}"),
            StreamEvent::ToolCall { id, name, arguments } => format!("call {id} {name} {arguments}"),
            StreamEvent::Usage(usage) => format!(
                "usage in {} out {} cached {} stored {}",
                usage.input_tokens, usage.output_tokens, usage.cached_input_tokens, usage.cache_write_tokens
            ),
            StreamEvent::Finished { reason } => format!("finished {reason:?}"),
        })
        .collect();
    lines.extend(failure.map(|error| {
        let again = if error.retryable() { "retryable" } else { "final" };
        let detail = error.detail().map(|detail| format!("\n  log: {detail}")).unwrap_or_default();
        let id = error.request_id().map(|id| format!("\n  request: {id}")).unwrap_or_default();
        format!("failed ({again}) {error}{id}{detail}")
    }));
    lines.join("\n")
}

/// What one decoder makes of these chunks.
fn decode<'a>(provider: &dyn Provider, chunks: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut decoder = provider.decoder();
    let mut events = Vec::new();
    let fed = chunks.into_iter().try_for_each(|chunk| decoder.feed(chunk, &mut events));
    let ended = fed.and_then(|()| decoder.finish(&mut events));
    let before = events.len();
    assert_eq!(decoder.finish(&mut events), ended, "the end stays what it was");
    assert_eq!(decoder.feed(b"data: {}\n\n", &mut events), ended, "what comes after the end changes nothing");
    assert_eq!(events.len(), before, "nothing comes after the end");
    render(&events, ended.as_ref().err())
}

/// What the provider makes of a stream. The same must come out however it is cut and however lines end.
pub(crate) fn decode_any_way(provider: &dyn Provider, stream: &[u8]) -> String {
    let whole = decode(provider, [stream]);
    assert_eq!(decode(provider, stream.chunks(1)), whole, "byte by byte");
    for ending in [&b"\r\n"[..], b"\r"] {
        let lines: Vec<&[u8]> = stream.split(|byte| *byte == b'\n').collect();
        assert_eq!(decode(provider, lines.join(ending).chunks(7)), whole, "other line endings");
    }
    let cuts = prop::collection::vec(1_usize..200, 1..30);
    let config = Config { failure_persistence: None, ..Config::default() };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let same = TestRunner::new_with_rng(config, rng).run(&cuts, |cuts| {
        let mut rest = stream;
        let mut chunks = Vec::new();
        for cut in cuts {
            let (chunk, after) = rest.split_at(cut.min(rest.len()));
            chunks.push(chunk);
            rest = after;
        }
        chunks.push(rest);
        prop_assert_eq!(decode(provider, chunks), whole.as_str());
        Ok(())
    });
    same.expect("any cut gives the same events");
    whole
}
