//! Two ends in virtual time: what goes between them is a value that each test may lose, repeat or change.

use std::time::Duration;

use proptest::prelude::*;
use streembit_keys::{PrivateKey, PublicKey, Thumbprint, jws, rng};

use super::*;

mod adversary;
mod channel;
mod clocks;
mod handshake;

/// Everybody's clock, unless a test is about clocks.
const NOW: i64 = 1_795_000_000;

/// Two accounts, a stranger, and the transport connection between the first two.
struct World {
    person: PrivateKey,
    device: PrivateKey,
    stranger: PrivateKey,
    peer_ids: PeerIds,
}

impl World {
    fn new() -> Self {
        let mut rng = rng::system();
        let peer_ids = PeerIds { initiator: "peer-of-person".into(), responder: "peer-of-device".into() };
        let [person, device, stranger] = std::array::from_fn(|_| PrivateKey::generate(&mut rng));
        Self { person, device, stranger, peer_ids }
    }

    fn start(&self) -> (Initiator, Vec<u8>) {
        self.start_as(&self.person, Remote::Known(self.device.public().clone()))
    }

    fn start_as(&self, key: &PrivateKey, remote: Remote) -> (Initiator, Vec<u8>) {
        Initiator::start(key, remote, self.peer_ids.clone(), &mut rng::system())
    }

    /// The device, which knows the person.
    fn accept(&self, m1: &[u8]) -> Result<(Responder, Vec<u8>), Silent> {
        self.accept_when(m1, false)
    }

    fn accept_when(&self, m1: &[u8], pairing_open: bool) -> Result<(Responder, Vec<u8>), Silent> {
        let contact = self.person.public();
        let lookup = |who: &Thumbprint| (*who == contact.thumbprint()).then(|| contact.clone());
        let welcome = Welcome { lookup: &lookup, pairing_open, generation: 0 };
        Responder::accept(m1, &self.device, &self.peer_ids, &welcome, NOW, &mut rng::system())
    }

    /// A session: the person's end and the device's.
    fn session(&self) -> (Established, Established) {
        let (initiator, m1) = self.start();
        let (responder, m2) = self.accept(&m1).unwrap();
        let (person, m3) = initiator.on_m2(&m2, NOW).unwrap();
        (person, responder.on_m3(&m3).unwrap())
    }
}

/// The payload of a signed handshake message, as whoever is in between can read and change it.
fn payload(message: &[u8]) -> serde_json::Value {
    use base64::Engine as _;
    let text = std::str::from_utf8(message).unwrap();
    let payload = text.split('.').nth(1).unwrap();
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

/// The same payload, signed by somebody.
fn signed(key: &PrivateKey, typ: &'static str, payload: &serde_json::Value) -> Vec<u8> {
    jws::sign(key, jws::Typ::new(typ), payload.to_string().as_bytes()).into_bytes()
}

#[test]
fn who_dials_learns_how_often_the_device_was_restored_before_anything_is_asked() {
    let world = World::new();
    let contact = world.person.public();
    let lookup = |who: &Thumbprint| (*who == contact.thumbprint()).then(|| contact.clone());
    for generation in [0, 3] {
        let welcome = Welcome { lookup: &lookup, pairing_open: false, generation };
        let (initiator, m1) = world.start();
        let (responder, m2) =
            Responder::accept(&m1, &world.device, &world.peer_ids, &welcome, NOW, &mut rng::system())
                .unwrap();
        // One that never was says what it always said.
        assert_eq!(payload(&m2).get("generation").is_some(), generation > 0);
        let (person, m3) = initiator.on_m2(&m2, NOW).unwrap();
        assert_eq!((person.generation, responder.on_m3(&m3).unwrap().generation), (generation, generation));
    }
}
