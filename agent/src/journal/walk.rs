//! The walk along the chain.

use std::collections::{BTreeSet, HashMap};
use std::ops::RangeInclusive;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rusqlite::{Connection, params};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use streembit_keys::jws::{Typ, Unverified};
use streembit_keys::{PublicKey, Thumbprint};
use streembit_peer::message::{JournalHead, Receipt};
use streembit_peer::rights::{Change, SignedChange};

use super::batch::{signed, unsigned};
use super::entry::{Body, Outcome, What, link, origin};
use super::verify::{
    CannotProve, Finding, MAX_FINDINGS, Report, changes, rights_hold, sound, standing, texts,
};
use super::{Standing, schema};

/// Entries of one look. Between two the writer may bring its log home, and the journal may go on growing.
const PAGE: i64 = 4096;

const REQUEST: Typ = Typ::new("sb-req");

/// The members of a request's payload that an intent repeats or that its input hangs on.
#[derive(Deserialize)]
struct Request {
    iss: Thumbprint,
    aud: Thumbprint,
    op: String,
    thing: String,
    #[serde(default)]
    affordance: Option<String>,
    #[serde(default, rename = "_sd")]
    sd: Vec<String>,
}

struct Row {
    seq: u64,
    prev: JournalHead,
    head: JournalHead,
    body: String,
    input: Option<String>,
}

pub(super) struct Walk<'a> {
    path: &'a Path,
    device: &'a PublicKey,
    connection: Connection,
    /// The number that comes next, and the head that it must follow.
    next: u64,
    prev: JournalHead,
    /// Intents that have not ended, and those before the cut may have.
    open: BTreeSet<u64>,
    cut: u64,
    /// The head of the chain with the last entry before the cut.
    cut_head: JournalHead,
    /// Entries that are missing or cannot be believed: what refers to them is not judged again.
    lost: Vec<RangeInclusive<u64>>,
    /// Everybody who ever was a contact.
    keys: HashMap<Thumbprint, PublicKey>,
    /// The changes of rights by number, as the table has them.
    changes: HashMap<u64, String>,
    inputs: u64,
    askers: u64,
}

impl<'a> Walk<'a> {
    pub(super) fn new(path: &'a Path, device: &'a PublicKey) -> rusqlite::Result<Self> {
        Ok(Self {
            path,
            device,
            connection: schema::open_for_reading(path)?,
            next: 1,
            prev: origin(device.thumbprint()),
            open: BTreeSet::new(),
            cut: 0,
            cut_head: origin(device.thumbprint()),
            lost: Vec::new(),
            keys: HashMap::new(),
            changes: HashMap::new(),
            inputs: 0,
            askers: 0,
        })
    }

    /// Walks from the first entry to the last.
    pub(super) fn run(mut self, against: Option<Receipt>, report: &mut Report) -> rusqlite::Result<()> {
        sound(self.path, report)?;
        self.learn_keys()?;
        let mut kept_head = None;
        loop {
            // One look: what it reads belongs together, however much is written meanwhile.
            self.connection.execute_batch("BEGIN")?;
            let standing = standing(&self.connection, self.device)?;
            let cut = standing.as_ref().map_or(0, |standing| standing.cut);
            if self.next <= cut
                && let Ok(standing) = &standing
            {
                (self.next, self.prev) = (cut + 1, standing.cut_head);
                (self.cut, self.cut_head) = (cut, standing.cut_head);
                self.open.retain(|intent| *intent > cut);
            }
            if report.first == 0 {
                report.first = self.next;
            }
            let rows = self.page()?;
            let last_page = rows.len() < usize::try_from(PAGE).unwrap_or(usize::MAX);
            for row in rows {
                if against.is_some_and(|kept| kept.seq == row.seq) {
                    kept_head = Some(row.head);
                }
                self.row(row, report);
            }
            if last_page {
                self.end(standing, report)?;
                self.connection.execute_batch("COMMIT")?;
                break;
            }
            self.connection.execute_batch("COMMIT")?;
        }
        if let Some(kept) = against {
            self.compare(kept, kept_head, report);
        }
        for (count, what) in [
            (self.cut, CannotProve::BeforeCut { through: self.cut }),
            (self.inputs, CannotProve::Inputs { count: self.inputs }),
            (self.askers, CannotProve::Askers { count: self.askers }),
        ] {
            if count > 0 {
                report.cannot_prove.push(what);
            }
        }
        Ok(())
    }

    fn learn_keys(&mut self) -> rusqlite::Result<()> {
        for (number, text) in changes(&self.connection)? {
            // Whether it is genuine is judged with all the others at the end.
            let issuer_key = |issuer: Thumbprint| {
                if issuer == self.device.thumbprint() { Some(self.device) } else { self.keys.get(&issuer) }
            };
            let change = SignedChange::parse(&text)
                .ok()
                .and_then(|change| issuer_key(change.claimed_iss()).and_then(|key| change.verify(key).ok()));
            let keys = match change.as_ref().map(SignedChange::change) {
                Some(Change::Claim { key, recovery, .. }) => vec![Some(key), recovery.as_ref()],
                Some(Change::Admit { key, .. } | Change::Join { key, .. } | Change::SetRecovery { key }) => {
                    vec![Some(key)]
                }
                _ => Vec::new(),
            };
            let keys: Vec<_> =
                keys.into_iter().flatten().map(|key| (key.thumbprint(), key.clone())).collect();
            self.keys.extend(keys);
            self.changes.insert(number, text);
        }
        Ok(())
    }

    fn page(&self) -> rusqlite::Result<Vec<Row>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT seq, prev, head, body, input FROM entries WHERE seq >= ?1 ORDER BY seq LIMIT ?2",
        )?;
        statement
            .query_map(params![signed(self.next), PAGE], |row| {
                Ok(Row {
                    seq: unsigned(row.get(0)?),
                    prev: JournalHead::from_bytes(row.get(1)?),
                    head: JournalHead::from_bytes(row.get(2)?),
                    body: row.get(3)?,
                    input: row.get(4)?,
                })
            })?
            .collect()
    }

    fn row(&mut self, row: Row, report: &mut Report) {
        let seq = row.seq;
        report.entries += 1;
        if seq > self.next {
            report.find(Finding::Missing { from: self.next, through: seq - 1 });
            self.lose(self.next..=seq - 1);
        } else if row.prev != self.prev && seq > self.cut + 1 {
            // This one names another before it. If it is sound itself, the one before is not what it was.
            let before = Finding::Replaced { seq: seq - 1 };
            if link(&row.prev, &row.body) == row.head
                && !report.findings.contains(&Finding::Changed { seq: seq - 1 })
            {
                report.find(before);
            }
        } else if row.prev != self.prev {
            report.find(Finding::Replaced { seq });
        }
        match serde_json::from_str::<Body>(&row.body) {
            Ok(body) if link(&row.prev, &row.body) == row.head && body.seq == seq => {
                self.entry(seq, body.what, row.input, report);
            }
            Ok(body) if link(&row.prev, &row.body) == row.head => {
                report.find(Finding::Moved { seq, found: body.seq });
                self.lose(seq..=seq);
            }
            Ok(_) | Err(_) => {
                report.find(Finding::Changed { seq });
                self.lose(seq..=seq);
            }
        }
        self.next = seq + 1;
        self.prev = row.head;
    }

    fn lose(&mut self, entries: RangeInclusive<u64>) {
        // More than are reported one by one need not be told apart.
        if self.lost.len() < MAX_FINDINGS {
            self.lost.push(entries);
        }
    }

    fn is_lost(&self, seq: u64) -> bool {
        seq <= self.cut || self.lost.iter().any(|lost| lost.contains(&seq))
    }

    fn entry(&mut self, seq: u64, what: What, input: Option<String>, report: &mut Report) {
        match what {
            What::Intent { .. } => {
                self.open.insert(seq);
                self.request(seq, &what, input.as_deref(), report);
            }
            What::Outcome { result: Outcome::Pending, intent, .. } => {
                if !self.open.contains(&intent) && !self.is_lost(intent) {
                    report.find(Finding::Unpaired { seq, intent });
                }
            }
            What::Outcome { intent, .. }
            | What::Completed { intent, .. }
            | What::NothingMoved { intent }
            | What::OutcomeUnknown { intent, .. } => {
                if !self.open.remove(&intent) && !self.is_lost(intent) {
                    report.find(Finding::Unpaired { seq, intent });
                }
            }
            What::Rights { number, change } => {
                // The table may have grown since it was read, and is then judged by the replay at the end.
                if self.changes.get(&number).is_some_and(|kept| *kept != change) {
                    report.find(Finding::Rights {
                        why: format!("number {number} is not the one of entry {seq}"),
                    });
                }
            }
            What::Start { .. } | What::Reads { .. } | What::InputsDropped { .. } | What::Cut { .. } => {}
        }
    }

    /// Whether the contact signed what the intent says, and this input.
    fn request(&mut self, seq: u64, what: &What, input: Option<&str>, report: &mut Report) {
        let What::Intent { contact, op, thing, affordance, request } = what else { return };
        let wrong = |why: &str| Finding::Request { seq, why: why.to_owned() };
        let unverified = match Unverified::parse(request, REQUEST) {
            Ok(unverified) => unverified,
            Err(error) => return report.find(wrong(&error.to_string())),
        };
        let Ok(payload) = serde_json::from_slice::<Request>(unverified.claimed_payload()) else {
            return report.find(wrong("not a request"));
        };
        let same = payload.iss == *contact
            && payload.aud == self.device.thumbprint()
            && payload.op == op.as_str()
            && payload.thing == thing.as_str()
            && payload.affordance.as_deref() == affordance.as_deref();
        if !same {
            report.find(wrong("it asks for something else than the entry says"));
        }
        let digest = input.map(|input| URL_SAFE_NO_PAD.encode(Sha256::digest(input)));
        match digest {
            Some(digest) if !payload.sd.contains(&digest) => report.find(Finding::Input { seq }),
            None if !payload.sd.is_empty() => self.inputs += 1,
            _ => {}
        }
        match self.keys.get(contact) {
            Some(key) if unverified.verify(key).is_err() => {
                report.find(wrong("the contact's signature does not hold"));
            }
            Some(_) => {}
            None => self.askers += 1,
        }
    }

    /// Whether it ends where the device signed, with what the device signed for.
    fn end(&mut self, standing: Result<Standing, String>, report: &mut Report) -> rusqlite::Result<()> {
        let listed: BTreeSet<u64> = self
            .connection
            .prepare("SELECT intent FROM unfinished")?
            .query_map([], |row| row.get(0).map(unsigned))?
            .collect::<rusqlite::Result<_>>()?;
        report.unfinished = self.open.len() as u64;
        // Where something after it is lost, that may have been its outcome.
        let last_lost = self.lost.iter().map(|lost| *lost.end()).max().unwrap_or(0);
        for seq in self.open.difference(&listed).filter(|seq| **seq > last_lost) {
            report.find(Finding::Unlisted { seq: *seq });
        }
        let standing = match standing {
            Ok(standing) => standing,
            Err(why) => {
                report.find(Finding::Standing { why });
                return Ok(());
            }
        };
        report.last = Some(standing.last);
        let last = standing.last;
        let end = self.next - 1;
        if end < last.seq {
            report.find(Finding::Missing { from: self.next, through: last.seq });
        } else if end > last.seq {
            report.find(Finding::Unsigned { from: last.seq + 1 });
        } else if self.prev != last.head && !report.findings.contains(&Finding::Changed { seq: last.seq }) {
            report.find(Finding::Replaced { seq: last.seq });
        }
        let changes = changes(&self.connection)?;
        if let Err(why) = rights_hold(texts(&changes), self.device, &standing) {
            report.find(Finding::Rights { why });
        }
        Ok(())
    }

    fn compare(&self, kept: Receipt, head: Option<JournalHead>, report: &mut Report) {
        let last = self.next - 1;
        // The chain goes on from that one, which the device has signed.
        let head = head.or_else(|| (kept.seq == self.cut && kept.seq > 0).then_some(self.cut_head));
        match head {
            Some(head) if head == kept.head => {}
            Some(_) => report.find(Finding::Rewritten { seq: kept.seq }),
            None if kept.seq > last => report.find(Finding::CutOff { last, kept: kept.seq }),
            None if kept.seq <= self.cut => {
                report.cannot_prove.push(CannotProve::KeptHeadIsCut { kept: kept.seq });
            }
            // It is among those that are missing, and named there.
            None => {}
        }
    }
}
