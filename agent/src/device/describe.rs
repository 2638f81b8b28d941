//! The Thing Descriptions of one caller.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use streembit_keys::Thumbprint;
use streembit_peer::message::Operation;
use streembit_thing_descriptions::{Allowed, Instance, Operation as Described, ThingModel, describe};

use super::{Device, NAME};
use crate::access;
use crate::command::Caller;

impl Device {
    /// The Thing Descriptions of all that a caller may use, the device's own first. Each is built up from what this caller
    /// may do now; a Thing of which it may do nothing is not there.
    pub(crate) fn describe_all(&self, caller: &Caller) -> Value {
        let things = self.things().all();
        let others = things.iter().map(|(name, thing)| (name.as_str(), thing.model()));
        let all = std::iter::once((NAME, &self.model)).chain(others);
        all.filter_map(|(name, model)| self.describe_one(caller, name, model)).collect()
    }

    /// The Thing Description of one Thing, where the caller may use anything of it.
    fn describe_one(&self, caller: &Caller, name: &str, model: &ThingModel) -> Option<Value> {
        let rights = self.rights();
        let may = rights.allowed(caller.contact(), name, self.clock().now()).ok()?;
        let allowed = allowed(&may, model);
        if allowed.is_nothing() {
            return None;
        }
        let device = self.key().public().thumbprint();
        let (device_text, id) = (device.to_string(), id(&device, name));
        let title = if name == NAME { self.parts.title.as_deref() } else { None };
        let version = (name == NAME).then_some(self.parts.version.as_str());
        let instance =
            Instance { device: &device_text, thing: name, id: &id, title, version, ..Instance::default() };
        let mut description = describe(model, &instance, &allowed);
        // What a request takes as its `thing`, so that nobody has to cut it out of a form's address.
        description["streembit:name"] = json!(name);
        Some(description)
    }

    /// Whether a caller may use anything of a Thing.
    pub(super) fn may_see(&self, caller: &Caller, name: &str, model: &ThingModel) -> bool {
        let rights = self.rights();
        let may = rights.allowed(caller.contact(), name, self.clock().now());
        may.is_ok_and(|may| !allowed(&may, model).is_nothing())
    }
}

/// Exactly what the rights say, asked operation by operation: nothing is ever taken out of a fuller description.
fn allowed(may: &access::Allowed<'_>, model: &ThingModel) -> Allowed {
    let mut allowed = Allowed::nothing();
    let mut ask = |name: &str, operations: &[Described]| {
        for described in operations {
            let operation = described.name().parse::<Operation>();
            if operation.is_ok_and(|operation| may.may(operation, Some(name))) {
                allowed.affordance(name, *described);
            }
        }
    };
    for (name, property) in model.properties() {
        let has: Vec<_> = Described::OF_PROPERTY.into_iter().filter(|op| property.has(*op)).collect();
        ask(name, &has);
    }
    for (name, _) in model.actions() {
        ask(name, &Described::OF_ACTION);
    }
    for (name, _) in model.events() {
        ask(name, &Described::OF_EVENT);
    }
    if !allowed.is_nothing() && may.may(Operation::ReadAllProperties, None) {
        allowed.thing(Described::ReadAllProperties);
    }
    allowed
}

/// A `urn:uuid` for a Thing of this device: version 8 (RFC 9562, section 5.8), made of a hash so that it is the same after every
/// start and does not show the device's key.
fn id(device: &Thumbprint, thing: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(b"streembit thing id v1");
    hash.update(device.as_bytes());
    hash.update(thing);
    let hash: [u8; 32] = hash.finalize().into();
    let mut hex = String::with_capacity(45);
    hex.push_str("urn:uuid:");
    for (i, byte) in hash.iter().take(16).enumerate() {
        if matches!(i, 4 | 6 | 8 | 10) {
            hex.push('-');
        }
        let byte = match i {
            6 => byte & 0x0f | 0x80,
            8 => byte & 0x3f | 0x80,
            _ => *byte,
        };
        hex.push_str(&format!("{byte:02x}"));
    }
    hex
}
