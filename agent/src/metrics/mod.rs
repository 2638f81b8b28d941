//! Metrics and health, for whoever watches the device from the same machine.
//!
//! A socket in the data folder answers `GET /metrics` in OpenMetrics 1.0 and `GET /healthz` with what is not well; where the
//! config says so, a port on loopback does too. It is a reader of one short request and a writer of one answer, and no more of
//! HTTP than that: a whole HTTP stack would cost the memory of an idle device, and nobody is served here but a scraper every
//! few seconds. What is bounded: connections, the length of a request, the time for both. A page in a browser on this machine
//! gets nothing: the name that it was found by must be a loopback one, and no other origin may read an answer.
//!
//! What is counted, each part counts itself, and [`Report`] puts it together when somebody asks: no timer runs. No label has a
//! value from outside: operations, outcomes and reasons are the program's own words, and plugins are named as the config
//! names them. Nobody's name, key or address is in them.

mod request;
mod response;
mod server;

use std::future::Future;
use std::pin::Pin;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

pub use server::{Listeners, MAX_CONNECTIONS, serve};

/// Counters by one word each.
pub(crate) type By = Family<[(&'static str, &'static str); 1], Counter>;

/// Counters by two words each.
pub(crate) type ByTwo = Family<[(&'static str, &'static str); 2], Counter>;

/// How the device is, for `GET /healthz`.
#[derive(Debug, Clone, PartialEq)]
pub struct HealthReport {
    /// Whether it does its work.
    pub healthy: bool,
    /// In JSON.
    pub document: String,
}

/// Who puts the answers together.
pub trait Report: Send + Sync + 'static {
    /// All metrics, in OpenMetrics 1.0.
    fn metrics(&self) -> String;

    /// How the device is.
    fn health(&self) -> Pin<Box<dyn Future<Output = HealthReport> + Send + '_>>;
}

#[cfg(test)]
mod tests;
