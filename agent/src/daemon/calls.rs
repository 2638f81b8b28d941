//! Which part answers which call on the control socket.

use std::future::Future;
use std::pin::Pin;
use std::str::FromStr as _;

use serde::Serialize;
use serde_json::{Value, json};
use streembit_keys::Thumbprint;

use super::Core;
use crate::access::Contact;
use crate::control::answer::Verification;
use crate::control::{Call, Failure, Handler, Reply};
use crate::journal::{KeptHead, MAX_PAGE, Page};

impl Handler for Core {
    fn answer(&self, call: Call) -> Pin<Box<dyn Future<Output = Reply> + Send + '_>> {
        Box::pin(async move {
            match call {
                Call::Status => value(&self.status()),
                Call::Check => value(&self.check().await),
                Call::Pair(args) => value(&self.pair(args)?),
                Call::ClosePairing => {
                    self.device.pairing().close();
                    Ok(json!({ "closed": true }))
                }
                Call::Offer => self.offer(),
                Call::Contacts => value(&self.people()),
                Call::Invite(args) => value(&self.invite(args).await?),
                Call::Admit(args) => value(&self.admit(args).await?),
                Call::Withdraw { id } => self.withdraw(id).await,
                Call::Revoke { contact, last_owner } => self.revoke(&contact, last_owner).await,
                Call::Log { from, limit } => self.log(from, limit).await,
                Call::Denials { limit } => self.denials(limit).await,
                Call::VerifyJournal { against } => self.verify_journal(against).await,
                Call::Reload => {
                    self.ask_to_reload();
                    Ok(json!({ "asked": true }))
                }
            }
        })
    }
}

fn value(answer: &impl Serialize) -> Reply {
    serde_json::to_value(answer).map_err(Failure::failed)
}

impl Core {
    async fn log(&self, from: Option<u64>, limit: usize) -> Reply {
        let journal = self.device.journal();
        let limit = limit.clamp(1, MAX_PAGE);
        // What was read within the last seconds is part of the newest page.
        if from.is_none() {
            journal.flush().await.map_err(Failure::failed)?;
        }
        let page = from.map_or(Page::Newest, Page::From);
        let entries = journal.page(page, limit).await.map_err(Failure::failed)?;
        let head = KeptHead(journal.head()).to_string();
        Ok(json!({ "entries": entries, "head": head, "names": self.names() }))
    }

    async fn denials(&self, limit: usize) -> Reply {
        let journal = self.device.journal();
        journal.flush().await.map_err(Failure::failed)?;
        let denials = journal.denials(limit.clamp(1, MAX_PAGE)).await.map_err(Failure::failed)?;
        Ok(json!({ "denials": denials, "names": self.names() }))
    }

    /// What contacts are called.
    fn names(&self) -> serde_json::Map<String, Value> {
        let rights = self.device.rights();
        let named =
            |(who, contact): (&Thumbprint, &Contact)| (who.to_string(), contact.name.to_string().into());
        rights.contacts().map(named).collect()
    }

    async fn verify_journal(&self, against: Option<String>) -> Reply {
        let against = against.as_deref().map(KeptHead::from_str).transpose().map_err(Failure::invalid)?;
        let journal = self.device.journal();
        journal.flush().await.map_err(Failure::failed)?;
        let report = journal.verify(against.map(|kept| kept.0)).await.map_err(Failure::failed)?;
        value(&Verification::from(report))
    }
}
