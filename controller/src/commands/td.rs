//! `streembit td`

use serde::Serialize;
use serde_json::Value;

use super::Patience;
use crate::address::Typed;
use crate::desk::Desk;
use crate::directory::ThingListing;
use crate::error::{Failure, Outcome};
use crate::output::{Render, Style, printable};

/// The arguments of `streembit td`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Examples:
  streembit td garage/door
  streembit td door | jq .actions

It is the W3C Thing Description that the device built up for you: what you may not use is not in it.")]
pub struct Args {
    /// The Thing: DEVICE/THING, or THING where one device has it
    pub address: Typed,
    /// How long to wait.
    #[command(flatten)]
    pub patience: Patience,
}

/// A Thing Description.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Description(pub Value);

/// Reads the Thing Description of one Thing, as it is now.
pub async fn run(desk: &Desk, args: Args) -> Outcome<Description> {
    let (contact, thing) = desk.thing(&args.address).await?;
    let things = desk.refresh(&contact, args.patience.timeout).await?;
    let found = things.into_iter().filter_map(ThingListing::from_td).find(|found| found.name == thing);
    found.map(|found| Description(found.td)).ok_or_else(|| Failure::refused(&contact.name))
}

impl Render for Description {
    fn text(&self, _style: Style) -> String {
        printable(&serde_json::to_string_pretty(&self.0).unwrap_or_default())
    }
}
