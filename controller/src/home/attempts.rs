//! Wrong passcodes in a row make the next try wait.
//!
//! It slows down whoever guesses through this program. Whoever can copy the key file guesses without it, and meets the
//! passcode rule and scrypt.

use rusqlite::Connection;

use super::database::broken;
use crate::clock;
use crate::error::{Exit, Failure, Outcome};

/// The wrong passcode with this number makes the next try wait: four seconds, then twice as long each time.
const PATIENCE: i64 = 3;

/// Longest wait: a person who has found the right note again should not have to come back tomorrow.
const MAX_WAIT: i64 = 60;

/// The count of wrong passcodes.
pub(super) struct Attempts(Connection);

impl Attempts {
    pub(super) fn open(db: Connection) -> Outcome<Self> {
        Ok(Self(db))
    }

    /// Counts the try as wrong before it is made, so that killing the program does not make it free.
    pub(super) fn begin(&self) -> Outcome<()> {
        let now = clock::unix_now();
        let changed = self
            .0
            .execute(
                // A wait longer than the longest one was made by a clock that has been set back since.
                "UPDATE passcode SET failed = failed + 1,
                     not_before = ?1 + CASE WHEN failed + 1 < ?2 THEN 0 ELSE MIN(?3, 4 << MIN(failed + 1 - ?2, 8)) END
                 WHERE not_before <= ?1 OR not_before > ?1 + ?3",
                (now, PATIENCE, MAX_WAIT),
            )
            .map_err(|e| broken(&e.to_string()))?;
        if changed == 1 {
            return Ok(());
        }
        let not_before: i64 = self
            .0
            .query_row("SELECT not_before FROM passcode", [], |row| row.get(0))
            .map_err(|e| broken(&e.to_string()))?;
        let wait = not_before.saturating_sub(now).max(1);
        Err(Failure::new(Exit::Refused, format!("Too many wrong passcodes: the next try is in {wait} s.")))
    }

    /// The passcode was right.
    pub(super) fn succeeded(&self) -> Outcome<()> {
        self.0
            .execute("UPDATE passcode SET failed = 0, not_before = 0", [])
            .map(|_| ())
            .map_err(|e| broken(&e.to_string()))
    }

    /// The passcode was wrong.
    pub(super) fn failed(&self, message: &str) -> Failure {
        let wait = self
            .0
            .query_row("SELECT not_before FROM passcode", [], |row| row.get::<_, i64>(0))
            .map_or(0, |not_before| not_before.saturating_sub(clock::unix_now()));
        let failure = Failure::invalid(message);
        if wait > 0 { failure.or(format!("The next try is in {wait} s.")) } else { failure }
    }
}
