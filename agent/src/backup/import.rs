//! A machine becomes the device of a backup.

use rand_core::CryptoRng;
use streembit_keys::{PublicKey, Thumbprint};

use super::Backup;
use crate::identity::{DataFolder, IdentityError, Keeper, Origin, Past, replace};
use crate::journal::Beginning;

/// What of a backup is taken, and what not.
#[derive(Debug)]
pub struct Import {
    /// The backup.
    pub backup: Backup,
    /// Keys of its rights that count no longer: of contacts, owners among them, or the recovery key.
    pub revoked: Vec<Thumbprint>,
    /// Leave the config as it is.
    pub keep_config: bool,
    /// Who shall keep the account's key, where that is not as it was.
    pub keeper: Keeper,
    /// What becomes of the floors of the machine and of the backup's clock.
    pub past: Past,
}

/// Makes the device of a backup in `data`, where there is none, or one that nobody has taken ([`replace`]), and returns its
/// public key.
pub fn import(
    data: &DataFolder,
    import: Import,
    rng: &mut impl CryptoRng,
) -> Result<PublicKey, IdentityError> {
    let Import { backup, revoked, keep_config, keeper, past } = import;
    let Backup { identity, config, mut journal, made: _ } = backup;
    if past == Past::Forgotten {
        journal.floor = None;
    }
    let origin = Origin {
        key: Some(identity.account),
        lan: Some(identity.lan),
        config: (!keep_config).then_some(config),
        journal: Beginning { from: Some(journal), revoked, ..Beginning::default() },
        factory: None,
        factory_of_backup: Some(identity.factory),
        keeper,
    };
    replace(data, origin, past, rng)
}

#[cfg(test)]
mod tests;
