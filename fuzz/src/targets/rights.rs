//! Any sequence of changes of rights by anybody: what the rules promise holds after each.

use std::sync::LazyLock;

use streembit_agent::access::Rights;
use streembit_agent::clock::{Clock, TrustedTime, VirtualTime};
use streembit_keys::{PrivateKey, Thumbprint};
use streembit_peer::rights::{Change, Grants, InvitationId, Label, RestoreId, Role, SecretHash, sign_change};

use crate::fixed::{DEVICE, NOW};

/// Who may sign or be meant: the device, and five persons.
static KEYS: LazyLock<Vec<PrivateKey>> = LazyLock::new(|| {
    let others = (3..8).map(|seed| PrivateKey::from_scalar(&[seed; 32]).unwrap());
    std::iter::once(DEVICE.clone()).chain(others).collect()
});

static TIME: LazyLock<TrustedTime> =
    LazyLock::new(|| Clock::new(VirtualTime::new(NOW, true)).now().trusted.expect("a synchronised clock"));

/// Each four bytes are one change: who signs, what it is, whom it means, and with what.
pub fn run(input: &[u8]) {
    let device = DEVICE.public().thumbprint();
    let mut rights = Rights::new(DEVICE.public());
    let mut journal = Vec::new();
    let mut gone: Vec<Thumbprint> = Vec::new();
    for step in input.chunks_exact(4).take(48) {
        let signer = key(step[0]);
        let change = change(step[1], step[2], step[3]);
        let (seq, prev) = match step[3] >> 6 {
            3 => (rights.seq(), rights.head()),
            _ => (rights.seq() + 1, rights.head()),
        };
        let signed = sign_change(signer, device, seq, prev, change.clone());
        let now = (step[3] & 1 == 0).then_some(*TIME);
        let applied = rights.authenticate(signed.jws()).and_then(|change| rights.apply(&change, now));
        let Ok(after) = applied else { continue };

        let who = signer.public().thumbprint();
        assert_eq!(seq, rights.seq() + 1, "a change out of its place was made");
        assert!(who == device || rights.may_change_rights(&who), "somebody without the right changed rights");
        if matches!(change, Change::Claim { .. } | Change::Join { .. } | Change::Restore { .. }) {
            assert_eq!(who, device);
        }
        if matches!(change, Change::Claim { .. }) {
            assert!(!rights.is_claimed(), "a claimed device was claimed again");
        }
        if who != device
            && rights.count(Role::Owner) > 0
            && rights.recovery().is_none_or(|key| key != signer.public())
        {
            assert!(after.count(Role::Owner) > 0, "a remote owner removed the last owner");
            assert!(rights.recovery().is_none() || rights.recovery() == after.recovery());
        }
        for (contact, known) in after.contacts() {
            assert!(
                !known.suspended || after.key_of(contact).is_none(),
                "somebody suspended may open a session"
            );
            assert!(!known.suspended || known.role != Role::Owner, "nobody is left to confirm");
            let lifted = rights.contact(contact).is_some_and(|before| before.suspended) && !known.suspended;
            assert!(
                !lifted || who != device || matches!(change, Change::Join { .. } | Change::Claim { .. }),
                "the device confirmed somebody itself"
            );
        }
        match change {
            Change::Revoke { contact } => gone.push(contact),
            Change::Restore { generation, revoked, .. } => {
                assert!(generation > rights.generation(), "it was restored and counts backwards");
                gone.extend(revoked);
            }
            _ => {}
        }
        for contact in &gone {
            assert!(
                after.contact(contact).is_none() && after.key_of(contact).is_none(),
                "the revoked came back"
            );
        }
        assert!(after.apply(&signed, now).is_err(), "a change was made twice");
        journal.push(signed.jws().to_owned());
        rights = after;
    }
    let replayed =
        Rights::replay(DEVICE.public(), journal.iter().map(String::as_str)).expect("what was applied");
    assert_eq!(replayed, rights);
}

fn key(byte: u8) -> &'static PrivateKey {
    &KEYS[usize::from(byte) % KEYS.len()]
}

fn change(kind: u8, whom: u8, what: u8) -> Change {
    let key = key(whom).public().clone();
    let contact = key.thumbprint();
    let name: Label = "somebody".parse().unwrap();
    let role = Role::ALL[usize::from(what >> 1) % Role::ALL.len()];
    let id = InvitationId::from_bytes([whom % 3; 8]);
    let grants = Grants::default();
    match kind % 10 {
        0 => Change::Claim { key, name, recovery: (what & 2 != 0).then(|| self::key(what).public().clone()) },
        1 => Change::SetRecovery { key },
        2 => Change::Admit { key, name, role, grants },
        3 => Change::SetRights { contact, role, grants },
        4 => Change::Rename { contact, name },
        5 => Change::Revoke { contact },
        6 => {
            let expires = NOW + 3600 * i64::from(what) - 3600;
            Change::Invite { id, secret_hash: SecretHash::from_bytes([1; 32]), name, role, grants, expires }
        }
        7 => Change::Withdraw { id },
        8 => Change::Join { id, key, name },
        _ => Change::Restore {
            id: RestoreId::from_bytes([what; 16]),
            generation: u32::from(what),
            revoked: if what & 1 == 0 { Vec::new() } else { vec![contact] },
        },
    }
}
