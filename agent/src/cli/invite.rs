//! `streembit-agent invite`

use std::time::Duration;

use jiff::tz::TimeZone;
use streembit_peer::exit::Exit;
use streembit_peer::offer::Fingerprint;
use streembit_peer::rights::{Label, Role, WeeklyHours};
use streembit_peer::words::{self, Allow};

use super::pair::{parse_role, text_of};
use super::{Context, Found, admit};
use crate::control::answer::MadeLink;
use crate::control::{AdmitArgs, Allowance, Call, Failure, InviteArgs};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  streembit-agent invite --name Bea --allow door/open
  streembit-agent invite --name Postman --allow door/open --weekly 'Mon-Sat 08:00-12:00 Europe/Budapest'
  streembit-agent invite --name Dora --role operator --expires 2d
  streembit-agent invite --offer bea.offer --allow door/open
  streembit-agent invite --offer bea.offer --fingerprint pQ3xW9_kT0vLm2Za --name Bea --role viewer

Without an operation, --allow means reading and observing a property, invoking an action, subscribing to an event.
Writing is never meant unless it is said: --allow lamp/brightness:read,write.

The other side types `streembit accept LINK`. `revoke --invitation ID` takes it back.

An offer that they made (`streembit offer`) needs no link and no secret: it is their key that is let in. What a mail brought
may be somebody else's, so have them tell you its fingerprint by another way, and name it.")]
pub(super) struct Args {
    /// Let in whoever made the contact offer in this file, without a link; `-` for standard input
    #[arg(long, value_name = "FILE", conflicts_with = "expires")]
    offer: Option<String>,

    /// The offer's fingerprint, as they told it by another way: all of it, or at least its first 16 characters
    #[arg(long, value_name = "TEXT", requires = "offer", allow_hyphen_values = true)]
    fingerprint: Option<Fingerprint>,

    /// What the device is to call them [default with --offer: what the offer says]
    #[arg(long, value_parser = parse_label, required_unless_present = "offer")]
    name: Option<Label>,

    /// What they are to be: guest (only what is allowed here), viewer or operator
    #[arg(long, value_parser = parse_role, default_value = "guest")]
    role: Role,

    /// What they may do, once or more: THING/AFFORDANCE, or THING/AFFORDANCE:read,write,observe,invoke,subscribe
    #[arg(long, value_name = "RIGHT", value_parser = parse_allow)]
    allow: Vec<String>,

    /// From when on they may: 2026-12-24, or "2026-12-24 18:00"
    #[arg(long, value_name = "MOMENT", value_parser = parse_moment)]
    not_before: Option<i64>,

    /// Until when they may
    #[arg(long, value_name = "MOMENT", value_parser = parse_moment)]
    not_after: Option<i64>,

    /// In which hours of the week they may, once or more: "Mon-Fri 08:00-18:00 Europe/Budapest"
    #[arg(long, value_name = "HOURS", value_parser = parse_weekly)]
    weekly: Vec<WeeklyHours>,

    /// How long the link can be accepted
    #[arg(long, value_name = "TIME", value_parser = words::duration, default_value = "24h")]
    expires: Duration,
}

fn parse_label(text: &str) -> Result<Label, String> {
    text.parse::<Label>().map_err(|error| error.to_string())
}

/// Looked at here, for a good error; the device, which has the Things, reads it again.
fn parse_allow(text: &str) -> Result<String, String> {
    text.parse::<Allow>().map(|_| text.to_owned())
}

fn parse_moment(text: &str) -> Result<i64, String> {
    words::moment(text, &TimeZone::system())
}

fn parse_weekly(text: &str) -> Result<WeeklyHours, String> {
    words::weekly(text, TimeZone::system().iana_name())
}

pub(super) fn execute(context: &Context, args: Args) -> Result<Found, Failure> {
    let Args { offer, fingerprint, name, role, allow: rights, not_before, not_after, weekly, expires } = args;
    let allow = Allowance { rights, not_before, not_after, weekly };
    let name = match (offer, name) {
        (Some(file), name) => {
            let offer = admit::offer(&file)?;
            return admit::execute(context, AdmitArgs { offer, fingerprint, name, role, allow });
        }
        (None, Some(name)) => name,
        // The parser lets nobody through without either.
        (None, None) => return Err(Failure::new(Exit::Usage, "say who is invited: `--name` or `--offer`")),
    };
    let who = format!("Whoever follows this link becomes a contact of this device: {name}, {role}.");
    // The parser allows ten years at most.
    let valid_for = u32::try_from(expires.as_secs()).unwrap_or(u32::MAX);
    let made: MadeLink = context.ask(&Call::Invite(InviteArgs { name, role, allow, valid_for }))?;
    let id = made.invitation.as_ref().map(ToString::to_string).unwrap_or_default();
    let text = format!(
        "{}\nTo take it back: streembit-agent revoke --invitation {id}",
        text_of(&made, &who, "accept")
    );
    Ok(Found::new(&made, text))
}
