//! Runs one program to its end: output goes to a log file and, line by line, to the progress display.
//! A failure carries the last lines of the output.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command as Program, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use anyhow::{Context as _, Result, bail};

use crate::progress::{Progress, print};
use crate::repo;

/// So many first and last lines of a failed program are shown: some name the cause at the top, some at the end.
const HEAD_LINES: usize = 12;
const TAIL_LINES: usize = 30;

/// A program to run in the checkout, with npm's programs first on `PATH`.
pub struct Command {
    program: Program,
    name: String,
    log: Option<PathBuf>,
    echo: bool,
}

/// A program that ended well: all lines it printed, standard output and error mixed as they came.
#[derive(Debug)]
pub struct Finished {
    /// Without line ends.
    pub lines: Vec<String>,
}

impl Command {
    /// # Errors
    /// When `PATH` cannot be built.
    pub fn new(name: impl AsRef<OsStr>) -> Result<Self> {
        let mut program = Program::new(name.as_ref());
        program.current_dir(repo::root()).env("PATH", repo::path_variable()?).stdin(Stdio::null());
        Ok(Self { program, name: name.as_ref().to_string_lossy().into_owned(), log: None, echo: false })
    }

    /// Appends arguments.
    #[must_use]
    pub fn args<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(mut self, args: I) -> Self {
        self.program.args(args);
        self
    }

    /// Sets one environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.program.env(name, value);
        self
    }

    /// Removes one environment variable.
    #[must_use]
    pub fn without_env(mut self, name: &str) -> Self {
        self.program.env_remove(name);
        self
    }

    /// Runs in `folder` instead of the top of the checkout.
    #[must_use]
    pub fn within(mut self, folder: &Path) -> Self {
        self.program.current_dir(folder);
        self
    }

    /// Keeps the whole output in `file`, replacing an older one.
    #[must_use]
    pub fn log(mut self, file: PathBuf) -> Self {
        self.log = Some(file);
        self
    }

    /// Prints each line as it comes (tests), instead of only the latest one in the progress display.
    #[must_use]
    pub fn echo(mut self) -> Self {
        self.echo = true;
        self
    }

    /// Runs to the end.
    ///
    /// # Errors
    /// When the program cannot be started or ends with a code other than 0; the error has its last lines.
    pub fn run(self, progress: &Progress) -> Result<Finished> {
        let name = self.name.clone();
        let echo = self.echo;
        let (code, lines) = self.run_whatever_the_code(progress)?;
        if code == Some(0) {
            return Ok(Finished { lines });
        }
        let code = code.map_or_else(|| "a signal".to_owned(), |code| format!("exit code {code}"));
        if echo {
            bail!("{name} ended with {code}");
        }
        bail!("{name} ended with {code}\n{}", shorten(&lines));
    }

    /// Runs to the end and returns exactly what it wrote to standard output.
    ///
    /// # Errors
    /// As for [`Command::run`]; the error has what it wrote to standard error.
    pub fn run_for_output(mut self, progress: &Progress) -> Result<String> {
        progress.line(&self.name);
        let output = self.program.output().with_context(|| format!("cannot start {}", self.name))?;
        if !output.status.success() {
            bail!("{} failed\n{}", self.name, String::from_utf8_lossy(&output.stderr).trim());
        }
        String::from_utf8(output.stdout)
            .with_context(|| format!("{} wrote something that is not text", self.name))
    }

    /// Runs to the end and returns the exit code (none: ended by a signal) with all lines.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn run_whatever_the_code(mut self, progress: &Progress) -> Result<(Option<i32>, Vec<String>)> {
        let log = self.log.take().map(create_log).transpose()?;
        self.program.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.program.spawn().with_context(|| format!("cannot start {}", self.name))?;
        let sink = Arc::new(Mutex::new(Sink {
            lines: VecDeque::new(),
            log,
            echo: self.echo,
            progress: progress.clone(),
        }));
        let readers = [
            child.stdout.take().map(|stream| collect(stream, Arc::clone(&sink))),
            child.stderr.take().map(|stream| collect(stream, Arc::clone(&sink))),
        ];
        let status = child.wait()?;
        for reader in readers.into_iter().flatten() {
            // A reader ends with its pipe; it has nothing to report.
            let _ = reader.join();
        }
        let lines = sink.lock().map(|mut sink| std::mem::take(&mut sink.lines)).unwrap_or_default();
        Ok((status.code(), lines.into()))
    }
}

fn shorten(lines: &[String]) -> String {
    let cut = lines.len().saturating_sub(HEAD_LINES + TAIL_LINES);
    if cut == 0 {
        return lines.join("\n");
    }
    let (head, rest) = lines.split_at(HEAD_LINES);
    let tail = rest.iter().skip(cut);
    head.iter()
        .map(String::as_str)
        .chain(["…"])
        .chain(tail.map(String::as_str))
        .collect::<Vec<_>>()
        .join("\n")
}

struct Sink {
    lines: VecDeque<String>,
    log: Option<File>,
    echo: bool,
    progress: Progress,
}

impl Sink {
    fn take(&mut self, line: String) {
        if let Some(log) = &mut self.log {
            // The log is a convenience: a full disk shows itself elsewhere.
            let _ = writeln!(log, "{line}");
        }
        if self.echo {
            print(&line);
        } else {
            self.progress.line(&line);
        }
        self.lines.push_back(line);
    }
}

fn collect(stream: impl Read + Send + 'static, sink: Arc<Mutex<Sink>>) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).trim_end_matches('\r').to_owned();
            if let Ok(mut sink) = sink.lock() {
                sink.take(line);
            }
        }
    })
}

fn create_log(file: PathBuf) -> Result<File> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    File::create(&file).with_context(|| format!("cannot write {}", file.display()))
}
