//! Pairing links, invitation links, and their QR codes.
//!
//! A [`Link`] names a device by its key's thumbprint, says where it may be found, and holds a one-time [`Secret`]. The
//! thumbprint makes the channel: whoever follows the link talks to that device or to nobody. The secret is then proven inside the
//! channel, which shows the device that its caller has the link.
//!
//! As text it is `streembit:pair/…` or `streembit:join/…` with one block of base32, which has no upper or lower case to get
//! wrong, and in capitals makes the small kind of QR code. Its last two bytes check the rest for typing errors.

mod qr;
mod secret;
mod uri;

pub use secret::Secret;
pub use uri::LinkError;

use streembit_keys::Thumbprint;

use crate::address::Address;

/// What a link is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkKind {
    /// To claim a new device, or to become a contact with somebody standing beside it.
    Pairing,
    /// To accept an invitation that an owner has signed.
    Invitation,
}

/// A link to a device. It holds a secret: show it, and log it never.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// What it is for.
    pub kind: LinkKind,
    /// The key of the device.
    pub device: Thumbprint,
    /// What its holder proves.
    pub secret: Secret,
    /// Where the device may be found. All of them are one peer of the transport.
    pub hints: Vec<Address>,
}

impl Link {
    /// The most hints that a link carries: the addresses of a gateway with two interfaces, over both transports and both
    /// versions of IP.
    pub const MAX_HINTS: usize = 8;

    /// The longest text that is parsed as a link.
    pub const MAX_TEXT: usize = 1024;

    /// The link as text. What it cannot carry (an address of another peer than the first one's) is left out.
    pub fn to_uri(&self) -> String {
        uri::write(self, &self.hints)
    }

    /// A QR code in half blocks for a dark terminal of 80×24, with a line to spare. It carries as many hints as fit.
    pub fn qr(&self) -> Option<String> {
        (0..=self.hints.len()).rev().find_map(|count| {
            let uri = uri::write(self, self.hints.get(..count)?);
            qr::render(&uri.to_ascii_uppercase())
        })
    }
}

impl std::str::FromStr for Link {
    type Err = LinkError;

    fn from_str(text: &str) -> Result<Self, LinkError> {
        uri::parse(text)
    }
}

#[cfg(test)]
mod tests;
