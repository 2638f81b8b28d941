//! What an owner writes about a plugin, and what becomes of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use streembit_plugin_api::manifest::{Manifest, ResourceKind};
use streembit_plugin_api::{MAX_VALUE, Name};

use super::PluginError;
use crate::hardware::{Binding, Direction};

/// One plugin instance in the config file:
///
/// ```toml
/// [plugins.garage]
/// component = "/usr/lib/streembit/plugins/gpio-switch.wasm"
/// settings = { pulse-ms = 300 }
///
/// [plugins.garage.grants]
/// open = "gpiochip0 line 4, output"
/// obstruction = "gpiochip0 line 7, input, pull up"
/// ```
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InstanceConfig {
    /// The component's file. Its manifest is inside.
    pub component: PathBuf,
    /// What the plugin's own `init` gets.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub settings: serde_json::Map<String, serde_json::Value>,
    /// Which line each logical name is.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub grants: BTreeMap<Name, Binding>,
    /// The isolation group: instances of one group share a process. Its own, where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Name>,
}

/// Where the sandbox's programs are.
#[derive(Debug, Clone)]
pub struct Programs {
    /// `streembit-plugin-host`.
    pub host: PathBuf,
    /// `streembit-plugin-compiler`.
    pub compiler: PathBuf,
}

impl Programs {
    /// Both in this folder.
    pub fn in_folder(folder: &Path) -> Self {
        Self {
            host: folder.join("streembit-plugin-host"),
            compiler: folder.join("streembit-plugin-compiler"),
        }
    }

    /// Both beside the program that runs, or where a package puts what nobody calls by hand: in `/usr/lib/streembit` for
    /// a program in `/usr/bin`.
    pub fn of_this() -> std::io::Result<Self> {
        let program = std::env::current_exe()?;
        let folder = program.parent().unwrap_or(Path::new("/"));
        Ok(Self::near(folder))
    }

    fn near(folder: &Path) -> Self {
        let beside = Self::in_folder(folder);
        match folder.parent() {
            Some(prefix) if !beside.host.exists() => Self::in_folder(&prefix.join("lib/streembit")),
            _ => beside,
        }
    }
}

/// The grants of an instance: everything that the manifest requires, and nothing that it does not name.
pub(super) fn check_grants(
    manifest: &Manifest,
    config: &InstanceConfig,
) -> Result<BTreeMap<Name, Binding>, PluginError> {
    let plugin = || manifest.name.to_string();
    for (name, resource) in &manifest.resources {
        match config.grants.get(name) {
            None if !resource.optional => {
                let reason = resource.reason.clone();
                return Err(PluginError::NotGranted { plugin: plugin(), name: name.clone(), reason });
            }
            Some(binding) if !fits(resource.kind, binding) => {
                let wanted = resource.kind.as_str();
                return Err(PluginError::WrongGrant {
                    name: name.clone(),
                    wanted,
                    binding: binding.to_string(),
                });
            }
            _ => {}
        }
    }
    if let Some(name) = config.grants.keys().find(|name| !manifest.resources.contains_key(*name)) {
        return Err(PluginError::NotAskedFor { plugin: plugin(), name: name.clone() });
    }
    Ok(config.grants.clone())
}

fn fits(kind: ResourceKind, binding: &Binding) -> bool {
    match kind {
        ResourceKind::DigitalInput => binding.direction == Direction::Input,
        ResourceKind::DigitalOutput => binding.direction == Direction::Output,
    }
}

pub(super) fn settings_json(config: &InstanceConfig) -> Result<String, PluginError> {
    let json = serde_json::Value::Object(config.settings.clone()).to_string();
    if json.len() > MAX_VALUE { Err(PluginError::SettingsTooLong) } else { Ok(json) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sandbox_is_beside_the_agent_or_where_the_package_puts_it() {
        let prefix = tempfile::tempdir().unwrap();
        let (bin, lib) = (prefix.path().join("bin"), prefix.path().join("lib/streembit"));
        std::fs::create_dir_all(&bin).unwrap();
        assert_eq!(Programs::near(&bin).host, lib.join("streembit-plugin-host"));
        assert_eq!(Programs::near(&bin).compiler, lib.join("streembit-plugin-compiler"));
        std::fs::write(bin.join("streembit-plugin-host"), "").unwrap();
        assert_eq!(Programs::near(&bin).host, bin.join("streembit-plugin-host"));
    }
}
