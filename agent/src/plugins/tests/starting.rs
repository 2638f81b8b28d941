//! Hosts that do not come to the end of a start.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use streembit_plugin_host::boundary::{Event, FromHost, Level, Limits, ToHost};
use streembit_plugin_host::{ENGINE, frame};
use streembit_thing_descriptions::ThingModel;
use tokio::sync::broadcast;
use tokio::time::timeout;

use super::host::{ready, say, script};
use super::hostile::changed;
use super::world::{World, config, programs};
use crate::hardware::{Hardware, Simulated};
use crate::plugins::memory_file::MemoryFile;
use crate::plugins::process::Process;
use crate::plugins::serve::Served;
use crate::plugins::store::Store;
use crate::plugins::{Plugins, Programs, Setup};

/// Longer than any of these waits may take, and shorter than what they would take if nobody cut them short.
const LONG: Duration = Duration::from_secs(60);

/// A command that never stops talking, and never of what was asked.
fn talk() -> String {
    let line =
        FromHost::Log { instance: 2, level: Level::Info, message: "still at it".to_owned(), dropped: 0 };
    format!("while :; do {}; sleep 0.1; done", say(&[line]))
}

#[tokio::test]
async fn one_that_goes_on_talking_and_never_starts_its_plugin_is_ended() {
    let folder = tempfile::tempdir().unwrap();
    let program = script(folder.path(), &format!("{}; {}", say(&[ready(ENGINE)]), talk()));
    let process = Process::start(&program).await.unwrap();
    let model =
        br#"{"@context": "https://www.w3.org/2022/wot/td/v1.1", "@type": "tm:ThingModel", "title": "T"}"#;
    let served = Arc::new(Served::new(
        "taken".parse().unwrap(),
        ThingModel::parse(model).unwrap(),
        BTreeMap::new(),
        Arc::new(Hardware::new(Simulated::new(folder.path().join("gpio")).unwrap())),
        broadcast::channel(1).0,
        Arc::new(Mutex::new(Store::new(folder.path().join("store")))),
    ));
    let limits = Limits { memory: 0, cpu_ms: 0, deadline_ms: 0, host_calls_per_second: 0 };
    let started = process.start_instance(0, limits, String::new(), served);
    assert!(timeout(LONG, started).await.expect("it is waited for without end").is_none());
    let why = process.why_ended().unwrap();
    assert!(process.is_dead() && why.contains("did not answer"), "{why}");
}

#[tokio::test]
async fn one_that_does_not_read_is_given_no_code() {
    let folder = tempfile::tempdir().unwrap();
    let text = format!("{}; sleep 60", say(&[ready(ENGINE)]));
    let process = Process::start(&script(folder.path(), &text)).await.unwrap();
    // More than a socket takes.
    for _ in 0..20_000 {
        process.happened(1, Event::CancelAction { invocation: 1 });
    }
    let file = MemoryFile::sealed(b"code").unwrap();
    let loaded = timeout(LONG, process.load([0; 32], &file)).await.expect("it waits without end");
    assert!(loaded.unwrap_err().contains("ended"));
    let why = process.why_ended().unwrap();
    assert!(why.contains("said nothing"), "{why}");
}

#[tokio::test]
async fn a_plugin_that_is_taken_away_while_it_starts_is_not_waited_for() {
    let world = World::new();
    let (folder, begun) = (world.folder.path(), world.folder.path().join("begun"));
    let load = frame(&ToHost::Load { code: 1, length: 0 }).unwrap().len();
    let hear = |bytes: usize| format!("head -c {bytes} <&0 >/dev/null");
    let text = format!(
        "{}; {}; {}; {}; : >{}; {}",
        say(&[ready(ENGINE)]),
        hear(load),
        say(&[FromHost::Loaded { code: 1, result: Ok(()) }]),
        // The start has begun to come.
        hear(1),
        begun.display(),
        talk()
    );
    let plugins = Plugins::new(Setup {
        programs: Programs { host: script(folder, &text), ..programs() },
        folder: folder.join("plugins"),
        key: streembit_keys::PrivateKey::from_scalar(&[9; 32]).unwrap(),
        hardware: Arc::new(Hardware::new(Simulated::new(world.gpio()).unwrap())),
        things: Arc::clone(&world.things),
    });
    // With a minute for its `init`, so that only its removal can end this in time.
    let slow = changed(&world, "deadline-ms = 5000 #", "deadline-ms = 60000 ");
    let added = async {
        plugins.add("x".parse().unwrap(), config(&slow, "")).await.unwrap();
    };
    let removed = async {
        let waited = Instant::now();
        while !begun.exists() {
            assert!(waited.elapsed() < LONG, "it does not come to its start");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        plugins.remove("x");
    };
    timeout(LONG, async { tokio::join!(added, removed) }).await.expect("it is waited for");
    timeout(LONG, plugins.shutdown()).await.expect("it is waited for");
    assert!(plugins.processes().is_empty(), "its host ends with it");
}
