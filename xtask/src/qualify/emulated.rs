//! `cargo xtask qualify arm`: the packages for other processors. Their programs run under an emulator, as far as it goes.
//!
//! It knows no seccomp, without which no plugin starts, so plugins are what this does not show: the device runs, a person
//! pairs with it and reads what it says of itself, and its door says that it is down.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use streembit_harness::{Device, Finished, Person, Programs};

use crate::package::{self, Arch};
use crate::{plugins, requirements, tool};

/// What the packages bring, and which of it people run.
const PROGRAMS: [(&str, &str); 4] = [
    ("usr/bin", "streembit-agent"),
    ("usr/bin", "streembit"),
    ("usr/lib/streembit", "streembit-plugin-host"),
    ("usr/lib/streembit", "streembit-plugin-compiler"),
];

pub(super) fn run() -> Result<()> {
    for arch in Arch::ALL.into_iter().filter(|arch| !arch.is_native()) {
        qualify(arch).with_context(|| arch.debian().to_owned())?;
    }
    Ok(())
}

fn qualify(arch: Arch) -> Result<()> {
    requirements::for_packages(arch, tool::in_ci())?;
    let made = package::make(arch)?;
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let root = folder.path().join("root");
    for file in &made.packages {
        let fields = tool::output(Command::new("dpkg-deb").arg("--field").arg(file).arg("Architecture"))?;
        ensure!(fields.trim() == arch.debian(), "{} is for {fields}", file.display());
        tool::run(Command::new("dpkg-deb").arg("--extract").arg(file).arg(&root))?;
    }
    let programs = folder.path().join("programs");
    fs::create_dir(&programs)?;
    for (place, name) in PROGRAMS {
        wrap(arch, &root.join(place).join(name), &programs.join(name))?;
    }
    for name in ["streembit-agent", "streembit"] {
        let version = Finished::run(Command::new(programs.join(name)).arg("--version"))?.success()?.stdout;
        ensure!(version.trim() == format!("{name} {}", env!("CARGO_PKG_VERSION")), "{version}");
    }
    println!("{}: packaged, and its programs run", arch.debian());
    a_person_and_a_device(&programs, plugins::build()?, folder.path())
}

/// A program of that name which runs the other one under the emulator.
fn wrap(arch: Arch, program: &Path, wrapper: &Path) -> Result<()> {
    let command = arch.command(program);
    let words: Vec<String> = std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| format!("'{}'", word.to_string_lossy()))
        .collect();
    fs::write(wrapper, format!("#!/bin/sh\nexec {} \"$@\"\n", words.join(" ")))?;
    fs::set_permissions(wrapper, Permissions::from_mode(0o755)).with_context(|| wrapper.display().to_string())
}

fn a_person_and_a_device(programs: &Path, plugins: PathBuf, folder: &Path) -> Result<()> {
    let programs = Programs::in_folders(programs.to_owned(), plugins)?;
    let mut device = Device::new(&programs, folder, "garage")?;
    device.start()?;
    let ada = Person::new(&programs, folder, "ada")?;
    ada.run(["pair", &device.pairing_link()?])?.success()?;
    ada.run(["read", "garage/device/status"])?.success()?;
    let status = device.run(["--json", "status"])?.success()?.json()?;
    let door = status["things"]["door"].as_str().with_context(|| format!("no door in {status}"))?;
    ensure!(door != "running", "a plugin runs without the filter that confines it");
    println!("paired; the door is {door}");
    device.run(["journal", "verify"])?.success()?;
    device.stop()
}
