//! Queries as both databases get them, and excerpts.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;

fn check(typed: &str, expected: &Expect) {
    let query = Query::parse(typed).unwrap();
    expected.assert_eq(&format!("{}   {}", query.fts5(), query.tsquery()));
}

/// Hits between brackets.
fn shown(text: &str, typed: &str) -> String {
    let parts = excerpt(text, &Query::parse(typed).unwrap());
    parts.iter().map(|part| if part.hit { format!("[{}]", part.text) } else { part.text.clone() }).collect()
}

#[test]
fn each_word_must_occur_and_the_last_may_be_a_beginning() {
    check("deploy gate", &expect![[r#""deploy" "gate"*   ('deploy') & ('gate':*)"#]]);
    check("  Café!  ", &expect![[r#""Café!"*   ('cafe':*)"#]]);
}

#[test]
fn words_between_quotes_stand_next_to_each_other() {
    check("\"roll back\" now", &expect![[r#""roll back" "now"*   ('roll' <-> 'back') & ('now':*)"#]]);
    check("now \"roll back\"", &expect![[r#""now" "roll back"   ('now') & ('roll' <-> 'back')"#]]);
    check("\"roll ba", &expect![[r#""roll ba"*   ('roll' <-> 'ba':*)"#]]);
    check("say\"roll back\"", &expect![[r#""say" "roll back"   ('say') & ('roll' <-> 'back')"#]]);
}

#[test]
fn what_was_typed_without_a_space_is_looked_for_as_it_stands() {
    check("user_id=7", &expect![[r#""user_id=7"*   ('user' <-> 'id' <-> '7':*)"#]]);
}

#[test]
fn operators_of_the_databases_are_words_or_nothing() {
    check("a AND NOT b", &expect![[r#""a" "AND" "NOT" "b"*   ('a') & ('and') & ('not') & ('b':*)"#]]);
    check("NEAR(a b, 2)", &expect![[r#""NEAR(a" "b," "2)"*   ('near' <-> 'a') & ('b') & ('2':*)"#]]);
    check("text:a* ^b", &expect![[r#""text:a*" "^b"*   ('text' <-> 'a') & ('b':*)"#]]);
    check(
        "it's a\\'b:* | !c",
        &expect![[r#""it's" "a\'b:*" "!c"*   ('it' <-> 's') & ('a' <-> 'b') & ('c':*)"#]],
    );
    check("a\0b", &expect![[r#""a" "b"*   ('a') & ('b':*)"#]]);
    check("\"a\0b\"", &expect![[r#""a b"   ('a' <-> 'b')"#]]);
}

#[test]
fn punctuation_and_emoji_alone_are_nothing_to_look_for() {
    for typed in ["!", "\"", "\"\"", " ", "\0", "🚀 👍🏽", "' OR 1=", "\u{301}", "\u{202e}", &"?".repeat(200)]
    {
        let query = Query::parse(typed).unwrap();
        assert_eq!(query.is_empty(), !typed.contains("OR"), "{typed:?}");
    }
}

#[test]
fn a_text_of_1_to_200_characters_is_taken_and_12_of_its_words_count() {
    assert!(Query::parse("").is_err());
    assert!(Query::parse(&"é".repeat(201)).is_err());
    assert!(Query::parse(&"é".repeat(200)).is_ok());
    let many = (1..=20).map(|n| n.to_string()).collect::<Vec<_>>();
    let query = Query::parse(&many.join(" ")).unwrap();
    assert!(query.tsquery().ends_with("('11') & ('12':*)"), "{}", query.tsquery());
    let query = Query::parse(&many.join(".")).unwrap();
    assert!(query.tsquery().ends_with("<-> '11' <-> '12')"), "{}", query.tsquery());
    assert!(query.fts5().ends_with("11.12.\""), "{}", query.fts5());
}

#[test]
fn case_and_latin_diacritics_do_not_tell_words_apart() {
    for (one, other) in [
        ("Ångström", "angstrom"),
        ("e\u{301}te\u{301}", "été"),
        ("ĐIỆN", "điện"),
        ("ÇA", "ca"),
        ("ΣΑΣ", "σας"),
        ("İx", "ix"),
        ("Ǻ", "a"),
        ("ỹ", "Y"),
        ("ž", "z"),
        ("ȳ", "y"),
    ] {
        let same = |text| Query::parse(text).unwrap().tsquery().replace('ς', "σ");
        assert_eq!(same(one), same(other));
    }
    let apart = |one, other| Query::parse(one).unwrap().tsquery() != Query::parse(other).unwrap().tsquery();
    assert!(apart("й", "и") && apart("ø", "o") && apart("æ", "a"));
}

#[test]
fn a_text_becomes_its_words_and_their_places() {
    expect!["'see':1 'https':2 'x':3 'io':4 'a':5 'b':6 "].assert_eq(&tsvector("See https://x.io/a-b 🚀"));
    let long = tsvector(&"x".repeat(3_000));
    assert_eq!(long.len(), 100 + "'':1 ".len());
}

#[test]
fn an_excerpt_shows_the_hits_in_their_surroundings() {
    expect!["We [deploy] the [gateway] today"]
        .assert_eq(&shown("We deploy the gateway today", "deploy gate"));
    expect!["[Café], and more [cafes]"].assert_eq(&shown("Café, and more cafes", "cafe"));
    expect!["a [half-open] door, not half"].assert_eq(&shown("a half-open door, not half", "half-open"));
    expect!["[ab] [a b]"].assert_eq(&shown("ab a b", "ab \"a b\""));
    expect!["nothing here"].assert_eq(&shown("nothing here", "absent"));
    assert_eq!(excerpt("", &Query::parse("a").unwrap()), []);
}

#[test]
fn an_excerpt_is_cut_where_most_of_it_is_close_together() {
    let text = format!("one {} one two {}", "x ".repeat(300), "y ".repeat(300));
    let shown = shown(&text, "one two");
    assert!(shown.starts_with("…x x"), "{shown}");
    assert!(shown.contains("[one] [two] y"), "{shown}");
    assert!(shown.ends_with("y…") || shown.ends_with("y …"), "{shown}");
    assert!(shown.chars().count() < 240 + 10, "{shown}");
}

#[test]
fn a_page_has_1_to_50_items() {
    assert_eq!(page_limit(None), Ok(20));
    assert_eq!((page_limit(Some(1)), page_limit(Some(50))), (Ok(1), Ok(50)));
    assert!(page_limit(Some(0)).is_err() && page_limit(Some(51)).is_err());
}

/// The quoted strings of a query for FTS5, if it is nothing else.
fn strings(rendered: &str) -> Option<usize> {
    let (mut rest, mut count) = (rendered, 0);
    while !rest.is_empty() {
        let (inside, after) = rest.strip_prefix('"')?.split_once('"')?;
        if inside.contains('\0') {
            return None;
        }
        count += 1;
        rest = match after.strip_prefix('*') {
            Some("") | None if after.is_empty() || after == "*" => "",
            Some(_) => return None,
            None => after.strip_prefix(' ')?,
        };
    }
    Some(count)
}

proptest! {
    #[test]
    fn whatever_is_typed_renders_to_words_alone(typed in "[\\PC\\x00-\\x1f\"'*:()&|!<>\\\\^-]{1,60}") {
        let query = Query::parse(&typed).unwrap();
        prop_assert_eq!(strings(&query.fts5()), Some(query.phrases.len()));
        for phrase in query.tsquery().split(" & ").filter(|phrase| !phrase.is_empty()) {
            let inside = phrase.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).unwrap();
            for word in inside.split(" <-> ") {
                let word = word.strip_suffix(":*").unwrap_or(word);
                let word = word.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')).unwrap();
                prop_assert!(!word.is_empty() && word.chars().all(char::is_alphanumeric), "{}", word);
            }
        }
    }

    #[test]
    fn an_excerpt_is_a_stretch_of_the_text(text in "[\\PC\\n]{0,400}", typed in "\\PC{1,20}") {
        let parts = excerpt(&text, &Query::parse(&typed).unwrap());
        let whole: String = parts.iter().map(|part| part.text.as_str()).collect();
        let inside = whole.strip_prefix('…').unwrap_or(&whole);
        prop_assert!(text.contains(inside.strip_suffix('…').unwrap_or(inside)) || text.contains(&whole));
        prop_assert!(parts.iter().all(|part| !part.text.is_empty()));
    }

    #[test]
    fn words_that_are_copied_from_a_text_are_found_in_it(text in "\\PC{1,120}", from in 0..20_usize, count in 1..9_usize) {
        let text = text.replace('"', "'");
        let places = words(&text).map(|(at, word)| (at, at + word.len())).collect::<Vec<_>>();
        let copied = places.get(from..).unwrap_or_default().iter().take(count).collect::<Vec<_>>();
        if let (Some((begin, _)), Some((_, end))) = (copied.first(), copied.last()) {
            let query = Query::parse(&format!("\"{}\"", text.get(*begin..*end).unwrap())).unwrap();
            let hit = excerpt(&text, &query).into_iter().find(|part| part.hit);
            prop_assert!(hit.is_some(), "{:?} in {:?}", query, text);
        }
    }
}
