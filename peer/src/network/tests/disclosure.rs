//! What anybody who connects can learn, seen by an engine that is not ours.

use futures::StreamExt as _;
use libp2p::swarm::SwarmEvent;
use libp2p::{SwarmBuilder, identify, noise, tcp, yamux};

use super::*;

#[tokio::test]
async fn identify_tells_the_transport_key_the_protocols_and_nothing_else() {
    let (device, _incoming) = start(&[TCP, QUIC], Limits::default()).await;
    let mut crawler = SwarmBuilder::with_new_identity()
        .with_tokio()
        .with_tcp(tcp::Config::default(), noise::Config::new, yamux::Config::default)
        .unwrap()
        .with_behaviour(|key| {
            identify::Behaviour::new(identify::Config::new("crawler/1".to_owned(), key.public()))
        })
        .unwrap()
        .build();
    let address: libp2p::Multiaddr = device.addresses()[0].to_string().parse().unwrap();
    crawler.dial(address).unwrap();

    let info = loop {
        if let SwarmEvent::Behaviour(identify::Event::Received { info, .. }) =
            crawler.select_next_some().await
        {
            break info;
        }
    };

    assert_eq!(info.public_key.to_peer_id().to_string(), device.peer_id().to_string());
    assert_eq!((info.protocol_version.as_str(), info.agent_version.as_str()), ("streembit/1", "streembit/1"));
    assert!(info.listen_addrs.is_empty(), "{:?}", info.listen_addrs);
    let mut protocols: Vec<&str> = info.protocols.iter().map(AsRef::as_ref).collect();
    protocols.sort_unstable();
    assert_eq!(
        protocols,
        ["/ipfs/id/1.0.0", "/ipfs/id/push/1.0.0", "/ipfs/ping/1.0.0", "/streembit/session/1"]
    );
}
