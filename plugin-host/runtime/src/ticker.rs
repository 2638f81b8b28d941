//! The thread that moves the epoch forward: only while calls run, so that an idle device sleeps.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, Thread};

use streembit_plugin_engine::TICK;
use wasmtime::Engine;

/// Ticks without any call before the thread goes to sleep. Waking it costs a system call, which a burst of short calls
/// should not pay for each.
const LINGER: u32 = 10;

#[derive(Clone)]
pub(crate) struct Ticker {
    running: Arc<AtomicUsize>,
    begun: Arc<AtomicUsize>,
    asleep: Arc<std::sync::atomic::AtomicBool>,
    thread: Thread,
}

/// A call runs, until this is dropped.
pub(crate) struct Running(Arc<AtomicUsize>);

impl Ticker {
    pub(crate) fn start(engine: Engine) -> std::io::Result<Self> {
        let running = Arc::new(AtomicUsize::new(0));
        let begun = Arc::new(AtomicUsize::new(0));
        let asleep = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let (seen, counted, sleeping) = (Arc::clone(&running), Arc::clone(&begun), Arc::clone(&asleep));
        // A thread that has not begun yet would need system calls that the lockdown forbids.
        let (up, is_up) = std::sync::mpsc::sync_channel(0);
        let thread = thread::Builder::new().name("epoch".into()).stack_size(64 << 10).spawn(move || {
            let _ = up.send(());
            let (mut idle, mut last) = (0, 0);
            loop {
                thread::sleep(TICK);
                engine.increment_epoch();
                let now = counted.load(Ordering::SeqCst);
                idle = if seen.load(Ordering::SeqCst) > 0 || now != last { 0 } else { idle + 1 };
                last = now;
                if idle > LINGER {
                    sleeping.store(true, Ordering::SeqCst);
                    // Whoever begins a call after this look wakes us; whoever did before is seen by it.
                    while seen.load(Ordering::SeqCst) == 0 && counted.load(Ordering::SeqCst) == last {
                        thread::park();
                    }
                    sleeping.store(false, Ordering::SeqCst);
                    idle = 0;
                }
            }
        })?;
        is_up.recv().map_err(std::io::Error::other)?;
        Ok(Self { running, begun, asleep, thread: thread.thread().clone() })
    }

    /// A call begins.
    pub(crate) fn run(&self) -> Running {
        self.running.fetch_add(1, Ordering::SeqCst);
        self.begun.fetch_add(1, Ordering::SeqCst);
        if self.asleep.load(Ordering::SeqCst) {
            self.thread.unpark();
        }
        Running(Arc::clone(&self.running))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
