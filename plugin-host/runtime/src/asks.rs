//! Questions to the agent, and the answers that plugins wait for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use streembit_plugin_host::boundary::{Ask, FromHost, IoError, Reply};
use tokio::sync::oneshot;

use crate::outbox::Outbox;

/// The questions that are open.
#[derive(Clone)]
pub(crate) struct Asks(Arc<Shared>);

struct Shared {
    outbox: Arc<Outbox>,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    last: u64,
    answers: HashMap<u64, oneshot::Sender<Result<Reply, IoError>>>,
}

impl Asks {
    pub(crate) fn new(outbox: Arc<Outbox>) -> Self {
        Self(Arc::new(Shared { outbox, open: Mutex::default() }))
    }

    /// Asks for an instance and waits for the answer. An instance asks one thing at a time.
    pub(crate) async fn ask(&self, instance: u32, ask: Ask) -> Result<Reply, IoError> {
        let (answer, answered) = oneshot::channel();
        let id = {
            let mut open = self.0.open.lock().unwrap_or_else(PoisonError::into_inner);
            open.last += 1;
            let id = open.last;
            open.answers.insert(id, answer);
            id
        };
        self.0.outbox.send(&FromHost::Ask { instance, id, ask });
        answered.await.unwrap_or(Err(IoError::Disconnected))
    }

    /// The agent has answered. Whoever asked may be gone.
    pub(crate) fn answer(&self, id: u64, answer: Result<Reply, IoError>) {
        let mut open = self.0.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(waiting) = open.answers.remove(&id) {
            let _ = waiting.send(answer);
        }
    }
}
