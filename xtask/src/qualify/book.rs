//! What the book says to type where the tests cannot: on a Debian machine with systemd, and in the folder of the sources with
//! a release build. It is the book's own blocks that are typed.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};
use streembit_harness::book::{Chapter, Place, Site, Walk};

use super::machine::Machine;
use crate::package::Made;
use crate::tool;

/// The reader's home on the Debian machine, where the packages are that they install.
const HOME: &str = "/home/ann";

/// A machine as its reader `ann` sees it, who may use sudo.
impl Site for Machine {
    fn enter(&self, _: &Place) -> Result<Command> {
        let mut enter = self.enter(&["HOME=/home/ann", "USER=ann", "TERM=dumb", "NO_COLOR=1", "TZ=UTC"]);
        enter.args(["runuser", "-u", "ann", "--", "env", "--chdir", HOME]);
        Ok(enter)
    }

    fn write(&self, _: &Place, path: &str, text: &str) -> Result<()> {
        let file = self.path(HOME).join(path);
        std::fs::write(&file, text).with_context(|| file.display().to_string())
    }

    fn stands_for(&self) -> Vec<(String, String)> {
        Vec::new()
    }
}

/// The folder of the sources, on the machine that builds.
struct Sources;

impl Site for Sources {
    fn enter(&self, _: &Place) -> Result<Command> {
        let mut enter = Command::new("env");
        enter.current_dir(tool::workspace()).arg("NO_COLOR=1");
        Ok(enter)
    }

    fn write(&self, _: &Place, path: &str, _: &str) -> Result<()> {
        anyhow::bail!("{path}: the book changes nothing in the sources")
    }

    fn stands_for(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    /// Everything may have to be built first.
    fn patience(&self) -> Duration {
        Duration::from_secs(3600)
    }
}

/// The chapters that install something.
pub(super) fn on_debian(machine: &Machine, made: &Made) -> Result<()> {
    // Debian's installer writes this; without it, sudo complains.
    machine.must("echo 127.0.1.1 $(hostname) >> /etc/hosts")?;
    for file in made.packages.iter().chain([&made.tarball]) {
        let file = machine.bring(file)?;
        machine.must(&format!("mv {file} {HOME}"))?;
    }
    for name in ["install.md", "first-door.md", "looking-after.md"] {
        Walk::new(machine).through(&chapter(name)?, Place::is_debian)?;
    }
    Ok(())
}

/// The chapter that builds something.
pub(super) fn in_the_sources() -> Result<()> {
    Walk::new(&Sources).through(&chapter("building.md")?, |place| place.is_elsewhere() && !place.is_debian())
}

fn chapter(name: &str) -> Result<Chapter> {
    let book: PathBuf = tool::workspace().join("docs/src");
    Chapter::read(&book.join(name))
}
