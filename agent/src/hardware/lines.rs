//! Which lines are in use, each by one user.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::output::Driven;
use super::{HardwareError, Line};

/// The lines in use. Clones share them.
#[derive(Clone, Default)]
pub(super) struct Lines(Arc<Mutex<Users>>);

pub(super) type Users = BTreeMap<Line, User>;

/// Who uses a line.
pub(super) enum User {
    /// An open input or output.
    Open,
    /// Nobody but a pulse that runs on. Whoever opens the line gets it together with the pulse.
    Pulse(Arc<Driven>),
}

impl Lines {
    /// No line is left or let go while this is held, so whoever sees that one is free finds it closed.
    pub(super) fn lock(&self) -> MutexGuard<'_, Users> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// That an input is in use, until this is dropped.
pub(super) struct Held {
    line: Line,
    lines: Lines,
}

impl Held {
    pub(super) fn new(lines: &Lines, line: &Line) -> Result<Self, HardwareError> {
        let mut users = lines.lock();
        if users.contains_key(line) {
            return Err(in_use(line));
        }
        users.insert(line.clone(), User::Open);
        Ok(Self { line: line.clone(), lines: lines.clone() })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.lines.lock().remove(&self.line);
    }
}

pub(super) fn in_use(line: &Line) -> HardwareError {
    HardwareError::InUse { line: line.to_string() }
}
