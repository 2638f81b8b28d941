//! Changes of rights: who may make which, in which order, and what they leave.

use super::*;

#[test]
fn the_first_owner_claims_once() {
    let mut world = World::new();
    assert!(!world.rights.is_claimed());
    world.device_does(claim(&world.owner)).unwrap();
    assert!(world.rights.is_claimed());
    let second = new_key();
    assert!(matches!(world.device_does(claim(&second)), Err(ChangeRefused::NotAllowed(_))));
    // Not even when the last owner has gone, by the local owner's hand.
    world.device_does(Change::Revoke { contact: world.owner_id() }).unwrap();
    assert_eq!(world.rights.count(Role::Owner), 0);
    assert!(matches!(world.device_does(claim(&second)), Err(ChangeRefused::NotAllowed(_))));
    let admit = admit(&second, Role::Owner, vec![]);
    assert!(matches!(world.device_does(admit), Err(ChangeRefused::NotAllowed(_))));
}

#[test]
fn only_the_device_signs_a_claim_or_an_acceptance() {
    let mut world = World::claimed();
    let key = new_key();
    let guest_id = world.invite(Role::Guest, NOON + 100).unwrap();
    let join = Change::Join { id: guest_id, key: key.public().clone(), name: label("x") };
    for change in [claim(&key), join.clone()] {
        assert!(matches!(world.owner_does(change.clone()), Err(ChangeRefused::NotAllowed(_))), "{change:?}");
        assert!(
            matches!(world.recovery_does(change.clone()), Err(ChangeRefused::NotAllowed(_))),
            "{change:?}"
        );
    }
    world.device_does(join).unwrap();
}

#[test]
fn the_local_owner_makes_no_owners_and_the_owner_does() {
    let mut world = World::claimed();
    let operator = world.admit(Role::Operator, vec![]);
    let raise = Change::SetRights { contact: id(&operator), role: Role::Owner, grants: Grants::default() };
    let new = || admit(&new_key(), Role::Owner, vec![]);
    assert!(matches!(world.device_does(new()), Err(ChangeRefused::NotAllowed(_))));
    assert!(matches!(world.device_does(raise.clone()), Err(ChangeRefused::NotAllowed(_))));
    assert!(matches!(world.device_does(invite(Role::Owner, NOON + 9).0), Err(ChangeRefused::NotAllowed(_))));
    for role in [Role::Guest, Role::Viewer, Role::Operator] {
        world.device_does(admit(&new_key(), role, vec![])).unwrap();
    }
    world.owner_does(new()).unwrap();
    world.owner_does(raise).unwrap();
    assert_eq!(world.rights.count(Role::Owner), 3);
}

#[test]
fn those_who_own_nothing_change_nothing() {
    let mut world = World::claimed();
    for role in [Role::Guest, Role::Viewer, Role::Operator] {
        let key = world.admit(role, vec![grant("device", &["changeRights"], &[Operation::InvokeAction])]);
        let change = world.sign(&key, admit(&new_key(), Role::Guest, vec![]));
        assert!(
            matches!(world.rights.apply(&change, trusted(NOON)), Err(ChangeRefused::NotAllowed(_))),
            "{role}"
        );
    }
    let stranger = new_key();
    let change = world.sign(&stranger, admit(&stranger, Role::Owner, vec![]));
    assert!(matches!(world.rights.apply(&change, trusted(NOON)), Err(ChangeRefused::NotAllowed(_))));
    assert!(matches!(world.rights.authenticate(change.jws()), Err(ChangeRefused::NotAllowed(_))));
}

#[test]
fn the_last_owner_stays_unless_recovery_or_the_local_owner_says_otherwise() {
    let mut world = World::claimed();
    let revoke = Change::Revoke { contact: world.owner_id() };
    let demote =
        Change::SetRights { contact: world.owner_id(), role: Role::Operator, grants: Grants::default() };
    assert!(matches!(world.owner_does(revoke.clone()), Err(ChangeRefused::NotAllowed(_))));
    assert!(matches!(world.owner_does(demote.clone()), Err(ChangeRefused::NotAllowed(_))));
    let same = Change::SetRights { contact: world.owner_id(), role: Role::Owner, grants: Grants::default() };
    world.owner_does(same).unwrap();
    // With a second owner, each may remove the other, and not the last.
    let second = world.admit(Role::Owner, vec![]);
    let change = world.sign(&second, revoke.clone());
    world.rights = world.rights.apply(&change, trusted(NOON)).unwrap();
    let last = world.sign(&second, Change::Revoke { contact: id(&second) });
    assert!(matches!(world.rights.apply(&last, trusted(NOON)), Err(ChangeRefused::NotAllowed(_))));
    world.recovery_does(Change::Revoke { contact: id(&second) }).unwrap();
    assert_eq!(world.rights.count(Role::Owner), 0);
    world.recovery_does(admit(&new_key(), Role::Owner, vec![])).unwrap();
}

#[test]
fn a_recovery_key_is_set_once_and_then_only_by_itself() {
    let mut world = World::new();
    world.device_does(Change::SetRecovery { key: world.recovery.public().clone() }).unwrap();
    let set = |key: &PrivateKey| Change::SetRecovery { key: key.public().clone() };
    let other = new_key();
    assert!(matches!(world.device_does(set(&other)), Err(ChangeRefused::NotAllowed(_))));
    world.device_does(claim(&world.owner)).unwrap();
    assert!(matches!(world.owner_does(set(&other)), Err(ChangeRefused::NotAllowed(_))));
    // No change but its own touches it: it is no contact.
    let touched = Change::Revoke { contact: id(&world.recovery) };
    assert_eq!(world.owner_does(touched), Err(ChangeRefused::Unknown("contact")));
    world.recovery_does(set(&other)).unwrap();
    assert_eq!(world.rights.recovery(), Some(other.public()));
    let old = world.sign(&world.recovery, admit(&new_key(), Role::Owner, vec![]));
    assert!(matches!(world.rights.apply(&old, trusted(NOON)), Err(ChangeRefused::NotAllowed(_))));
    assert!(world.rights.is_revoked(&id(&world.recovery)));
}

#[test]
fn where_there_is_no_recovery_key_an_owner_sets_it_and_the_local_owner_does_not() {
    let mut world = World::new();
    world.device_does(claim(&world.owner)).unwrap();
    let set = Change::SetRecovery { key: world.recovery.public().clone() };
    assert!(matches!(world.device_does(set.clone()), Err(ChangeRefused::NotAllowed(_))));
    let owners = Change::SetRecovery { key: world.owner.public().clone() };
    assert!(matches!(world.owner_does(owners), Err(ChangeRefused::NotAllowed(_))), "a contact's key");
    world.owner_does(set).unwrap();
    let contact = admit(&world.recovery, Role::Viewer, vec![]);
    assert!(matches!(world.owner_does(contact), Err(ChangeRefused::NotAllowed(_))), "it stays in its drawer");
}

#[test]
fn a_revoked_key_never_comes_back() {
    let mut world = World::claimed();
    let key = world.admit(Role::Operator, vec![]);
    world.owner_does(Change::Revoke { contact: id(&key) }).unwrap();
    assert_eq!(
        world.owner_does(Change::Revoke { contact: id(&key) }),
        Err(ChangeRefused::Unknown("contact"))
    );
    let back = admit(&key, Role::Guest, vec![]);
    assert_eq!(world.owner_does(back.clone()), Err(ChangeRefused::Revoked));
    assert_eq!(world.device_does(back.clone()), Err(ChangeRefused::Revoked));
    assert_eq!(world.recovery_does(back), Err(ChangeRefused::Revoked));
    let invitation = world.invite(Role::Guest, NOON + 100).unwrap();
    assert_eq!(world.join(invitation, &key, NOON), Err(ChangeRefused::Revoked));
    world.join(invitation, &new_key(), NOON).unwrap();
    assert!(matches!(
        world.recovery_does(Change::SetRecovery { key: key.public().clone() }),
        Err(ChangeRefused::Revoked)
    ));
}

#[test]
fn changes_come_in_order_and_from_this_device_alone() {
    let mut world = World::claimed();
    let device = world.rights.device();
    let (next, head) = (world.rights.seq() + 1, world.rights.head());
    let change = || admit(&new_key(), Role::Guest, vec![]);
    let apply = |world: &World, seq, prev, device| {
        world.rights.apply(&sign_change(&world.owner, device, seq, prev, change()), trusted(NOON)).map(|_| ())
    };
    assert_eq!(apply(&world, next, head, device), Ok(()));
    for seq in [0, next - 1, next + 1, u64::MAX] {
        assert!(matches!(apply(&world, seq, head, device), Err(ChangeRefused::OutOfOrder { .. })), "{seq}");
    }
    for prev in [ChangeHash::FIRST, ChangeHash::from_bytes([1; 32])] {
        assert!(matches!(apply(&world, next, prev, device), Err(ChangeRefused::OutOfOrder { .. })));
    }
    assert_eq!(apply(&world, next, head, id(&new_key())), Err(ChangeRefused::OtherDevice));
    // A replay.
    let once = sign_change(&world.owner, device, next, head, change());
    world.rights = world.rights.apply(&once, trusted(NOON)).unwrap();
    assert!(matches!(world.rights.apply(&once, trusted(NOON)), Err(ChangeRefused::OutOfOrder { .. })));
}

#[test]
fn a_forged_signature_is_refused() {
    let world = World::claimed();
    let genuine = world.sign(&world.owner, admit(&new_key(), Role::Guest, vec![]));
    assert!(world.rights.authenticate(genuine.jws()).is_ok());
    let (signed, signature) = genuine.jws().rsplit_once('.').unwrap();
    let other = world.sign(&world.owner, admit(&new_key(), Role::Owner, vec![]));
    let (_, others) = other.jws().rsplit_once('.').unwrap();
    for forged in
        [format!("{signed}.{others}"), format!("{signed}.{}", "A".repeat(signature.len())), signed.to_owned()]
    {
        assert!(matches!(world.rights.authenticate(&forged), Err(ChangeRefused::Unsigned(_))), "{forged}");
    }
}

#[test]
fn an_invitation_is_used_once_and_binds_the_key() {
    let mut world = World::claimed();
    let invitation = world.invite(Role::Viewer, NOON + 100).unwrap();
    let guest = new_key();
    world.join(invitation, &guest, NOON).unwrap();
    let contact = world.rights.contact(&id(&guest)).unwrap();
    assert_eq!(
        (contact.role, &*contact.name),
        (Role::Viewer, "Invited"),
        "under the name that the owner gave"
    );
    assert_eq!(world.join(invitation, &new_key(), NOON), Err(ChangeRefused::Unknown("invitation")));
}

#[test]
fn an_invitation_ends_and_needs_a_clock() {
    let mut world = World::claimed();
    let invitation = world.invite(Role::Viewer, NOON + 100).unwrap();
    let guest = new_key();
    let join = Change::Join { id: invitation, key: guest.public().clone(), name: label("x") };
    let untimed = world.sign(&world.device, join);
    assert_eq!(world.rights.apply(&untimed, None).unwrap_err(), ChangeRefused::Clock);
    assert!(matches!(world.join(invitation, &guest, NOON + 100), Err(ChangeRefused::Expiry(_))));
    world.join(invitation, &guest, NOON + 99).unwrap();

    let late = world.sign(&world.owner, invite(Role::Guest, NOON).0);
    assert!(matches!(world.rights.apply(&late, trusted(NOON)), Err(ChangeRefused::Expiry(_))));
    let long = world.sign(&world.owner, invite(Role::Guest, NOON + MAX_INVITATION_AGE + 1).0);
    assert!(matches!(world.rights.apply(&long, trusted(NOON)), Err(ChangeRefused::Expiry(_))));
    assert_eq!(world.rights.apply(&late, None).unwrap_err(), ChangeRefused::Clock);
}

#[test]
fn an_invitation_ends_with_its_withdrawal_and_with_whoever_signed_it() {
    let mut world = World::claimed();
    let withdrawn = world.invite(Role::Viewer, NOON + 100).unwrap();
    world.owner_does(Change::Withdraw { id: withdrawn }).unwrap();
    assert_eq!(world.join(withdrawn, &new_key(), NOON), Err(ChangeRefused::Unknown("invitation")));
    assert_eq!(
        world.owner_does(Change::Withdraw { id: withdrawn }),
        Err(ChangeRefused::Unknown("invitation"))
    );

    let thief = world.admit(Role::Owner, vec![]);
    let (change, by_thief) = invite(Role::Owner, NOON + 100);
    let change = world.sign(&thief, change);
    world.rights = world.rights.apply(&change, trusted(NOON)).unwrap();
    let by_owner = world.invite(Role::Guest, NOON + 100).unwrap();
    world.owner_does(Change::Revoke { contact: id(&thief) }).unwrap();
    assert_eq!(world.join(by_thief, &new_key(), NOON), Err(ChangeRefused::Unknown("invitation")));
    world.join(by_owner, &new_key(), NOON).unwrap();
}

#[test]
fn a_contact_that_accepts_an_invitation_gains_and_loses_nothing() {
    let mut world = World::claimed();
    let old = grant("door", &["open"], &[Operation::InvokeAction]);
    let key = world.admit(Role::Operator, vec![old.clone()]);
    let invitation = world.invite(Role::Guest, NOON + 100).unwrap();
    world.join(invitation, &key, NOON).unwrap();
    let contact = world.rights.contact(&id(&key)).unwrap();
    assert_eq!((contact.role, contact.grants.as_slice()), (Role::Operator, &[old][..]));
    let invitation = world.invite(Role::Guest, NOON + 100).unwrap();
    let owner = world.owner.clone();
    assert_eq!(world.join(invitation, &owner, NOON), Err(ChangeRefused::AlreadyContact));
}

#[test]
fn an_unknown_zone_is_refused_when_the_grant_is_made_and_not_when_it_is_replayed() {
    let mut world = World::claimed();
    let weekly = vec![WeeklyHours {
        zone: "Mars/Olympus_Mons".parse().unwrap(),
        days: vec![Day::Mon],
        from: "08:00".parse().unwrap(),
        to: "18:00".parse().unwrap(),
    }];
    let grants = vec![Grant { weekly, ..grant("*", &["*"], &[Operation::ReadProperty]) }];
    let change = admit(&new_key(), Role::Guest, grants);
    let refused = ChangeRefused::UnknownZone("Mars/Olympus_Mons".to_owned());
    assert_eq!(world.owner_does(change.clone()), Err(refused));
    // A later time zone database may have dropped a zone: the device starts all the same.
    let log = [world.log.clone(), vec![world.sign(&world.owner, change).jws().to_owned()]].concat();
    assert!(Rights::replay(world.device.public(), log.iter().map(String::as_str)).is_ok());
}

#[test]
fn limits_are_limits() {
    let mut world = World::claimed();
    for _ in 0..MAX_INVITATIONS {
        world.invite(Role::Guest, NOON + 100).unwrap();
    }
    assert_eq!(world.invite(Role::Guest, NOON + 100).unwrap_err(), ChangeRefused::Full("open invitations"));
    let device = world.device.clone();
    assert!(matches!(
        world.owner_does(admit(&device, Role::Guest, vec![])),
        Err(ChangeRefused::NotAllowed(_))
    ));
    let owner = world.owner.clone();
    assert_eq!(world.owner_does(admit(&owner, Role::Guest, vec![])), Err(ChangeRefused::AlreadyContact));
    let nobody = id(&new_key());
    let rename = Change::Rename { contact: nobody, name: label("x") };
    assert_eq!(world.owner_does(rename), Err(ChangeRefused::Unknown("contact")));
}

#[test]
fn keys_are_found_for_those_who_may_open_a_session() {
    let mut world = World::claimed();
    let guest = world.admit(Role::Guest, vec![]);
    for key in [&world.owner, &world.recovery, &guest] {
        assert_eq!(world.rights.key_of(&id(key)), Some(key.public()));
    }
    assert_eq!(world.rights.key_of(&id(&new_key())), None);
    assert!(
        world.rights.may_change_rights(&world.owner_id())
            && world.rights.may_change_rights(&id(&world.recovery))
    );
    assert!(!world.rights.may_change_rights(&id(&guest)) && !world.rights.may_change_rights(&id(&new_key())));
    world.owner_does(Change::Revoke { contact: id(&guest) }).unwrap();
    assert_eq!(world.rights.key_of(&id(&guest)), None);
}
