//! Changes of rights, and all that follows from them.

use std::sync::Arc;

use serde_json::{Value, json};
use streembit_peer::message::{End, NotificationKind, Problem, ProblemCode, Receipt};
use streembit_peer::rights::Change;
use tokio::sync::OwnedMutexGuard;

use super::Device;
use super::pairing::Redeemed;
use crate::access::ChangeRefused;
use crate::command::{Caller, may_listen, offer};
use crate::journal::{NotRecorded, RightsError};

impl Device {
    /// Applies a change that an owner signed: `jws`, brought by `own`, a session that may be among those which end.
    ///
    /// When this returns, the change is durable and whatever it ends has ended: sessions, subscriptions and queued work of
    /// contacts that are no longer any, and subscriptions that the new rights do not cover. Whoever drops the future may
    /// have come too late: a change that was begun is made, with all that follows from it.
    pub async fn change_rights(
        self: &Arc<Self>,
        own: Option<&Arc<Caller>>,
        jws: &str,
    ) -> Result<Receipt, RightsError> {
        let (journal, jws) = (Arc::clone(&self.parts.journal), jws.to_owned());
        self.apply(own, async move { journal.change_rights(&jws).await }).await
    }

    /// Makes a change in the name of the owner at the device. The device signs it.
    pub async fn change_rights_here(self: &Arc<Self>, change: Change) -> Result<Receipt, RightsError> {
        let journal = Arc::clone(&self.parts.journal);
        self.apply(None, async move { journal.change_rights_here(change).await }).await
    }

    /// Admits whoever brought a secret to `own`. What the secret opened is used up with the change, and open again
    /// where none is made.
    pub(super) async fn admit(
        self: &Arc<Self>,
        own: &Arc<Caller>,
        change: Change,
        used: Option<Redeemed>,
    ) -> Result<Receipt, RightsError> {
        let journal = Arc::clone(&self.parts.journal);
        let change = async move {
            let receipt = journal.change_rights_here(change).await?;
            if let Some(used) = used {
                used.for_good();
            }
            Ok(receipt)
        };
        self.apply(Some(own), change).await
    }

    /// Makes a change, when its turn comes, and sees to all that follows from it.
    ///
    /// From its turn on it has a task of its own: a session that is cut or a control client that is gone must not take
    /// with it the end of what was revoked.
    async fn apply(
        self: &Arc<Self>,
        own: Option<&Arc<Caller>>,
        change: impl Future<Output = Result<Receipt, RightsError>> + Send + 'static,
    ) -> Result<Receipt, RightsError> {
        let order = self.in_order(own).await?;
        let (device, own) = (Arc::clone(self), own.map(Arc::clone));
        let made = tokio::spawn(async move {
            let _order = order;
            crate::failpoint!("rights-before");
            let receipt = change.await?;
            device.follow(own.as_deref()).await;
            Ok(receipt)
        });
        // It does not end by itself: then the whole process does.
        made.await.unwrap_or_else(|error| Err(NotRecorded::Storage(error.to_string()).into()))
    }

    /// Waits for its turn. A session that is cut meanwhile has none: whoever cuts it waits for it to end.
    async fn in_order(&self, own: Option<&Arc<Caller>>) -> Result<OwnedMutexGuard<()>, RightsError> {
        let order = Arc::clone(&self.order).lock_owned();
        let Some(own) = own else { return Ok(order.await) };
        tokio::select! {
            biased;
            () = own.ended().cancelled() => Err(ChangeRefused::NotAllowed("the session has ended").into()),
            order = order => Ok(order),
        }
    }

    /// The rights have changed, on disk and here. What they no longer cover ends now.
    async fn follow(&self, own: Option<&Caller>) {
        crate::failpoint!("rights-recorded");
        let rights = self.rights();
        self.callers()
            .cut(own, |caller| {
                // A stranger who is pairing is no contact yet, and stays; so does the recovery key, which never is one.
                let stranger = caller.first_contact() && !rights.is_revoked(caller.contact());
                rights.key_of(caller.contact()).is_none() && !stranger
            })
            .await;
        crate::failpoint!("rights-cut");
        let now = self.clock().now();
        for caller in self.callers().all() {
            caller.outbox().retain(End::Revoked, |topic| may_listen(&rights, caller.contact(), topic, now));
        }
        let data = json!({ "seq": rights.seq(), "head": rights.head() });
        self.tell("contactsChanged", data);
    }

    /// Tells owners who listen of something that they should know.
    pub(crate) fn alarm(&self, what: Alarm, caller: &Caller) {
        self.counts().alarm(what.as_str());
        let data =
            json!({ "what": what.as_str(), "contact": caller.contact(), "source": &**caller.source() });
        self.tell("securityEvent", data);
    }

    /// Tells whoever subscribed to an event of the device.
    pub(crate) fn tell(&self, event: &str, data: Value) {
        offer(self, NotificationKind::Event, &self.name, event, Some(&data.into()));
    }
}

/// What an owner should know of. Each of them ends a session or is slowed by its source, so there is no flood of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Alarm {
    /// A session brought a message that its other side did not sign for it.
    HostileMessage,
    /// Somebody tried to pair, or to join, without knowing the secret.
    WrongSecret,
}

impl Alarm {
    /// Its name in the event.
    const fn as_str(self) -> &'static str {
        match self {
            Self::HostileMessage => "hostile-message",
            Self::WrongSecret => "wrong-secret",
        }
    }
}

/// What the caller of `changeRights`, `pair` or `join` hears.
pub(super) fn problem(error: &RightsError) -> Problem {
    let code = match error {
        RightsError::Refused(ChangeRefused::Clock) => ProblemCode::Clock,
        RightsError::Refused(_) => ProblemCode::Failed,
        RightsError::NotRecorded(NotRecorded::Storage(_)) => ProblemCode::NotRecorded,
        RightsError::NotRecorded(_) => ProblemCode::Busy,
    };
    Problem::because(code, error.to_string())
}
