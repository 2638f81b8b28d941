//! What the owner at the device does about other people.

use serde_json::json;
use streembit_keys::rng;
use streembit_peer::exit::Exit;
use streembit_peer::link::{Link, LinkKind, Secret};
use streembit_peer::network::Address;
use streembit_peer::rights::{Change, Grants, InvitationId, Role};

use super::Core;
use crate::access::ChangeRefused;
use crate::control::answer::{Contact, Invitation, MadeLink, Owners, People};
use crate::control::{Failure, InviteArgs, PairArgs, Reply};
use crate::device::{Admission, OPEN_FOR};
use crate::journal::RightsError;

impl Core {
    /// Opens a pairing and makes its link.
    pub(super) fn pair(&self, args: PairArgs) -> Result<MadeLink, Failure> {
        let claimed = self.device.rights().is_claimed();
        let role = match (claimed, args.role) {
            (false, None | Some(Role::Owner)) => Role::Owner,
            (false, Some(_)) => {
                return Err(Failure::refused(
                    "this device has no owner yet, and its first contact becomes that",
                )
                .or("Take it first: `streembit-agent pair`."));
            }
            (true, None | Some(Role::Owner)) if self.owners() == Owners::NoMore => {
                return Err(
                    Failure::refused("the last owner of this device was revoked").or(Owners::WAYS_OUT)
                );
            }
            (true, None) => {
                return Err(Failure::refused("this device has an owner, so say what the person is to become")
                    .or("`streembit-agent pair --role operator`, or viewer; a link to send: `streembit-agent invite`."));
            }
            (true, Some(Role::Owner)) => {
                return Err(Failure::refused(
                    "this device has an owner, and only an owner makes another one",
                )
                .or("The owner types: `streembit invite DEVICE --role owner`."));
            }
            (true, Some(role)) => role,
        };
        let secret = Secret::generate(&mut rng::system());
        let link = self.link(LinkKind::Pairing, secret.clone());
        let admission = Admission { role, grants: if claimed { args.grants } else { Grants::default() } };
        self.device.open_pairing(&secret, admission);
        Ok(MadeLink { link, valid_for: OPEN_FOR.as_secs(), role, invitation: None })
    }

    /// Makes an invitation and its link.
    pub(super) async fn invite(&self, args: InviteArgs) -> Result<MadeLink, Failure> {
        let InviteArgs { name, role, allow, valid_for } = args;
        let grants = self.grants_of(role, &allow)?;
        let now = self.device.clock().now().trusted.ok_or_else(no_clock)?;
        let secret = Secret::generate(&mut rng::system());
        let secret_hash = secret.hash();
        let id = secret_hash.invitation_id();
        let change = Change::Invite {
            id,
            secret_hash,
            name,
            role,
            grants,
            expires: now.unix().saturating_add(i64::from(valid_for)),
        };
        self.change(change).await?;
        let link = self.link(LinkKind::Invitation, secret);
        Ok(MadeLink { link, valid_for: u64::from(valid_for), role, invitation: Some(id) })
    }

    /// Takes an invitation back.
    pub(super) async fn withdraw(&self, id: InvitationId) -> Reply {
        self.change(Change::Withdraw { id }).await?;
        Ok(json!({ "withdrawn": id }))
    }

    /// Ends the rights of a contact, and its sessions.
    pub(super) async fn revoke(&self, contact: &str, last_owner: bool) -> Reply {
        let rights = self.device.rights();
        let mut meant = rights.contacts().filter(|(who, known)| {
            // A few characters of a key are enough to type, and more than chance brings.
            let by_key = contact.len() >= 4 && who.to_string().starts_with(contact);
            &*known.name == contact || by_key
        });
        let list = "`streembit-agent contacts` lists them.";
        let Some((who, known)) = meant.next() else {
            return Err(Failure::refused(format!("there is no contact `{contact}`")).or(list));
        };
        if meant.next().is_some() {
            let message = format!("more than one contact is called `{contact}`");
            return Err(Failure::new(Exit::Usage, message).or(format!("Say which by its key: {list}")));
        }
        if known.role == Role::Owner && rights.count(Role::Owner) == 1 && !last_owner {
            let message =
                format!("{} is the last owner, and nobody at the device makes another one", known.name);
            return Err(Failure::refused(message)
                .or("Have them make another owner first, or do it all the same: `--last-owner`."));
        }
        self.change(Change::Revoke { contact: *who }).await?;
        Ok(json!({ "revoked": who, "name": known.name }))
    }

    /// Contacts and invitations.
    pub(super) fn people(&self) -> People {
        let rights = self.device.rights();
        let contacts = rights.contacts().map(|(who, contact)| Contact {
            contact: *who,
            name: contact.name.clone(),
            role: contact.role,
            grants: contact.grants.clone(),
            suspended: contact.suspended,
        });
        let invitations = rights.invitations().map(|(id, invitation)| Invitation {
            id: *id,
            name: invitation.name.clone(),
            role: invitation.role,
            expires: invitation.expires,
        });
        let owners = self.owners();
        People { owners, contacts: contacts.collect(), invitations: invitations.collect() }
    }

    /// How it stands with owners.
    pub(super) fn owners(&self) -> Owners {
        let rights = self.device.rights();
        match (rights.is_claimed(), rights.count(Role::Owner)) {
            (false, _) => Owners::NotYet,
            (true, 0) => Owners::NoMore,
            (true, _) => Owners::Some,
        }
    }

    pub(super) async fn change(&self, change: Change) -> Result<(), Failure> {
        self.device.change_rights_here(change).await.map(|_| ()).map_err(|error| match error {
            RightsError::Refused(ChangeRefused::Clock) => no_clock(),
            RightsError::Refused(refused) => Failure::refused(refused),
            RightsError::NotRecorded(error) => Failure::failed(error)
                .or("Nothing was changed. `streembit-agent check` says what to do about the disk."),
        })
    }

    fn link(&self, kind: LinkKind, secret: Secret) -> String {
        let device = self.device.key().public().thumbprint();
        Link { kind, device, secret, hints: hints(self.network.addresses()) }.to_uri()
    }
}

/// The addresses that a link or an offer carries: those which others can dial first.
pub(super) fn hints(mut addresses: Vec<Address>) -> Vec<Address> {
    let is_loopback = |address: &Address| {
        let text = address.to_string();
        text.starts_with("/ip4/127.") || text.starts_with("/ip6/::1/")
    };
    addresses.sort_by_key(is_loopback);
    addresses.truncate(Link::MAX_HINTS);
    addresses
}

fn no_clock() -> Failure {
    Failure::new(Exit::Failure, "nobody vouches for the time, and an invitation needs to know when it ends")
        .or("Switch NTP on (`timedatectl set-ntp true`), or let the owner open a session. `streembit-agent pair` needs no clock.")
}
