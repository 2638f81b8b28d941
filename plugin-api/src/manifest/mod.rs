//! The manifest of a plugin: who made it, what it wants, which Thing it drives.
//!
//! ```toml
//! name = "gpio-switch"
//! version = "0.1.0"
//! publisher = "streembit"
//! description = "A door with three push buttons."
//! api = "0.1.0"
//!
//! [limits]                      # all optional
//! memory-mib = 4
//!
//! [resources.open]
//! kind = "digital-output"
//! reason = "Presses the button that opens the door."
//!
//! [thing]                       # a Thing Model, as TOML
//! title = "Door"
//! ```
//!
//! It is the only source of the Thing Model and of the list of resources that an owner is asked to grant. Everything
//! in it is a claim of its author: it widens no right.

mod limits;
mod reader;

use std::collections::BTreeMap;

use crate::{API_VERSION, Name};
pub use limits::Limits;
pub use reader::ManifestError;
use reader::Table;

/// Longest manifest text. A Thing Model with a hundred affordances has about 30 KiB.
pub const MAX_LENGTH: usize = 64 * 1024;

/// Most resources that one plugin may ask for: an owner must be able to read the list.
pub const MAX_RESOURCES: usize = 32;

/// A parsed manifest.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    /// The plugin's name.
    pub name: Name,
    /// The plugin's own version; compared by nobody yet.
    pub version: String,
    /// Who published it, as it says. Until signatures exist, nothing vouches for it.
    pub publisher: Name,
    /// One sentence for whoever installs it.
    pub description: String,
    /// What it may use up.
    pub limits: Limits,
    /// What it asks for, by logical name.
    pub resources: BTreeMap<Name, Resource>,
    /// The Thing Model, as JSON.
    pub thing_model: serde_json::Value,
}

/// One resource that a plugin asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// What it is.
    pub kind: ResourceKind,
    /// Why the plugin wants it, for the owner who decides.
    pub reason: String,
    /// Whether the plugin works without it.
    pub optional: bool,
}

/// The kinds of resources that this agent can grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResourceKind {
    /// A digital line that is read and watched.
    DigitalInput,
    /// A digital line that is driven.
    DigitalOutput,
}

impl ResourceKind {
    const NAMES: [(&'static str, Self); 2] =
        [("digital-input", Self::DigitalInput), ("digital-output", Self::DigitalOutput)];

    /// Its name in a manifest.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DigitalInput => "digital-input",
            Self::DigitalOutput => "digital-output",
        }
    }
}

impl Manifest {
    /// Parses a manifest. An error names the line and the key.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        if text.len() > MAX_LENGTH {
            return Err(ManifestError::document(format!("longer than {MAX_LENGTH} bytes")));
        }
        let mut top = Table::parse(text)?;
        let api = top.required("api")?;
        if api.string(16)? != API_VERSION {
            return Err(api.error(format!("this agent serves version {API_VERSION} of the plugin API")));
        }
        let manifest = Self {
            name: top.required("name")?.name()?,
            version: top.required("version")?.string(32)?,
            publisher: top.required("publisher")?.name()?,
            description: top.required("description")?.string(300)?,
            limits: top
                .optional("limits")
                .map_or(Ok(Limits::default()), |item| Limits::read(item.table()?))?,
            resources: top.optional("resources").map_or(Ok(BTreeMap::new()), read_resources)?,
            thing_model: top.required("thing")?.json_object()?,
        };
        top.finish()?;
        Ok(manifest)
    }
}

fn read_resources(item: reader::Item<'_>) -> Result<BTreeMap<Name, Resource>, ManifestError> {
    let mut resources = BTreeMap::new();
    for item in item.table()?.into_items() {
        if resources.len() == MAX_RESOURCES {
            return Err(item.error(format!("more than {MAX_RESOURCES} resources")));
        }
        let name = item.key().parse().map_err(|error| item.error(format!("{error}")))?;
        let mut table = item.table()?;
        let resource = Resource {
            kind: table.required("kind")?.one_of(&ResourceKind::NAMES)?,
            reason: table.required("reason")?.string(300)?,
            optional: table.optional("optional").map_or(Ok(false), |item| item.boolean())?,
        };
        table.finish()?;
        resources.insert(name, resource);
    }
    Ok(resources)
}

#[cfg(test)]
mod tests;
