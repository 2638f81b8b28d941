//! The one file that people edit.
//!
//! It is TOML, and every unknown key is an error: a misspelt setting must not be silently without effect. A
//! [`ConfigError`] names the line and the key. [`Watcher`] reads the file again when it changes.

mod edit;
mod effective;
mod error;
mod file;
mod metrics;
mod watch;

use std::collections::BTreeMap;
use std::num::{NonZeroU32, NonZeroU64};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use streembit_keys::files::read_bounded;
use streembit_peer::network::ListenAddress;
use streembit_peer::rights::Label;
use streembit_plugin_api::Name;

use crate::plugins::InstanceConfig;

pub use edit::{EditError, set, unset};
pub use error::ConfigError;
pub use metrics::{LoopbackAddress, Metrics, NotLoopback};
pub use watch::{Reload, Watcher};

/// What `init` writes.
pub const DEFAULT: &str = include_str!("default.toml");

/// What the file may say, for editors that check while one types (JSON Schema, draft 7, which is what they know).
pub const SCHEMA: &str = include_str!("schema.json");

/// Longest config file: a hundred Things with long bindings have about 60 KiB.
pub const MAX_FILE: u64 = 256 * 1024;

/// Everything that the file says.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Config {
    /// What people call the device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Label>,
    /// How it can be reached.
    pub network: Network,
    /// What the journal keeps.
    pub journal: Journal,
    /// Where the lines of grants are.
    pub hardware: Hardware,
    /// Where the sandbox's programs are.
    pub sandbox: Sandbox,
    /// Where a monitoring system asks.
    pub metrics: Metrics,
    /// What drives its Things, by their local names.
    pub plugins: BTreeMap<Name, InstanceConfig>,
}

/// How the device can be reached.
#[derive(Debug, Clone, PartialEq, Serialize)]
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

/// What the journal keeps. What is not said is as the journal itself has it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Journal {
    /// Whether reads are journalled.
    pub reads: Option<bool>,
    /// How many entries at most.
    pub max_entries: Option<NonZeroU64>,
    /// How many megabytes at most.
    pub max_megabytes: Option<NonZeroU32>,
    /// For how many days.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_days: Option<NonZeroU32>,
}

impl Journal {
    /// The same as the journal takes it.
    pub fn settings(&self) -> crate::journal::Settings {
        let default = crate::journal::Settings::default();
        crate::journal::Settings {
            reads: self.reads.unwrap_or(default.reads),
            max_entries: self.max_entries.map_or(default.max_entries, NonZeroU64::get),
            max_bytes: self.max_megabytes.map_or(default.max_bytes, |n| u64::from(n.get()) << 20),
            max_age: self
                .keep_days
                .map(|n| Duration::from_secs(u64::from(n.get()) * 86_400))
                .or(default.max_age),
        }
    }
}

/// Where the lines of grants are.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hardware {
    /// A folder that plays the lines, instead of the machine's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub simulated: Option<PathBuf>,
}

/// Where the sandbox's programs are.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sandbox {
    /// Their folder; without it, that of the agent's own program, or `../lib/streembit` beside it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folder: Option<PathBuf>,
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
            ("journal", self.journal != new.journal),
            ("hardware", self.hardware != new.hardware),
            ("sandbox", self.sandbox != new.sandbox),
            ("metrics", self.metrics != new.metrics),
        ];
        changed.into_iter().filter_map(|(key, is)| is.then_some(key)).collect()
    }
}

#[cfg(test)]
mod tests;
