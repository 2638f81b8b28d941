//! Another device in the place of none, or of one that nobody has taken.

use std::fs;

use rand_core::CryptoRng;
use streembit_keys::PublicKey;
use streembit_keys::files::FileError;

use super::marker::{Begun, Marker, may_replace};
use super::owner::{read_config, write_config};
use super::reset::{Past, done, remove, take_place};
use super::{DataFolder, IdentityError, Keeper, Origin};
use crate::failpoint;
use crate::journal::knows_nobody;

/// Makes the device of `origin` in `data` and returns its public key. Refused where somebody has taken the device that is
/// there: a factory reset has to come first. The account's key is kept as that one's was, or as `origin` asks for.
///
/// What the factory wrote on this machine stays and counts, and so do the floors, but for what `past` says. Where the config
/// changes, that from before lies beside it afterwards. A power cut in the middle leaves a device that nobody has taken
/// ([`finish_reset`](super::finish_reset)), and never half of this one.
pub fn replace(
    data: &DataFolder,
    mut origin: Origin,
    past: Past,
    rng: &mut impl CryptoRng,
) -> Result<PublicKey, IdentityError> {
    if origin.keeper == Keeper::Root && !data.keeps_key_elsewhere() {
        return Err(IdentityError::KeyOfRootInside(data.path().to_owned()));
    }
    may_replace(data)?;
    data.make()?;
    let _lock = data.lock()?;
    // Where something like this was interrupted, what is there is nobody's.
    let begun = Marker::read(data)?;
    if begun.is_none() {
        let free = knows_nobody(&data.state());
        match free.map_err(|error| IdentityError::Unclear { path: data.state(), error })? {
            true => {}
            false => return Err(IdentityError::Taken(data.path().to_owned())),
        }
    }
    let floors = past.floors(data, begun.as_ref())?;
    let root_kept_it = match &begun {
        Some(begun) => begun.key_of_root,
        None => Keeper::of_key(data) == Keeper::Root,
    };
    let key_of_root = root_kept_it || origin.keeper == Keeper::Root;
    // Before the marker: whoever goes on from that must find it.
    if begun.as_ref().is_none_or(|begun| !begun.config) && origin.config.is_some() {
        keep_config(data)?;
    }
    let config = origin.config.is_some() || begun.as_ref().is_some_and(|begun| begun.config);
    let marker = Marker { begun: Begun::Import, key_of_root, config, floors };
    marker.write(data)?;
    failpoint!("replace-marked");
    if let Some(text) = origin.config.take()
        && let Err(error) = write_config(data, data.config(), text.as_bytes())
    {
        // Nothing is gone yet, and nobody shall come and go on with this.
        if begun.is_none() {
            done(data)?;
        }
        return Err(error.into());
    }
    failpoint!("replace-configured");
    origin.keeper = marker.keeper();
    take_place(data, &marker, origin, rng)
}

/// Keeps the config that is there, so that it can be put back.
fn keep_config(data: &DataFolder) -> Result<(), FileError> {
    let kept = data.replaced_config();
    match read_config(data, data.config()) {
        Ok(text) => write_config(data, &kept, &text),
        // One that an earlier import left says nothing about this one.
        Err(error) if error.is_not_found() && fs::symlink_metadata(&kept).is_ok() => remove(&kept),
        Err(error) if error.is_not_found() => Ok(()),
        Err(error) => Err(error),
    }
}
