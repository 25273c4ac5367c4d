//! Words of a text, and what two words have in common that are the same to people.

/// Longest word, in characters: what is longer counts up to here. Postgres takes 2,046 bytes.
const WORD_CHARS: usize = 100;

/// The words of a text with where each begins, in bytes.
pub(super) fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    core::iter::from_fn(move || {
        let rest = text.get(at..)?;
        let begin = rest.find(begins_word)?;
        let word = rest.get(begin..)?;
        let end = word.find(|c| !(begins_word(c) || is_mark(c))).unwrap_or(word.len());
        let found = at + begin;
        at = found + end;
        Some((found, word.get(..end)?))
    })
}

fn begins_word(c: char) -> bool {
    c.is_alphanumeric() && !is_mark(c)
}

/// Combining diacritical marks: they belong to the letter before them.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}')
}

/// A word without case and, in Latin letters, without diacritics.
pub(super) fn fold(word: &str) -> String {
    word.chars().flat_map(char::to_lowercase).filter(|c| !is_mark(*c)).map(plain).take(WORD_CHARS).collect()
}

/// The letter under the diacritics.
fn plain(c: char) -> char {
    let place = |first: char| usize::try_from(u32::from(c) - u32::from(first)).unwrap_or(usize::MAX);
    let found = match c {
        'à'..='ɏ' => LATIN.as_bytes().get(place('à')),
        'Ḁ'..='ỿ' => LATIN_ADDITIONAL.as_bytes().get(place('Ḁ')),
        _ => None,
    };
    found.filter(|letter| **letter != b'.').map_or(c, |letter| char::from(*letter))
}

/// U+00E0 to U+024F: the ASCII letter that a small letter is made of (Unicode's canonical decompositions), or a dot.
const LATIN: &str = "\
    aaaaaa.ceeeeiiii.nooooo..uuuuy.y.a.a.a.c.c.c.c.d...e.e.e.e.e.g.g.g.g.h...i.i.i.i.....j.k..l.l.l.\
    ....n.n.n....o.o.o...r.r.r.s.s.s.s.t.t...u.u.u.u.u.u.w.y..z.z.z.................................\
    .o..............u.............................a.i.o.u.u.u.u.u..a.a.....g.k.o.o..j....g...n.a....\
    .a.a.e.e.i.i.o.o.r.r.u.u.s.t...h.......a.e.o.o.o.o.y............................\
    ";

/// U+1E00 to U+1EFF, likewise.
const LATIN_ADDITIONAL: &str = "\
    .a.b.b.b.c.d.d.d.d.d.e.e.e.e.e.f.g.h.h.h.h.h.i.i.k.k.k.l.l.l.l.m.m.m.n.n.n.n.o.o.o.o.p.p.r.r.r.r\
    .s.s.s.s.s.t.t.t.t.u.u.u.u.u.v.v.w.w.w.w.w.x.x.y.z.z.zhtwy.......a.a.a.a.a.a.a.a.a.a.a.a.e.e.e.e\
    .e.e.e.e.i.i.o.o.o.o.o.o.o.o.o.o.o.o.u.u.u.u.u.u.u.y.y.y.y......\
    ";
