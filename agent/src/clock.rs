//! The one reader of the wall clock, and what vouches for it.
//!
//! A device's wall clock is often wrong: a Pi without a battery starts in the past, and a set-up mistake puts it years
//! ahead. So a time counts for access control only as a [`TrustedTime`], which only this module makes, and only from
//! one of two witnesses: the kernel says that NTP disciplines the clock, or an owner's session told the time and the
//! monotonic clock has counted since. A trusted time never runs behind the *floor*, the latest trusted time so far,
//! which the journal keeps over restarts.

mod system;

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

pub use system::SystemTime;

/// How far a witness may lie behind the floor and still be believed (the floor is then the time): a step by the NTP
/// daemon, or an owner's laptop that is a little slow.
const TOLERANCE: i64 = 300;

/// How often the floor is worth a durable write (DESIGN, section 7: hourly).
const FLOOR_EVERY: i64 = 3600;

/// The times that a clock reads: the kernel's, or virtual ones in tests.
pub trait TimeSource: Send + Sync {
    /// The wall clock in Unix seconds, right or wrong, and whether the kernel says that NTP disciplines it.
    fn wall(&self) -> Wall;

    /// Time since some fixed point, counted also while the machine sleeps.
    fn monotonic(&self) -> Duration;
}

/// One look at the wall clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wall {
    /// Unix seconds.
    pub unix: i64,
    /// The kernel says that the clock is synchronised.
    pub synchronised: bool,
}

/// Unix seconds that somebody vouches for. Only a [`Clock`] makes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TrustedTime(i64);

impl TrustedTime {
    /// Unix seconds.
    pub const fn unix(self) -> i64 {
        self.0
    }
}

impl fmt::Display for TrustedTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_second(self.0) {
            Ok(time) => time.fmt(f),
            Err(_) => self.0.fmt(f),
        }
    }
}

/// What a clock said at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// The time, where something vouches for it.
    pub trusted: Option<TrustedTime>,
    /// Time since a fixed point of this boot: for what must expire whether or not the time is known.
    pub monotonic: Duration,
}

/// Who vouches for the time now, for `status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Witness {
    /// The kernel: NTP disciplines the wall clock.
    Ntp,
    /// An owner told the time in a session, and the monotonic clock has counted since.
    Owner,
    /// Nobody: what depends on time is refused with the reason `clock`.
    Nobody,
    /// The kernel says that the wall clock is right, but a later time was trusted before. Either of them was wrong, so
    /// what depends on time is refused until an owner at the device sets the floor back.
    BehindFloor,
}

/// An owner's time that cannot be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the time told ({told}) lies before one that was trusted already ({floor}): set the clock of the computer that \
     told it"
)]
pub struct BeforeFloor {
    /// What was told, Unix seconds.
    pub told: i64,
    /// The floor, Unix seconds.
    pub floor: i64,
}

/// The device's clock. Shared by everybody who needs the time.
pub struct Clock {
    source: Box<dyn TimeSource>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The latest trusted time so far, also of earlier runs.
    floor: Option<i64>,
    /// The floor that is known to be on disk.
    kept: Option<i64>,
    /// What an owner told, and the monotonic time then.
    told: Option<(i64, Duration)>,
}

impl Clock {
    /// A clock that reads `source`, without a floor yet (the journal raises it when it opens).
    pub fn new(source: impl TimeSource + 'static) -> Self {
        Self { source: Box::new(source), state: Mutex::default() }
    }

    /// The machine's clock.
    pub fn system() -> Self {
        Self::new(SystemTime::default())
    }

    /// The time now.
    pub fn now(&self) -> Now {
        let monotonic = self.source.monotonic();
        let (trusted, _) = self.look(monotonic);
        Now { trusted, monotonic }
    }

    /// Who vouches for the time now.
    pub fn witness(&self) -> Witness {
        self.look(self.source.monotonic()).1
    }

    /// Time since a fixed point of this boot.
    pub fn monotonic(&self) -> Duration {
        self.source.monotonic()
    }

    /// The wall clock as it stands, for log lines and for what a session shows its peer. Never for a decision.
    pub fn unvouched_unix(&self) -> i64 {
        self.source.wall().unix
    }

    /// An owner's session told the time (its `now`, signed inside the handshake). Only call it for an owner.
    ///
    /// It counts where NTP does not, and is refused where it lies before the floor: an owner's computer with a flat
    /// battery must not bring back grants that are over.
    pub fn owner_told(&self, unix: i64) -> Result<(), BeforeFloor> {
        let monotonic = self.source.monotonic();
        let mut state = self.lock();
        if let Some(floor) = state.floor
            && unix.saturating_add(TOLERANCE) < floor
        {
            return Err(BeforeFloor { told: unix, floor });
        }
        state.told = Some((unix, monotonic));
        Ok(())
    }

    /// Raises the floor to one that an earlier run kept.
    pub fn raise_floor(&self, unix: i64) {
        let mut state = self.lock();
        state.floor = Some(state.floor.map_or(unix, |floor| floor.max(unix)));
        state.kept = Some(state.kept.map_or(unix, |kept| kept.max(unix)));
    }

    /// Forgets the floor and what owners told: for an owner at the device, after the clock was wrong and trusted.
    /// The caller makes the journal forget it as well.
    pub fn forget_floor(&self) {
        *self.lock() = State::default();
    }

    /// A floor that should be made durable now: at most one an hour, never from a clock that nothing vouches for.
    pub fn floor_due(&self) -> Option<i64> {
        self.now();
        let state = self.lock();
        let floor = state.floor?;
        match state.kept {
            Some(kept) if floor < kept.saturating_add(FLOOR_EVERY) => None,
            _ => Some(floor),
        }
    }

    /// The floor `unix` is durable.
    pub fn floor_kept(&self, unix: i64) {
        let mut state = self.lock();
        state.kept = Some(state.kept.map_or(unix, |kept| kept.max(unix)));
    }

    fn look(&self, monotonic: Duration) -> (Option<TrustedTime>, Witness) {
        let wall = self.source.wall();
        let mut state = self.lock();
        let told = state.told.map(|(unix, at)| {
            unix.saturating_add(monotonic.saturating_sub(at).as_secs().try_into().unwrap_or(i64::MAX))
        });
        let believable =
            |unix: i64, floor: Option<i64>| floor.is_none_or(|f| unix.saturating_add(TOLERANCE) >= f);
        let (unix, witness) = if wall.synchronised && believable(wall.unix, state.floor) {
            (wall.unix, Witness::Ntp)
        } else if let Some(unix) = told.filter(|unix| believable(*unix, state.floor)) {
            (unix, Witness::Owner)
        } else if wall.synchronised {
            return (None, Witness::BehindFloor);
        } else {
            return (None, Witness::Nobody);
        };
        let unix = state.floor.map_or(unix, |floor| floor.max(unix));
        state.floor = Some(unix);
        (Some(TrustedTime(unix)), witness)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clock").field("now", &self.now()).field("witness", &self.witness()).finish()
    }
}

/// A time source that tests move by hand. Clones share one time.
#[derive(Debug, Clone)]
pub struct VirtualTime(std::sync::Arc<Mutex<(Wall, Duration)>>);

impl VirtualTime {
    /// A wall clock that shows `unix`.
    pub fn new(unix: i64, synchronised: bool) -> Self {
        Self(std::sync::Arc::new(Mutex::new((Wall { unix, synchronised }, Duration::from_secs(1)))))
    }

    /// Lets time pass on both clocks.
    pub fn pass(&self, time: Duration) {
        let mut both = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        both.0.unix = both.0.unix.saturating_add(i64::try_from(time.as_secs()).unwrap_or(i64::MAX));
        both.1 += time;
    }

    /// Sets the wall clock alone.
    pub fn set_wall(&self, unix: i64, synchronised: bool) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0 = Wall { unix, synchronised };
    }
}

impl TimeSource for VirtualTime {
    fn wall(&self) -> Wall {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0
    }

    fn monotonic(&self) -> Duration {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1
    }
}

#[cfg(test)]
mod tests;
