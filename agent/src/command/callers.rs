//! All open sessions: how many there may be, and how those of a contact end when its rights do.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio_util::task::task_tracker::TaskTrackerToken;

use super::caller::{Caller, Introduction};

/// Open sessions. Each costs about 100 KiB with its buffers, and a device in a house has a dozen callers.
pub const MAX_SESSIONS: usize = 64;

/// Open sessions of one contact: a phone, a laptop, a script or two, and one that is being renewed.
pub const MAX_SESSIONS_OF_A_CONTACT: usize = 8;

/// Open sessions from one source, whoever they are of.
pub const MAX_SESSIONS_OF_A_SOURCE: usize = 16;

/// Open sessions of strangers who may pair: one person pairs, and others must not be able to keep the door shut.
pub const MAX_STRANGERS: usize = 8;

/// How long a session that was cut may take to end. All that it does waits for the cut, or for one commit of the journal.
const CUT_TIMEOUT: Duration = Duration::from_secs(5);

/// There is no room for one more session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Full(&'static str);

/// All open sessions.
#[derive(Default)]
pub struct Callers {
    open: Mutex<HashMap<u64, Arc<Caller>>>,
    last: AtomicU64,
}

/// A place among the open sessions, given back on drop.
pub struct Place {
    callers: Arc<Callers>,
    caller: Arc<Caller>,
    /// Given up last of all, after the session can no longer be found: whoever cuts it waits for this.
    _running: TaskTrackerToken,
}

impl Callers {
    /// Takes up a session, while there is room.
    pub fn enter(self: &Arc<Self>, introduction: Introduction) -> Result<Place, Full> {
        let mut open = self.lock();
        let contact = introduction.peers.remote.thumbprint();
        let count = |which: &dyn Fn(&Caller) -> bool| open.values().filter(|caller| which(caller)).count();
        if open.len() >= MAX_SESSIONS {
            return Err(Full("the device has as many sessions as it takes"));
        }
        if count(&|caller| *caller.contact() == contact) >= MAX_SESSIONS_OF_A_CONTACT {
            return Err(Full("this contact has as many sessions as it may"));
        }
        if count(&|caller| *caller.source() == introduction.source) >= MAX_SESSIONS_OF_A_SOURCE {
            return Err(Full("this source has as many sessions as it may"));
        }
        if introduction.first_contact && count(&Caller::first_contact) >= MAX_STRANGERS {
            return Err(Full("as many strangers are pairing as may"));
        }
        let id = self.last.fetch_add(1, Ordering::Relaxed);
        let caller = Arc::new(Caller::new(id, introduction));
        open.insert(id, Arc::clone(&caller));
        let _running = caller.tasks().token();
        Ok(Place { callers: Arc::clone(self), caller, _running })
    }

    /// All of them, now.
    pub fn all(&self) -> Vec<Arc<Caller>> {
        self.lock().values().cloned().collect()
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.lock().len()
    }

    /// Ends sessions at once and returns when nothing works for them any more.
    ///
    /// The session `own`, whose request brought this about, may still get its answer and ends after that.
    pub async fn cut(&self, own: Option<&Caller>, which: impl Fn(&Caller) -> bool) {
        let mut cut = self.all();
        cut.retain(|caller| which(caller));
        for caller in &cut {
            caller.leaving().cancel();
            if own.is_none_or(|own| own.id != caller.id) {
                caller.ended().cancel();
            }
        }
        let all_over = async {
            for caller in cut.iter().filter(|caller| own.is_none_or(|own| own.id != caller.id)) {
                caller.tasks().close();
                caller.tasks().wait().await;
            }
        };
        if tokio::time::timeout(CUT_TIMEOUT, all_over).await.is_err() {
            tracing::error!("a session that was cut has not ended in {} s", CUT_TIMEOUT.as_secs());
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Arc<Caller>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// The session.
    pub fn caller(&self) -> &Arc<Caller> {
        &self.caller
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.caller.ended().cancel();
        self.callers.lock().remove(&self.caller.id);
    }
}
