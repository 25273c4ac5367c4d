//! What the executor says of its host, and whom it answers.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use slipway_contract::objects::executor::{DiskQuota, ExecutorCode, ExecutorProblem};

use crate::support::{As, Executor, code, on_docker};

#[tokio::test(flavor = "multi_thread")]
async fn it_says_what_the_host_can_do_and_what_it_lacks() {
    let executor = Executor::start().await;
    let capabilities = executor.capabilities().await;
    let names: Vec<_> = capabilities.backends.iter().map(|backend| backend.name.as_str()).collect();
    if on_docker() {
        assert_eq!(names, ["docker", "bubblewrap"], "the one in use comes first");
        assert_eq!(capabilities.cgroups.len(), 3, "{:?}", capabilities.cgroups);
    } else {
        assert_eq!(names, ["bubblewrap", "docker"], "the one in use comes first");
        assert_eq!(capabilities.backends[1].missing, ["a Docker engine (/nowhere/docker.sock is not there)"]);
    }
    assert!(capabilities.programs.contains_key("python3") || capabilities.programs.contains_key("git"));
    assert_eq!(capabilities.places, 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ordinary_user_gets_sandboxes_with_watched_limits() {
    let executor = Executor::start_as(As::Nobody, 3).await;
    let capabilities = executor.capabilities().await;
    assert_eq!(capabilities.disk_quota, DiskQuota::Watched);
    // Docker's engine has the rights that the executor lacks.
    assert_eq!(capabilities.cgroups.is_empty(), !on_docker(), "{:?}", capabilities.cgroups);
    assert_eq!(executor.sandbox(1).await.says("echo here").await, "here");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_key_opens_it() {
    let executor = Executor::start().await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let paths = [
        "/v1/capabilities",
        "/v1/sandboxes",
        "/v1/sandboxes/sbx_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b/files?path=a",
    ];
    for path in paths {
        for key in
            [None, Some("Bearer "), Some("Bearer wrong"), Some("Basic YTpi"), Some(crate::support::KEY)]
        {
            let mut request = client.get(executor.url(path));
            if let Some(key) = key {
                request = request.header("authorization", key);
            }
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{path} with {key:?}");
            assert_eq!(response.headers()["content-type"], "application/problem+json");
            assert_eq!(response.json::<ExecutorProblem>().await.unwrap().code, ExecutorCode::Unauthenticated);
        }
    }
    // The relay asks for a pass instead.
    let relayed =
        client.get(executor.url("/relay/sbx_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b/80/")).send().await.unwrap();
    assert_eq!(relayed.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_sense_is_refused_with_a_reason() {
    let executor = Executor::start().await;
    let sandbox = executor.sandbox(1).await;
    let refused = [
        (
            Method::GET,
            "/v1/sandboxes/sbx_00000000000000000000000000000000".to_owned(),
            Value::Null,
            ExecutorCode::NotFound,
        ),
        (Method::GET, "/v1/sandboxes/..%2f..%2fetc".to_owned(), Value::Null, ExecutorCode::NotFound),
        (Method::GET, "/v1/nothing".to_owned(), Value::Null, ExecutorCode::NotFound),
        (Method::PUT, sandbox.path(""), json!({ "size": "huge" }), ExecutorCode::Invalid),
        (Method::PUT, sandbox.path("/epoch"), json!({ "epoch": 0 }), ExecutorCode::EpochOver),
        (Method::PUT, sandbox.path("/hosts"), json!({ "hosts": ["169.254.169.254"] }), ExecutorCode::Invalid),
        (
            Method::PUT,
            sandbox.path("/hosts"),
            json!({ "hosts": vec!["example.com"; 51] }),
            ExecutorCode::Invalid,
        ),
        (
            Method::PUT,
            sandbox.path("/execs/k"),
            json!({ "argv": [], "timeout_ms": 1 }),
            ExecutorCode::Invalid,
        ),
        (
            Method::PUT,
            sandbox.path("/execs/k"),
            json!({ "argv": ["a\0b"], "timeout_ms": 1 }),
            ExecutorCode::Invalid,
        ),
        (
            Method::PUT,
            sandbox.path("/execs/k"),
            json!({ "argv": ["true"], "timeout_ms": 3_600_001 }),
            ExecutorCode::Invalid,
        ),
        (Method::DELETE, sandbox.path("/execs/k"), Value::Null, ExecutorCode::NotFound),
    ];
    for (method, path, body, expected) in refused {
        assert_eq!(
            code(executor.call::<Value>(method.clone(), &path, body).await),
            expected,
            "{method} {path}"
        );
    }
}
