//! From the file's text to a [`Config`]: what serde cannot say with a line number is checked here.

use std::collections::BTreeMap;

use serde::Deserialize;
use streembit_peer::message::Name;
use streembit_peer::network::ListenAddress;
use streembit_peer::rights::Label;
use toml::Spanned;

use super::{Config, ConfigError, Network, ThingConfig};
use crate::access::DEVICE;

/// Most addresses to listen on: a few interfaces, each with TCP and QUIC.
const MAX_LISTEN: usize = 16;

/// Most Things on one device.
const MAX_THINGS: usize = 128;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileText {
    name: Option<Label>,
    #[serde(default)]
    network: NetworkText,
    #[serde(default)]
    things: BTreeMap<Spanned<String>, ThingConfig>,
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

    let mut things = BTreeMap::new();
    for (place, thing) in file.things {
        let name: Name = place.get_ref().parse().map_err(|error| wrong(&place, format!("{error}")))?;
        if name.as_str() == DEVICE {
            return Err(wrong(
                &place,
                format!("no Thing can be called `{DEVICE}`: that is the device itself"),
            ));
        }
        if things.len() == MAX_THINGS {
            return Err(wrong(&place, format!("at most {MAX_THINGS} Things")));
        }
        things.insert(name, thing);
    }

    let mdns = file.network.mdns.unwrap_or(default.mdns);
    Ok(Config { name: file.name, network: Network { listen, mdns }, things })
}
