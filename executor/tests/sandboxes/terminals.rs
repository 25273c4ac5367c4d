//! Terminals: typed into, resized, left and found again.

use futures::{SinkExt, StreamExt};
use slipway_contract::objects::executor::TerminalControl;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::support::{As, Executor, KEY, PATIENCE, Sandbox};

struct Window(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Window {
    async fn open(sandbox: &Sandbox<'_>, key: &str) -> Self {
        let path = sandbox.path(&format!("/terminals/{key}?cols=100&rows=30"));
        let mut request = format!("ws://{}{path}", sandbox.executor.address()).into_client_request().unwrap();
        request.headers_mut().insert("authorization", format!("Bearer {KEY}").parse().unwrap());
        Self(tokio_tungstenite::connect_async(request).await.unwrap().0)
    }

    async fn type_in(&mut self, text: &str) {
        self.0.send(Message::Binary(text.to_owned().into_bytes().into())).await.unwrap();
    }

    async fn control(&mut self, control: &TerminalControl) {
        self.0.send(Message::Text(serde_json::to_string(control).unwrap().into())).await.unwrap();
    }

    /// Reads until this was written.
    async fn until(&mut self, wanted: &str) -> String {
        let mut seen = String::new();
        let read = async {
            while !seen.contains(wanted) {
                let message = self.0.next().await.expect("the terminal is open").unwrap();
                assert!(message.is_binary(), "{message:?} after {seen}");
                seen.push_str(&String::from_utf8_lossy(&message.into_data()));
            }
        };
        if tokio::time::timeout(PATIENCE, read).await.is_err() {
            panic!("{wanted} was never written: {seen}");
        }
        seen
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_is_typed_into_resized_and_found_again() {
    for who in [As::Oneself, As::Nobody] {
        let executor = Executor::start_as(who, 2).await;
        let sandbox = executor.sandbox(1).await;
        let mut window = Window::open(&sandbox, "main").await;
        window.type_in("stty size; tty; echo $((6*7))\r").await;
        let seen = window.until("42").await;
        assert!(seen.contains("30 100") && seen.contains("/dev/pts/"), "{seen}");
        window.control(&TerminalControl::Resize { cols: 120, rows: 40 }).await;
        window.type_in("stty size; sleep 1000\r").await;
        window.until("40 120").await;
        sandbox.says("until ps -e -o args | grep '^sleep 1000'; do sleep 0.02; done").await;
        // Keys that mean signals reach who is in front.
        window.type_in("\x03").await;
        window.type_in("export KEPT=in-the-shell; echo do''ne\r").await;
        window.until("done").await;
        drop(window);

        let mut again = Window::open(&sandbox, "main").await;
        again.until("40 120").await;
        again.type_in("echo \"<$KEPT>\"\r").await;
        again.until("<in-the-shell>").await;
        let mut other = Window::open(&sandbox, "other").await;
        other.type_in("echo \"<$KEPT>\"\r").await;
        other.until("<>").await;
        // Two windows of one terminal see the same.
        let mut beside = Window::open(&sandbox, "main").await;
        again.type_in("echo tw''ice\r").await;
        beside.until("twice").await;
        again.until("twice").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_shell_is_told_with_its_code() {
    let executor = Executor::start().await;
    let sandbox = executor.sandbox(1).await;
    let mut window = Window::open(&sandbox, "main").await;
    window.type_in("exit 7\r").await;
    for mut window in [window, Window::open(&sandbox, "main").await] {
        let end = async {
            loop {
                if let Message::Text(text) = window.0.next().await.unwrap().unwrap() {
                    return serde_json::from_str::<TerminalControl>(&text).unwrap();
                }
            }
        };
        assert_eq!(tokio::time::timeout(PATIENCE, end).await.unwrap(), TerminalControl::Exit { code: 7 });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_window_sees_the_last_256_kib() {
    let executor = Executor::start().await;
    let sandbox = executor.sandbox(1).await;
    let mut window = Window::open(&sandbox, "main").await;
    window.type_in("seq 1 200000; echo all''-done\r").await;
    window.until("all-done").await;
    let mut again = Window::open(&sandbox, "main").await;
    let seen = again.until("all-done").await;
    assert!((200 * 1024..=256 * 1024).contains(&seen.len()), "{} bytes", seen.len());
    assert!(seen.contains("199999\r\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_ends_with_its_sandbox() {
    let executor = Executor::start().await;
    let sandbox = executor.sandbox(1).await;
    let mut window = Window::open(&sandbox, "main").await;
    window.type_in("echo re''ady\r").await;
    window.until("ready").await;
    sandbox.stop().await;
    let closed = async { while let Some(Ok(_)) = window.0.next().await {} };
    tokio::time::timeout(PATIENCE, closed).await.expect("the window closes");
    sandbox.create(serde_json::json!({ "epoch": 2 })).await.unwrap();
    let mut fresh = Window::open(&sandbox, "main").await;
    fresh.type_in("echo fr''esh\r").await;
    assert!(!fresh.until("fresh").await.contains("ready"));
}
