//! What goes wrong, in words that say what to do about it.

use std::fmt;

use serde::{Deserialize, Serialize};
use streembit_peer::exit::Exit;

/// Why something was not done: the code for a script, the message for the eyes, the remedy for the hands.
///
/// The command line prints it and the control socket carries it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// What happened: one sentence.
    pub message: String,
    /// What to do about it: one sentence, often a command to copy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl Failure {
    /// A failure with this code and message.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), remedy: None }
    }

    /// It failed, for a reason that has no code of its own.
    pub fn failed(message: impl fmt::Display) -> Self {
        Self::new(Exit::Failure, message.to_string())
    }

    /// A value, link or file that was given is not what is needed.
    pub fn invalid(message: impl fmt::Display) -> Self {
        Self::new(Exit::InvalidInput, message.to_string())
    }

    /// It is not allowed, or there is no such thing.
    pub fn refused(message: impl fmt::Display) -> Self {
        Self::new(Exit::Refused, message.to_string())
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn or(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.remedy {
            Some(remedy) => write!(f, "\n{remedy}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Failure {}
