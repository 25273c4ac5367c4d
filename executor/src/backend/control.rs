//! The host's side of the way to a sandbox's init.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use serde::de::DeserializeOwned;
use slipway_contract::objects::executor::{ExecutorCode, ExecutorProblem};
use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;

use crate::api::problem;
use crate::inside::wire::{Answer, Ask, Dialled, Frame, Look, Run, read_value, write_frame, write_value};

/// How long init has for an answer that needs no work.
const PROMPT: Duration = Duration::from_secs(5);
/// How long a port has to accept.
const CONNECT: Duration = Duration::from_secs(10);

/// The way to one init.
#[derive(Clone, Debug)]
pub struct Control {
    socket: PathBuf,
}

impl Control {
    /// The init that listens at `socket`.
    pub const fn new(socket: PathBuf) -> Self {
        Self { socket }
    }

    async fn open(&self, ask: &Ask) -> Result<UnixStream, ExecutorProblem> {
        let mut stream = UnixStream::connect(&self.socket).await.map_err(|_| not_running())?;
        write_value(&mut stream, ask).await.map_err(|_| not_running())?;
        Ok(stream)
    }

    /// One question, one answer.
    pub async fn ask<T: DeserializeOwned>(&self, ask: &Ask) -> Result<T, ExecutorProblem> {
        let mut stream = self.open(ask).await?;
        answer(&mut stream).await
    }

    /// How things stand inside; `None` when init does not say so soon.
    pub async fn look(&self) -> Option<Look> {
        tokio::time::timeout(PROMPT, self.ask(&Ask::Look)).await.ok()?.ok()
    }

    /// Starts a program. What comes next on the stream are its frames.
    pub async fn run(&self, run: Run) -> Result<UnixStream, ExecutorProblem> {
        let mut stream = self.open(&Ask::Run(run)).await?;
        answer::<()>(&mut stream).await?;
        Ok(stream)
    }

    /// Reads a path: what it is, and the stream of its bytes.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<(T, UnixStream), ExecutorProblem> {
        let mut stream = self.open(&Ask::Get { path: path.to_owned() }).await?;
        Ok((answer(&mut stream).await?, stream))
    }

    /// Begins to write a file.
    pub async fn put(&self, path: &str) -> Result<Put, ExecutorProblem> {
        Ok(Put { stream: self.open(&Ask::Put { path: path.to_owned() }).await? })
    }

    /// Connects to a port inside.
    pub async fn dial(&self, port: u16) -> Result<UnixStream, ExecutorProblem> {
        let mut stream = self.open(&Ask::Dial { port }).await?;
        match tokio::time::timeout(CONNECT, stream.read_u8()).await {
            Ok(Ok(byte)) if byte == Dialled::Open as u8 => Ok(stream),
            Ok(Ok(_)) => Err(problem(ExecutorCode::PortClosed, format!("Nothing listens on port {port}."))),
            Ok(Err(_)) => Err(not_running()),
            Err(_) => {
                Err(problem(ExecutorCode::PortSilent, format!("Port {port} does not accept connections.")))
            }
        }
    }

    /// Asks for the end of everything; the process tells when it is done.
    pub async fn shut_down(&self) {
        // One that cannot be reached is killed.
        let _ = self.open(&Ask::Shutdown).await;
    }
}

/// A file that is being written.
pub struct Put {
    stream: UnixStream,
}

impl Put {
    /// Its next bytes.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), ExecutorProblem> {
        write_frame(&mut self.stream, &Frame::Input(bytes.to_vec())).await.map_err(|_| not_running())
    }

    /// It is whole.
    pub async fn finish(mut self) -> Result<(), ExecutorProblem> {
        write_frame(&mut self.stream, &Frame::InputEnd).await.map_err(|_| not_running())?;
        answer(&mut self.stream).await
    }
}

async fn answer<T: DeserializeOwned>(stream: &mut UnixStream) -> Result<T, ExecutorProblem> {
    match read_value::<Answer<T>>(stream).await {
        Ok(answer) => answer.map_err(Into::into),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(not_running()),
        Err(error) => {
            Err(problem(ExecutorCode::Failed, format!("The sandbox's init answered badly: {error}.")))
        }
    }
}

/// The sandbox does not run, or has just ended.
pub fn not_running() -> ExecutorProblem {
    problem(ExecutorCode::NotRunning, "The sandbox does not run.")
}
