//! Back to how the device left the factory, with a new identity.

use std::fs;

use rand_core::CryptoRng;
use streembit_keys::PublicKey;
use streembit_keys::files::{FileError, sync_dir};

use super::create::write_all;
use super::folder::KEPT;
use super::marker::{Begun, Marker, may_replace};
use super::owner::{read_config, write_config};
use super::{DataFolder, IdentityError, Keeper, Lock, Origin};
use crate::config;
use crate::failpoint;
use crate::journal::{Floors, read_floors};

/// What becomes of the latest time that was trusted on a machine, and of how often it was restored, when its device gives way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Past {
    /// No device that comes goes below it. What cannot be read refuses the whole.
    Counts,
    /// It was wrong, or cannot be read, and root says so.
    Forgotten,
}

impl Past {
    /// As an option on the command line says.
    pub fn of_option(forget: bool) -> Self {
        if forget { Self::Forgotten } else { Self::Counts }
    }

    /// The floors that are kept.
    pub(super) fn floors(self, data: &DataFolder, begun: Option<&Marker>) -> Result<Floors, IdentityError> {
        match (self, begun) {
            (Self::Forgotten, _) => Ok(Floors::default()),
            // The journal that had them may be gone, or half of it.
            (Self::Counts, Some(begun)) => Ok(begun.floors),
            (Self::Counts, None) => read_floors(&data.state())
                .map_err(|error| IdentityError::Unclear { path: data.state(), error }),
        }
    }
}

/// Wipes the device and makes it a new one: new keys, no contacts, no journal, the default config, unclaimed. What the
/// factory wrote on it, the floors of its firmware and the publishers that it trusts stay, and what `past` says. The account's
/// key keeps its owner, and at every instant there is one: systemd starts no service without its credential.
///
/// A power cut in the middle leaves a marker, and [`finish_reset`] goes on from there: never half of the old device.
pub fn reset(
    data: &DataFolder,
    lock: &Lock,
    past: Past,
    rng: &mut impl CryptoRng,
) -> Result<PublicKey, IdentityError> {
    may_replace(data)?;
    let begun = Marker::read(data)?;
    let floors = past.floors(data, begun.as_ref())?;
    let key_of_root = match begun {
        Some(begun) => begun.key_of_root,
        None => Keeper::of_key(data) == Keeper::Root,
    };
    let marker = Marker { begun: Begun::Reset, key_of_root, config: true, floors };
    marker.write(data)?;
    carry_out(data, lock, &marker, rng)
}

/// Goes on with what a power cut interrupted, and answers what that was. To be called before anything else is read from the
/// folder. After an import, too, this is a new device that nobody has: its backup is not here any more.
pub fn finish_reset(
    data: &DataFolder,
    lock: &Lock,
    rng: &mut impl CryptoRng,
) -> Result<Option<(Begun, PublicKey)>, IdentityError> {
    let Some(marker) = Marker::read(data)? else { return Ok(None) };
    may_replace(data).map_err(|_| IdentityError::Interrupted(marker.begun))?;
    Ok(Some((marker.begun, carry_out(data, lock, &marker, rng)?)))
}

fn carry_out(
    data: &DataFolder,
    _lock: &Lock,
    marker: &Marker,
    rng: &mut impl CryptoRng,
) -> Result<PublicKey, IdentityError> {
    let origin = Origin { keeper: marker.keeper(), ..Origin::default() };
    make_anew(data, marker, origin, rng)
}

/// Makes a device of `origin` where a marker says that there is none any more.
pub(super) fn make_anew(
    data: &DataFolder,
    marker: &Marker,
    origin: Origin,
    rng: &mut impl CryptoRng,
) -> Result<PublicKey, IdentityError> {
    // First, while whoever began this is still there: the config may lie where the service itself cannot write.
    put_config_back(data, marker)?;
    take_place(data, marker, origin, rng)
}

/// Wipes what is there, and makes a device of `origin` in its place.
pub(super) fn take_place(
    data: &DataFolder,
    marker: &Marker,
    mut origin: Origin,
    rng: &mut impl CryptoRng,
) -> Result<PublicKey, IdentityError> {
    wipe(data)?;
    origin.journal.floors = marker.floors;
    let key = write_all(data, origin, rng)?;
    done(data)?;
    Ok(key)
}

/// The config of a device that is nobody's: after a reset the default one, and after an import the one from before it.
fn put_config_back(data: &DataFolder, marker: &Marker) -> Result<(), FileError> {
    let replaced = data.replaced_config();
    let before = match marker.begun {
        Begun::Import if marker.config => match read_config(data, &replaced) {
            Ok(text) => Some(text),
            Err(error) if error.is_not_found() => None,
            Err(error) => return Err(error),
        },
        Begun::Import => return Ok(()),
        Begun::Reset => None,
    };
    let wanted = before.unwrap_or_else(|| config::DEFAULT.as_bytes().to_vec());
    if read_config(data, data.config()).ok().as_ref() != Some(&wanted) {
        write_config(data, data.config(), &wanted)?;
    }
    // It was the owner's before.
    if fs::symlink_metadata(&replaced).is_ok() { remove(&replaced) } else { Ok(()) }
}

/// Removes all but the config, the account's key and what no device may lose.
fn wipe(data: &DataFolder) -> Result<(), FileError> {
    let stays = [
        data.reset_marker(),
        data.config().to_owned(),
        data.replaced_config(),
        data.account_key().to_owned(),
    ];
    for entry in list(data)? {
        let kept = entry.file_name().is_some_and(|name| KEPT.iter().any(|kept| name == *kept));
        if !kept && !stays.contains(&entry) {
            remove(&entry)?;
        }
    }
    sync_dir(data.path())?;
    failpoint!("replace-wiped");
    Ok(())
}

/// The new device is there.
pub(super) fn done(data: &DataFolder) -> Result<(), FileError> {
    remove(&data.reset_marker())?;
    sync_dir(data.path())
}

fn list(data: &DataFolder) -> Result<Vec<std::path::PathBuf>, FileError> {
    let io = |source| FileError::Io { action: "list the folder", path: data.path().to_owned(), source };
    fs::read_dir(data.path()).map_err(io)?.map(|entry| entry.map(|e| e.path()).map_err(io)).collect()
}

pub(super) fn remove(path: &std::path::Path) -> Result<(), FileError> {
    let io = |source| FileError::Io { action: "remove", path: path.to_owned(), source };
    // Asked of the link itself, so that a link to a folder is removed and not followed.
    let is_folder = fs::symlink_metadata(path).map_err(io)?.is_dir();
    if is_folder { fs::remove_dir_all(path) } else { fs::remove_file(path) }.map_err(io)
}
