//! Programs that take the place of the host.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use streembit_plugin_host::boundary::{Ask, FromHost, IoError, ToHost};
use streembit_plugin_host::{ENGINE, Frames, frame};

use super::world::{World, component, config, programs};
use crate::hardware::{Hardware, Simulated};
use crate::plugins::process::Process;
use crate::plugins::{PluginError, Plugins, Programs, Setup};
use crate::things::Health;

/// A script that runs with the agent's socket as its standard input.
pub(super) fn script(folder: &Path, text: &str) -> PathBuf {
    let path = folder.join("host");
    std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    path
}

/// A command that writes these messages to the socket.
pub(super) fn say(messages: &[FromHost]) -> String {
    let bytes: Vec<u8> = messages.iter().flat_map(|message| frame(message).unwrap()).collect();
    let escaped: String = bytes.iter().map(|byte| format!("\\{byte:03o}")).collect();
    format!("printf '{escaped}' >&0")
}

pub(super) fn ready(engine: &str) -> FromHost {
    FromHost::Ready { engine: engine.to_owned() }
}

async fn refused(program: &Path) -> String {
    Process::start(program).await.err().unwrap().to_string()
}

#[tokio::test]
async fn a_host_that_does_not_fit_is_not_used() {
    let folder = tempfile::tempdir().unwrap();
    assert!(refused(Path::new("/nonexistent/host")).await.contains("/nonexistent/host"));
    assert!(refused(Path::new("/bin/true")).await.contains("ended at once"));
    let old = script(folder.path(), &format!("{}; sleep 5", say(&[ready("wasmtime-1/1")])));
    let error = refused(&old).await;
    assert!(error.contains("wasmtime-1/1") && error.contains(ENGINE), "{error}");
    let garbage = script(folder.path(), "printf '\\377\\377\\377\\377garbage' >&0; sleep 5");
    let begun = Instant::now();
    assert!(refused(&garbage).await.contains("ended at once"));
    assert!(begun.elapsed() < Duration::from_secs(4), "garbage ends a host at once");
}

#[tokio::test]
async fn garbage_after_a_good_start_ends_the_host() {
    let folder = tempfile::tempdir().unwrap();
    let text = format!("{}; printf '\\001\\000\\000\\000\\143' >&0; sleep 5", say(&[ready(ENGINE)]));
    let process = Process::start(&script(folder.path(), &text)).await.unwrap();
    let begun = Instant::now();
    while !process.is_dead() {
        assert!(begun.elapsed() < Duration::from_secs(4));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn questions_of_instances_that_do_not_exist_are_denied() {
    let folder = tempfile::tempdir().unwrap();
    let ask = |id, ask| FromHost::Ask { instance: 1, id, ask };
    let said = [
        ready(ENGINE),
        ask(1, Ask::OpenOutput { name: "line".into() }),
        ask(2, Ask::SetActive { handle: 1, active: true }),
        ask(3, Ask::StateKeys),
        // Answers to what nobody asked, and ends of what never began.
        FromHost::Loaded { code: 9, result: Ok(()) },
        FromHost::Started { instance: 9, result: Ok(()) },
    ];
    let denied = |id| ToHost::Answer { id, answer: Err(IoError::Denied { what: "no such instance".into() }) };
    let expected = [denied(1), denied(2), denied(3)];
    let length: usize = expected.iter().map(|message| frame(message).unwrap().len()).sum();
    let heard = folder.path().join("heard");
    let text = format!("{}; head -c {length} <&0 >{}; sleep 5", say(&said), heard.display());
    let _process = Process::start(&script(folder.path(), &text)).await.unwrap();
    let begun = Instant::now();
    while std::fs::metadata(&heard).map_or(0, |file| file.len()) < length as u64 {
        assert!(begun.elapsed() < Duration::from_secs(4));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let mut frames = Frames::default();
    frames.push(&std::fs::read(&heard).unwrap());
    for message in expected {
        assert_eq!(frames.take::<ToHost>().unwrap(), Some(message));
    }
}

#[tokio::test]
async fn what_cannot_be_started_is_down_and_tried_again() {
    let world = World::new();
    let setup = Setup {
        programs: Programs { host: "/bin/false".into(), ..programs() },
        folder: world.folder.path().join("plugins"),
        key: streembit_keys::PrivateKey::from_scalar(&[9; 32]).unwrap(),
        hardware: std::sync::Arc::new(Hardware::new(Simulated::new(world.gpio()).unwrap())),
        things: std::sync::Arc::clone(&world.things),
    };
    let plugins = Plugins::new(setup);
    plugins.add("x".parse().unwrap(), config(&component("hostile"), "")).await.unwrap();
    let health = &plugins.list()[0].health;
    assert!(matches!(health, Health::Down(why) if why.contains("/bin/false")), "{health:?}");
    plugins.shutdown().await;
    let mut without = programs();
    without.compiler = "/bin/false".into();
    let error = crate::plugins::compiler::compile(&without, b"").await.err().unwrap();
    assert!(matches!(error, PluginError::Compile(_)), "{error}");
}
