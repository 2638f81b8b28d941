//! A terminal with a shell in it, as a person has one: programs may ask for a passcode there.

use std::io::{Read as _, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

/// What a person answers who is asked for a passcode. It protects what lives as long as the walk.
const PASSCODE: &[u8] = b"Correct-horse-7\n";

/// How the questions for it end.
const QUESTIONS: [&str; 2] = ["asscode: ", "The same again: "];

/// How long a shell may take to be there on a busy machine.
const START: Duration = Duration::from_secs(20);

/// Reads commands, a line of base64 each, and says after each how it ended, between two control characters that no program
/// of ours prints. Ctrl-C ends a command and not the shell. The programs on the terminal see 100 columns, as the book shows them.
const SHELL: &str = r#"stty -echo cols 100 rows 60; trap : INT; status=0
printf '\001%d\002' "$status"
while IFS= read -r line; do
    line=$(base64 --decode <<<"$line")
    (exit "$status")
    eval "$line"
    status=$?
    printf '\001%d\002' "$status"
done"#;

/// A shell on a terminal of its own.
pub(super) struct Terminal {
    child: Child,
    input: ChildStdin,
    output: Receiver<Vec<u8>>,
    /// Everything that came since the last command was typed.
    bytes: Vec<u8>,
    /// The same as a person sees it.
    printed: String,
    /// How much of that was looked at.
    looked_at: usize,
    is_busy: bool,
}

impl Terminal {
    /// Opens one. `through` is a command that runs the words that follow it, wherever they are to run.
    pub(super) fn open(mut through: Command) -> Result<Self> {
        through.args(["script", "--quiet", "--flush", "--return", "--command"]);
        through.arg(format!("exec bash --noprofile --norc -c '{}'", SHELL.replace('\'', r"'\''")));
        through.arg("/dev/null");
        let mut child = through
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {:?}", through.get_program()))?;
        let input = child.stdin.take().context("a pipe")?;
        let mut from = child.stdout.take().context("a pipe")?;
        let (sender, output) = sync_channel(1024);
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(length @ 1..) = from.read(&mut bytes) {
                if sender.send(bytes[..length].to_vec()).is_err() {
                    break;
                }
            }
        });
        let printed = String::new();
        let mut terminal =
            Self { child, input, output, bytes: Vec::new(), printed, looked_at: 0, is_busy: true };
        // What is typed before the shell has taken the terminal over would be shown twice.
        terminal.end(START).context("no shell on a terminal (`script`; Debian: bsdutils)")?;
        Ok(terminal)
    }

    /// Types a command.
    pub(super) fn enter(&mut self, command: &str) -> Result<()> {
        if self.is_busy {
            bail!("the command before it still runs");
        }
        let mut line = data_encoding::BASE64.encode(command.as_bytes());
        line.push('\n');
        self.forget();
        self.is_busy = true;
        self.type_in(line.as_bytes())
    }

    /// Presses Ctrl-C.
    pub(super) fn interrupt(&mut self) -> Result<()> {
        self.type_in(b"\x03")
    }

    /// Whether a command runs.
    pub(super) fn is_busy(&self) -> bool {
        self.is_busy
    }

    /// Waits until the command has ended, and returns what it printed, and its exit code.
    pub(super) fn end(&mut self, patience: Duration) -> Result<(String, i32)> {
        let until = Instant::now() + patience;
        loop {
            if let Some(ended) = self.take_end() {
                return Ok(ended);
            }
            self.read_more(until)?;
        }
    }

    /// Waits until `take` finds what it wants in what was printed so far, and says how many bytes of it that were; or until the
    /// command has ended, which is told with its exit code.
    pub(super) fn until(
        &mut self,
        patience: Duration,
        mut take: impl FnMut(&str) -> Option<usize>,
    ) -> Result<Option<(String, i32)>> {
        let until = Instant::now() + patience;
        loop {
            if let Some(bytes) = take(self.not_looked_at()) {
                self.looked_at += bytes;
                return Ok(None);
            }
            if let Some(ended) = self.take_end() {
                return Ok(Some(ended));
            }
            self.read_more(until)?;
        }
    }

    fn take_end(&mut self) -> Option<(String, i32)> {
        let (printed, rest) = self.not_looked_at().split_once('\u{1}')?;
        let (status, _) = rest.split_once('\u{2}')?;
        let ended = (printed.to_owned(), status.parse().ok()?);
        self.forget();
        self.is_busy = false;
        Some(ended)
    }

    fn not_looked_at(&self) -> &str {
        self.printed.get(self.looked_at..).unwrap_or_default()
    }

    fn forget(&mut self) {
        self.bytes.clear();
        self.printed.clear();
        self.looked_at = 0;
    }

    fn read_more(&mut self, until: Instant) -> Result<()> {
        match self.output.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(bytes) => {
                // Anew each time: a character may come in two pieces.
                self.bytes.extend(bytes);
                self.printed = as_seen(&String::from_utf8_lossy(&self.bytes));
                if QUESTIONS.iter().any(|question| self.printed.ends_with(question)) {
                    self.type_in(PASSCODE)?;
                }
                Ok(())
            }
            Err(RecvTimeoutError::Timeout) => {
                bail!("waited in vain. It has printed:\n{}", self.printed)
            }
            Err(RecvTimeoutError::Disconnected) => {
                bail!("the terminal was closed. It has printed:\n{}", self.printed)
            }
        }
    }

    fn type_in(&mut self, bytes: &[u8]) -> Result<()> {
        self.input.write_all(bytes).and_then(|()| self.input.flush()).context("the terminal was closed")
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // What it started ends with the walk's processes; these fail only where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Without what only moves the cursor.
fn as_seen(printed: &str) -> String {
    let mut seen = String::new();
    let mut characters = printed.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\r' => {}
            '\u{1b}' if characters.next_if_eq(&'[').is_some() => {
                while characters.next().is_some_and(|c| !c.is_ascii_alphabetic()) {}
            }
            other => seen.push(other),
        }
    }
    seen
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_secs(20);

    fn shell() -> Terminal {
        Terminal::open(Command::new("env")).unwrap()
    }

    #[test]
    fn commands_are_one_session() {
        let mut shell = shell();
        for (command, printed, code) in
            [("cd /; x='a b'; false", "", 1), ("echo $?", "1\n", 0), ("pwd; echo \"$x\" >&2", "/\na b\n", 0)]
        {
            shell.enter(command).unwrap();
            assert_eq!(shell.end(SOON).unwrap(), (printed.to_owned(), code), "{command}");
        }
    }

    #[test]
    fn a_question_for_the_passcode_is_answered() {
        let mut shell = shell();
        shell.enter("read -r -s -p 'Passcode: ' x </dev/tty; echo; echo \"$x\"").unwrap();
        assert_eq!(shell.end(SOON).unwrap().0, "Passcode: \nCorrect-horse-7\n");
    }

    #[test]
    fn one_that_runs_on_is_read_as_far_as_wanted_and_interrupted() {
        let mut shell = shell();
        // What is interrupted prints itself: between an `echo` of the shell and its next command, Ctrl-C would end neither.
        shell.enter("trap 'echo bye' INT; echo one; sh -c 'echo two; exec cat'; echo three").unwrap();
        assert!(shell.enter("echo").is_err());
        let found = |printed: &str| printed.find("two\n").map(|at| at + 4);
        assert_eq!(shell.until(SOON, found).unwrap(), None);
        shell.interrupt().unwrap();
        assert_eq!(shell.end(SOON).unwrap().0, "bye\nthree\n");
    }
}
