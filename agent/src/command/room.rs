//! How many sessions there may be, and of whom, so that nobody keeps anybody else out.
//!
//! Owners, other contacts and strangers have places of their own. Guests who come with all their sessions leave the
//! owner's free. A stranger never finds the door shut by strangers before it: the newest comes in, and the one goes that has
//! been there longest among those of the busiest source. Whoever knows a secret proves it in its first request, so an
//! honest stranger needs its place for a blink only.

use std::collections::HashMap;
use std::sync::Arc;

use streembit_keys::Thumbprint;

use super::caller::{Caller, Introduction};
use crate::access::Rights;

/// Open sessions. Each costs about 100 KiB with its buffers, and a device in a house has a dozen callers.
pub const MAX_SESSIONS: usize = 64;

/// Open sessions of one contact: a phone, a laptop, a script or two, and one that is being renewed.
pub const MAX_SESSIONS_OF_A_CONTACT: usize = 8;

/// Open sessions from one source of contacts who are no owners. An owner who lives behind the same router as its guests
/// is not counted among them.
pub const MAX_SESSIONS_OF_A_SOURCE: usize = 16;

/// Open sessions of strangers who may pair.
pub const MAX_STRANGERS: usize = 8;

/// Of these, from one source: somebody who pairs, and whose first try hangs still.
pub const MAX_STRANGERS_OF_A_SOURCE: usize = 2;

/// Places that only an owner or the recovery key gets: all that one contact may have, so that guests cannot keep out who
/// would revoke them.
pub const KEPT_FOR_OWNERS: usize = MAX_SESSIONS_OF_A_CONTACT;

/// What is left for contacts who are no owners: the places of six of them with all their sessions.
const MAX_SESSIONS_OF_OTHERS: usize = MAX_SESSIONS - KEPT_FOR_OWNERS - MAX_STRANGERS;

/// There is no room for one more session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Full(&'static str);

/// Whose places a session counts among.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Owner,
    Contact,
    Stranger,
}

impl Kind {
    /// Asked of the rights each time: a stranger who has paired since is none any more.
    fn of(who: &Thumbprint, rights: &Rights) -> Self {
        if rights.may_change_rights(who) {
            Self::Owner
        } else if rights.key_of(who).is_some() {
            // Whoever is suspended is as good as nobody, and comes in by a link like any other stranger.
            Self::Contact
        } else {
            Self::Stranger
        }
    }
}

/// How many places are taken, by whose they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Places {
    /// By those who may change rights.
    pub owners: usize,
    /// By other contacts.
    pub contacts: usize,
    /// By those who may only pair.
    pub strangers: usize,
}

/// Whose places are taken now.
pub(super) fn taken(open: &HashMap<u64, Arc<Caller>>, rights: &Rights) -> Places {
    let mut taken = Places::default();
    for caller in open.values() {
        match Kind::of(caller.contact(), rights) {
            Kind::Owner => taken.owners += 1,
            Kind::Contact => taken.contacts += 1,
            Kind::Stranger => taken.strangers += 1,
        }
    }
    taken
}

/// Whether one more session may come in beside those that are open, and which of them goes for it.
pub(super) fn room(
    newcomer: &Introduction,
    open: &HashMap<u64, Arc<Caller>>,
    rights: &Rights,
) -> Result<Option<Arc<Caller>>, Full> {
    let who = newcomer.peers.remote.thumbprint();
    let count = |which: &dyn Fn(&Caller) -> bool| open.values().filter(|caller| which(caller)).count();
    if open.len() >= MAX_SESSIONS {
        return Err(Full("the device has as many sessions as it takes"));
    }
    if count(&|caller| *caller.contact() == who) >= MAX_SESSIONS_OF_A_CONTACT {
        return Err(Full("this contact has as many sessions as it may"));
    }
    match Kind::of(&who, rights) {
        Kind::Owner => Ok(None),
        Kind::Contact => {
            let other = |caller: &Caller| Kind::of(caller.contact(), rights) == Kind::Contact;
            if count(&other) >= MAX_SESSIONS_OF_OTHERS {
                return Err(Full("the places that are left are the owners'"));
            }
            if count(&|caller| other(caller) && *caller.source() == newcomer.source)
                >= MAX_SESSIONS_OF_A_SOURCE
            {
                return Err(Full("this source has as many sessions as it may"));
            }
            Ok(None)
        }
        Kind::Stranger => Ok(in_place_of(newcomer, open, rights)),
    }
}

/// The stranger whose time is over because a newer one comes.
fn in_place_of(
    newcomer: &Introduction,
    open: &HashMap<u64, Arc<Caller>>,
    rights: &Rights,
) -> Option<Arc<Caller>> {
    let mut by_source: HashMap<&str, Vec<&Arc<Caller>>> = HashMap::new();
    for caller in open.values() {
        // One whose place was taken already is on its way out.
        if Kind::of(caller.contact(), rights) == Kind::Stranger && !caller.ended().is_cancelled() {
            by_source.entry(caller.source()).or_default().push(caller);
        }
    }
    let own = by_source.get(&*newcomer.source).filter(|own| own.len() >= MAX_STRANGERS_OF_A_SOURCE);
    let crowd = match own {
        Some(own) => own,
        None if by_source.values().map(Vec::len).sum::<usize>() < MAX_STRANGERS => return None,
        None => {
            let oldest = |crowd: &&Vec<&Arc<Caller>>| crowd.iter().map(|caller| caller.id).min();
            by_source.values().max_by_key(|crowd| (crowd.len(), std::cmp::Reverse(oldest(crowd))))?
        }
    };
    crowd.iter().min_by_key(|caller| caller.id).map(|caller| Arc::clone(caller))
}
