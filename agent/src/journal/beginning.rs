//! What a journal that is not there yet begins with.
//!
//! A journal is never copied: two of them would go on from the same head. What goes from one to another is an [`Extract`],
//! taken beside the writer in one look, and the new journal goes on from there as if everything before had been cut for age.
//! It lies in a file beside the database until the first start has made it part of the journal, in one transaction. The
//! floors are in it alone where a factory reset leaves nothing else.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use streembit_keys::files::read_regular;
use streembit_keys::{PublicKey, Thumbprint};
use streembit_peer::message::CallId;

use super::answers::MAX_ALL;
use super::{ReadError, Standing, schema, verify};
use crate::access::Rights;

/// The longest beginning that is read. Each change of rights has some 600 bytes and at most 64 KiB, and the calls take 12 MiB at
/// most, so there is room for some 35,000 changes. They are never made fewer: a device that changes rights every hour comes to
/// this bound after four years, and says so from half of it on (`daemon/check.rs`).
pub const MAX_BEGINNING: u64 = 32 << 20;

/// The most calls of an extract: all that are kept, and as many that have expired and are not removed yet.
const MAX_CALLS: usize = 2 * MAX_ALL;

/// What a journal takes over from others.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Beginning {
    /// What does not go down on this machine.
    #[serde(default)]
    pub floors: Floors,
    /// The journal that it goes on from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Extract>,
    /// Keys of that journal's rights that count no longer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revoked: Vec<Thumbprint>,
}

/// What no factory reset and no backup takes down.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Floors {
    /// No time before this one is ever trusted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<i64>,
    /// How often a device on this machine was made anew out of a backup, at most: the next one is so more often.
    #[serde(default)]
    pub generation: u32,
}

impl Floors {
    /// The higher ones of both.
    pub fn max(self, other: Self) -> Self {
        Self { clock: self.clock.max(other.clock), generation: self.generation.max(other.generation) }
    }
}

/// What of a journal goes on in another one: all but its entries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Extract {
    /// The device's word about where the journal stood.
    pub standing: String,
    /// All changes of rights as they were signed, in order.
    pub changes: Vec<String>,
    /// The calls whose requests may not have expired. None of them is ever begun again.
    pub calls: Vec<SeenCall>,
    /// The floor of its clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub floor: Option<i64>,
}

/// A call that was begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeenCall {
    /// Whose it is.
    pub contact: Thumbprint,
    /// Its caller's name for it.
    pub call: CallId,
    /// What makes two requests the same call, in base64url.
    pub content: String,
}

impl SeenCall {
    /// What makes two requests the same call.
    pub(super) fn content(&self) -> Option<[u8; 32]> {
        URL_SAFE_NO_PAD.decode(&self.content).ok()?.try_into().ok()
    }
}

impl Beginning {
    /// The beginning that lies beside a database, where one does.
    pub fn read(database: &Path) -> Result<Option<Self>, String> {
        let path = Self::path(database);
        // Root reads it in the folder of the service's user.
        match read_regular(&path, MAX_BEGINNING) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map(Some)
                .map_err(|error| format!("{}: {error}", path.display())),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }

    /// What no floor that is known here lies above.
    pub(super) fn all_floors(&self) -> Floors {
        let clock = self.from.as_ref().and_then(|from| from.floor);
        self.floors.max(Floors { clock, generation: 0 })
    }

    /// Where it lies.
    pub fn path(database: &Path) -> PathBuf {
        schema::beside(database, "-beginning")
    }

    /// Removes what has become part of the journal.
    pub(super) fn remove(database: &Path) -> std::io::Result<()> {
        match std::fs::remove_file(Self::path(database)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

impl Extract {
    /// Checks that this is what the device signed, and returns where it stood and who might do what then.
    pub fn check(&self, device: &PublicKey) -> Result<(Standing, Rights), String> {
        if self.calls.len() > MAX_CALLS {
            return Err("more calls than a device keeps".to_owned());
        }
        if self.calls.iter().any(|call| call.content().is_none()) {
            return Err("a call without its content".to_owned());
        }
        let standing = Standing::verify(&self.standing, device).map_err(|error| error.to_string())?;
        let rights = verify::rights_hold(self.changes.iter().map(String::as_str), device, &standing)?;
        Ok((standing, rights))
    }
}

/// Takes the extract of a device's journal, also while an agent writes to it.
///
/// What does not hold is refused: nobody should find out only when a backup is needed.
pub fn extract(database: &Path, device: &PublicKey) -> Result<Extract, ReadError> {
    if !schema::is_there(database) {
        return Err(ReadError(format!("{}: no such file", database.display())));
    }
    let connection = schema::open_for_reading(database)?;
    if !schema::has_tables(&connection)? {
        return Err(ReadError("nothing was ever signed for".to_owned()));
    }
    // One look: what it reads belongs together, however much is written meanwhile.
    connection.execute_batch("BEGIN")?;
    let standing: Option<String> = schema::fact(&connection, "standing")?;
    let changes = verify::changes(&connection)?.into_iter().map(|(_, change)| change).collect();
    let calls = connection
        .prepare("SELECT contact, call, content FROM answers")?
        .query_map([], |row| {
            Ok(SeenCall {
                contact: Thumbprint::from_bytes(row.get(0)?),
                call: CallId::from_bytes(row.get(1)?),
                content: URL_SAFE_NO_PAD.encode(row.get::<_, [u8; 32]>(2)?),
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    let floor = schema::fact(&connection, "floor")?;
    connection.execute_batch("COMMIT")?;
    let standing = standing.ok_or_else(|| ReadError("nothing was ever signed for".to_owned()))?;
    let extract = Extract { standing, changes, calls, floor };
    extract.check(device).map_err(ReadError)?;
    Ok(extract)
}

/// The floors that a device keeps, in its journal or in what that begins with: for whatever wipes all but those. `Err` where
/// they cannot be read, so that nobody gets rid of them by damaging a file.
pub fn read_floors(database: &Path) -> Result<Floors, ReadError> {
    let handed_over = Beginning::read(database).map_err(ReadError)?.unwrap_or_default().all_floors();
    if !schema::is_there(database) {
        return Ok(handed_over);
    }
    let connection = schema::open_for_reading(database)?;
    if !schema::has_tables(&connection)? {
        return Ok(handed_over);
    }
    let clock = schema::fact(&connection, "floor")?;
    let generation = schema::fact(&connection, "generation")?.unwrap_or_default();
    Ok(handed_over.max(Floors { clock, generation }))
}

/// Whether a journal knows of nobody: no owner ever came, and nobody was let in. `Err` where it cannot be said.
pub fn knows_nobody(database: &Path) -> Result<bool, ReadError> {
    if Beginning::read(database).map_err(ReadError)?.is_some_and(|beginning| beginning.from.is_some()) {
        return Ok(false);
    }
    if !schema::is_there(database) {
        return Ok(true);
    }
    let connection = schema::open_for_reading(database)?;
    let has_tables = schema::has_tables(&connection)?;
    let device: Option<String> = if has_tables { schema::fact(&connection, "device")? } else { None };
    if device.is_none() && schema::version(&connection)? == schema::RESTORED {
        return Err(ReadError(schema::NO_BEGINNING.to_owned()));
    }
    let query = "SELECT NOT EXISTS (SELECT 1 FROM rights)";
    Ok(!has_tables || connection.query_row(query, [], |row| row.get(0))?)
}
