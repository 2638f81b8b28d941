//! Changing who may do what on a device: read where its sequence stands, sign the next change, hand it over.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use streembit_keys::Thumbprint;
use streembit_peer::message::ProblemCode;
use streembit_peer::rights::{Change, ChangeHash, Grants, InvitationId};

use crate::desk::{Desk, TIMEOUT};
use crate::door::Ask;
use crate::error::{Exit, Failure, Outcome};

/// How often to begin anew where another owner's change came in between. Owners are few and change rights seldom.
const TRIES: usize = 4;

/// Where a device's rights stand, as far as this person may see them.
#[derive(Debug, Clone, Deserialize)]
pub struct Standing {
    /// The number of the last change.
    pub seq: u64,
    /// Its hash: what the next one names.
    pub head: ChangeHash,
    /// Who may do something.
    #[serde(default)]
    pub contacts: Vec<Member>,
    /// Who is invited and has not come yet.
    #[serde(default)]
    pub invitations: Vec<Invited>,
    /// The fingerprint of the recovery key, where there is one and this person may know.
    pub recovery: Option<Thumbprint>,
}

/// Somebody who may do something.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct Member {
    /// The fingerprint of their key.
    pub contact: Thumbprint,
    /// What the device calls them.
    pub name: String,
    /// What they are to it.
    pub role: String,
    /// What they may do besides.
    #[serde(default)]
    pub grants: Grants,
    /// They may nothing of that until an owner confirms them: the device was restored from a backup.
    #[serde(default)]
    pub suspended: bool,
}

/// Somebody who was invited.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct Invited {
    /// The invitation.
    pub id: InvitationId,
    /// What the device will call them.
    pub name: String,
    /// What they will be.
    pub role: String,
}

/// Reads where the rights stand.
pub async fn standing(desk: &Desk, device: &str) -> Outcome<Standing> {
    let value = desk.device_property(device, "rights", TIMEOUT).await?;
    serde_json::from_value(value).map_err(|e| {
        Failure::because(format!("{device} described its rights in an unknown way: {e}."))
            .or("Its program may be newer than this one.")
    })
}

/// Makes a change. `change` is asked again where another change came in between, with what then stands.
pub async fn change(
    desk: &Desk,
    device: &str,
    mut change: impl FnMut(&Standing) -> Outcome<Change>,
) -> Outcome<Value> {
    let mut standing = standing(desk, device).await?;
    for _ in 0..TRIES {
        let ask = Ask::SignChange {
            device: device.to_owned(),
            seq: standing.seq + 1,
            prev: standing.head,
            change: change(&standing)?,
        };
        let signed = desk.door().await?.text(ask).await?;
        match desk.device_action(device, "changeRights", json!({ "change": signed })).await {
            Ok(answered) => return Ok(answered.value),
            Err(failure) if failure.problem == Some(ProblemCode::Failed) => {
                let now = self::standing(desk, device).await?;
                if now.seq == standing.seq {
                    // Nothing came in between: it is the change itself that is not made.
                    return Err(Failure { exit: Exit::Refused, ..failure });
                }
                standing = now;
            }
            Err(failure) if failure.exit == Exit::Refused => return Err(not_an_owner(device)),
            Err(failure) => return Err(failure),
        }
    }
    Err(Failure::because(format!("Others keep changing the rights of {device} at the same time."))
        .or("Try again in a moment."))
}

fn not_an_owner(device: &str) -> Failure {
    Failure::new(Exit::Refused, format!("Only an owner of {device} can change who may use it."))
        .or("Ask one to do it.")
}
