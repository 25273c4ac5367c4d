//! Who is let in.

use super::*;

#[tokio::test]
async fn a_good_pass_reaches_the_port() {
    let bench = Bench::begin().await;
    let seen = bench.answers(HELLO).await;
    let answer = bench.get(&pass()).await;
    assert!(status(&answer) == 200 && answer.ends_with("\r\n\r\nhello"), "{answer}");
    let newer = RelayPass::issue(sandbox(), PORT, EPOCH + 1, NOW).sign(&key());
    assert_eq!(status(&bench.get(&newer).await), 200);
    assert_eq!(lock(&seen).len(), 2);
    assert!(!lock(&seen).concat().contains("slipway"), "the pass stays outside");
}

#[tokio::test]
async fn any_other_pass_is_refused_before_anything_is_dialled() {
    let bench = Bench::begin().await;
    bench.answers(HELLO).await;
    let good = pass();
    let (said, mac) = good.rsplit_once('.').unwrap();
    let sign = |sandbox: &str, port, epoch, at_ms, key: &str| {
        let key = RelayKey::parse(key).unwrap();
        RelayPass::issue(sandbox.parse().unwrap(), port, epoch, NOW.plus_ms(at_ms)).sign(&key)
    };
    let own = format!("sbx_{HEX}");
    let wrong = [
        String::new(),
        "v1".to_owned(),
        "refused".to_owned(),
        "Bearer x".to_owned(),
        "....".to_owned(),
        ".....".to_owned(),
        // Another key, sandbox, port, time.
        sign(&own, PORT, EPOCH, 0, "CAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg"),
        sign(&own, PORT, EPOCH, 0, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        sign("sbx_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5c", PORT, EPOCH, 0, KEY),
        sign("sbx_00000000000000000000000000000000", PORT, EPOCH, 0, KEY),
        sign(&own, PORT + 1, EPOCH, 0, KEY),
        sign(&own, 80, EPOCH, 0, KEY),
        sign(&own, PORT, EPOCH, -60_000, KEY),
        sign(&own, PORT, EPOCH, -61_000, KEY),
        sign(&own, PORT, EPOCH, -3_600_000, KEY),
        sign(&own, PORT, EPOCH, 3_600_000, KEY),
        // The signature.
        said.to_owned(),
        format!("{said}."),
        format!("{said}.{}", "A".repeat(43)),
        format!("{said}.{}", mac.to_lowercase()),
        format!("{said}.{}", mac.split_at(42).0),
        format!("{said}.{mac}="),
        format!("{said}.{mac}A"),
        format!("{said}.{mac}.{mac}"),
        format!("{said}.{}{}", mac.split_at(1).1, mac.split_at(1).0),
        format!("{said}..{mac}"),
        format!("{said} .{mac}"),
        // What is signed.
        good.replacen("v1", "v2", 1),
        good.replacen("v1", "V1", 1),
        good.replacen("v1.", "", 1),
        good.replacen(HEX, &HEX.to_uppercase(), 1),
        good.replacen(HEX, &own, 1),
        good.replacen("4a5b", "4a5c", 1),
        good.replacen(".3000.", ".3001.", 1),
        good.replacen(".3000.", ".03000.", 1),
        good.replacen(".3000.", ".+3000.", 1),
        good.replacen(".3000.", ".0.", 1),
        good.replacen(".3000.", "..", 1),
        good.replacen(".7.", ".8.", 1),
        good.replacen(".7.", ".07.", 1),
        good.replacen(".7.", ".-7.", 1),
        good.replacen(".7.", ".18446744073709551615.", 1),
        good.replacen(".1795162590.", ".1795162591.", 1),
        good.replacen(".1795162590.", ".9999999999.", 1),
        good.replacen(".1795162590.", ".", 1),
        good.replacen('.', ":", 4),
        format!("{good}, {good}"),
        format!("{good};"),
        format!("\"{good}\""),
        "x".repeat(8_000),
    ];
    for pass in &wrong {
        assert_eq!(refusal(&bench.get(pass).await), (401, ExecutorCode::Unauthenticated), "{pass}");
    }
    assert!(wrong.len() >= 45);
    let path = format!("GET /relay/sbx_{HEX}/{PORT}/");
    let twice = format!("x-slipway-relay: {good}\r\nx-slipway-relay: {good}\r\n");
    for fields in
        ["", &twice, &format!("x-slipway-relay2: {good}\r\n"), &format!("cookie: x-slipway-relay={good}\r\n")]
    {
        assert_eq!(refusal(&bench.ask(&path, fields).await).1, ExecutorCode::Unauthenticated, "{fields}");
    }
    assert_eq!(bench.dialled(), 0);
}

#[tokio::test]
async fn a_pass_of_an_older_epoch_is_over() {
    let bench = Bench::begin().await;
    bench.answers(HELLO).await;
    let older = RelayPass::issue(sandbox(), PORT, EPOCH - 1, NOW).sign(&key());
    assert_eq!(refusal(&bench.get(&older).await), (403, ExecutorCode::EpochOver));
    assert_eq!(status(&bench.get(&pass()).await), 200);
    bench.grow(EPOCH + 1);
    assert_eq!(refusal(&bench.get(&pass()).await), (403, ExecutorCode::EpochOver));
    assert_eq!(bench.dialled(), 1);
}

#[tokio::test]
async fn a_sandbox_that_is_not_here_or_has_stopped_is_told_apart_only_by_a_good_pass() {
    let mut bench = Bench::begin().await;
    bench.answers(HELLO).await;
    let other: SandboxId = "sbx_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5c".parse().unwrap();
    let good = RelayPass::issue(other, PORT, EPOCH, NOW).sign(&key());
    let path = format!("GET /relay/{other}/{PORT}/");
    let answer = bench.ask(&path, &format!("x-slipway-relay: {good}\r\n")).await;
    assert_eq!(refusal(&answer), (404, ExecutorCode::NotFound));
    assert_eq!(refusal(&bench.ask(&path, "").await).0, 401);
    bench.stop();
    assert_eq!(refusal(&bench.get(&pass()).await), (409, ExecutorCode::NotRunning));
    assert_eq!(refusal(&bench.get("v1").await).0, 401);
    assert_eq!(bench.dialled(), 0);
}

#[tokio::test]
async fn a_path_names_sandbox_and_port_in_one_way() {
    let bench = Bench::begin().await;
    bench.answers(HELLO).await;
    let fields = format!("x-slipway-relay: {}\r\n", pass());
    for path in [
        "/".to_owned(),
        "/relay".to_owned(),
        "/relay/".to_owned(),
        format!("/relay/sbx_{HEX}"),
        format!("/relay/sbx_{HEX}/"),
        format!("/relay/{HEX}/3000/"),
        format!("/relay//sbx_{HEX}/3000/"),
        format!("//relay/sbx_{HEX}/3000/"),
        format!("/relay/sbx_{HEX}//3000/"),
        format!("/relay/sbx_{HEX}/03000/"),
        format!("/relay/sbx_{HEX}/+3000/"),
        format!("/relay/sbx_{HEX}/3000x/"),
        format!("/relay/sbx_{HEX}/0/"),
        format!("/relay/sbx_{HEX}/68536/"),
        format!("/relay/sbx_{HEX}/%33000/"),
        format!("/relay/SBX_{HEX}/3000/"),
        format!("/relay/sbx_{}/3000/", HEX.to_uppercase()),
        format!("/Relay/sbx_{HEX}/3000/"),
        format!("/relay/../relay/sbx_{HEX}/3000/"),
    ] {
        let answer = bench.ask(&format!("GET {path}"), &fields).await;
        assert_eq!(refusal(&answer), (400, ExecutorCode::Invalid), "{path}");
    }
    assert_eq!(bench.dialled(), 0);
}
