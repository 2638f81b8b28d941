use proptest::prelude::*;
use serde_json::{Value, json};
use streembit_keys::jws::{self, JwsError, Typ};
use streembit_keys::{PrivateKey, Thumbprint, rng};

use super::*;
use crate::message::Operation;

fn key() -> PrivateKey {
    PrivateKey::generate(&mut rng::system())
}

fn grant() -> Grant {
    Grant {
        thing: "garage".parse().unwrap(),
        affordances: vec!["open".parse().unwrap(), "state".parse().unwrap()],
        operations: vec![Operation::InvokeAction, Operation::ReadProperty, Operation::ReadAllProperties],
        not_before: Some(10),
        not_after: Some(20),
        weekly: vec![WeeklyHours {
            zone: "Europe/Berlin".parse().unwrap(),
            days: vec![Day::Mon, Day::Sun],
            from: "22:00".parse().unwrap(),
            to: "06:00".parse().unwrap(),
        }],
    }
}

fn changes() -> Vec<Change> {
    let name: Label = "Anna".parse().unwrap();
    let contact = key().public().thumbprint();
    let grants = Grants::try_from(vec![grant()]).unwrap();
    let secret_hash = SecretHash::from_bytes([3; 32]);
    let id = secret_hash.invitation_id();
    let (role, key) = (Role::Guest, key().public().clone());
    vec![
        Change::Claim { key: key.clone(), name: name.clone(), recovery: None },
        Change::Claim { key: key.clone(), name: name.clone(), recovery: Some(key.clone()) },
        Change::SetRecovery { key: key.clone() },
        Change::Admit { key: key.clone(), name: name.clone(), role, grants: grants.clone() },
        Change::SetRights { contact, role: Role::Owner, grants: Grants::default() },
        Change::Rename { contact, name: name.clone() },
        Change::Revoke { contact },
        Change::Invite { id, secret_hash, name: name.clone(), role, grants, expires: 99 },
        Change::Withdraw { id },
        Change::Join { id, key, name },
        Change::Restore { id: RestoreId::from_bytes([5; 16]), generation: 1, revoked: vec![contact] },
    ]
}

#[test]
fn every_change_arrives_as_it_was_signed() {
    let (owner, device) = (key(), key().public().thumbprint());
    let mut prev = ChangeHash::FIRST;
    for (seq, change) in (1..).zip(changes()) {
        let signed = sign_change(&owner, device, seq, prev, change.clone());
        let unverified = SignedChange::parse(signed.jws()).unwrap();
        assert_eq!(unverified.claimed_iss(), owner.public().thumbprint());
        let arrived = unverified.verify(owner.public()).unwrap();
        assert_eq!(arrived, signed);
        assert_eq!((arrived.iss(), arrived.aud()), (owner.public().thumbprint(), device));
        assert_eq!((arrived.seq(), arrived.prev(), arrived.change()), (seq, prev, &change));
        assert_ne!(arrived.hash(), prev);
        prev = arrived.hash();
    }
}

#[test]
fn only_its_signer_can_have_signed_it() {
    let (owner, other, device) = (key(), key(), key().public().thumbprint());
    let revoke = Change::Revoke { contact: device };
    let signed = sign_change(&owner, device, 1, ChangeHash::FIRST, revoke);
    let error = SignedChange::parse(signed.jws()).unwrap().verify(other.public()).unwrap_err();
    assert_eq!(error, ChangeError::Jws(JwsError::Signature));

    // Signed by another, in the owner's name.
    let mut payload = payload(&signed);
    payload["seq"] = 2.into();
    let forged = jws::sign(&other, Typ::new("sb-acl"), payload.to_string().as_bytes());
    let forged = SignedChange::parse(&forged).unwrap();
    assert_eq!(forged.claimed_iss(), owner.public().thumbprint());
    assert_eq!(forged.verify(other.public()).unwrap_err(), ChangeError::Issuer);
}

fn payload(signed: &SignedChange) -> Value {
    let bytes = jws::Unverified::parse(signed.jws(), Typ::new("sb-acl")).unwrap();
    serde_json::from_slice(bytes.claimed_payload()).unwrap()
}

#[test]
fn what_is_not_understood_is_refused_whole() {
    let (owner, device) = (key(), key().public().thumbprint());
    let signed = sign_change(&owner, device, 1, ChangeHash::FIRST, changes().remove(3));
    let parse = |change: fn(&mut Value)| {
        let mut payload = payload(&signed);
        change(&mut payload);
        let jws = jws::sign(&owner, Typ::new("sb-acl"), payload.to_string().as_bytes());
        SignedChange::parse(&jws).err()
    };
    assert_eq!(parse(|_| {}), None);
    let changes: [fn(&mut Value); 12] = [
        |p| p["change"]["do"] = "promote".into(),
        |p| p["change"]["only_on"] = "sunday".into(),
        |p| p["change"]["role"] = "god".into(),
        |p| p["change"]["name"] = "a\u{202e}b".into(),
        |p| p["change"]["grants"][0]["thing"] = "gar*".into(),
        |p| p["change"]["grants"][0]["unless"] = true.into(),
        |p| p["change"]["grants"][0]["operations"] = json!(["everything"]),
        |p| p["change"]["grants"][0]["not_after"] = 10.into(),
        |p| p["change"]["grants"][0]["weekly"][0]["to"] = "25:00".into(),
        |p| p["change"]["grants"][0]["weekly"][0]["zone"] = "../../etc/passwd".into(),
        |p| p["seq"] = json!(-1),
        |p| p["valid_until"] = 5.into(),
    ];
    for (index, change) in changes.into_iter().enumerate() {
        assert!(matches!(parse(change), Some(ChangeError::Malformed(_))), "change {index}");
    }
}

#[test]
fn grants_are_bounded() {
    let many = |count| Grants::try_from(vec![grant(); count]);
    assert!(many(Grants::MAX).is_ok());
    assert_eq!(many(Grants::MAX + 1), Err(GrantError::TooMany));
    let long = Grant { affordances: vec![Pattern::Any; Grant::MAX_LIST + 1], ..grant() };
    assert_eq!(Grants::try_from(vec![long]), Err(GrantError::TooLong));
    let never = Grant { not_before: Some(5), not_after: Some(5), ..grant() };
    assert_eq!(Grants::try_from(vec![never]), Err(GrantError::NeverValid));
    assert!(serde_json::from_value::<Grants>(serde_json::to_value(vec![grant(); 33]).unwrap()).is_err());
}

#[test]
fn a_grant_covers_what_it_names() {
    let grant = grant();
    assert!(grant.covers(Operation::InvokeAction, "garage", Some("open")));
    assert!(grant.covers(Operation::ReadAllProperties, "garage", None));
    assert!(grant.is_timed());
    let anything = Grant { thing: Pattern::Any, affordances: vec![Pattern::Any], ..grant };
    assert!(anything.covers(Operation::ReadProperty, "lamp", Some("color")));
    let untimed = Grant { not_before: None, not_after: None, weekly: Vec::new(), ..anything };
    assert!(!untimed.is_timed());
}

#[test]
fn a_grant_covers_nothing_else() {
    let grant = grant();
    for (op, thing, affordance) in [
        (Operation::InvokeAction, "garage", Some("close")),
        (Operation::InvokeAction, "garage2", Some("open")),
        (Operation::InvokeAction, "Garage", Some("open")),
        (Operation::WriteProperty, "garage", Some("state")),
        (Operation::CancelAction, "garage", Some("open")),
        (Operation::ObserveProperty, "garage", Some("state")),
        (Operation::InvokeAction, "garage", None),
        (Operation::InvokeAction, "garage", Some("*")),
    ] {
        assert!(!grant.covers(op, thing, affordance), "{op} {thing}/{affordance:?}");
    }
    for nothing in
        [Grant { affordances: Vec::new(), ..grant.clone() }, Grant { operations: Vec::new(), ..grant }]
    {
        assert!(!nothing.covers(Operation::InvokeAction, "garage", Some("open")));
    }
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text in ".{0,300}", jws in "[A-Za-z0-9_.-]{0,300}") {
        prop_assert!(SignedChange::parse(&text).is_err());
        prop_assert!(SignedChange::parse(&jws).is_err());
        let signed = jws::sign(&key(), Typ::new("sb-acl"), text.as_bytes());
        prop_assert!(SignedChange::parse(&signed).is_err());
    }

    #[test]
    fn patterns_match_names_and_not_their_parts(name in "[a-z]{1,10}", more in "[a-z]{1,5}") {
        let pattern: Pattern = name.parse().unwrap();
        prop_assert!(pattern.matches(&name));
        let longer = format!("{name}{more}");
        prop_assert!(!pattern.matches(&longer));
        prop_assert!(Pattern::Any.matches(&longer));
    }
}

#[test]
fn a_contact_without_grants_may_be_written_without_them() {
    let admit: Change = serde_json::from_value(json!({
        "do": "set-rights", "contact": Thumbprint::from_bytes([1; 32]), "role": "viewer"
    }))
    .unwrap();
    let Change::SetRights { grants, .. } = admit else { panic!("another change") };
    assert!(grants.is_empty());
}
