//! The process is killed at any moment, again and again. What was acknowledged is there afterwards.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use super::*;

/// The folder that the child works in; without it the child's test does nothing.
const FOLDER: &str = "STREEMBIT_TEST_JOURNAL";

const ROUNDS: u64 = 12;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_kill_9() {
    let bed = Bed::new();
    drop(bed.claimed().await);
    let scalar = bed.folder.path().join("device");
    std::fs::write(scalar, bed.device.to_scalar().as_slice()).unwrap();
    let mut kept = None;
    let mut unknowns = 0;
    for round in 0..ROUNDS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "journal::tests::kill::child_that_writes_until_it_is_killed", "--nocapture"])
            .env(FOLDER, bed.folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let stdout = child.stdout.take().unwrap();
        let lines = std::thread::spawn(move || {
            BufReader::new(stdout).lines().map_while(Result::ok).collect::<Vec<_>>()
        });
        tokio::time::sleep(Duration::from_millis(60 + round * 37 % 200)).await;
        child.kill().unwrap();
        child.wait().unwrap();
        let acknowledged: Vec<KeptHead> = lines
            .join()
            .unwrap()
            .iter()
            .filter_map(|line| line.split("acknowledged ").nth(1)?.parse().ok())
            .collect();

        let journal = bed.open();
        for KeptHead(receipt) in &acknowledged {
            let entry = journal.read(receipt.seq, 1).await.unwrap().remove(0);
            assert_eq!(Receipt { seq: entry.body.seq, head: entry.head }, *receipt, "round {round}");
        }
        kept = acknowledged.iter().map(|kept| kept.0).max_by_key(|kept| kept.seq).or(kept);
        let report = journal.verify(kept).await.unwrap();
        assert!(report.holds(), "round {round}: {report:?}");
        assert_eq!(report.unfinished, 0, "round {round}: what was begun is unknown now");
        unknowns += journal
            .read(report.first.max(journal.head().seq.saturating_sub(20)), 100)
            .await
            .unwrap()
            .iter()
            .filter(|entry| matches!(entry.body.what, What::OutcomeUnknown { because: Unknown::Restart, .. }))
            .count();
    }
    assert!(kept.is_some(), "no child ever wrote anything");
    assert!(unknowns > 0, "no child was killed in the middle of anything");
}

/// Not a test by itself: the process that the test above kills.
#[tokio::test]
async fn child_that_writes_until_it_is_killed() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let path = PathBuf::from(folder);
    let device = PrivateKey::from_scalar(&std::fs::read(path.join("device")).unwrap()).unwrap();
    let clock = Arc::new(Clock::new(VirtualTime::new(NOON, true)));
    let journal = Journal::open(&path.join("state.db"), &device, clock, Settings::default()).unwrap();
    let bed = Bed { device, ..Bed::new() };
    let acknowledge = |receipt: Receipt| {
        let mut out = std::io::stdout().lock();
        writeln!(out, "acknowledged {}", KeptHead(receipt)).unwrap();
    };
    let worker = async || {
        loop {
            let recorded = begin(&journal, bed.intent()).await;
            recorded.mark().touch().unwrap();
            let receipt = journal.finish(recorded, Outcome::Ok, b"null".to_vec()).await.unwrap();
            acknowledge(receipt);
            if receipt.seq % 8 == 0 {
                acknowledge(journal.change_rights_here(guest()).await.unwrap());
            }
        }
    };
    futures::future::join_all((0..8).map(|_| worker())).await;
}
