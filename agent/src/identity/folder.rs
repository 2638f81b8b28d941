//! The data folder: which file is where, and who may work in it.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use streembit_keys::files::{FileError, create_dir_private};

use super::IdentityError;

pub(super) const ACCOUNT_KEY: &str = "account.key";

/// What a factory reset leaves: what the factory wrote on the device, the floors below which no firmware goes, and the
/// publishers that it trusts. Everything else is the owner's and goes.
pub(super) const KEPT: [&str; 4] = ["factory.json", "floors", "publishers", "lock"];

/// The folder where a device keeps everything that it must not forget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataFolder(PathBuf);

/// That nobody else works in the folder, until this is dropped.
#[derive(Debug)]
#[must_use]
pub struct Lock(#[allow(dead_code, reason = "the lock is held by the open file")] File);

impl DataFolder {
    /// The folder at this path.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The account's private key.
    pub fn account_key(&self) -> PathBuf {
        self.0.join(ACCOUNT_KEY)
    }

    /// The transport key of the local network.
    pub fn lan_key(&self) -> PathBuf {
        self.0.join("lan.key")
    }

    /// Manufacturer, model and serial number.
    pub fn factory(&self) -> PathBuf {
        self.0.join("factory.json")
    }

    /// The one file that people edit.
    pub fn config(&self) -> PathBuf {
        self.0.join("config.toml")
    }

    /// The journal, the rights and the kept answers.
    pub fn state(&self) -> PathBuf {
        self.0.join("state.db")
    }

    /// Compiled plugins and what they store.
    pub fn plugins(&self) -> PathBuf {
        self.0.join("plugins")
    }

    /// Where the running agent listens for its local owner.
    pub fn control_socket(&self) -> PathBuf {
        self.0.join("control.sock")
    }

    /// There while a factory reset is under way.
    pub(super) fn reset_marker(&self) -> PathBuf {
        self.0.join("reset")
    }

    /// Whether `init` was run to its end.
    pub fn is_initialised(&self) -> bool {
        self.account_key().exists()
    }

    /// Makes the folder, private to its owner.
    pub fn make(&self) -> Result<(), FileError> {
        create_dir_private(&self.0)
    }

    /// Takes the folder for this process. Refused while an agent runs on it; the kernel lets go when the process ends.
    pub fn lock(&self) -> Result<Lock, IdentityError> {
        let path = self.0.join("lock");
        let io = |action, source: std::io::Error| FileError::Io { action, path: path.clone(), source };
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)
            .map_err(|source| io("open", source))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Lock(file)),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(IdentityError::InUse(self.0.clone())),
            Err(errno) => Err(io("lock", errno.into()).into()),
        }
    }
}
