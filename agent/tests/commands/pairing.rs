//! How somebody becomes a contact.

use std::time::Duration;

use serde_json::{Value, json};
use streembit_agent::clock::VirtualTime;
use streembit_agent::device::{Admission, OPEN_FOR};
use streembit_agent::session::Limits;
use streembit_keys::{PrivateKey, rng};
use streembit_peer::client::Connection;
use streembit_peer::link::Secret;
use streembit_peer::message::{Answer, Operation as O, ProblemCode};
use streembit_peer::rights::{Change, Grants, Role};
use streembit_peer::session::Remote;

use super::house::{Ask, House, NOON, code, grant, label, new_key, who};

fn unclaimed() -> (House, Secret) {
    let house = House::build(VirtualTime::new(NOON, true), Limits::default());
    let secret = Secret::generate(&mut rng::system());
    house.device.open_pairing(&secret, Admission { role: Role::Owner, grants: Grants::default() });
    (house, secret)
}

async fn stranger(house: &House, key: &PrivateKey) -> Option<Connection> {
    house.try_enter(key, Remote::Pairing(house.device.key().public().thumbprint())).await
}

fn proof(secret: &Secret, session: &Connection) -> Value {
    let peers = session.peers();
    json!({ "proof": secret.proof(&peers.sid, &peers.local), "name": "somebody" })
}

fn invited(secret: &Secret, session: &Connection) -> Option<Value> {
    let mut input = proof(secret, session);
    input["id"] = json!(secret.hash().invitation_id());
    Some(input)
}

#[tokio::test]
async fn the_first_owner_claims_the_device_once() {
    let (house, secret) = unclaimed();
    let key = new_key();
    let person = stranger(&house, &key).await.unwrap();
    let answer = person.ask(O::InvokeAction, "device", "pair", Some(proof(&secret, &person))).await;
    let Answer::Ok(welcome) = answer else { panic!("it should be let in: {answer:?}") };
    assert_eq!((&welcome["contact"], &welcome["role"]), (&json!(who(&key)), &json!("owner")));
    assert_eq!(person.ask(O::InvokeAction, "door", "open", None).await, Answer::Ok(Value::Null));
    assert_eq!(
        house.enter(&key).await.ask(O::InvokeAction, "door", "open", None).await,
        Answer::Ok(Value::Null)
    );
    assert!(stranger(&house, &new_key()).await.is_none(), "the secret is used up");
}

#[tokio::test]
async fn a_pairing_that_could_not_be_recorded_stays_open() {
    let (house, secret) = unclaimed();
    let person = stranger(&house, &new_key()).await.unwrap();
    house.break_journal(true);
    let answer = person.ask(O::InvokeAction, "device", "pair", Some(proof(&secret, &person))).await;
    assert_eq!(code(&answer), Some(ProblemCode::NotRecorded));
    house.break_journal(false);
    let answer = person.ask(O::InvokeAction, "device", "pair", Some(proof(&secret, &person))).await;
    assert!(matches!(answer, Answer::Ok(_)), "{answer:?}");
}

#[tokio::test]
async fn of_two_with_the_same_secret_one_gets_in() {
    let (house, secret) = unclaimed();
    let (one, two) = (new_key(), new_key());
    let (one, two) = (stranger(&house, &one).await.unwrap(), stranger(&house, &two).await.unwrap());
    let first = one.ask(O::InvokeAction, "device", "pair", Some(proof(&secret, &one))).await;
    let second = two.ask(O::InvokeAction, "device", "pair", Some(proof(&secret, &two))).await;
    assert!(matches!(first, Answer::Ok(_)));
    assert_eq!(code(&second), Some(ProblemCode::Refused));
}

#[tokio::test]
async fn a_stranger_may_do_nothing_but_pair() {
    let (house, secret) = unclaimed();
    let person = stranger(&house, &new_key()).await.unwrap();
    for (op, thing, affordance) in [
        (O::ReadProperty, "door", "state"),
        (O::InvokeAction, "door", "open"),
        (O::ReadProperty, "device", "things"),
        (O::ReadProperty, "device", "version"),
        (O::ReadAllProperties, "device", ""),
        (O::InvokeAction, "device", "changeRights"),
        (O::InvokeAction, "device", "readJournal"),
        (O::SubscribeEvent, "device", "securityEvent"),
        (O::QueryAction, "device", "pair"),
    ] {
        let answer = person.ask(op, thing, affordance, None).await;
        assert_eq!(code(&answer), Some(ProblemCode::Refused), "{op} {thing} {affordance}");
    }
    assert_eq!(house.door.moved(), 0);
    let answer = person.ask(O::InvokeAction, "device", "pair", Some(proof(&secret, &person))).await;
    assert!(matches!(answer, Answer::Ok(_)));
}

#[tokio::test]
async fn a_wrong_secret_is_refused_slowed_and_leaves_no_entry() {
    let (house, secret) = unclaimed();
    let person = stranger(&house, &new_key()).await.unwrap();
    let wrong = proof(&Secret::generate(&mut rng::system()), &person);
    let before = house.device.journal().head();
    let pair =
        async |input: &Value| code(&person.ask(O::InvokeAction, "device", "pair", Some(input.clone())).await);
    for _ in 0..4 {
        assert_eq!(pair(&wrong).await, Some(ProblemCode::Refused));
    }
    assert_eq!(pair(&wrong).await, Some(ProblemCode::Busy), "wait");
    assert_eq!(pair(&proof(&secret, &person)).await, Some(ProblemCode::Busy), "even if it is right");
    assert_eq!(house.device.journal().head(), before, "strangers do not fill the journal");
    // Somebody else is not held up.
    let other = stranger(&house, &new_key()).await.unwrap();
    let answer = other.ask(O::InvokeAction, "device", "pair", Some(proof(&secret, &other))).await;
    assert!(matches!(answer, Answer::Ok(_)));
}

#[tokio::test]
async fn a_proof_of_another_session_proves_nothing() {
    let (house, secret) = unclaimed();
    let key = new_key();
    let (one, two) = (stranger(&house, &key).await.unwrap(), stranger(&house, &key).await.unwrap());
    let answer = two.ask(O::InvokeAction, "device", "pair", Some(proof(&secret, &one))).await;
    assert_eq!(code(&answer), Some(ProblemCode::Refused));
}

#[tokio::test]
async fn a_pairing_closes_by_itself() {
    let (house, secret) = unclaimed();
    let person = stranger(&house, &new_key()).await.unwrap();
    house.time.pass(OPEN_FOR);
    assert!(stranger(&house, &new_key()).await.is_none());
    // Its session's own clock went on too: what it says now is too old in any case.
    let answer = person.ask(O::InvokeAction, "device", "pair", Some(proof(&secret, &person))).await;
    assert!(matches!(answer, Answer::Problem(_)));
    assert!(!house.device.rights().is_claimed());
}

#[tokio::test]
async fn a_later_pairing_gives_the_role_that_was_chosen_for_it() {
    let house = House::new().await;
    let secret = Secret::generate(&mut rng::system());
    house.device.open_pairing(&secret, Admission { role: Role::Viewer, grants: Grants::default() });
    let key = new_key();
    let person = stranger(&house, &key).await.unwrap();
    person.ask(O::InvokeAction, "device", "pair", Some(proof(&secret, &person))).await;
    assert_eq!(house.device.rights().contact(&who(&key)).unwrap().role, Role::Viewer);
    assert_eq!(code(&person.ask(O::InvokeAction, "door", "open", None).await), Some(ProblemCode::Refused));
}

#[tokio::test]
async fn a_claimed_device_is_not_claimed_again() {
    let house = House::new().await;
    let secret = Secret::generate(&mut rng::system());
    house.device.open_pairing(&secret, Admission { role: Role::Owner, grants: Grants::default() });
    let person = stranger(&house, &new_key()).await.unwrap();
    let answer = person.ask(O::InvokeAction, "device", "pair", Some(proof(&secret, &person))).await;
    assert_eq!(code(&answer), Some(ProblemCode::Failed));
    assert_eq!(house.device.rights().count(Role::Owner), 1);
    let now = house.device.clock().monotonic();
    assert!(house.device.pairing().is_open(now), "what led to nothing did not use up the secret");
}

async fn invite(house: &House, secret: &Secret) {
    let change = Change::Invite {
        id: secret.hash().invitation_id(),
        secret_hash: secret.hash(),
        name: label("guest"),
        role: Role::Guest,
        grants: Grants::try_from(vec![grant("door", "open", &[O::InvokeAction])]).unwrap(),
        expires: NOON + 3600,
    };
    house.device.change_rights_here(change).await.unwrap();
}

#[tokio::test]
async fn an_invitation_binds_one_key_and_gives_what_it_says() {
    let house = House::new().await;
    let secret = Secret::generate(&mut rng::system());
    invite(&house, &secret).await;
    let (key, late) = (new_key(), new_key());
    let (guest, late) = (stranger(&house, &key).await.unwrap(), stranger(&house, &late).await.unwrap());
    let pair = guest.ask(O::InvokeAction, "device", "pair", Some(proof(&secret, &guest))).await;
    assert_eq!(code(&pair), Some(ProblemCode::Refused), "no pairing is open");
    let joined = guest.ask(O::InvokeAction, "device", "join", invited(&secret, &guest)).await;
    assert!(matches!(joined, Answer::Ok(_)), "{joined:?}");
    assert_eq!(guest.ask(O::InvokeAction, "door", "open", None).await, Answer::Ok(Value::Null));
    let refused = guest.ask(O::InvokeAction, "door", "travel", None).await;
    assert_eq!(code(&refused), Some(ProblemCode::Refused));
    let late = late.ask(O::InvokeAction, "device", "join", invited(&secret, &late)).await;
    assert_eq!(code(&late), Some(ProblemCode::Refused), "it is used up");
    let again = stranger(&house, &new_key()).await;
    assert!(again.is_none(), "and nobody waits for a stranger any more");
}

#[tokio::test]
async fn an_invitation_ends_in_time() {
    let house = House::new().await;
    let secret = Secret::generate(&mut rng::system());
    invite(&house, &secret).await;
    let guest = stranger(&house, &new_key()).await.unwrap();
    house.time.pass(Duration::from_secs(3601));
    let answer = guest.ask(O::InvokeAction, "device", "join", invited(&secret, &guest)).await;
    assert_eq!(code(&answer), Some(ProblemCode::Refused));
    // With no other open, the device is silent to strangers again.
    assert!(stranger(&house, &new_key()).await.is_none());
    assert_eq!(house.device.rights().contacts().count(), 1);
}
