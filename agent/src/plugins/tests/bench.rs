//! What a call costs. The goals hold for a release build on a quiet machine; here they are printed, and held to a bound
//! that even a debug build on a busy one keeps.

use std::time::{Duration, Instant};

use super::world::{World, component, config};

async fn median(thing: &dyn crate::things::Thing, property: &str) -> Duration {
    let mut times = Vec::new();
    for _ in 0..2_000 {
        let begun = Instant::now();
        thing.read_property(property).await.unwrap();
        times.push(begun.elapsed());
    }
    times.sort();
    times[times.len() / 2]
}

#[tokio::test]
async fn a_read_is_quick() {
    let world = World::new();
    // Its limit of host calls would be the bench's: two thousand calls take less than a second.
    let bytes = std::fs::read(component("hostile")).unwrap();
    let text = b"host-calls-per-second = 1000  #";
    let at = bytes.windows(text.len()).position(|window| window == text).unwrap();
    let mut bytes = bytes;
    bytes[at..at + text.len()].copy_from_slice(b"host-calls-per-second = 20000 #");
    let path = world.folder.path().join("quick.wasm");
    std::fs::write(&path, bytes).unwrap();
    let config = config(&path, "[grants]\nline = \"gpiochip0 line 1, output\"");
    world.plugins.add("quick".parse().unwrap(), config).await.unwrap();
    let thing = world.thing("quick");
    let plain = median(&*thing, "calm").await;
    let asking = median(&*thing, "line").await;
    let [host] = world.plugins.processes()[..] else { panic!("one host") };
    let rollup = std::fs::read_to_string(format!("/proc/{host}/smaps_rollup")).unwrap_or_default();
    let pss = rollup.lines().find(|line| line.starts_with("Pss:")).unwrap_or("Pss: unknown").to_owned();
    let begun = Instant::now();
    let spin = crate::things::Invocation {
        id: 1,
        deadline: Duration::from_secs(5),
        mark: crate::journal::Mark::default(),
        end: crate::things::ActionEnd::new().0,
    };
    thing.invoke_action("do", Some("spin".into()), spin).await.unwrap_err();
    println!("a spinning plugin ended after {:?}", begun.elapsed());
    println!("read {plain:?}, with one host call {asking:?}, host {pss}");
    assert!(plain < Duration::from_millis(2) && asking < Duration::from_millis(4), "{plain:?} {asking:?}");
}
