use streembit_keys::{PublicKey, Thumbprint, rng};
use tokio::io::{DuplexStream, duplex};

use super::*;

mod network;

const NOW: i64 = 1_795_000_000;

fn keys() -> (PrivateKey, PrivateKey) {
    let mut rng = rng::system();
    (PrivateKey::generate(&mut rng), PrivateKey::generate(&mut rng))
}

fn peer_ids() -> PeerIds {
    PeerIds { initiator: "i".into(), responder: "r".into() }
}

/// For the tests that wait for the end of somebody's patience.
const SOON: Duration = Duration::from_millis(50);

/// What a device does that knows this contact.
async fn device(
    stream: &mut DuplexStream,
    key: &PrivateKey,
    contact: &PublicKey,
) -> Result<Established, RespondError> {
    device_within(HANDSHAKE_TIMEOUT, stream, key, contact).await
}

async fn device_within(
    limit: Duration,
    stream: &mut DuplexStream,
    key: &PrivateKey,
    contact: &PublicKey,
) -> Result<Established, RespondError> {
    let lookup = |who: &Thumbprint| (*who == contact.thumbprint()).then(|| contact.clone());
    let welcome = Welcome { lookup: &lookup, pairing_open: false, generation: 0 };
    respond_within(limit, stream, key, &peer_ids(), &welcome, || NOW).await
}

#[tokio::test]
async fn frames_arrive_in_order_and_the_end_is_the_end() {
    let (mut here, mut there) = duplex(64);
    let frames = [Vec::new(), vec![1], vec![2; 10_000]];
    let sent = frames.clone();
    let writer = tokio::spawn(async move {
        for frame in sent {
            write_frame(&mut here, &frame).await.unwrap();
        }
    });
    for frame in frames {
        assert_eq!(read_frame(&mut there, MAX_FRAME).await.unwrap(), frame);
    }
    writer.await.unwrap();
    assert!(matches!(read_frame(&mut there, MAX_FRAME).await, Err(FrameError::Closed)));
}

#[tokio::test]
async fn a_frame_that_is_too_long_is_refused_before_it_is_read() {
    let (mut here, mut there) = duplex(64);
    here.write_all(&u32::MAX.to_be_bytes()).await.unwrap();
    let error = read_frame(&mut there, MAX_FRAME).await.unwrap_err();
    assert!(matches!(error, FrameError::TooLong { length: 4_294_967_295, max: MAX_FRAME }), "{error}");
    let error = write_frame(&mut here, &vec![0; MAX_FRAME + 1]).await.unwrap_err();
    assert!(matches!(error, FrameError::TooLong { .. }), "{error}");
}

#[tokio::test]
async fn a_stream_that_ends_within_a_frame_has_failed() {
    for sent in [&[0, 0][..], &[0, 0, 0, 5, 1, 2]] {
        let (mut here, mut there) = duplex(64);
        here.write_all(sent).await.unwrap();
        drop(here);
        assert!(matches!(read_frame(&mut there, MAX_FRAME).await, Err(FrameError::Io(_))));
    }
}

#[tokio::test]
async fn two_ends_of_a_stream_get_a_session() {
    let (person, thing) = keys();
    let (mut here, mut there) = duplex(4096);
    let remote = Remote::Known(thing.public().clone());
    let (at_person, at_device) = tokio::join!(
        initiate(&mut here, &person, remote, peer_ids(), || NOW),
        device(&mut there, &thing, person.public()),
    );
    let (mut at_person, mut at_device) = (at_person.unwrap(), at_device.unwrap());
    assert_eq!(at_person.peers.sid, at_device.peers.sid);

    // Nothing of the handshake is left over in the stream: the next frame is the first message.
    let sealed = at_person.sealer.seal(b"hello").unwrap();
    write_frame(&mut here, sealed.as_bytes()).await.unwrap();
    let frame = read_frame(&mut there, MAX_FRAME).await.unwrap();
    assert_eq!(at_device.opener.open(&frame).unwrap(), b"hello");
}

#[tokio::test]
async fn a_stranger_gets_not_one_byte() {
    let (person, thing) = keys();
    let (stranger, _) = keys();
    let (mut here, mut there) = duplex(4096);
    let refused = tokio::spawn(async move { device(&mut there, &thing, person.public()).await.map(|_| ()) });
    let other = PrivateKey::generate(&mut rng::system());
    let remote = Remote::Known(other.public().clone());
    let error = initiate(&mut here, &stranger, remote, peer_ids(), || NOW).await.unwrap_err();
    assert!(matches!(error, InitiateError::NoAnswer), "{error}");
    assert!(matches!(refused.await.unwrap(), Err(RespondError::Silent(_))));
}

#[tokio::test]
async fn neither_side_waits_for_ever() {
    let (person, thing) = keys();
    let (mut here, _kept) = duplex(4096);
    let remote = Remote::Known(thing.public().clone());
    let error =
        initiate_within(SOON, &mut here, &person, remote.clone(), peer_ids(), || NOW).await.unwrap_err();
    assert!(matches!(error, InitiateError::TimedOut), "{error}");

    let (mut there, _kept) = duplex(4096);
    let error = device_within(SOON, &mut there, &thing, person.public()).await.unwrap_err();
    assert!(matches!(error, RespondError::TimedOut), "no first message: {error}");

    let (mut here, mut there) = duplex(4096);
    let (_, m1) = Initiator::start(&person, remote, peer_ids(), &mut rng::system());
    write_frame(&mut here, &m1).await.unwrap();
    let error = device_within(SOON, &mut there, &thing, person.public()).await.unwrap_err();
    assert!(matches!(error, RespondError::TimedOut), "no third message: {error}");
}

#[tokio::test]
async fn garbage_and_a_long_first_message_are_refused() {
    let (person, thing) = keys();
    for garbage in [&b"\0\0\0\x05hello"[..], b"GET / HTTP/1.1\r\n\r\n", b"\0\0\x08\x01"] {
        let (mut here, mut there) = duplex(4096);
        here.write_all(garbage).await.unwrap();
        let error = device(&mut there, &thing, person.public()).await.unwrap_err();
        assert!(matches!(error, RespondError::Silent(_) | RespondError::Frame(FrameError::TooLong { .. })));
    }
}

/// A session's two ends without their streams.
fn session() -> (Established, Established) {
    let (person, thing) = keys();
    let remote = Remote::Known(thing.public().clone());
    let (initiator, m1) = Initiator::start(&person, remote, peer_ids(), &mut rng::system());
    let lookup = |_: &Thumbprint| Some(person.public().clone());
    let welcome = Welcome { lookup: &lookup, pairing_open: false, generation: 0 };
    let (responder, m2) =
        Responder::accept(&m1, &thing, &peer_ids(), &welcome, NOW, &mut rng::system()).unwrap();
    let (at_person, m3) = initiator.on_m2(&m2, NOW).unwrap();
    (at_person, responder.on_m3(&m3).unwrap())
}

#[tokio::test]
async fn what_is_queued_is_sent_in_its_order_and_then_the_stream_is_closed() {
    let (at_person, mut at_device) = session();
    let (here, mut there) = duplex(1024);
    let (queue, messages) = mpsc::channel(100);
    for n in 0..100 {
        queue.send(n.to_string()).await.unwrap();
    }
    drop(queue);
    let sender = tokio::spawn(send_all(here, at_person.sealer, messages));
    for n in 0..100 {
        let frame = read_frame(&mut there, MAX_FRAME).await.unwrap();
        assert_eq!(at_device.opener.open(&frame).unwrap(), n.to_string().into_bytes());
    }
    assert!(matches!(read_frame(&mut there, MAX_FRAME).await, Err(FrameError::Closed)));
    sender.await.unwrap().unwrap();
}

#[tokio::test]
async fn who_reads_nothing_is_given_up() {
    let (at_person, _) = session();
    let (here, _there) = duplex(16);
    let (queue, messages) = mpsc::channel(1);
    queue.send("x".repeat(1000)).await.unwrap();
    let error = send_all_within(SOON, here, at_person.sealer, messages).await.unwrap_err();
    assert!(matches!(error, SendError::Stalled), "{error}");
}
