//! `streembit pair`

use std::io::Read as _;

use serde::Serialize;

use super::{Patience, short};
use crate::desk::Desk;
use crate::directory::ThingListing;
use crate::door::{Meeting, Met};
use crate::error::{Failure, Outcome};
use crate::output::{Render, Style, printable};

/// The arguments of `streembit pair`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Examples:
  streembit pair 'streembit:pair/…'
  streembit pair --as garage 'streembit:pair/…'
  streembit pair - < link.txt

The device shows the link, also as a QR code: `streembit-agent pair`. It is good for ten minutes and for one person.")]
pub struct Args {
    /// The link, or `-` to read it from standard input
    pub link: String,
    /// The name that the device is to have here [default: its own]
    #[arg(long = "as", value_name = "NAME")]
    pub name: Option<String>,
    /// How long to wait.
    #[command(flatten)]
    pub patience: Patience,
}

/// A device that was met.
#[derive(Debug, Clone, Serialize)]
pub struct Paired {
    /// Who it is, and what we are to it.
    #[serde(flatten)]
    pub met: Met,
    /// The Things that we may use, by name and title.
    pub things: Vec<Named>,
}

/// A Thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Named {
    /// Its name in addresses.
    pub name: String,
    /// Its title for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
}

/// Pairs with the device of a pairing link.
pub async fn run(desk: &Desk, args: Args) -> Outcome<Paired> {
    meet(desk, args.link, args.name, args.patience, false).await
}

/// Follows a link of either kind, and finds out what the device offers.
pub(super) async fn meet(
    desk: &Desk,
    link: String,
    name: Option<String>,
    patience: Patience,
    invitation: bool,
) -> Outcome<Paired> {
    let link = if link == "-" { from_stdin()? } else { link };
    let door = desk.door().await?;
    let progress = desk.output().progress("Looking for the device");
    let met = door.meet(Meeting { link, invitation, name, timeout: patience.timeout }).await?;
    drop(progress);
    let contact = desk.home().contacts()?.get(&met.device)?;
    // The contact is made; a device that will not say what it has is still paired.
    let things = desk.refresh(&contact, patience.timeout).await.unwrap_or_default();
    let things = things.into_iter().filter_map(ThingListing::from_td);
    let things = things.map(|t| Named { title: t.title().map(str::to_owned), name: t.name }).collect();
    Ok(Paired { met, things })
}

fn from_stdin() -> Outcome<String> {
    let mut text = String::new();
    // No link is longer: this only bounds what is read.
    std::io::stdin()
        .take(4096)
        .read_to_string(&mut text)
        .map_err(|e| Failure::invalid(format!("Cannot read the link: {e}.")))?;
    Ok(text.trim().to_owned())
}

impl Render for Paired {
    fn text(&self, style: Style) -> String {
        let Met { device, fingerprint, role } = &self.met;
        let role =
            role.as_deref().map(|role| format!(" You are its {}.", printable(role))).unwrap_or_default();
        let mut lines = vec![format!(
            "{} {} ({}).{role}",
            style.good("Paired with"),
            style.strong(device),
            short(fingerprint)
        )];
        for thing in &self.things {
            let title = thing.title.as_deref().map(|t| format!("  {}", printable(t))).unwrap_or_default();
            lines.push(format!("  {device}/{}{}", thing.name, style.faint(&title)));
        }
        lines.push("Next: `streembit ls` shows what they can do.".to_owned());
        lines.join("\n")
    }
}
