//! The only place that prints.
//!
//! What a command found goes to standard output, as text for people or as JSON for scripts: one document, or one line an
//! item where there is a stream. Everything else (progress, notes, failures for people) goes to standard error.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};

use crate::error::{Failure, Outcome};

/// What a command found: a JSON value for scripts, and text for people.
pub trait Render: Serialize {
    /// The text, without a line feed at its end. Empty text is not printed.
    fn text(&self, style: Style) -> String;
}

/// Where text goes, and whether it may be coloured there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    terminal: bool,
    colour: bool,
}

impl Style {
    /// For pipes, files and tests.
    pub const PLAIN: Style = Style { terminal: false, colour: false };
    /// For a terminal.
    pub const COLOURED: Style = Style { terminal: true, colour: true };

    /// Whether a person looks at it now: then a picture says something.
    pub fn is_terminal(self) -> bool {
        self.terminal
    }

    /// What matters most on a line.
    pub fn strong(self, text: &str) -> String {
        self.paint("1", text)
    }

    /// What is only there for completeness.
    pub fn faint(self, text: &str) -> String {
        self.paint("2", text)
    }

    /// What is well.
    pub fn good(self, text: &str) -> String {
        self.paint("32", text)
    }

    /// What wants attention.
    pub fn warning(self, text: &str) -> String {
        self.paint("33", text)
    }

    /// What went wrong.
    pub fn bad(self, text: &str) -> String {
        self.paint("31;1", text)
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.colour && !text.is_empty() {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}

/// How this run of the program prints.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    json: bool,
    out: Style,
    err: Style,
    progress: bool,
}

impl Output {
    /// Prints to the terminal, pipe or file that the program was started with. Colour is for terminals only, and never
    /// where NO_COLOR is set (<https://no-color.org>: to anything but nothing).
    pub fn of_process(json: bool) -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            && std::env::var_os("TERM").is_none_or(|value| value != "dumb");
        let style = |terminal: bool| Style { terminal, colour: wanted && terminal };
        let err = std::io::stderr().is_terminal();
        Self { json, out: style(std::io::stdout().is_terminal()), err: style(err), progress: err && !json }
    }

    /// Whether scripts read it.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Prints what a command found: one JSON document, or text.
    pub fn print(&self, found: &impl Render) -> Outcome<()> {
        let text = if self.json {
            serde_json::to_string_pretty(found)
                .map_err(|e| Failure::because(format!("Cannot write JSON: {e}.")))?
        } else {
            found.text(self.out)
        };
        write_line(&text)
    }

    /// Prints one item of a stream: one line of JSON, or text.
    pub fn print_item(&self, item: &impl Render) -> Outcome<()> {
        let text = if self.json {
            serde_json::to_string(item).map_err(|e| Failure::because(format!("Cannot write JSON: {e}.")))?
        } else {
            item.text(self.out)
        };
        write_line(&text)
    }

    /// Says something beside the result. Scripts do not get it.
    pub fn note(&self, text: &str) {
        if !self.json {
            note(&self.err.faint(text));
        }
    }

    /// Says something beside the result that the person must not miss. It goes to standard error for scripts, too.
    pub fn warn(&self, text: &str) {
        note(&format!("{} {text}", self.err.warning("warning:")));
    }

    /// Says why the command ended without doing what it was asked: to people on standard error, to scripts as the one
    /// document (or the last line) on standard output.
    pub fn failure(&self, failure: &Failure) {
        if self.json {
            // A closed pipe is all that can go wrong here, and then nobody reads the reason either.
            let _ = write_line(&error_document(failure).to_string());
        } else {
            note(&format!("{} {failure}", self.err.bad("error:")));
        }
    }

    /// Shows on a terminal that something takes a while, until the value is dropped.
    pub fn progress(&self, what: impl Into<String>) -> Progress {
        Progress(self.progress.then(|| {
            let bar = indicatif::ProgressBar::new_spinner().with_message(what.into());
            // Quick answers must not flicker: the first tick comes after a moment.
            bar.enable_steady_tick(Duration::from_millis(150));
            bar
        }))
    }
}

/// A sign of life on a terminal; nothing elsewhere.
#[derive(Debug)]
pub struct Progress(Option<indicatif::ProgressBar>);

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

/// The failure as scripts get it.
pub fn error_document(failure: &Failure) -> Value {
    json!({ "error": failure })
}

/// A JSON value for people: strings without quotes, the rest as JSON on one line. What could steer a terminal is written
/// as JSON would write it.
pub fn show_value(value: &Value) -> String {
    match value {
        Value::String(text) => printable(text),
        other => printable(&other.to_string()),
    }
}

/// Text that came from elsewhere, safe for a terminal: control characters are escaped.
pub fn printable(text: &str) -> String {
    // Besides control characters: those that change the direction of text and so can make one thing look like another.
    let steers = |c: char| {
        (c.is_control() && c != '\n' && c != '\t')
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(steers) {
        return text.to_owned();
    }
    text.chars().map(|c| if steers(c) { c.escape_unicode().to_string() } else { c.to_string() }).collect()
}

/// A line on standard error.
#[expect(clippy::print_stderr, reason = "this is the module that prints")]
pub(crate) fn note(text: &str) {
    eprintln!("{text}");
}

fn write_line(text: &str) -> Outcome<()> {
    if text.is_empty() {
        return Ok(());
    }
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        // `streembit log | head` is no failure of anybody.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Err(closed()),
        Err(error) => Err(Failure::because(format!("Cannot write to standard output: {error}."))),
    }
}

/// Nobody reads any more: the command ends without a word, and without blame.
fn closed() -> Failure {
    Failure::new(crate::error::Exit::Ok, "Nobody reads the output any more.")
}

/// Columns that line up, two spaces apart.
pub fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            rows.iter().filter_map(|row| row.get(column)).map(|cell| width(cell)).max().unwrap_or(0)
        })
        .collect();
    let lines = rows.iter().map(|row| {
        let cells = row
            .iter()
            .zip(&widths)
            .map(|(cell, wide)| format!("{cell}{}", " ".repeat(wide.saturating_sub(width(cell)))));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The width of a text on a terminal, near enough: its characters, without those that colour it.
fn width(text: &str) -> usize {
    let mut wide = 0;
    let mut in_colour = false;
    for c in text.chars() {
        match c {
            '\u{1b}' => in_colour = true,
            'm' if in_colour => in_colour = false,
            _ if in_colour => {}
            _ => wide += 1,
        }
    }
    wide
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Exit;

    #[test]
    fn what_came_from_elsewhere_cannot_steer_the_terminal() {
        assert_eq!(printable("a\u{1b}[31mb\u{202e}c"), "a\\u{1b}[31mb\\u{202e}c");
        assert_eq!(printable("Tür öffnen\n"), "Tür öffnen\n");
        assert_eq!(show_value(&json!("open")), "open");
        assert_eq!(show_value(&json!({"a": [1, 2]})), r#"{"a":[1,2]}"#);
    }

    #[test]
    fn colours_do_not_shift_columns() {
        let green = Style::COLOURED.good("ok");
        let rows =
            vec![vec!["a".into(), green.clone(), "x".into()], vec!["bcd".into(), "down".into(), "y".into()]];
        let text = table(&rows);
        assert_eq!(text, format!("a    {green}    x\nbcd  down  y"));
        assert_eq!(Style::PLAIN.good("ok"), "ok");
    }

    #[test]
    fn scripts_get_failures_as_one_document() {
        let failure = Failure::refused("garage");
        let document = error_document(&failure);
        assert_eq!(document["error"]["exit"], Exit::Refused.name());
        assert_eq!(document["error"]["message"], "Refused or does not exist.");
        assert!(document["error"]["remedy"].as_str().unwrap().starts_with("Ask an owner: "));
    }
}
