//! What is installed: that the service may do little, that what it needs is in the package, and that the scripts are sound.
//!
//! Whether it all works on a real system is what `cargo xtask qualify packages` shows.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // A test that cannot read a file has failed.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use toml::{Table, Value};

/// The most that systemd may find to say against the service, of 10.
const MOST_EXPOSED: f64 = 2.0;

/// `adjtimex`, MemoryDenyWriteExecute and the like cost what they cost; these must stay as they are whatever the sum is.
const MUST_STAY: [&str; 12] = [
    "Type=notify",
    "User=streembit",
    "NoNewPrivileges=yes",
    "CapabilityBoundingSet=",
    "ProtectSystem=strict",
    "LoadCredential=account.key:/etc/streembit/account.key",
    "WatchdogSec=60",
    "Restart=on-failure",
    "TimeoutStopSec=30",
    "LimitCORE=0",
    "DevicePolicy=closed",
    "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK",
];

fn packaging() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging")
}

fn read(name: &str) -> String {
    let path = packaging().join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn contents() -> Table {
    toml::from_str(&read("contents.toml")).unwrap()
}

/// The places of a package's files.
fn files(package: &str) -> Table {
    contents()[package]["files"].as_table().unwrap().clone()
}

/// The unit with a program that is there, since this machine need not have the package.
fn checked(arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let unit = folder.path().join("streembit-agent.service");
    let text = read("streembit-agent.service").replace("/usr/bin/streembit-agent", "/bin/true");
    fs::write(&unit, text).unwrap();
    Command::new("systemd-analyze").args(arguments).arg(&unit).output().expect("systemd-analyze is installed")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn systemd_understands_the_unit() {
    let output = checked(&["verify", "--man=no"]);
    let said = said(&output);
    // It also looks at units of this machine; only what it says of ours counts.
    let ours: Vec<&str> = said.lines().filter(|line| line.contains("streembit-agent")).collect();
    assert!(output.status.success() && ours.is_empty(), "{said}");
}

#[test]
fn the_service_is_exposed_as_little_as_we_say() {
    let output = checked(&["security", "--offline=true", "--no-pager"]);
    let said = said(&output);
    let overall =
        said.lines().find_map(|line| line.split_once("exposure level for streembit-agent.service: "));
    let (_, level) = overall.unwrap_or_else(|| panic!("{said}"));
    let level: f64 = level.split_whitespace().next().unwrap().parse().unwrap();
    assert!(level <= MOST_EXPOSED, "{said}");
}

#[test]
fn what_matters_most_is_in_the_unit() {
    let unit = read("streembit-agent.service");
    let lines: BTreeSet<&str> = unit.lines().collect();
    for line in MUST_STAY {
        assert!(lines.contains(line), "{line}");
    }
    // The user that it runs as is the one that is made, and that owns what it keeps.
    assert!(read("streembit-agent.sysusers").contains("\nu streembit - "));
    assert!(read("setup").contains("systemd-sysusers streembit-agent.conf"));
    assert!(read("setup").contains("chown streembit:streembit \"$data\""));
}

#[test]
fn each_file_that_the_unit_and_the_scripts_name_is_in_the_package() {
    let files = files("streembit-agent");
    let named = ["streembit-agent.service", "setup", "install.sh", "debian/streembit-agent.postinst"];
    let mut found = 0;
    for name in named {
        let text = read(name);
        let words = text.split(|c: char| c.is_whitespace() || "\"'`=:;$".contains(c));
        for word in words.filter(|word| word.starts_with("/usr/") && word.contains("streembit")) {
            // A folder, or a pattern of several.
            if word.ends_with('/') || word.contains('*') || word == "/usr/lib/streembit" {
                continue;
            }
            assert!(files.contains_key(word), "{name} names {word}");
            found += 1;
        }
    }
    assert!(found >= 3, "the unit's program and the set-up, at least: {found}");
    for program in ["streembit-plugin-host", "streembit-plugin-compiler"] {
        assert!(files.contains_key(&format!("/usr/lib/streembit/{program}")), "{program}");
    }
}

/// The config that `init` writes names a plugin as an example: whoever takes the comment signs away must find it there.
#[test]
fn the_plugin_of_the_default_config_is_in_the_package() {
    let config = fs::read_to_string(packaging().join("../agent/src/config/default.toml")).unwrap();
    let components: Vec<&str> =
        config.lines().filter_map(|line| line.trim_start_matches('#').strip_prefix("component = ")).collect();
    assert!(!components.is_empty());
    for component in components {
        assert!(files("streembit-agent").contains_key(component.trim_matches('"')), "{component}");
    }
}

#[test]
fn each_file_of_a_package_is_there_to_be_packaged() {
    for (package, table) in contents() {
        for (to, origin) in table["files"].as_table().unwrap() {
            assert!(to.starts_with('/') && !to.ends_with('/'), "{package}: {to}");
            let own = origin.get("file").or_else(|| origin.get("compressed")).and_then(Value::as_str);
            if let Some(path) = own {
                assert!(packaging().join("..").join(path).is_file(), "{package}: {to} from {path}");
            }
        }
        for field in [
            "Package",
            "Version",
            "Architecture",
            "Maintainer",
            "Installed-Size",
            "Depends",
            "Section",
            "Priority",
            "Description",
        ] {
            let control = read(&format!("debian/{package}.control"));
            let line = control.lines().find(|line| line.starts_with(&format!("{field}: ")));
            assert!(line.is_some_and(|line| line.len() > field.len() + 2), "{package} has no {field}");
        }
        let control = read(&format!("debian/{package}.control"));
        assert!(control.starts_with(&format!("Package: {package}\n")) && control.ends_with('\n'));
        // A line that begins with neither a field nor a space ends the description for dpkg.
        let after = control.split_once("\nDescription: ").unwrap().1;
        assert!(after.lines().skip(1).all(|line| line.starts_with(' ')), "{control}");
    }
}

#[test]
fn the_changelog_begins_with_this_version() {
    let changelog = read("changelog");
    assert!(changelog.starts_with(&format!("streembit ({})", env!("CARGO_PKG_VERSION"))), "{changelog}");
}

fn scripts() -> Vec<PathBuf> {
    let mut scripts: Vec<PathBuf> =
        ["setup", "clean", "install.sh"].map(|name| packaging().join(name)).into();
    for entry in fs::read_dir(packaging().join("debian")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension != "control") {
            scripts.push(path);
        }
    }
    assert!(scripts.len() >= 6, "{scripts:?}");
    scripts
}

#[test]
fn the_scripts_are_sound() {
    let has_shellcheck = Command::new("shellcheck").arg("--version").output().is_ok();
    for script in scripts() {
        let text = fs::read_to_string(&script).unwrap();
        assert!(text.starts_with("#!/bin/sh\n"), "{}", script.display());
        // A step that fails must not be followed by the next.
        assert!(text.contains("\nset -e"), "{}", script.display());
        let mut checks = vec![Command::new("sh")];
        checks[0].arg("-n");
        if has_shellcheck {
            checks.push(Command::new("shellcheck"));
        }
        for mut check in checks {
            let output = check.arg(&script).output().unwrap();
            assert!(output.status.success(), "{}: {}", script.display(), said(&output));
        }
    }
}

/// What a purge takes away by the package's script and by the tarball's is the same, and it is all that `setup` made.
#[test]
fn both_purges_take_the_same_away() {
    let clean = read("clean");
    let lines: Vec<&str> = clean.lines().skip_while(|line| !line.starts_with("rm ")).collect();
    let postrm = read("debian/streembit-agent.postrm");
    let trimmed: Vec<&str> = postrm.lines().map(str::trim).collect();
    for line in lines {
        assert!(trimmed.contains(&line.trim()), "the package's purge lacks: {line}");
    }
    for path in ["/var/lib/streembit", "/etc/streembit"] {
        assert!(clean.contains(path));
    }
}
