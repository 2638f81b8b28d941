//! The book in `docs/`: what it tells its reader to type works, and prints what the book shows.
//!
//! Each chapter is walked through in a world of its own (`streembit_harness::book`). What its tables say is held against the
//! code, and every error text against what the programs can print.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // A test that cannot read a chapter has failed.

mod errors;
mod examples;
mod links;
mod reference;

use std::path::{Path, PathBuf};

use streembit_harness::Programs;
use streembit_harness::book::{Chapter, Kind, World};

/// Each chapter with commands is a test, so that they run side by side and one that fails is named.
macro_rules! chapters {
    ($($name:ident: $file:literal,)*) => {
        $(#[test]
        fn $name() {
            walk($file);
        })*

        const WALKED: &[&str] = &[$($file),*];
    };
}

chapters! {
    the_first_door: "first-door.md",
    contacts_and_rights: "rights.md",
    meeting_by_offers: "offers.md",
    the_journal: "journal.md",
    looking_after_a_device: "looking-after.md",
    a_lan_of_ones_own: "lan.md",
    a_plugin_of_ones_own: "plugin.md",
    configuration: "configuration.md",
    the_command_line: "command-line.md",
    troubleshooting: "troubleshooting.md",
}

/// Chapters with commands that need a machine with systemd, or a release build: `cargo xtask qualify packages` walks
/// them there. What of them can be typed in our world is walked here.
const ELSEWHERE: [&str; 4] = ["building.md", "first-door.md", "install.md", "looking-after.md"];

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

fn book() -> PathBuf {
    sources().join("docs/src")
}

fn chapter(file: &str) -> Chapter {
    Chapter::read(&book().join(file)).unwrap_or_else(|error| panic!("{error:#}"))
}

fn walk(file: &str) {
    let world = World::new(&Programs::of_the_test_run().unwrap(), &sources()).unwrap();
    world.walk(&chapter(file)).unwrap_or_else(|error| panic!("{error:#}"));
}

/// Every file of the book, `SUMMARY.md` too.
fn files() -> Vec<String> {
    let names =
        std::fs::read_dir(book()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name.ends_with(".md")).collect();
    names.sort();
    names
}

#[test]
fn no_command_is_left_out() {
    for file in files() {
        let kinds = chapter(&file).blocks.into_iter().map(|block| block.kind);
        for kind in kinds {
            let (Kind::Commands(place) | Kind::File(place, _)) = kind else { continue };
            let walked: &[&str] = if place.is_elsewhere() { &ELSEWHERE } else { WALKED };
            assert!(
                walked.contains(&file.as_str()),
                "{file} has commands at {place}, and nobody walks there"
            );
        }
    }
}
