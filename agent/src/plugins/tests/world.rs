//! A folder with a chip, the programs, and plugins to run.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use streembit_keys::{PrivateKey, rng};
use tempfile::TempDir;

use crate::hardware::{Hardware, Simulated};
use crate::plugins::{InstanceConfig, Plugins, Programs, Setup};
use crate::things::{Health, Notice, Thing, Things};

pub(super) const CHIP: &str = "gpiochip0";

pub(super) struct World {
    pub(super) folder: TempDir,
    pub(super) things: Arc<Things>,
    pub(super) plugins: Plugins,
}

/// The folder that cargo builds into.
fn target() -> PathBuf {
    // target/debug/deps/this-test
    let test = std::env::current_exe().unwrap();
    test.ancestors().nth(3).unwrap().to_owned()
}

/// Where the programs are: as `cargo xtask test` says, else where cargo puts them.
pub(super) fn programs() -> Programs {
    let folder = std::env::var_os("STREEMBIT_PROGRAMS").map_or_else(|| target().join("debug"), PathBuf::from);
    let programs = Programs::in_folder(&folder);
    for program in [&programs.host, &programs.compiler] {
        let package = "-p streembit-plugin-host-runtime -p streembit-plugin-compiler";
        assert!(program.exists(), "{} is missing: cargo build {package}", program.display());
    }
    programs
}

/// A first-party component, as `cargo xtask plugins` builds it.
pub(super) fn component(name: &str) -> PathBuf {
    let folder =
        std::env::var_os("STREEMBIT_PLUGINS").map_or_else(|| target().join("plugins"), PathBuf::from);
    let component = folder.join(name).with_extension("wasm");
    assert!(component.exists(), "{} is missing: cargo xtask plugins", component.display());
    component
}

impl World {
    pub(super) fn new() -> Self {
        Self::with_key(PrivateKey::generate(&mut rng::system()))
    }

    pub(super) fn with_key(key: PrivateKey) -> Self {
        Self::in_folder(tempfile::tempdir().unwrap(), key)
    }

    pub(super) fn in_folder(folder: TempDir, key: PrivateKey) -> Self {
        let chip = Simulated::new(folder.path().join("gpio")).unwrap();
        let things = Arc::new(Things::default());
        let plugins = Plugins::new(Setup {
            programs: programs(),
            folder: folder.path().join("plugins"),
            key,
            hardware: Arc::new(Hardware::new(chip)),
            things: Arc::clone(&things),
        });
        Self { folder, things, plugins }
    }

    pub(super) fn gpio(&self) -> PathBuf {
        self.folder.path().join("gpio")
    }

    /// The outputs' movements so far, as `line what`.
    pub(super) fn movements(&self) -> Vec<String> {
        let all = Simulated::movements(&self.gpio(), CHIP).unwrap();
        all.into_iter().map(|movement| format!("{} {}", movement.line, movement.what)).collect()
    }

    pub(super) fn set_input(&self, line: &str, level: bool) {
        Simulated::set_level(&self.gpio(), CHIP, line, level).unwrap();
    }

    pub(super) fn thing(&self, name: &str) -> Arc<dyn Thing> {
        self.things.get(name).unwrap()
    }
}

/// A config as the file would have it.
pub(super) fn config(component: &Path, rest: &str) -> InstanceConfig {
    let text = format!("component = {:?}\n{rest}", component.display().to_string());
    toml::from_str(&text).unwrap()
}

/// Waits until an instance runs, or not.
pub(super) async fn until(thing: &Arc<dyn Thing>, wanted: impl Fn(&Health) -> bool) -> Duration {
    let begun = Instant::now();
    while !wanted(&thing.health()) {
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", thing.health());
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    begun.elapsed()
}

/// The next notice.
pub(super) async fn notice(notices: &mut tokio::sync::broadcast::Receiver<Notice>) -> Notice {
    tokio::time::timeout(Duration::from_secs(10), notices.recv()).await.unwrap().unwrap()
}
