//! Files that a new sandbox can begin with: the folders of `templates/`.

use std::collections::BTreeMap;

/// A template's files, by their path in the sandbox.
type Files = &'static [(&'static str, &'static str)];

macro_rules! files {
    ($name:literal: $($path:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!("../../../../templates/", $name, "/", $path)))),*]
    };
}

const ALL: &[(&str, Files)] = &[
    ("static-site", files!("static-site": "README.md", "index.html", "serve.mjs", "style.css")),
    (
        "vite-app",
        files!(
            "vite-app": "README.md", "index.html", "package.json", "src/main.ts", "src/style.css", "tsconfig.json",
            "vite.config.ts",
        ),
    ),
];

/// What can be asked for.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    ALL.iter().map(|(name, _)| *name)
}

/// The files of a template; none for a name that is not known.
pub(crate) fn files(name: Option<&str>) -> BTreeMap<String, String> {
    let found = ALL.iter().find(|(known, _)| Some(*known) == name);
    let files = found.map(|(_, files)| *files).unwrap_or_default();
    files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    /// Paths of all files below `folder`, with `/` between.
    fn listed(folder: &Path, prefix: &str, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let name = format!("{prefix}{}", entry.file_name().into_string().unwrap());
            if entry.file_type().unwrap().is_dir() {
                listed(&entry.path(), &format!("{name}/"), found);
            } else {
                found.push(name);
            }
        }
    }

    #[test]
    fn every_file_of_every_template_is_taken_along() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../templates");
        let mut known: Vec<String> = fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        known.sort();
        assert_eq!(known, names().collect::<Vec<_>>());
        for name in names() {
            let mut expected = Vec::new();
            listed(&folder.join(name), "", &mut expected);
            expected.sort();
            assert_eq!(files(Some(name)).into_keys().collect::<Vec<_>>(), expected, "{name}");
        }
    }

    #[test]
    fn without_a_template_a_sandbox_begins_empty() {
        assert!(files(None).is_empty() && files(Some("rails")).is_empty());
    }
}
