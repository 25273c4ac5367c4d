//! The pass in the address.

use super::*;

const HOST: &str = "3000-x.preview.example.com";

/// A request of this form with this pass; the answer.
async fn ask(bench: &Bench, pass: &str, path: &str, fields: &str) -> String {
    bench.ask(&format!("GET /relay/by/{pass}/https/{HOST}{path}"), fields).await
}

#[tokio::test]
async fn the_application_sees_the_same_as_with_a_pass_in_a_field() {
    let bench = Bench::begin().await;
    let seen = bench.answers(HELLO).await;
    for path in ["/", "/a/b", "//a//b/", "/a/../b", "/%2e%2e/%2F?q=%20a&b=c?d", "/?", "/@vite/client?t=1"] {
        assert_eq!(status(&ask(&bench, &pass(), path, "").await), 200, "{path}");
        let head = lock(&seen).pop().unwrap();
        assert_eq!(head.lines().next().unwrap(), format!("GET {path} HTTP/1.1"));
    }
    ask(&bench, &pass(), "/", "cf-connecting-ip: 192.0.2.7\r\ncookie: a=1; slipway_preview=secret\r\n").await;
    let head = lock(&seen).pop().unwrap();
    let mut lines: Vec<&str> = head.trim_end().split("\r\n").skip(1).collect();
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            "cookie: a=1",
            "host: 3000-x.preview.example.com",
            "x-forwarded-for: 192.0.2.7",
            "x-forwarded-host: 3000-x.preview.example.com",
            "x-forwarded-proto: https",
        ]
    );
}

#[tokio::test]
async fn no_field_from_outside_counts_beside_the_address() {
    let bench = Bench::begin().await;
    let seen = bench.answers(HELLO).await;
    let forged = "x-slipway-relay: forged\r\nx-slipway-other: secret\r\nx-forwarded-for: secret\r\n\
        x-forwarded-host: secret\r\nx-forwarded-proto: secret\r\nx-forwarded-port: secret\r\nx-real-ip: secret\r\n\
        forwarded: secret\r\ncf-ray: secret\r\n";
    assert_eq!(status(&ask(&bench, &pass(), "/", forged).await), 200);
    let head = lock(&seen).pop().unwrap();
    assert!(!head.contains("secret") && !head.contains("forged"), "{head}");
    assert!(head.contains("\r\nx-forwarded-host: 3000-x.preview.example.com\r\n"), "{head}");
    // Nor does a good pass in a field make up for a bad one in the address.
    let good = format!("x-slipway-relay: {}\r\n", pass());
    let bad = pass().replace("v1.", "v2.");
    assert_eq!(refusal(&ask(&bench, &bad, "/", &good).await), (401, ExecutorCode::Unauthenticated));
}

#[tokio::test]
async fn any_other_pass_or_address_is_refused_before_anything_is_dialled() {
    let bench = Bench::begin().await;
    bench.answers(HELLO).await;
    let other = RelayPass::issue(SandboxId::fresh(1, [9; 10]), PORT, EPOCH, NOW).sign(&key());
    let other_key = RelayKey::parse(&KEY.replace("BwcH", "CAgI")).unwrap();
    let forged = RelayPass::issue(sandbox(), PORT, EPOCH, NOW).sign(&other_key);
    let old = RelayPass::issue(sandbox(), PORT, EPOCH, NOW.plus_ms(-60_000)).sign(&key());
    let over = RelayPass::issue(sandbox(), PORT, EPOCH - 1, NOW).sign(&key());
    let swapped = pass().replacen(".3000.", ".3001.", 1);
    for (pass, expected) in [
        (forged.as_str(), (401, ExecutorCode::Unauthenticated)),
        (&old, (401, ExecutorCode::Unauthenticated)),
        (&swapped, (401, ExecutorCode::Unauthenticated)),
        (&over, (403, ExecutorCode::EpochOver)),
        (&other, (404, ExecutorCode::NotFound)),
        ("", (401, ExecutorCode::Unauthenticated)),
        ("v1", (401, ExecutorCode::Unauthenticated)),
        ("v1..3000.7.1.x", (400, ExecutorCode::Invalid)),
        ("v1.x/..", (400, ExecutorCode::Invalid)),
    ] {
        assert_eq!(refusal(&ask(&bench, pass, "/", "").await), expected, "{pass}");
    }
    for rest in ["/ftp/h/", "/https//", "/https", "", "/https/a@b/", "/https/a%20b/"] {
        let answer = bench.ask(&format!("GET /relay/by/{}{rest}", pass()), "").await;
        assert_eq!(refusal(&answer), (400, ExecutorCode::Invalid), "{rest}");
    }
    assert_eq!(bench.dialled(), 0);
}
