//! Who this device is, and the folder where it keeps that.
//!
//! `init` makes an identity ([`create`]), `run` loads it ([`Identity::load`]), `factory-reset` makes another one in its place
//! ([`reset`]), and `import` puts that of a backup there ([`replace`]). Each of them survives a power cut at any instant: the account key is
//! written last, and what wipes a device leaves a marker behind until it is done.

mod create;
mod factory;
mod folder;
mod marker;
mod owner;
mod replace;
mod reset;

use std::path::{Path, PathBuf};

use streembit_keys::files::{FileError, read_bounded, read_credential, read_secret};
use streembit_keys::{PrivateKey, pkcs8};

pub use create::{Origin, create};
pub use factory::{BadFactory, Factory};
pub use folder::{DEFAULT_DATA, DataFolder, Lock};
pub use marker::Begun;
pub use owner::Keeper;
pub(crate) use owner::{read_config, write_config};
pub use replace::replace;
pub use reset::{Past, finish_reset, reset};

/// Who this device is.
#[derive(Debug)]
pub struct Identity {
    /// The account: what sessions and signatures are made with.
    pub account: PrivateKey,
    /// The transport key of the local network. It says nothing about the account.
    pub lan: PrivateKey,
    /// What the factory wrote on the device.
    pub factory: Factory,
}

/// Why there is no identity.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// `init` was not run, or not on this folder.
    #[error("there is no device in {}", .0.display())]
    NotInitialised(PathBuf),
    /// `init` was run before.
    #[error("there is a device in {} already", .0.display())]
    Exists(PathBuf),
    /// There is a device that somebody has taken.
    #[error("the device in {} has contacts", .0.display())]
    Taken(PathBuf),
    /// What is in the folder cannot be looked at.
    #[error("{}: {error}", path.display())]
    Unclear {
        /// Which file.
        path: PathBuf,
        /// Why not.
        error: crate::journal::ReadError,
    },
    /// A key file holds no key that can be used.
    #[error("{}: {error}", path.display())]
    Key {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        error: pkcs8::Pkcs8Error,
    },
    /// The file from the factory is not what it should be.
    #[error("{}: {error}", path.display())]
    Factory {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        error: BadFactory,
    },
    /// The account's key that systemd handed over is not the one that the folder was made with.
    #[error("{} holds another key than that of the device in {}", path.display(), folder.display())]
    OtherKey {
        /// The credential.
        path: PathBuf,
        /// The data folder.
        folder: PathBuf,
    },
    /// Root's key shall lie in a folder whose user could put something else in its place.
    #[error("{} is no place for a key of root's: `--credential` is for the installed device", .0.display())]
    KeyOfRootInside(PathBuf),
    /// Something that root began, for somebody who cannot write where root did.
    #[error("{0} that root began was interrupted, and this is no device any more")]
    Interrupted(Begun),
    /// The account's key lies where only root writes.
    #[error("only root can write {}", .0.display())]
    NeedsRoot(PathBuf),
    /// Another program works in the folder.
    #[error("the data folder {} is in use: an agent runs on it", .0.display())]
    InUse(PathBuf),
}

impl Identity {
    /// Loads the identity in `data`.
    ///
    /// The account's key comes from `credentials` (what systemd's `LoadCredential=account.key:…` sets up) where it has one.
    /// That of another identity is refused: after a factory reset, an old key must not keep the old device alive.
    pub fn load(data: &DataFolder, credentials: Option<&Path>) -> Result<Self, IdentityError> {
        let account = match credential(credentials) {
            Some(path) => {
                let key = read_key(&path, &read_credential(&path, MAX_KEY)?)?;
                if is_another(data, &key)? {
                    return Err(IdentityError::OtherKey { path, folder: data.path().to_owned() });
                }
                key
            }
            None => {
                let path = data.account_key();
                let bytes = read_secret(path, MAX_KEY).map_err(|error| match error {
                    error if error.is_not_found() => IdentityError::NotInitialised(data.path().to_owned()),
                    error => error.into(),
                })?;
                read_key(path, &bytes)?
            }
        };
        let lan = read_key(&data.lan_key(), &read_secret(&data.lan_key(), MAX_KEY)?)?;
        let factory = match read_factory(data.factory())? {
            Some(factory) => factory,
            None => read_factory(data.factory_of_backup())?.unwrap_or_default(),
        };
        Ok(Self { account, lan, factory })
    }
}

fn read_factory(path: PathBuf) -> Result<Option<Factory>, IdentityError> {
    match read_bounded(&path, factory::MAX_FILE) {
        Ok(bytes) => Factory::parse(&bytes).map(Some).map_err(|error| IdentityError::Factory { path, error }),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The account's key among what systemd handed over.
pub fn credential(credentials: Option<&Path>) -> Option<PathBuf> {
    credentials.map(|folder| folder.join(folder::ACCOUNT_KEY)).filter(|path| path.exists())
}

/// Whether the folder was made with another key than this one.
fn is_another(data: &DataFolder, key: &PrivateKey) -> Result<bool, FileError> {
    match read_bounded(&data.fingerprint(), MAX_FINGERPRINT) {
        Ok(text) => Ok(text.trim_ascii_end() != key.public().thumbprint().to_string().as_bytes()),
        Err(error) if error.is_not_found() => Ok(false),
        Err(error) => Err(error),
    }
}

/// Longest fingerprint: 32 bytes in base64, with room for a line feed.
const MAX_FINGERPRINT: u64 = 64;

/// Longest key file.
const MAX_KEY: u64 = pkcs8::MAX_PEM as u64;

/// Reads a key from a file that only its owner can read, such as one that a factory made.
pub fn read_key_file(path: &Path) -> Result<PrivateKey, IdentityError> {
    read_key(path, &read_secret(path, MAX_KEY)?)
}

fn read_key(path: &Path, bytes: &[u8]) -> Result<PrivateKey, IdentityError> {
    std::str::from_utf8(bytes)
        .map_err(|_| pkcs8::Pkcs8Error::Malformed)
        .and_then(pkcs8::from_pem)
        .map_err(|error| IdentityError::Key { path: path.to_owned(), error })
}

#[cfg(test)]
pub(crate) mod tests;
