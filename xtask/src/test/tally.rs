//! Counts tests by reading what the test programs print: cargo, Vitest, Playwright.

use std::fmt;
use std::ops::Add;

/// How many tests passed and failed. A part without tests of its own counts as one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
}

impl Tally {
    /// A check that passed.
    pub(crate) fn success() -> Self {
        Self { passed: 1, failed: 0 }
    }

    /// A check that failed.
    pub(crate) fn failure() -> Self {
        Self { passed: 0, failed: 1 }
    }

    /// What a test program reported. One that ended badly without a failed test (it did not compile, it crashed)
    /// counts as a failure, and so does one that ran no test at all.
    pub(crate) fn of_output(ended_well: bool, lines: &[String]) -> Self {
        let counted = lines.iter().map(|line| of_line(line)).fold(Self::default(), Self::add);
        match (ended_well, counted) {
            (false, Self { failed: 0, .. }) | (true, Self { passed: 0, failed: 0 }) => {
                counted + Self::failure()
            }
            _ => counted,
        }
    }
}

impl Add for Tally {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { passed: self.passed + other.passed, failed: self.failed + other.failed }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} passed, {} failed", self.passed, self.failed)
    }
}

fn of_line(line: &str) -> Tally {
    let words: Vec<&str> = line.split_whitespace().collect();
    let cargo = line.starts_with("test result:");
    let vitest = words.first() == Some(&"Tests");
    // Playwright ends with one line per outcome: `12 passed (3.4s)`, `1 failed`.
    let playwright =
        matches!(words.as_slice(), [count, "passed" | "failed", ..] if is_number(count) && words.len() <= 3);
    if !(cargo || vitest || playwright) {
        return Tally::default();
    }
    let mut tally = Tally::default();
    for pair in words.windows(2) {
        if let [count, outcome] = pair
            && let Ok(count) = count.parse::<u64>()
        {
            match outcome.trim_end_matches(';') {
                "passed" => tally.passed += count,
                "failed" => tally.failed += count,
                _ => {}
            }
        }
    }
    tally
}

fn is_number(text: &str) -> bool {
    text.parse::<u64>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::Tally;

    fn check(ended_well: bool, output: &str, expected: &str) {
        let lines: Vec<String> = output.lines().map(str::to_owned).collect();
        assert_eq!(Tally::of_output(ended_well, &lines).to_string(), expected, "{output}");
    }

    #[test]
    fn all_results_of_a_cargo_run_are_added() {
        let output = "test a ... ok\ntest result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out\n\
                      test result: FAILED. 4 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out";
        check(false, output, "7 passed, 2 failed");
    }

    #[test]
    fn vitest_and_playwright_are_understood() {
        check(true, " Test Files  2 passed (2)\n      Tests  12 passed (12)", "12 passed, 0 failed");
        check(false, "      Tests  1 failed | 11 passed (12)", "11 passed, 1 failed");
        check(false, "  1 failed\n    a.spec.ts:3:1 › signs in\n  7 passed (3.4s)", "7 passed, 1 failed");
    }

    #[test]
    fn words_of_a_test_are_not_counted() {
        check(
            true,
            "12 passed the exam of the year\ntest result: ok. 1 passed; 0 failed",
            "1 passed, 0 failed",
        );
    }

    #[test]
    fn a_run_that_broke_or_tested_nothing_is_a_failure() {
        check(false, "error: could not compile", "0 passed, 1 failed");
        check(true, "nothing here", "0 passed, 1 failed");
    }
}
