//! Files that are written by a program from the contract crate: they must be what that program writes now.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use xtask::progress::{Progress, step};
use xtask::{Command, repo};

/// A generated file and the program that writes it.
struct Generated {
    file: &'static str,
    program: &'static [&'static str],
}

/// Order matters: the second is made from the first.
const GENERATED: [Generated; 3] = [
    Generated {
        file: "web/src/lib/api/openapi.json",
        program: &["cargo", "run", "--quiet", "--package", "app-api", "--example", "openapi"],
    },
    Generated {
        file: "web/src/lib/api/schema.d.ts",
        program: &["openapi-typescript", "web/src/lib/api/openapi.json"],
    },
    Generated {
        file: "web/src/lib/api/events.ts",
        program: &[
            "cargo",
            "run",
            "--quiet",
            "--package",
            "slipway-contract",
            "--features",
            "typescript",
            "--example",
            "typescript",
        ],
    },
];

/// Whether a program writes this file, so that rules for people's texts do not apply.
pub(super) fn is_generated(file: &Path) -> bool {
    GENERATED.iter().any(|generated| file == Path::new(generated.file))
}

/// Stale files; with `fix` they are written instead.
pub(super) fn findings(fix: bool) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for Generated { file, program } in GENERATED {
        let written = step(&format!("generate {}", name(file)), "mend the program", |progress| {
            output(program, progress)
        });
        let wanted = match written {
            Ok(wanted) => wanted,
            Err(error) => {
                found.push(format!("{file}: cannot be generated: {:#}", error.root_cause()));
                continue;
            }
        };
        let path = repo::root().join(file);
        if fs::read_to_string(&path).is_ok_and(|present| present == wanted) {
            continue;
        }
        if fix {
            fs::write(&path, &wanted).with_context(|| format!("cannot write {file}"))?;
        } else {
            found.push(format!("{file}: stale"));
        }
    }
    Ok(found)
}

fn output(program: &[&str], progress: &Progress) -> Result<String> {
    let (name, args) = program.split_first().context("no program")?;
    Command::new(name)?.args(args).env("CARGO_TERM_PROGRESS_WHEN", "never").run_for_output(progress)
}

fn name(file: &str) -> &str {
    file.rsplit('/').next().unwrap_or(file)
}
