//! Step 5: what is meant.

use std::sync::Arc;

use streembit_peer::message::{Operation, Request};
use streembit_thing_descriptions::{DataSchema, ThingModel};

use super::Stop;
use super::deduplicate::Fresh;
use crate::device::{self, Device};
use crate::things::Thing;

/// Something that exists on this device and has the operation that was asked for.
pub(super) struct Affordance {
    pub(super) fresh: Fresh,
    pub(super) target: Target,
}

/// Who answers for it.
pub(super) enum Target {
    /// A Thing, which never learns who asks.
    Thing(Arc<dyn Thing>),
    /// The device itself, whose answers depend on who asks.
    Device,
}

/// Finds what a request means, or answers as if it were forbidden.
pub(super) fn resolve(fresh: Fresh, device: &Device) -> Result<Affordance, Stop> {
    let request = fresh.request();
    let target = if &*request.thing == device::NAME {
        Some(Target::Device)
    } else {
        device.things().get(&request.thing).map(Target::Thing)
    };
    match target {
        Some(target) if exists(target.model(device), request) => Ok(Affordance { fresh, target }),
        Some(_) => Err(Stop::forbidden(request, "no such affordance, or not with this operation")),
        None => Err(Stop::forbidden(request, "no such thing")),
    }
}

impl Target {
    pub(super) fn model<'a>(&'a self, device: &'a Device) -> &'a ThingModel {
        match self {
            Self::Thing(thing) => thing.model(),
            Self::Device => device.model(),
        }
    }
}

impl Affordance {
    pub(super) fn request(&self) -> &Request {
        self.fresh.request()
    }

    /// What the affordance takes, where it takes anything.
    pub(super) fn input_schema<'a>(&'a self, device: &'a Device) -> Option<&'a DataSchema> {
        let (model, request) = (self.target.model(device), self.request());
        let name = request.affordance.as_deref()?;
        match request.op {
            Operation::WriteProperty => model.property(name).map(|property| &property.schema),
            Operation::InvokeAction => model.action(name)?.input.as_ref(),
            Operation::SubscribeEvent => model.event(name)?.subscription.as_ref(),
            Operation::UnsubscribeEvent => model.event(name)?.cancellation.as_ref(),
            _ => None,
        }
    }
}

/// Whether a model has what is asked for, with this operation.
fn exists(model: &ThingModel, request: &Request) -> bool {
    use Operation as O;
    let Some(name) = request.affordance.as_deref() else { return request.op == O::ReadAllProperties };
    match request.op {
        O::ReadProperty => model.property(name).is_some_and(|property| !property.write_only),
        O::WriteProperty => model.property(name).is_some_and(|property| !property.read_only),
        O::ObserveProperty | O::UnobserveProperty => {
            model.property(name).is_some_and(|property| property.observable && !property.write_only)
        }
        O::InvokeAction | O::QueryAction | O::CancelAction => model.action(name).is_some(),
        O::SubscribeEvent | O::UnsubscribeEvent => model.event(name).is_some(),
        O::ReadAllProperties => false,
    }
}
