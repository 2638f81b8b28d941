//! A device inside this process, and people who come to it over the loopback network.

use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use streembit_agent::clock::{Clock, VirtualTime};
use streembit_agent::config::{Config, Watcher};
use streembit_agent::control::answer::MadeLink;
use streembit_agent::control::{self, Call, Client, Failure, PairArgs};
use streembit_agent::daemon::{Daemon, DaemonError, Setup};
use streembit_agent::identity::{DataFolder, Identity, Origin, create};
use streembit_agent::things::Things;
use streembit_keys::{PrivateKey, rng};
use streembit_peer::client::Connection;
use streembit_peer::link::Link;
use streembit_peer::message::{Answer, Call as Request, Operation};
use streembit_peer::network::{Limits, Network, NetworkConfig};
use streembit_peer::session::{PeerIds, Remote};
use streembit_peer::wire;

/// A Monday, 12:00 UTC.
pub const NOON: i64 = 1_700_481_600;

/// How long a test waits for what must come.
pub const SOON: Duration = Duration::from_secs(20);

/// Settings for a test: loopback only, any port, no multicast.
pub const SETTINGS: &str = "[network]\nlisten = [\"/ip4/127.0.0.1/tcp/0\"]\nmdns = false\n";

/// A data folder with a device in it.
pub struct Home {
    _folder: tempfile::TempDir,
    pub data: DataFolder,
    pub time: VirtualTime,
}

impl Home {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = DataFolder::new(folder.path().join("device"));
        create(&data, Origin::default(), &mut rng::system()).unwrap();
        std::fs::write(data.config(), SETTINGS).unwrap();
        Self { _folder: folder, data, time: VirtualTime::new(NOON, true) }
    }

    pub async fn start(&self) -> Daemon {
        self.try_start().await.unwrap()
    }

    pub async fn try_start(&self) -> Result<Daemon, DaemonError> {
        let identity = Identity::load(&self.data, None).unwrap();
        Daemon::start(Setup {
            account: identity.account,
            lan: identity.lan,
            factory: identity.factory,
            journal: self.data.state(),
            plugins: self.data.plugins(),
            clock: Arc::new(Clock::new(self.time.clone())),
            config: Config::load(self.data.config()).unwrap(),
            watcher: Some(Watcher::new(self.data.config())),
            control: control::bind(&self.data.control_socket()).unwrap(),
            metrics: Some(control::bind(&self.data.metrics_socket()).unwrap()),
            things: Arc::new(Things::default()),
        })
        .await
    }

    /// Asks on the control socket.
    pub async fn ask<T: DeserializeOwned + Send + 'static>(&self, call: Call) -> Result<T, Failure> {
        let data = self.data.clone();
        let answer =
            tokio::task::spawn_blocking(move || Client::connect(&data)?.ask(&call)).await.unwrap()?;
        Ok(serde_json::from_value(answer).unwrap())
    }

    pub async fn pair(&self) -> Link {
        let made: MadeLink = self.ask(Call::Pair(PairArgs::default())).await.unwrap();
        made.link.parse().unwrap()
    }
}

/// Somebody with a key and a network.
pub struct Person {
    pub key: PrivateKey,
    pub network: Network,
}

impl Person {
    pub async fn new() -> Self {
        Self::known_to_the_network_by(PrivateKey::generate(&mut rng::system())).await
    }

    /// Somebody with this transport key.
    pub async fn known_to_the_network_by(transport_key: PrivateKey) -> Self {
        let config =
            NetworkConfig { transport_key, listen: Vec::new(), mdns: false, limits: Limits::default() };
        let (network, _) = Network::start(config).await.unwrap();
        Self { key: PrivateKey::generate(&mut rng::system()), network }
    }

    /// A session with the device of a link, as a stranger. `None` where it says nothing.
    pub async fn follow(&self, link: &Link) -> Option<Connection> {
        self.enter(link, Remote::Pairing(link.device)).await
    }

    /// A session as a contact.
    pub async fn visit(&self, link: &Link, daemon: &Daemon) -> Option<Connection> {
        self.enter(link, Remote::Known(daemon.device().key().public().clone())).await
    }

    async fn enter(&self, link: &Link, remote: Remote) -> Option<Connection> {
        let mut stream = self.network.dial(&link.hints).await.ok()?;
        let peer_ids =
            PeerIds { initiator: self.network.peer_id().to_string(), responder: stream.remote().to_string() };
        let established = wire::initiate(&mut stream, &self.key, remote, peer_ids, || NOON).await.ok()?;
        Some(Connection::new(stream, established, self.key.clone()))
    }

    /// Proves a link's secret in a session, as `pair` or `join`.
    pub async fn prove(&self, link: &Link, session: &Connection, action: &str, name: &str) -> Answer {
        let peers = session.peers();
        let proof = link.secret.proof(&peers.sid, &self.key.public().thumbprint());
        let mut input = json!({ "proof": proof, "name": name });
        if action == "join" {
            input["id"] = json!(link.secret.hash().invitation_id());
        }
        invoke(session, action, Some(input)).await
    }

    /// Follows a pairing link to its end.
    pub async fn claim(&self, link: &Link, name: &str) -> Answer {
        let session = self.follow(link).await.expect("a pairing is open");
        self.prove(link, &session, "pair", name).await
    }
}

/// Invokes an action of the device itself.
pub async fn invoke(session: &Connection, action: &str, input: Option<Value>) -> Answer {
    request(session, Operation::InvokeAction, action, input).await
}

/// Reads a property of the device itself.
pub async fn read(session: &Connection, property: &str) -> Answer {
    request(session, Operation::ReadProperty, property, None).await
}

async fn request(session: &Connection, op: Operation, affordance: &str, input: Option<Value>) -> Answer {
    let thing = "device".parse().unwrap();
    let affordance = Some(affordance.parse().unwrap());
    let call = Request::new(op, thing, affordance, input.as_ref(), &mut rng::system()).unwrap();
    session.call(&call, SOON).await.unwrap().result
}
