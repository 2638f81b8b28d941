//! Following a property or an event, across drops of the connection.

use std::time::{Duration, Instant};

use streembit_peer::client::{CallError, Closed, Connection, Subscription};
use streembit_peer::message::{Answer, Call as Message, End, NotificationKind, Operation};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::{Person, problem};
use crate::door::{News, Watch};
use crate::error::{Exit, Failure, Outcome};
use crate::home::Contact;

/// The first wait before a device is dialled again; it doubles up to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_millis(200);

/// A device that is away for long is asked for this often: soon enough for a person, too seldom to hurt anybody.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// How often to look whether the session must be renewed. It ends at an hour, and renewal is due well before.
const LOOK: Duration = Duration::from_secs(15);

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
    /// How many items may wait here; the next ones wait in the session, and then the device counts what it drops.
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
        let (news, receiver) = mpsc::channel(Watching::WAITING);
        let watcher = Watcher { person: self.clone(), watch, news };
        let task = tokio::spawn(async move {
            if let Err(failure) = watcher.run().await {
                let _ = watcher.news.send(Err(failure)).await;
            }
        });
        Watching::new(receiver, task)
    }
}

struct Watcher {
    person: Person,
    watch: Watch,
    news: mpsc::Sender<Outcome<News>>,
}

/// Nobody listens any more.
struct Gone;

/// Why one subscription is over.
enum Over {
    /// For good: it was told.
    Ended,
    /// The connection is gone.
    Lost(String),
    /// A new session has taken over.
    Renewed(Box<(Connection, Subscription)>),
}

impl Watcher {
    async fn run(&self) -> Outcome<()> {
        let contact = self.person.contact(&self.watch.device).await?;
        let mut open = self.subscribe(&contact).await?;
        if self.tell(News::Begun).await.is_err() {
            return Ok(());
        }
        loop {
            match self.follow(&contact, open).await {
                Err(Gone) | Ok(Over::Ended) => return Ok(()),
                Ok(Over::Renewed(fresh)) => open = *fresh,
                Ok(Over::Lost(why)) => {
                    let since = Instant::now();
                    if self.tell(News::Lost { why }).await.is_err() {
                        return Ok(());
                    }
                    open = self.return_to(&contact).await?;
                    if self.tell(News::Resumed { away: since.elapsed() }).await.is_err() {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Hands on what comes, until the subscription is over.
    async fn follow(
        &self,
        contact: &Contact,
        (connection, mut subscription): (Connection, Subscription),
    ) -> Result<Over, Gone> {
        let mut look = tokio::time::interval(LOOK);
        loop {
            let notification = tokio::select! {
                notification = subscription.next() => notification,
                _ = look.tick() => {
                    if connection.needs_renewal()
                        && let Ok(fresh) = self.subscribe(contact).await
                    {
                        // Both are open for a moment: a value may come twice, and none is lost.
                        return Ok(Over::Renewed(Box::new(fresh)));
                    }
                    continue;
                }
            };
            let Some(notification) = notification else {
                let why = connection.is_closed().map_or_else(|| "closed".to_owned(), |why| why.to_string());
                return Ok(Over::Lost(why));
            };
            if notification.missed > 0 {
                self.tell(News::Missed { count: notification.missed }).await?;
            }
            match (notification.end, notification.value) {
                // A device that stops comes back: this is a drop with notice.
                (Some(End::Stopping), _) => return Ok(Over::Lost("the device is stopping".to_owned())),
                (Some(end), _) => {
                    self.tell(News::Ended { why: word(end).to_owned() }).await?;
                    return Ok(Over::Ended);
                }
                // A property always has a value: this one was too long, and counts among the missed.
                (None, None) if notification.kind == NotificationKind::Property => {}
                (None, value) => self.tell(News::Value { value: value.unwrap_or_default() }).await?,
            }
        }
    }

    /// Subscribes in a session of its own, whose end is then the subscription's: several watchers of one property do not
    /// get into each other's way.
    async fn subscribe(&self, contact: &Contact) -> Outcome<(Connection, Subscription)> {
        let watch = &self.watch;
        let connection = self.person.connect(contact, watch.timeout).await?;
        let (thing, affordance) = (problem::name(&watch.thing)?, problem::name(&watch.affordance)?);
        let mut random = streembit_keys::rng::system();
        let message = Message::new(watch.op, thing, Some(affordance), None, &mut random)
            .map_err(|e| Failure::because(format!("Cannot ask for it: {e}.")))?;
        let answer = connection.subscribe(&message, watch.timeout, Watching::WAITING).await;
        let place = format!("{}/{}/{}", watch.device, watch.thing, watch.affordance);
        match answer {
            Ok((_, Some(subscription))) => Ok((connection, subscription)),
            Ok((response, None)) => Err(match response.result {
                Answer::Problem(found) => problem::failure(&contact.name, &place, &found),
                _ => Failure::because(format!("{} answered in an unknown way.", contact.name)),
            }),
            Err(CallError::NotSent(Closed::NoRoom)) => Err(problem::no_room(&contact.name)),
            Err(CallError::TimedOut) => {
                Err(Failure::timed_out(format!("{} did not answer in time.", contact.name)))
            }
            Err(error) => {
                Err(Failure::unreachable(format!("The connection to {} broke: {error}.", contact.name)))
            }
        }
    }

    /// Tries again and again, until the device is back or says no.
    async fn return_to(&self, contact: &Contact) -> Outcome<(Connection, Subscription)> {
        let mut wait = FIRST_WAIT;
        loop {
            // It may have another address since.
            let contact = self.person.contact(&contact.name).await.unwrap_or_else(|_| contact.clone());
            match self.subscribe(&contact).await {
                Ok(open) => return Ok(open),
                Err(failure) if final_word(&failure) => return Err(failure),
                Err(_) => {}
            }
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.news.closed() => return Err(Failure::because("Nobody listens any more.")),
            }
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    async fn tell(&self, news: News) -> Result<(), Gone> {
        self.news.send(Ok(news)).await.map_err(|_| Gone)
    }
}

/// Whether trying again cannot help: the device said no. Everything else may pass.
fn final_word(failure: &Failure) -> bool {
    matches!(failure.exit, Exit::Refused | Exit::InvalidInput | Exit::Usage)
}

/// Why a subscription ended, in a word.
fn word(end: End) -> &'static str {
    match end {
        End::Revoked => "revoked",
        End::Gone => "gone",
        End::Stopping => "stopping",
        End::Unsubscribed | End::Done => "done",
    }
}

/// The operation that follows an affordance of this kind.
pub fn operation(kind: crate::address::Kind) -> Operation {
    if kind == crate::address::Kind::Event { Operation::SubscribeEvent } else { Operation::ObserveProperty }
}
