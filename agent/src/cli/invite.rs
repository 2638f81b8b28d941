//! `streembit-agent invite`

use std::time::Duration;

use streembit_peer::rights::{Label, Role};

use super::pair::{parse_role, text_of};
use super::{Context, Found, show};
use crate::control::answer::MadeLink;
use crate::control::{Call, Failure, InviteArgs};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  streembit-agent invite --name Bob --role operator
  streembit-agent invite --name Eve --role viewer --valid 2d

The other side types `streembit accept LINK`. `revoke --invitation ID` takes it back.")]
pub(super) struct Args {
    /// What people call the contact
    #[arg(long, value_parser = parse_label)]
    name: Label,

    /// What it becomes
    #[arg(long, value_parser = parse_role)]
    role: Role,

    /// For how long the link can be accepted
    #[arg(long, value_name = "TIME", default_value = "1d", value_parser = show::parse_span)]
    valid: Duration,
}

fn parse_label(text: &str) -> Result<Label, String> {
    text.parse::<Label>().map_err(|error| error.to_string())
}

pub(super) fn execute(context: &Context, args: Args) -> Result<Found, Failure> {
    let Args { name, role, valid } = args;
    // The parser allows a year at most.
    let valid_for = u32::try_from(valid.as_secs()).unwrap_or(u32::MAX);
    let who = format!("Whoever follows this link becomes a contact of this device: {name}, {role}.");
    let made: MadeLink =
        context.ask(&Call::Invite(InviteArgs { name, role, grants: Default::default(), valid_for }))?;
    let take_back = made
        .invitation
        .as_ref()
        .map(|id| format!("\nTo take it back: streembit-agent revoke --invitation {id}"));
    let text = format!("{}{}", text_of(&made, &who, "accept"), take_back.unwrap_or_default());
    Ok(Found::new(&made, text))
}
