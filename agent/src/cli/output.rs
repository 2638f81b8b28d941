//! The only place of the program that prints.
//!
//! What a command found goes to standard output, as text for people or as JSON for scripts. Failures go to standard error
//! for people, and to standard output for scripts, which then read one document whatever happened.

use std::io::{self, Write as _};

use serde_json::{Value, json};
use streembit_peer::exit::Exit;

use crate::control::Failure;

/// What a command found: JSON for scripts, and text for people.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// For scripts.
    pub json: Value,
    /// For people, without a line feed at its end.
    pub text: String,
    /// For people beside the text, on standard error: what must not get into a file that the text goes to.
    pub note: Option<String>,
    /// What the program's end says: a check may find something wrong without failing itself.
    pub exit: Exit,
}

impl Found {
    /// Found, and all is well.
    pub fn new(json: &impl serde::Serialize, text: impl Into<String>) -> Self {
        // Our answers have string keys only, so this always works.
        let json = serde_json::to_value(json).unwrap_or_default();
        Self { json, text: text.into(), note: None, exit: Exit::Ok }
    }

    /// Found, and said already by another program.
    pub fn said() -> Self {
        Self::new(&Value::Null, "")
    }

    /// The same with something said beside it.
    #[must_use]
    pub fn with_note(mut self, note: String) -> Self {
        self.note = Some(note);
        self
    }

    /// The same with another end.
    #[must_use]
    pub fn with_exit(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }
}

pub(super) fn found(found: &Found, as_json: bool) -> Exit {
    if let Some(note) = found.note.as_deref().filter(|_| !as_json) {
        // Who cannot be told beside the result still gets the result.
        let _ = writeln!(io::stderr().lock(), "{note}");
    }
    let written = match (as_json, &found.json) {
        (true, Value::Null) => Ok(()),
        (true, json) => line(&json.to_string()),
        (false, _) => line(&found.text),
    };
    match written {
        Ok(()) => found.exit,
        // Whoever read it has read enough (`… | head`).
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => found.exit,
        Err(_) => Exit::Failure,
    }
}

pub(super) fn failure(failure: &Failure, as_json: bool) -> Exit {
    let written = if as_json {
        line(&json!({ "error": failure }).to_string())
    } else {
        writeln!(io::stderr().lock(), "streembit-agent: {failure}")
    };
    // There is no place left to say that nothing could be said.
    let _ = written;
    failure.exit
}

/// Tells the person at the terminal something on the way.
pub(super) fn say(text: &str) {
    // Who cannot be told is asked again all the same.
    let _ = writeln!(io::stderr().lock(), "streembit-agent: {text}");
}

fn line(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if !text.is_empty() {
        writeln!(out, "{text}")?;
    }
    out.flush()
}
