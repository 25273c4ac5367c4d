//! Programs that run inside: started through [`super::launch`], their output sent to the host as frames until they end.
//!
//! What a command leaves in the background goes on after its end; what that still writes goes nowhere.

use std::io;
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::time::Duration;

use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::Signal;
use slipway_contract::objects::executor::ExecutorCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::OwnedReadHalf;
use tokio::net::unix::pipe;
use tokio::sync::mpsc;

use super::PROGRAM;
use super::init::Inside;
use super::log::Log;
use super::processes::signal_family;
use super::terminal::Terminal;
use super::wire::{Answer, FRAME_BYTES, Frame, Refusal, Run, RunMode, read_frame, write_frame, write_value};

/// How long output is waited for once the program has ended: what it started in the background may hold the pipes open.
const QUIET: Duration = Duration::from_millis(200);
/// The same, when that keeps writing.
const DRAIN: Duration = Duration::from_secs(2);
/// Pieces of typed input that wait for a program that does not read.
const TYPED: usize = 64;

/// A started program.
struct Started {
    pid: i32,
    input: Input,
    outputs: Vec<Output>,
}

enum Input {
    None,
    Pipe(pipe::Sender),
    Terminal(Terminal),
}

enum Output {
    Stdout(pipe::Receiver),
    Stderr(pipe::Receiver),
    Terminal(Terminal),
}

/// Carries out [`super::wire::Ask::Run`].
pub(super) async fn run(inside: Rc<Inside>, mut host: UnixStream, run: Run) -> io::Result<()> {
    let log = match &run.mode {
        RunMode::Log(name) => match Log::open(name) {
            Ok(log) => Some(log),
            Err(refusal) => return write_value(&mut host, &Answer::<()>::Err(refusal)).await,
        },
        RunMode::Output | RunMode::Piped | RunMode::Terminal { .. } => None,
    };
    let started = match start(&inside, &run) {
        Ok(started) => started,
        Err(error) => {
            let refusal =
                Refusal::new(ExecutorCode::Failed, format!("The command could not be started: {error}."));
            return write_value(&mut host, &Answer::<()>::Err(refusal)).await;
        }
    };
    // Expected at once: nothing was awaited since the start.
    let ended = inside.reaper.expect(started.pid);
    write_value(&mut host, &Answer::Ok(())).await?;
    let (from, mut to) = host.into_split();
    let tied = matches!(run.mode, RunMode::Piped | RunMode::Terminal { .. });
    let control = tokio::task::spawn_local(obey(from, started.pid, started.input, tied));
    let (sender, mut frames) = mpsc::channel(8);
    match log {
        Some(log) => log_output(started.outputs, log),
        None => {
            for output in started.outputs {
                tokio::task::spawn_local(pump(output, sender.clone()));
            }
        }
    }
    drop(sender);
    tokio::pin!(ended);
    let code = loop {
        tokio::select! {
            biased;
            frame = frames.recv() => match frame {
                Some(frame) => write_frame(&mut to, &frame).await?,
                None => break (&mut ended).await.unwrap_or(255),
            },
            code = &mut ended => break code.unwrap_or(255),
        }
    };
    let last = tokio::time::Instant::now() + DRAIN;
    while let Ok(Ok(Some(frame))) =
        tokio::time::timeout_at(last, tokio::time::timeout(QUIET, frames.recv())).await
    {
        write_frame(&mut to, &frame).await?;
    }
    write_frame(&mut to, &Frame::Exit(code)).await?;
    control.abort();
    to.shutdown().await
}

fn start(inside: &Inside, run: &Run) -> io::Result<Started> {
    let terminal = matches!(run.mode, RunMode::Terminal { .. });
    let limits = inside.limits.get();
    let mut command = Command::new(PROGRAM);
    command
        .arg("launch")
        .args([&run.cwd, &limits.processes.to_string(), &limits.file_bytes.to_string()])
        .arg(if terminal { "terminal" } else { "pipes" })
        .args(&run.argv)
        .env_clear()
        .envs(&run.env)
        .stdin(Stdio::null());
    let (input, outputs) = match &run.mode {
        RunMode::Terminal { cols, rows } => {
            let (terminal, program) = Terminal::open(*cols, *rows)?;
            command.stdin(program.try_clone()?).stdout(program.try_clone()?).stderr(program);
            (Input::Terminal(terminal.clone()), vec![Output::Terminal(terminal)])
        }
        RunMode::Log(_) => {
            let (from, to) = pipe()?;
            command.stdout(to.try_clone()?).stderr(to);
            (Input::None, vec![Output::Stdout(pipe::Receiver::from_owned_fd(from)?)])
        }
        RunMode::Output | RunMode::Piped => {
            let ((out, to_out), (err, to_err)) = (pipe()?, pipe()?);
            command.stdout(to_out).stderr(to_err);
            let input = if matches!(run.mode, RunMode::Piped) {
                let (from, to) = pipe()?;
                command.stdin(from);
                Input::Pipe(pipe::Sender::from_owned_fd(to)?)
            } else {
                Input::None
            };
            let outputs = [
                Output::Stdout(pipe::Receiver::from_owned_fd(out)?),
                Output::Stderr(pipe::Receiver::from_owned_fd(err)?),
            ];
            (input, outputs.into())
        }
    };
    let pid = i32::try_from(command.spawn()?.id()).map_err(io::Error::other)?;
    Ok(Started { pid, input, outputs })
}

fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(pipe_with(PipeFlags::CLOEXEC)?)
}

/// Reads output to its end. Once nobody listens any more it goes on reading, so that what is left in the background does
/// not die of a closed pipe.
async fn pump(mut output: Output, to: mpsc::Sender<Frame>) {
    let mut buffer = vec![0; FRAME_BYTES];
    loop {
        let read = match &mut output {
            Output::Stdout(pipe) | Output::Stderr(pipe) => pipe.read(&mut buffer).await,
            Output::Terminal(terminal) => terminal.read(&mut buffer).await,
        };
        let Some(bytes) = read.ok().and_then(|read| buffer.get(..read)).filter(|bytes| !bytes.is_empty())
        else {
            return;
        };
        let frame = match &output {
            Output::Stdout(_) | Output::Terminal(_) => Frame::Stdout(bytes.to_vec()),
            Output::Stderr(_) => Frame::Stderr(bytes.to_vec()),
        };
        // Nobody listens after the end.
        let _ = to.send(frame).await;
    }
}

/// Both outputs of a logged program come through one pipe, in the order in which they were written.
fn log_output(outputs: Vec<Output>, mut log: Log) {
    let (sender, mut frames) = mpsc::channel(8);
    for output in outputs {
        tokio::task::spawn_local(pump(output, sender.clone()));
    }
    tokio::task::spawn_local(async move {
        while let Some(frame) = frames.recv().await {
            if let Frame::Stdout(bytes) = frame {
                log.write(&bytes);
            }
        }
    });
}

/// Does what the host says of a running program. When the host goes and the program is `tied` to it, the program goes too.
async fn obey(mut from: OwnedReadHalf, pid: i32, input: Input, tied: bool) {
    let terminal = match &input {
        Input::Terminal(terminal) => Some(terminal.clone()),
        Input::None | Input::Pipe(_) => None,
    };
    // Typed input has a task of its own, lest a program that does not read delays its own kill. A pipe has no kill to
    // wait for, and must lose nothing.
    let (mut pipe, typed) = match input {
        Input::Pipe(pipe) => (Some(pipe), None),
        Input::None => (None, None),
        Input::Terminal(terminal) => (None, Some(type_into(terminal))),
    };
    loop {
        match read_frame(&mut from).await {
            Ok(Some(Frame::Input(bytes))) => {
                if let Some(pipe) = &mut pipe {
                    // A program that closed its input gets no more of it; its exit code tells the rest.
                    let _ = pipe.write_all(&bytes).await;
                }
                if let Some(typed) = &typed {
                    let _ = typed.try_send(bytes);
                }
            }
            Ok(Some(Frame::InputEnd)) => pipe = None,
            Ok(Some(Frame::Kill(hard))) => signal_family(pid, if hard { Signal::KILL } else { Signal::TERM }),
            Ok(Some(Frame::Resize(cols, rows))) => {
                if let Some(terminal) = &terminal {
                    let _ = terminal.resize(cols, rows);
                }
            }
            Ok(Some(Frame::Stdout(_) | Frame::Stderr(_) | Frame::Exit(_)) | None) | Err(_) => {
                if tied {
                    signal_family(pid, Signal::KILL);
                }
                return;
            }
        }
    }
}

fn type_into(terminal: Terminal) -> mpsc::Sender<Vec<u8>> {
    let (typed, mut waiting) = mpsc::channel::<Vec<u8>>(TYPED);
    tokio::task::spawn_local(async move {
        while let Some(bytes) = waiting.recv().await {
            if terminal.write_all(&bytes).await.is_err() {
                return;
            }
        }
    });
    typed
}
