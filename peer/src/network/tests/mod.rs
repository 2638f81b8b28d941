//! Two programs on loopback, and a few that misbehave.

mod disclosure;
mod failures;
mod limits;
mod neighbours;
mod sessions;
mod shutdown;

use std::time::Duration;

use streembit_keys::PrivateKey;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{Address, Incoming, Limits, Network, NetworkConfig, Stream};

const TCP: &str = "/ip4/127.0.0.1/tcp/0";
const QUIC: &str = "/ip4/127.0.0.1/udp/0/quic-v1";

/// A program that listens on these addresses.
async fn start(listen: &[&str], limits: Limits) -> (Network, Incoming) {
    let config = NetworkConfig {
        transport_key: PrivateKey::generate(&mut streembit_keys::rng::system()),
        listen: listen.iter().map(|text| text.parse().unwrap()).collect(),
        mdns: false,
        limits,
    };
    Network::start(config).await.unwrap()
}

/// Limits that make a test short.
fn hasty() -> Limits {
    Limits {
        handshake: Duration::from_millis(500),
        dial: Duration::from_secs(1),
        idle: Duration::from_millis(200),
        ..Limits::default()
    }
}

/// Sends back what comes in, on every stream.
fn echo(mut incoming: Incoming) {
    tokio::spawn(async move {
        while let Some((_, mut stream)) = incoming.next().await {
            tokio::spawn(async move {
                let mut buffer = vec![0; 4096];
                while let Ok(length @ 1..) = stream.read(&mut buffer).await {
                    if stream.write_all(&buffer[..length]).await.is_err() {
                        break;
                    }
                }
            });
        }
    });
}

/// One message there and back.
async fn round_trip(stream: &mut Stream, message: &[u8]) {
    stream.write_all(message).await.unwrap();
    stream.flush().await.unwrap();
    let mut answer = vec![0; message.len()];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, message);
}

/// The same host and port with another peer id behind it.
fn claimed_by(address: &Address, peer: &Network) -> Address {
    Address::new(address.route().clone(), peer.peer_id().to_string().parse().unwrap()).unwrap()
}

/// Waits until something holds, and fails when it does not within five seconds.
async fn eventually(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..500 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("not within five seconds: {what}");
}
