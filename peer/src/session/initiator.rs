//! The side that dials: a person.

use rand_core::CryptoRng;
use streembit_keys::jws::{self, Unverified};
use streembit_keys::{PrivateKey, PublicKey, Thumbprint};

use super::handshake::{self, HS2, HS3, M1, M2, M3, Nonce, TrafficKeys, Transcript, VERSION};
use super::{Established, HandshakeError, MAX_HANDSHAKE, PeerIds, SessionClock, SessionPeers, Sid};

/// Whom the initiator wants to reach.
#[derive(Debug, Clone)]
pub enum Remote {
    /// A contact, whose key is known.
    Known(PublicKey),
    /// A device of which a link or an offer has only given the thumbprint: the two exchange their keys in the handshake.
    Pairing(Thumbprint),
}

impl Remote {
    fn thumbprint(&self) -> Thumbprint {
        match self {
            Self::Known(key) => key.thumbprint(),
            Self::Pairing(thumbprint) => *thumbprint,
        }
    }
}

/// An initiator that has sent M1 and waits for M2.
#[derive(Debug)]
pub struct Initiator {
    key: PrivateKey,
    remote: Remote,
    ephemeral: PrivateKey,
    nonce: Nonce,
    m1: Vec<u8>,
}

impl Initiator {
    /// Starts a handshake: the second value is M1, to be sent.
    pub fn start(
        key: &PrivateKey,
        remote: Remote,
        peer_ids: PeerIds,
        rng: &mut impl CryptoRng,
    ) -> (Self, Vec<u8>) {
        let ephemeral = PrivateKey::generate(rng);
        let nonce = Nonce::from_bytes(streembit_keys::rng::bytes(rng));
        let m1 = handshake::to_json(&M1 {
            v: VERSION,
            iss: key.public().thumbprint(),
            aud: remote.thumbprint(),
            ephemeral: ephemeral.public().clone(),
            nonce,
            peer_ids,
            key: matches!(remote, Remote::Pairing(_)).then(|| key.public().clone()),
        });
        (Self { key: key.clone(), remote, ephemeral, nonce, m1: m1.clone() }, m1)
    }

    /// Takes M2; the second value is M3, to be sent. `now` is this side's clock, in seconds since 1970.
    pub fn on_m2(self, m2: &[u8], now: i64) -> Result<(Established, Vec<u8>), HandshakeError> {
        if m2.len() > MAX_HANDSHAKE {
            return Err(HandshakeError::Mismatch("it is too long"));
        }
        let text = std::str::from_utf8(m2).map_err(|_| HandshakeError::Mismatch("it is not text"))?;
        let jws = Unverified::parse(text, HS2)?;
        // Believed only after step 1; until then it says no more than whose key to try.
        let answer: M2 = serde_json::from_slice(jws.claimed_payload())
            .map_err(|_| HandshakeError::Mismatch("a member is missing or wrong"))?;

        // 1. Whose signature it must be: the contact's, or that of the key which the link's thumbprint names.
        let remote = match &self.remote {
            Remote::Known(key) => key.clone(),
            Remote::Pairing(thumbprint) => match answer.key.clone() {
                Some(key) if key.thumbprint() == *thumbprint => key,
                _ => return Err(HandshakeError::Mismatch("its key is not the one that the link names")),
            },
        };
        jws.verify(&remote)?;

        // 2. It answers this M1, between these two.
        if answer.iss != remote.thumbprint() || answer.aud != self.key.public().thumbprint() {
            return Err(HandshakeError::Mismatch("it is between other accounts"));
        }
        if answer.h != handshake::hash(&[&self.m1]) {
            return Err(HandshakeError::Mismatch("it answers another first message"));
        }

        // 3. The session, and the proof that this side has its account's key.
        let sid: Transcript = handshake::hash(&[&self.m1, m2]);
        let (sealer, opener) =
            TrafficKeys::derive(&self.ephemeral, &answer.ephemeral, &self.nonce, &answer.nonce, &sid)
                .and_then(TrafficKeys::for_initiator)
                .ok_or(HandshakeError::Mismatch("no keys can be derived"))?;
        let local = self.key.public().thumbprint();
        let m3 = M3 { iss: local, aud: remote.thumbprint(), h: sid, now };
        let m3 = jws::sign(&self.key, HS3, &handshake::to_json(&m3)).into_bytes();
        let established = Established {
            sealer,
            opener,
            peers: SessionPeers { local, remote, sid: Sid::from_bytes(*sid.as_bytes()) },
            peer_clock: SessionClock::showing(answer.now),
            own_clock: SessionClock::showing(now),
            first_contact: matches!(self.remote, Remote::Pairing(_)),
            generation: answer.generation,
        };
        Ok((established, m3))
    }
}
