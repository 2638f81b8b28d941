//! Rights as somebody typed them, on the Things that this device has.

use streembit_peer::rights::{Grant, Grants, Pattern, Role};
use streembit_peer::words::{Allow, Kind};
use streembit_thing_descriptions::ThingModel;

use super::Core;
use crate::control::{Allowance, Failure};
use crate::device;

impl Core {
    /// The grants of somebody who is to have this role.
    pub(super) fn grants_of(&self, role: Role, allowance: &Allowance) -> Result<Grants, Failure> {
        if allowance.rights.is_empty() {
            if role == Role::Guest {
                return Err(Failure::invalid("a guest may do only what is allowed, and nothing is")
                    .or("Add `--allow THING/AFFORDANCE`, or choose another `--role`."));
            }
            // Left out in silence, they would seem to hold for the role.
            if *allowance != Allowance::default() {
                return Err(Failure::invalid("times hold for what is allowed, and nothing is")
                    .or("Add `--allow THING/AFFORDANCE`."));
            }
        }
        self.grants(allowance)
    }

    /// The grants that are meant. What the device does not have is a typing mistake, and named here.
    fn grants(&self, allowance: &Allowance) -> Result<Grants, Failure> {
        let mut grants = Vec::with_capacity(allowance.rights.len());
        for right in &allowance.rights {
            let allow: Allow = right.parse().map_err(|error: String| Failure::invalid(error))?;
            let meant = allow.grant(|thing, affordance| self.kinds(thing, affordance)).map_err(|error| {
                let all = self.affordances().join(", ");
                Failure::invalid(error).or(format!("This device has: {all}"))
            })?;
            grants.push(Grant {
                not_before: allowance.not_before,
                not_after: allowance.not_after,
                weekly: allowance.weekly.clone(),
                ..meant
            });
        }
        Grants::try_from(grants).map_err(Failure::invalid)
    }

    /// What the affordances are that two patterns find.
    fn kinds(&self, thing: &Pattern, affordance: &Pattern) -> Vec<Kind> {
        let mut found = Vec::new();
        self.each_affordance(|name, kind, named| {
            // A `*` never reaches the device itself: its affordances are granted by name only.
            let is_meant = match thing {
                Pattern::Any => name != device::NAME,
                exact => exact.matches(name),
            };
            if is_meant && affordance.matches(named) && !found.contains(&kind) {
                found.push(kind);
            }
        });
        found
    }

    /// `THING/AFFORDANCE` of all that others can be granted.
    fn affordances(&self) -> Vec<String> {
        let mut all = Vec::new();
        self.each_affordance(|name, _, named| all.push(format!("{name}/{named}")));
        all
    }

    fn each_affordance(&self, mut visit: impl FnMut(&str, Kind, &str)) {
        let mut visit_model = |name: &str, model: &ThingModel| {
            model.properties().for_each(|(named, _)| visit(name, Kind::Property, named));
            model.actions().for_each(|(named, _)| visit(name, Kind::Action, named));
            model.events().for_each(|(named, _)| visit(name, Kind::Event, named));
        };
        for (name, thing) in self.device.things().all() {
            visit_model(&name, thing.model());
        }
        visit_model(device::NAME, self.device.model());
    }
}
