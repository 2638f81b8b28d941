//! The state of a device's rights.

use std::collections::{BTreeMap, BTreeSet};

use crate::clock::TrustedTime;
use streembit_keys::{PublicKey, Thumbprint};
use streembit_peer::rights::{ChangeHash, Grants, InvitationId, Label, Role, SecretHash};

/// Who may do what on one device, after some number of changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rights {
    /// The device's own key, which signs what its local owner asks for.
    pub(super) device: PublicKey,
    pub(super) seq: u64,
    pub(super) head: ChangeHash,
    /// A first owner came once: the claim is closed for good.
    pub(super) claimed: bool,
    /// The key in the drawer.
    pub(super) recovery: Option<PublicKey>,
    pub(super) contacts: BTreeMap<Thumbprint, Contact>,
    /// Keys that were revoked. They never come back: what was stolen stays stolen.
    pub(super) revoked: BTreeSet<Thumbprint>,
    pub(super) invitations: BTreeMap<InvitationId, Invitation>,
    /// How often the device was made anew out of a backup.
    pub(super) generation: u32,
}

/// Somebody whom the device knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// The key.
    pub key: PublicKey,
    /// What people call it.
    pub name: Label,
    /// What it is to the device.
    pub role: Role,
    /// What it may do besides.
    pub grants: Grants,
    /// It may nothing until an owner gives it rights again: the device was made anew out of a backup, and nobody knows
    /// whether it was revoked since.
    pub suspended: bool,
}

/// An invitation that nobody has accepted yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// What checks the proof of the link's secret ([`SecretHash::admits`]).
    pub secret_hash: SecretHash,
    /// What people will call the contact.
    pub name: Label,
    /// What it will be.
    pub role: Role,
    /// What it will be allowed besides.
    pub grants: Grants,
    /// When the invitation ends, Unix seconds.
    pub expires: i64,
    /// Who signed it: their invitations end with them.
    pub by: Thumbprint,
}

impl Invitation {
    /// Whether it is over at this time.
    pub fn is_over(&self, now: TrustedTime) -> bool {
        now.unix() >= self.expires
    }
}

impl Rights {
    /// The rights of a device that nobody has claimed.
    pub fn new(device: &PublicKey) -> Self {
        Self {
            device: device.clone(),
            seq: 0,
            head: ChangeHash::FIRST,
            claimed: false,
            recovery: None,
            contacts: BTreeMap::new(),
            revoked: BTreeSet::new(),
            invitations: BTreeMap::new(),
            generation: 0,
        }
    }

    /// How many changes were made.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// The hash of the last change: what the next one names as `prev`.
    pub fn head(&self) -> ChangeHash {
        self.head
    }

    /// The device whose rights these are.
    pub fn device(&self) -> Thumbprint {
        self.device.thumbprint()
    }

    /// Whether the device has, or once had, an owner. Only an unclaimed device takes its first owner from a claim.
    pub fn is_claimed(&self) -> bool {
        self.claimed
    }

    /// The recovery key: no contact, but it may open a session, change rights and read the journal.
    pub fn recovery(&self) -> Option<&PublicKey> {
        self.recovery.as_ref()
    }

    /// How often the device was made anew out of a backup.
    pub fn generation(&self) -> u32 {
        self.generation
    }

    /// How many contacts wait for an owner to confirm them.
    pub fn suspended(&self) -> usize {
        self.contacts.values().filter(|contact| contact.suspended).count()
    }

    /// The key of a contact that is not suspended, or the recovery key: who may open a session at all.
    pub fn key_of(&self, who: &Thumbprint) -> Option<&PublicKey> {
        match self.contact(who) {
            Some(contact) => (!contact.suspended).then_some(&contact.key),
            None => self.recovery().filter(|key| key.thumbprint() == *who),
        }
    }

    /// The contact with this key.
    pub fn contact(&self, who: &Thumbprint) -> Option<&Contact> {
        self.contacts.get(who)
    }

    /// Every contact.
    pub fn contacts(&self) -> impl Iterator<Item = (&Thumbprint, &Contact)> {
        self.contacts.iter()
    }

    /// Whether this key was revoked.
    pub fn is_revoked(&self, who: &Thumbprint) -> bool {
        self.revoked.contains(who)
    }

    /// The open invitation of that name. (Whether it is over is for [`Invitation::is_over`].)
    pub fn invitation(&self, id: &InvitationId) -> Option<&Invitation> {
        self.invitations.get(id)
    }

    /// Every invitation that was neither accepted nor withdrawn.
    pub fn invitations(&self) -> impl Iterator<Item = (&InvitationId, &Invitation)> {
        self.invitations.iter()
    }

    /// Whether this key may change rights: an owner's, or the recovery key.
    pub fn may_change_rights(&self, who: &Thumbprint) -> bool {
        match self.contact(who) {
            Some(contact) => contact.role == Role::Owner,
            None => self.key_of(who).is_some(),
        }
    }

    /// Whether somebody could accept an invitation now. One that is over lets nobody in, nor does any while nothing vouches
    /// for the time, since nothing says then that it is not over.
    pub fn is_inviting(&self, now: Option<TrustedTime>) -> bool {
        now.is_some_and(|now| self.invitations.values().any(|invitation| !invitation.is_over(now)))
    }

    /// How many contacts have this role.
    pub fn count(&self, role: Role) -> usize {
        self.contacts.values().filter(|contact| contact.role == role).count()
    }
}
