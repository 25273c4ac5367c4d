//! How much and how long.

use super::ports::{REQUESTS, SOCKETS};
use super::sockets::{echo, open};
use super::*;

/// For what must be given up.
const SHORT: Patience =
    Patience { connect: Duration::from_millis(50), first_byte: Duration::from_millis(50) };
/// For what takes longer than this in all, and never so long at once that a busy machine would.
const LONGER: Patience = Patience { connect: DEADLINE, first_byte: Duration::from_secs(1) };

/// Asks for a WebSocket over an open connection and reads what comes back, which fits into one read.
async fn attempt(stream: &mut TcpStream, request: &str) -> String {
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut got = vec![0; 4096];
    let count = timeout(DEADLINE, stream.read(&mut got)).await.unwrap().unwrap();
    String::from_utf8(got[..count].to_vec()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_sockets_than_allowed_are_open_however_often_one_tries() {
    let bench = Bench::begin().await;
    echo(&bench).await;
    let mut held = Vec::new();
    for _ in 0..SOCKETS {
        held.push(open(&bench).await);
    }
    let dialled = bench.dialled();
    let request = format!(
        "GET /relay/sbx_{HEX}/{PORT}/ HTTP/1.1\r\nhost: x\r\nx-slipway-relay: {}\r\nconnection: upgrade\r\n\
         upgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        pass()
    );
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let (mut stream, request) = (bench.connect().await, request.clone());
        clients.spawn(async move {
            for _ in 0..100 {
                assert_eq!(refusal(&attempt(&mut stream, &request).await), (503, ExecutorCode::NoPlace));
            }
        });
    }
    clients.join_all().await;
    assert_eq!(bench.dialled(), dialled);
    held.pop();
    let mut stream = bench.connect().await;
    timeout(DEADLINE, async { while status(&attempt(&mut stream, &request).await) == 503 {} }).await.unwrap();
}

#[tokio::test]
async fn no_more_requests_than_allowed_wait_at_once_and_sockets_have_their_own_places() {
    let bench = Bench::begin().await;
    bench
        .listen(async |mut stream| {
            read_head(&mut stream).await;
            stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await?;
            stream.read_u8().await.map(drop)
        })
        .await;
    let mut held = Vec::new();
    for _ in 0..REQUESTS {
        held.push(bench.stream().await);
    }
    assert_eq!(refusal(&bench.get(&pass()).await), (503, ExecutorCode::NoPlace));
    echo(&bench).await;
    let socket = open(&bench).await;
    drop(held);
    bench.answers(HELLO).await;
    timeout(DEADLINE, async { while status(&bench.get(&pass()).await) == 503 {} }).await.unwrap();
    drop(socket);
}

#[tokio::test]
async fn a_port_that_says_nothing_is_given_up() {
    let bench = Bench::with(SHORT).await;
    bench
        .listen(async |mut stream| {
            read_head(&mut stream).await;
            stream.read_u8().await.map(drop)
        })
        .await;
    assert_eq!(refusal(&bench.get(&pass()).await), (504, ExecutorCode::PortSilent));
    *lock(&bench.inside.hangs) = true;
    assert_eq!(refusal(&bench.get(&pass()).await), (504, ExecutorCode::PortSilent));
}

#[tokio::test]
async fn an_answer_that_has_begun_may_be_silent_for_longer() {
    let bench = Bench::with(LONGER).await;
    bench
        .listen(async |mut stream| {
            read_head(&mut stream).await;
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nsl").await?;
            tokio::time::sleep(LONGER.first_byte * 3 / 2).await;
            stream.write_all(b"ow").await
        })
        .await;
    assert!(bench.get(&pass()).await.ends_with("\r\n\r\nslow"));
}

#[tokio::test]
async fn a_long_upload_is_no_silence() {
    let bench = Bench::with(LONGER).await;
    bench
        .listen(async |mut stream| {
            read_head(&mut stream).await;
            let mut body = [0; 8];
            stream.read_exact(&mut body).await?;
            stream.write_all(HELLO.as_bytes()).await
        })
        .await;
    let mut stream = bench.connect().await;
    let head = format!(
        "PUT /relay/sbx_{HEX}/{PORT}/ HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 8\r\nx-slipway-relay: {}\r\n\r\n",
        pass()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    for _ in 0..8 {
        tokio::time::sleep(LONGER.first_byte / 5).await;
        stream.write_all(b"x").await.unwrap();
    }
    assert!(read_all(&mut stream).await.ends_with("hello"));
}
