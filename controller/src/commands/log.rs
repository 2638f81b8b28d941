//! `streembit log`

use std::collections::HashMap;

use serde::Serialize;
use serde_json::{Value, json};
use streembit_peer::rights::{Change, SignedChange};

use super::{moment, short};
use crate::desk::{Desk, TIMEOUT};
use crate::error::{Failure, Outcome};
use crate::home::{Contact, Head, HeadCheck};
use crate::journal::{Chain, Signed, Verdict};
use crate::output::{Render, Style, printable, table};
use crate::rights;

/// Entries that one answer of a device holds at most.
const PAGE: u64 = 64;

/// The arguments of `streembit log`.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(after_help = "\
Examples:
  streembit log                     the last 20 entries of your only device
  streembit log garage --from 100 --limit 50
  streembit log garage --verify     check the chain, and that it still holds what you saw before
  streembit log garage --json | jq '.entries[] | select(.kind == \"intent\")'

Reading the journal needs its own right. Exit code 1 says that something is wrong with it.")]
pub struct Args {
    /// The device; may be left out where you have only one
    pub device: Option<String>,
    /// Begin with this entry [default: so that the last ones are shown; 1 with --verify]
    #[arg(long, value_name = "SEQ", value_parser = clap::value_parser!(u64).range(1..))]
    pub from: Option<u64>,
    /// Show at most so many entries [default: 20; with --verify none is shown]
    #[arg(long, value_name = "N", conflicts_with = "verify")]
    pub limit: Option<u64>,
    /// Check that no entry was changed, removed or rewritten since you last looked
    #[arg(long)]
    pub verify: bool,
}

/// A part of a journal, or what a check of it found.
#[derive(Debug, Clone, Serialize)]
pub struct Journal {
    /// The device.
    pub device: String,
    /// Where the journal stands.
    pub head: Head,
    /// The entries, as the device keeps them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub entries: Vec<Value>,
    /// What a check found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verified: Option<Verdict>,
    /// The names of those whose fingerprints are in the entries, as far as we may know them.
    #[serde(skip)]
    names: HashMap<String, String>,
}

/// Reads a part of the journal, or checks it.
pub async fn run(desk: &Desk, args: Args) -> Outcome<Journal> {
    let contact = desk.home().contacts()?.one(args.device.as_deref())?;
    let (signed, went_back) = head(desk, &contact).await?;
    let head = Head { seq: signed.seq, head: signed.head.to_string() };
    let device = contact.name.clone();
    if args.verify {
        let progress = desk.output().progress(format!("Checking {} entries", signed.seq));
        let kept = kept(desk, &contact)?;
        let mut verdict = verify(desk, &contact, &signed, args.from.unwrap_or(1), kept).await?;
        drop(progress);
        verdict.faults.extend(went_back.filter(|_| verdict.faults.is_empty()));
        let (entries, names) = (Vec::new(), HashMap::new());
        return Ok(Journal { device, head, entries, verified: Some(verdict), names });
    }
    let limit = args.limit.unwrap_or(20);
    let from = args.from.unwrap_or_else(|| (signed.seq + 1).saturating_sub(limit).max(1));
    let mut entries = Vec::new();
    while (entries.len() as u64) < limit {
        let wanted = limit - entries.len() as u64;
        let page = page(desk, &device, from + entries.len() as u64, wanted.min(PAGE)).await?;
        // What is read is in the journal, too: without this the end would run away from its reader.
        let page =
            page.into_iter().filter(|entry| entry.get("seq").and_then(Value::as_u64) <= Some(signed.seq));
        let before = entries.len();
        entries.extend(page);
        if entries.len() == before {
            break;
        }
    }
    if let Some(seen) = went_back {
        desk.output().warn(&format!("the journal of {device} went back: {seen}"));
    }
    let names = names(desk, &device).await;
    Ok(Journal { device, head, entries, verified: None, names })
}

/// What the device signs about its journal now, and what is wrong with that.
pub(super) async fn head(desk: &Desk, contact: &Contact) -> Outcome<(Signed, Option<String>)> {
    let value = desk.device_property(&contact.name, "journalHead", TIMEOUT).await?;
    let text = value.get("signed").and_then(Value::as_str).unwrap_or_default();
    let signed = Signed::verify(text, &contact.key).map_err(|why| {
        Failure::because(format!("{} does not sign its journal's head: {why}.", contact.name))
            .or("Whoever answers may not be the device that you paired with.")
    })?;
    let head = Head { seq: signed.seq, head: signed.head.to_string() };
    // `contact` was read before the device was asked, so that nothing newer is held against its answer.
    let mut contacts = desk.home().contacts()?;
    let went_back = match contacts.keep_current(contact, &head)? {
        HeadCheck::Kept => contacts.get(&contact.name)?.went_back,
        HeadCheck::WentBack { before } => Some(format!(
            "entry {} was {} when it was last seen, and now the journal stands at {} {}",
            before.seq, before.head, head.seq, head.head
        )),
    };
    Ok((signed, went_back))
}

/// What was seen of the journal before this command, unless the device was restored since.
fn kept(desk: &Desk, contact: &Contact) -> Outcome<Option<Head>> {
    let now = desk.home().contacts()?.get(&contact.name)?;
    Ok(contact.head.clone().filter(|_| now.generation == contact.generation))
}

async fn verify(
    desk: &Desk,
    contact: &Contact,
    signed: &Signed,
    from: u64,
    kept: Option<Head>,
) -> Outcome<Verdict> {
    let mut chain = Chain::new(contact.key.thumbprint(), signed, from, kept);
    while chain.next() <= signed.seq {
        let wanted = (signed.seq + 1 - chain.next()).min(PAGE);
        let before = chain.next();
        for entry in page(desk, &contact.name, before, wanted).await? {
            if entry.get("seq").and_then(Value::as_u64) <= Some(signed.seq) {
                chain.check(&entry);
            }
        }
        if chain.next() == before {
            break;
        }
    }
    Ok(chain.finish(signed))
}

async fn page(desk: &Desk, device: &str, from: u64, limit: u64) -> Outcome<Vec<Value>> {
    let answered = desk.device_action(device, "readJournal", json!({ "from": from, "limit": limit })).await?;
    match answered.value.get("entries") {
        Some(Value::Array(entries)) => Ok(entries.clone()),
        _ => Err(Failure::because(format!("{device} gave its journal in an unknown way."))
            .or("Its program may be newer than this one.")),
    }
}

/// Who is who on the device, for as many as we may see.
async fn names(desk: &Desk, device: &str) -> HashMap<String, String> {
    let standing = rights::standing(desk, device).await;
    let members = standing.into_iter().flat_map(|standing| standing.contacts);
    members.map(|member| (member.contact.to_string(), member.name)).collect()
}

impl Journal {
    /// A failure if a check found something wrong.
    pub fn verdict(&self) -> Outcome<()> {
        match &self.verified {
            Some(verdict) if !verdict.faults.is_empty() => {
                Err(Failure::because(format!("The journal of {} does not hold.", self.device)).or(
                    "Ask whoever looks after the device what happened, and trust none of its older entries.",
                ))
            }
            _ => Ok(()),
        }
    }

    fn who(&self, entry: &Value) -> String {
        let Some(contact) = entry.get("contact").and_then(Value::as_str) else { return String::new() };
        printable(self.names.get(contact).map_or(short(contact), String::as_str))
    }

    /// Intents with what came of them on one line; everything else on its own.
    fn row(&self, entry: &Value, style: Style) -> Option<Vec<String>> {
        let text = |name: &str| entry.get(name).and_then(Value::as_str).map(printable).unwrap_or_default();
        let kind = text("kind");
        let (what, outcome) = match kind.as_str() {
            "intent" => {
                let place = [text("thing"), text("affordance")].join("/");
                (format!("{} {}", text("op"), place.trim_end_matches('/')), self.outcome_of(entry, style))
            }
            // It stands with its intent, if that is shown.
            "outcome" | "completed" | "outcome-unknown" | "nothing-moved"
                if self.shows(entry.get("intent")) =>
            {
                return None;
            }
            "outcome" | "completed" => (format!("{kind} of entry {}", entry["intent"]), ended(entry, style)),
            "outcome-unknown" => (format!("entry {}", entry["intent"]), style.warning("outcome unknown")),
            "nothing-moved" => (format!("entry {}", entry["intent"]), style.warning("nothing moved")),
            "reads" => (reads(entry), String::new()),
            "start" => (format!("the agent started, version {}", text("version")), String::new()),
            "rights" => match restored(entry) {
                Some(times) => {
                    let what = format!("the device was restored from a backup (time {times})");
                    (what, style.warning("look who is suspended"))
                }
                None => (format!("rights changed (number {})", entry["number"]), String::new()),
            },
            _ => (kind, String::new()),
        };
        let at =
            entry.get("at").and_then(Value::as_i64).map_or_else(|| "(no trusted time)".to_owned(), moment);
        Some(vec![entry["seq"].to_string(), style.faint(&at), self.who(entry), what, outcome])
    }

    fn shows(&self, intent: Option<&Value>) -> bool {
        intent.is_some_and(|intent| self.entries.iter().any(|entry| entry.get("seq") == Some(intent)))
    }

    fn outcome_of(&self, intent: &Value, style: Style) -> String {
        // The last word on it counts: an action that runs on has two.
        let of_it =
            |entry: &&Value| entry.get("intent").is_some() && entry.get("intent") == intent.get("seq");
        match self.entries.iter().rev().find(of_it) {
            Some(entry) if entry["kind"] == "outcome-unknown" => style.warning("outcome unknown"),
            Some(entry) if entry["kind"] == "nothing-moved" => style.warning("nothing moved"),
            Some(entry) => ended(entry, style),
            None => String::new(),
        }
    }
}

/// How often the device had been restored with this entry, where that is what it is about.
fn restored(entry: &Value) -> Option<u32> {
    let change = entry.get("change").and_then(Value::as_str)?;
    match SignedChange::parse(change).ok()?.claimed_change() {
        Change::Restore { generation, .. } => Some(*generation),
        _ => None,
    }
}

fn ended(entry: &Value, style: Style) -> String {
    match entry.get("result").and_then(Value::as_str) {
        Some("ok") => style.good("ok"),
        Some(other) => style.warning(&printable(other)),
        None => String::new(),
    }
}

fn reads(entry: &Value) -> String {
    let reads = entry.get("reads").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let shown = reads.iter().map(|read| {
        let text = |name: &str| read.get(name).and_then(Value::as_str).map(printable).unwrap_or_default();
        let place = [text("thing"), text("affordance")].join("/");
        let times = read.get("times").and_then(Value::as_u64).unwrap_or(1);
        format!("{}×{times}", place.trim_end_matches('/'))
    });
    format!("reads {}", shown.collect::<Vec<_>>().join(" "))
}

impl Render for Journal {
    fn text(&self, style: Style) -> String {
        let Some(verdict) = &self.verified else {
            let rows: Vec<_> = self.entries.iter().filter_map(|entry| self.row(entry, style)).collect();
            return table(&rows);
        };
        let mut lines = Vec::new();
        if verdict.faults.is_empty() {
            lines.push(format!(
                "{} {} entries of {} hold, up to {} {}.",
                style.good("Verified:"),
                verdict.entries,
                self.device,
                self.head.seq,
                short(&self.head.head)
            ));
        }
        lines.extend(verdict.faults.iter().map(|fault| format!("{} {fault}", style.bad("wrong:"))));
        lines.extend(verdict.unproven.iter().map(|what| format!("{} {what}", style.faint("not checked:"))));
        lines.join("\n")
    }
}
