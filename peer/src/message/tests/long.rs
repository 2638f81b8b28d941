//! Long values, split at one end and put together at the other.

use super::*;
use crate::message::long::CHUNK;

/// A request's hash, which says no more here than which request it is.
fn request(n: u8) -> RequestHash {
    RequestHash::from_bytes([n; 32])
}

/// A value whose JSON text has so many bytes, which differ from place to place.
fn value_of(length: usize) -> Value {
    let letters = (0..length - 2).map(|n| char::from(b'a' + u8::try_from(n * 7 / 5 % 26).unwrap()));
    Value::String(letters.collect())
}

/// A long value as a device announces it and as it sends it.
struct Sent {
    announcement: Announcement,
    chunks: Vec<Vec<u8>>,
}

impl Sent {
    fn new(pair: &Pair, re: RequestHash, value: &Value) -> Self {
        let receipt = Some(Receipt { seq: 7, head: JournalHead::from_bytes([2; 32]) });
        let answer = Answer::Ok(value.clone());
        let signed = Response::sign(&pair.device, &pair.at_device, re, &answer, receipt).unwrap();
        let Ok(FromDevice::Announcement(announcement)) =
            FromDevice::authenticate(signed.plaintext.as_bytes(), &pair.at_person)
        else {
            panic!("an announcement")
        };
        let mut follows = signed.follows.unwrap();
        let chunks = std::iter::from_fn(|| follows.next_chunk()).collect();
        assert!(follows.is_sent());
        Self { announcement, chunks }
    }

    fn long() -> Self {
        Self::new(&Pair::new(), request(1), &value_of(MAX_VALUE + 3 * CHUNK / 2))
    }

    fn chunk(&self, n: usize) -> Chunk<'_> {
        chunk(&self.chunks[n])
    }
}

fn chunk(plaintext: &[u8]) -> Chunk<'_> {
    match FromDevice::authenticate(plaintext, &Pair::new().at_person) {
        Ok(FromDevice::Chunk(chunk)) => chunk,
        other => panic!("a chunk: {other:?}"),
    }
}

/// Gives an assembler one chunk after the other; the first refusal, or what is whole at the end.
fn assemble(announcement: &Announcement, chunks: &[Vec<u8>]) -> Result<Response, LongError> {
    let mut assembler = Assembler::default();
    assembler.begin(announcement.clone(), true)?;
    let mut whole = None;
    for plaintext in chunks {
        assert!(whole.is_none(), "whole before its end");
        whole = assembler.take(&chunk(plaintext))?;
    }
    whole.expect("whole").check()
}

#[test]
fn a_long_answer_arrives_as_it_was_meant() {
    let sent = Sent::long();
    let arrived = assemble(&sent.announcement, &sent.chunks).unwrap();
    assert_eq!(arrived.result, Answer::Ok(value_of(MAX_VALUE + 3 * CHUNK / 2)));
    assert_eq!((arrived.re, arrived.receipt.map(|receipt| receipt.seq)), (request(1), Some(7)));
}

#[test]
fn an_announcement_looks_as_documented_and_only_what_is_long_is_announced() {
    let pair = Pair::new();
    let answer = Answer::Ok(value_of(MAX_VALUE + 1));
    let signed = Response::sign(&pair.device, &pair.at_device, request(1), &answer, None).unwrap();
    let mut announced = payload(&signed.plaintext);
    assert_eq!(announced["result"]["ok-long"]["length"], json!(MAX_VALUE + 1));
    assert_eq!(announced["result"]["ok-long"]["sha256"].as_str().unwrap().len(), 43);
    for (length, taken) in [
        (json!(MAX_VALUE + 1), true),
        (json!(MAX_LONG_VALUE), true),
        (json!(MAX_VALUE), false),
        (json!(0), false),
        (json!(MAX_LONG_VALUE + 1), false),
        (json!(u64::MAX), false),
        (json!(-1), false),
        (json!("99999"), false),
    ] {
        announced["result"]["ok-long"]["length"] = length.clone();
        let message = jws::sign(&pair.device, Typ::new("sb-res"), announced.to_string().as_bytes());
        let read = FromDevice::authenticate(message.as_bytes(), &pair.at_person);
        assert_eq!(matches!(read, Ok(FromDevice::Announcement(_))), taken, "{length}: {read:?}");
    }
}

#[test]
fn a_chunk_is_no_request_and_what_is_shorter_or_longer_is_no_chunk() {
    let pair = Pair::new();
    let sent = Sent::long();
    assert!(matches!(pair.authenticate(sent.chunks[0].clone()), Err(MessageError::Jws(_))));
    let read = |plaintext: &[u8]| FromDevice::authenticate(plaintext, &pair.at_person).map(|_| ());
    let first = &sent.chunks[0];
    assert_eq!(read(first), Ok(()));
    let longer = [first.as_slice(), b"x"].concat();
    for wrong in [&first[..1], &first[..33], &first[..37], &longer] {
        assert!(matches!(read(wrong), Err(MessageError::Malformed(_))), "{} bytes", wrong.len());
    }
    assert!(read(&first[1..]).is_err(), "without its mark");
}

#[test]
fn chunks_of_several_answers_may_come_between_each_other() {
    let pair = Pair::new();
    let one = Sent::new(&pair, request(1), &value_of(MAX_VALUE + 1));
    let two = Sent::new(&pair, request(2), &value_of(MAX_VALUE + CHUNK));
    let mut assembler = Assembler::default();
    assembler.begin(one.announcement.clone(), true).unwrap();
    assembler.begin(two.announcement.clone(), true).unwrap();
    let mut arrived = Vec::new();
    for n in 0..one.chunks.len().max(two.chunks.len()) {
        for sent in [&one, &two] {
            if n < sent.chunks.len() {
                arrived.extend(assembler.take(&sent.chunk(n)).unwrap());
            }
        }
    }
    let arrived: Vec<_> = arrived.into_iter().map(|whole| whole.check().unwrap()).collect();
    let lengths = [(request(1), MAX_VALUE + 1), (request(2), MAX_VALUE + CHUNK)];
    assert_eq!(arrived.len(), 2);
    for (re, length) in lengths {
        let response = arrived.iter().find(|response| response.re == re).unwrap();
        assert_eq!(response.result, Answer::Ok(value_of(length)));
    }
}

#[test]
fn what_is_missing_repeated_or_out_of_order_is_refused() {
    let sent = Sent::long();
    let refused = |change: &dyn Fn(&mut Vec<Vec<u8>>)| {
        let mut chunks = sent.chunks.clone();
        change(&mut chunks);
        assemble(&sent.announcement, &chunks).unwrap_err()
    };
    let second = CHUNK;
    let missing = refused(&|chunks| drop(chunks.remove(1)));
    assert_eq!(missing, LongError::OutOfOrder { offset: 2 * CHUNK, due: second });
    let repeated = refused(&|chunks| chunks.insert(1, chunks[0].clone()));
    assert_eq!(repeated, LongError::OutOfOrder { offset: 0, due: second });
    let swapped = refused(&|chunks| chunks.swap(0, 1));
    assert_eq!(swapped, LongError::OutOfOrder { offset: second, due: 0 });
}

#[test]
fn every_chunk_is_as_long_as_it_must_be() {
    let sent = Sent::long();
    let refused = |n: usize, change: &dyn Fn(&mut Vec<u8>)| {
        let mut chunks = sent.chunks.clone();
        change(&mut chunks[n]);
        assemble(&sent.announcement, &chunks).unwrap_err()
    };
    let short = refused(0, &|chunk| chunk.truncate(CHUNK + 36));
    assert_eq!(short, LongError::WrongLength { length: CHUNK - 1, due: CHUNK });
    let last = sent.chunks.len() - 1;
    let rest = sent.chunk(last).bytes.len();
    let long = refused(last, &|chunk| chunk.push(b'x'));
    assert_eq!(long, LongError::WrongLength { length: rest + 1, due: rest });
}

#[test]
fn nothing_comes_for_what_was_not_announced_nor_after_the_end() {
    let sent = Sent::long();
    let mut assembler = Assembler::default();
    assert_eq!(assembler.take(&sent.chunk(0)).unwrap_err(), LongError::NotUnderWay);
    assembler.begin(sent.announcement.clone(), true).unwrap();
    let other = Chunk { re: request(9), ..sent.chunk(0) };
    assert_eq!(assembler.take(&other).unwrap_err(), LongError::NotUnderWay);
    for n in 0..sent.chunks.len() {
        assembler.take(&sent.chunk(n)).unwrap();
    }
    let last = sent.chunk(sent.chunks.len() - 1);
    assert_eq!(assembler.take(&last).unwrap_err(), LongError::NotUnderWay);
}

#[test]
fn what_was_not_signed_is_not_handed_out() {
    let sent = Sent::long();
    for n in [0, sent.chunks.len() - 1] {
        let mut chunks = sent.chunks.clone();
        *chunks[n].last_mut().unwrap() ^= 1;
        assert_eq!(assemble(&sent.announcement, &chunks), Err(LongError::NotAsSigned));
    }
}

/// Announces a text as a device that does not check what it sends.
fn unchecked(text: &str) -> Result<Response, LongError> {
    let pair = Pair::new();
    let hash = {
        use sha2::Digest as _;
        ValueHash::from_bytes(sha2::Sha256::digest(text).into())
    };
    let value = Announced { length: u32::try_from(text.len()).unwrap(), sha256: hash };
    let mut claimed = payload(
        &Response::sign(&pair.device, &pair.at_device, request(1), &Answer::Ok(Value::Null), None)
            .unwrap()
            .plaintext,
    );
    claimed["result"] = json!({ "ok-long": value });
    let message = jws::sign(&pair.device, Typ::new("sb-res"), claimed.to_string().as_bytes());
    let Ok(FromDevice::Announcement(announcement)) =
        FromDevice::authenticate(message.as_bytes(), &pair.at_person)
    else {
        panic!("an announcement")
    };
    let parts = text.as_bytes().chunks(CHUNK).enumerate();
    let chunks = parts.map(|(n, bytes)| {
        Chunk { re: request(1), offset: u32::try_from(n * CHUNK).unwrap(), bytes }.to_plaintext()
    });
    assemble(&announcement, &chunks.collect::<Vec<_>>())
}

#[test]
fn what_was_signed_must_be_a_value_within_the_limits() {
    let text = |value: Value| value.to_string();
    let long = "x".repeat(MAX_VALUE);
    assert!(unchecked(&text(json!([long]))).is_ok());
    let not_json = LongError::NotAValue(json::JsonError::NotJson);
    assert_eq!(unchecked(&format!("\"{long}")), Err(not_json));
    assert_eq!(unchecked(&format!("\"{long}\" 1")), Err(not_json));
    let deep = "[".repeat(MAX_DEPTH + 1) + &"]".repeat(MAX_DEPTH + 1);
    let deep = format!("[\"{long}\",{deep}]");
    assert_eq!(unchecked(&deep), Err(LongError::NotAValue(json::JsonError::TooDeep)));
    let many = text(vec![0; MAX_LONG_PARTS].into());
    assert_eq!(unchecked(&many), Err(LongError::NotAValue(json::JsonError::TooMany)));
    assert!(unchecked(&text(vec![0; MAX_LONG_PARTS - 1].into())).is_ok());
}

#[test]
fn no_more_is_under_way_than_may_be_and_an_announcement_alone_costs_nothing() {
    let pair = Pair::new();
    let mut assembler = Assembler::default();
    let announcement = |n| Announcement {
        re: request(n),
        value: Announced {
            length: u32::try_from(MAX_LONG_VALUE).unwrap(),
            sha256: ValueHash::from_bytes([0; 32]),
        },
        receipt: None,
    };
    assembler.begin(announcement(1), true).unwrap();
    assert_eq!(assembler.begin(announcement(1), true), Err(LongError::AnsweredTwice));
    // What nobody waits for counts, too: it takes its share of the session.
    assembler.begin(announcement(2), false).unwrap();
    let sent = Sent::new(&pair, request(3), &value_of(MAX_VALUE + 1));
    assert_eq!(assembler.begin(sent.announcement.clone(), true), Err(LongError::TooMuch));
    assert_eq!(assembler.held(), 0);

    // What has ended makes room.
    let mut assembler = Assembler::default();
    for _ in 0..3 * MAX_LONG_UNDER_WAY / MAX_VALUE {
        assembler.begin(sent.announcement.clone(), true).unwrap();
        for n in 0..sent.chunks.len() {
            assembler.take(&sent.chunk(n)).unwrap();
        }
    }
}

#[test]
fn what_is_given_up_is_freed_and_its_rest_is_dropped_in_order() {
    let sent = Sent::long();
    let mut assembler = Assembler::default();
    assembler.begin(sent.announcement.clone(), true).unwrap();
    assembler.take(&sent.chunk(0)).unwrap();
    assert!(assembler.held() >= CHUNK && assembler.held() <= 2 * CHUNK, "as it comes");
    assembler.abandon(&request(1));
    assert_eq!(assembler.held(), 0);
    assert_eq!(
        assembler.take(&sent.chunk(2)).unwrap_err(),
        LongError::OutOfOrder { offset: 2 * CHUNK, due: CHUNK },
        "a device may not lose count because its caller has gone"
    );
    for n in 1..sent.chunks.len() {
        assert!(assembler.take(&sent.chunk(n)).unwrap().is_none(), "nobody gets it");
        assert_eq!(assembler.held(), 0);
    }
    assert!(!assembler.is_under_way(&request(1)));
}

/// Lengths at the borders of a message, of chunks and of the longest value, and some between.
fn lengths() -> impl Strategy<Value = usize> {
    let near = |border: usize| border.saturating_sub(3)..border + 4;
    prop_oneof![
        near(MAX_VALUE),
        near(MAX_VALUE + CHUNK),
        near(5 * CHUNK),
        near(MAX_LONG_VALUE - CHUNK),
        MAX_LONG_VALUE - 3..=MAX_LONG_VALUE,
        MAX_VALUE - CHUNK..12 * CHUNK,
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn whatever_its_length_a_value_arrives(length in lengths()) {
        let pair = Pair::new();
        let value = value_of(length);
        let answer = Answer::Ok(value.clone());
        let signed = Response::sign(&pair.device, &pair.at_device, request(1), &answer, None).unwrap();
        prop_assert_eq!(signed.follows.is_some(), length > MAX_VALUE);
        let arrived = match FromDevice::authenticate(signed.plaintext.as_bytes(), &pair.at_person).unwrap() {
            FromDevice::Response(response) => response,
            FromDevice::Announcement(announcement) => {
                let mut follows = signed.follows.unwrap();
                let chunks: Vec<_> = std::iter::from_fn(|| follows.next_chunk()).collect();
                prop_assert_eq!(chunks.len(), length.div_ceil(CHUNK));
                assemble(&announcement, &chunks).unwrap()
            }
            other => panic!("an answer: {other:?}"),
        };
        prop_assert_eq!(arrived.result, answer);
    }

    #[test]
    fn chunks_of_anybody_never_panic_and_never_hold_more_than_came(
        announced in proptest::collection::vec((0u8..4, any::<u32>(), any::<bool>()), 0..6),
        chunks in proptest::collection::vec((0u8..4, 0usize..4, 1usize..=CHUNK), 0..24),
    ) {
        let mut assembler = Assembler::default();
        for (n, length, wanted) in announced {
            let value = Announced { length, sha256: ValueHash::from_bytes([n; 32]) };
            let _ = assembler.begin(Announcement { re: request(n), value, receipt: None }, wanted);
        }
        let bytes = vec![b'x'; CHUNK];
        let mut came = 0;
        for (n, place, length) in chunks {
            // Half of them full, so that some fit.
            let length = if length % 2 == 0 { CHUNK } else { length };
            let offset = u32::try_from(place * CHUNK).unwrap();
            came += length;
            if let Ok(Some(whole)) = assembler.take(&Chunk { re: request(n), offset, bytes: &bytes[..length] }) {
                prop_assert!(whole.check().is_err(), "nobody signed this");
            }
            prop_assert!(assembler.held() <= 2 * came + 8);
        }
    }
}
