use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use streembit_keys::files;
use streembit_plugin_api::{MAX_COMPONENT, Manifest, section};

use super::PluginError;

/// A component's file, and what its manifest says.
pub(super) struct Component {
    pub(super) path: PathBuf,
    pub(super) hash: [u8; 32],
    pub(super) manifest: Manifest,
}

impl Component {
    pub(super) fn read(path: &Path) -> Result<Self, PluginError> {
        let bytes = bytes(path)?;
        let component = |error| PluginError::Component { path: path.to_owned(), error };
        let text = section::find(&bytes).map_err(component)?;
        let manifest =
            Manifest::parse(text).map_err(|error| PluginError::Manifest { path: path.to_owned(), error })?;
        Ok(Self { path: path.to_owned(), hash: Sha256::digest(&bytes).into(), manifest })
    }

    /// The bytes that the manifest was read from: a file that was changed since is another component.
    pub(super) fn bytes(&self) -> Result<Vec<u8>, PluginError> {
        let bytes = bytes(&self.path)?;
        if <[u8; 32]>::from(Sha256::digest(&bytes)) != self.hash {
            let reason = "it was changed while it was in use: add it again".to_owned();
            return Err(PluginError::Unreadable { path: self.path.clone(), reason });
        }
        Ok(bytes)
    }
}

fn bytes(path: &Path) -> Result<Vec<u8>, PluginError> {
    files::read_bounded(path, MAX_COMPONENT as u64)
        .map_err(|error| PluginError::Unreadable { path: path.to_owned(), reason: error.to_string() })
}
