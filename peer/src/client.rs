//! A person's end of a session: sends calls, matches answers to them, hands out what is observed.
//!
//! A [`Connection`] takes an established session and its stream. Two tasks of its own then read and write; both end when the
//! session does, and every call that waits and every [`Subscription`] learns of it. It is cheap to clone, and all
//! clones are the same session.
//!
//! A value that follows its answer is put together here, and a call returns when all of it has come and its hash is
//! right. Calls that are answered meanwhile do not wait for it. Whoever gives up a call frees what has come so far.

mod reader;
mod subscription;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use streembit_keys::PrivateKey;
use tokio::io::{AsyncRead, AsyncWrite, BufReader};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::{CancellationToken, DropGuard};

pub use subscription::Subscription;

use crate::message::{
    Answer, Assembler, Call, MAX_OUTSTANDING, MAX_VALIDITY, Operation, RequestHash, Response,
};
use crate::session::{Established, SessionClock, SessionPeers, needs_renewal};
use crate::wire;

/// What is read from the stream at once: a dozen answers, so that a busy session makes few system calls.
const READ_AT_ONCE: usize = 16 * 1024;

/// How long what the device said last is still read when it takes nothing any more. It is on its way already.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// A session with a device, open until [`Connection::close`], the last clone's end, or its own.
#[derive(Clone)]
pub struct Connection {
    shared: Arc<Shared>,
    /// Ends the tasks with the last clone.
    _last: Arc<DropGuard>,
}

/// What the connection and its reader share.
struct Shared {
    key: PrivateKey,
    peers: SessionPeers,
    clock: SessionClock,
    since: Instant,
    first_contact: bool,
    generation: u32,
    outbox: mpsc::Sender<String>,
    /// How many more calls may be sent before one is answered.
    room: Semaphore,
    /// The messages so far in the busier direction.
    carried: AtomicU64,
    waiting: Mutex<Waiting>,
    closing: CancellationToken,
}

/// Who waits for something from the device.
#[derive(Default)]
struct Waiting {
    answers: HashMap<RequestHash, oneshot::Sender<Response>>,
    /// Answers whose value is still coming.
    long: Assembler,
    subscriptions: HashMap<RequestHash, subscription::Feed>,
    /// Set once, when nothing will come any more.
    closed: Option<Closed>,
}

/// Why the session is over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Closed {
    /// This side closed it.
    #[error("closed here")]
    Here,
    /// The device closed it: it is stopping, or this account's rights to it are gone.
    #[error("closed by the device")]
    ByDevice,
    /// The device has no room for one more session: of this account, or at all. It has looked at nothing that was asked.
    #[error("the device has no room for another session")]
    NoRoom,
    /// It reached the age or the number of messages at which a session ends.
    #[error("the session has reached its limit and must be renewed")]
    UsedUp,
    /// The stream failed.
    #[error("the connection failed: {0}")]
    Failed(String),
    /// The device sent something that cannot be.
    #[error("the device broke the protocol: {0}")]
    Protocol(String),
}

/// Why a call has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The session ended before the call was sent, or was never taken up: it did not happen.
    #[error("not sent: {0}")]
    NotSent(Closed),
    /// The session ended after the call was sent: it may have happened.
    #[error("no answer: {0}")]
    Lost(Closed),
    /// No answer in time: it may have happened.
    #[error("no answer in time")]
    TimedOut,
}

impl Connection {
    /// Takes over a session and its stream. Must be called within a tokio runtime.
    pub fn new<S>(stream: S, established: Established, key: PrivateKey) -> Self
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        let Established { sealer, opener, peers, own_clock, first_contact, generation, .. } = established;
        let (outbox, messages) = mpsc::channel(MAX_OUTSTANDING);
        let closing = CancellationToken::new();
        let shared = Arc::new(Shared {
            key,
            peers,
            clock: own_clock,
            since: Instant::now(),
            first_contact,
            generation,
            outbox,
            room: Semaphore::new(MAX_OUTSTANDING),
            carried: AtomicU64::new(0),
            waiting: Mutex::default(),
            closing: closing.clone(),
        });
        let (read, write) = tokio::io::split(stream);
        let read = BufReader::with_capacity(READ_AT_ONCE, read);
        let writer = Arc::clone(&shared);
        tokio::spawn(async move {
            let sent = tokio::select! {
                sent = wire::send_all(write, sealer, messages) => sent,
                () = writer.closing.cancelled() => Ok(()),
            };
            let Err(error) = sent else { return writer.end(Closed::Here) };
            // Why the device takes nothing any more is what it said last, where it said anything.
            let _ = timeout(LAST_WORDS, writer.closing.cancelled()).await;
            writer.end(Closed::Failed(error.to_string()));
        });
        let reader = Arc::clone(&shared);
        tokio::spawn(async move {
            let closed = tokio::select! {
                closed = reader::run(read, opener, &reader) => closed,
                () = reader.closing.cancelled() => Closed::Here,
            };
            reader.end(closed);
        });
        Self { shared, _last: Arc::new(closing.drop_guard()) }
    }

    /// Who is in the session.
    pub fn peers(&self) -> &SessionPeers {
        &self.shared.peers
    }

    /// Whether this session began as a pairing.
    pub fn first_contact(&self) -> bool {
        self.shared.first_contact
    }

    /// How often the device was made anew out of a backup, as it said when the session began.
    pub fn generation(&self) -> u32 {
        self.shared.generation
    }

    /// Sends a call and waits for its answer, all of it, for at most `within`, which is also how long the call is valid.
    pub async fn call(&self, call: &Call, within: Duration) -> Result<Response, CallError> {
        self.exchange(call, within, None).await
    }

    /// Sends a call that observes, subscribes, or starts an action. The subscription is there if the device agreed: it
    /// receives the property's changes, the event, or the end of an action that runs on.
    ///
    /// At most `backlog` notifications wait for a slow reader; the next one says how many were dropped.
    pub async fn subscribe(
        &self,
        call: &Call,
        within: Duration,
        backlog: usize,
    ) -> Result<(Response, Option<Subscription>), CallError> {
        let (feed, subscription) = subscription::pair(backlog, &self.shared);
        let response = self.exchange(call, within, Some((feed, &subscription))).await?;
        let more_comes = match &response.result {
            Answer::Ok(_) => matches!(call.op(), Operation::ObserveProperty | Operation::SubscribeEvent),
            Answer::Pending(_) => true,
            Answer::Problem(_) => false,
        };
        Ok((response, more_comes.then_some(subscription)))
    }

    async fn exchange(
        &self,
        call: &Call,
        within: Duration,
        feed: Option<(subscription::Feed, &Subscription)>,
    ) -> Result<Response, CallError> {
        let shared = &*self.shared;
        let deadline = Instant::now() + within;
        let late = |_| CallError::TimedOut;
        let room = timeout_at(deadline, shared.room.acquire()).await.map_err(late)?;
        let _room = room.map_err(|_| CallError::NotSent(shared.reason()))?;

        let validity = i64::try_from(within.as_secs()).unwrap_or(MAX_VALIDITY).clamp(1, MAX_VALIDITY);
        let now = shared.clock.after(shared.since.elapsed());
        let signed = call.sign(&shared.key, &shared.peers, now, now.saturating_add(validity));

        // Listening comes before sending, so that no answer comes too early.
        let (answer, answered) = oneshot::channel();
        let listening = shared.listen(signed.hash, answer, feed)?;
        if timeout_at(deadline, shared.outbox.send(signed.plaintext)).await.map_err(late)?.is_err() {
            // Nothing is taken any more, and why is known in a moment.
            shared.closing.cancelled().await;
            return Err(CallError::NotSent(shared.reason()));
        }
        shared.carried.fetch_add(1, Ordering::Relaxed);
        let response = timeout_at(deadline, answered).await.map_err(late)?;
        drop(listening);
        response.map_err(|_| match shared.reason() {
            Closed::NoRoom => CallError::NotSent(Closed::NoRoom),
            reason => CallError::Lost(reason),
        })
    }

    /// How old the session is.
    pub fn age(&self) -> Duration {
        self.shared.since.elapsed()
    }

    /// Whether it is time to make a new session and move over to it.
    pub fn needs_renewal(&self) -> bool {
        needs_renewal(self.shared.carried.load(Ordering::Relaxed), self.shared.since.elapsed())
    }

    /// Why the session is over, if it is.
    pub fn is_closed(&self) -> Option<Closed> {
        self.shared.waiting().closed.clone()
    }

    /// Waits until the session is over.
    pub async fn closed(&self) -> Closed {
        self.shared.closing.cancelled().await;
        self.shared.reason()
    }

    /// Ends the session.
    pub fn close(&self) {
        self.shared.end(Closed::Here);
    }
}

impl Shared {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reason(&self) -> Closed {
        self.waiting().closed.clone().unwrap_or(Closed::Here)
    }

    /// Ends everything that waits. The first reason is the one that counts.
    fn end(&self, reason: Closed) {
        let mut waiting = self.waiting();
        waiting.closed.get_or_insert(reason);
        waiting.answers.clear();
        waiting.long = Assembler::default();
        waiting.subscriptions.clear();
        drop(waiting);
        self.room.close();
        self.closing.cancel();
    }

    fn listen(
        &self,
        request: RequestHash,
        answer: oneshot::Sender<Response>,
        feed: Option<(subscription::Feed, &Subscription)>,
    ) -> Result<Listening<'_>, CallError> {
        let mut waiting = self.waiting();
        if let Some(reason) = &waiting.closed {
            return Err(CallError::NotSent(reason.clone()));
        }
        waiting.answers.insert(request, answer);
        if let Some((feed, subscription)) = feed {
            subscription.belongs_to(request);
            waiting.subscriptions.insert(request, feed);
        }
        Ok(Listening { shared: self, request })
    }
}

/// Stops listening for an answer when its caller does, also by being dropped. What the device still sends of it is dropped as
/// it comes.
struct Listening<'a> {
    shared: &'a Shared,
    request: RequestHash,
}

impl Drop for Listening<'_> {
    fn drop(&mut self) {
        let mut waiting = self.shared.waiting();
        waiting.answers.remove(&self.request);
        waiting.long.abandon(&self.request);
    }
}
