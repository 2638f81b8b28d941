//! Links lead somewhere.

use std::collections::BTreeSet;

use super::{book, chapter, files};

#[test]
fn every_link_within_the_book_leads_to_a_file_and_a_heading() {
    for file in files() {
        for link in chapter(&file).links {
            if link.to.starts_with("https://") {
                continue;
            }
            let (path, anchor) = link.to.split_once('#').unwrap_or((link.to.as_str(), ""));
            let target = if path.is_empty() { file.as_str() } else { path };
            assert!(book().join(target).is_file(), "{file}:{}: no file {target}", link.line);
            let leads = anchor.is_empty() || chapter(target).anchors.contains(anchor);
            assert!(leads, "{file}:{}: {target} has no heading #{anchor}", link.line);
        }
    }
}

#[test]
fn the_table_of_contents_has_every_chapter_once() {
    let listed: Vec<String> = chapter("SUMMARY.md").links.into_iter().map(|link| link.to).collect();
    let once: BTreeSet<&String> = listed.iter().collect();
    assert_eq!(once.len(), listed.len(), "{listed:?}");
    let chapters: BTreeSet<String> = files().into_iter().filter(|file| file != "SUMMARY.md").collect();
    assert_eq!(once, chapters.iter().collect());
}
