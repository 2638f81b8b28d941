use std::collections::{BTreeMap, BTreeSet};

use crate::{Operation, ThingModel};

/// Exactly what one caller may use of one Thing: the only thing that a TD is built from.
///
/// Operations of the same affordance name are kept together whatever its kind: the kind follows from the operation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Allowed {
    thing: BTreeSet<Operation>,
    affordances: BTreeMap<String, BTreeSet<Operation>>,
}

impl Allowed {
    /// Nothing at all.
    pub fn nothing() -> Self {
        Self::default()
    }

    /// All that the Thing can do through our own binding.
    pub fn everything(model: &ThingModel) -> Self {
        let mut allowed = Self::nothing();
        allowed.thing(Operation::ReadAllProperties);
        let affordances = model.affordances();
        for name in affordances.properties.keys() {
            Operation::OF_PROPERTY.into_iter().for_each(|op| allowed.affordance(name, op));
        }
        for name in affordances.actions.keys() {
            Operation::OF_ACTION.into_iter().for_each(|op| allowed.affordance(name, op));
        }
        for name in affordances.events.keys() {
            Operation::OF_EVENT.into_iter().for_each(|op| allowed.affordance(name, op));
        }
        allowed
    }

    /// Allows one operation of one affordance.
    pub fn affordance(&mut self, name: &str, operation: Operation) {
        self.affordances.entry(name.to_owned()).or_default().insert(operation);
    }

    /// Allows one operation of the whole Thing, such as `readallproperties`.
    pub fn thing(&mut self, operation: Operation) {
        self.thing.insert(operation);
    }

    /// Whether nothing is allowed: then the Thing does not exist for this caller.
    pub fn is_nothing(&self) -> bool {
        self.thing.is_empty() && self.affordances.is_empty()
    }

    pub(crate) fn allows(&self, name: &str, operation: Operation) -> bool {
        self.affordances.get(name).is_some_and(|operations| operations.contains(&operation))
    }

    pub(crate) fn allows_of_thing(&self, operation: Operation) -> bool {
        self.thing.contains(&operation)
    }
}
