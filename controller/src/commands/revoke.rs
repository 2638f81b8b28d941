//! `streembit revoke`

use serde::Serialize;
use streembit_peer::rights::Change;

use super::short;
use crate::desk::Desk;
use crate::error::{Exit, Failure, Outcome};
use crate::output::{Render, Style, printable};
use crate::rights::{self, Standing};

/// The arguments of `streembit revoke`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Examples:
  streembit revoke garage Bea
  streembit revoke garage 9fXk3b…       by fingerprint, or its first characters

Everything of theirs ends at once: sessions, observations, waiting work. An invitation that nobody accepted yet is
withdrawn by the same name.")]
pub struct Args {
    /// The device
    pub device: String,
    /// Their name on the device, or the fingerprint of their key
    #[arg(allow_hyphen_values = true)]
    pub contact: String,
}

/// Somebody whose rights are gone.
#[derive(Debug, Clone, Serialize)]
pub struct Revoked {
    /// The device.
    pub device: String,
    /// What it called them.
    pub name: String,
    /// The fingerprint of their key; none where it was an invitation that nobody had accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
}

/// Revokes somebody, or withdraws their invitation.
pub async fn run(desk: &Desk, args: Args) -> Outcome<Revoked> {
    let device = desk.home().contacts()?.get(&args.device)?.name;
    let mut revoked = None;
    rights::change(desk, &device, |standing| {
        let found = find(standing, &device, &args.contact)?;
        let (change, name, fingerprint) = match found {
            Found::Member { change, name, fingerprint } => (change, name, Some(fingerprint)),
            Found::Invited { change, name } => (change, name, None),
        };
        revoked = Some(Revoked { device: device.clone(), name, fingerprint });
        Ok(change)
    })
    .await?;
    revoked.ok_or_else(|| Failure::because("Nothing was revoked."))
}

pub(super) enum Found {
    /// A contact.
    Member { change: Change, name: String, fingerprint: String },
    /// An invitation that nobody accepted yet.
    Invited { change: Change, name: String },
}

impl Found {
    /// Whether it is the contact with this key.
    pub(super) fn is(&self, who: &streembit_keys::Thumbprint) -> bool {
        matches!(self, Self::Member { change: Change::Revoke { contact }, .. } if contact == who)
    }
}

/// The fewest characters of a fingerprint that are taken for one: fewer would be a guess.
const FEWEST: usize = 6;

pub(super) fn find(standing: &Standing, device: &str, wanted: &str) -> Outcome<Found> {
    let members: Vec<_> = standing
        .contacts
        .iter()
        .filter(|member| {
            let fingerprint = member.contact.to_string();
            member.name == wanted || (wanted.len() >= FEWEST && fingerprint.starts_with(wanted))
        })
        .collect();
    let invited: Vec<_> = standing
        .invitations
        .iter()
        .filter(|invited| invited.name == wanted || invited.id.to_string() == wanted)
        .collect();
    match (members.as_slice(), invited.as_slice()) {
        ([member], []) => Ok(Found::Member {
            change: Change::Revoke { contact: member.contact },
            name: member.name.clone(),
            fingerprint: member.contact.to_string(),
        }),
        ([], [invitation]) => Ok(Found::Invited {
            change: Change::Withdraw { id: invitation.id },
            name: invitation.name.clone(),
        }),
        ([], []) => {
            let message = format!("{device} knows nobody called `{}`. It knows:", printable(wanted));
            Err(Failure::new(Exit::Refused, message).among(everybody(standing)))
        }
        _ => Err(Failure::usage(format!("`{}` may be any of these:", printable(wanted)))
            .among(
                members
                    .iter()
                    .map(|member| format!("{} ({})", member.contact, printable(&member.name)))
                    .chain(invited.iter().map(|i| format!("{} (invited: {})", i.id, printable(&i.name))))
                    .collect(),
            )
            .or("Name one by its fingerprint or id.")),
    }
}

fn everybody(standing: &Standing) -> Vec<String> {
    let members = standing.contacts.iter().map(|member| {
        let fingerprint = member.contact.to_string();
        format!("{}  {}  {}", printable(&member.name), printable(&member.role), short(&fingerprint))
    });
    let invited = standing.invitations.iter().map(|i| format!("{}  invited", printable(&i.name)));
    members.chain(invited).collect()
}

impl Render for Revoked {
    fn text(&self, style: Style) -> String {
        let name = style.strong(&printable(&self.name));
        match self.fingerprint {
            Some(_) => format!(
                "{} {name} on {}: everything of theirs has ended.",
                style.good("Revoked"),
                self.device
            ),
            None => format!("{} the invitation of {name} to {}.", style.good("Withdrew"), self.device),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn standing() -> Standing {
        let print = |n: u8| streembit_keys::Thumbprint::from_bytes([n; 32]).to_string();
        serde_json::from_value(json!({
            "seq": 3,
            "head": streembit_peer::rights::ChangeHash::FIRST,
            "contacts": [
                {"contact": print(1), "name": "Ada", "role": "owner"},
                {"contact": print(2), "name": "Bea", "role": "guest"},
                {"contact": print(3), "name": "Bea", "role": "guest"}
            ],
            "invitations": [{"id": "AAAAAAAAAAA", "name": "Carl", "role": "guest"}]
        }))
        .unwrap()
    }

    #[test]
    fn a_name_is_enough_where_it_is_unique() {
        assert!(matches!(
            find(&standing(), "d", "Ada"),
            Ok(Found::Member { change: Change::Revoke { .. }, .. })
        ));
        assert!(matches!(
            find(&standing(), "d", "Carl"),
            Ok(Found::Invited { change: Change::Withdraw { .. }, .. })
        ));
    }

    #[test]
    fn namesakes_are_told_apart_by_fingerprint() {
        let failure = find(&standing(), "d", "Bea").err().unwrap();
        assert_eq!((failure.exit, failure.candidates.len()), (Exit::Usage, 2));
        let print = streembit_keys::Thumbprint::from_bytes([3; 32]).to_string();
        let Ok(Found::Member { fingerprint, .. }) = find(&standing(), "d", &print[..8]) else { panic!() };
        assert_eq!(fingerprint, print);
        assert!(find(&standing(), "d", &print[..3]).is_err(), "too short to be meant");
    }

    #[test]
    fn an_unknown_name_lists_everybody() {
        let failure = find(&standing(), "garage", "Zoe").err().unwrap();
        assert!(failure.message.contains("garage knows nobody called `Zoe`"));
        assert_eq!(failure.candidates.len(), 4);
    }
}
