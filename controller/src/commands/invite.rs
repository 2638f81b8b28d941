//! `streembit invite`

mod admit;

use std::time::Duration;

use serde::Serialize;
use streembit_peer::link::{Link, LinkKind, Secret};
use streembit_peer::offer::Fingerprint;
use streembit_peer::rights::{Change, Grants, InvitationId, Label, Role, WeeklyHours};
use streembit_peer::words::{self, Allow};

pub use admit::Admitted;

use super::moment;
use crate::desk::{Desk, TIMEOUT};
use crate::error::{Failure, Outcome};
use crate::grants::{self, When};
use crate::output::{Render, Style};
use crate::{clock, rights};

/// The arguments of `streembit invite`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Examples:
  streembit invite garage --name Bea --role guest --allow door/open
  streembit invite garage --name Postman --allow door/open --weekly 'Mon-Sat 08:00-12:00 Europe/Budapest'
  streembit invite garage --name Carl --allow 'door/*:read,observe' --not-after 2027-01-01
  streembit invite garage --name Dora --role operator --expires 2d
  streembit invite garage --offer bea.offer --allow door/open
  streembit invite garage --offer bea.offer --fingerprint pQ3xW9_kT0vLm2Za --name Bea --role viewer

Without an operation, --allow means reading and observing a property, invoking an action, subscribing to an event.
Writing is never meant unless it is said: --allow lamp/brightness:read,write.

Send the link to nobody but the guest: whoever comes first with it is the guest. They run `streembit accept LINK`.

An offer that they made (`streembit offer`) needs no link and no secret: it is their key that is let in. What a mail brought
may be somebody else's, so have them tell you its fingerprint by another way, and name it.")]
pub struct Args {
    /// The device; may be left out where you have only one
    pub device: Option<String>,
    /// Let in whoever made the contact offer in this file, without a link; `-` for standard input
    #[arg(long, value_name = "FILE", conflicts_with = "expires")]
    pub offer: Option<String>,
    /// The offer's fingerprint, as they told it by another way: all of it, or at least its first 16 characters
    #[arg(long, value_name = "TEXT", requires = "offer", allow_hyphen_values = true)]
    pub fingerprint: Option<Fingerprint>,
    /// What the device is to call them [default with --offer: what the offer says]
    #[arg(long, required_unless_present = "offer")]
    pub name: Option<String>,
    /// What they are to be: guest (only what is allowed here), viewer, operator or owner
    #[arg(long, value_name = "ROLE", value_parser = role, default_value = "guest")]
    pub role: Role,
    /// What they may do, once or more: THING/AFFORDANCE, or THING/AFFORDANCE:read,write,observe,invoke,subscribe
    #[arg(long, value_name = "RIGHT")]
    pub allow: Vec<Allow>,
    /// From when on they may: 2026-12-24, or "2026-12-24 18:00"
    #[arg(long, value_name = "MOMENT", value_parser = grants::moment)]
    pub not_before: Option<i64>,
    /// Until when they may
    #[arg(long, value_name = "MOMENT", value_parser = grants::moment)]
    pub not_after: Option<i64>,
    /// In which hours of the week they may, once or more: "Mon-Fri 08:00-18:00 Europe/Budapest"
    #[arg(long, value_name = "HOURS", value_parser = grants::weekly)]
    pub weekly: Vec<WeeklyHours>,
    /// How long the link can be accepted
    #[arg(long, value_name = "TIME", value_parser = words::duration, default_value = "24h")]
    pub expires: Duration,
}

/// How somebody was invited.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub enum Invited {
    /// By a link.
    Link(Invitation),
    /// By their offer.
    Admitted(Admitted),
}

/// An invitation.
#[derive(Debug, Clone, Serialize)]
pub struct Invitation {
    /// The link to send.
    pub link: String,
    /// The invitation's id, by which it can be withdrawn.
    pub id: InvitationId,
    /// The device.
    pub device: String,
    /// Who is invited.
    pub name: Label,
    /// As what.
    pub role: Role,
    /// Until when the link can be accepted, in seconds since 1970.
    pub expires: i64,
    #[serde(skip)]
    qr: Option<String>,
}

/// Invites somebody: by their offer where there is one, else by a link.
pub async fn run(desk: &Desk, args: Args) -> Outcome<Invited> {
    match &args.offer {
        Some(file) => admit::run(desk, &args, file).await.map(Invited::Admitted),
        None => link(desk, &args).await.map(Invited::Link),
    }
}

/// Signs the invitation, hands it to the device, and makes the link.
async fn link(desk: &Desk, args: &Args) -> Outcome<Invitation> {
    let contact = desk.home().contacts()?.one(args.device.as_deref())?;
    // The command line has it or an offer.
    let name = label(args.name.as_deref().unwrap_or_default())?;
    let grants = self::grants(desk, &contact, args).await?;
    let expires = clock::Deadline::after(args.expires).wall().as_second();

    let secret = Secret::generate(&mut streembit_keys::rng::system());
    let secret_hash = secret.hash();
    let id = secret_hash.invitation_id();
    rights::change(desk, &contact.name, |_| {
        let (name, role, grants) = (name.clone(), args.role, grants.clone());
        Ok(Change::Invite { id, secret_hash, name, role, grants, expires })
    })
    .await?;

    let hints = contact.addresses.iter().filter_map(|text| text.parse().ok()).take(Link::MAX_HINTS).collect();
    let link = Link { kind: LinkKind::Invitation, device: contact.key.thumbprint(), secret, hints };
    Ok(Invitation {
        qr: link.qr(),
        link: link.to_uri(),
        id,
        device: contact.name,
        name,
        role: args.role,
        expires,
    })
}

async fn grants(desk: &Desk, contact: &crate::home::Contact, args: &Args) -> Outcome<Grants> {
    let when = When { not_before: args.not_before, not_after: args.not_after, weekly: args.weekly.clone() };
    if args.allow.is_empty() {
        if args.role == Role::Guest {
            return Err(Failure::usage("A guest may do only what is allowed, and nothing is.")
                .or("Add `--allow THING/AFFORDANCE`, or choose another `--role`."));
        }
        if when != When::default() {
            return Err(Failure::usage("Times hold for what `--allow` names, and it names nothing.")
                .or("Add `--allow THING/AFFORDANCE`."));
        }
        return Ok(Grants::default());
    }
    // What there is to allow is looked up on the device, where typing mistakes show.
    desk.refresh(contact, TIMEOUT).await?;
    grants::grants(&args.allow, &when, &desk.home().contacts()?.listing(contact)?)
}

fn label(name: &str) -> Outcome<Label> {
    name.parse().map_err(|e| Failure::usage(format!("`--name`: {e}.")))
}

/// The roles that an invitation can give. (The recovery key is set on the device.)
fn role(text: &str) -> Result<Role, String> {
    [Role::Guest, Role::Viewer, Role::Operator, Role::Owner]
        .into_iter()
        .find(|role| role.as_str() == text)
        .ok_or_else(|| "write guest, viewer, operator or owner".to_owned())
}

impl Render for Invited {
    fn text(&self, style: Style) -> String {
        match self {
            Self::Link(invitation) => invitation.text(style),
            Self::Admitted(admitted) => admitted.text(style),
        }
    }
}

impl Render for Invitation {
    fn text(&self, style: Style) -> String {
        let mut lines = vec![format!(
            "{} {} to {} as {}. Send them this link, which can be accepted until {}:",
            style.good("Invited"),
            style.strong(&self.name),
            self.device,
            self.role,
            moment(self.expires)
        )];
        lines.push(self.link.clone());
        lines.push("They run: streembit accept 'LINK'".to_owned());
        // Last, where a small terminal still shows it.
        lines.extend(self.qr.clone().filter(|_| style.is_terminal()));
        lines.join("\n")
    }
}
