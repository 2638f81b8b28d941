//! An isolation group: its instances share one host process, and nothing else does.

use std::sync::{Arc, PoisonError, Weak};

use streembit_plugin_api::Name;

use super::process::Process;
use super::{PluginError, Programs};
use crate::liveness::Part;

pub(super) struct Group {
    programs: Programs,
    /// Weak: the process ends with the last instance that uses it.
    process: std::sync::Mutex<Weak<Process>>,
    starting: tokio::sync::Mutex<()>,
}

impl Group {
    pub(super) fn new(programs: Programs) -> Self {
        Self { programs, process: std::sync::Mutex::default(), starting: tokio::sync::Mutex::default() }
    }

    /// The group's process: the one that runs, or a new one.
    pub(super) async fn process(&self) -> Result<Arc<Process>, PluginError> {
        let _starting = self.starting.lock().await;
        if let Some(process) = self.running() {
            return Ok(process);
        }
        let process = Arc::new(Process::start(&self.programs.host).await?);
        *self.process.lock().unwrap_or_else(PoisonError::into_inner) = Arc::downgrade(&process);
        Ok(process)
    }

    fn running(&self) -> Option<Arc<Process>> {
        let process = self.process.lock().unwrap_or_else(PoisonError::into_inner).upgrade();
        process.filter(|process| !process.is_dead())
    }

    /// The task that hears the process, to be asked whether it comes round.
    pub(super) fn part(&self, group: &Name) -> Option<Part> {
        self.running().map(|process| process.part(group))
    }

    pub(super) fn process_id(&self) -> Option<u32> {
        self.running().and_then(|process| process.id())
    }
}
