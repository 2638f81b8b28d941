//! What goes wrong, in words that say what to do about it.

use std::fmt;

use serde::{Deserialize, Serialize};
pub use streembit_peer::exit::Exit;
use streembit_peer::message::ProblemCode;

/// Why a command ended without doing what it was asked.
///
/// It is one type, not an error enum a module, because everything in it is for the person: the code for their script,
/// the message for their eyes, the remedy for their hands. It crosses the socket of the unlock process as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// What happened: one sentence.
    pub message: String,
    /// What to do about it: one sentence, often a command to copy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// The device's own word for it, where it has another than that it refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<ProblemCode>,
    /// What could have been meant, where an address was ambiguous or unknown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<String>,
}

/// What every command returns.
pub type Outcome<T> = Result<T, Failure>;

impl Failure {
    /// A failure with this code and message.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), remedy: None, problem: None, candidates: Vec::new() }
    }

    /// For what has no code of its own: the disk, the terminal, a broken home folder.
    pub fn because(message: impl Into<String>) -> Self {
        Self::new(Exit::Failure, message)
    }

    /// The command line makes no sense.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// A value, link or file that was given is not what is needed.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(Exit::InvalidInput, message)
    }

    /// The device could not be reached.
    pub fn unreachable(message: impl Into<String>) -> Self {
        Self::new(Exit::Unreachable, message)
    }

    /// It was reached and did not answer in time.
    pub fn timed_out(message: impl Into<String>) -> Self {
        Self::new(Exit::TimedOut, message)
    }

    /// It was started, and nobody knows how it ended.
    pub fn outcome_unknown(message: impl Into<String>) -> Self {
        Self::new(Exit::OutcomeUnknown, message)
            .or("Look at the state (`streembit read …`, `streembit log …`) before you ask again.")
    }

    /// The device refused, or has no such thing: it answers both alike, and so do we.
    pub fn refused(device: &str) -> Self {
        Self::new(Exit::Refused, "Refused or does not exist.").or(format!(
            "Ask an owner: `streembit invite {device} --name YOU --role guest --allow THING/AFFORDANCE`, \
             then `streembit accept LINK`."
        ))
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn or(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// Adds what could have been meant.
    #[must_use]
    pub fn among(mut self, candidates: Vec<String>) -> Self {
        self.candidates = candidates;
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        for candidate in &self.candidates {
            write!(f, "\n  {candidate}")?;
        }
        match &self.remedy {
            Some(remedy) if self.candidates.is_empty() => write!(f, " {remedy}"),
            Some(remedy) => write!(f, "\n{remedy}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_who_to_ask_and_what_they_type() {
        let text = Failure::refused("garage").to_string();
        assert!(
            text.starts_with("Refused or does not exist. Ask an owner: `streembit invite garage "),
            "{text}"
        );
    }

    #[test]
    fn candidates_stand_on_lines_of_their_own() {
        let text = Failure::usage("`open` is ambiguous:")
            .among(vec!["a/door/open".into(), "b/door/open".into()])
            .or("Write one of these.")
            .to_string();
        assert_eq!(text, "`open` is ambiguous:\n  a/door/open\n  b/door/open\nWrite one of these.");
    }

    #[test]
    fn a_failure_survives_the_socket() {
        for exit in Exit::ALL {
            let failure = Failure::new(exit, "it broke").or("mend it");
            let text = serde_json::to_string(&failure).unwrap();
            assert!(text.contains(exit.name()));
            assert_eq!(serde_json::from_str::<Failure>(&text).unwrap(), failure);
        }
        assert!(serde_json::from_str::<Failure>(r#"{"exit":"great","message":""}"#).is_err());
    }
}
