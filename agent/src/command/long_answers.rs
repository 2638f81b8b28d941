//! The memory that answers take up until their readers have read them.
//!
//! An answer that fits its message is gone as soon as it is sealed. A long one stays until its last chunk is, which is up to
//! its reader: so there is room for so many bytes of them, of each contact and of all, and who finds none is told to read
//! first what it has asked for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use streembit_keys::Thumbprint;
use streembit_peer::message::MAX_LONG_UNDER_WAY;

/// Bytes of long answers of one contact, in all of its sessions: what one session may have under way.
const MAX_OF_A_CONTACT: usize = MAX_LONG_UNDER_WAY;

/// Bytes of long answers of all contacts: 32 MiB, an eighth of what the smallest device has. Four contacts who read
/// nothing fill it, and are cut off when they have not read for [`streembit_peer::wire::WRITE_TIMEOUT`].
const MAX_OF_ALL: usize = 4 * MAX_OF_A_CONTACT;

/// The long answers of a device that are on their way.
#[derive(Debug, Default)]
pub struct LongAnswers(Mutex<HashMap<Thumbprint, usize>>);

/// Reserved for one long answer, given back on drop.
#[derive(Debug)]
pub(super) struct Reserved {
    all: Arc<LongAnswers>,
    contact: Thumbprint,
    bytes: usize,
}

impl LongAnswers {
    /// Bytes of all of them.
    pub(crate) fn bytes(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().sum()
    }

    /// Takes room for a long answer, if there is any.
    pub(super) fn take(self: &Arc<Self>, contact: &Thumbprint, bytes: usize) -> Option<Reserved> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_all: usize = taken.values().sum();
        let of_contact = taken.get(contact).copied().unwrap_or(0);
        if of_contact.saturating_add(bytes) > MAX_OF_A_CONTACT || of_all.saturating_add(bytes) > MAX_OF_ALL {
            return None;
        }
        taken.insert(*contact, of_contact + bytes);
        Some(Reserved { all: Arc::clone(self), contact: *contact, bytes })
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        let mut taken = self.all.0.lock().unwrap_or_else(PoisonError::into_inner);
        let left = taken.get(&self.contact).copied().unwrap_or(0).saturating_sub(self.bytes);
        if left == 0 {
            taken.remove(&self.contact);
        } else {
            taken.insert(self.contact, left);
        }
    }
}

#[cfg(test)]
mod tests {
    use streembit_keys::PrivateKey;
    use streembit_peer::message::MAX_LONG_VALUE;

    use super::*;

    fn somebody() -> Thumbprint {
        PrivateKey::generate(&mut streembit_keys::rng::system()).public().thumbprint()
    }

    #[test]
    fn a_contact_has_room_for_what_a_session_may_have_under_way_and_gets_it_back() {
        let (all, one) = (Arc::new(LongAnswers::default()), somebody());
        let first = all.take(&one, MAX_LONG_VALUE).unwrap();
        let second = all.take(&one, MAX_OF_A_CONTACT - MAX_LONG_VALUE).unwrap();
        assert!(all.take(&one, 1).is_none());
        assert!(all.take(&somebody(), 1).is_some(), "others are not held up");
        drop(first);
        assert!(all.take(&one, MAX_LONG_VALUE).is_some());
        drop(second);
        assert!(all.0.lock().unwrap().is_empty(), "nobody is remembered for nothing");
    }

    #[test]
    fn the_device_has_room_for_some_contacts_and_not_for_any_number() {
        let all = Arc::new(LongAnswers::default());
        let full: Vec<_> = (0..4).map(|_| all.take(&somebody(), MAX_OF_A_CONTACT).unwrap()).collect();
        assert!(all.take(&somebody(), 1).is_none());
        drop(full);
        assert!(all.take(&somebody(), 1).is_some());
    }
}
