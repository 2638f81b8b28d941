//! Timers, which arrive as [`crate::Event::Tick`].

use std::time::Duration;

use crate::{IoError, Source, backend};

/// One tick after `delay`.
pub fn once(delay: Duration) -> Result<Source, IoError> {
    backend::timer_start(millis(delay), None).map(Source)
}

/// A tick after each `period`, which is at least 10 ms. A tick that still waits absorbs later ones.
pub fn every(period: Duration) -> Result<Source, IoError> {
    backend::timer_start(millis(period), Some(millis(period))).map(Source)
}

/// No more ticks of this timer.
pub fn cancel(timer: Source) {
    backend::timer_cancel(timer.0);
}

fn millis(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX)
}
