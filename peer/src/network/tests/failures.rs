//! What does not work says why, and where.

use std::time::{Duration, Instant};

use super::super::{DialError, Failure};
use super::*;

/// A port on loopback where nothing listens.
fn nobody(peer: &Network) -> Address {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    format!("/ip4/127.0.0.1/tcp/{port}/p2p/{}", peer.peer_id()).parse().unwrap()
}

#[tokio::test]
async fn another_peer_at_the_address_is_refused() {
    for transport in [TCP, QUIC] {
        let (device, _incoming) = start(&[transport], hasty()).await;
        let (other, _incoming) = start(&[], hasty()).await;
        let (person, _none) = start(&[], hasty()).await;
        let address = claimed_by(&device.addresses()[0], &other);

        let error = person.dial(std::slice::from_ref(&address)).await.unwrap_err();

        let DialError::Unreachable { tried } = error else { panic!("{transport}: {error}") };
        assert_eq!((&tried[0].address, &tried[0].failure), (&address, &Failure::WrongPeer), "{transport}");
        assert_eq!(person.connections(), 0);
    }
}

#[tokio::test]
async fn a_forged_hint_does_not_hide_the_right_address() {
    let (device, incoming) = start(&[QUIC], hasty()).await;
    echo(incoming);
    let (liar, _incoming) = start(&[TCP], hasty()).await;
    let (person, _none) = start(&[], hasty()).await;
    // TCP is tried first and answers faster.
    let hints = [claimed_by(&liar.addresses()[0], &device), device.addresses()[0].clone()];

    let mut stream = person.dial(&hints).await.unwrap();

    assert_eq!(stream.remote(), device.peer_id());
    round_trip(&mut stream, b"hello").await;
}

#[tokio::test]
async fn where_nothing_listens_is_told_with_every_address() {
    let (person, _none) = start(&[], hasty()).await;
    let (absent, _incoming) = start(&[], hasty()).await;
    let hints = [nobody(&absent), nobody(&absent)];

    let error = person.dial(&hints).await.unwrap_err();

    let text = error.to_string();
    let DialError::Unreachable { tried } = error else { panic!("{text}") };
    assert_eq!(tried.len(), 2);
    for (attempt, hint) in tried.iter().zip(&hints) {
        assert_eq!((&attempt.address, &attempt.failure), (hint, &Failure::NothingListens));
        assert!(text.contains(&hint.to_string()), "{text}");
    }
}

#[tokio::test]
async fn who_does_not_answer_times_out_with_every_address() {
    // Both take packets and say nothing.
    let mute = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let deaf = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let (person, _none) = start(&[], hasty()).await;
    let (absent, _incoming) = start(&[], hasty()).await;
    let peer = absent.peer_id();
    let hints: Vec<Address> = [
        format!("/ip4/127.0.0.1/tcp/{}/p2p/{peer}", mute.local_addr().unwrap().port()),
        format!("/ip4/127.0.0.1/udp/{}/quic-v1/p2p/{peer}", deaf.local_addr().unwrap().port()),
    ]
    .iter()
    .map(|text| text.parse().unwrap())
    .collect();

    let asked = Instant::now();
    let error = person.dial(&hints).await.unwrap_err();

    assert!(asked.elapsed() < Duration::from_millis(1_500), "{:?}", asked.elapsed());
    let DialError::TimedOut { tried, .. } = &error else { panic!("{error}") };
    assert_eq!(tried.len(), 2, "{error}");
    assert!(tried.iter().all(|attempt| attempt.failure == Failure::Silent), "{error}");
    assert!(hints.iter().all(|hint| error.to_string().contains(&hint.to_string())), "{error}");
}

#[tokio::test]
async fn a_silent_address_does_not_hold_up_a_good_one() {
    let mute = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (device, _incoming) = start(&[TCP], hasty()).await;
    let (person, _none) = start(&[], hasty()).await;
    let port = mute.local_addr().unwrap().port();
    let silent = format!("/ip4/127.0.0.1/tcp/{port}/p2p/{}", device.peer_id()).parse().unwrap();

    let asked = Instant::now();
    person.dial(&[silent, device.addresses()[0].clone()]).await.unwrap();

    assert!(asked.elapsed() < Duration::from_millis(400), "{:?}", asked.elapsed());
}

#[tokio::test]
async fn garbage_instead_of_a_handshake_ends_the_attempt_and_harms_nobody() {
    use tokio::net::{TcpListener, TcpStream};
    let (device, incoming) = start(&[TCP], hasty()).await;
    echo(incoming);
    let (person, _none) = start(&[], hasty()).await;

    // A listener that talks nonsense to the person.
    let babbler = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = babbler.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut stream, _) = babbler.accept().await.unwrap();
        let _ = stream.write_all(&[0xa5; 70_000]).await;
        let _ = stream.read(&mut [0; 1]).await;
    });
    let address = format!("/ip4/127.0.0.1/tcp/{port}/p2p/{}", device.peer_id()).parse().unwrap();
    let error = person.dial(&[address]).await.unwrap_err();
    assert!(matches!(error, DialError::Unreachable { .. } | DialError::TimedOut { .. }), "{error}");

    // Callers that talk nonsense to the device.
    let host = device.addresses()[0].to_string();
    let port: u16 = host.split('/').nth(4).unwrap().parse().unwrap();
    let mut callers = Vec::new();
    for _ in 0..8 {
        let mut caller = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        caller.write_all(&[0x5a; 10_000]).await.unwrap();
        callers.push(caller);
    }
    let mut stream = person.dial(&device.addresses()).await.unwrap();
    round_trip(&mut stream, b"still here").await;
}

#[tokio::test]
async fn nothing_to_dial_and_too_much_to_dial_are_errors_at_once() {
    let (person, _none) = start(&[], Limits { addresses_a_dial: 2, ..hasty() }).await;
    assert!(matches!(person.dial(&[]).await, Err(DialError::NoAddress)));
    let hints = [nobody(&person), nobody(&person), nobody(&person)];
    assert!(matches!(person.dial(&hints).await, Err(DialError::TooManyAddresses { given: 3, most: 2 })));
}

#[tokio::test]
async fn a_program_does_not_dial_itself() {
    let (device, _incoming) = start(&[TCP], hasty()).await;
    let error = device.dial(&device.addresses()).await.unwrap_err();
    let DialError::Unreachable { tried } = error else { panic!("{error}") };
    assert_eq!(tried[0].failure, Failure::Ourselves);
}

#[tokio::test]
async fn an_address_that_is_taken_is_named() {
    let holder = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = format!("/ip4/127.0.0.1/tcp/{}", holder.local_addr().unwrap().port());
    let config = NetworkConfig {
        transport_key: PrivateKey::generate(&mut streembit_keys::rng::system()),
        listen: vec![taken.parse().unwrap()],
        mdns: false,
        limits: hasty(),
    };
    let error = Network::start(config).await.unwrap_err();
    assert!(error.to_string().contains(&taken), "{error}");
}
