//! What the bundle says of the machine.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::Command;

use crate::cli::logs::{UNIT, journalctl};

/// Lines of the log that are taken along: a day of a quiet device, an hour of a troubled one.
const LOG_LINES: u32 = 2000;

/// The longest part that is taken of what another program says.
const MAX_OUTPUT: usize = 1 << 20;

/// What systemd is asked about the unit. Not its environment: people put passwords there.
const UNIT_PROPERTIES: &str = "ActiveState,SubState,Result,NRestarts,ExecMainStatus,ExecMainCode,\
    ActiveEnterTimestamp,MemoryCurrent,MemoryPeak,MemoryMax,CPUUsageNSec,TasksCurrent,User,Group,SupplementaryGroups,\
    WatchdogUSec,DeviceAllow,FragmentPath,DropInPaths,UnitFileState";

/// Programs, kernel, distribution, board.
pub(super) fn versions() -> String {
    let first = |path: &str| {
        let text = fs::read_to_string(path).unwrap_or_default();
        text.trim_end_matches(['\n', '\0']).to_owned()
    };
    let release = first("/etc/os-release");
    let pretty = release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME=")).unwrap_or("unknown");
    let systemd = output(Command::new("systemctl").arg("--version"));
    let mut text = String::new();
    // Writing to a string does not fail.
    for (what, is) in [
        ("streembit-agent", env!("CARGO_PKG_VERSION")),
        ("processor", std::env::consts::ARCH),
        ("kernel", &first("/proc/sys/kernel/osrelease")),
        ("built", &first("/proc/sys/kernel/version")),
        ("system", pretty.trim_matches('"')),
        ("board", &first("/proc/device-tree/model")),
        ("systemd", systemd.lines().next().unwrap_or("none")),
        ("command line user", &rustix::process::geteuid().as_raw().to_string()),
    ] {
        let _ = writeln!(text, "{what}: {is}");
    }
    text
}

/// What systemd says of the service.
pub(super) fn unit() -> String {
    output(Command::new("systemctl").args(["show", UNIT, "--no-pager", "--property", UNIT_PROPERTIES]))
}

/// The newest lines of the service's log.
pub(super) fn log() -> String {
    output(journalctl().args(["--no-pager", "--output=short-iso", &format!("--lines={LOG_LINES}")]))
}

/// The data folder's files by name, size, mode and owner. Nothing of what is in them.
pub(super) fn files(folder: &Path) -> std::io::Result<String> {
    let mut lines = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let is = entry.metadata()?;
        let name = entry.file_name().to_string_lossy().into_owned();
        lines.push(format!("{:06o} {:>5} {:>5} {:>12} {name}", is.mode(), is.uid(), is.gid(), is.len()));
    }
    lines.sort();
    Ok(lines.join("\n") + "\n")
}

/// What a program says, or why it says nothing.
fn output(command: &mut Command) -> String {
    match command.output() {
        Ok(ended) => {
            let said = if ended.stdout.is_empty() { ended.stderr } else { ended.stdout };
            let said = String::from_utf8_lossy(&said);
            // The end is the newest.
            let from = said.ceil_char_boundary(said.len().saturating_sub(MAX_OUTPUT));
            said.get(from..).unwrap_or_default().to_owned()
        }
        Err(error) => format!("{}: {error}\n", command.get_program().display()),
    }
}
