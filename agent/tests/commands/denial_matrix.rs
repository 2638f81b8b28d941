//! Role × affordance × operation × time × honest, forged, replayed, expired, wrong audience, other session, revoked: every
//! case through a real session, held against a table that was written down here and not taken from the code. The door is
//! `gpio-switch` in its sandbox, and what counts is how often its simulated lines moved. Beside it stands a blind that is
//! made for these tests: it has what `gpio-switch` has not, values to write and actions that take input or run on.

use serde_json::{Value, json};
use streembit_agent::clock::VirtualTime;
use streembit_agent::session::{Limits, Rate};
use streembit_keys::PrivateKey;
use streembit_peer::message::{ActionId, Answer, Operation as O, ProblemCode};
use streembit_peer::rights::{Day, Grant, Role, WeeklyHours};

use super::house::{Ask, ByHand, House, NOON, call, code, grant, new_key, sign_as};
use super::lines::Lines;

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    Owner,
    Operator,
    Viewer,
    /// A guest who may open the door and read its state, and read and write the blind's speed.
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
    /// Done, and what the operation moves has moved.
    Granted,
    Refused,
    /// Refused with the one reason that is told.
    Clock,
}

/// The Things with what they have, `nothing` being what they have not; and one that is not there.
const THINGS: [(&str, &[&str]); 3] = [
    ("door", &["state", "obstructed", "open", "close", "stop", "obstruction", "nothing"]),
    ("blind", &["state", "speed", "pin", "open", "turn", "travel", "obstruction", "bell", "nothing"]),
    ("nowhere", &["state", "speed", "pin", "open", "close", "travel", "obstruction", "nothing"]),
];

fn exists(op: O, thing: &str, affordance: &str) -> bool {
    match (thing, affordance) {
        ("door" | "blind", "state") | ("door", "obstructed") => {
            matches!(op, O::ReadProperty | O::ObserveProperty | O::UnobserveProperty)
        }
        ("blind", "speed") => {
            matches!(op, O::ReadProperty | O::WriteProperty | O::ObserveProperty | O::UnobserveProperty)
        }
        ("blind", "pin") => op == O::WriteProperty,
        // Asking about an action and cancelling it need one that runs, and in the matrix none does.
        ("door", "open" | "close" | "stop") | ("blind", "open" | "turn" | "travel") => op == O::InvokeAction,
        ("door" | "blind", "obstruction") | ("blind", "bell") => {
            matches!(op, O::SubscribeEvent | O::UnsubscribeEvent)
        }
        ("door" | "blind", "") => op == O::ReadAllProperties,
        _ => false,
    }
}

fn granted_to_guest(op: O, thing: &str, affordance: &str) -> bool {
    matches!(
        (op, thing, affordance),
        (O::InvokeAction, "door", "open")
            | (O::ReadProperty, "door", "state")
            | (O::ReadProperty | O::WriteProperty, "blind", "speed")
            | (O::ReadAllProperties, "door" | "blind", "")
    )
}

fn asks_about_an_action(op: O) -> bool {
    matches!(op, O::QueryAction | O::CancelAction)
}

fn expected(who: Who, op: O, thing: &str, affordance: &str, when: When) -> Expected {
    let reads = !op.changes_the_world() && op != O::QueryAction;
    let may = match who {
        Who::Owner | Who::Operator => true,
        Who::Viewer => reads,
        Who::Guest => granted_to_guest(op, thing, affordance),
        Who::DayGuest => {
            // To ask about an action is part of the grant to start it, so the clock matters there as well.
            let granted = granted_to_guest(op, thing, affordance)
                || (op, thing, affordance) == (O::QueryAction, "door", "open");
            if granted && when == When::NobodyKnows {
                return Expected::Clock;
            }
            granted && when == When::Noon
        }
        Who::Elsewhere => false,
    };
    if may && exists(op, thing, affordance) { Expected::Granted } else { Expected::Refused }
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

/// The house, and what in it moves.
struct Place {
    house: House,
    lines: Lines,
}

impl Place {
    async fn at(when: When) -> Self {
        let time = match when {
            When::Noon => VirtualTime::new(NOON, true),
            When::Night => VirtualTime::new(NOON + 10 * 3600, true),
            When::NobodyKnows => VirtualTime::new(0, false),
        };
        let often = Rate { a_second: 1e6, burst: 1e6 };
        let house = House::build(time, Limits { handshakes_of_a_source: often, ..Limits::default() });
        house.claim().await;
        house.device.things().put("blind".into(), house.door.clone());
        let lines = Lines::of(&house).await;
        Self { house, lines }
    }

    fn moved(&self) -> Moved {
        Moved { lines: self.lines.moved(), blind: self.house.door.moved() }
    }
}

/// How often the door's lines and the blind have moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Moved {
    lines: u64,
    blind: u64,
}

impl Moved {
    /// What it is after a grant of this operation.
    fn after(self, op: O, thing: &str) -> Self {
        let by = |moves: bool| u64::from(moves && op.changes_the_world());
        Self { lines: self.lines + by(thing == "door"), blind: self.blind + by(thing == "blind") }
    }
}

async fn admit(house: &House, who: Who) -> PrivateKey {
    let guest = || {
        vec![
            grant("door", "open", &[O::InvokeAction]),
            grant("door", "state", &[O::ReadProperty]),
            grant("blind", "speed", &[O::ReadProperty, O::WriteProperty]),
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
    /// Grants that moved a line.
    lines: u64,
}

/// Everybody asks honestly for everything, at every time.
async fn honest(place: &Place, when: When, tally: &mut Tally) {
    for who in EVERYBODY.into_iter().filter(|who| comes(*who, when)) {
        let key = admit(&place.house, who).await;
        let person = place.house.enter(&key).await;
        for op in O::ALL {
            let affordances = THINGS.into_iter().flat_map(|(thing, affordances)| {
                let affordances = if op.names_an_affordance() { affordances } else { &[""] };
                affordances.iter().map(move |affordance| (thing, *affordance))
            });
            for (thing, affordance) in affordances {
                let moved = place.moved();
                let answer = person.ask(op, thing, affordance, input(op, affordance)).await;
                let case = format!("{who:?} {op} {thing}/{affordance} {when:?}: {answer:?}");
                match expected(who, op, thing, affordance, when) {
                    Expected::Granted => {
                        assert!(matches!(answer, Answer::Ok(_) | Answer::Pending(_)), "{case}");
                        assert_eq!(place.moved(), moved.after(op, thing), "{case}");
                        tally.granted += 1;
                        tally.lines += place.moved().lines - moved.lines;
                    }
                    denied => {
                        let reason =
                            if denied == Expected::Clock { ProblemCode::Clock } else { ProblemCode::Refused };
                        assert_eq!(code(&answer), Some(reason), "{case}");
                        assert_eq!(place.moved(), moved, "{case}");
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
const MOVES: [(O, &str, &str); 4] = [
    (O::InvokeAction, "door", "open"),
    (O::InvokeAction, "door", "close"),
    (O::InvokeAction, "blind", "travel"),
    (O::CancelAction, "blind", "travel"),
];

/// Sends one request with something wrong. Whatever it is, nothing must move by it.
async fn send_wrong(place: &Place, key: &PrivateKey, asked: (O, &str, &str), wrong: Wrong, case: &str) {
    let (house, (op, thing, affordance)) = (&place.house, asked);
    let mut caller = house.enter_by_hand(key).await;
    let mut request = caller.request(op, thing, affordance);
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
            let moved = place.moved();
            caller.send_frame(frame.as_bytes()).await;
            assert_eq!(caller.receive().await, None, "{case}");
            assert_eq!(place.moved(), moved, "{case}");
        }
        Wrong::ReplayedRequest => {
            let first = caller.exchange(&request).await.unwrap();
            let moved = place.moved();
            let second = caller.exchange(&request).await.unwrap();
            assert!(second.contains("refused") == first.contains("refused"), "{case}: {second}");
            assert_eq!(place.moved(), moved, "{case}");
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
            let plaintext = other.sign(&other.request(op, thing, affordance));
            silence(&mut caller, &plaintext, case).await;
        }
        Wrong::OtherSessionsFrame => {
            let mut other = house.enter_by_hand(key).await;
            let plaintext = other.sign(&other.request(op, thing, affordance));
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
async fn dishonest(place: &Place, when: When, tally: &mut Tally) {
    let house = &place.house;
    for who in EVERYBODY.into_iter().filter(|who| comes(*who, when)) {
        let mut key = admit(house, who).await;
        for (op, thing, affordance) in MOVES {
            for wrong in EVERYTHING_WRONG {
                let case = format!("{who:?} {op} {thing}/{affordance} {when:?} {wrong:?}");
                let moved = place.moved();
                send_wrong(place, &key, (op, thing, affordance), wrong, &case).await;
                // Of what is sent twice, the first is an honest request.
                let honest = matches!(wrong, Wrong::ReplayedFrame | Wrong::ReplayedRequest)
                    && expected(who, op, thing, affordance, when) == Expected::Granted;
                let expected = if honest { moved.after(op, thing) } else { moved };
                assert_eq!(place.moved(), expected, "{case}");
                tally.denied += 1;
                tally.granted += u64::from(honest);
                tally.lines += expected.lines - moved.lines;
                if wrong == Wrong::Revoked {
                    key = admit(house, who).await;
                }
            }
        }
    }
    assert!(house.device.journal().verify(None).await.unwrap().holds());
    let still = house.enter(&admit(house, Who::Operator).await).await;
    let moved = place.moved();
    let answer = still.respond(&call(O::InvokeAction, "door", "open", None)).await.result;
    assert_eq!(answer, Answer::Ok(Value::Null), "an honest caller is served");
    assert_eq!(place.moved(), moved.after(O::InvokeAction, "door"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_denials_move_nothing_and_every_grant_moves() {
    let mut tally = Tally::default();
    for when in [When::Noon, When::Night, When::NobodyKnows] {
        let place = Place::at(when).await;
        honest(&place, when, &mut tally).await;
        dishonest(&place, when, &mut tally).await;
        place.lines.close().await;
    }
    println!("{} cases denied, {} granted, {} movements of a line", tally.denied, tally.granted, tally.lines);
    assert!(tally.denied >= 1000, "{tally:?}");
    assert!(tally.granted >= 100, "{tally:?}");
    assert!(tally.lines >= 40, "{tally:?}");
}
