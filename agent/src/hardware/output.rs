use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::{Drive, HardwareError, Held, OutputLine};

/// An open output. Pulses end on time; when it is dropped, the line goes to its safe state.
pub struct Output {
    shared: Arc<Shared>,
}

struct Shared {
    line: Arc<dyn OutputLine>,
    safe: bool,
    state: Mutex<State>,
    _held: Held,
}

#[derive(Default)]
struct State {
    /// Counts every change, so that the end of an old pulse does not cut a newer one.
    change: u64,
    pulsing: bool,
}

impl Output {
    pub(super) fn new(line: Arc<dyn OutputLine>, safe: bool, held: Held) -> Self {
        Self { shared: Arc::new(Shared { line, safe, state: Mutex::default(), _held: held }) }
    }

    /// Drives the line to this level; ends a pulse.
    pub fn set_active(&self, active: bool) -> Result<(), HardwareError> {
        self.shared.change(Drive::Hold(active)).map(|_| ())
    }

    /// Whether the line is driven active.
    pub fn is_active(&self) -> Result<bool, HardwareError> {
        self.shared.line.is_active()
    }

    /// Makes the line active now, and inactive after `length`. A pulse during a pulse starts it again.
    ///
    /// The end outlives this output, and comes early when the program's run time ends. Needs a Tokio run time.
    pub fn pulse(&self, length: Duration) -> Result<(), HardwareError> {
        let change = self.shared.change(Drive::Pulse(length))?;
        let end = PulseEnd { shared: Arc::clone(&self.shared), change };
        tokio::spawn(async move {
            tokio::time::sleep(length).await;
            drop(end);
        });
        Ok(())
    }
}

impl Shared {
    fn change(&self, drive: Drive) -> Result<u64, HardwareError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        self.line.drive(drive)?;
        state.change += 1;
        state.pulsing = matches!(drive, Drive::Pulse(_));
        Ok(state.change)
    }
}

/// Ends its pulse when it is dropped: after the time, or with the task that waits for it.
struct PulseEnd {
    shared: Arc<Shared>,
    change: u64,
}

impl Drop for PulseEnd {
    fn drop(&mut self) {
        let mut state = self.shared.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.change == self.change {
            state.pulsing = false;
            if let Err(error) = self.shared.line.drive(Drive::PulseEnd) {
                tracing::error!(%error, "a pulse could not be ended");
            }
        }
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        let state = self.shared.state.lock().unwrap_or_else(PoisonError::into_inner);
        // A pulse that runs has its own end.
        if state.pulsing || self.shared.line.is_active() == Ok(self.shared.safe) {
            return;
        }
        if let Err(error) = self.shared.line.drive(Drive::Safe(self.shared.safe)) {
            tracing::error!(%error, "an output could not be put into its safe state");
        }
    }
}
