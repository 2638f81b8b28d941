//! The device's keys, and who can get at them.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use streembit_keys::files::FileError;

use super::{Diagnosis, Point};
use crate::identity::{DataFolder, Identity, IdentityError};

/// Whether the keys are there and are those of this folder (`credentials`: where systemd puts what it hands over), and
/// whether the folder keeps them to itself.
pub fn keys(data: &DataFolder, credentials: Option<&Path>) -> Point {
    let identity = match Identity::load(data, credentials) {
        Ok(identity) => identity,
        Err(error) => return missing(data, &error),
    };
    let thumbprint = identity.account.public().thumbprint();
    match std::fs::metadata(data.path()) {
        Ok(folder) if folder.mode() & 0o077 != 0 => Diagnosis::Identity.warning(
            format!("{thumbprint}, but others may look into {}", data.path().display()),
            format!("Keep it to its user: `chmod 700 {}`.", data.path().display()),
        ),
        _ => Diagnosis::Identity.ok(thumbprint.to_string()),
    }
}

fn missing(data: &DataFolder, error: &IdentityError) -> Point {
    let remedy = match error {
        IdentityError::NotInitialised(_) => {
            format!("Make a device: `streembit-agent --data {} init`.", data.path().display())
        }
        _ if data.is_interrupted() => {
            "A factory reset or an import was interrupted. Begin it again; `streembit-agent factory-reset` makes a new device."
                .to_owned()
        }
        IdentityError::File(FileError::Exposed { path, .. }) => format!(
            "Keep it to its user: `chmod 600 {}`. Whoever had an account on this machine may know the key: a factory reset \
             makes another.",
            path.display()
        ),
        IdentityError::File(FileError::Io { source, .. })
            if source.kind() == std::io::ErrorKind::PermissionDenied =>
        {
            "Run this with `sudo`.".to_owned()
        }
        IdentityError::OtherKey { .. } => {
            "Hand over the key of this folder: `LoadCredential=account.key:` and its file.".to_owned()
        }
        _ => "Put a backup of the file in its place.".to_owned(),
    };
    Diagnosis::Identity.bad(error.to_string(), remedy)
}

#[cfg(test)]
mod tests {
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::check::Level;
    use crate::identity::{Origin, create};

    #[test]
    fn keys_that_others_could_read_or_that_are_gone_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataFolder::new(folder.path().join("device"));
        let none = keys(&data, None);
        assert!(none.level == Level::Bad && none.remedy.unwrap().contains("init"));

        create(&data, Origin::default(), &mut streembit_keys::rng::system()).unwrap();
        assert_eq!(keys(&data, None).level, Level::Ok);
        set_permissions(data.path(), Permissions::from_mode(0o750)).unwrap();
        assert_eq!(keys(&data, None).level, Level::Warning);
        set_permissions(data.path(), Permissions::from_mode(0o700)).unwrap();

        for file in [data.account_key().to_owned(), data.lan_key()] {
            set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
            let exposed = keys(&data, None);
            assert!(exposed.level == Level::Bad && exposed.remedy.unwrap().contains("chmod 600"));
            set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        }
        std::fs::write(data.lan_key(), "no key").unwrap();
        let damaged = keys(&data, None);
        assert!(damaged.level == Level::Bad && damaged.detail.contains("lan.key"));
    }
}
