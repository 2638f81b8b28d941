//! A person with one account, who pairs with a device and has sessions with it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use streembit_keys::{PrivateKey, PublicKey, rng};
use streembit_peer::client::Connection;
use streembit_peer::link::Link;
use streembit_peer::message::{Answer, Call, Name, Operation};
use streembit_peer::network::{Address, Limits, Network, NetworkConfig};
use streembit_peer::session::{PeerIds, Remote};
use streembit_peer::wire;

/// How long one command may take, and is valid. Short, because a device keeps answers for as long, and only so many.
const PATIENCE: Duration = Duration::from_secs(2);

pub(crate) struct Person {
    key: PrivateKey,
    network: Network,
}

impl Person {
    pub(crate) async fn new() -> Result<Self> {
        let network = NetworkConfig {
            transport_key: PrivateKey::generate(&mut rng::system()),
            listen: Vec::new(),
            mdns: false,
            limits: Limits::default(),
        };
        let (network, _none) = Network::start(network).await?;
        Ok(Self { key: PrivateKey::generate(&mut rng::system()), network })
    }

    /// Becomes the owner of the device with this link, and returns the device's key.
    pub(crate) async fn pair(&self, address: &Address, link: &Link) -> Result<PublicKey> {
        let connection = self.session(address, Remote::Pairing(link.device)).await?;
        let proof = link.secret.proof(&connection.peers().sid, &self.key.public().thumbprint());
        let input = json!({ "proof": proof, "name": "bench" });
        ask(&connection, Operation::InvokeAction, "device", "pair", Some(&input)).await?;
        Ok(connection.peers().remote.clone())
    }

    /// Opens a session with a device that knows this person.
    pub(crate) async fn connect(&self, address: &Address, device: &PublicKey) -> Result<Connection> {
        self.session(address, Remote::Known(device.clone())).await
    }

    async fn session(&self, address: &Address, remote: Remote) -> Result<Connection> {
        let mut stream = self.network.dial(std::slice::from_ref(address)).await?;
        let peer_ids =
            PeerIds { initiator: self.network.peer_id().to_string(), responder: stream.remote().to_string() };
        let established = wire::initiate(&mut stream, &self.key, remote, peer_ids, now).await?;
        Ok(Connection::new(stream, established, self.key.clone()))
    }
}

/// One command and its value; anything but success is an error.
pub(crate) async fn ask(
    connection: &Connection,
    op: Operation,
    thing: &str,
    affordance: &str,
    input: Option<&Value>,
) -> Result<Value> {
    match answer(connection, op, thing, affordance, input).await? {
        Answer::Ok(value) => Ok(value),
        other => bail!("{thing}/{affordance} answered {other:?}"),
    }
}

/// One command and its answer.
pub(crate) async fn answer(
    connection: &Connection,
    op: Operation,
    thing: &str,
    affordance: &str,
    input: Option<&Value>,
) -> Result<Answer> {
    let name = |text: &str| text.parse::<Name>().context("a name");
    let call = Call::new(op, name(thing)?, Some(name(affordance)?), input, &mut rng::system())?;
    Ok(connection.call(&call, PATIENCE).await?.result)
}

/// The benchmark is a program of its own, with a clock of its own.
#[allow(clippy::disallowed_methods)]
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_secs().cast_signed()
}
