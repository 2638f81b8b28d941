//! The end leaves nothing running.

use super::super::DialError;
use super::*;

#[tokio::test]
async fn shutdown_ends_streams_queues_tasks_and_listeners() {
    let (person, _none) = start(&[], hasty()).await;
    let (device, mut incoming) = start(&[TCP, QUIC], Limits::default()).await;
    let mut stream = person.dial(&device.addresses()).await.unwrap();
    let (_, mut theirs) = incoming.next().await.unwrap();
    let before = device.addresses();

    device.shutdown().await;

    let mut byte = [0; 1];
    assert!(!matches!(stream.read(&mut byte).await, Ok(1..)), "the other end hears it");
    assert!(!matches!(theirs.read(&mut byte).await, Ok(1..)), "so does this one");
    assert!(incoming.next().await.is_none());
    assert!(matches!(device.dial(&person_addresses(&person)).await, Err(DialError::Closed)));
    assert!(person.dial(&before).await.is_err(), "nobody listens any more");
    device.shutdown().await;
}

fn person_addresses(person: &Network) -> Vec<Address> {
    vec![format!("/ip4/127.0.0.1/tcp/9/p2p/{}", person.peer_id()).parse().unwrap()]
}

#[test]
fn no_task_is_left_when_shutdown_returns() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let (device, mut incoming) = start(&[TCP, QUIC], Limits::default()).await;
        let (person, none) = start(&[], Limits::default()).await;
        for address in device.addresses() {
            let (other, _) = start(&[], Limits::default()).await;
            let stream = other.dial(&[address]).await.unwrap();
            let theirs = incoming.next().await.unwrap();
            drop((stream, theirs));
            other.shutdown().await;
        }
        let held = person.dial(&device.addresses()).await.unwrap();
        device.shutdown().await;
        person.shutdown().await;
        drop((held, incoming, none));
        let metrics = tokio::runtime::Handle::current().metrics();
        eventually("no task is alive", || metrics.num_alive_tasks() == 0).await;
    });
}

#[tokio::test]
async fn dropping_the_handle_ends_the_network_too() {
    let (device, mut incoming) = start(&[TCP], Limits::default()).await;
    let addresses = device.addresses();
    let second = device.clone();
    drop(device);
    let (person, _none) = start(&[], hasty()).await;
    person.dial(&addresses).await.unwrap();
    incoming.next().await.unwrap();

    drop(second);

    assert!(incoming.next().await.is_none());
}

#[tokio::test]
async fn a_dial_under_way_ends_with_the_network() {
    let mute = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (person, _none) = start(&[], Limits::default()).await;
    let port = mute.local_addr().unwrap().port();
    let (absent, _incoming) = start(&[], Limits::default()).await;
    let address: Address = format!("/ip4/127.0.0.1/tcp/{port}/p2p/{}", absent.peer_id()).parse().unwrap();
    let dialling = tokio::spawn({
        let person = person.clone();
        async move { person.dial(&[address]).await }
    });
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    person.shutdown().await;
    assert!(matches!(dialling.await.unwrap(), Err(DialError::Closed)));
}

#[tokio::test]
async fn the_task_answers_until_it_has_ended() {
    let (device, _incoming) = start(&[TCP], Limits::default()).await;
    // Again and again: an answer uses nothing up.
    for _ in 0..3 {
        assert!(device.answers().await);
    }
    device.shutdown().await;
    assert!(!device.answers().await);
}
