//! Whether the writer says that it comes round, and does not say so when it hangs.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, MutexGuard};

use super::*;
use crate::clock::{TimeSource, Wall};
use crate::liveness::{Part, stuck};

/// A clock that does not answer the writer's thread while it is shut, as a disk that hangs would not.
struct Gate {
    time: VirtualTime,
    shut: Arc<(Mutex<bool>, Condvar)>,
    waits: Arc<AtomicBool>,
}

impl TimeSource for Gate {
    fn wall(&self) -> Wall {
        if std::thread::current().name() == Some("journal") {
            let (shut, opened) = &*self.shut;
            let mut shut: MutexGuard<'_, bool> = shut.lock().unwrap();
            while *shut {
                self.waits.store(true, Ordering::SeqCst);
                shut = opened.wait(shut).unwrap();
            }
        }
        self.time.wall()
    }

    fn monotonic(&self) -> Duration {
        self.time.monotonic()
    }
}

async fn why_stuck(journal: &Journal, patience: Duration) -> bool {
    !stuck(vec![Part::new("journal", journal.answers(), None)], patience).await.is_empty()
}

/// Long enough for a thread to come round on a busy machine, where it must.
const LONG: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_writer_that_hangs_is_found_out_and_one_that_goes_on_answers() {
    let bed = Bed::new();
    let (shut, waits) = (Arc::new((Mutex::new(false), Condvar::new())), Arc::new(AtomicBool::new(false)));
    let gate = Gate { time: bed.time.clone(), shut: Arc::clone(&shut), waits: Arc::clone(&waits) };
    let clock = Arc::new(Clock::new(gate));
    let journal = Arc::new(Journal::open(&bed.path(), &bed.device, clock, bed.settings.clone()).unwrap());
    let before = journal.head();
    assert!(!why_stuck(&journal, LONG).await);
    assert_eq!(journal.head(), before, "a question writes nothing");

    *shut.0.lock().unwrap() = true;
    let other = Arc::clone(&journal);
    let hangs = tokio::spawn(async move { other.flush().await });
    while !waits.load(Ordering::SeqCst) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(why_stuck(&journal, Duration::from_millis(50)).await);

    *shut.0.lock().unwrap() = false;
    shut.1.notify_all();
    hangs.await.unwrap().unwrap();
    assert!(!why_stuck(&journal, LONG).await);
}
