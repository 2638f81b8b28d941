//! The three messages of a handshake, from a stranger and from somebody who has the right key and writes nonsense.

use streembit_keys::jws::{self, Typ};

use crate::fixed::{self, DEVICE, NOW, PERSON, split};

const HS2: Typ = Typ::new("sb-hs2");
const HS3: Typ = Typ::new("sb-hs3");

pub fn run(input: &[u8]) {
    let (mode, rest) = split(input);
    match mode % 6 {
        // Nothing is established before M3, whatever M1 was; and then M3 must be signed.
        0 => {
            if let Some((responder, _)) = fixed::respond(rest) {
                assert!(responder.on_m3(rest).is_err());
            }
        }
        1 => drop(fixed::initiator().0.on_m2(rest, NOW).map(|_| panic!("nobody signed this M2"))),
        2 => {
            let signed = jws::sign(&DEVICE, HS2, rest);
            let _ = fixed::initiator().0.on_m2(signed.as_bytes(), NOW);
        }
        3 => {
            let Some((responder, _)) = fixed::respond(&fixed::initiator().1) else { return };
            let signed = jws::sign(&PERSON, HS3, rest);
            let _ = responder.on_m3(signed.as_bytes());
        }
        // One byte of M1 or M2 changed on the way: the two never agree.
        _ => {
            let [high, low, to, ..] = rest else { return };
            let at = usize::from(u16::from_be_bytes([*high, *low]));
            let (initiator, m1) = fixed::initiator();
            let received = if mode % 6 == 4 { replaced(&m1, at, *to) } else { m1.clone() };
            let Some((responder, m2)) = fixed::respond(&received) else { return };
            let answered = if mode % 6 == 5 { replaced(&m2, at, *to) } else { m2.clone() };
            let unchanged = received == m1 && answered == m2;
            let established = match initiator.on_m2(&answered, NOW) {
                Ok((_, m3)) => responder.on_m3(&m3).is_ok(),
                Err(_) => false,
            };
            assert_eq!(established, unchanged);
        }
    }
}

fn replaced(message: &[u8], at: usize, to: u8) -> Vec<u8> {
    let mut message = message.to_vec();
    let length = message.len();
    message[at % length] = to;
    message
}
