//! Figures: paired ratios with their median, least and most.

use std::fmt::Write as _;

/// One side of a pair.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Round {
    /// Operations a second.
    pub(crate) rate: f64,
    /// Milliseconds within which half, 95 and 99 of 100 operations were done.
    pub(crate) p50: f64,
    pub(crate) p95: f64,
    pub(crate) p99: f64,
    /// Microseconds of server processor time for one operation.
    pub(crate) cpu_us: f64,
}

impl Round {
    /// From the operations' latencies in milliseconds.
    pub(crate) fn of(
        mut latencies: Vec<f64>,
        operations: u64,
        seconds: f64,
        cpu: std::time::Duration,
    ) -> Self {
        latencies.sort_by(f64::total_cmp);
        let at = |share: f64| {
            let place = (latencies.len() as f64 * share) as usize;
            latencies.get(place.min(latencies.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
        };
        Self {
            rate: operations as f64 / seconds,
            p50: at(0.50),
            p95: at(0.95),
            p99: at(0.99),
            cpu_us: cpu.as_micros() as f64 / operations.max(1) as f64,
        }
    }
}

/// What single trials took, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    pub(crate) p50: f64,
    pub(crate) p95: f64,
    pub(crate) p99: f64,
    pub(crate) most: f64,
}

impl Times {
    pub(crate) fn of(mut all: Vec<f64>) -> Self {
        all.sort_by(f64::total_cmp);
        // The value that so many of a hundred do not exceed.
        let at = |share: f64| {
            let place = (all.len() as f64 * share).ceil() as usize;
            all.get(place.saturating_sub(1)).copied().unwrap_or(f64::NAN)
        };
        Self { p50: at(0.50), p95: at(0.95), p99: at(0.99), most: at(1.0) }
    }
}

/// All that was measured.
pub(crate) struct Report {
    text: String,
}

impl Report {
    pub(crate) fn new() -> Self {
        let mut text = String::new();
        text.push_str("| what | rate, ours : peer | p50 | p99 | ours: rate, p50 / p95 / p99 ms, CPU µs | peer | pairs |\n");
        text.push_str("|---|---|---|---|---|---|---|\n");
        Self { text }
    }

    /// Adds a row of paired rounds; `flushes` before and after each pair, pairs with a moving disk are left out.
    pub(crate) fn pairs(&mut self, what: &str, pairs: &[(Round, Round)], discarded: usize) {
        let ratio = |read: fn(&Round) -> f64| {
            let mut ratios: Vec<f64> = pairs.iter().map(|(ours, peer)| read(ours) / read(peer)).collect();
            spread(&mut ratios)
        };
        let side = |read: fn(&(Round, Round)) -> Round| {
            let rounds: Vec<Round> = pairs.iter().map(read).collect();
            let median = |read: fn(&Round) -> f64| {
                let mut values: Vec<f64> = rounds.iter().map(read).collect();
                values.sort_by(f64::total_cmp);
                values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
            };
            format!(
                "{:.0}/s, {:.2} / {:.2} / {:.2}, {:.0}",
                median(|r| r.rate),
                median(|r| r.p50),
                median(|r| r.p95),
                median(|r| r.p99),
                median(|r| r.cpu_us)
            )
        };
        let _infallible = writeln!(
            self.text,
            "| {what} | {} | {} | {} | {} | {} | {} ({discarded} discarded) |",
            ratio(|r| r.rate),
            ratio(|r| r.p50),
            ratio(|r| r.p99),
            side(|pair| pair.0),
            side(|pair| pair.1),
            pairs.len(),
        );
    }

    /// Adds a line of its own.
    pub(crate) fn line(&mut self, text: &str) {
        let _infallible = writeln!(self.text, "\n{text}");
    }

    pub(crate) fn render(&self) -> &str {
        &self.text
    }
}

pub(crate) fn spread(values: &mut [f64]) -> String {
    values.sort_by(f64::total_cmp);
    match (values.get(values.len() / 2), values.first(), values.last()) {
        (Some(median), Some(least), Some(most)) => format!("**{median:.2}** ({least:.2}–{most:.2})"),
        _ => "none".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::Times;

    #[test]
    fn a_percentile_is_what_so_many_do_not_exceed() {
        let times = Times::of((1..=200).rev().map(f64::from).collect());
        assert_eq!((times.p50, times.p95, times.p99, times.most), (100.0, 190.0, 198.0, 200.0));
        let one = Times::of(vec![7.0]);
        assert_eq!((one.p50, one.most), (7.0, 7.0));
        assert!(Times::of(Vec::new()).p50.is_nan());
    }
}
