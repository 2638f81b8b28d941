//! `streembit-agent revoke`

use serde_json::Value;
use streembit_peer::rights::InvitationId;

use super::{Context, Found};
use crate::control::{Call, Failure};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  streembit-agent revoke Bob                       by name
  streembit-agent revoke 5kF2                      by the beginning of the key, as `contacts` shows it
  streembit-agent revoke Ada --last-owner          although nobody else is an owner
  streembit-agent revoke --invitation 3q2-7wAAAAA  an invitation that nobody accepted yet

Open sessions of the contact end before this returns. A revoked key never comes back.")]
pub(super) struct Args {
    /// The contact: its name, its key, or the beginning of its key
    #[arg(required_unless_present = "invitation", allow_hyphen_values = true)]
    contact: Option<String>,

    /// Also where it is the last owner: from then on only a recovery key or a factory reset makes another
    #[arg(long, conflicts_with = "invitation")]
    last_owner: bool,

    /// Take this invitation back instead
    #[arg(long, value_name = "ID", conflicts_with = "contact", value_parser = parse_invitation)]
    invitation: Option<InvitationId>,
}

fn parse_invitation(text: &str) -> Result<InvitationId, String> {
    text.parse().map_err(|_| format!("`{text}` is no invitation: `streembit-agent contacts` lists them"))
}

pub(super) fn execute(context: &Context, args: Args) -> Result<Found, Failure> {
    let (call, what) = match (args.invitation, args.contact) {
        (Some(id), _) => (Call::Withdraw { id }, format!("The invitation {id} counts no longer.")),
        (None, contact) => {
            let contact = contact.unwrap_or_default();
            let done = format!("`{contact}` may do nothing here any more, and has no open session.");
            (Call::Revoke { contact, last_owner: args.last_owner }, done)
        }
    };
    let answer: Value = context.ask(&call)?;
    Ok(Found::new(&answer, what))
}
