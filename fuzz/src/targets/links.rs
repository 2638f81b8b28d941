//! Pairing and invitation links, and the addresses in them.

use data_encoding::BASE32_NOPAD;
use sha2::{Digest as _, Sha256};
use streembit_peer::link::Link;
use streembit_peer::network::{Address, ListenAddress, PeerName};

use crate::fixed::split;

pub fn run(input: &[u8]) {
    let (mode, rest) = split(input);
    match mode % 3 {
        0 => {
            let Ok(text) = std::str::from_utf8(rest) else { return };
            check(text);
        }
        // Any content, with the check that belongs to it.
        1 => {
            let kind = if mode < 128 { "pair" } else { "join" };
            let hash = Sha256::new_with_prefix(kind).chain_update(rest).finalize();
            let block = BASE32_NOPAD.encode(&[rest, &hash[..2]].concat());
            check(&format!("streembit:{kind}/{block}"));
        }
        _ => {
            let Ok(text) = std::str::from_utf8(rest) else { return };
            if let Ok(address) = text.parse::<Address>() {
                assert_eq!(address.to_string().parse::<Address>().unwrap(), address);
            }
            if let Ok(address) = text.parse::<ListenAddress>() {
                assert_eq!(address.to_string().parse::<ListenAddress>().unwrap(), address);
            }
            if let Ok(name) = text.parse::<PeerName>() {
                assert_eq!(name.to_string().parse::<PeerName>().unwrap(), name);
            }
        }
    }
}

fn check(text: &str) {
    let Ok(link) = text.parse::<Link>() else { return };
    assert!(link.hints.len() <= Link::MAX_HINTS);
    assert_eq!(link.to_uri().parse::<Link>().expect("what was read can be written"), link);
    let debug = format!("{link:?}");
    assert!(!debug.is_empty());
    if let Some(picture) = link.qr() {
        assert!(picture.lines().count() < 24 && picture.lines().all(|line| line.chars().count() <= 80));
    }
}
