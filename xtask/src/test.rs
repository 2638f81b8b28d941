//! `cargo xtask test`: every test of the gate.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::programs::{self, Profile, WITH_FAILPOINTS};
use crate::{plugins, requirements, tool};

/// Run every test of the gate.
#[derive(Args)]
pub(crate) struct Options {
    /// Install what is missing from the system (as root, or by sudo). CI=true does so too.
    #[arg(long)]
    install: bool,
    /// Words for `cargo nextest run`, such as a filter.
    #[arg(last = true)]
    nextest: Vec<String>,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let ci = tool::in_ci();
    requirements::for_tests(options.install || ci)?;
    let plugins = plugins::build()?;
    let programs = programs::build(Profile::Test)?;
    let mut nextest = tool::cargo();
    nextest.args(["nextest", "run", "--workspace"]).args(WITH_FAILPOINTS).args(&options.nextest);
    nextest.env("STREEMBIT_PLUGINS", &plugins);
    nextest.env("STREEMBIT_PROGRAMS", &programs);
    tool::run(&mut nextest)?;
    tool::run(tool::cargo().args(["test", "--quiet", "--workspace", "--doc"]).args(plugins::NONE_SKIPPED))?;
    plugins::test()?;
    if ci { refuse_unlisted_skips() } else { Ok(()) }
}

/// A test that is skipped for a reason that nobody wrote down is a test that nobody runs.
fn refuse_unlisted_skips() -> Result<()> {
    let list = std::fs::read_to_string(tool::workspace().join("tests/skipped.toml"))
        .context("tests/skipped.toml")?;
    let reasons: BTreeMap<String, String> = toml::from_str(&list).context("tests/skipped.toml")?;
    let listing = tool::output(
        tool::cargo()
            .args(["nextest", "list", "--workspace"])
            .args(WITH_FAILPOINTS)
            .args(["--message-format", "json"]),
    )?;
    let listing: serde_json::Value = serde_json::from_str(&listing).context("what nextest lists")?;
    let mut unlisted = Vec::new();
    for suite in listing["rust-suites"].as_object().into_iter().flat_map(|suites| suites.values()) {
        for (name, case) in suite["testcases"].as_object().into_iter().flatten() {
            let name = format!("{}::{name}", suite["binary-id"].as_str().unwrap_or_default());
            if case["ignored"] == true && !reasons.contains_key(&name) {
                unlisted.push(name);
            }
        }
    }
    if !unlisted.is_empty() {
        bail!("skipped without a reason in tests/skipped.toml: {}", unlisted.join(", "));
    }
    Ok(())
}
