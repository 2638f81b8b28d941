//! `streembit-agent log`

use serde::Deserialize as _;
use serde_json::Value;
use streembit_peer::rights::{Change, SignedChange};

use super::{Context, Found, show};
use crate::control::{Call, Failure};
use crate::journal::{Body, DenialRecord, What};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  streembit-agent log                    the newest entries
  streembit-agent log --from 1 --limit 100
  streembit-agent log --denied           what was refused lately, and why
  streembit-agent --json log | jq .      with hashes, and the signed requests")]
pub(super) struct Args {
    /// Begin with this entry instead of showing the newest
    #[arg(long, value_name = "NUMBER")]
    from: Option<u64>,

    /// Show what was refused, to whom and why, the newest first. Who was refused is told less than this
    #[arg(long, conflicts_with = "from")]
    denied: bool,

    /// How many entries at most
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
}

pub(super) fn execute(context: &Context, args: &Args) -> Result<Found, Failure> {
    let limit = usize::from(args.limit);
    if args.denied {
        let answer: Value = context.ask(&Call::Denials { limit })?;
        return Ok(Found::new(&answer, denials_of(&answer)));
    }
    let answer: Value = context.ask(&Call::Log { from: args.from, limit })?;
    let text = text_of(&answer);
    Ok(Found::new(&answer, text))
}

fn denials_of(answer: &Value) -> String {
    let denials = answer.get("denials").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if denials.is_empty() {
        return "Nothing was refused lately.".to_owned();
    }
    let names = answer.get("names");
    let rows: Vec<Vec<String>> = denials
        .iter()
        .filter_map(|record| DenialRecord::deserialize(record).ok())
        .map(|DenialRecord { at, times, denial, .. }| {
            let at = at.map_or_else(|| "(time unknown)".to_owned(), show::moment);
            let op = denial.op.map_or_else(|| "a request".to_owned(), |op| op.to_string());
            let place = [denial.thing, denial.affordance].into_iter().flatten();
            let place = place.map(|name| name.to_string()).collect::<Vec<_>>().join("/");
            let caller = denial.caller.map(|caller| who(&caller, names)).unwrap_or_default();
            let source = denial.source.map(|source| format!("from {source}")).unwrap_or_default();
            let times = if times > 1 { format!("{times} times") } else { String::new() };
            vec![at, caller, source, format!("{op} {place}"), denial.why.into_owned(), times]
        })
        .collect();
    show::table(&rows)
}

fn text_of(answer: &Value) -> String {
    let entries = answer.get("entries").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if entries.is_empty() {
        return "There are no such entries.".to_owned();
    }
    let names = answer.get("names");
    let rows: Vec<Vec<String>> = entries
        .iter()
        .filter_map(|entry| Body::deserialize(entry).ok())
        .map(|body| {
            let at = body.at.map_or_else(|| "(time unknown)".to_owned(), show::moment);
            vec![format!("{:>6}", body.seq), at, describe(&body.what, names)]
        })
        .collect();
    show::table(&rows)
}

/// A contact by name where it has one.
fn who(contact: &streembit_keys::Thumbprint, names: Option<&Value>) -> String {
    let key = contact.to_string();
    match names.and_then(|names| names.get(&key)).and_then(Value::as_str) {
        Some(name) => name.to_owned(),
        None => format!("{}…", key.get(..12).unwrap_or(&key)),
    }
}

fn describe(what: &What, names: Option<&Value>) -> String {
    match what {
        What::Start { version } => format!("the agent started, version {version}"),
        What::Intent { contact, op, thing, affordance, .. } => {
            let affordance = affordance.as_ref().map(|name| format!("/{name}")).unwrap_or_default();
            format!("{}: {op} {thing}{affordance}", who(contact, names))
        }
        What::Outcome { intent, result, .. } => format!("entry {intent}: {}", word(result)),
        What::Completed { intent, result, .. } => format!("entry {intent} completed: {}", word(result)),
        What::NothingMoved { intent } => {
            format!("entry {intent}: the agent went down before anything moved")
        }
        What::OutcomeUnknown { intent, because } => {
            format!("entry {intent}: outcome unknown ({})", word(because))
        }
        What::Reads { reads, unlisted } => {
            let times: u64 = reads.iter().map(|read| read.times).sum::<u64>() + unlisted;
            format!("{times} reads")
        }
        What::Rights { number, change } => {
            // The device answers for its own journal; `journal verify` checks it.
            let change = SignedChange::parse(change).ok();
            match change.as_ref().map(|change| change.claimed_change()) {
                Some(Change::Restore { generation, .. }) => {
                    format!(
                        "the device was restored from a backup, time {generation}; change {number} of rights"
                    )
                }
                _ => format!("rights changed, change {number}"),
            }
        }
        What::InputsDropped { from, through, inputs } => {
            format!("{inputs} inputs of entries {from} to {through} were dropped")
        }
        What::Cut { through } => format!("entries up to {through} were removed for age or number"),
    }
}

/// The name that a value has in JSON.
fn word(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(word)) => word,
        Ok(other) => other.to_string(),
        Err(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_denial_is_one_line_that_says_who_what_and_why() {
        let caller = streembit_keys::Thumbprint::from_bytes([1; 32]).to_string();
        let denial = json!({
            "number": 7, "times": 3, "source": "192.0.2.1", "caller": caller, "op": "invokeaction",
            "thing": "door", "affordance": "open", "why": "not at this time",
        });
        let text = denials_of(&json!({ "denials": [denial], "names": { (caller): "Bob" } }));
        for word in ["Bob", "from 192.0.2.1", "invokeaction door/open", "not at this time", "3 times"] {
            assert!(text.contains(word), "{word}: {text}");
        }
        assert_eq!(text.lines().count(), 1, "{text}");
    }
}
