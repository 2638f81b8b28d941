//! The device as a Thing, and all that a command needs to know of the device.
//!
//! `device` is no [`crate::things::Thing`]: what its properties say depends on who reads them. `describe` builds the
//! Thing Descriptions of one caller, `properties` answers reads, `entry` admits people, `change` applies what owners sign and
//! ends what they end, `pairing` keeps the one open secret.

mod change;
mod describe;
mod entry;
mod pairing;
mod properties;

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use streembit_keys::PrivateKey;
use streembit_peer::link::Secret;
use streembit_peer::message::Name;
use streembit_thing_descriptions::{Invalid, ThingModel, models};

use crate::access::Rights;
use crate::check::Point;
use crate::clock::Clock;
use crate::command::{Actions, Callers, Counts, LongAnswers, Watch};
use crate::journal::Journal;
use crate::security_log::SecurityLog;
use crate::things::Things;
pub(crate) use change::Alarm;
pub use pairing::{Admission, OPEN_FOR, Pairing};

/// The name of the device among its Things.
pub const NAME: &str = crate::access::DEVICE;

/// What the factory wrote on a device.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// Who made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manufacturer: Option<String>,
    /// What it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Which one it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
}

/// What a device is made of.
pub struct DeviceParts {
    /// The account's key.
    pub key: PrivateKey,
    /// What the factory wrote on it.
    pub identity: Identity,
    /// What its owner calls it.
    pub title: Option<String>,
    /// The version of the program.
    pub version: String,
    /// Where everything is recorded.
    pub journal: Arc<Journal>,
    /// The only clock.
    pub clock: Arc<Clock>,
    /// What it drives.
    pub things: Arc<Things>,
}

/// Who looks at everything, for the property `health`: the daemon, which knows more than the device does.
pub(crate) trait Checker: Send + Sync {
    /// Every point, by number.
    fn look(&self) -> Pin<Box<dyn Future<Output = Vec<Point>> + Send + '_>>;
}

/// The device.
pub struct Device {
    parts: DeviceParts,
    name: Name,
    model: ThingModel,
    started: Duration,
    callers: Arc<Callers>,
    actions: Arc<Actions>,
    long_answers: Arc<LongAnswers>,
    watch: Watch,
    pairing: Pairing,
    counts: Counts,
    security_log: SecurityLog,
    checker: OnceLock<Weak<dyn Checker>>,
    /// One change of rights at a time, each with all that follows from it.
    order: Arc<tokio::sync::Mutex<()>>,
}

impl Device {
    /// A device of these parts.
    pub fn new(parts: DeviceParts) -> Result<Self, Invalid> {
        let started = parts.clock.monotonic();
        let model = ThingModel::parse(models::DEVICE.as_bytes())?;
        let name = NAME.parse().map_err(|_| Invalid {
            pointer: String::new(),
            rule: "name".into(),
            detail: "the device's own name is one".to_owned(),
        })?;
        Ok(Self {
            parts,
            name,
            model,
            started,
            callers: Arc::default(),
            actions: Arc::default(),
            long_answers: Arc::default(),
            watch: Watch::default(),
            pairing: Pairing::default(),
            counts: Counts::default(),
            security_log: SecurityLog::default(),
            checker: OnceLock::new(),
            order: Arc::default(),
        })
    }

    /// Whether this command only looks, although it comes as an action: an action of the device's own, because no
    /// property takes an input. What a plugin says of its actions is never believed here.
    pub(crate) fn only_looks(thing: &str, affordance: Option<&str>) -> bool {
        thing == NAME && affordance == Some("readJournal")
    }

    /// The account's key.
    pub fn key(&self) -> &PrivateKey {
        &self.parts.key
    }

    /// The only clock.
    pub fn clock(&self) -> &Clock {
        &self.parts.clock
    }

    /// Where everything is recorded.
    pub fn journal(&self) -> &Journal {
        &self.parts.journal
    }

    /// Who may do what, now.
    pub fn rights(&self) -> Arc<Rights> {
        self.parts.journal.rights()
    }

    /// What it drives.
    pub fn things(&self) -> &Things {
        &self.parts.things
    }

    /// What the device itself can do.
    pub fn model(&self) -> &ThingModel {
        &self.model
    }

    /// All open sessions.
    pub fn callers(&self) -> &Arc<Callers> {
        &self.callers
    }

    /// The actions that run.
    pub fn actions(&self) -> &Arc<Actions> {
        &self.actions
    }

    /// The long answers that are on their way.
    pub(crate) fn long_answers(&self) -> &Arc<LongAnswers> {
        &self.long_answers
    }

    /// Who listens to the Things.
    pub fn watch(&self) -> &Watch {
        &self.watch
    }

    /// The open pairing.
    pub fn pairing(&self) -> &Pairing {
        &self.pairing
    }

    /// What commands came to.
    pub(crate) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Where the log is told what somebody tries.
    pub(crate) fn security_log(&self) -> &SecurityLog {
        &self.security_log
    }

    /// Says who looks at everything for `health`. Once: what is said later is not heard.
    pub(crate) fn set_checker(&self, checker: Weak<dyn Checker>) {
        let _ = self.checker.set(checker);
    }

    /// Opens a pairing: for ten minutes, or until somebody proves `secret`, whoever does becomes a contact. The first owner of a
    /// device that was never claimed is admitted as [`Role::Owner`](streembit_peer::rights::Role).
    pub fn open_pairing(&self, secret: &Secret, admission: Admission) {
        self.pairing.open(secret, admission, self.clock().monotonic());
    }

    /// Whether a stranger may come in to prove a secret.
    pub fn is_open_to_strangers(&self) -> bool {
        let now = self.clock().now();
        self.pairing.is_open(now.monotonic) || self.rights().is_inviting(now.trusted)
    }
}
