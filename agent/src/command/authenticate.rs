//! Step 2: who asks.

use streembit_peer::message::Request;

use super::open::Opened;
use super::{Caller, Stop};
use crate::clock::Clock;

/// A request that the session's other side signed for this session, and that has not expired.
pub(super) struct Authenticated(pub(super) Request);

/// Checks signature, audience, session and validity. What time it is, is the caller's own opinion: its clock at the
/// handshake, carried on by the device's monotonic clock. So a device at 1970 serves its callers all the same.
pub(super) fn authenticate(opened: Opened, caller: &Caller, clock: &Clock) -> Result<Authenticated, Stop> {
    let now = caller.now(clock.monotonic());
    Request::authenticate(opened.0, caller.peers(), now).map(Authenticated).map_err(Stop::from)
}
