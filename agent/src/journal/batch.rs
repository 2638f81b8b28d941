//! One transaction in the making.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use rusqlite::{OptionalExtension as _, Transaction, params};
use streembit_keys::rng;
use streembit_peer::message::{Answer, JournalHead, Problem, ProblemCode, Receipt};
use streembit_peer::rights::{Change, RestoreId, SignedChange, sign_change};
use tokio::sync::oneshot;

use super::answers::Key;
use super::aside::Pending;
use super::beginning::Beginning;
use super::entry::{Body, Outcome, Unknown, What, link};
use super::marks::Mark;
use super::writer::Job;
use super::{Recorded, RightsError, Shared, Standing, schema};
use crate::access::{ChangeRefused, Rights};
use crate::clock::Now;

/// Places in the ring of denials: about 1 MB.
pub(super) const DENIALS: u64 = 4096;

/// Entries that one transaction removes, so that keeping within the limits never makes somebody wait for long.
const CUT_AT_ONCE: u64 = 512;

/// How many entries come between two looks at the size and the age of what is kept.
const LOOK_EVERY: u64 = 256;

/// Where the journal stands, with what follows from it.
#[derive(Debug, Clone)]
pub(super) struct Chain {
    pub(super) standing: Standing,
    pub(super) rights: Arc<Rights>,
    /// How many denials there were.
    pub(super) denials: u64,
    /// The entry at which size and age were looked at last.
    pub(super) looked: u64,
}

/// A transaction in the making, and what to do once it is durable.
pub(super) struct Batch<'a> {
    transaction: &'a Transaction<'a>,
    shared: &'a Arc<Shared>,
    now: Now,
    before: Standing,
    pub(super) chain: Chain,
    /// What changes in memory once this is durable; all of it before anybody is told.
    pub(super) effects: Vec<Box<dyn FnOnce() + Send>>,
    pub(super) replies: Vec<Box<dyn FnOnce() + Send>>,
    pub(super) dropped_inputs: bool,
    forgot_floor: bool,
}

impl<'a> Batch<'a> {
    pub(super) fn new(transaction: &'a Transaction<'a>, shared: &'a Arc<Shared>, chain: Chain) -> Self {
        Self {
            transaction,
            shared,
            now: shared.clock.now(),
            before: chain.standing,
            chain,
            effects: Vec::new(),
            replies: Vec::new(),
            dropped_inputs: false,
            forgot_floor: false,
        }
    }

    /// Whether the database ends where the last transaction of this process ended.
    pub(super) fn stands_as_left(&self) -> rusqlite::Result<bool> {
        let last = self.transaction.query_row(
            "SELECT seq, head FROM entries ORDER BY seq DESC LIMIT 1",
            [],
            |row| Ok(Receipt { seq: unsigned(row.get(0)?), head: JournalHead::from_bytes(row.get(1)?) }),
        );
        Ok(last.optional()? == Some(self.chain.standing.last))
    }

    /// Does what somebody waits for, and prepares the answer.
    pub(super) fn job(&mut self, job: Job) -> rusqlite::Result<()> {
        match job {
            Job::Begin { intent, reservation, reply } => {
                let what = What::Intent {
                    contact: intent.contact,
                    op: intent.op,
                    thing: intent.thing,
                    affordance: intent.affordance,
                    request: intent.request,
                };
                let seq = self.append(what, intent.input.as_deref())?.seq;
                let key = reservation.key;
                self.execute("INSERT INTO unfinished (intent) VALUES (?1)", params![signed(seq)])?;
                self.execute(
                    // An expired answer under the same id may not have been removed yet.
                    "INSERT OR REPLACE INTO answers (contact, call, content, intent) VALUES (?1, ?2, ?3, ?4)",
                    params![key.contact.as_bytes(), key.call.as_bytes(), reservation.content, signed(seq)],
                )?;
                let shared = Arc::clone(self.shared);
                let mark = Mark::of(seq, Arc::clone(&shared.marks));
                self.then(move || reservation.keep());
                // Where nobody waits any longer, it is dropped on the way, and so given up.
                self.reply_with(reply, move || Recorded { seq, key, mark, shared: Some(shared) });
            }
            Job::Finish { intent, key, outcome, answer, reply } => {
                let moved = self.shared.marks.moved(intent);
                let receipt = self.append(What::Outcome { intent, result: outcome, moved }, None)?;
                if outcome != Outcome::Pending {
                    self.end(intent)?;
                }
                self.answer(&key, Some(receipt), Some(&answer))?;
                let answers = self.shared.answers.clone();
                self.then(move || answers.done(&key, receipt, answer.len()));
                self.reply(reply, receipt);
            }
            Job::Complete { intent, outcome, reply } => {
                let moved = self.shared.marks.moved(intent);
                if self.end(intent)? {
                    self.append(What::Completed { intent, result: outcome, moved }, None)?;
                }
                self.reply(reply, self.chain.standing.last);
            }
            Job::Change { change, reply } => self.change(&change, reply)?,
            Job::ChangeHere { change, reply } => {
                let signed = self.sign_here(*change);
                self.change(&signed, reply)?;
            }
            Job::DropInputs { from, through, reply } => {
                let inputs = self.execute(
                    "UPDATE entries SET input = NULL WHERE seq BETWEEN ?1 AND ?2 AND input IS NOT NULL",
                    params![signed(from), signed(through)],
                )?;
                let inputs = u64::try_from(inputs).unwrap_or(u64::MAX);
                self.append(What::InputsDropped { from, through, inputs }, None)?;
                self.dropped_inputs = true;
                self.reply(reply, inputs);
            }
            Job::ForgetFloor { reply } => {
                self.execute("DELETE FROM facts WHERE name = 'floor'", [])?;
                self.forgot_floor = true;
                let clock = Arc::clone(&self.shared.clock);
                self.then(move || clock.forget_floor());
                self.reply(reply, ());
            }
            Job::Flush { reply } => self.reply(reply, ()),
            Job::Probe { reply } => self.reply(reply, ()),
            Job::Wake | Job::End => {}
        }
        Ok(())
    }

    /// Writes what lay aside: reads, denials, and what was given up.
    pub(super) fn aside(&mut self, mut aside: Pending) -> rusqlite::Result<()> {
        for given_up in std::mem::take(&mut aside.given_up) {
            self.unknown(given_up.intent, Some(given_up.key), Unknown::GivenUp)?;
        }
        if let Some(reads) = aside.take_reads() {
            self.append(reads, None)?;
        }
        for (denial, times) in aside.take_denials() {
            let denial = serde_json::to_string(&denial).map_err(unwritable)?;
            let number = self.chain.denials;
            self.chain.denials += 1;
            self.execute(
                "INSERT OR REPLACE INTO denials (slot, number, at, times, denial) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![signed(number % DENIALS), signed(number), self.at(), signed(times), denial],
            )?;
        }
        Ok(())
    }

    /// Says that nobody knows how an intent ended, if nobody has said how.
    pub(super) fn unknown(
        &mut self,
        intent: u64,
        key: Option<Key>,
        because: Unknown,
    ) -> rusqlite::Result<()> {
        if !self.end(intent)? {
            return Ok(());
        }
        self.append(What::OutcomeUnknown { intent, because }, None)?;
        if let Some(key) = key {
            let answers = self.shared.answers.clone();
            self.then(move || answers.unknown(&key));
        }
        Ok(())
    }

    /// Says of an intent that an earlier process left that nothing was touched for it. Whoever repeats the call is
    /// answered so: under its id it never begins again.
    pub(super) fn nothing_moved(&mut self, intent: u64) -> rusqlite::Result<()> {
        if !self.end(intent)? {
            return Ok(());
        }
        let ended = self.append(What::NothingMoved { intent }, None)?;
        let why = "the device went down before anything moved: ask again";
        let answer = Answer::Problem(Problem::because(ProblemCode::Unavailable, why));
        let answer = serde_json::to_vec(&answer).map_err(unwritable)?;
        self.execute(
            "UPDATE answers SET ended = ?2, head = ?3, answer = ?4 WHERE intent = ?1",
            params![signed(intent), signed(ended.seq), ended.head.as_bytes(), answer],
        )?;
        Ok(())
    }

    /// An intent has come to its end; `false` where it had before.
    fn end(&mut self, intent: u64) -> rusqlite::Result<bool> {
        let open = self.execute("DELETE FROM unfinished WHERE intent = ?1", params![signed(intent)])?;
        let marks = Arc::clone(&self.shared.marks);
        self.then(move || marks.ended(intent));
        Ok(open > 0)
    }

    /// Removes expired answers.
    pub(super) fn remove_answers(&self, dead: &[Key]) -> rusqlite::Result<()> {
        for key in dead {
            self.execute(
                "DELETE FROM answers WHERE contact = ?1 AND call = ?2",
                params![key.contact.as_bytes(), key.call.as_bytes()],
            )?;
        }
        Ok(())
    }

    /// Removes the oldest entries where there are more, or older ones, than the owner wants to keep. `look` asks for a look
    /// at the size now, since a write failed.
    pub(super) fn retain(&mut self, look: bool) -> rusqlite::Result<()> {
        let Standing { last, cut, .. } = self.chain.standing;
        let settings = &self.shared.settings;
        let excess = (last.seq - cut).saturating_sub(settings.max_entries);
        // In larger steps, so that a full journal is not cut with every commit.
        let mut remove = if excess >= CUT_AT_ONCE.min(settings.max_entries / 4) { excess } else { 0 };
        if remove == 0 && (look || last.seq - self.chain.looked >= LOOK_EVERY) {
            self.chain.looked = last.seq;
            if self.is_too_big()? || self.is_too_old(cut + LOOK_EVERY)? {
                remove = LOOK_EVERY;
            }
        }
        // What is unfinished stays until its end is known.
        let unfinished: Option<i64> =
            self.transaction.query_row("SELECT min(intent) FROM unfinished", [], |row| row.get(0))?;
        let through =
            (cut + remove.min(CUT_AT_ONCE)).min(last.seq).min(unfinished.map_or(u64::MAX, unsigned) - 1);
        if remove == 0 || through <= cut {
            return Ok(());
        }
        let head = self.transaction.query_row(
            "SELECT head FROM entries WHERE seq = ?1",
            params![signed(through)],
            |row| row.get(0),
        )?;
        // Removed first: in a database that may not grow, the entry about it takes the room of those that go.
        self.execute("DELETE FROM entries WHERE seq <= ?1", params![signed(through)])?;
        self.chain.standing.cut = through;
        self.chain.standing.cut_head = JournalHead::from_bytes(head);
        self.append(What::Cut { through }, None)?;
        Ok(())
    }

    fn is_too_big(&self) -> rusqlite::Result<bool> {
        let pragma = |name| self.transaction.pragma_query_value(None, name, |row| row.get(0)).map(unsigned);
        let used = (pragma("page_count")? - pragma("freelist_count")?) * pragma("page_size")?;
        Ok(used > self.shared.settings.max_bytes)
    }

    /// Whether this entry is older than what is kept. Only a time that was vouched for counts, then and now.
    fn is_too_old(&self, seq: u64) -> rusqlite::Result<bool> {
        let (Some(age), Some(now)) = (self.shared.settings.max_age, self.at()) else { return Ok(false) };
        let body: Option<String> = self
            .transaction
            .query_row("SELECT body FROM entries WHERE seq = ?1", params![signed(seq)], |row| row.get(0))
            .optional()?;
        let at = body.and_then(|body| serde_json::from_str::<Body>(&body).ok()).and_then(|body| body.at);
        let age = i64::try_from(age.as_secs()).unwrap_or(i64::MAX);
        Ok(at.is_some_and(|at| at < now.saturating_sub(age)))
    }

    /// Keeps the floor of the clock, where that is due.
    pub(super) fn keep_floor(&mut self) -> rusqlite::Result<()> {
        if self.forgot_floor {
            return Ok(());
        }
        if let Some(floor) = self.shared.clock.floor_due() {
            self.fact("floor", floor)?;
            let clock = Arc::clone(&self.shared.clock);
            self.then(move || clock.floor_kept(floor));
        }
        Ok(())
    }

    /// The device's signature over where the chain stands now, if it stands elsewhere than before.
    pub(super) fn sign(&self) -> rusqlite::Result<Option<String>> {
        if self.chain.standing == self.before {
            return Ok(None);
        }
        let signed = self.chain.standing.sign(&self.shared.device);
        self.fact("standing", &signed)?;
        Ok(Some(signed))
    }

    /// Adds an entry to the chain.
    pub(super) fn append(&mut self, what: What, input: Option<&str>) -> rusqlite::Result<Receipt> {
        let Receipt { seq, head: prev } = self.chain.standing.last;
        let seq = seq + 1;
        let body = serde_json::to_string(&Body { seq, at: self.at(), what }).map_err(unwritable)?;
        let head = link(&prev, &body);
        self.execute(
            "INSERT INTO entries (seq, prev, head, body, input) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![signed(seq), prev.as_bytes(), head.as_bytes(), body, input],
        )?;
        self.chain.standing.last = Receipt { seq, head };
        Ok(self.chain.standing.last)
    }

    /// Takes over what another journal had, but for its entries: the chain goes on from its head.
    pub(super) fn take_over(&mut self, beginning: &Beginning) -> rusqlite::Result<()> {
        let floors = beginning.all_floors();
        if let Some(floor) = floors.clock {
            self.fact("floor", floor)?;
        }
        self.fact("generation", floors.generation)?;
        let Some(from) = &beginning.from else { return Ok(()) };
        schema::mark_restored(self.transaction)?;
        for (number, change) in (1..).zip(&from.changes) {
            self.keep_change(number, 0, change)?;
        }
        for call in &from.calls {
            self.execute(
                // Without an answer: nobody knows how it ended, and it never begins again.
                "INSERT INTO answers (contact, call, content, intent) VALUES (?1, ?2, ?3, 0)",
                params![call.contact.as_bytes(), call.call.as_bytes(), call.content()],
            )?;
        }
        let standing = &mut self.chain.standing;
        (standing.cut, standing.cut_head) = (standing.last.seq, standing.last.head);
        Ok(())
    }

    /// The device was made anew out of a backup, and signs that: more often than the backup knows of, and than any was on this
    /// machine.
    pub(super) fn restored(&mut self, beginning: &Beginning) -> rusqlite::Result<()> {
        let before = self.chain.rights.generation().max(beginning.floors.generation);
        let generation = before.saturating_add(1);
        self.fact("generation", generation)?;
        let id = RestoreId::from_bytes(rng::bytes(&mut rng::system()));
        let change = Change::Restore { id, generation, revoked: beginning.revoked.clone() };
        let made = self.record(&self.sign_here(change))?;
        made.map(|_| ()).map_err(|refused| rusqlite::Error::ToSqlConversionFailure(refused.into()))
    }

    fn change(
        &mut self,
        change: &SignedChange,
        reply: oneshot::Sender<Result<Receipt, RightsError>>,
    ) -> rusqlite::Result<()> {
        let made = self.record(change)?;
        self.reply(reply, made.map_err(RightsError::from));
        Ok(())
    }

    /// The next change, in the device's own name.
    fn sign_here(&self, change: Change) -> SignedChange {
        let rights = &self.chain.rights;
        sign_change(&self.shared.device, rights.device(), rights.seq() + 1, rights.head(), change)
    }

    fn record(&mut self, change: &SignedChange) -> rusqlite::Result<Result<Receipt, ChangeRefused>> {
        let rights = match self.chain.rights.apply(change, self.now.trusted) {
            Ok(rights) => rights,
            Err(refused) => return Ok(Err(refused)),
        };
        let (number, text) = (change.seq(), change.jws());
        let receipt = self.append(What::Rights { number, change: text.to_owned() }, None)?;
        self.keep_change(number, receipt.seq, text)?;
        self.chain.standing.rights = rights.seq();
        self.chain.standing.rights_head = rights.head();
        self.chain.rights = Arc::new(rights);
        let (shared, bytes) = (Arc::clone(self.shared), text.len());
        self.then(move || {
            shared.rights_bytes.fetch_add(bytes, Ordering::Relaxed);
        });
        Ok(Ok(receipt))
    }

    fn keep_change(&self, number: u64, entry: u64, change: &str) -> rusqlite::Result<()> {
        self.execute(
            "INSERT INTO rights (number, entry, change) VALUES (?1, ?2, ?3)",
            params![signed(number), signed(entry), change],
        )?;
        Ok(())
    }

    fn answer(&self, key: &Key, ended: Option<Receipt>, answer: Option<&[u8]>) -> rusqlite::Result<()> {
        self.execute(
            "UPDATE answers SET ended = ?3, head = ?4, answer = ?5 WHERE contact = ?1 AND call = ?2",
            params![
                key.contact.as_bytes(),
                key.call.as_bytes(),
                ended.map(|receipt| signed(receipt.seq)),
                ended.map(|receipt| *receipt.head.as_bytes()),
                answer
            ],
        )?;
        Ok(())
    }

    /// Sets a fact.
    pub(super) fn fact(&self, name: &str, value: impl rusqlite::ToSql) -> rusqlite::Result<()> {
        self.execute("INSERT OR REPLACE INTO facts (name, value) VALUES (?1, ?2)", params![name, value])?;
        Ok(())
    }

    fn at(&self) -> Option<i64> {
        self.now.trusted.map(|time| time.unix())
    }

    fn execute(&self, sql: &str, params: impl rusqlite::Params) -> rusqlite::Result<usize> {
        let done = self.transaction.prepare_cached(sql).and_then(|mut statement| statement.execute(params));
        // Said before the job is dropped, since whoever waits for it asks for it then.
        done.inspect_err(|error| self.shared.is_in_trouble(error))
    }

    fn reply<T: Send + 'static>(&mut self, reply: oneshot::Sender<T>, value: T) {
        self.reply_with(reply, move || value);
    }

    fn reply_with<T: Send + 'static>(
        &mut self,
        reply: oneshot::Sender<T>,
        value: impl FnOnce() -> T + Send + 'static,
    ) {
        self.replies.push(Box::new(move || {
            // Whoever asked may have gone.
            let _ = reply.send(value());
        }));
    }

    fn then(&mut self, effect: impl FnOnce() + Send + 'static) {
        self.effects.push(Box::new(effect));
    }
}

/// SQLite has signed integers only; none of ours comes near their end.
pub(super) fn signed(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

pub(super) fn unsigned(n: i64) -> u64 {
    u64::try_from(n).unwrap_or(0)
}

fn unwritable(error: serde_json::Error) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(error.into())
}
