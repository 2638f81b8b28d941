//! What every run has in common: keys, randomness and a session, so that an input does the same each time.

use std::convert::Infallible;
use std::sync::LazyLock;

use rand_core::{TryCryptoRng, TryRng};
use streembit_keys::PrivateKey;
use streembit_peer::session::{Established, Initiator, PeerIds, Remote, Responder, Welcome};

/// The time in every run: 2026-01-01T00:00:00Z.
pub const NOW: i64 = 1_767_225_600;

/// The person's key.
pub static PERSON: LazyLock<PrivateKey> = LazyLock::new(|| key(1));
/// The device's key.
pub static DEVICE: LazyLock<PrivateKey> = LazyLock::new(|| key(2));

fn key(seed: u8) -> PrivateKey {
    PrivateKey::from_scalar(&[seed; 32]).expect("a small scalar is a key")
}

/// Numbers that are random to nobody (SplitMix64).
pub struct Numbers(pub u64);

impl TryRng for Numbers {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.try_next_u64().map(|number| number as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Ok(mixed ^ (mixed >> 31))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for chunk in bytes.chunks_mut(8) {
            let number = self.try_next_u64()?.to_le_bytes();
            chunk.copy_from_slice(&number[..chunk.len()]);
        }
        Ok(())
    }
}

impl TryCryptoRng for Numbers {}

/// The transport's names of both ends.
pub fn peer_ids() -> PeerIds {
    PeerIds { initiator: "person-transport".into(), responder: "device-transport".into() }
}

/// The person's start of a handshake with the device.
pub fn initiator() -> (Initiator, Vec<u8>) {
    Initiator::start(&PERSON, Remote::Known(DEVICE.public().clone()), peer_ids(), &mut Numbers(1))
}

/// The device's answer to an M1, as one that knows the person.
pub fn respond(m1: &[u8]) -> Option<(Responder, Vec<u8>)> {
    let person = PERSON.public();
    let lookup = |name: &_| (*name == person.thumbprint()).then(|| person.clone());
    let welcome = Welcome { lookup: &lookup, pairing_open: false, generation: 0 };
    Responder::accept(m1, &DEVICE, &peer_ids(), &welcome, NOW, &mut Numbers(2)).ok()
}

/// Both ends of a session: the person's and the device's.
pub fn session() -> (Established, Established) {
    let (initiator, m1) = initiator();
    let (responder, m2) = respond(&m1).expect("an honest M1");
    let (person, m3) = initiator.on_m2(&m2, NOW).expect("an honest M2");
    (person, responder.on_m3(&m3).expect("an honest M3"))
}

/// Takes one byte off the front, which says what to do with the rest.
pub fn split(input: &[u8]) -> (u8, &[u8]) {
    input.split_first().map_or((0, &[]), |(first, rest)| (*first, rest))
}

/// Changes one character of a text; `None` where it would not change.
pub fn changed(text: &str, at: u16, to: u8) -> Option<String> {
    let mut bytes = text.as_bytes().to_vec();
    let at = usize::from(at) % bytes.len().max(1);
    let old = std::mem::replace(bytes.get_mut(at)?, to);
    if old == to {
        return None;
    }
    String::from_utf8(bytes).ok()
}
