//! The workspace out and in again as an archive.

use reqwest::Method;
use serde_json::json;
use slipway_contract::objects::executor::{ExecutorCode, ExecutorProblem};

use crate::support::{As, Executor, Sandbox};

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
