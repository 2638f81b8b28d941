//! The first contact with a device: by a pairing link that it shows, or by an owner's invitation.

use serde_json::{Value, json};
use streembit_peer::client::{CallError, Closed, Connection};
use streembit_peer::link::{Link, LinkKind};
use streembit_peer::message::{Answer, Call as Message, Operation, ProblemCode};
use streembit_peer::session::Remote;
use tokio::time::timeout;

use super::{Person, problem};
use crate::address::{DEVICE_THING, check_contact_name};
use crate::door::{Meeting, Met};
use crate::error::{Exit, Failure, Outcome};
use crate::home::{Identity, NewContact};
use crate::naming;
use crate::output::printable;

impl Person {
    /// Follows a link: proves its secret to the device that it names, and keeps that device as a contact.
    pub(super) async fn meet(&self, meeting: Meeting) -> Outcome<Met> {
        let link = parse(&meeting)?;
        if let Some(name) = &meeting.name {
            check_contact_name(name).map_err(|why| Failure::usage(format!("{why}.")))?;
        }
        let within = meeting.timeout;
        let dialling = self.dial("the device", &link.hints, Remote::Pairing(link.device));
        let connection = timeout(within, dialling)
            .await
            .map_err(|_| Failure::unreachable("The device did not answer in time."))?
            .map_err(|failure| explained(failure, meeting.invitation))?;
        // The handshake has shown that the key is the one of the link's thumbprint.
        let (key, generation) = (connection.peers().remote.clone(), Some(connection.generation()));
        let answer = self.prove(&connection, &link, &meeting).await?;
        connection.close();

        let role = answer.get("role").and_then(Value::as_str).map(str::to_owned);
        let proposed = answer.pointer("/device/name").or_else(|| answer.get("name")).and_then(Value::as_str);
        let fingerprint = key.thumbprint().to_string();
        let name = meeting.name.clone().unwrap_or_else(|| naming::proposed(proposed, &fingerprint));
        let addresses = link.hints.iter().map(ToString::to_string).collect();
        // The link brought the key's thumbprint, by another way than the key itself came.
        let contact = NewContact { name, key, addresses, role: role.clone(), verified: true, generation };
        let device = self.contacts(move |contacts| contacts.add(&contact)).await?;
        Ok(Met { device, fingerprint, role })
    }

    /// Proves the link's secret within the session.
    async fn prove(&self, connection: &Connection, link: &Link, meeting: &Meeting) -> Outcome<Value> {
        let caller = self.0.key.public().thumbprint();
        let proof = link.secret.proof(&connection.peers().sid, &caller);
        let Identity { name, recovery, .. } = self.0.home.identity()?;
        let (action, input) = match link.kind {
            LinkKind::Pairing => ("pair", json!({ "proof": proof, "name": name, "recovery": recovery })),
            LinkKind::Invitation => {
                let id = link.secret.hash().invitation_id();
                ("join", json!({ "id": id, "proof": proof, "name": name }))
            }
        };
        let (thing, action) = (problem::name(DEVICE_THING)?, problem::name(action)?);
        let mut random = streembit_keys::rng::system();
        let message = Message::new(Operation::InvokeAction, thing, Some(action), Some(&input), &mut random)
            .map_err(|e| Failure::because(format!("Cannot ask the device: {e}.")))?;
        let response = connection.call(&message, meeting.timeout).await.map_err(|error| match error {
            CallError::NotSent(Closed::NoRoom) => problem::no_room("the device"),
            // The device says nothing to those whom it does not let in, so both mean the same.
            CallError::NotSent(_) | CallError::Lost(_) => refused(meeting.invitation),
            CallError::TimedOut => {
                Failure::outcome_unknown("The device did not answer in time: you may be its contact now.")
            }
        })?;
        match response.result {
            Answer::Ok(value) => Ok(value),
            Answer::Problem(found) if found.code == ProblemCode::Refused => Err(refused(meeting.invitation)),
            Answer::Problem(found) if found.code == ProblemCode::InvalidInput => {
                let why =
                    found.detail.as_deref().map(|text| format!(": {}", printable(text))).unwrap_or_default();
                Err(Failure::invalid(format!("The device does not take what it was told{why}.")))
            }
            Answer::Problem(found) => Err(problem::failure("the device", "the device", &found)),
            Answer::Pending(_) => Err(Failure::because("The device answered in an unknown way.")),
        }
    }
}

fn parse(meeting: &Meeting) -> Outcome<Link> {
    let link: Link = meeting.link.trim().parse().map_err(|error| {
        Failure::invalid(format!("This is no link of Streembit: {error}."))
            .or("Copy it whole, in quotes: `streembit pair 'streembit:…'`.")
    })?;
    match (link.kind, meeting.invitation) {
        (LinkKind::Pairing, false) | (LinkKind::Invitation, true) => Ok(link),
        (LinkKind::Invitation, false) => {
            Err(Failure::invalid("This link is an invitation.").or("Use `streembit accept LINK`."))
        }
        (LinkKind::Pairing, true) => {
            Err(Failure::invalid("This link is for pairing.").or("Use `streembit pair LINK`."))
        }
    }
}

fn explained(failure: Failure, invitation: bool) -> Failure {
    if failure.exit == Exit::Refused { refused(invitation) } else { failure }
}

fn refused(invitation: bool) -> Failure {
    if invitation {
        Failure::new(Exit::Refused, "The device does not take this invitation.")
            .or("It was used, withdrawn or is too old: ask an owner for another one.")
    } else {
        Failure::new(Exit::Refused, "The device does not take this link.")
            .or("It was used or is older than ten minutes: run `streembit-agent pair` on the device for another one.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wrong_kind_of_link_names_the_right_command() {
        let meeting = |link: &str, invitation| Meeting {
            link: link.into(),
            invitation,
            name: None,
            timeout: std::time::Duration::from_secs(1),
        };
        let secret = streembit_peer::link::Secret::generate(&mut streembit_keys::rng::system());
        let device = streembit_keys::Thumbprint::from_bytes([7; 32]);
        for (kind, command) in [(LinkKind::Pairing, "pair"), (LinkKind::Invitation, "accept")] {
            let link = Link { kind, device, secret: secret.clone(), hints: Vec::new() }.to_uri();
            let right = kind == LinkKind::Invitation;
            assert!(parse(&meeting(&format!(" {link}\n"), right)).is_ok(), "white space from copying");
            let failure = parse(&meeting(&link, !right)).unwrap_err();
            assert!(failure.to_string().contains(&format!("streembit {command} LINK")), "{failure}");
            assert_eq!(failure.exit, Exit::InvalidInput);
        }
        assert!(parse(&meeting("https://example.org", false)).unwrap_err().message.contains("no link"));
    }
}
