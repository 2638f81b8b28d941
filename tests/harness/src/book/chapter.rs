//! One chapter: its blocks, its links, and what can be linked to.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use pulldown_cmark::{CodeBlockKind, CowStr, Event, Options, Parser, Tag, TagEnd};

/// Languages whose blocks nobody types.
const SHOWN_ONLY: [&str; 6] = ["json", "rust", "text", "toml", "uri", "wit"];

/// Stands before the name of the chapter whose end is the beginning of this one.
const GOES_ON: &str = "<!-- goes on after ";

/// A file of the book.
#[derive(Debug, Clone)]
pub struct Chapter {
    /// Where it is.
    pub path: PathBuf,
    /// The chapter that must be walked through before this one.
    pub goes_on_after: Option<String>,
    /// Its fenced blocks, in order.
    pub blocks: Vec<Block>,
    /// Its links, in order.
    pub links: Vec<Link>,
    /// Its headings, as text.
    pub headings: Vec<String>,
    /// What a link can name behind `#`.
    pub anchors: BTreeSet<String>,
}

/// A fenced block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The line of its first line of text.
    pub line: usize,
    /// What it is.
    pub kind: Kind,
    /// Its text.
    pub text: String,
}

/// What a block is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Commands, typed there.
    Commands(Place),
    /// A file that the reader makes there.
    File(Place, String),
    /// Something to look at.
    Shown,
}

/// A terminal: on whose machine, and which of theirs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Whose machine.
    pub machine: String,
    /// Which of its terminals, from 1.
    pub terminal: u8,
}

/// A link to another file or to a heading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The line.
    pub line: usize,
    /// What it names.
    pub to: String,
}

impl Chapter {
    /// Reads a chapter. A block that nobody would run, and does not say so by its language, is an error.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        let mut chapter = Self {
            path: path.to_owned(),
            goes_on_after: None,
            blocks: Vec::new(),
            links: Vec::new(),
            headings: Vec::new(),
            anchors: BTreeSet::new(),
        };
        let line_of = |at: usize| 1 + text[..at].bytes().filter(|byte| *byte == b'\n').count();
        let (mut block, mut heading): (Option<Block>, Option<String>) = (None, None);
        for (event, range) in Parser::new_ext(&text, Options::ENABLE_TABLES).into_offset_iter() {
            match event {
                Event::Start(Tag::CodeBlock(CodeBlockKind::Indented)) => {
                    bail!("{}:{}: an indented block has no language", path.display(), line_of(range.start))
                }
                Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) => {
                    let line = line_of(range.start) + 1;
                    let kind = Kind::read(&info).with_context(|| format!("{}:{line}", path.display()))?;
                    block = Some(Block { line, kind, text: String::new() });
                }
                Event::End(TagEnd::CodeBlock) => chapter.blocks.extend(block.take()),
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => chapter.add_heading(heading.take().unwrap_or_default()),
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    chapter.links.push(Link { line: line_of(range.start), to: dest_url.into_string() });
                }
                Event::Html(html) => chapter.take_comment(&html),
                Event::Text(text) | Event::Code(text) => append(&text, &mut block, &mut heading),
                _ => {}
            }
        }
        Ok(chapter)
    }

    /// As mdBook and GitHub both make anchors of headings.
    fn add_heading(&mut self, heading: String) {
        let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        let anchor: String =
            kept.flat_map(char::to_lowercase).map(|c| if c == ' ' { '-' } else { c }).collect();
        let mut name = anchor.clone();
        for number in 1.. {
            if self.anchors.insert(name) {
                break;
            }
            name = format!("{anchor}-{number}");
        }
        self.headings.push(heading);
    }

    fn take_comment(&mut self, html: &str) {
        let rest = html.trim().strip_prefix(GOES_ON).and_then(|rest| rest.strip_suffix(" -->"));
        if let Some(before) = rest {
            self.goes_on_after = Some(before.trim().to_owned());
        }
    }
}

fn append(text: &CowStr<'_>, block: &mut Option<Block>, heading: &mut Option<String>) {
    match (block, heading) {
        (Some(block), _) => block.text.push_str(text),
        (None, Some(heading)) => heading.push_str(text),
        (None, None) => {}
    }
}

impl Kind {
    fn read(info: &str) -> Result<Self> {
        let mut words = info.split(',').map(str::trim);
        let language = words.next().unwrap_or_default();
        let (mut place, mut file) = (Place::default(), None);
        for word in words {
            match (word.strip_prefix("on-"), word.strip_prefix("file=")) {
                (Some(words), _) => place = Place::read(words),
                (_, Some(path)) => file = Some(path.to_owned()),
                _ => bail!("`{word}` says nothing about a block: `on-PLACE` and `file=PATH` do"),
            }
        }
        match (language, file) {
            ("console", None) => Ok(Self::Commands(place)),
            (language, Some(file)) if SHOWN_ONLY.contains(&language) => Ok(Self::File(place, file)),
            (language, None) if SHOWN_ONLY.contains(&language) => Ok(Self::Shown),
            _ => bail!("`{info}`: commands are `console`, and what is only shown is one of {SHOWN_ONLY:?}"),
        }
    }
}

impl Place {
    fn read(words: &str) -> Self {
        let (machine, terminal) = words.rsplit_once('-').unwrap_or((words, ""));
        match terminal.parse() {
            Ok(terminal) => Self { machine: machine.to_owned(), terminal },
            Err(_) => Self { machine: words.to_owned(), terminal: 1 },
        }
    }

    /// Whether it is none of [`super::World`]'s: a Debian machine with systemd (`debian`, `debian-laptop`), or the folder of
    /// the sources on the machine that builds (`source`). `cargo xtask qualify packages` walks there.
    pub fn is_elsewhere(&self) -> bool {
        self.machine == "source" || self.is_debian()
    }

    /// Whether it is on the Debian machine.
    pub fn is_debian(&self) -> bool {
        self.machine == "debian" || self.machine.starts_with("debian-")
    }

    /// Whether the last command of a block may run on there.
    pub(super) fn is_another_terminal(&self) -> bool {
        self.terminal > 1
    }
}

impl Default for Place {
    fn default() -> Self {
        Self { machine: "ann".to_owned(), terminal: 1 }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.machine, self.terminal)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_block_says_what_it_is() {
        let bea = Place { machine: "bea".to_owned(), terminal: 2 };
        assert_eq!(Kind::read("console").unwrap(), Kind::Commands(Place::default()));
        assert_eq!(Kind::read("console,on-bea-2").unwrap(), Kind::Commands(bea.clone()));
        assert_eq!(Kind::read("toml,on-bea-2,file=a/b.toml").unwrap(), Kind::File(bea, "a/b.toml".into()));
        assert_eq!(Kind::read("json").unwrap(), Kind::Shown);
        for nobody_would_run_it in ["", "sh", "bash", "console,ignore", "console,file=x", "python,file=x"] {
            assert!(Kind::read(nobody_would_run_it).is_err(), "{nobody_would_run_it}");
        }
    }

    #[test]
    fn headings_are_anchors_and_blocks_have_lines() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.md");
        let text = "<!-- goes on after b.md -->\n# Keys, `rights` & co\n\n## Keys\n\n## Keys\n\n```console\n$ true\n```\n[x](y.md#z)\n";
        std::fs::write(&file, text).unwrap();
        let chapter = Chapter::read(&file).unwrap();
        assert_eq!(chapter.goes_on_after.as_deref(), Some("b.md"));
        assert!(["keys-rights--co", "keys", "keys-1"].iter().all(|anchor| chapter.anchors.contains(*anchor)));
        assert_eq!((chapter.blocks[0].line, chapter.blocks[0].text.as_str()), (9, "$ true\n"));
        assert_eq!(chapter.links, [Link { line: 11, to: "y.md#z".to_owned() }]);
    }
}
