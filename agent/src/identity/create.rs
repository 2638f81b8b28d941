//! A new device in a data folder.

use rand_core::CryptoRng;
use streembit_keys::files::read_bounded;
use streembit_keys::{PrivateKey, PublicKey, pkcs8};

use super::factory::MAX_FILE;
use super::marker::{Marker, may_replace};
use super::owner::{self, write_private};
use super::reset::make_anew;
use super::{DataFolder, Factory, IdentityError, Keeper};
use crate::journal::{self, Beginning};
use crate::{config, failpoint};

/// Where a new identity comes from.
#[derive(Debug, Default)]
pub struct Origin {
    /// A key that a factory made; without it, a fresh one.
    pub key: Option<PrivateKey>,
    /// The transport key of the local network; without it, a fresh one.
    pub lan: Option<PrivateKey>,
    /// The config; without it, what is there already, or the default.
    pub config: Option<String>,
    /// What the journal begins with.
    pub journal: Beginning,
    /// What the factory wrote on the device; without it, what is in the folder already.
    pub factory: Option<Factory>,
    /// What a factory wrote on another machine, which this device was before. It goes with the device.
    pub factory_of_backup: Option<Factory>,
    /// Who keeps the account's key.
    pub keeper: Keeper,
}

impl Origin {
    /// Reads what a factory made from its files.
    pub fn from_files(
        key: Option<&std::path::Path>,
        factory: Option<&std::path::Path>,
    ) -> Result<Self, IdentityError> {
        let key = key.map(super::read_key_file).transpose()?;
        let factory = factory
            .map(|path| {
                let bytes = read_bounded(path, MAX_FILE)?;
                Factory::parse(&bytes)
                    .map_err(|error| IdentityError::Factory { path: path.to_owned(), error })
            })
            .transpose()?;
        Ok(Self { key, factory, ..Self::default() })
    }
}

/// Makes a device in `data` and returns its public key. Refused where there is one.
///
/// The account's key is written last: until it is there, the folder holds no device and `create` may be run again.
/// A config file that is there already is kept.
///
/// Where a reset or an import was interrupted, what is there is no device any more, and gives way to this one.
pub fn create(
    data: &DataFolder,
    origin: Origin,
    rng: &mut impl CryptoRng,
) -> Result<PublicKey, IdentityError> {
    if origin.keeper == Keeper::Root && !data.keeps_key_elsewhere() {
        return Err(IdentityError::KeyOfRootInside(data.path().to_owned()));
    }
    data.make()?;
    let _lock = data.lock()?;
    if let Some(marker) = Marker::read(data)? {
        may_replace(data)?;
        let keeper = if marker.key_of_root { Keeper::Root } else { origin.keeper };
        return make_anew(data, &marker, Origin { keeper, ..origin }, rng);
    }
    if data.is_initialised() {
        return Err(IdentityError::Exists(data.path().to_owned()));
    }
    write_all(data, origin, rng)
}

/// The same for somebody who holds the lock.
pub(super) fn write_all(
    data: &DataFolder,
    origin: Origin,
    rng: &mut impl CryptoRng,
) -> Result<PublicKey, IdentityError> {
    if let Some(factory) = &origin.factory {
        let bytes = serde_json::to_vec_pretty(factory).unwrap_or_default();
        write_private(data, &data.factory(), &bytes)?;
    }
    if let Some(factory) = origin.factory_of_backup.as_ref().filter(|_| !data.factory().exists()) {
        let bytes = serde_json::to_vec_pretty(factory).unwrap_or_default();
        write_private(data, &data.factory_of_backup(), &bytes)?;
    }
    failpoint!("replace-factory");
    match &origin.config {
        Some(config) => owner::write_config(data, data.config(), config.as_bytes())?,
        None if !data.config().exists() => {
            owner::write_config(data, data.config(), config::DEFAULT.as_bytes())?
        }
        None => {}
    }
    if origin.journal.from.is_some() {
        write_private(data, &data.state(), &journal::unborn())?;
    }
    failpoint!("replace-journal");
    if origin.journal != Beginning::default() {
        let bytes = serde_json::to_vec(&origin.journal).unwrap_or_default();
        write_private(data, &data.beginning(), &bytes)?;
    }
    failpoint!("replace-beginning");
    let lan = origin.lan.unwrap_or_else(|| PrivateKey::generate(rng));
    write_private(data, &data.lan_key(), pem(&data.lan_key(), &lan)?.as_bytes())?;
    failpoint!("replace-lan");
    let account = origin.key.unwrap_or_else(|| PrivateKey::generate(rng));
    let fingerprint = account.public().thumbprint().to_string();
    write_private(data, &data.fingerprint(), fingerprint.as_bytes())?;
    failpoint!("replace-fingerprint");
    owner::write_account_key(data, pem(data.account_key(), &account)?.as_bytes(), origin.keeper)?;
    failpoint!("replace-account");
    Ok(account.public().clone())
}

fn pem(
    path: &std::path::Path,
    key: &PrivateKey,
) -> Result<impl std::ops::Deref<Target = String> + use<>, IdentityError> {
    pkcs8::to_pem(key).map_err(|error| IdentityError::Key { path: path.to_owned(), error })
}
