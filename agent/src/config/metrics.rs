//! Where metrics can be asked, beside the socket in the data folder.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Where metrics can be asked.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metrics {
    /// A port on loopback; none, where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<LoopbackAddress>,
}

/// An address that only this machine reaches: what is asked there is asked without a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LoopbackAddress(SocketAddr);

/// The text is no [`LoopbackAddress`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an address of this machine alone: write it like `127.0.0.1:9464` or `[::1]:9464`")]
pub struct NotLoopback;

impl LoopbackAddress {
    /// As sockets take it.
    pub const fn socket(self) -> SocketAddr {
        self.0
    }
}

impl FromStr for LoopbackAddress {
    type Err = NotLoopback;

    fn from_str(text: &str) -> Result<Self, NotLoopback> {
        let address: SocketAddr = text.parse().map_err(|_| NotLoopback)?;
        // Port 0 would be another one at each start, and nobody could find it.
        if address.ip().is_loopback() && address.port() != 0 { Ok(Self(address)) } else { Err(NotLoopback) }
    }
}

impl TryFrom<String> for LoopbackAddress {
    type Error = NotLoopback;

    fn try_from(text: String) -> Result<Self, NotLoopback> {
        text.parse()
    }
}

impl From<LoopbackAddress> for String {
    fn from(address: LoopbackAddress) -> Self {
        address.to_string()
    }
}

impl fmt::Display for LoopbackAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_others_reach_is_refused() {
        for text in ["127.0.0.1:9464", "127.3.2.1:1", "[::1]:65535"] {
            assert_eq!(
                text.parse::<LoopbackAddress>().map(|address| address.to_string()),
                Ok(text.to_owned())
            );
        }
        for text in [
            "0.0.0.0:9464",
            "[::]:9464",
            "192.168.0.7:9464",
            "[fe80::1]:9464",
            "[::ffff:127.0.0.1]:9464",
            "localhost:9464",
            "127.0.0.1",
            "127.0.0.1:0",
            ":9464",
            "9464",
            "",
        ] {
            assert_eq!(text.parse::<LoopbackAddress>(), Err(NotLoopback), "{text}");
        }
    }
}
