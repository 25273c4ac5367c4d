//! WebSockets and streams, and what ends them.

use futures::{SinkExt, StreamExt};
use tokio_tungstenite::tungstenite::handshake::server::{Request as Asked, Response as Answered};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async, client_async};

use super::*;

/// Lets an application listen that echoes frames in the sub-protocol `chat`.
pub(super) async fn echo(bench: &Bench) {
    bench
        .listen(async |stream| {
            let choose = |asked: &Asked, mut answer: Answered| {
                assert!(asked.headers().get("x-slipway-relay").is_none());
                answer.headers_mut().insert("sec-websocket-protocol", "chat".parse().unwrap());
                Ok(answer)
            };
            let mut socket = accept_hdr_async(stream, choose).await.unwrap();
            while let Some(Ok(message)) = socket.next().await {
                if message.is_text() || message.is_binary() {
                    socket.send(message).await.map_err(io::Error::other)?;
                }
            }
            Ok(())
        })
        .await;
}

pub(super) async fn open(bench: &Bench) -> WebSocketStream<TcpStream> {
    let request = Request::builder()
        .uri(format!("ws://executor/relay/sbx_{HEX}/{PORT}/hot"))
        .header("host", "executor")
        .header("x-slipway-relay", pass())
        .header("connection", "Upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
        .header("sec-websocket-protocol", "chat")
        .body(())
        .unwrap();
    let (socket, answer) = client_async(request, bench.connect().await).await.unwrap();
    assert_eq!(answer.headers().get("sec-websocket-protocol").unwrap(), "chat");
    socket
}

async fn next(socket: &mut WebSocketStream<TcpStream>) -> Option<Message> {
    timeout(DEADLINE, socket.next()).await.expect("in time").and_then(Result::ok)
}

/// Lets an application listen that sends one event and then nothing more.
async fn events(bench: &Bench) {
    bench
        .listen(async |mut stream| {
            read_head(&mut stream).await;
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n").await?;
            stream.write_all(b"8\r\ndata: 1\n\r\n").await?;
            stream.read_u8().await.map(drop)
        })
        .await;
}

#[tokio::test]
async fn a_websocket_passes_with_its_protocol_frames_and_close_code() {
    let bench = Bench::begin().await;
    echo(&bench).await;
    let mut socket = open(&bench).await;
    for message in
        [Message::text("grüße"), Message::binary(vec![0, 255, 1]), Message::binary(vec![7; 300_000])]
    {
        socket.send(message.clone()).await.unwrap();
        assert_eq!(next(&mut socket).await, Some(message));
    }
    let code = CloseCode::Library(4_321);
    socket.send(Message::Close(Some(CloseFrame { code, reason: "enough".into() }))).await.unwrap();
    let Some(Message::Close(Some(frame))) = next(&mut socket).await else { panic!("it closes") };
    assert_eq!((frame.code, frame.reason.as_str()), (code, "enough"));
    assert_eq!(next(&mut socket).await, None);
    assert!(bench.ports.meter().sent() > 300_000 && bench.ports.meter().received() > 300_000);
}

#[tokio::test]
async fn a_grown_epoch_closes_open_sockets_and_streams_at_once() {
    let bench = Bench::begin().await;
    echo(&bench).await;
    let mut sockets = Vec::new();
    for _ in 0..20 {
        sockets.push(open(&bench).await);
    }
    events(&bench).await;
    let mut streams = Vec::new();
    for _ in 0..20 {
        let (mut stream, head) = bench.stream().await;
        assert!(head.contains("\r\ncontent-type: text/event-stream\r\n"));
        expect(&mut stream, "8\r\ndata: 1\n\r\n").await;
        streams.push(stream);
    }
    let began = std::time::Instant::now();
    bench.grow(EPOCH + 1);
    for socket in &mut sockets {
        assert_eq!(next(socket).await, None);
    }
    for stream in &mut streams {
        assert_eq!(read_all(stream).await, "", "no last chunk: it was cut off");
    }
    // All forty together take 3 to 7 ms; the rest is for machines that are busy with other tests.
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_stop_closes_them_too_and_so_does_nothing_else() {
    let mut bench = Bench::begin().await;
    echo(&bench).await;
    let mut socket = open(&bench).await;
    bench.grow(EPOCH);
    socket.send(Message::text("still")).await.unwrap();
    assert_eq!(next(&mut socket).await, Some(Message::text("still")));
    bench.stop();
    assert_eq!(next(&mut socket).await, None);
}

#[tokio::test]
async fn a_socket_of_a_newer_epoch_outlives_the_epoch_that_it_has() {
    let bench = Bench::begin().await;
    echo(&bench).await;
    bench.grow(EPOCH - 1);
    let mut socket = open(&bench).await;
    bench.grow(EPOCH);
    socket.send(Message::text("still")).await.unwrap();
    assert_eq!(next(&mut socket).await, Some(Message::text("still")));
    bench.grow(EPOCH + 1);
    assert_eq!(next(&mut socket).await, None);
}

#[tokio::test]
async fn a_request_that_waits_for_its_answer_is_refused_when_the_epoch_grows() {
    let mut bench = Bench::begin().await;
    bench
        .listen(async |mut stream| {
            read_head(&mut stream).await;
            stream.read_u8().await.map(drop)
        })
        .await;
    for (over, code) in [(false, (403, ExecutorCode::EpochOver)), (true, (409, ExecutorCode::NotRunning))] {
        bench.grow(EPOCH);
        let mut stream = bench.connect().await;
        let request = format!(
            "GET /relay/sbx_{HEX}/{PORT}/ HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-slipway-relay: {}\r\n\r\n",
            pass()
        );
        let before = bench.dialled();
        stream.write_all(request.as_bytes()).await.unwrap();
        timeout(DEADLINE, async {
            while bench.dialled() == before {
                tokio::task::yield_now().await
            }
        })
        .await
        .unwrap();
        if over {
            bench.stop()
        } else {
            bench.grow(EPOCH + 1)
        }
        assert_eq!(refusal(&read_all(&mut stream).await), code);
    }
}

#[tokio::test]
async fn a_socket_that_the_application_refuses_is_answered_as_it_says() {
    let bench = Bench::begin().await;
    let seen = bench.answers("HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno").await;
    let path = format!("GET /relay/sbx_{HEX}/{PORT}/");
    let fields = format!("x-slipway-relay: {}\r\nconnection: upgrade\r\nupgrade: websocket\r\n", pass());
    let answer = bench.ask(&path, &fields).await;
    assert!(status(&answer) == 403 && answer.ends_with("no"), "{answer}");
    assert!(
        lock(&seen)[0].to_ascii_lowercase().contains("\r\nconnection: upgrade\r\nupgrade: websocket\r\n")
    );
}

#[tokio::test]
async fn a_client_that_goes_away_takes_its_connection_to_the_application_along() {
    let bench = Bench::begin().await;
    let (told, mut ended) = tokio::sync::mpsc::unbounded_channel();
    bench
        .listen(move |mut stream| {
            let told = told.clone();
            async move {
                read_head(&mut stream).await;
                stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n").await?;
                let ended = stream.read(&mut [0; 8]).await;
                let _ = told.send(ended.is_ok_and(|count| count == 0));
                Ok(())
            }
        })
        .await;
    let (mut stream, _) = bench.stream().await;
    expect(&mut stream, "2\r\nhi\r\n").await;
    drop(stream);
    assert_eq!(timeout(DEADLINE, ended.recv()).await.unwrap(), Some(true));
}
