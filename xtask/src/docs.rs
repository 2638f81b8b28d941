//! `cargo xtask docs`: the book as web pages.
//!
//! The tests read its sources and need no mdBook (`tests/tests/book`).

use std::process::Command;

use anyhow::{Result, bail};

use crate::tool;

pub(crate) fn run() -> Result<()> {
    if !tool::on_path("mdbook") {
        bail!("mdBook makes the pages: `cargo install --locked mdbook`");
    }
    let to = tool::target().join("book");
    tool::run(
        Command::new("mdbook").arg("build").arg(tool::workspace().join("docs")).arg("--dest-dir").arg(&to),
    )?;
    println!("{}", to.join("index.html").display());
    Ok(())
}
