//! The data folder: which file is where, and who may work in it.

use std::fs::{DirBuilder, File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, OFlags, flock};
use streembit_keys::files::{FileError, create_dir_private, sync_dir};

use super::IdentityError;
use super::owner::Owner;
use crate::journal::Beginning;

/// Where an installed device keeps everything.
pub const DEFAULT_DATA: &str = "/var/lib/streembit";

/// The config of an installed device: people look for it in `/etc`, and its service cannot write there.
const DEFAULT_CONFIG: &str = "/etc/streembit/agent.toml";

/// The account's key of an installed device. Not in its data folder: systemd reads it as root, and whoever can write to
/// the folder could put a link to another of root's files in its place.
const DEFAULT_ACCOUNT_KEY: &str = "/etc/streembit/account.key";

pub(super) const ACCOUNT_KEY: &str = "account.key";

/// What a factory reset leaves: what the factory wrote on the device, the floors below which no firmware goes, and the
/// publishers that it trusts. Everything else is the owner's and goes.
pub(super) const KEPT: [&str; 4] = ["factory.json", "floors", "publishers", "lock"];

/// The folder where a device keeps everything that it must not forget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataFolder {
    folder: PathBuf,
    config: PathBuf,
    account_key: PathBuf,
}

/// That nobody else works in the folder, until this is dropped.
#[derive(Debug)]
#[must_use]
pub struct Lock(#[allow(dead_code, reason = "the lock is held by the open file")] File);

impl DataFolder {
    /// The folder at this path. An installed device has its config and its account's key in `/etc/streembit`, any other
    /// one beside the rest.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        let folder = path.into();
        let (config, account_key) = if folder == Path::new(DEFAULT_DATA) {
            (DEFAULT_CONFIG.into(), DEFAULT_ACCOUNT_KEY.into())
        } else {
            (folder.join("config.toml"), folder.join(ACCOUNT_KEY))
        };
        Self { folder, config, account_key }
    }

    /// The same folder with its config elsewhere.
    pub fn with_config(self, config: PathBuf) -> Self {
        Self { config, ..self }
    }

    /// The same folder with the account's key elsewhere.
    #[cfg(test)]
    pub(crate) fn with_account_key(self, account_key: PathBuf) -> Self {
        Self { account_key, ..self }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// The account's private key.
    pub fn account_key(&self) -> &Path {
        &self.account_key
    }

    /// Whether the account's key lies where only root can put a file.
    pub fn keeps_key_elsewhere(&self) -> bool {
        !self.account_key.starts_with(&self.folder)
    }

    /// The transport key of the local network.
    pub fn lan_key(&self) -> PathBuf {
        self.folder.join("lan.key")
    }

    /// Manufacturer, model and serial number.
    pub fn factory(&self) -> PathBuf {
        self.folder.join("factory.json")
    }

    /// The same, as the backup has it that this device was made of. On a machine that has its own, that counts.
    pub(super) fn factory_of_backup(&self) -> PathBuf {
        self.folder.join("factory-of-backup.json")
    }

    /// The config from before an import that brought another one.
    pub(crate) fn replaced_config(&self) -> PathBuf {
        let mut name = self.config.as_os_str().to_owned();
        name.push(".before-import");
        name.into()
    }

    /// The one file that people edit.
    pub fn config(&self) -> &Path {
        &self.config
    }

    /// The fingerprint of the account's key, in clear: what a key that comes from elsewhere is held against.
    pub(super) fn fingerprint(&self) -> PathBuf {
        self.folder.join("account.fingerprint")
    }

    /// The journal, the rights and the kept answers.
    pub fn state(&self) -> PathBuf {
        self.folder.join("state.db")
    }

    /// What the journal begins with, until the first start.
    pub(super) fn beginning(&self) -> PathBuf {
        Beginning::path(&self.state())
    }

    /// Compiled plugins and what they store.
    pub fn plugins(&self) -> PathBuf {
        self.folder.join("plugins")
    }

    /// Where the running agent listens for its local owner.
    pub fn control_socket(&self) -> PathBuf {
        self.folder.join("control.sock")
    }

    /// Where metrics and health can be asked.
    pub fn metrics_socket(&self) -> PathBuf {
        self.folder.join("metrics.sock")
    }

    /// There while this device gives way to another one.
    pub(super) fn reset_marker(&self) -> PathBuf {
        self.folder.join("reset")
    }

    /// Whether `init` was run to its end.
    pub fn is_initialised(&self) -> bool {
        self.account_key().exists()
    }

    /// Whether its device was about to give way to another one, and something came between.
    pub fn is_interrupted(&self) -> bool {
        std::fs::symlink_metadata(self.reset_marker()).is_ok()
    }

    /// Makes the folder, private to its owner, and that of the config, which everybody may look into.
    pub fn make(&self) -> Result<(), FileError> {
        create_dir_private(&self.folder)?;
        let Some(etc) = self.config.parent().filter(|etc| !etc.as_os_str().is_empty() && !etc.exists())
        else {
            return Ok(());
        };
        let io = |source| FileError::Io { action: "create the folder", path: etc.to_owned(), source };
        DirBuilder::new().recursive(true).mode(0o755).create(etc).map_err(io)?;
        sync_dir(etc.parent().unwrap_or(Path::new("/")))
    }

    /// Takes the folder for this process. Refused while an agent runs on it; the kernel lets go when the process ends.
    pub fn lock(&self) -> Result<Lock, IdentityError> {
        let path = self.folder.join("lock");
        let io = |action, source: std::io::Error| FileError::Io { action, path: path.clone(), source };
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            // Root comes here too, and must not follow a link that the folder's user made.
            .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
            .open(&path)
            .map_err(|source| io("open", source))?;
        if let Some(owner) = Owner::of_folder(self)? {
            owner.take(&file).map_err(|source| io("set the owner of", source))?;
        }
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Lock(file)),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(IdentityError::InUse(self.folder.clone())),
            Err(errno) => Err(io("lock", errno.into()).into()),
        }
    }
}
