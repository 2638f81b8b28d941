//! The same over the real transports, where a stream that is dropped looks different on each.

use serde_json::json;

use super::*;
use crate::client::{Closed, Connection};
use crate::message::{Answer, Call, Operation, Request, Response};
use crate::network::{Address, Incoming, Limits, Network, NetworkConfig, Stream};

const TCP: &str = "/ip4/127.0.0.1/tcp/0";
const QUIC: &str = "/ip4/127.0.0.1/udp/0/quic-v1";

async fn network(listen: Option<&str>) -> (Network, Incoming) {
    let transport_key = PrivateKey::generate(&mut rng::system());
    let listen = listen.map(|address| address.parse().unwrap()).into_iter().collect();
    let config = NetworkConfig { transport_key, listen, mdns: false, limits: Limits::default() };
    Network::start(config).await.unwrap()
}

/// A person's and a device's end of one stream over this transport, and the transport's names of both.
struct Dialled {
    here: Stream,
    there: Stream,
    peer_ids: PeerIds,
    _networks: [Network; 2],
    _incoming: Incoming,
}

async fn dial(transport: &str) -> Dialled {
    let (device, mut incoming) = network(Some(transport)).await;
    let (person, _) = network(None).await;
    let addresses: Vec<Address> = device.addresses();
    let (here, there) = tokio::join!(person.dial(&addresses), incoming.next());
    let (here, (from, there)) = (here.unwrap(), there.unwrap());
    assert_eq!(from, person.peer_id());
    let peer_ids = PeerIds { initiator: from.to_string(), responder: here.remote().to_string() };
    Dialled { here, there, peer_ids, _networks: [person, device], _incoming: incoming }
}

/// Answers one request with its own input and drops the stream, as a device does that cuts a session.
async fn serve_one(mut stream: Stream, key: PrivateKey, contact: PublicKey, peer_ids: PeerIds) {
    let lookup = |who: &Thumbprint| (*who == contact.thumbprint()).then(|| contact.clone());
    let welcome = Welcome { lookup: &lookup, pairing_open: false, generation: 0 };
    let Ok(mut session) = respond(&mut stream, &key, &peer_ids, &welcome, || NOW).await else { return };
    let frame = read_frame(&mut stream, MAX_FRAME).await.unwrap();
    let plaintext = session.opener.open(&frame).unwrap();
    let request = Request::authenticate(plaintext, &session.peers, NOW).unwrap();
    let answer = Answer::Ok(request.input.clone().unwrap());
    let signed = Response::sign(&key, &session.peers, request.hash(), &answer, None).unwrap();
    let sealed = session.sealer.seal(signed.plaintext.as_bytes()).unwrap();
    write_frame(&mut stream, sealed.as_bytes()).await.unwrap();
    // The next frame is never answered.
    let _ = read_frame(&mut stream, MAX_FRAME).await;
}

#[tokio::test]
async fn a_session_works_and_its_end_is_seen_on_every_transport() {
    for transport in [TCP, QUIC] {
        let (person, device) = keys();
        let Dialled { mut here, there, peer_ids, _networks, _incoming } = dial(transport).await;
        tokio::spawn(serve_one(there, device.clone(), person.public().clone(), peer_ids.clone()));
        let remote = Remote::Known(device.public().clone());
        let session = initiate(&mut here, &person, remote, peer_ids, || NOW).await.unwrap();
        let connection = Connection::new(here, session, person);
        let input = json!({"large": "x".repeat(50_000)});
        let name = |text: &str| text.parse().unwrap();
        let call = Call::new(
            Operation::WriteProperty,
            name("lamp"),
            Some(name("color")),
            Some(&input),
            &mut rng::system(),
        );
        let call = call.unwrap();
        let answered = connection.call(&call, HANDSHAKE_TIMEOUT).await.unwrap();
        assert_eq!(answered.result, Answer::Ok(input), "{transport}");
        assert!(connection.call(&call, HANDSHAKE_TIMEOUT).await.is_err(), "{transport}");
        assert_eq!(connection.closed().await, Closed::ByDevice, "{transport}");
    }
}

#[tokio::test]
async fn silence_is_no_answer_on_every_transport() {
    for transport in [TCP, QUIC] {
        let (person, device) = keys();
        let (stranger, _) = keys();
        let Dialled { mut here, there, peer_ids, _networks, _incoming } = dial(transport).await;
        tokio::spawn(serve_one(there, device.clone(), person.public().clone(), peer_ids.clone()));
        let remote = Remote::Known(device.public().clone());
        let error = initiate(&mut here, &stranger, remote, peer_ids, || NOW).await.unwrap_err();
        assert!(matches!(error, InitiateError::NoAnswer), "{transport}: {error}");
    }
}
