//! The one SQLite file of the home folder.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};

use super::make_private;
use crate::error::{Failure, Outcome};

/// How long a command waits for another one's transaction, which takes milliseconds: then something is wrong.
const BUSY: Duration = Duration::from_secs(10);

/// What makes the tables, a step a version: the file of an older program gets the steps that it lacks, and that of a newer
/// one is not touched.
const STEPS: [&str; 3] = [TABLES, VERIFIED, GENERATION];
const VERSION: i64 = STEPS.len() as i64;

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

/// Whether a device's fingerprint came by another way than the device's key. Whoever was there before this column was met by a
/// link, which brings it.
const VERIFIED: &str =
    "ALTER TABLE device ADD COLUMN verified INTEGER NOT NULL DEFAULT 1 CHECK (verified IN (0, 1));";

/// How often the device was made anew out of a backup, as last seen; nothing where it was never asked. A program without this
/// column met none that was. `restored` is set until its person has been told of the last time.
const GENERATION: &str = "
    ALTER TABLE device ADD COLUMN generation INTEGER;
    ALTER TABLE device ADD COLUMN restored INTEGER NOT NULL DEFAULT 0 CHECK (restored IN (0, 1));
    UPDATE device SET generation = 0;
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
    if version(&db)? < VERSION {
        let making = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Another command may have made them while this one waited, a newer one even more of them.
        let made = version(&making)?;
        if made < VERSION {
            STEPS
                .iter()
                .skip(usize::try_from(made).unwrap_or(0))
                .try_for_each(|step| making.execute_batch(step))?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_an_older_program_gets_what_it_lacks_and_loses_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("contacts.db");
        let old = Connection::open(&path).unwrap();
        old.execute_batch(TABLES).unwrap();
        old.pragma_update(None, "user_version", 1).unwrap();
        old.execute(
            "INSERT INTO device (name, key, addresses, things, paired) VALUES ('garage', 'k', '[]', '[]', 7)",
            [],
        )
        .unwrap();
        drop(old);
        for _ in 0..2 {
            let db = open(&path).unwrap();
            let kept = db.query_row("SELECT name, paired, verified, generation FROM device", [], |row| {
                let generation = row.get::<_, Option<u32>>(3)?;
                Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?, row.get::<_, bool>(2)?, generation))
            });
            let wanted = ("garage".to_owned(), 7, true, Some(0));
            assert_eq!(kept, Ok(wanted), "it was paired by a link, and was never restored");
        }
    }

    #[test]
    fn a_file_of_a_newer_program_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("contacts.db");
        open(&path).unwrap().pragma_update(None, "user_version", VERSION + 1).unwrap();
        assert!(open(&path).unwrap_err().message.contains("newer version"));
    }
}
