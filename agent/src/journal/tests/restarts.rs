//! What a start says of commands that the last process left unfinished.

use streembit_peer::message::{Answer, ProblemCode};

use super::*;

/// Begins a command and leaves it as a process does that is killed.
async fn left(bed: &Bed, journal: &Journal, touch: bool) -> (Call, u64) {
    let call = bed.call("1234");
    let recorded = begin(journal, bed.intent_of(&call)).await;
    let seq = recorded.seq();
    if touch {
        recorded.mark().touch().unwrap();
    }
    std::mem::forget(recorded);
    (call, seq)
}

async fn nothing_moved(journal: &Journal) -> Vec<u64> {
    let unmoved = |what| match what {
        What::NothingMoved { intent } => Some(intent),
        _ => None,
    };
    all(journal).await.into_iter().filter_map(unmoved).collect()
}

#[tokio::test]
async fn what_had_touched_nothing_is_known_not_to_have_moved() {
    let bed = Bed::new();
    let journal = bed.claimed().await;
    let (untouched, first) = left(&bed, &journal, false).await;
    let (touched, second) = left(&bed, &journal, true).await;
    drop(journal);

    for start in 1..=2 {
        let journal = bed.open();
        assert_eq!(nothing_moved(&journal).await, [first], "start {start}");
        assert_eq!(unknown(&journal).await, [(second, Unknown::Restart)], "start {start}");
        let report = journal.verify(None).await.unwrap();
        assert!(report.holds() && report.unfinished == 0, "start {start}: {report:?}");

        // Neither begins again under its id, and each is told what is known of it.
        let seen = |call: &Call| journal.begin(bed.intent_of(call));
        let Begun::Seen(Seen::Done(kept)) = seen(&untouched).await.unwrap() else { panic!("start {start}") };
        let Answer::Problem(problem) = serde_json::from_slice(&kept.answer).unwrap() else { panic!() };
        assert_eq!(problem.code, ProblemCode::Unavailable);
        assert!(matches!(seen(&touched).await.unwrap(), Begun::Seen(Seen::Unknown)), "start {start}");
    }
}

#[tokio::test]
async fn after_a_start_of_the_machine_nobody_knows() {
    let bed = Bed::new();
    let journal = bed.claimed().await;
    let (_, first) = left(&bed, &journal, false).await;
    let (_, second) = left(&bed, &journal, true).await;
    drop(journal);
    // As another boot leaves it: the marks were never on the disk, and the kernel has another id.
    std::fs::write(bed.folder.path().join("state.db-marks"), b"").unwrap();

    let journal = bed.open();
    assert!(nothing_moved(&journal).await.is_empty());
    assert_eq!(unknown(&journal).await, [(first, Unknown::Restart), (second, Unknown::Restart)]);
}

#[tokio::test]
async fn a_mark_goes_with_the_end_of_its_intent() {
    let bed = Bed::new();
    let journal = bed.claimed().await;
    let recorded = begin(&journal, bed.intent()).await;
    recorded.mark().touch().unwrap();
    assert!(journal.shared.marks.moved(recorded.seq()));
    let seq = recorded.seq();
    journal.finish(recorded, Outcome::Pending, b"{}".to_vec()).await.unwrap();
    assert!(journal.shared.marks.moved(seq), "it runs on");
    journal.complete(seq, Outcome::Ok).await.unwrap();
    assert!(!journal.shared.marks.moved(seq));
    // Both entries say that it moved; those of a command that moved nothing say nothing.
    let recorded = begin(&journal, bed.intent()).await;
    let still = recorded.seq();
    journal.finish(recorded, Outcome::Ok, b"null".to_vec()).await.unwrap();
    let told = |what| match what {
        What::Outcome { intent, moved, .. } | What::Completed { intent, moved, .. } => Some((intent, moved)),
        _ => None,
    };
    let told: Vec<_> = all(&journal).await.into_iter().filter_map(told).collect();
    assert_eq!(told, [(seq, true), (seq, true), (still, false)]);
}
