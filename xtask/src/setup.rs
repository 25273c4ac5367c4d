//! Brings a machine from nothing to ready: Wasm target, build tools, npm packages, local secrets.
//! Each step does nothing when its result is there.

use std::path::Path;

use anyhow::{Context as _, Result, anyhow};

use crate::command::Command;
use crate::docker::DockerEngine;
use crate::progress::{Progress, remedy, step};
use crate::secrets::Secrets;
use crate::workers::Wanted;
use crate::{cargo_tools, executor, node, web};

const NETWORK: &str = "check the network, then run the same command again: what is done is not repeated";

/// All of it; returns the local secrets.
///
/// # Errors
/// The first step that fails, with its cause and remedy.
pub fn run() -> Result<Secrets> {
    step("Wasm target", "install Rust with rustup (https://rustup.rs)", wasm_target)?;
    step("npm packages", NETWORK, node::install)?;
    step("worker-build, wasm-bindgen", NETWORK, cargo_tools::install)?;
    step("local secrets", "check that the folder .slipway can be written", |progress| {
        progress.note(crate::secrets::path().display().to_string());
        Secrets::load_or_create()
    })
}

/// Installs what sandboxes are made with, where that is possible.
///
/// # Errors
/// When it is missing and cannot be installed.
pub fn bubblewrap() -> Result<()> {
    step("bubblewrap", "install bubblewrap", |progress| {
        debian_packages(&["bwrap"], &["bubblewrap"], progress)
    })
}

/// Installs a Docker engine and starts one of its own, where that is possible.
///
/// # Errors
/// When it is missing and cannot be installed, this is not root, or the engine does not start.
pub fn docker() -> Result<DockerEngine> {
    step("Docker engine", "install docker.io, and run as root", |progress| {
        debian_packages(&["dockerd"], &["docker.io"], progress)?;
        if !rustix::process::geteuid().is_root() {
            return Err(remedy(anyhow!("an engine of one's own needs root"), "run as root"));
        }
        DockerEngine::start()
    })
}

/// Builds what is wanted: one step each.
///
/// # Errors
/// The first build that fails.
pub fn build(wanted: &Wanted) -> Result<()> {
    for worker in &wanted.workers {
        step(&format!("build {}", worker.name()), "mend the error above", |progress| worker.build(progress))?;
    }
    if wanted.executor {
        step("build executor", "mend the error above", executor::build)?;
    }
    if wanted.web {
        step("build web", "mend the error above", web::build)?;
    }
    Ok(())
}

/// Installs Debian packages that provide `programs`, when one is missing and this is root on Debian.
///
/// # Errors
/// When they are missing and cannot be installed.
pub fn debian_packages(programs: &[&str], packages: &[&str], progress: &Progress) -> Result<()> {
    if programs.iter().all(|program| is_on_path(program)) {
        progress.note("present");
        return Ok(());
    }
    let by_hand = format!("apt-get install -y {}", packages.join(" "));
    if !rustix::process::geteuid().is_root() || !is_on_path("apt-get") {
        return Err(remedy(
            anyhow!("{} not found", programs.join(" or ")),
            format!("run as root: {by_hand}"),
        ));
    }
    let apt = |args: &[&str]| -> Result<()> {
        let command = Command::new("apt-get")?.args(args).env("DEBIAN_FRONTEND", "noninteractive");
        command.run(progress).map_err(|error| remedy(error, format!("run as root: {by_hand}")))?;
        Ok(())
    };
    apt(&["update"])?;
    let mut install = vec!["install", "-y", "--no-install-recommends"];
    install.extend(packages);
    apt(&install)?;
    progress.note("installed");
    Ok(())
}

/// Whether a program of this name can be run.
#[must_use]
pub fn is_on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain([Path::new("/usr/sbin").to_owned()])
        .any(|folder| folder.join(program).is_file())
}

/// `rust-toolchain.toml` names the target, so rustup has it; a Rust from elsewhere must bring it along.
fn wasm_target(progress: &Progress) -> Result<()> {
    let target = "wasm32-unknown-unknown";
    let library =
        Command::new("rustc")?.args(["--print", "target-libdir", "--target", target]).run(progress)?;
    let folder = library.lines.last().context("rustc did not say where its libraries are")?;
    if Path::new(folder).is_dir() {
        progress.note("present");
        return Ok(());
    }
    Command::new("rustup")?.args(["target", "add", target]).run(progress)?;
    progress.note("installed");
    Ok(())
}
