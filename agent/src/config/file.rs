//! From the file's text to a [`Config`]: what serde cannot say with a line number is checked here.

use serde::Deserialize;
use streembit_peer::network::ListenAddress;
use streembit_peer::rights::Label;
use toml::Spanned;

use super::{Config, ConfigError, Journal, Network};

/// Most addresses to listen on: a few interfaces, each with TCP and QUIC.
const MAX_LISTEN: usize = 16;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileText {
    name: Option<Label>,
    #[serde(default)]
    network: NetworkText,
    #[serde(default)]
    journal: Journal,
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

    let mdns = file.network.mdns.unwrap_or(default.mdns);
    let FileText { name, journal, .. } = file;
    Ok(Config { name, network: Network { listen, mdns }, journal })
}
