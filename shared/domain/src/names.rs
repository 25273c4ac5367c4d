//! Texts that people type into one-line fields: what is accepted, and the one form in which it is kept.

use slipway_contract::{Problem, limits};

/// A name or title as it is kept: without spaces around it, 1 to [`limits::NAME_CHARS`] characters, no control characters.
///
/// # Errors
/// `invalid_field` for `field`.
pub fn name(field: &'static str, text: &str) -> Result<String, Problem> {
    line(field, text, 1, limits::NAME_CHARS)
}

/// Longest topic of a channel, in characters.
pub const TOPIC_CHARS: usize = 250;

/// What a channel is for; may be empty.
///
/// # Errors
/// `invalid_field` for `topic`.
pub fn topic(text: &str) -> Result<String, Problem> {
    line("topic", text, 0, TOPIC_CHARS)
}

/// Longest name of a channel, in characters.
pub const CHANNEL_NAME_CHARS: usize = 80;

/// A channel's name: lower-case letters, digits and hyphens, with neither hyphen at an end.
///
/// # Errors
/// `invalid_field` for `name`.
pub fn channel_name(text: &str) -> Result<String, Problem> {
    let fits = (1..=CHANNEL_NAME_CHARS).contains(&text.len())
        && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
        && !text.starts_with('-')
        && !text.ends_with('-');
    if fits {
        return Ok(text.to_owned());
    }
    Err(Problem::field(
        "name",
        format!(
            "a channel's name has 1 to {CHANNEL_NAME_CHARS} of a-z, 0-9 and hyphen, and no hyphen at an end"
        ),
    ))
}

/// Instructions of an agent: any text but the character NUL, which Postgres cannot keep.
///
/// # Errors
/// `invalid_field` for `instructions`.
pub fn instructions(text: &str) -> Result<String, Problem> {
    if text.len() > limits::INSTRUCTIONS_BYTES {
        return Err(Problem::field(
            "instructions",
            format!("must be at most {} bytes long", limits::INSTRUCTIONS_BYTES),
        ));
    }
    if text.contains('\0') {
        return Err(Problem::field("instructions", "must not hold the character NUL"));
    }
    Ok(text.to_owned())
}

/// One line of text, without the spaces around it.
pub(crate) fn line(field: &'static str, text: &str, least: usize, most: usize) -> Result<String, Problem> {
    let text = text.trim();
    let count = text.chars().count();
    if count < least || count > most {
        return Err(Problem::field(field, format!("must have {least} to {most} characters")));
    }
    if text.chars().any(char::is_control) {
        return Err(Problem::field(field, "must not hold control characters"));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_kept_without_the_spaces_around_it() {
        assert_eq!(name("name", "  Ada Lovelace "), Ok("Ada Lovelace".to_owned()));
        assert_eq!(name("name", &"ä".repeat(120)).map(|name| name.len()), Ok(240));
        for wrong in ["", "   ", "a\nb", "a\0b", &"x".repeat(121)] {
            let problem = name("title", wrong).unwrap_err();
            assert_eq!((problem.status, problem.field.as_deref()), (422, Some("title")), "{wrong:?}");
        }
        assert_eq!(topic(""), Ok(String::new()));
    }

    #[test]
    fn a_channel_name_is_lower_case_and_has_no_hyphen_at_an_end() {
        for good in ["a", "general", "q3-plan", "2026", &"x".repeat(80)] {
            assert_eq!(channel_name(good).as_deref(), Ok(good));
        }
        for wrong in ["", "General", "a b", "-a", "a-", "é", &"x".repeat(81)] {
            assert!(channel_name(wrong).is_err(), "{wrong:?}");
        }
    }
}
