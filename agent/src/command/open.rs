//! Step 1, in the session's reader: frames are opened one after the other, because their counter is their order.

use sha2::{Digest as _, Sha256};
use streembit_peer::message::RequestHash;
use streembit_peer::session::{ChannelError, Opener};

use super::step;

/// The plaintext of the next frame of a session: from its other side, in its order, complete. Not yet a request.
#[derive(Debug)]
pub struct Opened(pub(super) Vec<u8>);

impl Opened {
    /// Opens the next frame. An error ends the session.
    pub fn next(opener: &mut Opener, frame: &[u8]) -> Result<Self, ChannelError> {
        step!("open", opener.open(frame).map(Self))
    }

    /// The name of the request that this claims to be, for refusing it without looking at it.
    pub(super) fn claimed_hash(&self) -> Option<RequestHash> {
        let jws = self.0.split(|byte| *byte == b'~').next()?;
        Some(RequestHash::from_bytes(Sha256::digest(jws).into()))
    }
}
