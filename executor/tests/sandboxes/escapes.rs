//! Paths and links that lead out of `/workspace`, by the file interface.

use reqwest::Method;
use slipway_contract::objects::executor::{ExecutorCode, FileKind, FileList};

use crate::support::{As, Executor, code};

#[tokio::test(flavor = "multi_thread")]
async fn files_are_written_read_listed_and_deleted() {
    for who in [As::Oneself, As::Nobody] {
        let executor = Executor::start_as(who, 2).await;
        let sandbox = executor.sandbox(1).await;
        let bytes: Vec<u8> = (0..=255).cycle().take(300_000).collect();
        sandbox.put("deep/er/file", bytes.clone()).await.unwrap();
        assert_eq!(sandbox.get("/workspace/deep/er/file").await.unwrap(), bytes);
        sandbox.says("chmod 700 deep/er/file; ln -s er deep/link; mkfifo deep/pipe; mkdir deep/a").await;
        sandbox.put("deep/er/file", "new").await.unwrap();
        assert_eq!(sandbox.get("deep/link/file").await.unwrap(), b"new");
        assert_eq!(sandbox.says("stat -c %a deep/er/file; ls -A deep/er").await, "700\nfile");

        let response = sandbox.file(Method::GET, "deep").send().await.unwrap();
        assert_eq!(response.headers()["x-slipway-kind"], "folder");
        let list: FileList = response.json().await.unwrap();
        let entries: Vec<_> = list.entries.iter().map(|entry| (entry.name.as_str(), entry.kind)).collect();
        let expected = [
            ("a", FileKind::Folder),
            ("er", FileKind::Folder),
            ("link", FileKind::Link),
            ("pipe", FileKind::Other),
        ];
        assert_eq!((entries.as_slice(), list.truncated), (&expected[..], false));

        for (path, expected) in [
            ("deep/none", ExecutorCode::NotFound),
            ("deep/er/file/x", ExecutorCode::NotFound),
            ("deep/pipe", ExecutorCode::Invalid),
        ] {
            assert_eq!(code(sandbox.get(path).await), expected, "{path}");
        }
        for path in ["deep", "", "deep/er"] {
            assert_eq!(code(sandbox.put(path, "x").await), ExecutorCode::Invalid, "{path} is a folder");
        }
        for (path, expected) in [("deep", 204), ("deep", 404), ("", 422)] {
            assert_eq!(sandbox.file(Method::DELETE, path).send().await.unwrap().status(), expected, "{path}");
        }
        assert_eq!(sandbox.says("ls -A").await, "");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_folder_is_told_in_part() {
    let executor = Executor::start().await;
    let sandbox = executor.sandbox(1).await;
    sandbox.says("mkdir many; cd many; seq -f %05g 1 1500 | xargs touch").await;
    let list: FileList = serde_json::from_slice(&sandbox.get("many").await.unwrap()).unwrap();
    assert_eq!((list.entries.len(), list.truncated, list.entries[999].name.as_str()), (1000, true, "01000"));
}

#[tokio::test(flavor = "multi_thread")]
async fn paths_and_links_do_not_lead_out_of_the_workspace() {
    for who in [As::Oneself, As::Nobody] {
        let executor = Executor::start_as(who, 2).await;
        let sandbox = executor.sandbox(1).await;
        sandbox.says("ln -s / root; ln -s /etc/passwd file; ln -s .. up; ln -s /proc/self/root magic; ln -s loop loop; mkdir in; ln -s ../../etc in/etc; echo kept > /tmp/kept; ln -s /tmp/kept out").await;
        let paths = [
            "../etc/passwd",
            "/etc/passwd",
            "in/../../etc/passwd",
            "/workspace/../etc/passwd",
            "root/etc/passwd",
            "file",
            "up/etc/passwd",
            "magic/etc/passwd",
            "in/etc/passwd",
            "loop",
            "/proc/1/environ",
            "out",
            "/workspace/out",
            "..",
            "/",
            "./..",
        ];
        for path in paths {
            assert_eq!(code(sandbox.get(path).await), ExecutorCode::OutsideWorkspace, "reading {path}");
        }
        for path in
            ["../tmp/x", "/tmp/x", "root/tmp/x", "up/tmp/x", "magic/tmp/x", "up/x/y/z", "in/../../tmp/x"]
        {
            assert_eq!(code(sandbox.put(path, "x").await), ExecutorCode::OutsideWorkspace, "writing {path}");
            let deleted = sandbox.file(Method::DELETE, path).send().await.unwrap();
            assert_eq!(deleted.status(), 422, "deleting {path}");
        }
        // A link at the end is replaced or deleted itself.
        sandbox.put("out", "mine").await.unwrap();
        assert_eq!(sandbox.says("cat /tmp/kept; cat out; ls /tmp").await, "kept\nminekept");
        assert_eq!(sandbox.file(Method::DELETE, "root").send().await.unwrap().status(), 204);
        sandbox.says("mkdir tree; ln -s /tmp tree/tmp").await;
        assert_eq!(sandbox.file(Method::DELETE, "tree").send().await.unwrap().status(), 204);
        assert_eq!(sandbox.says("cat /tmp/kept").await, "kept");
        for path in ["a\0b", &"x".repeat(2000)] {
            assert_eq!(code(sandbox.get(path).await), ExecutorCode::Invalid);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_turns_into_a_link_meanwhile_leads_nowhere() {
    let executor = Executor::start().await;
    let sandbox = executor.sandbox(1).await;
    sandbox.says("mkdir swap real; echo inside > swap/passwd; ln -s /etc trap").await;
    let script = "import os,time\nend=time.time()+4\nwhile time.time()<end:\n  os.rename('swap','away'); os.rename('trap','swap'); os.rename('swap','trap'); os.rename('away','swap')\n";
    sandbox.put("race.py", script).await.unwrap();
    let race =
        sandbox.exec("race", serde_json::json!({ "argv": ["python3", "race.py"], "timeout_ms": 20_000 }));
    let reads = async {
        let mut outcomes = std::collections::BTreeMap::<String, u32>::new();
        for _ in 0..300 {
            let outcome = match sandbox.get("swap/passwd").await {
                Ok(bytes) => String::from_utf8(bytes).unwrap(),
                Err(problem) => format!("{:?}", problem.code),
            };
            *outcomes.entry(outcome).or_default() += 1;
        }
        outcomes
    };
    let (_, outcomes) = tokio::join!(race, reads);
    let allowed = ["inside\n", "OutsideWorkspace", "NotFound"];
    assert!(outcomes.keys().all(|outcome| allowed.contains(&outcome.as_str())), "{outcomes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_too_large_is_refused_and_leaves_nothing_behind() {
    let executor = Executor::start().await;
    let sandbox = executor.sandbox(1).await;
    let large = vec![0; slipway_contract::limits::SANDBOX_FILE_BYTES + 1];
    let announced = sandbox.file(Method::PUT, "large").body(large.clone()).send().await;
    // The refusal may come while the body is still being sent.
    if let Ok(response) = announced {
        assert_eq!(response.status(), 413);
    }
    let pieces =
        large.chunks(1 << 20).map(|piece| Ok::<_, std::io::Error>(piece.to_vec())).collect::<Vec<_>>();
    let streamed = sandbox
        .file(Method::PUT, "large")
        .body(reqwest::Body::wrap_stream(futures::stream::iter(pieces)))
        .send()
        .await;
    if let Ok(response) = streamed {
        assert_eq!(response.status(), 413);
    }
    assert_eq!(sandbox.says("ls -A").await, "");
    sandbox.says(&format!("truncate -s {} large", large.len())).await;
    assert_eq!(code(sandbox.get("large").await), ExecutorCode::TooLarge);
}
