//! The parts of the tests: which program each runs, and what has to be there before.

use std::fs;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use xtask::progress::{Progress, print, print_failure, step};
use xtask::testbed::{self, POOLING, Testbed};
use xtask::workers::{Wanted, Worker};
use xtask::{Command, repo, setup};

use super::tally::Tally;
use crate::tidy;

/// Needs a Postgres; a part of its own.
const STORE: &str = "slipway-store";
/// Crates that need more than Rust; the rest of the workspace is tested together.
const NOT_UNIT: [&str; 3] = ["e2e", "bench", STORE];

pub(super) fn fmt() -> Result<Tally> {
    checked(cargo(&["fmt", "--all", "--check"])?)
}

pub(super) fn tidy() -> Result<Tally> {
    setup::run()?;
    tidy::run(false)?;
    Ok(Tally::success())
}

pub(super) fn clippy() -> Result<Tally> {
    let native = ["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"];
    let native = checked(cargo(&native)?)?;
    let mut wasm = vec!["clippy".to_owned(), "--target".to_owned(), "wasm32-unknown-unknown".to_owned()];
    for name in packages_below(&["shared", "workers"])? {
        wasm.extend(["--package".to_owned(), name]);
    }
    wasm.extend(["--", "-D", "warnings"].map(str::to_owned));
    let wasm = checked(cargo(&wasm.iter().map(String::as_str).collect::<Vec<_>>())?)?;
    Ok(native + wasm)
}

pub(super) fn unit() -> Result<Tally> {
    // The executor's tests make real sandboxes.
    setup::bubblewrap()?;
    let mut args = vec!["test", "--workspace"];
    for name in NOT_UNIT {
        args.extend(["--exclude", name]);
    }
    Ok(counted(cargo(&args)?)? + sandboxes_by_docker()?)
}

/// The executor's tests once more, with sandboxes made by Docker. Left out, loudly, where no engine can be had: it is one of
/// two ways to make sandboxes, and the other has been tested.
fn sandboxes_by_docker() -> Result<Tally> {
    let engine = match setup::docker() {
        Ok(engine) => engine,
        Err(error) => {
            print_failure(&error);
            print("  ! NOT TESTED: sandboxes made by Docker, for want of an engine (see above)");
            return Ok(Tally::default());
        }
    };
    print("sandboxes made by Docker");
    let args = ["test", "--package", "slipway-executor", "--test", "sandboxes"];
    counted(cargo(&args)?.env("SLIPWAY_TEST_BACKEND", "docker").env("DOCKER_HOST", engine.host()))
}

/// These start their own server with this crate's library.
pub(super) fn store() -> Result<Tally> {
    setup::run()?;
    counted(cargo(&["test", "--package", STORE])?)
}

pub(super) fn web() -> Result<Tally> {
    setup::run()?;
    let types = checked(npm("check")?)?;
    let tests = counted(npm("test")?)?;
    Ok(types + tests)
}

/// The Workers are built by then, so that wrangler's own build command finds nothing to do.
pub(super) fn deploy() -> Result<Tally> {
    setup::run()?;
    setup::build(&Wanted::all())?;
    let folder = testbed::temporary_folder()?;
    let mut tally = Tally::default();
    for worker in Worker::ALL {
        let bundle = folder.path().join(worker.name());
        let config = worker.config_file();
        tally = tally
            + step(&format!("dry run of {}", worker.name()), "read wrangler's words above", |progress| {
                Command::new("wrangler")?
                    .args(["deploy", "--dry-run", "--env="])
                    .args([
                        format!("--config={}", config.display()),
                        format!("--outdir={}", bundle.display()),
                    ])
                    .env("WRANGLER_SEND_METRICS", "false")
                    .env("WRANGLER_LOG_PATH", folder.path().join("wrangler-logs"))
                    .env("CI", "true")
                    .run(progress)?;
                Ok(Tally::success())
            })?;
    }
    Ok(tally)
}

pub(super) fn e2e() -> Result<Tally> {
    setup::run()?;
    step("PgBouncer", "install PgBouncer", |progress| {
        setup::debian_packages(&["pgbouncer"], &["pgbouncer"], progress)
    })?;
    setup::bubblewrap()?;
    setup::build(&Wanted::all())?;
    print("straight to Postgres");
    let straight = counted(cargo(&["test", "--package", "e2e"])?.without_env(POOLING))?;
    print("through PgBouncer in transaction mode");
    let pooled = counted(cargo(&["test", "--package", "e2e"])?.env(POOLING, "pgbouncer"))?;
    Ok(straight + pooled)
}

pub(super) fn browser() -> Result<Tally> {
    setup::run()?;
    step("Chromium", "install Chromium", |progress| {
        setup::debian_packages(&["chromium"], &["chromium", "chromium-driver"], progress)
    })?;
    setup::bubblewrap()?;
    setup::build(&Wanted::all())?;
    let bed = step("stack", "read the error above", |_| {
        Testbed::start(testbed::Options { web: true, ..testbed::Options::default() })
    })?;
    let chromium = find_on_path("chromium").context("chromium is not on PATH")?;
    counted(
        npm("test:browser")?
            .env("SLIPWAY_APP_URL", &bed.stack.app_url)
            .env("SLIPWAY_GATEWAY_URL", &bed.stack.gateway_url)
            .env("SLIPWAY_CHROMIUM", chromium),
    )
}

/// Names of the crates in the folders below `parents`.
fn packages_below(parents: &[&str]) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for parent in parents {
        for entry in fs::read_dir(repo::root().join(parent))? {
            let manifest = entry?.path().join("Cargo.toml");
            if manifest.exists() {
                let table: toml::Table = toml::from_str(&fs::read_to_string(&manifest)?)?;
                let name = table
                    .get("package")
                    .and_then(|package| package.get("name"))
                    .and_then(toml::Value::as_str);
                names.push(
                    name.with_context(|| format!("{} names no package", manifest.display()))?.to_owned(),
                );
            }
        }
    }
    names.sort();
    Ok(names)
}

fn cargo(args: &[&str]) -> Result<Command> {
    Ok(Command::new("cargo")?
        .args(args)
        .env("CARGO_TERM_COLOR", "never")
        .env("CARGO_TERM_PROGRESS_WHEN", "never")
        .echo())
}

fn npm(script: &str) -> Result<Command> {
    Ok(Command::new("npm")?
        .args(["run", script, "--workspace", "web"])
        .env("NO_COLOR", "1")
        .env("CI", "true")
        .echo())
}

/// A program whose good end is the whole result.
fn checked(command: Command) -> Result<Tally> {
    let started = Instant::now();
    command.run(&Progress::default())?;
    print(&format!("  ✓ {:.1} s", started.elapsed().as_secs_f64()));
    Ok(Tally::success())
}

/// A program that reports its tests.
fn counted(command: Command) -> Result<Tally> {
    let (code, lines) = command.run_whatever_the_code(&Progress::default())?;
    if code.is_none() {
        bail!("the tests were ended by a signal");
    }
    Ok(Tally::of_output(code == Some(0), &lines))
}

fn find_on_path(program: &str) -> Option<std::path::PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}
