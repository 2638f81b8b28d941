//! The agent's side of the sandbox.
//!
//! [`Plugins`] takes what the owner configured ([`InstanceConfig`]) and makes a [`Thing`] of each plugin instance. A
//! component is looked at (`component.rs`), compiled by a process that lives for it alone (`compiler.rs`), kept with a
//! signature of the device (`cache.rs`) and handed to the host process of its isolation group as a sealed memory file
//! (`memory_file.rs`). `process.rs` speaks with that process; `serve.rs` answers what its plugins ask for, after a look
//! at their grants, every time; `supervisor.rs` starts an instance again when it ended, later each time.
//!
//! Nothing here knows who calls a Thing, and what a host process says is believed about nothing but its own plugins.

mod cache;
mod compiler;
mod component;
mod config;
mod ends;
mod error;
mod group;
mod lines;
mod memory_file;
mod misconduct;
mod outbox;
mod patience;
mod process;
mod serve;
mod store;
mod supervisor;
#[cfg(test)]
mod tests;
mod thing;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use streembit_keys::PrivateKey;
use streembit_plugin_api::Name;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use config::{InstanceConfig, Programs};
pub use ends::LastEnd;
pub use error::PluginError;

use crate::hardware::Hardware;
use crate::liveness::{Part, Pulse, pulse};
use crate::things::{Health, Thing, Things};
use group::Group;
use thing::PluginThing;

/// What plugins need of the rest of the agent.
pub struct Setup {
    /// The host and the compiler.
    pub programs: Programs,
    /// A folder for compiled code and the plugins' stores.
    pub folder: PathBuf,
    /// The device's key: it signs compiled code, so that nobody else's is run.
    pub key: PrivateKey,
    /// The lines that grants name.
    pub hardware: Arc<Hardware>,
    /// Where the Things appear.
    pub things: Arc<Things>,
}

/// Every plugin instance of this device.
pub struct Plugins {
    setup: Arc<Setup>,
    running: Mutex<Running>,
    tasks: TaskTracker,
}

#[derive(Default)]
struct Running {
    instances: BTreeMap<Name, Instance>,
    groups: BTreeMap<Name, Arc<Group>>,
    /// The ends of instances that were removed: until then they hold their lines.
    stopping: Vec<CancellationToken>,
}

struct Instance {
    thing: Arc<PluginThing>,
    stop: CancellationToken,
    /// It has stopped.
    over: CancellationToken,
    /// Asks its supervisor whether it comes round.
    pulse: Pulse,
}

/// How an instance is, for `plugin list` and `status`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The name of its Thing.
    pub instance: Name,
    /// The plugin's name and version, as its manifest says.
    pub plugin: String,
    /// Whether it can be used.
    pub health: Health,
    /// How often its instances have ended without being told to since the agent's start, by kind.
    pub ends: BTreeMap<&'static str, u64>,
    /// The last of them.
    pub last_end: Option<LastEnd>,
}

impl Plugins {
    /// No plugin yet.
    pub fn new(setup: Setup) -> Self {
        Self { setup: Arc::new(setup), running: Mutex::default(), tasks: TaskTracker::new() }
    }

    /// Installs a plugin and starts it.
    ///
    /// An error says why it can never run as it is configured: no such component, a bad manifest, a grant that is
    /// missing or does not fit, an import that is not served. A plugin that only fails to start is added all the same:
    /// its Thing says that it is down and why, and it is tried again.
    pub async fn add(&self, instance: Name, config: InstanceConfig) -> Result<(), PluginError> {
        let component = component::Component::read(&config.component)?;
        let grants = config::check_grants(&component.manifest, &config)?;
        let settings = config::settings_json(&config)?;
        // Compiled here, so that what cannot be compiled is refused and not retried.
        cache::code(&self.setup, &component).await?;
        let thing = Arc::new(PluginThing::new(instance.clone(), &component)?);
        let (stop, over) = (CancellationToken::new(), CancellationToken::new());
        let (pulse, mut beat) = pulse();
        let entry = Instance { thing: Arc::clone(&thing), stop: stop.clone(), over: over.clone(), pulse };
        let (group, stopping) = self.put(&instance, &config, entry)?;
        let plan = supervisor::Plan { component, grants, settings };
        let supervisor =
            supervisor::Supervisor::new(Arc::clone(&self.setup), group, Arc::clone(&thing), plan);
        let (started, first) = tokio::sync::oneshot::channel();
        self.tasks.spawn(async move {
            // Whatever was removed before may have held the very lines that this one is granted.
            for end in stopping {
                beat.during(end.cancelled()).await;
            }
            supervisor.run(stop, started, beat).await;
            over.cancel();
        });
        self.setup.things.put(instance.to_string(), thing);
        // Whoever adds a plugin may call it at once: the first try is over, well or badly.
        let _ = first.await;
        Ok(())
    }

    fn put(
        &self,
        instance: &Name,
        config: &InstanceConfig,
        entry: Instance,
    ) -> Result<(Arc<Group>, Vec<CancellationToken>), PluginError> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if running.instances.contains_key(instance) {
            return Err(PluginError::Exists(instance.clone()));
        }
        running.instances.insert(instance.clone(), entry);
        // Nothing vouches for a publisher yet, so each instance is a group of its own unless the owner says otherwise.
        let group = config.group.clone().unwrap_or_else(|| instance.clone());
        let programs = self.setup.programs.clone();
        let group = running.groups.entry(group).or_insert_with(|| Arc::new(Group::new(programs)));
        let group = Arc::clone(group);
        running.stopping.retain(|end| !end.is_cancelled());
        Ok((group, running.stopping.clone()))
    }

    /// Stops a plugin and takes its Thing away. What it holds goes to its safe state.
    pub fn remove(&self, name: &str) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(instance) = running.instances.remove(name) {
            instance.stop.cancel();
            running.stopping.push(instance.over);
        }
        drop(running);
        self.setup.things.remove(name);
    }

    /// How every instance is.
    pub fn list(&self) -> Vec<Status> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let status = |(name, instance): (&Name, &Instance)| Status {
            instance: name.clone(),
            plugin: instance.thing.plugin().to_owned(),
            health: instance.thing.health(),
            ends: instance.thing.ends().counts(),
            last_end: instance.thing.ends().last(),
        };
        running.instances.iter().map(status).collect()
    }

    /// The process ids of the hosts that run now.
    pub fn processes(&self) -> Vec<u32> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.groups.values().filter_map(|group| group.process_id()).collect()
    }

    /// What keeps them running: the supervisor of each instance and the task that hears each host process.
    pub fn parts(&self) -> Vec<Part> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let supervisors = running.instances.iter().map(|(name, instance)| {
            Part::of_pulse(format!("plugin {name}"), instance.pulse.clone(), Some(instance.over.clone()))
        });
        let hosts = running.groups.iter().filter_map(|(name, group)| group.part(name));
        supervisors.chain(hosts).collect()
    }

    /// Stops everything and waits until it has stopped.
    pub async fn shutdown(&self) {
        {
            let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
            running.instances.values().for_each(|instance| instance.stop.cancel());
        }
        self.tasks.close();
        self.tasks.wait().await;
    }
}
