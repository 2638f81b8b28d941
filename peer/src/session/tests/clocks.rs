//! Clocks that are years apart, and requests that are judged by their caller's.

use super::*;
use crate::message::{Call, MAX_VALIDITY, MessageError, Operation, ProblemCode, Request};

/// A session between a person whose clock is right and a device that thinks it is 1970.
fn apart() -> (World, Established, Established) {
    let world = World::new();
    let lookup = |_: &Thumbprint| Some(world.person.public().clone());
    let welcome = Welcome { lookup: &lookup, pairing_open: false, generation: 0 };
    let (initiator, m1) = world.start();
    let (responder, m2) =
        Responder::accept(&m1, &world.device, &world.peer_ids, &welcome, 17, &mut rng::system()).unwrap();
    let (person, m3) = initiator.on_m2(&m2, NOW).unwrap();
    let device = responder.on_m3(&m3).unwrap();
    (world, person, device)
}

fn request(world: &World, person: &Established, iat: i64, exp: i64) -> Vec<u8> {
    let (thing, state) = ("garage".parse().unwrap(), "state".parse().unwrap());
    let call = Call::new(Operation::ReadProperty, thing, Some(state), None, &mut rng::system()).unwrap();
    call.sign(&world.person, &person.peers, iat, exp).plaintext.into_bytes()
}

#[test]
fn each_side_knows_the_others_clock() {
    let (_, person, device) = apart();
    assert_eq!(device.peer_clock.after(Duration::from_secs(90)), NOW + 90);
    assert_eq!(device.peer_clock.offset(17), NOW - 17);
    assert_eq!(person.peer_clock.after(Duration::ZERO), 17);
    assert_eq!(person.own_clock.after(Duration::ZERO), NOW);
    assert_eq!(device.own_clock.after(Duration::ZERO), 17);
}

#[test]
fn a_request_is_judged_by_its_callers_clock() {
    let (world, person, device) = apart();
    let elapsed = Duration::from_secs(1000);
    let now = person.own_clock.after(elapsed);
    let fresh = request(&world, &person, now, now + 30);
    assert!(Request::authenticate(fresh, &device.peers, device.peer_clock.after(elapsed)).is_ok());

    let code = |plaintext, elapsed| {
        let result = Request::authenticate(plaintext, &device.peers, device.peer_clock.after(elapsed));
        result.err().and_then(|error: MessageError| error.answer()).map(|(_, code)| code)
    };
    let expired = request(&world, &person, now, now + 30);
    assert_eq!(code(expired, elapsed + Duration::from_secs(31)), Some(ProblemCode::Expired));
    let eternal = request(&world, &person, now, now + MAX_VALIDITY + 1);
    assert_eq!(code(eternal, elapsed), Some(ProblemCode::Expired), "valid for too long");
    let later = request(&world, &person, now + 3600, now + 3600);
    assert_eq!(code(later, elapsed), Some(ProblemCode::Expired), "signed for later");
    let backwards = request(&world, &person, now + 20, now + 10);
    assert_eq!(code(backwards, elapsed), Some(ProblemCode::Expired), "ends before it begins");
    for (iat, exp) in [(i64::MIN, i64::MAX), (i64::MAX, i64::MIN), (i64::MIN, now + 10)] {
        assert_eq!(code(request(&world, &person, iat, exp), elapsed), Some(ProblemCode::Expired));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn no_clock_stops_a_handshake(persons: i64, devices: i64) {
        let world = World::new();
        let lookup = |_: &Thumbprint| Some(world.person.public().clone());
        let welcome = Welcome { lookup: &lookup, pairing_open: false, generation: 0 };
        let (initiator, m1) = world.start();
        let (responder, m2) =
            Responder::accept(&m1, &world.device, &world.peer_ids, &welcome, devices, &mut rng::system()).unwrap();
        let (_, m3) = initiator.on_m2(&m2, persons).unwrap();
        prop_assert!(responder.on_m3(&m3).unwrap().peer_clock.after(Duration::MAX) >= persons);
    }
}
