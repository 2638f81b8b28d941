//! `streembit read`

use serde::Serialize;
use serde_json::Value;
use streembit_peer::message::Operation;

use super::Patience;
use crate::address::{Kind, Typed};
use crate::desk::{self, Desk};
use crate::door::Call;
use crate::error::Outcome;
use crate::output::{Render, Style, printable, show_value, table};

/// The arguments of `streembit read`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Examples:
  streembit read garage/door/state
  streembit read state                  where no other Thing has one
  streembit read --all garage/door
  streembit read state --json | jq .value")]
pub struct Args {
    /// The property: DEVICE/THING/PROPERTY, or as much of it as is not ambiguous. With --all: DEVICE/THING
    pub address: Typed,
    /// Read every property of the Thing
    #[arg(long)]
    pub all: bool,
    /// How long to wait.
    #[command(flatten)]
    pub patience: Patience,
}

/// What was read.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reading {
    /// The property, or the Thing where all were read.
    pub address: String,
    /// Its value; an object by property where all were read.
    pub value: Value,
    #[serde(skip)]
    all: bool,
}

/// Reads a property, or all of a Thing.
pub async fn run(desk: &Desk, args: Args) -> Outcome<Reading> {
    let timeout = args.patience.timeout;
    if args.all {
        let (contact, thing) = desk.thing(&args.address).await?;
        let call = Call {
            device: contact.name.clone(),
            op: Operation::ReadAllProperties,
            thing: thing.clone(),
            affordance: None,
            input: None,
            timeout,
            wait: true,
        };
        let value = desk.call(call).await?.value;
        return Ok(Reading { address: format!("{}/{thing}", contact.name), value, all: true });
    }
    let found = desk.find(&args.address, Kind::Property).await?;
    let call = desk::call(found.address(), Operation::ReadProperty, None, timeout);
    let answered = desk.call(call).await.map_err(|e| desk::explained(e, &found, Operation::ReadProperty))?;
    Ok(Reading { address: found.address().to_string(), value: answered.value, all: false })
}

impl Render for Reading {
    fn text(&self, style: Style) -> String {
        match &self.value {
            Value::Object(values) if self.all => {
                let rows: Vec<Vec<String>> = values
                    .iter()
                    .map(|(name, value)| vec![style.strong(&printable(name)), show_value(value)])
                    .collect();
                table(&rows)
            }
            value => show_value(value),
        }
    }
}
