//! The programs as they are shipped, for any processor.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use super::{Arch, forget};
use crate::{programs, tool};

/// Builds every program and returns the folder that holds them all.
pub(super) fn programs(arch: Arch) -> Result<PathBuf> {
    let folder = tool::target().join("packages").join(arch.debian()).join("programs");
    forget(&folder)?;
    let built = built(arch)?;
    for (packages, names) in programs::GROUPS {
        let mut cargo = cargo(arch)?;
        cargo.args(["build", "--quiet", "--locked", "--bins", "--release", "--target", arch.triple()]);
        cargo.arg("--target-dir").arg(&built);
        for package in packages {
            cargo.args(["--package", package]);
        }
        tool::run(&mut cargo)?;
        for name in names {
            let from = built.join(arch.triple()).join("release").join(name);
            std::fs::copy(&from, folder.join(name)).with_context(|| from.display().to_string())?;
        }
    }
    Ok(folder)
}

/// Has the next build make everything of ours anew. What others wrote stays built.
pub(super) fn forget_ours(arch: Arch) -> Result<()> {
    let mut cargo = cargo(arch)?;
    cargo
        .args(["clean", "--quiet", "--release", "--target", arch.triple()])
        .arg("--target-dir")
        .arg(built(arch)?);
    for package in programs::GROUPS.iter().flat_map(|(packages, _)| packages.iter()) {
        cargo.args(["--package", package]);
    }
    tool::run(&mut cargo)
}

/// Where cargo builds: in a folder of its own, one for each compiler. It would else build everything anew whenever the
/// flags change, here and in `bench`.
fn built(arch: Arch) -> Result<PathBuf> {
    let compiler = if has_target(arch)? { "build" } else { "build-debian" };
    Ok(tool::target().join("packages").join(compiler))
}

/// A cargo that builds for this processor, without a path of this machine in what it makes.
fn cargo(arch: Arch) -> Result<Command> {
    let mut flags = tool::remap_flags()?;
    let mut cargo = tool::cargo();
    if !arch.is_native() {
        cross(arch, &mut cargo, &mut flags)?;
    }
    // By this variable a path may hold spaces.
    cargo.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"));
    // SQLite and AWS-LC are C: their sources come from cargo's folder, and what is generated from them goes to ours.
    let prefixes = tool::own_paths()?.into_iter().filter(|(_, to)| ["/target", "/cargo"].contains(to));
    let prefixes: Vec<String> = prefixes.map(|(from, to)| format!("-ffile-prefix-map={from}={to}")).collect();
    cargo.env("CFLAGS", prefixes.join(" "));
    Ok(cargo)
}

/// Where rustup has the target, only the linker is another. Else Debian's compiler builds it, with Debian's standard
/// library for that processor in a sysroot of our own.
fn cross(arch: Arch, cargo: &mut Command, flags: &mut Vec<String>) -> Result<()> {
    let linker = format!("{}-gcc", arch.gnu());
    let name = arch.triple().to_uppercase().replace('-', "_");
    cargo.env(format!("CARGO_TARGET_{name}_LINKER"), &linker);
    if has_target(arch)? {
        return Ok(());
    }
    let sysroot = debian_sysroot(arch)?;
    flags.push(format!("--sysroot={}", sysroot.display()));
    flags.push("--remap-path-prefix=/usr/src/rustc=/rustc".to_owned());
    *cargo = {
        let mut debian = Command::new("/usr/bin/cargo");
        debian.current_dir(tool::workspace()).env("RUSTC", "/usr/bin/rustc").env_remove("RUSTUP_TOOLCHAIN");
        debian.envs(cargo.get_envs().filter_map(|(name, value)| Some((name, value?))));
        debian
    };
    Ok(())
}

/// Whether the toolchain that runs us builds for it.
fn has_target(arch: Arch) -> Result<bool> {
    Ok(tool::sysroot()?.join("lib/rustlib").join(arch.triple()).join("lib").is_dir())
}

/// Debian's standard library for another processor, where its compiler finds it.
fn debian_sysroot(arch: Arch) -> Result<PathBuf> {
    let folder = tool::target().join("packages").join(arch.debian()).join("sysroot");
    let rustlib = folder.join("lib/rustlib");
    if rustlib.join(arch.triple()).exists() {
        return Ok(folder);
    }
    forget(&folder)?;
    std::fs::create_dir_all(folder.join("lists/partial"))?;
    let apt = |words: &[&str]| {
        let mut apt = Command::new("apt-get");
        // With lists of its own, so that this machine's apt need not know the other processor.
        apt.current_dir(&folder).arg("--option").arg(format!("Dir::State::Lists={}/lists", folder.display()));
        for known in [Arch::of_this_machine()?, arch] {
            apt.arg("--option").arg(format!("APT::Architectures::={}", known.debian()));
        }
        tool::output(apt.arg("--quiet").args(words))
    };
    apt(&["update"])?;
    apt(&["download", &format!("libstd-rust-web-dev:{}", arch.debian())])?;
    let downloaded = std::fs::read_dir(&folder)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "deb"))
        .context("apt-get downloaded nothing")?;
    tool::run(Command::new("dpkg-deb").arg("--extract").arg(downloaded).arg(&folder))?;
    std::fs::create_dir_all(&rustlib)?;
    for triple in [arch.triple(), Arch::of_this_machine()?.triple()] {
        let own = folder.join("usr/lib/rustlib").join(triple);
        let from = if own.exists() { own } else { Path::new("/usr/lib/rustlib").join(triple) };
        std::os::unix::fs::symlink(from, rustlib.join(triple))?;
    }
    Ok(folder)
}
