//! Back to how the device left the factory, with a new identity.

use std::fs;

use rand_core::CryptoRng;
use streembit_keys::PublicKey;
use streembit_keys::files::{FileError, read_bounded, sync_dir};

use super::create::write_all;
use super::folder::KEPT;
use super::owner::{write_config, write_private};
use super::{DataFolder, IdentityError, Keeper, Lock, Origin};
use crate::config;

/// In the marker where the account's key is root's, and the new one shall be so too.
const KEY_OF_ROOT: &[u8] = b"account.key is root's\n";

/// Wipes the device and makes it a new one: new keys, no contacts, no journal, the default config, unclaimed. What the
/// factory wrote on it, the floors of its firmware and the publishers that it trusts stay. The account's key keeps its
/// owner, and at every instant there is one: systemd starts no service without its credential.
///
/// A power cut in the middle leaves a marker, and [`finish_reset`] goes on from there: never half of the old device. Where
/// the key is root's, only root can go on.
pub fn reset(data: &DataFolder, lock: &Lock, rng: &mut impl CryptoRng) -> Result<PublicKey, IdentityError> {
    // From here on there is no way back, and the old identity counts no longer.
    let marker: &[u8] = match Keeper::of_key(data) {
        Keeper::Root => KEY_OF_ROOT,
        Keeper::Folder => b"",
    };
    write_private(data, &data.reset_marker(), marker)?;
    carry_out(data, lock, rng)
}

/// Goes on with a reset that a power cut interrupted. To be called before anything else is read from the folder.
pub fn finish_reset(
    data: &DataFolder,
    lock: &Lock,
    rng: &mut impl CryptoRng,
) -> Result<Option<PublicKey>, IdentityError> {
    if data.reset_marker().exists() { carry_out(data, lock, rng).map(Some) } else { Ok(None) }
}

fn carry_out(data: &DataFolder, _lock: &Lock, rng: &mut impl CryptoRng) -> Result<PublicKey, IdentityError> {
    let marker = data.reset_marker();
    let keeper = match read_bounded(&marker, KEY_OF_ROOT.len() as u64)?.as_slice() {
        KEY_OF_ROOT if data.keeps_key_elsewhere() && !rustix::process::geteuid().is_root() => {
            return Err(IdentityError::ResetByRoot);
        }
        KEY_OF_ROOT => Keeper::Root,
        _ => Keeper::Folder,
    };
    // First, while whoever began this is still there: the config may lie where the service itself cannot write.
    if fs::read(data.config()).ok().as_deref() != Some(config::DEFAULT.as_bytes()) {
        write_config(data, config::DEFAULT.as_bytes())?;
    }
    for entry in list(data)? {
        let kept = entry.file_name().is_some_and(|name| KEPT.iter().any(|kept| name == *kept));
        if kept || entry == marker || entry == data.config() || entry == data.account_key() {
            continue;
        }
        remove(&entry)?;
    }
    sync_dir(data.path())?;
    let key = write_all(data, Origin { keeper, ..Origin::default() }, rng)?;
    remove(&marker)?;
    sync_dir(data.path())?;
    Ok(key)
}

fn list(data: &DataFolder) -> Result<Vec<std::path::PathBuf>, FileError> {
    let io = |source| FileError::Io { action: "list the folder", path: data.path().to_owned(), source };
    fs::read_dir(data.path()).map_err(io)?.map(|entry| entry.map(|e| e.path()).map_err(io)).collect()
}

fn remove(path: &std::path::Path) -> Result<(), FileError> {
    let io = |source| FileError::Io { action: "remove", path: path.to_owned(), source };
    // Asked of the link itself, so that a link to a folder is removed and not followed.
    let is_folder = fs::symlink_metadata(path).map_err(io)?.is_dir();
    if is_folder { fs::remove_dir_all(path) } else { fs::remove_file(path) }.map_err(io)
}
