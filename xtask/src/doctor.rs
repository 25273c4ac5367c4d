//! `cargo xtask doctor`: what is on this machine, what is missing, and how to get it.

use anyhow::Result;
use xtask::progress::{Progress, print, remedy};
use xtask::{Command, ports, repo, setup};

/// A thing that some task needs.
struct Check {
    what: &'static str,
    remedy: &'static str,
    present: fn() -> Option<String>,
}

const CHECKS: [Check; 11] = [
    Check { what: "Rust", remedy: "https://rustup.rs", present: || version("rustc") },
    Check { what: "C linker", remedy: "apt-get install build-essential", present: || version("cc") },
    Check {
        what: "npm",
        remedy: "apt-get install nodejs npm (Node 20 or newer)",
        present: || version("npm"),
    },
    Check { what: "Node 24 of the project", remedy: "cargo xtask setup", present: project_node },
    Check { what: "git", remedy: "apt-get install git", present: || version("git") },
    Check {
        what: "setpriv (stops leftovers)",
        remedy: "apt-get install util-linux",
        present: || version("setpriv"),
    },
    Check {
        what: "bubblewrap (sandboxes)",
        remedy: "apt-get install bubblewrap",
        present: || version("bwrap"),
    },
    Check {
        what: "Docker engine (tests)",
        remedy: "apt-get install docker.io",
        present: || found("dockerd"),
    },
    Check { what: "PgBouncer (tests)", remedy: "apt-get install pgbouncer", present: || found("pgbouncer") },
    Check {
        what: "Chromium (tests)",
        remedy: "apt-get install chromium chromium-driver",
        present: || found("chromium"),
    },
    Check {
        what: "ports 8787 and 8788",
        remedy: "stop what uses them, or use --port and --preview-port",
        present: free_ports,
    },
];

/// Prints one line per check; fails when something is missing.
pub(crate) fn run() -> Result<()> {
    let mut missing = 0;
    for Check { what, remedy, present } in CHECKS {
        match present() {
            Some(detail) => print(&format!("  ✓ {what:<28} {detail}")),
            None => {
                missing += 1;
                print(&format!("  ✗ {what:<28} missing: {remedy}"));
            }
        }
    }
    if missing == 0 { Ok(()) } else { Err(remedy(anyhow::anyhow!("{missing} missing"), "see above")) }
}

fn version(program: &str) -> Option<String> {
    let finished = Command::new(program).ok()?.args(["--version"]).run(&Progress::default()).ok()?;
    finished.lines.into_iter().find(|line| line.chars().any(|letter| letter.is_ascii_digit()))
}

fn project_node() -> Option<String> {
    repo::node_bin().join("node").exists().then(|| version("node")).flatten()
}

fn found(program: &str) -> Option<String> {
    setup::is_on_path(program).then(|| "present".to_owned())
}

fn free_ports() -> Option<String> {
    [8787, 8788].into_iter().all(ports::is_free).then(|| "free".to_owned())
}
