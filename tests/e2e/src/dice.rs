//! Chance that repeats: a test's schedule comes from a seed, which a failure names.

/// xorshift64* (Vigna, 2016): good enough to shuffle a schedule.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// Dice that fall as the seed says.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        // The one state that xorshift cannot leave is 0.
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number in `from..to`; `from` when that is empty.
    pub const fn roll(&mut self, from: u64, to: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11;
        if to > from { from + number % (to - from) } else { from }
    }
}
