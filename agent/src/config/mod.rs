//! The one file that people edit.
//!
//! It is TOML, and every unknown key is an error: a misspelt setting must not be silently without effect. A
//! [`ConfigError`] names the line and the key. [`watch`] reads the file again when it changes.

mod error;
mod file;
mod watch;

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use streembit_keys::files::read_bounded;
use streembit_peer::message::Name;
use streembit_peer::network::ListenAddress;
use streembit_peer::rights::Label;

pub use error::ConfigError;
pub use watch::{Reload, Watcher};

/// What `init` writes.
pub const DEFAULT: &str = include_str!("default.toml");

/// Longest config file: a hundred Things with long bindings have about 60 KiB.
const MAX_FILE: u64 = 256 * 1024;

/// Everything that the file says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Config {
    /// What people call the device.
    pub name: Option<Label>,
    /// How it can be reached.
    pub network: Network,
    /// What it drives, by local name.
    pub things: BTreeMap<Name, ThingConfig>,
}

/// How the device can be reached.
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    /// Where to listen.
    pub listen: Vec<ListenAddress>,
    /// Whether to be found on the local network, and to find others there.
    pub mdns: bool,
}

impl Default for Network {
    /// What the default file says.
    fn default() -> Self {
        let listen = ["/ip4/0.0.0.0/udp/7600/quic-v1", "/ip4/0.0.0.0/tcp/7600"];
        Self { listen: listen.iter().filter_map(|address| address.parse().ok()).collect(), mdns: true }
    }
}

/// One Thing: the plugin that drives it, and what that plugin may touch.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ThingConfig {
    /// The component's file.
    pub plugin: std::path::PathBuf,
    /// Which lines it gets, by the names that its manifest asks for.
    #[serde(default)]
    pub grant: BTreeMap<Name, String>,
}

impl Config {
    /// Reads the file at `path`.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let bytes = read_bounded(path, MAX_FILE)?;
        let text = String::from_utf8(bytes).map_err(|_| ConfigError::not_text(path))?;
        Self::parse(&text).map_err(|error| error.in_file(path))
    }

    /// Reads the file's text.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        file::read(text)
    }

    /// Which settings of `new` take effect only at the next start, by their keys.
    pub fn needs_restart(&self, new: &Self) -> Vec<&'static str> {
        let changed = [
            ("network.listen", self.network.listen != new.network.listen),
            ("network.mdns", self.network.mdns != new.network.mdns),
            ("name", self.name != new.name),
        ];
        changed.into_iter().filter_map(|(key, is)| is.then_some(key)).collect()
    }
}

#[cfg(test)]
mod tests;
