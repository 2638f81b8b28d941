//! The fields of an offer, as leniently as others write them and as strictly as we use them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use streembit_keys::PublicKey;

use super::{Offer, OfferError};
use crate::address::Address;

/// Whether somebody or something is behind an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UserType {
    /// A person.
    Human,
    /// A device.
    #[serde(alias = "machine", alias = "thing", alias = "iot", alias = "iotdevice")]
    Device,
    /// A program that serves others.
    #[serde(alias = "application")]
    Service,
}

/// The name or address of a machine: 1 to 253 characters of those that names, IPv4 and IPv6 addresses have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host(Box<str>);

impl Host {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The text is no host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a host is a name such as gate.example.org, or an IP address")]
pub struct BadHost;

impl FromStr for Host {
    type Err = BadHost;

    fn from_str(text: &str) -> Result<Self, BadHost> {
        // 253: the longest name that DNS has (RFC 1035, section 2.3.4).
        let allowed =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':' | b'%');
        let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
        let good = (1..=253).contains(&bare.len()) && bare.bytes().all(allowed);
        if good { Ok(Self(bare.into())) } else { Err(BadHost) }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Serialize for Host {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Host {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A port, as a number or as a text.
#[derive(Deserialize)]
#[serde(try_from = "PortText")]
pub(super) struct Port(pub(super) u16);

#[derive(Deserialize)]
#[serde(untagged)]
enum PortText {
    Number(u16),
    Text(String),
}

impl TryFrom<PortText> for Port {
    type Error = &'static str;

    fn try_from(port: PortText) -> Result<Self, Self::Error> {
        let port = match port {
            PortText::Number(port) => Some(port),
            PortText::Text(text) => text.trim().parse().ok(),
        };
        port.filter(|port| *port != 0).map(Self).ok_or("a port is a number from 1 to 65535")
    }
}

/// The hints that can be dialled, out of those that are there.
#[derive(Default, Deserialize)]
#[serde(from = "Vec<String>")]
pub(super) struct Hints(pub(super) Vec<Address>);

impl From<Vec<String>> for Hints {
    fn from(texts: Vec<String>) -> Self {
        // Where one is of a kind that this version cannot dial, the others still help.
        Self(texts.iter().filter_map(|text| text.parse().ok()).take(Offer::MAX_HINTS).collect())
    }
}

/// A key in any form that people have them in: a text, or a JWK as an object.
pub(super) fn public_key(json: &RawValue) -> Result<PublicKey, OfferError> {
    let text = serde_json::from_str::<String>(json.get()).unwrap_or_else(|_| json.get().to_owned());
    PublicKey::from_text(&text)
        .map_err(|error| OfferError::Field(format!("its public_key is none that is known here: {error}")))
}
