//! Opening, reads, denials, retention.

use super::*;

#[tokio::test]
async fn a_second_process_is_kept_out_and_a_file_of_something_else_is_left_alone() {
    let bed = Bed::new();
    let journal = bed.open();
    assert!(matches!(bed.try_open(), Err(OpenError::InUse(_))));
    drop(journal);
    drop(bed.open());

    for (content, what) in [(&b"hello"[..], "short"), (&[b'x'; 5000][..], "long")] {
        let bed = Bed::new();
        std::fs::write(bed.path(), content).unwrap();
        assert!(matches!(bed.try_open(), Err(OpenError::Foreign(_))), "{what}");
        assert_eq!(std::fs::read(bed.path()).unwrap(), content, "{what}: untouched");
    }
    let bed = Bed::new();
    bed.sql("CREATE TABLE recipes (name TEXT)");
    assert!(matches!(bed.try_open(), Err(OpenError::Foreign(_))));
}

#[tokio::test]
async fn what_cannot_be_opened_says_why() {
    let mut bed = Bed::new();
    drop(bed.open());
    bed.sql("PRAGMA user_version = 99");
    assert!(matches!(bed.try_open(), Err(OpenError::Newer { found: 99, .. })));
    bed.sql("PRAGMA user_version = 1");
    drop(bed.open());
    bed.device = PrivateKey::generate(&mut rng::system());
    assert!(matches!(bed.try_open(), Err(OpenError::OtherDevice { .. })));
    let nowhere = bed.folder.path().join("none/state.db");
    let clock = Arc::new(Clock::new(bed.time.clone()));
    let error = Journal::open(&nowhere, &bed.device, clock, Settings::default()).unwrap_err();
    assert!(error.to_string().contains("none/state.db"), "{error}");
}

#[tokio::test]
async fn nobody_else_can_read_the_files() {
    use std::os::unix::fs::PermissionsExt as _;
    let bed = Bed::new();
    let journal = bed.open();
    bed.act(&journal, 1).await;
    for file in std::fs::read_dir(bed.folder.path()).unwrap() {
        let file = file.unwrap();
        let mode = file.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{:?}", file.file_name());
    }
}

#[test]
fn a_commit_is_durable_when_it_returns() {
    let bed = Bed::new();
    let connection = schema::open_for_writing(&bed.path()).unwrap();
    let pragma = |name| {
        connection.pragma_query_value(None, name, |row| row.get::<_, rusqlite::types::Value>(0)).unwrap()
    };
    assert_eq!(pragma("journal_mode"), "wal".to_owned().into());
    assert_eq!(pragma("synchronous"), 2.into(), "FULL");
    assert_eq!(pragma("secure_delete"), 1.into());
}

#[tokio::test]
async fn an_empty_file_is_a_creation_that_was_cut_short() {
    let bed = Bed::new();
    std::fs::write(bed.path(), b"").unwrap();
    drop(bed.open());
    assert!(bed.check(None).holds());
}

#[tokio::test]
async fn reads_cost_no_write_and_become_one_entry() {
    let bed = Bed::new();
    let journal = bed.claimed().await;
    let before = journal.head();
    let who = bed.owner.public().thumbprint();
    let (door, state) = ("door".parse().unwrap(), "state".parse().unwrap());
    for _ in 0..1000 {
        journal.note_read(who, Operation::ReadProperty, &door, Some(&state));
    }
    assert_eq!(journal.head(), before);
    journal.flush().await.unwrap();
    assert_eq!(journal.head().seq, before.seq + 1);
    let entry = journal.read(journal.head().seq, 1).await.unwrap().remove(0);
    let What::Reads { reads, unlisted: 0 } = entry.body.what else { panic!("no reads: {entry:?}") };
    assert_eq!((reads.len(), reads[0].times, reads[0].contact), (1, 1000, who));
}

#[tokio::test]
async fn reads_are_not_journalled_where_the_owner_says_so() {
    let mut bed = Bed::new();
    bed.settings.reads = false;
    let journal = bed.open();
    let before = journal.head();
    journal.note_read(
        bed.owner.public().thumbprint(),
        Operation::ReadProperty,
        &"door".parse().unwrap(),
        None,
    );
    journal.flush().await.unwrap();
    assert_eq!(journal.head(), before);
}

#[tokio::test]
async fn what_lies_aside_is_written_at_the_end() {
    let bed = Bed::new();
    let journal = bed.open();
    let before = journal.head();
    journal.note_read(
        bed.owner.public().thumbprint(),
        Operation::ReadProperty,
        &"door".parse().unwrap(),
        None,
    );
    journal.deny(Denial::because("stranger"));
    drop(journal);
    let journal = bed.open();
    assert_eq!(journal.head().seq, before.seq + 2, "the reads, and the new start");
    assert_eq!(journal.denials(10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_flood_of_denials_fills_no_disk_and_stops_no_door() {
    let bed = Bed::new();
    let journal = bed.claimed().await;
    let before = journal.head();
    let size = || std::fs::metadata(bed.path()).unwrap().len();
    journal.deny(Denial { caller: Some(bed.owner.public().thumbprint()), ..Denial::because("first") });
    for round in 0..200u32 {
        for n in 0..100 {
            let source = format!("10.0.{round}.{n}").into_boxed_str();
            journal.deny(Denial { source: Some(source), ..Denial::because("stranger") });
        }
        journal.flush().await.unwrap();
    }
    assert_eq!(journal.head(), before, "the chain does not grow by denials");
    bed.act(&journal, 1).await;
    let newest = journal.denials(1000).await.unwrap();
    assert_eq!(newest.len(), 1000);
    assert!(newest.windows(2).all(|pair| pair[0].number == pair[1].number + 1));
    assert_eq!(newest.iter().take(65).map(|record| record.times).sum::<u64>(), 100, "none goes uncounted");
    drop(journal);
    assert!(size() < 3 << 20, "{} bytes", size());
    // Numbering goes on after a restart.
    let journal = bed.open();
    journal.deny(Denial::because("one more"));
    journal.flush().await.unwrap();
    assert_eq!(journal.denials(1).await.unwrap()[0].number, newest[0].number + 1);
}

#[tokio::test]
async fn the_oldest_entries_go_and_verify_understands_the_cut() {
    let mut bed = Bed::new();
    bed.settings.max_entries = 100;
    let journal = bed.claimed().await;
    let receipts = bed.act(&journal, 150).await;
    let report = journal.verify(None).await.unwrap();
    assert!(report.holds(), "{report:?}");
    assert!(report.entries <= 130 && report.first > 100, "{report:?}");
    assert!(report.cannot_prove.contains(&CannotProve::BeforeCut { through: report.first - 1 }));
    // A head from before the cut proves nothing any longer, and is not taken for a forgery.
    let old = journal.verify(Some(receipts[0])).await.unwrap();
    assert!(old.holds());
    assert!(old.cannot_prove.contains(&CannotProve::KeptHeadIsCut { kept: receipts[0].seq }));
    assert!(journal.verify(Some(receipts[149])).await.unwrap().holds());
    drop(journal);
    // More removed than the device signed for is missing.
    let journal = bed.open();
    drop(journal);
    let first = bed.check(None).first;
    bed.sql(&format!("DELETE FROM entries WHERE seq = {first}"));
    assert_eq!(bed.check(None).findings, [Finding::Missing { from: first, through: first }]);
}

#[tokio::test]
async fn what_is_unfinished_is_not_removed() {
    let mut bed = Bed::new();
    bed.settings.max_entries = 20;
    let journal = bed.claimed().await;
    let recorded = begin(&journal, bed.intent()).await;
    let seq = recorded.seq();
    bed.act(&journal, 50).await;
    assert!(matches!(journal.read(seq, 1).await.unwrap()[0].body.what, What::Intent { .. }));
    journal.finish(recorded, Outcome::Ok, Vec::new()).await.unwrap();
    bed.act(&journal, 50).await;
    assert!(journal.read(seq, 1).await.unwrap()[0].body.seq > seq);
    assert!(journal.verify(None).await.unwrap().holds());
}

#[tokio::test]
async fn old_entries_go_by_age() {
    let mut bed = Bed::new();
    bed.settings.max_age = Some(Duration::from_secs(3600));
    let journal = bed.claimed().await;
    bed.act(&journal, 300).await;
    assert_eq!(journal.verify(None).await.unwrap().first, 1);
    bed.time.pass(Duration::from_secs(7200));
    bed.act(&journal, 130).await;
    let report = journal.verify(None).await.unwrap();
    assert!(report.holds() && report.first > 200, "{report:?}");
}

#[tokio::test]
async fn a_big_journal_gets_smaller_before_it_stops() {
    let mut bed = Bed::new();
    bed.settings.max_bytes = 500_000;
    let journal = bed.claimed().await;
    bed.act(&journal, 700).await;
    let report = journal.verify(None).await.unwrap();
    assert!(report.holds() && report.first > 1, "{report:?}");
    drop(journal);
    assert!(std::fs::metadata(bed.path()).unwrap().len() < 1_000_000);
}
