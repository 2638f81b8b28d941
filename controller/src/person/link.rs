//! Getting a session with a device.

use std::time::Duration;

use streembit_peer::client::Connection;
use streembit_peer::network::{Address, DialError, Limits, Network, NetworkConfig, PeerName};
use streembit_peer::session::{PeerIds, Remote};
use streembit_peer::wire::{self, InitiateError};
use tokio::time::{Instant, timeout, timeout_at};

use super::{Person, Session};
use crate::clock;
use crate::error::{Exit, Failure, Outcome};
use crate::home::Contact;

/// How long to listen for a device that is not where it was. Its announcement comes within a second of being asked for.
const LOOK_AROUND: Duration = Duration::from_secs(3);

impl Person {
    /// The session with a device: the one that is open, or a new one. Waiting for others who dial the device is part of
    /// `within`: there may be many of them, each with its own patience.
    pub(super) async fn session(&self, contact: &Contact, within: Duration) -> Outcome<Connection> {
        let deadline = Instant::now() + within;
        let late = |_| unanswered(&contact.name, within);
        let session = self.slot(contact);
        let mut open = timeout_at(deadline, session.connection.lock()).await.map_err(late)?;
        if let Some(connection) = &*open
            && connection.is_closed().is_none()
            && !self.is_due(connection)
        {
            return Ok(connection.clone());
        }
        let fresh = timeout_at(deadline, self.connect(contact)).await.map_err(late)??;
        if contact.generation != Some(fresh.generation()) {
            let (key, generation) = (contact.key.clone(), fresh.generation());
            self.contacts(move |contacts| contacts.keep_generation(&key, generation)).await?;
        }
        // Whoever still waits on the one before keeps it open until then.
        *open = Some(fresh.clone());
        Ok(fresh)
    }

    fn slot(&self, contact: &Contact) -> Session {
        let mut sessions = self.0.sessions.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let fresh = || Session { name: contact.name.as_str().into(), ..Session::default() };
        sessions.entry(contact.key.thumbprint()).or_insert_with(fresh).clone()
    }

    /// Whether it is time for a new session.
    pub(super) fn is_due(&self, connection: &Connection) -> bool {
        connection.needs_renewal() || connection.age() >= self.0.renew_after
    }

    async fn connect(&self, contact: &Contact) -> Outcome<Connection> {
        let addresses: Vec<Address> = contact.addresses.iter().filter_map(|text| text.parse().ok()).collect();
        let remote = Remote::Known(contact.key.clone());
        let first = match self.dial(&contact.name, &addresses, remote.clone()).await {
            // One that goes down in the middle of the handshake looks like one that does not know us. Asked again, it
            // says nothing once more, or is not there, or has started anew.
            Err(failure) if failure.exit == Exit::Refused => {
                self.dial(&contact.name, &addresses, remote.clone()).await
            }
            outcome => outcome,
        };
        match first {
            Err(failure) if failure.exit == Exit::Unreachable && worth_looking(&addresses) => {
                match look_around(self, &addresses).await {
                    Some(found) => {
                        let connection = self.dial(&contact.name, &found, remote).await?;
                        self.remember(contact, found).await?;
                        Ok(connection)
                    }
                    None => Err(failure),
                }
            }
            outcome => outcome,
        }
    }

    /// Dials and shakes hands. `name` is for messages only.
    pub(super) async fn dial(
        &self,
        name: &str,
        addresses: &[Address],
        remote: Remote,
    ) -> Outcome<Connection> {
        let network = self.network().await?;
        let mut stream = network.dial(addresses).await.map_err(|error| undialled(name, &error))?;
        let peer_ids =
            PeerIds { initiator: network.peer_id().to_string(), responder: stream.remote().to_string() };
        let established = wire::initiate(&mut stream, &self.0.key, remote, peer_ids, clock::unix_now)
            .await
            .map_err(|error| no_session(name, &error))?;
        Ok(Connection::new(stream, established, self.0.key.clone()))
    }

    async fn network(&self) -> Outcome<&Network> {
        self.0.network.get_or_try_init(|| start_network(self, false)).await
    }

    /// Keeps where the device was found, and what was known before behind it.
    async fn remember(&self, contact: &Contact, found: Vec<Address>) -> Outcome<()> {
        let mut addresses: Vec<String> = found.iter().map(ToString::to_string).collect();
        let before = contact.addresses.iter().filter(|address| !addresses.contains(address)).cloned();
        addresses.extend(before.collect::<Vec<_>>());
        addresses.truncate(Limits::default().addresses_a_dial);
        let key = contact.key.clone();
        self.contacts(move |contacts| contacts.keep_addresses(&key, &addresses)).await
    }
}

async fn start_network(person: &Person, mdns: bool) -> Outcome<Network> {
    let transport_key = person.0.home.transport_key()?;
    // Nothing is listened on: a person is dialled by nobody.
    let config = NetworkConfig { transport_key, listen: Vec::new(), mdns, limits: Limits::default() };
    let (network, _incoming) = Network::start(config)
        .await
        .map_err(|e| Failure::because(format!("Cannot start the network: {e}.")))?;
    Ok(network)
}

/// A device that was only ever reached on this machine itself is not elsewhere in the network.
fn worth_looking(addresses: &[Address]) -> bool {
    addresses.iter().any(|address| {
        let text = address.to_string();
        !text.starts_with("/ip4/127.") && !text.starts_with("/ip6/::1/")
    })
}

/// Asks the local network (mDNS) for the transport keys that the device had. A hint only: the session proves who it is.
async fn look_around(person: &Person, known: &[Address]) -> Option<Vec<Address>> {
    let wanted: Vec<PeerName> = known.iter().map(Address::peer).collect();
    let network = start_network(person, true).await.ok()?;
    let looking = async {
        loop {
            let found: Vec<Address> =
                network.nearby().into_iter().filter(|address| wanted.contains(&address.peer())).collect();
            if !found.is_empty() {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let found = timeout(LOOK_AROUND, looking).await.ok();
    network.shutdown().await;
    found
}

/// The device was not reached in time.
pub(super) fn unanswered(name: &str, within: Duration) -> Failure {
    Failure::unreachable(format!("{name} did not answer within {} s.", within.as_secs()))
        .or("Is it switched on, and are you in the same network?")
}

fn undialled(name: &str, error: &DialError) -> Failure {
    let failure = Failure::unreachable(format!("Cannot reach {name}: {error}."));
    match error {
        DialError::NoAddress => {
            failure.or("Pair with it again, or accept a new link: the old one had no address.")
        }
        DialError::Refused { .. } => failure.or("It may be busy or just starting: try again in a moment."),
        _ => failure.or("Is it switched on, and are you in the same network?"),
    }
}

fn no_session(name: &str, error: &InitiateError) -> Failure {
    match error {
        InitiateError::NoAnswer => {
            Failure::new(Exit::Refused, format!("{name} is there and does not know you (any more)."))
                .or("Your rights were revoked or it was reset: ask an owner for an invitation.")
        }
        InitiateError::TimedOut => {
            Failure::timed_out(format!("{name} did not complete the handshake in time."))
                .or("It may be very busy: try again in a moment.")
        }
        InitiateError::Handshake(_) => Failure::because(format!("Whoever answered is not {name}: {error}."))
            .or("Somebody may be between you and the device, or it was reset: pair with it again."),
        InitiateError::Frame(_) => Failure::unreachable(format!("The connection to {name} broke: {error}."))
            .or("Try again in a moment."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::home::Home;

    #[tokio::test]
    async fn who_waits_for_others_who_dial_gives_up_in_time() {
        let folder = tempfile::tempdir().unwrap();
        let key = || streembit_keys::PrivateKey::generate(&mut streembit_keys::rng::system());
        let (person, device) = (key(), key());
        let person = Person::recovering(Home::locate(Some(folder.path())).unwrap(), person);
        let contact = Contact::of("garage", device.public().clone());
        // Somebody dials, and does not come to an end.
        let session = person.slot(&contact);
        let _dialling = session.connection.lock().await;
        let asking = person.session(&contact, Duration::from_millis(20));
        let failure = timeout(Duration::from_secs(20), asking).await.expect("it gives up").err().unwrap();
        assert_eq!(failure, unanswered("garage", Duration::from_millis(20)));
    }
}
