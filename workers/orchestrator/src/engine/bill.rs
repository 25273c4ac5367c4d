//! What a model was given, part by part, and what each part took once the provider has counted.
//!
//! Invariant: the tokens of the parts sum to the tokens of the whole, which is the provider's own count where it gives one.

use slipway_contract::events::{Receipt, ReceiptKind, ReceiptPart, Usage};
use slipway_contract::objects::engine::Measured;
use slipway_domain::context::{Measure, share};

use super::given::CONTEXT_TOKENS;

/// Parts with their lengths in bytes.
#[derive(Debug)]
pub(crate) struct Bill {
    parts: Vec<(ReceiptPart, u64)>,
    left_out: u32,
}

/// A part of a kind, without what names it.
pub(crate) const fn part(kind: ReceiptKind) -> ReceiptPart {
    ReceiptPart {
        kind,
        tokens: 0,
        message: None,
        fork: None,
        item: None,
        attachment: None,
        title: None,
        from: None,
        to: None,
    }
}

impl Bill {
    pub(crate) const fn new(left_out: u32) -> Self {
        Self { parts: Vec::new(), left_out }
    }

    pub(crate) fn add(&mut self, part: ReceiptPart, bytes: usize) {
        self.parts.push((part, u64::try_from(bytes).unwrap_or(u64::MAX)));
    }

    fn bytes(&self) -> u64 {
        self.parts.iter().map(|(_, bytes)| *bytes).fold(0, u64::saturating_add)
    }

    /// The receipt, and the measure of the next turn, once `model` (`provider:model`) has used so much. Without a count of
    /// its own, the tokens are worked out from what was counted before, and that stays the measure.
    pub(crate) fn settle(
        self,
        model: &str,
        usage: Usage,
        before: Option<&Measured>,
    ) -> (Receipt, Option<Measured>) {
        let bytes = self.bytes();
        let counted = Some(usage.input_tokens).filter(|tokens| *tokens > 0);
        let tokens = match counted {
            Some(tokens) => u32::try_from(tokens).unwrap_or(u32::MAX),
            None => Measure::of(before, model).tokens(bytes),
        };
        let measured = match counted {
            Some(tokens) => Some(Measured { model: model.to_owned(), bytes, tokens }),
            None => before.filter(|before| before.model == model).cloned(),
        };
        let lengths: Vec<u64> = self.parts.iter().map(|(_, bytes)| *bytes).collect();
        let shares = share(tokens, &lengths);
        let parts = self.parts.into_iter().zip(shares);
        let receipt = Receipt {
            budget: CONTEXT_TOKENS,
            tokens,
            estimated: counted.is_none(),
            parts: parts.map(|((part, _), tokens)| ReceiptPart { tokens, ..part }).collect(),
            left_out: Some(self.left_out).filter(|parts| *parts > 0),
        };
        (receipt, measured)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bill() -> Bill {
        let mut bill = Bill::new(2);
        bill.add(part(ReceiptKind::Instructions), 100);
        bill.add(part(ReceiptKind::Pin), 1);
        bill.add(part(ReceiptKind::Message), 199);
        bill
    }

    fn used(input_tokens: u64) -> Usage {
        Usage { input_tokens, output_tokens: 7 }
    }

    fn tokens(receipt: &Receipt) -> Vec<u32> {
        receipt.parts.iter().map(|part| part.tokens).collect()
    }

    #[test]
    fn a_count_is_shared_out_and_measures_the_next_turn() {
        let (receipt, measured) = bill().settle("a:m", used(61), None);
        assert_eq!((receipt.tokens, receipt.estimated, receipt.left_out), (61, false, Some(2)));
        assert_eq!(tokens(&receipt), [20, 0, 41]);
        assert_eq!(measured, Some(Measured { model: "a:m".to_owned(), bytes: 300, tokens: 61 }));
    }

    #[test]
    fn without_a_count_the_one_before_is_the_measure_of_the_same_model() {
        let before = Some(Measured { model: "a:m".to_owned(), bytes: 600, tokens: 60 });
        let (receipt, measured) = bill().settle("a:m", used(0), before.as_ref());
        assert_eq!((receipt.tokens, receipt.estimated), (30, true));
        assert_eq!(tokens(&receipt).iter().sum::<u32>(), 30);
        assert_eq!(measured, before);
        // Another model answered: what was counted of the first says nothing about it.
        let (receipt, measured) = bill().settle("b:m", used(0), before.as_ref());
        assert_eq!((receipt.tokens, receipt.estimated, measured), (100, true, None));
    }
}
