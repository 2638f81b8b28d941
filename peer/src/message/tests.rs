//! Messages between two ends that share a session.

use proptest::prelude::*;
use serde_json::{Value, json};
use streembit_keys::jws::{self, JwsError, Typ};
use streembit_keys::{PrivateKey, rng};

use super::*;
use crate::session::Sid;

mod from_device;
mod long;
mod requests;

const NOW: i64 = 1_795_000_000;

/// A person, a device, and how each sees their session.
struct Pair {
    person: PrivateKey,
    device: PrivateKey,
    at_person: SessionPeers,
    at_device: SessionPeers,
}

impl Pair {
    fn new() -> Self {
        let mut rng = rng::system();
        let (person, device) = (PrivateKey::generate(&mut rng), PrivateKey::generate(&mut rng));
        let sid = Sid::from_bytes(rng::bytes(&mut rng));
        let side = |local: &PrivateKey, remote: &PrivateKey| SessionPeers {
            local: local.public().thumbprint(),
            remote: remote.public().clone(),
            sid,
        };
        let (at_person, at_device) = (side(&person, &device), side(&device, &person));
        Self { person, device, at_person, at_device }
    }

    /// What a message of the person's is to the device.
    fn authenticate(&self, plaintext: impl Into<Vec<u8>>) -> Result<Request, MessageError> {
        Request::authenticate(plaintext.into(), &self.at_device, NOW)
    }

    fn sign(&self, call: &Call) -> SignedRequest {
        call.sign(&self.person, &self.at_person, NOW, NOW + 30)
    }
}

fn call(op: Operation, affordance: Option<&str>, input: Option<&Value>) -> Call {
    let affordance = affordance.map(|name| name.parse().unwrap());
    Call::new(op, "garage".parse().unwrap(), affordance, input, &mut rng::system()).unwrap()
}

/// The payload of a JWS, for a test to change and sign again.
fn payload(jws: &str) -> Value {
    use base64::Engine as _;
    let payload = jws.split('.').nth(1).unwrap();
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}
