//! What the bridge and the agent say, as bytes.

use expect_test::expect;

use super::*;

/// A stream as the bridge writes it.
const STREAM: &[u8] = b"event: stdout\ndata: YmVndW4Kbw==\n\nevent: stderr\ndata: eA==\n\nevent: stdout\ndata: IGFHaz0KZXg=\n\n\
event: stdout\ndata: aXQgNyAxMiAwCg==\n\nevent: exit\ndata: {\"exit_code\":0}\n\n";

#[test]
fn lines_are_whole_however_a_stream_arrives() {
    for size in 1..=STREAM.len() {
        let (mut events, mut all) = (Events::default(), Vec::new());
        for chunk in STREAM.chunks(size) {
            events.feed(chunk);
            while let Some(event) = events.next() {
                all.push(event);
            }
        }
        let line = |text: &str| Event::Line(text.to_owned());
        assert_eq!(all, [line("begun"), line("o aGk="), line("exit 7 12 0"), Event::Ended], "by {size}");
        assert_eq!(events.waiting(), 0);
    }
}

#[test]
fn what_the_bridge_cannot_run_is_broken() {
    for stream in [
        &b"event: error\ndata: {\"error\":\"x\",\"code\":\"exec_transport_error\"}\n\n"[..],
        b"event: stdout\ndata: %%%\n\n",
    ] {
        let mut events = Events::default();
        events.feed(stream);
        assert_eq!(events.next(), Some(Event::Broken));
    }
}

#[test]
fn every_word_of_the_agent_is_understood() {
    let lines =
        ["begun", "alive", "o aGk=", "e aGk=", "detached", "exit 7 12 3", "lost", "more", "none", "gone"];
    let told: Vec<String> = lines.iter().map(|line| format!("{:?}", progress(line).unwrap())).collect();
    expect![[r#"
        Going
        Going
        Wrote { error: false, bytes: [104, 105] }
        Wrote { error: true, bytes: [104, 105] }
        Detached
        Exit { code: 7, took_ms: 12, dropped: 3 }
        Lost
        More
        NotBegun
        Gone"#]]
    .assert_eq(&told.join("\n"));
    for wrong in ["", "o %", "exit", "exit x 1 2", "exit 1 2", "hello"] {
        assert_eq!(progress(wrong), None, "{wrong}");
    }
}

#[test]
fn a_command_that_took_too_long_is_said_to_have() {
    assert!(exit(137, 1_003, 0, 1_000).timed_out);
    assert!(!exit(137, 900, 0, 1_000).timed_out, "somebody killed it");
    assert!(!exit(0, 1_003, 0, 1_000).timed_out, "it ended at the last moment");
}

#[test]
fn a_report_says_what_is_known() {
    let sandbox = SandboxId::fresh(1, [1; 10]);
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let whole = "epoch 3\nstarted 1795162530623\nused 1795162531\nblank\ncpu 12345\nmemory 4096\ndisk 8\n\
                 ports 1F90 0BB8 1F90\nok";
    let report = super::report(sandbox, &lines(whole)).unwrap();
    assert_eq!((report.epoch, report.running, report.blank), (3, true, true));
    assert_eq!(report.started_at, Some(Timestamp::from_unix_ms(1_795_162_530_623)));
    assert_eq!(report.used_at, Some(Timestamp::from_unix_ms(1_795_162_531_000)));
    assert_eq!((report.cpu_ms, report.memory_bytes, report.disk_bytes), (12, 4_096, 8_192));
    assert_eq!(report.ports, [8080]);
    // Without its end, or without the start that is billed from, it is none.
    for missing in ["ok", "started 1795162530623", "epoch 3", "used 1795162531"] {
        let rest: Vec<String> = lines(whole).into_iter().filter(|line| line != missing).collect();
        assert_eq!(super::report(sandbox, &rest), None, "without {missing}");
    }
}

#[test]
fn a_folder_s_entries_have_any_name() {
    let entries = "d 4096 1795162530.6230000000 a b\0f 5 1795162531.5000000000 ä\nb\0l 1 1.0000000000 x\0p 0 1.0000000000 y\0";
    let list = folder(&STANDARD.encode(entries)).unwrap();
    let told: Vec<String> = list
        .entries
        .iter()
        .map(|it| format!("{:?} {} {} {:?}", it.kind, it.bytes, it.changed_at.unix_ms(), it.name))
        .collect();
    expect![[r#"
        Folder 0 1795162530623 "a b"
        File 5 1795162531500 "ä\nb"
        Link 1 1000 "x"
        Other 0 1000 "y""#]]
    .assert_eq(&told.join("\n"));
    assert!(!list.truncated);
    assert_eq!(folder("").map(|list| list.entries.len()), Some(0));
    assert_eq!(folder(&STANDARD.encode("f x")), None);
}

#[test]
fn a_character_that_is_cut_waits_for_its_rest() {
    let whole = "Grüß 你好 👋!".as_bytes();
    for size in 1..whole.len() {
        let mut text = Text::default();
        let mut told: String = whole.chunks(size).map(|chunk| text.feed(chunk)).collect();
        told.push_str(&text.end());
        assert_eq!(told.as_bytes(), whole, "by {size}");
    }
    let mut text = Text::default();
    assert_eq!((text.feed(b"a\xff\xe4\xbd"), text.end()), ("a\u{fffd}".to_owned(), "\u{fffd}".to_owned()));
}
