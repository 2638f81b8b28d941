//! The timers of an instance.
//!
//! They need nothing of the agent, so they live here. A tick that still waits for the plugin absorbs later ones.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use streembit_plugin_host::boundary::IoError;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

/// Timers at once.
const MAX_TIMERS: usize = 32;

/// Shortest period: a hundred wake-ups a second are enough for anything that a plugin should do itself.
const MIN_PERIOD: Duration = Duration::from_millis(10);

/// A tick on its way to the plugin.
pub(crate) struct Tick {
    pub(crate) source: u32,
    queued: Arc<AtomicBool>,
}

impl Tick {
    /// The plugin gets it now: the next one is a new one.
    pub(crate) fn taken(self) -> u32 {
        self.queued.store(false, Ordering::Relaxed);
        self.source
    }
}

pub(crate) struct Timers {
    ticks: mpsc::UnboundedSender<Tick>,
    running: HashMap<u32, AbortHandle>,
}

impl Timers {
    /// The ticks arrive at the receiver, which holds at most one of each timer.
    pub(crate) fn new() -> (Self, mpsc::UnboundedReceiver<Tick>) {
        let (ticks, receiver) = mpsc::unbounded_channel();
        (Self { ticks, running: HashMap::new() }, receiver)
    }

    pub(crate) fn start(
        &mut self,
        source: u32,
        delay: Duration,
        period: Option<Duration>,
    ) -> Result<(), IoError> {
        self.running.retain(|_, timer| !timer.is_finished());
        if self.running.len() >= MAX_TIMERS {
            return Err(IoError::Quota { what: format!("{MAX_TIMERS} timers at once") });
        }
        if period.is_some_and(|period| period < MIN_PERIOD) {
            return Err(IoError::Unsupported { what: format!("a period below {MIN_PERIOD:?}") });
        }
        let ticks = self.ticks.clone();
        let queued = Arc::new(AtomicBool::new(false));
        let timer = tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            loop {
                if !queued.swap(true, Ordering::Relaxed)
                    && ticks.send(Tick { source, queued: Arc::clone(&queued) }).is_err()
                {
                    return;
                }
                let Some(period) = period else { return };
                tokio::time::sleep(period).await;
            }
        });
        self.running.insert(source, timer.abort_handle());
        Ok(())
    }

    pub(crate) fn cancel(&mut self, source: u32) {
        if let Some(timer) = self.running.remove(&source) {
            timer.abort();
        }
    }
}

impl Drop for Timers {
    fn drop(&mut self) {
        self.running.values().for_each(AbortHandle::abort);
    }
}
