//! All that another machine needs to be this device, in one file under a passcode.
//!
//! The file is JSON with two texts, and both are forms that other programs can open. `key` is the device's account key as
//! encrypted PKCS#8, like a person's. `sealed` is everything else: a JWE (`ECDH-ES`, `A256GCM`) to that key around a JWS by that
//! key, so that only who opens the key reads it, and only who has the key can have written it.
//!
//! In it are the transport key of the local network (contacts find a device by it), what the factory wrote, the config, and
//! of the journal what must go on: all changes of rights, where it stood, the calls that were begun, the floor of the
//! clock. The journal's entries are not in it, nor what plugins store.

mod import;

use serde::{Deserialize, Serialize};
use streembit_keys::jwe::{self, JweError};
use streembit_keys::jws::{self, Typ};
use streembit_keys::passcode::Passcode;
use streembit_keys::pkcs8::{self, Pkcs8Error};
use streembit_keys::{PrivateKey, Thumbprint};
use zeroize::Zeroizing;

use crate::access::Rights;
use crate::identity::{Factory, Identity};
use crate::journal::{Extract, MAX_BEGINNING, Standing};
use crate::words::bytes;

pub use import::{Import, import};

/// What each backup says it is.
const FORMAT: &str = "streembit-backup";

/// What the first bytes of each backup are, whatever its version.
const BEGINNING: &[u8] = br#"{"format":"streembit-backup","#;

/// The newest version of the format that is known here.
const VERSION: u64 = 1;

/// The longest file: base64 twice makes what is in it less than twice as long.
pub const MAX_FILE: u64 = 2 * MAX_BEGINNING;

const BACKUP: Typ = Typ::new("sb-backup");

/// All that makes a device.
#[derive(Debug)]
pub struct Backup {
    /// Who it is.
    pub identity: Identity,
    /// When it was made by its device's clock, for which nobody vouches: for people alone.
    pub made: i64,
    /// The text of its config file.
    pub config: String,
    /// What its journal goes on from.
    pub journal: Extract,
}

/// A backup that somebody had the passcode of, and what its journal says, which holds.
#[derive(Debug)]
pub struct Opened {
    /// All of it.
    pub backup: Backup,
    /// Where its journal stood.
    pub standing: Standing,
    /// Who might do what then.
    pub rights: Rights,
}

/// A file gives no backup, or there can be none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BackupError {
    /// A file of another kind.
    #[error("not a backup of a device, as `streembit-agent export` makes it")]
    Foreign,
    /// Made by a later version.
    #[error(
        "a backup in a newer format ({found}, this agent knows {VERSION}): install that version of the agent"
    )]
    Newer {
        /// Its version.
        found: u64,
    },
    /// It does not open with this passcode.
    #[error("the passcode is wrong, or the backup is damaged")]
    WrongPasscode,
    /// The key in it is encrypted in a way that is refused.
    #[error("the key in the backup: {0}")]
    Key(Pkcs8Error),
    /// The passcode is right, and the rest is not what the device wrote.
    #[error("the backup is damaged: {0}")]
    Damaged(String),
    /// There is more than a backup can hold.
    #[error("the device's changes of rights are too many for a backup, which holds {}", bytes(MAX_BEGINNING))]
    TooLong,
}

/// What a file says of itself.
#[derive(Deserialize)]
struct Head {
    format: String,
    version: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Outer {
    format: String,
    version: u64,
    key: String,
    sealed: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Inner {
    iss: Thumbprint,
    made: i64,
    lan: Secret,
    factory: Factory,
    config: String,
    journal: Extract,
}

/// A text that leaves nothing behind where it was.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct Secret(String);

impl Drop for Secret {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.0);
    }
}

/// Room for what of a backup has no bound of its own above: the keys, what the factory wrote, and the names of members.
const OVERHEAD: usize = 16 << 10;

impl Backup {
    /// The file's bytes, under this passcode.
    pub fn seal(&self, passcode: &Passcode) -> Result<Vec<u8>, BackupError> {
        let rng = &mut streembit_keys::rng::system();
        let account = &self.identity.account;
        let inner = Inner {
            iss: account.public().thumbprint(),
            made: self.made,
            lan: Secret(pkcs8::to_pem(&self.identity.lan).map_err(BackupError::Key)?.to_string()),
            factory: self.identity.factory.clone(),
            config: self.config.clone(),
            journal: self.journal.clone(),
        };
        let inner = inner.to_json()?;
        if inner.len() as u64 > MAX_BEGINNING {
            return Err(BackupError::TooLong);
        }
        let signed = Zeroizing::new(jws::sign(account, BACKUP, &inner));
        let outer = Outer {
            format: FORMAT.to_owned(),
            version: VERSION,
            key: pkcs8::to_encrypted_pem(account, passcode, rng).map_err(BackupError::Key)?.to_string(),
            sealed: jwe::encrypt_to(account.public(), BACKUP, signed.as_bytes(), rng).map_err(damaged)?,
        };
        let mut file = serde_json::to_vec(&outer).map_err(damaged)?;
        file.push(b'\n');
        Ok(file)
    }

    /// Opens a file's bytes. The caller bounds them.
    ///
    /// What comes out was written by somebody who had the device's key, and its journal's part holds.
    pub fn open(file: &[u8], passcode: &str) -> Result<Opened, BackupError> {
        let outer = Outer::parse(file)?;
        let account = pkcs8::from_encrypted_pem(&outer.key, passcode).map_err(|error| match error {
            Pkcs8Error::WrongPasscode => BackupError::WrongPasscode,
            error => BackupError::Key(error),
        })?;
        // A key that is not the one which the rest was sealed to comes from a passcode that was nearly right, too: padding
        // alone says nothing. (PKCS#8 has no other check.)
        let signed = jwe::decrypt(&account, BACKUP, &outer.sealed).map_err(|error| match error {
            JweError::Sealed => damaged("it was changed since it was written"),
            error => damaged(error),
        })?;
        Self::of_signed(account, &Zeroizing::new(signed))
    }

    /// Reads what was sealed.
    fn of_signed(account: PrivateKey, signed: &[u8]) -> Result<Opened, BackupError> {
        let signed = std::str::from_utf8(signed).map_err(damaged)?;
        let inner = Zeroizing::new(jws::verify(signed, BACKUP, account.public()).map_err(damaged)?);
        Self::of_json(account, &inner)
    }

    /// Reads what was signed.
    pub fn of_json(account: PrivateKey, inner: &[u8]) -> Result<Opened, BackupError> {
        let Inner { iss, made, lan, factory, config, journal } =
            serde_json::from_slice(inner).map_err(damaged)?;
        if iss != account.public().thumbprint() {
            return Err(damaged("it names another device than its own"));
        }
        let (standing, rights) = journal.check(account.public()).map_err(damaged)?;
        let lan = pkcs8::from_pem(&lan.0).map_err(BackupError::Key)?;
        let identity = Identity { account, lan, factory };
        Ok(Opened { backup: Self { identity, made, config, journal }, standing, rights })
    }
}

impl Inner {
    /// Its JSON, written where there is room for all of it: a buffer that grows would leave copies of the key behind.
    fn to_json(&self) -> Result<Zeroizing<Vec<u8>>, BackupError> {
        // Text in JSON is at most six times as long, and what the journal has needs no other form.
        let journal: usize = self.journal.changes.iter().map(|change| change.len() + 3).sum();
        let room = OVERHEAD + 6 * self.config.len() + journal + 256 * self.journal.calls.len();
        let mut json = Zeroizing::new(Vec::with_capacity(room));
        serde_json::to_writer(&mut *json, self).map_err(damaged)?;
        Ok(json)
    }
}

impl Outer {
    /// Reads what is in the clear. Nothing of it is believed.
    fn parse(file: &[u8]) -> Result<Self, BackupError> {
        // A derived struct would also be read from a JSON array.
        if !file.trim_ascii_start().starts_with(b"{") {
            return Err(BackupError::Foreign);
        }
        let head: Head = match serde_json::from_slice(file) {
            Ok(head) => head,
            // A copy that broke off begins as ours do.
            Err(error) if file.starts_with(BEGINNING) => return Err(damaged(error)),
            Err(_) => return Err(BackupError::Foreign),
        };
        if head.format != FORMAT {
            return Err(BackupError::Foreign);
        }
        if head.version != VERSION {
            return Err(BackupError::Newer { found: head.version });
        }
        serde_json::from_slice(file).map_err(damaged)
    }
}

fn damaged(why: impl std::fmt::Display) -> BackupError {
    BackupError::Damaged(why.to_string())
}

#[cfg(test)]
pub(crate) mod tests;
