//! The one thread that writes.

use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use rusqlite::{Connection, TransactionBehavior};
use streembit_peer::message::Receipt;
use streembit_peer::rights::{Change, SignedChange};
use tokio::sync::oneshot;

use super::answers::{Key, Reservation};
use super::aside::Pending;
use super::batch::{Batch, Chain};
use super::schema::Lock;
use super::{Intent, Outcome, Recorded, RightsError, Shared};

/// The most jobs of one transaction: enough that 64 callers with one fsync each become one, and few enough that nobody
/// waits long for the others.
const AT_ONCE: usize = 256;

/// How long reads and denials may lie in memory. A power cut loses that much of them, and nothing else.
const LIE_ASIDE: Duration = Duration::from_secs(5);

/// How soon what could not be written is tried again.
const TRY_AGAIN: Duration = Duration::from_secs(2);

/// How long the writer sleeps when there is nothing to do; then it looks whether the clock's floor is due.
const SLEEP: Duration = Duration::from_secs(1800);

/// What the writer is asked for.
#[derive(Debug)]
pub(super) enum Job {
    Begin {
        intent: Box<Intent>,
        reservation: Reservation,
        reply: oneshot::Sender<Recorded>,
    },
    Finish {
        intent: u64,
        key: Key,
        outcome: Outcome,
        answer: Vec<u8>,
        reply: oneshot::Sender<Receipt>,
    },
    Complete {
        intent: u64,
        outcome: Outcome,
        reply: oneshot::Sender<Receipt>,
    },
    Change {
        change: Box<SignedChange>,
        reply: oneshot::Sender<Result<Receipt, RightsError>>,
    },
    ChangeHere {
        change: Box<Change>,
        reply: oneshot::Sender<Result<Receipt, RightsError>>,
    },
    DropInputs {
        from: u64,
        through: u64,
        reply: oneshot::Sender<u64>,
    },
    ForgetFloor {
        reply: oneshot::Sender<()>,
    },
    Flush {
        reply: oneshot::Sender<()>,
    },
    /// Somebody wants to know whether the writer comes round. Writes nothing.
    Probe {
        reply: oneshot::Sender<()>,
    },
    /// Something lies aside.
    Wake,
    /// Write what is left, and end.
    End,
}

impl Job {
    /// Whether somebody waits for what it writes.
    fn is_asked(&self) -> bool {
        !matches!(self, Self::Probe { .. } | Self::Wake | Self::End)
    }
}

/// Why a transaction was not made.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    #[error("the database is not where this process left it: restart the agent")]
    Astray,
}

pub(super) struct Writer {
    pub(super) shared: Arc<Shared>,
    pub(super) connection: Connection,
    pub(super) jobs: Receiver<Job>,
    pub(super) chain: Chain,
    /// A write failed: look where the database stands before the next.
    pub(super) doubt: bool,
    pub(super) lock: Lock,
}

impl Writer {
    /// Writes until it is told to end.
    pub(super) fn run(mut self) {
        let mut write_aside_at: Option<Instant> = None;
        loop {
            let wait = write_aside_at.map_or(SLEEP, |at| at.saturating_duration_since(Instant::now()));
            let first = match self.jobs.recv_timeout(wait) {
                Ok(job) => Some(job),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => Some(Job::End),
            };
            let mut round = Round { with_aside: first.is_none(), ..Round::default() };
            for job in first.into_iter().chain(self.jobs.try_iter().take(AT_ONCE)) {
                if job.is_asked() {
                    self.shared.counts.taken();
                }
                round.take(job);
            }
            // Asked for also where nobody told: a full queue has no room for that word.
            if round.woken || !self.shared.aside.is_empty() {
                write_aside_at.get_or_insert_with(|| Instant::now() + LIE_ASIDE);
            }
            round.with_aside |= write_aside_at.is_some_and(|at| at <= Instant::now())
                || ((round.woken || !round.jobs.is_empty()) && self.shared.aside.is_urgent());
            if round.with_aside || !round.jobs.is_empty() {
                let with_aside = round.with_aside;
                let written = self.write(round.jobs, with_aside);
                if with_aside {
                    write_aside_at =
                        (!written && !self.shared.aside.is_empty()).then(|| Instant::now() + TRY_AGAIN);
                }
            }
            for probe in round.probes {
                let _ = probe.send(());
            }
            if round.end {
                break;
            }
        }
        // The database is closed, and its log brought home, before another process may have it.
        let Self { connection, lock, .. } = self;
        drop(connection);
        drop(lock);
    }

    /// Makes one transaction of all this, and answers. `false` where it failed.
    fn write(&mut self, jobs: Vec<Job>, with_aside: bool) -> bool {
        let shared = Arc::clone(&self.shared);
        let aside = if with_aside { shared.aside.take() } else { Pending::default() };
        let given_up = aside.given_up.clone();
        let dead = shared.answers.take_dead(shared.clock.monotonic());
        let asked = jobs.len();
        match self.transact(jobs, aside, &dead) {
            Ok(()) => {
                shared.counts.written(asked);
                *shared.trouble.lock().unwrap_or_else(PoisonError::into_inner) = None;
                true
            }
            Err(failure) => {
                shared.counts.failed();
                self.doubt = true;
                tracing::error!(%failure, "the journal cannot be written: nothing moves until it can");
                shared.aside.put_back(given_up);
                shared.answers.still_dead(dead);
                false
            }
        }
    }

    fn transact(&mut self, jobs: Vec<Job>, aside: Pending, dead: &[Key]) -> Result<(), Failure> {
        let shared = Arc::clone(&self.shared);
        let failed = |failure: Failure| {
            shared.is_in_trouble(&failure);
            failure
        };
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(|error| failed(error.into()))?;
        let mut batch = Batch::new(&transaction, &shared, self.chain.clone());
        // Outlives what is made of it: whoever waits for a job that is dropped asks at once why.
        let mut jobs = jobs.into_iter();
        let made = (|| {
            if self.doubt && !batch.stands_as_left()? {
                return Err(Failure::Astray);
            }
            batch.retain(self.doubt)?;
            for job in jobs.by_ref() {
                batch.job(job)?;
            }
            batch.aside(aside)?;
            batch.remove_answers(dead)?;
            batch.keep_floor()?;
            Ok(batch.sign()?)
        })();
        let signed = made.map_err(&failed)?;
        let Batch { chain, effects, replies, dropped_inputs, .. } = batch;
        transaction.commit().map_err(|error| failed(error.into()))?;

        // Durable. Everybody sees it before those who asked for it are told.
        self.doubt = false;
        self.chain = chain;
        if let Some(signed) = signed {
            *shared.standing() = (self.chain.standing, signed.into());
        }
        shared.rights.send_if_modified(|rights| {
            let changed = !Arc::ptr_eq(rights, &self.chain.rights);
            *rights = Arc::clone(&self.chain.rights);
            changed
        });
        if dropped_inputs {
            // The log still holds the page with the input. That it was dropped is durable either way.
            let home = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
            if let Err(error) = home {
                tracing::warn!(%error, "dropped inputs stay in the write-ahead log until it is next brought home");
            }
        }
        for effect in effects {
            effect();
        }
        for reply in replies {
            reply();
        }
        Ok(())
    }
}

/// What one turn of the writer has to do.
#[derive(Default)]
struct Round {
    jobs: Vec<Job>,
    probes: Vec<oneshot::Sender<()>>,
    with_aside: bool,
    woken: bool,
    end: bool,
}

impl Round {
    fn take(&mut self, job: Job) {
        match job {
            Job::Wake => self.woken = true,
            Job::Probe { reply } => self.probes.push(reply),
            Job::End => {
                self.end = true;
                self.with_aside = true;
            }
            Job::Flush { .. } => {
                self.with_aside = true;
                self.jobs.push(job);
            }
            job => self.jobs.push(job),
        }
    }
}
