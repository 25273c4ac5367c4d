//! The stretch of a text that shows what was looked for.

use slipway_contract::http::search::ExcerptPart;

use super::fold::{fold, words};
use super::{Phrase, Query};

/// Longest excerpt, in characters.
const EXCERPT_CHARS: usize = 240;
/// What of it stands before the first hit, in characters.
const BEFORE_CHARS: usize = 40;
/// Hits that are weighed against each other.
const HITS: usize = 200;
/// What is left out.
const CUT: &str = "…";

/// A place in the text, in bytes.
#[derive(Clone, Copy)]
struct Hit {
    begin: usize,
    end: usize,
    /// Which of the phrases.
    phrase: usize,
}

/// A stretch of `text` around what `query` looks for, in pieces; the beginning, where nothing is found.
pub fn excerpt(text: &str, query: &Query) -> Vec<ExcerptPart> {
    let hits = hits(text, query);
    let first = best(text, &hits);
    let begin = first.map_or(0, |hit| back(text, hit.begin, BEFORE_CHARS));
    let end = forth(text, begin, EXCERPT_CHARS);
    let mut parts = Vec::new();
    let mut push = |text: &str, hit: bool| {
        if !text.is_empty() {
            parts.push(ExcerptPart { text: text.to_owned(), hit });
        }
    };
    if begin > 0 {
        push(CUT, false);
    }
    let mut told = begin;
    for hit in hits.iter().filter(|hit| hit.begin >= begin && hit.end <= end) {
        // Phrases may overlap.
        let from = hit.begin.max(told);
        if from < hit.end {
            push(text.get(told..from).unwrap_or_default(), false);
            push(text.get(from..hit.end).unwrap_or_default(), true);
            told = hit.end;
        }
    }
    push(text.get(told..end).unwrap_or_default(), false);
    if end < text.len() {
        push(CUT, false);
    }
    parts
}

/// Where the phrases stand, in the order of the text.
fn hits(text: &str, query: &Query) -> Vec<Hit> {
    let told: Vec<(usize, usize, String)> =
        words(text).map(|(at, word)| (at, at + word.len(), fold(word))).collect();
    let mut hits = Vec::new();
    for place in 0..told.len() {
        for (phrase, wanted) in query.phrases.iter().enumerate() {
            let Some(there) = told.get(place..place + wanted.words.len()) else { continue };
            if let (Some((begin, ..)), Some((_, end, _)), true) =
                (there.first(), there.last(), stands(wanted, there))
            {
                hits.push(Hit { begin: *begin, end: *end, phrase });
            }
        }
        if hits.len() >= HITS {
            break;
        }
    }
    hits
}

fn stands(wanted: &Phrase, there: &[(usize, usize, String)]) -> bool {
    let last = wanted.words.len() - 1;
    wanted.words.iter().zip(there).enumerate().all(|(at, (wanted_word, (.., word)))| {
        if wanted.beginning && at == last { word.starts_with(wanted_word) } else { word == wanted_word }
    })
}

/// The hit after which most of the phrases stand close together.
fn best<'a>(text: &str, hits: &'a [Hit]) -> Option<&'a Hit> {
    let mut best: Option<(usize, &Hit)> = None;
    for (at, hit) in hits.iter().enumerate() {
        let reach = forth(text, hit.begin, EXCERPT_CHARS - BEFORE_CHARS);
        let close = hits.iter().skip(at).take_while(|other| other.end <= reach);
        // At most as many phrases as words count: a number holds them.
        let seen = close.fold(0_u64, |seen, other| seen | 1 << (other.phrase % 64)).count_ones();
        let seen = usize::try_from(seen).unwrap_or(usize::MAX);
        if best.is_none_or(|(most, _)| seen > most) {
            best = Some((seen, hit));
        }
    }
    best.map(|(_, hit)| hit)
}

/// So many characters before a place; at the beginning of a word where one begins in between.
fn back(text: &str, place: usize, chars: usize) -> usize {
    let before = text.get(..place).unwrap_or_default();
    let Some((far, _)) = before.char_indices().rev().nth(chars.saturating_sub(1)) else { return 0 };
    if far == 0 {
        return 0;
    }
    let stretch = before.get(far..).unwrap_or_default();
    stretch.find(char::is_whitespace).map_or(far, |space| {
        let rest = stretch.get(space..).unwrap_or_default();
        place - rest.trim_start().len()
    })
}

/// So many characters after a place, or the end.
fn forth(text: &str, place: usize, chars: usize) -> usize {
    let rest = text.get(place..).unwrap_or_default();
    rest.char_indices().nth(chars).map_or(text.len(), |(at, _)| place + at)
}
