//! W3C Thing Descriptions 1.1: what a Thing can do, said so that a program can read it.
//!
//! A plugin says what it drives in a [`ThingModel`]; each of its affordances has [`DataSchema`]s, which check every
//! value on its way in and out. For a caller the device builds a Thing Description with [`describe`], *up* from the
//! operations that this caller may use, so that nothing can be left in by mistake. Whoever receives one reads it as a
//! [`ThingDescription`].
//!
//! Everything here takes hostile input: text is parsed by [`json::parse`] under limits of size, depth and count, a
//! [`DataSchema`] knows a closed set of keywords, follows no reference and runs no backtracking pattern, and what is
//! wrong is an [`Invalid`] that names the place (JSON pointer) and the rule. Nothing here does I/O or reads a clock.

mod affordance;
mod allowed;
mod data_schema;
mod describe;
mod description;
mod invalid;
pub mod json;
mod model;
pub mod models;
mod operation;
mod pointer;
mod security;
mod text;
mod w3c;

pub use affordance::{Action, Affordances, Event, Form, Property};
pub use allowed::Allowed;
pub use data_schema::DataSchema;
pub use describe::{Instance, Link, describe};
pub use description::ThingDescription;
pub use invalid::Invalid;
pub use model::ThingModel;
pub use operation::{Operation, UnknownOperation};
pub use text::value_from_text;

/// The JSON-LD context of TD 1.1 (section 5.3.1.1). It is compared, never fetched.
pub const CONTEXT: &str = "https://www.w3.org/2022/wot/td/v1.1";
/// The media type of a Thing Description (TD 1.1, section 10.1).
pub const MEDIA_TYPE: &str = "application/td+json";
/// The URI scheme of our own binding: `streembit://<device thumbprint>/<thing>/properties/<name>`.
pub const SCHEME: &str = "streembit";
