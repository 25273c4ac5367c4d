//! Tunnels, counts, and what ends a connection.

use super::*;

const SHORT: Patience = Patience { head: Duration::from_millis(500), quiet: Duration::from_millis(500) };

/// Tries until it holds.
async fn until(holds: impl AsyncFn() -> bool) {
    timeout(DEADLINE, async {
        while !holds().await {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("it holds in time");
}

#[tokio::test]
async fn a_tunnel_carries_bytes_both_ways_and_they_are_counted() {
    let bench = Bench::begin(Server::Echoes, &["site.example"]).await;
    let stream = bench.tunnel("site.example:443").await;
    assert_eq!(bench.world.dialled(), ["93.184.216.34:443"]);
    let sent: Vec<u8> = (0..1_000_000_u32).map(|n| n.to_le_bytes()[1]).collect();
    let (mut read, mut write) = stream.into_split();
    let copy = sent.clone();
    let writing = tokio::spawn(async move {
        write.write_all(&copy).await.unwrap();
        write.shutdown().await.unwrap();
    });
    let mut got = Vec::new();
    timeout(DEADLINE, read.read_to_end(&mut got)).await.unwrap().unwrap();
    writing.await.unwrap();
    assert!(got == sent);
    assert_eq!((bench.policy.bytes_out(), bench.policy.bytes_in()), (1_000_000, 1_000_000));
}

#[tokio::test]
async fn a_tunnels_first_bytes_may_come_with_its_head() {
    let bench = Bench::begin(Server::Echoes, &["site.example"]).await;
    let mut stream = bench.connect().await;
    stream.write_all(b"CONNECT site.example:443 HTTP/1.1\r\n\r\nhello").await.unwrap();
    assert!(read_head(&mut stream).await.starts_with("HTTP/1.1 200 "));
    let mut got = [0; 5];
    timeout(DEADLINE, stream.read_exact(&mut got)).await.unwrap().unwrap();
    assert_eq!(&got, b"hello");
}

#[tokio::test]
async fn the_heads_and_bodies_of_plain_requests_are_counted_as_they_leave() {
    let mut bench = Bench::begin(OK, &["site.example"]).await;
    let body = "x".repeat(100_000);
    let request = format!(
        "POST http://site.example/ HTTP/1.1\r\nHost: site.example\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    assert_eq!(status(&bench.ask(request).await), 200);
    let got = bench.next_received().await;
    assert!(got.ends_with(&body));
    assert_eq!(bench.policy.bytes_out(), got.len() as u64);
    let Server::Answers(answer) = OK else { panic!("it answers") };
    assert_eq!(bench.policy.bytes_in(), answer.len() as u64);
}

#[tokio::test]
async fn refused_requests_count_no_bytes() {
    let bench = Bench::begin(OK, &[]).await;
    bench.get("http://site.example/").await;
    assert_eq!((bench.policy.bytes_out(), bench.policy.bytes_in()), (0, 0));
}

#[tokio::test]
async fn the_65th_connection_is_told_why_and_a_place_that_is_left_is_given_again() {
    let bench = Bench::begin(Server::Echoes, &["site.example"]).await;
    let mut open = Vec::new();
    for _ in 0..CONNECTIONS {
        open.push(bench.tunnel("site.example:443").await);
    }
    for _ in 0..50 {
        let answer = bench.ask("").await;
        assert_eq!(status(&answer), 503);
        assert!(answer.ends_with("this sandbox has 64 connections open, as many as it may\n"), "{answer}");
    }
    assert_eq!(bench.world.dialled().len(), CONNECTIONS);
    open.pop();
    until(async || {
        let mut stream = bench.connect().await;
        let _ = stream.write_all(b"CONNECT site.example:443 HTTP/1.1\r\n\r\n").await;
        read_head(&mut stream).await.starts_with("HTTP/1.1 200 ")
    })
    .await;
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up() {
    let bench = Bench::with(Server::Silent, &["site.example"], SHORT).await;
    assert_eq!(bench.get("http://site.example/").await, "");
    let mut tunnel = bench.tunnel("site.example:443").await;
    assert_eq!(read_all(&mut tunnel).await, "");
}

#[tokio::test]
async fn a_head_that_does_not_come_or_is_too_long_is_given_up() {
    let bench = Bench::with(OK, &["site.example"], SHORT).await;
    assert_eq!(bench.ask("GET http://site.example/ HT").await, "");
    let bench = Bench::begin(OK, &["site.example"]).await;
    let long = format!("GET http://site.example/{} HTTP/1.1\r\n", "x".repeat(40_000));
    assert_eq!(status(&bench.ask(long).await), 400);
    assert_eq!(bench.world.dialled(), Vec::<String>::new());
}

#[tokio::test]
async fn a_shorter_list_ends_what_it_no_longer_lets_through() {
    let bench = Bench::begin(Server::Echoes, &["site.example", "other.example"]).await;
    bench.world.name("other.example", &[&[PUBLIC]]);
    let mut gone = bench.tunnel("site.example:443").await;
    let mut kept = bench.tunnel("other.example:443").await;
    bench.policy.set_hosts(hosts(&["other.example"]).unwrap());
    assert_eq!(read_all(&mut gone).await, "");
    kept.write_all(b"still").await.unwrap();
    let mut got = [0; 5];
    timeout(DEADLINE, kept.read_exact(&mut got)).await.unwrap().unwrap();
    assert_eq!(&got, b"still");
}

#[tokio::test]
async fn an_answer_that_is_cut_off_does_not_look_whole() {
    const HALF: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n";
    let bench = Bench::begin(Server::Answers(HALF), &["site.example"]).await;
    let mut stream = bench.connect().await;
    stream.write_all(b"GET http://site.example/ HTTP/1.1\r\nHost: site.example\r\n\r\n").await.unwrap();
    read_head(&mut stream).await;
    let mut got = [0; 9];
    timeout(DEADLINE, stream.read_exact(&mut got)).await.unwrap().unwrap();
    assert_eq!(&got, b"4\r\nhalf\r\n");
    bench.policy.set_hosts(vec![]);
    assert_eq!(read_all(&mut stream).await, "");
}

#[tokio::test]
async fn dropping_the_handle_ends_everything() {
    let mut bench = Bench::begin(Server::Echoes, &["site.example"]).await;
    let mut tunnel = bench.tunnel("site.example:443").await;
    let mut waiting = bench.connect().await;
    bench.proxy.take();
    assert_eq!(read_all(&mut tunnel).await + &read_all(&mut waiting).await, "");
    assert!(!bench.folder.path().join("egress.sock").exists());
    assert!(UnixStream::connect(bench.folder.path().join("egress.sock")).await.is_err());
}

#[tokio::test]
async fn a_socket_cannot_be_made_where_something_is() {
    let bench = Bench::begin(OK, &[]).await;
    let there = bench.folder.path().join("egress.sock");
    assert!(Egress::start(&there, Policy::new(vec![])).is_err());
    assert!(Egress::start(&bench.folder.path().join("missing/egress.sock"), Policy::new(vec![])).is_err());
    assert!(Egress::start(&bench.folder.path().join("other.sock"), Policy::new(vec![])).is_ok());
}
