//! The one SQLite file of the home folder.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};

use super::make_private;
use crate::error::{Failure, Outcome};

/// How long a command waits for another one's transaction, which takes milliseconds: then something is wrong.
const BUSY: Duration = Duration::from_secs(10);

/// The version of the tables below; a newer program's file is not touched by an older program.
const VERSION: i64 = 1;

const TABLES: &str = "
    CREATE TABLE device (
        name        TEXT PRIMARY KEY,
        key         TEXT NOT NULL UNIQUE,   -- the account's public key: compressed point, base64url
        addresses   TEXT NOT NULL,          -- JSON array of multiaddrs, the last good one first
        things      TEXT NOT NULL,          -- JSON array of Thing Descriptions, as last read
        role        TEXT,                   -- what the device said that we are to it
        paired      INTEGER NOT NULL,       -- seconds since 1970
        head_seq    INTEGER,                -- the newest journal head that it has shown
        head        TEXT,
        went_back   TEXT                    -- set once its journal was seen to lack or contradict that head
    ) STRICT;
    CREATE TABLE passcode (
        one         INTEGER PRIMARY KEY CHECK (one = 1),
        failed      INTEGER NOT NULL,       -- wrong ones in a row
        not_before  INTEGER NOT NULL        -- when the next may be tried, seconds since 1970
    ) STRICT;
    INSERT INTO passcode VALUES (1, 0, 0);
";

/// Opens the database, and makes its tables where there are none.
pub(super) fn open(path: &Path) -> Outcome<Connection> {
    // SQLite gives its journal files the mode of the database, so the database must exist with the right one first.
    make_private(path)?;
    open_tables(path).map_err(|e| broken(&format!("{}: {e}", path.display())))?.ok_or_else(|| {
        Failure::because(format!("{} was written by a newer version of this program.", path.display()))
            .or("Update this one.")
    })
}

fn open_tables(path: &Path) -> rusqlite::Result<Option<Connection>> {
    let mut db = Connection::open(path)?;
    db.busy_timeout(BUSY)?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    // A head that was kept must still be known after a power cut: it is the witness against the device's journal.
    db.pragma_update(None, "synchronous", "FULL")?;
    let version = |db: &Connection| db.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0));
    if version(&db)? == 0 {
        let making = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Another command may have made them while this one waited.
        if version(&making)? == 0 {
            making.execute_batch(TABLES)?;
            making.pragma_update(None, "user_version", VERSION)?;
        }
        making.commit()?;
    }
    Ok((version(&db)? <= VERSION).then_some(db))
}

/// A failure of the database.
pub(super) fn broken(why: &str) -> Failure {
    Failure::because(format!("Cannot use your contacts: {why}."))
}
