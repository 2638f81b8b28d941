//! The plugins that the config file names, kept in step with it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use futures::future::join_all;
use streembit_keys::PrivateKey;
use streembit_plugin_api::Name;
use tracing::{info, warn};

use super::DaemonError;
use crate::config::Config;
use crate::hardware::{Hardware, Linux, Simulated};
use crate::liveness::Part;
use crate::plugins::{InstanceConfig, Plugins, Programs, Setup, Status};
use crate::things::Things;

/// The plugins of this device, as its config file wants them.
pub(super) struct PluginSet {
    plugins: Plugins,
    /// What was started, by the settings that it was started with. One change at a time.
    started: tokio::sync::Mutex<BTreeMap<Name, InstanceConfig>>,
    /// What can never run as it is configured, and why.
    refused: Mutex<BTreeMap<String, String>>,
}

impl PluginSet {
    /// None yet.
    pub(super) fn new(
        config: &Config,
        folder: PathBuf,
        key: PrivateKey,
        things: Arc<Things>,
    ) -> Result<Self, DaemonError> {
        let hardware = match &config.hardware.simulated {
            Some(folder) => Simulated::new(folder)
                .map(Hardware::new)
                .map_err(|source| DaemonError::Io { what: "the folder of simulated lines", source })?,
            None => Hardware::new(Linux),
        };
        let programs = match &config.sandbox.folder {
            Some(folder) => Programs::in_folder(folder),
            None => Programs::of_this()
                .map_err(|source| DaemonError::Io { what: "the sandbox's programs", source })?,
        };
        let hardware = Arc::new(hardware);
        let plugins = Plugins::new(Setup { programs, folder, key, hardware, things });
        Ok(Self { plugins, started: tokio::sync::Mutex::default(), refused: Mutex::default() })
    }

    /// Stops what is gone or changed, and starts what is new or changed. What does not start does not keep the rest.
    pub(super) async fn apply(&self, wanted: &BTreeMap<Name, InstanceConfig>) {
        let mut started = self.started.lock().await;
        started.retain(|name, config| {
            let stays = wanted.get(name) == Some(config);
            if !stays {
                info!(plugin = %name, "stopped: the config file says otherwise");
                self.plugins.remove(name.as_str());
            }
            stays
        });
        let new: Vec<(Name, InstanceConfig)> = wanted
            .iter()
            .filter(|(name, _)| !started.contains_key(*name))
            .map(|(name, config)| (name.clone(), config.clone()))
            .collect();
        let tries = new.iter().map(|(name, config)| self.plugins.add(name.clone(), config.clone()));
        let outcomes = join_all(tries).await;
        let mut refused = BTreeMap::new();
        for ((name, config), outcome) in new.into_iter().zip(outcomes) {
            match outcome {
                Ok(()) => {
                    info!(plugin = %name, "taken up, as the config file says");
                    started.insert(name, config);
                }
                Err(error) => {
                    warn!(plugin = %name, "it cannot run as it is configured: {error}");
                    refused.insert(name.to_string(), error.to_string());
                }
            }
        }
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = refused;
    }

    /// What can never run as it is configured, and why.
    pub(super) fn refused(&self) -> BTreeMap<String, String> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How each of those is that were started.
    pub(super) fn list(&self) -> Vec<Status> {
        self.plugins.list()
    }

    /// The host processes that run now.
    pub(super) fn processes(&self) -> Vec<u32> {
        self.plugins.processes()
    }

    /// What keeps them running, each to be asked whether it still does.
    pub(super) fn parts(&self) -> Vec<Part> {
        self.plugins.parts()
    }

    /// Stops all of them. What they hold goes to its safe state.
    pub(super) async fn shutdown(&self) {
        self.plugins.shutdown().await;
    }
}
