//! The agent, run by the shell of this machine: what happens once happens once.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;

use slipway_contract::objects::executor::StartExec;

use super::told::{Progress, progress, report};
use super::*;

/// A folder like a container's, for one test.
struct Container {
    root: PathBuf,
}

impl Container {
    fn new(test: &str) -> Self {
        let root = std::env::temp_dir().join(format!("slipway-agent-{}-{test}", std::process::id()));
        fs::create_dir_all(&root).unwrap();
        Self { root }
    }

    fn begun(test: &str) -> Self {
        let container = Self::new(test);
        assert!(report(SandboxId::fresh(1, [1; 10]), &container.begin(1)).is_some());
        container
    }

    fn path(&self, path: &str) -> String {
        self.root.join(path).to_str().unwrap().to_owned()
    }

    fn begin(&self, epoch: u64) -> Vec<String> {
        let begin = [
            BEGIN,
            "slipway",
            &self.path("state"),
            &epoch.to_string(),
            &self.path("workspace"),
            &STANDARD.encode(AGENT),
        ];
        run(&shell(&begin))
    }

    fn look(&self) -> Vec<String> {
        run(&shell(&[LOOK, "slipway", &self.path("state")]))
    }

    fn agent(&self, words: &[&str]) -> Vec<String> {
        let mut argv = vec!["sh".to_owned(), self.path("state/agent")];
        argv.extend(words.iter().map(|word| (*word).to_owned()));
        run(&argv)
    }

    /// Runs a command of a shell under a name.
    fn exec(&self, key: &str, command: &str, timeout_ms: u64, detach: bool) -> Vec<String> {
        let wanted = StartExec {
            argv: ["sh", "-c", command].map(str::to_owned).to_vec(),
            cwd: None,
            env: Default::default(),
            timeout_ms,
            detach,
        };
        let seconds = format!("{}.{:03}", timeout_ms / 1_000, timeout_ms % 1_000);
        let log = if detach { names::log(key) } else { String::new() };
        let parts = names::parts(names::script(&wanted).unwrap().as_bytes());
        let mut words = vec!["exec".to_owned(), names::run(key), seconds, log];
        words.extend(parts);
        self.agent(&words.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn put(&self, path: &str, content: &str) {
        fs::write(self.root.join("workspace").join(path), content).unwrap();
    }

    fn has(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.root.join(path)).ok()
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let _left_behind = fs::remove_dir_all(&self.root);
    }
}

/// Runs it as the bridge does; the lines of its output.
fn run(argv: &[String]) -> Vec<String> {
    let (program, rest) = argv.split_first().unwrap();
    let output =
        Command::new(program).args(rest).stdin(Stdio::null()).stderr(Stdio::null()).output().unwrap();
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// What a command wrote to both, and how it ended.
fn told(lines: &[String]) -> (String, String, Option<(i32, u64)>) {
    let (mut texts, mut end) = ([Vec::new(), Vec::new()], None);
    for line in lines {
        match progress(line).unwrap() {
            Progress::Wrote { error, mut bytes } => texts[usize::from(error)].append(&mut bytes),
            Progress::Exit { code, dropped, .. } => end = Some((code, dropped)),
            Progress::Going => {}
            other @ (Progress::Detached
            | Progress::Lost
            | Progress::More
            | Progress::NotBegun
            | Progress::Gone) => panic!("{other:?}"),
        }
    }
    let [out, err] = texts.map(|bytes| String::from_utf8(bytes).unwrap());
    (out, err, end)
}

#[test]
fn a_run_begins_once_and_knows_when() {
    let container = Container::new("begin");
    let sandbox = SandboxId::fresh(1, [1; 10]);
    let first = report(sandbox, &container.begin(4)).unwrap();
    let again = report(sandbox, &container.begin(5)).unwrap();
    assert_eq!((again.epoch, again.started_at), (4, first.started_at));
    assert!(first.running && first.blank);
    let seen = report(sandbox, &container.look()).unwrap();
    assert_eq!((seen.epoch, seen.started_at, seen.blank), (4, first.started_at, true));
    assert_eq!(container.agent(&["epoch", "3"]), ["ok"]);
    assert_eq!(container.agent(&["epoch", "9"]), ["ok"]);
    assert_eq!(container.agent(&["touch"]), ["ok"]);
    let seen = report(sandbox, &container.look()).unwrap();
    assert_eq!((seen.epoch, seen.started_at, seen.blank), (9, first.started_at, false));
}

#[test]
fn a_container_that_was_looked_at_first_is_never_begun() {
    let container = Container::new("gone");
    assert_eq!(container.look(), ["gone"]);
    assert_eq!(container.begin(1), ["gone"]);
    assert_eq!(container.look(), ["gone"]);
    // There is no agent in it, so nothing can happen.
    assert_eq!(container.exec("a", "echo x", 1_000, false), [""; 0]);
    assert_eq!(container.agent(&["touch"]), [""; 0]);
}

#[test]
fn of_those_who_come_at_once_all_find_the_same() {
    for round in 0..8 {
        let container = Container::new(&format!("race-{round}"));
        let gone = thread::scope(|scope| {
            let looks = scope.spawn(|| container.look());
            let begins = scope.spawn(|| container.begin(1));
            let (looks, begins) = (looks.join().unwrap(), begins.join().unwrap());
            assert_ne!(
                looks.first().unwrap() == "gone",
                begins.last().unwrap() == "ok",
                "{looks:?} {begins:?}"
            );
            looks.first().unwrap() == "gone"
        });
        assert_eq!(container.look().first().unwrap() == "gone", gone);
    }
}

#[test]
fn a_command_runs_once_however_often_it_is_asked() {
    let container = Container::begun("once");
    let command = "echo x >>count; echo out; echo err >&2; exit 7";
    let all = thread::scope(|scope| {
        let asked: Vec<_> =
            (0..4).map(|_| scope.spawn(|| container.exec("turn.1", command, 10_000, false))).collect();
        asked.into_iter().map(|asked| asked.join().unwrap()).collect::<Vec<_>>()
    });
    for lines in all {
        assert_eq!(told(&lines), ("out\n".to_owned(), "err\n".to_owned(), Some((7, 0))));
    }
    // Long after its end, and from the middle on.
    assert_eq!(told(&container.exec("turn.1", command, 10_000, false)).0, "out\n");
    assert_eq!(told(&container.agent(&["follow", &names::run("turn.1"), "2", "4"])).0, "t\n");
    assert_eq!(container.has("workspace/count").unwrap(), "x\n");
    assert_eq!(container.agent(&["follow", "other", "0", "0"]), ["none"]);
}

#[test]
fn a_command_that_takes_too_long_is_ended_with_what_it_started() {
    let container = Container::begun("timeout");
    let lines = container.exec("a", "echo begins; sleep 60; echo ends", 300, false);
    let (out, _, end) = told(&lines);
    assert_eq!((out.as_str(), end.unwrap().0), ("begins\n", 137));
}

#[test]
fn what_a_command_leaves_behind_does_not_hold_its_end_back() {
    let container = Container::begun("behind");
    let lines = container.exec("a", "sleep 30 & echo $!", 20_000, false);
    let (out, _, end) = told(&lines);
    assert_eq!(end.unwrap().0, 0);
    // It lives; nothing else ends it here.
    assert!(Command::new("kill").arg(out.trim()).status().unwrap().success());
}

#[test]
fn output_past_the_limit_is_counted_and_dropped() {
    let container = Container::begun("much");
    let (out, _, end) = told(&container.exec("a", "head -c 4194400 /dev/zero | tr '\\0' x", 20_000, false));
    assert_eq!((out.len(), end), (4 * 1024 * 1024, Some((0, 96))));
}

#[test]
fn a_command_that_nobody_saw_end_is_lost_and_not_run_again() {
    let container = Container::begun("lost");
    let command = "echo x >>count; kill -9 $(cat ../state/execs/a/pid); sleep 1";
    assert_eq!(container.exec("a", command, 10_000, false).last().unwrap(), "lost");
    assert_eq!(container.exec("a", command, 10_000, false).last().unwrap(), "lost");
    assert_eq!(container.has("workspace/count").unwrap(), "x\n");
}

#[test]
fn a_command_in_the_background_goes_on_and_keeps_a_log() {
    let container = Container::begun("detached");
    let command = "echo here; until [ -e end ]; do sleep 0.05; done; echo over >done";
    assert_eq!(container.exec("t_1", command, 10, true), ["detached"]);
    assert_eq!(container.exec("t_1", command, 10, true), ["detached"]);
    container.put("end", "");
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while container.has("workspace/done").is_none()
        || container.has("workspace/.slipway/logs/t_1.log").as_deref() != Some("here\n")
    {
        assert!(std::time::Instant::now() < deadline, "it does not end, or its output is not kept");
        thread::yield_now();
    }
}

#[test]
fn no_path_leads_out_of_the_workspace() {
    let container = Container::begun("paths");
    fs::write(container.root.join("secret"), "secret").unwrap();
    container.put("a.txt", "a");
    std::os::unix::fs::symlink("../secret", container.root.join("workspace/link")).unwrap();
    std::os::unix::fs::symlink("..", container.root.join("workspace/up")).unwrap();
    let outside = |words: &[&str]| assert_eq!(container.agent(words), ["outside"], "{words:?}");
    for path in ["../secret", "a/../../secret", "link", "up/secret", "up"] {
        outside(&["look", path]);
    }
    for path in ["../x", "up/x", "a/../../x", "..", ""] {
        outside(&["remove", path]);
        if !path.is_empty() {
            outside(&["place", "a.txt", path]);
        }
    }
    assert_eq!(container.agent(&["look", "a.txt"]), ["file 1 a.txt"]);
    assert_eq!(container.agent(&["look", "b.txt"]), ["none"]);
    assert_eq!(container.agent(&["remove", "b.txt"]), ["none"]);
    // A link is replaced or removed itself; what it led to stays.
    container.put("in", "new");
    assert_eq!(container.agent(&["place", "in", "link"]), ["ok"]);
    assert_eq!(container.has("workspace/link").unwrap(), "new");
    assert_eq!(container.agent(&["remove", "up"]), ["ok"]);
    assert_eq!(container.has("secret").unwrap(), "secret");
}

#[test]
fn files_take_their_place_with_the_folders_above_them() {
    let container = Container::begun("files");
    let sandbox = SandboxId::fresh(1, [1; 10]);
    container.put("in", "deep");
    assert_eq!(container.agent(&["place", "in", "d/e f/ä.txt", "first"]), ["ok"]);
    assert!(report(sandbox, &container.look()).unwrap().blank, "all of the first files are there together");
    container.put("in", "x");
    assert_eq!(container.agent(&["place", "in", "d"]), ["folder"]);
    assert_eq!(container.has("workspace/in"), None);
    let line = container.agent(&["look", "d/e f"]).concat();
    let list = told::folder(line.strip_prefix("folder ").unwrap()).unwrap();
    let entry = list.entries.first().unwrap();
    assert_eq!((list.entries.len(), entry.name.as_str(), entry.bytes), (1, "ä.txt", 4));
    assert_eq!(container.agent(&["remove", "d"]), ["ok"]);
    assert!(!report(sandbox, &container.look()).unwrap().blank);
    assert_eq!(container.agent(&["look", ""]), ["folder "]);
}

#[test]
fn an_archive_takes_the_place_of_what_is_there_or_changes_nothing() {
    let container = Container::begun("archive");
    let sandbox = SandboxId::fresh(1, [1; 10]);
    container.put("a.txt", "a");
    container.put(".slipway-in-half", "half");
    let packed = container.agent(&["pack", ".slipway-out-1"]).concat();
    let bytes = fs::metadata(container.root.join("workspace/.slipway-out-1")).unwrap().len();
    assert_eq!(packed, format!("packed {bytes}"));
    let archive = fs::read(container.root.join("workspace/.slipway-out-1")).unwrap();
    assert_eq!(container.agent(&["drop", ".slipway-out-1"]), ["ok"]);

    let other = Container::begun("archive-other");
    other.put("old.txt", "old");
    fs::write(other.root.join("workspace/in"), archive.get(..20).unwrap()).unwrap();
    assert_eq!(other.agent(&["unpack", "in"]), ["failed"]);
    assert_eq!(
        (other.has("workspace/old.txt").unwrap(), other.has("workspace/in")),
        ("old".to_owned(), None)
    );
    assert!(report(sandbox, &other.look()).unwrap().blank);
    fs::write(other.root.join("workspace/in"), &archive).unwrap();
    assert_eq!(other.agent(&["unpack", "in", "blank"]), ["ok"]);
    assert!(!report(sandbox, &other.look()).unwrap().blank);
    let mut names: Vec<_> = fs::read_dir(other.root.join("workspace"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["a.txt"]);

    // It is used since: who comes late changes nothing.
    other.put("a.txt", "newer");
    fs::write(other.root.join("workspace/in"), &archive).unwrap();
    assert_eq!(other.agent(&["unpack", "in", "blank"]), ["ok"]);
    assert_eq!(other.has("workspace/a.txt").unwrap(), "newer");
}
