//! The commands, one file each: what can be typed, what it does, and how its result reads.
//!
//! Each `run` takes a [`Desk`](crate::desk::Desk) and its arguments and returns what it found: printing is the
//! caller's business, so that tests and other programs use the same functions.

pub mod accept;
pub mod completions;
pub mod confirm;
pub mod contacts;
pub mod device;
pub mod init;
pub mod invite;
pub mod invoke;
pub mod lock;
pub mod log;
pub mod ls;
pub mod observe;
pub mod offer;
pub mod pair;
pub mod read;
pub mod recovery;
pub mod revoke;
pub mod td;
pub mod unlock;
pub mod write;

use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::desk::TIMEOUT;

/// How long to wait for an answer.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Patience {
    /// How long to wait for the answer [default: 15s]
    #[arg(long, value_name = "TIME", value_parser = streembit_peer::words::duration, default_value = "15s", hide_default_value = true)]
    pub timeout: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { timeout: TIMEOUT }
    }
}

/// An address as JSON has it: its text.
fn as_text<S: Serializer>(value: &impl std::fmt::Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// Seconds since 1970 as a person's clock shows them.
fn moment(seconds: i64) -> String {
    match jiff::Timestamp::from_second(seconds) {
        Ok(timestamp) => {
            timestamp.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string()
        }
        Err(_) => seconds.to_string(),
    }
}

/// The first characters of a fingerprint: enough for a person to tell two apart on a screen, and no proof of anything.
fn short(fingerprint: &str) -> &str {
    fingerprint.get(..10).unwrap_or(fingerprint)
}

/// What has nothing to say to a script but that it is done.
#[derive(Debug, Clone, Serialize)]
pub struct Done {
    /// Always true.
    pub done: bool,
    #[serde(skip)]
    text: String,
}

impl Done {
    fn new(text: impl Into<String>) -> Self {
        Self { done: true, text: text.into() }
    }
}

impl crate::output::Render for Done {
    fn text(&self, _style: crate::output::Style) -> String {
        self.text.clone()
    }
}
