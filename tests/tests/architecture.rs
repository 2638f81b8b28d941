//! Holds the picture of ARCHITECTURE.md: who may import whom, and what must never be linked where.
#![allow(clippy::unwrap_used)] // A test that cannot read the metadata has failed.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// Each crate of ours and the crates of ours that it may use, in its library and programs. Downwards only.
const MAY_USE: &[(&str, &[&str])] = &[
    ("streembit-keys", &[]),
    ("streembit-thing-descriptions", &[]),
    ("streembit-plugin-api", &[]),
    ("streembit-peer", &["streembit-keys"]),
    ("streembit-plugin-host", &["streembit-plugin-api"]),
    // Compiled into plugins, and used by nothing here.
    ("streembit-plugin-sdk", &[]),
    ("streembit-plugin-engine", &["streembit-plugin-host"]),
    (
        "streembit-plugin-host-runtime",
        &["streembit-plugin-host", "streembit-plugin-api", "streembit-plugin-engine"],
    ),
    (
        "streembit-plugin-compiler",
        &["streembit-plugin-host", "streembit-plugin-api", "streembit-plugin-engine"],
    ),
    (
        "streembit-agent",
        &[
            "streembit-keys",
            "streembit-peer",
            "streembit-plugin-api",
            "streembit-plugin-host",
            "streembit-thing-descriptions",
        ],
    ),
    ("streembit-controller", &["streembit-keys", "streembit-peer"]),
    ("streembit-harness", &[]),
    ("streembit-tests", &["*"]),
    ("xtask", &["streembit-harness", "streembit-plugin-api"]),
    ("streembit-bench", &["*"]),
];

/// Crates that must not be reachable from a crate of ours, and why.
const NEVER: &[(&str, &[&str], &str)] = &[
    ("streembit-keys", &["tokio", "libp2p", "rusqlite"], "keys do no I/O but files"),
    (
        "streembit-thing-descriptions",
        &["tokio", "reqwest", "libp2p"],
        "no DataSchema or context is ever fetched",
    ),
    ("streembit-agent", &["wasmtime", "cranelift-codegen"], "the agent runs and compiles no WebAssembly"),
    ("streembit-plugin-host-runtime", &["streembit-keys", "libp2p", "rusqlite"], "the sandbox holds no keys"),
    ("streembit-plugin-compiler", &["streembit-keys", "libp2p", "rusqlite"], "the compiler holds no keys"),
    ("streembit-controller", &["rppal", "gpiocdev", "wasmtime"], "a person's program drives no hardware"),
];

/// What cargo knows of the workspace (`cargo help metadata`).
fn metadata() -> Value {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--offline", "--format-version", "1", "--manifest-path", manifest])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn list<'a>(value: &'a Value, member: &str) -> impl Iterator<Item = &'a Value> {
    value[member].as_array().unwrap().iter()
}

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value[member].as_str().unwrap()
}

/// The packages of the workspace by name.
fn ours(metadata: &Value) -> BTreeMap<&str, &Value> {
    let members: BTreeSet<_> = list(metadata, "workspace_members").map(|id| id.as_str().unwrap()).collect();
    let packages = list(metadata, "packages").filter(|package| members.contains(text(package, "id")));
    packages.map(|package| (text(package, "name"), package)).collect()
}

#[test]
fn imports_point_downwards_only() {
    let metadata = metadata();
    let ours = ours(&metadata);
    let rules: BTreeMap<_, _> = MAY_USE.iter().copied().collect();
    let mut wrong = Vec::new();
    for (name, package) in &ours {
        let allowed = rules.get(name).copied().unwrap_or_default();
        for dependency in list(package, "dependencies").filter(|dependency| dependency["kind"] != "dev") {
            let other = text(dependency, "name");
            if ours.contains_key(other) && !allowed.contains(&"*") && !allowed.contains(&other) {
                wrong.push(format!("{name} must not use {other}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn each_crate_has_a_row_and_each_row_a_crate() {
    let metadata = metadata();
    let there: BTreeSet<_> = ours(&metadata).into_keys().collect();
    let listed: BTreeSet<_> = MAY_USE.iter().map(|(name, _)| *name).collect();
    assert_eq!(there, listed);
}

#[test]
fn what_must_never_be_linked_is_not_reachable() {
    let metadata = metadata();
    let names: BTreeMap<_, _> =
        list(&metadata, "packages").map(|package| (text(package, "id"), text(package, "name"))).collect();
    let nodes: BTreeMap<_, _> =
        list(&metadata["resolve"], "nodes").map(|node| (text(node, "id"), node)).collect();
    let mut wrong = Vec::new();
    for (name, forbidden, why) in NEVER {
        let mut seen = BTreeSet::new();
        let mut open = vec![text(ours(&metadata)[name], "id")];
        while let Some(id) = open.pop() {
            if !seen.insert(id) {
                continue;
            }
            if forbidden.contains(&names[id]) {
                wrong.push(format!("{name} reaches {}: {why}", names[id]));
            }
            // A dependency that is neither for tests nor for building has the kind `null`.
            let linked = list(nodes[id], "deps")
                .filter(|dependency| list(dependency, "dep_kinds").any(|kind| kind["kind"].is_null()));
            open.extend(linked.map(|dependency| text(dependency, "pkg")));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Built as it is shipped, in a cargo run of its own: together with the compiler it would share its features.
#[test]
fn the_host_holds_no_code_generator() {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let tree = |package: &str| {
        let mut cargo = std::process::Command::new(&cargo);
        cargo.args(["tree", "--offline", "--edges", "normal", "--prefix", "none", "--package", package]);
        // Not the features of the whole workspace, whatever the shell of whoever runs this says.
        cargo.env_remove("CARGO_RESOLVER_FEATURE_UNIFICATION");
        let output = cargo.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let host = tree("streembit-plugin-host-runtime");
    assert!(host.contains("wasmtime v") && !host.contains("cranelift-codegen"), "{host}");
    assert!(tree("streembit-plugin-compiler").contains("cranelift-codegen"));
}
