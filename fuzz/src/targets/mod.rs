//! One file a target. Each has a folder of seeds of the same name.

mod backup_contents;
mod backups;
mod changes;
mod config;
mod control;
mod data_schemas;
mod descriptions;
mod device_messages;
mod frames;
mod handshakes;
mod host_messages;
mod jwe;
mod jws;
mod keys;
mod links;
mod manifests;
mod models;
mod offers;
mod requests;
mod rights;
mod words;

/// Every target by its name.
pub const ALL: &[(&str, fn(&[u8]))] = &[
    ("backup_contents", backup_contents::run),
    ("backups", backups::run),
    ("changes", changes::run),
    ("config", config::run),
    ("control", control::run),
    ("data_schemas", data_schemas::run),
    ("descriptions", descriptions::run),
    ("device_messages", device_messages::run),
    ("frames", frames::run),
    ("handshakes", handshakes::run),
    ("host_messages", host_messages::run),
    ("jwe", jwe::run),
    ("jws", jws::run),
    ("keys", keys::run),
    ("links", links::run),
    ("manifests", manifests::run),
    ("models", models::run),
    ("offers", offers::run),
    ("requests", requests::run),
    ("rights", rights::run),
    ("words", words::run),
];
