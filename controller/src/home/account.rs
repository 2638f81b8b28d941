//! The account's key, the recovery key, the transport's key, and who this person is.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use streembit_keys::passcode::Passcode;
use streembit_keys::{PrivateKey, PublicKey, files, pkcs8, rng};
use zeroize::Zeroizing;

use super::{Home, attempts, capitalised, database, disk};
use crate::error::{Failure, Outcome};

const ACCOUNT: &str = "account.pem";
const RECOVERY: &str = "recovery.pem";
const IDENTITY: &str = "identity.json";
const TRANSPORT: &str = "transport.pem";

/// Longest identity file: two keys, a name and some air.
const MAX_IDENTITY: u64 = 4096;

/// Who this person is: what may be known without the passcode.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The name that devices show for this person, unless their owner gives another.
    pub name: String,
    /// The account's public key.
    pub public_key: PublicKey,
    /// The public half of the key that gets devices back when the account's is lost. Devices that this person claims learn
    /// it then.
    pub recovery: PublicKey,
}

impl Home {
    /// Whether an account was made here.
    pub fn has_account(&self) -> bool {
        self.file(ACCOUNT).exists()
    }

    /// Makes the account. One that is there stays: it is all that its owner has.
    pub fn create_account(&self, name: &str, passcode: &Passcode) -> Outcome<Identity> {
        self.create_folder()?;
        let _one_at_a_time = self.lock()?;
        if self.has_account() {
            return Err(self.account_exists());
        }
        let mut random = rng::system();
        let account = PrivateKey::generate(&mut random);
        let transport = PrivateKey::generate(&mut random);
        let recovery = PrivateKey::generate(&mut random);
        let identity = Identity {
            name: name.to_owned(),
            public_key: account.public().clone(),
            recovery: recovery.public().clone(),
        };

        let transport = pkcs8::to_pem(&transport).map_err(|e| Failure::because(sentence(&e)))?;
        files::write_atomic(&self.file(TRANSPORT), transport.as_bytes(), 0o600).map_err(disk)?;
        let text = serde_json::to_string_pretty(&identity).map_err(|e| Failure::because(sentence(&e)))?;
        files::write_atomic(&self.file(IDENTITY), text.as_bytes(), 0o600).map_err(disk)?;
        let recovery = pkcs8::to_encrypted_pem(&recovery, passcode, &mut random)
            .map_err(|e| Failure::because(sentence(&e)))?;
        files::write_atomic(&self.file(RECOVERY), recovery.as_bytes(), 0o600).map_err(disk)?;
        // The account's file comes last: whoever is killed before has no account, and simply begins again.
        let account = pkcs8::to_encrypted_pem(&account, passcode, &mut random)
            .map_err(|e| Failure::because(sentence(&e)))?;
        files::write_atomic(&self.file(ACCOUNT), account.as_bytes(), 0o600).map_err(disk)?;
        Ok(identity)
    }

    /// Who this person is.
    pub fn identity(&self) -> Outcome<Identity> {
        if !self.has_account() {
            return Err(self.no_account());
        }
        let bytes = files::read_bounded(&self.file(IDENTITY), MAX_IDENTITY).map_err(disk)?;
        serde_json::from_slice(&bytes)
            .map_err(|e| Failure::because(format!("{} is damaged: {e}.", self.file(IDENTITY).display())))
    }

    /// Opens the account's key. Wrong passcodes in a row make the next try wait.
    pub fn unlock(&self, passcode: &str) -> Outcome<PrivateKey> {
        if !self.has_account() {
            return Err(self.no_account());
        }
        let pem = files::read_secret(&self.file(ACCOUNT), pkcs8::MAX_PEM as u64).map_err(disk)?;
        let pem = Zeroizing::new(String::from_utf8_lossy(&pem).into_owned());
        let attempts = attempts::Attempts::open(database::open(&self.file("contacts.db"))?)?;
        attempts.begin()?;
        match pkcs8::from_encrypted_pem(&pem, passcode) {
            Ok(key) => {
                attempts.succeeded()?;
                Ok(key)
            }
            Err(error @ pkcs8::Pkcs8Error::WrongPasscode) => Err(attempts.failed(&sentence(&error))),
            Err(error) => {
                attempts.succeeded()?;
                Err(Failure::because(format!("{}: {error}.", self.file(ACCOUNT).display())))
            }
        }
    }

    /// Where `init` left the recovery key.
    pub fn recovery_file(&self) -> PathBuf {
        self.file(RECOVERY)
    }

    /// The key of the network's own encryption.
    pub fn transport_key(&self) -> Outcome<PrivateKey> {
        if !self.has_account() {
            return Err(self.no_account());
        }
        let pem = files::read_secret(&self.file(TRANSPORT), pkcs8::MAX_PEM as u64).map_err(disk)?;
        std::str::from_utf8(&pem)
            .map_err(|e| sentence(&e))
            .and_then(|pem| pkcs8::from_pem(pem).map_err(|e| sentence(&e)))
            .map_err(|why| Failure::because(format!("{}: {why}", self.file(TRANSPORT).display())))
    }

    /// There is an account, and it is all that its owner has.
    pub(crate) fn account_exists(&self) -> Failure {
        Failure::because(format!("There is an account in {} already.", self.folder().display()))
            .or("It stays as it is. For another account, choose another folder with `--home DIR`.")
    }

    pub(super) fn no_account(&self) -> Failure {
        Failure::because(format!("There is no account in {}.", self.folder().display()))
            .or("Make one with `streembit init`.")
    }
}

/// What opens a recovery key, wherever its owner keeps it. It is under a passcode, so who may read the file is not asked: a
/// stick or a scanned sheet of paper knows no owner.
pub fn recovery_key(file: &Path) -> Outcome<impl Fn(&str) -> Outcome<PrivateKey> + Send + 'static> {
    let pem = files::read_bounded(file, pkcs8::MAX_PEM as u64).map_err(|error| {
        let failure = Failure::invalid(format!("{}.", capitalised(&error.to_string())));
        failure.or("Name the file that `streembit init` made, where you keep it now: `--key FILE`.")
    })?;
    let (pem, file) = (String::from_utf8_lossy(&pem).into_owned(), file.to_owned());
    Ok(move |passcode: &str| {
        pkcs8::from_encrypted_pem(&pem, passcode)
            .map_err(|error| Failure::invalid(format!("{}: {error}.", file.display())))
    })
}

fn sentence(error: &dyn std::error::Error) -> String {
    format!("{}.", capitalised(&error.to_string()))
}
