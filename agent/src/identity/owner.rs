//! Whose the files are that root makes.
//!
//! The service runs as a user of its own, and root works in that user's folder now and then: `init` in a package,
//! `factory-reset` at a terminal. What root makes there must belong to the folder's user, or the service could not open it.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt as _, fchown};
use std::path::Path;

use streembit_keys::files::{FileError, read_bounded, read_regular, write_atomic_as};

use super::DataFolder;
use crate::config;

/// The user and group of a folder that is not root's, as root sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Owner {
    user: u32,
    group: u32,
}

impl Owner {
    /// Whose files in this folder must be; `None` where whoever runs this makes them right by itself.
    pub(super) fn of_folder(data: &DataFolder) -> Result<Option<Self>, FileError> {
        let path = data.path();
        let metadata = fs::metadata(path).map_err(|source| FileError::Io {
            action: "look at the folder",
            path: path.to_owned(),
            source,
        })?;
        let is_anothers = rustix::process::geteuid().is_root() && metadata.uid() != 0;
        Ok(is_anothers.then(|| Self { user: metadata.uid(), group: metadata.gid() }))
    }

    /// Gives an open file to this user.
    pub(super) fn take(self, file: &File) -> io::Result<()> {
        fchown(file, Some(self.user), Some(self.group))
    }
}

/// Writes a file that only the folder's user may read.
pub(super) fn write_private(data: &DataFolder, path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let owner = Owner::of_folder(data)?.map(|owner| (owner.user, owner.group));
    write_atomic_as(path, bytes, 0o600, owner)
}

/// Writes the config. Outside of the data folder it stays root's, and the folder's group may read it: the service has no
/// business in changing it.
pub(crate) fn write_config(data: &DataFolder, path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    match Owner::of_folder(data)? {
        Some(owner) if !path.starts_with(data.path()) => {
            write_atomic_as(path, bytes, 0o640, Some((0, owner.group)))
        }
        _ => write_private(data, path, bytes),
    }
}

/// Reads the config, or what lies beside it. In its own folder the service's user could put a link to root's files there, and
/// what root reads becomes that user's here.
pub(crate) fn read_config(data: &DataFolder, path: &Path) -> Result<Vec<u8>, FileError> {
    let read = if path.starts_with(data.path()) { read_regular } else { read_bounded };
    read(path, config::MAX_FILE)
}

/// Writes the account's key: for root alone where systemd hands it to the service, else as any other file.
pub(super) fn write_account_key(data: &DataFolder, pem: &[u8], keeper: Keeper) -> Result<(), FileError> {
    match keeper {
        // Whoever is not root cannot keep anything from itself.
        Keeper::Root if rustix::process::geteuid().is_root() => {
            write_atomic_as(data.account_key(), pem, 0o600, Some((0, 0)))
        }
        Keeper::Root | Keeper::Folder => write_private(data, data.account_key(), pem),
    }
}

/// Who keeps the account's key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Keeper {
    /// The folder's user, as everything else.
    #[default]
    Folder,
    /// Root, who has systemd hand it to the service (`LoadCredential=`).
    Root,
}

impl Keeper {
    /// Who keeps the key that is there.
    pub(super) fn of_key(data: &DataFolder) -> Self {
        let roots = |path: &Path| fs::symlink_metadata(path).is_ok_and(|metadata| metadata.uid() == 0);
        if roots(data.account_key()) && !roots(data.path()) { Self::Root } else { Self::Folder }
    }
}
