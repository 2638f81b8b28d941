//! The device dies before and after every step of a command and of a change of rights. At its next start its journal says
//! what its lines did.

use streembit_agent::failpoint;
use streembit_harness::{Device, Person, Programs, Requests};

/// Makes the device of this test run pass the place, and says what the person was told.
fn pass(ada: &Person, place: &str, number: usize) -> Option<i32> {
    if place.starts_with("rights-") {
        let name = format!("Guest{number}");
        ada.run(["invite", "garage", "--name", &name, "--role", "viewer"]).unwrap().code
    } else {
        ada.run(["invoke", "garage/door/open"]).unwrap().code
    }
}

/// What the device that runs now says of itself and what its lines did, which must be the same.
fn check(device: &Device, before: &Requests, case: &str) -> Requests {
    device.run(["journal", "verify"]).unwrap().success().unwrap_or_else(|error| panic!("{case}: {error}"));
    let journal = Requests::of(device, "door").unwrap();
    assert!(journal.all_have_ended() && journal.otherwise.is_empty(), "{case}: {journal}");
    assert_eq!(device.door().movements(), journal.movements(), "{case}: {journal}");
    let interrupted = |journal: &Requests| journal.unknown.len() + journal.unmoved.len();
    assert!(interrupted(&journal) <= interrupted(before) + 1, "{case}: one was under way: {journal}");
    journal
}

#[test]
fn dying_at_any_step_it_moved_what_its_journal_says() {
    let (programs, folder) = (Programs::of_the_test_run().unwrap(), tempfile::tempdir().unwrap());
    let mut device = Device::new(&programs, folder.path(), "garage").unwrap();
    device.start().unwrap();
    device.stay().unwrap();
    let ada = Person::new(&programs, folder.path(), "ada").unwrap();
    ada.run(["pair", &device.pairing_link().unwrap()]).unwrap().success().unwrap();
    device.stop().unwrap();

    let mut journal = Requests::default();
    let mut last = "the start".to_owned();
    for (number, place) in failpoint::NAMES.iter().enumerate() {
        device.start_with(|command| command.env("STREEMBIT_FAILPOINT", place)).unwrap();
        journal = check(&device, &journal, &last);
        // 6: it was asked, and may have happened.
        assert_eq!(pass(&ada, place, number), Some(6), "{place}");
        assert_eq!(
            device.ended().unwrap(),
            None,
            "{place}: the programs were not built by `cargo xtask test`"
        );
        last = (*place).to_owned();
    }
    device.start().unwrap();
    journal = check(&device, &journal, &last);
    println!("{} places: {journal}", failpoint::NAMES.len());
    // Each kind of end was there.
    assert!(
        !journal.unknown.is_empty() && !journal.unmoved.is_empty() && !journal.completed.is_empty(),
        "{journal}"
    );
    ada.run(["invoke", "garage/door/open"]).unwrap().success().unwrap();
    check(&device, &journal, "afterwards");
    device.stop().unwrap();
}
