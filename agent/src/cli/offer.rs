//! `streembit-agent offer`

use streembit_peer::offer::Fingerprint;

use super::{Context, Found};
use crate::control::{Call, Failure};

pub(super) const EXAMPLES: &str = "\
Examples:
  streembit-agent offer > garage.offer

The offer says where the device is and which key it has, signed by that key. It gives nobody a right, and nothing in it is
secret. Whoever gets it types `streembit contacts add FILE`, and compares the fingerprint with what you tell them.";

pub(super) fn execute(context: &Context) -> Result<Found, Failure> {
    let answer: serde_json::Value = context.ask(&Call::Offer)?;
    let member = |name| answer.get(name).and_then(serde_json::Value::as_str).unwrap_or_default();
    // Beside the offer and never in it: who could swap the one could swap the other.
    let note = format!(
        "Its fingerprint, to be told by another way than you send it: {} (the first {} characters are enough)",
        member("fingerprint"),
        Fingerprint::FEWEST
    );
    Ok(Found::new(&answer, member("offer").trim_end()).with_note(note))
}
