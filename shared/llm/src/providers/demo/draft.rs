//! The demo model drafts what came of a side discussion: of what was said it takes the last statement for the decision, the
//! others for the reasons, and questions for what is open.

use super::{Reply, speech};
use crate::error::clip;
use crate::request::{Message, ModelRequest, Role};

/// How the request for a draft begins.
const REQUEST: &str = "Draft the summary of this side discussion";
/// Most statements, and most questions, of a draft.
const POINTS: usize = 10;
/// Longest quotation, in characters.
const QUOTE: usize = 200;

/// Something that was said, by its number.
struct Said<'a> {
    author: &'a str,
    text: String,
    number: u64,
}

impl Said<'_> {
    fn is_question(&self) -> bool {
        self.text.ends_with('?')
    }

    fn cited(&self) -> String {
        format!("{} [{}]", self.text, self.number)
    }
}

/// The draft, if the text asks for one.
pub(super) fn answer(text: &str, request: &ModelRequest) -> Option<Reply> {
    text.starts_with(REQUEST).then(|| Reply::say(draft(&request.messages)))
}

fn draft(messages: &[Message]) -> String {
    let (questions, mut statements): (Vec<Said<'_>>, Vec<Said<'_>>) =
        messages.iter().filter_map(said).partition(Said::is_question);
    let decision = statements.pop().map_or_else(|| "Nothing was decided.".to_owned(), |last| last.cited());
    let reasons = points(&statements, |one| format!("- {}: {}", one.author, one.cited()));
    let open = points(&questions, |one| format!("- {}", one.cited()));
    format!("**Decision**\n\n{decision}\n\n**Reasons**\n\n{reasons}\n\n**Open points**\n\n{open}")
}

/// The last of them, one a line.
fn points(said: &[Said<'_>], line: impl Fn(&Said<'_>) -> String) -> String {
    let lines: Vec<String> = said.iter().skip(said.len().saturating_sub(POINTS)).map(line).collect();
    if lines.is_empty() { "None.".to_owned() } else { lines.join("\n") }
}

/// What others said under a number: `[12] text`, its first line.
fn said(message: &Message) -> Option<Said<'_>> {
    let text = message.texts().next().filter(|_| message.role == Role::User)?;
    let (number, text) = text.strip_prefix('[')?.split_once("] ")?;
    let line = speech::unmentioned(text.lines().map(str::trim).find(|line| !line.is_empty())?);
    let text = clip(&line, QUOTE).trim().to_owned();
    Some(Said { author: message.author.as_deref().unwrap_or("Somebody"), text, number: number.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(said: &[(&str, &str)], expect: Expect) {
        let messages: Vec<Message> = said
            .iter()
            .map(|(author, text)| match *author {
                "" => Message::text(Role::Assistant, *text),
                author => Message { author: Some(author.to_owned()), ..Message::text(Role::User, *text) },
            })
            .collect();
        expect.assert_eq(&draft(&messages));
    }

    #[test]
    fn the_last_statement_is_the_decision_and_questions_stay_open() {
        check(
            &[
                ("Ana", "What led here has no number."),
                ("Ana", "[8] 8080 is taken\nby the proxy"),
                ("Bo", "[9] @demo who owns 9090?"),
                ("", "[10] **Decision** an earlier draft"),
                ("Bo", "[11] Then 9090."),
            ],
            expect![[r#"
                **Decision**

                Then 9090. [11]

                **Reasons**

                - Ana: 8080 is taken [8]

                **Open points**

                - demo who owns 9090? [9]"#]],
        );
    }

    #[test]
    fn where_nothing_was_said_nothing_is_made_up() {
        check(
            &[("Ana", "Ports"), ("Ana", "[x] no number"), ("Ana", "[7]")],
            expect![[r#"
                **Decision**

                Nothing was decided.

                **Reasons**

                None.

                **Open points**

                None."#]],
        );
    }
}
