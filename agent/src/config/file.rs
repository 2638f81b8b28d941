//! From the file's text to a [`Config`]: what serde cannot say with a line number is checked here.

use std::collections::BTreeMap;

use serde::Deserialize;
use streembit_peer::network::ListenAddress;
use streembit_peer::rights::Label;
use streembit_plugin_api::Name;
use toml::Spanned;

use super::{Config, ConfigError, Hardware, Journal, Metrics, Network, Sandbox};
use crate::access::DEVICE;
use crate::plugins::InstanceConfig;

/// Most addresses to listen on: a few interfaces, each with TCP and QUIC.
const MAX_LISTEN: usize = 16;

/// Most plugin instances on one device: each may be a process of 4 MB.
const MAX_PLUGINS: usize = 64;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileText {
    name: Option<Label>,
    #[serde(default)]
    network: NetworkText,
    #[serde(default)]
    journal: Journal,
    #[serde(default)]
    hardware: Hardware,
    #[serde(default)]
    sandbox: Sandbox,
    #[serde(default)]
    metrics: Metrics,
    #[serde(default)]
    plugins: BTreeMap<Spanned<String>, InstanceConfig>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct NetworkText {
    listen: Option<Vec<Spanned<String>>>,
    mdns: Option<bool>,
}

pub(super) fn read(text: &str) -> Result<Config, ConfigError> {
    let file: FileText = toml::from_str(text).map_err(|error| ConfigError::at(text, &error))?;
    let wrong = |place: &Spanned<String>, why: String| ConfigError::here(text, place.span().start, why);

    let default = Network::default();
    let listen = match file.network.listen {
        None => default.listen,
        Some(list) => list
            .iter()
            .enumerate()
            .map(|(number, address)| {
                if number == MAX_LISTEN {
                    return Err(wrong(address, format!("at most {MAX_LISTEN} addresses")));
                }
                address.get_ref().parse::<ListenAddress>().map_err(|error| wrong(address, error.to_string()))
            })
            .collect::<Result<_, _>>()?,
    };

    let mut plugins = BTreeMap::new();
    for (place, plugin) in file.plugins {
        let name: Name = place.get_ref().parse().map_err(|error| wrong(&place, format!("{error}")))?;
        if name.as_str() == DEVICE {
            return Err(wrong(
                &place,
                format!("no Thing can be called `{DEVICE}`: that is the device itself"),
            ));
        }
        if plugins.len() == MAX_PLUGINS {
            return Err(wrong(&place, format!("at most {MAX_PLUGINS} plugins")));
        }
        plugins.insert(name, plugin);
    }

    let mdns = file.network.mdns.unwrap_or(default.mdns);
    let FileText { name, journal, hardware, sandbox, metrics, .. } = file;
    Ok(Config { name, network: Network { listen, mdns }, journal, hardware, sandbox, metrics, plugins })
}
