//! The manifest and its parts, as they are written and held against each other.

use expect_test::{Expect, expect};
use slipway_contract::{ArchiveId, ChatId, OrgId, Seq};

use super::*;

fn place() -> Place {
    Place {
        org: OrgId::fresh(1, [0; 10]),
        chat: ChatId::fresh(2, [0; 10]),
        archive: ArchiveId::fresh(3, [0; 10]),
    }
}

fn measure(bytes: &[u8]) -> Measure {
    Measure { bytes: u64::try_from(bytes.len()).unwrap(), sha256: hexadecimal(&Sha256::digest(bytes)) }
}

fn plan(rows: &[(&str, u64)]) -> ExportPlan {
    let tables = rows.iter().map(|(table, rows)| TableRows { table: (*table).to_owned(), rows: *rows });
    ExportPlan { schema: 6, first: Seq(1), head: Seq(3), tables: tables.collect() }
}

/// A part of these lines, with its header.
fn part(number: u32, rows: u64, next: Option<&str>, lines: &[&str]) -> Vec<u8> {
    let Place { chat, archive, .. } = place();
    let header =
        PartHeader { format: FORMAT, archive, chat, part: number, rows, next: next.map(str::to_owned) };
    let mut text = format!("{}\n", serde_json::to_string(&header).unwrap());
    for line in lines {
        text.push_str(line);
        text.push('\n');
    }
    text.into_bytes()
}

const CHAT: &str = r#"{"table":"chat","columns":["only"]}"#;
const EVENTS: &str = r#"{"table":"events","columns":["seq","event"]}"#;

fn first() -> Vec<u8> {
    part(1, 2, Some("events/1"), &[CHAT, "[1]", EVENTS, "[1,\"a\\n[\"]"])
}

fn second() -> Vec<u8> {
    part(2, 1, None, &[EVENTS, "[2,\"b\"]"])
}

/// What comes of parts, by what is wrong with them.
fn taken(parts: &[Vec<u8>]) -> Result<Book, Wrong> {
    let mut book = Book::new(place());
    for part in parts {
        book.take(part, measure(part), measure(b"packed"))?;
    }
    Ok(book)
}

fn refused(parts: &[Vec<u8>]) -> &'static str {
    let Err(Wrong(cause)) = taken(parts).map(drop) else { return "taken" };
    cause
}

#[test]
fn a_manifest_says_what_the_parts_hold() {
    let book = taken(&[first(), second()]).unwrap();
    let plan = plan(&[("chat", 1), ("events", 2), ("forks", 0)]);
    let manifest = book.close(&plan, Timestamp::from_unix_ms(0)).unwrap();
    let check = |manifest: &ArchiveManifest, expected: Expect| {
        let parts = manifest
            .parts
            .iter()
            .map(|part| format!("{} {} {} {}\n", part.part, part.rows, part.raw_bytes, part.packed_bytes));
        expected.assert_eq(&parts.collect::<String>());
    };
    check(
        &manifest,
        expect![[r#"
        1 2 241 6
        2 1 180 6
    "#]],
    );
    assert_eq!(manifest.tables, plan.tables);
    // By hand: the parts' digests, a line each, hashed.
    let lines: String = manifest.parts.iter().map(|part| format!("{}\n", part.raw_sha256)).collect();
    assert_eq!(manifest.sha256, measure(lines.as_bytes()).sha256);
    assert_eq!(taken(&[first(), second()]).unwrap().compare(&manifest), Ok(()));

    // The same lines in other parts, other lines, or a manifest of others.
    let other = part(2, 1, None, &[EVENTS, "[2,\"c\"]"]);
    let wrong =
        |manifest: &ArchiveManifest, last: &[u8]| taken(&[first(), last.to_vec()]).unwrap().compare(manifest);
    assert!(wrong(&manifest, &other).is_err());
    let mut changed = manifest.clone();
    changed.sha256 = measure(b"").sha256;
    assert!(wrong(&changed, &second()).is_err());
    let mut changed = manifest.clone();
    changed.tables[1].rows = 3;
    assert!(wrong(&changed, &second()).is_err());
    let mut changed = manifest;
    changed.parts.pop();
    assert!(wrong(&changed, &second()).is_err());
}

#[test]
fn the_front_is_in_the_manifest_beside_the_parts() {
    let front = part(0, 1, None, &["{}", "{}"]);
    let taken = |front: &[u8]| {
        let mut book = Book::new(place());
        book.take_front(front, measure(front), measure(b"packed"))?;
        book.take(&first(), measure(&first()), measure(b"packed"))?;
        book.take(&second(), measure(&second()), measure(b"packed"))?;
        Ok::<_, Wrong>(book)
    };
    let plan = plan(&[("chat", 1), ("events", 2)]);
    let manifest = taken(&front).unwrap().close(&plan, Timestamp::from_unix_ms(0)).unwrap();
    let kept = manifest.front.as_ref().unwrap();
    assert_eq!((kept.part, kept.rows, &kept.raw_sha256), (0, 1, &measure(&front).sha256));
    assert_eq!(taken(&front).unwrap().compare(&manifest), Ok(()));
    // Another one, none, and a part in its place.
    assert!(taken(&part(0, 1, None, &["{}", "[]"])).unwrap().compare(&manifest).is_err());
    let mut book = Book::new(place());
    for part in [first(), second()] {
        book.take(&part, measure(&part), measure(b"packed")).unwrap();
    }
    assert!(book.compare(&manifest).is_err());
    assert_eq!(taken(&first()).map(drop), Err(Wrong("a part is another one")));
}

#[test]
fn the_next_part_begins_where_the_one_before_says() {
    let mut book = Book::new(place());
    assert_eq!(book.next(), Some((1, None)));
    book.take(&first(), measure(&first()), measure(b"")).unwrap();
    assert_eq!(book.next(), Some((2, Some("events/1".to_owned()))));
    book.take(&second(), measure(&second()), measure(b"")).unwrap();
    assert_eq!(book.next(), None);
}

#[test]
fn a_part_that_does_not_fit_is_refused() {
    assert_eq!(refused(&[first(), second()]), "taken");
    let cut = &second()[..second().len() - 1];
    for (parts, expected) in [
        (vec![second()], "a part is another one"),
        (vec![first(), first()], "a part is another one"),
        (vec![first(), second(), second()], "a part follows the last one"),
        (vec![vec![]], "a part has no header"),
        (vec![b"{}\n".to_vec()], "a part's header cannot be read"),
        (vec![first(), cut.to_vec()], "a line is not ended"),
        (vec![part(1, 1, None, &["[1]"])], "a row stands under no table"),
        (vec![part(1, 2, None, &[CHAT, "[1]"])], "a part has another number of rows"),
        (vec![part(1, 1, None, &[CHAT, ""])], "a line is neither a row nor a table"),
        (vec![part(1, 0, None, &["{\"table\":1}"])], "a table's header cannot be read"),
    ] {
        assert_eq!(refused(&parts), expected);
    }
    let mut strange = place();
    strange.archive = ArchiveId::fresh(9, [0; 10]);
    let own = Book::new(strange).take(&first(), measure(&first()), measure(b""));
    assert_eq!(own, Err(Wrong("a part is another one")));
}

#[test]
fn an_export_with_too_few_or_too_many_rows_is_not_closed() {
    let closed = |parts: &[Vec<u8>], rows: &[(&str, u64)]| {
        taken(parts).unwrap().close(&plan(rows), Timestamp::from_unix_ms(0)).map(drop)
    };
    let all = [first(), second()];
    assert_eq!(closed(&all, &[("chat", 1), ("events", 2)]), Ok(()));
    assert_eq!(closed(&all[..1], &[("chat", 1), ("events", 1)]), Err(Wrong("a part is missing")));
    for rows in
        [&[("chat", 1), ("events", 3)][..], &[("chat", 1)], &[("chat", 1), ("events", 2), ("forks", 1)]]
    {
        assert_eq!(closed(&all, rows), Err(Wrong("a table has another number of rows")));
    }
}
