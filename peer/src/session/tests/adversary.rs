//! Somebody between the two who loses, repeats, changes and passes on handshake messages.

use super::*;

/// Changes one member of a message that nobody has signed.
fn changed(message: &[u8], change: impl FnOnce(&mut serde_json::Value)) -> Vec<u8> {
    let mut value = serde_json::from_slice(message).unwrap();
    change(&mut value);
    value.to_string().into_bytes()
}

#[test]
fn nothing_happens_before_the_third_message() {
    let world = World::new();
    let (_, m1) = world.start();
    let (responder, m2) = world.accept(&m1).unwrap();
    // Whatever was seen so far is no third message.
    for other in [m1, m2] {
        let (fresh, _) = world.accept(&world.start().1).unwrap();
        assert!(fresh.on_m3(&other).is_err());
    }
    assert!(responder.on_m3(b"").is_err());
}

#[test]
fn a_session_cannot_be_passed_on_to_another_transport_connection() {
    // The person dials a hostile peer, which dials the device and passes the messages on.
    let world = World::new();
    let between = PeerIds { initiator: "peer-of-mallory".into(), responder: "peer-of-device".into() };
    let (_, m1) = world.start();
    let lookup = |_: &Thumbprint| Some(world.person.public().clone());
    let welcome = Welcome { lookup: &lookup, pairing_open: true, generation: 0 };
    let accepted = Responder::accept(&m1, &world.device, &between, &welcome, NOW, &mut rng::system());
    assert!(accepted.is_err(), "the device sees another initiator than the one in M1");

    // Changing the ids on the way lets the device answer, and the person then sees that it answered something else.
    let (initiator, m1) = world.start();
    let m1 = changed(&m1, |m1| m1["peers"]["i"] = "peer-of-mallory".into());
    let (_, m2) = Responder::accept(&m1, &world.device, &between, &welcome, NOW, &mut rng::system()).unwrap();
    assert!(matches!(initiator.on_m2(&m2, NOW), Err(HandshakeError::Mismatch(_))));
}

#[test]
fn a_changed_first_message_ends_the_handshake() {
    let world = World::new();
    let mallory = PrivateKey::generate(&mut rng::system());
    let changes: [fn(&mut serde_json::Value, &PrivateKey); 3] = [
        |m1, mallory| m1["eI"] = serde_json::to_value(mallory.public()).unwrap(),
        |m1, _| m1["nI"] = "A".repeat(43).into(),
        |m1, mallory| m1["key"] = serde_json::to_value(mallory.public()).unwrap(),
    ];
    for change in changes {
        let (initiator, m1) = world.start();
        let (_, m2) = world.accept(&changed(&m1, |m1| change(m1, &mallory))).unwrap();
        assert!(matches!(initiator.on_m2(&m2, NOW), Err(HandshakeError::Mismatch(_))));
    }
    for (member, value) in [("v", 2.into()), ("extra", 1.into()), ("eI", "AAAA".into())] {
        let (_, m1) = world.start();
        let m1 = changed(&m1, |m1| m1[member] = serde_json::Value::clone(&value));
        assert!(world.accept(&m1).is_err(), "{member}");
    }
}

#[test]
fn an_answer_of_another_handshake_is_refused() {
    let world = World::new();
    let (one, m1_of_one) = world.start();
    let (_, m1_of_two) = world.start();
    let (_, m2_of_two) = world.accept(&m1_of_two).unwrap();
    assert!(matches!(one.on_m2(&m2_of_two, NOW), Err(HandshakeError::Mismatch(_))));

    // Also one by the device itself, for somebody else.
    let (one, _) = world.start();
    let (_, m2) = world.accept(&m1_of_one).unwrap();
    let mut forged = payload(&m2);
    forged["aud"] = world.stranger.public().thumbprint().to_string().into();
    let m2 = signed(&world.device, "sb-hs2", &forged);
    assert!(matches!(one.on_m2(&m2, NOW), Err(HandshakeError::Mismatch(_))));
}

#[test]
fn a_third_message_of_another_handshake_is_refused() {
    let world = World::new();
    let (initiator, m1) = world.start();
    let (_, m2) = world.accept(&m1).unwrap();
    let (_, m3) = initiator.on_m2(&m2, NOW).unwrap();
    // The same first message again: the device answers with another key and nonce, so the old third message is worth nothing.
    let (again, _) = world.accept(&m1).unwrap();
    assert!(again.on_m3(&m3).is_err());
}

#[test]
fn a_signature_of_one_kind_is_none_of_another() {
    let world = World::new();
    for typ in ["sb-hs2", "sb-req", "sb-acl", "JWT"] {
        let (initiator, m1) = world.start();
        let (responder, m2) = world.accept(&m1).unwrap();
        let (_, m3) = initiator.on_m2(&m2, NOW).unwrap();
        assert!(responder.on_m3(&signed(&world.person, typ, &payload(&m3))).is_err(), "{typ}");
    }
}

#[test]
fn truncated_and_overlong_messages_are_refused() {
    let world = World::new();
    let (initiator, m1) = world.start();
    let (responder, m2) = world.accept(&m1).unwrap();
    for length in [0, 1, m1.len() / 2, m1.len() - 1] {
        assert!(world.accept(&m1[..length]).is_err());
    }
    assert!(world.accept(&[m1.as_slice(), &[b' '; MAX_HANDSHAKE]].concat()).is_err());
    let (other, _) = world.start();
    assert!(other.on_m2(&m2[..m2.len() - 1], NOW).is_err());
    let (other, _) = world.start();
    assert!(other.on_m2(&vec![b'a'; MAX_HANDSHAKE + 1], NOW).is_err());
    let (_, m3) = initiator.on_m2(&m2, NOW).unwrap();
    assert!(responder.on_m3(&m3[..m3.len() - 1]).is_err());
}

#[test]
fn handshake_messages_are_well_below_their_limit() {
    let world = World::new();
    let long = "Q".repeat(52);
    let peer_ids = PeerIds { initiator: long.clone(), responder: long };
    let (_, m1) = Initiator::start(
        &world.person,
        Remote::Pairing(world.device.public().thumbprint()),
        peer_ids.clone(),
        &mut rng::system(),
    );
    let lookup = |_: &Thumbprint| None::<PublicKey>;
    let welcome = Welcome { lookup: &lookup, pairing_open: true, generation: 0 };
    let (_, m2) =
        Responder::accept(&m1, &world.device, &peer_ids, &welcome, i64::MAX, &mut rng::system()).unwrap();
    assert!(m1.len() < 800 && m2.len() < 800, "{} {}", m1.len(), m2.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn one_flipped_bit_anywhere_ends_the_handshake(which in 0usize..3, at: prop::sample::Index, bit in 0u8..8) {
        let world = World::new();
        let (initiator, mut m1) = world.start();
        let flip = |message: &mut Vec<u8>| {
            let at = at.index(message.len());
            message[at] ^= 1 << bit;
        };
        if which == 0 {
            flip(&mut m1);
        }
        let Ok((responder, mut m2)) = world.accept(&m1) else { return Ok(()) };
        if which == 1 {
            flip(&mut m2);
        }
        let Ok((_, mut m3)) = initiator.on_m2(&m2, NOW) else { return Ok(()) };
        if which == 2 {
            flip(&mut m3);
        }
        prop_assert!(responder.on_m3(&m3).is_err(), "message {} was changed and the session stands", which + 1);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let world = World::new();
        let (initiator, m1) = world.start();
        let (responder, _) = world.accept(&m1).unwrap();
        prop_assert!(world.accept_when(&bytes, true).is_err());
        prop_assert!(initiator.on_m2(&bytes, NOW).is_err());
        prop_assert!(responder.on_m3(&bytes).is_err());
    }
}
