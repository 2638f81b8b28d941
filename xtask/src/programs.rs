//! The programs as they are shipped, built and laid side by side.
//!
//! Each group is built by a cargo run of its own: in one run the plugin host would share the compiler's features and
//! carry a code generator that it must not have (ARCHITECTURE, "Processes").

use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::tool;

/// Packages that are built together, and the programs they make.
pub(crate) const GROUPS: [(&[&str], &[&str]); 3] = [
    (&["streembit-agent", "streembit-controller"], &["streembit-agent", "streembit"]),
    (&["streembit-plugin-compiler"], &["streembit-plugin-compiler"]),
    (&[HOST], &["streembit-plugin-host"]),
];

/// The one package whose features decide what the sandbox holds.
const HOST: &str = "streembit-plugin-host-runtime";

/// Places where a test can end the agent. They are not in a program that ships.
pub(crate) const WITH_FAILPOINTS: [&str; 2] = ["--features", "streembit-agent/failpoints"];

/// Which cargo profile.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// For the demo: dependencies optimised, ours quick to build.
    Dev,
    /// As for the demo, with places where a test can end the agent. In a folder of its own, so that nothing else runs it.
    Test,
    /// As shipped.
    Release,
}

/// Builds every program and returns the folder that holds them all.
///
/// The agent looks for the host and the compiler beside itself, so one folder is all that anybody needs to know.
pub(crate) fn build(profile: Profile) -> Result<PathBuf> {
    let (built, name) = match profile {
        Profile::Dev => ("debug", "dev"),
        Profile::Test => ("debug", "test"),
        Profile::Release => ("release", "release"),
    };
    let folder = tool::target().join("programs").join(name);
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    for (packages, programs) in GROUPS {
        let mut cargo = tool::cargo();
        cargo.args(["build", "--quiet", "--bins"]);
        if profile == Profile::Release {
            cargo.arg("--release");
        }
        if profile != Profile::Release && !packages.contains(&HOST) {
            // With the features of the whole workspace the tests' own build is reused; separately, half of the
            // dependencies would be built a second time.
            cargo.arg("--workspace");
            if profile == Profile::Test {
                cargo.args(WITH_FAILPOINTS);
            }
        } else {
            for package in packages {
                cargo.args(["--package", package]);
            }
        }
        tool::run(&mut cargo)?;
        for program in programs {
            let from = tool::target().join(built).join(program);
            let to = folder.join(program);
            // A new file each time: a running program's file cannot be overwritten.
            let _ = std::fs::remove_file(&to);
            std::fs::copy(&from, &to)
                .with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
        }
    }
    Ok(folder)
}
