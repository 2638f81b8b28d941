//! The channel: the next message and nothing else.

use super::*;

fn ends() -> (Sealer, Opener) {
    let (person, device) = World::new().session();
    (person.sealer, device.opener)
}

#[test]
fn a_lost_message_ends_the_session() {
    let (mut sealer, mut opener) = ends();
    let frames: Vec<_> = (0..3).map(|n| sealer.seal(&[n]).unwrap()).collect();
    assert!(opener.open(frames[0].as_bytes()).is_ok());
    assert_eq!(opener.open(frames[2].as_bytes()), Err(ChannelError::NotNext));
}

#[test]
fn a_repeated_message_ends_the_session() {
    let (mut sealer, mut opener) = ends();
    let frame = sealer.seal(b"open").unwrap();
    assert!(opener.open(frame.as_bytes()).is_ok());
    assert_eq!(opener.open(frame.as_bytes()), Err(ChannelError::NotNext));
}

#[test]
fn reordered_messages_end_the_session() {
    let (mut sealer, mut opener) = ends();
    let (first, second) = (sealer.seal(b"1").unwrap(), sealer.seal(b"2").unwrap());
    assert_eq!(opener.open(second.as_bytes()), Err(ChannelError::NotNext));
    assert_eq!(opener.open(first.as_bytes()), Err(ChannelError::NotNext));
}

#[test]
fn after_an_error_even_the_right_message_is_refused() {
    let (mut sealer, mut opener) = ends();
    let frames: Vec<_> = (0..3).map(|n| sealer.seal(&[n]).unwrap()).collect();
    assert!(opener.open(b"noise").is_err());
    for frame in frames {
        assert_eq!(opener.open(frame.as_bytes()), Err(ChannelError::NotNext));
    }
}

#[test]
fn a_session_ends_after_its_last_message_and_asks_for_a_new_one_before() {
    let (mut sealer, mut opener) = ends();
    assert!(!sealer.needs_renewal(Duration::ZERO) && !opener.needs_renewal(Duration::ZERO));
    sealer.skip_to(RENEW_AFTER_MESSAGES - 1);
    opener.skip_to(RENEW_AFTER_MESSAGES - 1);
    assert!(sealer.needs_renewal(Duration::ZERO) && opener.needs_renewal(Duration::ZERO));
    let last = sealer.seal(b"last").unwrap();
    assert_eq!(opener.open(last.as_bytes()).unwrap(), b"last");
    assert_eq!(sealer.seal(b"one more"), Err(ChannelError::UsedUp));
    assert_eq!(opener.open(last.as_bytes()), Err(ChannelError::UsedUp));
}

#[test]
fn a_session_asks_for_a_new_one_before_its_hour_is_over() {
    assert!(!needs_renewal(0, Duration::from_secs(50 * 60)));
    assert!(needs_renewal(0, Duration::from_secs(59 * 60)));
    assert!(needs_renewal(0, RENEW_AFTER));
}

#[test]
fn keys_are_not_in_what_is_logged() {
    let (person, _) = World::new().session();
    assert_eq!(format!("{:?} {:?}", person.sealer, person.opener), "Sealer(next 0) Opener(next 0)");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn one_flipped_bit_ends_the_session(at: prop::sample::Index, bit in 0u8..8) {
        let (mut sealer, mut opener) = ends();
        let mut frame = sealer.seal(b"{\"op\":\"invokeaction\"}").unwrap().into_bytes();
        let at = at.index(frame.len());
        frame[at] ^= 1 << bit;
        prop_assert_eq!(opener.open(&frame), Err(ChannelError::NotNext));
    }

    #[test]
    fn a_truncated_or_longer_frame_ends_the_session(cut in 1usize..40, more in "[A-Za-z0-9._-]{1,10}") {
        let (mut sealer, mut opener) = ends();
        let frame = sealer.seal(b"hello").unwrap();
        prop_assert!(opener.open(&frame.as_bytes()[..frame.len() - cut]).is_err());
        let (mut sealer, mut opener) = ends();
        let frame = sealer.seal(b"hello").unwrap() + &more;
        prop_assert!(opener.open(frame.as_bytes()).is_err());
    }

    #[test]
    fn arbitrary_bytes_never_panic_and_never_open(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let (_, mut opener) = ends();
        prop_assert!(opener.open(&bytes).is_err());
    }
}
