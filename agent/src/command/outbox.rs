//! What waits to be told to one session.
//!
//! The session's writer takes from here when it can write, so nothing is signed that nobody reads, and a reader that is
//! stuck costs a bounded backlog: one value of a property (the newest), a few of an event. What was dropped is counted and told with
//! the next notification, so a slow consumer knows exactly what it missed. Ends are never dropped: see `ends`.

mod ends;

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use streembit_peer::message::{End, Name, Notification, NotificationKind, Problem, ProblemCode, RequestHash};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::json_text::JsonText;
use ends::Ends;

/// Subscriptions of one session. A dashboard of a whole house shows about twenty values of one device.
pub const MAX_SUBSCRIPTIONS: usize = 32;

/// Events of one subscription that wait for a slow reader. With values of 64 KiB and all subscriptions full this is
/// 16 MiB, shared between sessions; with usual values it is a few kilobytes.
pub const MAX_WAITING_EVENTS: usize = 8;

/// What a subscription is about. There is at most one of each in a session.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Topic {
    /// A property or an event.
    pub kind: NotificationKind,
    /// The Thing.
    pub thing: Name,
    /// The affordance.
    pub affordance: Name,
}

/// The session has [`MAX_SUBSCRIPTIONS`] already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this session has {MAX_SUBSCRIPTIONS} subscriptions already: end one first")]
pub struct TooMany;

/// The notifications of one session, waiting for its writer.
#[derive(Default)]
pub struct Outbox {
    state: Mutex<State>,
    wake: Notify,
    /// Ends the session, where there is something that it can never be told.
    overrun: CancellationToken,
}

#[derive(Default)]
struct State {
    subscriptions: HashMap<Topic, Subscription>,
    /// Topics with something to tell, each at most once, in the order in which they came to have it.
    ready: VecDeque<Topic>,
    ends: Ends,
}

struct Subscription {
    sub: RequestHash,
    told: u64,
    missed: u64,
    waiting: VecDeque<Option<JsonText>>,
    /// Set once the answer to the subscribing request is on its way: nobody gets news of what he does not know yet.
    active: bool,
}

impl Outbox {
    /// The outbox of a session that ends with `overrun`.
    pub(super) fn of(overrun: CancellationToken) -> Self {
        Self { overrun, ..Self::default() }
    }

    /// Starts a subscription, in place of an earlier one of the same topic. It tells nothing before
    /// [`Self::activate`].
    pub fn subscribe(&self, topic: Topic, sub: RequestHash) -> Result<(), TooMany> {
        let mut state = self.lock();
        if state.subscriptions.len() >= MAX_SUBSCRIPTIONS && !state.subscriptions.contains_key(&topic) {
            return Err(TooMany);
        }
        state.ready.retain(|ready| *ready != topic);
        let fresh = Subscription { sub, told: 0, missed: 0, waiting: VecDeque::new(), active: false };
        state.subscriptions.insert(topic, fresh);
        Ok(())
    }

    /// The answer to the subscribing request has been sent.
    pub fn activate(&self, topic: &Topic) {
        let mut state = self.lock();
        let Some(subscription) = state.subscriptions.get_mut(topic) else { return };
        if !subscription.active {
            subscription.active = true;
            if !subscription.waiting.is_empty() || subscription.missed > 0 {
                state.ready.push_back(topic.clone());
                self.wake.notify_one();
            }
        }
    }

    /// Ends a subscription at its caller's wish: whether there was one.
    ///
    /// What waits is told still, and after it the end: who moves over to another session knows by that when it has all.
    pub fn unsubscribe(&self, topic: &Topic) -> bool {
        let mut state = self.lock();
        state.ready.retain(|ready| ready != topic);
        let Some(subscription) = state.subscriptions.remove(topic) else { return false };
        // Before that nobody knows of it.
        if subscription.active {
            let Subscription { sub, told, mut missed, waiting, .. } = subscription;
            let all = waiting.into_iter().map(|value| (value, None)).chain([(None, Some(End::Unsubscribed))]);
            for (n, (value, end)) in (told + 1..).zip(all) {
                let Topic { kind, thing, affordance } = topic.clone();
                let missed = std::mem::take(&mut missed);
                let last =
                    Notification { sub, n, thing, affordance, kind, value: None, problem: None, missed, end };
                self.push_end(&mut state, last, value);
            }
        }
        drop(state);
        self.wake.notify_one();
        true
    }

    /// How many subscriptions there are, and how many of them have something to tell that the writer has not taken yet.
    pub fn load(&self) -> (usize, usize) {
        let state = self.lock();
        (state.subscriptions.len(), state.ready.len())
    }

    /// Whether anybody in this session listens to this topic.
    pub fn listens(&self, topic: &Topic) -> bool {
        self.lock().subscriptions.contains_key(topic)
    }

    /// News. Returns at once: where the reader is slow the oldest is dropped and counted.
    pub fn offer(&self, topic: &Topic, value: Option<&JsonText>) {
        let mut state = self.lock();
        let Some(subscription) = state.subscriptions.get_mut(topic) else { return };
        let room = if topic.kind == NotificationKind::Property { 1 } else { MAX_WAITING_EVENTS };
        if subscription.waiting.len() >= room {
            subscription.waiting.pop_front();
            subscription.missed += 1;
        }
        let was_idle = subscription.waiting.is_empty() && subscription.missed == 0;
        subscription.waiting.push_back(value.cloned());
        if subscription.active && (was_idle || !state.ready.contains(topic)) {
            state.ready.push_back(topic.clone());
        }
        drop(state);
        self.wake.notify_one();
    }

    /// This many were lost before they came here. That is told also where nothing comes after it: the last value that its
    /// reader has may be long past.
    pub fn lost(&self, thing: &str, count: u64) {
        let mut state = self.lock();
        let State { subscriptions, ready, .. } = &mut *state;
        for (topic, subscription) in subscriptions.iter_mut().filter(|(topic, _)| &*topic.thing == thing) {
            subscription.missed += count;
            if subscription.active && !ready.contains(topic) {
                ready.push_back(topic.clone());
            }
        }
        drop(state);
        self.wake.notify_one();
    }

    /// Ends every subscription that is not to be kept, and tells its subscriber why.
    pub fn retain(&self, end: End, mut keep: impl FnMut(&Topic) -> bool) {
        let mut state = self.lock();
        let gone: Vec<_> = state.subscriptions.keys().filter(|topic| !keep(topic)).cloned().collect();
        for topic in gone {
            state.ready.retain(|ready| *ready != topic);
            let Some(subscription) = state.subscriptions.remove(&topic) else { continue };
            let missed = subscription.missed + subscription.waiting.len() as u64;
            let (sub, n) = (subscription.sub, subscription.told + 1);
            let Topic { kind, thing, affordance } = topic;
            let last = Notification {
                sub,
                n,
                thing,
                affordance,
                kind,
                value: None,
                problem: None,
                missed,
                end: Some(end),
            };
            self.push_end(&mut state, last, None);
        }
        drop(state);
        self.wake.notify_one();
    }

    /// Tells how a pending action ended. Without an `outcome` the right to know it has ended, which is all that is told.
    pub fn action_ended(
        &self,
        sub: RequestHash,
        thing: Name,
        affordance: Name,
        outcome: Option<Result<Option<JsonText>, Problem>>,
    ) {
        let kind = NotificationKind::Action;
        let (value, problem, end) = match outcome {
            Some(Ok(output)) => (output, None, End::Done),
            Some(Err(problem)) => (None, Some(problem), End::Done),
            None => (None, None, End::Revoked),
        };
        let end = Some(end);
        let end = Notification { sub, n: 1, thing, affordance, kind, value: None, problem, missed: 0, end };
        self.push_end(&mut self.lock(), end, value);
        self.wake.notify_one();
    }

    /// The next notification, when there is one. Dropping the future loses nothing.
    pub async fn next(&self) -> Notification {
        loop {
            let woken = self.wake.notified();
            if let Some(next) = self.take() {
                return next;
            }
            woken.await;
        }
    }

    /// The next notification, if there is one.
    pub fn take(&self) -> Option<Notification> {
        let mut state = self.lock();
        if let Some(end) = state.ends.pop() {
            return Some(end);
        }
        let topic = state.ready.pop_front()?;
        let subscription = state.subscriptions.get_mut(&topic)?;
        let (value, problem) = match subscription.waiting.pop_front() {
            Some(value) => (value, None),
            // Only that something was missed. An event without data would look the same but for the problem.
            None => (None, Some(Problem::because(ProblemCode::OutputLost, "more came than could be told"))),
        };
        subscription.told += 1;
        let (sub, n) = (subscription.sub, subscription.told);
        let missed = std::mem::take(&mut subscription.missed);
        if !subscription.waiting.is_empty() {
            // To the end of the line: one chatty event must not hold up the others.
            state.ready.push_back(topic.clone());
        }
        drop(state);
        let Topic { kind, thing, affordance } = topic;
        let value = value.as_ref().map(JsonText::value);
        Some(Notification { sub, n, thing, affordance, kind, value, problem, missed, end: None })
    }

    fn push_end(&self, state: &mut State, end: Notification, value: Option<JsonText>) {
        if state.ends.push(end, value).is_err() {
            tracing::warn!("a session ended because it does not read what it asked for");
            self.overrun.cancel();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The same without its value, which counts among the missed. An event without data would look the same, so it is told that
/// there was one; an end speaks for itself.
pub(super) fn left_out(news: Notification, why: &str) -> Notification {
    let lost = || Problem::because(ProblemCode::OutputLost, why);
    let problem = news.problem.or_else(|| news.end.is_none().then(lost));
    Notification { value: None, problem, missed: news.missed + 1, ..news }
}

#[cfg(test)]
mod tests;
