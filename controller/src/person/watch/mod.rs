//! Following properties and events, across drops and renewals of the connection.
//!
//! All who follow something of a device do so in the person's one session with it: a device has few sessions for one contact,
//! and those are for its phones and laptops. What several follow is subscribed to once. `topics` is where they meet,
//! `follower` keeps the one subscription alive, `listener` hands to each what comes, at its own pace.

mod follower;
mod listener;
mod topics;

#[cfg(test)]
mod tests;

use streembit_peer::message::Operation;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

pub(super) use topics::Topics;

use super::Person;
use crate::door::{News, Watch};
use crate::error::Outcome;

/// What comes while something is watched. Dropping it ends the watching.
#[derive(Debug)]
pub struct Watching {
    news: mpsc::Receiver<Outcome<News>>,
    _task: AbortOnDrop,
}

#[derive(Debug)]
struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Watching {
    /// How many items may wait for whoever reads them. After that the oldest are dropped and counted.
    pub const WAITING: usize = 64;

    pub(crate) fn new(news: mpsc::Receiver<Outcome<News>>, task: JoinHandle<()>) -> Self {
        Self { news, _task: AbortOnDrop(task) }
    }

    /// The next item; `None` when there will be no more. A failure is the last item.
    pub async fn next(&mut self) -> Option<Outcome<News>> {
        self.news.recv().await
    }
}

impl Person {
    /// Watches, until the value is dropped or the device ends it.
    pub fn watch(&self, watch: Watch) -> Watching {
        let (news, receiver) = mpsc::channel(1);
        let person = self.clone();
        let task = self.0.tasks.spawn(async move {
            let closing = person.0.closing.clone();
            let listening = async {
                if let Err(failure) = listener::listen(&person, watch, &news).await {
                    // Nobody listens any more where it is not taken.
                    let _ = news.send(Err(failure)).await;
                }
            };
            closing.run_until_cancelled(listening).await;
        });
        Watching::new(receiver, task)
    }
}

/// The operation that follows an affordance of this kind.
pub fn operation(kind: crate::address::Kind) -> Operation {
    if kind == crate::address::Kind::Event { Operation::SubscribeEvent } else { Operation::ObserveProperty }
}
