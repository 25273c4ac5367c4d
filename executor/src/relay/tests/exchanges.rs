//! What crosses, and what happens when it does not.

use super::*;

/// A request of the usual path with a good pass; the answer.
async fn ask(bench: &Bench, line: &str, fields: &str) -> String {
    let (method, path) = line.split_once(' ').unwrap();
    let line = format!("{method} /relay/sbx_{HEX}/{PORT}{path}");
    bench.ask(&line, &format!("x-slipway-relay: {}\r\n{fields}", pass())).await
}

#[tokio::test]
async fn path_and_query_keep_their_bytes() {
    let bench = Bench::begin().await;
    let seen = bench.answers(HELLO).await;
    for path in [
        "/",
        "/a/b",
        "//a//b/",
        "/a/../b",
        "/%2e%2e/%2F?q=%20a&b=c?d",
        "/?",
        "/@vite/client?t=1#".trim_end_matches('#'),
    ] {
        assert_eq!(status(&ask(&bench, &format!("GET {path}"), "").await), 200);
        let head = lock(&seen).pop().unwrap();
        assert_eq!(head.lines().next().unwrap(), format!("GET {path} HTTP/1.1"));
    }
    let bare = format!("GET /relay/sbx_{HEX}/{PORT}?a");
    bench.ask(&bare, &format!("x-slipway-relay: {}\r\n", pass())).await;
    assert!(lock(&seen).pop().unwrap().starts_with("GET /?a HTTP/1.1\r\n"));
}

#[tokio::test]
async fn the_application_sees_the_browsers_host_and_fields_and_nothing_of_the_gateway() {
    let bench = Bench::begin().await;
    let seen = bench.answers(HELLO).await;
    let fields = "x-forwarded-host: 3000-x.preview.example.com\r\nx-forwarded-proto: https\r\n\
        cookie: a=1; slipway_preview=secret; b=2\r\ncookie: slipway_preview=secret\r\ncookie: c=grüße\r\n\
        authorization: Bearer app\r\nx-slipway-other: secret\r\ncf-ray: secret\r\nforwarded: secret\r\n\
        x-forwarded-port: secret\r\nx-real-ip: secret\r\nte: secret\r\nproxy-authorization: secret\r\n\
        x-hop: secret\r\nConnection: x-hop\r\nupgrade: secret\r\nexpect: 100-continue\r\naccept: */*\r\n";
    assert_eq!(status(&ask(&bench, "GET /", fields).await.replace("HTTP/1.1 100 Continue\r\n\r\n", "")), 200);
    let head = lock(&seen).pop().unwrap();
    let mut lines: Vec<&str> = head.trim_end().split("\r\n").skip(1).collect();
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            "accept: */*",
            "authorization: Bearer app",
            "cookie: a=1; b=2",
            "cookie: c=grüße",
            "host: 3000-x.preview.example.com",
            "x-forwarded-host: 3000-x.preview.example.com",
            "x-forwarded-proto: https",
        ]
    );
    ask(&bench, "GET /", "").await;
    assert!(lock(&seen).pop().unwrap().contains("\r\nhost: localhost:3000\r\n"));
}

#[tokio::test]
async fn a_forwarded_host_that_is_none_is_refused() {
    let bench = Bench::begin().await;
    bench.answers(HELLO).await;
    for fields in [
        "x-forwarded-host: a b\r\n",
        "x-forwarded-host: a@b\r\n",
        "x-forwarded-host: a/b\r\n",
        "x-forwarded-host:\r\n",
        "x-forwarded-host: a\r\nx-forwarded-host: b\r\n",
    ] {
        assert_eq!(refusal(&ask(&bench, "GET /", fields).await), (400, ExecutorCode::Invalid), "{fields}");
    }
    assert_eq!(bench.dialled(), 0);
}

#[tokio::test]
async fn the_browser_sees_the_applications_answer_without_what_would_speak_for_others() {
    let bench = Bench::begin().await;
    bench
        .answers(
            "HTTP/1.1 418 Whatever\r\ncontent-type: text/x\r\nset-cookie: a=1; Domain=example.com; Path=/\r\n\
             set-cookie: slipway_preview=evil\r\nset-cookie: b=grüße\r\nx-slipway-relay: refused\r\nalt-svc: h3=evil\r\n\
             clear-site-data: \"*\"\r\nkeep-alive: evil\r\nconnection: x-hop\r\nx-hop: evil\r\nlocation: /b\r\n\
             content-length: 3\r\n\r\ntea",
        )
        .await;
    let answer = ask(&bench, "GET /", "").await;
    assert_eq!(status(&answer), 418);
    assert!(
        answer.ends_with("\r\n\r\ntea") && !answer.contains("evil") && !answer.contains("slipway"),
        "{answer}"
    );
    for line in ["content-type: text/x", "set-cookie: a=1; Path=/", "set-cookie: b=grüße", "location: /b"] {
        assert!(answer.contains(&format!("\r\n{line}\r\n")), "{line} in {answer}");
    }
    assert_eq!(answer.matches("set-cookie").count(), 2);
}

#[tokio::test]
async fn bodies_stream_both_ways_while_they_are_made() {
    let bench = Bench::begin().await;
    bench
        .listen(async |mut stream| {
            let head = read_head(&mut stream).await;
            assert!(head.contains("\r\ntransfer-encoding: chunked\r\n"));
            stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await?;
            tokio::io::copy(&mut stream.split().0.take(10), &mut tokio::io::sink()).await?;
            stream.write_all(b"2\r\n1!\r\n").await?;
            tokio::io::copy(&mut stream.split().0.take(10), &mut tokio::io::sink()).await?;
            stream.write_all(b"2\r\n2!\r\n0\r\n\r\n").await
        })
        .await;
    for method in ["POST", "GET", "DELETE"] {
        let mut stream = bench.connect().await;
        let head = format!(
            "{method} /relay/sbx_{HEX}/{PORT}/ HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\nx-slipway-relay: {}\r\n\r\n",
            pass()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        assert!(read_head(&mut stream).await.contains("\r\ntransfer-encoding: chunked\r\n"));
        for n in ["1", "2"] {
            stream.write_all(b"5\r\nabcde\r\n").await.unwrap();
            expect(&mut stream, &format!("2\r\n{n}!\r\n")).await;
        }
    }
}

#[tokio::test]
async fn large_bodies_pass_whole_and_their_bytes_are_counted() {
    let bench = Bench::begin().await;
    bench
        .listen(async |mut stream| {
            read_head(&mut stream).await;
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 3000000\r\n\r\n").await?;
            let (mut read, mut write) = stream.split();
            tokio::io::copy(&mut (&mut read).take(3_000_000), &mut write).await.map(drop)
        })
        .await;
    assert_eq!(bench.ports.used_at(), None);
    let (mut read, mut write) = bench.connect().await.into_split();
    let head = format!(
        "POST /relay/sbx_{HEX}/{PORT}/ HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 3000000\r\nx-slipway-relay: {}\r\n\r\n",
        pass()
    );
    let body: Vec<u8> = (0..3_000_000_u32).map(|n| n.to_le_bytes()[1]).collect();
    let sent = body.clone();
    tokio::spawn(async move {
        write.write_all(head.as_bytes()).await.unwrap();
        write.write_all(&sent).await.unwrap();
        std::future::pending::<()>().await;
    });
    let mut got = Vec::new();
    timeout(DEADLINE, read.read_to_end(&mut got)).await.unwrap().unwrap();
    assert!(got.ends_with(&body));
    let (sent, received) = (bench.ports.meter().sent(), bench.ports.meter().received());
    assert!(
        (3_000_000..3_001_000).contains(&sent) && (3_000_000..3_001_000).contains(&received),
        "{sent} {received}"
    );
    assert!(bench.ports.used_at().is_some());
}

#[tokio::test]
async fn answers_without_a_body_keep_their_heads() {
    let bench = Bench::begin().await;
    bench.answers("HTTP/1.1 200 OK\r\ncontent-length: 1234\r\netag: x\r\n\r\n").await;
    let answer = ask(&bench, "HEAD /", "").await;
    assert!(answer.contains("\r\ncontent-length: 1234\r\n") && answer.ends_with("\r\n\r\n"), "{answer}");
    bench.answers("HTTP/1.1 304 Not Modified\r\netag: x\r\n\r\n").await;
    assert_eq!(status(&ask(&bench, "GET /", "").await), 304);
    bench.answers("HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n").await;
    assert_eq!(status(&ask(&bench, "DELETE /", "").await), 204);
    bench.answers("HTTP/1.0 200 OK\r\n\r\nuntil the end").await;
    assert!(ask(&bench, "GET /", "").await.contains("until the end"));
}

#[tokio::test]
async fn a_port_on_which_nothing_listens_is_closed_and_one_that_flaps_comes_back() {
    let bench = Bench::begin().await;
    for _ in 0..3 {
        assert_eq!(refusal(&bench.get(&pass()).await), (502, ExecutorCode::PortClosed));
        bench.answers(HELLO).await;
        assert_eq!(status(&bench.get(&pass()).await), 200);
        // It takes connections and ends before it answers.
        bench
            .listen(async |stream| {
                drop(stream);
                Ok(())
            })
            .await;
        assert_eq!(refusal(&bench.get(&pass()).await), (502, ExecutorCode::PortClosed));
        bench
            .listen(async |mut stream| {
                read_head(&mut stream).await;
                stream.write_all(b"HTTP/1.1 20").await
            })
            .await;
        assert_eq!(refusal(&bench.get(&pass()).await), (502, ExecutorCode::PortClosed));
        lock(&bench.inside.ports).clear();
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_does_not_look_whole() {
    let bench = Bench::begin().await;
    bench.answers("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n").await;
    let answer = ask(&bench, "GET /", "").await;
    assert!(answer.ends_with("4\r\nhalf\r\n"), "{answer}");
}

#[tokio::test]
async fn what_speaks_no_http_is_told_apart() {
    for answer in [
        "SSH-2.0-OpenSSH_9.9\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok!",
        "HTTP/1.1 200 OK\r\n folded: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx y: z\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
    ] {
        let bench = Bench::begin().await;
        bench.answers(answer).await;
        assert_eq!(refusal(&bench.get(&pass()).await), (502, ExecutorCode::Failed), "{answer:?}");
    }
}

#[tokio::test]
async fn a_request_hidden_behind_another_reaches_no_application() {
    let bench = Bench::begin().await;
    let seen = bench.answers(HELLO).await;
    let path = format!("/relay/sbx_{HEX}/{PORT}");
    let hidden = format!("GET {path}/evil HTTP/1.1\r\nhost: x\r\n\r\n");
    let head = format!("POST {path}/a HTTP/1.1\r\nhost: x\r\nx-slipway-relay: {}\r\n", pass());
    for payload in [
        format!("{head}content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n{hidden}"),
        format!("{head}transfer-encoding: chunked\r\ncontent-length: 4\r\n\r\n0\r\n\r\n{hidden}"),
        format!("{head}content-length: 0\r\ncontent-length: 90\r\n\r\n{hidden}"),
        format!("{head}content-length: 0\r\n\r\n{hidden}"),
        format!("{head}transfer-encoding: x\r\n\r\n{hidden}"),
        format!("{head}transfer-encoding : chunked\r\n\r\n{hidden}"),
        format!("{head} folded: x\r\n\r\n{hidden}"),
        format!(
            "{head}connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: x\r\n\r\n{hidden}"
        ),
        format!("{head}connection: x-slipway-relay, content-length\r\ncontent-length: 0\r\n\r\n{hidden}"),
        format!("CONNECT {path}/a HTTP/1.1\r\nhost: x\r\nx-slipway-relay: {}\r\n\r\n{hidden}", pass()),
    ] {
        let mut stream = bench.connect().await;
        stream.write_all(payload.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        read_all(&mut stream).await;
        for head in lock(&seen).drain(..) {
            let lower = head.to_ascii_lowercase();
            assert!(
                head.starts_with("POST /a HTTP/1.1\r\n") && head.matches("HTTP/1.").count() == 1,
                "{head:?}"
            );
            assert!(!lower.contains("h2c") && !lower.contains("http2-settings"), "{head:?}");
            let both = lower.contains("\r\ncontent-length:") && lower.contains("\r\ntransfer-encoding:");
            assert!(!both, "{head:?}");
        }
    }
}
