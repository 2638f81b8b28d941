//! How a device becomes a contact: met by a link, or added by its offer.

use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior};
use streembit_keys::PublicKey;

use super::{Contacts, json, key_text, sql};
use crate::address::check_contact_name;
use crate::clock;
use crate::error::{Exit, Failure, Outcome};

/// A device to be added.
#[derive(Debug, Clone)]
pub struct NewContact {
    /// The name that it should have.
    pub name: String,
    /// Its account's public key.
    pub key: PublicKey,
    /// Where it was dialled, or says that it can be.
    pub addresses: Vec<String>,
    /// What it said that we are to it.
    pub role: Option<String>,
    /// Whether its fingerprint came by another way than its key.
    pub verified: bool,
    /// How often it was made anew out of a backup, where it was asked.
    pub generation: Option<u32>,
}

impl Contacts {
    /// Adds a device that was met, or brings a known one (the same key) up to date. Returns the name that it has: the
    /// wanted one, or the wanted one with a number where another device has that.
    pub fn add(&mut self, new: &NewContact) -> Outcome<String> {
        check_contact_name(&new.name).map_err(|why| Failure::invalid(format!("{why}.")))?;
        let adding = self.begin()?;
        let name = match name_of(&adding, &new.key)? {
            Some(name) => {
                adding
                    .execute(
                        "UPDATE device SET addresses = ?2, role = coalesce(?3, role), verified = max(verified, ?4)
                         WHERE key = ?1",
                        (key_text(&new.key), json(&new.addresses), &new.role, new.verified),
                    )
                    .map_err(sql)?;
                name
            }
            None => {
                let name = free_name(&adding, &new.name).map_err(sql)?;
                insert(&adding, &name, new)?;
                name
            }
        };
        adding.commit().map_err(sql)?;
        Ok(name)
    }

    /// Adds a device by its offer. It changes nothing that is there: an offer may come from anybody, so a known device
    /// does not move by it, and a second one of the same name is not told apart by a number alone.
    pub fn add_offered(&mut self, new: &NewContact) -> Outcome<()> {
        check_contact_name(&new.name).map_err(|why| Failure::usage(format!("{why}.")))?;
        let adding = self.begin()?;
        if let Some(name) = name_of(&adding, &new.key)? {
            return Err(Failure::new(
                Exit::Refused,
                format!("You have this device already: it is `{name}`."),
            )
            .or(format!(
                "`streembit contacts verify {name} FINGERPRINT` compares it; to add it anew: \
                     `streembit contacts forget {name}`."
            )));
        }
        if is_taken(&adding, &new.name).map_err(sql)? {
            return Err(Failure::new(Exit::Refused, format!("Another contact has the name `{}`.", new.name))
                .or("It is not the device of this offer. Choose another name: `--as NAME`."));
        }
        insert(&adding, &new.name, new)?;
        adding.commit().map_err(sql)
    }

    fn begin(&mut self) -> Outcome<Transaction<'_>> {
        self.0.transaction_with_behavior(TransactionBehavior::Immediate).map_err(sql)
    }
}

/// What the device with this key is called here.
fn name_of(db: &Connection, key: &PublicKey) -> Outcome<Option<String>> {
    db.query_row("SELECT name FROM device WHERE key = ?1", [key_text(key)], |row| row.get(0))
        .optional()
        .map_err(sql)
}

fn insert(db: &Connection, name: &str, new: &NewContact) -> Outcome<()> {
    db.execute(
        "INSERT INTO device (name, key, addresses, things, role, paired, verified, generation)
         VALUES (?1, ?2, ?3, '[]', ?4, ?5, ?6, ?7)",
        (
            name,
            key_text(&new.key),
            json(&new.addresses),
            &new.role,
            clock::unix_now(),
            new.verified,
            new.generation,
        ),
    )
    .map(|_| ())
    .map_err(sql)
}

fn is_taken(db: &Connection, name: &str) -> rusqlite::Result<bool> {
    db.prepare_cached("SELECT 1 FROM device WHERE name = ?1")?.exists([name])
}

/// The wanted name, or the first of `name-2`, `name-3`, … that nobody has.
fn free_name(db: &Connection, wanted: &str) -> rusqlite::Result<String> {
    if !is_taken(db, wanted)? {
        return Ok(wanted.to_owned());
    }
    // Five characters make room for the number within the longest name.
    let stem: String = wanted.chars().take(59).collect();
    let mut number = 2;
    loop {
        let name = format!("{stem}-{number}");
        if !is_taken(db, &name)? {
            return Ok(name);
        }
        number += 1;
    }
}
