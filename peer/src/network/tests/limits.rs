//! What a stranger can make grow stops growing.

use std::time::Duration;

use super::super::DialError;
use super::*;

#[tokio::test]
async fn a_full_queue_refuses_and_one_that_was_read_takes_again() {
    let (device, mut incoming) = start(&[TCP], Limits { waiting: 2, ..hasty() }).await;
    let (person, _none) = start(&[], hasty()).await;
    let addresses = device.addresses();
    let _first = person.dial(&addresses).await.unwrap();
    let _second = person.dial(&addresses).await.unwrap();

    let error = person.dial(&addresses).await.unwrap_err();
    assert!(matches!(error, DialError::Refused { peer } if peer == device.peer_id()), "{error}");

    let _taken = incoming.next().await.unwrap();
    person.dial(&addresses).await.unwrap();
}

#[tokio::test]
async fn a_flood_of_streams_is_bounded_and_leaves_room_for_others() {
    let limits = Limits { sessions: 12, sessions_a_peer: 4, waiting: 64, ..hasty() };
    let (device, mut incoming) = start(&[TCP], limits).await;
    let (flooder, _none) = start(&[], hasty()).await;
    let (person, _none) = start(&[], hasty()).await;
    let addresses = device.addresses();

    let dials = (0..100).map(|_| flooder.dial(&addresses));
    let outcomes = futures::future::join_all(dials).await;
    let taken: Vec<Stream> = outcomes.into_iter().flatten().collect();
    assert_eq!(taken.len(), 4, "what one peer may have");
    person.dial(&addresses).await.unwrap();

    // The places come free again when both ends are done.
    drop(taken);
    for _ in 0..5 {
        drop(incoming.next().await.unwrap());
    }
    let mut stream = flooder.dial(&addresses).await.unwrap();
    stream.write_all(b"again").await.unwrap();
    let (_, mut theirs) = incoming.next().await.unwrap();
    let mut heard = [0; 5];
    theirs.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"again");
}

#[tokio::test]
async fn many_peers_together_get_no_more_sessions_than_there_are() {
    let limits = Limits { sessions: 3, ..hasty() };
    let (device, mut incoming) = start(&[TCP], limits).await;
    let mut held = Vec::new();
    let mut refused = 0;
    for _ in 0..5 {
        let (peer, none) = start(&[], hasty()).await;
        match peer.dial(&device.addresses()).await {
            Ok(stream) => held.push((peer, none, stream, incoming.next().await.unwrap())),
            Err(DialError::Refused { .. }) => refused += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!((held.len(), refused), (3, 2));
}

#[tokio::test]
async fn connections_are_limited_in_all() {
    // An eighth is kept for what the device dials itself.
    let limits = Limits { connections: 8, ..hasty() };
    let (device, mut incoming) = start(&[TCP], limits).await;
    let mut held = Vec::new();
    let mut failed = 0;
    for _ in 0..10 {
        let (peer, none) = start(&[], hasty()).await;
        match peer.dial(&device.addresses()).await {
            Ok(stream) => held.push((peer, none, stream, incoming.next().await.unwrap())),
            Err(_) => failed += 1,
        }
    }
    assert_eq!((held.len(), failed), (7, 3));
    assert_eq!(device.connections(), 7);
}

#[tokio::test]
async fn one_machine_gets_no_more_connections_than_its_share() {
    let limits = Limits { connections_an_ip: 3, ..hasty() };
    let (device, mut incoming) = start(&[TCP, QUIC], limits).await;
    let mut held = Vec::new();
    for n in 0..6 {
        let (peer, none) = start(&[], hasty()).await;
        let address = device.addresses()[n % 2].clone();
        if let Ok(stream) = peer.dial(&[address]).await {
            held.push((peer, none, stream, incoming.next().await.unwrap()));
        }
    }
    assert_eq!(held.len(), 3);

    // A place that is given back is given out again.
    let (peer, _none, stream, _theirs) = held.pop().unwrap();
    drop(stream);
    peer.shutdown().await;
    eventually("the connection is gone", || device.connections() == 2).await;
    let (next, _none) = start(&[], hasty()).await;
    next.dial(&device.addresses()).await.unwrap();
}

#[tokio::test]
async fn a_connection_is_closed_when_it_is_idle_and_kept_while_a_session_is_open() {
    for transport in [TCP, QUIC] {
        let (device, incoming) = start(&[transport], hasty()).await;
        echo(incoming);
        let (person, _none) = start(&[], hasty()).await;
        let mut stream = person.dial(&device.addresses()).await.unwrap();

        tokio::time::sleep(hasty().idle * 4).await;
        round_trip(&mut stream, b"a quiet session is not idle").await;

        drop(stream);
        eventually("idle", || person.connections() == 0 && device.connections() == 0).await;
    }
}

#[tokio::test]
async fn too_much_memory_in_use_takes_no_more_connections() {
    // Any process has more than this.
    let (device, _incoming) = start(&[TCP], Limits { memory: 4096, ..hasty() }).await;
    let (person, _none) = start(&[], hasty()).await;
    assert!(person.dial(&device.addresses()).await.is_err());
    assert_eq!(device.connections(), 0);
}

/// What is written and not read stays with the writer.
#[tokio::test]
async fn a_reader_that_stops_stops_the_writer() {
    for transport in [TCP, QUIC] {
        let (device, mut incoming) = start(&[transport], Limits::default()).await;
        let (person, _none) = start(&[], Limits::default()).await;
        let mut stream = person.dial(&device.addresses()).await.unwrap();
        let _unread = incoming.next().await.unwrap();
        let mut written = 0;
        let block = vec![0; 64 << 10];
        while let Ok(result) = tokio::time::timeout(Duration::from_millis(300), stream.write(&block)).await {
            written += result.unwrap();
            assert!(written < 8 << 20, "{transport}: {written} bytes were taken that nobody reads");
        }
        println!("{transport}: {written} bytes in buffers");
    }
}
