//! `streembit contacts`

use serde::Serialize;

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
  streembit contacts rename device-x7kq garage
  streembit contacts forget garage")]
pub struct Args {
    /// What to do with them [default: list them]
    #[command(subcommand)]
    pub change: Option<Change>,
}

/// What can be done with a contact.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum Change {
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
    /// What was seen, if its journal was seen to have gone back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub went_back: Option<String>,
}

/// Changes a contact, or lists them all.
pub fn run(desk: &Desk, args: Args) -> Outcome<Listed> {
    desk.home().identity()?;
    let contacts = desk.home().contacts()?;
    match args.change {
        Some(Change::Rename { from, to }) => contacts.rename(&from, &to)?,
        Some(Change::Forget { name }) => contacts.forget(&name)?,
        None => {}
    }
    let lines = contacts.all()?.into_iter().map(|contact| Line {
        fingerprint: contact.key.thumbprint().to_string(),
        name: contact.name,
        role: contact.role,
        paired: contact.paired,
        addresses: contact.addresses,
        head: contact.head,
        went_back: contact.went_back,
    });
    Ok(Listed(lines.collect()))
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
