//! Lines for the owner's log. They are limited in rate and length; `println!` arrives there too.

use crate::backend;

/// How important a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Noise.
    Trace,
    /// For the plugin's author.
    Debug,
    /// For whoever looks.
    Info,
    /// Something is odd.
    Warn,
    /// Something failed.
    Error,
}

/// Writes a line.
pub fn log(level: Level, message: &str) {
    backend::log(level, message);
}

/// Writes a line for whoever looks.
pub fn info(message: &str) {
    log(Level::Info, message);
}

/// Writes a line about something odd.
pub fn warn(message: &str) {
    log(Level::Warn, message);
}
