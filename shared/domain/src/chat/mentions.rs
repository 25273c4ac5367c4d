//! What a message's text says to Slipway: whom it mentions, and how it starts.

use slipway_contract::limits;

/// The `@slug`s of a text in order of first mention, each once, at most five; none inside code.
///
/// A mention starts at the text's start or behind a character that is no letter or digit, so addresses are none.
pub fn mentions(text: &str) -> Vec<&str> {
    let mut found: Vec<&str> = Vec::new();
    for prose in outside_code(text) {
        let mut before = None;
        let mut rest = prose;
        while let Some(at) = rest.find('@') {
            let (head, tail) = rest.split_at(at);
            let after = tail.strip_prefix('@').unwrap_or_default();
            let glued = head.chars().next_back().or(before).is_some_and(char::is_alphanumeric);
            let end = after
                .find(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'))
                .unwrap_or(after.len());
            let (slug, further) = after.split_at(end);
            let slug = slug.trim_end_matches('-');
            if !glued
                && !slug.is_empty()
                && !found.contains(&slug)
                && found.len() < limits::MENTIONS_PER_MESSAGE
            {
                found.push(slug);
            }
            before = Some(slug.chars().next_back().unwrap_or('@'));
            rest = further;
        }
    }
    found
}

/// The stretches of Markdown that lie outside fenced blocks and code spans.
fn outside_code(text: &str) -> Vec<&str> {
    let mut prose = Vec::new();
    let mut fence: Option<&str> = None;
    for line in text.lines() {
        let start = line.trim_start();
        let marker = ["```", "~~~"].into_iter().find(|marker| start.starts_with(marker));
        match (fence, marker) {
            (None, Some(marker)) => fence = Some(marker),
            (Some(open), Some(marker)) if open == marker => fence = None,
            (Some(_), _) => {}
            (None, None) => prose.extend(line.split('`').step_by(2)),
        }
    }
    prose
}

/// The first line with text, at most 140 characters, for lists.
pub fn preview(text: &str) -> String {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    line.chars().take(140).collect()
}

/// How a message is shown in lists: by its text, or by its first file where it has none.
pub fn preview_of(text: &str, file: Option<&str>) -> String {
    let said = preview(text);
    if said.is_empty() { preview(file.unwrap_or_default()) } else { said }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mention_is_a_slug_behind_an_at_sign_outside_code() {
        let check = |text: &str, expected: &[&str]| assert_eq!(mentions(text), expected, "{text}");
        check("@demo hello", &["demo"]);
        check("ask (@demo) and @code-review. Then @demo again", &["demo", "code-review"]);
        check("mail ada@demo.org or x@demo", &[]);
        check("`@demo` and\n```\n@demo\n```\n@other", &["other"]);
        check("~~~\n@demo\n```\n@demo", &[]);
        check("@", &[]);
        check("@@demo", &["demo"]);
        check("@demo- what", &["demo"]);
        check("é@demo", &[]);
        check("@a1 @a2 @a3 @a4 @a5 @a6", &["a1", "a2", "a3", "a4", "a5"]);
    }

    #[test]
    fn a_preview_is_the_first_line_with_text() {
        assert_eq!(preview("\n  Hello there \nmore"), "Hello there");
        assert_eq!(preview(&"é".repeat(200)).chars().count(), 140);
        assert_eq!(preview(""), "");
    }
}
