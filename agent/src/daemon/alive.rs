//! Whether every part that must run for the device to answer still does.

use std::sync::Arc;

use super::Core;
use crate::liveness::Part;

/// Asks the parts of a running device.
#[derive(Clone)]
pub struct Liveness(pub(super) Arc<Core>);

impl Liveness {
    /// Every task and thread that waits for work as long as the device runs. Sessions and calls come and go, each with
    /// time limits of its own.
    pub fn parts(&self) -> Vec<Part> {
        self.0.parts()
    }
}

impl Core {
    pub(super) fn parts(&self) -> Vec<Part> {
        let network = self.network.clone();
        let mut parts = vec![
            Part::new("journal", self.device.journal().answers(), None),
            Part::new("network", async move { network.answers().await }, None),
        ];
        parts.extend(self.pulses.iter().map(|(name, pulse)| Part::of_pulse(*name, pulse.clone(), None)));
        parts.extend(self.plugins.parts());
        parts
    }
}
