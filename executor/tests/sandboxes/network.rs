//! The ways out and in: the egress proxy as programs inside find it, and the relay to ports.

use futures::{SinkExt, StreamExt};
use reqwest::Method;
use serde_json::json;
use slipway_contract::objects::executor::SandboxReport;
use slipway_contract::preview::RELAY_HEADER;
use slipway_domain::preview::{RelayKey, RelayPass};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::support::{As, Executor, RELAY_KEY, Sandbox};

/// A server that echoes over WebSocket and answers everything else with what it was asked.
const SERVER: &str = "
import asyncio, base64, hashlib
async def serve(reader, writer):
    head = (await reader.readuntil(b'\\r\\n\\r\\n')).decode()
    key = [line.split(': ')[1] for line in head.split('\\r\\n') if line.lower().startswith('sec-websocket-key')]
    if not key:
        body = head.split('\\r\\n')[0].encode()
        writer.write(b'HTTP/1.1 200 OK\\r\\nconnection: close\\r\\ncontent-length: %d\\r\\n\\r\\n' % len(body) + body)
        await writer.drain(); writer.close(); return
    accept = base64.b64encode(hashlib.sha1((key[0] + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11').encode()).digest()).decode()
    writer.write(f'HTTP/1.1 101 S\\r\\nupgrade: websocket\\r\\nconnection: Upgrade\\r\\nsec-websocket-accept: {accept}\\r\\n\\r\\n'.encode())
    while True:
        a, b = await reader.readexactly(2)
        mask = await reader.readexactly(4)
        data = bytes(x ^ mask[i % 4] for i, x in enumerate(await reader.readexactly(b & 127)))
        writer.write(bytes([a, len(data)]) + data); await writer.drain()
async def main():
    await (await asyncio.start_server(serve, HOST, 8000)).serve_forever()
asyncio.run(main())
";

async fn listen(sandbox: &Sandbox<'_>, host: &str) {
    sandbox.put("server.py", SERVER.replace("HOST", &format!("'{host}'"))).await.unwrap();
    let body = json!({ "argv": ["python3", "server.py"], "timeout_ms": 1, "detach": true });
    sandbox.request(Method::PUT, &format!("/execs/server-{}", host.len())).json(&body).send().await.unwrap();
    sandbox.until("the server listens", |report| report.ports == [8000]).await;
}

fn pass(sandbox: &Sandbox<'_>, port: u16, epoch: u64) -> String {
    let now = slipway_executor::fleet::now();
    RelayPass::issue(sandbox.id, port, epoch, now).sign(&RelayKey::parse(RELAY_KEY).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_inside_is_reached_by_a_pass_until_the_epoch_grows() {
    let executor = Executor::start().await;
    let sandbox = executor.sandbox(1).await;
    listen(&sandbox, "127.0.0.1").await;
    let url = executor.url(&format!("/relay/{}/8000/a/b?c=d", sandbox.id));
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let get = async |epoch: u64, port: u16| {
        let url = url.replace("/8000/", &format!("/{port}/"));
        let response =
            client.get(url).header(RELAY_HEADER, pass(&sandbox, port, epoch)).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    };
    assert_eq!(get(1, 8000).await, (200, "GET /a/b?c=d HTTP/1.1".to_owned()));
    assert_eq!(get(1, 8001).await.0, 502);

    let mut request = format!("ws://{}/relay/{}/8000/socket", executor.address(), sandbox.id)
        .into_client_request()
        .unwrap();
    request.headers_mut().insert(RELAY_HEADER, pass(&sandbox, 8000, 1).parse().unwrap());
    let (mut socket, _) = tokio_tungstenite::connect_async(request).await.unwrap();
    socket.send("hello".into()).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), "hello".into());

    let _: SandboxReport = sandbox.call(Method::PUT, "/epoch", json!({ "epoch": 2 })).await.unwrap();
    let closed = tokio::time::timeout(std::time::Duration::from_secs(1), socket.next())
        .await
        .expect("within a second");
    assert!(!matches!(closed, Some(Ok(message)) if !message.is_close()));
    let over = get(1, 8000).await;
    assert!(over.1.contains("epoch_over"), "{over:?}");
    assert_eq!(get(2, 8000).await.0, 200);
    sandbox.stop().await;
    let stopped = get(2, 8000).await;
    assert!(stopped.1.contains("not_running"), "{stopped:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_on_the_other_loopback_is_reached_too() {
    let executor = Executor::start().await;
    let sandbox = executor.sandbox(1).await;
    listen(&sandbox, "::1").await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = executor.url(&format!("/relay/{}/8000/", sandbox.id));
    let response = client.get(url).header(RELAY_HEADER, pass(&sandbox, 8000, 1)).send().await.unwrap();
    assert_eq!(response.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_find_the_proxy_and_it_says_what_was_refused() {
    for who in [As::Oneself, As::Nobody] {
        let executor = Executor::start_as(who, 2).await;
        let sandbox = executor.sandbox(1).await;
        let script = "
import urllib.request
for url in ['https://registry.npmjs.org/', 'http://example.com/']:
    try:
        urllib.request.urlopen(url, timeout=5); print('reached')
    except Exception as error:
        print('403' in str(error))
";
        sandbox.put("ask.py", script).await.unwrap();
        let said = sandbox.sh("python3 ask.py").await;
        assert_eq!(said.stdout, "True\nTrue\n", "{said:?}");
        assert_eq!(said.exit.refused_hosts, ["registry.npmjs.org", "example.com"]);
        assert_eq!(sandbox.report().await.refused_hosts, ["registry.npmjs.org", "example.com"]);
        // Also by the socket itself, with no help of init.
        let direct = "
import socket
s = socket.socket(socket.AF_UNIX); s.connect('/run/slipway/egress.sock')
s.sendall(b'CONNECT metadata.example:443 HTTP/1.1\\r\\nhost: metadata.example:443\\r\\n\\r\\n'); print(s.recv(100).split()[1])
";
        sandbox.put("direct.py", direct).await.unwrap();
        assert_eq!(sandbox.says("python3 direct.py").await, "b'403'");
        let changed: SandboxReport =
            sandbox.call(Method::PUT, "/hosts", json!({ "hosts": ["example.com"] })).await.unwrap();
        assert_eq!(changed.refused_hosts, ["registry.npmjs.org", "metadata.example"]);
    }
}
