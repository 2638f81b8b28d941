//! What a device found when it looked at itself: its property `health`, and `check` at the device.

use serde::{Deserialize, Serialize};

/// One point.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Point {
    /// The number of what was looked at, which stays the same.
    pub code: u8,
    /// The word for it.
    pub name: String,
    /// Which one, where there are several: a plugin, a line, a feature of the kernel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// How it is.
    pub level: Level,
    /// In words.
    pub detail: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl Point {
    /// The same of one among several.
    #[must_use]
    pub fn on(mut self, subject: &str) -> Self {
        self.subject = Some(subject.to_owned());
        self
    }

    /// What was looked at: `07 storage`, `10 plugin door`.
    pub fn title(&self) -> String {
        let subject = self.subject.as_ref().map(|subject| format!(" {subject}")).unwrap_or_default();
        format!("{:02} {}{subject}", self.code, self.name)
    }
}

/// How well something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Well.
    Ok,
    /// It works, and somebody should look at it.
    Warning,
    /// It does not work.
    Bad,
}
