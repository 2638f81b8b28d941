//! `streembit contacts add` and `streembit contacts verify`: a device's key from its offer, and by another way.

use serde::Serialize;
use streembit_keys::Thumbprint;
use streembit_peer::offer::{Fingerprint, Purpose};

use crate::desk::Desk;
use crate::error::{Exit, Failure, Outcome};
use crate::home::NewContact;
use crate::naming;
use crate::offer::{how_to_verify, receive};
use crate::output::{Render, Style};

/// A device that was added.
#[derive(Debug, Clone, Serialize)]
pub struct Added {
    /// Its name here.
    pub name: String,
    /// Its key's fingerprint.
    pub fingerprint: Thumbprint,
    /// Whether somebody at the device told it by another way.
    pub verified: bool,
    /// Where it says that it can be dialled.
    pub addresses: Vec<String>,
}

/// Adds the device whose offer is in this file.
pub(super) fn add(
    desk: &Desk,
    file: &str,
    name: Option<String>,
    told: Option<&Fingerprint>,
) -> Outcome<Added> {
    let received = receive(desk.home(), file, Purpose::Call, told)?;
    let (offer, verified) = (received.offer, received.verified);
    if offer.hints.is_empty() {
        // The whitepaper's host and port do not say which transport key must answer there.
        return Err(Failure::invalid("The offer has no address that this program can dial.")
            .or("Ask for another one while the device runs: `streembit-agent offer`."));
    }
    let fingerprint = offer.thumbprint();
    let name = name.unwrap_or_else(|| naming::proposed(Some(&offer.account), &fingerprint.to_string()));
    let addresses: Vec<String> = offer.hints.iter().map(ToString::to_string).collect();
    let new = NewContact {
        name: name.clone(),
        key: offer.public_key,
        addresses: addresses.clone(),
        role: None,
        verified,
        // It was not asked yet.
        generation: None,
    };
    desk.home().contacts()?.add_offered(&new)?;
    Ok(Added { name, fingerprint, verified, addresses })
}

/// Compares a device's key with the fingerprint that somebody at the device told.
pub(super) fn verify(desk: &Desk, name: &str, told: &Fingerprint) -> Outcome<()> {
    let contacts = desk.home().contacts()?;
    let contact = contacts.get(name)?;
    let found = contact.key.thumbprint();
    if !told.matches(&found) {
        let message =
            format!("The fingerprint of {name} is {found}, and that is not the one that you were told.");
        return Err(Failure::new(Exit::Refused, message).or(format!(
            "Do not use it: somebody may have put their device in its place. `streembit contacts forget {name}`, and \
             ask for its offer by another way."
        )));
    }
    contacts.verified(&contact.key)
}

impl Render for Added {
    fn text(&self, style: Style) -> String {
        let name = &self.name;
        let fingerprint = self.fingerprint.to_string();
        let trust = if self.verified {
            format!("Verified: {fingerprint} is what you were told.")
        } else {
            format!(
                "{} {}. Then: streembit contacts verify {name} FINGERPRINT",
                style.warning("Unverified"),
                how_to_verify(&fingerprint, "streembit-agent offer")
            )
        };
        [
            &format!("{} {}.", style.good("Added"), style.strong(name)),
            &trust,
            "It lets you in when its owner has your offer (`streembit offer` makes it): \
             streembit invite DEVICE --offer FILE",
        ]
        .join("\n")
    }
}
