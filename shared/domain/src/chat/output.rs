//! What a running tool call has written: its end, with how much of that was told to those who watch.

use slipway_contract::limits::OUTPUT_TAIL_BYTES;

/// The end of an output. Offsets count UTF-16 code units from the output's start, as JavaScript does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tail {
    text: String,
    /// Where the text ends in the whole output.
    end: u32,
    /// Bytes of the text's end that were not told.
    untold: usize,
}

impl Tail {
    /// Adds output. Far more than is ever shown is cut at once, so that a flood takes no memory.
    pub fn push(&mut self, output: &str) {
        self.end = self.end.saturating_add(units(output));
        self.text.push_str(output);
        self.untold += output.len();
        if self.text.len() > 4 * OUTPUT_TAIL_BYTES {
            self.trim();
        }
    }

    /// What is to be told now, and where it goes. It leaves a hole behind what was told before if more came than is kept.
    pub fn tell(&mut self) -> Option<(u32, String)> {
        self.trim();
        let untold = core::mem::take(&mut self.untold);
        let text = self.text.get(self.text.len().saturating_sub(untold)..)?;
        (!text.is_empty()).then(|| (self.end.saturating_sub(units(text)), text.to_owned()))
    }

    /// What was told already, for somebody who comes now, and where it goes.
    pub fn told(&self) -> Option<(u32, &str)> {
        let told = self.text.get(..self.text.len().saturating_sub(self.untold))?;
        (!told.is_empty()).then(|| (self.end.saturating_sub(units(&self.text)), told))
    }

    fn trim(&mut self) {
        let over = self.text.len().saturating_sub(OUTPUT_TAIL_BYTES);
        let cut = (over..=self.text.len()).find(|at| self.text.is_char_boundary(*at)).unwrap_or(over);
        self.text.drain(..cut);
        self.untold = self.untold.min(self.text.len());
    }
}

fn units(text: &str) -> u32 {
    u32::try_from(text.encode_utf16().count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_is_told_once_and_in_order_to_those_who_are_there() {
        let mut tail = Tail::default();
        assert_eq!((tail.tell(), tail.told()), (None, None));
        tail.push("aé");
        tail.push("😀");
        assert_eq!(tail.told(), None);
        assert_eq!(tail.tell(), Some((0, "aé😀".to_owned())));
        tail.push("b");
        assert_eq!(tail.told(), Some((0, "aé😀")));
        assert_eq!(tail.tell(), Some((4, "b".to_owned())));
        assert_eq!(tail.told(), Some((0, "aé😀b")));
        assert_eq!(tail.tell(), None);
    }

    #[test]
    fn only_the_end_of_a_long_output_is_kept_and_its_place_stays_right() {
        let mut tail = Tail::default();
        tail.push("first");
        assert_eq!(tail.tell(), Some((0, "first".to_owned())));
        for _ in 0..OUTPUT_TAIL_BYTES {
            tail.push("éééé");
        }
        let (at, text) = tail.tell().unwrap();
        assert!(text.len() <= OUTPUT_TAIL_BYTES && text.len() > OUTPUT_TAIL_BYTES - 2);
        assert_eq!(at as usize + text.chars().count(), 5 + 4 * OUTPUT_TAIL_BYTES);
        assert_eq!(tail.told(), Some((at, text.as_str())));
        tail.push("!");
        assert_eq!(tail.tell(), Some((5 + 4 * OUTPUT_TAIL_BYTES as u32, "!".to_owned())));
    }
}
