//! What lies in the folder while its device gives way to another one.
//!
//! From the moment the marker is durable there is no way back, and the identity that is there counts no longer. Whoever comes
//! next, after a power cut, finds in it all that is needed to come to an end: what was there may be gone.

use serde::{Deserialize, Serialize};
use streembit_keys::files::{FileError, read_regular};

use super::owner::{Keeper, write_private};
use super::{DataFolder, IdentityError};
use crate::journal::Floors;

/// Longest marker: a few short members.
const MAX_MARKER: u64 = 512;

/// What an older program wrote where the account's key was root's. Where it was not, its marker was empty.
const OLD_KEY_OF_ROOT: &[u8] = b"account.key is root's\n";

/// What makes a device give way to another one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Begun {
    /// A factory reset.
    #[default]
    Reset,
    /// The import of a backup.
    Import,
}

impl std::fmt::Display for Begun {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Reset => "a factory reset",
            Self::Import => "the import of a backup",
        })
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Marker {
    /// What began it.
    pub(super) begun: Begun,
    /// The account's key is root's, and the new one shall be so too.
    pub(super) key_of_root: bool,
    /// The config is replaced, and what was there before lies beside it.
    pub(super) config: bool,
    /// What no device on this machine goes below.
    pub(super) floors: Floors,
}

impl Marker {
    /// The one that is there.
    pub(super) fn read(data: &DataFolder) -> Result<Option<Self>, FileError> {
        let bytes = match read_regular(&data.reset_marker(), MAX_MARKER) {
            Ok(bytes) => bytes,
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error),
        };
        let old = || Self { key_of_root: bytes == OLD_KEY_OF_ROOT, config: true, ..Self::default() };
        Ok(Some(serde_json::from_slice(&bytes).unwrap_or_else(|_| old())))
    }

    /// Makes it durable.
    pub(super) fn write(&self, data: &DataFolder) -> Result<(), FileError> {
        // Plain members only: it always serialises.
        write_private(data, &data.reset_marker(), &serde_json::to_vec(self).unwrap_or_default())
    }

    pub(super) fn keeper(&self) -> Keeper {
        if self.key_of_root { Keeper::Root } else { Keeper::Folder }
    }
}

/// Whether this process can write the account's key. Asked before anything is begun, or is gone on with: half a device is worse
/// than either.
pub(super) fn may_replace(data: &DataFolder) -> Result<(), IdentityError> {
    if data.keeps_key_elsewhere() && !rustix::process::geteuid().is_root() {
        return Err(IdentityError::NeedsRoot(data.account_key().to_owned()));
    }
    Ok(())
}
