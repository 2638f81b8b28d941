//! What an owner can change.

use serde::{Deserialize, Serialize};
use streembit_keys::{PublicKey, Thumbprint};

use super::{Grants, Label};
use crate::encoded::base64_bytes;

/// What a contact is to a device, before any grant of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Nothing but its grants.
    Guest,
    /// Reads and observes everything, and changes nothing.
    Viewer,
    /// Uses every Thing. Changes nobody's rights.
    Operator,
    /// May do everything, and changes rights.
    Owner,
}

impl Role {
    /// Every role, for tables and tests.
    pub const ALL: [Self; 4] = [Self::Guest, Self::Viewer, Self::Operator, Self::Owner];

    /// The name in messages and on command lines.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Guest => "guest",
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Owner => "owner",
        }
    }
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

base64_bytes!(
    /// What a device keeps of a link's secret: enough to check a proof, and not enough to make one.
    SecretHash,
    32,
    "hash of a link's secret"
);

base64_bytes!(
    /// The name of an invitation.
    InvitationId,
    8,
    "invitation id"
);

base64_bytes!(
    /// The name of one making of a device out of a backup: random, so that what is signed after one never fits after another.
    RestoreId,
    16,
    "name of a restoration"
);

/// One change of a device's rights.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Change {
    /// The first owner takes a new device. Only the device itself signs this, having seen the proof of its claim link.
    Claim {
        /// The owner's key.
        key: PublicKey,
        /// What people call the owner.
        name: Label,
        /// The recovery key that the owner brings along.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        recovery: Option<PublicKey>,
    },
    /// The device gets a recovery key: kept in a drawer, it is no contact, changes rights, and outranks owners.
    SetRecovery {
        /// The key.
        key: PublicKey,
    },
    /// Somebody becomes a contact.
    Admit {
        /// The contact's key.
        key: PublicKey,
        /// What people call it.
        name: Label,
        /// What it is to the device.
        role: Role,
        /// What it may do besides.
        #[serde(default)]
        grants: Grants,
    },
    /// A contact gets other rights instead of those that it has.
    SetRights {
        /// The contact.
        contact: Thumbprint,
        /// What it is from now on.
        role: Role,
        /// What it may do besides.
        #[serde(default)]
        grants: Grants,
    },
    /// A contact gets another name.
    Rename {
        /// The contact.
        contact: Thumbprint,
        /// What people call it from now on.
        name: Label,
    },
    /// A contact is one no longer, and its key never again.
    Revoke {
        /// The contact.
        contact: Thumbprint,
    },
    /// Whoever proves the secret of an invitation link becomes a contact, once.
    Invite {
        /// The invitation.
        id: InvitationId,
        /// What proves the link's secret.
        secret_hash: SecretHash,
        /// What people will call the contact.
        name: Label,
        /// What it will be.
        role: Role,
        /// What it will be allowed besides.
        #[serde(default)]
        grants: Grants,
        /// When the invitation ends, in seconds since 1970.
        expires: i64,
    },
    /// An invitation counts no longer.
    Withdraw {
        /// The invitation.
        id: InvitationId,
    },
    /// The device was made anew out of a backup. Whoever is no owner is suspended until an owner gives them rights again, and
    /// open invitations end: what was changed after the backup is not known any more. Only the device itself signs this.
    Restore {
        /// Tells this making from any other out of the same backup.
        id: RestoreId,
        /// How often it was made out of one, this time included: more than it knew before.
        generation: u32,
        /// Keys that never count again, by the word of whoever restored it: of contacts, owners among them, and the recovery key.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        revoked: Vec<Thumbprint>,
    },
    /// An invitation was accepted, which binds this key. Only the device itself signs this, having seen the proof.
    Join {
        /// The invitation.
        id: InvitationId,
        /// The new contact's key.
        key: PublicKey,
        /// What people call it.
        name: Label,
    },
}
