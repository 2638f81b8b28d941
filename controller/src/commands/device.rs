//! `streembit device`

mod check;

use serde::Serialize;
use serde_json::Value;

use super::{moment, short};
use crate::desk::{Desk, TIMEOUT};
use crate::error::{Exit, Failure, Outcome};
use crate::home::Head;
use crate::output::{Render, Style, printable, show_value, table};

/// The arguments of `streembit device`.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// What to do
    #[command(subcommand)]
    pub what: What,
}

/// What can be done with a device.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum What {
    /// Show how a device is
    #[command(after_help = "\
Examples:
  streembit device status
  streembit device status garage --json | jq .status.things

Exit code 1 says that the device's journal went back: it was cut off, rewritten, or restored from a copy.")]
    Status {
        /// The device; may be left out where you have only one
        device: Option<String>,
    },
    /// See whether all is well on a device, or what to do about it
    #[command(after_help = "\
Examples:
  streembit device check
  streembit device check garage --json | jq '.points[] | select(.level != \"ok\")'

It is for owners, and for whom an owner let: `streembit invite … --allow device/health`. Whoever stands at the device asks
`streembit-agent check`, which has the same numbers. Exit code 1 says that something does not work.")]
    Check {
        /// The device; may be left out where you have only one
        device: Option<String>,
    },
}

/// What was asked of a device.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub enum Asked {
    /// How it is.
    Status(Box<Status>),
    /// Whether all is well.
    Check(check::Checked),
}

/// How a device is.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    /// Its name here.
    pub device: String,
    /// Its key's fingerprint.
    pub fingerprint: String,
    /// What it says of itself; each part only if we may know it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Value>,
    /// The version of its program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<Value>,
    /// What the factory wrote on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<Value>,
    /// Where its journal stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub journal: Option<Head>,
    /// What was seen, if its journal went back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub went_back: Option<String>,
}

/// Asks a device.
pub async fn run(desk: &Desk, args: Args) -> Outcome<Asked> {
    match args.what {
        What::Status { device } => status(desk, device).await.map(Box::new).map(Asked::Status),
        What::Check { device } => check::run(desk, device.as_deref()).await.map(Asked::Check),
    }
}

async fn status(desk: &Desk, device: Option<String>) -> Outcome<Status> {
    let contact = desk.home().contacts()?.one(device.as_deref())?;
    let property = |name| known(desk, &contact.name, name);
    let (status, version, identity) =
        futures::try_join!(property("status"), property("version"), property("identity"))?;
    let (journal, went_back) = match super::log::head(desk, &contact).await {
        Ok((signed, went_back)) => (Some(Head { seq: signed.seq, head: signed.head.to_string() }), went_back),
        Err(failure) if failure.exit == Exit::Refused => (None, contact.went_back.clone()),
        Err(failure) => return Err(failure),
    };
    let fingerprint = contact.key.thumbprint().to_string();
    Ok(Status { device: contact.name, fingerprint, status, version, identity, journal, went_back })
}

/// A property of the device, if we may know it.
async fn known(desk: &Desk, device: &str, name: &str) -> Outcome<Option<Value>> {
    match desk.device_property(device, name, TIMEOUT).await {
        Ok(value) => Ok(Some(value)),
        Err(failure) if failure.exit == Exit::Refused && failure.message.starts_with("Refused") => Ok(None),
        Err(failure) => Err(failure),
    }
}

impl Asked {
    /// A failure if something is wrong with the device.
    pub fn verdict(&self) -> Outcome<()> {
        match self {
            Self::Status(status) => status.verdict(),
            Self::Check(checked) => checked.verdict(),
        }
    }
}

impl Render for Asked {
    fn text(&self, style: Style) -> String {
        match self {
            Self::Status(status) => status.text(style),
            Self::Check(checked) => checked.text(style),
        }
    }
}

impl Status {
    /// A failure if the journal went back.
    pub fn verdict(&self) -> Outcome<()> {
        match &self.went_back {
            None => Ok(()),
            Some(seen) => Err(Failure::because(format!("The journal of {} went back: {seen}.", self.device))
                .or(format!(
                    "`streembit log {} --verify` says more. Ask whoever looks after it what happened.",
                    self.device
                ))),
        }
    }
}

impl Render for Status {
    fn text(&self, style: Style) -> String {
        let mut rows = vec![vec![style.strong(&self.device), short(&self.fingerprint).to_owned()]];
        let mut row = |name: &str, value: String| rows.push(vec![format!("  {}", style.faint(name)), value]);
        if let Some(version) = &self.version {
            row("version", show_value(version));
        }
        for (name, value) in self.identity.iter().filter_map(Value::as_object).flatten() {
            row(&printable(name), show_value(value));
        }
        for (name, value) in self.status.iter().filter_map(Value::as_object).flatten() {
            match (name.as_str(), value) {
                ("uptime", value) => {
                    let span = std::time::Duration::from_secs(value.as_u64().unwrap_or_default());
                    row("uptime", streembit_peer::words::show_duration(span));
                }
                ("time", value) => row("time", value.as_i64().map(moment).unwrap_or_default()),
                ("things", Value::Object(things)) => {
                    for (thing, health) in things {
                        let health = show_value(health);
                        let shown =
                            if health == "running" { style.good(&health) } else { style.bad(&health) };
                        row(&format!("{}/{}", self.device, printable(thing)), shown);
                    }
                }
                (name, value) => row(&printable(name), show_value(value)),
            }
        }
        if let Some(head) = &self.journal {
            row("journal", format!("{} entries, head {}", head.seq, short(&head.head)));
        }
        table(&rows)
    }
}
