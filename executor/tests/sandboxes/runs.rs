//! Commands: what they say, how they end, and that a key runs once.

use std::time::Duration;

use futures::StreamExt;
use reqwest::Method;
use serde_json::{Value, json};
use slipway_contract::objects::executor::{ExecFrame, ExecutorCode};

use crate::support::{Executor, code};

#[tokio::test(flavor = "multi_thread")]
async fn a_command_says_what_it_writes_and_how_it_ended() {
    let executor = Executor::start().await;
    let sandbox = executor.sandbox(1).await;
    let said = sandbox.sh("echo out; echo err >&2; exit 7").await;
    assert_eq!((said.stdout.as_str(), said.stderr.as_str(), said.exit.code), ("out\n", "err\n", 7));
    assert!(!said.exit.timed_out && !said.exit.killed && said.exit.dropped_bytes == 0);
    assert_eq!(sandbox.sh("kill -SEGV $$").await.exit.code, 139);

    let body = json!({ "argv": ["sh", "-c", "pwd; echo $GREETING; cat"], "cwd": "sub", "env": { "GREETING": "hä" }, "timeout_ms": 5000 });
    sandbox.says("mkdir sub").await;
    assert_eq!(sandbox.exec("folder", body).await.unwrap().stdout, "/workspace/sub\nhä\n");
    for (argv, cwd, expected) in [
        (json!(["no-such-program"]), "/", 127),
        (json!(["/etc/passwd"]), "/", 126),
        (json!(["true"]), "/none", 126),
    ] {
        let said = sandbox
            .exec(
                &format!("fails-{expected}-{}", cwd.len()),
                json!({ "argv": argv, "cwd": cwd, "timeout_ms": 5000 }),
            )
            .await
            .unwrap();
        assert_eq!(said.exit.code, expected, "{said:?}");
        assert!(said.stderr.starts_with("slipway: "), "{said:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_runs_once_whoever_asks_and_when() {
    let executor = Executor::start().await;
    let sandbox = executor.sandbox(1).await;
    let body = json!({ "argv": ["sh", "-c", "echo ran >> runs; echo begins; while [ ! -e go ]; do sleep 0.02; done; echo ends"], "timeout_ms": 20_000 });
    let all = futures::future::join_all((0..5).map(|_| sandbox.exec("one", body.clone())));
    let later = async {
        // One that comes in the middle is told everything from the start.
        let late = sandbox.request(Method::PUT, "/execs/one").json(&body).send().await.unwrap();
        let mut lines = late.bytes_stream();
        let first: ExecFrame = serde_json::from_slice(&lines.next().await.unwrap().unwrap()).unwrap();
        assert_eq!(first, ExecFrame::Stdout("begins\n".into()));
        drop(lines);
        sandbox.put("go", "").await.unwrap();
    };
    let (all, ()) = tokio::join!(all, later);
    for said in all {
        assert_eq!(said.unwrap().stdout, "begins\nends\n");
    }
    assert_eq!(sandbox.exec("one", body.clone()).await.unwrap().stdout, "begins\nends\n");
    sandbox.stop().await;
    assert_eq!(sandbox.exec("one", body).await.unwrap().stdout, "begins\nends\n");
    assert_eq!(sandbox.get("runs").await.map_err(|problem| problem.code), Err(ExecutorCode::NotRunning));
    sandbox.create(json!({ "epoch": 2 })).await.unwrap();
    assert_eq!(sandbox.says("cat runs").await, "ran");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_is_given_up_after_its_timeout_with_all_that_it_started() {
    let executor = Executor::start().await;
    let sandbox = executor.sandbox(1).await;
    let stubborn = "trap '' TERM; (setsid sh -c 'trap \"\" TERM; sleep 4321') & echo begins; while true; do sleep 4321; done";
    let said =
        sandbox.exec("slow", json!({ "argv": ["sh", "-c", stubborn], "timeout_ms": 300 })).await.unwrap();
    assert_eq!((said.stdout.as_str(), said.exit.code), ("begins\n", 137), "{said:?}");
    assert!(said.exit.timed_out && !said.exit.killed && said.exit.duration_ms >= 2300, "{said:?}");
    assert_eq!(sandbox.says("ps -e -o args | grep -c '[s]leep 4321' || true").await, "0");

    let polite = sandbox.exec("polite", json!({ "argv": ["sh", "-c", "trap 'echo bye; exit 5' TERM; while true; do sleep 0.05; done"], "timeout_ms": 300 })).await.unwrap();
    assert_eq!((polite.stdout.as_str(), polite.exit.code, polite.exit.timed_out), ("bye\n", 5, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_is_killed_by_its_key() {
    let executor = Executor::start().await;
    let sandbox = executor.sandbox(1).await;
    let body = json!({ "argv": ["sleep", "1000"], "timeout_ms": 60_000 });
    let response = sandbox.request(Method::PUT, "/execs/long").json(&body).send().await.unwrap();
    let killed = sandbox.request(Method::DELETE, "/execs/long").send().await.unwrap();
    assert_eq!(killed.status(), 204);
    let text = response.text().await.unwrap();
    let ExecFrame::Exit(exit) = serde_json::from_str(text.lines().last().unwrap()).unwrap() else {
        panic!("{text}")
    };
    assert!(exit.killed && !exit.timed_out && exit.code == 143, "{exit:?}");
    assert_eq!(sandbox.request(Method::DELETE, "/execs/long").send().await.unwrap().status(), 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_ends_with_its_sandbox() {
    let executor = Executor::start().await;
    let sandbox = executor.sandbox(1).await;
    let script = "trap '' TERM; echo on > trapped; while true; do sleep 1; done";
    let streams = futures::future::join_all(["sleep 1000", script].map(async |script| {
        let body = json!({ "argv": ["sh", "-c", script], "timeout_ms": 60_000 });
        let key = format!("/execs/{}", script.len());
        sandbox.request(Method::PUT, &key).json(&body).send().await.unwrap()
    }))
    .await;
    sandbox.says("until [ -e trapped ]; do sleep 0.02; done").await;
    sandbox.stop().await;
    for stream in streams {
        let text = stream.text().await.unwrap();
        assert!(text.lines().last().unwrap().contains("\"killed\":true"), "{text}");
    }
    let refused = sandbox.exec("new", json!({ "argv": ["true"], "timeout_ms": 1000 })).await;
    assert_eq!(code(refused), ExecutorCode::NotRunning);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_in_the_background_goes_on_and_holds_nobody_up() {
    let executor = Executor::start().await;
    let sandbox = executor.sandbox(1).await;
    let said =
        sandbox.sh("(while [ ! -e go ]; do echo noise; sleep 0.05; done; echo late > done) & echo now").await;
    assert!(said.stdout.starts_with("now\n") || said.stdout.starts_with("noise\n"), "{said:?}");
    assert!(said.exit.duration_ms < 5000, "{said:?}");
    sandbox.put("go", "").await.unwrap();
    sandbox.says("while [ ! -e done ]; do sleep 0.02; done").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_in_the_background_logs_to_the_workspace() {
    let executor = Executor::start().await;
    let sandbox = executor.sandbox(1).await;
    let server = "echo starting; echo trouble >&2; exec python3 -m http.server 5173 --bind 127.0.0.1";
    let body = json!({ "argv": ["sh", "-c", server], "timeout_ms": 1, "detach": true });
    for _ in 0..2 {
        let text = sandbox
            .request(Method::PUT, "/execs/turn:1")
            .json(&body)
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        assert_eq!(text, "\"detached\"\n");
    }
    sandbox.until("the server listens", |report| report.ports == [5173]).await;
    let log = String::from_utf8(sandbox.get(".slipway/logs/turn-1.log").await.unwrap()).unwrap();
    assert!(log.starts_with("starting\ntrouble\n"), "{log}");
    assert_eq!(sandbox.request(Method::DELETE, "/execs/turn:1").send().await.unwrap().status(), 204);
    sandbox.until("the server is gone", |report| report.ports.is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away_leaves_the_command_alone() {
    let executor = Executor::start().await;
    let sandbox = executor.sandbox(1).await;
    let body = json!({ "argv": ["sh", "-c", "while [ ! -e go ]; do sleep 0.02; done; echo done"], "timeout_ms": 20_000 });
    let response =
        sandbox.request(Method::PUT, "/execs/k").json(&body).timeout(Duration::from_millis(300)).send().await;
    if let Ok(response) = response {
        assert!(response.text().await.is_err(), "the client gave up before the end");
    }
    sandbox.put("go", "").await.unwrap();
    assert_eq!(sandbox.exec("k", body).await.unwrap().stdout, "done\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_ended_commands_the_oldest_output_goes_but_none_runs_again() {
    let executor = Executor::start().await;
    let sandbox = executor.sandbox(1).await;
    let body = |number: u32| json!({ "argv": ["sh", "-c", format!("echo {number} >> runs; exit {}", number % 5)], "timeout_ms": 20_000 });
    let numbers: Vec<u32> = (0..210).collect();
    for some in numbers.chunks(10) {
        futures::future::join_all(
            some.iter().map(async |number| sandbox.exec(&number.to_string(), body(*number)).await.unwrap()),
        )
        .await;
    }
    let first = sandbox.exec("3", body(3)).await.unwrap();
    assert_eq!(first.exit.code, 3);
    assert!(first.stderr.contains("no longer kept"), "{first:?}");
    assert_eq!(sandbox.says("wc -l < runs").await, "210");
    let _: Value = sandbox.call(Method::DELETE, "/execs/3", Value::Null).await.unwrap();
}
