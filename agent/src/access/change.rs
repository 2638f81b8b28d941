//! What a signed change does, and who may make it.

use streembit_keys::{PublicKey, Thumbprint};
use streembit_peer::rights::{
    Change, ChangeError, ChangeHash, Grants, InvitationId, Label, Role, SignedChange,
};

use super::hours::is_known;
use super::{Contact, Invitation, MAX_CONTACTS, MAX_INVITATION_AGE, MAX_INVITATIONS, MAX_REVOKED, Rights};
use crate::clock::TrustedTime;

/// Why a change is not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChangeRefused {
    /// No signed change, or its signature does not hold.
    #[error(transparent)]
    Unsigned(#[from] ChangeError),
    /// Signed for another device.
    #[error("the change is for another device")]
    OtherDevice,
    /// Its place in the sequence is taken, or not reached yet: somebody else changed rights meanwhile, or this is a replay.
    #[error(
        "the change is number {found} after {found_prev}, but the next is number {next} after {prev}: read the device's rights and sign again"
    )]
    OutOfOrder {
        /// The number in the change.
        found: u64,
        /// The hash that it names.
        found_prev: ChangeHash,
        /// The number that is next.
        next: u64,
        /// The hash that the next must name.
        prev: ChangeHash,
    },
    /// Whoever signed it may not change rights, or not in this way.
    #[error("{0}")]
    NotAllowed(&'static str),
    /// There is no such contact or invitation.
    #[error("there is no such {0}")]
    Unknown(&'static str),
    /// The key is a contact's already.
    #[error("this key is a contact already: change its rights instead")]
    AlreadyContact,
    /// The key was revoked once.
    #[error("this key was revoked, and a revoked key never comes back: its holder has to make a new one")]
    Revoked,
    /// The time zone is not in this device's database.
    #[error("this device does not know the time zone `{0}`")]
    UnknownZone(String),
    /// The invitation is over, or would last too long.
    #[error("{0}")]
    Expiry(&'static str),
    /// It depends on the time, and nothing vouches for the time.
    #[error(
        "the device does not know the time: connect it to a time server, or let an owner connect to it first"
    )]
    Clock,
    /// A limit of the device is reached.
    #[error("the device has as many {0} as it can hold")]
    Full(&'static str),
}

/// The kept changes do not make sense: they were tampered with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("change {seq} of the device's rights cannot be replayed: {why}")]
pub struct ReplayError {
    /// Which one.
    pub seq: u64,
    /// Why not.
    pub why: ChangeRefused,
}

/// In whose name a change is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Signer {
    /// The local owner, at the device. Also the device itself, for an invitation that was accepted.
    Device,
    Owner,
    Recovery,
}

/// Whether a change is new, or one that was made before and is replayed.
#[derive(Debug, Clone, Copy)]
enum When {
    /// What depends on the time and on the time zone database is checked.
    Now(Option<TrustedTime>),
    /// It was checked when it was new.
    Then,
}

impl Rights {
    /// Checks that a text is a change signed by somebody whom the device knows. Whether it may be made is for
    /// [`Rights::apply`].
    pub fn authenticate(&self, jws: &str) -> Result<SignedChange, ChangeRefused> {
        let change = SignedChange::parse(jws)?;
        let issuer = change.claimed_iss();
        let key = if issuer == self.device() {
            &self.device
        } else {
            // The same words as for a contact without the right: nobody learns who is one.
            self.key_of(&issuer).ok_or(NOT_AN_OWNER)?
        };
        Ok(change.verify(key)?)
    }

    /// The rights after one more change.
    pub fn apply(&self, change: &SignedChange, now: Option<TrustedTime>) -> Result<Self, ChangeRefused> {
        self.step(change, When::Now(now))
    }

    /// The rights after all of these, which were applied once before: at start, from the journal.
    pub fn replay<'a>(
        device: &PublicKey,
        changes: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, ReplayError> {
        let mut rights = Self::new(device);
        for jws in changes {
            rights = rights
                .authenticate(jws)
                .and_then(|change| rights.step(&change, When::Then))
                .map_err(|why| ReplayError { seq: rights.seq + 1, why })?;
        }
        Ok(rights)
    }

    fn step(&self, signed: &SignedChange, when: When) -> Result<Self, ChangeRefused> {
        // 1. For this device, by somebody who may change rights, in its place.
        if signed.aud() != self.device() {
            return Err(ChangeRefused::OtherDevice);
        }
        let signer = self.signer(signed.iss())?;
        if (signed.seq(), signed.prev()) != (self.seq + 1, self.head) {
            return Err(ChangeRefused::OutOfOrder {
                found: signed.seq(),
                found_prev: signed.prev(),
                next: self.seq + 1,
                prev: self.head,
            });
        }
        // 2. Its own conditions, and what it does.
        let mut next = self.clone();
        match signed.change() {
            Change::Claim { key, name, recovery } => next.claim(signer, key, name, recovery.as_ref())?,
            Change::SetRecovery { key } => {
                self.may_set_recovery(signer)?;
                next.set_recovery(key)?;
            }
            Change::Admit { key, name, role, grants } => {
                self.may_make(signer, *role)?;
                self.may_join(&key.thumbprint())?;
                if self.contacts.contains_key(&key.thumbprint()) {
                    return Err(ChangeRefused::AlreadyContact);
                }
                check_zones(grants, when)?;
                let (name, grants) = (name.clone(), grants.clone());
                let contact = Contact { key: key.clone(), name, role: *role, grants, suspended: false };
                next.contacts.insert(key.thumbprint(), contact);
            }
            Change::SetRights { contact, role, grants } => {
                next.set_rights(signer, contact, *role, grants, when)?
            }
            Change::Rename { contact, name } => next.known_mut(contact)?.name = name.clone(),
            Change::Revoke { contact } => next.revoke(signer, contact)?,
            Change::Invite { id, secret_hash, name, role, grants, expires } => {
                let by = signed.iss();
                let (secret_hash, name, grants) = (*secret_hash, name.clone(), grants.clone());
                let invitation = Invitation { secret_hash, name, role: *role, grants, expires: *expires, by };
                next.invite(signer, *id, invitation, when)?;
            }
            Change::Withdraw { id } => {
                next.invitations.remove(id).ok_or(ChangeRefused::Unknown("invitation"))?;
            }
            Change::Join { id, key, name: _ } => {
                if signer != Signer::Device {
                    return Err(ChangeRefused::NotAllowed(
                        "only the device itself signs that an invitation was accepted",
                    ));
                }
                next.join(id, key, when)?;
            }
            Change::Restore { id: _, generation, revoked } => next.restore(signer, *generation, revoked)?,
        }
        // 3. The next change follows this one.
        next.seq = signed.seq();
        next.head = signed.hash();
        Ok(next)
    }

    fn signer(&self, issuer: Thumbprint) -> Result<Signer, ChangeRefused> {
        if issuer == self.device() {
            return Ok(Signer::Device);
        }
        match self.contact(&issuer).map(|contact| contact.role) {
            Some(Role::Owner) => Ok(Signer::Owner),
            None if self.key_of(&issuer).is_some() => Ok(Signer::Recovery),
            _ => Err(NOT_AN_OWNER),
        }
    }

    /// Whether `signer` may give somebody this role.
    fn may_make(&self, signer: Signer, role: Role) -> Result<(), ChangeRefused> {
        if role == Role::Owner && signer == Signer::Device {
            // Whoever holds the device for a minute must not become its owner without a trace: only the claim, once, or a
            // factory reset, which ends everything.
            return Err(ChangeRefused::NotAllowed(
                "only an owner or the recovery key makes an owner (the first one comes by the claim of a new device)",
            ));
        }
        Ok(())
    }

    /// Whether `signer` may set a recovery key: an owner the first one, later only the recovery key itself.
    fn may_set_recovery(&self, signer: Signer) -> Result<(), ChangeRefused> {
        match signer {
            Signer::Recovery => Ok(()),
            _ if self.recovery.is_some() => {
                Err(ChangeRefused::NotAllowed("only the recovery key itself can set another one"))
            }
            Signer::Device if self.claimed => Err(ChangeRefused::NotAllowed(
                "the device is claimed: only an owner sets the first recovery key",
            )),
            Signer::Device | Signer::Owner => Ok(()),
        }
    }

    /// Whether this key can become a contact at all.
    fn may_join(&self, key: &Thumbprint) -> Result<(), ChangeRefused> {
        if self.is_revoked(key) {
            return Err(ChangeRefused::Revoked);
        }
        if *key == self.device() {
            return Err(ChangeRefused::NotAllowed("a device is no contact of itself"));
        }
        if self.recovery().is_some_and(|recovery| recovery.thumbprint() == *key) {
            return Err(ChangeRefused::NotAllowed("the recovery key stays in its drawer: it is no contact"));
        }
        if self.contacts.len() >= MAX_CONTACTS && !self.contacts.contains_key(key) {
            return Err(ChangeRefused::Full("contacts"));
        }
        Ok(())
    }

    /// Whether `signer` may take their role from somebody: no remote owner takes the last owner away. The recovery key may,
    /// since it can make another, and the local owner may, who has the device in hand.
    fn may_unmake(&self, signer: Signer, role: Role) -> Result<(), ChangeRefused> {
        if role == Role::Owner && signer == Signer::Owner && self.count(Role::Owner) == 1 {
            return Err(ChangeRefused::NotAllowed("the last owner stays: make another owner first"));
        }
        Ok(())
    }

    fn claim(
        &mut self,
        signer: Signer,
        key: &PublicKey,
        name: &Label,
        recovery: Option<&PublicKey>,
    ) -> Result<(), ChangeRefused> {
        if signer != Signer::Device {
            return Err(ChangeRefused::NotAllowed("only the device itself signs its claim"));
        }
        if self.claimed {
            return Err(ChangeRefused::NotAllowed("the device is claimed already"));
        }
        if let Some(recovery) = recovery {
            self.may_set_recovery(signer)?;
            self.set_recovery(recovery)?;
        }
        self.may_join(&key.thumbprint())?;
        // Somebody who was let in before the claim loses nothing by it.
        let grants = self.contact(&key.thumbprint()).map(|known| known.grants.clone()).unwrap_or_default();
        let owner =
            Contact { key: key.clone(), name: name.clone(), role: Role::Owner, grants, suspended: false };
        self.contacts.insert(key.thumbprint(), owner);
        self.claimed = true;
        Ok(())
    }

    fn set_recovery(&mut self, key: &PublicKey) -> Result<(), ChangeRefused> {
        self.may_join(&key.thumbprint())?;
        if self.contact(&key.thumbprint()).is_some() {
            return Err(ChangeRefused::NotAllowed(
                "a contact's key is no recovery key: make one for this alone",
            ));
        }
        if let Some(old) = self.recovery.replace(key.clone()) {
            self.forget_for_good(old.thumbprint())?;
        }
        Ok(())
    }

    fn set_rights(
        &mut self,
        signer: Signer,
        contact: &Thumbprint,
        role: Role,
        grants: &Grants,
        when: When,
    ) -> Result<(), ChangeRefused> {
        let known = self.contact(contact).ok_or(ChangeRefused::Unknown("contact"))?;
        if known.suspended && signer == Signer::Device {
            // Whoever has a backup and its passcode stands at a device, too.
            return Err(ChangeRefused::NotAllowed(
                "only an owner or the recovery key confirms who is suspended since the device was restored",
            ));
        }
        let before = known.role;
        if role != before {
            self.may_unmake(signer, before)?;
            self.may_make(signer, role)?;
        }
        check_zones(grants, when)?;
        let known = self.known_mut(contact)?;
        known.role = role;
        known.grants = grants.clone();
        known.suspended = false;
        if before != role {
            self.end_invitations_of(contact);
        }
        Ok(())
    }

    fn revoke(&mut self, signer: Signer, contact: &Thumbprint) -> Result<(), ChangeRefused> {
        let role = self.contact(contact).ok_or(ChangeRefused::Unknown("contact"))?.role;
        self.may_unmake(signer, role)?;
        self.contacts.remove(contact);
        self.forget_for_good(*contact)
    }

    fn forget_for_good(&mut self, key: Thumbprint) -> Result<(), ChangeRefused> {
        if self.revoked.len() >= MAX_REVOKED {
            return Err(ChangeRefused::Full("revoked keys"));
        }
        self.revoked.insert(key);
        self.end_invitations_of(&key);
        Ok(())
    }

    /// Who lost an owner's rights invites nobody any longer: a stolen key must not leave a door open behind it.
    fn end_invitations_of(&mut self, contact: &Thumbprint) {
        self.invitations.retain(|_, invitation| invitation.by != *contact);
    }

    fn invite(
        &mut self,
        signer: Signer,
        id: InvitationId,
        invitation: Invitation,
        when: When,
    ) -> Result<(), ChangeRefused> {
        self.may_make(signer, invitation.role)?;
        check_zones(&invitation.grants, when)?;
        if let When::Now(now) = when {
            let now = now.ok_or(ChangeRefused::Clock)?;
            if invitation.is_over(now) {
                return Err(ChangeRefused::Expiry("the invitation would be over already"));
            }
            if invitation.expires.saturating_sub(now.unix()) > MAX_INVITATION_AGE {
                return Err(ChangeRefused::Expiry("an invitation lasts at most a year"));
            }
        }
        if self.invitations.contains_key(&id) {
            return Err(ChangeRefused::NotAllowed("an invitation of this name is open already"));
        }
        if self.invitations.len() >= MAX_INVITATIONS {
            return Err(ChangeRefused::Full("open invitations"));
        }
        self.invitations.insert(id, invitation);
        Ok(())
    }

    /// The invitation is used up, and its rights are this key's, under the name that the owner gave it (a guest must not call
    /// itself like somebody else). Somebody who is a contact already keeps name and grants and never loses a right by it.
    fn join(&mut self, id: &InvitationId, key: &PublicKey, when: When) -> Result<(), ChangeRefused> {
        let who = key.thumbprint();
        self.may_join(&who)?;
        let invitation = self.invitations.get(id).ok_or(ChangeRefused::Unknown("invitation"))?;
        if let When::Now(now) = when
            && invitation.is_over(now.ok_or(ChangeRefused::Clock)?)
        {
            return Err(ChangeRefused::Expiry("the invitation is over"));
        }
        let contact = match self.contact(&who) {
            Some(known) if known.role == Role::Owner => return Err(ChangeRefused::AlreadyContact),
            // What it had was not confirmed: it has what it is invited to now, and no more.
            Some(known) if known.suspended => Contact {
                role: invitation.role,
                grants: invitation.grants.clone(),
                suspended: false,
                ..known.clone()
            },
            Some(known) => Contact {
                role: known.role.max(invitation.role),
                grants: both(&known.grants, &invitation.grants)?,
                ..known.clone()
            },
            None => Contact {
                key: key.clone(),
                name: invitation.name.clone(),
                role: invitation.role,
                grants: invitation.grants.clone(),
                suspended: false,
            },
        };
        self.invitations.remove(id);
        self.contacts.insert(who, contact);
        Ok(())
    }

    /// What owners did after the backup was made is not known here: who was revoked since must not come back by it, nor who
    /// found an old link. Owners stay what they were, since somebody must be able to confirm the others.
    /// Whom whoever restored it knows to be revoked goes with the same change: at no instant may they do anything.
    fn restore(
        &mut self,
        signer: Signer,
        generation: u32,
        revoked: &[Thumbprint],
    ) -> Result<(), ChangeRefused> {
        if signer != Signer::Device {
            return Err(ChangeRefused::NotAllowed("only the device itself signs that it was restored"));
        }
        if generation <= self.generation {
            return Err(ChangeRefused::NotAllowed(
                "a device counts how often it was restored, and never backwards",
            ));
        }
        for key in revoked {
            let is_recovery = |recovery: &mut PublicKey| recovery.thumbprint() == *key;
            if self.contacts.remove(key).is_none() && self.recovery.take_if(is_recovery).is_none() {
                return Err(ChangeRefused::Unknown("contact"));
            }
            self.forget_for_good(*key)?;
        }
        for contact in self.contacts.values_mut() {
            contact.suspended |= contact.role != Role::Owner;
        }
        self.invitations.clear();
        self.generation = generation;
        Ok(())
    }

    fn known_mut(&mut self, who: &Thumbprint) -> Result<&mut Contact, ChangeRefused> {
        self.contacts.get_mut(who).ok_or(ChangeRefused::Unknown("contact"))
    }
}

const NOT_AN_OWNER: ChangeRefused = ChangeRefused::NotAllowed("only an owner changes rights");

/// The grants of a contact and those of an invitation that it accepts.
fn both(known: &Grants, invited: &Grants) -> Result<Grants, ChangeRefused> {
    let more = invited.iter().filter(|grant| !known.contains(grant));
    let all: Vec<_> = known.iter().chain(more).cloned().collect();
    Grants::try_from(all).map_err(|_| ChangeRefused::Full("grants of this contact"))
}

/// A zone that this device does not know would make a grant that never applies, so it is refused when it is made. (One
/// that a later time zone database drops must not keep the device from starting: its grant just covers nothing.)
fn check_zones(grants: &Grants, when: When) -> Result<(), ChangeRefused> {
    if matches!(when, When::Then) {
        return Ok(());
    }
    let zones = grants.iter().flat_map(|grant| &grant.weekly).map(|hours| &hours.zone);
    match zones.into_iter().find(|zone| !is_known(zone)) {
        Some(zone) => Err(ChangeRefused::UnknownZone(zone.to_string())),
        None => Ok(()),
    }
}
