//! `cargo xtask test`: every check of the project, part by part, each with its time. A part runs alone by its name.
//! A failed part does not stop the others; at the end stands what failed and `N passed, N failed`.

use std::time::Instant;

use anyhow::Result;
use clap::ValueEnum;
use xtask::progress::{print, print_failure};

use tally::Tally;

mod parts;
mod sizes;
mod tally;

/// One part of the tests, in the order in which they run: what fails fast comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// Formatting.
    Fmt,
    /// Generated files, file sizes, words, migrations.
    Tidy,
    /// Lints, for this machine and for Wasm.
    Clippy,
    /// Unit and property tests that need nothing but Rust.
    Unit,
    /// SQL against a real Postgres.
    Store,
    /// Types and unit tests of the web app.
    Web,
    /// Compressed sizes against their budgets.
    Sizes,
    /// `wrangler deploy --dry-run` of all Workers.
    Deploy,
    /// Black-box tests of the real stack, straight and through PgBouncer.
    E2e,
    /// The web app in Chromium against the real stack.
    Browser,
}

impl Part {
    fn run(self) -> Result<Tally> {
        match self {
            Self::Fmt => parts::fmt(),
            Self::Tidy => parts::tidy(),
            Self::Clippy => parts::clippy(),
            Self::Unit => parts::unit(),
            Self::Store => parts::store(),
            Self::Web => parts::web(),
            Self::Sizes => sizes::run(),
            Self::Deploy => parts::deploy(),
            Self::E2e => parts::e2e(),
            Self::Browser => parts::browser(),
        }
    }

    fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

/// Runs the chosen parts (none chosen: all) and reports.
pub(crate) fn run(chosen: &[Part]) -> Result<()> {
    let parts: Vec<Part> = Part::value_variants()
        .iter()
        .copied()
        .filter(|part| chosen.is_empty() || chosen.contains(part))
        .collect();
    let started = Instant::now();
    let mut reports = Vec::new();
    for part in parts {
        print(&format!("\n── {} ──", part.name()));
        let begun = Instant::now();
        let tally = match part.run() {
            Ok(tally) => tally,
            Err(error) => {
                print_failure(&error);
                Tally::failure()
            }
        };
        reports.push((part, begun.elapsed(), tally));
    }
    print("\n── summary ──");
    let mut total = Tally::default();
    for (part, time, tally) in &reports {
        let mark = if tally.failed == 0 { "✓" } else { "✗" };
        print(&format!("  {mark} {:<10} {:>7.1} s  {tally}", part.name(), time.as_secs_f64()));
        total = total + *tally;
    }
    print(&format!("  all        {:>9.1} s\n\n{total}", started.elapsed().as_secs_f64()));
    if total.failed == 0 { Ok(()) } else { Err(anyhow::anyhow!("{} failed", total.failed)) }
}
