//! The small durable store of an instance: one file, read once, written whole at each change.

use std::collections::BTreeMap;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use streembit_keys::files;
use streembit_plugin_host::boundary::{IoError, MAX_STATE};

/// Most keys, so that their list fits a message.
const MAX_KEYS: usize = 256;

pub(super) struct Store {
    path: PathBuf,
    values: Option<BTreeMap<String, Vec<u8>>>,
}

impl Store {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, values: None }
    }

    pub(super) fn get(&mut self, key: &str) -> Result<Option<Vec<u8>>, IoError> {
        Ok(self.values()?.get(key).cloned())
    }

    pub(super) fn keys(&mut self) -> Result<Vec<String>, IoError> {
        Ok(self.values()?.keys().cloned().collect())
    }

    /// Durable when it returns.
    pub(super) fn set(&mut self, key: String, value: Vec<u8>) -> Result<(), IoError> {
        let mut values = self.values()?.clone();
        values.insert(key, value);
        let size: usize = values.iter().map(|(key, value)| key.len() + value.len()).sum();
        if values.len() > MAX_KEYS || size > MAX_STATE {
            return Err(IoError::Quota { what: format!("{MAX_KEYS} keys and {MAX_STATE} bytes of state") });
        }
        self.keep(values)
    }

    pub(super) fn delete(&mut self, key: &str) -> Result<(), IoError> {
        let mut values = self.values()?.clone();
        if values.remove(key).is_some() { self.keep(values) } else { Ok(()) }
    }

    fn values(&mut self) -> Result<&BTreeMap<String, Vec<u8>>, IoError> {
        let values = match self.values.take() {
            Some(values) => values,
            None => self.load()?,
        };
        Ok(self.values.insert(values))
    }

    fn load(&self) -> Result<BTreeMap<String, Vec<u8>>, IoError> {
        // Base64 and the keys' JSON take less than twice the room.
        let bytes = match files::read_bounded(&self.path, 4 * MAX_STATE as u64) {
            Ok(bytes) => bytes,
            Err(error) if error.is_not_found() => return Ok(BTreeMap::new()),
            Err(error) => return Err(fault(&error)),
        };
        let texts: BTreeMap<String, String> =
            serde_json::from_slice(&bytes).map_err(|error| fault(&error))?;
        let decode = |(key, text): (String, String)| Ok((key, STANDARD.decode(text)?));
        texts
            .into_iter()
            .map(decode)
            .collect::<Result<_, base64::DecodeError>>()
            .map_err(|error| fault(&error))
    }

    fn keep(&mut self, values: BTreeMap<String, Vec<u8>>) -> Result<(), IoError> {
        let texts: BTreeMap<_, _> = values.iter().map(|(key, value)| (key, STANDARD.encode(value))).collect();
        let bytes = serde_json::to_vec(&texts).map_err(|error| fault(&error))?;
        let folder = self.path.parent().unwrap_or(&self.path);
        files::create_dir_private(folder)
            .and_then(|()| files::write_atomic(&self.path, &bytes, 0o600))
            .map_err(|error| fault(&error))?;
        self.values = Some(values);
        Ok(())
    }
}

fn fault(error: &dyn std::error::Error) -> IoError {
    IoError::Fault { what: format!("the store: {error}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_set_is_there_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state/garage");
        let mut store = Store::new(path.clone());
        assert_eq!(store.get("k").unwrap(), None);
        store.set("k".into(), vec![0, 255]).unwrap();
        let mut again = Store::new(path);
        assert_eq!(again.get("k").unwrap(), Some(vec![0, 255]));
        again.delete("k").unwrap();
        assert_eq!(again.keys().unwrap(), [""; 0]);
    }

    #[test]
    fn it_is_bounded_and_a_refused_value_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::new(folder.path().join("s"));
        store.set("k".into(), vec![1; MAX_STATE - 1]).unwrap();
        assert!(matches!(store.set("l".into(), vec![1]), Err(IoError::Quota { .. })));
        assert!(matches!(store.set("k".into(), vec![1; MAX_STATE]), Err(IoError::Quota { .. })));
        assert_eq!(store.keys().unwrap(), ["k"]);
    }

    #[test]
    fn a_damaged_file_is_an_error_and_no_empty_store() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        std::fs::write(&path, b"{").unwrap();
        let mut store = Store::new(path.clone());
        assert!(store.set("k".into(), vec![]).is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"{");
    }
}
