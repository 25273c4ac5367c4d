//! Stands between the Workers and the executor, and holds one message back when a test wants that: a request before the
//! executor has it, or a reply before the Workers have it. So a test decides what dies exactly in between.
//!
//! Invariant: a connection carries one request, so what follows a held message is held too; and everything that nobody
//! waits for passes as it came, but for the word that the connection is closed after it.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use anyhow::{Context as _, Result, anyhow};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::wait::LIMIT;

/// Longest head of a request, in bytes; the executor takes no longer one.
const HEAD_BYTES: usize = 256 * 1024;

/// What the orchestrator asks of the executor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Make a sandbox, or start it.
    Create,
    /// End its processes.
    Stop,
    /// End access under older epochs.
    SetEpoch,
}

/// Where a message is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// The request, before the executor knows of it.
    Request,
    /// The reply, when the executor has done what it was asked.
    Reply,
}

/// The proxy. It ends with the runtime of the test that made it.
#[derive(Debug)]
pub struct Hold {
    /// Where the Workers find it: `http://127.0.0.1:<port>`.
    pub url: String,
    way: Arc<Way>,
}

#[derive(Debug, Default)]
struct Way {
    leads_to: OnceLock<SocketAddr>,
    snares: Mutex<Vec<Snare>>,
}

#[derive(Debug)]
struct Snare {
    asked: Asked,
    at: At,
    tell: oneshot::Sender<Held>,
}

/// Waits for a message to hold.
#[derive(Debug)]
#[must_use]
pub struct Trap(oneshot::Receiver<Held>);

/// A message that is held. Dropped, it is lost, and its connection is closed both ways.
#[derive(Debug)]
#[must_use]
pub struct Held(oneshot::Sender<()>);

impl Hold {
    /// Listens on a free port; [`Hold::lead_to`] says where to.
    ///
    /// # Errors
    /// When there is no port.
    pub async fn listen() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let way = Arc::new(Way::default());
        let carried = Arc::clone(&way);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let way = Arc::clone(&carried);
                // A connection that breaks is for its ends to notice.
                tokio::spawn(async move { way.carry(client).await });
            }
        });
        Ok(Self { url, way })
    }

    /// Says where the executor is, once.
    ///
    /// # Errors
    /// When that is no address.
    pub fn lead_to(&self, url: &str) -> Result<()> {
        let address = url.strip_prefix("http://").context("no http address")?.parse()?;
        self.way.leads_to.set(address).map_err(|_| anyhow!("it leads somewhere already"))
    }

    /// Holds the next such message.
    pub fn next(&self, asked: Asked, at: At) -> Trap {
        let (tell, told) = oneshot::channel();
        self.way.snares.lock().unwrap_or_else(PoisonError::into_inner).push(Snare { asked, at, tell });
        Trap(told)
    }
}

impl Trap {
    /// Waits until the message is there.
    ///
    /// # Errors
    /// When it does not come.
    pub async fn caught(self) -> Result<Held> {
        timeout(LIMIT, self.0).await.context("nothing came that could be held")?.context("the proxy ended")
    }
}

impl Held {
    /// Lets it go on.
    pub fn pass(self) {
        // Who was waiting for it may be gone; then there is nothing to let on.
        let _gone = self.0.send(());
    }
}

impl Way {
    async fn carry(&self, mut client: TcpStream) -> io::Result<()> {
        let (mut head, rest) = read_head(&mut client).await?;
        let asked = asked_by(&head);
        if !head.to_ascii_lowercase().contains("\r\nupgrade:") {
            head = closing(&head);
        }
        if !self.lets_on(asked, At::Request).await {
            return Ok(());
        }
        let to = self.leads_to.get().ok_or(io::ErrorKind::NotConnected)?;
        let server = TcpStream::connect(to).await?;
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let (mut from_client, mut to_client) = client.into_split();
        let (mut from_server, mut to_server) = server.into_split();
        to_server.write_all(head.as_bytes()).await?;
        to_server.write_all(&rest).await?;
        let back = async {
            from_server.peek(&mut [0]).await?;
            if self.lets_on(asked, At::Reply).await {
                copy(&mut from_server, &mut to_client).await?;
            }
            io::Result::Ok(())
        };
        // Workers that are gone wait for nothing, and the executor is to see that.
        tokio::select! {
            ended = copy(&mut from_client, &mut to_server) => ended.map(drop),
            ended = back => ended,
        }
    }

    /// Whether a message goes on, at once or when the test says so.
    async fn lets_on(&self, asked: Option<Asked>, at: At) -> bool {
        let snare = {
            let mut snares = self.snares.lock().unwrap_or_else(PoisonError::into_inner);
            let caught = snares.iter().position(|snare| Some(snare.asked) == asked && snare.at == at);
            caught.map(|place| snares.swap_remove(place))
        };
        let Some(snare) = snare else { return true };
        let (pass, passed) = oneshot::channel();
        // Nobody waits any more.
        if snare.tell.send(Held(pass)).is_err() {
            return true;
        }
        passed.await.is_ok()
    }
}

/// The head of a request with its empty line, and what came with it of the body.
async fn read_head(stream: &mut TcpStream) -> io::Result<(String, Vec<u8>)> {
    let mut read = Vec::new();
    loop {
        if let Some(end) = read.windows(4).position(|part| part == b"\r\n\r\n") {
            let rest = read.split_off(end + 4);
            let head = String::from_utf8(read).map_err(|_| io::ErrorKind::InvalidData)?;
            return Ok((head, rest));
        }
        if read.len() > HEAD_BYTES || stream.read_buf(&mut read).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

fn asked_by(head: &str) -> Option<Asked> {
    let mut line = head.split(' ');
    let (method, path) = (line.next()?, line.next()?);
    let mut parts = path.strip_prefix("/v1/sandboxes/")?.split('/').skip(1);
    match (method, parts.next(), parts.next()) {
        ("PUT", None, None) => Some(Asked::Create),
        ("POST", Some("stop"), None) => Some(Asked::Stop),
        ("PUT", Some("epoch"), None) => Some(Asked::SetEpoch),
        _ => None,
    }
}

/// The same head, saying that the connection is closed after the answer.
fn closing(head: &str) -> String {
    let kept = head.split_inclusive("\r\n").filter(|line| {
        let name = line.split(':').next().unwrap_or_default();
        !name.eq_ignore_ascii_case("connection") && !name.eq_ignore_ascii_case("keep-alive")
    });
    let mut head: String = kept.collect();
    head.truncate(head.len().saturating_sub("\r\n".len()));
    head.push_str("connection: close\r\n\r\n");
    head
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that answers `said` to whoever connects, after it has read a head.
    async fn server() -> Result<(String, Arc<Mutex<Vec<String>>>)> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let seen = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let Ok((head, _)) = read_head(&mut stream).await else { continue };
                noted.lock().unwrap_or_else(PoisonError::into_inner).push(head);
                let _gone = stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await;
            }
        });
        Ok((url, seen))
    }

    fn count(seen: &Mutex<Vec<String>>) -> usize {
        seen.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    async fn ask(hold: &Hold, line: &str) -> Result<String> {
        let mut stream = TcpStream::connect(hold.url.trim_start_matches("http://")).await?;
        stream
            .write_all(format!("{line} HTTP/1.1\r\nhost: x\r\nConnection: keep-alive\r\n\r\n").as_bytes())
            .await?;
        let mut answer = String::new();
        timeout(LIMIT, stream.read_to_string(&mut answer)).await??;
        Ok(answer)
    }

    async fn leading() -> Result<(Hold, Arc<Mutex<Vec<String>>>)> {
        let (url, seen) = server().await?;
        let hold = Hold::listen().await?;
        hold.lead_to(&url)?;
        Ok((hold, seen))
    }

    #[tokio::test]
    async fn what_nobody_waits_for_passes_and_its_connection_ends() -> Result<()> {
        let (hold, seen) = leading().await?;
        let _other = hold.next(Asked::Stop, At::Request);
        assert!(ask(&hold, "PUT /v1/sandboxes/sbx_1").await?.starts_with("HTTP/1.1 204"));
        let heads = seen.lock().unwrap_or_else(PoisonError::into_inner).concat();
        assert_eq!(heads, "PUT /v1/sandboxes/sbx_1 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        Ok(())
    }

    #[tokio::test]
    async fn a_held_request_has_not_arrived_and_a_held_reply_was_given() -> Result<()> {
        for (at, arrived) in [(At::Request, 0), (At::Reply, 1)] {
            for passes in [true, false] {
                let (hold, seen) = leading().await?;
                let trap = hold.next(Asked::Stop, at);
                let test = async {
                    let held = trap.caught().await?;
                    assert_eq!(count(&seen), arrived);
                    if passes {
                        held.pass();
                    }
                    anyhow::Ok(())
                };
                let (answer, tested) = tokio::join!(ask(&hold, "POST /v1/sandboxes/sbx_1/stop"), test);
                tested?;
                assert_eq!(answer.is_ok_and(|text| text.starts_with("HTTP/1.1 204")), passes, "{at:?}");
                assert_eq!(count(&seen), arrived.max(usize::from(passes)));
                // Only the one.
                assert!(ask(&hold, "POST /v1/sandboxes/sbx_1/stop").await?.starts_with("HTTP/1.1 204"));
            }
        }
        Ok(())
    }

    #[test]
    fn requests_are_known_by_method_and_path() {
        for (head, asked) in [
            ("PUT /v1/sandboxes/sbx_1 HTTP/1.1", Some(Asked::Create)),
            ("GET /v1/sandboxes/sbx_1 HTTP/1.1", None),
            ("PUT /v1/sandboxes/sbx_1/execs/a HTTP/1.1", None),
            ("PUT /v1/sandboxes/sbx_1/epoch HTTP/1.1", Some(Asked::SetEpoch)),
            ("POST /v1/sandboxes/sbx_1/stop HTTP/1.1", Some(Asked::Stop)),
            ("GET /v1/sandboxes HTTP/1.1", None),
        ] {
            assert_eq!(asked_by(head), asked, "{head}");
        }
    }
}
