//! The first-party plugins: built for WebAssembly, each with its manifest inside, in `target/plugins`.
//!
//! `wasm32-wasip2` makes components by itself. Where rustup has the target it is used; else Debian's compiler builds
//! the standard library from its sources, with the linkers that every rustup toolchain carries.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use clap::Args;
use streembit_plugin_api::{Manifest, section};

use crate::{requirements, tool};

const TARGET: &str = "wasm32-wasip2";

/// Which plugins.
#[derive(Args)]
pub(crate) struct Options {
    /// The folder of a plugin that is not one of ours, with its `plugin.toml`: its component is put there
    folder: Option<PathBuf>,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let made = options.folder.as_deref().map_or_else(build, build_one)?;
    println!("{}", made.display());
    Ok(())
}

/// Builds the plugin in this folder, and returns its component.
fn build_one(folder: &Path) -> Result<PathBuf> {
    let manifest = folder.join("Cargo.toml");
    let text = std::fs::read_to_string(&manifest).with_context(|| manifest.display().to_string())?;
    let package: toml::Table = toml::from_str(&text).with_context(|| manifest.display().to_string())?;
    let name = package.get("package").and_then(|package| package.get("name")).and_then(toml::Value::as_str);
    let name = name.with_context(|| format!("{}: no package.name", manifest.display()))?;
    // Its own lock file, if it has one, is its author's to keep.
    let built = compile(folder, &[])?;
    let finished = finish(&component(&built, name), &folder.join("plugin.toml"))?;
    write(&folder.join(name).with_extension("wasm"), &finished)
}

/// Builds every plugin of ours and returns the folder of the components.
pub(crate) fn build() -> Result<PathBuf> {
    let sources = tool::workspace().join("plugins");
    let built = compile(&sources, &["--locked"])?;
    let folder = tool::target().join("plugins");
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    for plugin in plugins(&sources)? {
        let finished = finish(&component(&built, &plugin), &sources.join(&plugin).join("plugin.toml"))?;
        write(&folder.join(&plugin).with_extension("wasm"), &finished)?;
    }
    Ok(folder)
}

/// Builds what is in a folder for the target, and returns where cargo builds.
fn compile(folder: &Path, words: &[&str]) -> Result<PathBuf> {
    let built = tool::target().join("plugins-build");
    let mut cargo = compiler()?;
    cargo.current_dir(folder).args(["build", "--release", "--quiet", "--target", TARGET]).args(words);
    cargo.arg("--target-dir").arg(&built);
    tool::run(&mut cargo)?;
    Ok(built)
}

/// What cargo makes of a package.
fn component(built: &Path, package: &str) -> PathBuf {
    built.join(TARGET).join("release").join(package.replace('-', "_")).with_extension("wasm")
}

fn write(file: &Path, component: &[u8]) -> Result<PathBuf> {
    std::fs::write(file, component).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(file.to_owned())
}

/// For the test runs that nobody lists: what is to be ignored would run all the same.
pub(crate) const NONE_SKIPPED: [&str; 2] = ["--", "--include-ignored"];

/// Runs the plugins' unit tests, natively on the mock of the SDK.
pub(crate) fn test() -> Result<()> {
    let mut cargo = tool::cargo();
    cargo.current_dir(tool::workspace().join("plugins"));
    cargo.args(["test", "--quiet", "--locked"]).arg("--target-dir").arg(tool::target().join("plugins-test"));
    tool::run(cargo.args(NONE_SKIPPED))
}

/// Every folder with a manifest is a plugin.
fn plugins(sources: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(sources)? {
        let entry = entry?;
        if entry.path().join("plugin.toml").is_file() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// The component with its manifest inside. One that the agent would not read is not built.
fn finish(component: &Path, manifest: &Path) -> Result<Vec<u8>> {
    let text = std::fs::read_to_string(manifest).with_context(|| manifest.display().to_string())?;
    Manifest::parse(&text).with_context(|| manifest.display().to_string())?;
    let bytes = std::fs::read(component).with_context(|| component.display().to_string())?;
    section::embed(&bytes, &text).with_context(|| component.display().to_string())
}

/// A cargo that can build for the target.
fn compiler() -> Result<Command> {
    let rustlib = tool::sysroot()?.join("lib/rustlib");
    // A component says where it was built when it panics; it shall be the same wherever that was.
    let mut flags = tool::remap_flags()?;
    if rustlib.join(TARGET).join("lib").is_dir() {
        let mut cargo = tool::cargo();
        cargo.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"));
        return Ok(cargo);
    }
    flags.extend(["-L", "native=/usr/lib/wasm32-wasi"].map(str::to_owned));
    requirements::for_plugins()?;
    // `wasm-component-ld` and `rust-lld` come with every rustup toolchain, with or without the target.
    let linkers = rustlib.join(format!("{}-unknown-linux-gnu/bin", std::env::consts::ARCH));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(std::iter::once(linkers).chain(std::env::split_paths(&path)))?;
    let mut cargo = Command::new("/usr/bin/cargo");
    cargo
        .env("PATH", path)
        .env("RUSTC", "/usr/bin/rustc")
        // The standard library's own build needs features that only its own release may use.
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"))
        .env_remove("RUSTUP_TOOLCHAIN")
        .args(["-Z", "build-std=std,panic_abort"]);
    Ok(cargo)
}
