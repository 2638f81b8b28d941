//! Intents, outcomes and answers.

use super::*;

#[tokio::test]
async fn an_action_is_two_entries_and_its_receipt_is_the_second() {
    let bed = Bed::new();
    let journal = bed.claimed().await;
    let before = journal.head().seq;
    let recorded = begin(&journal, bed.intent()).await;
    assert_eq!((recorded.seq(), journal.head().seq), (before + 1, before + 1));
    let receipt = journal.finish(recorded, Outcome::Ok, b"null".to_vec()).await.unwrap();
    assert_eq!((receipt, receipt.seq), (journal.head(), before + 2));
    let entries = journal.read(before + 1, 10).await.unwrap();
    assert!(matches!(&entries[0].body.what, What::Intent { thing, .. } if thing.as_str() == "door"));
    assert_eq!(entries[1].body.what, What::Outcome { intent: before + 1, result: Outcome::Ok, moved: false });
    assert_eq!(entries[1].body.at, Some(NOON));
    assert_eq!(entries[1].head, receipt.head);
    let report = journal.verify(None).await.unwrap();
    assert!(report.holds(), "{report:?}");
    assert_eq!((report.entries, report.last), (receipt.seq, Some(receipt)));
}

#[tokio::test]
async fn the_same_call_is_begun_once_and_answered_again() {
    let bed = Bed::new();
    let journal = bed.claimed().await;
    let call = bed.call("1");
    let (first, again) = (bed.intent_of(&call), bed.intent_of(&call));
    assert_eq!(journal.lookup(first.contact, first.call, &first.content).await.unwrap(), Seen::Fresh);
    let recorded = begin(&journal, first.clone()).await;
    assert!(matches!(journal.begin(again.clone()).await.unwrap(), Begun::Seen(Seen::Running)));
    let receipt = journal.finish(recorded, Outcome::Ok, b"42".to_vec()).await.unwrap();
    let kept = Seen::Done(Kept { answer: b"42".to_vec(), receipt });
    assert!(matches!(journal.begin(again.clone()).await.unwrap(), Begun::Seen(seen) if seen == kept));
    assert_eq!(journal.lookup(first.contact, first.call, &first.content).await.unwrap(), kept);
    let other = Intent { content: [8; 32], ..again };
    assert!(matches!(journal.begin(other).await.unwrap(), Begun::Seen(Seen::Other)));
    assert_eq!(journal.head(), receipt, "nothing more was recorded");
}

#[tokio::test]
async fn of_many_equal_calls_at_once_one_begins() {
    let bed = Bed::new();
    let journal = bed.claimed().await;
    let call = bed.call("1");
    let tries = (0..50).map(|_| journal.begin(bed.intent_of(&call)));
    let begun = futures::future::join_all(tries).await;
    let new = begun.iter().filter(|begun| matches!(begun, Ok(Begun::New(_)))).count();
    assert_eq!(new, 1);
}

#[tokio::test]
async fn answers_survive_a_restart_and_end_when_their_requests_have_expired() {
    let bed = Bed::new();
    let journal = bed.claimed().await;
    let intent = bed.intent();
    let recorded = begin(&journal, intent.clone()).await;
    let receipt = journal.finish(recorded, Outcome::Ok, b"42".to_vec()).await.unwrap();
    drop(journal);

    let journal = bed.open();
    let kept = Seen::Done(Kept { answer: b"42".to_vec(), receipt });
    assert!(matches!(journal.begin(intent.clone()).await.unwrap(), Begun::Seen(seen) if seen == kept));
    bed.time.pass(Duration::from_secs(361));
    journal.flush().await.unwrap();
    assert_eq!(journal.lookup(intent.contact, intent.call, &intent.content).await.unwrap(), Seen::Fresh);
    let rows: i64 = Connection::open(bed.path())
        .unwrap()
        .query_row("SELECT count(*) FROM answers", [], |row| row.get(0))
        .unwrap();
    assert_eq!(rows, 0);
}

#[tokio::test]
async fn an_intent_that_is_dropped_becomes_unknown_and_is_never_begun_again() {
    let bed = Bed::new();
    let journal = bed.claimed().await;
    let intent = bed.intent();
    let recorded = begin(&journal, intent.clone()).await;
    let seq = recorded.seq();
    drop(recorded);
    journal.flush().await.unwrap();
    assert_eq!(unknown(&journal).await, [(seq, Unknown::GivenUp)]);
    assert!(matches!(journal.begin(intent).await.unwrap(), Begun::Seen(Seen::Unknown)));
    assert!(journal.verify(None).await.unwrap().holds());
}

#[tokio::test]
async fn a_caller_that_goes_away_in_the_middle_of_begin_leaves_no_silence() {
    let bed = Bed::new();
    let journal = bed.claimed().await;
    {
        let mut begin = Box::pin(journal.begin(bed.intent()));
        // Polled once, so that it is queued, and then dropped.
        let waker = std::task::Waker::noop();
        let _ = begin.as_mut().poll(&mut std::task::Context::from_waker(waker));
    }
    journal.flush().await.unwrap();
    journal.flush().await.unwrap();
    assert_eq!(unknown(&journal).await.len(), 1);
}

#[tokio::test]
async fn a_pending_action_counts_as_running_until_it_is_complete() {
    let bed = Bed::new();
    let journal = bed.claimed().await;
    let mut intents = Vec::new();
    for _ in 0..2 {
        let recorded = begin(&journal, bed.intent()).await;
        intents.push(recorded.seq());
        recorded.mark().touch().unwrap();
        journal.finish(recorded, Outcome::Pending, b"{}".to_vec()).await.unwrap();
    }
    let receipt = journal.complete(intents[0], Outcome::Ok).await.unwrap();
    let entry = journal.read(receipt.seq, 1).await.unwrap().remove(0);
    assert_eq!(entry.body.what, What::Completed { intent: intents[0], result: Outcome::Ok, moved: true });
    assert_eq!(journal.verify(None).await.unwrap().unfinished, 1);
    drop(journal);
    let journal = bed.open();
    assert_eq!(unknown(&journal).await, [(intents[1], Unknown::Restart)]);
    assert!(journal.verify(None).await.unwrap().holds());
}

#[tokio::test]
async fn a_contact_whose_answers_are_full_is_refused_and_others_are_not() {
    let bed = Bed::new();
    let journal = bed.claimed().await;
    let recorded = begin(&journal, bed.intent()).await;
    journal.finish(recorded, Outcome::Ok, vec![b' '; MAX_ANSWER_BYTES]).await.unwrap();
    assert_eq!(journal.begin(bed.intent()).await.unwrap_err(), NotRecorded::Full);
    let other = Intent { contact: Thumbprint::from_bytes([9; 32]), ..bed.intent() };
    assert!(matches!(journal.begin(other).await.unwrap(), Begun::New(_)));
    bed.time.pass(Duration::from_secs(121));
    assert!(matches!(journal.begin(bed.intent()).await.unwrap(), Begun::New(_)));
}

#[tokio::test]
async fn a_page_of_long_entries_ends_before_it_is_longer_than_an_answer_may_be() {
    let bed = Bed::new();
    let journal = bed.claimed().await;
    let long = "7".repeat(40_000);
    for _ in 0..2 * MAX_PAGE_BYTES / long.len() {
        let recorded = begin(&journal, bed.intent_of(&bed.call(&long))).await;
        journal.finish(recorded, Outcome::Ok, b"null".to_vec()).await.unwrap();
    }
    let head = journal.head().seq;
    let size = |page: &[Entry]| serde_json::to_vec(page).unwrap().len();
    let newest = journal.page(Page::Newest, MAX_PAGE).await.unwrap();
    assert_eq!(newest.last().unwrap().body.seq, head);
    assert!(size(&newest) > MAX_PAGE_BYTES / 2 && size(&newest) < 2 * MAX_PAGE_BYTES, "{}", size(&newest));
    // Page by page there is nothing missing.
    let (mut next, mut pages) = (1, 0);
    while next <= head {
        let page = journal.read(next, MAX_PAGE).await.unwrap();
        assert!(size(&page) < 2 * MAX_PAGE_BYTES, "{}", size(&page));
        for entry in page {
            assert_eq!(entry.body.seq, next);
            next += 1;
        }
        pages += 1;
    }
    assert!(pages > 1);
    assert!(journal.read(next, MAX_PAGE).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_input_can_be_dropped_for_good_and_the_proof_stays() {
    let bed = Bed::new();
    let journal = bed.claimed().await;
    let intent = bed.intent_of(&bed.call("the-pin-4711"));
    let input = intent.input.clone().unwrap();
    let recorded = begin(&journal, intent).await;
    let seq = recorded.seq();
    journal.finish(recorded, Outcome::Ok, b"null".to_vec()).await.unwrap();
    assert_eq!(journal.read(seq, 1).await.unwrap()[0].input.as_deref(), Some(&*input));

    assert_eq!(journal.drop_inputs(seq..=seq).await.unwrap(), 1);
    assert_eq!(journal.read(seq, 1).await.unwrap()[0].input, None);
    let report = journal.verify(None).await.unwrap();
    assert!(report.holds(), "{report:?}");
    assert!(report.cannot_prove.contains(&CannotProve::Inputs { count: 1 }));
    // Not in the file, and not in the write-ahead log.
    for file in ["state.db", "state.db-wal"] {
        let bytes = std::fs::read(bed.folder.path().join(file)).unwrap_or_default();
        assert!(!bytes.windows(input.len()).any(|part| part == input.as_bytes()), "{file} still has it");
    }
}
