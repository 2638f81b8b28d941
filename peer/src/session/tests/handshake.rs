//! Who gets a session, and who gets silence.

use super::*;

#[test]
fn two_accounts_that_know_each_other_get_one_session() {
    let world = World::new();
    let (mut person, mut device) = world.session();
    assert_eq!(person.peers.sid, device.peers.sid);
    assert_eq!(person.peers.local, world.person.public().thumbprint());
    assert_eq!(&person.peers.remote, world.device.public());
    assert_eq!(device.peers.local, world.device.public().thumbprint());
    assert_eq!(&device.peers.remote, world.person.public());
    assert!(!person.first_contact && !device.first_contact);
    for round in 0..3 {
        let said = format!("open the door, {round}");
        assert_eq!(
            device.opener.open(person.sealer.seal(said.as_bytes()).unwrap().as_bytes()).unwrap(),
            said.as_bytes()
        );
        assert_eq!(person.opener.open(device.sealer.seal(b"done").unwrap().as_bytes()).unwrap(), b"done");
    }
}

#[test]
fn every_session_has_a_name_and_keys_of_its_own() {
    let world = World::new();
    let (mut one, _) = world.session();
    let (mut two, mut device_of_two) = world.session();
    assert_ne!(one.peers.sid, two.peers.sid);
    let first = one.sealer.seal(b"same").unwrap();
    assert_ne!(first, two.sealer.seal(b"same").unwrap());
    assert_eq!(device_of_two.opener.open(first.as_bytes()), Err(ChannelError::NotNext));
}

#[test]
fn the_two_directions_have_different_keys() {
    let world = World::new();
    let (mut person, _) = world.session();
    let reflected = person.sealer.seal(b"echo").unwrap();
    assert_eq!(person.opener.open(reflected.as_bytes()), Err(ChannelError::NotNext));
}

#[test]
fn an_unknown_account_gets_silence() {
    let world = World::new();
    let (_, m1) = world.start_as(&world.stranger, Remote::Known(world.device.public().clone()));
    assert!(world.accept(&m1).is_err());
    // Not even while a pairing is open, unless it asks for one.
    assert!(world.accept_when(&m1, true).is_err());
}

#[test]
fn whoever_wants_another_device_gets_silence() {
    let world = World::new();
    let (_, m1) = world.start_as(&world.person, Remote::Known(world.stranger.public().clone()));
    assert!(world.accept(&m1).is_err());
}

#[test]
fn a_device_does_not_talk_to_itself() {
    let world = World::new();
    let (_, m1) = world.start_as(&world.device, Remote::Pairing(world.device.public().thumbprint()));
    assert!(world.accept_when(&m1, true).is_err());
}

#[test]
fn a_stranger_with_a_link_gets_in_while_a_pairing_is_open_and_no_longer() {
    let world = World::new();
    let start = || world.start_as(&world.stranger, Remote::Pairing(world.device.public().thumbprint()));
    let (_, m1) = start();
    assert!(world.accept_when(&m1, false).is_err());

    let (initiator, m1) = start();
    let (responder, m2) = world.accept_when(&m1, true).unwrap();
    let (person, m3) = initiator.on_m2(&m2, NOW).unwrap();
    let device = responder.on_m3(&m3).unwrap();
    assert!(person.first_contact && device.first_contact);
    assert_eq!(
        &person.peers.remote,
        world.device.public(),
        "learned from the device, checked against the link"
    );
    assert_eq!(&device.peers.remote, world.stranger.public());
}

#[test]
fn a_contact_that_follows_a_link_again_is_still_the_contact() {
    let world = World::new();
    let (initiator, m1) = world.start_as(&world.person, Remote::Pairing(world.device.public().thumbprint()));
    let (responder, m2) = world.accept_when(&m1, false).unwrap();
    let (_, m3) = initiator.on_m2(&m2, NOW).unwrap();
    assert!(!responder.on_m3(&m3).unwrap().first_contact);
}

#[test]
fn a_stranger_cannot_bring_a_key_for_somebody_elses_name() {
    let world = World::new();
    // It names the contact and sends its own key: the device goes on with the key that it knows, and M3 cannot be signed.
    let (_, m1) = world.start_as(&world.stranger, Remote::Pairing(world.device.public().thumbprint()));
    let mut forged: serde_json::Value = serde_json::from_slice(&m1).unwrap();
    forged["iss"] = world.person.public().thumbprint().to_string().into();
    let m1 = forged.to_string().into_bytes();
    let (responder, m2) = world.accept_when(&m1, true).unwrap();
    assert_eq!(payload(&m2)["aud"], world.person.public().thumbprint().to_string());
    let m3 = serde_json::json!({
        "iss": world.person.public().thumbprint(),
        "aud": world.device.public().thumbprint(),
        "h": super::super::handshake::hash(&[&m1, &m2]),
        "now": NOW,
    });
    assert!(responder.on_m3(&signed(&world.stranger, "sb-hs3", &m3)).is_err());

    // It names somebody whom nobody knows, with a key that is not that name's.
    forged["iss"] = Thumbprint::from_bytes([7; 32]).to_string().into();
    assert!(world.accept_when(forged.to_string().as_bytes(), true).is_err());
}

#[test]
fn a_link_leads_to_its_device_and_to_no_other() {
    let world = World::new();
    // Somebody in between answers with its own key.
    let (initiator, m1) = world.start_as(&world.person, Remote::Pairing(world.device.public().thumbprint()));
    let (_, m2) = world.accept_when(&m1, true).unwrap();
    let mut forged = payload(&m2);
    forged["key"] = serde_json::to_value(world.stranger.public()).unwrap();
    let error = initiator.on_m2(&signed(&world.stranger, "sb-hs2", &forged), NOW).unwrap_err();
    assert!(matches!(error, HandshakeError::Mismatch(_)), "{error}");

    // Or says that the device's key is its own.
    let (initiator, m1) = world.start_as(&world.person, Remote::Pairing(world.device.public().thumbprint()));
    let (_, m2) = world.accept_when(&m1, true).unwrap();
    let forged = signed(&world.stranger, "sb-hs2", &payload(&m2));
    assert_eq!(
        initiator.on_m2(&forged, NOW).unwrap_err(),
        HandshakeError::Signature(jws::JwsError::Signature)
    );
}
