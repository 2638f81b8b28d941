//! A session's frames on a hostile stream: changed, dropped, repeated, reordered, invented.

use streembit_peer::wire;

use crate::fixed::{self, split};

/// Each pair of bytes is one thing that happens to the next frame.
pub fn run(input: &[u8]) {
    let (mode, rest) = split(input);
    if mode % 4 == 0 {
        return from_stream(rest);
    }
    let (mut person, mut device) = fixed::session();
    let mut held: Option<String> = None;
    let mut sent = 0_u64;
    let mut intact = true;
    for step in rest.chunks_exact(2).take(64) {
        let text = sent.to_string();
        let frame = person.sealer.seal(text.as_bytes()).unwrap();
        sent += 1;
        let mut deliver = |frame: &[u8], honest: bool| match device.opener.open(frame) {
            Ok(plain) => {
                assert!(intact && honest, "what is not the next frame was opened");
                assert_eq!(plain, text.as_bytes());
            }
            Err(_) => {
                assert!(!intact || !honest, "an honest frame was refused");
                intact = false;
            }
        };
        match step[0] % 8 {
            0..=2 => deliver(frame.as_bytes(), true),
            3 => {
                let changed = fixed::changed(&frame, u16::from(step[1]), b'A');
                deliver(changed.as_ref().unwrap_or(&frame).as_bytes(), changed.is_none());
            }
            4 => {
                deliver(frame.as_bytes(), true);
                deliver(frame.as_bytes(), false);
            }
            5 => {
                let cut = usize::from(step[1]) % frame.len();
                deliver(&frame.as_bytes()[..cut], false);
            }
            6 => deliver(rest, false),
            // An earlier frame, or none at all: the next one does not fit then.
            _ => match held.take() {
                Some(old) => deliver(old.as_bytes(), false),
                None => {
                    held = Some(frame);
                    let next = person.sealer.seal(b"next").unwrap();
                    sent += 1;
                    deliver(next.as_bytes(), false);
                }
            },
        }
    }
}

/// Whatever a stream holds, frames stay within their limit and are what was written.
fn from_stream(mut stream: &[u8]) {
    const MAX: usize = 1024;
    futures::executor::block_on(async {
        let whole = stream;
        while let Ok(frame) = wire::read_frame(&mut stream, MAX).await {
            assert!(frame.len() <= MAX);
            let end = whole.len() - stream.len();
            assert_eq!(&whole[end - frame.len()..end], frame);
            let mut written = Vec::new();
            wire::write_frame(&mut written, &frame).await.unwrap();
            assert!(whole[..end].ends_with(&written));
        }
    });
}
