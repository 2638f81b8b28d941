//! A small durable store, private to the instance: 64 KiB in all.

use crate::{IoError, backend};

/// The value of a key.
pub fn get(key: &str) -> Result<Option<Vec<u8>>, IoError> {
    backend::state_get(key)
}

/// Stores a value. It is durable when this returns.
pub fn set(key: &str, value: &[u8]) -> Result<(), IoError> {
    backend::state_set(key, value)
}

/// Removes a key.
pub fn delete(key: &str) -> Result<(), IoError> {
    backend::state_delete(key)
}

/// Every key.
pub fn keys() -> Result<Vec<String>, IoError> {
    backend::state_keys()
}
