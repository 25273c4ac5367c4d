//! Pid 1 of a sandbox: reaps, starts what the host asks for, moves files, dials ports, carries traffic to the egress proxy.
//!
//! It listens on a socket that the host opened and handed over as standard input: no name of it exists inside, and it is
//! closed in every program that init starts. Init cannot be traced or read by the sandbox's processes, although they run
//! as the same user, and as pid 1 it gets none of their signals.

use std::cell::Cell;
use std::io;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use rustix::fs::{Mode, OFlags};
use rustix::process::{DumpableBehavior, Signal, set_dumpable_behavior};
use tokio::net::{UnixListener, UnixStream};

use super::reaper::Reaper;
use super::watch::Watch;
use super::wire::{Answer, Ask, Limits, read_value, write_value};
use super::{dial, files, processes, runs};

/// How long processes have to end by themselves when the sandbox stops.
const PEACE: Duration = Duration::from_secs(1);

/// What init knows.
pub(super) struct Inside {
    pub(super) limits: Cell<Limits>,
    pub(super) reaper: Reaper,
    watch: Watch,
}

/// Runs until the host says otherwise.
pub fn main() -> ExitCode {
    let served = prepare().and_then(|listener| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        tokio::task::LocalSet::new().block_on(&runtime, serve(listener))
    });
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            super::launch::complain(&format!("init: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Takes the socket from standard input, which becomes empty.
fn prepare() -> io::Result<std::os::unix::net::UnixListener> {
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    rustix::process::umask(Mode::from_bits_truncate(0o022));
    let listener = std::os::fd::AsFd::as_fd(&io::stdin()).try_clone_to_owned()?;
    let nothing = rustix::fs::open("/dev/null", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    rustix::stdio::dup2_stdin(&nothing)?;
    let listener = std::os::unix::net::UnixListener::from(listener);
    listener.set_nonblocking(true)?;
    Ok(listener)
}

async fn serve(listener: std::os::unix::net::UnixListener) -> io::Result<()> {
    let listener = UnixListener::from_std(listener)?;
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
