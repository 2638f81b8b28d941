//! A device that was made anew out of a backup.

use streembit_peer::rights::RestoreId;

use super::*;

const OPEN: Operation = Operation::InvokeAction;

fn restore(n: u8) -> Change {
    Change::Restore { id: RestoreId::from_bytes([n; 16]), generation: n.into(), revoked: Vec::new() }
}

/// The same, with those who count no longer.
fn restore_without(gone: &[Thumbprint]) -> Change {
    Change::Restore { id: RestoreId::from_bytes([1; 16]), generation: 1, revoked: gone.to_vec() }
}

fn may_open(world: &World, key: &PrivateKey) -> Result<(), Denied> {
    world.rights.permit(&id(key), OPEN, "door", Some("open"), at(NOON)).map(|_| ())
}

/// The change that gives a guest of [`house`] what it has.
fn confirm(key: &PrivateKey) -> Change {
    let grants = vec![grant("door", &["open"], &[OPEN])].try_into().unwrap();
    Change::SetRights { contact: id(key), role: Role::Guest, grants }
}

/// A device with an owner, a guest who may open the door, and an operator; then restored.
fn house() -> (World, PrivateKey) {
    let mut world = World::with_guest(vec![grant("door", &["open"], &[OPEN])]);
    let operator = world.admit(Role::Operator, vec![]);
    assert_eq!((may_open(&world, &world.guest), may_open(&world, &operator)), (Ok(()), Ok(())));
    world.device_does(restore(1)).unwrap();
    (world, operator)
}

#[test]
fn who_is_no_owner_may_nothing_until_an_owner_confirms_them() {
    let (mut world, operator) = house();
    assert_eq!((world.rights.generation(), world.rights.suspended()), (1, 2));
    for key in [&world.guest, &operator] {
        assert_eq!(may_open(&world, key), Err(Denied::Suspended));
        assert!(world.rights.key_of(&id(key)).is_none(), "it may open no session");
        assert!(world.rights.allowed(&id(key), "door", at(NOON)).is_err());
        let rights = world.rights.permit(&id(key), Operation::ReadProperty, DEVICE, Some("rights"), at(NOON));
        assert_eq!(rights.map(|_| ()), Err(Denied::Suspended));
    }
    assert_eq!(may_open(&world, &world.owner), Ok(()));
    assert!(world.rights.key_of(&id(&world.recovery)).is_some());

    world.owner_does(confirm(&world.guest.clone())).unwrap();
    assert_eq!(may_open(&world, &world.guest), Ok(()));
    assert_eq!(may_open(&world, &operator), Err(Denied::Suspended), "nobody else is confirmed by it");
    let operators =
        Change::SetRights { contact: id(&operator), role: Role::Operator, grants: Grants::default() };
    world.recovery_does(operators).unwrap();
    assert_eq!((may_open(&world, &operator), world.rights.suspended()), (Ok(()), 0));
    let replayed = Rights::replay(world.device.public(), world.log.iter().map(String::as_str));
    assert_eq!(replayed.as_ref(), Ok(&world.rights));
}

#[test]
fn neither_the_device_nor_who_is_suspended_confirms() {
    let (mut world, operator) = house();
    let change = confirm(&world.guest.clone());
    assert!(matches!(world.device_does(change.clone()), Err(ChangeRefused::NotAllowed(_))));
    let by_operator = world.sign(&operator, change);
    assert!(world.rights.authenticate(by_operator.jws()).is_err());
    assert!(world.rights.apply(&by_operator, trusted(NOON)).is_err());
    // Another name is no confirmation.
    world.owner_does(Change::Rename { contact: world.guest_id(), name: label("Bea") }).unwrap();
    assert_eq!(may_open(&world, &world.guest), Err(Denied::Suspended));
    // The same key cannot come in as somebody new.
    assert_eq!(
        world.device_does(admit(&world.guest.clone(), Role::Operator, vec![])),
        Err(ChangeRefused::AlreadyContact)
    );
}

#[test]
fn only_the_device_itself_says_that_it_was_restored() {
    let mut world = World::claimed();
    assert!(matches!(world.owner_does(restore(1)), Err(ChangeRefused::NotAllowed(_))));
    assert!(matches!(world.recovery_does(restore(1)), Err(ChangeRefused::NotAllowed(_))));
    assert_eq!(world.rights.generation(), 0);
    world.device_does(restore(1)).unwrap();
    world.device_does(restore(7)).unwrap();
    assert_eq!(world.rights.generation(), 7);
    // It counts, and never backwards nor twice.
    for n in [0, 6, 7] {
        assert!(matches!(world.device_does(restore(n)), Err(ChangeRefused::NotAllowed(_))), "{n}");
    }
}

#[test]
fn who_is_named_with_it_may_nothing_ever_again() {
    let other = id(&new_key());
    let mut world = World::with_guest(vec![grant("door", &["open"], &[OPEN])]);
    let bob = world.admit(Role::Owner, vec![]);
    assert_eq!(may_open(&world, &bob), Ok(()));
    let (guest, recovery) = (world.guest_id(), id(&world.recovery));
    // Somebody whom the device does not know is a mistake that must not go unseen.
    let before = world.rights.clone();
    assert_eq!(
        world.device_does(restore_without(&[id(&bob), other])),
        Err(ChangeRefused::Unknown("contact"))
    );
    assert_eq!(world.rights, before);

    world.device_does(restore_without(&[id(&bob), guest, recovery])).unwrap();
    assert_eq!(
        (may_open(&world, &bob), may_open(&world, &world.guest)),
        (Err(Denied::Revoked), Err(Denied::Revoked))
    );
    assert!(world.rights.recovery().is_none() && world.rights.key_of(&recovery).is_none());
    assert!(world.recovery_does(Change::Rename { contact: id(&world.owner), name: label("x") }).is_err());
    assert_eq!(world.owner_does(admit(&bob, Role::Guest, vec![])), Err(ChangeRefused::Revoked));
    assert_eq!(may_open(&world, &world.owner), Ok(()), "nobody else is revoked by it");
    let old = Change::SetRecovery { key: world.recovery.public().clone() };
    assert!(world.owner_does(old).is_err());
    world.owner_does(Change::SetRecovery { key: new_key().public().clone() }).unwrap();
    let replayed = Rights::replay(world.device.public(), world.log.iter().map(String::as_str));
    assert_eq!(replayed.as_ref(), Ok(&world.rights));
}

#[test]
fn what_was_signed_before_does_not_fit_after_nor_what_was_signed_after_another_restoration() {
    let mut world = World::claimed();
    let backup = world.rights.clone();
    let before = world.sign(&world.owner, admit(&new_key(), Role::Operator, vec![]));
    let went_on = backup.apply(&before, trusted(NOON)).unwrap();
    world.device_does(restore(1)).unwrap();
    let refused = world.rights.apply(&before, trusted(NOON));
    assert!(matches!(refused, Err(ChangeRefused::OutOfOrder { .. })), "{refused:?}");
    // The next one of the old times has the right number now, and follows another change.
    let later = admit(&new_key(), Role::Operator, vec![]);
    let later = sign_change(&world.owner, went_on.device(), went_on.seq() + 1, went_on.head(), later);
    assert_eq!(later.seq(), world.rights.seq() + 1);
    let refused = world.rights.apply(&later, trusted(NOON));
    assert!(matches!(refused, Err(ChangeRefused::OutOfOrder { .. })), "{refused:?}");

    let after = world.sign(&world.owner, admit(&new_key(), Role::Operator, vec![]));
    world.rights = backup;
    world.device_does(restore(2)).unwrap();
    assert!(matches!(world.rights.apply(&after, trusted(NOON)), Err(ChangeRefused::OutOfOrder { .. })));
}

#[test]
fn open_invitations_end_and_the_revoked_stay_revoked() {
    let mut world = World::claimed();
    let invitation = world.invite(Role::Operator, NOON + 100).unwrap();
    let gone = world.admit(Role::Operator, vec![]);
    world.owner_does(Change::Revoke { contact: id(&gone) }).unwrap();
    world.device_does(restore(1)).unwrap();
    assert!(!world.rights.is_inviting(trusted(NOON)));
    assert_eq!(world.join(invitation, &new_key(), NOON), Err(ChangeRefused::Unknown("invitation")));
    assert_eq!(world.owner_does(admit(&gone, Role::Guest, vec![])), Err(ChangeRefused::Revoked));
    assert_eq!(may_open(&world, &gone), Err(Denied::Revoked));
}

#[test]
fn who_accepts_an_invitation_afterwards_has_what_it_says_and_not_what_was_suspended() {
    let (mut world, operator) = house();
    let invitation = world.invite(Role::Viewer, NOON + 100).unwrap();
    world.join(invitation, &operator, NOON).unwrap();
    let contact = world.rights.contact(&id(&operator)).unwrap();
    assert_eq!((contact.role, contact.suspended), (Role::Viewer, false));
    assert_eq!(may_open(&world, &operator), Err(Denied::NoGrant));
    let read = world.rights.permit(&id(&operator), Operation::ReadProperty, "door", Some("state"), at(NOON));
    assert!(read.is_ok());
}

#[test]
fn a_second_restoration_suspends_the_confirmed_again() {
    let (mut world, _) = house();
    world.owner_does(confirm(&world.guest.clone())).unwrap();
    world.device_does(restore(2)).unwrap();
    assert_eq!(may_open(&world, &world.guest), Err(Denied::Suspended));
    world.owner_does(Change::Revoke { contact: world.guest_id() }).unwrap();
    assert_eq!(may_open(&world, &world.guest), Err(Denied::Revoked));
}
