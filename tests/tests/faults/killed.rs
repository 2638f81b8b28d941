//! The device is killed at any instant, again and again, while people open its door. What its journal then says is what
//! the door did and what the people were told.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use streembit_harness::{Device, Person, Programs, Requests, Seeded, Told};

/// How often it is killed.
const LIVES: u32 = 16;

/// How many ask at once.
const HANDS: usize = 3;

/// The longest life: some dozens of requests.
const LONGEST_MS: u64 = 900;

/// Presses buttons until there is enough.
fn press(person: &Person, mut chance: Seeded, enough: &AtomicBool) -> Told {
    let mut told = Told::default();
    while !enough.load(Ordering::Relaxed) {
        let action = chance.one_of(["garage/door/open", "garage/door/close", "garage/door/stop"]);
        told.take(&person.run(["--json", "invoke", action]).unwrap()).unwrap();
    }
    told
}

#[test]
fn killed_at_any_instant_it_moved_what_its_journal_says_and_people_were_told() {
    let mut chance = Seeded::new().unwrap();
    println!("{chance}");
    let (programs, folder) = (Programs::of_the_test_run().unwrap(), tempfile::tempdir().unwrap());
    let mut device = Device::new(&programs, folder.path(), "garage").unwrap();
    device.start().unwrap();
    device.stay().unwrap();
    let ada = Person::new(&programs, folder.path(), "ada").unwrap();
    ada.run(["pair", &device.pairing_link().unwrap()]).unwrap().success().unwrap();
    device.stop().unwrap();

    let enough = AtomicBool::new(false);
    let told: Told = std::thread::scope(|scope| {
        let hands: Vec<_> = (0..HANDS)
            .map(|_| {
                let (chance, ada, enough) = (chance.fork(), &ada, &enough);
                scope.spawn(move || press(ada, chance, enough))
            })
            .collect();
        let lives = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            for life in 0..LIVES {
                let (length, early) = (Duration::from_millis(chance.below(LONGEST_MS)), chance.below(4) == 0);
                device.launch(|command| command).unwrap();
                // One in four may end before it is ready: it opens its journal then.
                if !early {
                    device.ready().unwrap();
                    let verified = device.run(["journal", "verify"]).unwrap();
                    verified.success().unwrap_or_else(|error| panic!("life {life}: {error}"));
                }
                std::thread::sleep(length);
                device.kill().unwrap();
            }
            device.start().unwrap();
        }));
        enough.store(true, Ordering::Relaxed);
        let told = hands.into_iter().map(|hand| hand.join().unwrap()).collect();
        lives.unwrap();
        told
    });

    device.run(["journal", "verify"]).unwrap().success().unwrap();
    let journal = Requests::of(&device, "door").unwrap();
    let moved = device.door().movements();
    device.stop().unwrap();

    println!(
        "{LIVES} lives: {journal}; {moved} movements; {} were told of as done, {} as unknown, {} as not asked",
        told.done.len(),
        told.unknown,
        told.unreachable
    );
    assert!(told.otherwise.is_empty(), "{:?}", told.otherwise);
    assert!(!told.done.is_empty(), "a test in which nothing happened");
    assert!(journal.all_have_ended(), "a request without an end");
    assert!(journal.explain(moved), "{moved} movements, and {journal}");
    told.agrees_with(&journal).unwrap();
    // All else that was recorded was told as unknown: who hears that a device cannot be reached may ask again.
    assert!(
        journal.recorded.len() <= told.done.len() + told.unknown,
        "a request that was done, and told as not asked"
    );
}
