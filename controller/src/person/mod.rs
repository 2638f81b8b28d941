//! The account at work: its key, its network, and a session with each device that was asked something.
//!
//! [`Person::answer`] does one thing ([`Ask`]); [`Person::watch`] follows something until its receiver is dropped. Both
//! run alike in a one-shot command and in the unlock process. `link` gets connections, `calls` asks over them,
//! `watch` keeps subscriptions alive across drops, `meet` is the first contact with a device.

mod calls;
mod link;
mod meet;
mod problem;
mod watch;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use streembit_keys::{PrivateKey, Thumbprint};
use streembit_peer::client::Connection;
use streembit_peer::network::Network;
use streembit_peer::offer::{Offer, UserType};
use streembit_peer::rights::sign_change;
use streembit_peer::session::RENEW_AFTER;
use tokio::sync::{Mutex as Turn, OnceCell};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use watch::{Watching, operation};

use crate::door::{Ask, Reply};
use crate::error::{Failure, Outcome};
use crate::home::{Contact, Contacts, Home};

/// The account at work. Clones are handles to the same one.
#[derive(Clone)]
pub struct Person(Arc<Inner>);

struct Inner {
    home: Home,
    key: PrivateKey,
    /// Started when something is first dialled: signing an offer needs none.
    network: OnceCell<Network>,
    /// What is followed, by however many.
    topics: watch::Topics,
    /// How old a session gets before another takes its place.
    renew_after: Duration,
    /// Whatever follows something for somebody, until it is told to stop.
    tasks: TaskTracker,
    closing: CancellationToken,
    /// One session a device, shared by whoever asks. The inner lock makes others wait for a dial that is under way.
    sessions: Mutex<HashMap<Thumbprint, Session>>,
}

#[derive(Clone, Default)]
struct Session {
    /// As the contact was called when it was dialled.
    name: Arc<str>,
    connection: Arc<Turn<Option<Connection>>>,
}

impl Person {
    /// The account of this home, opened.
    pub fn new(home: Home, key: PrivateKey) -> Outcome<Self> {
        if *key.public() != home.identity()?.public_key {
            return Err(Failure::because("The account's key is not the one that its identity names.")
                .or(format!("Files of two accounts are mixed in {}.", home.folder().display())));
        }
        Ok(Self::at_work(home, key))
    }

    /// The recovery key in the account's place: a device lets it change rights, and nothing else.
    pub fn recovering(home: Home, key: PrivateKey) -> Self {
        Self::at_work(home, key)
    }

    fn at_work(home: Home, key: PrivateKey) -> Self {
        Self(Arc::new(Inner {
            home,
            key,
            network: OnceCell::new(),
            topics: watch::Topics::default(),
            renew_after: RENEW_AFTER,
            tasks: TaskTracker::new(),
            closing: CancellationToken::new(),
            sessions: Mutex::default(),
        }))
    }

    /// Renews sessions when they are so old, where that is before they must be. To be said before anything is asked.
    #[must_use]
    pub fn renewing_after(mut self, age: Duration) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            inner.renew_after = age;
        }
        self
    }

    /// Does what was asked.
    pub async fn answer(&self, ask: Ask) -> Outcome<Reply> {
        match ask {
            Ask::Call(call) => self.call(call).await.map(Reply::Answered),
            Ask::Meet(meeting) => self.meet(meeting).await.map(Reply::Met),
            Ask::SignChange { device, seq, prev, change } => {
                let device = self.contact(&device).await?.key.thumbprint();
                let signed = sign_change(&self.0.key, device, seq, prev, change);
                Ok(Reply::Text(signed.jws().to_owned()))
            }
            Ask::Offer => self.offer().map(Reply::Text),
            Ask::Watch(_) | Ask::Status | Ask::Lock => {
                Err(Failure::because("Only the unlock process answers that.")
                    .or("Run `streembit unlock` first."))
            }
        }
    }

    /// The names of the devices with an open session.
    pub fn connected(&self) -> Vec<String> {
        let sessions = self.0.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let open = sessions.values().filter(|session| {
            session.connection.try_lock().is_ok_and(|connection| {
                connection.as_ref().is_some_and(|connection| connection.is_closed().is_none())
            })
        });
        let mut names: Vec<String> = open.map(|session| session.name.to_string()).collect();
        names.sort();
        names
    }

    /// Ends whatever is followed, all sessions and the network.
    pub async fn close(&self) {
        self.0.closing.cancel();
        self.0.tasks.close();
        self.0.tasks.wait().await;
        let sessions = std::mem::take(&mut *self.0.sessions.lock().unwrap_or_else(PoisonError::into_inner));
        for session in sessions.into_values() {
            if let Some(connection) = session.connection.lock().await.take() {
                connection.close();
            }
        }
        if let Some(network) = self.0.network.get() {
            network.shutdown().await;
        }
    }

    async fn contact(&self, name: &str) -> Outcome<Contact> {
        let name = name.to_owned();
        self.contacts(move |contacts| contacts.get(&name)).await
    }

    /// Works with the contacts' database, off the run time's threads: it may wait for the disk.
    async fn contacts<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Contacts) -> Outcome<T> + Send + 'static,
    ) -> Outcome<T> {
        let home = self.0.home.clone();
        let working = tokio::task::spawn_blocking(move || work(&mut home.contacts()?));
        working.await.map_err(|_| Failure::because("Reading the contacts was interrupted."))?
    }

    /// The contact offer of this account.
    fn offer(&self) -> Outcome<String> {
        let unusable = |what: &str| Failure::because(format!("Cannot make an offer: {what}."));
        let account =
            self.0.home.identity()?.name.parse().map_err(|e| unusable(&format!("your name: {e}")))?;
        let offer = Offer {
            account,
            public_key: self.0.key.public().clone(),
            transport: "tcp".parse().map_err(|_| unusable("the transport"))?,
            // The whitepaper's offer must say where its account listens. A person's program is dialled by nobody, so it
            // names the one port that takes everything and answers nothing (RFC 863) on the reader's own machine.
            host: "localhost".parse().map_err(|_| unusable("the host"))?,
            port: 9,
            user_type: UserType::Human,
            hints: Vec::new(),
            expires: None,
        };
        Ok(offer.sign(&self.0.key))
    }
}

impl std::fmt::Debug for Person {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Person({})", self.0.key.public().thumbprint())
    }
}
