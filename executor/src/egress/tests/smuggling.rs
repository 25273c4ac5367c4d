//! Requests that are written so that two readers disagree. The server notes every byte that it gets.

use super::*;

const GET: &str = "GET http://site.example/a HTTP/1.1\r\nHost: site.example\r\n";
const POST: &str = "POST http://site.example/a HTTP/1.1\r\nHost: site.example\r\n";
/// What is hidden behind the first request.
const HIDDEN: &str = "GET http://site.example/evil HTTP/1.1\r\nHost: site.example\r\n\r\n";

#[tokio::test]
async fn what_two_readers_could_read_in_two_ways_is_refused_before_anything_is_dialled() {
    let bench = Bench::begin(OK, &["site.example", "evil.example"]).await;
    bench.world.name("evil.example", &[&[PUBLIC]]);
    let payloads = [
        // Lengths.
        format!("{POST}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{HIDDEN}"),
        format!("{POST}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n{HIDDEN}"),
        format!("{POST}Content-Length: 0\r\nContent-Length: 0\r\n\r\n{HIDDEN}"),
        format!("{POST}Content-Length: 0\r\nContent-Length: 70\r\n\r\n{HIDDEN}"),
        format!("{POST}Content-Length: 0, 0\r\n\r\n{HIDDEN}"),
        format!("{POST}Content-Length: +5\r\n\r\n{HIDDEN}"),
        format!("{POST}Content-Length: -1\r\n\r\n{HIDDEN}"),
        format!("{POST}Content-Length: 0x5\r\n\r\n{HIDDEN}"),
        format!("{POST}Content-Length: 5 5\r\n\r\n{HIDDEN}"),
        format!("{POST}Content-Length:\r\n\r\n{HIDDEN}"),
        format!("{POST}Content-Length: 5.0\r\n\r\n{HIDDEN}"),
        format!("{POST}Content-Length: 99999999999999999999\r\n\r\n{HIDDEN}"),
        // Codings.
        format!("{POST}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n{HIDDEN}"),
        format!("{POST}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n{HIDDEN}"),
        format!("{POST}Transfer-Encoding: identity\r\n\r\n{HIDDEN}"),
        format!("{POST}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n{HIDDEN}"),
        format!("{POST}Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n{HIDDEN}"),
        format!("{POST}Transfer-Encoding: chunked\x0b\r\n\r\n0\r\n\r\n{HIDDEN}"),
        format!("{POST}Transfer-Encoding:\r\n\r\n0\r\n\r\n{HIDDEN}"),
        format!("{POST}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{HIDDEN}"),
        format!("{POST}Transfer-Encoding: chunked\r\nTransfer-encoding: x\r\n\r\n0\r\n\r\n{HIDDEN}"),
        format!("{POST}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n{HIDDEN}"),
        format!("{POST}Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n{HIDDEN}"),
        "POST http://site.example/a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".to_owned(),
        // Lines.
        format!("{POST} Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n{HIDDEN}"),
        format!("{POST}X: y\r\n Transfer-Encoding: chunked\r\n\r\n{HIDDEN}"),
        format!("{POST}X: y\r\n\tContent-Length: 0\r\n\r\n{HIDDEN}"),
        format!("{GET}X: y\nContent-Length: 70\r\n\r\n{HIDDEN}"),
        format!("{GET}\n{HIDDEN}"),
        GET.replace("\r\n", "\n") + "\n",
        format!("{GET}X: y\rContent-Length: 70\r\n\r\n{HIDDEN}"),
        format!("{GET}\r\r\n\r\n{HIDDEN}"),
        format!("{GET}X: y\r\r\n\r\n{HIDDEN}"),
        format!("{GET}X: y\0\r\n\r\n"),
        format!("{GET}X\0: y\r\n\r\n"),
        format!("{GET}X Y: z\r\n\r\n"),
        format!("{GET}X[]: z\r\n\r\n"),
        format!("{GET}X\r\n\r\n"),
        format!("{GET}: z\r\n\r\n"),
        format!("\r\n{GET}\r\n"),
        format!("\r\n\r\n{GET}\r\n"),
        format!("\n\n{GET}\r\n"),
        // Hosts.
        format!("{GET}Host: site.example\r\n\r\n"),
        format!("{GET}host: evil.example\r\n\r\n"),
        "GET http://site.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n".to_owned(),
        "GET http://site.example/ HTTP/1.1\r\nHost: site.example.evil.example\r\n\r\n".to_owned(),
        "GET http://site.example/ HTTP/1.1\r\nHost: site.example:443\r\n\r\n".to_owned(),
        "GET http://site.example/ HTTP/1.1\r\nHost: x@site.example\r\n\r\n".to_owned(),
        "GET http://site.example/ HTTP/1.1\r\nHost: site.example, evil.example\r\n\r\n".to_owned(),
        "GET http://site.example/ HTTP/1.1\r\nHost: site.example/evil\r\n\r\n".to_owned(),
        "GET http://site.example/ HTTP/1.1\r\nHost:\r\n\r\n".to_owned(),
        "GET http://site.example/ HTTP/1.1\r\n\r\n".to_owned(),
        "CONNECT site.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n".to_owned(),
        "CONNECT site.example:443 HTTP/1.1\r\nHost: site.example:80\r\n\r\n".to_owned(),
        // Addresses.
        "GET http://evil.example@site.example/ HTTP/1.1\r\nHost: site.example\r\n\r\n".to_owned(),
        "GET http://site.example@evil.example/ HTTP/1.1\r\nHost: site.example\r\n\r\n".to_owned(),
        "GET http://site.example\\@evil.example/ HTTP/1.1\r\nHost: site.example\r\n\r\n".to_owned(),
        "GET http://site.example:80:80/ HTTP/1.1\r\nHost: site.example\r\n\r\n".to_owned(),
        "GET http://site.example:/ HTTP/1.1\r\nHost: site.example\r\n\r\n".to_owned(),
        "GET http://site.example:65616/ HTTP/1.1\r\nHost: site.example\r\n\r\n".to_owned(),
        "GET http://site.example/a b HTTP/1.1\r\nHost: site.example\r\n\r\n".to_owned(),
        "GET https://site.example/ HTTP/1.1\r\nHost: site.example\r\n\r\n".to_owned(),
        "GET ftp://site.example/ HTTP/1.1\r\nHost: site.example\r\n\r\n".to_owned(),
        "GET /a HTTP/1.1\r\nHost: site.example\r\n\r\n".to_owned(),
        "OPTIONS * HTTP/1.1\r\nHost: site.example\r\n\r\n".to_owned(),
        "CONNECT site.example HTTP/1.1\r\nHost: site.example\r\n\r\n".to_owned(),
        "CONNECT site.example:443/evil HTTP/1.1\r\nHost: site.example:443\r\n\r\n".to_owned(),
        "CONNECT http://site.example:443/ HTTP/1.1\r\nHost: evil.example:443\r\n\r\n".to_owned(),
        // Versions.
        "GET http://site.example/\r\n\r\n".to_owned(),
        "GET http://site.example/ HTTP/1.2\r\nHost: site.example\r\n\r\n".to_owned(),
        "GET http://site.example/ HTTP/2.0\r\nHost: site.example\r\n\r\n".to_owned(),
        "G=T http://site.example/ HTTP/1.1 HTTP/1.1\r\nHost: site.example\r\n\r\n".to_owned(),
    ];
    for payload in &payloads {
        let answer = bench.ask(payload).await;
        assert!((400..500).contains(&status(&answer)), "{payload:?} was answered {answer:?}");
        assert!(!answer.contains("\r\n\r\nok"), "{payload:?}");
        assert_eq!(bench.world.dialled(), Vec::<String>::new(), "{payload:?}");
    }
    assert!(payloads.len() >= 60);
    // The beginning of HTTP/2 is nothing that one answers in HTTP/1.1.
    assert_eq!(bench.ask("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await, "");
    let latin = b"GET http://site.example/ HTTP/1.1\r\nHost: site.exampl\xe9\r\n\r\n";
    assert_eq!(status(&bench.ask(latin).await), 400);
}

#[tokio::test]
async fn only_the_first_request_of_a_connection_is_sent_on_and_it_is_written_anew() {
    let mut bench = Bench::begin(OK, &["site.example"]).await;
    let cases = [
        (format!("{GET}\r\n{HIDDEN}"), "GET /a HTTP/1.1"),
        (format!("{POST}Content-Length: 3\r\n\r\nabc{HIDDEN}"), "POST /a HTTP/1.1"),
        (format!("{POST}Content-Length: 3\r\nConnection: keep-alive\r\n\r\nabc{HIDDEN}"), "POST /a HTTP/1.1"),
        (
            format!("{POST}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n{HIDDEN}"),
            "POST /a HTTP/1.1",
        ),
        (
            format!("{POST}Transfer-Encoding: Chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\n\r\n{HIDDEN}"),
            "POST /a HTTP/1.1",
        ),
        (
            format!("{POST}Content-Length: 3\r\nConnection: content-length\r\n\r\nabc{HIDDEN}"),
            "POST /a HTTP/1.1",
        ),
        (
            format!(
                "{GET}Connection: upgrade, http2-settings\r\nUpgrade: h2c\r\nHTTP2-Settings: evil\r\n\r\n"
            ),
            "GET /a HTTP/1.1",
        ),
        (format!("{GET}Connection: close, X-Hop\r\nX-Hop: evil\r\n\r\n"), "GET /a HTTP/1.1"),
        (
            format!("{GET}Proxy-Authorization: evil\r\nProxy-Connection: evil\r\nTE: evil\r\n\r\n"),
            "GET /a HTTP/1.1",
        ),
        (format!("{GET}Keep-Alive: evil\r\nTrailer: evil\r\nUpgrade: evil\r\n\r\n"), "GET /a HTTP/1.1"),
        (
            "GET http://SITE.example:080/%0d%0aX:%20y HTTP/1.1\r\nHost: Site.Example.\r\n\r\n".to_owned(),
            "GET /%0d%0aX:%20y HTTP/1.1",
        ),
        ("GET http://site.example HTTP/1.0\r\n\r\n".to_owned(), "GET / HTTP/1.1"),
        ("GET http://site.example?q=//evil HTTP/1.0\r\n\r\n".replace("evil", "x"), "GET /?q=//x HTTP/1.1"),
        (
            "OPTIONS http://site.example/ HTTP/1.1\r\nHost: site.example:80\r\n\r\n".to_owned(),
            "OPTIONS / HTTP/1.1",
        ),
    ];
    for (payload, line) in cases {
        let answer = bench.ask(&payload).await;
        assert!(status(&answer) == 200 && answer.ends_with("\r\n\r\nok"), "{payload:?} {answer:?}");
        let got = bench.next_received().await;
        assert_eq!(got.lines().next(), Some(line), "{payload:?}");
        assert_eq!(got.matches("HTTP/1.").count(), 1, "{got:?}");
        assert_eq!(got.to_ascii_lowercase().matches("host: site.example\r\n").count(), 1, "{got:?}");
        assert!(!got.contains("evil"), "{got:?}");
        assert_eq!(payload.contains("abc"), got.contains("abc"), "{got:?}");
    }
}

#[tokio::test]
async fn a_body_whose_chunks_are_broken_never_becomes_a_request() {
    let mut bench = Bench::begin(OK, &["site.example"]).await;
    for body in [
        format!("0x3\r\nabc\r\n0\r\n\r\n{HIDDEN}"),
        format!("3\nabc\r\n0\r\n\r\n{HIDDEN}"),
        format!("3\r\nabcd\r\n0\r\n\r\n{HIDDEN}"),
        format!("-3\r\nabc\r\n0\r\n\r\n{HIDDEN}"),
        format!("ffffffffffffffff1\r\nabc\r\n0\r\n\r\n{HIDDEN}"),
        format!("\r\n\r\n{HIDDEN}"),
        format!("3 3\r\nabc\r\n0\r\n\r\n{HIDDEN}"),
    ] {
        let answer = bench.ask(format!("{POST}Transfer-Encoding: chunked\r\n\r\n{body}")).await;
        assert!(!answer.contains("\r\n\r\nok"), "{body:?} {answer:?}");
        let got = bench.next_received().await;
        assert_eq!(got.matches("HTTP/1.").count().min(2), usize::from(!got.is_empty()), "{got:?}");
        assert!(!got.contains("evil") && !got.ends_with("0\r\n\r\n"), "{body:?} {got:?}");
    }
}
