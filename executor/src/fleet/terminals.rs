//! The terminals of a sandbox, by key. They stay when their clients go: the next one sees what was written last.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;
use slipway_contract::objects::executor::{ExecutorCode, ExecutorProblem};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{broadcast, mpsc};

use crate::api::problem;
use crate::backend::control::Control;
use crate::inside::wire::{self, Frame, read_frame, write_frame};

/// Output that is kept for the next client.
const SCROLLBACK_BYTES: usize = 256 * 1024;
/// Terminals of a sandbox at once.
const TERMINALS: usize = 16;
/// Pieces of output that a slow client may be behind before it is told everything anew.
const BEHIND: usize = 64;
/// Pieces of input that wait.
const TYPED: usize = 64;
/// As shells tell of a process that SIGKILL ended.
const KILLED: i32 = 137;
/// Columns or rows at most.
pub const SIZE: u16 = 500;

/// The terminals of a sandbox.
#[derive(Default)]
pub struct Terminals {
    by_key: tokio::sync::Mutex<HashMap<String, Arc<Terminal>>>,
}

impl Terminals {
    /// Finds the terminal of that key, or opens it with what `command` says.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub async fn open(
        &self,
        key: &str,
        control: impl FnOnce() -> Result<Control, ExecutorProblem>,
        command: wire::Run,
    ) -> Result<(Arc<Terminal>, bool), ExecutorProblem> {
        // Held while one is opened, so that two clients at once get the same one.
        let mut all = self.by_key.lock().await;
        if let Some(terminal) = all.get(key) {
            return Ok((Arc::clone(terminal), false));
        }
        let control = control()?;
        if all.len() >= TERMINALS {
            all.retain(|_, terminal| terminal.lock().exit.is_none());
        }
        if all.len() >= TERMINALS {
            return Err(problem(ExecutorCode::Failed, format!("{TERMINALS} terminals are open already.")));
        }
        let terminal = Terminal::start(control.run(command).await?);
        all.insert(key.to_owned(), Arc::clone(&terminal));
        Ok((terminal, true))
    }

    /// Forgets those that have ended: the next client of such a key gets a new one.
    pub async fn forget(&self) {
        self.by_key.lock().await.clear();
    }
}

/// A terminal.
pub struct Terminal {
    screen: Mutex<Screen>,
    typed: mpsc::Sender<Frame>,
}

struct Screen {
    scrollback: VecDeque<u8>,
    exit: Option<i32>,
    /// Gone once the shell has ended.
    news: Option<broadcast::Sender<Bytes>>,
}

impl Terminal {
    fn start(stream: UnixStream) -> Arc<Self> {
        let (from, to) = stream.into_split();
        let (typed, waiting) = mpsc::channel(TYPED);
        let news = Some(broadcast::Sender::new(BEHIND));
        tokio::spawn(type_into(to, waiting));
        let screen = Screen { scrollback: VecDeque::new(), exit: None, news };
        let terminal = Arc::new(Self { screen: Mutex::new(screen), typed });
        tokio::spawn(Arc::clone(&terminal).listen(from));
        terminal
    }

    fn lock(&self) -> MutexGuard<'_, Screen> {
        self.screen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads what the shell writes, to its end.
    async fn listen(self: Arc<Self>, mut from: OwnedReadHalf) {
        let code = loop {
            match read_frame(&mut from).await {
                Ok(Some(Frame::Stdout(bytes) | Frame::Stderr(bytes))) => self.lock().write(bytes.into()),
                Ok(Some(Frame::Exit(code))) => break code,
                Ok(Some(Frame::Input(_) | Frame::InputEnd | Frame::Kill(_) | Frame::Resize(..)) | None)
                | Err(_) => {
                    break KILLED;
                }
            }
        };
        let mut screen = self.lock();
        screen.exit = Some(code);
        screen.news = None;
    }

    /// Watches it from the scrollback on.
    pub fn watch(self: &Arc<Self>) -> View {
        let screen = self.lock();
        let news = screen.news.as_ref().map(broadcast::Sender::subscribe);
        View { terminal: Arc::clone(self), first: Some(screen.all()), news }
    }

    /// Types into it. What nobody reads in time is lost, as on any terminal.
    pub fn type_in(&self, bytes: Vec<u8>) {
        let _ = self.typed.try_send(Frame::Input(bytes));
    }

    /// Gives it another size.
    pub fn resize(&self, cols: u16, rows: u16) {
        let _ = self.typed.try_send(Frame::Resize(cols.clamp(1, SIZE), rows.clamp(1, SIZE)));
    }
}

impl Screen {
    fn write(&mut self, bytes: Bytes) {
        let over = (self.scrollback.len() + bytes.len()).saturating_sub(SCROLLBACK_BYTES);
        self.scrollback.drain(..over.min(self.scrollback.len()));
        self.scrollback.extend(&bytes);
        if let Some(news) = &self.news {
            // Nobody may be watching.
            let _ = news.send(bytes);
        }
    }

    fn all(&self) -> Bytes {
        self.scrollback.iter().copied().collect::<Vec<u8>>().into()
    }
}

async fn type_into(mut to: OwnedWriteHalf, mut waiting: mpsc::Receiver<Frame>) {
    while let Some(frame) = waiting.recv().await {
        if write_frame(&mut to, &frame).await.is_err() {
            return;
        }
    }
}

/// One client's view.
pub struct View {
    terminal: Arc<Terminal>,
    first: Option<Bytes>,
    news: Option<broadcast::Receiver<Bytes>>,
}

/// What a client is told next.
pub enum News {
    /// What was written.
    Bytes(Bytes),
    /// The client fell behind: everything anew.
    Again(Bytes),
    /// The shell ended.
    Ended(i32),
}

impl View {
    /// Waits for what comes next. Nothing is lost when the wait is given up.
    pub async fn next(&mut self) -> News {
        if let Some(first) = self.first.take().filter(|first| !first.is_empty()) {
            return News::Bytes(first);
        }
        let Some(news) = &mut self.news else {
            return News::Ended(self.terminal.lock().exit.unwrap_or(KILLED));
        };
        match news.recv().await {
            Ok(bytes) => News::Bytes(bytes),
            Err(broadcast::error::RecvError::Lagged(_)) => {
                let screen = self.terminal.lock();
                self.news = screen.news.as_ref().map(broadcast::Sender::subscribe);
                News::Again(screen.all())
            }
            Err(broadcast::error::RecvError::Closed) => {
                self.news = None;
                News::Ended(self.terminal.lock().exit.unwrap_or(KILLED))
            }
        }
    }
}
