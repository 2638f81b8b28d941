//! `cargo xtask qualify packages`: the packages on a Debian system with a real systemd, from installation to purge.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

use super::book;
use super::machine::Machine;
use crate::package::{self, Arch, Made};
use crate::{requirements, tool};

/// The unit's `WatchdogSec` and the time that systemd gives a process to end after it, twice.
const WATCHDOG: Duration = Duration::from_secs(150);

/// How long a service may take to be up again on a busy machine.
const SOON: Duration = Duration::from_secs(60);

/// A door on simulated lines, below the one folder that the service may write to.
const DOOR: &str = r#"
[hardware]
simulated = "/var/lib/streembit/lines"

[plugins.door]
component = "/usr/lib/streembit/plugins/gpio-switch.wasm"

[plugins.door.grants]
open = "gpiochip0 line 4, output, safe state off"
close = "gpiochip0 line 5, output, safe state off"
stop = "gpiochip0 line 6, output, safe state off"
"#;

/// Where files of ours may be, and where the system's own bookkeeping does not change them.
const LIST: &str = "find / -xdev \\( -path /root -o -path /home -o -path /var/log -o -path /var/cache -o -path /var/lib/dpkg \
     -o -path /var/lib/apt -o -path /var/lib/systemd -o -path /etc/sudoers.d \\) -prune -o -print";

pub(super) fn run() -> Result<()> {
    let arch = Arch::of_this_machine()?;
    requirements::for_packages(arch, tool::in_ci())?;
    requirements::for_installation(tool::in_ci())?;
    let first = package::make(arch)?;
    let bytes = all_bytes(&first)?;
    let again = package::make_again(arch)?;
    ensure!(bytes == all_bytes(&again)?, "two runs over the same commit did not make the same bytes");
    println!("made twice, byte for byte the same");

    let machine = Machine::start().context("starting a Debian system")?;
    println!("a Debian system runs, with systemd as process 1");
    machine.must("useradd --create-home ann && echo 'ann ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/ann")?;
    let before = list(&machine)?;
    packages(&machine, &again).context("the Debian packages")?;
    nothing_is_left(&machine, &before)?;
    println!("purged: nothing is left");
    tarball(&machine, &again.tarball).context("the tarball")?;
    nothing_is_left(&machine, &before)?;
    println!("the tarball's script did the same, and left nothing either");
    book::on_debian(&machine, &again).context("the book")?;
    book::in_the_sources().context("the book")?;
    println!(
        "what the book says to type on such a machine, and in the sources, works and prints what it shows"
    );
    Ok(())
}

fn all_bytes(made: &Made) -> Result<Vec<Vec<u8>>> {
    let files = made.packages.iter().chain([&made.tarball]);
    files.map(|file| std::fs::read(file).with_context(|| file.display().to_string())).collect()
}

fn packages(machine: &Machine, made: &Made) -> Result<()> {
    let mut files = Vec::new();
    for package in &made.packages {
        files.push(machine.bring(package)?);
    }
    let install = format!("apt-get install --yes --quiet {}", files.join(" "));
    machine.must(&install)?;
    runs_as_it_should(machine)?;
    println!("installed: the service runs as a user of its own");

    a_person_opens_the_door(machine)?;
    println!("a person paired, and opened the simulated door");
    let check = machine.must("sudo -u ann sudo streembit-agent check")?;
    ensure!(
        check.ends_with("All is well.") && !check.contains("warning"),
        "check is not all green:\n{check}"
    );
    println!("check is all green");

    the_log_has_its_fields(machine)?;
    println!("the log is in the journal with its fields, and `logs` shows it");
    a_bundle_is_whose_who_asked(machine)?;
    println!("a support bundle holds the log, and no key");

    the_watchdog_bites(machine)?;
    println!("an agent that was stopped was started again by the watchdog");
    ann(machine, "read garage/door/state").context("the door after that")?;

    let device = device(machine)?;
    machine.must("sed -i '1i # Mine.' /etc/streembit/agent.toml")?;
    machine.must(&format!("{install} --reinstall"))?;
    is_active(machine)?;
    ensure!(device == self::device(machine)?, "another device after an upgrade");
    machine
        .must("head -1 /etc/streembit/agent.toml | grep '# Mine.'")
        .context("the config was overwritten")?;
    ann(machine, "read garage/door/state").context("the door after an upgrade")?;
    println!("installed again over it: the same device, its config as it was");

    machine.must("systemctl stop streembit-agent && streembit-agent factory-reset --yes")?;
    machine.must("systemctl start streembit-agent")?;
    ensure!(device != self::device(machine)?, "the same device after a factory reset");
    files_are_whose_they_should_be(machine)?;
    println!("factory reset by root: another device, which the service runs");
    a_reset_that_root_began_is_roots_to_finish(machine)?;

    machine.must("apt-get purge --yes --quiet streembit-agent streembit")?;
    Ok(())
}

fn tarball(machine: &Machine, tarball: &Path) -> Result<()> {
    let file = machine.bring(tarball)?;
    let folder = file.trim_end_matches(".tar.xz");
    machine.must(&format!("tar -C /root -xf {file}"))?;
    machine.must(&format!("sh {folder}/install.sh streembit-agent streembit"))?;
    runs_as_it_should(machine)?;
    machine.must("rm -rf /home/ann/.config /home/ann/.local /home/ann/streembit")?;
    a_person_opens_the_door(machine)?;
    machine.must(&format!("sh {folder}/install.sh --purge streembit-agent streembit"))?;
    Ok(())
}

fn runs_as_it_should(machine: &Machine) -> Result<()> {
    is_active(machine)?;
    let enabled = machine.must("systemctl is-enabled streembit-agent")?;
    ensure!(enabled == "enabled", "the service is {enabled}");
    let user = machine
        .must("stat --format %U /proc/$(systemctl show --property MainPID --value streembit-agent)")?;
    ensure!(user == "streembit", "the agent runs as {user}");
    files_are_whose_they_should_be(machine)
}

fn files_are_whose_they_should_be(machine: &Machine) -> Result<()> {
    for (path, wanted) in [
        ("/var/lib/streembit", "streembit:streembit 700"),
        ("/etc/streembit/account.key", "root:root 600"),
        ("/var/lib/streembit/lan.key", "streembit:streembit 600"),
        ("/etc/streembit/agent.toml", "root:streembit 640"),
    ] {
        let found = machine.must(&format!("stat --format '%U:%G %a' {path}"))?;
        ensure!(found == wanted, "{path} is {found}, not {wanted}");
    }
    Ok(())
}

fn is_active(machine: &Machine) -> Result<()> {
    machine.until("the service is active", SOON, |machine| {
        let state = machine.run("systemctl is-active streembit-agent")?.stdout;
        if state.trim() == "failed" {
            bail!("the service failed: {}", machine.must("journalctl --no-pager --unit streembit-agent")?);
        }
        Ok((state.trim() == "active").then_some(()))
    })
}

/// The device's fingerprint, as root asks for it.
fn device(machine: &Machine) -> Result<String> {
    let status = machine.run("streembit-agent --json status")?.success()?.json()?;
    Ok(status["device"].as_str().context("no fingerprint")?.to_owned())
}

/// Runs the person's program.
fn ann(machine: &Machine, words: &str) -> Result<String> {
    machine
        .must(&format!("runuser -u ann -- env HOME=/home/ann streembit --home /home/ann/streembit {words}"))
}

fn a_person_opens_the_door(machine: &Machine) -> Result<()> {
    machine.must(&format!("cat >> /etc/streembit/agent.toml <<'END'\n{DOOR}END"))?;
    machine.must("install --directory --owner=streembit --group=streembit /var/lib/streembit/lines")?;
    machine.must("systemctl restart streembit-agent")?;
    is_active(machine)?;
    let link = machine.run("sudo -u ann sudo streembit-agent --json pair")?.success()?.json()?;
    let link = link["link"].as_str().context("no link")?.to_owned();

    machine.must("runuser -u ann -- sh -c 'umask 077; echo Correct-horse-7 > /home/ann/passcode'")?;
    ann(machine, "init --passcode-file /home/ann/passcode")?;
    ann(machine, "unlock --for 1h --passcode-file /home/ann/passcode")?;
    ann(machine, &format!("pair --as garage '{link}'"))?;
    ann(machine, "invoke garage/door/open")?;
    let moved = machine.must("cat /var/lib/streembit/lines/gpiochip0/movements")?;
    ensure!(
        moved.lines().filter(|line| line.starts_with("4 pulse")).count() == 1,
        "the lines moved: {moved}"
    );
    Ok(())
}

fn the_log_has_its_fields(machine: &Machine) -> Result<()> {
    let shown = machine.must("sudo -u ann sudo streembit-agent logs --since today")?;
    ensure!(shown.contains("the device runs device="), "the log:\n{shown}");
    let found = machine.must("journalctl --unit streembit-agent --output json STREEMBIT_DEVICE=$(streembit-agent --json status | sed 's/.*\"device\":\"//;s/\".*//')")?;
    ensure!(found.contains("\"PRIORITY\":\"6\""), "no line with that field:\n{found}");
    Ok(())
}

fn a_bundle_is_whose_who_asked(machine: &Machine) -> Result<()> {
    let folder = "/home/ann/bundle";
    machine.must(&format!("runuser -u ann -- mkdir {folder}"))?;
    machine.must(&format!(
        "cd {folder} && runuser -u ann -- sudo streembit-agent support-bundle garage.tar.gz"
    ))?;
    machine.must(&format!("cd {folder} && runuser -u ann -- tar -xzf garage.tar.gz --strip-components 1"))?;
    machine.must(&format!(
        "grep 'the device runs' {folder}/log.txt && grep ActiveState=active {folder}/unit.txt"
    ))?;
    for key in ["/etc/streembit/account.key", "/var/lib/streembit/lan.key"] {
        let line = machine.must(&format!("sed -n 2p {key}"))?;
        let found = machine.run(&format!("grep --recursive --fixed-strings -e '{line}' {folder}"))?;
        ensure!(!line.is_empty() && found.code == Some(1), "{key} is in the bundle");
    }
    machine.must(&format!("rm -r {folder}"))?;
    Ok(())
}

fn the_watchdog_bites(machine: &Machine) -> Result<()> {
    let restarts =
        |machine: &Machine| machine.must("systemctl show --property NRestarts --value streembit-agent");
    ensure!(restarts(machine)? == "0", "it was restarted before");
    machine.must("kill -STOP $(systemctl show --property MainPID --value streembit-agent)")?;
    machine.until("the watchdog bites", WATCHDOG, |machine| Ok((restarts(machine)? != "0").then_some(())))?;
    is_active(machine)?;
    let log = machine.must("journalctl --no-pager --unit init.scope --unit streembit-agent")?;
    ensure!(log.contains("Watchdog timeout"), "something else restarted it:\n{log}");
    Ok(())
}

/// Where the key is root's, the service cannot go on with a reset that a power cut interrupted, and says who can.
fn a_reset_that_root_began_is_roots_to_finish(machine: &Machine) -> Result<()> {
    let device = device(machine)?;
    machine.must("systemctl stop streembit-agent")?;
    machine.must(
        "cd /var/lib/streembit && echo \"account.key is root's\" > reset && chown streembit: reset && chmod 600 reset",
    )?;
    ensure!(machine.run("systemctl start streembit-agent")?.code != Some(0), "it went on with root's reset");
    let log = machine.must("journalctl --no-pager --unit streembit-agent")?;
    ensure!(log.contains("sudo streembit-agent factory-reset"), "it does not say who can go on:\n{log}");
    machine.must("systemctl stop streembit-agent && streembit-agent factory-reset --yes")?;
    machine.must("systemctl start streembit-agent")?;
    ensure!(device != self::device(machine)?, "the same device after a reset that was interrupted");
    files_are_whose_they_should_be(machine)
}

fn list(machine: &Machine) -> Result<BTreeSet<String>> {
    Ok(machine.must(LIST)?.lines().map(str::to_owned).collect())
}

fn nothing_is_left(machine: &Machine, before: &BTreeSet<String>) -> Result<()> {
    let after = list(machine)?;
    let left: Vec<&str> = after.difference(before).map(String::as_str).collect();
    ensure!(left.is_empty(), "left behind: {}", left.join(" "));
    ensure!(
        machine.run("getent passwd streembit || getent group streembit")?.code == Some(2),
        "the user is left"
    );
    // It ends with 1 where there is none.
    let units = machine.run("systemctl list-unit-files --no-legend 'streembit*'")?.stdout;
    ensure!(units.trim().is_empty(), "systemd still has {units}");
    Ok(())
}
