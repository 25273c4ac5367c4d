//! How much and how long.

use futures::{SinkExt, StreamExt};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::protocol::Message;

use super::pace::Allowance;
use super::ports::{REQUESTS, SOCKETS};
use super::sockets::{echo, open};
use super::*;

/// For what must be given up.
const SHORT: Patience =
    Patience { connect: Duration::from_millis(50), first_byte: Duration::from_millis(50) };
/// For what takes longer than this in all, and never so long at once that a busy machine would.
const LONGER: Patience = Patience { connect: DEADLINE, first_byte: Duration::from_secs(1) };
/// 1 MiB at once, then a quarter of that a second; who carried it all is let in again two seconds after the last byte.
const FEW: Rate = Rate { per_minute: 60 * SECOND, burst: BURST };
const BURST: u32 = 1 << 20;
const SECOND: u32 = BURST / 4;
/// Bytes that are sent in one piece.
const PIECE: usize = 128 * 1024;
/// A burst, and what a second gives.
const LARGE: usize = 10 * PIECE;

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

/// Moves `bytes` through a paced pipe; how long that took by the clock, which stands still while anything can be done.
async fn moved(rate: Rate, bytes: usize, reads: bool) -> Duration {
    let allowance = Arc::new(Allowance::whole(rate));
    let (near, mut far) = tokio::io::duplex(64 * 1024);
    let mut near = Paced::new(near, allowance, Activity::begin());
    let begun = Instant::now();
    let (from, to): (&mut dyn Stream, &mut dyn Stream) =
        if reads { (&mut far, &mut near) } else { (&mut near, &mut far) };
    let send = async {
        from.write_all(&vec![7; bytes]).await.unwrap();
        from.shutdown().await.unwrap();
    };
    let mut got = Vec::new();
    let (_, read) = tokio::join!(send, to.read_to_end(&mut got));
    read.unwrap();
    assert!(got.len() == bytes && got.iter().all(|byte| *byte == 7), "{} of {bytes}", got.len());
    begun.elapsed()
}

#[tokio::test(start_paused = true)]
async fn the_burst_passes_at_once_and_more_at_the_rate_both_ways() {
    let rate = Rate { per_minute: 60 * 100_000, burst: 1_000_000 };
    for reads in [true, false] {
        // One is left, to see the end with.
        assert_eq!(moved(rate, 999_999, reads).await, Duration::ZERO, "reads: {reads}");
        let took = moved(rate, 3_000_000, reads).await;
        // Two million at a hundred thousand a second; a wait may be 20 ms too long, and what gathers then is not lost.
        let least = Duration::from_secs(20);
        assert!((least..least + Duration::from_millis(100)).contains(&took), "{took:?}, reads: {reads}");
    }
}

#[tokio::test]
async fn who_carried_too_much_lets_nothing_new_in_and_what_is_under_way_ends_whole() {
    let bench = Bench::carrying(FEW, LONGER).await;
    bench
        .listen(async |mut stream| {
            read_head(&mut stream).await;
            stream
                .write_all(format!("HTTP/1.1 200 OK\r\ncontent-length: {LARGE}\r\n\r\n").as_bytes())
                .await?;
            for _ in 0..LARGE / PIECE {
                stream.write_all(&[b'x'; PIECE]).await?;
            }
            Ok(())
        })
        .await;
    let begun = std::time::Instant::now();
    let (mut stream, head) = bench.stream().await;
    assert_eq!(status(&head), 200);
    let mut some = vec![0; BURST as usize];
    timeout(DEADLINE, stream.read_exact(&mut some)).await.unwrap().unwrap();
    let dialled = bench.dialled();
    assert_eq!(refusal(&bench.get(&pass()).await), (429, ExecutorCode::RateLimited));
    let upgrade =
        "upgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let socket = format!("GET /relay/sbx_{HEX}/{PORT}/");
    let fields = format!("x-slipway-relay: {}\r\n{upgrade}", pass());
    assert_eq!(refusal(&bench.ask(&socket, &fields).await), (429, ExecutorCode::RateLimited));
    assert_eq!(bench.dialled(), dialled, "nothing was dialled for them");
    let mut rest = vec![0; LARGE - some.len()];
    timeout(DEADLINE, stream.read_exact(&mut rest)).await.unwrap().unwrap();
    assert!(rest.iter().all(|byte| *byte == b'x'));
    assert!(begun.elapsed() >= Duration::from_millis(900), "{:?}", begun.elapsed());
    bench.answers(HELLO).await;
    timeout(DEADLINE, async { while status(&bench.get(&pass()).await) == 429 {} }).await.unwrap();
}

#[tokio::test]
async fn an_open_socket_pays_for_both_ways_and_is_slowed_and_never_cut() {
    let bench = Bench::carrying(FEW, LONGER).await;
    echo(&bench).await;
    let mut socket = open(&bench).await;
    let begun = std::time::Instant::now();
    let message = vec![7; PIECE];
    // There and back.
    for _ in 0..LARGE / PIECE / 2 {
        socket.send(Message::binary(message.clone())).await.unwrap();
        let back = timeout(DEADLINE, socket.next()).await.unwrap().unwrap().unwrap();
        assert_eq!(back, Message::binary(message.clone()));
    }
    assert!(begun.elapsed() >= Duration::from_millis(900), "{:?}", begun.elapsed());
    let request = format!("GET /relay/sbx_{HEX}/{PORT}/");
    let fields = format!("x-slipway-relay: {}\r\n", pass());
    assert_eq!(refusal(&bench.ask(&request, &fields).await), (429, ExecutorCode::RateLimited));
    socket.send(Message::text("still here")).await.unwrap();
    assert_eq!(
        timeout(DEADLINE, socket.next()).await.unwrap().unwrap().unwrap(),
        Message::text("still here")
    );
}
