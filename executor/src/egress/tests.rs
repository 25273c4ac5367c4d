//! The proxy over its real socket. Names lead to public addresses, so that the real check of addresses is at work; what
//! is connected to is noted, and then a server of this process answers instead: no test leaves the machine.

mod limits;
mod reaching;
mod smuggling;

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures::future::BoxFuture;
use slipway_domain::egress::{HostName, hosts};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::*;

/// Longer than anything here takes, on a busy machine too.
const DEADLINE: Duration = Duration::from_secs(10);
const PUBLIC: &str = "93.184.216.34";

/// A network of names; every connection ends at one server.
struct World {
    /// Answers by name, each used once but the last.
    names: Mutex<HashMap<String, VecDeque<Vec<IpAddr>>>>,
    looked_up: Mutex<Vec<String>>,
    dialled: Mutex<Vec<SocketAddr>>,
    server: SocketAddr,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl World {
    fn name(&self, name: &str, answers: &[&[&str]]) {
        let answers = answers.iter().map(|ips| ips.iter().map(|ip| ip.parse().unwrap()).collect());
        lock(&self.names).insert(name.to_owned(), answers.collect());
    }

    fn dialled(&self) -> Vec<String> {
        lock(&self.dialled).iter().map(ToString::to_string).collect()
    }
}

impl Network for World {
    fn look_up<'a>(&'a self, host: &'a HostName) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        lock(&self.looked_up).push(host.to_string());
        let mut names = lock(&self.names);
        let answers = names.get_mut(host.as_str());
        let answer = match answers {
            None => Err(io::ErrorKind::NotFound.into()),
            Some(answers) if answers.len() > 1 => Ok(answers.pop_front().unwrap()),
            Some(answers) => Ok(answers[0].clone()),
        };
        Box::pin(async { answer })
    }

    fn connect(&self, to: SocketAddr) -> BoxFuture<'static, io::Result<TcpStream>> {
        lock(&self.dialled).push(to);
        Box::pin(TcpStream::connect(self.server))
    }
}

/// A sandbox's proxy, and the server behind every name.
struct Bench {
    world: Arc<World>,
    policy: Policy,
    folder: TempDir,
    proxy: Option<EgressHandle>,
    /// What each connection to the server brought, when it had ended.
    received: mpsc::UnboundedReceiver<String>,
}

/// What the server does with a connection.
#[derive(Clone, Copy)]
enum Server {
    /// Reads a whole request, gives this answer, and reads on to the end.
    Answers(&'static str),
    /// Sends back what comes.
    Echoes,
    /// Takes the connection and says nothing.
    Silent,
}

const OK: Server = Server::Answers("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");

impl Bench {
    async fn begin(server: Server, list: &[&str]) -> Self {
        Self::with(server, list, PATIENCE).await
    }

    async fn with(server: Server, list: &[&str], patience: Patience) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (tell, received) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let tell = tell.clone();
                tokio::spawn(async move {
                    let mut got = Vec::new();
                    // A connection that the proxy drops may end in an error.
                    let _ = play(server, stream, &mut got).await;
                    let _ = tell.send(String::from_utf8_lossy(&got).into_owned());
                });
            }
        });
        let world = Arc::new(World {
            names: Mutex::default(),
            looked_up: Mutex::default(),
            dialled: Mutex::default(),
            server: address,
        });
        world.name("site.example", &[&[PUBLIC]]);
        let folder = TempDir::new().unwrap();
        let policy = Policy::new(hosts(list).unwrap());
        let network: Arc<dyn Network> = Arc::clone(&world) as Arc<dyn Network>;
        let proxy = start(&folder.path().join("egress.sock"), policy.clone(), network, patience).unwrap();
        Self { world, policy, folder, proxy: Some(proxy), received }
    }

    async fn connect(&self) -> UnixStream {
        UnixStream::connect(self.folder.path().join("egress.sock")).await.unwrap()
    }

    /// Sends these bytes and reads until the proxy closes.
    async fn ask(&self, bytes: impl AsRef<[u8]>) -> String {
        let mut stream = self.connect().await;
        // The proxy may refuse before it has all.
        let _ = stream.write_all(bytes.as_ref()).await;
        read_all(&mut stream).await
    }

    /// A plain GET of an address.
    async fn get(&self, url: &str) -> String {
        let host = url.split('/').nth(2).unwrap();
        self.ask(format!("GET {url} HTTP/1.1\r\nHost: {host}\r\n\r\n")).await
    }

    /// A tunnel to a host that is let through.
    async fn tunnel(&self, to: &str) -> UnixStream {
        let mut stream = self.connect().await;
        stream.write_all(format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n\r\n").as_bytes()).await.unwrap();
        let head = read_head(&mut stream).await;
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        stream
    }

    /// What the next connection to end brought the server.
    async fn next_received(&mut self) -> String {
        timeout(DEADLINE, self.received.recv()).await.unwrap().unwrap()
    }
}

async fn play(server: Server, mut stream: TcpStream, got: &mut Vec<u8>) -> io::Result<()> {
    match server {
        Server::Answers(answer) => {
            while !is_whole(got) {
                if stream.read_buf(got).await? == 0 {
                    return Ok(());
                }
            }
            stream.write_all(answer.as_bytes()).await?;
        }
        Server::Echoes => {
            let (mut read, mut write) = stream.split();
            tokio::io::copy(&mut read, &mut write).await?;
            return Ok(());
        }
        Server::Silent => {}
    }
    stream.read_to_end(got).await.map(drop)
}

/// Whether the bytes begin with a whole request, as the proxy writes them.
fn is_whole(got: &[u8]) -> bool {
    let text = String::from_utf8_lossy(got).to_ascii_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    if head.contains("\r\ntransfer-encoding: chunked") {
        return body.ends_with("0\r\n\r\n");
    }
    let length = head
        .split_once("\r\ncontent-length: ")
        .map_or(0, |(_, rest)| rest.split("\r\n").next().unwrap().parse::<usize>().unwrap());
    body.len() >= length
}

/// Reads until the other side closes; a reset counts as that.
async fn read_all(stream: &mut UnixStream) -> String {
    let mut got = Vec::new();
    let _ = timeout(DEADLINE, stream.read_to_end(&mut got)).await.expect("the proxy closes");
    String::from_utf8_lossy(&got).into_owned()
}

async fn read_head(stream: &mut UnixStream) -> String {
    let mut got = Vec::new();
    while !got.ends_with(b"\r\n\r\n") {
        got.push(timeout(DEADLINE, stream.read_u8()).await.unwrap().unwrap());
    }
    String::from_utf8(got).unwrap()
}

fn status(answer: &str) -> u16 {
    let rest = answer.strip_prefix("HTTP/1.1 ").or_else(|| answer.strip_prefix("HTTP/1.0 "));
    rest.and_then(|rest| rest.get(..3)).map_or(0, |code| code.parse().unwrap())
}
