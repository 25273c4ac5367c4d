//! The part of decoding that both protocols share: server-sent events, memory of a failure, early ends.

use crate::error::{ErrorKind, ProviderError};
use crate::sse::{SseEvent, SseParser};
use crate::stream::{StreamDecoder, StreamEvent};

/// What one protocol makes of its events.
pub(super) trait Protocol: Send {
    /// Name of the provider in errors.
    const NAME: &'static str;

    /// Takes one event.
    fn event(&mut self, event: &SseEvent, out: &mut Vec<StreamEvent>) -> Result<Progress, ProviderError>;

    /// The body ended without the protocol's last event. Appends the closing events and answers `true` if
    /// the answer is whole all the same.
    fn close(&mut self, out: &mut Vec<StreamEvent>) -> Result<bool, ProviderError>;
}

/// Whether the protocol's last event was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    More,
    Finished,
}

/// A [`StreamDecoder`] for a [`Protocol`] over server-sent events.
pub(super) struct SseDecoder<P> {
    parser: SseParser,
    protocol: P,
    state: State,
}

enum State {
    Open,
    Finished,
    Failed(ProviderError),
}

impl<P: Protocol> SseDecoder<P> {
    pub(super) fn new(protocol: P) -> Self {
        Self { parser: SseParser::default(), protocol, state: State::Open }
    }

    fn read(&mut self, bytes: &[u8], out: &mut Vec<StreamEvent>) -> Result<Progress, ProviderError> {
        let mut events = Vec::new();
        let fed = self.parser.feed(bytes, &mut events);
        for event in &events {
            if self.protocol.event(event, out)? == Progress::Finished {
                return Ok(Progress::Finished);
            }
        }
        match fed {
            Ok(()) => Ok(Progress::More),
            Err(error) => Err(ProviderError::new(ErrorKind::Protocol, P::NAME, "the answer is too long")
                .with_detail(&error.to_string(), None)),
        }
    }

    fn end(&mut self, out: &mut Vec<StreamEvent>) -> Result<Progress, ProviderError> {
        if let Some(event) = self.parser.finish() {
            match self.protocol.event(&event, out) {
                Ok(Progress::Finished) => return Ok(Progress::Finished),
                Ok(Progress::More) => {}
                // Half an event is the mark of a cut connection, not of a wrong protocol.
                Err(error) if error.kind() == ErrorKind::Protocol => {}
                Err(error) => return Err(error),
            }
        }
        if self.protocol.close(out)? {
            return Ok(Progress::Finished);
        }
        Err(ProviderError::new(ErrorKind::Connection, P::NAME, "the answer ended early"))
    }

    fn settle(&mut self, result: Result<Progress, ProviderError>) -> Result<(), ProviderError> {
        match result {
            Ok(Progress::More) => {}
            Ok(Progress::Finished) => self.state = State::Finished,
            Err(error) => {
                self.state = State::Failed(error.clone());
                return Err(error);
            }
        }
        Ok(())
    }
}

impl<P: Protocol> StreamDecoder for SseDecoder<P> {
    fn feed(&mut self, bytes: &[u8], out: &mut Vec<StreamEvent>) -> Result<(), ProviderError> {
        match &self.state {
            State::Open => {}
            State::Finished => return Ok(()),
            State::Failed(error) => return Err(error.clone()),
        }
        let result = self.read(bytes, out);
        self.settle(result)
    }

    fn finish(&mut self, out: &mut Vec<StreamEvent>) -> Result<(), ProviderError> {
        match &self.state {
            State::Open => {}
            State::Finished => return Ok(()),
            State::Failed(error) => return Err(error.clone()),
        }
        let result = self.end(out);
        self.settle(result)
    }
}
