//! What an org and each of its members may use, unless the org's own rows say otherwise, and over which time it is counted.

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveTime, Utc};
use slipway_contract::Timestamp;

/// Limits of an org or of one member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Sandboxes that may run at once.
    pub running: u64,
    /// Sandbox seconds of a month.
    pub seconds: u64,
    /// Bytes that may leave sandboxes in a month.
    pub egress_bytes: u64,
}

/// Limits of an org: 20 at once, 500 hours and 50 GiB a month.
pub const ORG: Limits = Limits { running: 20, seconds: 500 * 3_600, egress_bytes: 50 << 30 };

/// Limits of one member: 5 at once, 100 hours and 10 GiB a month.
pub const MEMBER: Limits = Limits { running: 5, seconds: 100 * 3_600, egress_bytes: 10 << 30 };

/// Longest time that one report covers, in milliseconds.
pub const REPORT_MS: i64 = 92 * 24 * 3_600_000;

/// The calendar month (UTC) that `now` lies in: its first moment, and the first moment of the next.
pub fn month(now: Timestamp) -> (Timestamp, Timestamp) {
    let day = DateTime::<Utc>::from(now).date_naive();
    let first = day.with_day(1).unwrap_or(day);
    (midnight(first), midnight(first.checked_add_months(Months::new(1)).unwrap_or(first)))
}

/// The day (UTC) that `at` lies in, as `2026-11-21`.
pub fn day(at: Timestamp) -> String {
    DateTime::<Utc>::from(at).format("%Y-%m-%d").to_string()
}

/// The days (UTC) that `[from, to)` touches, in order, each as `2026-11-21` with its first moment and the next one's.
pub fn days(from: Timestamp, to: Timestamp) -> Vec<(String, Timestamp, Timestamp)> {
    let mut days = Vec::new();
    let mut day = DateTime::<Utc>::from(from).date_naive();
    while midnight(day) < to {
        let Some(next) = day.checked_add_days(Days::new(1)) else { break };
        days.push((day.format("%Y-%m-%d").to_string(), midnight(day), midnight(next)));
        day = next;
    }
    days
}

fn midnight(day: NaiveDate) -> Timestamp {
    day.and_time(NaiveTime::MIN).and_utc().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_month_begins_and_ends_at_midnight_utc() {
        let cases = [
            ("2026-11-21T08:00:00Z", "2026-11-01T00:00:00.000Z", "2026-12-01T00:00:00.000Z"),
            ("2026-11-01T00:00:00Z", "2026-11-01T00:00:00.000Z", "2026-12-01T00:00:00.000Z"),
            ("2026-10-31T23:59:59.999Z", "2026-10-01T00:00:00.000Z", "2026-11-01T00:00:00.000Z"),
            ("2026-12-31T23:59:59.999Z", "2026-12-01T00:00:00.000Z", "2027-01-01T00:00:00.000Z"),
            ("2028-02-29T12:00:00Z", "2028-02-01T00:00:00.000Z", "2028-03-01T00:00:00.000Z"),
            // Somewhere it is the next month already.
            ("2026-11-01T00:30:00+01:00", "2026-10-01T00:00:00.000Z", "2026-11-01T00:00:00.000Z"),
        ];
        for (now, from, to) in cases {
            assert_eq!(month(at(now)), (at(from), at(to)), "{now}");
        }
    }

    #[test]
    fn days_cover_a_stretch_of_time_without_gaps() {
        let names = |from, to| {
            days(at(from), at(to)).into_iter().map(|(name, ..)| name).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(names("2026-11-21T08:00:00Z", "2026-11-21T08:00:01Z"), "2026-11-21");
        assert_eq!(
            names("2026-11-29T23:59:59.999Z", "2026-12-01T00:00:00.001Z"),
            "2026-11-29 2026-11-30 2026-12-01"
        );
        assert_eq!(names("2026-11-30T00:00:00Z", "2026-12-01T00:00:00Z"), "2026-11-30");
        assert_eq!(names("2026-11-21T00:00:00Z", "2026-11-21T00:00:00Z"), "");
        let longest = days(at("2026-11-21T12:00:00Z"), at("2026-11-21T12:00:00Z").plus_ms(REPORT_MS));
        assert_eq!(longest.len(), 93);
        assert!(longest.windows(2).all(|pair| pair[0].2 == pair[1].1));
    }
}
