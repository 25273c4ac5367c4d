//! Which names and addresses are reached, and what is remembered of the others.

use super::*;

#[tokio::test]
async fn a_name_on_the_list_is_reached_at_its_public_address() {
    let mut bench = Bench::begin(OK, &["site.example"]).await;
    let answer = bench.get("http://site.example/a?b=c").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("ok"), "{answer}");
    assert!(bench.next_received().await.starts_with("GET /a?b=c HTTP/1.1\r\n"));
    assert_eq!(bench.world.dialled(), ["93.184.216.34:80"]);
}

#[tokio::test]
async fn a_name_that_is_not_on_the_list_is_refused_and_remembered_once_newest_last() {
    let bench = Bench::begin(OK, &["site.example", "*.cdn.example"]).await;
    for host in ["one.example", "two.example", "cdn.example", "www.site.example"] {
        let answer = bench.get(&format!("http://{host}/")).await;
        assert_eq!(status(&answer), 403);
        assert!(
            answer.ends_with(&format!("\r\n\r\n{host}: host is not on this sandbox's list\n")),
            "{answer}"
        );
    }
    let mark = bench.policy.mark();
    let answer = bench.ask("CONNECT One.Example.:443 HTTP/1.1\r\n\r\n").await;
    assert!(answer.ends_with("one.example: host is not on this sandbox's list\n"), "{answer}");
    assert_eq!(bench.policy.refused(), ["two.example", "cdn.example", "www.site.example", "one.example"]);
    assert_eq!(bench.policy.refused_since(mark), ["one.example"]);
    assert_eq!(bench.policy.refused_since(bench.policy.mark()), Vec::<String>::new());
    assert_eq!(lock(&bench.world.looked_up).len() + bench.world.dialled().len(), 0);

    bench.policy.set_hosts(hosts(&["one.example", "*.site.example"]).unwrap());
    assert_eq!(bench.policy.refused(), ["two.example", "cdn.example"]);
    bench.world.name("one.example", &[&[PUBLIC]]);
    assert_eq!(status(&bench.get("http://one.example/").await), 200);
    assert_eq!(status(&bench.get("http://site.example/").await), 403);
}

#[tokio::test]
async fn no_more_than_fifty_refused_names_are_remembered() {
    let bench = Bench::begin(OK, &[]).await;
    for n in 0..60 {
        bench.get(&format!("http://h{n}.example/")).await;
    }
    let refused = bench.policy.refused();
    assert_eq!(
        (refused.len(), refused[0].as_str(), refused[49].as_str()),
        (50, "h10.example", "h59.example")
    );
}

#[tokio::test]
async fn addresses_and_local_names_are_refused_and_asked_of_nobody() {
    let bench = Bench::begin(OK, &["site.example"]).await;
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "169.254.169.254",
        "93.184.216.34",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[fd00:ec2::254]",
        "localhost",
        "localhost.",
        "metadata",
        "metadata.google.internal",
        "printer.local",
    ] {
        assert_eq!(status(&bench.get(&format!("http://{host}/")).await), 403, "{host}");
        let connect = format!("CONNECT {host}:443 HTTP/1.1\r\nHost: {host}:443\r\n\r\n");
        assert_eq!(status(&bench.ask(connect).await), 403, "{host}");
    }
    assert_eq!(bench.policy.refused(), Vec::<String>::new());
    assert_eq!(lock(&bench.world.looked_up).len() + bench.world.dialled().len(), 0);
}

#[tokio::test]
async fn a_name_that_leads_to_an_address_that_is_not_public_is_refused_after_the_look_up() {
    let bench = Bench::begin(OK, &["site.example"]).await;
    for address in [
        "127.0.0.1",
        "0.0.0.0",
        "10.0.0.1",
        "100.64.0.1",
        "169.254.169.254",
        "172.17.0.1",
        "192.168.1.1",
        "255.255.255.255",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::1",
        "fd00:ec2::254",
        "fe80::1",
    ] {
        bench.world.name("site.example", &[&[address]]);
        for request in
            ["GET http://site.example/ HTTP/1.0\r\n\r\n", "CONNECT site.example:443 HTTP/1.1\r\n\r\n"]
        {
            let answer = bench.ask(request).await;
            assert_eq!(status(&answer), 403, "{address}");
            assert!(answer.ends_with("site.example: the host's addresses are not public\n"), "{answer}");
        }
    }
    assert_eq!(bench.world.dialled(), Vec::<String>::new());
    // It is on the list: nobody can be asked to put it there.
    assert_eq!(bench.policy.refused(), Vec::<String>::new());
}

#[tokio::test]
async fn of_mixed_answers_only_public_addresses_are_connected_to() {
    let bench = Bench::begin(OK, &["site.example"]).await;
    bench.world.name("site.example", &[&["127.0.0.1", "::1", "93.184.216.34", "169.254.169.254"]]);
    assert_eq!(status(&bench.get("http://site.example/").await), 200);
    assert_eq!(bench.world.dialled(), ["93.184.216.34:80"]);
}

#[tokio::test]
async fn a_name_is_looked_up_once_and_the_address_that_was_judged_is_connected_to() {
    let bench = Bench::begin(OK, &["site.example"]).await;
    bench.world.name("site.example", &[&[PUBLIC], &["127.0.0.1"]]);
    assert_eq!(status(&bench.get("http://site.example/").await), 200);
    assert_eq!((lock(&bench.world.looked_up).len(), bench.world.dialled().len()), (1, 1));
    assert_eq!(status(&bench.get("http://site.example/").await), 403);
    assert_eq!(
        (lock(&bench.world.looked_up).len(), bench.world.dialled()),
        (2, vec!["93.184.216.34:80".to_owned()])
    );
}

#[tokio::test]
async fn a_redirect_is_the_clients_to_follow_and_its_target_is_judged_again() {
    const MOVED: &str = "HTTP/1.1 302 Found\r\nlocation: http://inside.example/\r\ncontent-length: 0\r\n\r\n";
    let bench = Bench::begin(Server::Answers(MOVED), &["site.example", "inside.example"]).await;
    bench.world.name("inside.example", &[&["169.254.169.254"]]);
    let answer = bench.get("http://site.example/").await;
    assert_eq!(status(&answer), 302);
    assert!(answer.contains("location: http://inside.example/\r\n"), "{answer}");
    assert_eq!(bench.world.dialled().len(), 1);
    assert_eq!(status(&bench.get("http://inside.example/").await), 403);
    assert_eq!(status(&bench.get("http://127.0.0.1/").await), 403);
    assert_eq!(bench.world.dialled().len(), 1);
}

#[tokio::test]
async fn only_ports_of_the_web_are_reached() {
    let bench = Bench::begin(Server::Echoes, &["site.example"]).await;
    for port in [1, 22, 25, 53, 443 + 1, 3306, 5432, 6379, 8080, 9000, 65535] {
        let answer = bench.ask(format!("CONNECT site.example:{port} HTTP/1.1\r\n\r\n")).await;
        assert_eq!(status(&answer), 403, "{port}");
        assert!(answer.contains("is not reached, only 80, 443 and 8443"), "{answer}");
    }
    assert_eq!(bench.world.dialled(), Vec::<String>::new());
    for port in [80, 443, 8443] {
        bench.tunnel(&format!("site.example:{port}")).await;
    }
    assert_eq!(bench.world.dialled().len(), 3);
}

#[tokio::test]
async fn what_cannot_be_reached_is_told_by_name() {
    let bench = Bench::begin(OK, &["site.example", "nowhere.example"]).await;
    let answer = bench.get("http://nowhere.example/").await;
    assert_eq!(status(&answer), 502);
    assert!(answer.ends_with("nowhere.example: no such host\n"), "{answer}");
    bench.world.name("nowhere.example", &[&[]]);
    assert_eq!(status(&bench.get("http://nowhere.example/").await), 502);
}

#[tokio::test]
async fn answers_that_are_no_http_or_change_the_protocol_are_not_passed_on() {
    for answer in [
        "SSH-2.0-OpenSSH_9.9\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok!",
    ] {
        let bench = Bench::begin(Server::Answers(answer), &["site.example"]).await;
        assert_eq!(status(&bench.get("http://site.example/").await), 502, "{answer:?}");
    }
}
