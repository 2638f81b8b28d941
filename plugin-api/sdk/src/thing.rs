//! The Thing that the plugin drives.

use std::time::Duration;

use crate::{Error, IoError, Value, backend};

/// Tells whoever observes a property its new value.
pub fn property_changed(name: &str, value: &Value) -> Result<(), IoError> {
    backend::property_changed(name, value)
}

/// Tells whoever subscribed to an event that it happened.
pub fn emit_event(name: &str, data: Option<&Value>) -> Result<(), IoError> {
    backend::emit_event(name, data)
}

/// Ends an action that was answered with [`crate::Completion::Pending`].
pub fn complete_action(id: u64, outcome: Result<Option<Value>, Error>) -> Result<(), IoError> {
    backend::complete_action(id, outcome)
}

/// Time since the device was started.
pub fn uptime() -> Duration {
    backend::uptime()
}

/// Time since 1970, as far as the device knows it.
pub fn unix_time() -> Duration {
    backend::unix_time()
}
