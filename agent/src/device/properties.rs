//! What the device says of itself, and what it does itself.

use std::sync::{Arc, Weak};

use serde_json::{Map, Value, json};
use streembit_peer::message::{Problem, ProblemCode, Request};

use super::Device;
use crate::access::Contact;
use crate::clock::Witness;
use crate::command::Caller;
use crate::things::Health;

/// Entries of the journal in one answer. With the request and the change that an entry may hold, so many are well below the
/// limit of an answer.
const MAX_ENTRIES: usize = 64;

impl Device {
    /// A property, as this caller may see it.
    pub(crate) async fn read_property(&self, caller: &Caller, name: &str) -> Result<Value, Problem> {
        match name {
            "health" => Ok(self.health().await),
            "status" => Ok(self.status(caller)),
            "version" => Ok(json!(self.parts.version)),
            "identity" => Ok(json!(self.parts.identity)),
            "journalHead" => Ok(self.journal_head()),
            "things" => Ok(self.describe_all(caller)),
            "rights" => Ok(self.rights_for(caller)),
            _ => Err(Problem::new(ProblemCode::Refused)),
        }
    }

    /// An action of the device itself.
    pub(crate) async fn act(
        self: &Arc<Self>,
        caller: &Arc<Caller>,
        request: &Request,
    ) -> Result<Value, Problem> {
        match request.affordance.as_deref() {
            Some("pair") => self.pair(caller, request).await,
            Some("join") => self.join(caller, request).await,
            Some("changeRights") => self.change_rights_by_request(caller, request).await,
            Some("readJournal") => self.read_journal(request).await,
            _ => Err(Problem::new(ProblemCode::Refused)),
        }
    }

    fn status(&self, caller: &Caller) -> Value {
        let now = self.clock().now();
        let clock = match self.clock().witness() {
            Witness::Ntp => "ntp",
            Witness::Owner => "owner",
            Witness::Nobody => "nobody",
            Witness::BehindFloor => "behind-floor",
        };
        let mut things = Map::new();
        for (name, thing) in self.things().all() {
            if self.may_see(caller, &name, thing.model()) {
                let health = match thing.health() {
                    Health::Running => "running".to_owned(),
                    Health::Down(why) => why,
                };
                things.insert(name, health.into());
            }
        }
        let mut status = json!({
            "uptime": now.monotonic.saturating_sub(self.started).as_secs(),
            "clock": clock,
            "sessions": self.callers().count(),
            "things": things,
        });
        if let Some(time) = now.trusted {
            status["time"] = json!(time.unix());
        }
        status
    }

    /// Every point that the running agent looks at. A device without an agent around it has none.
    async fn health(&self) -> Value {
        match self.checker.get().and_then(Weak::upgrade) {
            Some(checker) => json!(checker.look().await),
            None => json!([]),
        }
    }

    fn journal_head(&self) -> Value {
        let head = self.journal().head();
        json!({ "seq": head.seq, "head": head.head, "signed": &*self.journal().signed_head() })
    }

    /// An owner sees everybody, everybody else sees themselves: who else may come into a house is not a guest's business.
    fn rights_for(&self, caller: &Caller) -> Value {
        let rights = self.rights();
        let own = caller.contact();
        let all = rights.may_change_rights(own);
        let contacts: Vec<_> = rights
            .contacts()
            .filter(|(who, _)| all || *who == own)
            .map(|(_, contact)| shown(contact))
            .collect();
        let invitations: Vec<_> = rights
            .invitations()
            .filter(|_| all)
            .map(|(id, invitation)| {
                let crate::access::Invitation { name, role, grants, expires, by, .. } = invitation;
                json!({ "id": id, "name": name, "role": role, "grants": grants, "expires": expires, "by": by })
            })
            .collect();
        let mut shown = json!({ "seq": rights.seq(), "head": rights.head(), "contacts": contacts, "invitations": invitations });
        if rights.generation() > 0 {
            shown["generation"] = json!(rights.generation());
        }
        if let Some(recovery) = rights.recovery().filter(|_| all) {
            shown["recovery"] = json!(recovery.thumbprint());
        }
        shown
    }

    async fn change_rights_by_request(
        self: &Arc<Self>,
        caller: &Arc<Caller>,
        request: &Request,
    ) -> Result<Value, Problem> {
        let change = request.input.as_ref().and_then(|input| input.get("change")).and_then(Value::as_str);
        let change = change.ok_or(Problem::new(ProblemCode::InvalidInput))?;
        self.change_rights(Some(caller), change).await.map_err(|error| super::change::problem(&error))?;
        let rights = self.rights();
        Ok(json!({ "seq": rights.seq(), "head": rights.head() }))
    }

    async fn read_journal(&self, request: &Request) -> Result<Value, Problem> {
        let number = |name| request.input.as_ref().and_then(|input| input.get(name)).and_then(Value::as_u64);
        let limit = number("limit").and_then(|limit| usize::try_from(limit).ok()).unwrap_or(MAX_ENTRIES);
        let from = number("from").unwrap_or(1);
        let entries = self.journal().read(from, limit.min(MAX_ENTRIES)).await;
        let entries = entries.map_err(|error| Problem::because(ProblemCode::Failed, error.to_string()))?;
        Ok(json!({ "entries": entries, "head": self.journal_head() }))
    }
}

fn shown(contact: &Contact) -> Value {
    let Contact { key, name, role, grants, suspended } = contact;
    let mut shown =
        json!({ "key": key, "contact": key.thumbprint(), "name": name, "role": role, "grants": grants });
    if *suspended {
        shown["suspended"] = json!(true);
    }
    shown
}
