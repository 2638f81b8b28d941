//! Processes that end with the value that stands for them.

use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

/// A program that has ended.
#[derive(Debug, Clone)]
pub struct Finished {
    /// The command line, for messages.
    pub command: String,
    /// Its exit code; `None` where a signal ended it.
    pub code: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// What it said besides.
    pub stderr: String,
}

impl Finished {
    /// Runs a program to its end.
    pub fn run(command: &mut Command) -> Result<Self> {
        let shown = show(command);
        let output =
            command.stdin(Stdio::null()).output().with_context(|| format!("cannot start `{shown}`"))?;
        Ok(Self {
            command: shown,
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// This end with success, or an error that says what happened instead.
    pub fn success(self) -> Result<Self> {
        self.ends_with(0)
    }

    /// This end with that exit code, or an error that says what happened instead.
    pub fn ends_with(self, code: i32) -> Result<Self> {
        if self.code == Some(code) {
            return Ok(self);
        }
        let ended = self.code.map_or_else(|| "by a signal".to_owned(), |code| format!("with {code}"));
        bail!(
            "`{}` ended {ended}, not with {code}\n{}\n{}",
            self.command,
            self.stdout.trim(),
            self.stderr.trim()
        );
    }

    /// What it printed, as one JSON document.
    pub fn json(&self) -> Result<serde_json::Value> {
        serde_json::from_str(&self.stdout)
            .with_context(|| format!("`{}` printed {:?}", self.command, self.stdout))
    }
}

/// A program that runs on, with the lines that it prints. Dropping it kills the process.
pub struct Running {
    command: String,
    child: Child,
    lines: Receiver<String>,
}

impl Running {
    /// Starts a program. What it says on standard error goes to the test's own.
    pub fn start(command: &mut Command) -> Result<Self> {
        Self::reading(command)
    }

    /// Starts a program whose lines are those of both outputs, as a person at a terminal sees them.
    pub fn start_as_seen(command: &mut Command) -> Result<Self> {
        Self::reading(command.stderr(Stdio::piped()))
    }

    fn reading(command: &mut Command) -> Result<Self> {
        let shown = show(command);
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start `{shown}`"))?;
        // As many lines as a test could leave unread; a program that prints more waits, as on any pipe.
        let (sender, lines) = sync_channel(4096);
        if let Some(stdout) = child.stdout.take() {
            forward(stdout, sender.clone());
        }
        if let Some(stderr) = child.stderr.take() {
            forward(stderr, sender);
        }
        Ok(Self { command: shown, child, lines })
    }

    /// The next line, within `limit`.
    pub fn line(&self, limit: Duration) -> Result<String> {
        match self.lines.recv_timeout(limit) {
            Ok(line) => Ok(line),
            Err(RecvTimeoutError::Timeout) => bail!("`{}` printed nothing within {limit:?}", self.command),
            Err(RecvTimeoutError::Disconnected) => bail!("`{}` has ended", self.command),
        }
    }

    /// Waits for a line that `wanted` accepts, and returns it.
    pub fn line_that(&self, limit: Duration, wanted: impl Fn(&str) -> bool) -> Result<String> {
        let end = Instant::now() + limit;
        loop {
            let line = self.line(end.saturating_duration_since(Instant::now()))?;
            if wanted(&line) {
                return Ok(line);
            }
        }
    }

    /// The process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to end, and waits for that.
    pub fn stop(mut self, limit: Duration) -> Result<Option<i32>> {
        self.signal(Signal::TERM)?;
        self.wait(limit)
    }

    /// Ends it at once, as a power cut would.
    pub fn kill(mut self) -> Result<()> {
        self.child.kill().context("kill")?;
        self.child.wait().context("wait")?;
        Ok(())
    }

    /// Waits until it ends by itself, and returns its exit code.
    pub fn end(mut self, limit: Duration) -> Result<Option<i32>> {
        self.wait(limit)
    }

    /// Sends a signal.
    pub fn signal(&mut self, signal: Signal) -> Result<()> {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).context("a process id")?;
        kill_process(pid, signal).with_context(|| format!("cannot signal `{}`", self.command))
    }

    /// Whether it still runs.
    pub fn runs(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    fn wait(&mut self, limit: Duration) -> Result<Option<i32>> {
        let end = Instant::now() + limit;
        while Instant::now() < end {
            if let Some(status) = self.child.try_wait().context("wait")? {
                return Ok(status.code());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        bail!("`{}` has not ended within {limit:?}", self.command)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only where the process has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends each line, until either end is gone.
fn forward(output: impl Read + Send + 'static, lines: SyncSender<String>) {
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if lines.send(line).is_err() {
                break;
            }
        }
    });
}

fn show(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program()).file_name().unwrap_or_default();
    let words = std::iter::once(program).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
