//! A device that says what a test has it say.

use std::time::Duration;

use serde_json::Value;
use streembit_keys::passcode::Passcode;
use streembit_keys::{PrivateKey, PublicKey, Thumbprint, rng};
use streembit_peer::message::{Answer, End, Notification, NotificationKind, Operation, Request, Response};
use streembit_peer::network::{Incoming, Limits, Network, NetworkConfig, Stream};
use streembit_peer::session::{Established, PeerIds, Welcome};
use streembit_peer::wire::{self, MAX_FRAME};
use tokio::time::timeout;

use crate::clock;
use crate::home::{Home, NewContact};
use crate::person::Person;

/// How long a test waits for what must come.
pub(super) const SOON: Duration = Duration::from_secs(20);

pub(super) struct Device {
    key: PrivateKey,
    person: PublicKey,
    network: Network,
    incoming: Incoming,
    /// The person's home lives as long as the device.
    _folder: tempfile::TempDir,
}

/// A session that the person has opened. Dropping it ends it.
pub(super) struct Session {
    key: PrivateKey,
    established: Established,
    stream: Stream,
}

/// A person who knows this device as `garage`.
pub(super) async fn known() -> (Person, Device) {
    let mut random = rng::system();
    let [key, person, transport_key] = [(); 3].map(|()| PrivateKey::generate(&mut random));
    let listen = vec!["/ip4/127.0.0.1/tcp/0".parse().unwrap()];
    let config = NetworkConfig { transport_key, listen, mdns: false, limits: Limits::default() };
    let (network, incoming) = Network::start(config).await.unwrap();

    let folder = tempfile::tempdir().unwrap();
    let home = Home::locate(Some(folder.path())).unwrap();
    home.create_account("Ada", &Passcode::new("Corr3ct horse!".to_owned().into()).unwrap()).unwrap();
    let addresses = network.addresses().iter().map(ToString::to_string).collect();
    let (name, account) = ("garage".into(), key.public().clone());
    let contact =
        NewContact { name, key: account, addresses, role: None, verified: true, generation: Some(0) };
    home.contacts().unwrap().add(&contact).unwrap();
    let device = Device { key, person: person.public().clone(), network, incoming, _folder: folder };
    // The home's own key is locked up, and any other does as well here.
    (Person::recovering(home, person), device)
}

impl Device {
    /// The next session that the person opens.
    pub(super) async fn session(&mut self) -> Session {
        let (peer, mut stream) =
            timeout(SOON, self.incoming.next()).await.expect("a session is opened").unwrap();
        let lookup = |_: &Thumbprint| Some(self.person.clone());
        let welcome = Welcome { lookup: &lookup, pairing_open: false, generation: 0 };
        let peer_ids = PeerIds { initiator: peer.to_string(), responder: self.network.peer_id().to_string() };
        let established = wire::respond(&mut stream, &self.key, &peer_ids, &welcome, clock::unix_now).await;
        Session { key: self.key.clone(), established: established.unwrap(), stream }
    }
}

impl Session {
    /// The next request, which must be this.
    pub(super) async fn asked(&mut self, op: Operation) -> Request {
        let frame = timeout(SOON, wire::read_frame(&mut self.stream, MAX_FRAME)).await;
        let plaintext = self.established.opener.open(&frame.expect("something is asked").unwrap()).unwrap();
        let request = Request::authenticate(plaintext, &self.established.peers, clock::unix_now()).unwrap();
        assert_eq!(request.op, op);
        request
    }

    /// Agrees to a request.
    pub(super) async fn answer(&mut self, request: &Request) {
        let answer = Answer::Ok(Value::Null);
        let peers = &self.established.peers;
        let signed = Response::sign(&self.key, peers, request.hash(), &answer, None).unwrap();
        self.send(signed.plaintext).await;
    }

    /// Agrees to the next request, which must be this.
    pub(super) async fn agree(&mut self, op: Operation) -> Request {
        let request = self.asked(op).await;
        self.answer(&request).await;
        request
    }

    /// The first news of what was asked for.
    pub(super) async fn notify(&mut self, request: &Request, value: Value) {
        self.tell(request, Some(value), 0, None).await;
    }

    /// The first news of what was asked for: it has ended, and something was missed.
    pub(super) async fn end(&mut self, request: &Request, end: End) {
        self.tell(request, None, 1, Some(end)).await;
    }

    async fn tell(&mut self, request: &Request, value: Option<Value>, missed: u64, end: Option<End>) {
        let first = Notification {
            sub: request.hash(),
            n: 1,
            thing: request.thing.clone(),
            affordance: request.affordance.clone().unwrap(),
            kind: NotificationKind::Property,
            value,
            problem: None,
            missed,
            end,
        };
        let signed = first.sign(&self.key, &self.established.peers).unwrap();
        self.send(signed).await;
    }

    async fn send(&mut self, message: impl AsRef<[u8]>) {
        let frame = self.established.sealer.seal(message.as_ref()).unwrap();
        wire::write_frame(&mut self.stream, frame.as_bytes()).await.unwrap();
    }
}
