//! Names and texts that go into a container. All of them are injective: no two sandboxes, and no two commands of one, get
//! the same name.

use core::fmt::Write as _;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use slipway_contract::SandboxId;
use slipway_contract::objects::executor::StartExec;

/// Longest argument, in bytes: Linux takes 128 KiB for each.
const PART_BYTES: usize = 96 * 1024;

/// A sandbox's name at the bridge, which takes `[a-z2-7]{1,128}`: the id's 16 bytes as base32 without padding.
pub(super) fn container(sandbox: SandboxId) -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let id = sandbox.uuid().as_u128();
    // 26 letters of five bits; the last one has two zeros at its end.
    (0..26_u32)
        .map(|at| {
            let low = 123 - i64::from(at) * 5;
            let bits = if low >= 0 { id >> low } else { id << -low };
            let letter = usize::try_from(bits & 31).ok().and_then(|bits| LETTERS.get(bits));
            char::from(letter.copied().unwrap_or(b'a'))
        })
        .collect()
}

/// A command's name as that of a folder.
pub(super) fn run(key: &str) -> String {
    let mut name = String::with_capacity(key.len());
    for byte in key.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'-' {
            name.push(char::from(byte));
        } else {
            // Writing to a text does not fail.
            let _written = write!(name, "_{byte:02x}");
        }
    }
    name
}

/// The log of a command in the background, as the contract names it.
pub(super) fn log(key: &str) -> String {
    let plain = |char: char| if char.is_ascii_alphanumeric() || "-_".contains(char) { char } else { '-' };
    format!("{}.log", key.chars().map(plain).collect::<String>())
}

/// The shell script that becomes a command; its first argument is the workspace. `None`: it cannot be written.
pub(super) fn script(wanted: &StartExec) -> Option<String> {
    let mut script = "cd -- \"$1\" || exit 127\n".to_owned();
    if let Some(cwd) = &wanted.cwd {
        let cwd = if cwd.starts_with('/') { cwd.clone() } else { format!("./{cwd}") };
        script.push_str(&format!("cd -- {} || exit 127\n", quoted(&cwd)?));
    }
    for (name, value) in &wanted.env {
        let named = !name.starts_with(|char: char| char.is_ascii_digit())
            && !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !named {
            return None;
        }
        script.push_str(&format!("export {name}={}\n", quoted(value)?));
    }
    script.push_str("exec");
    for word in &wanted.argv {
        script.push(' ');
        script.push_str(&quoted(word)?);
    }
    script.push('\n');
    (!wanted.argv.is_empty()).then_some(script)
}

/// Bytes as arguments that any shell leaves as they are.
pub(super) fn parts(bytes: &[u8]) -> Vec<String> {
    // Whole groups of three bytes, so that the parts together are one text.
    bytes.chunks(PART_BYTES / 4 * 3).map(|part| STANDARD.encode(part)).collect()
}

/// A text as one word of a shell.
fn quoted(text: &str) -> Option<String> {
    (!text.contains('\0')).then(|| format!("'{}'", text.replace('\'', "'\\''")))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use expect_test::expect;

    use super::*;

    fn wanted(argv: &[&str]) -> StartExec {
        StartExec {
            argv: argv.iter().map(|word| (*word).to_owned()).collect(),
            cwd: None,
            env: BTreeMap::new(),
            timeout_ms: 1_000,
            detach: false,
        }
    }

    #[test]
    fn a_sandbox_has_the_name_that_base32_gives_its_bytes() {
        // Python: base64.b32encode(bytes.fromhex("0000000000017fffbfffffffffffffff")).
        let id: SandboxId = "sbx_00000000000170008000000000000000".parse().unwrap();
        assert_eq!(container(id), "aaaaaaaaafyabaaaaaaaaaaaaa");
        let names: std::collections::BTreeSet<String> =
            (0..=255).map(|last| container(SandboxId::fresh(1, [last; 10]))).collect();
        assert_eq!(names.len(), 256);
        assert!(names.iter().all(|name| name.len() == 26));
    }

    #[test]
    fn no_two_commands_have_one_name() {
        let keys = ["turn.1", "turn-1", "turn_1", "turn_2e1", "turn/1", "../x", "ä"];
        let names = keys.map(run);
        expect!["turn_2e1 turn-1 turn_5f1 turn_5f2e1 turn_2f1 _2e_2e_2fx _c3_a4"].assert_eq(&names.join(" "));
        assert_eq!(log("../turn_1"), "---turn_1.log");
    }

    #[test]
    fn words_are_taken_as_they_are() {
        let run = StartExec {
            cwd: Some("-a b".to_owned()),
            env: BTreeMap::from([("K".to_owned(), "it's $HOME".to_owned())]),
            ..wanted(&["sh", "-lc", "echo \"$K\" '`'"])
        };
        expect![[r#"
            cd -- "$1" || exit 127
            cd -- './-a b' || exit 127
            export K='it'\''s $HOME'
            exec 'sh' '-lc' 'echo "$K" '\''`'\'''
        "#]]
        .assert_eq(&script(&run).unwrap());
        assert_eq!(script(&wanted(&["a\0b"])), None);
        assert_eq!(script(&wanted(&[])), None);
        let named = StartExec { env: BTreeMap::from([("a b".to_owned(), String::new())]), ..wanted(&["x"]) };
        assert_eq!(script(&named), None);
    }

    #[test]
    fn parts_are_one_text_together() {
        let bytes: Vec<u8> = (0..200_000_u32).map(|n| (n % 251) as u8).collect();
        let all = parts(&bytes);
        assert!(all.len() > 1 && all.iter().all(|part| part.len() <= PART_BYTES));
        assert_eq!(STANDARD.decode(all.concat()).unwrap(), bytes);
    }
}
