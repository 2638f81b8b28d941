//! The device's contact offer, for a mail.

use serde_json::json;
use streembit_peer::network::Address;
use streembit_peer::offer::{Host, Offer, UserType};
use streembit_peer::rights::Label;

use super::Core;
use super::people::hints;
use crate::control::{Failure, Reply};

impl Core {
    /// An offer that this device signs. It says where the device is, and gives nobody a right.
    pub(super) fn offer(&self) -> Reply {
        let key = self.device.key();
        let hints = hints(self.network.addresses());
        let (host, transport, port) = hints
            .iter()
            .find_map(place)
            .ok_or_else(|| Failure::failed("the device listens nowhere, so there is nothing to offer"))?;
        let unnamed = || "device".parse::<Label>();
        let offer = Offer {
            account: self.config().name.map_or_else(unnamed, Ok).map_err(Failure::failed)?,
            public_key: key.public().clone(),
            transport: transport.parse().map_err(Failure::failed)?,
            host,
            port,
            user_type: UserType::Device,
            hints,
            expires: None,
        };
        Ok(json!({ "offer": offer.sign(key), "fingerprint": key.public().thumbprint() }))
    }
}

/// Host, transport and port of an address, as the whitepaper's fields have them.
fn place(address: &Address) -> Option<(Host, &'static str, u16)> {
    let text = address.to_string();
    let mut parts = text.split('/').skip(1);
    let (_, host, protocol, port) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let transport = match protocol {
        "tcp" => "tcp",
        "udp" => "quic",
        _ => return None,
    };
    Some((host.parse().ok()?, transport, port.parse().ok()?))
}
