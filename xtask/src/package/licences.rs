//! The licences of everything that a program is linked from: most of them ask to be handed on with it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::Arch;
use crate::tool;

/// How files that hold a licence begin.
const NAMES: [&str; 5] = ["license", "licence", "copying", "copyright", "notice"];

/// One text for these packages of the workspace: which library is under what, and each licence once.
pub(super) fn of(packages: &[String], arch: Arch) -> Result<String> {
    let mut cargo = tool::cargo();
    cargo.args(["metadata", "--format-version", "1", "--locked", "--filter-platform", arch.triple()]);
    let metadata: Value = serde_json::from_str(&tool::output(&mut cargo)?).context("cargo metadata")?;
    let linked = linked(&metadata, packages);

    let mut text =
        String::from("The programs are linked from these libraries, each under the licence beside it.\n\n");
    // A licence's text, and who is under it.
    let mut licences: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in list(&metadata["packages"]).filter(|package| linked.contains(word(package, "id"))) {
        // Ours are in `copyright`.
        if package["source"].is_null() {
            continue;
        }
        let name = format!("{} {}", word(package, "name"), word(package, "version"));
        writeln!(text, "{name}: {}", package["license"].as_str().unwrap_or("see below"))?;
        let folder = Path::new(word(package, "manifest_path")).parent().context("a manifest in no folder")?;
        for licence in texts(folder)? {
            licences.entry(licence).or_default().insert(name.clone());
        }
    }
    for (licence, whose) in licences {
        let whose: Vec<String> = whose.into_iter().collect();
        write!(text, "\n{}\nOf {}:\n\n{licence}\n", "-".repeat(80), whose.join(", "))?;
    }
    Ok(text)
}

/// The ids of all that these are linked from, for this processor.
fn linked<'a>(metadata: &'a Value, packages: &[String]) -> BTreeSet<&'a str> {
    let nodes: BTreeMap<&str, &Value> =
        list(&metadata["resolve"]["nodes"]).map(|node| (word(node, "id"), node)).collect();
    let ours = list(&metadata["packages"])
        .filter(|package| packages.iter().any(|name| name == word(package, "name")));
    let mut open: Vec<&str> = ours.map(|package| word(package, "id")).collect();
    let mut seen = BTreeSet::new();
    while let Some(id) = open.pop() {
        if let Some(node) = nodes.get(id)
            && seen.insert(id)
        {
            // A dependency that is neither for tests nor for building has no kind.
            let linked = list(&node["deps"])
                .filter(|dependency| list(&dependency["dep_kinds"]).any(|kind| kind["kind"].is_null()));
            open.extend(linked.map(|dependency| word(dependency, "pkg")));
        }
    }
    seen
}

fn texts(folder: &Path) -> Result<Vec<String>> {
    let mut texts = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        if NAMES.iter().any(|begin| name.starts_with(begin)) && path.is_file() {
            let bytes = std::fs::read(&path).with_context(|| path.display().to_string())?;
            texts.push(String::from_utf8_lossy(&bytes).replace('\r', "").trim().to_owned());
        }
    }
    Ok(texts)
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn word<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}
