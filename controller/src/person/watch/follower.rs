//! Keeps one subscription alive for all who listen: across drops of the connection, and over to a new session when the old one
//! is about to end.

use std::pin::Pin;
use std::time::Duration;

use streembit_peer::client::{CallError, Closed, Connection, Subscription};
use streembit_peer::message::{
    Answer, Call as Message, End, Notification, NotificationKind, Operation, Response,
};
use tokio::sync::broadcast;
use tokio::time::Instant;

use super::Watching;
use super::topics::{Item, Topic};
use crate::door::{News, Watch};
use crate::error::{Exit, Failure, Outcome};
use crate::home::Contact;
use crate::person::{Person, problem};

/// The first wait before a device is dialled again; it doubles up to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_millis(200);

/// A device that is away for long is asked for this often: soon enough for a person, too seldom to hurt anybody.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// How often to look whether the session must be renewed. It ends at an hour, and renewal is due well before.
const LOOK: Duration = Duration::from_secs(15);

/// How long a device is given at least, however little patience the first listener had: each gives up for itself, and what it
/// has asked for may be what others wait for. It is what a command waits where nobody says otherwise.
const LEAST_PATIENCE: Duration = Duration::from_secs(15);

/// Follows a topic until nobody listens, the device ends it, or the account is closed.
pub(super) fn start(
    person: &Person,
    contact: Contact,
    topic: Topic,
    watch: Watch,
    items: broadcast::Sender<Item>,
) {
    let follower = Follower { person: person.clone(), contact, topic, watch, items };
    person.0.tasks.spawn(async move {
        let closing = follower.person.0.closing.clone();
        // Without a last word the topic is forgotten, and may be somebody else's by now.
        if let Some(Some(last)) = closing.run_until_cancelled(Box::pin(follower.run())).await {
            follower.person.0.topics.finish(&follower.topic, last);
        }
    });
}

struct Follower {
    person: Person,
    contact: Contact,
    topic: Topic,
    /// As the first listener asked for it.
    watch: Watch,
    items: broadcast::Sender<Item>,
}

/// One subscription and its session.
struct Open {
    connection: Connection,
    subscription: Subscription,
}

/// Why following is over.
enum Over {
    /// Nobody listens any more, and the device tells nothing.
    Idle,
    /// For good: the last word to all listeners.
    Ended(Outcome<News>),
}

/// What one subscription came to.
enum Broken<'a> {
    Over(Over),
    /// The connection is gone, perhaps while a new subscription was being made.
    Lost(String, Option<Attempt<'a>>),
}

impl Follower {
    /// The last word to the listeners, if there are any.
    async fn run(&self) -> Option<Outcome<News>> {
        loop {
            let open = match self.subscribe().await {
                Ok(open) => open,
                Err(failure) => return Some(Err(failure)),
            };
            self.tell(News::Begun);
            match self.keep(open).await {
                Over::Ended(last) => return Some(last),
                Over::Idle if self.person.0.topics.forget_if_idle(&self.topic) => return None,
                Over::Idle => {}
            }
        }
    }

    /// Follows across drops.
    async fn keep(&self, mut open: Open) -> Over {
        loop {
            match self.follow(open).await {
                Broken::Over(over) => return over,
                Broken::Lost(why, attempt) => {
                    let since = Instant::now();
                    self.tell(News::Lost { why });
                    open = match self.return_to(attempt).await {
                        Ok(open) => open,
                        Err(over) => return over,
                    };
                    self.tell(News::Resumed { away: since.elapsed() });
                }
            }
        }
    }

    /// Hands on what comes, and moves over to a new session in time.
    async fn follow(&self, mut open: Open) -> Broken<'_> {
        let mut look = tokio::time::interval((self.person.0.renew_after / 4).min(LOOK));
        let mut renewal: Option<Attempt<'_>> = None;
        loop {
            tokio::select! {
                notification = open.subscription.next() => {
                    match self.take(notification, &open.connection) {
                        // What is being asked for already is what is returned to.
                        Some(Broken::Lost(why, _)) => return Broken::Lost(why, renewal),
                        Some(over) => {
                            self.withdraw(renewal).await;
                            return over;
                        }
                        None => {}
                    }
                }
                // Until the new one stands, the old one is followed.
                fresh = renewed(&mut renewal) => {
                    renewal = None;
                    // One that failed is tried again at the next look.
                    if let Ok(fresh) = fresh {
                        self.drain(std::mem::replace(&mut open, fresh)).await;
                    }
                }
                _ = look.tick(), if renewal.is_none() => {
                    if self.person.is_due(&open.connection) {
                        renewal = Some(Box::pin(self.subscribe()));
                    }
                }
                () = self.items.closed() => if self.person.0.topics.end_is_near(&self.topic) {
                    self.let_go(open, renewal).await;
                    return Broken::Over(Over::Idle);
                }
            }
        }
    }

    /// Ends what the device has of the topic. Whoever joins meanwhile waits for that: there is one subscription of a topic in a
    /// session.
    async fn let_go(&self, open: Open, renewal: Option<Attempt<'_>>) {
        // Both at once: one that is not polled may hold up all who want a session with the device.
        tokio::join!(self.unsubscribe(&open.connection), self.withdraw(renewal));
    }

    /// Ends what is being asked for. Dropped half-way it would stay on the device, and could take the place of the next one.
    async fn withdraw(&self, attempt: Option<Attempt<'_>>) {
        if let Some(attempt) = attempt
            && let Ok(open) = attempt.await
        {
            self.unsubscribe(&open.connection).await;
        }
    }

    /// Tells all that the device had for the old session. The new one is open already, so that a value may come twice.
    async fn drain(&self, Open { connection, mut subscription }: Open) {
        let reading = async {
            while let Some(notification) = subscription.next().await {
                if self.hand_on(notification).is_some() {
                    return true;
                }
            }
            false
        };
        let refused = async {
            // Where the device agrees, the end follows behind all that there was.
            if self.unsubscribe(&connection).await {
                std::future::pending::<()>().await;
            }
        };
        let complete = tokio::select! {
            biased;
            complete = reading => complete,
            () = refused => false,
            () = tokio::time::sleep(self.patience()) => false,
        };
        if !complete {
            // Nobody knows how much it was.
            self.tell(News::Lost { why: "the session before could not be read to its end".to_owned() });
            self.tell(News::Resumed { away: Duration::ZERO });
        }
    }

    /// Takes what came of the subscription, and says what that means for it.
    fn take(&self, notification: Option<Notification>, connection: &Connection) -> Option<Broken<'static>> {
        let Some(notification) = notification else {
            let why = connection.is_closed().map_or_else(|| "closed".to_owned(), |why| why.to_string());
            return Some(Broken::Lost(why, None));
        };
        match self.hand_on(notification)? {
            // A device that stops comes back: this is a drop with notice.
            End::Stopping => Some(Broken::Lost("the device is stopping".to_owned(), None)),
            end => Some(Broken::Over(Over::Ended(Ok(News::Ended { why: word(end).to_owned() })))),
        }
    }

    /// Tells of a notification, and returns the end that it may be.
    fn hand_on(&self, notification: Notification) -> Option<End> {
        let Notification { kind, value, problem, missed, end, .. } = notification;
        if missed > 0 {
            self.tell(News::Missed { count: missed });
        }
        match (end, value) {
            (Some(_), _) => {}
            // There was one that could not be told, and it counts among the missed. A property always has a value.
            (None, None) if kind == NotificationKind::Property || problem.is_some() => {}
            (None, value) => self.tell(News::Value { value: value.unwrap_or_default() }),
        }
        end
    }

    /// Subscribes in the session that is open, or in a new one.
    async fn subscribe(&self) -> Outcome<Open> {
        let deadline = Instant::now() + self.patience();
        let left = || deadline.saturating_duration_since(Instant::now());
        let contact = self.contact_now().await;
        let mut again = true;
        loop {
            let connection = self.person.session(&contact, left()).await?;
            let message = self.message(self.watch.op)?;
            match connection.subscribe(&message, left(), Watching::WAITING).await {
                Ok((_, Some(subscription))) => return Ok(Open { connection, subscription }),
                Ok((response, None)) => return Err(self.refusal(response)),
                Err(CallError::NotSent(Closed::NoRoom)) => return Err(problem::no_room(&contact.name)),
                Err(CallError::TimedOut) => return Err(silent(&contact)),
                // It was over already, and nobody had asked anything in it since.
                Err(_) if again => again = false,
                Err(error) => {
                    let name = &contact.name;
                    return Err(Failure::unreachable(format!("The connection to {name} broke: {error}.")));
                }
            }
        }
    }

    /// Ends the subscription in a session that others use on; `false` where the device did not agree.
    async fn unsubscribe(&self, connection: &Connection) -> bool {
        let op = match self.watch.op {
            Operation::ObserveProperty => Operation::UnobserveProperty,
            _ => Operation::UnsubscribeEvent,
        };
        let Ok(message) = self.message(op) else { return false };
        loop {
            match connection.call(&message, self.patience()).await {
                Ok(response) => return matches!(response.result, Answer::Ok(_)),
                // One that comes late would end the next subscription to the same thing: there is none before its answer.
                Err(CallError::TimedOut) => {}
                Err(_) => return false,
            }
        }
    }

    fn message(&self, op: Operation) -> Outcome<Message> {
        let (thing, affordance) = (problem::name(&self.watch.thing)?, problem::name(&self.watch.affordance)?);
        let mut random = streembit_keys::rng::system();
        Message::new(op, thing, Some(affordance), None, &mut random)
            .map_err(|e| Failure::because(format!("Cannot ask for it: {e}.")))
    }

    fn refusal(&self, response: Response) -> Failure {
        let Watch { device, thing, affordance, .. } = &self.watch;
        match response.result {
            Answer::Problem(found) => {
                problem::failure(&self.contact.name, &format!("{device}/{thing}/{affordance}"), &found)
            }
            _ => Failure::because(format!("{} answered in an unknown way.", self.contact.name)),
        }
    }

    /// The contact as it is known now: it may have another address since.
    async fn contact_now(&self) -> Contact {
        match self.person.contact(&self.contact.name).await {
            Ok(contact) if contact.key == self.contact.key => contact,
            _ => self.contact.clone(),
        }
    }

    /// Tries again and again, until the device is back or says no, or nobody waits for it any more. An attempt that has begun
    /// comes to its end: see [`Self::withdraw`].
    async fn return_to<'a>(&'a self, begun: Option<Attempt<'a>>) -> Result<Open, Over> {
        let mut attempt = begun.unwrap_or_else(|| Box::pin(self.subscribe()));
        let mut wait = FIRST_WAIT;
        loop {
            match attempt.await {
                Ok(open) => return Ok(open),
                Err(failure) if final_word(&failure) => return Err(Over::Ended(Err(failure))),
                Err(_) => {}
            }
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.items.closed() => if self.person.0.topics.end_is_near(&self.topic) {
                    return Err(Over::Idle);
                }
            }
            wait = (wait * 2).min(LONGEST_WAIT);
            attempt = Box::pin(self.subscribe());
        }
    }

    /// How long the device is given for anything.
    fn patience(&self) -> Duration {
        self.watch.timeout.max(LEAST_PATIENCE)
    }

    fn tell(&self, news: News) {
        self.person.0.topics.tell(&self.topic, news);
    }
}

/// A subscription that is being made.
type Attempt<'a> = Pin<Box<dyn Future<Output = Outcome<Open>> + Send + 'a>>;

/// Waits for the one that is being made while the old one is followed, if there is one.
async fn renewed(renewal: &mut Option<Attempt<'_>>) -> Outcome<Open> {
    match renewal {
        Some(renewal) => renewal.await,
        None => std::future::pending().await,
    }
}

/// The device has said nothing to what it was asked.
pub(super) fn silent(contact: &Contact) -> Failure {
    Failure::timed_out(format!("{} did not answer in time.", contact.name))
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
