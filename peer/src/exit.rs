//! The exit codes that the programs of a device and of a person share.
//!
//! A script that drives either must tell "you may not" from "it did not answer" from "it may have happened": each has a
//! code of its own, the same in both programs, and documented in their `--help`.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// How a program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Exit {
    /// What was asked is done.
    Ok = 0,
    /// It failed, for a reason that has no code of its own.
    Failure = 1,
    /// The command line makes no sense. The argument parser ends with the same code.
    Usage = 2,
    /// Refused, or there is no such thing: a device answers both alike.
    Refused = 3,
    /// The device (or the local daemon) could not be reached.
    Unreachable = 4,
    /// It was reached, and what was asked took too long.
    TimedOut = 5,
    /// What was asked was started, and nobody knows how it ended: look before asking again.
    OutcomeUnknown = 6,
    /// A value, link or file that was given is not what is needed here.
    InvalidInput = 7,
}

impl Exit {
    /// Every code, in order.
    pub const ALL: [Exit; 8] = [
        Exit::Ok,
        Exit::Failure,
        Exit::Usage,
        Exit::Refused,
        Exit::Unreachable,
        Exit::TimedOut,
        Exit::OutcomeUnknown,
        Exit::InvalidInput,
    ];

    /// The number that the operating system gets.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The code with this number.
    pub fn from_code(code: u8) -> Option<Exit> {
        Self::ALL.get(usize::from(code)).copied()
    }

    /// The name that `--json` errors carry: stable, in kebab case.
    pub const fn name(self) -> &'static str {
        match self {
            Exit::Ok => "ok",
            Exit::Failure => "failure",
            Exit::Usage => "usage",
            Exit::Refused => "refused",
            Exit::Unreachable => "unreachable",
            Exit::TimedOut => "timed-out",
            Exit::OutcomeUnknown => "outcome-unknown",
            Exit::InvalidInput => "invalid-input",
        }
    }
}

/// An exit code goes by its name in JSON.
impl Serialize for Exit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Exit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let exit = Self::ALL.into_iter().find(|exit| exit.name() == name);
        exit.ok_or_else(|| de::Error::custom(format!("no exit code has the name `{name}`")))
    }
}

/// The table, as `--help` shows it in both programs.
pub const HELP: &str = "\
Exit codes:
  0  done
  1  failed
  2  usage: the command line makes no sense
  3  refused, or there is no such thing
  4  unreachable
  5  timed out
  6  outcome unknown: it was started, and nobody knows how it ended
  7  invalid input: a value, link or file is not what is needed";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_their_place_in_the_table_and_come_back() {
        for (place, exit) in Exit::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(exit.code()), place);
            assert_eq!(Exit::from_code(exit.code()), Some(exit));
        }
        assert_eq!(Exit::from_code(8), None);
    }

    #[test]
    fn the_help_has_a_line_for_each_code() {
        let lines: Vec<&str> = HELP.lines().skip(1).collect();
        assert_eq!(lines.len(), Exit::ALL.len());
        for (exit, line) in Exit::ALL.into_iter().zip(lines) {
            assert!(line.trim_start().starts_with(&exit.code().to_string()), "{line}");
        }
    }
}
