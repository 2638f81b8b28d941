//! The one place that says yes.

use streembit_keys::Thumbprint;
use streembit_peer::message::Operation;
use streembit_peer::rights::{Grant, Pattern, Role};

use super::hours::{InTime, in_time};
use super::{Contact, DEVICE, Rights};
use crate::clock::{Now, TrustedTime};

/// Leave to do one thing now. Only this module makes one.
#[derive(Debug, PartialEq, Eq)]
pub struct Permit {
    who: Thumbprint,
    op: Operation,
    thing: Box<str>,
    affordance: Option<Box<str>>,
}

impl Permit {
    /// Whose leave it is.
    pub fn who(&self) -> Thumbprint {
        self.who
    }

    /// To do what.
    pub fn op(&self) -> Operation {
        self.op
    }

    /// On which Thing.
    pub fn thing(&self) -> &str {
        &self.thing
    }

    /// On which of its affordances; none where the operation is about all of them.
    pub fn affordance(&self) -> Option<&str> {
        self.affordance.as_deref()
    }
}

/// Why there is no permit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{}", self.why())]
pub enum Denied {
    /// The key is no contact's.
    Stranger,
    /// The key was one's, and was revoked.
    Revoked,
    /// The key is a contact's whom no owner has confirmed since the device was restored from a backup.
    Suspended,
    /// Nothing covers this thing, affordance and operation.
    NoGrant,
    /// A grant covers it at another time.
    NotNow,
    /// A grant would cover it, but depends on the time, and nothing vouches for the time. The only reason that a caller is
    /// told; all others look the same from outside.
    Clock,
}

impl Denied {
    /// The reason in words of the program's own, of which there are these.
    pub const fn why(self) -> &'static str {
        match self {
            Self::Stranger => "not a contact",
            Self::Revoked => "revoked",
            Self::Suspended => "suspended since the device was restored",
            Self::NoGrant => "no grant",
            Self::NotNow => "not at this time",
            Self::Clock => "the device does not know the time",
        }
    }
}

/// What one contact may do on one Thing at one time: for building the Thing's description.
#[derive(Debug, Clone, Copy)]
pub struct Allowed<'a> {
    caller: Caller<'a>,
    thing: &'a str,
    now: Option<TrustedTime>,
}

/// Whom the device knows.
#[derive(Debug, Clone, Copy)]
enum Caller<'a> {
    Contact(&'a Contact),
    /// For rights alone: it opens no door.
    Recovery,
}

impl Allowed<'_> {
    /// Whether a permit for this would be given.
    pub fn may(&self, op: Operation, affordance: Option<&str>) -> bool {
        decide(self.caller, op, self.thing, affordance, self.now).is_ok()
    }
}

impl Rights {
    /// Leave for `who` to do `op`, or why not.
    pub fn permit(
        &self,
        who: &Thumbprint,
        op: Operation,
        thing: &str,
        affordance: Option<&str>,
        now: Now,
    ) -> Result<Permit, Denied> {
        decide(self.known(who)?, op, thing, affordance, now.trusted)?;
        Ok(Permit { who: *who, op, thing: thing.into(), affordance: affordance.map(Into::into) })
    }

    /// Leave to knock: to prove the secret of a pairing link (`pair`) or of an invitation (`join`), for somebody who need
    /// not be a contact. `pairing_open` says whether the device has a pairing open.
    ///
    /// It is leave to try. Whether the secret is right is the action's own question.
    pub fn permit_entry(
        &self,
        who: &Thumbprint,
        op: Operation,
        thing: &str,
        affordance: Option<&str>,
        pairing_open: bool,
        now: Now,
    ) -> Result<Permit, Denied> {
        if self.is_revoked(who) {
            return Err(Denied::Revoked);
        }
        let open = match (op, thing, affordance) {
            (Operation::InvokeAction, DEVICE, Some("pair")) => pairing_open,
            (Operation::InvokeAction, DEVICE, Some("join")) => self.is_inviting(now.trusted),
            _ => false,
        };
        if !open {
            return Err(if self.contact(who).is_some() { Denied::NoGrant } else { Denied::Stranger });
        }
        Ok(Permit { who: *who, op, thing: thing.into(), affordance: affordance.map(Into::into) })
    }

    /// What `who` may do on a Thing now.
    pub fn allowed<'a>(&'a self, who: &Thumbprint, thing: &'a str, now: Now) -> Result<Allowed<'a>, Denied> {
        Ok(Allowed { caller: self.known(who)?, thing, now: now.trusted })
    }

    fn known(&self, who: &Thumbprint) -> Result<Caller<'_>, Denied> {
        match self.contact(who) {
            Some(contact) if contact.suspended => Err(Denied::Suspended),
            Some(contact) => Ok(Caller::Contact(contact)),
            None if self.key_of(who).is_some() => Ok(Caller::Recovery),
            None if self.is_revoked(who) => Err(Denied::Revoked),
            None => Err(Denied::Stranger),
        }
    }
}

fn decide(
    caller: Caller<'_>,
    op: Operation,
    thing: &str,
    affordance: Option<&str>,
    now: Option<TrustedTime>,
) -> Result<(), Denied> {
    if op.names_an_affordance() != affordance.is_some() {
        return Err(Denied::NoGrant);
    }
    let contact = match caller {
        Caller::Recovery if thing == DEVICE => return Ok(()),
        Caller::Recovery => return Err(Denied::NoGrant),
        Caller::Contact(contact) => contact,
    };
    let by_role = if thing == DEVICE {
        role_on_device(contact.role, op, affordance)
    } else {
        role_on_thing(contact.role, op)
    };
    if by_role {
        return Ok(());
    }
    let mut reason = Denied::NoGrant;
    for grant in contact.grants.iter().filter(|grant| covers(grant, op, thing, affordance)) {
        match in_time(grant, now) {
            InTime::Yes => return Ok(()),
            InTime::Unknown => reason = Denied::Clock,
            InTime::No if reason == Denied::NoGrant => reason = Denied::NotNow,
            InTime::No => {}
        }
    }
    Err(reason)
}

fn role_on_thing(role: Role, op: Operation) -> bool {
    match role {
        Role::Owner | Role::Operator => true,
        Role::Viewer => reads(op),
        Role::Guest => false,
    }
}

/// The device itself: its own list, since among its affordances is the one that changes rights.
fn role_on_device(role: Role, op: Operation, affordance: Option<&str>) -> bool {
    if role == Role::Owner {
        return true;
    }
    reads(op)
        && match affordance {
            // Each is made up for its reader, who sees what it may use and its own rights.
            None | Some("things" | "rights") => true,
            // Every receipt says it anyhow.
            Some("journalHead") => true,
            Some("status" | "version" | "identity") => role != Role::Guest,
            Some(_) => false,
        }
}

const fn reads(op: Operation) -> bool {
    matches!(
        op,
        Operation::ReadProperty
            | Operation::ReadAllProperties
            | Operation::ObserveProperty
            | Operation::UnobserveProperty
            | Operation::SubscribeEvent
            | Operation::UnsubscribeEvent
    )
}

fn covers(grant: &Grant, op: Operation, thing: &str, affordance: Option<&str>) -> bool {
    if !std::iter::once(op).chain(implied_by(op)).any(|op| grant.operations.contains(&op)) {
        return false;
    }
    if thing == DEVICE {
        // By both names or not at all, and never for what changes rights.
        return exactly(&grant.thing, DEVICE)
            && affordance.is_some_and(|name| {
                !matches!(name, "changeRights" | "pair" | "join")
                    && grant.affordances.iter().any(|pattern| exactly(pattern, name))
            });
    }
    grant.thing.matches(thing)
        // Reading all properties is about the Thing; which of them are answered is decided one by one.
        && affordance.is_none_or(|name| grant.affordances.iter().any(|pattern| pattern.matches(name)))
}

fn exactly(pattern: &Pattern, name: &str) -> bool {
    matches!(pattern, Pattern::Exactly(exact) if exact.as_str() == name)
}

/// The operation whose grant includes `op`: to end what one may begin, to ask how it does, to read all by reading each.
/// Cancelling is not among them, since it moves things.
const fn implied_by(op: Operation) -> Option<Operation> {
    match op {
        Operation::ReadAllProperties => Some(Operation::ReadProperty),
        Operation::UnobserveProperty => Some(Operation::ObserveProperty),
        Operation::UnsubscribeEvent => Some(Operation::SubscribeEvent),
        Operation::QueryAction => Some(Operation::InvokeAction),
        Operation::ReadProperty
        | Operation::WriteProperty
        | Operation::ObserveProperty
        | Operation::InvokeAction
        | Operation::CancelAction
        | Operation::SubscribeEvent => None,
    }
}
