//! Sandboxes come and go: made, stopped, started again, destroyed; and an executor that dies in the middle.

use reqwest::Method;
use serde_json::{Value, json};
use slipway_contract::objects::executor::{ExecutorCode, SandboxReport};

use crate::support::{As, Executor, code};

#[tokio::test(flavor = "multi_thread")]
async fn files_outlive_a_stop_and_processes_do_not() {
    for who in [As::Oneself, As::Nobody] {
        let executor = Executor::start_as(who, 2).await;
        let sandbox = executor.name(1);
        let made = sandbox.create(json!({ "files": { "src/app.js": "first" } })).await.unwrap();
        assert!(made.running && made.ended_at.is_none());
        sandbox.says("cat src/app.js > copy; echo home > ~/kept; echo gone > /tmp/gone; (trap '' TERM; sleep 60 >/dev/null 2>&1 &)").await;
        let stopped = sandbox.stop().await;
        assert!(
            !stopped.running && stopped.started_at == made.started_at && stopped.ended_at > made.started_at
        );
        assert_eq!(stopped.ended_because, None);
        assert_eq!(code(sandbox.get("copy").await), ExecutorCode::NotRunning);
        assert_eq!(sandbox.stop().await, stopped, "to stop again changes nothing");

        // Files to begin with are for the first time only.
        let again = sandbox.create(json!({ "epoch": 2, "files": { "src/app.js": "second" } })).await.unwrap();
        assert!(
            again.running
                && again.started_at > stopped.ended_at
                && again.ended_at.is_none()
                && again.epoch == 2
        );
        assert_eq!(
            sandbox.says("cat src/app.js copy ~/kept; ls /tmp; ps -e | grep -c sleep || true").await,
            "firstfirsthome\n0"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destroyed_sandbox_leaves_nothing() {
    for who in [As::Oneself, As::Nobody] {
        let executor = Executor::start_as(who, 2).await;
        let sandbox = executor.sandbox(1).await;
        sandbox.says("mkdir -p a/b; echo x > a/b/c; chmod 0 a/b").await;
        for _ in 0..2 {
            sandbox.call::<Value>(Method::DELETE, "", Value::Null).await.unwrap();
        }
        assert_eq!(
            code(sandbox.call::<SandboxReport>(Method::GET, "", Value::Null).await),
            ExecutorCode::NotFound
        );
        let left: Vec<_> =
            std::fs::read_dir(&executor.data).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(!left.iter().any(|name| name.to_string_lossy().contains("sbx")), "{left:?}");
        let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
        assert!(!mounts.contains(&format!("{}/sbx", executor.data.display())));
        sandbox.create(json!({})).await.unwrap();
        assert_eq!(sandbox.says("ls -A").await, "");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_create_at_once_makes_one_sandbox() {
    let executor = Executor::start_as(As::Oneself, 1).await;
    let sandbox = executor.name(1);
    let all = futures::future::join_all((0..8).map(|_| sandbox.create(json!({})))).await;
    let started: Vec<_> = all.into_iter().map(|report| report.unwrap().started_at).collect();
    assert!(started.iter().all(|at| at == &started[0]), "{started:?}");
    assert_eq!(executor.list().await.len(), 1);
    let later = sandbox.create(json!({})).await.unwrap();
    assert_eq!(later.started_at, started[0]);
    assert_eq!(code(sandbox.create(json!({ "size": "large" })).await), ExecutorCode::Invalid);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away_leaves_nothing_half_done() {
    let executor = Executor::start().await;
    let sandbox = executor.name(1);
    let soon = std::time::Duration::from_millis(5);
    let body = json!({ "size": "small", "hosts": [], "epoch": 1 });
    let _ = sandbox.request(Method::PUT, "").json(&body).timeout(soon).send().await;
    let end = std::time::Instant::now() + crate::support::PATIENCE;
    while !executor.list().await.iter().any(|report| report.running) {
        assert!(std::time::Instant::now() < end, "it never ran");
        tokio::time::sleep(soon).await;
    }
    sandbox.says("(trap '' TERM; sleep 60 >/dev/null 2>&1 &)").await;
    let _ = sandbox.request(Method::POST, "/stop").timeout(soon).send().await;
    let stopped = sandbox.until("it is stopped", |report| !report.running).await;
    assert_eq!(stopped.ended_because, None, "somebody wanted that");
    assert!(stopped.ended_at.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_epoch_only_grows() {
    let executor = Executor::start().await;
    let sandbox = executor.sandbox(1).await;
    let set = async |epoch: u64| {
        sandbox.call::<SandboxReport>(Method::PUT, "/epoch", json!({ "epoch": epoch })).await
    };
    assert_eq!(set(5).await.unwrap().epoch, 5);
    assert_eq!(set(5).await.unwrap().epoch, 5);
    assert_eq!(code(set(4).await), ExecutorCode::EpochOver);
    assert_eq!(code(sandbox.create(json!({ "epoch": 4 })).await), ExecutorCode::EpochOver);
    assert_eq!(sandbox.create(json!({ "epoch": 6 })).await.unwrap().epoch, 6);
    sandbox.stop().await;
    assert_eq!(code(sandbox.create(json!({ "epoch": 5 })).await), ExecutorCode::EpochOver);
    assert!(!sandbox.report().await.running);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_executor_that_was_killed_finds_its_sandboxes_ended_and_can_start_them() {
    for who in [As::Oneself, As::Nobody] {
        let mut executor = Executor::start_as(who, 3).await;
        {
            let (running, stopped) = (executor.sandbox(1).await, executor.sandbox(2).await);
            running.says("echo kept > kept; (sleep 98765 >/dev/null 2>&1 &)").await;
            running
                .exec("once", json!({ "argv": ["sh", "-c", "echo ran >> runs; exit 3"], "timeout_ms": 5000 }))
                .await
                .unwrap();
            stopped.stop().await;
        }
        let before = executor.list().await;
        executor.crash_and_restart();
        let after = executor.list().await;
        assert_eq!(after.len(), 2);
        let (ended, stopped) = (&after[0], &after[1]);
        assert_eq!(stopped, &before[1], "one that was stopped is as it was");
        assert!(!ended.running && ended.started_at == before[0].started_at && ended.ended_because.is_some());
        let late = ended.ended_at.unwrap().since(before[0].used_at.unwrap());
        assert!(
            (-2000..5000).contains(&late),
            "it ended when it was last seen: {late} ms after its last use"
        );
        assert!(!processes_of_host().iter().any(|line| line == "sleep\098765\0"), "its processes are gone");

        let running = executor.name(1);
        let again = running.create(json!({ "epoch": 2 })).await.unwrap();
        assert!(again.running && again.started_at > ended.ended_at);
        assert_eq!(running.says("cat kept").await, "kept");
        // A command that ran before does not run again.
        let once = running
            .exec("once", json!({ "argv": ["sh", "-c", "echo ran >> runs; exit 3"], "timeout_ms": 5000 }))
            .await
            .unwrap();
        assert_eq!((once.exit.code, running.says("cat runs").await), (3, "ran".to_owned()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sandbox_whose_processes_end_by_themselves_says_so_and_gives_up_its_place() {
    for who in [As::Oneself, As::Nobody] {
        let executor = Executor::start_as(who, 1).await;
        let sandbox = executor.sandbox(1).await;
        let record = std::fs::read(executor.data.join(sandbox.id.to_string()).join("record.json")).unwrap();
        let record: Value = serde_json::from_slice(&record).unwrap();
        let leader = record.pointer("/run/leader/pid").and_then(Value::as_i64).unwrap();
        let leader = rustix::process::Pid::from_raw(i32::try_from(leader).unwrap()).unwrap();
        rustix::process::kill_process(leader, rustix::process::Signal::KILL).unwrap();
        let ended = sandbox.until("it has ended", |report| !report.running).await;
        assert!(ended.ended_at > ended.started_at, "{ended:?}");
        assert!(ended.ended_because.unwrap().contains("signal: 9"));
        executor.name(2).create(json!({})).await.unwrap();
        assert_eq!(code(sandbox.create(json!({ "epoch": 2 })).await), ExecutorCode::NoPlace);
        executor.name(2).stop().await;
        assert!(sandbox.create(json!({ "epoch": 2 })).await.unwrap().running);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_executor_that_is_stopped_ends_its_sandboxes_in_order() {
    let mut executor = Executor::start().await;
    executor.sandbox(1).await;
    executor.stop_and_restart();
    let report = executor.name(1).report().await;
    assert!(!report.running && report.ended_at.is_some() && report.ended_because.is_none(), "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_executor_leaves_the_first_ones_folder_alone() {
    let executor = Executor::start().await;
    let sandbox = executor.sandbox(1).await;
    let second = executor.try_a_second();
    assert!(second.contains("another executor"), "{second}");
    assert_eq!(sandbox.says("echo fine").await, "fine");
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_sandboxes_run_side_by_side() {
    let executor = Executor::start_as(As::Oneself, 50).await;
    let numbers: Vec<u8> = (0..50).collect();
    for some in numbers.chunks(8) {
        futures::future::join_all(
            some.iter().map(async |number| executor.name(*number).create(json!({})).await.unwrap()),
        )
        .await;
    }
    for some in numbers.chunks(8) {
        futures::future::join_all(some.iter().map(async |number| {
            let said = executor.name(*number).says(&format!("echo {number} > mine; cat mine")).await;
            assert_eq!(said, number.to_string());
        }))
        .await;
    }
    assert_eq!(executor.list().await.iter().filter(|report| report.running).count(), 50);
}

fn processes_of_host() -> Vec<String> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    entries.filter_map(|entry| std::fs::read_to_string(entry.path().join("cmdline")).ok()).collect()
}
