//! People who are let in at the device by their contact offers.

use std::time::Duration;

use streembit_agent::control::answer::{Admitted, People};
use streembit_agent::control::{AdmitArgs, Allowance, Call, Failure};
use streembit_keys::{PrivateKey, rng};
use streembit_peer::exit::Exit;
use streembit_peer::message::{Answer, ProblemCode};
use streembit_peer::offer::{Offer, UserType};
use streembit_peer::rights::Role;

use super::person::{Home, NOON, Person, read};

fn offer(key: &PrivateKey, user_type: UserType, expires: Option<i64>) -> String {
    let offer = Offer {
        account: "Bea".parse().unwrap(),
        public_key: key.public().clone(),
        transport: "tcp".parse().unwrap(),
        host: "localhost".parse().unwrap(),
        port: 9,
        user_type,
        hints: Vec::new(),
        expires,
    };
    offer.sign(key)
}

fn viewer(offer: String) -> AdmitArgs {
    AdmitArgs { offer, fingerprint: None, name: None, role: Role::Viewer, allow: Allowance::default() }
}

async fn admit(home: &Home, args: AdmitArgs) -> Result<Admitted, Failure> {
    home.ask(Call::Admit(args)).await
}

async fn contacts(home: &Home) -> usize {
    home.ask::<People>(Call::Contacts).await.unwrap().contacts.len()
}

#[tokio::test]
async fn the_key_of_an_offer_is_let_in_with_what_was_allowed_and_no_other() {
    let home = Home::new();
    let daemon = home.start().await;
    let link = home.pair().await;
    assert!(matches!(Person::new().await.claim(&link, "Ada").await, Answer::Ok(_)));
    let (bea, eve) = (Person::new().await, Person::new().await);
    let allow = Allowance { rights: vec!["device/status".into()], ..Allowance::default() };
    let guest = AdmitArgs { role: Role::Guest, allow, ..viewer(offer(&bea.key, UserType::Human, None)) };

    let admitted = admit(&home, guest).await.unwrap();
    assert_eq!((&*admitted.name, admitted.role, admitted.verified), ("Bea", Role::Guest, false));
    let session = bea.visit(&link, &daemon).await.unwrap();
    assert!(matches!(read(&session, "status").await, Answer::Ok(_)));
    let refused = read(&session, "identity").await;
    assert!(matches!(refused, Answer::Problem(problem) if problem.code == ProblemCode::Refused));
    assert!(eve.visit(&link, &daemon).await.is_none(), "an offer lets in its own key only");
    daemon.stop().await;
}

#[tokio::test]
async fn what_is_wrong_with_an_offer_is_told_and_lets_nobody_in() {
    let home = Home::new();
    let daemon = home.start().await;
    let link = home.pair().await;
    assert!(matches!(Person::new().await.claim(&link, "Ada").await, Answer::Ok(_)));
    let bea = PrivateKey::generate(&mut rng::system());
    let good = offer(&bea, UserType::Human, None);
    let own = daemon.device().key();
    let told = |key: &PrivateKey| Some(key.public().thumbprint().to_string().parse().unwrap());
    let late = Allowance { not_after: Some(NOON + 60), ..Allowance::default() };
    let cases = [
        (viewer(good[..good.len() / 2].into()), Exit::InvalidInput, "BEGIN"),
        (viewer(good.replacen("eyJ", "eyK", 1)), Exit::InvalidInput, "damaged"),
        (viewer(offer(&bea, UserType::Device, None)), Exit::InvalidInput, "a device's"),
        (viewer(offer(own, UserType::Device, None)), Exit::InvalidInput, "a device's"),
        (viewer(offer(own, UserType::Human, None)), Exit::Refused, "no contact of itself"),
        (viewer(offer(&bea, UserType::Human, Some(NOON))), Exit::InvalidInput, "expired"),
        (AdmitArgs { fingerprint: told(own), ..viewer(good.clone()) }, Exit::Refused, "not the one"),
        (AdmitArgs { role: Role::Owner, ..viewer(good.clone()) }, Exit::Refused, "owner"),
        (AdmitArgs { role: Role::Guest, ..viewer(good.clone()) }, Exit::InvalidInput, "nothing is"),
        (AdmitArgs { allow: late, ..viewer(good.clone()) }, Exit::InvalidInput, "times"),
    ];
    for (args, exit, word) in cases {
        let failure = admit(&home, args).await.unwrap_err();
        assert!(failure.exit == exit && failure.to_string().contains(word), "{word}: {failure}");
    }
    assert_eq!(contacts(&home).await, 1);

    // The good one does once; then its name is taken, and once it was revoked, so is the key.
    let args = AdmitArgs { fingerprint: told(&bea), ..viewer(good.clone()) };
    assert!(admit(&home, args).await.unwrap().verified);
    let eve = PrivateKey::generate(&mut rng::system());
    for (args, word) in [
        (viewer(good.clone()), "knows the key already"),
        (viewer(offer(&eve, UserType::Human, None)), "calls somebody else Bea"),
    ] {
        let failure = admit(&home, args).await.unwrap_err();
        assert!(failure.exit == Exit::Refused && failure.message.contains(word), "{word}: {failure}");
    }
    let _: serde_json::Value =
        home.ask(Call::Revoke { contact: "Bea".into(), last_owner: false }).await.unwrap();
    let failure = admit(&home, viewer(good)).await.unwrap_err();
    assert!(failure.exit == Exit::Refused && failure.message.contains("was revoked"), "{failure}");
    assert_eq!(contacts(&home).await, 1);
    daemon.stop().await;
}

#[tokio::test]
async fn an_offer_with_an_end_needs_a_clock_that_somebody_vouches_for() {
    let home = Home::new();
    home.time.set_wall(NOON, false);
    let daemon = home.start().await;
    let bea = PrivateKey::generate(&mut rng::system());
    let ends = || viewer(offer(&bea, UserType::Human, Some(NOON + 60)));
    let failure = admit(&home, ends()).await.unwrap_err();
    assert!(failure.exit == Exit::Failure && failure.remedy.unwrap().contains("NTP"), "{}", failure.message);
    assert_eq!(contacts(&home).await, 0);

    home.time.set_wall(NOON, true);
    home.time.pass(Duration::from_secs(59));
    admit(&home, ends()).await.unwrap();
    assert_eq!(contacts(&home).await, 1);
    daemon.stop().await;
}
