//! `streembit invite --offer`: somebody is let in by their contact offer, without a link.

use serde::Serialize;
use streembit_keys::Thumbprint;
use streembit_peer::offer::Purpose;
use streembit_peer::rights::{Change, Label, Role};

use super::{Args, label};
use crate::commands::short;
use crate::desk::Desk;
use crate::error::{Exit, Failure, Outcome};
use crate::offer::{how_to_verify, receive};
use crate::output::{Render, Style};
use crate::rights::{self, Standing};

/// Somebody who was let in.
#[derive(Debug, Clone, Serialize)]
pub struct Admitted {
    /// The device.
    pub device: String,
    /// What it calls them.
    pub name: Label,
    /// As what.
    pub role: Role,
    /// Their key's fingerprint.
    pub fingerprint: Thumbprint,
    /// Whether they told it by another way. Until then, the key may be that of whoever carried the offer.
    pub verified: bool,
}

/// Signs that the key of the offer in this file is a contact of the device.
pub(super) async fn run(desk: &Desk, args: &Args, file: &str) -> Outcome<Admitted> {
    // A bad offer is told before anything is dialled.
    let received = receive(desk.home(), file, Purpose::Admit, args.fingerprint.as_ref())?;
    let contact = desk.home().contacts()?.one(args.device.as_deref())?;
    let key = received.offer.public_key;
    let admitted = Admitted {
        name: args.name.as_deref().map_or(Ok(received.offer.account), label)?,
        device: contact.name.clone(),
        role: args.role,
        fingerprint: key.thumbprint(),
        verified: received.verified,
    };
    let grants = super::grants(desk, &contact, args).await?;
    rights::change(desk, &contact.name, |standing| {
        admitted.is_new(standing)?;
        if args.name.is_none() {
            admitted.is_named_apart(standing)?;
        }
        let (key, name, grants) = (key.clone(), admitted.name.clone(), grants.clone());
        Ok(Change::Admit { key, name, role: args.role, grants })
    })
    .await?;
    Ok(admitted)
}

impl Admitted {
    /// The device would refuse it, too, and could not say it in the words of this program.
    fn is_new(&self, standing: &Standing) -> Outcome<()> {
        let Some(known) = standing.contacts.iter().find(|member| member.contact == self.fingerprint) else {
            return Ok(());
        };
        let (device, name, role) = (&self.device, &known.name, &known.role);
        Err(Failure::new(Exit::Refused, format!("{device} knows this key already: it is {name}, {role}."))
            .or("To give them more, make a link: the same command with `--name` in place of `--offer`."))
    }

    /// The offer's name was chosen by its sender, who must not come out as somebody whom the device knows.
    fn is_named_apart(&self, standing: &Standing) -> Outcome<()> {
        let ours = self.name.to_lowercase();
        let mut names = standing.contacts.iter().map(|member| &member.name);
        match names.find(|name| name.to_lowercase() == ours) {
            None => Ok(()),
            Some(name) => {
                let message =
                    format!("The offer says {}, and {} calls somebody else {name}.", self.name, self.device);
                Err(Failure::new(Exit::Refused, message).or("Say what it is to call them: `--name NAME`."))
            }
        }
    }
}

impl Render for Admitted {
    fn text(&self, style: Style) -> String {
        let Self { device, name, role, .. } = self;
        let fingerprint = self.fingerprint.to_string();
        let done = format!("{} {} to {device} as {role}.", style.good("Let in"), style.strong(name));
        let trust = if self.verified {
            format!("Verified: {fingerprint} is what you were told.")
        } else {
            format!(
                "{} {}. If it is another: streembit revoke {device} {}",
                style.warning("Unverified"),
                how_to_verify(&fingerprint, "streembit offer"),
                short(&fingerprint)
            )
        };
        let next = "They need the device's offer (`streembit-agent offer` makes it) and run: streembit contacts add FILE";
        [&done, &trust, next].join("\n")
    }
}
