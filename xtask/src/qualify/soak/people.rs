//! Who uses the device meanwhile, and what they must never see.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use streembit_harness::{Person, Running, Seeded, Told};

/// By when a door that was told to move is seen where it was sent to, troubles included: the longest of them, a start, and
/// the patience of a command or two.
const ARRIVED: Duration = Duration::from_secs(120);

/// Between two presses. A device keeps the answers of one contact for as long as their requests may still count, a minute
/// and their timeout, and refuses who has asked 8,192 things by then: some 125 a second.
const BETWEEN_PRESSES: Duration = Duration::from_millis(20);

/// What the device's description allows the state to be.
const STATES: [&str; 6] = ["open", "closed", "opening", "closing", "stopped", "unknown"];

/// How readers fared.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) answers: usize,
    pub(super) in_vain: usize,
}

/// Opens and closes the door, and looks whether it went where it was sent.
pub(super) fn press(ada: &Person, mut chance: Seeded, enough: &AtomicBool) -> Result<Told> {
    let mut told = Told::default();
    while !enough.load(Ordering::Relaxed) {
        let (action, state) = chance.one_of([("garage/door/open", "open"), ("garage/door/close", "closed")]);
        let ended = ada.run(["--json", "invoke", "--timeout", "5s", action])?;
        if told.take(&ended)? {
            arrives(ada, state)?;
        }
        std::thread::sleep(BETWEEN_PRESSES);
    }
    Ok(told)
}

/// Nobody else presses a button: what was done is what is to be seen.
fn arrives(ada: &Person, state: &str) -> Result<()> {
    let begun = Instant::now();
    let mut last = String::from("nothing");
    while begun.elapsed() < ARRIVED {
        let read = ada.run(["read", "--timeout", "5s", "garage/door/state"])?;
        if read.code == Some(0) {
            last = read.stdout.trim().to_owned();
            if last == state {
                return Ok(());
            }
        }
    }
    bail!("the door was sent to be {state}, and is {last}")
}

/// Reads the state again and again.
pub(super) fn read(ada: &Person, enough: &AtomicBool) -> Result<Read> {
    let mut count = Read::default();
    while !enough.load(Ordering::Relaxed) {
        let read = ada.run(["read", "--timeout", "5s", "garage/door/state"])?;
        if read.code == Some(0) {
            let state = read.stdout.trim();
            ensure!(STATES.contains(&state), "the door is `{state}`");
            count.answers += 1;
        } else {
            count.in_vain += 1;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(count)
}

/// Somebody who watches the state all the time, until this is dropped.
pub(super) struct Watcher {
    seen: Arc<Seen>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Seen {
    last: Mutex<String>,
    enough: AtomicBool,
    ended: AtomicBool,
}

impl Watcher {
    pub(super) fn start(ada: &Person) -> Result<Self> {
        let observing = ada.start(["observe", "garage/door/state"])?;
        let seen = Arc::new(Seen::default());
        let shared = Arc::clone(&seen);
        let thread = Some(std::thread::spawn(move || shared.follow(observing)));
        Ok(Self { seen, thread })
    }

    /// Waits until the last thing that was seen is this state.
    pub(super) fn sees(&self, state: &str) -> Result<()> {
        let begun = Instant::now();
        while begun.elapsed() < ARRIVED {
            ensure!(!self.seen.ended.load(Ordering::Relaxed), "the observation ended");
            if self.seen.last().ends_with(state) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        bail!("the door is {state}, and whoever watches it saw last: {}", self.seen.last())
    }
}

impl Seen {
    fn follow(&self, mut observing: Running) {
        while !self.enough.load(Ordering::Relaxed) {
            match observing.line(Duration::from_millis(200)) {
                Ok(line) => *self.last.lock().unwrap_or_else(PoisonError::into_inner) = line,
                Err(_) if observing.runs() => {}
                Err(_) => return self.ended.store(true, Ordering::Relaxed),
            }
        }
    }

    fn last(&self) -> String {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.seen.enough.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
