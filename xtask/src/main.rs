//! `cargo xtask`: the one program that a developer runs. Parses the command line; the work is in the library.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use xtask::progress::print_failure;
use xtask::setup;
use xtask::workers::Wanted;

mod bench;
mod dev;
mod doctor;
mod migrate;
mod reindex;
mod test;
mod tidy;

/// Builds, runs and tests Slipway on this machine.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Install the tools and packages that everything else needs.
    Setup,
    /// Set up, build and run everything on this machine until Ctrl-C.
    Dev(dev::Options),
    /// Build Workers and the web app (names: app-api, chat-do, executor, gateway, orchestrator, web; none: all).
    Build {
        /// What to build.
        names: Vec<String>,
    },
    /// Apply the migrations to the database of DATABASE_URL.
    Migrate,
    /// Have chats tell the index in Postgres once more all that they told it, after rows of it were lost.
    Reindex(reindex::Options),
    /// Run all tests, or the named parts alone.
    Test {
        /// Which parts; none: all.
        parts: Vec<test::Part>,
    },
    /// Check generated files, sizes of files, words, migrations.
    Tidy {
        /// Write the generated files and note new migrations.
        #[arg(long)]
        fix: bool,
    },
    /// Measure against the peers and print ratios.
    Bench {
        /// Passed on to the load client.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Say what this machine lacks.
    Doctor,
}

fn main() -> ExitCode {
    let result = match Arguments::parse().task {
        Task::Setup => setup::run().map(drop),
        Task::Dev(options) => dev::run(&options),
        Task::Build { names } => build(&names),
        Task::Migrate => migrate::run(),
        Task::Reindex(options) => reindex::run(&options),
        Task::Test { parts } => test::run(&parts),
        Task::Tidy { fix } => setup::run().and_then(|_| tidy::run(fix)),
        Task::Bench { arguments } => bench::run(&arguments),
        Task::Doctor => doctor::run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            print_failure(&error);
            ExitCode::FAILURE
        }
    }
}

fn build(names: &[String]) -> anyhow::Result<()> {
    let wanted = Wanted::named(names)?;
    setup::run()?;
    setup::build(&wanted)
}
