//! `streembit-agent offer`

use super::{Context, Found};
use crate::control::{Call, Failure};

pub(super) fn execute(context: &Context) -> Result<Found, Failure> {
    let answer: serde_json::Value = context.ask(&Call::Offer)?;
    let text =
        answer.get("offer").and_then(serde_json::Value::as_str).unwrap_or_default().trim_end().to_owned();
    Ok(Found::new(&answer, text))
}
