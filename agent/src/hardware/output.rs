use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::task::AbortHandle;

use super::lines::{Lines, User, in_use};
use super::{Binding, Drive, Gpio, HardwareError, OutputLine};

/// An open output. Pulses end on time; when it is dropped, the line goes to its safe state.
///
/// A pulse that runs then keeps the line until it ends, and only after that comes the safe state. Whoever opens the line
/// meanwhile gets it as it is: with the pulse, which ends when it would have.
pub struct Output {
    driven: Arc<Driven>,
    lines: Lines,
}

/// A line that is driven.
pub(super) struct Driven {
    binding: Binding,
    state: Mutex<State>,
}

struct State {
    /// Nothing once it was let go.
    line: Option<Box<dyn OutputLine>>,
    /// Counts every change, so that the end of an old pulse does not cut a newer one.
    change: u64,
    pulsing: bool,
    /// Waits for the end of the last pulse.
    end: Option<AbortHandle>,
}

impl Output {
    /// Opens the line in its safe state, or takes it over from somebody who left it with a pulse.
    pub(super) fn open(gpio: &dyn Gpio, binding: &Binding, lines: &Lines) -> Result<Self, HardwareError> {
        let mut users = lines.lock();
        let driven = match users.get(&binding.line) {
            None => Arc::new(Driven::new(gpio.output(binding)?, binding)),
            // With another polarity, the end of the pulse would be the beginning of one.
            Some(User::Pulse(driven)) if driven.binding == *binding => Arc::clone(driven),
            Some(_) => return Err(in_use(&binding.line)),
        };
        users.insert(binding.line.clone(), User::Open);
        Ok(Self { driven, lines: lines.clone() })
    }

    /// Drives the line to this level; ends a pulse.
    pub fn set_active(&self, active: bool) -> Result<(), HardwareError> {
        self.driven.state().change(&self.driven.binding, Drive::Hold(active)).map(|_| ())
    }

    /// Whether the line is driven active.
    pub fn is_active(&self) -> Result<bool, HardwareError> {
        self.driven.state().line(&self.driven.binding)?.is_active()
    }

    /// Makes the line active now, and inactive after `length`. A pulse during a pulse starts it again.
    ///
    /// The end outlives this output, and comes early when the program's run time ends. Needs a Tokio run time.
    pub fn pulse(&self, length: Duration) -> Result<(), HardwareError> {
        let change = self.driven.state().change(&self.driven.binding, Drive::Pulse(length))?;
        let end = PulseEnd { driven: Arc::clone(&self.driven), lines: self.lines.clone(), change };
        // Not while the state is locked: a run time that ends drops the task, and with it the end, at once.
        let task = tokio::spawn(async move {
            tokio::time::sleep(length).await;
            drop(end);
        });
        self.driven.state().awaits(change, task.abort_handle());
        Ok(())
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        let mut users = self.lines.lock();
        let mut state = self.driven.state();
        let binding = &self.driven.binding;
        if state.pulsing {
            users.insert(binding.line.clone(), User::Pulse(Arc::clone(&self.driven)));
        } else {
            state.let_go(binding);
            users.remove(&binding.line);
        }
    }
}

impl Driven {
    fn new(line: Box<dyn OutputLine>, binding: &Binding) -> Self {
        let state = State { line: Some(line), change: 0, pulsing: false, end: None };
        Self { binding: binding.clone(), state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn line(&self, binding: &Binding) -> Result<&dyn OutputLine, HardwareError> {
        self.line.as_deref().ok_or_else(|| HardwareError::Failed {
            line: binding.line.to_string(),
            reason: "it was let go".to_owned(),
        })
    }

    fn change(&mut self, binding: &Binding, drive: Drive) -> Result<u64, HardwareError> {
        self.line(binding)?.drive(drive)?;
        self.change += 1;
        // Nobody waits for the end of a pulse that is no more: many in a row would leave a task each.
        if let Some(end) = self.end.take() {
            end.abort();
        }
        self.pulsing = matches!(drive, Drive::Pulse(_));
        Ok(self.change)
    }

    /// A task waits for the end of the pulse that was this change.
    fn awaits(&mut self, change: u64, end: AbortHandle) {
        if self.change == change {
            self.end = Some(end);
        } else {
            end.abort();
        }
    }

    /// Nobody uses the line any more: it is put into its safe state and closed.
    fn let_go(&mut self, binding: &Binding) {
        let Some(line) = self.line.take() else { return };
        if line.is_active() != Ok(binding.safe)
            && let Err(error) = line.drive(Drive::Safe(binding.safe))
        {
            tracing::error!(%error, "an output could not be put into its safe state");
        }
    }
}

/// Ends its pulse when it is dropped: after the time, or with the task that waits for it.
struct PulseEnd {
    driven: Arc<Driven>,
    lines: Lines,
    change: u64,
}

impl Drop for PulseEnd {
    fn drop(&mut self) {
        let mut users = self.lines.lock();
        let mut state = self.driven.state();
        if state.change != self.change {
            return;
        }
        let binding = &self.driven.binding;
        if let Err(error) = state.change(binding, Drive::PulseEnd) {
            tracing::error!(%error, "a pulse could not be ended");
        }
        state.pulsing = false;
        if let Some(User::Pulse(_)) = users.get(&binding.line) {
            state.let_go(binding);
            users.remove(&binding.line);
        }
    }
}
