//! What an object lets go of, and what it takes back.

use expect_test::{Expect, expect};
use slipway_contract::http::chats::EventsQuery;
use slipway_contract::objects::archive::{
    ArchiveManifest, ArchivePart, FORMAT, PART_BYTES, PartHeader, TableRows,
};
use slipway_contract::sandbox::{SandboxSize, SandboxStatus};
use slipway_contract::{Actor, ChatId, ParticipantId, Seq, Timestamp};

use super::*;
use crate::chat::tests::a_chat;

const CHAT: &str = "chat_000000000000000000000000000000c1";
const ORG: &str = "org_00000000000000000000000000000001";
const OTHER_ORG: &str = "org_00000000000000000000000000000002";

fn archive(last: u8) -> ArchiveId {
    format!("arc_{last:032x}").parse().unwrap()
}

fn stub(last: u8) -> ArchiveStub {
    ArchiveStub {
        org: ORG.parse().unwrap(),
        archive: archive(last),
        manifest_sha256: "m".to_owned(),
        head: Seq(7),
    }
}

fn away() -> Standing {
    Standing::Away { stub: stub(1), parts: 2 }
}

fn refusal<T: core::fmt::Debug>(answer: Result<T, Problem>) -> String {
    match answer {
        Ok(answer) => format!("{answer:?}"),
        Err(problem) => format!("{:?}: {problem}", problem.code),
    }
}

#[test]
fn an_archived_chat_comes_back_for_its_own_org_and_is_not_there_for_another() {
    let (own, other) = (ORG.parse().ok(), OTHER_ORG.parse().ok());
    assert_eq!(away().door(own), Ok(Door::Away(stub(1), 2)));
    assert_eq!(away().door(None), Ok(Door::Away(stub(1), 2)));
    assert_eq!(away().door(other), Err(ProblemCode::NotFound.into()));
    for standing in [Standing::Here, Standing::Sealed(archive(1)), Standing::Back(archive(1))] {
        // The chat itself says who finds it.
        assert_eq!(standing.door(other), Ok(Door::Open));
    }
}

#[test]
fn a_seal_needs_rest_and_a_chat_that_is_here_and_told() {
    let block = Some(ExportBlock::Turns);
    assert_eq!(Standing::Here.seal(None), Sealing::Seal);
    assert_eq!(Standing::Here.seal(block), Sealing::Blocked(ExportBlock::Turns));
    assert_eq!(Standing::Sealed(archive(1)).seal(None), Sealing::Seal);
    assert_eq!(Standing::Back(archive(1)).seal(None), Sealing::Blocked(ExportBlock::Projection));
    assert_eq!(away().seal(None), Sealing::Archived(stub(1)));
    assert_eq!(away().seal(block), Sealing::Archived(stub(1)));
}

#[test]
fn rows_are_read_and_given_up_under_the_archives_own_seal_alone() {
    let told = |standing: Standing, block| {
        let wiped = standing.wipe(stub(1), block).map(|wiping| match wiping {
            Wiping::Wipe(stub) => format!("wipe for {}", stub.archive),
            Wiping::Wiped(stub) => format!("wiped for {}", stub.archive),
        });
        format!("{} / {}", refusal(standing.read(archive(1))), refusal(wiped))
    };
    let check = |standing, block, expected: Expect| expected.assert_eq(&told(standing, block));
    check(
        Standing::Here,
        None,
        expect![
            "ArchiveBlocked: the chat has changed since the archive began / ArchiveBlocked: the chat has changed since the archive began"
        ],
    );
    check(
        Standing::Sealed(archive(1)),
        None,
        expect![[r#"() / "wipe for arc_00000000000000000000000000000001""#]],
    );
    check(
        Standing::Sealed(archive(1)),
        Some(ExportBlock::Sockets),
        expect!["() / ArchiveBlocked: somebody has the chat open"],
    );
    check(
        Standing::Sealed(archive(2)),
        None,
        expect![
            "ArchiveBlocked: the chat has changed since the archive began / ArchiveBlocked: the chat has changed since the archive began"
        ],
    );
    check(
        away(),
        None,
        expect![[
            r#"ArchiveBlocked: the chat has changed since the archive began / "wiped for arc_00000000000000000000000000000001""#
        ]],
    );
    check(
        Standing::Away { stub: stub(2), parts: 0 },
        None,
        expect![
            "ArchiveBlocked: the chat has changed since the archive began / ArchiveBlocked: the chat has changed since the archive began"
        ],
    );
    check(
        Standing::Back(archive(1)),
        None,
        expect![
            "ArchiveBlocked: the chat has changed since the archive began / ArchiveBlocked: the chat has changed since the archive began"
        ],
    );
}

#[test]
fn what_goes_on_in_a_chat_keeps_it_where_it_is() {
    let mut chat = a_chat();
    let quiet = Around::default();
    assert_eq!(chat.export_block(quiet), None);
    assert_eq!(chat.export_block(Around { sockets: true, ..quiet }), Some(ExportBlock::Sockets));
    assert_eq!(chat.export_block(Around { untold: true, ..quiet }), Some(ExportBlock::Projection));
    assert_eq!(chat.export_block(Around { writes: true, ..quiet }), Some(ExportBlock::Writes));
    let states = [
        (SandboxState::Queued, false),
        (SandboxState::Starting, false),
        (SandboxState::Ready, false),
        (SandboxState::Idle, false),
        (SandboxState::Stopping, false),
        (SandboxState::Stopped, true),
        (SandboxState::Failed, true),
        (SandboxState::Destroyed, true),
    ];
    for (state, rests) in states {
        chat.sandboxes = vec![SandboxStatus {
            sandbox: "sbx_00000000000000000000000000000001".parse().unwrap(),
            state,
            epoch: 1,
            version: 1,
            size: SandboxSize::Small,
            hosts: Vec::new(),
            reason: None,
            detail: None,
        }];
        let block = (!rests).then_some(ExportBlock::Sandboxes);
        assert_eq!(chat.export_block(quiet), block, "{state:?}");
    }
}

fn chat_id() -> ChatId {
    CHAT.parse().unwrap()
}

fn manifest() -> ArchiveManifest {
    let part = |part, rows| ArchivePart {
        part,
        rows,
        raw_bytes: 10,
        raw_sha256: "r".to_owned(),
        packed_bytes: 5,
        packed_sha256: "p".to_owned(),
    };
    let table = |table: &str, rows| TableRows { table: table.to_owned(), rows };
    ArchiveManifest {
        format: FORMAT,
        archive: archive(1),
        org: ORG.parse().unwrap(),
        chat: chat_id(),
        created_at: Timestamp::from_unix_ms(0),
        schema: 5,
        first: Seq(1),
        head: Seq(7),
        tables: vec![table("chat", 1), table("events", 7)],
        parts: vec![part(1, 6), part(2, 2)],
        front: None,
        sha256: String::new(),
    }
}

#[test]
fn only_the_manifest_that_the_chat_left_with_is_taken() {
    let check = |change: &dyn Fn(&mut ArchiveManifest), expected: Result<(), Refused>| {
        let mut manifest = manifest();
        change(&mut manifest);
        assert_eq!(check_manifest(&manifest, "m", &stub(1), chat_id(), 5), expected);
    };
    let damaged = |what| Err(Refused::Damaged(what));
    check(&|_| {}, Ok(()));
    check(&|m| m.schema = 3, Ok(()));
    check(&|m| m.schema = 6, Err(Refused::Newer));
    check(&|m| m.format += 1, Err(Refused::Newer));
    check(&|m| m.format = 0, damaged("the manifest's versions"));
    check(&|m| m.archive = archive(2), damaged("the manifest's archive"));
    check(&|m| m.org = OTHER_ORG.parse().unwrap(), damaged("the manifest's chat"));
    check(&|m| m.head = Seq(8), damaged("the manifest's newest event"));
    check(&|m| m.parts.reverse(), damaged("the parts' numbers"));
    check(&|m| m.parts.clear(), damaged("the manifest has no parts"));
    check(&|m| m.tables.truncate(1), damaged("the manifest's rows"));
    let other = check_manifest(&manifest(), "n", &stub(1), chat_id(), 5);
    assert_eq!(other, damaged("the manifest's digest"));
}

#[test]
fn parts_come_back_one_after_the_other_and_only_as_they_left() {
    let manifest = manifest();
    let after = |done| parts_after(&manifest, done).map(|part| part.part).collect::<Vec<_>>();
    assert_eq!((0..3).map(after).collect::<Vec<_>>(), [vec![1, 2], vec![2], vec![]]);

    let part = parts_after(&manifest, 0).next().unwrap();
    let header = PartHeader {
        format: FORMAT,
        archive: archive(1),
        chat: chat_id(),
        part: 1,
        rows: 6,
        next: Some("events [6]".to_owned()),
    };
    let check = |bytes, sha256, change: &dyn Fn(&mut PartHeader)| {
        let mut header = header.clone();
        change(&mut header);
        check_part(part, bytes, sha256, &header, &manifest)
    };
    let damaged = |what| Err(Refused::Damaged(what));
    assert_eq!(check(10, "r", &|_| {}), Ok(()));
    assert_eq!(check(9, "r", &|_| {}), damaged("a part's size"));
    assert_eq!(check(10, "s", &|_| {}), damaged("a part's digest"));
    assert_eq!(check(10, "r", &|h| h.archive = archive(2)), damaged("a part's archive"));
    assert_eq!(check(10, "r", &|h| h.part = 2), damaged("a part's number"));
    assert_eq!(check(10, "r", &|h| h.rows = 5), damaged("a part's rows"));

    let tables = manifest.tables.clone();
    assert_eq!(check_whole(&manifest, &tables, Seq(1), Seq(7)), Ok(()));
    assert_eq!(check_whole(&manifest, &tables[..1], Seq(1), Seq(7)), damaged("the tables' rows"));
    let short = check_whole(&manifest, &tables, Seq(1), Seq(6));
    assert_eq!(short, damaged("the first or newest event"));
}

fn header(next: Option<&str>) -> PartHeader {
    let next = next.map(str::to_owned);
    PartHeader { format: FORMAT, archive: archive(1), chat: chat_id(), part: 1, rows: 0, next }
}

fn columns(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn a_part_is_lines_of_tables_and_rows_that_read_back_in_batches() {
    let mut draft = PartDraft::default();
    assert!(draft.put("chat", &columns(&["only", "title"]), r#"[1,"a\nb"]"#, 1));
    assert!(draft.put("events", &columns(&["seq"]), "[1]\n[2]", 2));
    assert!(draft.put("events", &columns(&["seq"]), "[3]", 1));
    assert!(draft.put("people", &columns(&["id"]), "", 0));
    let text = draft.finish(header(Some("events [3]"))).unwrap();
    expect![[r#"
        {"format":1,"archive":"arc_00000000000000000000000000000001","chat":"chat_000000000000000000000000000000c1","part":1,"rows":4,"next":"events [3]"}
        {"table":"chat","columns":["only","title"]}
        [1,"a\nb"]
        {"table":"events","columns":["seq"]}
        [1]
        [2]
        [3]
    "#]]
    .assert_eq(&text);

    let mut part = Part::read(&text, 8).unwrap();
    assert_eq!(part.header.rows, 4);
    let mut read = Vec::new();
    while let Some(batch) = part.next_batch().unwrap() {
        read.push(format!("{} ({}) {}", batch.table, batch.columns.join(","), batch.rows));
    }
    let expected = [r#"chat (only,title) [[1,"a\nb"]]"#, "events (seq) [[1],[2]]", "events (seq) [[3]]"];
    assert_eq!(read, expected);
}

#[test]
fn a_part_takes_no_more_than_fits_but_for_a_row_that_alone_is_longer() {
    let long = format!("[\"{}\"]", "x".repeat(PART_BYTES));
    let mut draft = PartDraft::default();
    assert!(draft.put("events", &columns(&["seq"]), &long, 1));
    assert!(!draft.put("events", &columns(&["seq"]), "[1]", 1));

    let mut draft = PartDraft::default();
    let row = format!("[\"{}\"]", "x".repeat(1000));
    while draft.put("events", &columns(&["seq"]), &row, 1) {}
    let bytes = draft.finish(header(Some("events [123456789]"))).unwrap().len();
    assert!((PART_BYTES - 3000..=PART_BYTES).contains(&bytes), "{bytes}");
}

#[test]
fn lines_that_are_no_part_are_refused() {
    for text in ["", "[1]\n", "{\"format\":1}\n"] {
        assert_eq!(Part::read(text, 100).map(|_| ()), Err(Refused::Damaged("a part's lines")), "{text}");
    }
    let first = serde_json::to_string(&header(None)).unwrap();
    for rest in ["[1]\n", "{\"table\":3}\n[1]\n", "nonsense\n", "{\"table\":\"t\",\"columns\":[]}\n\n"] {
        let text = format!("{first}\n{rest}");
        let mut part = Part::read(&text, 100).unwrap();
        assert_eq!(part.next_batch(), Err(Refused::Damaged("a part's lines")), "{rest}");
    }
}

#[test]
fn an_archive_of_format_1_is_read_as_it_was_written() {
    use sha2::{Digest as _, Sha256};

    const MANIFEST: &str = include_str!("../../../../../tests/e2e/fixtures/archive-1/manifest.json");
    const PART: &str = include_str!("../../../../../tests/e2e/fixtures/archive-1/part-00001.jsonl");

    let digest =
        |text: &str| -> String { Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect() };
    let manifest: ArchiveManifest = serde_json::from_str(MANIFEST).unwrap();
    let stub = ArchiveStub {
        org: manifest.org,
        archive: manifest.archive,
        manifest_sha256: digest(MANIFEST),
        head: Seq(14),
    };
    assert_eq!(check_manifest(&manifest, &digest(MANIFEST), &stub, manifest.chat, 5), Ok(()));
    let part = parts_after(&manifest, 0).next().unwrap();
    assert_eq!(manifest.sha256, digest(&format!("{}\n", part.raw_sha256)));
    let mut read = Part::read(PART, 2_000).unwrap();
    assert_eq!(check_part(part, PART.len(), &digest(PART), &read.header, &manifest), Ok(()));
    assert_eq!((read.header.next.as_ref(), parts_after(&manifest, 1).next()), (None, None));
    let mut tables = manifest.tables.clone();
    tables.iter_mut().for_each(|table| table.rows = 0);
    while let Some(batch) = read.next_batch().unwrap() {
        let rows: Vec<Vec<serde_json::Value>> = serde_json::from_str(&batch.rows).unwrap();
        assert!(rows.iter().all(|row| row.len() == batch.columns.len()), "{batch:?}");
        tables.iter_mut().find(|table| table.table == batch.table).unwrap().rows += rows.len() as u64;
    }
    assert_eq!(check_whole(&manifest, &tables, Seq(1), Seq(14)), Ok(()));
}

/// A chat that has left with its head at 60, and its front of the events from `first` on.
fn front(first: u64) -> (Chat, Front) {
    let chat = Chat { head: Seq(60), message_count: 30, ..a_chat() };
    let events: Vec<String> = (first..=60).map(|seq| format!("{{\"seq\":{seq}}}")).collect();
    let header =
        PartHeader { format: FORMAT, archive: archive(1), chat: chat.id, part: 0, rows: 0, next: None };
    let text = chat.front(header, &events).unwrap();
    let known = front_part(events.len() as u64);
    let read = Front::read(&text, "f", &known).unwrap();
    assert_eq!(Front::read(&text, "g", &known).unwrap_err(), Refused::Damaged("the front"));
    for rows in [events.len() as u64 + 1, events.len() as u64 - 1] {
        assert_eq!(Front::read(&text, "f", &front_part(rows)).unwrap_err(), Refused::Damaged("the front"));
    }
    assert!(Front::read("", "f", &known).is_err());
    (chat, read)
}

fn front_part(rows: u64) -> ArchivePart {
    let none = String::new();
    ArchivePart {
        part: 0,
        rows,
        raw_bytes: 0,
        raw_sha256: "f".to_owned(),
        packed_bytes: 0,
        packed_sha256: none,
    }
}

#[test]
fn the_front_shows_the_chat_as_it_stood_to_those_who_take_part() {
    let (chat, front) = front(11);
    for person in &chat.people {
        let actor = person.participant.id.into();
        for org in [None, Some(chat.org)] {
            let described = chat.describe(person.participant.id);
            assert_eq!(front.describe(actor, org), Ok(serde_json::to_string(&described).unwrap()));
        }
        assert_eq!(front.describe(actor, OTHER_ORG.parse().ok()), Err(ProblemCode::NotFound.into()));
    }
    let stranger = ParticipantId::User { id: "user_000000000000000000000000000000f9".parse().unwrap() };
    for actor in [stranger.into(), Actor::System] {
        assert_eq!(front.describe(actor, None), Err(ProblemCode::NotFound.into()));
        assert_eq!(front.page(&EventsQuery::default(), actor, None), Err(ProblemCode::NotFound.into()));
    }
}

#[test]
fn the_front_has_the_newest_page_and_no_other() {
    let (chat, front) = front(11);
    let actor = chat.people[0].participant.id.into();
    let page = |query: EventsQuery| front.page(&query, actor, None).unwrap();
    let newest = |limit| page(EventsQuery { limit, ..EventsQuery::default() });
    assert_eq!(newest(Some(2)).unwrap(), r#"{"events":[{"seq":59},{"seq":60}],"head":60}"#);
    let whole = newest(None).unwrap();
    assert!(whole.starts_with(r#"{"events":[{"seq":11},"#) && whole.ends_with(r#"{"seq":60}],"head":60}"#));
    assert_eq!(newest(Some(50)), Some(whole));
    // More than it has, and what the chat refuses itself.
    assert_eq!([51, 200, 0, 201].map(|limit| newest(Some(limit))), [None, None, None, None]);
    let seq = Some(Seq(60));
    assert_eq!(page(EventsQuery { before: seq, ..EventsQuery::default() }), None);
    assert_eq!(page(EventsQuery { after: seq, ..EventsQuery::default() }), None);
    let fork = Some(slipway_contract::ForkId::new(chat.id, Seq(12)));
    assert_eq!(page(EventsQuery { fork, ..EventsQuery::default() }), None);

    // One that has the whole log has every page of it.
    let (_, front) = self::front(1);
    let all = front.page(&EventsQuery { limit: Some(200), ..EventsQuery::default() }, actor, None).unwrap();
    assert!(all.unwrap().starts_with(r#"{"events":[{"seq":1},"#));
}
