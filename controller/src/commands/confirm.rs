//! `streembit confirm`

use serde::Serialize;
use streembit_keys::Thumbprint;
use streembit_peer::rights::{Change, Role};

use super::revoke::{Found, find};
use super::short;
use crate::desk::Desk;
use crate::error::{Exit, Failure, Outcome};
use crate::output::{Render, Style, printable, table};
use crate::rights::{self, Member, Standing};

/// The arguments of `streembit confirm`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Examples:
  streembit confirm garage              who waits for it
  streembit confirm garage Bea
  streembit confirm garage --all

A device that was made anew out of a backup does not know what was changed since the backup. So whoever is no owner may nothing
there until an owner says that they still may what they might then. Revoke whom you no longer know: `streembit revoke`.")]
pub struct Args {
    /// The device
    pub device: String,
    /// Who may go on: their name on the device, or the fingerprint of their key [default: list who waits]
    #[arg(allow_hyphen_values = true)]
    pub contact: Option<String>,
    /// Confirm everybody who waits
    #[arg(long, conflicts_with = "contact")]
    pub all: bool,
}

/// Who waits, or who waits no longer.
#[derive(Debug, Clone, Serialize)]
pub struct Confirmed {
    /// The device.
    pub device: String,
    /// Who has their rights again.
    pub confirmed: Vec<Waiting>,
    /// Who waits still.
    pub waiting: Vec<Waiting>,
}

/// Somebody whose rights are suspended, or were.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Waiting {
    /// What the device calls them.
    pub name: String,
    /// What they are to it.
    pub role: String,
    /// How many grants they have besides.
    pub grants: usize,
    /// The fingerprint of their key.
    pub fingerprint: Thumbprint,
}

/// Gives back what somebody had before the device was restored, or lists who waits for that.
pub async fn run(desk: &Desk, args: Args) -> Outcome<Confirmed> {
    let device = desk.home().contacts()?.get(&args.device)?.name;
    let standing = rights::standing(desk, &device).await?;
    let wanted: Vec<Member> = match &args.contact {
        Some(contact) => vec![one(&standing, &device, contact)?],
        None if args.all => suspended(&standing).cloned().collect(),
        None => Vec::new(),
    };
    for member in &wanted {
        let who = member.contact;
        // What they have is read with the place of the change: another owner may have given them something else meanwhile.
        rights::change(desk, &device, |standing| {
            let now = suspended(standing).find(|member| member.contact == who);
            let member = now.ok_or_else(|| not_suspended(&device, &member.name))?;
            let role = role(&member.role)?;
            Ok(Change::SetRights { contact: who, role, grants: member.grants.clone() })
        })
        .await?;
    }
    let is_confirmed = |member: &&Member| wanted.iter().any(|one| one.contact == member.contact);
    let waiting = suspended(&standing).filter(|member| !is_confirmed(member)).map(Waiting::of).collect();
    Ok(Confirmed { device, confirmed: wanted.iter().map(Waiting::of).collect(), waiting })
}

fn suspended(standing: &Standing) -> impl Iterator<Item = &Member> {
    standing.contacts.iter().filter(|member| member.suspended)
}

fn one(standing: &Standing, device: &str, wanted: &str) -> Outcome<Member> {
    let found = find(standing, device, wanted)?;
    let member = standing.contacts.iter().find(|member| found.is(&member.contact));
    match (member, found) {
        (Some(member), _) if member.suspended => Ok(member.clone()),
        (_, Found::Member { name, .. } | Found::Invited { name, .. }) => Err(not_suspended(device, &name)),
    }
}

fn not_suspended(device: &str, name: &str) -> Failure {
    Failure::new(Exit::Refused, format!("{} needs no confirmation on {device}.", printable(name)))
        .or(format!("`streembit confirm {device}` lists who does."))
}

fn role(name: &str) -> Outcome<Role> {
    Role::ALL.into_iter().find(|role| role.as_str() == name).ok_or_else(|| {
        Failure::because(format!("The device has a role that is not known here: {}.", printable(name)))
            .or("Its program may be newer than this one.")
    })
}

impl Waiting {
    fn of(member: &Member) -> Self {
        Self {
            name: member.name.clone(),
            role: member.role.clone(),
            grants: member.grants.len(),
            fingerprint: member.contact,
        }
    }
}

impl Render for Confirmed {
    fn text(&self, style: Style) -> String {
        let mut lines: Vec<String> = self
            .confirmed
            .iter()
            .map(|who| format!("{} {} on {}", style.good("Confirmed"), printable(&who.name), self.device))
            .collect();
        if !self.waiting.is_empty() {
            let rows: Vec<Vec<String>> = self.waiting.iter().map(|who| row(who, style)).collect();
            lines.push(format!("Suspended on {} until you confirm them:", self.device));
            lines.push(table(&rows));
        } else if lines.is_empty() {
            lines.push(format!("Nobody on {} waits to be confirmed.", self.device));
        }
        lines.join("\n")
    }
}

fn row(who: &Waiting, style: Style) -> Vec<String> {
    let grants = match who.grants {
        0 => String::new(),
        1 => "1 grant".to_owned(),
        n => format!("{n} grants"),
    };
    let fingerprint = who.fingerprint.to_string();
    vec![
        format!("  {}", style.strong(&printable(&who.name))),
        printable(&who.role),
        grants,
        short(&fingerprint).to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn standing() -> Standing {
        let print = |n: u8| Thumbprint::from_bytes([n; 32]).to_string();
        serde_json::from_value(json!({
            "seq": 3,
            "head": streembit_peer::rights::ChangeHash::FIRST,
            "contacts": [
                {"contact": print(1), "name": "Ada", "role": "owner"},
                {"contact": print(2), "name": "Bea", "role": "viewer", "suspended": true},
                {"contact": print(3), "name": "Carl", "role": "guest"}
            ],
            "invitations": []
        }))
        .unwrap()
    }

    #[test]
    fn only_who_is_suspended_is_confirmed() {
        let bea = one(&standing(), "garage", "Bea").unwrap();
        assert_eq!((bea.name.as_str(), role(&bea.role)), ("Bea", Ok(Role::Viewer)));
        for other in ["Ada", "Carl"] {
            let failure = one(&standing(), "garage", other).unwrap_err();
            assert!(failure.exit == Exit::Refused && failure.message.contains("needs no"), "{failure}");
        }
        assert!(one(&standing(), "garage", "Zoe").unwrap_err().message.contains("knows nobody"));
    }

    #[test]
    fn a_role_that_a_newer_device_knows_is_not_guessed() {
        assert!(role("janitor").is_err());
    }
}
