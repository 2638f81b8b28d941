//! The devices that this person knows.

mod add;
mod witness;

use rusqlite::{Connection, OptionalExtension as _, Row, ToSql};
use serde::Serialize;
use serde_json::Value;
use streembit_keys::PublicKey;

use super::database::broken;
use crate::address::{self, check_contact_name};
use crate::directory::{DeviceListing, Directory, ThingListing};
use crate::error::{Failure, Outcome};

pub use add::NewContact;
pub use witness::{Head, HeadCheck};

/// A device. What it offers is not in here: a gateway's Things take megabytes, and most calls need only where it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Contact {
    /// Its name here.
    pub name: String,
    /// Its account's public key, which is what it is.
    pub key: PublicKey,
    /// Where to dial it: the last good address first.
    pub addresses: Vec<String>,
    /// What it said that we are to it.
    pub role: Option<String>,
    /// Since when it is a contact, in seconds since 1970.
    pub paired: i64,
    /// The newest journal head that it has shown.
    pub head: Option<Head>,
    /// What was seen, once its journal was seen to lack or contradict such a head.
    pub went_back: Option<String>,
    /// Whether its fingerprint came by another way than its key: with a link, or because somebody compared it.
    pub verified: bool,
    /// How often it was made anew out of a backup, as it last said; none where it was never asked.
    pub generation: Option<u32>,
    /// That it was, and this person has not been told yet.
    pub restored: bool,
}

#[cfg(test)]
impl Contact {
    /// A device of which no more is known than its name and its key.
    pub(crate) fn of(name: &str, key: PublicKey) -> Self {
        Self {
            name: name.to_owned(),
            key,
            addresses: Vec::new(),
            role: None,
            paired: 0,
            head: None,
            went_back: None,
            verified: true,
            generation: None,
            restored: false,
        }
    }
}

/// The contacts' database. Every method is one transaction, so that commands may run at the same time.
#[derive(Debug)]
pub struct Contacts(Connection);

const COLUMNS: &str =
    "name, key, addresses, role, paired, head_seq, head, went_back, verified, generation, restored";

impl Contacts {
    pub(super) fn open(db: Connection) -> Outcome<Self> {
        Ok(Self(db))
    }

    /// All of them, by name.
    pub fn all(&self) -> Outcome<Vec<Contact>> {
        let mut query =
            self.0.prepare_cached(&format!("SELECT {COLUMNS} FROM device ORDER BY name")).map_err(sql)?;
        let rows = query.query_map([], read).map_err(sql)?;
        rows.collect::<Result<Vec<_>, _>>().map_err(sql)
    }

    /// The one of that name.
    pub fn get(&self, name: &str) -> Outcome<Contact> {
        let found = self
            .0
            .query_row(&format!("SELECT {COLUMNS} FROM device WHERE name = ?1"), [name], read)
            .optional()
            .map_err(sql)?;
        match found {
            Some(contact) => Ok(contact),
            None => Err(address::unknown_device(name, &self.names()?)),
        }
    }

    /// The one that was named, or the only one there is.
    pub fn one(&self, name: Option<&str>) -> Outcome<Contact> {
        if let Some(name) = name {
            return self.get(name);
        }
        let mut names = self.names()?;
        match (names.len(), names.pop()) {
            (1, Some(only)) => self.get(&only),
            (0, _) | (_, None) => Err(address::no_device()),
            (_, Some(last)) => {
                names.push(last);
                Err(Failure::usage("Which device? You have these:").among(names).or("Name one of them."))
            }
        }
    }

    /// Their names.
    pub fn names(&self) -> Outcome<Vec<String>> {
        let mut query = self.0.prepare_cached("SELECT name FROM device ORDER BY name").map_err(sql)?;
        let rows = query.query_map([], |row| row.get(0)).map_err(sql)?;
        rows.collect::<Result<Vec<_>, _>>().map_err(sql)
    }

    /// Gives a device another name.
    pub fn rename(&self, from: &str, to: &str) -> Outcome<()> {
        check_contact_name(to).map_err(|why| Failure::usage(format!("{why}.")))?;
        self.get(from)?;
        match self.0.execute("UPDATE device SET name = ?2 WHERE name = ?1", (from, to)) {
            Ok(_) => Ok(()),
            Err(rusqlite::Error::SqliteFailure(e, _))
                if e.code == rusqlite::ErrorCode::ConstraintViolation =>
            {
                Err(Failure::usage(format!("Another contact has the name `{to}`.")))
            }
            Err(error) => Err(sql(error)),
        }
    }

    /// Keeps that somebody has compared the device's fingerprint.
    pub fn verified(&self, key: &PublicKey) -> Outcome<()> {
        self.update("verified", key, true)
    }

    /// Forgets a device. It does not forget this person: only an owner's `revoke` on the device does that.
    pub fn forget(&self, name: &str) -> Outcome<()> {
        self.get(name)?;
        self.0.execute("DELETE FROM device WHERE name = ?1", [name]).map(|_| ()).map_err(sql)
    }

    /// The descriptions of a device's Things, as last read.
    pub fn things(&self, key: &PublicKey) -> Outcome<Vec<Value>> {
        let query = "SELECT things FROM device WHERE key = ?1";
        let found = self.0.query_row(query, [key_text(key)], |row| array(row, 0)).optional();
        Ok(found.map_err(sql)?.unwrap_or_default())
    }

    /// What a device offers, as last read.
    pub fn listing(&self, contact: &Contact) -> Outcome<DeviceListing> {
        let things = self.things(&contact.key)?.into_iter().filter_map(ThingListing::from_td).collect();
        Ok(DeviceListing { name: contact.name.clone(), things })
    }

    /// Keeps the descriptions of a device's Things.
    pub fn keep_things(&self, key: &PublicKey, things: &[Value]) -> Outcome<()> {
        self.update("things", key, json(things))
    }

    /// Keeps where a device was reached.
    pub fn keep_addresses(&self, key: &PublicKey, addresses: &[String]) -> Outcome<()> {
        self.update("addresses", key, json(addresses))
    }

    /// Keeps what this account is to a device, as its role is called.
    pub fn keep_role(&self, key: &PublicKey, role: &str) -> Outcome<()> {
        self.update("role", key, role)
    }

    fn update(&self, column: &'static str, key: &PublicKey, value: impl ToSql) -> Outcome<()> {
        self.0
            .execute(&format!("UPDATE device SET {column} = ?2 WHERE key = ?1"), (key_text(key), value))
            .map(|_| ())
            .map_err(sql)
    }

    /// What all devices offer, as last read.
    pub fn directory(&self) -> Outcome<Directory> {
        let listings = self.all()?.iter().map(|contact| self.listing(contact)).collect::<Outcome<_>>()?;
        Ok(Directory::new(listings))
    }
}

fn array(row: &Row<'_>, column: usize) -> rusqlite::Result<Vec<Value>> {
    Ok(serde_json::from_str(row.get_ref(column)?.as_str()?).unwrap_or_default())
}

fn read(row: &Row<'_>) -> rusqlite::Result<Contact> {
    let key: Value = row.get::<_, String>(1)?.into();
    let key = serde_json::from_value(key).map_err(|e| {
        rusqlite::Error::FromSqlConversionFailure(1, rusqlite::types::Type::Text, Box::new(e))
    })?;
    Ok(Contact {
        name: row.get(0)?,
        key,
        addresses: array(row, 2)?.into_iter().filter_map(|a| a.as_str().map(str::to_owned)).collect(),
        role: row.get(3)?,
        paired: row.get(4)?,
        head: witness::head_at(row, 5)?,
        went_back: row.get(7)?,
        verified: row.get(8)?,
        generation: row.get(9)?,
        restored: row.get(10)?,
    })
}

fn key_text(key: &PublicKey) -> String {
    serde_json::to_value(key).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

fn json(value: &(impl Serialize + ?Sized)) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "[]".into())
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn sql(error: rusqlite::Error) -> Failure {
    broken(&error.to_string())
}
