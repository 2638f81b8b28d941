//! What holds for any sequence of changes.

use proptest::prelude::*;
use streembit_peer::rights::RestoreId;

use super::*;

/// Something that somebody tries. Small numbers name keys, so that they meet often.
#[derive(Debug, Clone)]
enum Try {
    Admit(u8, Role, Vec<Grant>),
    SetRights(u8, Role, Vec<Grant>),
    Revoke(u8),
    Invite(Role),
    Withdraw,
    Join(u8),
    SetRecovery(u8),
    Restore(u8),
}

const NAMES: [&str; 3] = ["door", "gate", "device"];

fn some_grants() -> impl Strategy<Value = Vec<Grant>> {
    let pattern = || prop_oneof![Just("*"), Just("door"), Just("gate"), Just("device"), Just("changeRights")];
    let one = (
        pattern(),
        pattern(),
        proptest::sample::subsequence(Operation::ALL.to_vec(), 1..4),
        proptest::option::of(NOON - 2..NOON + 2),
    )
        .prop_map(|(thing, name, ops, not_after)| Grant { not_after, ..grant(thing, &[name], &ops) });
    proptest::collection::vec(one, 0..3)
}

fn role() -> impl Strategy<Value = Role> {
    proptest::sample::select(Role::ALL.to_vec())
}

fn attempt() -> impl Strategy<Value = Try> {
    prop_oneof![
        3 => (0..6u8, role(), some_grants()).prop_map(|(key, role, grants)| Try::Admit(key, role, grants)),
        3 => (0..6u8, role(), some_grants()).prop_map(|(key, role, grants)| Try::SetRights(key, role, grants)),
        2 => (0..6u8).prop_map(Try::Revoke),
        1 => role().prop_map(Try::Invite),
        1 => Just(Try::Withdraw),
        2 => (0..6u8).prop_map(Try::Join),
        1 => (0..6u8).prop_map(Try::SetRecovery),
        1 => any::<u8>().prop_map(Try::Restore),
    ]
}

fn key(n: u8) -> PrivateKey {
    PrivateKey::from_scalar(&[n + 1; 32]).unwrap()
}

/// A device, and what was tried on it: by the device's key, the recovery key, or one of the six.
fn history() -> impl Strategy<Value = Vec<(u8, Try)>> {
    proptest::collection::vec((0..8u8, attempt()), 0..40)
}

/// Runs a history. `each` sees the rights before and after every change that was made, and whose it was.
fn run(history: &[(u8, Try)], mut each: impl FnMut(&Rights, &Rights, u8)) -> World {
    let mut world = World::claimed_by(key(0));
    for (by, what) in history {
        let open = world.rights.invitations().next().map(|(id, _)| *id);
        let public = |n: &u8| key(*n).public().clone();
        let change = match what {
            Try::Admit(n, role, grants) => admit(&key(*n), *role, grants.clone()),
            Try::SetRights(n, role, grants) => Change::SetRights {
                contact: id(&key(*n)),
                role: *role,
                grants: grants.clone().try_into().unwrap(),
            },
            Try::Revoke(n) => Change::Revoke { contact: id(&key(*n)) },
            Try::Invite(role) => invite(*role, NOON + 100).0,
            Try::Withdraw => match open {
                Some(id) => Change::Withdraw { id },
                None => continue,
            },
            Try::Join(n) => match open {
                Some(id) => Change::Join { id, key: public(n), name: label("joined") },
                None => continue,
            },
            Try::SetRecovery(n) => Change::SetRecovery { key: public(n) },
            Try::Restore(n) => Change::Restore {
                id: RestoreId::from_bytes([*n; 16]),
                generation: world.rights.generation() + u32::from(n % 2),
                revoked: if n % 4 == 3 { vec![id(&key(n % 6))] } else { Vec::new() },
            },
        };
        let signer = match by {
            6 => world.device.clone(),
            7 => world.recovery.clone(),
            n => key(*n),
        };
        let before = world.rights.clone();
        let signed = world.sign(&signer, change);
        if let Ok(after) = before.apply(&signed, trusted(NOON)) {
            world.log.push(signed.jws().to_owned());
            each(&before, &after, *by);
            world.rights = after;
        }
    }
    world
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn replaying_the_log_gives_the_same_rights(history in history()) {
        let world = run(&history, |_, _, _| {});
        let replayed = Rights::replay(world.device.public(), world.log.iter().map(String::as_str));
        prop_assert_eq!(replayed.as_ref(), Ok(&world.rights));
        // Without its end it is an earlier state; without anything else, or in another order, it is none.
        for gone in 0..world.log.len().saturating_sub(1) {
            let mut log = world.log.clone();
            log.remove(gone);
            prop_assert!(Rights::replay(world.device.public(), log.iter().map(String::as_str)).is_err());
            let mut log = world.log.clone();
            log.swap(gone, gone + 1);
            prop_assert!(Rights::replay(world.device.public(), log.iter().map(String::as_str)).is_err());
        }
        let other = key(9);
        prop_assert!(Rights::replay(other.public(), world.log.iter().map(String::as_str)).is_err());
    }

    #[test]
    fn a_permit_has_a_reason_and_the_description_shows_the_same(history in history()) {
        let world = run(&history, |_, _, _| {});
        for n in 0..6 {
            let who = id(&key(n));
            let contact = world.rights.contact(&who);
            for op in Operation::ALL {
                for thing in NAMES {
                    for name in [Some("door"), Some("changeRights"), None] {
                        let permit = world.rights.permit(&who, op, thing, name, at(NOON));
                        let shown = world.rights.allowed(&who, thing, at(NOON)).is_ok_and(|it| it.may(op, name));
                        prop_assert_eq!(permit.is_ok(), shown);
                        if permit.is_ok() && world.rights.recovery().is_none_or(|key| key.thumbprint() != who) {
                            let contact = contact.unwrap();
                            prop_assert!(!contact.suspended);
                            let by_role = contact.role >= Role::Viewer || thing == DEVICE;
                            let by_grant = contact.grants.iter().any(|grant| grant.thing.matches(thing));
                            prop_assert!(by_role || by_grant);
                            if thing == DEVICE && name == Some("changeRights") {
                                prop_assert_eq!(contact.role, Role::Owner);
                            }
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn the_revoked_stay_revoked_and_may_nothing(history in history()) {
        let mut revoked = std::collections::BTreeSet::new();
        let world = run(&history, |before, after, _| {
            for (who, _) in before.contacts() {
                if after.contact(who).is_none() {
                    revoked.insert(*who);
                }
            }
        });
        for who in revoked {
            prop_assert!(world.rights.is_revoked(&who) && world.rights.key_of(&who).is_none());
            for op in Operation::ALL {
                let name = op.names_an_affordance().then_some("door");
                for thing in NAMES {
                    prop_assert!(world.rights.permit(&who, op, thing, name, at(NOON)).is_err());
                }
                prop_assert!(world.rights.permit_entry(&who, op, DEVICE, Some("pair"), true, at(NOON)).is_err());
            }
        }
    }

    #[test]
    fn who_is_suspended_stays_so_until_an_owner_says_otherwise(history in history()) {
        run(&history, |before, after, by| {
            let suspended = |rights: &Rights, who: &Thumbprint| {
                rights.contact(who).is_some_and(|contact| contact.suspended)
            };
            for (who, contact) in after.contacts() {
                assert!(!contact.suspended || (contact.role != Role::Owner && after.key_of(who).is_none()));
                let lifted = suspended(before, who) && !contact.suspended;
                let accepted = before.invitations().count() > after.invitations().count();
                // The device alone signs that an invitation was accepted, which an owner has made since, or it itself.
                let by_owner = match by {
                    6 => accepted,
                    7 => before.recovery().is_some(),
                    n => before.contact(&id(&key(n))).is_some_and(|by| by.role == Role::Owner)
                        || before.recovery().is_some_and(|recovery| recovery == key(n).public()),
                };
                assert!(!lifted || by_owner, "{by} confirmed somebody");
            }
            assert!(after.generation() >= before.generation(), "it counts, and never backwards");
            assert!(after.generation() == before.generation() || by == 6);
        });
    }

    #[test]
    fn only_those_who_may_change_rights_do_and_owners_come_from_owners(history in history()) {
        run(&history, |before, after, by| {
            let signer = id(&key(by.min(5)));
            assert!(by >= 6 || before.may_change_rights(&signer));
            assert_eq!(after.seq(), before.seq() + 1);
            // One of the six may have become the recovery key, and then outranks owners.
            if by < 6 && before.contact(&signer).is_some() {
                assert!(after.count(Role::Owner) > 0, "a remote owner removed the last owner");
                let untouched = before.recovery().is_none() || after.recovery() == before.recovery();
                assert!(untouched, "a remote owner touched the recovery key");
            }
            if by == 6 {
                let owners = |rights: &Rights| rights.count(Role::Owner);
                let accepted = before.invitations().count() > after.invitations().count();
                assert!(owners(after) <= owners(before) || accepted, "the local owner made an owner");
            }
        });
    }
}
