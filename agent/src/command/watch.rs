//! Listens to every Thing that somebody uses, and passes on what happens there.
//!
//! One task a Thing takes its notices as fast as they come, checks each value against the Thing's own model once, and
//! offers it to every session that listens *and still may*. It never waits for a session, so a slow reader delays
//! neither the Thing nor the other sessions. Where the Thing itself is too fast for it, whoever listens is told that something
//! was missed, and what is observed is read, so that nobody goes on believing what is long past.

mod look;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};

use serde_json::Value;
use streembit_peer::message::{End, Name, NotificationKind, Operation};
use streembit_thing_descriptions::{DataSchema, ThingModel};
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use look::Look;

use super::actions::settle;
use super::validate::fits;
use super::{Caller, Topic, authorize};
use crate::device::Device;
use crate::json_text::JsonText;
use crate::security_log::SecurityLog;
use crate::things::{Notice, Thing};

/// Which Things are listened to.
#[derive(Default)]
pub struct Watch {
    watched: Mutex<HashMap<Name, Weak<dyn Thing>>>,
    /// Held for reading while something is offered to one session after the other.
    offering: RwLock<()>,
    stop: CancellationToken,
}

impl Watch {
    /// Listens to a Thing from now on, if nobody does yet. Called before anything is started on it whose end or whose
    /// changes somebody waits for.
    pub(super) fn ensure(&self, device: &Arc<Device>, name: &Name, thing: &Arc<dyn Thing>) {
        let new = Arc::downgrade(thing);
        let earlier = {
            let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
            if watched.get(name).is_some_and(|known| known.ptr_eq(&new)) {
                return;
            }
            watched.insert(name.clone(), new.clone())
        };
        if earlier.is_some() {
            // Another Thing had this name. What was subscribed there does not carry over.
            gone(device, name);
        }
        let listener = Listener {
            device: Arc::downgrade(device),
            name: name.clone(),
            model: thing.model().clone(),
            thing: new,
            complaints: SecurityLog::default(),
        };
        let (notices, stop) = (thing.notices(), self.stop.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = listener.listen(notices) => {}
            }
        });
    }

    /// Waits until what is being offered has come to all sessions.
    ///
    /// Who moves over to another session subscribes there and then ends the old subscription. Without this, something that had
    /// passed the new session before could come to the old one after that, and would be told in neither.
    pub(super) fn all_offered(&self) {
        drop(self.offering.write().unwrap_or_else(PoisonError::into_inner));
    }

    /// Whether this is the Thing that has the name now; forgets it if so.
    fn forget(&self, name: &Name, thing: &Weak<dyn Thing>) -> bool {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        let current = watched.get(name).is_some_and(|known| known.ptr_eq(thing));
        if current {
            watched.remove(name);
        }
        current
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Listens to one Thing without keeping it, or the device, alive.
struct Listener {
    device: Weak<Device>,
    name: Name,
    model: ThingModel,
    thing: Weak<dyn Thing>,
    /// Its own, so that one Thing's flood does not hide what another does wrong.
    complaints: SecurityLog,
}

impl Listener {
    async fn listen(self, mut notices: tokio::sync::broadcast::Receiver<Notice>) {
        let mut look = Look::none(Weak::clone(&self.thing));
        loop {
            let next = tokio::select! {
                next = notices.recv() => next,
                values = look.done() => {
                    let Some(device) = self.device.upgrade() else { return };
                    for (name, value) in values {
                        self.pass_on(&device, Notice::PropertyChanged { name, value });
                    }
                    continue;
                }
            };
            let Some(device) = self.device.upgrade() else { return };
            match next {
                Ok(notice) => {
                    look.heard(&notice);
                    self.pass_on(&device, notice);
                }
                Err(RecvError::Lagged(count)) => look.at(self.lost(&device, count)),
                Err(RecvError::Closed) => {
                    if device.watch().forget(&self.name, &self.thing) {
                        gone(&device, &self.name);
                    }
                    return;
                }
            }
        }
    }

    /// So many notices were lost. Which affordances they were of is not known: at most so many of each. Returns the properties
    /// that are observed.
    fn lost(&self, device: &Device, count: u64) -> Vec<Arc<str>> {
        let (rights, now) = (device.rights(), device.clock().now());
        let offering = device.watch().offering.read();
        let callers = device.callers().all();
        for caller in &callers {
            let may = |topic: &Topic| authorize::may_listen(&rights, caller.contact(), topic, now);
            caller.outbox().retain(End::Revoked, |topic| topic.thing != self.name || may(topic));
            caller.outbox().lost(&self.name, count);
        }
        drop(offering);
        let observed = |name: &str| {
            let Ok(affordance) = name.parse::<Name>() else { return false };
            let topic = Topic { kind: NotificationKind::Property, thing: self.name.clone(), affordance };
            callers.iter().any(|caller| caller.outbox().listens(&topic))
        };
        let names = self.model.properties().map(|(name, _)| name).filter(|name| observed(name));
        names.map(Arc::from).collect()
    }

    fn pass_on(&self, device: &Arc<Device>, notice: Notice) {
        match notice {
            Notice::PropertyChanged { name, value } => {
                let property = self.model.property(&name).filter(|property| property.observable);
                let property = property.ok_or("it cannot be observed".to_owned());
                match property.and_then(|property| fit(Some(&property.schema), Some(&value.value()))) {
                    Ok(()) => offer(device, NotificationKind::Property, &self.name, &name, Some(&value)),
                    Err(why) => self.complain(&name, &why),
                }
            }
            Notice::Event { name, data } => {
                let event = self.model.event(&name).ok_or("there is no such event".to_owned());
                match event
                    .and_then(|event| fit(event.data.as_ref(), data.as_ref().map(JsonText::value).as_ref()))
                {
                    Ok(()) => offer(device, NotificationKind::Event, &self.name, &name, data.as_ref()),
                    Err(why) => self.complain(&name, &why),
                }
            }
        }
    }

    fn complain(&self, affordance: &str, why: &str) {
        self.complaints.note("notice dropped", "outside the Thing's own model", || {
            tracing::warn!(thing = %self.name, affordance, why, "dropped a notice outside the Thing's own model");
        });
    }
}

fn fit(schema: Option<&DataSchema>, value: Option<&Value>) -> Result<(), String> {
    fits(schema, value).map_err(|error| error.to_string())
}

/// Passes on something that happened to every session that listens and still may.
pub(crate) fn offer(
    device: &Device,
    kind: NotificationKind,
    thing: &Name,
    affordance: &str,
    value: Option<&JsonText>,
) {
    let Ok(affordance) = affordance.parse::<Name>() else { return };
    let topic = Topic { kind, thing: thing.clone(), affordance };
    let listening = |caller: &Arc<Caller>| caller.outbox().listens(&topic);
    let _offering = device.watch().offering.read();
    let callers: Vec<_> = device.callers().all().into_iter().filter(listening).collect();
    if callers.is_empty() {
        return;
    }
    let (rights, now) = (device.rights(), device.clock().now());
    for caller in callers {
        // Rights also run out by themselves: weekly hours end without anybody changing anything.
        if authorize::may_listen(&rights, caller.contact(), &topic, now) {
            caller.outbox().offer(&topic, value);
        } else {
            caller.outbox().retain(End::Revoked, |other| *other != topic);
        }
    }
}

/// Ends all subscriptions to a Thing that is gone, and whatever it was doing.
fn gone(device: &Arc<Device>, name: &Name) {
    for caller in device.callers().all() {
        caller.outbox().retain(End::Gone, |topic| topic.thing != *name);
    }
    for ended in device.actions().lose(name) {
        settle(device, ended);
    }
}

/// What an operation subscribes to.
pub(super) fn kind_of(operation: Operation) -> Option<NotificationKind> {
    match operation {
        Operation::ObserveProperty | Operation::UnobserveProperty => Some(NotificationKind::Property),
        Operation::SubscribeEvent | Operation::UnsubscribeEvent => Some(NotificationKind::Event),
        _ => None,
    }
}

/// The operation that a subscription lives by.
pub(super) fn operation_of(kind: NotificationKind) -> Operation {
    match kind {
        NotificationKind::Property => Operation::ObserveProperty,
        NotificationKind::Event => Operation::SubscribeEvent,
        NotificationKind::Action => Operation::InvokeAction,
    }
}
