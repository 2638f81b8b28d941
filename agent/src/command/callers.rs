//! All open sessions: how they come, and how those of a contact end when its rights do.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio_util::task::task_tracker::TaskTrackerToken;

use super::caller::{Caller, Introduction};
use super::room::{Full, Places, room, taken};
use crate::access::Rights;

/// How long a session that was cut may take to end. All that it does waits for the cut, or for one commit of the journal.
const CUT_TIMEOUT: Duration = Duration::from_secs(5);

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
    /// Takes up a session, while there is room. `rights` say among whose places it counts.
    pub fn enter(self: &Arc<Self>, newcomer: Introduction, rights: &Rights) -> Result<Place, Full> {
        let mut open = self.lock();
        if let Some(gone) = room(&newcomer, &open, rights)? {
            tracing::info!(source = %gone.source(), "a stranger made room for a newer one");
            gone.ended().cancel();
        }
        let id = self.last.fetch_add(1, Ordering::Relaxed);
        let caller = Arc::new(Caller::new(id, newcomer));
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

    /// Whose places they take.
    pub fn places(&self, rights: &Rights) -> Places {
        taken(&self.lock(), rights)
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
