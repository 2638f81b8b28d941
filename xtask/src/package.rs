//! `cargo xtask package`: what is installed on a device and on a person's machine, as Debian packages and as a tarball for
//! machines without apt.
//!
//! `packaging/contents.toml` says which file comes from where. [`build`] makes the programs for a processor, [`contents`]
//! lays the files out, [`deb`] and [`tarball`] wrap them. Two runs over the same commit make the same bytes: times are the
//! commit's, owners are numbers, names are sorted, and no path of the machine that built it is in any file.

mod arch;
mod build;
mod contents;
mod deb;
mod licences;
mod tarball;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::{plugins, requirements, tool};
pub(crate) use arch::Arch;
use contents::{Contents, Sources};

/// The most that a package may take on a device, in bytes: a gateway's root file system often has 256 MB.
const MOST_INSTALLED: u64 = 40_000_000;

/// What is packaged, and for which processor.
#[derive(Args)]
pub(crate) struct Options {
    /// The processor; without it, that of this machine
    #[arg(long, value_enum)]
    arch: Option<Arch>,

    /// Install what is missing from the system
    #[arg(long)]
    install: bool,
}

/// What was made.
pub(crate) struct Made {
    /// `streembit-agent` and `streembit`.
    pub(crate) packages: Vec<PathBuf>,
    /// The same for machines without apt.
    pub(crate) tarball: PathBuf,
}

/// Everything that is the same for all files of one run.
struct Run {
    arch: Arch,
    version: &'static str,
    /// When the last commit was made: the time of every file.
    epoch: String,
    /// Where the packages and what they are made of lie.
    folder: PathBuf,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let arch = options.arch.map_or_else(Arch::of_this_machine, Ok)?;
    requirements::for_packages(arch, options.install || tool::in_ci())?;
    let made = make(arch)?;
    for file in made.packages.iter().chain([&made.tarball]) {
        println!("{}", file.display());
    }
    Ok(())
}

/// The same, with everything of ours compiled anew, to see whether it comes out the same.
pub(crate) fn make_again(arch: Arch) -> Result<Made> {
    build::forget_ours(arch)?;
    make(arch)
}

/// Builds and packages everything for one processor.
pub(crate) fn make(arch: Arch) -> Result<Made> {
    let run = Run {
        arch,
        version: env!("CARGO_PKG_VERSION"),
        epoch: last_commit()?,
        folder: tool::target().join("packages"),
    };
    let plugins = plugins::build()?;
    let programs = build::programs(arch)?;
    let contents = Contents::read()?;
    let sources = Sources { programs, plugins, arch };
    let trees = run.folder.join(arch.debian()).join(run.tarball_name());
    forget(&trees)?;
    let mut packages = Vec::new();
    for (name, package) in contents.packages() {
        let tree = trees.join(name);
        let installed = package.lay_out(&sources, &tree)?;
        refuse_own_paths(&tree)?;
        println!("{name}: {:.1} MB installed", installed as f64 / 1e6);
        if installed > MOST_INSTALLED {
            bail!("{name} takes {installed} bytes on a device, and may take {MOST_INSTALLED}");
        }
        packages.push(deb::make(&run, name, &tree, installed)?);
    }
    let tarball = tarball::make(&run, &trees)?;
    Ok(Made { packages, tarball })
}

impl Run {
    fn tarball_name(&self) -> String {
        format!("streembit-{}-{}", self.version, self.arch.debian())
    }
}

fn last_commit() -> Result<String> {
    // Whoever builds from a source package has no repository, and says it.
    if let Ok(epoch) = std::env::var("SOURCE_DATE_EPOCH") {
        return Ok(epoch);
    }
    let mut git = Command::new("git");
    git.current_dir(tool::workspace()).args(["log", "-1", "--format=%ct"]);
    Ok(tool::output(&mut git).context("no commit, and no SOURCE_DATE_EPOCH")?.trim().to_owned())
}

/// An empty folder.
fn forget(folder: &Path) -> Result<()> {
    let _ = std::fs::remove_dir_all(folder);
    std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))
}

/// Every file below a folder, sorted, without the folder itself before it.
fn files_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(open) = folders.pop() {
        for entry in std::fs::read_dir(&open).with_context(|| open.display().to_string())? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path.strip_prefix(folder)?.to_owned());
            }
        }
    }
    files.sort();
    Ok(files)
}

/// A path of the machine that built it would make two builds differ, and tells strangers who built it.
fn refuse_own_paths(tree: &Path) -> Result<()> {
    let own: Vec<String> = tool::own_paths()?.into_iter().map(|(path, _)| path).collect();
    for file in files_below(tree)? {
        let bytes = std::fs::read(tree.join(&file)).with_context(|| file.display().to_string())?;
        let found = own.iter().find(|path| contains(&bytes, path.as_bytes()));
        if let Some(path) = found {
            bail!("{} names {path}, a folder of this machine", file.display());
        }
    }
    Ok(())
}

fn contains(bytes: &[u8], word: &[u8]) -> bool {
    // Twenty megabytes a program: first letter first.
    let Some((first, rest)) = word.split_first() else { return false };
    let mut left = bytes;
    while let Some(at) = left.iter().position(|byte| byte == first) {
        left = &left[at + 1..];
        if left.starts_with(rest) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::contains;

    #[test]
    fn a_path_is_found_wherever_it_is() {
        assert!(contains(b"x\0/home/a/src/lib.rs", b"/home/a"));
        assert!(contains(b"//home/a", b"/home/a"));
        assert!(!contains(b"/home/b/home/", b"/home/a"));
    }
}
