//! What a message's text says to Slipway: whom it mentions, and how it starts.
//!
//! A mention starts at the text's start or behind a character that is no letter or digit, so addresses are none; and none
//! stands inside code.

use slipway_contract::{Actor, ParticipantId, UserId, limits};

use super::Chat;

/// Most `@` of a text behind which names of people are looked for: every one is held against all participants.
const LOOKED_AT: usize = 50;

/// The `@slug`s of a text in order of first mention, each once, at most five.
pub fn mentions(text: &str) -> Vec<&str> {
    let mut found: Vec<&str> = Vec::new();
    for after in behind_at_signs(text) {
        let end = after
            .find(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'))
            .unwrap_or(after.len());
        let (slug, _) = after.split_at(end);
        let slug = slug.trim_end_matches('-');
        if !slug.is_empty() && !found.contains(&slug) && found.len() < limits::MENTIONS_PER_MESSAGE {
            found.push(slug);
        }
    }
    found
}

impl Chat {
    /// People whom a message of `author` concerns, each once, at most 20: those whose message it answers, and those whom
    /// it names as `@Name`. Of several names that fit, the longest counts; case does not.
    pub(super) fn concerned(
        &self,
        author: Actor,
        text: &str,
        answered: Option<ParticipantId>,
    ) -> Vec<UserId> {
        let mut found: Vec<UserId> = Vec::new();
        let mut add = |id: ParticipantId| {
            if let ParticipantId::User { id } = id
                && author.participant() != Some(ParticipantId::User { id })
                && !found.contains(&id)
                && found.len() < limits::PEOPLE_MENTIONED
            {
                found.push(id);
            }
        };
        answered.filter(|id| self.person(*id).is_some()).into_iter().for_each(&mut add);
        for after in behind_at_signs(text).take(LOOKED_AT) {
            let fitting = || {
                self.people.iter().filter_map(|person| match person.participant.id {
                    ParticipantId::User { .. } => {
                        Some((named(after, &person.participant.name)?, person.participant.id))
                    }
                    ParticipantId::Agent { .. } => None,
                })
            };
            let longest = fitting().map(|(length, _)| length).max();
            fitting().filter(|(length, _)| Some(*length) == longest).for_each(|(_, id)| add(id));
        }
        found
    }
}

/// What stands behind each `@` that may begin a mention.
fn behind_at_signs(text: &str) -> impl Iterator<Item = &str> {
    // Most texts have none, and then where their code stands does not matter.
    let prose = if text.contains('@') { outside_code(text) } else { Vec::new() };
    prose.into_iter().flat_map(|prose| {
        prose.match_indices('@').filter_map(move |(at, sign)| {
            let (before, rest) = prose.split_at_checked(at)?;
            let glued = before.chars().next_back().is_some_and(char::is_alphanumeric);
            rest.strip_prefix(sign).filter(|_| !glued)
        })
    })
}

/// How many bytes of `text` a name takes that stands at its start, whatever the case, and ends there.
fn named(text: &str, name: &str) -> Option<usize> {
    let mut wanted = name.chars().flat_map(char::to_lowercase).peekable();
    wanted.peek()?;
    let mut rest = text.char_indices();
    loop {
        let (at, next) = match rest.next() {
            Some((at, next)) => (at, Some(next)),
            None => (text.len(), None),
        };
        if wanted.peek().is_none() {
            return (!next.is_some_and(char::is_alphanumeric)).then_some(at);
        }
        if !next?.to_lowercase().all(|c| wanted.next() == Some(c)) {
            return None;
        }
    }
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
