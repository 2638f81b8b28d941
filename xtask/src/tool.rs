//! Running other programs, and the places they share.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

/// The folder of the workspace.
pub(crate) fn workspace() -> &'static Path {
    // The manifest's folder is `xtask`, one below the workspace, so there always is a parent.
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// The one folder for everything that is built.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace().join("target"), PathBuf::from)
}

/// The folder of the toolchain that builds.
pub(crate) fn sysroot() -> Result<PathBuf> {
    Ok(output(Command::new("rustc").args(["--print", "sysroot"]))?.trim().into())
}

/// Folders of this machine that a compiler would name in what it makes, and what it is to say instead. Inner ones last:
/// the last that fits counts.
pub(crate) fn own_paths() -> Result<Vec<(String, &'static str)>> {
    let cargo = match std::env::var_os("CARGO_HOME") {
        Some(home) => PathBuf::from(home),
        None => PathBuf::from(std::env::var_os("HOME").context("neither CARGO_HOME nor HOME is set")?)
            .join(".cargo"),
    };
    let paths = [
        (sysroot()?.join("lib/rustlib/src/rust"), "/rustc"),
        (workspace().to_owned(), "/streembit"),
        (target(), "/target"),
        (cargo, "/cargo"),
    ];
    Ok(paths.into_iter().map(|(path, instead)| (path.display().to_string(), instead)).collect())
}

/// Flags that have the compiler say the same on every machine.
pub(crate) fn remap_flags() -> Result<Vec<String>> {
    let flag = |(path, instead)| format!("--remap-path-prefix={path}={instead}");
    Ok(own_paths()?.into_iter().map(flag).collect())
}

/// The cargo that runs us, in the workspace's folder.
pub(crate) fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(workspace());
    // What cargo says of this program to this program. Build scripts that look at it (ring's) would run again, and all that
    // depends on them be built again, each time after a cargo that somebody started by hand.
    for (name, _) in std::env::vars_os() {
        let said =
            name.to_str().is_some_and(|name| OF_THIS_PROGRAM.iter().any(|prefix| name.starts_with(prefix)));
        if said {
            cargo.env_remove(name);
        }
    }
    cargo
}

/// How the variables begin that cargo sets for a program that it runs.
const OF_THIS_PROGRAM: [&str; 2] = ["CARGO_PKG_", "CARGO_MANIFEST_"];

/// Runs to the end; anything but success is an error that names the command.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let shown = show(command);
    let status = command.status().with_context(|| format!("cannot start `{shown}`"))?;
    if !status.success() {
        bail!("`{shown}` ended with {status}");
    }
    Ok(())
}

/// Runs to the end and returns what it printed.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let shown = show(command);
    let output = command.output().with_context(|| format!("cannot start `{shown}`"))?;
    if !output.status.success() {
        bail!("`{shown}` ended with {}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim());
    }
    String::from_utf8(output.stdout).with_context(|| format!("`{shown}` printed something that is not UTF-8"))
}

/// Whether nobody is there to be asked, as on a build machine.
pub(crate) fn in_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true")
}

/// Whether a program of that name is on the PATH.
pub(crate) fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

fn show(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
