//! The two build tools that come as crates: worker-build and wasm-bindgen. Compiled once per version into the
//! user's cache, whole or not at all. Their versions are those of the libraries in `Cargo.lock`: wasm-bindgen
//! refuses a file of any other version, and worker-build a `worker` of another release line.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

use crate::command::Command;
use crate::progress::{Progress, remedy};
use crate::repo;

/// Paths of the installed tools and the text that changes when either does.
pub(crate) struct CargoTools {
    pub(crate) worker_build: PathBuf,
    pub(crate) wasm_bindgen: PathBuf,
    pub(crate) versions: String,
}

impl CargoTools {
    /// The tools that the lock file asks for, installed or not.
    pub(crate) fn from_lock() -> Result<Self> {
        let [worker, bindgen] = ["worker", "wasm-bindgen"].map(locked_version);
        let (worker, bindgen) = (worker?, bindgen?);
        Ok(Self {
            worker_build: repo::tool("worker-build", &worker)?.join("bin/worker-build"),
            wasm_bindgen: repo::tool("wasm-bindgen-cli", &bindgen)?.join("bin/wasm-bindgen"),
            versions: format!("worker-build {worker}, wasm-bindgen {bindgen}"),
        })
    }
}

/// Installs the tools that are missing.
pub(crate) fn install(progress: &Progress) -> Result<()> {
    let wanted =
        [("worker-build", "worker", "worker-build"), ("wasm-bindgen-cli", "wasm-bindgen", "wasm-bindgen")];
    let mut installed = 0;
    let mut target = None;
    for (package, library, program) in wanted {
        let version = locked_version(library)?;
        let folder = repo::tool(package, &version)?;
        if !folder.join("bin").join(program).exists() {
            let parent = folder.parent().context("the tool's folder has no parent")?;
            fs::create_dir_all(parent).with_context(|| format!("cannot create {}", parent.display()))?;
            // The two have most of their dependencies in common.
            let target = match &mut target {
                Some(target) => target,
                none => none.insert(tempfile::Builder::new().prefix(".target-").tempdir_in(parent)?),
            };
            compile(package, &version, &folder, target.path(), progress)?;
            installed += 1;
        }
    }
    progress.note(if installed == 0 { "unchanged".to_owned() } else { format!("{installed} compiled") });
    Ok(())
}

/// Compiles into a folder beside the final one, then renames: a cancelled run leaves nothing half done.
fn compile(package: &str, version: &str, folder: &Path, target: &Path, progress: &Progress) -> Result<()> {
    let root = target.join(format!("root-{package}"));
    progress.line(&format!("compiling {package} {version}, once for this machine (some minutes)"));
    Command::new("cargo")?
        .args(["install", "--locked", "--no-track", "--version", &format!("={version}"), "--root"])
        .args([root.as_path()])
        .args([package])
        .env("CARGO_TARGET_DIR", target)
        // They run for seconds: what counts is how long they take to compile.
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1")
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
        .without_env("RUSTFLAGS")
        .log(repo::state().join(format!("logs/install-{package}.log")))
        .run(progress)
        .map_err(|error| {
            remedy(error, "check that crates.io can be reached and that a C linker (cc) is installed")
        })?;
    match fs::rename(&root, folder) {
        Ok(()) => Ok(()),
        // Another checkout was faster: same version, same tool.
        Err(_) if folder.join("bin").is_dir() => Ok(()),
        Err(error) => Err(error).with_context(|| format!("cannot move the tool to {}", folder.display())),
    }
}

#[derive(Deserialize)]
struct Lock {
    package: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
}

fn locked_version(name: &str) -> Result<String> {
    let text = fs::read_to_string(repo::root().join("Cargo.lock")).context("cannot read Cargo.lock")?;
    let lock: Lock = toml::from_str(&text).context("Cargo.lock cannot be read as TOML")?;
    let versions: Vec<String> = lock
        .package
        .into_iter()
        .filter(|package| package.name == name)
        .map(|package| package.version)
        .collect();
    ensure!(
        versions.len() == 1,
        "Cargo.lock has {} versions of {name}, exactly one is needed",
        versions.len()
    );
    versions.into_iter().next().context("no version")
}
