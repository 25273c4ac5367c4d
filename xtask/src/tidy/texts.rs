//! Rules about single files: length, opening comment, names, words that must not appear, licences.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use xtask::repo;

use super::generated;

/// 400 lines need a reason, 600 are a design error (docs/ARCHITECTURE.md, layout).
const MOST_LINES: usize = 600;
const SOURCES: [&str; 9] = ["rs", "ts", "svelte", "mjs", "js", "css", "sql", "sh", "md"];
/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 6] = ["utils", "util", "helpers", "common", "manager", "misc"];
/// This file names the words, so it is not searched for them.
const THIS_FILE: &str = "xtask/src/tidy/texts.rs";
/// Where a sandbox's own user lives: a place that is the same everywhere.
const HOME_OF_SANDBOXES: &str = "/home/sandbox";
/// Notes to oneself, unfinished work, leftovers of a merge, and places that exist on one machine only.
const WORDS: [&str; 11] = [
    "TODO",
    "FIXME",
    "XXX:",
    "HACK",
    "todo!(",
    "unimplemented!(",
    "Placeholder module",
    "lorem ipsum",
    "<<<<<<< ",
    ">>>>>>> ",
    "/home/",
];
/// Crates that others may build into closed programs; everything else is AGPL-3.0-only.
const APACHE: [&str; 1] = ["shared/contract/Cargo.toml"];

/// Everything found in these files.
pub(super) fn findings(files: &[PathBuf]) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for file in files {
        found.extend(name_finding(file));
        let Ok(text) = fs::read_to_string(repo::root().join(file)) else { continue };
        if is_source(file) && !generated::is_generated(file) {
            found.extend(length_finding(file, &text));
            found.extend(opening_finding(file, &text));
            found.extend(word_findings(file, &text));
        }
        found.extend(licence_finding(file, &text));
    }
    Ok(found)
}

fn is_source(file: &Path) -> bool {
    file.extension()
        .and_then(|extension| extension.to_str())
        .is_some_and(|extension| SOURCES.contains(&extension))
}

fn name_finding(file: &Path) -> Option<String> {
    let parts = file.iter().filter_map(|part| Path::new(part).file_stem()?.to_str());
    let empty = parts.into_iter().find(|part| EMPTY_NAMES.contains(part))?;
    Some(format!("{}: `{empty}` does not say what is inside", file.display()))
}

fn length_finding(file: &Path, text: &str) -> Option<String> {
    let lines = text.lines().count();
    (lines > MOST_LINES).then(|| format!("{}: {lines} lines, at most {MOST_LINES}", file.display()))
}

fn opening_finding(file: &Path, text: &str) -> Option<String> {
    let rust = file.extension().is_some_and(|extension| extension == "rs");
    (rust && !text.starts_with("//!"))
        .then(|| format!("{}: opens without a `//!` that says what it is for", file.display()))
}

fn word_findings(file: &Path, text: &str) -> Vec<String> {
    let text = &text.replace(HOME_OF_SANDBOXES, "");
    if file == Path::new(THIS_FILE) {
        return Vec::new();
    }
    (1..)
        .zip(text.lines())
        .flat_map(|(number, line)| {
            WORDS.iter().filter(move |word| line.contains(**word)).map(move |word| (number, word))
        })
        .map(|(number, word)| format!("{}:{number}: `{word}` must not appear", file.display()))
        .collect()
}

fn licence_finding(file: &Path, text: &str) -> Option<String> {
    if file.file_name().is_none_or(|name| name != "Cargo.toml") || file == Path::new("Cargo.toml") {
        return None;
    }
    let apache = APACHE.iter().any(|crate_file| file == Path::new(crate_file));
    let wanted = if apache { "license = \"Apache-2.0\"" } else { "license.workspace = true" };
    (!text.contains(wanted)).then(|| format!("{}: must say `{wanted}`", file.display()))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{length_finding, licence_finding, name_finding, opening_finding, word_findings};

    fn check(file: &str, text: &str, expected: &[&str]) {
        let file = Path::new(file);
        let mut found: Vec<String> = [
            name_finding(file),
            length_finding(file, text),
            opening_finding(file, text),
            licence_finding(file, text),
        ]
        .into_iter()
        .flatten()
        .collect();
        found.extend(word_findings(file, text));
        assert_eq!(found, expected);
    }

    #[test]
    fn a_file_with_an_opening_comment_is_tidy() {
        check("shared/domain/src/chat.rs", "//! Decides.\n", &[]);
    }

    #[test]
    fn each_rule_names_file_and_reason() {
        check("a/utils.rs", "//! x", &["a/utils.rs: `utils` does not say what is inside"]);
        check("a/b.rs", "fn x() {}", &["a/b.rs: opens without a `//!` that says what it is for"]);
        check("a/b.ts", &"x\n".repeat(601), &["a/b.ts: 601 lines, at most 600"]);
        check("a/b.ts", "ok\n// TODO later", &["a/b.ts:2: `TODO` must not appear"]);
        check(
            "shared/domain/Cargo.toml",
            "",
            &["shared/domain/Cargo.toml: must say `license.workspace = true`"],
        );
        check("shared/contract/Cargo.toml", "license = \"Apache-2.0\"", &[]);
    }
}
