//! One device, its owner, its recovery key, and those who come and go.

use std::time::Duration;

use streembit_keys::{PrivateKey, Thumbprint, rng};
use streembit_peer::link::Secret;
use streembit_peer::message::Operation;
use streembit_peer::rights::{
    Change, ChangeHash, Day, Grant, Grants, InvitationId, Label, Role, SignedChange, WeeklyHours, sign_change,
};

use super::*;
use crate::clock::{Clock, Now, TrustedTime, VirtualTime};

mod changes;
mod hours;
mod permits;
mod properties;
mod restored;

/// Noon of 2026-11-23, a Monday, UTC.
const NOON: i64 = 1_795_435_200;

struct World {
    device: PrivateKey,
    owner: PrivateKey,
    recovery: PrivateKey,
    guest: PrivateKey,
    rights: Rights,
    /// The changes that were made, as the journal would keep them.
    log: Vec<String>,
}

impl World {
    fn new() -> Self {
        let device = new_key();
        Self {
            rights: Rights::new(device.public()),
            device,
            owner: new_key(),
            recovery: new_key(),
            guest: new_key(),
            log: Vec::new(),
        }
    }

    fn claimed() -> Self {
        Self::claimed_by(new_key())
    }

    fn claimed_by(owner: PrivateKey) -> Self {
        let mut world = Self { owner, ..Self::new() };
        let recovery = Some(world.recovery.public().clone());
        let claim = Change::Claim { key: world.owner.public().clone(), name: label("Anna"), recovery };
        world.device_does(claim).unwrap();
        world
    }

    /// A claimed device with a guest that has these grants.
    fn with_guest(grants: Vec<Grant>) -> Self {
        let mut world = Self::claimed();
        world.owner_does(admit(&world.guest, Role::Guest, grants)).unwrap();
        world
    }

    fn owner_id(&self) -> Thumbprint {
        id(&self.owner)
    }

    fn guest_id(&self) -> Thumbprint {
        id(&self.guest)
    }

    /// The next change, signed by `by`.
    fn sign(&self, by: &PrivateKey, change: Change) -> SignedChange {
        sign_change(by, self.rights.device(), self.rights.seq() + 1, self.rights.head(), change)
    }

    fn does(&mut self, by: &PrivateKey, change: Change, now: i64) -> Result<(), ChangeRefused> {
        let signed = self.sign(by, change);
        self.rights = self.rights.apply(&signed, trusted(now))?;
        self.log.push(signed.jws().to_owned());
        Ok(())
    }

    fn device_does(&mut self, change: Change) -> Result<(), ChangeRefused> {
        self.does(&self.device.clone(), change, NOON)
    }

    fn owner_does(&mut self, change: Change) -> Result<(), ChangeRefused> {
        self.does(&self.owner.clone(), change, NOON)
    }

    fn recovery_does(&mut self, change: Change) -> Result<(), ChangeRefused> {
        self.does(&self.recovery.clone(), change, NOON)
    }

    /// The owner admits somebody new.
    fn admit(&mut self, role: Role, grants: Vec<Grant>) -> PrivateKey {
        let key = new_key();
        self.owner_does(admit(&key, role, grants)).unwrap();
        key
    }

    /// The owner invites somebody.
    fn invite(&mut self, role: Role, expires: i64) -> Result<InvitationId, ChangeRefused> {
        let (change, invitation) = invite(role, expires);
        self.owner_does(change).map(|()| invitation)
    }

    /// The device admits who has proven the secret.
    fn join(&mut self, invitation: InvitationId, key: &PrivateKey, now: i64) -> Result<(), ChangeRefused> {
        let join = Change::Join { id: invitation, key: key.public().clone(), name: label("Anna") };
        self.does(&self.device.clone(), join, now)
    }

    /// What the guest may do at a time.
    fn may_at(&self, unix: i64, op: Operation, thing: &str, name: &str) -> Result<(), Denied> {
        self.rights.permit(&self.guest_id(), op, thing, Some(name), at(unix)).map(|_| ())
    }
}

fn new_key() -> PrivateKey {
    PrivateKey::generate(&mut rng::system())
}

fn id(key: &PrivateKey) -> Thumbprint {
    key.public().thumbprint()
}

fn label(text: &str) -> Label {
    text.parse().unwrap()
}

/// A time that is trusted: only a clock makes one.
fn at(unix: i64) -> Now {
    Clock::new(VirtualTime::new(unix, true)).now()
}

fn trusted(unix: i64) -> Option<TrustedTime> {
    at(unix).trusted
}

fn grant(thing: &str, affordances: &[&str], operations: &[Operation]) -> Grant {
    Grant {
        thing: thing.parse().unwrap(),
        affordances: affordances.iter().map(|name| name.parse().unwrap()).collect(),
        operations: operations.to_vec(),
        not_before: None,
        not_after: None,
        weekly: Vec::new(),
    }
}

fn claim(key: &PrivateKey) -> Change {
    Change::Claim { key: key.public().clone(), name: label("Owner"), recovery: None }
}

fn admit(key: &PrivateKey, role: Role, grants: Vec<Grant>) -> Change {
    Change::Admit {
        key: key.public().clone(),
        name: label("Guest"),
        role,
        grants: grants.try_into().unwrap(),
    }
}

fn invite(role: Role, expires: i64) -> (Change, InvitationId) {
    let secret_hash = Secret::generate(&mut rng::system()).hash();
    let id = secret_hash.invitation_id();
    let (name, grants) = (label("Invited"), Grants::default());
    (Change::Invite { id, secret_hash, name, role, grants, expires }, id)
}
