//! Opening the journal: what is checked, and what the last run left.

use std::path::Path;
use std::sync::atomic::AtomicUsize;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex};

use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior};
use streembit_keys::{PrivateKey, Thumbprint};
use streembit_peer::message::{CallId, JournalHead, Receipt};
use streembit_peer::rights::ChangeHash;
use tokio::sync::watch;

use super::answers::{Answers, Key, State};
use super::aside::Aside;
use super::batch::{Batch, Chain, unsigned};
use super::beginning::Beginning;
use super::counts::Counts;
use super::entry::{Unknown, What, link, origin};
use super::marks::{Found, Marks};
use super::schema::{self, Lock};
use super::writer::Writer;
use super::{Journal, OpenError, QUEUE, Settings, Shared, Standing, verify};
use crate::access::Rights;
use crate::clock::Clock;

/// Room beyond `max_bytes`: what is written between two looks at the size, with the largest answers. Past it SQLite itself
/// refuses.
const LEEWAY: u64 = 4 << 20;

pub(super) fn open(
    path: &Path,
    device: &PrivateKey,
    clock: Arc<Clock>,
    settings: Settings,
) -> Result<Journal, OpenError> {
    // 1. This process alone, and a database of ours.
    let lock = Lock::take(path)?;
    let mut connection = schema::open_for_writing(path)?;
    let damaged = |why: String| OpenError::Damaged { path: path.to_owned(), why };
    let sql = |error: rusqlite::Error| schema::failed(path, &error);
    schema::limit(&connection, settings.max_bytes.saturating_add(LEEWAY)).map_err(sql)?;
    let me = device.public().thumbprint();
    let owner: Option<String> = schema::fact(&connection, "device").map_err(sql)?;
    match &owner {
        Some(owner) if *owner != me.to_string() => {
            return Err(OpenError::OtherDevice { path: path.to_owned(), found: owner.clone() });
        }
        _ => {}
    }

    // A journal that is there has taken it over, and the last run ended before it was removed.
    let beginning = match owner {
        Some(_) => None,
        None => Beginning::read(path).map_err(damaged)?,
    };
    let beginning = beginning.unwrap_or_default();

    // 2. It stands where this device signed last.
    let (standing, rights, rights_bytes) = if owner.is_some() {
        let standing = verify::standing(&connection, device.public())
            .map_err(sql)?
            .map_err(|why| damaged(format!("the device's signature over it: {why}")))?;
        check_last(&connection, &standing).map_err(sql)?.map_err(damaged)?;
        let changes = verify::changes(&connection).map_err(sql)?;
        let rights = verify::rights_hold(verify::texts(&changes), device.public(), &standing)
            .map_err(|why| damaged(format!("the changes of rights: {why}")))?;
        (standing, rights, verify::texts(&changes).map(str::len).sum())
    } else {
        let empty: i64 = connection
            .query_row("SELECT count(*) FROM (SELECT 1 FROM entries LIMIT 1)", [], |row| row.get(0))
            .map_err(sql)?;
        if empty != 0 {
            return Err(damaged("it does not say whose it is".to_owned()));
        }
        match &beginning.from {
            Some(from) => {
                let checked = from.check(device.public());
                let (standing, rights) = checked.map_err(|why| damaged(format!("its beginning: {why}")))?;
                (standing, rights, from.changes.iter().map(String::len).sum())
            }
            // An empty journal would be open to whoever claims the device first.
            None if schema::version(&connection).map_err(sql)? == schema::RESTORED => {
                return Err(damaged(schema::NO_BEGINNING.to_owned()));
            }
            None => (unwritten(me), Rights::new(device.public()), 0),
        }
    };
    let floor: Option<i64> = schema::fact(&connection, "floor").map_err(sql)?;
    if let Some(floor) = floor.max(beginning.all_floors().clock) {
        clock.raise_floor(floor);
    }
    let denials: Option<i64> =
        connection.query_row("SELECT max(number) FROM denials", [], |row| row.get(0)).map_err(sql)?;

    // 3. What the last run left, and that this one begins, in one transaction.
    let (marks, found) = Marks::open(&schema::beside(path, "-marks"))
        .map_err(|source| OpenError::Io { path: path.to_owned(), source })?;
    let (jobs, queue) = sync_channel(QUEUE);
    let rights = Arc::new(rights);
    let shared = Arc::new(Shared {
        path: path.to_owned(),
        device: device.clone(),
        clock,
        settings,
        jobs,
        answers: Answers::default(),
        aside: Aside::default(),
        marks: Arc::new(marks),
        standing: Mutex::new((standing, "".into())),
        rights: watch::Sender::new(Arc::clone(&rights)),
        rights_bytes: AtomicUsize::new(rights_bytes),
        trouble: Mutex::new(None),
        counts: Counts::default(),
    });
    let denials = denials.map_or(0, |last| unsigned(last) + 1);
    let chain = Chain { standing, rights, denials, looked: standing.last.seq };
    let begun = Begun { fresh: owner.is_none(), beginning: &beginning, found: &found };
    let chain = begin(&mut connection, &shared, chain, me, &begun).map_err(sql)?;
    Beginning::remove(path).map_err(|source| OpenError::Io { path: Beginning::path(path), source })?;
    // Not before: the marks of the last run were needed until its intents had their ends.
    shared.marks.begin().map_err(|source| OpenError::Io { path: path.to_owned(), source })?;

    // 4. From here on one thread has the database.
    let writer = Writer { shared: Arc::clone(&shared), connection, jobs: queue, chain, doubt: false, lock };
    let writer = std::thread::Builder::new()
        .name("journal".to_owned())
        .spawn(move || writer.run())
        .map_err(|source| OpenError::Io { path: path.to_owned(), source })?;
    Ok(Journal { shared, writer: Some(writer) })
}

/// Where a journal stands that has no entry yet.
fn unwritten(device: Thumbprint) -> Standing {
    let origin = origin(device);
    Standing {
        last: Receipt { seq: 0, head: origin },
        rights: 0,
        rights_head: ChangeHash::FIRST,
        cut: 0,
        cut_head: origin,
    }
}

/// Whether the last entry is the one that was signed. All before it follow from its hash: `verify` walks them.
fn check_last(connection: &Connection, standing: &Standing) -> rusqlite::Result<Result<(), String>> {
    let last: Option<(i64, [u8; 32], String)> = connection
        .query_row("SELECT seq, prev, body FROM entries ORDER BY seq DESC LIMIT 1", [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .optional()?;
    let found = last.map(|(seq, prev, body)| Receipt {
        seq: unsigned(seq),
        head: link(&JournalHead::from_bytes(prev), &body),
    });
    Ok(match found {
        Some(found) if found == standing.last => Ok(()),
        Some(found) if found.seq == standing.last.seq => Err(format!("entry {} was changed", found.seq)),
        found => Err(format!(
            "its last entry is {}, but the device signed {}",
            found.map_or(0, |found| found.seq),
            standing.last.seq
        )),
    })
}

/// What a start finds.
struct Begun<'a> {
    /// There was no journal.
    fresh: bool,
    /// What it begins with then.
    beginning: &'a Beginning,
    /// What the last run had touched.
    found: &'a Found,
}

fn begin(
    connection: &mut Connection,
    shared: &Arc<Shared>,
    chain: Chain,
    me: Thumbprint,
    begun: &Begun<'_>,
) -> rusqlite::Result<Chain> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut batch = Batch::new(&transaction, shared, chain);
    if begun.fresh {
        batch.fact("device", me.to_string())?;
        batch.take_over(begun.beginning)?;
    }
    batch.append(What::Start { version: env!("CARGO_PKG_VERSION").to_owned() }, None)?;
    if begun.fresh && begun.beginning.from.is_some() {
        batch.restored(begun.beginning)?;
    }
    let unfinished: Vec<i64> = transaction
        .prepare("SELECT intent FROM unfinished ORDER BY intent")?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for intent in unfinished.into_iter().map(unsigned) {
        if begun.found.untouched(intent) {
            batch.nothing_moved(intent)?;
        } else {
            batch.unknown(intent, None, Unknown::Restart)?;
        }
    }
    restore_answers(&transaction, shared)?;
    batch.keep_floor()?;
    let signed = batch.sign()?;
    let Batch { chain, effects, .. } = batch;
    transaction.commit()?;
    if let Some(signed) = signed {
        *shared.standing() = (chain.standing, signed.into());
    }
    shared.rights.send_replace(Arc::clone(&chain.rights));
    for effect in effects {
        effect();
    }
    Ok(chain)
}

/// Fills the index of answers. What has no answer was begun and never finished.
fn restore_answers(connection: &Connection, shared: &Shared) -> rusqlite::Result<()> {
    let now = shared.clock.monotonic();
    let mut statement =
        connection.prepare("SELECT contact, call, content, ended, head, length(answer) FROM answers")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let key = Key { contact: Thumbprint::from_bytes(row.get(0)?), call: CallId::from_bytes(row.get(1)?) };
        let state = match (row.get::<_, Option<i64>>(3)?, row.get::<_, Option<[u8; 32]>>(4)?) {
            (Some(seq), Some(head)) => {
                State::Done(Receipt { seq: unsigned(seq), head: JournalHead::from_bytes(head) })
            }
            _ => State::Unknown,
        };
        let bytes = row.get::<_, Option<i64>>(5)?.map_or(0, unsigned);
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        shared.answers.restore(key, row.get(2)?, state, bytes, now);
    }
    Ok(())
}
