use proptest::prelude::*;

use super::*;
use crate::{Frames, MAX_MESSAGE, Malformed, Wire, compiled, frame};

fn there_and_back<M: Wire + PartialEq + std::fmt::Debug>(message: M) {
    let bytes = frame(&message).unwrap();
    let mut frames = Frames::default();
    // Byte by byte: no message may depend on how the stream was cut.
    for byte in &bytes[..bytes.len() - 1] {
        frames.push(&[*byte]);
        assert!(frames.take::<M>().unwrap().is_none());
    }
    frames.push(&bytes[bytes.len() - 1..]);
    assert_eq!(frames.take().unwrap(), Some(message));
}

#[test]
fn messages_come_back_as_they_went() {
    let limits = Limits { memory: 1 << 23, cpu_ms: 50, deadline_ms: 5_000, host_calls_per_second: 9 };
    there_and_back(ToHost::Start { instance: 7, code: 1, limits, config: "{}".into() });
    let call = Call::Invoke { name: "open".into(), input: None, invocation: u64::MAX, deadline_ms: 1 };
    there_and_back(ToHost::Call { instance: 7, id: 1 << 40, call });
    let denied = IoError::Denied { what: "relay".into() };
    there_and_back(ToHost::Answer { id: 3, answer: Err(denied.clone()) });
    there_and_back(ToHost::Answer {
        id: 3,
        answer: Ok(Reply::Keys { keys: vec!["é".into(), String::new()] }),
    });
    let fault = CallFault::Plugin { error: PluginError::Io { error: denied } };
    there_and_back(FromHost::Returned { id: 3, result: Err(fault) });
    there_and_back(FromHost::Ask {
        instance: 0,
        id: 0,
        ask: Ask::StateSet { key: "k".into(), value: vec![0; 5_000] },
    });
}

#[test]
fn many_messages_share_a_stream() {
    let mut frames = Frames::default();
    let message = FromHost::Returned { id: 1, result: Ok(Returned::Value { json: "x".repeat(1_000) }) };
    let bytes = frame(&message).unwrap();
    for _ in 0..2_000 {
        frames.push(&bytes);
        frames.push(&bytes[..10]);
        assert_eq!(frames.take().unwrap().as_ref(), Some(&message));
        assert_eq!(frames.take::<FromHost>().unwrap(), None);
        frames.push(&bytes[10..]);
        assert_eq!(frames.take().unwrap().as_ref(), Some(&message));
    }
}

#[test]
fn a_length_is_checked_before_anything_is_kept() {
    let mut frames = Frames::default();
    frames.push(&u32::MAX.to_le_bytes());
    assert_eq!(frames.take::<FromHost>(), Err(Malformed("it is too long")));
    let long = FromHost::Ready { engine: "x".repeat(MAX_MESSAGE) };
    assert!(frame(&long).is_err());
    // An inner length that points behind the message.
    let mut frames = Frames::default();
    frames.push(&[5, 0, 0, 0, 0, 255, 255, 255, 255]);
    assert_eq!(frames.take::<FromHost>(), Err(Malformed("it is cut off")));
}

#[test]
fn a_message_has_no_tail() {
    let mut bytes = frame(&FromHost::Ready { engine: "e".into() }).unwrap();
    bytes.push(0);
    bytes[0] += 1;
    let mut frames = Frames::default();
    frames.push(&bytes);
    assert_eq!(frames.take::<FromHost>(), Err(Malformed("bytes are left over")));
}

#[test]
fn a_compilers_output_is_split() {
    let refused = compiled::Compiled::Refused { why: "no".into() };
    let code = compiled::Compiled::Code { imports: vec!["a:b/c@1.0.0".into()], engine: "e".into() };
    assert_eq!(compiled::parse(&compiled::header(&refused)), Ok((refused, &[][..])));
    let output = [compiled::header(&code), vec![1, 2, 3]].concat();
    assert_eq!(compiled::parse(&output), Ok((code, &[1, 2, 3][..])));
    for end in 0..output.len() - 4 {
        assert!(compiled::parse(&output[..end]).is_err(), "{end}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(body in proptest::collection::vec(any::<u8>(), 0..300)) {
        let mut frames = Frames::default();
        frames.push(&(body.len() as u32).to_le_bytes());
        frames.push(&body);
        let _ = frames.take::<FromHost>();
        let _ = compiled::parse(&body);
    }
}
