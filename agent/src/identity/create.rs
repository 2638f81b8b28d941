//! A new device in a data folder.

use rand_core::CryptoRng;
use streembit_keys::files::{read_bounded, write_atomic};
use streembit_keys::{PrivateKey, PublicKey, pkcs8};

use super::factory::MAX_FILE;
use super::{DataFolder, Factory, IdentityError};
use crate::config;

/// Where a new identity comes from.
#[derive(Debug, Default)]
pub struct Origin {
    /// A key that a factory made; without it, a fresh one.
    pub key: Option<PrivateKey>,
    /// What the factory wrote on the device; without it, what is in the folder already.
    pub factory: Option<Factory>,
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
        Ok(Self { key, factory })
    }
}

/// Makes a device in `data` and returns its public key. Refused where there is one.
///
/// The account's key is written last: until it is there, the folder holds no device and `create` may be run again.
/// A config file that is there already is kept.
pub fn create(
    data: &DataFolder,
    origin: Origin,
    rng: &mut impl CryptoRng,
) -> Result<PublicKey, IdentityError> {
    data.make()?;
    let _lock = data.lock()?;
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
        write_atomic(&data.factory(), &bytes, 0o600)?;
    }
    if !data.config().exists() {
        write_atomic(&data.config(), config::DEFAULT.as_bytes(), 0o600)?;
    }
    write_key(&data.lan_key(), &PrivateKey::generate(rng))?;
    let account = origin.key.unwrap_or_else(|| PrivateKey::generate(rng));
    write_key(&data.account_key(), &account)?;
    Ok(account.public().clone())
}

fn write_key(path: &std::path::Path, key: &PrivateKey) -> Result<(), IdentityError> {
    let pem = pkcs8::to_pem(key).map_err(|error| IdentityError::Key { path: path.to_owned(), error })?;
    Ok(write_atomic(path, pem.as_bytes(), 0o600)?)
}
