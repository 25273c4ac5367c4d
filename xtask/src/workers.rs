//! The four Workers: where they are, how their `wrangler.toml` reads, how they are built.
//! A Worker is built again only when its sources, those of the crates it depends on, or the tools changed.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::cargo_tools::CargoTools;
use crate::command::Command;
use crate::progress::{Progress, remedy};
use crate::{fingerprint, repo};

/// Stands before wasm-opt.
const WASM_OPT: &str = "xtask/stack/wasm-opt.sh";

/// One of the four Workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Worker {
    /// Public: the web app's files and the API.
    AppApi,
    /// Internal: the chat objects.
    ChatDo,
    /// Internal: the engine.
    Orchestrator,
    /// Public: previews.
    Gateway,
}

impl Worker {
    /// All of them, in the order in which they are built.
    pub const ALL: [Self; 4] = [Self::ChatDo, Self::Gateway, Self::Orchestrator, Self::AppApi];

    /// The name of the crate and its folder.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::AppApi => "app-api",
            Self::ChatDo => "chat-do",
            Self::Orchestrator => "orchestrator",
            Self::Gateway => "gateway",
        }
    }

    /// The Worker with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|worker| worker.name() == name)
    }

    /// The crate's folder.
    #[must_use]
    pub fn folder(self) -> PathBuf {
        repo::root().join("workers").join(self.name())
    }

    /// The built JavaScript module; the Wasm module lies beside it.
    #[must_use]
    pub fn built(self) -> PathBuf {
        self.folder().join("build/index.js")
    }

    /// Its `wrangler.toml`: app-api's is the one at the top of the checkout.
    #[must_use]
    pub fn config_file(self) -> PathBuf {
        match self {
            Self::AppApi => repo::root().join("wrangler.toml"),
            Self::ChatDo | Self::Orchestrator | Self::Gateway => self.folder().join("wrangler.toml"),
        }
    }

    /// The contents of its `wrangler.toml`.
    ///
    /// # Errors
    /// When the file is missing or not TOML.
    pub fn config(self) -> Result<Value> {
        read_config(&self.config_file())
    }

    /// Builds it for production (size-optimised) unless nothing changed.
    ///
    /// # Errors
    /// When the compiler or one of the tools fails; the whole output is in `.slipway/logs/build-<name>.log`.
    pub fn build(self, progress: &Progress) -> Result<()> {
        let tools = CargoTools::from_lock()?;
        let stamp = format!("worker-{}", self.name());
        let _alone = fingerprint::alone(&stamp, progress)?;
        let inputs = self.inputs()?;
        let current = fingerprint::of(&inputs, &[&tools.versions])?;
        let wasm = self.folder().join("build/index_bg.wasm");
        if fingerprint::is_current(&stamp, &current) && self.built().exists() && wasm.exists() {
            progress.note("unchanged");
            return Ok(());
        }
        fingerprint::forget(&stamp);
        let bin = repo::node_bin();
        Command::new(&tools.worker_build)?
            .args(["--release"])
            .within(&self.folder())
            .env("WASM_BINDGEN_BIN", &tools.wasm_bindgen)
            .env("ESBUILD_BIN", bin.join("esbuild"))
            .env("WASM_OPT_BIN", repo::root().join(WASM_OPT))
            // The tools' own backtraces say nothing about the Worker's sources.
            .env("RUST_BACKTRACE", "0")
            .without_env("RUSTFLAGS")
            .log(repo::state().join(format!("logs/build-{}.log", self.name())))
            .run(progress)
            .map_err(|error| {
                remedy(error, format!("mend the error above, then run `cargo xtask build {}`", self.name()))
            })?;
        // Sources that changed during the build leave the old fingerprint, and so the next run builds again.
        fingerprint::keep(&stamp, &current)
    }

    /// Everything the build reads: the crate, the workspace's crates below it, versions and settings.
    fn inputs(self) -> Result<BTreeSet<PathBuf>> {
        let root = repo::root();
        let settings = ["Cargo.toml", "Cargo.lock", "rust-toolchain.toml", ".cargo/config.toml", WASM_OPT];
        let mut inputs: BTreeSet<PathBuf> = settings.map(|name| root.join(name)).into();
        let workspace = read_manifest(root)?;
        let mut open = vec![self.folder()];
        while let Some(folder) = open.pop() {
            let manifest = read_manifest(&folder)?;
            open.extend(
                path_dependencies(&manifest, &folder, &workspace)
                    .into_iter()
                    .filter(|path| !inputs.contains(path)),
            );
            inputs.insert(folder);
        }
        Ok(inputs)
    }
}

/// The contents of a `wrangler.toml`.
///
/// # Errors
/// When the file is missing or not TOML.
pub(crate) fn read_config(file: &Path) -> Result<Value> {
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let table: toml::Table =
        toml::from_str(&text).with_context(|| format!("{} is not TOML", file.display()))?;
    Ok(serde_json::to_value(table)?)
}

fn read_manifest(folder: &Path) -> Result<toml::Table> {
    let file = folder.join("Cargo.toml");
    let text = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    toml::from_str(&text).with_context(|| format!("{} is not TOML", file.display()))
}

/// Folders of the crates of this checkout that a manifest depends on, in any table but the tests'.
fn path_dependencies(manifest: &toml::Table, folder: &Path, workspace: &toml::Table) -> Vec<PathBuf> {
    let shared = workspace.get("workspace").and_then(|table| table.get("dependencies"));
    let targets = manifest.get("target").and_then(toml::Value::as_table).into_iter().flatten();
    let tables = std::iter::once(manifest).chain(targets.filter_map(|(_, table)| table.as_table()));
    let dependencies = tables
        .flat_map(|table| [table.get("dependencies"), table.get("build-dependencies")])
        .flatten()
        .filter_map(toml::Value::as_table)
        .flatten();
    dependencies
        .filter_map(|(name, spec)| {
            let inherited = spec.get("workspace").and_then(toml::Value::as_bool) == Some(true);
            let (spec, base) = if inherited { (shared?.get(name)?, repo::root()) } else { (spec, folder) };
            Some(base.join(spec.get("path")?.as_str()?))
        })
        .collect()
}

/// What can be built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Workers.
    pub workers: Vec<Worker>,
    /// The executor.
    pub executor: bool,
    /// The web app.
    pub web: bool,
}

impl Wanted {
    /// Everything.
    #[must_use]
    pub fn all() -> Self {
        Self { workers: Worker::ALL.to_vec(), executor: true, web: true }
    }

    /// What a list of names asks to build; without names, everything.
    ///
    /// # Errors
    /// On an unknown name.
    pub fn named(names: &[String]) -> Result<Self> {
        if names.is_empty() {
            return Ok(Self::all());
        }
        let mut wanted = Self { workers: Vec::new(), executor: false, web: false };
        for name in names {
            match (Worker::named(name), name.as_str()) {
                (Some(worker), _) => wanted.workers.push(worker),
                (None, "executor") => wanted.executor = true,
                (None, "web") => wanted.web = true,
                (None, _) => {
                    bail!(
                        "there is no `{name}`; known: app-api, chat-do, executor, gateway, orchestrator, web"
                    )
                }
            }
        }
        Ok(wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::{Wanted, Worker};
    use crate::repo;

    #[test]
    fn a_worker_is_made_from_its_crate_and_the_crates_below_it() {
        let inputs = Worker::ChatDo.inputs().unwrap();
        for path in ["workers/chat-do", "shared/contract", "shared/domain", "Cargo.lock", "Cargo.toml"] {
            assert!(inputs.contains(&repo::root().join(path)), "{path} of {inputs:?}");
        }
        assert!(!inputs.contains(&repo::root().join("workers/gateway")));
    }

    #[test]
    fn every_worker_declares_its_bindings_and_names_itself() {
        for worker in Worker::ALL {
            let config = worker.config().unwrap();
            assert_eq!(config["name"], format!("slipway-{}", worker.name()), "{worker:?}");
            assert!(config["build"]["command"].as_str().unwrap().contains(worker.name()), "{worker:?}");
        }
    }

    #[test]
    fn production_and_local_values_of_a_variable_stand_apart() {
        let config = Worker::AppApi.config().unwrap();
        assert!(config["vars"]["PUBLIC_URL"].as_str().unwrap().starts_with("https://"));
        assert!(config["env"]["dev"]["vars"]["PUBLIC_URL"].as_str().unwrap().starts_with("http://localhost"));
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_known_ones() {
        assert_eq!(Wanted::named(&[]).unwrap(), Wanted::all());
        let gateway = Wanted { workers: vec![Worker::Gateway], executor: false, web: false };
        assert_eq!(Wanted::named(&["gateway".to_owned()]).unwrap(), gateway);
        let error = Wanted::named(&["gatewya".to_owned()]).unwrap_err().to_string();
        assert_eq!(
            error,
            "there is no `gatewya`; known: app-api, chat-do, executor, gateway, orchestrator, web"
        );
    }
}
