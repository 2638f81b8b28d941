//! What a chapter shows, held against what was printed.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};

/// What the reader's own words are, by what the book calls them: `<link>`.
pub(super) type Values = BTreeMap<String, String>;

/// Stands for anything.
const ANYTHING: &str = "…";

/// A part of a shown line.
#[derive(Debug, Clone, Copy)]
enum Part<'a> {
    /// Printed just so.
    Literal(&'a str),
    /// Anything.
    Anything,
    /// One word, which has this name from here on.
    Word(&'a str),
}

/// How much of what was printed must be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// All of it.
    Whole,
    /// Its beginning: the command still runs.
    Beginning,
}

/// How many of the printed lines are those that are shown, if they are. Then `values` knows the words in them.
pub(super) fn matches(
    shown: &[&str],
    printed: &[&str],
    extent: Extent,
    values: &mut Values,
) -> Option<usize> {
    let (taken, found) = lines(shown, printed, extent, values.clone())?;
    *values = found;
    Some(taken)
}

/// A command with the reader's own words in it.
pub(super) fn fill(command: &str, values: &Values) -> Result<String> {
    let mut filled = String::new();
    for part in parts(command) {
        match part {
            Part::Literal(text) => filled.push_str(text),
            Part::Anything => filled.push_str(ANYTHING),
            Part::Word(name) => {
                filled.push_str(values.get(name).with_context(|| format!("nothing has shown <{name}> yet"))?)
            }
        }
    }
    Ok(filled)
}

fn lines(shown: &[&str], printed: &[&str], extent: Extent, values: Values) -> Option<(usize, Values)> {
    let Some((first, rest)) = shown.split_first() else {
        let is_all = extent == Extent::Beginning || printed.is_empty();
        return is_all.then_some((0, values));
    };
    if first.trim() == ANYTHING {
        return (0..=printed.len()).find_map(|skipped| {
            let (taken, values) = lines(rest, &printed[skipped..], extent, values.clone())?;
            Some((skipped + taken, values))
        });
    }
    let (line, others) = printed.split_first()?;
    let values = parts_match(&parts(first.trim_end()), line.trim_end(), values)?;
    let (taken, values) = lines(rest, others, extent, values)?;
    Some((taken + 1, values))
}

fn parts_match(parts: &[Part<'_>], text: &str, mut values: Values) -> Option<Values> {
    let Some((part, rest)) = parts.split_first() else { return text.is_empty().then_some(values) };
    let ends = || text.char_indices().map(|(at, _)| at).chain([text.len()]);
    match *part {
        Part::Literal(literal) => parts_match(rest, text.strip_prefix(literal)?, values),
        Part::Anything => ends().find_map(|end| parts_match(rest, &text[end..], values.clone())),
        Part::Word(name) => match values.get(name) {
            Some(known) => {
                let text = text.strip_prefix(known.as_str())?;
                parts_match(rest, text, values)
            }
            None => ends().skip(1).take_while(|end| !text[..*end].contains(' ')).find_map(|end| {
                values.insert(name.to_owned(), text[..end].to_owned());
                parts_match(rest, &text[end..], values.clone())
            }),
        },
    }
}

fn parts(line: &str) -> Vec<Part<'_>> {
    let (mut parts, mut rest) = (Vec::new(), line);
    while !rest.is_empty() {
        let next = [rest.find(ANYTHING), find_word(rest)].into_iter().flatten().min().unwrap_or(rest.len());
        if next > 0 {
            parts.push(Part::Literal(&rest[..next]));
            rest = &rest[next..];
        }
        if let Some(after) = rest.strip_prefix(ANYTHING) {
            parts.push(Part::Anything);
            rest = after;
        } else if let Some((word, after)) = rest.strip_prefix('<').and_then(|rest| rest.split_once('>')) {
            parts.push(Part::Word(word));
            rest = after;
        }
    }
    parts
}

/// Where the first `<some words>` begins. What `--help` prints is in capitals, and no word of the reader.
fn find_word(text: &str) -> Option<usize> {
    text.match_indices('<').map(|(at, _)| at).find(|at| {
        let Some((word, _)) = text[at + 1..].split_once('>') else { return false };
        word.starts_with(|c: char| c.is_ascii_lowercase())
            && word.chars().all(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '\''))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(words: &[(&str, &str)]) -> Values {
        words.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn what_is_shown_is_what_was_printed() {
        for (shown, printed, is_so) in [
            (vec!["a", "b"], vec!["a", "b"], true),
            (vec!["a"], vec!["a", "b"], false),
            (vec!["a", "…"], vec!["a", "b", "c"], true),
            (vec!["…", "c"], vec!["a", "b", "c"], true),
            (vec!["…", "b"], vec!["a", "b", "c"], false),
            (vec!["at … o'clock"], vec!["at 12 o'clock"], true),
            (vec!["at … o'clock"], vec!["at 12 o'clocks"], false),
            (vec!["--data <DIR>"], vec!["--data <DIR>"], true),
            (vec!["--data <DIR>"], vec!["--data x"], false),
            (vec![], vec![], true),
        ] {
            let found = matches(&shown, &printed, Extent::Whole, &mut Values::new());
            assert_eq!(found.is_some(), is_so, "{shown:?} {printed:?}");
        }
    }

    #[test]
    fn a_command_that_runs_on_has_printed_the_beginning() {
        let mut none = Values::new();
        assert_eq!(matches(&["…", "ready"], &["a", "ready", "b"], Extent::Beginning, &mut none), Some(2));
        assert_eq!(matches(&["ready"], &["a", "ready"], Extent::Beginning, &mut none), None);
    }

    #[test]
    fn words_are_kept_and_must_be_the_same_again() {
        let mut known = Values::new();
        assert!(
            matches(&["send <the link> to her"], &["send x:y to her"], Extent::Whole, &mut known).is_some()
        );
        assert_eq!(known, values(&[("the link", "x:y")]));
        assert_eq!(fill("accept '<the link>' <FILE>", &known).unwrap_or_default(), "accept 'x:y' <FILE>");
        assert!(matches(&["<the link>"], &["x:z"], Extent::Whole, &mut known).is_none());
        assert!(matches(&["<a word>"], &["two words"], Extent::Whole, &mut known).is_none());
        assert!(fill("accept <nothing>", &known).is_err());
    }
}
