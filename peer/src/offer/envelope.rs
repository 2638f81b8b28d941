//! The lines around an offer.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::OfferError;

const BEGIN: &str = "BEGIN STREEMBIT CONTACT OFFER";
const END: &str = "END STREEMBIT CONTACT OFFER";

/// Mail programs break longer lines (RFC 5322 recommends 78 characters); PEM breaks at 64.
const LINE: usize = 64;

/// Puts the body between its lines.
pub(super) fn wrap(body: &str) -> String {
    let mut text = format!("--- {BEGIN} ---\n");
    let mut rest = body;
    while let Some((line, after)) = rest.split_at_checked(LINE) {
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    if !rest.is_empty() {
        text.push_str(rest);
        text.push('\n');
    }
    text.push_str("--- ");
    text.push_str(END);
    text.push_str(" ---\n");
    text
}

/// Finds the body, and takes out what a mail may have put in: line ends of any kind, spaces, marks of a quotation. A body without
/// its lines is taken too.
pub(super) fn unwrap(text: &str) -> Result<String, OfferError> {
    let lines = || text.split(['\n', '\r']).map(|line| line.trim_start_matches(['>', ' ', '\t']).trim_end());
    let marked = lines().any(|line| is_mark(line, BEGIN));
    let body: String = if marked {
        let mut inside = lines().skip_while(|line| !is_mark(line, BEGIN)).skip(1);
        let body = inside.by_ref().take_while(|line| !is_mark(line, END)).collect::<Vec<_>>();
        // Without its last line it may have lost more than that.
        if !lines().skip_while(|line| !is_mark(line, BEGIN)).any(|line| is_mark(line, END)) {
            return Err(OfferError::Envelope);
        }
        body.concat()
    } else {
        lines().collect::<Vec<_>>().concat()
    };
    let body: String = body.chars().filter(|c| !c.is_whitespace()).collect();
    // Without its lines, any text is a body; one with other characters is a letter and no damaged offer.
    let may_be_one = |c: char| c.is_ascii_alphanumeric() || "-_.+/=".contains(c);
    if body.is_empty() || (!marked && !body.chars().all(may_be_one)) {
        return Err(OfferError::Envelope);
    }
    if body.contains('.') {
        return Ok(body);
    }
    // The original's own form: base64 of the bare fields.
    match STANDARD.decode(&body) {
        Ok(bytes) if bytes.first() == Some(&b'{') => Err(OfferError::Unsigned),
        _ => Err(OfferError::Envelope),
    }
}

/// Whether a line is this mark between dashes: two, three or more; also what a mail program makes of them.
fn is_mark(line: &str, mark: &str) -> bool {
    let dash = |c: char| matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}');
    let inner = line.trim_matches(|c| dash(c) || c == ' ' || c == '\t');
    let words = inner.split_whitespace().eq(mark.split_whitespace());
    // A typographic dash may stand for two.
    let enough = |dashes: usize, long: bool| dashes >= 2 || (dashes == 1 && long);
    let count = |chars: &mut dyn Iterator<Item = char>| {
        let dashes: Vec<char> = chars.take_while(|c| dash(*c)).collect();
        enough(dashes.len(), dashes.iter().any(|c| *c != '-'))
    };
    words && count(&mut line.trim().chars()) && count(&mut line.trim().chars().rev())
}
