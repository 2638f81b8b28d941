//! The home folder: what a person's program keeps between two commands.
//!
//! ```text
//! account.pem     the account key, under the passcode (PKCS#8; `openssl pkey -in account.pem` opens it)
//! recovery.pem    the recovery key, under the same passcode, until its owner moves it to a safe place
//! identity.json   the public halves and the person's name, to say who one is without a passcode
//! transport.pem   the key of the network's own encryption; it names nobody
//! contacts.db     devices: keys, addresses, descriptions, the newest journal head that each has shown
//! unlock.sock     while `streembit unlock` is in force
//! ```
//!
//! The folder is the owner's alone (0700). Files are replaced in one step and the database keeps its promises through a
//! power cut, so that commands may run at the same time and be killed at any instant.

mod account;
mod attempts;
mod contacts;
mod database;

use std::fs::File;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use streembit_keys::files;

pub use account::{Identity, recovery_key};
pub use contacts::{Contact, Contacts, Head, HeadCheck, NewContact};

use crate::error::{Failure, Outcome};

/// The home folder of one account.
#[derive(Debug, Clone)]
pub struct Home {
    folder: PathBuf,
}

impl Home {
    /// The home in this folder, or where the system wants programs to keep their data.
    pub fn locate(folder: Option<&Path>) -> Outcome<Self> {
        if let Some(folder) = folder {
            return Ok(Self { folder: folder.to_owned() });
        }
        // XDG Base Directory Specification: a relative path in the variable is to be ignored.
        let data = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        let data = data.or_else(|| std::env::home_dir().map(|home| home.join(".local/share")));
        match data {
            Some(data) => Ok(Self { folder: data.join("streembit") }),
            None => {
                Err(Failure::because("Cannot tell where your home folder is.")
                    .or("Name one with `--home DIR`."))
            }
        }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The contacts. Makes their database where there is none yet.
    pub fn contacts(&self) -> Outcome<Contacts> {
        if !self.has_account() {
            return Err(self.no_account());
        }
        Contacts::open(database::open(&self.file("contacts.db"))?)
    }

    /// Holds the home's lock until the value is dropped, however that comes about: the system lets go of it when the
    /// process ends.
    fn lock(&self) -> Outcome<File> {
        let path = self.file("lock");
        let file = private_file(&path)?;
        flock(&file, FlockOperation::LockExclusive)
            .map_err(|e| Failure::because(format!("Cannot lock {}: {e}.", path.display())))?;
        Ok(file)
    }

    fn create_folder(&self) -> Outcome<()> {
        files::create_dir_private(&self.folder).map_err(disk)
    }
}

/// Makes an empty file that only its owner can read, where there is none. One that is there is not even opened: POSIX takes
/// a process's locks on a file away when it closes *any* descriptor of it, and with them those of SQLite in other threads.
fn make_private(path: &Path) -> Outcome<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let made = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    match made {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(Failure::because(format!("Cannot make {}: {error}.", path.display())))
        }
        _ => Ok(()),
    }
}

/// A file that only its owner can read, made if it is not there; what is in it stays.
fn private_file(path: &Path) -> Outcome<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = std::fs::OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    options.open(path).map_err(|e| Failure::because(format!("Cannot open {}: {e}.", path.display())))
}

/// A failure of a file, which names the file and the system's reason.
fn disk(error: files::FileError) -> Failure {
    let failure = Failure::because(format!("{}.", capitalised(&error.to_string())));
    if error.is_full() { failure.or("The disk is full: make room and try again.") } else { failure }
}

/// The same text as a sentence begins.
pub(crate) fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
