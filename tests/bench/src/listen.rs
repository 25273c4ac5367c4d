//! Reads frames of either side cheaply (the client must not be the bottleneck) and checks that nothing is lost, doubled
//! or swapped.

use anyhow::{Result, ensure};

use crate::rooms::Side;

/// What a frame says to the load client.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Heard {
    /// The request that it answers.
    pub(crate) done: Option<u32>,
    /// Messages that it delivers.
    pub(crate) delivered: u64,
}

/// Follows one socket.
#[derive(Debug, Default)]
pub(crate) struct Listener {
    last: Option<u64>,
    /// Messages delivered so far.
    pub(crate) delivered: u64,
}

impl Listener {
    /// Takes one frame.
    pub(crate) fn hear(&mut self, side: Side, frame: &str) -> Result<Heard> {
        let mut heard = Heard::default();
        if frame.starts_with(r#"{"type":"done""#) {
            heard.done = number(frame, r#""id":"#);
            return Ok(heard);
        }
        let delivers = match side {
            Side::Ours => frame.starts_with(r#"{"type":"events""#),
            Side::Peer => frame.starts_with(r#"{"type":"message""#),
        };
        if delivers {
            for (at, key) in frame.match_indices(r#""seq":"#) {
                let Some(seq) = frame.get(at + key.len()..).and_then(leading) else { continue };
                ensure!(
                    self.last.is_none_or(|last| seq == last + 1),
                    "after {:?} came {seq}: a message was lost, doubled or swapped",
                    self.last
                );
                self.last = Some(seq);
            }
            // Others who come in are events too, but no messages.
            let message = match side {
                Side::Ours => r#""type":"message.posted""#,
                Side::Peer => r#""type":"message""#,
            };
            heard.delivered = frame.matches(message).count() as u64;
            self.delivered += heard.delivered;
        }
        ensure!(!frame.starts_with(r#"{"type":"refused""#), "refused: {frame}");
        Ok(heard)
    }
}

fn number(text: &str, key: &str) -> Option<u32> {
    let at = text.find(key)? + key.len();
    leading(text.get(at..)?).and_then(|number| u32::try_from(number).ok())
}

fn leading(text: &str) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text.get(..end)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_a_repeat_and_a_swap_are_found() {
        let frame = |seqs: &[u64]| {
            let events: Vec<String> = seqs
                .iter()
                .map(|seq| format!(r#"{{"seq":{seq},"at":"x","type":"message.posted"}}"#))
                .collect();
            format!(r#"{{"type":"events","events":[{}]}}"#, events.join(","))
        };
        let mut listener = Listener::default();
        assert_eq!(listener.hear(Side::Ours, &frame(&[4, 5, 6])).unwrap().delivered, 3);
        assert!(listener.hear(Side::Ours, &frame(&[8])).is_err());
        assert!(listener.hear(Side::Ours, &frame(&[6])).is_err());
        assert!(listener.hear(Side::Ours, &frame(&[7, 8])).is_ok());
        let joined = r#"{"type":"events","events":[{"seq":9,"at":"x","type":"participant.joined"}]}"#;
        assert_eq!(listener.hear(Side::Ours, joined).unwrap().delivered, 0);
        assert_eq!(listener.delivered, 5);
    }

    #[test]
    fn an_answer_names_its_request() {
        let heard =
            Listener::default().hear(Side::Ours, r#"{"type":"done","id":17,"message":"m","seq":4}"#).unwrap();
        assert_eq!(heard, Heard { done: Some(17), delivered: 0 });
    }
}
