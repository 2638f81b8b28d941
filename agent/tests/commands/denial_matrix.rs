//! Role × affordance × operation × time × honest, forged, replayed, expired, wrong audience, other session, revoked: every
//! case through a real session, held against a table that was written down here and not taken from the code.

use serde_json::{Value, json};
use streembit_agent::clock::VirtualTime;
use streembit_agent::session::{Limits, Rate};
use streembit_keys::PrivateKey;
use streembit_peer::message::{ActionId, Answer, Operation as O, ProblemCode};
use streembit_peer::rights::{Day, Grant, Role, WeeklyHours};

use super::house::{Ask, ByHand, House, NOON, call, code, grant, new_key, sign_as};

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    Owner,
    Operator,
    Viewer,
    /// A guest who may open the door, and read and write its speed.
    Guest,
    /// The same, from 08:00 to 18:00.
    DayGuest,
    /// A guest with a grant to another Thing.
    Elsewhere,
}

const EVERYBODY: [Who; 6] =
    [Who::Owner, Who::Operator, Who::Viewer, Who::Guest, Who::DayGuest, Who::Elsewhere];

/// What time it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    Noon,
    Night,
    NobodyKnows,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    /// Done, and the door moves where the operation moves it.
    Granted,
    Refused,
    /// Refused with the one reason that is told.
    Clock,
}

/// What the door has, `nothing` being what it has not.
const AFFORDANCES: [&str; 9] =
    ["state", "speed", "pin", "open", "turn", "travel", "obstruction", "bell", "nothing"];

fn exists(op: O, affordance: &str) -> bool {
    match affordance {
        "state" => matches!(op, O::ReadProperty | O::ObserveProperty | O::UnobserveProperty),
        "speed" => {
            matches!(op, O::ReadProperty | O::WriteProperty | O::ObserveProperty | O::UnobserveProperty)
        }
        "pin" => op == O::WriteProperty,
        // Asking about an action and cancelling it need one that runs, and in the matrix none does.
        "open" | "turn" | "travel" => op == O::InvokeAction,
        "obstruction" | "bell" => matches!(op, O::SubscribeEvent | O::UnsubscribeEvent),
        "" => op == O::ReadAllProperties,
        _ => false,
    }
}

fn granted_to_guest(op: O, affordance: &str) -> bool {
    matches!(
        (op, affordance),
        (O::InvokeAction, "open")
            | (O::ReadProperty | O::WriteProperty, "speed")
            | (O::ReadAllProperties, "")
    )
}

fn asks_about_an_action(op: O) -> bool {
    matches!(op, O::QueryAction | O::CancelAction)
}

fn expected(who: Who, op: O, affordance: &str, when: When) -> Expected {
    let reads = !op.changes_the_world() && op != O::QueryAction;
    let may = match who {
        Who::Owner | Who::Operator => true,
        Who::Viewer => reads,
        Who::Guest => granted_to_guest(op, affordance),
        Who::DayGuest => {
            // To ask about an action is part of the grant to start it, so the clock matters there as well.
            let granted = granted_to_guest(op, affordance) || (op, affordance) == (O::QueryAction, "open");
            if granted && when == When::NobodyKnows {
                return Expected::Clock;
            }
            granted && when == When::Noon
        }
        Who::Elsewhere => false,
    };
    if may && exists(op, affordance) { Expected::Granted } else { Expected::Refused }
}

fn input(op: O, affordance: &str) -> Option<Value> {
    match (op, affordance) {
        (O::WriteProperty, "speed") => Some(json!(3)),
        (O::WriteProperty, "pin") => Some(json!("1234")),
        (O::InvokeAction, "turn") => Some(json!({ "by": 5 })),
        _ if asks_about_an_action(op) => Some(json!({ "action": ActionId::from_bytes([7; 16]) })),
        _ => None,
    }
}

async fn house(when: When) -> House {
    let time = match when {
        When::Noon => VirtualTime::new(NOON, true),
        When::Night => VirtualTime::new(NOON + 10 * 3600, true),
        When::NobodyKnows => VirtualTime::new(0, false),
    };
    let often = Rate { a_second: 1e6, burst: 1e6 };
    let house = House::build(time, Limits { handshakes_of_a_source: often, ..Limits::default() });
    house.claim().await;
    house
}

async fn admit(house: &House, who: Who) -> PrivateKey {
    let guest = || {
        vec![
            grant("door", "open", &[O::InvokeAction]),
            grant("door", "speed", &[O::ReadProperty, O::WriteProperty]),
        ]
    };
    match who {
        Who::Owner => house.admit_owner().await,
        Who::Operator => house.admit(Role::Operator, vec![]).await,
        Who::Viewer => house.admit(Role::Viewer, vec![]).await,
        Who::Guest => house.admit(Role::Guest, guest()).await,
        Who::DayGuest => {
            let (from, to) = ("08:00".parse().unwrap(), "18:00".parse().unwrap());
            let weekly =
                vec![WeeklyHours { zone: "UTC".parse().unwrap(), days: Day::ALL.to_vec(), from, to }];
            let timed = |grant| Grant { weekly: weekly.clone(), ..grant };
            house.admit(Role::Guest, guest().into_iter().map(timed).collect()).await
        }
        Who::Elsewhere => house.admit(Role::Guest, vec![grant("window", "*", &O::ALL)]).await,
    }
}

/// An owner's session would vouch for the time.
fn comes(who: Who, when: When) -> bool {
    (who, when) != (Who::Owner, When::NobodyKnows)
}

#[derive(Debug, Default)]
struct Tally {
    denied: u64,
    granted: u64,
}

/// Everybody asks honestly for everything, at every time.
async fn honest(when: When, tally: &mut Tally) {
    let house = house(when).await;
    for who in EVERYBODY.into_iter().filter(|who| comes(*who, when)) {
        let key = admit(&house, who).await;
        let person = house.enter(&key).await;
        for op in O::ALL {
            let affordances: &[&str] = if op.names_an_affordance() { &AFFORDANCES } else { &[""] };
            for (thing, affordance) in
                affordances.iter().flat_map(|name| [("door", *name), ("nowhere", *name)])
            {
                let moved = house.door.moved();
                let answer = person.ask(op, thing, affordance, input(op, affordance)).await;
                let case = format!("{who:?} {op} {thing}/{affordance} {when:?}: {answer:?}");
                let expected = match expected(who, op, affordance, when) {
                    Expected::Granted if thing == "door" => Expected::Granted,
                    // What a grant names does not exist elsewhere, and its hours are no matter there.
                    _ if thing != "door" => Expected::Refused,
                    other => other,
                };
                match expected {
                    Expected::Granted => {
                        let moves = u64::from(op.changes_the_world());
                        assert!(matches!(answer, Answer::Ok(_) | Answer::Pending(_)), "{case}");
                        assert_eq!(house.door.moved(), moved + moves, "{case}");
                        tally.granted += 1;
                    }
                    denied => {
                        let reason =
                            if denied == Expected::Clock { ProblemCode::Clock } else { ProblemCode::Refused };
                        assert_eq!(code(&answer), Some(reason), "{case}");
                        assert_eq!(house.door.moved(), moved, "{case}");
                        tally.denied += 1;
                    }
                }
            }
        }
    }
}

/// What may be wrong with a request that its sender would have been granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrong {
    Forged,
    ReplayedFrame,
    ReplayedRequest,
    Expired,
    ValidTooLong,
    OtherAudience,
    OtherSession,
    OtherSessionsFrame,
    Revoked,
}

const EVERYTHING_WRONG: [Wrong; 9] = [
    Wrong::Forged,
    Wrong::ReplayedFrame,
    Wrong::ReplayedRequest,
    Wrong::Expired,
    Wrong::ValidTooLong,
    Wrong::OtherAudience,
    Wrong::OtherSession,
    Wrong::OtherSessionsFrame,
    Wrong::Revoked,
];

/// The actions without input: what can be asked by hand.
const MOVES: [(O, &str); 3] =
    [(O::InvokeAction, "open"), (O::InvokeAction, "travel"), (O::CancelAction, "travel")];

/// Sends one request with something wrong. Whatever it is, the door must not move by it.
async fn send_wrong(house: &House, key: &PrivateKey, op: O, affordance: &str, wrong: Wrong, case: &str) {
    let mut caller = house.enter_by_hand(key).await;
    let mut request = caller.request(op, "door", affordance);
    match wrong {
        Wrong::Forged => {
            let forged = sign_as(&new_key(), &request);
            silence(&mut caller, &forged, case).await;
        }
        Wrong::ReplayedFrame => {
            let plaintext = caller.sign(&request);
            let frame = caller.established.sealer.seal(plaintext.as_bytes()).unwrap();
            caller.send_frame(frame.as_bytes()).await;
            caller.receive().await.unwrap_or_else(|| panic!("the first is answered: {case}"));
            let moved = house.door.moved();
            caller.send_frame(frame.as_bytes()).await;
            assert_eq!(caller.receive().await, None, "{case}");
            assert_eq!(house.door.moved(), moved, "{case}");
        }
        Wrong::ReplayedRequest => {
            let first = caller.exchange(&request).await.unwrap();
            let moved = house.door.moved();
            let second = caller.exchange(&request).await.unwrap();
            assert!(second.contains("refused") == first.contains("refused"), "{case}: {second}");
            assert_eq!(house.door.moved(), moved, "{case}");
        }
        Wrong::Expired => {
            (request["iat"], request["exp"]) = (json!(caller.now - 120), json!(caller.now - 60));
            assert!(caller.exchange(&request).await.unwrap().contains("expired"), "{case}");
        }
        Wrong::ValidTooLong => {
            request["exp"] = json!(caller.now + 3600);
            assert!(caller.exchange(&request).await.unwrap().contains("expired"), "{case}");
        }
        Wrong::OtherAudience => {
            request["aud"] = json!(new_key().public().thumbprint());
            let plaintext = caller.sign(&request);
            silence(&mut caller, &plaintext, case).await;
        }
        Wrong::OtherSession => {
            let other = house.enter_by_hand(key).await;
            let plaintext = other.sign(&other.request(op, "door", affordance));
            silence(&mut caller, &plaintext, case).await;
        }
        Wrong::OtherSessionsFrame => {
            let mut other = house.enter_by_hand(key).await;
            let plaintext = other.sign(&other.request(op, "door", affordance));
            let frame = other.established.sealer.seal(plaintext.as_bytes()).unwrap();
            caller.send_frame(frame.as_bytes()).await;
            assert_eq!(caller.receive().await, None, "{case}");
        }
        Wrong::Revoked => {
            house.revoke(key).await;
            let plaintext = caller.sign(&request);
            silence(&mut caller, &plaintext, case).await;
        }
    }
}

async fn silence(caller: &mut ByHand, plaintext: &str, case: &str) {
    caller.send(plaintext).await;
    assert_eq!(caller.receive().await, None, "{case}");
}

/// Everybody sends requests with something wrong, at every time.
async fn dishonest(when: When, tally: &mut Tally) {
    let house = house(when).await;
    for who in EVERYBODY.into_iter().filter(|who| comes(*who, when)) {
        let mut key = admit(&house, who).await;
        for (op, affordance) in MOVES {
            for wrong in EVERYTHING_WRONG {
                let case = format!("{who:?} {op} {affordance} {when:?} {wrong:?}");
                let moved = house.door.moved();
                send_wrong(&house, &key, op, affordance, wrong, &case).await;
                // Of what is sent twice, the first is an honest request.
                let honest = matches!(wrong, Wrong::ReplayedFrame | Wrong::ReplayedRequest)
                    && expected(who, op, affordance, when) == Expected::Granted;
                assert_eq!(house.door.moved(), moved + u64::from(honest), "{case}");
                tally.denied += 1;
                tally.granted += u64::from(honest);
                if wrong == Wrong::Revoked {
                    key = admit(&house, who).await;
                }
            }
        }
    }
    let journal = house.device.journal();
    assert!(journal.verify(None).await.unwrap().holds());
    let still = house.enter(&admit(&house, Who::Operator).await).await;
    let moved = house.door.moved();
    let answer = still.respond(&call(O::InvokeAction, "door", "open", None)).await.result;
    assert_eq!(
        (answer, house.door.moved()),
        (Answer::Ok(Value::Null), moved + 1),
        "an honest caller is served"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_denials_move_nothing_and_every_grant_moves() {
    let mut tally = Tally::default();
    for when in [When::Noon, When::Night, When::NobodyKnows] {
        honest(when, &mut tally).await;
        dishonest(when, &mut tally).await;
    }
    println!("{} cases denied, {} granted", tally.denied, tally.granted);
    assert!(tally.denied >= 1000, "{tally:?}");
    assert!(tally.granted >= 100, "{tally:?}");
}
