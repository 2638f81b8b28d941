//! The whole device, put together.
//!
//! [`Daemon::start`] takes everything from its caller: keys, the clock, the config, the control socket. So the program
//! ([`crate::cli`]) and a test inside one process start the same thing. [`Daemon::stop`] ends it in bounded time.

mod admit;
mod alive;
mod allowance;
mod calls;
mod check;
mod metrics;
mod offer;
mod people;
mod plugins;
mod reload;
mod status;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use streembit_keys::PrivateKey;
use streembit_peer::network::{Address, Incoming, Limits, Network, NetworkConfig, StartError};
use streembit_peer::session::PeerIds;
use tokio::net::{TcpListener, UnixListener};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, info};

use crate::clock::Clock;
use crate::command::{MAX_SESSIONS, Pipeline};
use crate::config::{Config, LoopbackAddress, Watcher};
use crate::control::{self, answer::ConfigState};
use crate::device::{Device, DeviceParts, Identity};
use crate::identity::Factory;
use crate::journal::{self, Journal};
use crate::liveness::{Beat, Pulse, pulse};
use crate::metrics::Listeners;
use crate::session::{self, Server, Source};
use crate::things::Things;
pub use alive::Liveness;
use plugins::PluginSet;

/// How long each part may take to end: sessions say goodbye in 2 s, and systemd waits 90 s for all.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a device is started with.
pub struct Setup {
    /// The account's key.
    pub account: PrivateKey,
    /// The transport key of the local network.
    pub lan: PrivateKey,
    /// What the factory wrote on the device.
    pub factory: Factory,
    /// The journal's database.
    pub journal: PathBuf,
    /// The folder where plugins' compiled code and stores are kept.
    pub plugins: PathBuf,
    /// The only clock.
    pub clock: Arc<Clock>,
    /// The settings at the start.
    pub config: Config,
    /// Tells of changes of the config file; without it, the settings stay.
    pub watcher: Option<Watcher>,
    /// Where the local owner asks.
    pub control: UnixListener,
    /// Where a monitoring system asks, beside the port that the config may name.
    pub metrics: Option<UnixListener>,
    /// The Things that the caller drives itself.
    pub things: Arc<Things>,
}

/// Why the device does not start.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The journal cannot be opened, or is not what this device signed last.
    #[error("the journal: {0}")]
    Journal(#[from] journal::OpenError),
    /// The network does not listen.
    #[error("the network: {0}")]
    Network(#[from] StartError),
    /// The device's own Thing Model is damaged: the program is.
    #[error("the device's own description: {0}")]
    Device(String),
    /// The simulated lines, or the sandbox's programs.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// The system's answer.
        source: std::io::Error,
    },
    /// A thread could not be started.
    #[error("out of threads: {0}")]
    Threads(String),
}

/// A running device.
pub struct Daemon {
    core: Arc<Core>,
    server: Arc<Server>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// What the control socket's answers are made of.
struct Core {
    device: Arc<Device>,
    plugins: PluginSet,
    network: Network,
    /// Where everything is kept.
    folder: PathBuf,
    started: Duration,
    /// The settings in force.
    config: Mutex<Config>,
    /// What became of the file since.
    config_state: Mutex<ConfigState>,
    /// Why metrics cannot be asked on the port that the config names.
    no_port: Option<String>,
    /// Makes the config file be read again.
    reload: Option<tokio::sync::mpsc::Sender<()>>,
    /// Asks the tasks of [`Daemon::spawn_all`] whether they come round, by what they do.
    pulses: Vec<(&'static str, Pulse)>,
}

impl Daemon {
    /// Starts a device. When this returns, it answers on the network and on the control socket. Needs a tokio runtime.
    pub async fn start(setup: Setup) -> Result<Self, DaemonError> {
        let Setup {
            account,
            lan,
            factory,
            journal,
            plugins,
            clock,
            config,
            watcher,
            control,
            metrics,
            things,
        } = setup;
        let settings = config.journal.settings();
        let folder = journal.parent().map(Path::to_owned).unwrap_or_default();
        let journal = open_journal(journal, account.clone(), Arc::clone(&clock), settings).await?;
        let plugins = PluginSet::new(&config, plugins, account.clone(), Arc::clone(&things))?;
        let device = Device::new(DeviceParts {
            key: account,
            identity: Identity {
                manufacturer: factory.manufacturer,
                model: factory.model,
                serial: factory.serial,
            },
            title: config.name.as_ref().map(ToString::to_string),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            journal: Arc::new(journal),
            clock: Arc::clone(&clock),
            things,
        })
        .map(Arc::new)
        .map_err(|error| DaemonError::Device(error.to_string()))?;
        let pipeline = Arc::new(Pipeline::new(Arc::clone(&device)));
        let serving = session::Limits::default();
        let server = Arc::new(Server::new(pipeline, serving));
        let network = Network::start(NetworkConfig {
            transport_key: lan,
            listen: config.network.listen.clone(),
            mdns: config.network.mdns,
            // A stream is a handshake or a session, and the server decides of which source each may be.
            limits: Limits { sessions: MAX_SESSIONS + serving.handshakes, ..Limits::default() },
        });
        // Both at once: the first answer should not wait for one after the other.
        let (network, ()) = tokio::join!(network, plugins.apply(&config.plugins));
        let (network, incoming) = match network {
            Ok(started) => started,
            Err(error) => {
                plugins.shutdown().await;
                return Err(error.into());
            }
        };

        let (port, no_port) = match config.metrics.listen {
            Some(address) => metrics_port(address).await,
            None => (None, None),
        };
        let metrics = Listeners { socket: metrics, port };
        let (sessions, accepts) = pulse();
        let (control_socket, asks) = pulse();
        let (metrics_asked, tells) = pulse();
        let mut pulses =
            vec![("sessions", sessions), ("control socket", control_socket), ("metrics", metrics_asked)];
        let watcher = watcher.map(|watcher| {
            let (config_file, follows) = pulse();
            pulses.push(("config file", config_file));
            (watcher, follows)
        });
        let core = Arc::new(Core {
            device,
            plugins,
            network,
            folder,
            started: clock.monotonic(),
            config: Mutex::new(config),
            config_state: Mutex::default(),
            no_port,
            reload: watcher.as_ref().map(|(watcher, _)| watcher.asker()),
            pulses,
        });
        let checker = Arc::downgrade(&core);
        core.device.set_checker(checker);
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let daemon = Self { core, server, stop, tasks };
        daemon.spawn_all((incoming, accepts), (control, asks), (metrics, tells), watcher);
        Ok(daemon)
    }

    fn spawn_all(
        &self,
        (incoming, accepts): (Incoming, Beat),
        (control, asks): (UnixListener, Beat),
        (metrics, tells): (Listeners, Beat),
        watcher: Option<(Watcher, Beat)>,
    ) {
        let Self { core, server, stop, tasks } = self;
        tasks.spawn(accept(incoming, Arc::clone(server), core.network.clone(), accepts, stop.clone()));
        let calls: Arc<dyn control::Handler> = Arc::clone(core) as _;
        tasks.spawn(control::serve(control, calls, asks, stop.clone()));
        let reporter = Arc::new(metrics::Reporter { core: Arc::clone(core), server: Arc::clone(server) });
        tasks.spawn(crate::metrics::serve(metrics, reporter, tells, stop.clone()));
        if let Some((watcher, follows)) = watcher {
            tasks.spawn(reload::follow(watcher, Arc::clone(core), follows, stop.clone()));
        }
        tasks.close();
        let addresses: Vec<String> = core.network.addresses().iter().map(ToString::to_string).collect();
        let device = core.device.key().public().thumbprint();
        info!(%device, addresses = addresses.join(" "), "the device runs");
    }

    /// The device: its rights, its journal, its Things.
    pub fn device(&self) -> &Arc<Device> {
        &self.core.device
    }

    /// Where it can be dialled.
    pub fn addresses(&self) -> Vec<Address> {
        self.core.network.addresses()
    }

    /// Makes the config file be read again.
    pub fn reload(&self) {
        self.core.ask_to_reload();
    }

    /// Asks its long-lived parts whether they still make progress.
    pub fn liveness(&self) -> Liveness {
        Liveness(Arc::clone(&self.core))
    }

    /// Ends the device: no more sessions, what is under way is answered, subscribers are told, the journal is written.
    /// Returns in bounded time, whatever the other sides do.
    pub async fn stop(self) {
        info!("the device stops");
        self.stop.cancel();
        in_time("sessions", self.server.close()).await;
        in_time("plugins", self.core.plugins.shutdown()).await;
        in_time("network", self.core.network.shutdown()).await;
        in_time("tasks", self.tasks.wait()).await;
        if let Err(error) = self.core.device.journal().flush().await {
            tracing::error!("the last entries of the journal are not written: {error}");
        }
    }
}

async fn in_time(what: &str, end: impl Future<Output = ()>) {
    if tokio::time::timeout(PATIENCE, end).await.is_err() {
        tracing::warn!("{what} did not end in time, and are left behind");
    }
}

/// The port for metrics, or why there is none. A device does its work without it.
async fn metrics_port(address: LoopbackAddress) -> (Option<TcpListener>, Option<String>) {
    match TcpListener::bind(address.socket()).await {
        Ok(port) => (Some(port), None),
        Err(error) => {
            tracing::warn!(%address, %error, "metrics cannot be asked on their port");
            (None, Some(format!("{address}: {error}")))
        }
    }
}

/// Opening reads and writes the disk, so it has a thread of its own.
async fn open_journal(
    path: PathBuf,
    key: PrivateKey,
    clock: Arc<Clock>,
    settings: journal::Settings,
) -> Result<Journal, DaemonError> {
    let open = move || Journal::open(&path, &key, clock, settings);
    match tokio::task::spawn_blocking(open).await {
        Ok(opened) => Ok(opened?),
        Err(error) => Err(DaemonError::Threads(error.to_string())),
    }
}

/// Takes every stream that somebody opens and serves a session on it. How many there may be, the network and the server
/// bound.
async fn accept(
    mut incoming: Incoming,
    server: Arc<Server>,
    network: Network,
    mut beat: Beat,
    stop: CancellationToken,
) {
    let own: String = network.peer_id().to_string();
    loop {
        let (peer, stream) = tokio::select! {
            () = stop.cancelled() => return,
            never = beat.answer() => match never {},
            next = incoming.next() => match next {
                Some(next) => next,
                None => return,
            },
        };
        let peer = peer.to_string();
        let peer_ids = PeerIds { initiator: peer, responder: own.clone() };
        // Tries are counted by machine: peer ids are free to make.
        let source = Source { name: stream.source(), peer_ids };
        let server = Arc::clone(&server);
        // The server keeps track of its sessions, and ends them.
        tokio::spawn(async move {
            let name = Arc::clone(&source.name);
            match server.serve(stream, source).await {
                Ok(()) => debug!(peer = %name, "a session is over"),
                Err(error) => debug!(peer = %name, "a session is over: {error}"),
            }
        });
    }
}
