//! A disk that is full, and one that returns other bytes than were written.

use super::*;

/// The folder that the child works in; without it the child's test does nothing.
const FOLDER: &str = "STREEMBIT_TEST_FULL_DISK";

/// A limit on the size of files is to the process what a full disk is, and needs a process of its own.
#[test]
fn a_full_disk_means_not_recorded_and_ends_when_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    // Without the trap the kernel ends a process that reaches the limit.
    let output = std::process::Command::new("sh")
        .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "journal::tests::faults::child_on_a_disk_that_fills_up", "--nocapture"])
        .env(FOLDER, folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("it went on"), "{said}\n{complained}");
}

/// Not a test by itself: the process of the test above.
#[tokio::test]
async fn child_on_a_disk_that_fills_up() {
    let Some(_) = std::env::var_os(FOLDER) else { return };
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let bed = Bed::new();
    let journal = bed.claimed().await;
    bed.act(&journal, 5).await;
    let before = journal.head();
    let room = getrlimit(Resource::Fsize);
    let wal = std::fs::metadata(bed.folder.path().join("state.db-wal")).unwrap().len();
    setrlimit(Resource::Fsize, Rlimit { current: Some(wal + 60_000), ..room }).unwrap();
    let error = loop {
        let intent = bed.intent();
        let done = match journal.begin(intent).await {
            Ok(Begun::New(recorded)) => journal.finish(recorded, Outcome::Ok, b"null".to_vec()).await,
            Ok(Begun::Seen(seen)) => panic!("{seen:?}"),
            Err(error) => Err(error),
        };
        if let Err(error) = done {
            break error;
        }
        assert!(journal.head().seq < 10_000, "the limit never came");
    };
    assert!(matches!(error, NotRecorded::Storage(_)), "{error}");
    let head = journal.head();
    assert!(head.seq > before.seq);
    for _ in 0..3 {
        assert!(matches!(journal.begin(bed.intent()).await, Err(NotRecorded::Storage(_))));
        assert!(matches!(journal.change_rights_here(guest()).await, Err(RightsError::NotRecorded(_))));
    }
    assert_eq!(journal.head(), head, "what was not recorded is not in the chain");
    assert_eq!(journal.rights().contacts().count(), 1, "nor does it count");
    assert!(journal.trouble().is_some());
    // What is there can still be read and checked.
    assert!(journal.verify(Some(head)).await.unwrap().holds());

    setrlimit(Resource::Fsize, room).unwrap();
    bed.act(&journal, 5).await;
    assert_eq!(journal.trouble(), None);
    let report = journal.verify(Some(head)).await.unwrap();
    assert!(report.holds() && report.unfinished == 0, "{report:?}");
    println!("it went on");
}

/// Flips bits all over the file. Either the journal still says exactly what it said, or it says that something is wrong.
#[tokio::test]
async fn flipped_bits_never_change_what_the_journal_says_unseen() {
    let bed = Bed::new();
    let journal = bed.claimed().await;
    journal.change_rights_here(guest()).await.unwrap();
    bed.act(&journal, 30).await;
    let said = journal.read(1, 1000).await.unwrap();
    let kept = journal.head();
    drop(journal);
    let sound = std::fs::read(bed.path()).unwrap();
    let mut found = 0;
    // A fixed sequence, so that a failure can be seen again.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for round in 0..300 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let at = (state >> 20) as usize % sound.len();
        let mut bytes = sound.clone();
        bytes[at] ^= 1 << (state >> 60 & 7);
        for suffix in ["-wal", "-shm"] {
            let _ = std::fs::remove_file(format!("{}{suffix}", bed.path().display()));
        }
        std::fs::write(bed.path(), bytes).unwrap();
        match check(&bed.path(), bed.device.public(), Some(kept)) {
            Ok(report) if report.holds() => {
                let says = reader::entries(&bed.path(), reader::Page::From(1), 1000).unwrap();
                assert_eq!(says, said, "round {round}, byte {at}");
            }
            Ok(_) | Err(_) => found += 1,
        }
        // And the agent either starts on what was signed, or says why not.
        if let Ok(journal) = bed.try_open() {
            assert!(journal.head().seq > kept.seq);
            assert_eq!(journal.rights().contacts().count(), 2, "round {round}, byte {at}");
        }
    }
    assert!(found > 100, "only {found} of 300 flips were found: the rest cannot all have hit free space");
}

#[tokio::test]
async fn a_file_that_was_cut_short_is_a_clear_error() {
    let bed = Bed::new();
    let journal = bed.claimed().await;
    bed.act(&journal, 30).await;
    drop(journal);
    let bytes = std::fs::read(bed.path()).unwrap();
    for length in [50, 100, 4096, bytes.len() / 2, bytes.len() - 1] {
        std::fs::write(bed.path(), &bytes[..length]).unwrap();
        let opened = bed.try_open();
        let refused = matches!(opened, Err(OpenError::Damaged { .. } | OpenError::Foreign(_)));
        assert!(refused || !bed.check(None).holds(), "{length} of {} bytes", bytes.len());
    }
}

#[tokio::test]
async fn a_database_that_somebody_else_wrote_to_is_not_written_further() {
    let bed = Bed::new();
    let journal = bed.claimed().await;
    bed.act(&journal, 1).await;
    // Something makes the writer fail once, and removes an entry meanwhile.
    bed.sql("ALTER TABLE answers RENAME TO elsewhere; DELETE FROM entries WHERE seq = 4");
    assert!(journal.begin(bed.intent()).await.is_err());
    bed.sql("ALTER TABLE elsewhere RENAME TO answers");
    let error = journal.begin(bed.intent()).await.unwrap_err().to_string();
    assert!(error.contains("not where this process left it"), "{error}");
}

#[tokio::test]
async fn an_error_that_passes_leaves_nothing_behind() {
    let bed = Bed::new();
    let journal = bed.claimed().await;
    let head = journal.head();
    bed.sql("ALTER TABLE answers RENAME TO elsewhere");
    let intent = bed.intent();
    assert!(matches!(journal.begin(intent.clone()).await, Err(NotRecorded::Storage(_))));
    assert!(journal.change_rights_here(guest()).await.is_ok(), "this needs no such table");
    bed.sql("ALTER TABLE elsewhere RENAME TO answers");
    assert_eq!(journal.head().seq, head.seq + 1);
    // The same call may be tried again, and an outcome that could not be recorded is unknown in the end.
    let recorded = begin(&journal, intent).await;
    let seq = recorded.seq();
    bed.sql("ALTER TABLE answers RENAME TO elsewhere");
    assert!(journal.finish(recorded, Outcome::Ok, b"null".to_vec()).await.is_err());
    bed.sql("ALTER TABLE elsewhere RENAME TO answers");
    journal.flush().await.unwrap();
    assert_eq!(unknown(&journal).await, [(seq, Unknown::GivenUp)]);
    assert!(journal.verify(None).await.unwrap().holds());
}
