//! What a plugin host that was taken over can write to the agent, and a compiler to its output. (And the other way
//! round, for what the host reads.)

use streembit_plugin_host::boundary::{FromHost, ToHost};
use streembit_plugin_host::{Frames, MAX_MESSAGE, Wire, compiled, frame};

use crate::fixed::split;

pub fn run(input: &[u8]) {
    let (mode, rest) = split(input);
    match mode % 3 {
        0 => stream::<FromHost>(rest),
        1 => stream::<ToHost>(rest),
        _ => {
            if let Ok((header, code)) = compiled::parse(rest) {
                assert_eq!([&compiled::header(&header), code].concat(), rest);
            }
        }
    }
}

/// Whatever is read is what was written, and it makes no difference in which pieces it comes.
fn stream<M: Wire + PartialEq + std::fmt::Debug>(bytes: &[u8]) {
    let mut whole = Frames::default();
    whole.push(bytes);
    let mut pieces = Frames::default();
    let mut left = bytes.chunks(7);
    let mut at = 0;
    while let Ok(Some(message)) = whole.take::<M>() {
        let again = loop {
            match pieces.take::<M>().expect("the same bytes") {
                Some(message) => break message,
                None => pieces.push(left.next().expect("the same bytes")),
            }
        };
        assert_eq!(again, message);
        let written = frame(&message).expect("what was read is not too long");
        assert!(written.len() <= 4 + MAX_MESSAGE);
        assert_eq!(&bytes[at..at + written.len()], written);
        at += written.len();
    }
}
