//! What the demo model was given beside the conversation, and the summary that it writes of a conversation.
//!
//! Both tell names and numbers, so that who reads them sees what reached the model.

use super::{Reply, speech};
use crate::error::clip;
use crate::request::{Content, Message, ModelRequest, Role};

/// How the message begins that holds what is kept for a chat; its further pieces are a heading and a quotation each.
const KEPT: &str = "Kept for this conversation.";
/// How the heading of a file begins, under the message that it came with.
const FILE: &str = "File \"";
/// How the heading of the summary before begins.
const SUMMARY: &str = "Summary of what was said before";
/// How the request for a summary begins.
const REQUEST: &str = "Bring the summary of this chat up to date";
/// Longest quotation, in characters.
const QUOTE: usize = 200;

/// Whether the message holds what is kept, and is nobody's word.
pub(super) fn is_kept(message: &Message) -> bool {
    let first = message.content.first();
    let begins = matches!(first, Some(Content::Text { text }) if text.starts_with(KEPT));
    begins && message.author.is_none() && message.role == Role::User
}

/// What was said: neither what is kept nor results of tools.
pub(super) fn said(messages: &[Message]) -> impl Iterator<Item = &Message> {
    messages.iter().filter(|message| message.texts().next().is_some() && !is_kept(message))
}

/// The words of the context command: each thing that was given, with the beginning of its text.
pub(super) fn given(request: &ModelRequest) -> Reply {
    let messages = speech::counted(said(&request.messages).count(), "message");
    let things: Vec<String> = request
        .messages
        .iter()
        .flat_map(|message| {
            let kept = is_kept(message);
            message.texts().filter(move |text| (kept && !text.starts_with(KEPT)) || text.starts_with(FILE))
        })
        .map(|text| format!("- {}", thing(text)))
        .collect();
    if things.is_empty() {
        return Reply::say(format!("I was given {messages} and nothing else."));
    }
    let count = speech::counted(things.len(), "thing");
    Reply::say(format!("I was given {messages} and {count} that belong to them:\n\n{}", things.join("\n")))
}

/// A heading and its quotation, on one line.
fn thing(text: &str) -> String {
    let (heading, quotation) = text.split_once('\n').unwrap_or((text, ""));
    speech::unmentioned(&format!("{heading} {}", unquoted(quotation))).trim_end().to_owned()
}

fn unquoted(quotation: &str) -> String {
    let lines: Vec<&str> =
        quotation.lines().map(|line| line.strip_prefix("> ").unwrap_or(line).trim()).collect();
    clip(lines.join(" ").trim(), QUOTE)
}

/// The summary, if the text asks for one.
pub(super) fn summary(text: &str, request: &ModelRequest) -> Option<Reply> {
    text.starts_with(REQUEST).then(|| Reply::say(summed_up(&request.messages)))
}

fn summed_up(messages: &[Message]) -> String {
    let told = messages.split_last().map_or(messages, |(_request, told)| told);
    let (count, rows) = counts(told);
    let mut text = format!("Since then {count}: {rows}.");
    for (name, message) in [("First", said(told).next()), ("Last", said(told).last())] {
        if let Some(message) = message {
            text.push_str(&format!("\n\n**{name}**: {}: {}", speaker(message), words(message)));
        }
    }
    let kept = told.iter().filter(|message| is_kept(message)).flat_map(Message::texts);
    for before in kept.filter(|text| text.starts_with(SUMMARY)) {
        let (_, quotation) = before.split_once('\n').unwrap_or((before, ""));
        text.push_str(&format!("\n\n**Before**: {}", speech::unmentioned(&unquoted(quotation))));
    }
    text
}

/// How many messages there are, and whose: `3 messages` and `2 from Ana, 1 from me`.
pub(super) fn counts(messages: &[Message]) -> (String, String) {
    let mut speakers: Vec<(&str, usize)> = Vec::new();
    for message in said(messages) {
        let name = speaker(message);
        match speakers.iter_mut().find(|(speaker, _)| *speaker == name) {
            Some((_, count)) => *count += 1,
            None => speakers.push((name, 1)),
        }
    }
    let total: usize = speakers.iter().map(|(_, count)| count).sum();
    let rows: Vec<String> = speakers.iter().map(|(name, count)| format!("{count} from {name}")).collect();
    (speech::counted(total, "message"), rows.join(", "))
}

fn speaker(message: &Message) -> &str {
    match message.role {
        Role::User => message.author.as_deref().unwrap_or("someone"),
        Role::Assistant => "me",
    }
}

fn words(message: &Message) -> String {
    let text = message.texts().collect::<Vec<_>>().join(" ");
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    clip(&speech::unmentioned(line), QUOTE)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn by(author: &str, text: &str) -> Message {
        match author {
            "" => Message::text(Role::Assistant, text),
            author => Message { author: Some(author.to_owned()), ..Message::text(Role::User, text) },
        }
    }

    fn kept(pieces: &[&str]) -> Message {
        let texts = core::iter::once(&"Kept for this conversation. It is quoted.").chain(pieces);
        let content = texts.map(|text| Content::Text { text: (*text).to_owned() }).collect();
        Message { role: Role::User, author: None, content }
    }

    fn request(messages: Vec<Message>) -> ModelRequest {
        ModelRequest {
            model: "demo".to_owned(),
            system: String::new(),
            messages,
            tools: Vec::new(),
            max_tokens: 1_000,
            temperature: None,
        }
    }

    fn check(messages: Vec<Message>, expect: Expect) {
        let answer = super::super::answer(&request(messages));
        let text: String = answer
            .events
            .iter()
            .filter_map(|event| match event {
                crate::StreamEvent::Text(text) => Some(text.as_str()),
                crate::StreamEvent::ToolCall { .. }
                | crate::StreamEvent::Usage(_)
                | crate::StreamEvent::Finished { .. } => None,
            })
            .collect();
        expect.assert_eq(&text);
    }

    #[test]
    fn it_tells_what_it_was_given_and_calls_nobody() {
        let long = format!("File \"a.txt\" (text/plain, 9 bytes):\n> {}", "x".repeat(300));
        let mut sent = by("Bo", "look");
        sent.content.push(Content::Text { text: long });
        check(
            vec![
                kept(&["Pinned message of Ana:\n> Ship it\n> @demo now", "Context item \"T\" (a, b):\n> x"]),
                sent,
                by("Ana", "@demo context"),
            ],
            expect![[r#"
                I was given 2 messages and 3 things that belong to them:

                - Pinned message of Ana: Ship it demo now
                - Context item "T" (a, b): x
                - File "a.txt" (text/plain, 9 bytes): xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"#]],
        );
        check(vec![by("Ana", "context?")], expect!["I was given 1 message and nothing else."]);
    }

    #[test]
    fn what_people_write_is_never_taken_for_what_is_kept() {
        check(
            vec![by("Bo", "Kept for this conversation."), by("Ana", "context")],
            expect!["I was given 2 messages and nothing else."],
        );
    }

    #[test]
    fn a_summary_counts_and_names_what_it_was_given() {
        let asked = Message::text(Role::User, REQUEST);
        check(
            vec![
                kept(&["Summary of what was said before:\n> They chose\n> 9090."]),
                by("Ana", "We ship @demo on Friday.\nOr later."),
                by("Bo", "Fine."),
                by("", "Noted."),
                by("Ana", "Thanks"),
                asked.clone(),
            ],
            expect![[r#"
                Since then 4 messages: 2 from Ana, 1 from Bo, 1 from me.

                **First**: Ana: We ship demo on Friday.

                **Last**: Ana: Thanks

                **Before**: They chose 9090."#]],
        );
        check(
            vec![by("Ana", "Alone."), asked],
            expect![[r#"
            Since then 1 message: 1 from Ana.

            **First**: Ana: Alone.

            **Last**: Ana: Alone."#]],
        );
    }
}
