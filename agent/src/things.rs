//! What the command pipeline dispatches to: a Thing, whoever drives it.
//!
//! A Thing is never told who calls: that question ends at `command::authorize`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use serde_json::Value;
use streembit_thing_descriptions::ThingModel;
use tokio::sync::{broadcast, oneshot};

use crate::journal::Mark;
use crate::json_text::JsonText;

/// How a Thing's answer comes back.
pub type Answer<'a, T> = std::pin::Pin<Box<dyn Future<Output = Result<T, Fault>> + Send + 'a>>;

/// One Thing on this device: a plugin instance, or a native stand-in for one.
///
/// Values were checked against the affordance's DataSchema before they get here, and what comes back is checked again
/// by the caller.
///
/// The future of a call is dropped when its time is over or its caller's rights have ended. What has not begun by then must
/// never begin; what has begun may come to its end, and nobody waits for it.
pub trait Thing: Send + Sync {
    /// What the Thing is: affordances, data schemas, title, semantic types.
    fn model(&self) -> &ThingModel;

    /// Whether it can be used now, for its TD and for `status`.
    fn health(&self) -> Health;

    /// The value of a property.
    fn read_property<'a>(&'a self, name: &'a str) -> Answer<'a, Value>;

    /// Whether it touches the mark of a call just before it moves something in its name. Where it does not, a call counts
    /// as having moved something from when it is handed over.
    fn marks(&self) -> bool {
        false
    }

    /// Changes a property.
    fn write_property<'a>(&'a self, name: &'a str, value: Value, mark: Mark) -> Answer<'a, ()>;

    /// Starts an action. `call.deadline` bounds how long the caller waits, not how long the action may run.
    fn invoke_action<'a>(
        &'a self,
        name: &'a str,
        input: Option<Value>,
        call: Invocation,
    ) -> Answer<'a, Completion>;

    /// Asks a pending action to end. Its end is still told by its [`ActionEnd`].
    fn cancel_action(&self, invocation: u64) -> Answer<'_, ()>;

    /// What happens on the Thing from now on. A receiver that is too slow learns how many it missed.
    fn notices(&self) -> broadcast::Receiver<Notice>;
}

/// One call of an action.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// Unique on this device since its start; names the call in [`Thing::cancel_action`].
    pub id: u64,
    /// How long the caller waits for the first answer.
    pub deadline: Duration,
    /// To be touched before something moves.
    pub mark: Mark,
    /// Where its end is told, if it runs on.
    pub end: ActionEnd,
}

/// How an action that ran on has ended.
pub type ActionOutcome = Result<Option<Value>, Fault>;

/// Tells how an action that ran on has ended.
///
/// Each call has its own, so that nothing crowds it out: a [`Notice`] is lost where more comes than is heard, and an end that
/// is lost would leave its action running for ever. Where the last clone is dropped untold, the outcome is unknown.
#[derive(Debug, Clone)]
pub struct ActionEnd(Arc<Mutex<Option<oneshot::Sender<ActionOutcome>>>>);

impl ActionEnd {
    /// Both ends.
    pub fn new() -> (Self, oneshot::Receiver<ActionOutcome>) {
        let (sender, receiver) = oneshot::channel();
        (Self(Arc::new(Mutex::new(Some(sender)))), receiver)
    }

    /// Tells it. Of two ends the first counts.
    pub fn tell(&self, outcome: ActionOutcome) {
        if let Some(sender) = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take() {
            // Nobody waits for the end of an action that was answered at once or given up.
            let _ = sender.send(outcome);
        }
    }
}

/// What an action answers.
#[derive(Debug, Clone, PartialEq)]
pub enum Completion {
    /// It is done.
    Done(Option<Value>),
    /// It runs on; the end comes by its [`ActionEnd`].
    Pending,
}

/// Something that happened on a Thing.
#[derive(Debug, Clone)]
pub enum Notice {
    /// A property has a new value.
    PropertyChanged {
        /// The property.
        name: Arc<str>,
        /// Its new value.
        value: JsonText,
    },
    /// An event happened.
    Event {
        /// The event.
        name: Arc<str>,
        /// Its data, where it has any.
        data: Option<JsonText>,
    },
}

/// Why a Thing could not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It cannot take more work now.
    #[error("busy: {0}")]
    Busy(String),
    /// The Thing refuses this value although the schema allows it.
    #[error("invalid value: {0}")]
    InvalidValue(String),
    /// No answer in time. What was asked may have happened all the same.
    #[error("timed out: {0}")]
    TimedOut(String),
    /// The plugin is stopped, starting or broken.
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// The hardware, or the plugin, says that it failed.
    #[error("failed: {0}")]
    Failed(String),
    /// The plugin ended in the middle of the call: what was asked may have happened.
    #[error("outcome unknown: {0}")]
    OutcomeUnknown(String),
}

/// Whether a Thing can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// It answers.
    Running,
    /// It does not, and why.
    Down(String),
}

/// Every Thing on the device by its name.
#[derive(Default)]
pub struct Things(RwLock<BTreeMap<String, Arc<dyn Thing>>>);

impl Things {
    /// The Thing of that name.
    pub fn get(&self, name: &str) -> Option<Arc<dyn Thing>> {
        self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner).get(name).cloned()
    }

    /// Adds a Thing, or replaces the one of that name.
    pub fn put(&self, name: String, thing: Arc<dyn Thing>) {
        self.0.write().unwrap_or_else(std::sync::PoisonError::into_inner).insert(name, thing);
    }

    /// Takes a Thing away.
    pub fn remove(&self, name: &str) {
        self.0.write().unwrap_or_else(std::sync::PoisonError::into_inner).remove(name);
    }

    /// All of them, by name.
    pub fn all(&self) -> Vec<(String, Arc<dyn Thing>)> {
        let things = self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        things.iter().map(|(name, thing)| (name.clone(), Arc::clone(thing))).collect()
    }
}
