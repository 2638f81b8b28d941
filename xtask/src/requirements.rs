//! What the tasks need from the system, and how it is installed.

use std::process::Command;

use anyhow::{Result, bail};

use crate::package::Arch;
use crate::tool;

/// Something that must be there, and where it comes from.
struct Requirement {
    /// What it is for, to be read after "needed".
    purpose: &'static str,
    /// Debian packages that bring it.
    packages: &'static [&'static str],
    /// Whether it is there already.
    present: fn() -> bool,
}

const WASM: Requirement = Requirement {
    purpose: "to build plugins for WebAssembly (rustup's wasm32-wasip2 target serves as well)",
    packages: &["rustc-web", "cargo-web", "rust-web-src", "lld", "wasi-libc"],
    present: || rustup_has_wasm_target() || debian_has_wasm_compiler(),
};

const OPENSSL: Requirement = Requirement {
    purpose: "to check that `openssl pkey` opens our keys, and as a yardstick",
    packages: &["openssl"],
    present: || tool::on_path("openssl"),
};

const NAMESPACES: Requirement = Requirement {
    purpose: "to make the network namespaces that multicast tests stay inside",
    packages: &["iproute2"],
    present: || tool::on_path("ip") || std::path::Path::new("/usr/sbin/ip").exists(),
};

const NODE: Requirement = Requirement {
    purpose: "to run node-wot, a yardstick (`--without-node-wot` leaves it out)",
    packages: &["nodejs", "npm"],
    present: || tool::on_path("node") && tool::on_path("npm"),
};

const CPP: Requirement =
    Requirement { purpose: "to build libFuzzer", packages: &["g++"], present: || tool::on_path("c++") };

const SYSTEMD: Requirement = Requirement {
    purpose: "to check the service's unit",
    packages: &["systemd"],
    present: || tool::on_path("systemd-analyze"),
};

const DPKG: Requirement = Requirement {
    purpose: "to make packages",
    packages: &["dpkg", "xz-utils"],
    present: || tool::on_path("dpkg-deb") && tool::on_path("xz"),
};

const ARM64: Requirement = Requirement {
    purpose: "to build for arm64, and to run what was built",
    packages: &[
        "gcc-aarch64-linux-gnu",
        "g++-aarch64-linux-gnu",
        "libc6-dev-arm64-cross",
        "qemu-user-static",
    ],
    present: || tool::on_path("aarch64-linux-gnu-g++") && tool::on_path("qemu-aarch64-static"),
};

const DEBOOTSTRAP: Requirement = Requirement {
    purpose: "to install the packages on a system of their own",
    packages: &["debootstrap"],
    present: || tool::on_path("debootstrap") || std::path::Path::new("/usr/sbin/debootstrap").exists(),
};

/// What building packages needs.
pub(crate) fn for_packages(arch: Arch, install: bool) -> Result<()> {
    let all = [WASM, DPKG, ARM64];
    let is_cross = arch == Arch::Arm64 && !arch.is_native();
    provide(if is_cross { &all } else { &all[..2] }, install)
}

/// What installing them on a system of their own needs besides.
pub(crate) fn for_installation(install: bool) -> Result<()> {
    provide(&[DEBOOTSTRAP, NAMESPACES], install)
}

/// What fuzzing needs.
pub(crate) fn for_fuzz(install: bool) -> Result<()> {
    provide(&[CPP], install)
}

/// What the benchmark needs.
pub(crate) fn for_bench(install: bool, node_wot: bool) -> Result<()> {
    let all = [OPENSSL, NAMESPACES, NODE];
    provide(if node_wot { &all } else { &all[..2] }, install)
}

/// What the demo needs.
pub(crate) fn for_demo(install: bool) -> Result<()> {
    provide(&[WASM], install)
}

/// What the tests need.
pub(crate) fn for_tests(install: bool) -> Result<()> {
    provide(&[WASM, OPENSSL, NAMESPACES, SYSTEMD], install)?;
    if tool::cargo().args(["nextest", "--version"]).output().is_ok_and(|output| output.status.success()) {
        return Ok(());
    }
    if !install {
        bail!("cargo-nextest runs the tests: `cargo install --locked cargo-nextest`, or add --install");
    }
    tool::run(tool::cargo().args(["install", "--locked", "cargo-nextest"]))
}

/// What building plugins needs.
pub(crate) fn for_plugins() -> Result<()> {
    provide(&[WASM], false)
}

/// Whether rustup's toolchain holds the target that plugins are built for.
fn rustup_has_wasm_target() -> bool {
    tool::sysroot().is_ok_and(|sysroot| sysroot.join("lib/rustlib/wasm32-wasip2/lib").is_dir())
}

/// Whether Debian's compiler for WebAssembly and its sources are installed.
fn debian_has_wasm_compiler() -> bool {
    let installed = |package: &&str| {
        let query = Command::new("dpkg-query").args(["-W", "-f", "${Status}", package]).output();
        query.is_ok_and(|output| output.stdout.ends_with(b"ok installed"))
    };
    WASM.packages.iter().all(installed)
}

/// Names everything that is missing in one message, or installs it in one call.
fn provide(requirements: &[Requirement], install: bool) -> Result<()> {
    let missing: Vec<_> = requirements.iter().filter(|requirement| !(requirement.present)()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<_> = missing.iter().flat_map(|requirement| requirement.packages).copied().collect();
    if !install {
        for requirement in &missing {
            eprintln!("missing: {}, needed {}", requirement.packages.join(" "), requirement.purpose);
        }
        bail!("install with `sudo apt-get install --yes {}`, or add --install", packages.join(" "));
    }
    println!("installing {}", packages.join(" "));
    tool::run(as_root("apt-get").args(["update", "--quiet", "--quiet"]))?;
    let mut command = as_root("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive");
    tool::run(
        command.args(["install", "--yes", "--quiet", "--quiet", "--no-install-recommends"]).args(packages),
    )
}

fn as_root(program: &str) -> Command {
    if rustix::process::geteuid().is_root() {
        return Command::new(program);
    }
    let mut sudo = Command::new("sudo");
    sudo.arg(program);
    sudo
}
