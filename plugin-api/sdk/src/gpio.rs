//! Digital lines, by their logical names.

use std::time::Duration;

use crate::{IoError, Source, backend};

/// Which edges of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edge {
    /// To active.
    Rising,
    /// To inactive.
    Falling,
    /// Either.
    Both,
}

/// A line that is read.
#[derive(Debug)]
pub struct Input(backend::Input);

/// A line that is driven.
#[derive(Debug)]
pub struct Output(backend::Output);

impl Input {
    /// Opens the input of that name.
    pub fn open(name: &str) -> Result<Self, IoError> {
        backend::Input::open(name).map(Self)
    }

    /// Opens the input of that name, or `None` where the owner has granted none.
    pub fn open_optional(name: &str) -> Result<Option<Self>, IoError> {
        match Self::open(name) {
            Ok(input) => Ok(Some(input)),
            Err(IoError::Denied(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether it is active now.
    pub fn is_active(&self) -> Result<bool, IoError> {
        self.0.is_active()
    }

    /// Asks for [`crate::Event::Edge`]s, once a level has held for `debounce`.
    pub fn watch(&self, edge: Edge, debounce: Duration) -> Result<Source, IoError> {
        self.0.watch(edge, u32::try_from(debounce.as_micros()).unwrap_or(u32::MAX)).map(Source)
    }
}

impl Output {
    /// Opens the output of that name. It is in its safe state until it is set.
    pub fn open(name: &str) -> Result<Self, IoError> {
        backend::Output::open(name).map(Self)
    }

    /// Drives the line.
    pub fn set_active(&self, active: bool) -> Result<(), IoError> {
        self.0.set_active(active)
    }

    /// Whether it is driven active.
    pub fn is_active(&self) -> Result<bool, IoError> {
        self.0.is_active()
    }

    /// Makes the line active now and inactive after `length` (1 ms to 60 s). The host ends the pulse, whatever
    /// becomes of the plugin.
    pub fn pulse(&self, length: Duration) -> Result<(), IoError> {
        self.0.pulse(u32::try_from(length.as_millis()).unwrap_or(u32::MAX))
    }
}
