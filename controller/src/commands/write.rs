//! `streembit write`

use serde::Serialize;
use serde_json::Value;
use streembit_peer::message::{Operation, Receipt};

use super::Patience;
use crate::address::{Kind, Typed};
use crate::desk::{self, Desk};
use crate::directory::Entry;
use crate::error::Outcome;
use crate::output::{Render, Style, show_value};
use crate::value;

/// The arguments of `streembit write`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Examples:
  streembit write hall/lamp/brightness 40
  streembit write mode eco              a bare word, where the schema says string
  streembit write limits '{\"low\": 18, \"high\": 24}'
  streembit write limits @limits.json
  jq .limits house.json | streembit write limits -")]
pub struct Args {
    /// The property: DEVICE/THING/PROPERTY, or as much of it as is not ambiguous
    pub address: Typed,
    /// The value in JSON; a bare word where the schema says string; `-` for standard input; `@FILE` for a file
    #[arg(allow_hyphen_values = true)]
    pub value: String,
    /// How long to wait.
    #[command(flatten)]
    pub patience: Patience,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Written {
    /// The property.
    pub address: String,
    /// What it was set to.
    pub value: Value,
    /// Where the device's journal has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt: Option<Receipt>,
}

/// Writes a property.
pub async fn run(desk: &Desk, args: Args) -> Outcome<Written> {
    let found = desk.find(&args.address, Kind::Property).await?;
    let schema = found.entry().and_then(Entry::input);
    let value = value::parse(&args.value, schema, &mut std::io::stdin())?;
    let op = Operation::WriteProperty;
    let call = desk::call(found.address(), op, Some(value.clone()), args.patience.timeout);
    let answered = desk.call(call).await.map_err(|e| desk::explained(e, &found, op))?;
    Ok(Written { address: found.address().to_string(), value, receipt: answered.receipt })
}

impl Render for Written {
    fn text(&self, style: Style) -> String {
        format!("{} = {}", self.address, style.strong(&show_value(&self.value)))
    }
}
