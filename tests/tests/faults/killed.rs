//! The device is killed at any instant, again and again, while people open its door. What its journal then says is what
//! the door did and what the people were told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;
use streembit_harness::{Device, Person, Programs, Requests};

use super::seeded::Seeded;

/// How often it is killed.
const LIVES: u32 = 16;

/// How many ask at once.
const HANDS: usize = 3;

/// The longest life: some dozens of requests.
const LONGEST_MS: u64 = 900;

/// What somebody was told, by the exit code.
#[derive(Default)]
struct Told {
    /// 0, with the entry that the receipt names and the head of the journal there.
    done: Vec<(u64, String)>,
    /// 6: it may have happened.
    unknown: usize,
    /// 4: it has not been asked.
    unreachable: usize,
    /// Anything else, with the message.
    otherwise: BTreeMap<String, usize>,
}

/// Presses buttons until there is enough.
fn press(person: &Person, mut chance: Seeded, enough: &AtomicBool) -> Told {
    let mut told = Told::default();
    while !enough.load(Ordering::Relaxed) {
        let action = ["garage/door/open", "garage/door/close", "garage/door/stop"]
            [usize::try_from(chance.below(3)).unwrap()];
        let ended = person.run(["--json", "invoke", action]).unwrap();
        match ended.code {
            Some(0) => {
                let receipt = &ended.json().unwrap()["receipt"];
                told.done
                    .push((receipt["seq"].as_u64().unwrap(), receipt["head"].as_str().unwrap().to_owned()));
            }
            Some(6) => told.unknown += 1,
            Some(4) => told.unreachable += 1,
            code => {
                let said = ended.json().map_or(Value::Null, |said| said["error"]["message"].clone());
                *told.otherwise.entry(format!("{code:?} {said}")).or_default() += 1;
            }
        }
    }
    told
}

#[test]
fn killed_at_any_instant_it_moved_what_its_journal_says_and_people_were_told() {
    let mut chance = Seeded::new();
    let (programs, folder) = (Programs::of_the_test_run().unwrap(), tempfile::tempdir().unwrap());
    let mut device = Device::new(&programs, folder.path(), "garage").unwrap();
    device.start().unwrap();
    device.stay().unwrap();
    let ada = Person::new(&programs, folder.path(), "ada").unwrap();
    ada.run(["pair", &device.pairing_link().unwrap()]).unwrap().success().unwrap();
    device.stop().unwrap();

    let enough = AtomicBool::new(false);
    let told: Vec<Told> = std::thread::scope(|scope| {
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

    let done: Vec<_> = told.iter().flat_map(|told| &told.done).collect();
    let unknown: usize = told.iter().map(|told| told.unknown).sum();
    let unreachable: usize = told.iter().map(|told| told.unreachable).sum();
    let otherwise: Vec<_> = told.iter().flat_map(|told| &told.otherwise).collect();
    println!(
        "{LIVES} lives: {journal}; {moved} movements; {} were told of as done, {unknown} as unknown, {unreachable} as not asked",
        done.len()
    );
    assert!(otherwise.is_empty(), "{otherwise:?}");
    assert!(!done.is_empty(), "a test in which nothing happened");
    assert!(journal.all_have_ended(), "a request without an end");
    assert_eq!(moved, journal.movements(), "movements, and completed with unknown");

    // What was told as done is what the journal has at that place, and no two were told of the same.
    for (seq, head) in &done {
        assert_eq!(journal.completed.get(seq), Some(head), "entry {seq}");
    }
    assert_eq!(done.iter().map(|(seq, _)| seq).collect::<BTreeSet<_>>().len(), done.len());
    // All else that was recorded was told as unknown: who hears that a device cannot be reached may ask again.
    assert!(journal.recorded.len() <= done.len() + unknown, "a request that was done, and told as not asked");
}
