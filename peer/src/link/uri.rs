//! The text of a link.
//!
//! The base32 block holds: thumbprint (32 bytes), secret (10), then, if there are hints, the transport's peer id (the 32 bytes of its
//! SHA-256) and each route as a length and the binary multiaddr; last, two bytes of SHA-256 over kind and all that.

use data_encoding::BASE32_NOPAD;
use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId};
use sha2::{Digest as _, Sha256};
use streembit_keys::Thumbprint;

use super::{Link, LinkKind, Secret};
use crate::address::Address;

const SCHEME: &str = "streembit:";

/// A SHA-256 peer id: this, and the hash.
const PEER_ID_PREFIX: [u8; 2] = [0x12, 0x20];

const CHECK_BYTES: usize = 2;

/// Why a text is no link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// It does not begin like one.
    #[error("not a link: one begins with streembit:pair/ or streembit:join/")]
    Scheme,
    /// The block is too long, cut short, or has characters that do not belong there.
    #[error("the link is damaged: copy all of it, up to the next space")]
    Damaged,
    /// The check does not hold.
    #[error("the link has a typing error")]
    Typo,
    /// A newer version may have put something in that is not understood here.
    #[error("the link has a part that is not understood here: is this program up to date?")]
    Unknown,
}

impl LinkKind {
    const fn word(self) -> &'static str {
        match self {
            Self::Pairing => "pair",
            Self::Invitation => "join",
        }
    }
}

pub(super) fn write(link: &Link, hints: &[Address]) -> String {
    let mut bytes = [link.device.as_bytes().as_slice(), link.secret.as_bytes()].concat();
    let mut peer = None;
    for (route, id) in hints.iter().filter_map(split).take(Link::MAX_HINTS) {
        if *peer.get_or_insert_with(|| {
            bytes.extend_from_slice(&id);
            id
        }) != id
        {
            continue;
        }
        if let Ok(length) = u8::try_from(route.len()) {
            bytes.push(length);
            bytes.extend_from_slice(&route);
        }
    }
    let check = check(link.kind, &bytes);
    bytes.extend_from_slice(&check);
    format!("{SCHEME}{}/{}", link.kind.word(), BASE32_NOPAD.encode(&bytes).to_ascii_lowercase())
}

/// The binary route and the hash in the peer id of an address.
fn split(address: &Address) -> Option<(Vec<u8>, [u8; 32])> {
    let mut route: Multiaddr = address.to_string().parse().ok()?;
    let Some(Protocol::P2p(peer)) = route.pop() else { return None };
    let hash = peer.to_bytes().strip_prefix(&PEER_ID_PREFIX)?.try_into().ok()?;
    Some((route.to_vec(), hash))
}

pub(super) fn parse(text: &str) -> Result<Link, LinkError> {
    if text.len() > Link::MAX_TEXT {
        return Err(LinkError::Damaged);
    }
    // A mail wraps lines, and a QR code is in capitals.
    let text: String = text.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_ascii_lowercase()).collect();
    let (word, block) =
        text.strip_prefix(SCHEME).and_then(|rest| rest.split_once('/')).ok_or(LinkError::Scheme)?;
    let kind = [LinkKind::Pairing, LinkKind::Invitation]
        .into_iter()
        .find(|kind| kind.word() == word)
        .ok_or(LinkError::Scheme)?;
    let bytes = BASE32_NOPAD.decode(block.to_ascii_uppercase().as_bytes()).map_err(|_| LinkError::Damaged)?;
    let (body, found) = bytes.split_last_chunk::<CHECK_BYTES>().ok_or(LinkError::Damaged)?;
    if *found != check(kind, body) {
        return Err(LinkError::Typo);
    }

    let (device, rest) = body.split_first_chunk::<32>().ok_or(LinkError::Damaged)?;
    let (secret, rest) = rest.split_first_chunk::<{ Secret::BYTES }>().ok_or(LinkError::Damaged)?;
    let hints = if rest.is_empty() { Vec::new() } else { parse_hints(rest)? };
    Ok(Link { kind, device: Thumbprint::from_bytes(*device), secret: Secret::from_bytes(*secret), hints })
}

fn parse_hints(bytes: &[u8]) -> Result<Vec<Address>, LinkError> {
    let (peer, mut rest) = bytes.split_first_chunk::<32>().ok_or(LinkError::Unknown)?;
    let peer =
        PeerId::from_bytes(&[PEER_ID_PREFIX.as_slice(), peer].concat()).map_err(|_| LinkError::Unknown)?;
    let mut hints = Vec::new();
    while let Some((length, routes)) = rest.split_first() {
        let (route, after) = routes.split_at_checked(usize::from(*length)).ok_or(LinkError::Unknown)?;
        rest = after;
        if hints.len() == Link::MAX_HINTS {
            return Err(LinkError::Unknown);
        }
        // A route of a kind that this version cannot dial is only a hint less.
        let address = Multiaddr::try_from(route.to_vec()).ok().map(|route| format!("{route}/p2p/{peer}"));
        hints.extend(address.and_then(|text| text.parse().ok()));
    }
    Ok(hints)
}

/// Finds a mistyped link: of 65,536 random errors it misses one.
pub(super) fn check(kind: LinkKind, body: &[u8]) -> [u8; CHECK_BYTES] {
    let hash: [u8; 32] = Sha256::new_with_prefix(kind.word()).chain_update(body).finalize().into();
    let [first, second, ..] = hash;
    [first, second]
}
