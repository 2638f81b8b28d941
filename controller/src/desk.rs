//! What every command works with: the home, the way to devices, and how to print.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;
use streembit_peer::message::Operation;
use tokio::sync::OnceCell;

use crate::address::{Address, DEVICE_THING, Found, Kind, Typed};
use crate::door::{Answered, Call, Door};
use crate::error::{Exit, Failure, Outcome};
use crate::home::{Contact, Home};
use crate::output::Output;
use crate::passcode::Source;

/// How long a command waits for an answer where nothing else is said. A device answers in milliseconds, and finding out
/// that a hint leads nowhere takes seconds.
pub const TIMEOUT: Duration = Duration::from_secs(15);

/// The desk of one command.
#[derive(Debug)]
pub struct Desk {
    home: Home,
    source: Source,
    output: Output,
    door: OnceCell<Door>,
    /// Set when this command has warned of a device that nobody verified.
    warned: AtomicBool,
}

impl Desk {
    /// A desk at this home. The account is unlocked when a command first needs it, and not before.
    pub fn new(home: Home, source: Source, output: Output) -> Self {
        Self { home, source, output, door: OnceCell::new(), warned: AtomicBool::new(false) }
    }

    /// A desk that reaches devices through this door, for those who have the key already.
    pub fn with_door(home: Home, door: Door) -> Self {
        let desk = Self::new(home, Source::Prompt, Output::of_process(true));
        Self { door: OnceCell::new_with(Some(door)), ..desk }
    }

    /// The home.
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// Where the passcode comes from.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// How to print.
    pub fn output(&self) -> Output {
        self.output
    }

    /// The way to devices, opened on first use.
    pub async fn door(&self) -> Outcome<&Door> {
        self.door.get_or_try_init(|| Door::open(&self.home, &self.source)).await
    }

    /// Closes the connections, if any were made.
    pub async fn close(mut self) {
        if let Some(door) = self.door.take() {
            door.close().await;
        }
    }

    /// Asks for one operation, and warns if the answer shows that the device's journal went back.
    pub async fn call(&self, call: Call) -> Outcome<Answered> {
        let device = call.device.clone();
        if matches!(call.op, Operation::WriteProperty | Operation::InvokeAction) {
            self.beware_of(&device);
        }
        let thing = call.thing.clone();
        let answered = self.door().await?.call(call).await;
        self.say_restored(&device);
        let answered = answered.map_err(|failure| self.said_to_owner(failure, &device, &thing))?;
        if let Some(seen) = &answered.went_back {
            self.output.warn(&format!(
                "the journal of {device} went back: {seen}. Somebody cut it off or rewrote it, or two \
                 machines are the same device; `streembit log {device} --verify` says more."
            ));
        }
        Ok(answered)
    }

    /// Says, once, that a device was made anew out of a backup: whoever has the backup and its passcode can do that.
    fn say_restored(&self, device: &str) {
        // Whatever keeps this from being looked at must not hide what came of the command; the next one says it.
        let restored = || {
            let contacts = self.home.contacts()?;
            Ok::<_, Failure>(contacts.get(device)?.restored && contacts.take_restored(device)?)
        };
        if restored().unwrap_or(false) {
            self.output.warn(&format!(
                "{device} was restored from a backup. What it did and who was revoked after the backup is forgotten; all but \
                 owners wait to be confirmed: `streembit confirm {device}`. If none of its owners restored it, somebody \
                 else has its keys: tell it nothing more, and ask who did."
            ));
        }
    }

    /// An owner who is refused has no owner to ask: what they named is not there.
    fn said_to_owner(&self, failure: Failure, device: &str, thing: &str) -> Failure {
        let is_owner = || {
            let contact = self.home.contacts().and_then(|contacts| contacts.get(device));
            contact.is_ok_and(|contact| contact.role.as_deref() == Some("owner"))
        };
        if failure != Failure::refused(device) || !is_owner() {
            return failure;
        }
        Failure::new(Exit::Refused, format!("{device} has no such thing, or you are no longer its owner."))
            .or(format!(
                "`streembit ls {device}` shows its Things, `streembit td {device}/{thing}` what one has."
            ))
    }

    /// Warns, once a command, before something goes to a device that nobody verified.
    ///
    /// Whoever swapped its offer gets what is sent (a door's PIN), and can answer that all is done. `ssh` asks when it first
    /// sees a key, and is silent ever after. Here `contacts add` was that moment and its person chose to go on, so nothing is
    /// refused, and no question is asked that would be answered by habit or would stop a script. But nobody has compared
    /// anything yet, and what moves doors is used by people who were not there when it was added: it is said on standard error,
    /// to scripts too, until the fingerprint is compared. Reading sends nothing, and `ls` marks such a device.
    fn beware_of(&self, device: &str) {
        // A device that is no contact is told by the call itself.
        let Ok(contact) = self.home.contacts().and_then(|contacts| contacts.get(device)) else { return };
        if contact.verified || self.warned.swap(true, Ordering::Relaxed) {
            return;
        }
        self.output.warn(&format!(
            "{device} is unverified: it was added by an offer, and whoever brought that may be behind it. Have its \
             fingerprint told to you by another way, then: streembit contacts verify {device} FINGERPRINT"
        ));
    }

    /// Reads a property of the device itself.
    pub async fn device_property(&self, device: &str, property: &str, timeout: Duration) -> Outcome<Value> {
        let op = Operation::ReadProperty;
        self.call(device_call(device, op, property, None, timeout)).await.map(|answered| answered.value)
    }

    /// Invokes an action of the device itself.
    pub async fn device_action(&self, device: &str, action: &str, input: Value) -> Outcome<Answered> {
        self.call(device_call(device, Operation::InvokeAction, action, Some(input), TIMEOUT)).await
    }

    /// Reads what a device offers to this person, and keeps it for addresses and completion.
    pub async fn refresh(&self, contact: &Contact, timeout: Duration) -> Outcome<Vec<Value>> {
        let things = self.device_property(&contact.name, "things", timeout).await?;
        let Value::Array(things) = things else {
            return Err(Failure::because(format!(
                "{} described its Things in an unknown way.",
                contact.name
            ))
            .or("Its program may be newer than this one."));
        };
        self.home.contacts()?.keep_things(&contact.key, &things)?;
        Ok(things)
    }

    /// Finds the affordance that is meant. What the kept descriptions do not have is looked for once more on the devices.
    pub async fn find(&self, typed: &Typed, kind: Kind) -> Outcome<Found> {
        let first = typed.find(kind, &self.home.contacts()?.directory()?);
        let unknown = match &first {
            Ok(Found::Known(..)) => false,
            Ok(Found::Unlisted(_)) => true,
            Err(failure) => failure.exit == Exit::Refused,
        };
        if !unknown {
            return first;
        }
        let named = first.as_ref().ok().map(|found| found.address().device.clone());
        for contact in self.home.contacts()?.all()? {
            if named.as_ref().is_none_or(|name| *name == contact.name) {
                // A device that cannot be reached offers nothing new; the command itself will say why.
                let _ = self.refresh(&contact, TIMEOUT).await;
            }
        }
        typed.find(kind, &self.home.contacts()?.directory()?)
    }

    /// Finds the Thing that is meant: DEVICE/THING, THING where one device has it, or DEVICE where it has but one.
    pub async fn thing(&self, typed: &Typed) -> Outcome<(Contact, String)> {
        let contacts = self.home.contacts()?;
        let (device, thing) = match typed.find_thing(&contacts.directory()?) {
            Err(failure) if failure.exit == Exit::Refused => {
                for contact in contacts.all()? {
                    // As in `find`: a device that cannot be reached offers nothing new.
                    let _ = self.refresh(&contact, TIMEOUT).await;
                }
                typed.find_thing(&contacts.directory()?)?
            }
            outcome => outcome?,
        };
        Ok((contacts.get(&device)?, thing))
    }
}

/// Says more about a refusal where we know what may be done with the affordance: a device itself says nothing.
pub fn explained(failure: Failure, found: &Found, op: Operation) -> Failure {
    let Some(entry) = found.entry().filter(|_| failure.exit == Exit::Refused) else { return failure };
    let offered: Vec<&str> = entry.operations().into_iter().filter_map(word).collect();
    match word(op.as_str()) {
        Some(wanted) if !offered.is_empty() && !offered.contains(&wanted) => Failure::new(
            Exit::Refused,
            format!("You may {} {}, and not {wanted} it.", offered.join(" and "), found.address()),
        )
        .or("Ask an owner if you need more."),
        _ => failure,
    }
}

/// What an operation is called on the command line; nothing for those that only end or ask about another.
fn word(op: &str) -> Option<&'static str> {
    ["read", "write", "observe", "invoke", "subscribe"].into_iter().find(|word| {
        op.strip_prefix(word).is_some_and(|rest| ["property", "action", "event"].contains(&rest))
    })
}

/// A call of an affordance.
pub fn call(address: &Address, op: Operation, input: Option<Value>, timeout: Duration) -> Call {
    Call {
        device: address.device.clone(),
        op,
        thing: address.thing.clone(),
        affordance: Some(address.affordance.clone()),
        input,
        timeout,
        wait: true,
    }
}

fn device_call(
    device: &str,
    op: Operation,
    affordance: &str,
    input: Option<Value>,
    timeout: Duration,
) -> Call {
    Call {
        device: device.to_owned(),
        op,
        thing: DEVICE_THING.to_owned(),
        affordance: Some(affordance.to_owned()),
        input,
        timeout,
        wait: true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::directory::{DeviceListing, Directory, ThingListing};

    #[test]
    fn a_refusal_says_what_may_be_done_where_that_is_known() {
        let state = json!({"type": "string", "forms": [{"op": ["readproperty", "observeproperty", "unobserveproperty"]}]});
        let td = json!({"properties": {"state": state}});
        let things = vec![ThingListing::new("door", td)];
        let directory = Directory::new(vec![DeviceListing { name: "garage".into(), things }]);
        let found = "state".parse::<Typed>().unwrap().find(Kind::Property, &directory).unwrap();
        let refused = || Failure::refused("garage");
        assert_eq!(
            explained(refused(), &found, Operation::WriteProperty).to_string(),
            "You may read and observe garage/door/state, and not write it. Ask an owner if you need more."
        );
        // What is offered and refused all the same (its hours are over, say) is left as it is.
        assert_eq!(explained(refused(), &found, Operation::ReadProperty), refused());
        let unreachable = Failure::unreachable("Cannot reach garage.");
        assert_eq!(explained(unreachable.clone(), &found, Operation::WriteProperty), unreachable);
    }
}
