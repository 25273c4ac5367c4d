//! The workspace out and in again as an archive.

use reqwest::Method;
use serde_json::json;
use slipway_contract::objects::executor::{ExecutorCode, ExecutorProblem};

use crate::support::{As, Executor, Sandbox, code};

const LOOK: &str = "find . -path ./.slipway -prune -o -printf '%y %m %s %p %l\\n' | grep -v '^d.* \\. ' | sort; find . -type f -not -path './.slipway/*' -print0 | sort -z | xargs -0 sha256sum";

async fn restore(sandbox: &Sandbox<'_>, archive: Vec<u8>) -> Result<(), ExecutorProblem> {
    let response = sandbox.request(Method::PUT, "/snapshot").body(archive).send().await.unwrap();
    if response.status().is_success() { Ok(()) } else { Err(response.json().await.unwrap()) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_is_restored_as_it_was() {
    for who in [As::Oneself, As::Nobody] {
        let executor = Executor::start_as(who, 2).await;
        let (from, to) = (executor.sandbox(1).await, executor.sandbox(2).await);
        from.says(
            "mkdir -p a/b/c empty 'with space'; echo x > a/b/c/file; head -c 5M /dev/urandom > big; ln -s a/b link; ln -s /usr/bin/env outside
             printf '#!/bin/sh\\n' > run; chmod 755 run; chmod 600 big; echo ö > 'with space/ö'; touch $(printf 'n%.0s' $(seq 150)); mkfifo pipe; : > zero",
        )
        .await;
        let archive = from.request(Method::GET, "/snapshot").send().await.unwrap();
        assert_eq!(
            (archive.status().as_u16(), archive.headers()["content-type"].to_str().unwrap()),
            (200, "application/gzip")
        );
        let archive = archive.bytes().await.unwrap();
        from.says("rm pipe").await;

        to.says("echo old > old; mkdir a; echo old > a/old").await;
        restore(&to, archive.to_vec()).await.unwrap();
        assert_eq!(to.says(LOOK).await, from.says(LOOK).await);

        // A bad one changes nothing.
        let before = to.says(LOOK).await;
        let refused = restore(&to, archive[..archive.len() / 2].to_vec()).await.unwrap_err();
        assert_eq!(refused.code, ExecutorCode::Invalid, "{refused:?}");
        assert_eq!(to.says(LOOK).await, before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_that_leads_out_or_is_too_large_is_refused() {
    let executor = Executor::start().await;
    let sandbox = executor.sandbox(1).await;
    sandbox.put("kept", "kept").await.unwrap();
    let make = "
import io, tarfile, sys
def make(name, *members):
    with tarfile.open('/tmp/' + name, 'w:gz') as tar:
        for path, kind, target, size in members:
            info = tarfile.TarInfo(path); info.type = kind; info.linkname = target; info.size = size
            tar.addfile(info, io.BytesIO(b'x' * size))
F, L, H = tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE
make('up', ('../evil', F, '', 1)); make('root', ('/tmp/evil', F, '', 1))
# Says that 3 GiB follow.
with tarfile.open('bomb', 'w:gz') as tar:
    info = tarfile.TarInfo('large'); info.size = 3 << 30; tar.addfile(info)
make('link', ('l', L, '/tmp', 0), ('l/evil', F, '', 1)); make('hard', ('h', H, '/etc/passwd', 0))
";
    sandbox.put("make.py", make).await.unwrap();
    sandbox.says("python3 make.py && rm make.py && cp /tmp/up /tmp/root /tmp/link /tmp/hard .").await;
    let archives: Vec<_> = futures::future::join_all(
        ["up", "root", "link", "hard"].map(async |name| (name, sandbox.get(name).await.unwrap())),
    )
    .await;
    let bomb = sandbox.get("bomb").await.unwrap();
    sandbox.says("rm up root link hard bomb").await;
    for (name, archive) in archives {
        let refused = restore(&sandbox, archive).await.unwrap_err();
        assert!(
            matches!(refused.code, ExecutorCode::OutsideWorkspace | ExecutorCode::Invalid),
            "{name}: {refused:?}"
        );
        assert_eq!(
            sandbox.says("cat kept; ls -A | grep -v slipway; ls /tmp | grep evil || true").await,
            "keptkept",
            "{name}"
        );
    }
    assert_eq!(restore(&sandbox, bomb).await.unwrap_err().code, ExecutorCode::TooLarge);
    assert_eq!(sandbox.says("cat kept").await, "kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_broke_off_does_not_look_whole() {
    let executor = Executor::start().await;
    let sandbox = executor.sandbox(1).await;
    sandbox.says("head -c 60M /dev/urandom > big").await;
    let killer = json!({ "argv": ["sh", "-c", "until pkill -9 -f 'slipway-executor archiv[e]'; do :; done"], "timeout_ms": 20_000 });
    let (archive, killed) = tokio::join!(
        async { sandbox.request(Method::GET, "/snapshot").send().await.unwrap().bytes().await },
        sandbox.exec("killer", killer)
    );
    assert_eq!(killed.unwrap().exit.code, 0);
    assert!(archive.is_err(), "{:?} bytes came as if they were all", archive.map(|bytes| bytes.len()));
}

/// The archive as a whole.
async fn snapshot(sandbox: &Sandbox<'_>) -> reqwest::Result<Vec<u8>> {
    let archive = sandbox.request(Method::GET, "/snapshot").send().await?.error_for_status()?;
    Ok(archive.bytes().await?.into())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_sandbox_gives_its_snapshot_and_nobody_sees_it_run() {
    for who in [As::Oneself, As::Nobody] {
        let executor = Executor::start_as(who, 1).await;
        let sandbox = executor.sandbox(1).await;
        sandbox.says("mkdir a; echo kept > a/file").await;
        let stopped = sandbox.stop().await;
        assert!(!stopped.blank);

        // The only place is somebody else's, and stays so.
        let other = executor.sandbox(2).await;
        for _ in 0..2 {
            let archive = snapshot(&sandbox).await.unwrap();
            assert_eq!(sandbox.report().await, stopped, "it counts as a run");
            restore(&other, archive).await.unwrap();
            assert_eq!(other.says("cat a/file").await, "kept");
        }
        assert_eq!(code(sandbox.get("a/file").await), ExecutorCode::NotRunning);
        assert_eq!(code(sandbox.create(json!({})).await), ExecutorCode::NoPlace);
        other.stop().await;
        let again = sandbox.create(json!({ "epoch": 2 })).await.unwrap();
        assert!(again.running && again.started_at > stopped.ended_at, "{again:?}");
        assert_eq!(sandbox.says("cat a/file").await, "kept");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_does_not_wait_for_the_snapshot_of_a_stopped_sandbox() {
    let executor = Executor::start_as(As::Oneself, 1).await;
    let sandbox = executor.sandbox(1).await;
    sandbox.says("head -c 60M /dev/urandom > big; echo kept > file").await;
    sandbox.stop().await;
    let mut archive = sandbox.request(Method::GET, "/snapshot").send().await.unwrap();
    assert!(archive.chunk().await.unwrap().is_some());
    // Nobody reads on: it would take for ever.
    assert!(sandbox.create(json!({ "epoch": 2 })).await.unwrap().running);
    assert_eq!(sandbox.says("cat file").await, "kept");
    let rest = async {
        while archive.chunk().await?.is_some() {}
        Ok::<_, reqwest::Error>(())
    };
    assert!(rest.await.is_err(), "half an archive looks like one");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_does_not_keep_a_stopped_sandbox_up() {
    let executor = Executor::start_as(As::Oneself, 1).await;
    let sandbox = executor.sandbox(1).await;
    sandbox.says("head -c 60M /dev/urandom > big").await;
    sandbox.stop().await;
    // More than are read at once.
    for _ in 0..5 {
        let mut archive = sandbox.request(Method::GET, "/snapshot").send().await.unwrap();
        assert!(archive.chunk().await.unwrap().is_some());
        drop(archive);
    }
    assert!(snapshot(&sandbox).await.unwrap().len() > 60_000_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sandbox_is_blank_until_something_is_put_into_it() {
    let mut executor = Executor::start_as(As::Oneself, 10).await;
    {
        let blank = executor.sandbox(1).await;
        assert!(blank.report().await.blank);
        // To look is to put nothing in.
        assert!(blank.get("").await.is_ok());
        let archive = snapshot(&blank).await.unwrap();
        assert!(blank.stop().await.blank);
        assert!(blank.create(json!({ "epoch": 2 })).await.unwrap().blank);

        let with_files = executor.name(2);
        assert!(!with_files.create(json!({ "files": { "a": "b" } })).await.unwrap().blank);
        let with_file = executor.sandbox(3).await;
        with_file.put("a", "b").await.unwrap();
        let with_command = executor.sandbox(4).await;
        with_command.says("true").await;
        let restored = executor.sandbox(5).await;
        assert!(restore(&restored, b"no archive".to_vec()).await.is_err());
        assert!(restored.report().await.blank);
        restore(&restored, archive).await.unwrap();
        for filled in [with_files, with_file, with_command, restored] {
            assert!(!filled.report().await.blank);
        }
    }
    executor.crash_and_restart();
    let blank: Vec<_> = executor.list().await.iter().map(|report| report.blank).collect();
    assert_eq!(blank, [true, false, false, false, false]);
    // Made again without having been filled, it gets what it should have begun with.
    let first = executor.name(1);
    assert!(!first.create(json!({ "epoch": 3, "files": { "a": "late" } })).await.unwrap().blank);
    assert_eq!(first.says("cat a").await, "late");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_who_restore_a_blank_sandbox_one_does() {
    let executor = Executor::start_as(As::Oneself, 2).await;
    let (from, to) = (executor.sandbox(1).await, executor.sandbox(2).await);
    from.says("echo first > file").await;
    let archive = snapshot(&from).await.unwrap();
    let again = async || {
        let restored = to.request(Method::PUT, "/snapshot?blank=true").body(archive.clone()).send().await;
        assert_eq!(restored.unwrap().status(), 204);
    };
    tokio::join!(again(), again(), again());
    assert_eq!(to.says("cat file").await, "first");
    to.says("echo second > file").await;
    again().await;
    assert_eq!(to.says("cat file").await, "second");
    restore(&to, archive.clone()).await.unwrap();
    assert_eq!(to.says("cat file").await, "first");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_that_is_cut_before_its_last_byte_replaces_nothing() {
    let executor = Executor::start_as(As::Oneself, 2).await;
    let (from, to) = (executor.sandbox(1).await, executor.sandbox(2).await);
    from.says("echo new > file").await;
    to.says("echo old > file").await;
    let mut archive = snapshot(&from).await.unwrap();
    archive.pop();
    let pieces = [Ok(archive), Err(std::io::Error::other("it is a wrong one"))];
    let cut = reqwest::Body::wrap_stream(futures::stream::iter(pieces));
    assert!(to.request(Method::PUT, "/snapshot").body(cut).send().await.is_err());
    assert_eq!(to.says("cat file; ls -A | grep -v slipway").await, "old\nfile");
}
