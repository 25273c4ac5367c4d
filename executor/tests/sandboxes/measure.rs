//! How fast a sandbox is there and what the executor takes, in figures. Left out of ordinary runs: figures of a busy machine
//! say nothing, and those of an unoptimised program little. By hand:
//! `cargo test --profile native -p slipway-executor --test sandboxes -- --ignored --nocapture measure`

use std::time::Instant;

use reqwest::Method;
use serde_json::json;

use crate::support::{As, Executor};

const TIMES: u8 = 40;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement, to be run alone on a quiet machine"]
async fn measure() {
    let executor = Executor::start_as(As::Oneself, 50).await;
    let idle = executor.memory();
    let (mut created, mut first) = (Vec::new(), Vec::new());
    for number in 0..TIMES {
        let sandbox = executor.name(number);
        let began = Instant::now();
        sandbox.create(json!({})).await.unwrap();
        created.push(began.elapsed());
        let body = json!({ "argv": ["echo", "here"], "timeout_ms": 5000 });
        let mut response = sandbox.request(Method::PUT, "/execs/first").json(&body).send().await.unwrap();
        assert!(response.chunk().await.unwrap().unwrap().starts_with(br#"{"stdout""#));
        first.push(began.elapsed());
    }
    let with_all = executor.memory();
    created.sort_unstable();
    first.sort_unstable();
    let at = |times: &[std::time::Duration], share: usize| times[times.len() * share / 100].as_millis();
    println!("create: p50 {} ms, p95 {} ms", at(&created, 50), at(&created, 95));
    println!("create and first output: p50 {} ms, p95 {} ms", at(&first, 50), at(&first, 95));
    println!("executor's memory: {} KiB idle, {} KiB with {TIMES} sandboxes", idle >> 10, with_all >> 10);
    assert!(idle < 30 << 20, "{idle} bytes");
}
