//! `streembit ls`

use std::collections::BTreeMap;

use futures::future::join_all;
use serde::Serialize;
use serde_json::Value;
use streembit_peer::message::Operation;
use tokio::sync::Semaphore;

use super::Patience;
use crate::address::{DEVICE_THING, Kind};
use crate::desk::Desk;
use crate::directory::ThingListing;
use crate::door::Call;
use crate::error::{Failure, Outcome};
use crate::home::Contact;
use crate::output::{Render, Style, printable, show_value};

/// States that are asked for at once: half of what one session, or the unlock process, has under way. A gateway has hundreds
/// of Things, and a second `ls` beside this one should find room.
const AT_ONCE: usize = 32;

/// The arguments of `streembit ls`.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(after_help = "\
Examples:
  streembit ls
  streembit ls garage
  streembit ls --json | jq '.[].things[].name'

What you may not use is not shown. A device that does not answer is shown as it was last known.")]
pub struct Args {
    /// The device [default: all of them]
    pub device: Option<String>,
    /// How long to wait.
    #[command(flatten)]
    pub patience: Patience,
}

/// The devices.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub struct Listing(pub Vec<DeviceLine>);

/// One device.
#[derive(Debug, Clone, Serialize)]
pub struct DeviceLine {
    /// Its name.
    pub device: String,
    /// What we are to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Whether its fingerprint came by another way than its key.
    pub verified: bool,
    /// Why its state is not known, if it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// Its Things.
    pub things: Vec<ThingLine>,
}

/// One Thing.
#[derive(Debug, Clone, Serialize)]
pub struct ThingLine {
    /// Its name.
    pub name: String,
    /// Its title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What its properties say now.
    pub state: BTreeMap<String, Value>,
    /// The properties that can be used.
    pub properties: Vec<String>,
    /// The actions that can be used.
    pub actions: Vec<String>,
    /// The events that can be used.
    pub events: Vec<String>,
}

/// Asks every device, all at once.
pub async fn run(desk: &Desk, args: Args) -> Outcome<Listing> {
    desk.home().identity()?;
    let contacts = desk.home().contacts()?;
    let contacts = match &args.device {
        Some(name) => vec![contacts.get(name)?],
        None => contacts.all()?,
    };
    if contacts.is_empty() {
        return Ok(Listing(Vec::new()));
    }
    desk.door().await?;
    let progress = desk.output().progress("Asking the devices");
    let asking = Asking { desk, places: Semaphore::new(AT_ONCE), patience: args.patience };
    let lines = join_all(contacts.into_iter().map(|contact| asking.one(contact))).await;
    drop(progress);
    Ok(Listing(lines))
}

/// What the questions of one `ls` share.
struct Asking<'a> {
    desk: &'a Desk,
    places: Semaphore,
    patience: Patience,
}

impl Asking<'_> {
    async fn one(&self, contact: Contact) -> DeviceLine {
        let (things, failure) = match self.desk.refresh(&contact, self.patience.timeout).await {
            Ok(things) => (things, None),
            Err(failure) => (self.last_known(&contact), Some(failure)),
        };
        let listings = things.into_iter().filter_map(ThingListing::from_td);
        let answers = failure.is_none();
        let lines = listings.map(|thing| {
            let device = &contact.name;
            async move {
                // The device itself has properties of many lines; `device status` shows them.
                let state = if answers && thing.name != DEVICE_THING {
                    self.state(device, &thing).await
                } else {
                    BTreeMap::new()
                };
                let names = |kind| thing.affordances(kind).map(|(name, _)| name.to_owned()).collect();
                ThingLine {
                    title: thing.title().map(str::to_owned),
                    properties: names(Kind::Property),
                    actions: names(Kind::Action),
                    events: names(Kind::Event),
                    state,
                    name: thing.name,
                }
            }
        });
        let things = join_all(lines).await;
        let (device, role, verified) = (contact.name.clone(), contact.role.clone(), contact.verified);
        DeviceLine { device, role, verified, failure, things }
    }

    /// What the device offered when it last answered.
    fn last_known(&self, contact: &Contact) -> Vec<Value> {
        self.desk.home().contacts().and_then(|contacts| contacts.things(&contact.key)).unwrap_or_default()
    }

    /// What the Thing's properties say. One that cannot be read now is left out: this is a glance.
    async fn state(&self, device: &str, thing: &ThingListing) -> BTreeMap<String, Value> {
        if let Some(Value::Object(values)) =
            self.ask(device, &thing.name, Operation::ReadAllProperties, None).await
        {
            return values.into_iter().collect();
        }
        // Who may not read all at once may still read some.
        let readable = thing.affordances(Kind::Property).filter(|(_, entry)| !entry.write_only());
        let reads = readable.map(|(name, _)| async move {
            let value = self.ask(device, &thing.name, Operation::ReadProperty, Some(name.to_owned())).await;
            value.map(|value| (name.to_owned(), value))
        });
        join_all(reads).await.into_iter().flatten().collect()
    }

    /// One answer, if there is one. The time that it may take begins when its turn has come.
    async fn ask(
        &self,
        device: &str,
        thing: &str,
        op: Operation,
        affordance: Option<String>,
    ) -> Option<Value> {
        let _place = self.places.acquire().await.ok()?;
        let call = Call {
            device: device.to_owned(),
            op,
            thing: thing.to_owned(),
            affordance,
            input: None,
            timeout: self.patience.timeout,
            wait: true,
        };
        self.desk.call(call).await.ok().map(|answered| answered.value)
    }
}

impl Listing {
    /// A failure if no device at all answered.
    pub fn verdict(&self) -> Outcome<()> {
        let failures: Vec<&Failure> = self.0.iter().filter_map(|line| line.failure.as_ref()).collect();
        match failures.first() {
            Some(first) if failures.len() == self.0.len() => Err((*first).clone()),
            _ => Ok(()),
        }
    }
}

impl Render for Listing {
    fn text(&self, style: Style) -> String {
        if self.0.is_empty() {
            return crate::address::no_device().to_string();
        }
        self.0.iter().map(|line| line.text(style)).collect::<Vec<_>>().join("\n\n")
    }
}

impl DeviceLine {
    fn text(&self, style: Style) -> String {
        let mut head = style.strong(&self.device);
        if let Some(role) = &self.role {
            head.push_str(&format!("  {}", style.faint(&printable(role))));
        }
        if !self.verified {
            head.push_str(&format!("  {}", style.warning("unverified")));
        }
        if let Some(failure) = &self.failure {
            head.push_str(&format!("  {}", style.bad(failure.exit.name())));
        }
        let things = self.things.iter().map(|thing| thing.text(style));
        std::iter::once(head).chain(things).collect::<Vec<_>>().join("\n")
    }
}

impl ThingLine {
    fn text(&self, style: Style) -> String {
        let title = self.title.as_deref().map(|title| format!("  {}", printable(title))).unwrap_or_default();
        let mut lines = vec![format!("  {}{}", style.strong(&self.name), style.faint(&title))];
        if self.name == DEVICE_THING {
            // Every device has the same; `device status` shows what it says.
            return lines.concat();
        }
        if !self.state.is_empty() {
            let values = self.state.iter().map(|(name, value)| {
                // A glance, not a report: a long value is cut.
                let shown: String = show_value(value).chars().take(40).collect();
                format!("{}={}", printable(name), style.good(&shown))
            });
            lines.push(format!("    {}", values.collect::<Vec<_>>().join("  ")));
        } else if !self.properties.is_empty() {
            lines.push(format!("    {} {}", style.faint("properties"), self.properties.join(" ")));
        }
        for (what, names) in [("actions", &self.actions), ("events", &self.events)] {
            if !names.is_empty() {
                lines.push(format!("    {} {}", style.faint(what), names.join(" ")));
            }
        }
        lines.join("\n")
    }
}
