//! Accounts: what an address and a password must be. The session and the throttle have their own files.

pub mod session;
pub mod throttle;

use slipway_contract::{Problem, limits};

/// Longest address, in bytes (RFC 5321 limits a path to 256 with its brackets).
const EMAIL_BYTES: usize = 254;
/// Longest part before the `@`, in bytes (RFC 5321, section 4.5.3.1.1).
const LOCAL_PART_BYTES: usize = 64;

/// An address in the one form in which it is kept and compared: trimmed, lower case.
///
/// Only the shape is checked; whether it receives mail is not ours to know. ASCII only: two addresses that look alike
/// must not be two accounts.
///
/// # Errors
/// `invalid_field` for `email`.
pub fn email(text: &str) -> Result<String, Problem> {
    let text = text.trim().to_ascii_lowercase();
    let shaped = text.split_once('@').is_some_and(|(local, host)| {
        (1..=LOCAL_PART_BYTES).contains(&local.len())
            && !host.is_empty()
            && host.split('.').all(|label| !label.is_empty() && label.len() <= 63)
    });
    let spelled = text.chars().all(|char| char.is_ascii_graphic() && !matches!(char, '<' | '>' | ',' | ';'));
    let one_at = text.matches('@').count() == 1;
    if shaped && spelled && one_at && text.len() <= EMAIL_BYTES {
        Ok(text)
    } else {
        Err(Problem::field("email", "must be an e-mail address, as in ada@example.org"))
    }
}

/// A password that may be chosen. Length only: rules of composition make worse passwords (NIST SP 800-63B, 5.1.1.2).
///
/// # Errors
/// `invalid_field` for `password`.
pub fn password(text: &str) -> Result<(), Problem> {
    let allowed = limits::PASSWORD_CHARS;
    if allowed.contains(&text.chars().count()) {
        return Ok(());
    }
    Err(Problem::field("password", format!("must have {} to {} characters", allowed.start(), allowed.end())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_kept_in_lower_case() {
        assert_eq!(email(" Ada@Example.ORG "), Ok("ada@example.org".to_owned()));
        assert_eq!(email("o'brien+x@localhost"), Ok("o'brien+x@localhost".to_owned()));
        let long = format!("{}@example.org", "x".repeat(65));
        for wrong in [
            "",
            "ada",
            "@example.org",
            "ada@",
            "a@b@c",
            "a b@c",
            "a@b..c",
            "a@b\0",
            "<a@b>",
            "é@b",
            long.as_str(),
        ] {
            assert!(email(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_password_is_judged_by_its_length_in_characters() {
        assert!(password("correct horse").is_ok() && password(&"é".repeat(10)).is_ok());
        assert!(password("short").is_err() && password(&"x".repeat(257)).is_err());
    }
}
