//! Somebody changes the database behind the journal's back. Each case names what `verify` must find.

use super::*;

/// A journal with ten actions, closed: the start, the claim, then entries 3 to 22.
async fn ten() -> (Bed, Vec<Receipt>) {
    let bed = Bed::new();
    let journal = bed.claimed().await;
    let receipts = bed.act(&journal, 10).await;
    assert_eq!(receipts[9].seq, 22);
    drop(journal);
    (bed, receipts)
}

/// What `verify` finds after a change by SQL.
async fn after(sql: &str) -> Vec<Finding> {
    let (bed, _) = ten().await;
    assert!(bed.check(None).holds());
    bed.sql(sql);
    bed.check(None).findings
}

#[tokio::test]
async fn a_changed_entry_is_named() {
    let sql = "UPDATE entries SET body = replace(body, 'door', 'gate') WHERE seq = 5";
    assert_eq!(after(sql).await, [Finding::Changed { seq: 5 }]);
    let time = "UPDATE entries SET body = replace(body, '1795435200', '1795435201') WHERE seq = 6";
    assert_eq!(after(time).await, [Finding::Changed { seq: 6 }]);
}

#[tokio::test]
async fn a_changed_hash_is_named() {
    assert_eq!(
        after("UPDATE entries SET head = zeroblob(32) WHERE seq = 5").await,
        [Finding::Changed { seq: 5 }]
    );
    assert_eq!(
        after("UPDATE entries SET prev = zeroblob(32) WHERE seq = 5").await,
        [Finding::Changed { seq: 5 }]
    );
}

#[tokio::test]
async fn an_entry_that_was_hashed_anew_is_named() {
    let (bed, _) = ten().await;
    rehash(&bed, 6, 6);
    assert_eq!(bed.check(None).findings, [Finding::Replaced { seq: 6 }]);
}

#[tokio::test]
async fn a_chain_that_was_hashed_anew_to_its_end_is_not_the_one_that_was_signed() {
    let (bed, _) = ten().await;
    rehash(&bed, 6, 22);
    assert_eq!(bed.check(None).findings, [Finding::Replaced { seq: 22 }]);
    assert!(matches!(bed.try_open(), Err(OpenError::Damaged { .. })), "nor does the agent start on it");
}

/// Changes one outcome and makes the hashes fit from there to `through`.
fn rehash(bed: &Bed, from: u64, through: u64) {
    let connection = Connection::open(bed.path()).unwrap();
    connection
        .execute(
            "UPDATE entries SET body = replace(body, '\"ok\"', '\"failed\"') WHERE seq = ?1",
            [from as i64],
        )
        .unwrap();
    let row = |seq: u64| -> ([u8; 32], String) {
        let sql = "SELECT prev, body FROM entries WHERE seq = ?1";
        connection.query_row(sql, [seq as i64], |row| Ok((row.get(0)?, row.get(1)?))).unwrap()
    };
    let mut prev = row(from).0;
    for seq in from..=through {
        let body = row(seq).1;
        let head = *entry::link(&streembit_peer::message::JournalHead::from_bytes(prev), &body).as_bytes();
        connection
            .execute("UPDATE entries SET prev = ?2, head = ?3 WHERE seq = ?1", (seq as i64, prev, head))
            .unwrap();
        prev = head;
    }
}

#[tokio::test]
async fn missing_entries_are_named() {
    assert_eq!(after("DELETE FROM entries WHERE seq = 5").await, [Finding::Missing { from: 5, through: 5 }]);
    let pairs = "DELETE FROM entries WHERE seq BETWEEN 5 AND 8";
    assert_eq!(after(pairs).await, [Finding::Missing { from: 5, through: 8 }]);
    assert_eq!(after("DELETE FROM entries WHERE seq <= 2").await, [Finding::Missing { from: 1, through: 2 }]);
    assert_eq!(
        after("DELETE FROM entries WHERE seq > 20").await,
        [Finding::Missing { from: 21, through: 22 }]
    );
    assert_eq!(after("DELETE FROM entries").await, [Finding::Missing { from: 1, through: 22 }]);
}

#[tokio::test]
async fn an_unfinished_intent_that_the_next_start_would_pass_over_is_named() {
    let bed = Bed::new();
    let journal = bed.claimed().await;
    let recorded = begin(&journal, bed.intent()).await;
    let report = journal.verify(None).await.unwrap();
    assert!(report.holds() && report.unfinished == 1, "it is running: {report:?}");
    bed.sql("DELETE FROM unfinished");
    let findings = journal.verify(None).await.unwrap().findings;
    assert_eq!(findings, [Finding::Unlisted { seq: recorded.seq() }]);
}

#[tokio::test]
async fn reordered_entries_are_named() {
    let swap = "UPDATE entries SET seq = 99 WHERE seq = 5; UPDATE entries SET seq = 5 WHERE seq = 7; \
                UPDATE entries SET seq = 7 WHERE seq = 99";
    let findings = after(swap).await;
    assert!(findings.contains(&Finding::Moved { seq: 5, found: 7 }), "{findings:?}");
    assert!(findings.contains(&Finding::Moved { seq: 7, found: 5 }), "{findings:?}");
}

#[tokio::test]
async fn an_entry_that_closes_a_gap_is_named() {
    let close = "DELETE FROM entries WHERE seq = 5; UPDATE entries SET seq = seq - 1 WHERE seq > 5";
    let findings = after(close).await;
    assert!(findings.contains(&Finding::Moved { seq: 5, found: 6 }), "{findings:?}");
    assert!(findings.contains(&Finding::Missing { from: 22, through: 22 }), "{findings:?}");
}

#[tokio::test]
async fn an_added_entry_is_named() {
    let add = "INSERT INTO entries SELECT 23, head, head, body, NULL FROM entries WHERE seq = 22";
    let findings = after(add).await;
    assert!(findings.contains(&Finding::Unsigned { from: 23 }), "{findings:?}");
}

#[tokio::test]
async fn another_input_is_named() {
    assert_eq!(
        after("UPDATE entries SET input = (SELECT input FROM entries WHERE seq = 5) WHERE seq = 7").await,
        [Finding::Input { seq: 7 }]
    );
}

#[tokio::test]
async fn a_request_that_its_contact_did_not_sign_is_named() {
    let bed = Bed::new();
    let journal = bed.claimed().await;
    // The device itself could write such an entry, and only the contact's signature shows it.
    let mut intent = bed.intent();
    let tail = intent.request.split_off(intent.request.len() - 8);
    intent.request.push_str(if tail == "AAAAAAAA" { "BBBBBBBB" } else { "AAAAAAAA" });
    let seq = begin(&journal, intent).await.seq();
    let other = Intent { thing: "gate".parse().unwrap(), ..bed.intent() };
    let misnamed = begin(&journal, other).await.seq();
    journal.flush().await.unwrap();
    let findings = journal.verify(None).await.unwrap().findings;
    let named: Vec<_> = findings
        .iter()
        .map(|finding| match finding {
            Finding::Request { seq, .. } => *seq,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(named, [seq, misnamed]);
}

#[tokio::test]
async fn a_missing_or_foreign_signature_is_named() {
    assert!(matches!(
        &after("DELETE FROM facts WHERE name = 'standing'").await[..],
        [Finding::Standing { .. }]
    ));
    let (bed, _) = ten().await;
    let other = Bed::new();
    let foreign = other.open().signed_head();
    bed.sql(&format!("UPDATE facts SET value = '{foreign}' WHERE name = 'standing'"));
    assert!(matches!(&bed.check(None).findings[..], [Finding::Standing { .. }]));
    assert!(matches!(bed.try_open(), Err(OpenError::Damaged { .. })));
}

#[tokio::test]
async fn a_kept_head_shows_truncation_that_nothing_else_does() {
    let bed = Bed::new();
    let journal = bed.claimed().await;
    bed.act(&journal, 2).await;
    drop(journal);
    // An old copy of everything, put back later: sound in itself.
    let copy = std::fs::read(bed.path()).unwrap();
    let journal = bed.open();
    let kept = bed.act(&journal, 3).await[2];
    drop(journal);
    assert!(bed.check(Some(kept)).holds());
    std::fs::write(bed.path(), copy).unwrap();
    let report = bed.check(None);
    assert!(report.holds() && report.cannot_prove.contains(&CannotProve::Newest));
    let last = report.last.unwrap().seq;
    assert_eq!(bed.check(Some(kept)).findings, [Finding::CutOff { last, kept: kept.seq }]);
    // Grown again past the kept head, it is another history.
    let journal = bed.open();
    bed.act(&journal, 5).await;
    drop(journal);
    let report = bed.check(Some(kept));
    assert_eq!(report.findings, [Finding::Rewritten { seq: kept.seq }]);
    assert!(!report.cannot_prove.contains(&CannotProve::Newest));
}

#[tokio::test]
async fn a_tail_that_was_removed_keeps_the_agent_from_starting() {
    let (bed, _) = ten().await;
    bed.sql("DELETE FROM entries WHERE seq > 20");
    let error = bed.try_open().unwrap_err().to_string();
    assert!(error.contains("its last entry is 20, but the device signed 22"), "{error}");
}

#[tokio::test]
async fn a_start_looks_at_the_end_alone_and_verify_at_everything() {
    let (bed, _) = ten().await;
    bed.sql("UPDATE entries SET body = 'nonsense' WHERE seq = 5");
    // A million entries must not slow the start. What stands before the end cannot change what the device does.
    let journal = bed.open();
    assert_eq!(journal.verify(None).await.unwrap().findings, [Finding::Changed { seq: 5 }]);
}

#[tokio::test]
async fn kept_heads_are_text() {
    let (_, receipts) = ten().await;
    let kept = KeptHead(receipts[3]);
    assert_eq!(kept.to_string().parse(), Ok(kept));
    for text in ["", "5", "5:", ":x", "five:AAAA", &format!("{kept}x")] {
        assert_eq!(text.parse::<KeptHead>(), Err(NotAHead), "{text}");
    }
}
