//! One who follows something: gets all that comes at its own pace, and is told how much it missed.

use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc};
use tokio::time::{Instant, timeout_at};

use super::follower;
use super::topics::{Item, Standing, Topic};
use crate::door::{News, Watch};
use crate::error::{Exit, Failure, Outcome};
use crate::home::Contact;
use crate::person::{Person, link};

/// Follows until nobody takes the news any more, or there will be none.
pub(super) async fn listen(person: &Person, watch: Watch, news: &mpsc::Sender<Outcome<News>>) -> Outcome<()> {
    let contact = person.contact(&watch.device).await?;
    let topic = Topic::new(contact.key.thumbprint(), &watch);
    let deadline = Instant::now() + watch.timeout;
    let mut listener = loop {
        let joined = person.0.topics.join(&topic);
        let is_first = joined.first.is_some();
        if let Some(items) = joined.first {
            follower::start(person, contact.clone(), topic.clone(), watch.clone(), items);
        }
        let mut listener = Listener { items: joined.items, total: joined.total, news };
        let begun = match joined.standing {
            Standing::Open => Ok(()),
            standing => match timeout_at(deadline, listener.beginning()).await {
                Ok(begun) => begun,
                Err(_) => return Err(not_begun(person, &contact, &watch, standing)),
            },
        };
        match begun {
            Ok(()) => break listener,
            // It was asked for before this listener came, and with another patience.
            Err(failure) if may_pass(&failure) && !is_first && Instant::now() < deadline => {}
            Err(failure) => return Err(failure),
        }
    };
    if news.send(Ok(News::Begun)).await.is_ok() {
        listener.hand_on().await;
    }
    Ok(())
}

/// Whether asking once more may help.
fn may_pass(failure: &Failure) -> bool {
    matches!(failure.exit, Exit::TimedOut | Exit::Unreachable)
}

/// A listener's time is over before anything has begun.
fn not_begun(person: &Person, contact: &Contact, watch: &Watch, standing: Standing) -> Failure {
    if standing == Standing::Lost {
        Failure::unreachable("The connection to the device is lost, and did not come back in time.")
            .or("Is it switched on, and are you in the same network?")
    } else if person.connected().contains(&contact.name) {
        follower::silent(contact)
    } else {
        link::unanswered(&contact.name, watch.timeout)
    }
}

struct Listener<'a> {
    items: broadcast::Receiver<Item>,
    /// The values up to the last item that was looked at.
    total: u64,
    news: &'a mpsc::Sender<Outcome<News>>,
}

impl Listener<'_> {
    /// Waits until the topic is open. What was told before that is not for this listener.
    async fn beginning(&mut self) -> Outcome<()> {
        loop {
            match self.next().await {
                Some(Item { total, news: Ok(News::Begun | News::Resumed { .. }), .. }) => {
                    self.total = total;
                    return Ok(());
                }
                Some(Item { news: Ok(News::Ended { .. }), .. }) | None => {
                    return Err(Failure::because("It ended before it had begun.").or("Try again."));
                }
                Some(Item { news: Err(failure), .. }) => return Err(failure),
                Some(_) => {}
            }
        }
    }

    /// Hands on what comes, until there is no more of it or nobody takes it.
    async fn hand_on(&mut self) {
        while let Some(Item { total, weight, news }) = self.next().await {
            let count = total.saturating_sub(self.total).saturating_sub(weight);
            self.total = total;
            if count > 0 && self.news.send(Ok(News::Missed { count })).await.is_err() {
                return;
            }
            // That it has begun was told already.
            if !matches!(news, Ok(News::Begun)) && self.news.send(news).await.is_err() {
                return;
            }
        }
    }

    /// The next item that is still there.
    async fn next(&mut self) -> Option<Item> {
        loop {
            match self.items.recv().await {
                Ok(item) => return Some(item),
                // How many values were among them is seen in the next one.
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;
    use streembit_keys::Thumbprint;
    use streembit_peer::message::Operation;

    use super::super::Watching;
    use super::super::topics::Topics;
    use super::*;

    fn topic() -> Topic {
        let watch = Watch {
            device: "garage".into(),
            op: Operation::ObserveProperty,
            thing: "door".into(),
            affordance: "state".into(),
            timeout: Duration::from_secs(1),
        };
        Topic::new(Thumbprint::from_bytes([1; 32]), &watch)
    }

    fn value(n: usize) -> News {
        News::Value { value: json!(n) }
    }

    /// All that a listener hands on, to the end of its topic.
    async fn handed_on(items: broadcast::Receiver<Item>, total: u64) -> Vec<News> {
        let (news, mut receiver) = mpsc::channel(4 * Watching::WAITING);
        Listener { items, total, news: &news }.hand_on().await;
        drop(news);
        let mut all = Vec::new();
        while let Some(news) = receiver.recv().await {
            all.push(news.unwrap());
        }
        all
    }

    #[tokio::test]
    async fn a_slow_listener_gets_the_newest_and_learns_how_many_it_missed() {
        let (topics, topic) = (Topics::default(), topic());
        let slow = topics.join(&topic);
        assert!(slow.first.is_some());
        drop(slow.first);
        topics.tell(&topic, News::Begun);
        // More than wait, some of them missed already where they come from.
        topics.tell(&topic, News::Missed { count: 5 });
        for n in 0..2 * Watching::WAITING {
            topics.tell(&topic, value(n));
        }
        let quick = topics.join(&topic);
        assert_eq!((quick.standing, quick.first.is_some()), (Standing::Open, false));
        topics.tell(&topic, value(1000));
        topics.finish(&topic, Ok(News::Ended { why: "gone".into() }));

        // The end has a place among those that wait, and so has the value that came last.
        let kept = Watching::WAITING - 2;
        let count = (5 + 2 * Watching::WAITING - kept) as u64;
        let mut expected = vec![News::Missed { count }];
        expected.extend((2 * Watching::WAITING - kept..2 * Watching::WAITING).map(value));
        let last = [value(1000), News::Ended { why: "gone".into() }];
        expected.extend(last.clone());
        assert_eq!(handed_on(slow.items, slow.total).await, expected);
        assert_eq!(handed_on(quick.items, quick.total).await, last, "who came later missed nothing");
        assert!(topics.join(&topic).first.is_some(), "whoever comes now begins anew");
    }

    #[tokio::test]
    async fn a_topic_is_forgotten_when_nobody_listens_and_not_before() {
        let (topics, topic) = (Topics::default(), topic());
        let joined = topics.join(&topic);
        topics.tell(&topic, News::Begun);
        assert!(!topics.forget_if_idle(&topic));
        drop(joined.items);
        let late = topics.join(&topic);
        assert_eq!(late.standing, Standing::Open);
        assert!(!topics.end_is_near(&topic), "somebody was told that it is open");
        assert_eq!(topics.join(&topic).standing, Standing::Open);
        drop(late.items);
        assert!(topics.end_is_near(&topic));
        let waits = topics.join(&topic);
        assert_eq!(waits.standing, Standing::Beginning);
        assert!(!topics.forget_if_idle(&topic));
        drop(waits.items);
        assert!(topics.forget_if_idle(&topic));
    }
}
