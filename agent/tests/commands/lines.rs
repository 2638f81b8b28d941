//! The real door: `gpio-switch` in its sandbox, on simulated lines.

use std::path::PathBuf;
use std::sync::Arc;

use streembit_agent::hardware::{Hardware, Simulated};
use streembit_agent::plugins::{InstanceConfig, Plugins, Programs, Setup};
use streembit_agent::things::{Health, Things};

use super::house::House;

const CHIP: &str = "gpiochip0";

pub struct Lines {
    plugins: Plugins,
    world: PathBuf,
}

/// What `cargo xtask test` has built and names in the environment, else where cargo and xtask put it.
fn built(variable: &str, folder: &str) -> PathBuf {
    // target/debug/deps/this-test
    let test = std::env::current_exe().unwrap();
    std::env::var_os(variable).map_or_else(|| test.ancestors().nth(3).unwrap().join(folder), PathBuf::from)
}

impl Lines {
    /// Puts the real door into a house, in the place of its stand-in.
    pub async fn of(house: &House) -> Self {
        let (world, things) = (house.folder.join("lines"), Arc::new(Things::default()));
        let plugins = Plugins::new(Setup {
            programs: Programs::in_folder(&built("STREEMBIT_PROGRAMS", "debug")),
            folder: house.folder.join("plugins"),
            key: house.device.key().clone(),
            hardware: Arc::new(Hardware::new(Simulated::new(&world).unwrap())),
            things: Arc::clone(&things),
        });
        let component = built("STREEMBIT_PLUGINS", "plugins").join("gpio-switch.wasm");
        let config = format!(
            "component = {component:?}\n[grants]\nopen = \"{CHIP} line 4, output\"\n\
             close = \"{CHIP} line 5, output\"\nstop = \"{CHIP} line 6, output\"\n"
        );
        let config: InstanceConfig = toml::from_str(&config).unwrap();
        plugins.add("door".parse().unwrap(), config).await.expect("cargo xtask test builds what it needs");
        let door = things.get("door").unwrap();
        assert_eq!(door.health(), Health::Running);
        house.device.things().put("door".into(), door);
        Self { plugins, world }
    }

    /// How often a line was moved.
    pub fn moved(&self) -> u64 {
        Simulated::movements(&self.world, CHIP).unwrap().len() as u64
    }

    /// Ends the sandbox.
    pub async fn close(self) {
        self.plugins.shutdown().await;
    }
}
