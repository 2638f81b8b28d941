//! How a stream becomes a session, on the device's side.

use std::time::Duration;

use streembit_keys::Thumbprint;
use streembit_peer::rights::Role;
use streembit_peer::session::{Established, Opener, Sealer, Welcome};
use streembit_peer::wire;
use tokio::io::{AsyncRead, AsyncWrite};

use super::{SessionEnded, Source};
use crate::command::{Introduction, Place};
use crate::device::Device;

/// Answers the handshake of a contact, or of a stranger while a pairing is open. To everybody else it says nothing.
pub(super) async fn respond<S>(
    device: &Device,
    stream: &mut S,
    source: &Source,
) -> Result<Established, SessionEnded>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let rights = device.rights();
    let lookup = |who: &Thumbprint| rights.key_of(who).cloned();
    let welcome = Welcome { lookup: &lookup, pairing_open: device.is_open_to_strangers() };
    let clock = || device.clock().unvouched_unix();
    Ok(wire::respond(stream, device.key(), &source.peer_ids, &welcome, clock).await?)
}

/// Takes the session up among the open ones.
pub(super) fn enter(
    device: &Device,
    established: Established,
    source: &Source,
) -> Result<(Place, Sealer, Opener), SessionEnded> {
    let Established { sealer, opener, peers, peer_clock, first_contact, .. } = established;
    let who = peers.remote.thumbprint();
    let since = device.clock().monotonic();
    let newcomer =
        Introduction { peers, source: source.name.clone(), first_contact, clock: peer_clock, since };
    let place = device.callers().enter(newcomer, &device.rights())?;
    // Asked again after the session can be found by whoever changes rights: a revocation between the first message and
    // here would have missed it.
    let rights = device.rights();
    if rights.is_revoked(&who) || (!first_contact && rights.key_of(&who).is_none()) {
        return Err(SessionEnded::Cut);
    }
    if rights.contact(&who).is_some_and(|contact| contact.role == Role::Owner) {
        // What an owner's clock shows is worth something where no time server is heard.
        if let Err(error) = device.clock().owner_told(peer_clock.after(Duration::ZERO)) {
            tracing::warn!(contact = %who, %error, "the owner's clock is not believed");
        }
    }
    Ok((place, sealer, opener))
}
