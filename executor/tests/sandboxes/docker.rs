//! What is Docker's own: an engine that is not there or no good, containers that would outlive the executor, images; and
//! that the choice between backends can change.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;
use slipway_contract::objects::executor::ExecutorCode;

use crate::support::{As, Executor, NO_ENGINE, PATIENCE, Settings, code, on_docker};

/// A path without `bwrap`.
const NO_BUBBLEWRAP: &str = "/nowhere";

/// What Docker lacks for an executor that wants it.
async fn missing(engine: &str) -> String {
    let settings = Settings { backend: "docker", engine: engine.to_owned(), ..Settings::new(As::Oneself, 1) };
    let executor = Executor::start_with(settings);
    let docker = executor.capabilities().await.backends.remove(0);
    assert_eq!(docker.name, "docker");
    let missing = docker.missing.join("; ");
    let refused = executor.name(1).create(json!({})).await.unwrap_err();
    assert_eq!(refused.code, ExecutorCode::Unsupported);
    assert!(refused.detail.contains(&missing), "{refused:?}");
    missing
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_is_no_good_is_said_to_be_missing_and_why() {
    assert_eq!(missing(NO_ENGINE).await, "a Docker engine (/nowhere/docker.sock is not there)");
    let far = missing("tcp://10.0.0.1:2375").await;
    assert_eq!(far, "a Docker engine on this host (DOCKER_HOST is tcp://10.0.0.1:2375, not unix://…)");

    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("docker.sock");
    let host = format!("unix://{}", socket.display());
    let silent = UnixListener::bind(&socket).unwrap();
    let said = missing(&host).await;
    assert_eq!(said, "a Docker engine that answers: the Docker engine did not answer in 2 s");
    drop(silent);
    let said = missing(&host).await;
    assert!(said.contains("cannot be reached: Connection refused"), "{said}");

    std::fs::remove_file(&socket).unwrap();
    let weak = UnixListener::bind(&socket).unwrap();
    let answering = std::thread::spawn(move || {
        let (mut asked, _) = weak.accept().unwrap();
        let mut head = [0; 4096];
        let read = asked.read(&mut head).unwrap();
        assert!(head[..read].starts_with(b"GET /info "));
        let body = r#"{"OSType":"linux","SecurityOptions":["name=seccomp"],"MemoryLimit":false}"#;
        write!(asked, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()).unwrap();
    });
    assert_eq!(missing(&host).await, "a Docker engine with memory limits");
    answering.join().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_choice_docker_makes_sandboxes_only_where_bubblewrap_cannot() {
    let own = Settings::new(As::Oneself, 2);
    let auto = Settings { backend: "auto", ..own.clone() };
    let used = async |settings: Settings| {
        let executor = Executor::start_with(settings);
        let backends = executor.capabilities().await.backends;
        backends.into_iter().map(|backend| (backend.name, backend.missing.is_empty())).collect::<Vec<_>>()
    };
    let way = |name: &str, works: bool| (name.to_owned(), works);
    let no_bubblewrap = Settings { path: Some(NO_BUBBLEWRAP), ..auto.clone() };
    let expected = if on_docker() { way("docker", true) } else { way("bubblewrap", false) };
    assert_eq!(used(no_bubblewrap).await[0], expected);
    let without_engine = Settings { engine: NO_ENGINE.to_owned(), ..auto };
    assert_eq!(used(without_engine).await, [way("bubblewrap", true), way("docker", false)]);
}

/// What the engine answers.
fn ask(request: &str) -> String {
    let host = std::env::var("DOCKER_HOST").unwrap();
    let mut engine = UnixStream::connect(host.strip_prefix("unix://").unwrap()).unwrap();
    write!(engine, "{request} HTTP/1.0\r\nhost: docker\r\n\r\n").unwrap();
    let mut answer = String::new();
    engine.read_to_string(&mut answer).unwrap();
    answer
}

fn until(what: &str, holds: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "it never came to this: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn runs_on_the_host(command: &[u8]) -> bool {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    entries.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok()).any(|line| line == command)
}

#[tokio::test(flavor = "multi_thread")]
async fn containers_end_with_an_executor_that_is_killed_and_the_next_one_clears_them_away() {
    if !on_docker() {
        return;
    }
    let mut executor = Executor::start().await;
    let sandbox = executor.sandbox(7);
    let id = sandbox.await.id.to_string();
    executor.name(7).says("(sleep 87651 >/dev/null 2>&1 &)").await;
    let is_listed = || ask("GET /containers/json?all=true").contains(&id);
    assert!(runs_on_the_host(b"sleep\087651\0") && is_listed());
    executor.crash();
    until("its processes ended though nobody told them to", || !runs_on_the_host(b"sleep\087651\0"));
    assert!(is_listed(), "the engine keeps what ended");
    executor.restart();
    until("the engine forgot it", || !is_listed());
    assert!(!executor.name(7).report().await.running);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_somebody_removed_has_ended_and_starts_again_without_its_image_too() {
    if !on_docker() {
        return;
    }
    let executor = Executor::start().await;
    let sandbox = executor.sandbox(8).await;
    sandbox.says("echo kept > kept").await;
    let listed = ask("GET /containers/json?all=true");
    let name = listed.split('"').find(|word| word.contains(&sandbox.id.to_string()) && word.starts_with('/'));
    let name = name.unwrap().to_owned();
    assert!(ask(&format!("DELETE /containers{name}?force=true")).contains(" 204 "));
    let ended = sandbox.until("it has ended", |report| !report.running).await;
    assert!(ended.ended_because.is_some(), "{ended:?}");
    // Others that run keep the image from being deleted; then there is nothing to make anew.
    let listed = ask("GET /images/json");
    for image in listed.split('"').filter(|word| word.starts_with("slipway-host:")) {
        ask(&format!("DELETE /images/{image}"));
    }
    sandbox.create(json!({ "epoch": 2 })).await.unwrap();
    assert_eq!(sandbox.says("cat kept").await, "kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_backend_made_another_starts() {
    if !on_docker() {
        return;
    }
    let settings = Settings { backend: "bubblewrap", ..Settings::new(As::Oneself, 2) };
    let mut executor = Executor::start_with(settings);
    for (epoch, backend) in [(1, "bubblewrap"), (2, "docker"), (3, "bubblewrap")] {
        executor.settings.backend = backend;
        executor.crash_and_restart();
        let sandbox = executor.name(9);
        if epoch > 1 {
            assert!(!sandbox.report().await.running);
            assert!(!runs_on_the_host(b"sleep\087652\0"), "the other one's processes are gone");
        }
        sandbox.create(json!({ "epoch": epoch })).await.unwrap();
        sandbox.says(&format!("echo {backend} >> made-by; (sleep 87652 >/dev/null 2>&1 &)")).await;
    }
    assert_eq!(executor.name(9).says("cat made-by").await, "bubblewrap\ndocker\nbubblewrap");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_takes_the_place_of_the_hosts_system() {
    if !on_docker() {
        return;
    }
    let image = |name: &str| Settings { image: Some(name.to_owned()), ..Settings::new(As::Oneself, 1) };
    let executor = Executor::start_with(image("slipway-test-none"));
    let missing = executor.capabilities().await.backends.remove(0).missing;
    assert_eq!(missing, ["the image slipway-test-none (docker pull slipway-test-none)"]);
    assert_eq!(code(executor.name(1).create(json!({})).await), ExecutorCode::Unsupported);

    let archive = shell_and_libraries();
    let host = std::env::var("DOCKER_HOST").unwrap();
    let mut engine = UnixStream::connect(host.strip_prefix("unix://").unwrap()).unwrap();
    let head = "POST /images/create?fromSrc=-&repo=slipway-test&tag=sh HTTP/1.0\r\nhost: docker";
    write!(engine, "{head}\r\ncontent-type: application/x-tar\r\ncontent-length: {}\r\n\r\n", archive.len())
        .unwrap();
    engine.write_all(&archive).unwrap();
    let mut answer = String::new();
    engine.read_to_string(&mut answer).unwrap();
    assert!(answer.contains(" 200 "), "{answer}");

    let executor = Executor::start_with(image("slipway-test:sh"));
    assert_eq!(executor.capabilities().await.backends.remove(0).missing, Vec::<String>::new());
    let sandbox = executor.sandbox(1).await;
    let said = sandbox.says("echo > kept && echo *; echo /usr/bin/*; command -v python3 || echo none").await;
    assert_eq!(said, "kept\n/usr/bin/*\nnone", "nothing of the host but what the image has");
}

/// An archive of a shell, and of what it and the executor are linked to.
fn shell_and_libraries() -> Vec<u8> {
    let linked =
        Command::new("ldd").args(["/bin/sh", env!("CARGO_BIN_EXE_slipway-executor")]).output().unwrap();
    let linked = String::from_utf8(linked.stdout).unwrap();
    let files: BTreeSet<_> = linked
        .split_whitespace()
        .filter(|word| word.starts_with('/') && !word.ends_with(':'))
        .chain(["/bin/sh"])
        .map(Path::new)
        .collect();
    let folders: BTreeSet<_> = files.iter().flat_map(|file| file.ancestors().skip(1)).collect();
    let mut archive = tar::Builder::new(Vec::new());
    let mut add = |path: &Path, kind: tar::EntryType, content: &[u8]| {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(0o755);
        header.set_size(content.len() as u64);
        archive.append_data(&mut header, path.strip_prefix("/").unwrap(), content).unwrap();
    };
    for folder in folders.iter().filter(|folder| folder.parent().is_some()) {
        add(folder, tar::EntryType::Directory, &[]);
    }
    for file in files {
        add(file, tar::EntryType::Regular, &std::fs::read(file).unwrap());
    }
    archive.into_inner().unwrap()
}
