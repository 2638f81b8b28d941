//! What can be asked on the control socket.

use serde::{Deserialize, Serialize};
use streembit_peer::offer::Fingerprint;
use streembit_peer::rights::{Grants, InvitationId, Label, Role, WeeklyHours};

/// One request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "call", content = "args", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Call {
    /// How the device is.
    Status,
    /// Whether all is well, point by point.
    Check,
    /// Opens a pairing and returns its link.
    Pair(PairArgs),
    /// Closes an open pairing.
    ClosePairing,
    /// The device's contact offer.
    Offer,
    /// Contacts and open invitations.
    Contacts,
    /// Makes an invitation and returns its link.
    Invite(InviteArgs),
    /// Lets somebody in by their contact offer.
    Admit(AdmitArgs),
    /// Ends an invitation that nobody accepted yet.
    Withdraw {
        /// Which.
        id: InvitationId,
    },
    /// A contact is one no longer.
    Revoke {
        /// Its name, or its thumbprint or the beginning of it.
        contact: String,
        /// Also where it is the last owner.
        last_owner: bool,
    },
    /// A page of the journal.
    Log {
        /// The first sequence number; without it, the newest page.
        from: Option<u64>,
        /// Most entries.
        limit: usize,
    },
    /// What was refused lately, the newest first, and why.
    Denials {
        /// Most of them.
        limit: usize,
    },
    /// Checks the whole journal.
    VerifyJournal {
        /// A head that the device once signed: finds what was cut off or rewritten since.
        against: Option<String>,
    },
    /// Reads the config file again.
    Reload,
}

/// What a pairing makes of whoever comes with its link.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PairArgs {
    /// The role. Without one: owner where the device has none.
    pub role: Option<Role>,
    /// What else it may do.
    pub grants: Grants,
}

/// An invitation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InviteArgs {
    /// What people will call the contact.
    pub name: Label,
    /// What it will be.
    pub role: Role,
    /// What it will be allowed besides.
    #[serde(default)]
    pub allow: Allowance,
    /// For how many seconds the invitation can be accepted.
    pub valid_for: u32,
}

/// Somebody to be let in by their contact offer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdmitArgs {
    /// The offer, with whatever came around it.
    pub offer: String,
    /// Its fingerprint, where its owner told it by another way.
    pub fingerprint: Option<Fingerprint>,
    /// What people will call the contact; without it, what the offer says.
    pub name: Option<Label>,
    /// What it will be.
    pub role: Role,
    /// What it will be allowed besides.
    #[serde(default)]
    pub allow: Allowance,
}

/// Rights as somebody typed them. Which operations they mean, the device knows: it has the Things.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Allowance {
    /// `THING/AFFORDANCE[:OPERATION,…]`, each.
    pub rights: Vec<String>,
    /// From when on, in seconds since 1970.
    pub not_before: Option<i64>,
    /// Until when, in seconds since 1970.
    pub not_after: Option<i64>,
    /// In which hours of the week.
    pub weekly: Vec<WeeklyHours>,
}
