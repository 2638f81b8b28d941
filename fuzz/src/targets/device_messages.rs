//! What a person reads in a session: from a stranger, and from a device that signs nonsense.

use std::sync::LazyLock;

use streembit_keys::jws::{self, Typ};
use streembit_peer::message::{
    Announcement, Answer, Assembler, Chunk, FromDevice, MAX_LONG_UNDER_WAY, RequestHash, Response,
};
use streembit_peer::session::SessionPeers;

use crate::fixed::{self, DEVICE, split};

const RESPONSE: Typ = Typ::new("sb-res");
const NOTIFICATION: Typ = Typ::new("sb-ntf");
const FAREWELL: Typ = Typ::new("sb-bye");

/// One session, as the person and as the device sees it.
static SESSION: LazyLock<(SessionPeers, SessionPeers)> = LazyLock::new(|| {
    let (person, device) = fixed::session();
    (person.peers, device.peers)
});

pub fn run(input: &[u8]) {
    let (mode, rest) = split(input);
    match mode % 6 {
        0 => assert!(
            matches!(FromDevice::authenticate(rest, &SESSION.0), Err(_) | Ok(FromDevice::Chunk(_))),
            "nobody signed this"
        ),
        1 => signed(RESPONSE, rest),
        2 => signed(NOTIFICATION, rest),
        4 => from_anybody(rest),
        5 => in_between(rest),
        // The members that any of them must have, and more from the input.
        _ => {
            let Ok(serde_json::Value::Object(more)) = serde_json::from_slice(rest) else { return };
            let mut payload = serde_json::json!({
                "iss": DEVICE.public().thumbprint(), "aud": SESSION.0.local, "sid": SESSION.0.sid,
            });
            for (name, value) in more {
                payload[name] = value;
            }
            let payload = payload.to_string();
            signed(RESPONSE, payload.as_bytes());
            signed(NOTIFICATION, payload.as_bytes());
            signed(FAREWELL, payload.as_bytes());
        }
    }
}

fn signed(kind: Typ, payload: &[u8]) {
    let message = jws::sign(&DEVICE, kind, payload);
    // What a device says is for the person to judge; reading it must only end, and agree with the kind.
    match FromDevice::authenticate(message.as_bytes(), &SESSION.0) {
        Ok(FromDevice::Response(_) | FromDevice::Announcement(_)) => assert_eq!(kind, RESPONSE),
        Ok(FromDevice::Notification(_)) => assert_eq!(kind, NOTIFICATION),
        Ok(FromDevice::Farewell(_)) => assert_eq!(kind, FAREWELL),
        Ok(FromDevice::Chunk(_)) => unreachable!("a chunk is not signed"),
        Err(_) => {}
    }
}

/// Announcements and chunks as a device makes them up: each has a byte that says which request it is for and whether
/// anybody waits, and its own text.
fn from_anybody(input: &[u8]) {
    let mut assembler = Assembler::default();
    let mut came = 0;
    for part in input.chunks(64) {
        let (what, rest) = split(part);
        let re = RequestHash::from_bytes([what % 4; 32]);
        let Some((length, bytes)) = rest.split_first_chunk::<4>() else { return };
        let number = u32::from_be_bytes(*length) % (1 << 23);
        if what & 0x80 == 0 {
            let value = serde_json::json!({ "length": number, "sha256": re });
            let value = serde_json::from_value(value).unwrap();
            let _ = assembler.begin(Announcement { re, value, receipt: None }, what & 0x40 == 0);
            continue;
        }
        let plaintext = Chunk { re, offset: number, bytes }.to_plaintext();
        let Ok(chunk) = Chunk::from_plaintext(&plaintext) else { continue };
        assert_eq!((chunk.offset, chunk.bytes), (number, bytes));
        came += bytes.len();
        match assembler.take(&chunk) {
            Ok(Some(whole)) => assert!(whole.check().is_err(), "nobody signed this"),
            Ok(None) | Err(_) => {}
        }
        assert!(assembler.held() <= 2 * came + 64 && assembler.held() <= 2 * MAX_LONG_UNDER_WAY);
    }
}

/// An honest long answer, to whose chunks something happens on the way. It arrives if nothing did, and not otherwise.
fn in_between(input: &[u8]) {
    let answer = Answer::Ok("long".repeat(20_000).into());
    let re = RequestHash::from_bytes([7; 32]);
    let signed = Response::sign(&DEVICE, &SESSION.1, re, &answer, None).unwrap();
    let Ok(FromDevice::Announcement(announcement)) =
        FromDevice::authenticate(signed.plaintext.as_bytes(), &SESSION.0)
    else {
        unreachable!("an honest announcement")
    };
    let mut assembler = Assembler::default();
    assembler.begin(announcement, true).unwrap();
    let mut follows = signed.follows.unwrap();
    let mut steps = input.chunks_exact(2);
    let mut intact = true;
    while let Some(mut chunk) = follows.next_chunk() {
        let (what, at) = steps.next().map_or((0, 0), |step| (step[0], usize::from(step[1])));
        let repeated = match what % 8 {
            5 => {
                intact = false;
                continue;
            }
            6 => {
                intact = false;
                chunk.truncate(chunk.len() - 1 - at % 64);
                None
            }
            7 => {
                intact &= at == 0;
                // Behind the head: which answer and which place it is for stays as it was.
                *chunk.last_mut().unwrap() ^= u8::try_from(at).unwrap();
                None
            }
            4 => Some(chunk.clone()),
            _ => None,
        };
        for (n, plaintext) in repeated.iter().chain([&chunk]).enumerate() {
            intact &= n == 0;
            let Ok(FromDevice::Chunk(chunk)) = FromDevice::authenticate(plaintext, &SESSION.0) else {
                return;
            };
            match assembler.take(&chunk) {
                Ok(None) => {}
                Ok(Some(whole)) => match whole.check() {
                    Ok(response) => assert!(intact && response.result == answer),
                    Err(_) => assert!(!intact, "an honest answer was refused"),
                },
                Err(_) => {
                    assert!(!intact, "an honest chunk was refused");
                    return;
                }
            }
        }
    }
}
