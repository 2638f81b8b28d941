//! Contact offers in files, in both directions: what they bring, and what no offer brings.

use std::path::Path;

use serde_json::Value;
use streembit_controller::commands::contacts::{self, Added, Change, Found};
use streembit_controller::commands::invite::{self, Admitted, Invited};
use streembit_controller::commands::revoke;
use streembit_controller::error::{Exit, Outcome};
use streembit_harness::{Device, Person, Programs};
use streembit_keys::{PrivateKey, rng};
use streembit_peer::offer::{Offer, UserType};
use streembit_peer::rights::Role;

use super::people::{House, Someone};

#[test]
fn two_who_exchange_offers_in_files_need_no_link() {
    let (programs, folder) = (Programs::of_the_test_run().unwrap(), tempfile::tempdir().unwrap());
    let mut device = Device::new(&programs, folder.path(), "garage").unwrap();
    let _motor = device.door().motor().unwrap();
    device.start().unwrap();
    let ada = Person::new(&programs, folder.path(), "ada").unwrap();
    ada.run(["pair", &device.pairing_link().unwrap()]).unwrap().success().unwrap();
    let bea = Person::new(&programs, folder.path(), "bea").unwrap();

    // All that goes between them. The fingerprints are told besides, and are not in what is sent.
    let keep = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let offered = device.run(["offer"]).unwrap().success().unwrap();
    let garage_offer = keep("garage.offer", &offered.stdout);
    let garage_told = fingerprint(&device.run(["--json", "offer"]).unwrap().success().unwrap().stdout);
    assert!(offered.stderr.contains(&garage_told) && !offered.stdout.contains(&garage_told), "{offered:?}");
    let offered = bea.run(["offer"]).unwrap().success().unwrap();
    let bea_offer = keep("bea.offer", &format!("Hello Ada,\r\n\r\n{}\r\n-- \r\nBea", offered.stdout));
    let bea_told = fingerprint(&bea.run(["--json", "offer"]).unwrap().success().unwrap().stdout);
    assert!(offered.stderr.contains(&bea_told) && !offered.stdout.contains(&bea_told), "{offered:?}");

    // Bea adds the device, which does not know her yet.
    let added = bea.run(["contacts", "add", &garage_offer]).unwrap().success().unwrap().stdout;
    assert!(added.contains("Unverified") && added.contains(&garage_told), "{added}");
    bea.run(["ls"]).unwrap().ends_with(3).unwrap();
    let again = bea.run(["contacts", "add", &garage_offer, "--as", "other"]).unwrap().ends_with(3).unwrap();
    assert!(again.stderr.contains("`garage`"), "{}", again.stderr);

    // Ada lets her in, after a wrong fingerprint did not.
    let wrong = ["invite", "--offer", &bea_offer, "--fingerprint", &garage_told, "--allow", "door/state"];
    ada.run(wrong).unwrap().ends_with(3).unwrap();
    let allow =
        ["invite", "--offer", &bea_offer, "--name", "Bea", "--allow", "door/state", "--allow", "door/open"];
    let admitted = ada.run(allow).unwrap().success().unwrap().stdout;
    assert!(admitted.contains("Unverified") && admitted.contains(&bea_told), "{admitted}");
    let people = device.run(["--json", "contacts"]).unwrap().success().unwrap().json().unwrap();
    let known = people["contacts"].as_array().unwrap().iter().find(|known| known["name"] == "Bea").unwrap();
    assert_eq!((&known["contact"], &known["role"]), (&Value::from(&*bea_told), &Value::from("guest")));

    // She reads in silence, is warned before she moves anything, and is refused the rest.
    assert!(bea.run(["ls"]).unwrap().success().unwrap().stdout.contains("unverified"));
    let read = bea.run(["read", "garage/door/state"]).unwrap().success().unwrap();
    assert_eq!((read.stdout.trim(), &*read.stderr), ("closed", ""));
    bea.run(["invoke", "garage/door/close"]).unwrap().ends_with(3).unwrap();
    bea.run(["read", "garage/device/status"]).unwrap().ends_with(3).unwrap();
    assert_eq!(device.door().movements(), 0);
    let opened = bea.run(["--json", "invoke", "garage/door/open"]).unwrap().success().unwrap();
    assert!(opened.stderr.contains("garage is unverified"), "scripts are warned, too: {}", opened.stderr);
    assert_eq!(device.door().movements(), 1);

    // Until she has compared.
    let verified = |who: &Person| {
        let listed = who.run(["--json", "contacts"]).unwrap().success().unwrap().json().unwrap();
        listed[0]["verified"].as_bool().unwrap()
    };
    bea.run(["contacts", "verify", "garage", &bea_told]).unwrap().ends_with(3).unwrap();
    bea.run(["contacts", "verify", "garage", &garage_told[..15]]).unwrap().ends_with(2).unwrap();
    assert!(!verified(&bea));
    bea.run(["contacts", "verify", "garage", &garage_told[..16]]).unwrap().success().unwrap();
    assert!(verified(&bea) && verified(&ada), "a link verifies by itself");
    assert_eq!(bea.run(["invoke", "garage/door/open"]).unwrap().success().unwrap().stderr, "");

    // At the device, for somebody who told the fingerprint.
    let cem = Person::new(&programs, folder.path(), "cem").unwrap();
    let cem_offer = keep("cem.offer", &cem.run(["offer"]).unwrap().success().unwrap().stdout);
    let cem_told = fingerprint(&cem.run(["--json", "offer"]).unwrap().success().unwrap().stdout);
    let here = |told: &str| {
        device.run([
            "invite",
            "--offer",
            &cem_offer,
            "--name",
            "Cem",
            "--role",
            "viewer",
            "--fingerprint",
            told,
        ])
    };
    here(&bea_told).unwrap().ends_with(3).unwrap();
    assert!(here(&cem_told).unwrap().success().unwrap().stdout.contains("Verified"));
    let add = ["contacts", "add", &garage_offer, "--as", "g", "--fingerprint", &garage_told];
    assert!(cem.run(add).unwrap().success().unwrap().stdout.contains("Verified"));
    assert_eq!(cem.run(["read", "g/door/state"]).unwrap().success().unwrap().stderr, "");
    cem.run(["invoke", "g/door/open"]).unwrap().ends_with(3).unwrap();

    // A key that was revoked comes in by no offer, from afar or at the device.
    ada.run(["revoke", "garage", &bea_told[..10]]).unwrap().success().unwrap();
    let told = ada.run(allow).unwrap().ends_with(3).unwrap().stderr;
    assert!(told.contains("was revoked"), "{told}");
    let here = ["invite", "--offer", &bea_offer, "--name", "Bea", "--role", "viewer"];
    let told = device.run(here).unwrap().ends_with(3).unwrap().stderr;
    assert!(told.contains("was revoked"), "{told}");
    bea.run(["read", "garage/door/state"]).unwrap().ends_with(3).unwrap();
    device.run(["journal", "verify"]).unwrap().success().unwrap();
    device.stop().unwrap();
}

fn fingerprint(offer: &str) -> String {
    let offer: Value = serde_json::from_str(offer).unwrap();
    offer["fingerprint"].as_str().unwrap().to_owned()
}

/// An offer, in parts that a test changes.
fn offer(key: &PrivateKey, name: &str, user_type: UserType) -> Offer {
    Offer {
        account: name.parse().unwrap(),
        public_key: key.public().clone(),
        transport: "tcp".parse().unwrap(),
        host: "localhost".parse().unwrap(),
        port: 9,
        user_type,
        hints: Vec::new(),
        expires: None,
    }
}

/// What a file may hold in place of an offer that can be used, and what is said about it.
fn bad_offers(good: &str) -> Vec<(String, &'static str)> {
    let envelope = |body: &str| {
        format!("-- BEGIN STREEMBIT CONTACT OFFER --\n{body}\n-- END STREEMBIT CONTACT OFFER --\n")
    };
    vec![
        (String::new(), "BEGIN"),
        ("Dear Ada, see you on Monday.".into(), "BEGIN"),
        (good[..good.len() / 2].into(), "BEGIN"),
        (good.replacen("eyJ", "eyK", 1), "damaged"),
        // `{"account":"Bea"}`, as the first programs wrote it.
        (envelope("eyJhY2NvdW50IjoiQmVhIn0="), "not signed"),
        ("x".repeat(1 << 20), "too long"),
    ]
}

fn written(folder: &Path, text: &str) -> String {
    let path = folder.join("an.offer");
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

/// Invites by an offer: a viewer, whose role needs nothing else.
async fn admit(who: &Someone, file: &str, name: Option<&str>, told: Option<&str>) -> Outcome<Admitted> {
    let mut words = vec!["invite", "--role", "viewer", "--offer", file];
    words.extend(name.into_iter().flat_map(|name| ["--name", name]));
    words.extend(told.into_iter().flat_map(|told| ["--fingerprint", told]));
    match invite::run(&who.desk, parsed(&words)).await? {
        Invited::Admitted(admitted) => Ok(admitted),
        Invited::Link(link) => panic!("there was an offer: {link:?}"),
    }
}

fn parsed(words: &[&str]) -> invite::Args {
    use streembit_controller::cli::{Cli, Command};
    let words = ["streembit"].iter().chain(words);
    match <Cli as clap::Parser>::try_parse_from(words).unwrap().command {
        Command::Invite(args) => args,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offer_that_cannot_be_used_lets_nobody_in() {
    let house = House::new().await;
    let ada = house.owner().await;
    let folder = house.folder.path();
    let bea = PrivateKey::generate(&mut rng::system());
    let human = |name: &str| offer(&bea, name, UserType::Human);
    let good = human("Bea").sign(&bea);
    let before = house.daemon().device().rights().seq();

    let mut cases: Vec<_> =
        bad_offers(&good).into_iter().map(|(text, word)| (text, None, Exit::InvalidInput, word)).collect();
    let other = PrivateKey::generate(&mut rng::system()).public().thumbprint().to_string();
    let expired = Offer { expires: Some(1), ..human("Bea") }.sign(&bea);
    cases.extend([
        (good.clone(), Some(other.clone()), Exit::Refused, "not the one that you were told"),
        (good.clone(), Some(other[..16].into()), Exit::Refused, "not the one that you were told"),
        (expired, None, Exit::InvalidInput, "expired"),
        (offer(&bea, "Bea", UserType::Device).sign(&bea), None, Exit::InvalidInput, "a device's"),
        (offer(&ada.key, "Ada", UserType::Human).sign(&ada.key), None, Exit::InvalidInput, "your own"),
        (human("ADA").sign(&bea), None, Exit::Refused, "--name"),
    ]);
    for (text, told, exit, word) in cases {
        let file = written(folder, &text);
        let failure = admit(&ada, &file, None, told.as_deref()).await.unwrap_err();
        assert_eq!(failure.exit, exit, "{failure}");
        assert!(failure.to_string().contains(word), "{word}: {failure}");
    }
    let missing = folder.join("missing").display().to_string();
    assert_eq!(admit(&ada, &missing, None, None).await.unwrap_err().exit, Exit::InvalidInput);
    assert_eq!(house.daemon().device().rights().seq(), before, "nothing was changed");

    // The good one does, once, and gives its owner no right to let others in.
    let file = written(folder, &good);
    let told = bea.public().thumbprint().to_string();
    let admitted = admit(&ada, &file, None, Some(&told)).await.unwrap();
    assert_eq!((&*admitted.name, admitted.verified), ("Bea", true));
    assert_eq!(house.daemon().device().rights().contact(&admitted.fingerprint).unwrap().role, Role::Viewer);
    let failure = admit(&ada, &file, Some("Bea again"), None).await.unwrap_err();
    assert!(failure.exit == Exit::Refused && failure.message.contains("it is Bea, viewer"), "{failure}");

    // Nor does it bring back a key that was revoked.
    let args = revoke::Args { device: "house".into(), contact: "Bea".into() };
    revoke::run(&ada.desk, args).await.unwrap();
    let failure = admit(&ada, &file, None, Some(&told)).await.unwrap_err();
    assert!(failure.to_string().contains("was revoked"), "{failure}");
    assert!(house.daemon().device().rights().contact(&admitted.fingerprint).is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_no_owner_lets_nobody_in_by_an_offer() {
    let house = House::new().await;
    let ada = house.owner().await;
    let invitation = ada.invite("Bea", &["door/open"]).await.unwrap();
    let bea = Someone::new("Bea");
    bea.accept(&invitation.link).await.unwrap();
    let eve = PrivateKey::generate(&mut rng::system());
    let file = written(house.folder.path(), &offer(&eve, "Eve", UserType::Human).sign(&eve));
    assert_eq!(admit(&bea, &file, None, None).await.unwrap_err().exit, Exit::Refused);
    assert!(house.daemon().device().rights().contact(&eve.public().thumbprint()).is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offer_that_cannot_be_used_adds_no_device() {
    let house = House::new().await;
    let bea = Someone::new("Bea");
    let folder = house.folder.path();
    let key = house.daemon().device().key();
    let device = || Offer { hints: house.daemon().addresses(), ..offer(key, "House", UserType::Device) };
    let good = device().sign(key);
    let add = |text: &str, name: Option<&str>, told: Option<&str>| -> Outcome<Added> {
        let file = written(folder, text);
        let fingerprint = told.map(|told| told.parse().unwrap());
        let change = Some(Change::Add { file, name: name.map(str::to_owned), fingerprint });
        match contacts::run(&bea.desk, contacts::Args { change })? {
            Found::Added(added) => Ok(added),
            Found::Listed(listed) => panic!("nothing was added: {listed:?}"),
        }
    };
    let mut cases: Vec<_> =
        bad_offers(&good).into_iter().map(|(text, word)| (text, None, Exit::InvalidInput, word)).collect();
    let expired = Offer { expires: Some(1), ..device() }.sign(key);
    let nowhere = Offer { hints: Vec::new(), ..device() }.sign(key);
    let person = Offer { user_type: UserType::Human, ..device() }.sign(key);
    let told = bea.key.public().thumbprint().to_string();
    cases.extend([
        (good.clone(), Some(told), Exit::Refused, "not the one that you were told"),
        (expired, None, Exit::InvalidInput, "expired"),
        (nowhere, None, Exit::InvalidInput, "no address"),
        (person, None, Exit::InvalidInput, "a person's"),
        (
            Offer { hints: device().hints, ..offer(&bea.key, "Bea", UserType::Device) }.sign(&bea.key),
            None,
            Exit::InvalidInput,
            "your own",
        ),
    ]);
    for (text, told, exit, word) in cases {
        let failure = add(&text, None, told.as_deref()).unwrap_err();
        assert_eq!(failure.exit, exit, "{failure}");
        assert!(failure.to_string().contains(word), "{word}: {failure}");
    }
    assert!(add(&good, Some("device"), None).is_err(), "that is the device's own Thing");
    assert!(bea.home.contacts().unwrap().all().unwrap().is_empty());

    // The good one does, under the name that it proposes; a second device does not push in beside it.
    assert_eq!(add(&good, None, None).unwrap().name, "house");
    let before = bea.home.contacts().unwrap().all().unwrap();
    assert!(add(&good, Some("other"), None).unwrap_err().message.contains("`house`"));
    let shed = PrivateKey::generate(&mut rng::system());
    let shed = Offer { hints: device().hints, ..offer(&shed, "House", UserType::Device) }.sign(&shed);
    assert!(add(&shed, None, None).unwrap_err().message.contains("Another contact"));
    assert_eq!(bea.home.contacts().unwrap().all().unwrap(), before);
    assert_eq!(add(&shed, Some("shed"), None).unwrap().name, "shed");

    // It is another device that answers where the shed's offer says: nothing goes to it.
    let failure = bea.invoke("shed/door/open", None).await.unwrap_err();
    assert_ne!(failure.exit, Exit::Ok);
    assert_eq!(house.door.moved(), 0);
}
