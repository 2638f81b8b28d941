//! The same files for machines without apt, with the script that puts them into their places.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use super::Run;
use crate::tool;

/// Wraps the trees of all packages, and returns the tarball's file.
pub(super) fn make(run: &Run, trees: &Path) -> Result<PathBuf> {
    let script = tool::workspace().join("packaging/install.sh");
    fs::copy(&script, trees.join("install.sh")).with_context(|| script.display().to_string())?;
    let name = run.tarball_name();
    let tarball = run.folder.join(format!("{name}.tar.xz"));
    let parent = trees.parent().context("the trees lie in a folder")?;
    let mut tar = Command::new("tar");
    tar.arg("--directory").arg(parent);
    tar.args(["--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--mode=u+rwX,go+rX,go-w"]);
    tar.args(["--format=gnu", &format!("--mtime=@{}", run.epoch)]);
    tar.args(["--use-compress-program=xz --threads=1", "--create", "--file"]).arg(&tarball).arg(&name);
    tool::output(&mut tar)?;
    Ok(tarball)
}
