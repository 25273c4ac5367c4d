//! What the host and a sandbox's init say to each other: one connection of a Unix socket for each request, first an [`Ask`]
//! (its length, then JSON), then what that asks for.
//!
//! The host takes nothing from inside on trust: values and frames are bounded before they are read.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use slipway_contract::objects::executor::{ExecutorCode, ExecutorProblem, FileList};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Longest value: argv (128 KiB) and environment with every byte escaped as `\u00xx`, and the envelope.
pub const VALUE_BYTES: usize = 1024 * 1024;
/// Longest payload of a frame.
pub const FRAME_BYTES: usize = 64 * 1024;

/// What the host asks of init.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ask {
    /// The first request of a sandbox. Answers `()` when init is ready to serve.
    Hello(Limits),
    /// Starts a program. Answers `()`, then [`Frame`]s both ways until [`Frame::Exit`].
    Run(Run),
    /// Reads a file or folder. Answers [`Got`]; a file's bytes follow.
    Get {
        /// Path as the client wrote it.
        path: String,
    },
    /// Writes a file; the host sends [`Frame::Input`] and [`Frame::InputEnd`]. Answers `()` at the end.
    Put {
        /// Path as the client wrote it.
        path: String,
    },
    /// Deletes a file, or a folder with all in it. Answers `()`.
    Remove {
        /// Path as the client wrote it.
        path: String,
    },
    /// Connects to a port on loopback. Answers one byte of [`Dialled`]; after [`Dialled::Open`] the bytes are the port's.
    Dial {
        /// The port.
        port: u16,
    },
    /// Answers [`Look`].
    Look,
    /// Kills every process but init. Answers `()`.
    KillAll,
    /// Ends every process, with a second to do so in peace, then init itself. No answer.
    Shutdown,
}

/// What the sandbox's processes may use, as far as init enforces it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Processes and threads at once.
    pub processes: u64,
    /// Largest file.
    pub file_bytes: u64,
    /// Resident memory of all processes, when no control group enforces it.
    pub watched_memory_bytes: Option<u64>,
}

/// A program to run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// Folder.
    pub cwd: String,
    /// Its whole environment.
    pub env: BTreeMap<String, String>,
    /// Where its input and output go.
    pub mode: RunMode,
}

/// Where a program's input and output go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunMode {
    /// Output as frames, no input.
    Output,
    /// Output as frames, input from frames.
    Piped,
    /// A terminal of this size.
    Terminal {
        /// Columns.
        cols: u16,
        /// Rows.
        rows: u16,
    },
    /// Output into a file of [`super::LOGS`] of this name.
    Log(String),
}

/// What a path turned out to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Got {
    /// A file of this size; exactly so many bytes follow.
    File {
        /// Size in bytes.
        bytes: u64,
    },
    /// A folder.
    Folder(FileList),
}

/// The first byte of the answer to [`Ask::Dial`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialled {
    /// Connected.
    Open = 1,
    /// Nothing listens.
    Closed = 2,
}

/// How things stand inside.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Look {
    /// Resident memory of all processes, in bytes.
    pub memory_bytes: u64,
    /// CPU time of all processes that are or were, in milliseconds.
    pub cpu_ms: u64,
    /// Ports that something listens on, reachable by loopback.
    pub ports: Vec<u16>,
    /// Processes killed because memory ran over.
    pub memory_kills: u64,
}

/// A piece of a running program's input or output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// To it: input.
    Input(Vec<u8>),
    /// To it: no more input.
    InputEnd,
    /// To it: a signal for all that it started; `true` cannot be refused.
    Kill(bool),
    /// To it: its terminal's size, columns and rows.
    Resize(u16, u16),
    /// From it: standard output, or its terminal.
    Stdout(Vec<u8>),
    /// From it: standard error.
    Stderr(Vec<u8>),
    /// From it: exit code, or 128 and the signal's number.
    Exit(i32),
}

impl Frame {
    fn parts(&self) -> (u8, Cow<'_, [u8]>) {
        match self {
            Self::Input(bytes) => (1, bytes.into()),
            Self::InputEnd => (2, Cow::default()),
            Self::Kill(hard) => (3, vec![u8::from(*hard)].into()),
            Self::Resize(cols, rows) => (4, [cols.to_be_bytes(), rows.to_be_bytes()].concat().into()),
            Self::Stdout(bytes) => (5, bytes.into()),
            Self::Stderr(bytes) => (6, bytes.into()),
            Self::Exit(code) => (7, code.to_be_bytes().to_vec().into()),
        }
    }

    fn from_parts(kind: u8, payload: Vec<u8>) -> Option<Self> {
        Some(match (kind, payload.as_slice()) {
            (1, _) => Self::Input(payload),
            (2, []) => Self::InputEnd,
            (3, [hard]) => Self::Kill(*hard != 0),
            (4, [a, b, c, d]) => Self::Resize(u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d])),
            (5, _) => Self::Stdout(payload),
            (6, _) => Self::Stderr(payload),
            (7, [a, b, c, d]) => Self::Exit(i32::from_be_bytes([*a, *b, *c, *d])),
            _ => return None,
        })
    }
}

/// Writes a frame: its kind, the length of its payload, the payload.
pub async fn write_frame(to: &mut (impl AsyncWrite + Unpin), frame: &Frame) -> io::Result<()> {
    let (kind, payload) = frame.parts();
    for piece in std::iter::once(payload.get(..FRAME_BYTES.min(payload.len())).unwrap_or_default())
        .chain(payload.get(FRAME_BYTES..).unwrap_or_default().chunks(FRAME_BYTES))
    {
        let length = u32::try_from(piece.len()).map_err(io::Error::other)?.to_be_bytes();
        let [a, b, c, d] = length;
        to.write_all(&[kind, a, b, c, d]).await?;
        to.write_all(piece).await?;
    }
    to.flush().await
}

/// Reads a frame; `None` when the other side is gone.
pub async fn read_frame(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Frame>> {
    let kind = match from.read_u8().await {
        Ok(kind) => kind,
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    };
    let length = usize::try_from(from.read_u32().await?).map_err(io::Error::other)?;
    if length > FRAME_BYTES {
        return Err(io::Error::other("a frame is too long"));
    }
    let mut payload = vec![0; length];
    from.read_exact(&mut payload).await?;
    Frame::from_parts(kind, payload).map(Some).ok_or_else(|| io::Error::other("a frame makes no sense"))
}

/// Writes a value: the length of its JSON, the JSON.
pub async fn write_value<T: Serialize>(to: &mut (impl AsyncWrite + Unpin), value: &T) -> io::Result<()> {
    let json = serde_json::to_vec(value)?;
    let mut bytes = u32::try_from(json.len()).map_err(io::Error::other)?.to_be_bytes().to_vec();
    bytes.extend(json);
    to.write_all(&bytes).await?;
    to.flush().await
}

/// Reads a value, and nothing behind it.
pub async fn read_value<T: DeserializeOwned>(from: &mut (impl AsyncRead + Unpin)) -> io::Result<T> {
    let length = usize::try_from(from.read_u32().await?).map_err(io::Error::other)?;
    if length > VALUE_BYTES {
        return Err(io::Error::other("a value is too long"));
    }
    let mut json = vec![0; length];
    from.read_exact(&mut json).await?;
    serde_json::from_slice(&json).map_err(io::Error::other)
}

/// A refusal from inside.
pub type Answer<T> = Result<T, Refusal>;

/// Why init refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// What to act on.
    pub code: ExecutorCode,
    /// For people.
    pub detail: String,
}

impl Refusal {
    /// A refusal with its reason.
    pub fn new(code: ExecutorCode, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into() }
    }
}

impl From<Refusal> for ExecutorProblem {
    fn from(refusal: Refusal) -> Self {
        crate::api::problem(refusal.code, refusal.detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().build().unwrap()
    }

    #[test]
    fn a_frame_is_read_as_it_was_written_and_long_output_comes_in_pieces() {
        runtime().block_on(async {
            let frames = [
                Frame::Input(vec![1, 2]),
                Frame::InputEnd,
                Frame::Kill(true),
                Frame::Resize(80, 24),
                Frame::Exit(-1),
            ];
            let mut wire = Vec::new();
            for frame in &frames {
                write_frame(&mut wire, frame).await.unwrap();
            }
            write_frame(&mut wire, &Frame::Stdout(vec![7; FRAME_BYTES + 1])).await.unwrap();
            let mut from = wire.as_slice();
            for frame in frames {
                assert_eq!(read_frame(&mut from).await.unwrap(), Some(frame));
            }
            assert_eq!(read_frame(&mut from).await.unwrap(), Some(Frame::Stdout(vec![7; FRAME_BYTES])));
            assert_eq!(read_frame(&mut from).await.unwrap(), Some(Frame::Stdout(vec![7])));
            assert_eq!(read_frame(&mut from).await.unwrap(), None);
        });
    }

    #[test]
    fn a_frame_that_claims_too_much_is_refused_before_it_is_read() {
        runtime().block_on(async {
            for wire in [&[5, 0, 2, 0, 0][..], &[9, 0, 0, 0, 0], &[7, 0, 0, 0, 1, 1], &[1, 0, 0, 0, 9, 1]] {
                assert!(read_frame(&mut &wire[..]).await.is_err(), "{wire:?}");
            }
        });
    }
}
