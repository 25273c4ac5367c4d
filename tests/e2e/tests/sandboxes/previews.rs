//! Previews: what passes, what does not, and how quickly access ends.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use e2e::{Visitor, eventually};
use futures::{SinkExt as _, StreamExt as _};
use reqwest::Method;
use serde_json::Value;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::land::{Land, PORT};

/// From a revocation until nothing passes any more.
const AT_ONCE: Duration = Duration::from_secs(1);
/// When a server that never answers has been given up, which the executor does after a minute.
const GIVEN_UP: Duration = Duration::from_secs(90);

#[tokio::test]
async fn a_page_gets_what_is_its_own_and_nothing_of_ours() -> Result<()> {
    let land = Land::shared().await?;
    let sandbox = land.start().await?;
    let visitor = land.serve(sandbox).await?;
    let mut call = visitor.call(Method::GET, "/echo?a=1&b=%2F");
    let cookie = format!("own=1; {}; other=2", visitor.cookie.as_deref().context("no cookie")?);
    for (name, value) in [
        ("x-slipway-relay", "forged"),
        ("x-forwarded-for", "6.6.6.6"),
        ("x-forwarded-host", "evil.example"),
        ("x-real-ip", "6.6.6.6"),
        ("keep-alive", "timeout=5"),
        ("te", "trailers"),
        ("authorization", "Bearer of-the-app-itself"),
        ("x-own", "kept"),
    ] {
        call = call.header(name, value);
    }
    let call = call.build()?;
    let mut call = reqwest::RequestBuilder::from_parts(reqwest::Client::new(), call);
    call = call.header("x-last", "1");
    let mut request = call.build()?;
    request.headers_mut().insert("cookie", cookie.parse()?);
    let reply = reqwest::Client::new().execute(request).await?;
    assert_eq!(reply.status(), 200);
    assert_eq!(reply.headers().get("x-from-inside").and_then(|value| value.to_str().ok()), Some("yes"));
    let seen: Value = reply.json().await?;
    assert_eq!(seen["url"], "/echo?a=1&b=%2F");
    let headers = seen["headers"].as_object().context("no headers")?;
    assert_eq!(headers["cookie"], "own=1; other=2");
    assert_eq!(headers["authorization"], "Bearer of-the-app-itself");
    assert_eq!(headers["x-own"], "kept");
    assert_eq!(headers["x-forwarded-host"], visitor.host.as_str());
    assert_eq!(headers["x-forwarded-proto"], "http");
    for absent in ["x-slipway-relay", "keep-alive", "te", "x-real-ip"] {
        assert!(!headers.contains_key(absent), "{absent} came through: {seen}");
    }
    assert!(!seen.to_string().contains("6.6.6.6"), "{seen}");
    assert!(!seen.to_string().contains("slipway_token"), "{seen}");
    Ok(())
}

#[tokio::test]
async fn bodies_cookies_redirects_and_streams_pass_untouched() -> Result<()> {
    let land = Land::shared().await?;
    let sandbox = land.start().await?;
    let visitor = land.serve(sandbox).await?;
    let body: Vec<u8> = (0..3_000_000_u32).map(|at| (at % 251) as u8).collect();
    let reply = visitor.call(Method::POST, "/echo").body(body.clone()).send().await?;
    assert_eq!(reply.bytes().await?.as_ref(), body.as_slice());

    let cookies = visitor.get("/cookies").await?;
    let set: Vec<_> =
        cookies.headers.get_all("set-cookie").iter().filter_map(|value| value.to_str().ok()).collect();
    assert_eq!(set, ["mine=1; Path=/"], "a page cannot set the gateway's cookie");

    let away = visitor.get("/away").await?;
    assert_eq!((away.status, away.header("location")), (302, "https://example.org/"));

    let mut stream = visitor.call(Method::GET, "/stream").send().await?;
    assert_eq!(stream.chunk().await?.as_deref(), Some(b"data: first\n\n".as_slice()));
    Ok(())
}

#[tokio::test]
async fn sockets_keep_protocol_frames_and_close_codes() -> Result<()> {
    let land = Land::shared().await?;
    let sandbox = land.start().await?;
    let visitor = land.serve(sandbox).await?;
    let mut socket =
        visitor.socket("/live", Some("chat.v9")).await?.map_err(|status| anyhow::anyhow!("{status}"))?;
    socket.send(Message::text("héllo")).await?;
    assert_eq!(socket.next().await.context("closed")??, Message::text("héllo"));
    let bytes: Vec<u8> = (0..=255).cycle().take(40_000).collect();
    socket.send(Message::binary(bytes.clone())).await?;
    assert_eq!(socket.next().await.context("closed")??, Message::binary(bytes));
    let close = CloseFrame { code: CloseCode::Library(4321), reason: "done".into() };
    socket.close(Some(close.clone())).await?;
    let answer = socket.next().await.context("no answer to the close")??;
    assert_eq!(answer, Message::Close(Some(close)));
    Ok(())
}

#[tokio::test]
async fn a_revocation_closes_sockets_and_refuses_the_next_request_at_once() -> Result<()> {
    let land = Land::shared().await?;
    let sandbox = land.start().await?;
    let visitor = land.serve(sandbox).await?;
    let mut socket = visitor.socket("/live", None).await?.map_err(|status| anyhow::anyhow!("{status}"))?;
    let mut stream = visitor.call(Method::GET, "/stream").send().await?;
    assert!(stream.chunk().await?.is_some());

    land.bo.revoke(sandbox).await?;
    let revoked = Instant::now();
    ends(&mut socket).await?;
    let rest = tokio::time::timeout(AT_ONCE, async { while let Ok(Some(_)) = stream.chunk().await {} });
    rest.await.context("the stream goes on")?;
    eventually("a refusal", async || Ok((visitor.get("/echo").await?.status != 200).then_some(()))).await?;
    assert!(revoked.elapsed() < AT_ONCE, "it took {:?}", revoked.elapsed());
    let page = visitor.get("/echo").await?;
    assert_eq!(page.status, 403);
    assert!(page.header("content-type").starts_with("text/html"), "{page:?}");
    assert_eq!(visitor.socket("/live", None).await?.err(), Some(403));

    // What runs inside goes on, and new access is given.
    let again = land.visit(sandbox).await?;
    assert_eq!(again.get("/echo").await?.status, 200);
    Ok(())
}

#[tokio::test]
async fn a_stop_ends_access_and_says_so() -> Result<()> {
    let land = Land::shared().await?;
    let sandbox = land.start().await?;
    let visitor = land.serve(sandbox).await?;
    let mut socket = visitor.socket("/live", None).await?.map_err(|status| anyhow::anyhow!("{status}"))?;
    land.bo.stop(sandbox).await?;
    let stopped = Instant::now();
    ends(&mut socket).await?;
    eventually("a refusal", async || Ok((visitor.get("/echo").await?.status != 200).then_some(()))).await?;
    assert!(stopped.elapsed() < AT_ONCE, "it took {:?}", stopped.elapsed());
    let page = visitor.get("/echo").await?;
    assert!(matches!(page.status, 403 | 410 | 503), "{page:?}");
    assert!(
        page.body.to_lowercase().contains("stopped") || page.body.to_lowercase().contains("revoked"),
        "{page:?}"
    );
    Ok(())
}

async fn ends(socket: &mut tokio_tungstenite::WebSocketStream<tokio::net::TcpStream>) -> Result<()> {
    let end = async {
        loop {
            match socket.next().await {
                None | Some(Err(_) | Ok(Message::Close(_))) => return,
                Some(Ok(_)) => {}
            }
        }
    };
    tokio::time::timeout(AT_ONCE, end).await.context("the socket stays open")
}

#[tokio::test]
async fn a_port_that_comes_and_goes_is_said_to_be_closed_and_works_whenever_it_is_there() -> Result<()> {
    let land = Land::shared().await?;
    let sandbox = land.start().await?;
    let token = land.bo.preview_token(sandbox, PORT).await?;
    let visitor = Visitor::enter(&token.url).await?;
    land.bo.put_file(sandbox, "server.mjs", crate::land::SERVER).await?.done()?;
    for _ in 0..3 {
        let closed = eventually("a closed port", async || {
            Ok(Some(visitor.get("/echo").await?).filter(|page| page.status == 502))
        })
        .await?;
        assert!(closed.body.contains("8000"), "{closed:?}");
        assert!(closed.header("content-type").starts_with("text/html"), "{closed:?}");
        assert_eq!(visitor.socket("/live", None).await?.err(), Some(502));
        land.bo.run(sandbox, "nohup node server.mjs 8000 >server.log 2>&1 & echo $! >pid").await?;
        eventually("an open port", async || Ok((visitor.get("/echo").await?.status == 200).then_some(())))
            .await?;
        let killed = land.bo.run(sandbox, "kill -9 $(cat pid)").await?;
        assert_eq!(killed.exit.code, 0, "{killed:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up_with_a_page_and_holds_nobody_else_up() -> Result<()> {
    let land = Land::shared().await?;
    let sandbox = land.start().await?;
    let visitor = land.serve(sandbox).await?;
    let silent = Visitor::read(visitor.call(Method::GET, "/silent").timeout(GIVEN_UP));
    let other = async {
        for _ in 0..20 {
            assert_eq!(visitor.get("/echo").await?.status, 200);
        }
        anyhow::Ok(())
    };
    let (silent, other) = tokio::join!(silent, other);
    other?;
    let page = silent?;
    assert_eq!(page.status, 504);
    assert!(page.header("content-type").starts_with("text/html"), "{page:?}");
    assert!(page.body.contains("8000"), "{page:?}");
    Ok(())
}

#[tokio::test]
async fn too_many_requests_are_told_when_to_come_again() -> Result<()> {
    let land = Land::shared().await?;
    let sandbox = land.start().await?;
    let visitor = land.serve(sandbox).await?;
    for sent in 0..1_000 {
        let page = visitor.get("/echo").await?;
        if page.status == 429 {
            assert!(sent >= 60, "after {sent} requests");
            assert!(page.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds >= 1), "{page:?}");
            return Ok(());
        }
        assert_eq!(page.status, 200);
    }
    bail!("a thousand requests passed")
}
