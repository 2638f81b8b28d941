//! What happened on the device, so that nobody can change it unseen.
//!
//! The journal is a hash chain in SQLite. Whatever moves something is durable *before* it moves ([`Journal::begin`]) and
//! again when it ended ([`Journal::finish`]), so that a power cut leaves "started, outcome unknown" and never silence.
//! One thread writes: all that waits goes into one transaction and one fsync, and with each goes the device's signature
//! over where the chain stands. So a start has to check no more than the last entry, and `verify` can say what was changed,
//! moved or removed.
//!
//! The journal also owns the device's [`Rights`]: a change and its entry are one transaction, and all who depend on rights
//! watch [`Journal::watch_rights`]. Reads are counted in memory and written in batches; denials go to a ring of their own.
//!
//! When the disk is full or broken, nothing is recorded and so nothing moves ([`NotRecorded`]); it goes on when the disk does.

mod answers;
mod aside;
mod batch;
mod beginning;
mod counts;
mod entry;
mod error;
mod head;
mod marks;
mod open;
mod reader;
mod schema;
mod verify;
mod walk;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use streembit_keys::{PrivateKey, PublicKey, Thumbprint};
use streembit_peer::message::{CallId, Name, Operation, Receipt};
use streembit_peer::rights::Change;
use tokio::sync::{oneshot, watch};

use crate::access::Rights;
use crate::clock::Clock;

pub use answers::{Kept, MAX_ANSWER_BYTES, MAX_ANSWERS, Seen};
pub use aside::Denial;
pub use beginning::{
    Beginning, Extract, Floors, MAX_BEGINNING, SeenCall, extract, knows_nobody, read_floors,
};
pub use entry::{Body, Entry, Outcome, Read, Unknown, What};
pub use error::{NotRecorded, OpenError, ReadError, RightsError};
pub use head::{HeadError, KeptHead, NotAHead, Standing};
pub use marks::{Mark, NotMarked};
pub use reader::{DenialRecord, MAX_PAGE, MAX_PAGE_BYTES, Page};
pub use schema::unborn;
pub use verify::{CannotProve, Finding, MAX_FINDINGS, Report, check};

use answers::{Answers, Key, Known, State};
use aside::{Aside, GivenUp};
use counts::Counts;
use marks::Marks;
use writer::Job;

/// The most jobs that wait for the writer. At 2,000 commits a second and 64 jobs a commit it is empty in milliseconds; a disk
/// that hangs fills it, and then nothing moves.
const QUEUE: usize = 1024;

/// How soon a full queue is looked at again.
const FULL: Duration = Duration::from_millis(50);

/// What the owner can set.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Whether reads are journalled.
    pub reads: bool,
    /// The most entries that are kept.
    pub max_entries: u64,
    /// The most bytes that the database may take. Beyond it the oldest entries go, and if that does not help, nothing is
    /// recorded any longer.
    pub max_bytes: u64,
    /// How long entries are kept; `None` for as long as there is room.
    pub max_age: Option<Duration>,
}

impl Default for Settings {
    fn default() -> Self {
        // A million entries take some 700 MB; the smallest card that a Pi is sold with has 16 GB.
        Self { reads: true, max_entries: 2_000_000, max_bytes: 2 << 30, max_age: None }
    }
}

/// A request that is about to move something.
#[derive(Debug, Clone)]
pub struct Intent {
    /// Who asked.
    pub contact: Thumbprint,
    /// The caller's name for it.
    pub call: CallId,
    /// What makes two requests the same call (`Request::content_hash`).
    pub content: [u8; 32],
    /// For what.
    pub op: Operation,
    /// On which Thing.
    pub thing: Name,
    /// On which of its affordances.
    pub affordance: Option<Name>,
    /// The request as it was signed, without its input.
    pub request: String,
    /// The disclosure of its input, where it may be kept. Never for a secret, such as that of a link.
    pub input: Option<String>,
    /// How long the request is valid still: so long its answer is kept.
    pub valid_for: Duration,
}

/// What came of [`Journal::begin`].
#[derive(Debug)]
pub enum Begun {
    /// The intent is durable: go on.
    New(Recorded),
    /// This call was seen before (never [`Seen::Fresh`]): do not begin it again.
    Seen(Seen),
}

/// A durable intent. Dropped without [`Journal::finish`], it becomes `outcome-unknown`.
#[derive(Debug)]
pub struct Recorded {
    seq: u64,
    key: Key,
    mark: Mark,
    shared: Option<Arc<Shared>>,
}

impl Recorded {
    /// The entry of the intent.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// The mark that says whether anything was touched for it.
    pub fn mark(&self) -> Mark {
        self.mark.clone()
    }

    /// Who asked.
    pub fn contact(&self) -> Thumbprint {
        self.key.contact
    }
}

impl Drop for Recorded {
    fn drop(&mut self) {
        if let Some(shared) = self.shared.take() {
            shared.aside.give_up(GivenUp { intent: self.seq, key: self.key });
            shared.wake();
        }
    }
}

/// The journal of a device. Shared by everybody who records or reads.
#[derive(Debug)]
pub struct Journal {
    shared: Arc<Shared>,
    writer: Option<JoinHandle<()>>,
}

/// What the callers and the writer share.
struct Shared {
    path: PathBuf,
    device: PrivateKey,
    clock: Arc<Clock>,
    settings: Settings,
    jobs: SyncSender<Job>,
    answers: Answers,
    aside: Aside,
    marks: Arc<Marks>,
    standing: Mutex<(Standing, Arc<str>)>,
    rights: watch::Sender<Arc<Rights>>,
    /// How many bytes all changes of rights have, as they were signed.
    rights_bytes: AtomicUsize,
    /// Why the last write failed; `None` while all is well.
    trouble: Mutex<Option<String>>,
    counts: Counts,
}

impl Journal {
    /// Opens the journal of the device with this key, or begins one.
    ///
    /// It fails where what it finds is not what this device signed last. What was begun and never finished becomes a
    /// `nothing-moved` entry where that is certain, and else an `outcome-unknown` one. The clock's floor is raised to the one kept here.
    pub fn open(
        path: &Path,
        device: &PrivateKey,
        clock: Arc<Clock>,
        settings: Settings,
    ) -> Result<Self, OpenError> {
        open::open(path, device, clock, settings)
    }

    /// Where the journal stands. Does not touch the disk.
    pub fn head(&self) -> Receipt {
        self.shared.standing().0.last
    }

    /// Where the journal stands, signed by the device (a JWS of kind `sb-head`). Does not touch the disk.
    pub fn signed_head(&self) -> Arc<str> {
        Arc::clone(&self.shared.standing().1)
    }

    /// Who may do what now. Does not touch the disk.
    pub fn rights(&self) -> Arc<Rights> {
        Arc::clone(&self.shared.rights.borrow())
    }

    /// Who may do what, for those who must act when it changes. What it shows is durable.
    pub fn watch_rights(&self) -> watch::Receiver<Arc<Rights>> {
        self.shared.rights.subscribe()
    }

    /// Why the last write failed, for `status`; `None` while all is well.
    pub fn trouble(&self) -> Option<String> {
        self.shared.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What the owner has set.
    pub fn settings(&self) -> &Settings {
        &self.shared.settings
    }

    /// How many bytes the database takes on the disk, with the log that was not brought home yet.
    pub fn size(&self) -> u64 {
        let log = schema::beside(&self.shared.path, "-wal");
        let length = |path: &Path| std::fs::metadata(path).map_or(0, |file| file.len());
        length(&self.shared.path) + length(&log)
    }

    /// How many bytes the changes of rights take, all of which a backup must hold ([`MAX_BEGINNING`]).
    pub fn rights_bytes(&self) -> u64 {
        self.shared.rights_bytes.load(Ordering::Relaxed) as u64
    }

    /// How many answers are kept for whoever asks again.
    pub fn answers_kept(&self) -> usize {
        self.shared.answers.len()
    }

    /// Adds what is counted here to what is shown.
    pub(crate) fn register(&self, registry: &mut prometheus_client::registry::Registry) {
        self.shared.counts.register(registry);
    }

    /// What is known of a call. Touches the disk only where there is an answer to fetch.
    pub async fn lookup(
        &self,
        contact: Thumbprint,
        call: CallId,
        content: &[u8; 32],
    ) -> Result<Seen, ReadError> {
        let key = Key { contact, call };
        match self.shared.answers.look(&key, content) {
            Ok(()) => Ok(Seen::Fresh),
            Err(known) => self.seen(key, known).await,
        }
    }

    /// Makes an intent durable, unless the same call was seen before.
    pub async fn begin(&self, intent: Intent) -> Result<Begun, NotRecorded> {
        let key = Key { contact: intent.contact, call: intent.call };
        let now = self.shared.clock.monotonic();
        let reservation = match self.shared.answers.reserve(key, intent.content, intent.valid_for, now) {
            Ok(reservation) => reservation,
            Err(Known::Full) => return Err(NotRecorded::Full),
            Err(known) => {
                let seen = self.seen(key, known).await;
                return seen.map(Begun::Seen).map_err(|error| NotRecorded::Storage(error.to_string()));
            }
        };
        self.ask(|reply| Job::Begin { intent: Box::new(intent), reservation, reply }).await.map(Begun::New)
    }

    /// Makes the outcome durable, and with it the answer that a repeated request gets.
    ///
    /// With [`Outcome::Pending`] the action counts as running until [`Journal::complete`]. Where this fails, the intent
    /// becomes `outcome-unknown` as soon as the disk allows.
    pub async fn finish(
        &self,
        mut recorded: Recorded,
        outcome: Outcome,
        answer: Vec<u8>,
    ) -> Result<Receipt, NotRecorded> {
        let (intent, key) = (recorded.seq, recorded.key);
        let receipt = self.ask(|reply| Job::Finish { intent, key, outcome, answer, reply }).await?;
        recorded.shared = None;
        Ok(receipt)
    }

    /// Makes the end of an action durable that was [`Outcome::Pending`]; `intent` is [`Recorded::seq`].
    pub async fn complete(&self, intent: u64, outcome: Outcome) -> Result<Receipt, NotRecorded> {
        self.ask(|reply| Job::Complete { intent, outcome, reply }).await
    }

    /// Counts a read. It becomes durable within seconds, and waits for nothing.
    pub fn note_read(&self, contact: Thumbprint, op: Operation, thing: &Name, affordance: Option<&Name>) {
        if self.shared.settings.reads && self.shared.aside.read(contact, op, thing, affordance) {
            self.shared.wake();
        }
    }

    /// Notes that something was refused, in a ring beside the chain. Waits for nothing.
    pub fn deny(&self, denial: Denial) {
        if self.shared.aside.deny(denial) {
            self.shared.wake();
        }
    }

    /// Makes a change of rights that somebody signed, durable before it counts.
    pub async fn change_rights(&self, jws: &str) -> Result<Receipt, RightsError> {
        // The signature is checked here already, on the caller's time.
        let change = self.rights().authenticate(jws)?;
        self.ask(|reply| Job::Change { change: Box::new(change), reply }).await?
    }

    /// Makes a change of rights in the device's own name: what its local owner asks for, a claim, an accepted invitation.
    pub async fn change_rights_here(&self, change: Change) -> Result<Receipt, RightsError> {
        self.ask(|reply| Job::ChangeHere { change: Box::new(change), reply }).await?
    }

    /// Drops the inputs of these entries for good. What was asked stays proven. Answers how many there were.
    pub async fn drop_inputs(&self, entries: std::ops::RangeInclusive<u64>) -> Result<u64, NotRecorded> {
        let (from, through) = entries.into_inner();
        self.ask(|reply| Job::DropInputs { from, through, reply }).await
    }

    /// Makes the clock forget its floor, here too: see [`Clock::forget_floor`].
    pub async fn forget_floor(&self) -> Result<(), NotRecorded> {
        self.ask(|reply| Job::ForgetFloor { reply }).await
    }

    /// Writes now what is otherwise written within seconds: reads, denials, the clock's floor.
    pub async fn flush(&self) -> Result<(), NotRecorded> {
        self.ask(|reply| Job::Flush { reply }).await
    }

    /// Whether the writer comes round to its next piece of work. Writes nothing. Never resolves where the writer hangs;
    /// `false` where it has ended.
    pub fn answers(&self) -> impl Future<Output = bool> + Send + use<> {
        let jobs = self.shared.jobs.clone();
        async move {
            let (mut reply, answered) = oneshot::channel();
            while let Err(error) = jobs.try_send(Job::Probe { reply }) {
                match error {
                    TrySendError::Full(Job::Probe { reply: back }) => reply = back,
                    _ => return false,
                }
                // So full a queue is worked off in milliseconds, or the disk hangs.
                tokio::time::sleep(FULL).await;
            }
            answered.await.is_ok()
        }
    }

    /// Entries in order, from number `from`: at most `limit`, at most [`MAX_PAGE`], and with [`MAX_PAGE_BYTES`] it ends. None
    /// only where there is none.
    pub async fn read(&self, from: u64, limit: usize) -> Result<Vec<Entry>, ReadError> {
        self.page(Page::From(from), limit).await
    }

    /// A page of entries in order, under the same limits.
    pub async fn page(&self, page: Page, limit: usize) -> Result<Vec<Entry>, ReadError> {
        self.on_disk(move |path, _| reader::entries(path, page, limit)).await
    }

    /// The newest denials, newest first.
    pub async fn denials(&self, limit: usize) -> Result<Vec<DenialRecord>, ReadError> {
        self.on_disk(move |path, _| reader::denials(path, limit)).await
    }

    /// Checks everything that is kept, and against a head that somebody kept, where there is one.
    pub async fn verify(&self, against: Option<Receipt>) -> Result<Report, ReadError> {
        self.on_disk(move |path, device| verify::check(path, device, against)).await
    }

    async fn on_disk<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Path, &PublicKey) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, ReadError> {
        let shared = Arc::clone(&self.shared);
        tokio::task::spawn_blocking(move || work(&shared.path, shared.device.public()))
            .await
            .unwrap_or_else(|error| Err(ReadError(error.to_string())))
    }

    async fn seen(&self, key: Key, known: Known) -> Result<Seen, ReadError> {
        Ok(match known {
            Known::Other => Seen::Other,
            Known::Full => Seen::Fresh,
            Known::Same(State::Running) => Seen::Running,
            Known::Same(State::Unknown) => Seen::Unknown,
            Known::Same(State::Done(receipt)) => {
                let answer = self.on_disk(move |path, _| reader::answer(path, &key)).await?;
                Seen::Done(Kept { answer, receipt })
            }
        })
    }

    async fn ask<T>(&self, job: impl FnOnce(oneshot::Sender<T>) -> Job) -> Result<T, NotRecorded> {
        let (reply, answer) = oneshot::channel();
        // Before the writer can have it, so that it never counts one that does not wait.
        self.shared.counts.waits();
        match self.shared.jobs.try_send(job(reply)) {
            Ok(()) => {}
            Err(error) => {
                self.shared.counts.taken();
                return Err(match error {
                    TrySendError::Full(_) => NotRecorded::Busy,
                    TrySendError::Disconnected(_) => self.shared.not_recorded(),
                });
            }
        }
        // A job whose transaction failed is dropped, and its sender with it.
        answer.await.map_err(|_| self.shared.not_recorded())
    }
}

impl Drop for Journal {
    /// Writes what is left and ends the writer.
    fn drop(&mut self) {
        // Waits while the queue is full, since the end must not be lost in it.
        let told = self.shared.jobs.send(Job::End).is_ok();
        if let Some(writer) = self.writer.take()
            && told
        {
            // It has said why it ended, if it was not asked to.
            let _ = writer.join();
        }
    }
}

impl Shared {
    /// Tells the writer that something lies aside. It finds out by itself if the queue is full.
    fn wake(&self) {
        let _ = self.jobs.try_send(Job::Wake);
    }

    fn standing(&self) -> std::sync::MutexGuard<'_, (Standing, Arc<str>)> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says why nothing can be written, until something can.
    fn is_in_trouble(&self, why: &dyn std::fmt::Display) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = Some(why.to_string());
    }

    fn not_recorded(&self) -> NotRecorded {
        let trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone();
        NotRecorded::Storage(trouble.unwrap_or_else(|| "the journal is closed".to_owned()))
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("path", &self.path).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
