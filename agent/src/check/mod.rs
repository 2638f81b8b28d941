//! What can be wrong with a device, each under a number that stays the same.
//!
//! [`Diagnosis`] is the one list of them: `check` prints it with `--list`, the manual tells what to do about each number, and
//! a script may rely on it. A new one gets the next number; the number of one that goes is never given again. A look at
//! something makes a [`Point`]. The looks at the machine are here, since they need no agent; those at what runs are the
//! running agent's ([`crate::daemon`]).

mod groups;
mod hardware;
mod kernel;
mod keys;
mod sandbox;
mod storage;

pub use hardware::hardware;
pub use kernel::{confined, kernel};
pub use keys::keys;
pub use sandbox::sandbox;
pub use storage::{free_bytes, storage};
pub use streembit_peer::health::{Level, Point};

/// What is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Diagnosis {
    /// Who the device is.
    Identity = 1,
    /// The config file.
    Config = 2,
    /// The program.
    Agent = 3,
    /// The time.
    Clock = 4,
    /// Whose it is.
    Owner = 5,
    /// The record of what happened.
    Journal = 6,
    /// The disk.
    Storage = 7,
    /// How it can be reached.
    Network = 8,
    /// What confines plugins.
    Sandbox = 9,
    /// Each plugin.
    Plugin = 10,
    /// Each Thing that is no plugin's.
    Thing = 11,
    /// Each line that a plugin was granted.
    Hardware = 12,
    /// Where a monitoring system asks.
    Metrics = 13,
}

impl Diagnosis {
    /// All of them, by number.
    pub const ALL: [Self; 13] = [
        Self::Identity,
        Self::Config,
        Self::Agent,
        Self::Clock,
        Self::Owner,
        Self::Journal,
        Self::Storage,
        Self::Network,
        Self::Sandbox,
        Self::Plugin,
        Self::Thing,
        Self::Hardware,
        Self::Metrics,
    ];

    /// Its number.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// Its name, in one word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Config => "config",
            Self::Agent => "agent",
            Self::Clock => "clock",
            Self::Owner => "owner",
            Self::Journal => "journal",
            Self::Storage => "storage",
            Self::Network => "network",
            Self::Sandbox => "sandbox",
            Self::Plugin => "plugin",
            Self::Thing => "thing",
            Self::Hardware => "hardware",
            Self::Metrics => "metrics",
        }
    }

    /// What is well where it is.
    pub const fn about(self) -> &'static str {
        match self {
            Self::Identity => "the device's keys are there, are its own, and nobody else can read them",
            Self::Config => "the config file is right, and what it says is in force",
            Self::Agent => "the agent runs, and every part of it makes progress",
            Self::Clock => "something vouches for the time",
            Self::Owner => "the device has an owner",
            Self::Journal => "what happens can be recorded",
            Self::Storage => "the data folder's disk can be written and has room",
            Self::Network => "the device listens where others reach it",
            Self::Sandbox => "the kernel confines plugins, and the programs that run them are there",
            Self::Plugin => "each plugin runs, and has not ended of late",
            Self::Thing => "each Thing that is no plugin's can be used",
            Self::Hardware => "each granted line is there, and the agent may use it",
            Self::Metrics => "metrics and health can be asked where the config says",
        }
    }

    /// It is well.
    pub fn ok(self, detail: impl Into<String>) -> Point {
        self.point(Level::Ok, detail.into(), None)
    }

    /// It works, and somebody should look at it.
    pub fn warning(self, detail: impl Into<String>, remedy: impl Into<String>) -> Point {
        self.point(Level::Warning, detail.into(), Some(remedy.into()))
    }

    /// It does not work.
    pub fn bad(self, detail: impl Into<String>, remedy: impl Into<String>) -> Point {
        self.point(Level::Bad, detail.into(), Some(remedy.into()))
    }

    fn point(self, level: Level, detail: String, remedy: Option<String>) -> Point {
        Point { code: self.code(), name: self.name().to_owned(), subject: None, level, detail, remedy }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_their_places_and_names_are_told_apart() {
        for (place, diagnosis) in Diagnosis::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(diagnosis.code()), place + 1);
        }
        let names: std::collections::BTreeSet<_> = Diagnosis::ALL.map(Diagnosis::name).into();
        assert_eq!(names.len(), Diagnosis::ALL.len());
    }

    /// Scripts and the manual rely on these: a line may be added here, and none changed.
    #[test]
    fn numbers_stay_what_they_are() {
        let said = [
            "01 identity",
            "02 config",
            "03 agent",
            "04 clock",
            "05 owner",
            "06 journal",
            "07 storage",
            "08 network",
            "09 sandbox",
            "10 plugin",
            "11 thing",
            "12 hardware",
            "13 metrics",
        ];
        let are = Diagnosis::ALL.map(|diagnosis| format!("{:02} {}", diagnosis.code(), diagnosis.name()));
        assert_eq!(are, said);
    }
}
