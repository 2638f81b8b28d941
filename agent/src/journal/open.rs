//! Opening the journal: what is checked, and what the last run left.

use std::path::Path;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex};

use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};
use streembit_keys::{PrivateKey, Thumbprint};
use streembit_peer::message::{CallId, JournalHead, Receipt};
use streembit_peer::rights::ChangeHash;
use tokio::sync::watch;

use super::answers::{Answers, Key, State};
use super::aside::Aside;
use super::batch::{Batch, Chain, unsigned};
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

/// The floor of the clock that a journal keeps, of whatever device: for a factory reset, which wipes all but floors.
pub fn read_floor(path: &Path) -> Option<i64> {
    let connection = schema::open_for_reading(path).ok()?;
    connection.query_row("SELECT value FROM facts WHERE name = 'floor'", [], |row| row.get(0)).ok()
}

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
    let owner: Option<String> = fact(&connection, "device").map_err(sql)?;
    match &owner {
        Some(owner) if *owner != me.to_string() => {
            return Err(OpenError::OtherDevice { path: path.to_owned(), found: owner.clone() });
        }
        _ => {}
    }

    // 2. It stands where this device signed last.
    let (standing, rights) = if owner.is_some() {
        let standing = verify::standing(&connection, device.public())
            .map_err(sql)?
            .map_err(|why| damaged(format!("the device's signature over it: {why}")))?;
        check_last(&connection, &standing).map_err(sql)?.map_err(damaged)?;
        let changes = verify::changes(&connection).map_err(sql)?;
        let rights = verify::rights_hold(&changes, device.public(), &standing)
            .map_err(|why| damaged(format!("the changes of rights: {why}")))?;
        (standing, rights)
    } else {
        let empty: i64 = connection
            .query_row("SELECT count(*) FROM (SELECT 1 FROM entries LIMIT 1)", [], |row| row.get(0))
            .map_err(sql)?;
        if empty != 0 {
            return Err(damaged("it does not say whose it is".to_owned()));
        }
        (unwritten(me), Rights::new(device.public()))
    };
    if let Some(floor) = fact(&connection, "floor").map_err(sql)? {
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
        trouble: Mutex::new(None),
        counts: Counts::default(),
    });
    let denials = denials.map_or(0, |last| unsigned(last) + 1);
    let chain = Chain { standing, rights, denials, looked: standing.last.seq };
    let chain = begin(&mut connection, &shared, chain, me, &found).map_err(sql)?;
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

fn fact<T: rusqlite::types::FromSql>(connection: &Connection, name: &str) -> rusqlite::Result<Option<T>> {
    connection
        .query_row("SELECT value FROM facts WHERE name = ?1", params![name], |row| row.get(0))
        .optional()
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

fn begin(
    connection: &mut Connection,
    shared: &Arc<Shared>,
    chain: Chain,
    me: Thumbprint,
    found: &Found,
) -> rusqlite::Result<Chain> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut batch = Batch::new(&transaction, shared, chain);
    if batch.chain.standing.last.seq == 0 {
        batch.fact("device", me.to_string())?;
    }
    batch.append(What::Start { version: env!("CARGO_PKG_VERSION").to_owned() }, None)?;
    let unfinished: Vec<i64> = transaction
        .prepare("SELECT intent FROM unfinished ORDER BY intent")?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for intent in unfinished.into_iter().map(unsigned) {
        if found.untouched(intent) {
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
