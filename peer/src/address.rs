//! Where to dial and where to listen: text that was parsed, and nothing that the engine would refuse later.

use std::fmt;
use std::str::FromStr;

use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId};
use serde::{Deserialize, Serialize};

/// No address is longer. The longest that we make (`/ip6/…/udp/…/quic-v1/p2p/…`) has 120 characters; a circuit
/// through a relay doubles that.
pub const MAX_ADDRESS_LENGTH: usize = 256;

/// Where one peer can be dialled: a multiaddr with the transport peer id that must answer there
/// (`/ip4/192.0.2.7/tcp/7600/p2p/Qm…`).
///
/// An address is a hint. What makes it safe to follow is that the peer id is proven by the handshake, and that
/// everything that matters is signed by an account key inside the session.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address {
    route: Multiaddr,
    peer: PeerId,
}

/// Where to listen: a multiaddr without a peer id (`/ip4/0.0.0.0/udp/7600/quic-v1`); port 0 takes a free one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ListenAddress(Multiaddr);

/// The name of a peer's transport key: the engine's SHA-256 peer id as text. It says nothing about an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PeerName(PeerId);

/// Why text is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Longer than [`MAX_ADDRESS_LENGTH`].
    #[error("an address has at most {MAX_ADDRESS_LENGTH} characters")]
    TooLong,
    /// Not a multiaddr at all.
    #[error("`{0}` is not an address: one looks like /ip4/192.0.2.7/tcp/7600/p2p/Qm…")]
    Syntax(String),
    /// A multiaddr over something that this program does not speak.
    #[error("`{0}` is neither /ip4|ip6/…/tcp/PORT nor /ip4|ip6/…/udp/PORT/quic-v1")]
    Transport(String),
    /// An address to dial must say who is to answer.
    #[error("`{0}` does not end in /p2p/ and a peer id")]
    NoPeer(String),
    /// An address to listen on must not.
    #[error("`{0}` is an address to listen on, and so must not name a peer")]
    Peer(String),
    /// Nobody can be dialled at port 0 or at the unspecified address.
    #[error("`{0}` cannot be dialled: it needs a host and a port")]
    Undialable(String),
    /// Not the name of a transport key.
    #[error("not a peer id")]
    PeerName,
}

/// The transports of this network, in the order in which they are tried: a TCP handshake costs a device about a
/// quarter of QUIC's, and what runs over it costs less too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Transport {
    Tcp,
    Quic,
}

impl Address {
    /// Who must answer there.
    pub fn peer(&self) -> PeerName {
        PeerName(self.peer)
    }

    pub(super) fn new(route: Multiaddr, peer: PeerId) -> Result<Self, AddressError> {
        let text = || route.to_string();
        if dialable_parts(&route).is_none() {
            return Err(AddressError::Transport(text()));
        }
        if !is_dialable(&route) {
            return Err(AddressError::Undialable(text()));
        }
        Ok(Self { route, peer })
    }

    /// The multiaddr without the peer.
    pub(super) fn route(&self) -> &Multiaddr {
        &self.route
    }

    pub(super) fn peer_id(&self) -> PeerId {
        self.peer
    }

    pub(super) fn transport(&self) -> Transport {
        dialable_parts(&self.route).unwrap_or(Transport::Quic)
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let mut route = parse(text)?;
        let Some(Protocol::P2p(peer)) = route.pop() else {
            return Err(AddressError::NoPeer(text.to_owned()));
        };
        Self::new(route, peer)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/p2p/{}", self.route, self.peer)
    }
}

impl FromStr for ListenAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let address = parse(text)?;
        if address.iter().any(|part| matches!(part, Protocol::P2p(_))) {
            return Err(AddressError::Peer(text.to_owned()));
        }
        match dialable_parts(&address) {
            Some(_) => Ok(Self(address)),
            None => Err(AddressError::Transport(text.to_owned())),
        }
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl ListenAddress {
    pub(super) fn multiaddr(&self) -> &Multiaddr {
        &self.0
    }
}

impl PeerName {
    pub(super) fn new(peer: PeerId) -> Self {
        Self(peer)
    }
}

impl FromStr for PeerName {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if text.len() > MAX_ADDRESS_LENGTH {
            return Err(AddressError::TooLong);
        }
        text.parse().map(Self).map_err(|_| AddressError::PeerName)
    }
}

impl fmt::Display for PeerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

macro_rules! text_both_ways {
    ($($name:ident),*) => {$(
        impl TryFrom<String> for $name {
            type Error = AddressError;

            fn try_from(text: String) -> Result<Self, AddressError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.to_string()
            }
        }
    )*};
}

text_both_ways!(Address, ListenAddress, PeerName);

fn parse(text: &str) -> Result<Multiaddr, AddressError> {
    // Before the parser sees it, and before it is put into an error.
    if text.len() > MAX_ADDRESS_LENGTH {
        return Err(AddressError::TooLong);
    }
    text.parse().map_err(|_| AddressError::Syntax(text.to_owned()))
}

/// The transport of an address that is exactly of one of the two forms that we speak.
fn dialable_parts(address: &Multiaddr) -> Option<Transport> {
    let mut parts = address.iter();
    let (host, port, rest, end) = (parts.next()?, parts.next()?, parts.next(), parts.next());
    if !matches!(host, Protocol::Ip4(_) | Protocol::Ip6(_)) || end.is_some() {
        return None;
    }
    match (port, rest) {
        (Protocol::Tcp(_), None) => Some(Transport::Tcp),
        (Protocol::Udp(_), Some(Protocol::QuicV1)) => Some(Transport::Quic),
        _ => None,
    }
}

fn is_dialable(address: &Multiaddr) -> bool {
    address.iter().all(|part| match part {
        Protocol::Ip4(host) => !host.is_unspecified(),
        Protocol::Ip6(host) => !host.is_unspecified(),
        Protocol::Tcp(port) | Protocol::Udp(port) => port != 0,
        _ => true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: &str = "QmaCpDMGvV2BGHeYERUEnRQAwe3N8SzbUtfsmvsqQLuvuJ";

    #[test]
    fn an_address_reads_back_as_it_was_written() {
        for route in [
            "/ip4/127.0.0.1/tcp/7600",
            "/ip6/::1/tcp/1",
            "/ip4/10.0.0.1/udp/7600/quic-v1",
            "/ip6/fe80::1/udp/9/quic-v1",
        ] {
            let text = format!("{route}/p2p/{PEER}");
            let address: Address = text.parse().unwrap();
            assert_eq!(address.to_string(), text);
            assert_eq!(address.peer().to_string(), PEER);
            let json = serde_json::to_string(&address).unwrap();
            assert_eq!(serde_json::from_str::<Address>(&json).unwrap(), address);
        }
    }

    #[test]
    fn what_cannot_be_dialled_is_no_address() {
        let cases = [
            ("/ip4/127.0.0.1/tcp/7600".to_owned(), "no peer"),
            (format!("/ip4/127.0.0.1/tcp/0/p2p/{PEER}"), "port 0"),
            (format!("/ip4/0.0.0.0/tcp/7600/p2p/{PEER}"), "unspecified host"),
            (format!("/ip4/127.0.0.1/udp/7600/p2p/{PEER}"), "plain UDP"),
            (format!("/ip4/127.0.0.1/tcp/7600/ws/p2p/{PEER}"), "web socket"),
            (format!("/dns4/example.org/tcp/7600/p2p/{PEER}"), "a name"),
            (format!("/p2p/{PEER}"), "no host"),
            (format!("/ip4/127.0.0.1/tcp/1/p2p/{PEER}/p2p-circuit/p2p/{PEER}"), "a circuit"),
            ("hello".to_owned(), "words"),
            (String::new(), "nothing"),
            (format!("/ip4/127.0.0.1/tcp/7600/p2p/{}", "1".repeat(300)), "too long"),
        ];
        for (text, why) in cases {
            assert!(text.parse::<Address>().is_err(), "{why}: {text}");
        }
    }

    #[test]
    fn an_address_to_listen_on_names_no_peer_and_may_leave_the_port_open() {
        assert!("/ip4/0.0.0.0/tcp/0".parse::<ListenAddress>().is_ok());
        assert!("/ip6/::/udp/0/quic-v1".parse::<ListenAddress>().is_ok());
        assert!(format!("/ip4/0.0.0.0/tcp/0/p2p/{PEER}").parse::<ListenAddress>().is_err());
        assert!("/ip4/0.0.0.0".parse::<ListenAddress>().is_err());
        assert!("0.0.0.0:7600".parse::<ListenAddress>().is_err());
    }
}
