//! `streembit contacts`

mod add;

use serde::Serialize;
use streembit_peer::offer::Fingerprint;

pub use add::Added;

use super::{moment, short};
use crate::desk::Desk;
use crate::error::Outcome;
use crate::home::Head;
use crate::output::{Render, Style, printable, table};

/// The arguments of `streembit contacts`.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(after_help = "\
Examples:
  streembit contacts
  streembit contacts add garage.offer --as garage
  streembit contacts verify garage pQ3xW9_kT0vLm2Za
  streembit contacts rename device-x7kq garage
  streembit contacts forget garage

A device that you paired with by a link is verified: the link brought its fingerprint. One that you added by its offer is
unverified until you compared the fingerprint by another way.")]
pub struct Args {
    /// What to do with them [default: list them]
    #[command(subcommand)]
    pub change: Option<Change>,
}

/// What can be done with a contact.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum Change {
    /// Add a device by its contact offer, as `streembit-agent offer` makes it
    #[command(after_help = "\
Examples:
  streembit contacts add garage.offer
  streembit contacts add garage.offer --as garage --fingerprint pQ3xW9_kT0vLm2Za
  streembit contacts add - < mail.txt

It gives you no right on the device. Its owner lets you in by your offer: `streembit invite DEVICE --offer FILE`.")]
    Add {
        /// The file with the offer, which may have other text around it; `-` for standard input
        file: String,
        /// The name that the device is to have here [default: its own]
        #[arg(long = "as", value_name = "NAME")]
        name: Option<String>,
        /// The offer's fingerprint, as somebody at the device told it by another way: all of it, or at least its first 16
        /// characters
        #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
        fingerprint: Option<Fingerprint>,
    },
    /// Compare a device's fingerprint with what somebody at the device told you by another way
    #[command(after_help = "\
Examples:
  streembit contacts verify garage pQ3xW9_kT0vLm2Za
  streembit contacts verify garage 'pQ3x W9_k T0vL m2Za'

At the device, `streembit-agent offer` shows it. Exit code 3 says that it is another.")]
    Verify {
        /// Its name here
        name: String,
        /// The fingerprint, or at least its first 16 characters
        #[arg(allow_hyphen_values = true)]
        fingerprint: Fingerprint,
    },
    /// Give a device another name here
    Rename {
        /// Its name now
        from: String,
        /// Its new name
        to: String,
    },
    /// Forget a device. It keeps your rights: to give them up, ask an owner to revoke them
    Forget {
        /// Its name
        name: String,
    },
}

/// What the contacts are now.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub enum Found {
    /// One was added.
    Added(Added),
    /// All of them.
    Listed(Listed),
}

/// The contacts.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub struct Listed(Vec<Line>);

/// One contact.
#[derive(Debug, Clone, Serialize)]
pub struct Line {
    /// Its name here.
    pub name: String,
    /// Its key's fingerprint.
    pub fingerprint: String,
    /// Whether that came by another way than the key.
    pub verified: bool,
    /// What we are to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Since when, in seconds since 1970.
    pub paired: i64,
    /// Where it is dialled.
    pub addresses: Vec<String>,
    /// The newest journal head that it has shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head: Option<Head>,
    /// How often it was made anew out of a backup, as it last said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generation: Option<u32>,
    /// What was seen, if its journal was seen to have gone back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub went_back: Option<String>,
}

/// Changes a contact, or lists them all.
pub fn run(desk: &Desk, args: Args) -> Outcome<Found> {
    desk.home().identity()?;
    let contacts = desk.home().contacts()?;
    match args.change {
        Some(Change::Add { file, name, fingerprint }) => {
            return add::add(desk, &file, name, fingerprint.as_ref()).map(Found::Added);
        }
        Some(Change::Verify { name, fingerprint }) => add::verify(desk, &name, &fingerprint)?,
        Some(Change::Rename { from, to }) => contacts.rename(&from, &to)?,
        Some(Change::Forget { name }) => contacts.forget(&name)?,
        None => {}
    }
    let lines = contacts.all()?.into_iter().map(|contact| Line {
        fingerprint: contact.key.thumbprint().to_string(),
        name: contact.name,
        verified: contact.verified,
        role: contact.role,
        paired: contact.paired,
        addresses: contact.addresses,
        head: contact.head,
        generation: contact.generation,
        went_back: contact.went_back,
    });
    Ok(Found::Listed(Listed(lines.collect())))
}

impl Render for Found {
    fn text(&self, style: Style) -> String {
        match self {
            Self::Added(added) => added.text(style),
            Self::Listed(listed) => listed.text(style),
        }
    }
}

impl Render for Listed {
    fn text(&self, style: Style) -> String {
        if self.0.is_empty() {
            return crate::address::no_device().to_string();
        }
        let rows: Vec<Vec<String>> = self
            .0
            .iter()
            .map(|line| {
                vec![
                    style.strong(&line.name),
                    short(&line.fingerprint).to_owned(),
                    if line.verified { style.faint("verified") } else { style.warning("unverified") },
                    printable(line.role.as_deref().unwrap_or("-")),
                    style.faint(&format!("since {}", moment(line.paired))),
                    line.addresses.first().cloned().unwrap_or_default(),
                    if line.went_back.is_some() { style.bad("journal went back") } else { String::new() },
                ]
            })
            .collect();
        table(&rows)
    }
}
