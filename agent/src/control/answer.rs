//! What the running agent answers, as the command line reads it again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use streembit_keys::Thumbprint;
use streembit_peer::network::{Address, PeerName};
use streembit_peer::rights::{Grants, InvitationId, Label, Role};

/// How the device is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The program's version.
    pub version: String,
    /// The device's key.
    pub device: Thumbprint,
    /// The short name that the whitepaper gives to it.
    pub account: String,
    /// What people call it.
    pub name: Option<Label>,
    /// Whether it has an owner.
    pub claimed: bool,
    /// Whether a pairing is open now.
    pub pairing_open: bool,
    /// Seconds since the agent's start.
    pub uptime: u64,
    /// The transport's name on the local network.
    pub peer: Option<PeerName>,
    /// Where the device can be dialled.
    pub addresses: Vec<Address>,
    /// Who vouches for the time: `ntp`, `owner`, `nobody`, `behind-floor`.
    pub clock: String,
    /// The time in seconds since 1970, where somebody vouches for it.
    pub time: Option<i64>,
    /// Open sessions.
    pub sessions: usize,
    /// Contacts.
    pub contacts: usize,
    /// Invitations that nobody accepted yet.
    pub invitations: usize,
    /// Each Thing: `running`, or why not.
    pub things: BTreeMap<String, String>,
    /// Where the journal stands.
    pub journal: JournalState,
    /// The config file.
    pub config: ConfigState,
}

/// Where the journal stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalState {
    /// `NUMBER:HASH`, to be kept elsewhere for `journal verify --against`.
    pub head: String,
    /// Why the last write failed, while nothing can be recorded.
    pub trouble: Option<String>,
}

/// What became of the config file since the start.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigState {
    /// What is wrong with the file as it is now; the settings before are in force.
    pub problem: Option<String>,
    /// Settings that the file has and that take effect at the next start.
    pub next_start: Vec<String>,
}

/// A link that was made.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct MadeLink {
    /// The link. It holds a secret.
    pub link: String,
    /// For how many seconds it counts.
    pub valid_for: u64,
    /// What its holder becomes.
    pub role: Role,
    /// The invitation's name, for taking it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invitation: Option<InvitationId>,
}

impl std::fmt::Debug for MadeLink {
    /// Without the link: it holds a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MadeLink")
            .field("role", &self.role)
            .field("invitation", &self.invitation)
            .finish_non_exhaustive()
    }
}

/// Somebody who was let in by their contact offer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Admitted {
    /// Its key.
    pub contact: Thumbprint,
    /// What people call it.
    pub name: Label,
    /// What it is.
    pub role: Role,
    /// Whether its owner told the fingerprint by another way. Until then, the key may be that of whoever carried the offer.
    pub verified: bool,
}

/// How it stands with a device's owners.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Owners {
    /// Nobody has taken it yet.
    NotYet,
    /// It has one or more.
    Some,
    /// It had, and the last one was revoked.
    NoMore,
}

impl Owners {
    /// What helps where the last owner was revoked. Nobody at the device makes another one: whoever holds it for a minute
    /// must not become its owner.
    pub const WAYS_OUT: &str = "Whoever claimed it has a recovery key: `streembit recovery use DEVICE --key FILE`. Without that, \
         `streembit-agent factory-reset` makes it a new device.";
}

/// Who may do what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct People {
    /// How it stands with owners.
    pub owners: Owners,
    /// The contacts.
    pub contacts: Vec<Contact>,
    /// Invitations that nobody accepted yet.
    pub invitations: Vec<Invitation>,
}

/// One contact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Contact {
    /// Its key.
    pub contact: Thumbprint,
    /// What people call it.
    pub name: Label,
    /// What it is.
    pub role: Role,
    /// What it may do besides.
    pub grants: Grants,
    /// It may nothing of that, until an owner confirms it: the device was restored from a backup.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub suspended: bool,
}

/// One invitation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Invitation {
    /// Its name.
    pub id: InvitationId,
    /// What people will call the contact.
    pub name: Label,
    /// What it will be.
    pub role: Role,
    /// Until when, in seconds since 1970.
    pub expires: i64,
}

/// What a check of the journal found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verification {
    /// Whether nothing is wrong, as far as can be proven.
    pub holds: bool,
    /// How many entries were checked.
    pub entries: u64,
    /// The first that is kept.
    pub first: u64,
    /// `NUMBER:HASH` of the last that the device signed, to be kept elsewhere.
    pub head: Option<String>,
    /// What is wrong.
    pub findings: Vec<String>,
    /// How many more things are wrong.
    pub more_findings: u64,
    /// Requests whose outcome is not there yet.
    pub unfinished: u64,
    /// What the check cannot say.
    pub cannot_prove: Vec<String>,
}

impl From<crate::journal::Report> for Verification {
    fn from(report: crate::journal::Report) -> Self {
        Self {
            holds: report.holds(),
            entries: report.entries,
            first: report.first,
            head: report.last.map(|last| crate::journal::KeptHead(last).to_string()),
            findings: report.findings.iter().map(ToString::to_string).collect(),
            more_findings: report.more_findings,
            unfinished: report.unfinished,
            cannot_prove: report.cannot_prove.iter().map(ToString::to_string).collect(),
        }
    }
}
