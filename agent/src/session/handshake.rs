//! How a stream becomes a session, on the device's side.

use std::time::Duration;

use streembit_keys::Thumbprint;
use streembit_peer::message::Farewell;
use streembit_peer::rights::Role;
use streembit_peer::session::{Established, Opener, Sealer, SessionPeers, Welcome};
use streembit_peer::wire;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;

use super::{SessionEnded, Source};
use crate::command::{Introduction, Place};
use crate::device::Device;

/// How long a caller may take to accept that there is no place for it: one frame, for which an open stream has room.
const TURNING_AWAY: Duration = Duration::from_secs(1);

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
    let (pairing_open, generation) = (device.is_open_to_strangers(), rights.generation());
    let welcome = Welcome { lookup: &lookup, pairing_open, generation };
    let clock = || device.clock().unvouched_unix();
    Ok(wire::respond(stream, device.key(), &source.peer_ids, &welcome, clock).await?)
}

/// Takes the session up among the open ones, or tells its other side that there is no place for it.
pub(super) async fn enter<S>(
    device: &Device,
    stream: &mut S,
    established: Established,
    source: &Source,
) -> Result<(Place, Sealer, Opener), SessionEnded>
where
    S: AsyncWrite + Unpin + Send,
{
    let Established { sealer, opener, peers, peer_clock, first_contact, .. } = established;
    let who = peers.remote.thumbprint();
    let is_welcome = || {
        let rights = device.rights();
        !rights.is_revoked(&who) && (first_contact || rights.key_of(&who).is_some())
    };
    let since = device.clock().monotonic();
    let newcomer = Introduction {
        peers: peers.clone(),
        source: source.name.clone(),
        first_contact,
        clock: peer_clock,
        since,
    };
    let place = match device.callers().enter(newcomer, &device.rights()) {
        Ok(place) => place,
        Err(full) => {
            if is_welcome() {
                turn_away(device, stream, sealer, &peers).await;
            }
            return Err(full.into());
        }
    };
    // Asked again after the session can be found by whoever changes rights: a revocation between the first message and
    // here would have missed it.
    if !is_welcome() {
        return Err(SessionEnded::Cut);
    }
    if device.rights().contact(&who).is_some_and(|contact| contact.role == Role::Owner) {
        // What an owner's clock shows is worth something where no time server is heard.
        if let Err(error) = device.clock().owner_told(peer_clock.after(Duration::ZERO)) {
            tracing::warn!(contact = %who, %error, "the owner's clock is not believed");
        }
    }
    Ok((place, sealer, opener))
}

/// Tells a caller that there is no place for it. Without a word it could not tell that from a session that broke after its
/// first request had been acted on. It is nobody who may not know that the device is here: it has signed the third message.
async fn turn_away<S>(device: &Device, stream: &mut S, mut sealer: Sealer, peers: &SessionPeers)
where
    S: AsyncWrite + Unpin + Send,
{
    let farewell = Farewell::NoRoom.sign(device.key(), peers);
    let Ok(sealed) = sealer.seal(farewell.as_bytes()) else { return };
    let said = async {
        wire::write_frame(stream, sealed.as_bytes()).await?;
        stream.shutdown().await.map_err(wire::FrameError::from)
    };
    // Whoever does not take it learns no more than that the stream has ended.
    let _ = timeout(TURNING_AWAY, said).await;
}
