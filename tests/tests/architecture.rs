//! Holds the picture of ARCHITECTURE.md: who may import whom, and what must never be linked where.
#![allow(clippy::unwrap_used)] // A test that cannot read the metadata has failed.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

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
    ("streembit-controller", &["streembit-keys", "streembit-peer", "streembit-thing-descriptions"]),
    ("streembit-tests", &["*"]),
    ("xtask", &["streembit-plugin-api"]),
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

fn metadata() -> Metadata {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
    MetadataCommand::new().manifest_path(manifest).other_options(vec!["--offline".into()]).exec().unwrap()
}

fn ours(metadata: &Metadata) -> BTreeMap<String, &Package> {
    metadata.workspace_packages().into_iter().map(|package| (package.name.to_string(), package)).collect()
}

#[test]
fn imports_point_downwards_only() {
    let metadata = metadata();
    let ours = ours(&metadata);
    let rules: BTreeMap<_, _> = MAY_USE.iter().copied().collect();
    let mut wrong = Vec::new();
    for (name, package) in &ours {
        let Some(allowed) = rules.get(name.as_str()) else {
            wrong.push(format!("{name} has no row in MAY_USE"));
            continue;
        };
        for dependency in &package.dependencies {
            let other = dependency.name.as_str();
            let counts = dependency.kind != DependencyKind::Development && ours.contains_key(other);
            if counts && !allowed.contains(&"*") && !allowed.contains(&other) {
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
    let listed: BTreeSet<_> = MAY_USE.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(there, listed);
}

#[test]
fn what_must_never_be_linked_is_not_reachable() {
    let metadata = metadata();
    let packages: BTreeMap<_, _> = metadata.packages.iter().map(|package| (&package.id, package)).collect();
    let resolve = metadata.resolve.as_ref().unwrap();
    let nodes: BTreeMap<_, _> = resolve.nodes.iter().map(|node| (&node.id, node)).collect();
    let mut wrong = Vec::new();
    for (name, forbidden, why) in NEVER {
        let start = ours(&metadata)[*name];
        let mut seen = BTreeSet::new();
        let mut open = vec![&start.id];
        while let Some(id) = open.pop() {
            if !seen.insert(id) {
                continue;
            }
            if forbidden.contains(&packages[id].name.as_str()) {
                wrong.push(format!("{name} reaches {}: {why}", packages[id].name));
            }
            let used = |kinds: &[cargo_metadata::DepKindInfo]| {
                kinds.iter().any(|kind| kind.kind == DependencyKind::Normal)
            };
            open.extend(nodes[id].deps.iter().filter(|dep| used(&dep.dep_kinds)).map(|dep| &dep.pkg));
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
