//! What commands inside find: variables, folder, shell, log.

use std::collections::BTreeMap;

use crate::inside::{HOME, PROXY_PORT, WORKSPACE};

/// The variables of every command. What the caller adds may replace them: the proxy decides, not they.
pub(super) fn variables(path: &str) -> BTreeMap<String, String> {
    let proxy = format!("http://127.0.0.1:{PROXY_PORT}");
    let local = "localhost,127.0.0.1,::1";
    let all = [
        ("PATH", path),
        ("HOME", HOME),
        ("USER", "sandbox"),
        ("LANG", "C.UTF-8"),
        ("TERM", "xterm-256color"),
        ("HTTP_PROXY", &proxy),
        ("HTTPS_PROXY", &proxy),
        ("NO_PROXY", local),
        // Programs differ in which case they read.
        ("http_proxy", &proxy),
        ("https_proxy", &proxy),
        ("no_proxy", local),
        // Node's `fetch` takes no notice of the others without it.
        ("NODE_USE_ENV_PROXY", "1"),
    ];
    all.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Where a command begins. Init goes there inside the sandbox, so there is nothing to escape from.
pub(super) fn folder(wanted: Option<&str>) -> String {
    match wanted {
        None | Some("") => WORKSPACE.to_owned(),
        Some(absolute) if absolute.starts_with('/') => absolute.to_owned(),
        Some(relative) => format!("{WORKSPACE}/{relative}"),
    }
}

/// The name of a background command's log: its key, as far as that can be in a file's name.
pub(super) fn log_name(key: &str) -> String {
    let safe =
        |letter: char| if letter.is_ascii_alphanumeric() || "-_".contains(letter) { letter } else { '-' };
    format!("{}.log", key.chars().map(safe).collect::<String>())
}

/// The shell of a terminal.
pub(super) fn shell() -> Vec<String> {
    let script = r"if [ -x /bin/bash ]; then PS1='\w\$ ' exec /bin/bash -i; else exec /bin/sh -i; fi";
    ["/bin/sh", "-c", script].map(String::from).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_named_by_its_key_and_is_never_a_path() {
        assert_eq!(log_name("turn_01:2/../3"), "turn_01-2----3.log");
    }

    #[test]
    fn a_folder_is_below_the_workspace_unless_it_is_absolute() {
        assert_eq!(
            [None, Some(""), Some("a/b"), Some("/tmp")].map(folder),
            ["/workspace", "/workspace", "/workspace/a/b", "/tmp"]
        );
    }
}
