//! Where those who follow the same thing meet whoever follows it for them.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use streembit_keys::Thumbprint;
use streembit_peer::message::Operation;
use tokio::sync::broadcast;

use super::Watching;
use crate::door::{News, Watch};
use crate::error::Outcome;

/// What is followed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Topic {
    device: Thumbprint,
    op: Operation,
    thing: String,
    affordance: String,
}

impl Topic {
    pub(super) fn new(device: Thumbprint, watch: &Watch) -> Self {
        Self { device, op: watch.op, thing: watch.thing.clone(), affordance: watch.affordance.clone() }
    }
}

/// One item for all listeners of a topic.
#[derive(Debug, Clone)]
pub(super) struct Item {
    /// How many values there have been up to here, told and missed. By this a listener who was too slow knows how many it
    /// did not get.
    pub(super) total: u64,
    /// How many of them this item stands for.
    pub(super) weight: u64,
    pub(super) news: Outcome<News>,
}

/// How a topic stands with its device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// It is about to be subscribed to, which succeeds soon or is told as a failure.
    Beginning,
    /// What happens is told.
    Open,
    /// The connection is gone, and tried again.
    Lost,
}

/// Everything that is followed now.
#[derive(Default)]
pub(in crate::person) struct Topics(Mutex<HashMap<Topic, Meeting>>);

struct Meeting {
    /// A slow listener loses the oldest items, and holds up nobody.
    items: broadcast::Sender<Item>,
    total: u64,
    standing: Standing,
}

/// A listener's place.
pub(super) struct Joined {
    pub(super) items: broadcast::Receiver<Item>,
    /// The values until now, which it does not get.
    pub(super) total: u64,
    pub(super) standing: Standing,
    /// Nobody follows the topic yet. Whoever gets this starts a follower, with the other end of the items.
    pub(super) first: Option<broadcast::Sender<Item>>,
}

impl Topics {
    /// Takes a place among the listeners of a topic.
    pub(super) fn join(&self, topic: &Topic) -> Joined {
        let mut topics = self.lock();
        let mut first = None;
        let meeting = topics.entry(topic.clone()).or_insert_with(|| {
            let (items, _) = broadcast::channel(Watching::WAITING);
            first = Some(items.clone());
            Meeting { items, total: 0, standing: Standing::Beginning }
        });
        let (items, total, standing) = (meeting.items.subscribe(), meeting.total, meeting.standing);
        Joined { items, total, standing, first }
    }

    /// Tells all listeners.
    pub(super) fn tell(&self, topic: &Topic, news: News) {
        let mut topics = self.lock();
        let Some(meeting) = topics.get_mut(topic) else { return };
        let weight = match &news {
            News::Value { .. } => 1,
            News::Missed { count } => *count,
            _ => 0,
        };
        match news {
            News::Begun | News::Resumed { .. } => meeting.standing = Standing::Open,
            News::Lost { .. } => meeting.standing = Standing::Lost,
            _ => {}
        }
        meeting.total = meeting.total.saturating_add(weight);
        // Nobody may be listening at this moment.
        let _ = meeting.items.send(Item { total: meeting.total, weight, news: Ok(news) });
    }

    /// Where nobody listens, whoever joins from now on waits for a new beginning; `false` where somebody has joined, who may
    /// have been told that it is open.
    pub(super) fn end_is_near(&self, topic: &Topic) -> bool {
        let mut topics = self.lock();
        let Some(meeting) = topics.get_mut(topic) else { return true };
        let idle = meeting.items.receiver_count() == 0;
        if idle {
            meeting.standing = Standing::Beginning;
        }
        idle
    }

    /// Forgets a topic that nobody listens to; `false` where somebody has joined.
    pub(super) fn forget_if_idle(&self, topic: &Topic) -> bool {
        let mut topics = self.lock();
        let idle = topics.get(topic).is_none_or(|meeting| meeting.items.receiver_count() == 0);
        if idle {
            topics.remove(topic);
        }
        idle
    }

    /// Ends a topic, with a last word to its listeners. Whoever comes later begins anew.
    pub(super) fn finish(&self, topic: &Topic, last: Outcome<News>) {
        let Some(meeting) = self.lock().remove(topic) else { return };
        let _ = meeting.items.send(Item { total: meeting.total, weight: 0, news: last });
    }

    /// How many listen.
    #[cfg(test)]
    pub(super) fn listeners(&self) -> usize {
        self.lock().values().map(|meeting| meeting.items.receiver_count()).sum()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Topic, Meeting>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
