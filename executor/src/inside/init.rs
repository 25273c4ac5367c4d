//! Pid 1 of a sandbox: reaps, starts what the host asks for, moves files, dials ports, carries traffic to the egress proxy.
//!
//! It listens on a socket that the host opened and handed over, as standard input or by a connection: no name of it exists
//! inside, and it is closed in every program that init starts. Init cannot be traced or read by the sandbox's processes, although they run
//! as the same user, and as pid 1 it gets none of their signals.

use std::cell::Cell;
use std::ffi::OsString;
use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use rustix::fs::{Mode, OFlags};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use rustix::process::{DumpableBehavior, Signal, set_dumpable_behavior};
use tokio::io::AsyncReadExt;
use tokio::net::{UnixListener, UnixStream};

use super::reaper::Reaper;
use super::watch::Watch;
use super::wire::{Answer, Ask, Limits, read_value, write_value};
use super::{dial, files, processes, runs, seccomp};

/// How long processes have to end by themselves when the sandbox stops.
const PEACE: Duration = Duration::from_secs(1);

/// What init knows.
pub(super) struct Inside {
    pub(super) limits: Cell<Limits>,
    pub(super) reaper: Reaper,
    watch: Watch,
}

/// What the host gave.
struct Given {
    listener: std::os::unix::net::UnixListener,
    /// Open as long as the executor lives, where nothing else ends init with it.
    lifeline: Option<std::os::unix::net::UnixStream>,
}

/// Runs until the host says otherwise. `handover` is where it waits, when it gave nothing at the start.
pub fn main(handover: Option<OsString>) -> ExitCode {
    let served = prepare(handover).and_then(|given| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        tokio::task::LocalSet::new().block_on(&runtime, serve(given))
    });
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            super::launch::complain(&format!("init: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn prepare(handover: Option<OsString>) -> io::Result<Given> {
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    rustix::process::umask(Mode::from_bits_truncate(0o022));
    let given = match handover {
        Some(socket) => fetch(Path::new(&socket))?,
        None => Given { listener: take_stdin()?.into(), lifeline: None },
    };
    given.listener.set_nonblocking(true)?;
    Ok(given)
}

/// Takes the socket from standard input, which becomes empty.
fn take_stdin() -> io::Result<OwnedFd> {
    let listener = io::stdin().as_fd().try_clone_to_owned()?;
    let nothing = rustix::fs::open("/dev/null", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    rustix::stdio::dup2_stdin(&nothing)?;
    Ok(listener)
}

/// Fetches the socket, once the system calls are gone that nothing inside may make: whoever waits there could not take
/// them away beforehand.
fn fetch(socket: &Path) -> io::Result<Given> {
    for filter in seccomp::filters().map_err(io::Error::other)? {
        seccompiler::apply_filter(&filter).map_err(io::Error::other)?;
    }
    let lifeline = std::os::unix::net::UnixStream::connect(socket)?;
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut handed = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    recvmsg(&lifeline, &mut [IoSliceMut::new(&mut byte)], &mut handed, RecvFlags::CMSG_CLOEXEC)?;
    let descriptor = handed.drain().find_map(|message| {
        let RecvAncillaryMessage::ScmRights(mut descriptors) = message else { return None };
        descriptors.next()
    });
    let listener = descriptor.ok_or_else(|| io::Error::other("nothing was handed over"))?.into();
    lifeline.set_nonblocking(true)?;
    Ok(Given { listener, lifeline: Some(lifeline) })
}

/// Ends with the executor. The kernel kills all others when pid 1 ends.
async fn hang_on(mut lifeline: UnixStream) {
    // Nothing is ever sent; so this is the end.
    let _ = lifeline.read(&mut [0]).await;
    std::process::exit(0)
}

async fn serve(given: Given) -> io::Result<()> {
    let listener = UnixListener::from_std(given.listener)?;
    if let Some(lifeline) = given.lifeline {
        tokio::task::spawn_local(hang_on(UnixStream::from_std(lifeline)?));
    }
    let inside = Rc::new(Inside {
        limits: Cell::new(Limits { processes: 0, file_bytes: 0, watched_memory_bytes: None }),
        reaper: Reaper::start()?,
        watch: Watch::default(),
    });
    tokio::task::spawn_local(dial::carry_to_proxy(dial::listen_for_proxy().await?));
    loop {
        let (host, _) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(_) => {
                // Out of file descriptors: those that end make room.
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            }
        };
        let inside = Rc::clone(&inside);
        tokio::task::spawn_local(async move {
            // A host that went away in the middle is told nothing.
            let _ = answer(inside, host).await;
        });
    }
}

async fn answer(inside: Rc<Inside>, mut host: UnixStream) -> io::Result<()> {
    match read_value(&mut host).await? {
        Ask::Hello(limits) => {
            inside.limits.set(limits);
            if let Some(bytes) = limits.watched_memory_bytes {
                tokio::task::spawn_local(inside.watch.clone().enforce(bytes));
            }
            write_value(&mut host, &Answer::Ok(())).await
        }
        Ask::Run(run) => runs::run(inside, host, run).await,
        Ask::Get { path } => files::get(host, &path).await,
        Ask::Put { path } => files::put(host, &path).await,
        Ask::Remove { path } => write_value(&mut host, &files::remove(&path).await).await,
        Ask::Dial { port } => dial::dial(host, port).await,
        Ask::Look => write_value(&mut host, &Answer::Ok(inside.watch.look())).await,
        Ask::KillAll => {
            processes::signal_all(Signal::KILL);
            write_value(&mut host, &Answer::Ok(())).await
        }
        Ask::Shutdown => shut_down().await,
    }
}

async fn shut_down() -> io::Result<()> {
    processes::signal_all(Signal::TERM);
    let end = tokio::time::Instant::now() + PEACE;
    while processes::all().iter().any(|process| process.pid != 1 && !process.zombie)
        && tokio::time::Instant::now() < end
    {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // The kernel kills whoever is left when pid 1 ends.
    std::process::exit(0)
}
