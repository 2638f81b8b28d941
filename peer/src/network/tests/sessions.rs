//! What works: both transports, connections that are shared, and quick answers.

use std::time::{Duration, Instant};

use super::*;

#[tokio::test]
async fn a_session_runs_over_either_transport() {
    for transport in [TCP, QUIC] {
        let (device, incoming) = start(&[transport], Limits::default()).await;
        echo(incoming);
        let (person, _none) = start(&[], Limits::default()).await;

        let mut stream = person.dial(&device.addresses()).await.unwrap();

        assert_eq!(stream.remote(), device.peer_id());
        round_trip(&mut stream, b"hello").await;
        round_trip(&mut stream, &vec![7; 300_000]).await;
    }
}

#[tokio::test]
async fn the_device_learns_the_transport_key_of_its_caller() {
    let (device, mut incoming) = start(&[TCP], Limits::default()).await;
    let (person, _none) = start(&[], Limits::default()).await;
    let _stream = person.dial(&device.addresses()).await.unwrap();
    let (caller, stream) = incoming.next().await.unwrap();
    assert_eq!(caller, person.peer_id());
    assert_eq!(stream.remote(), person.peer_id());
    assert_eq!(&*stream.source(), "127.0.0.1");
}

#[tokio::test]
async fn port_zero_becomes_a_real_port_that_names_this_peer() {
    let (device, _incoming) = start(&[TCP, QUIC], Limits::default()).await;
    let addresses = device.addresses();
    assert_eq!(addresses.len(), 2, "{addresses:?}");
    for address in addresses {
        assert_eq!(address.peer(), device.peer_id());
        assert!(!address.to_string().contains("/0/"), "{address}");
    }
}

#[tokio::test]
async fn the_next_session_uses_the_connection_that_is_there() {
    let (device, incoming) = start(&[TCP, QUIC], Limits::default()).await;
    echo(incoming);
    let (person, _none) = start(&[], Limits::default()).await;
    let mut streams = Vec::new();
    for _ in 0..4 {
        streams.push(person.dial(&device.addresses()).await.unwrap());
    }
    for stream in &mut streams {
        round_trip(stream, b"hello").await;
    }
    assert_eq!(person.connections(), 1);
}

#[tokio::test]
async fn several_addresses_give_one_session_and_leave_no_connection_behind() {
    let (device, mut incoming) = start(&[TCP, TCP, QUIC], Limits::default()).await;
    let (person, _none) = start(&[], Limits::default()).await;
    let _stream = person.dial(&device.addresses()).await.unwrap();
    let _theirs = incoming.next().await.unwrap();
    eventually("one connection stays", || person.connections() == 1 && device.connections() == 1).await;
    let second = tokio::time::timeout(Duration::from_millis(300), incoming.next()).await;
    assert!(second.is_err(), "one dial is one stream");
}

/// Not a benchmark: a delayed acknowledgement that meets Nagle's algorithm costs 40 ms each time, and this would see it.
#[tokio::test]
async fn a_small_request_is_not_held_back_to_be_sent_with_the_next() {
    for transport in [TCP, QUIC] {
        let (device, incoming) = start(&[transport], Limits::default()).await;
        echo(incoming);
        let (person, _none) = start(&[], Limits::default()).await;
        let mut stream = person.dial(&device.addresses()).await.unwrap();
        let mut took: Vec<Duration> = Vec::new();
        for _ in 0..101 {
            let asked = Instant::now();
            round_trip(&mut stream, &[1; 64]).await;
            took.push(asked.elapsed());
        }
        took.sort();
        println!("{transport}: median {:?}, worst {:?}", took[50], took[100]);
        assert!(took[50] < Duration::from_millis(20), "{transport}: {:?}", took[50]);
    }
}
