//! What a sandbox may use: its bombs go off inside and nowhere else, and it can be used again afterwards.

use serde_json::json;
use slipway_contract::objects::executor::{DiskQuota, ExecutorCode};

use crate::support::{As, Executor, code};

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_bomb_stays_in_its_sandbox_and_can_be_killed() {
    for who in [As::Oneself, As::Nobody] {
        let executor = Executor::start_as(who, 2).await;
        let (bomb, other) = (executor.sandbox(1).await, executor.sandbox(2).await);
        // Sessions of their own, so that no process group holds them all.
        bomb.put("bomb.py", "import os,time\nwhile True:\n  try:\n    if os.fork()==0: os.setsid()\n  except OSError:\n    time.sleep(1)\n").await.unwrap();
        let running = bomb.exec("bomb", json!({ "argv": ["python3", "bomb.py"], "timeout_ms": 2_000 }));
        let (said, _) = tokio::join!(running, async {
            assert_eq!(other.says("echo fine").await, "fine");
        });
        let exit = said.unwrap().exit;
        assert!(exit.timed_out && exit.code != 0, "{exit:?}");
        // Whoever is left cannot keep the sandbox from being stopped and used again.
        bomb.stop().await;
        bomb.create(json!({ "epoch": 2 })).await.unwrap();
        assert_eq!(bomb.says("ps -e | grep -c python3 || true").await, "0");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_memory_bomb_is_killed_and_the_answer_says_why() {
    for who in [As::Oneself, As::Nobody] {
        let executor = Executor::start_as(who, 2).await;
        let sandbox = executor.sandbox(1).await;
        let script =
            "import time\nkept = []\nwhile True:\n  kept.append(b'x' * (16 << 20))\n  time.sleep(0.005)\n";
        sandbox.put("bomb.py", script).await.unwrap();
        let said = sandbox
            .exec("bomb", json!({ "argv": ["python3", "bomb.py"], "timeout_ms": 20_000 }))
            .await
            .unwrap();
        assert_eq!((said.exit.code, said.exit.timed_out), (137, false), "{said:?}");
        assert!(said.stderr.contains("memory ran out"), "{said:?}");
        assert_eq!(sandbox.says("echo still here").await, "still here");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_stops_who_fills_it_and_not_the_others() {
    for who in [As::Oneself, As::Nobody] {
        let executor = Executor::start_as(who, 2).await;
        let (full, other) = (executor.sandbox(1).await, executor.sandbox(2).await);
        let script = "for n in 1 2 3 4 5 6 7 8 9; do fallocate -l 300M part$n || exit 28; sleep 1.2; done";
        let script = match executor.capabilities().await.disk_quota {
            DiskQuota::Hard => script.replace("sleep 1.2", "true"),
            DiskQuota::Watched => {
                script.replace("for n in", "for n in 0; do fallocate -l 1900M part$n; done; for n in")
            }
        };
        let said =
            full.exec("fill", json!({ "argv": ["sh", "-c", script], "timeout_ms": 20_000 })).await.unwrap();
        match executor.capabilities().await.disk_quota {
            DiskQuota::Hard => {
                assert_eq!(said.exit.code, 28, "{said:?}");
                full.says("head -c 400M /dev/zero > rest 2>/dev/null || true").await;
                assert_eq!(code(full.put("one-more", vec![1; 1 << 20]).await), ExecutorCode::DiskFull);
            }
            DiskQuota::Watched => {
                assert_eq!(said.exit.code, 137, "{said:?}");
                assert!(said.stderr.contains("disk is full"), "{said:?}");
            }
        }
        let limit = 2_u64 << 30;
        assert!(full.report().await.disk_bytes > limit * 9 / 10);
        other.put("fine", "x").await.unwrap();
        assert!(other.report().await.disk_bytes < limit / 10);
        // Deleting helps.
        full.says("rm -f part* rest").await;
        full.put("one-more", vec![1; 1 << 20]).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gibibyte_of_output_is_kept_in_part_and_counted_in_full() {
    let executor = Executor::start().await;
    let sandbox = executor.sandbox(1).await;
    let said = sandbox.sh("head -c 1G /dev/zero | tr '\\0' x; echo end >&2").await;
    assert_eq!(said.exit.code, 0, "{:?}", said.exit);
    assert_eq!(said.stdout.len() as u64, slipway_contract::limits::EXEC_OUTPUT_BYTES);
    assert_eq!(said.exit.dropped_bytes, (1 << 30) + 4 - slipway_contract::limits::EXEC_OUTPUT_BYTES);
    assert!(executor.memory() < 100 << 20, "{} bytes", executor.memory());
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_as_many_places_as_it_was_told() {
    let executor = Executor::start_as(As::Oneself, 2).await;
    let (one, two, three) = (executor.sandbox(1).await, executor.sandbox(2).await, executor.name(3));
    assert_eq!(code(three.create(json!({})).await), ExecutorCode::NoPlace);
    assert_eq!(executor.list().await.len(), 2, "one that had no place is not kept");
    // One that runs takes no second place.
    two.create(json!({})).await.unwrap();
    one.stop().await;
    three.create(json!({})).await.unwrap();
    assert_eq!(code(one.create(json!({ "epoch": 2 })).await), ExecutorCode::NoPlace);
    assert!(!one.report().await.running);
    assert_eq!(executor.list().await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_used_is_reported() {
    let executor = Executor::start().await;
    let sandbox = executor.sandbox(1).await;
    let before = sandbox.report().await;
    sandbox.says("head -c 50M /dev/urandom > file; python3 -c 'sum(range(8_000_000))'").await;
    let after = sandbox.report().await;
    assert!(after.cpu_ms > before.cpu_ms + 50, "{before:?} {after:?}");
    assert!(after.disk_bytes >= before.disk_bytes + (50 << 20), "{after:?}");
    assert!(after.memory_bytes > 0 && after.used_at > before.used_at);
    let ended = sandbox.stop().await;
    assert!(
        ended.cpu_ms >= after.cpu_ms && ended.disk_bytes == after.disk_bytes && ended.memory_bytes == 0,
        "{ended:?}"
    );
}
