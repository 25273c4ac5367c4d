//! What people look for, and where it stands in a text: the words of both, in the forms that SQLite and Postgres take.
//!
//! Invariant: what people type is text. Whatever comes in renders to a query that FTS5 and Postgres accept, and never to
//! more of their syntax than words, phrases and one beginning of a word. A word is a run of letters and digits, without
//! case and, in Latin letters, without diacritics: what `unicode61 remove_diacritics 2` makes of it.

mod excerpt;
mod fold;

use slipway_contract::{Problem, ProblemCode, limits};

pub use self::excerpt::excerpt;
use self::fold::{fold, words};

/// What somebody looks for: each phrase must occur.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    phrases: Vec<Phrase>,
}

/// Words that stand next to each other; most often one.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Phrase {
    /// As it was typed, without quotes and control characters.
    typed: String,
    /// Its words, folded; at least one.
    words: Vec<String>,
    /// The last word may be the beginning of one.
    beginning: bool,
}

impl Query {
    /// Reads what was typed: 1 to [`limits::SEARCH_CHARS`] characters, of which [`limits::SEARCH_WORDS`] words count.
    ///
    /// # Errors
    /// `invalid_parameter`.
    pub fn parse(typed: &str) -> Result<Self, Problem> {
        if typed.is_empty() || typed.chars().nth(limits::SEARCH_CHARS).is_some() {
            let detail = format!("q must have 1 to {} characters", limits::SEARCH_CHARS);
            return Err(Problem::new(ProblemCode::InvalidParameter).detail(detail));
        }
        let mut query = Self { phrases: Vec::new() };
        let mut left = limits::SEARCH_WORDS;
        // Every second piece stands between quotes; one whose closing quote is missing is being typed.
        let mut pieces = typed.split('"').peekable();
        let mut quoted = false;
        while let Some(piece) = pieces.next() {
            if quoted {
                query.add(piece, &mut left, pieces.peek().is_none());
            } else {
                for chunk in piece.split(|c: char| c.is_whitespace() || c.is_control()) {
                    query.add(chunk, &mut left, true);
                }
            }
            quoted = !quoted;
        }
        let last = query.phrases.len().saturating_sub(1);
        for phrase in query.phrases.iter_mut().take(last) {
            phrase.beginning = false;
        }
        Ok(query)
    }

    /// Words that were typed without a space between them (`foo.bar`, `half-open`) are looked for as they stand.
    fn add(&mut self, typed: &str, left: &mut usize, beginning: bool) {
        let mut phrase = Phrase { typed: String::new(), words: Vec::new(), beginning };
        let mut end = typed.len();
        for (at, word) in words(typed) {
            if phrase.words.len() == *left {
                (end, phrase.beginning) = (at, false);
                break;
            }
            phrase.words.push(fold(word));
        }
        *left -= phrase.words.len();
        if !phrase.words.is_empty() {
            let kept = typed.get(..end).unwrap_or(typed);
            phrase.typed = kept.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
            self.phrases.push(phrase);
        }
    }

    /// Whether there is nothing to look for.
    pub fn is_empty(&self) -> bool {
        self.phrases.is_empty()
    }

    /// For `MATCH` of FTS5: quoted strings, which its own tokenizer takes apart. Between them stands an implicit AND,
    /// which, other than the written one, passes over a string that the tokenizer finds no word in.
    pub fn fts5(&self) -> String {
        let phrases = self.phrases.iter().map(|phrase| {
            let star = if phrase.beginning { "*" } else { "" };
            format!("\"{}\"{star}", phrase.typed)
        });
        phrases.collect::<Vec<_>>().join(" ")
    }

    /// For a cast to `tsquery`, to be held against what [`tsvector`] gave. Folded words hold no character that means
    /// something there.
    pub fn tsquery(&self) -> String {
        let phrases = self.phrases.iter().map(|phrase| {
            let last = phrase.words.len() - 1;
            let words = phrase.words.iter().enumerate().map(|(at, word)| {
                let star = if phrase.beginning && at == last { ":*" } else { "" };
                format!("'{word}'{star}")
            });
            format!("({})", words.collect::<Vec<_>>().join(" <-> "))
        });
        phrases.collect::<Vec<_>>().join(" & ")
    }
}

/// A text for a cast to `tsvector`: its words and where they stand. Made here and not by `to_tsvector`, whose parser keeps
/// addresses, paths and numbers with signs in one piece, and depends on the database's locale.
pub fn tsvector(text: &str) -> String {
    use core::fmt::Write as _;
    let mut vector = String::with_capacity(text.len() * 2);
    for (at, (_, word)) in words(text).enumerate() {
        // Writing to a text cannot fail.
        let _written = write!(vector, "'{}':{} ", fold(word), at + 1);
    }
    vector
}

/// The words of a text as they are looked for, in its order, as often as they occur.
pub(crate) fn folded(text: &str) -> impl Iterator<Item = String> {
    words(text).map(|(_, word)| fold(word))
}

/// How many items a page of what was found has.
///
/// # Errors
/// `invalid_parameter`.
pub fn page_limit(wanted: Option<u32>) -> Result<u32, Problem> {
    let limit = wanted.unwrap_or(limits::FOUND_DEFAULT);
    if (1..=limits::FOUND_MAX).contains(&limit) {
        return Ok(limit);
    }
    let detail = format!("limit must be 1 to {}", limits::FOUND_MAX);
    Err(Problem::new(ProblemCode::InvalidParameter).detail(detail))
}

#[cfg(test)]
mod tests;
