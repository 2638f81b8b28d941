//! The contact offer of the whitepaper: how to reach an account, as a block of text for a mail.
//!
//! ```text
//! --- BEGIN STREEMBIT CONTACT OFFER ---
//! eyJhbGciOiJFUzI1NiIsInR5cCI6InNiLW9mZmVyIn0.eyJhY2NvdW50Ijoi…
//! --- END STREEMBIT CONTACT OFFER ---
//! ```
//!
//! The body is a JWS whose payload has the whitepaper's fields, and it is signed by the very key that it offers: nobody can
//! offer a key that is not theirs. That says nothing about *who* they are. An offer that came through others stays
//! unverified until somebody has compared [`Offer::thumbprint`] by another way: whoever got one reads it as
//! [`Received`], with the [`Fingerprint`] that they were told.

mod envelope;
mod fields;
mod fingerprint;
mod received;
#[cfg(test)]
mod tests;

pub use fields::{Host, UserType};
pub use fingerprint::{BadFingerprint, Fingerprint};
pub use received::{Purpose, Received, Unusable};

use serde_json::value::RawValue;
use streembit_keys::jws::{self, JwsError, Typ, Unverified};
use streembit_keys::{PrivateKey, PublicKey, Thumbprint};

use crate::address::Address;
use crate::message::Name;
use crate::rights::Label;

const OFFER: Typ = Typ::new("sb-offer");

/// What an account tells others about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// What its owner calls it.
    pub account: Label,
    /// Its key, which has signed the offer.
    pub public_key: PublicKey,
    /// What kind of connection `host` and `port` take: `tcp`, `quic`, `ws`.
    pub transport: Name,
    /// Where it can be reached.
    pub host: Host,
    /// On which port.
    pub port: u16,
    /// Whether somebody or something is behind it.
    pub user_type: UserType,
    /// Where it can be dialled, more exactly than `host` and `port` say. (Ours; the whitepaper has only those.)
    pub hints: Vec<Address>,
    /// Until when the offer counts, in seconds since 1970. (Ours.)
    pub expires: Option<i64>,
}

/// Why a text is no offer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OfferError {
    /// No offer is that long.
    #[error("the text is too long for a contact offer: {} bytes are allowed", Offer::MAX_TEXT)]
    TooLong,
    /// The first or the last line is missing.
    #[error("no whole contact offer: copy it from its BEGIN line to its END line")]
    Envelope,
    /// An offer of the original program: anybody could have written it.
    #[error(
        "the offer is not signed, as those of the first Streembit programs: ask for one made by a current program"
    )]
    Unsigned,
    /// Not signed by the key that it offers.
    #[error("the offer is damaged or forged: {0}")]
    Signature(#[from] JwsError),
    /// A field is missing or wrong.
    #[error("the offer cannot be used: {0}")]
    Field(String),
}

/// Why an offer does not count now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OfferTimeError {
    /// It is over.
    #[error("the offer has expired: ask for a new one")]
    Expired,
    /// Nothing vouches for this device's clock, so nobody knows.
    #[error("the offer has an end, and this device has no clock that it trusts")]
    Clock,
}

#[derive(serde::Serialize)]
struct Outgoing<'a> {
    account: &'a Label,
    public_key: &'a PublicKey,
    transport: &'a Name,
    port: u16,
    host: &'a Host,
    user_type: UserType,
    #[serde(skip_serializing_if = "<[Address]>::is_empty")]
    hints: &'a [Address],
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<i64>,
}

/// What is read. Members that are not known here are left alone: the whitepaper's programs had more.
#[derive(serde::Deserialize)]
struct Incoming<'a> {
    account: Label,
    #[serde(borrow)]
    public_key: &'a RawValue,
    transport: Name,
    port: fields::Port,
    host: Host,
    user_type: UserType,
    #[serde(default)]
    hints: fields::Hints,
    #[serde(default)]
    exp: Option<i64>,
}

impl Offer {
    /// The longest text that is looked at. An offer with all its hints has about 1,500 characters, and a mail program may
    /// add a line before and after.
    pub const MAX_TEXT: usize = 8192;

    /// The most hints that an offer carries.
    pub const MAX_HINTS: usize = 8;

    /// Signs the offer with the key that it offers, and puts it into its envelope.
    pub fn sign(&self, key: &PrivateKey) -> String {
        let payload = Outgoing {
            account: &self.account,
            public_key: key.public(),
            transport: &self.transport,
            port: self.port,
            host: &self.host,
            user_type: self.user_type,
            hints: self.hints.get(..Self::MAX_HINTS).unwrap_or(&self.hints),
            exp: self.expires,
        };
        // String keys only: it always serialises.
        envelope::wrap(&jws::sign(key, OFFER, &serde_json::to_vec(&payload).unwrap_or_default()))
    }

    /// Reads an offer out of a text, which may have other text around it. Whether it has expired is for
    /// [`Offer::check_time`] to say.
    pub fn parse(text: &str) -> Result<Self, OfferError> {
        if text.len() > Self::MAX_TEXT {
            return Err(OfferError::TooLong);
        }
        let body = envelope::unwrap(text)?;
        let unverified = Unverified::parse(&body, OFFER)?;
        let field = |error: serde_json::Error| OfferError::Field(error.to_string());
        let fields: Incoming<'_> = serde_json::from_slice(unverified.claimed_payload()).map_err(field)?;
        let offer = Self {
            public_key: fields::public_key(fields.public_key)?,
            account: fields.account,
            transport: fields.transport,
            host: fields.host,
            port: fields.port.0,
            user_type: fields.user_type,
            hints: fields.hints.0,
            expires: fields.exp,
        };
        unverified.verify(&offer.public_key)?;
        Ok(offer)
    }

    /// What two people compare to know that the offer is who it says.
    pub fn thumbprint(&self) -> Thumbprint {
        self.public_key.thumbprint()
    }

    /// Whether the offer counts now; `trusted` is the time if something vouches for it.
    pub fn check_time(&self, trusted: Option<i64>) -> Result<(), OfferTimeError> {
        match (self.expires, trusted) {
            (None, _) => Ok(()),
            (Some(_), None) => Err(OfferTimeError::Clock),
            (Some(expires), Some(now)) if now >= expires => Err(OfferTimeError::Expired),
            (Some(_), Some(_)) => Ok(()),
        }
    }
}
