//! `streembit-agent contacts`

use super::{Context, Found, show};
use crate::control::answer::{Owners, People};
use crate::control::{Call, Failure};
use crate::words::{CONFIRM, suspended as suspended_words};

pub(super) fn execute(context: &Context) -> Result<Found, Failure> {
    let people: People = context.ask(&Call::Contacts)?;
    Ok(Found::new(&people, text_of(&people)))
}

fn text_of(people: &People) -> String {
    let mut parts = Vec::new();
    match people.owners {
        Owners::NotYet => {
            parts.push("This device has no owner yet. Take it: `streembit-agent pair`.".to_owned())
        }
        Owners::Some => {}
        Owners::NoMore => {
            parts.push(format!("The last owner of this device was revoked.\n{}", Owners::WAYS_OUT));
        }
    }
    if !people.contacts.is_empty() {
        let rows: Vec<Vec<String>> = people
            .contacts
            .iter()
            .map(|contact| {
                let grants = match contact.grants.len() {
                    0 => String::new(),
                    1 => "1 grant".to_owned(),
                    n => format!("{n} grants"),
                };
                let suspended = if contact.suspended { "suspended" } else { "" };
                vec![
                    contact.name.to_string(),
                    contact.role.to_string(),
                    contact.contact.to_string(),
                    grants,
                    suspended.to_owned(),
                ]
            })
            .collect();
        parts.push(show::table(&rows));
    }
    let suspended = people.contacts.iter().filter(|contact| contact.suspended).count();
    if suspended > 0 {
        parts.push(format!("{}\n{}", suspended_words(suspended), CONFIRM));
    }
    if !people.invitations.is_empty() {
        let rows: Vec<Vec<String>> = people
            .invitations
            .iter()
            .map(|invitation| {
                let until = format!("until {}", show::moment(invitation.expires));
                vec![
                    invitation.name.to_string(),
                    invitation.role.to_string(),
                    until,
                    format!("invitation {}", invitation.id),
                ]
            })
            .collect();
        parts.push(format!("Invited:\n{}", show::table(&rows)));
    }
    parts.join("\n\n")
}
