//! The journal on a real disk, with real signatures.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;
use serde_json::json;
use streembit_keys::{PrivateKey, rng};
use streembit_peer::message::{Call, Operation, Receipt};
use streembit_peer::rights::{Change, Grants, Role};
use streembit_peer::session::{SessionPeers, Sid};

use super::*;
use crate::clock::{Clock, VirtualTime};

mod beginning;
mod calls;
mod faults;
mod kill;
mod liveness;
mod restarts;
mod rights;
mod running;
mod tampering;

/// Noon of 2026-11-23, UTC.
const NOON: i64 = 1_795_435_200;

/// A device with a journal in a folder of its own, and its owner.
struct Bed {
    folder: tempfile::TempDir,
    device: PrivateKey,
    owner: PrivateKey,
    time: VirtualTime,
    settings: Settings,
}

impl Bed {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            device: PrivateKey::generate(&mut rng::system()),
            owner: PrivateKey::generate(&mut rng::system()),
            time: VirtualTime::new(NOON, true),
            settings: Settings::default(),
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("state.db")
    }

    fn try_open(&self) -> Result<Journal, OpenError> {
        let clock = Arc::new(Clock::new(self.time.clone()));
        Journal::open(&self.path(), &self.device, clock, self.settings.clone())
    }

    fn open(&self) -> Journal {
        self.try_open().unwrap()
    }

    /// Opens the journal of a device that the owner has claimed.
    async fn claimed(&self) -> Journal {
        let journal = self.open();
        let claim =
            Change::Claim { key: self.owner.public().clone(), name: "Anna".parse().unwrap(), recovery: None };
        journal.change_rights_here(claim).await.unwrap();
        journal
    }

    /// A request of the owner to open the door, as the pipeline would record it.
    fn intent(&self) -> Intent {
        self.intent_of(&self.call("1234"))
    }

    fn call(&self, pin: &str) -> Call {
        let (thing, open) = ("door".parse().unwrap(), Some("open".parse().unwrap()));
        Call::new(Operation::InvokeAction, thing, open, Some(&json!({ "pin": pin })), &mut rng::system())
            .unwrap()
    }

    fn intent_of(&self, call: &Call) -> Intent {
        let peers = SessionPeers {
            local: self.owner.public().thumbprint(),
            remote: self.device.public().clone(),
            sid: Sid::from_bytes(rng::bytes(&mut rng::system())),
        };
        let signed = call.sign(&self.owner, &peers, NOON, NOON + 60).plaintext;
        let (jws, input) = signed.trim_end_matches('~').split_once('~').unwrap();
        Intent {
            contact: peers.local,
            call: call.id(),
            content: [7; 32],
            op: call.op(),
            thing: "door".parse().unwrap(),
            affordance: Some("open".parse().unwrap()),
            request: jws.to_owned(),
            input: Some(input.to_owned()),
            valid_for: Duration::from_secs(60),
        }
    }

    /// Opens the door `n` times.
    async fn act(&self, journal: &Journal, n: usize) -> Vec<Receipt> {
        let mut receipts = Vec::new();
        for _ in 0..n {
            let recorded = begin(journal, self.intent()).await;
            receipts.push(journal.finish(recorded, Outcome::Ok, b"null".to_vec()).await.unwrap());
        }
        receipts
    }

    /// Changes the database behind the journal's back.
    fn sql(&self, sql: &str) {
        Connection::open(self.path()).unwrap().execute_batch(sql).unwrap();
    }

    fn check(&self, against: Option<Receipt>) -> Report {
        check(&self.path(), self.device.public(), against).unwrap()
    }
}

async fn begin(journal: &Journal, intent: Intent) -> Recorded {
    match journal.begin(intent).await.unwrap() {
        Begun::New(recorded) => recorded,
        Begun::Seen(seen) => panic!("seen before: {seen:?}"),
    }
}

async fn all(journal: &Journal) -> Vec<What> {
    journal.read(1, 1000).await.unwrap().into_iter().map(|entry| entry.body.what).collect()
}

/// Entries of which nobody knows how they ended.
async fn unknown(journal: &Journal) -> Vec<(u64, Unknown)> {
    let unknown = |what| match what {
        What::OutcomeUnknown { intent, because } => Some((intent, because)),
        _ => None,
    };
    all(journal).await.into_iter().filter_map(unknown).collect()
}

fn guest() -> Change {
    let key = PrivateKey::generate(&mut rng::system()).public().clone();
    Change::Admit { key, name: "Guest".parse().unwrap(), role: Role::Guest, grants: Grants::default() }
}

/// Lets a guest in.
async fn admit_guest(journal: &Journal) -> Thumbprint {
    let change = guest();
    let Change::Admit { key, .. } = &change else { unreachable!() };
    let contact = key.thumbprint();
    journal.change_rights_here(change).await.unwrap();
    contact
}
