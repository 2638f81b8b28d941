//! Somebody is let in by their contact offer, by the owner at the device.

use streembit_peer::offer::{Purpose, Received, Unusable};
use streembit_peer::rights::{Change, Label};

use super::Core;
use crate::access::Rights;
use crate::control::answer::Admitted;
use crate::control::{AdmitArgs, Failure};

impl Core {
    /// Makes a contact of the key of an offer.
    pub(super) async fn admit(&self, args: AdmitArgs) -> Result<Admitted, Failure> {
        let AdmitArgs { offer, fingerprint, name, role, allow } = args;
        let trusted = self.device.clock().now().trusted.map(|now| now.unix());
        let received = Received::read(&offer, Purpose::Admit, fingerprint.as_ref(), trusted)
            .map_err(|unusable| failure(&unusable))?;
        let key = received.offer.public_key;
        let contact = key.thumbprint();
        let rights = self.device.rights();
        if let Some(known) = rights.contact(&contact) {
            let message = format!("this device knows the key already: it is {}, {}", known.name, known.role);
            return Err(Failure::refused(message).or(
                "To give them more, make a link: the same command with `--name` in place of `--offer`.",
            ));
        }
        let name = match name {
            Some(name) => name,
            None => named_apart(&rights, received.offer.account)?,
        };
        let grants = self.grants_of(role, &allow)?;
        self.change(Change::Admit { key, name: name.clone(), role, grants }).await?;
        Ok(Admitted { contact, name, role, verified: received.verified })
    }
}

/// The offer's name, which its sender chose: they must not come out as somebody whom the device knows.
fn named_apart(rights: &Rights, name: Label) -> Result<Label, Failure> {
    let ours = name.to_lowercase();
    match rights.contacts().find(|(_, known)| known.name.to_lowercase() == ours) {
        None => Ok(name),
        Some((_, known)) => {
            let message =
                format!("the offer says {name}, and this device calls somebody else {}", known.name);
            Err(Failure::refused(message).or("Say what it is to call them: `--name NAME`."))
        }
    }
}

fn failure(unusable: &Unusable) -> Failure {
    let failure = Failure::new(unusable.exit(), unusable.to_string());
    match unusable.remedy() {
        Some(remedy) => failure.or(remedy),
        None => failure,
    }
}
