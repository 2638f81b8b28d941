//! Typing what a chapter says.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

use super::shown::{Extent, Values, fill, matches};
use super::terminal::Terminal;
use super::{Block, Chapter, Kind, Place};

/// What asks how the last command ended, and so says that it may fail.
const HOW_IT_ENDED: &str = "echo $?";

/// Where a walk takes place.
pub trait Site {
    /// A command that runs the words that follow it at that place, as whoever sits there.
    fn enter(&self, place: &Place) -> Result<Command>;

    /// Makes a file of the reader's, below their home folder.
    fn write(&self, place: &Place, path: &str, text: &str) -> Result<()>;

    /// What the book says, and what stands for it here.
    fn stands_for(&self) -> Vec<(String, String)>;

    /// The longest that one command may take: a plugin is compiled on a busy machine.
    fn patience(&self) -> Duration {
        Duration::from_secs(200)
    }
}

/// A reader on their way through the book.
pub struct Walk<'a> {
    site: &'a dyn Site,
    terminals: BTreeMap<Place, Terminal>,
    values: Values,
}

/// What a block says to do.
#[derive(Debug, PartialEq, Eq)]
enum Step<'a> {
    Type(String),
    Interrupt,
    /// What is printed then; the lines of the block.
    See(Vec<&'a str>),
}

impl<'a> Walk<'a> {
    /// A reader at the beginning.
    pub fn new(site: &'a dyn Site) -> Self {
        Self { site, terminals: BTreeMap::new(), values: Values::new() }
    }

    /// Goes through the blocks of a chapter that are at a place where `goes` says so.
    pub fn through(&mut self, chapter: &Chapter, goes: impl Fn(&Place) -> bool) -> Result<()> {
        for block in &chapter.blocks {
            let at = || format!("{}:{}", chapter.path.display(), block.line);
            match &block.kind {
                Kind::Commands(place) if goes(place) => self.commands(place, block).with_context(at)?,
                Kind::File(place, file) if goes(place) => {
                    self.site.write(place, file, &self.as_here(&block.text)).with_context(at)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn commands(&mut self, place: &Place, block: &Block) -> Result<()> {
        if !self.terminals.contains_key(place) {
            self.terminals.insert(place.clone(), Terminal::open(self.site.enter(place)?)?);
        }
        let mut steps = steps(&block.text).into_iter().peekable();
        while let Some(step) = steps.next() {
            match step {
                Step::Type(command) => {
                    let shown = match steps.next_if(|next| matches!(next, Step::See(_))) {
                        Some(Step::See(lines)) => Some(lines),
                        _ => None,
                    };
                    let may_fail = steps.peek() == Some(&Step::Type(HOW_IT_ENDED.to_owned()));
                    let may_run_on = steps.peek().is_none() && place.is_another_terminal();
                    let filled = fill(&command, &self.values).and_then(|filled| {
                        let filled = self.as_here(&filled);
                        self.terminal(place)?.enter(&filled)
                    });
                    filled
                        .and_then(|()| match shown {
                            Some(shown) if may_run_on => self.see(place, &shown),
                            shown => self.ends(place, shown.as_deref(), may_fail),
                        })
                        .with_context(|| format!("$ {command}"))?;
                }
                Step::Interrupt => {
                    self.terminal(place)?.interrupt()?;
                    self.ends(place, None, true).context("^C")?;
                }
                Step::See(lines) => {
                    ensure!(self.terminal(place)?.is_busy(), "nothing runs there that could print this");
                    self.see(place, &lines)?;
                }
            }
        }
        Ok(())
    }

    /// Waits for the end of a command, and compares all that it printed.
    fn ends(&mut self, place: &Place, shown: Option<&[&str]>, may_fail: bool) -> Result<()> {
        let patience = self.site.patience();
        let (printed, code) = self.terminal(place)?.end(patience)?;
        let printed = self.as_in_the_book(&printed);
        ensure!(code == 0 || may_fail, "it ended with {code}:\n{printed}");
        let Some(shown) = shown else { return Ok(()) };
        let lines: Vec<&str> = printed.trim_end().lines().collect();
        if matches(shown, &lines, Extent::Whole, &mut self.values).is_none() {
            bail!("the book shows\n{}\nbut it printed\n{printed}", shown.join("\n"));
        }
        Ok(())
    }

    /// Waits until a command that runs on has printed this.
    fn see(&mut self, place: &Place, shown: &[&str]) -> Result<()> {
        let (stands_for, patience) = (self.site.stands_for(), self.site.patience());
        let mut values = self.values.clone();
        let seen = self.terminal(place)?.until(patience, |printed| {
            let whole = printed.rfind('\n').map_or("", |end| &printed[..=end]);
            let book = in_the_book(&stands_for, whole);
            let lines: Vec<&str> = book.lines().collect();
            let taken = matches(shown, &lines, Extent::Beginning, &mut values)?;
            Some(whole.split_inclusive('\n').take(taken).map(str::len).sum())
        });
        self.values = values;
        match seen.with_context(|| format!("the book shows\n{}", shown.join("\n")))? {
            None => Ok(()),
            Some((printed, code)) => {
                // Ended by what somebody else did, which the book shows.
                let printed = self.as_in_the_book(&printed);
                let lines: Vec<&str> = printed.trim_end().lines().collect();
                let is_shown = matches(shown, &lines, Extent::Whole, &mut self.values).is_some();
                ensure!(
                    is_shown,
                    "the book shows\n{}\nbut it ended with {code} after\n{printed}",
                    shown.join("\n")
                );
                Ok(())
            }
        }
    }

    fn terminal(&mut self, place: &Place) -> Result<&mut Terminal> {
        self.terminals.get_mut(place).context("no terminal")
    }

    fn as_here(&self, text: &str) -> String {
        let stands_for = self.site.stands_for();
        stands_for.iter().fold(text.to_owned(), |text, (book, here)| text.replace(book.as_str(), here))
    }

    fn as_in_the_book(&self, text: &str) -> String {
        in_the_book(&self.site.stands_for(), text)
    }
}

fn in_the_book(stands_for: &[(String, String)], text: &str) -> String {
    stands_for.iter().fold(text.to_owned(), |text, (book, here)| text.replace(here.as_str(), book))
}

fn steps(text: &str) -> Vec<Step<'_>> {
    let mut steps: Vec<Step<'_>> = Vec::new();
    for line in text.lines() {
        if line.trim() == "^C" {
            steps.push(Step::Interrupt);
        } else if let Some(command) = line.strip_prefix("$ ") {
            steps.push(Step::Type(command.to_owned()));
        } else if let (Some(more), Some(Step::Type(command))) = (line.strip_prefix("> "), steps.last_mut()) {
            command.push('\n');
            command.push_str(more);
        } else if let Some(Step::See(lines)) = steps.last_mut() {
            lines.push(line);
        } else {
            steps.push(Step::See(vec![line]));
        }
    }
    steps
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// The machine that the test runs on.
    struct Here(tempfile::TempDir);

    impl Site for Here {
        fn enter(&self, _: &Place) -> Result<Command> {
            let mut enter = Command::new("env");
            enter.current_dir(self.0.path());
            Ok(enter)
        }

        fn write(&self, _: &Place, path: &str, text: &str) -> Result<()> {
            Ok(std::fs::write(self.0.path().join(path), text)?)
        }

        fn stands_for(&self) -> Vec<(String, String)> {
            vec![("/home/ann".to_owned(), self.0.path().display().to_string())]
        }
    }

    fn walk(chapter: &str) -> Result<()> {
        let here = Here(tempfile::tempdir()?);
        let file = here.0.path().join("chapter.md");
        std::fs::write(&file, chapter)?;
        Walk::new(&here).through(&Chapter::read(&file)?, |_| true)
    }

    fn console(text: &str) -> String {
        format!("```console\n{text}\n```\n")
    }

    #[test]
    fn a_block_is_read_as_it_is_typed() {
        let text = "$ echo a \\\n> b\na b\n$ false\n$ echo $?\n1\n^C\nmore\n";
        let typed = |command: &str| Step::Type(command.to_owned());
        let wanted = [
            typed("echo a \\\nb"),
            Step::See(vec!["a b"]),
            typed("false"),
            typed(HOW_IT_ENDED),
            Step::See(vec!["1"]),
            Step::Interrupt,
            Step::See(vec!["more"]),
        ];
        assert_eq!(steps(text), wanted);
    }

    #[test]
    fn what_holds_is_walked_through() {
        for holds in [
            "$ echo a\na",
            "$ echo whatever",
            "$ pwd\n/home/ann",
            "$ echo /home/ann/x | wc -w\n1",
            "$ false\n$ echo $?\n1",
            "$ echo link:$RANDOM\nlink:<number>\n$ test -n '<number>'",
        ] {
            walk(&console(holds)).unwrap();
        }
        walk("```text,file=a\n/home/ann\n```\n```console\n$ cat a\n/home/ann\n```\n").unwrap();
    }

    #[test]
    fn what_does_not_hold_is_found() {
        for (does_not, why) in [
            ("$ echo a\nb", "the book shows"),
            ("$ echo a; echo b\na", "the book shows"),
            ("$ false", "it ended with 1"),
            ("$ false\n$ echo $?\n0", "the book shows"),
            ("$ echo '<never shown>'", "nothing has shown"),
            ("no command\n", "nothing runs there"),
        ] {
            let error = format!("{:#}", walk(&console(does_not)).unwrap_err());
            assert!(error.contains(why) && error.contains("chapter.md:2"), "{does_not}: {error}");
        }
    }

    #[test]
    fn another_terminal_goes_on_while_the_first_is_used() {
        let other = |text: &str| format!("```console,on-ann-2\n{text}\n```\n");
        let begin = other("$ touch log; echo begun; tail --follow log\n…\nbegun");
        let log = console("$ echo one >> log");
        walk(&[begin, log, other("one\n^C")].concat()).unwrap();
        let ended = walk(&[other("$ echo a\na"), other("b")].concat()).unwrap_err();
        assert!(format!("{ended:#}").contains("the book shows"), "{ended:#}");
    }
}
