//! The daemon, its control socket and real sessions, inside one process.

use std::time::{Duration, Instant};

use serde_json::Value;
use streembit_agent::control::answer::{MadeLink, People, Status, Verification};
use streembit_agent::control::{Allowance, Call, InviteArgs, PairArgs};
use streembit_peer::client::Closed;
use streembit_peer::exit::Exit;
use streembit_peer::health::{Level, Point};
use streembit_peer::message::{Answer, ProblemCode};
use streembit_peer::offer::Offer;
use streembit_peer::rights::Role;

use super::person::{Home, NOON, Person, SOON, invoke, read};

fn is_ok(answer: &Answer) -> bool {
    matches!(answer, Answer::Ok(_))
}

fn is_problem(answer: &Answer, code: ProblemCode) -> bool {
    matches!(answer, Answer::Problem(problem) if problem.code == code)
}

#[tokio::test]
async fn the_first_to_prove_the_link_owns_the_device_and_nobody_after() {
    let home = Home::new();
    let daemon = home.start().await;
    let link = home.pair().await;
    assert_eq!(link.device, daemon.device().key().public().thumbprint());
    assert!(!home.ask::<Status>(Call::Status).await.unwrap().claimed);

    // Without the secret nobody gets in.
    let mut forged = link.clone();
    forged.secret = streembit_peer::link::Secret::generate(&mut streembit_keys::rng::system());
    let thief = Person::new().await;
    assert!(is_problem(&thief.claim(&forged, "thief").await, ProblemCode::Refused));

    let ada = Person::new().await;
    assert!(is_ok(&ada.claim(&link, "Ada").await));
    let people: People = home.ask(Call::Contacts).await.unwrap();
    assert_eq!(people.contacts.len(), 1);
    assert_eq!(
        (people.contacts[0].contact, people.contacts[0].role),
        (ada.key.public().thumbprint(), Role::Owner)
    );

    // One use.
    let bob = Person::new().await;
    assert!(bob.follow(&link).await.is_none(), "the pairing is closed");
    let status: Status = home.ask(Call::Status).await.unwrap();
    assert!(status.claimed && !status.pairing_open);

    // The claim never opens again, not even by the device's own user.
    for role in [None, Some(Role::Owner)] {
        let again = home.ask::<MadeLink>(Call::Pair(PairArgs { role, ..PairArgs::default() })).await;
        assert_eq!(again.unwrap_err().exit, Exit::Refused);
    }
    // A contact may be let in beside the device all the same.
    let made: MadeLink =
        home.ask(Call::Pair(PairArgs { role: Some(Role::Viewer), ..PairArgs::default() })).await.unwrap();
    let link = made.link.parse().unwrap();
    assert!(is_ok(&bob.claim(&link, "Bob").await));
    assert!(is_ok(&read(&bob.visit(&link, &daemon).await.unwrap(), "status").await));
    daemon.stop().await;
}

#[tokio::test]
async fn a_machine_is_one_source_whatever_peer_ids_it_makes() {
    let home = Home::new();
    let daemon = home.start().await;
    let link = home.pair().await;
    let (one, two, three) = (Person::new().await, Person::new().await, Person::new().await);
    let first = one.follow(&link).await.unwrap();
    let _second = two.follow(&link).await.unwrap();
    // The third finds the door open all the same, and the oldest of this machine makes room.
    assert!(is_ok(&three.claim(&link, "Ada").await));
    tokio::time::timeout(SOON, first.closed()).await.unwrap();
    daemon.stop().await;
}

#[tokio::test]
async fn a_device_without_an_owner_takes_no_other_role_first() {
    let home = Home::new();
    let daemon = home.start().await;
    let failure =
        home.ask::<MadeLink>(Call::Pair(PairArgs { role: Some(Role::Viewer), ..PairArgs::default() })).await;
    assert_eq!(failure.unwrap_err().exit, Exit::Refused);
    daemon.stop().await;
}

#[tokio::test]
async fn a_closed_pairing_lets_nobody_in() {
    let home = Home::new();
    let daemon = home.start().await;
    let link = home.pair().await;
    let _: Value = home.ask(Call::ClosePairing).await.unwrap();
    assert!(Person::new().await.follow(&link).await.is_none());
    daemon.stop().await;
}

#[tokio::test]
async fn a_pairing_closes_after_ten_minutes() {
    let home = Home::new();
    let daemon = home.start().await;
    let link = home.pair().await;
    home.time.pass(Duration::from_secs(599));
    assert!(Person::new().await.follow(&link).await.is_some());
    home.time.pass(Duration::from_secs(2));
    assert!(Person::new().await.follow(&link).await.is_none());
    daemon.stop().await;
}

#[tokio::test]
async fn whoever_is_revoked_loses_the_open_session_at_once() {
    let home = Home::new();
    let daemon = home.start().await;
    let link = home.pair().await;
    let ada = Person::new().await;
    assert!(is_ok(&ada.claim(&link, "Ada").await));
    let bob = Person::new().await;
    let made: MadeLink =
        home.ask(Call::Pair(PairArgs { role: Some(Role::Operator), ..PairArgs::default() })).await.unwrap();
    assert!(is_ok(&bob.claim(&made.link.parse().unwrap(), "Bob").await));
    let session = bob.visit(&link, &daemon).await.unwrap();
    assert!(is_ok(&read(&session, "status").await));

    for wrong in ["Rob", "", "bob"] {
        let failure =
            home.ask::<Value>(Call::Revoke { contact: wrong.into(), last_owner: false }).await.unwrap_err();
        assert_eq!(failure.exit, Exit::Refused, "{wrong}");
    }
    let answer: Value = home.ask(Call::Revoke { contact: "Bob".into(), last_owner: false }).await.unwrap();
    assert_eq!(answer["revoked"], bob.key.public().thumbprint().to_string());
    let closed = tokio::time::timeout(SOON, session.closed()).await.unwrap();
    assert!(matches!(closed, Closed::ByDevice | Closed::Failed(_)), "{closed:?}");
    assert!(bob.visit(&link, &daemon).await.is_none());
    // The owner is not touched.
    assert!(ada.visit(&link, &daemon).await.is_some());
    daemon.stop().await;
}

fn invitation(valid_for: u32) -> Call {
    Call::Invite(InviteArgs {
        name: "Bob".parse().unwrap(),
        role: Role::Viewer,
        allow: Allowance::default(),
        valid_for,
    })
}

#[tokio::test]
async fn an_invitation_counts_once_until_it_ends_or_is_taken_back() {
    let home = Home::new();
    let daemon = home.start().await;
    let claim = home.pair().await;
    assert!(is_ok(&Person::new().await.claim(&claim, "Ada").await));

    let made: MadeLink = home.ask(invitation(3600)).await.unwrap();
    let link = made.link.parse().unwrap();
    let people: People = home.ask(Call::Contacts).await.unwrap();
    assert_eq!(people.invitations.len(), 1);
    assert_eq!(people.invitations[0].expires, NOON + 3600);
    let bob = Person::new().await;
    let session = bob.follow(&link).await.unwrap();
    assert!(is_ok(&bob.prove(&link, &session, "join", "Bob").await));
    assert_eq!(home.ask::<People>(Call::Contacts).await.unwrap().contacts.len(), 2);

    // Once. (A second invitation keeps the device open to strangers, so that it can be tried.)
    let made: MadeLink = home.ask(invitation(3600)).await.unwrap();
    let eve = Person::new().await;
    let session = eve.follow(&link).await.unwrap();
    assert!(is_problem(&eve.prove(&link, &session, "join", "Eve").await, ProblemCode::Refused));

    // Taken back.
    let second = made.link.parse().unwrap();
    let _: Value = home.ask(Call::Withdraw { id: made.invitation.unwrap() }).await.unwrap();
    assert!(eve.follow(&second).await.is_none());

    // Over.
    let third: MadeLink = home.ask(invitation(60)).await.unwrap();
    let link = third.link.parse().unwrap();
    home.time.pass(Duration::from_secs(61));
    if let Some(session) = eve.follow(&link).await {
        assert!(!is_ok(&eve.prove(&link, &session, "join", "Eve").await));
    }
    assert_eq!(home.ask::<People>(Call::Contacts).await.unwrap().contacts.len(), 2);
    daemon.stop().await;
}

#[tokio::test]
async fn what_an_invitation_allows_must_be_there_and_is_all_that_a_guest_may() {
    let home = Home::new();
    let daemon = home.start().await;
    let claim = home.pair().await;
    assert!(is_ok(&Person::new().await.claim(&claim, "Ada").await));
    let invite = |rights: &[&str]| {
        let allow =
            Allowance { rights: rights.iter().map(|r| (*r).to_owned()).collect(), ..Allowance::default() };
        let name = "Guest".parse().unwrap();
        home.ask::<MadeLink>(Call::Invite(InviteArgs { name, role: Role::Guest, allow, valid_for: 600 }))
    };
    // A guest with nothing, a typing mistake, and a star, which never reaches the device itself.
    for rights in [&[][..], &["device/statsu"], &["door/open"], &["*/*"], &["nonsense"]] {
        let failure = invite(rights).await.unwrap_err();
        assert_eq!(failure.exit, Exit::InvalidInput, "{rights:?}: {failure}");
    }
    let failure = invite(&["device/statsu"]).await.unwrap_err();
    assert!(failure.remedy.unwrap().contains("device/status"));

    let link = invite(&["device/status"]).await.unwrap().link.parse().unwrap();
    let guest = Person::new().await;
    let session = guest.follow(&link).await.unwrap();
    assert!(is_ok(&guest.prove(&link, &session, "join", "Guest").await));
    let session = guest.visit(&link, &daemon).await.unwrap();
    assert!(is_ok(&read(&session, "status").await));
    assert!(is_problem(&read(&session, "identity").await, ProblemCode::Refused));
    daemon.stop().await;
}

#[tokio::test]
async fn without_a_clock_there_is_no_invitation_and_pairing_goes_on() {
    let home = Home::new();
    home.time.set_wall(0, false);
    let daemon = home.start().await;
    let failure = home.ask::<MadeLink>(invitation(60)).await.unwrap_err();
    assert!(failure.remedy.unwrap().contains("NTP"), "{}", failure.message);
    let points: Vec<Point> = home.ask(Call::Check).await.unwrap();
    assert!(points.iter().any(|point| point.name == "clock" && point.level == Level::Warning));
    let link = home.pair().await;
    assert!(is_ok(&Person::new().await.claim(&link, "Ada").await));
    daemon.stop().await;
}

#[tokio::test]
async fn a_device_remembers_over_a_restart_and_its_journal_holds() {
    let home = Home::new();
    let daemon = home.start().await;
    let claim = home.pair().await;
    let ada = Person::new().await;
    assert!(is_ok(&ada.claim(&claim, "Ada").await));
    let status: Status = home.ask(Call::Status).await.unwrap();
    daemon.stop().await;

    let daemon = home.start().await;
    let verify = |against| home.ask::<Verification>(Call::VerifyJournal { against });
    let found = verify(Some(status.journal.head.clone())).await.unwrap();
    assert!(found.holds, "{:?}", found.findings);
    // A head that never was.
    let forged = status.journal.head.replacen(':', "0:", 1);
    assert!(!verify(Some(forged)).await.unwrap().holds);
    assert_eq!(verify(Some("nonsense".into())).await.unwrap_err().exit, Exit::InvalidInput);

    let made: MadeLink =
        home.ask(Call::Pair(PairArgs { role: Some(Role::Viewer), ..PairArgs::default() })).await.unwrap();
    let link = made.link.parse().unwrap();
    let session = ada.visit(&link, &daemon).await.expect("the owner is still the owner");
    assert!(is_ok(&read(&session, "journalHead").await));
    let log: Value = home.ask(Call::Log { from: Some(1), limit: 100 }).await.unwrap();
    let kinds: Vec<&str> =
        log["entries"].as_array().unwrap().iter().filter_map(|e| e["kind"].as_str()).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == "start").count(), 2, "{kinds:?}");
    assert!(kinds.contains(&"rights"), "{kinds:?}");
    daemon.stop().await;
}

#[tokio::test]
async fn the_owner_is_told_what_was_refused_and_why() {
    let home = Home::new();
    let daemon = home.start().await;
    let link = home.pair().await;
    assert!(is_ok(&Person::new().await.claim(&link, "Ada").await));
    let made: MadeLink =
        home.ask(Call::Pair(PairArgs { role: Some(Role::Viewer), ..PairArgs::default() })).await.unwrap();
    let bob = Person::new().await;
    assert!(is_ok(&bob.claim(&made.link.parse().unwrap(), "Bob").await));
    let session = bob.visit(&link, &daemon).await.unwrap();
    assert!(is_problem(&invoke(&session, "readJournal", None).await, ProblemCode::Refused));
    let log: Value = home.ask(Call::Denials { limit: 10 }).await.unwrap();
    let denial = &log["denials"][0];
    assert_eq!((&denial["why"], &denial["affordance"]), (&"no grant".into(), &"readJournal".into()));
    assert_eq!(log["names"][denial["caller"].as_str().unwrap()], "Bob");
    assert_eq!(denial["source"], "127.0.0.1", "a machine, and neither a port nor a key");
    daemon.stop().await;
}

#[tokio::test]
async fn stopping_ends_open_sessions_in_bounded_time() {
    let home = Home::new();
    let daemon = home.start().await;
    let link = home.pair().await;
    let ada = Person::new().await;
    assert!(is_ok(&ada.claim(&link, "Ada").await));
    let session = ada.visit(&link, &daemon).await.unwrap();
    let began = Instant::now();
    daemon.stop().await;
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert!(tokio::time::timeout(SOON, session.closed()).await.is_ok());
    assert!(home.ask::<Status>(Call::Status).await.is_err());
}

#[tokio::test]
async fn its_name_in_the_network_says_nothing_of_its_account() {
    let home = Home::new();
    let daemon = home.start().await;
    let named_by_the_account = Person::known_to_the_network_by(daemon.device().key().clone()).await;
    let addresses = daemon.addresses();
    assert!(!addresses.is_empty());
    assert!(addresses.iter().all(|address| address.peer() != named_by_the_account.network.peer_id()));
    let account = daemon.device().key().public().thumbprint().to_string();
    assert!(addresses.iter().all(|address| !address.to_string().contains(&account)));
    daemon.stop().await;
}

#[tokio::test]
async fn the_offer_is_signed_by_the_device_and_says_where_it_is() {
    let home = Home::new();
    let daemon = home.start().await;
    let answer: Value = home.ask(Call::Offer).await.unwrap();
    let offer = Offer::parse(answer["offer"].as_str().unwrap()).unwrap();
    assert_eq!(&offer.public_key, daemon.device().key().public());
    assert_eq!(offer.hints, daemon.addresses());
    assert_eq!(offer.host.as_str(), "127.0.0.1");
    daemon.stop().await;
}

#[tokio::test]
async fn a_journal_of_another_device_is_not_taken() {
    let (home, other) = (Home::new(), Home::new());
    home.start().await.stop().await;
    std::fs::copy(home.data.state(), other.data.state()).unwrap();
    assert!(other.try_start().await.is_err());
}
