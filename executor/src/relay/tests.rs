//! The relay behind a real server, before real applications on loopback. The clock stands still.

mod addresses;
mod exchanges;
mod limits;
mod passes;
mod sockets;

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures::future::BoxFuture;
use hyper::service::service_fn;
use slipway_contract::SandboxId;
use slipway_contract::objects::executor::{ExecutorCode, ExecutorProblem};
use slipway_domain::preview::bytes::RATE;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::*;

/// Longer than anything here takes, on a busy machine too.
const DEADLINE: Duration = Duration::from_secs(10);
const NOW: Timestamp = Timestamp::from_unix_ms(1_795_162_530_500);
const HEX: &str = "018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b";
const KEY: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc";
const PORT: u16 = 3000;
const EPOCH: u64 = 7;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn sandbox() -> SandboxId {
    format!("sbx_{HEX}").parse().unwrap()
}

fn key() -> RelayKey {
    RelayKey::parse(KEY).unwrap()
}

fn pass() -> String {
    RelayPass::issue(sandbox(), PORT, EPOCH, NOW).sign(&key())
}

/// What listens on the ports of the sandbox.
#[derive(Default)]
struct Inside {
    ports: Mutex<HashMap<u16, SocketAddr>>,
    dialled: Mutex<u32>,
    hangs: Mutex<bool>,
}

#[derive(Clone)]
struct Dialler(Arc<Inside>);

impl Dial for Dialler {
    fn dial(&self, port: u16) -> BoxFuture<'_, io::Result<Box<dyn Stream>>> {
        *lock(&self.0.dialled) += 1;
        let to = lock(&self.0.ports).get(&port).copied();
        let hangs = *lock(&self.0.hangs);
        Box::pin(async move {
            if hangs {
                std::future::pending::<()>().await;
            }
            let to = to.ok_or(io::ErrorKind::ConnectionRefused)?;
            Ok(Box::new(TcpStream::connect(to).await?) as Box<dyn Stream>)
        })
    }
}

struct Known(Arc<Mutex<HashMap<SandboxId, Arc<Ports>>>>);

impl Find for Known {
    fn find(&self, sandbox: SandboxId) -> Result<Arc<Ports>, ExecutorCode> {
        lock(&self.0).get(&sandbox).cloned().ok_or(ExecutorCode::NotFound)
    }
}

/// An executor with one sandbox.
struct Bench {
    address: SocketAddr,
    inside: Arc<Inside>,
    ports: Arc<Ports>,
    epoch: Option<watch::Sender<u64>>,
}

impl Bench {
    async fn begin() -> Self {
        Self::with(PATIENCE).await
    }

    async fn with(patience: Patience) -> Self {
        Self::carrying(RATE, patience).await
    }

    /// One whose sandbox carries so many bytes.
    async fn carrying(bytes: Rate, patience: Patience) -> Self {
        let inside = Arc::new(Inside::default());
        let (epoch, epochs) = watch::channel(EPOCH);
        let ports = Arc::new(Ports::new(epochs, Dialler(Arc::clone(&inside))));
        let known = Arc::new(Mutex::new(HashMap::from([(sandbox(), Arc::clone(&ports))])));
        let relay = Relay { patience, ..Relay::new(key(), Known(known), || NOW, bytes) };
        let relay = Arc::new(relay);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let relay = Arc::clone(&relay);
                tokio::spawn(async move {
                    let service = service_fn(|request| async {
                        Ok::<_, std::convert::Infallible>(relay.serve(request).await)
                    });
                    // A client that goes away is no failure.
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .with_upgrades()
                        .await;
                });
            }
        });
        Self { address, inside, ports, epoch: Some(epoch) }
    }

    fn dialled(&self) -> u32 {
        *lock(&self.inside.dialled)
    }

    fn grow(&self, to: u64) {
        self.epoch.as_ref().unwrap().send_replace(to);
    }

    fn stop(&mut self) {
        self.epoch.take();
    }

    /// Lets a handler of raw connections listen on the usual port.
    async fn listen<F>(&self, serve: impl Fn(TcpStream) -> F + Send + 'static)
    where
        F: Future<Output = io::Result<()>> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        lock(&self.inside.ports).insert(PORT, listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream));
            }
        });
    }

    /// Lets an application listen that reads one request, notes it, and answers with these bytes.
    async fn answers(&self, answer: &'static str) -> Arc<Mutex<Vec<String>>> {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&seen);
        self.listen(move |mut stream| {
            let noted = Arc::clone(&noted);
            async move {
                let head = read_head(&mut stream).await;
                lock(&noted).push(head);
                stream.write_all(answer.as_bytes()).await
            }
        })
        .await;
        seen
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// A request with these further lines; the answer to its end.
    async fn ask(&self, line: &str, fields: &str) -> String {
        let mut stream = self.connect().await;
        let request = format!("{line} HTTP/1.1\r\nhost: executor\r\nconnection: close\r\n{fields}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        read_all(&mut stream).await
    }

    /// A GET of `/` on the usual port, with this pass.
    async fn get(&self, pass: &str) -> String {
        self.ask(&format!("GET /relay/sbx_{HEX}/{PORT}/"), &format!("x-slipway-relay: {pass}\r\n")).await
    }

    /// Begins a GET of `/` with a good pass and reads the head of the answer.
    async fn stream(&self) -> (TcpStream, String) {
        let mut stream = self.connect().await;
        let request = format!(
            "GET /relay/sbx_{HEX}/{PORT}/ HTTP/1.1\r\nhost: x\r\nx-slipway-relay: {}\r\n\r\n",
            pass()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let head = read_head(&mut stream).await;
        (stream, head)
    }
}

async fn read_head(stream: &mut TcpStream) -> String {
    let mut got = Vec::new();
    while !got.ends_with(b"\r\n\r\n") {
        got.push(timeout(DEADLINE, stream.read_u8()).await.unwrap().unwrap());
    }
    String::from_utf8(got).unwrap()
}

/// Reads until the other side closes; a reset counts as that.
async fn read_all(stream: &mut TcpStream) -> String {
    let mut got = Vec::new();
    let _ = timeout(DEADLINE, stream.read_to_end(&mut got)).await.expect("the relay closes");
    String::from_utf8_lossy(&got).into_owned()
}

async fn expect(stream: &mut TcpStream, bytes: &str) {
    let mut got = vec![0; bytes.len()];
    timeout(DEADLINE, stream.read_exact(&mut got)).await.unwrap().unwrap();
    assert_eq!(String::from_utf8_lossy(&got), bytes);
}

fn status(answer: &str) -> u16 {
    answer.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).map_or(0, |code| code.parse().unwrap())
}

/// The executor's own refusal.
fn refusal(answer: &str) -> (u16, ExecutorCode) {
    assert!(answer.contains("\r\nx-slipway-relay: refused\r\n"), "{answer}");
    assert!(answer.contains("\r\ncontent-type: application/problem+json\r\n"), "{answer}");
    let problem: ExecutorProblem = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!(problem.status, status(answer));
    (problem.status, problem.code)
}

const HELLO: &str = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
