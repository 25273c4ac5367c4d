//! Asks the model of embeddings what texts mean.
//!
//! Invariant: no text stands in a log, and none of what a provider wrote; a call ends within the engine's longest wait for
//! the beginning of an answer.

use slipway_edge::clock;
use slipway_edge::log::Line;
use slipway_llm::providers::openai::{EMBEDDING_INPUTS, EMBEDDING_NUMBERS, OpenAi};
use slipway_llm::{ErrorKind, ModelRef, Provider, ProviderError};
use worker::Fetch;

use super::settings;
use super::source::{beginning, write};
use crate::errand::Errand;
use crate::outgoing::{self, AbortOnDrop, Body};

/// Bytes of a reply: of all texts all numbers, each written out.
const REPLY_BYTES: usize = EMBEDDING_INPUTS * EMBEDDING_NUMBERS * 32;

/// The model, and how it is reached.
pub(crate) struct Embedder<'a> {
    errand: &'a Errand,
    server: OpenAi,
    model: ModelRef,
    name: String,
    limit_ms: u64,
}

impl<'a> Embedder<'a> {
    /// The most texts of one call.
    pub(crate) const TEXTS: usize = EMBEDDING_INPUTS;

    /// The one that is set up. What cannot work counts as none, and is told in the log.
    pub(crate) fn of(errand: &'a Errand) -> Option<Self> {
        let setting = |name: &str| errand.setting(name);
        let found = settings::embeddings(setting).unwrap_or_else(|error| {
            Line::warn("setting_unusable")
                .request(errand.request)
                .name("setting", "EMBEDDING_MODEL")
                .name("cause", error.kind().code())
                .emit();
            None
        });
        let (server, model) = found?;
        let limit_ms = settings::limits(setting).first_byte_ms.unsigned_abs();
        Some(Self { errand, server, name: model.to_string(), model, limit_ms })
    }

    /// As it stands with what it embedded.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Waits no longer than so.
    pub(crate) fn within(self, limit_ms: u64) -> Self {
        Self { limit_ms: self.limit_ms.min(limit_ms), ..self }
    }

    /// What texts mean, in their order. A failure is in the log.
    ///
    /// # Errors
    /// As the provider failed, or did not answer in time.
    pub(crate) async fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, ProviderError> {
        let begun = clock::now();
        let late = || self.failed(ErrorKind::Timeout, "the provider did not answer in time");
        let done = outgoing::within(self.limit_ms, self.ask(texts)).await.unwrap_or_else(|| Err(late()));
        let line =
            |line: Line| line.request(self.errand.request).model(&self.name).count("texts", texts.len());
        match &done {
            Ok(_) => line(Line::info("embedded")).took(begun).emit(),
            Err(error) => {
                let line = line(Line::warn("not_embedded")).name("cause", error.kind().code()).took(begun);
                match error.status() {
                    Some(status) => line.number("status", status).emit(),
                    None => line.emit(),
                }
            }
        }
        done
    }

    async fn ask(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, ProviderError> {
        let unreachable = |_| self.failed(ErrorKind::Connection, "the provider could not be reached");
        let request = write(&self.server.embed(self.model.model(), texts)?).map_err(unreachable)?;
        let (_abort, signal) = AbortOnDrop::new();
        let sent = Fetch::Request(request).send_with_signal(&signal).await;
        let mut reply = sent.map_err(unreachable)?;
        let status = reply.status_code();
        if status != 200 {
            let headers: Vec<(String, String)> = reply.headers().entries().collect();
            return Err(self.server.error(status, &headers, &beginning(&mut reply).await));
        }
        match outgoing::body(&mut reply, REPLY_BYTES).await {
            Body::Whole(body) => self.server.embeddings(&body, texts.len()),
            Body::TooLong => Err(self.failed(ErrorKind::Protocol, "the provider's answer is too long")),
            Body::Cut => Err(self.failed(ErrorKind::Connection, "the provider's answer was cut")),
        }
    }

    fn failed(&self, kind: ErrorKind, message: &'static str) -> ProviderError {
        ProviderError::new(kind, settings::provider_name(&self.model), message)
    }
}
