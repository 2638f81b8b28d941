//! What comes for one observation, event subscription or running action.

use std::sync::{Arc, OnceLock, Weak};

use tokio::sync::mpsc;

use super::Shared;
use crate::message::{Notification, RequestHash};

/// The notifications of one request, in order. Dropping it stops listening here; tell the device with `unobserveproperty` or
/// `unsubscribeevent`.
#[derive(Debug)]
pub struct Subscription {
    notifications: mpsc::Receiver<Notification>,
    request: OnceLock<RequestHash>,
    shared: Weak<Shared>,
}

/// The reader's end of a [`Subscription`].
#[derive(Debug)]
pub(super) struct Feed {
    notifications: mpsc::Sender<Notification>,
    next: u64,
    missed: u64,
}

/// What a notification means for its feed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// It goes on.
    MoreMayCome,
    /// That was all.
    Last,
}

/// Both ends, with room for `backlog` notifications and for the last one, which always comes through.
pub(super) fn pair(backlog: usize, shared: &Arc<Shared>) -> (Feed, Subscription) {
    let (sender, receiver) = mpsc::channel(backlog.max(1) + 1);
    let feed = Feed { notifications: sender, next: 1, missed: 0 };
    let shared = Arc::downgrade(shared);
    (feed, Subscription { notifications: receiver, request: OnceLock::new(), shared })
}

impl Feed {
    /// Takes a notification of the device, and drops it where its reader is too slow.
    pub(super) fn take(&mut self, mut notification: Notification) -> Result<Taken, String> {
        if notification.n != self.next {
            return Err(format!("notification {} where {} is due", notification.n, self.next));
        }
        self.next += 1;
        let last = notification.end.is_some();
        // The last place is kept for the last notification.
        if !last && self.notifications.capacity() <= 1 {
            self.missed = self.missed.saturating_add(notification.missed).saturating_add(1);
            return Ok(Taken::MoreMayCome);
        }
        notification.missed = notification.missed.saturating_add(std::mem::take(&mut self.missed));
        match self.notifications.try_send(notification) {
            Ok(()) if !last => Ok(Taken::MoreMayCome),
            // Either it was the last one, or nobody listens any more.
            _ => Ok(Taken::Last),
        }
    }
}

impl Subscription {
    pub(super) fn belongs_to(&self, request: RequestHash) {
        let _ = self.request.set(request);
    }

    /// The next notification; `None` after the last one, or when the session is over (then the last one had no `end`).
    pub async fn next(&mut self) -> Option<Notification> {
        self.notifications.recv().await
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if let (Some(request), Some(shared)) = (self.request.get(), self.shared.upgrade()) {
            shared.waiting().subscriptions.remove(request);
        }
    }
}
