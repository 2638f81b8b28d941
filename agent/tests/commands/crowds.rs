//! Whoever comes with many keys, sessions or tries keeps nobody else out.

use std::time::Duration;

use serde_json::{Value, json};
use streembit_agent::clock::VirtualTime;
use streembit_agent::command::{
    KEPT_FOR_OWNERS, MAX_SESSIONS, MAX_SESSIONS_OF_A_CONTACT, MAX_STRANGERS, MAX_STRANGERS_OF_A_SOURCE,
};
use streembit_agent::device::Admission;
use streembit_agent::session::{Limits, SessionEnded};
use streembit_keys::{PrivateKey, rng};
use streembit_peer::client::{CallError, Closed, Connection};
use streembit_peer::link::Secret;
use streembit_peer::message::{Answer, Operation as O, ProblemCode};
use streembit_peer::rights::{Change, Grants, RestoreId, Role};
use streembit_peer::session::Remote;

use super::house::{Ask, House, NOON, SOON, call, code, label, new_key, until};

fn unclaimed(limits: Limits) -> (House, Secret) {
    let house = House::build(VirtualTime::new(NOON, true), limits);
    let secret = Secret::generate(&mut rng::system());
    house.device.open_pairing(&secret, Admission { role: Role::Owner, grants: Grants::default() });
    (house, secret)
}

async fn stranger(house: &House, source: &str) -> Connection {
    let remote = Remote::Pairing(house.device.key().public().thumbprint());
    house.enter_from(source, &new_key(), remote).await.expect("a pairing is open")
}

async fn pair(person: &Connection, secret: &Secret) -> Answer {
    let peers = person.peers();
    let input = json!({ "proof": secret.proof(&peers.sid, &peers.local), "name": "somebody" });
    person.ask(O::InvokeAction, "device", "pair", Some(input)).await
}

#[tokio::test]
async fn one_machine_with_many_keys_shuts_no_pairing() {
    let (house, secret) = unclaimed(Limits::default());
    let mut crowd = Vec::new();
    for _ in 0..2 * MAX_STRANGERS {
        crowd.push(stranger(&house, "one machine").await);
    }
    until("the crowd has its places and no more", || {
        house.device.callers().count() == MAX_STRANGERS_OF_A_SOURCE
    })
    .await;
    let honest = stranger(&house, "another machine").await;
    assert!(matches!(pair(&honest, &secret).await, Answer::Ok(_)));
}

#[tokio::test]
async fn who_shares_the_address_of_a_crowd_still_comes_in() {
    let (house, secret) = unclaimed(Limits::default());
    let mut crowd = Vec::new();
    for _ in 0..MAX_STRANGERS_OF_A_SOURCE {
        crowd.push(stranger(&house, "one router").await);
    }
    let honest = stranger(&house, "one router").await;
    assert!(matches!(pair(&honest, &secret).await, Answer::Ok(_)));
    tokio::time::timeout(SOON, crowd.remove(0).closed()).await.expect("the oldest made room");
}

#[tokio::test]
async fn of_many_machines_the_busiest_gives_up_a_place() {
    let (house, secret) = unclaimed(Limits::default());
    let lone = stranger(&house, "a machine alone").await;
    let mut crowd = Vec::new();
    for n in 0..MAX_STRANGERS {
        crowd.push(stranger(&house, &format!("machine {}", n / MAX_STRANGERS_OF_A_SOURCE)).await);
    }
    let honest = stranger(&house, "another machine").await;
    until("there are no more than may be", || house.device.callers().count() == MAX_STRANGERS).await;
    assert!(lone.is_closed().is_none(), "who comes alone is not the one to go");
    assert!(matches!(pair(&honest, &secret).await, Answer::Ok(_)));
}

#[tokio::test]
async fn a_stranger_must_pair_soon() {
    let (house, _secret) = unclaimed(Limits { stranger: Duration::from_millis(100), ..Limits::default() });
    let person = stranger(&house, "a machine").await;
    tokio::time::timeout(SOON, person.closed()).await.expect("a stranger for no longer than that");
}

/// Contacts who are suspended since the device was restored, with a pairing open beside them.
async fn suspended(limits: Limits, how_many: usize) -> (House, Vec<PrivateKey>) {
    let house = House::build(VirtualTime::new(NOON, true), limits);
    house.claim().await;
    let mut keys = Vec::new();
    for _ in 0..how_many {
        keys.push(house.admit(Role::Operator, vec![]).await);
    }
    let id = RestoreId::from_bytes([1; 16]);
    house.device.change_rights_here(Change::Restore { id, generation: 1, revoked: vec![] }).await.unwrap();
    let secret = Secret::generate(&mut rng::system());
    house.device.open_pairing(&secret, Admission { role: Role::Viewer, grants: Grants::default() });
    (house, keys)
}

#[tokio::test]
async fn who_is_suspended_gets_a_strangers_place_and_no_contacts() {
    let (house, keys) = suspended(Limits::default(), 2 * MAX_STRANGERS).await;
    let mut crowd = Vec::new();
    for key in &keys {
        assert!(house.try_enter(key, house.known()).await.is_none(), "as a contact it is not known");
        let remote = Remote::Pairing(house.device.key().public().thumbprint());
        crowd.push(house.enter_from("one machine", key, remote).await.expect("a pairing is open"));
    }
    until("they have a stranger's places and no more", || {
        house.device.callers().count() == MAX_STRANGERS_OF_A_SOURCE
    })
    .await;
}

#[tokio::test]
async fn who_is_suspended_must_pair_as_soon_as_any_stranger() {
    let limits = Limits { stranger: Duration::from_millis(100), ..Limits::default() };
    let (house, keys) = suspended(limits, 1).await;
    let remote = Remote::Pairing(house.device.key().public().thumbprint());
    let person = house.enter_from("a machine", &keys[0], remote).await.expect("a pairing is open");
    assert_eq!(code(&person.ask(O::ReadProperty, "door", "state", None).await), Some(ProblemCode::Refused));
    tokio::time::timeout(SOON, person.closed()).await.expect("a stranger for no longer than that");
}

#[tokio::test]
async fn who_has_paired_is_no_stranger_any_more() {
    let (house, secret) = unclaimed(Limits::default());
    let owner = stranger(&house, "one machine").await;
    assert!(matches!(pair(&owner, &secret).await, Answer::Ok(_)));
    house.device.open_pairing(&secret, Admission { role: Role::Viewer, grants: Grants::default() });
    let mut later = Vec::new();
    for _ in 0..2 * MAX_STRANGERS {
        later.push(stranger(&house, "one machine").await);
    }
    assert!(owner.is_closed().is_none());
    assert_eq!(owner.ask(O::ReadProperty, "door", "state", None).await, Answer::Ok(json!("closed")));
}

#[tokio::test]
async fn one_machine_holds_its_own_handshakes_and_no_more() {
    let limits = Limits { handshakes: 4, handshakes_at_once_of_a_source: 2, ..Limits::default() };
    let house = House::build(VirtualTime::new(NOON, true), limits);
    house.claim().await;
    // They say nothing, and keep the device waiting for their first message.
    let silent: Vec<_> = (0..2).map(|_| house.dial("one machine")).collect();
    tokio::task::yield_now().await;
    let (_stream, served) = house.dial("one machine");
    assert!(matches!(served.await.unwrap(), Err(SessionEnded::TooManyHandshakes)));
    house.enter(&house.owner).await.ask(O::ReadProperty, "door", "state", None).await;
    drop(silent);
    let mut again = house.enter_from("one machine", &house.owner, house.known()).await;
    while again.is_none() {
        again = house.enter_from("one machine", &house.owner, house.known()).await;
    }
}

async fn crowd(house: &House, source: Option<&str>) -> Vec<Connection> {
    let mut crowd = Vec::new();
    for _ in 0..MAX_SESSIONS / MAX_SESSIONS_OF_A_CONTACT {
        let key = house.admit(Role::Guest, vec![]).await;
        for _ in 0..MAX_SESSIONS_OF_A_CONTACT {
            let from = source.map_or_else(|| key.public().thumbprint().to_string(), str::to_owned);
            if let Some(guest) = house.enter_from(&from, &key, house.known()).await {
                crowd.push(guest);
            }
        }
    }
    crowd
}

async fn works(house: &House, source: &str, key: &PrivateKey) {
    let person = house.enter_from(source, key, house.known()).await.expect("it is let in");
    let answer = person.ask(O::ReadProperty, "device", "rights", None).await;
    assert!(matches!(answer, Answer::Ok(_)), "{answer:?}");
}

#[tokio::test]
async fn guests_keep_out_neither_owner_nor_recovery_key_nor_who_pairs() {
    let house = House::build(VirtualTime::new(NOON, true), Limits::default());
    let recovery = new_key();
    let key = Some(recovery.public().clone());
    let claim = Change::Claim { key: house.owner.public().clone(), name: label("owner"), recovery: key };
    house.device.change_rights_here(claim).await.unwrap();
    let _crowd = crowd(&house, None).await;
    until("the guests have their places and no more", || {
        house.device.callers().count() == MAX_SESSIONS - KEPT_FOR_OWNERS - MAX_STRANGERS
    })
    .await;
    works(&house, "home", &house.owner).await;
    works(&house, "elsewhere", &recovery).await;
    let secret = Secret::generate(&mut rng::system());
    house.device.open_pairing(&secret, Admission { role: Role::Viewer, grants: Grants::default() });
    assert!(matches!(pair(&stranger(&house, "new").await, &secret).await, Answer::Ok(_)));
}

#[tokio::test]
async fn guests_behind_the_owners_router_do_not_keep_it_out() {
    let house = House::new().await;
    let _crowd = crowd(&house, Some("home")).await;
    // They have dialled as fast as a source may, which is forgiven soon.
    house.time.pass(Duration::from_secs(60));
    works(&house, "home", &house.owner).await;
}

#[tokio::test]
async fn who_finds_no_place_is_told_that_nothing_was_done() {
    let house = House::new().await;
    let mut open = Vec::new();
    for _ in 0..MAX_SESSIONS_OF_A_CONTACT {
        let person = house.enter(&house.owner).await;
        person.ask(O::ReadProperty, "door", "state", None).await;
        open.push(person);
    }
    let before = house.device.journal().head();
    let late = house.enter(&house.owner).await;
    let opening = call(O::InvokeAction, "door", "open", None);
    assert_eq!(late.call(&opening, SOON).await, Err(CallError::NotSent(Closed::NoRoom)));
    assert_eq!(house.door.moved(), 0);
    assert_eq!(house.device.journal().head().seq, before.seq, "and nothing is recorded");
    assert_eq!(house.device.callers().count(), MAX_SESSIONS_OF_A_CONTACT);
    // With a place it is done.
    open.pop().unwrap().close();
    until("there is a place", || house.device.callers().count() < MAX_SESSIONS_OF_A_CONTACT).await;
    assert_eq!(house.enter(&house.owner).await.respond(&opening).await.result, Answer::Ok(Value::Null));
    assert_eq!(house.door.moved(), 1);
}

#[tokio::test]
async fn who_has_paired_gets_no_longer_session_than_others() {
    let limits = Limits { oldest: Duration::from_millis(100), ..Limits::default() };
    let (house, secret) = unclaimed(limits);
    let owner = stranger(&house, "one machine").await;
    assert!(matches!(pair(&owner, &secret).await, Answer::Ok(_)));
    tokio::time::timeout(SOON, owner.closed()).await.expect("the time as a stranger does not come on top");
}

#[tokio::test]
async fn wrong_secrets_count_against_the_machine_whatever_its_keys() {
    let (house, secret) = unclaimed(Limits::default());
    let wrong = Secret::generate(&mut rng::system());
    let mut codes = Vec::new();
    for _ in 0..5 {
        codes.push(code(&pair(&stranger(&house, "one machine").await, &wrong).await));
    }
    assert_eq!(codes[..4], [Some(ProblemCode::Refused); 4]);
    assert_eq!(codes[4], Some(ProblemCode::Busy), "a new key for each try helps nothing");
    let honest = stranger(&house, "another machine").await;
    assert_ne!(pair(&honest, &secret).await, Answer::Ok(Value::Null));
    assert!(house.device.rights().is_claimed());
}
