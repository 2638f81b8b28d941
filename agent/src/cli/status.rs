//! `streembit-agent status`

use super::{Context, Found, show};
use crate::control::answer::Status;
use crate::control::{Call, Failure};

pub(super) fn execute(context: &Context) -> Result<Found, Failure> {
    let status: Status = context.ask(&Call::Status)?;
    Ok(Found::new(&status, text_of(&status)))
}

fn text_of(status: &Status) -> String {
    let name = status.name.as_ref().map(|name| format!("{name} ")).unwrap_or_default();
    let owner = match (status.claimed, status.pairing_open) {
        (_, true) => "a pairing is open".to_owned(),
        (true, false) => format!("{} contacts, {} invitations", status.contacts, status.invitations),
        (false, false) => "no owner yet: `streembit-agent pair`".to_owned(),
    };
    let clock = match (status.clock.as_str(), status.time) {
        (who, Some(time)) => format!("{}, by {who}", show::moment(time)),
        (_, None) => "nobody vouches for the time: time-limited rights do not count".to_owned(),
    };
    let mut rows = vec![
        vec!["Device".to_owned(), format!("{name}{}", status.device)],
        vec!["Version".to_owned(), status.version.clone()],
        vec![
            "Running".to_owned(),
            format!("{}, {} open sessions", show::span(status.uptime), status.sessions),
        ],
        vec!["Owner".to_owned(), owner],
        vec!["Clock".to_owned(), clock],
        vec!["Journal".to_owned(), status.journal.head.clone()],
    ];
    if let Some(trouble) = &status.journal.trouble {
        rows.push(vec![String::new(), format!("NOTHING CAN BE RECORDED, so nothing moves: {trouble}")]);
    }
    if let Some(problem) = &status.config.problem {
        rows.push(vec!["Config".to_owned(), format!("the old settings are in force: {problem}")]);
    }
    if !status.config.next_start.is_empty() {
        rows.push(vec![
            "Config".to_owned(),
            format!("at the next start: {}", status.config.next_start.join(", ")),
        ]);
    }
    for (place, address) in status.addresses.iter().enumerate() {
        let label = if place == 0 { "Addresses" } else { "" };
        rows.push(vec![label.to_owned(), address.to_string()]);
    }
    for (place, (thing, health)) in status.things.iter().enumerate() {
        let label = if place == 0 { "Things" } else { "" };
        rows.push(vec![label.to_owned(), format!("{thing}: {health}")]);
    }
    show::table(&rows)
}
