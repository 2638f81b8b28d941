//! An offer that came to somebody, and whether it can be used for what they want.

use streembit_keys::Thumbprint;

use super::{Fingerprint, Offer, OfferError, OfferTimeError, UserType};
use crate::exit::Exit;

/// What somebody wants to do with an offer. A program that serves others may be on either side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To let its account in.
    Admit,
    /// To call what is behind it.
    Call,
}

/// An offer that can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// The offer.
    pub offer: Offer,
    /// Whether somebody knows by another way that it is who it says.
    pub verified: bool,
}

/// Why an offer is not used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// It is none.
    #[error(transparent)]
    Offer(#[from] OfferError),
    /// It does not count now.
    #[error(transparent)]
    Time(#[from] OfferTimeError),
    /// A device is nobody to be let in.
    #[error("the offer is a device's, and only people and their programs are let in")]
    OfDevice,
    /// A person is nothing to be called.
    #[error("the offer is a person's, and only devices and services can be called")]
    OfPerson,
    /// It is not the key that was told.
    #[error("the fingerprint of the offer is {found}, and that is not the one that you were told")]
    OtherKey {
        /// The key's.
        found: Thumbprint,
    },
}

impl Received {
    /// Reads an offer and checks all that can be checked. `told` is the fingerprint as its owner told it by another way;
    /// `trusted` is the time if something vouches for it.
    pub fn read(
        text: &str,
        purpose: Purpose,
        told: Option<&Fingerprint>,
        trusted: Option<i64>,
    ) -> Result<Self, Unusable> {
        let offer = Offer::parse(text)?;
        match (purpose, offer.user_type) {
            (Purpose::Admit, UserType::Device) => return Err(Unusable::OfDevice),
            (Purpose::Call, UserType::Human) => return Err(Unusable::OfPerson),
            _ => {}
        }
        // Another key is worse news than an old offer, so it is told first.
        let found = offer.thumbprint();
        if told.is_some_and(|told| !told.matches(&found)) {
            return Err(Unusable::OtherKey { found });
        }
        offer.check_time(trusted)?;
        Ok(Self { offer, verified: told.is_some() })
    }
}

impl Unusable {
    /// How a program ends with it.
    pub const fn exit(&self) -> Exit {
        match self {
            Self::Offer(_) | Self::Time(OfferTimeError::Expired) | Self::OfDevice | Self::OfPerson => {
                Exit::InvalidInput
            }
            // The offer may be well: it is the clock that is not.
            Self::Time(OfferTimeError::Clock) => Exit::Failure,
            // The one end that may mean an attack has a code that a damaged file does not have.
            Self::OtherKey { .. } => Exit::Refused,
        }
    }

    /// What to do about it, where the error itself does not say.
    pub const fn remedy(&self) -> Option<&'static str> {
        match self {
            Self::Offer(OfferError::Unsigned | OfferError::Envelope)
            | Self::Time(OfferTimeError::Expired) => None,
            Self::Offer(_) => Some("Ask for it again, and copy it whole."),
            Self::Time(OfferTimeError::Clock) => {
                Some("Switch NTP on (`timedatectl set-ntp true`), or let the owner open a session.")
            }
            Self::OfDevice => Some("A person makes theirs with `streembit offer`."),
            Self::OfPerson => Some(
                "A device makes its own with `streembit-agent offer`; to let a person in: `streembit invite DEVICE --offer FILE`.",
            ),
            Self::OtherKey { .. } => Some(
                "Do not use it: somebody may have put theirs in its place. Ask for the offer again by another way.",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use streembit_keys::{PrivateKey, rng};

    use super::*;

    const NOW: i64 = 1_795_000_000;

    fn text(user_type: UserType, expires: Option<i64>) -> (String, Thumbprint) {
        let key = PrivateKey::generate(&mut rng::system());
        let offer = Offer {
            account: "Bea".parse().unwrap(),
            public_key: key.public().clone(),
            transport: "tcp".parse().unwrap(),
            host: "localhost".parse().unwrap(),
            port: 9,
            user_type,
            hints: Vec::new(),
            expires,
        };
        (offer.sign(&key), offer.thumbprint())
    }

    #[test]
    fn people_are_let_in_devices_are_called_and_services_are_both() {
        let verdict = |user_type, purpose| {
            Received::read(&text(user_type, None).0, purpose, None, None).map(|received| received.verified)
        };
        assert_eq!(verdict(UserType::Human, Purpose::Admit), Ok(false));
        assert_eq!(verdict(UserType::Device, Purpose::Admit), Err(Unusable::OfDevice));
        assert_eq!(verdict(UserType::Device, Purpose::Call), Ok(false));
        assert_eq!(verdict(UserType::Human, Purpose::Call), Err(Unusable::OfPerson));
        assert_eq!(verdict(UserType::Service, Purpose::Admit), Ok(false));
        assert_eq!(verdict(UserType::Service, Purpose::Call), Ok(false));
    }

    #[test]
    fn the_fingerprint_that_was_told_verifies_and_another_one_refuses() {
        let (offer, found) = text(UserType::Human, None);
        let read = |told: &str| {
            let told = told.parse().unwrap();
            Received::read(&offer, Purpose::Admit, Some(&told), None)
        };
        assert!(read(&found.to_string()).unwrap().verified);
        assert!(read(&found.to_string()[..16]).unwrap().verified);
        let (_, other) = text(UserType::Human, None);
        let refused = read(&other.to_string()).unwrap_err();
        assert_eq!((refused.exit(), &refused), (Exit::Refused, &Unusable::OtherKey { found }));
    }

    #[test]
    fn an_end_needs_a_clock_and_is_kept() {
        let (offer, _) = text(UserType::Human, Some(NOW));
        let read = |trusted| Received::read(&offer, Purpose::Admit, None, trusted);
        assert!(read(Some(NOW - 1)).is_ok());
        let expired = read(Some(NOW)).unwrap_err();
        assert_eq!((expired.exit(), &expired), (Exit::InvalidInput, &OfferTimeError::Expired.into()));
        let no_clock = read(None).unwrap_err();
        assert_eq!((no_clock.exit(), &no_clock), (Exit::Failure, &OfferTimeError::Clock.into()));
    }

    #[test]
    fn a_damaged_offer_is_invalid_whatever_was_told() {
        let (offer, found) = text(UserType::Human, None);
        let told: Fingerprint = found.to_string().parse().unwrap();
        let damaged = offer.replacen("eyJ", "eyK", 1);
        for text in ["", &offer[..offer.len() / 2], &damaged] {
            let refused = Received::read(text, Purpose::Admit, Some(&told), Some(NOW)).unwrap_err();
            assert_eq!(refused.exit(), Exit::InvalidInput, "{refused}");
        }
    }
}
