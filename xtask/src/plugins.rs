//! The first-party plugins: built for WebAssembly, each with its manifest inside, in `target/plugins`.
//!
//! `wasm32-wasip2` makes components by itself. Where rustup has the target it is used; else Debian's compiler builds
//! the standard library from its sources, with the linkers that every rustup toolchain carries.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use streembit_plugin_api::{Manifest, section};

use crate::{requirements, tool};

const TARGET: &str = "wasm32-wasip2";

/// Builds every plugin and returns the folder of the components.
pub(crate) fn build() -> Result<PathBuf> {
    let sources = tool::workspace().join("plugins");
    let built = tool::target().join("plugins-build");
    let mut cargo = compiler()?;
    cargo.current_dir(&sources).args(["build", "--release", "--quiet", "--locked", "--target", TARGET]);
    cargo.arg("--target-dir").arg(&built);
    tool::run(&mut cargo)?;
    let folder = tool::target().join("plugins");
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    for plugin in plugins(&sources)? {
        let component =
            built.join(TARGET).join("release").join(plugin.replace('-', "_")).with_extension("wasm");
        let finished = finish(&component, &sources.join(&plugin).join("plugin.toml"))?;
        let to = folder.join(&plugin).with_extension("wasm");
        std::fs::write(&to, finished).with_context(|| format!("cannot write {}", to.display()))?;
    }
    Ok(folder)
}

/// Runs the plugins' unit tests, natively on the mock of the SDK.
pub(crate) fn test() -> Result<()> {
    let mut cargo = tool::cargo();
    cargo.current_dir(tool::workspace().join("plugins"));
    cargo.args(["test", "--quiet", "--locked"]).arg("--target-dir").arg(tool::target().join("plugins-test"));
    tool::run(&mut cargo)
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
