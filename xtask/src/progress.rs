//! Tells the developer what happens: every step has a name, a time and, while it runs, its latest output line.
//! A failed step says what went wrong and what to do about it.

use std::fmt;
use std::io::{IsTerminal as _, Write as _};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Error, Result};

/// How often a terminal sees the running step redrawn, and a log file a sign of life.
const REDRAW: Duration = Duration::from_millis(200);
const SIGN_OF_LIFE: Duration = Duration::from_secs(30);
/// A running step's line is cut to this width so that it can be redrawn in place.
const WIDTH: usize = 110;

/// What the reader of an error can do about it; attach with `.context(Remedy("…"))`.
#[derive(Debug, Clone)]
pub struct Remedy(pub String);

impl fmt::Display for Remedy {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.0)
    }
}

/// An error with what to do about it.
#[must_use]
pub fn remedy(error: Error, text: impl Into<String>) -> Error {
    error.context(Remedy(text.into()))
}

/// The step that is running: takes its latest line and its closing note.
#[derive(Clone, Default)]
pub struct Progress {
    shown: Arc<Mutex<Shown>>,
}

#[derive(Default)]
struct Shown {
    line: String,
    note: String,
}

impl Progress {
    /// The latest line of output, shown while the step runs.
    pub fn line(&self, line: &str) {
        if let Ok(mut shown) = self.shown.lock() {
            line.trim().clone_into(&mut shown.line);
        }
    }

    /// A few words that stay behind the step's time, such as `unchanged`.
    pub fn note(&self, note: impl Into<String>) {
        if let Ok(mut shown) = self.shown.lock() {
            shown.note = note.into();
        }
    }

    fn read(&self) -> (String, String) {
        self.shown.lock().map(|shown| (shown.line.clone(), shown.note.clone())).unwrap_or_default()
    }
}

/// Runs one named step and prints its outcome. `otherwise` is the remedy of a failure that names none itself.
///
/// # Errors
/// The step's own error, with the step's name and a remedy.
pub fn step<T>(name: &str, otherwise: &str, work: impl FnOnce(&Progress) -> Result<T>) -> Result<T> {
    let started = Instant::now();
    let progress = Progress::default();
    let (finish, ticker) = tick(name, &progress, started);
    let result = work(&progress);
    drop(finish);
    // The thread ends with its channel and holds nothing that could be lost.
    let _ = ticker.join();
    let seconds = started.elapsed().as_secs_f64();
    let (_, note) = progress.read();
    match result {
        Ok(value) => {
            print(format!("  ✓ {name:<34} {seconds:>6.1} s  {note}").trim_end());
            Ok(value)
        }
        Err(error) => {
            print(&format!("  ✗ {name:<34} {seconds:>6.1} s"));
            let error =
                if error.downcast_ref::<Remedy>().is_some() { error } else { remedy(error, otherwise) };
            Err(error.context(FailedStep(name.to_owned())))
        }
    }
}

/// Prints an error as step, cause, remedy.
pub fn print_failure(error: &Error) {
    print("");
    match error.downcast_ref::<FailedStep>() {
        Some(FailedStep(step)) => print(&format!("Failed: {step}")),
        None => print("Failed"),
    }
    let notes = [
        error.downcast_ref::<FailedStep>().map(|step| step.0.clone()),
        error.downcast_ref().cloned().map(|Remedy(text)| text),
    ];
    for cause in error.chain().map(ToString::to_string) {
        if !notes.iter().flatten().any(|note| *note == cause) {
            print(&format!("  cause:  {}", cause.replace('\n', "\n          ")));
        }
    }
    if let Some(Remedy(text)) = error.downcast_ref::<Remedy>() {
        print(&format!("  remedy: {}", text.replace('\n', "\n          ")));
    }
}

/// Prints one line to the developer.
#[expect(clippy::print_stdout, reason = "this program talks to the developer; all of it goes through here")]
pub fn print(line: &str) {
    println!("{line}");
}

#[derive(Debug)]
struct FailedStep(String);

impl fmt::Display for FailedStep {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.0)
    }
}

/// Shows the running step until the sender is dropped.
fn tick(name: &str, progress: &Progress, started: Instant) -> (Sender<()>, thread::JoinHandle<()>) {
    let (finish, finished) = channel();
    let (name, progress) = (name.to_owned(), progress.clone());
    let terminal = std::io::stdout().is_terminal();
    let ticker = thread::spawn(move || {
        let period = if terminal { REDRAW } else { SIGN_OF_LIFE };
        while let Err(RecvTimeoutError::Timeout) = finished.recv_timeout(period) {
            let (line, _) = progress.read();
            let text = format!("  … {name:<34} {:>6.0} s  {line}", started.elapsed().as_secs_f64());
            if terminal {
                let text: String = text.chars().filter(|letter| !letter.is_control()).take(WIDTH).collect();
                draw(&format!("\r\u{1b}[K{text}"));
            } else {
                print(&text);
            }
        }
        if terminal {
            draw("\r\u{1b}[K");
        }
    });
    (finish, ticker)
}

fn draw(text: &str) {
    let mut out = std::io::stdout();
    // A terminal that is gone is no reason to stop the work.
    let _ = write!(out, "{text}").and_then(|()| out.flush());
}
