//! What is left out of whatever leaves the device to be looked at.
//!
//! The first rule is that nothing secret is collected: keys are not read, and links are made for whoever asked for them alone. This
//! is the second: every text that goes into a bundle goes through here, wherever it comes from, also what a plugin wrote into
//! the log. Links and keys are taken out, whatever looks like a key, a hash or a secret is cut to its beginning, and names of
//! people are replaced by numbers. It cannot know a secret that looks like a word.

use serde_json::{Map, Value};

/// What is put in place of a link or a key.
const LEFT_OUT: &str = "[left out]";

/// So much of a long token is shown: enough to tell two apart, and to find one that its owner knows.
const BEGINNING: usize = 8;

/// Tokens from here on may be secrets: 128 bits have 22 characters of base64.
const TOKEN: usize = 22;

/// So long a word of mixed letters is none: one key in a thousand has no digit.
const LONG_TOKEN: usize = 32;

/// The secret of a link has 16 characters of base32, and a digest in hex 32.
const UNIFORM_TOKEN: usize = 16;

/// How every link begins, in capitals as well.
const LINK: &str = "streembit:";

/// Takes secrets and names out of texts.
#[derive(Debug, Default)]
pub(super) struct Redactor {
    /// Names of people, the longest first, so that none is cut in two by another.
    names: Vec<String>,
}

impl Redactor {
    /// One that replaces these names too.
    pub(super) fn without(mut names: Vec<String>) -> Self {
        names.retain(|name| !name.is_empty());
        names.sort_by_key(|name| (std::cmp::Reverse(name.len()), name.clone()));
        names.dedup();
        Self { names }
    }

    /// A text as it may leave the device.
    pub(super) fn text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (number, name) in self.names.iter().enumerate() {
            text = replace_words(&text, name, &format!("[person {}]", number + 1));
        }
        cut_tokens(&without_links(&without_keys(&text)))
    }

    /// The same of a document: of its texts and of the names of its members.
    pub(super) fn json(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(all) => all.iter().map(|value| self.json(value)).collect(),
            Value::Object(members) => members
                .iter()
                .map(|(name, value)| (self.text(name), self.json(value)))
                .collect::<Map<_, _>>()
                .into(),
            other => other.clone(),
        }
    }
}

/// What a plugin is told may be a password, and nothing says which part: each value is only said to be there.
pub(super) fn without_values(settings: &Value) -> Value {
    match settings {
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| (name.clone(), without_values(value)))
            .collect::<Map<_, _>>()
            .into(),
        Value::Array(all) => all.iter().map(without_values).collect(),
        Value::Null | Value::Bool(_) => settings.clone(),
        Value::Number(_) => "[a number]".into(),
        Value::String(_) => "[a text]".into(),
    }
}

/// Replaces a name where it stands by itself: `Al` is not a part of `Alarm`.
fn replace_words(text: &str, name: &str, with: &str) -> String {
    let is_part = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let (mut clean, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find(name) {
        let (before, from) = rest.split_at(at);
        let after = &from[name.len()..];
        let last = before.chars().next_back().or_else(|| clean.chars().next_back());
        clean.push_str(before);
        clean.push_str(if is_part(last) || is_part(after.chars().next()) { name } else { with });
        rest = after;
    }
    clean + rest
}

/// Takes PEM blocks out, also one whose end is cut off.
fn without_keys(text: &str) -> String {
    let (mut clean, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find("-----BEGIN ") {
        let (before, block) = rest.split_at(at);
        clean.push_str(before);
        clean.push_str(LEFT_OUT);
        let end = block.find("-----END ").and_then(|end| {
            let tail = end + "-----END ".len();
            Some(tail + block.get(tail..)?.find("-----")? + 5)
        });
        rest = end.and_then(|end| block.get(end..)).unwrap_or_default();
    }
    clean + rest
}

fn without_links(text: &str) -> String {
    // ASCII letters change their case in place, so that offsets are the same in both.
    let lower = text.to_ascii_lowercase();
    let (mut clean, mut at) = (String::with_capacity(text.len()), 0);
    while let Some(found) = lower.get(at..).and_then(|rest| rest.find(LINK)) {
        let begin = at + found;
        let is_end = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '<' | '>');
        let length = text[begin..].find(is_end).unwrap_or(text.len() - begin);
        clean.push_str(&text[at..begin]);
        clean.push_str(LINK);
        clean.push_str(LEFT_OUT);
        at = begin + length;
    }
    clean.push_str(&text[at..]);
    clean
}

/// Cuts whatever may be a key, a hash or a secret.
fn cut_tokens(text: &str) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '+');
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let length = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let (token, after) = rest.split_at(length);
        if may_be_secret(token) {
            clean.extend(token.chars().take(BEGINNING));
            clean.push('…');
        } else {
            clean.push_str(token);
        }
        let gap = after.find(is_part).unwrap_or(after.len());
        clean.push_str(&after[..gap]);
        rest = &after[gap..];
    }
    clean
}

/// Words have letters of one kind, or begin with a capital; random characters are mixed.
fn may_be_secret(token: &str) -> bool {
    let has = |is: fn(&u8) -> bool| token.as_bytes().iter().any(is);
    let (upper, lower) = (has(u8::is_ascii_uppercase), has(u8::is_ascii_lowercase));
    let digit = has(u8::is_ascii_digit);
    let mixed = upper && lower && (token.len() >= TOKEN && digit || token.len() >= LONG_TOKEN);
    let hex = || token.bytes().all(|c| c.is_ascii_hexdigit());
    let base32 = || !token.contains(['-', '_']) && !lower;
    let uniform = token.len() >= UNIFORM_TOKEN && digit && (upper || lower) && (hex() || base32());
    mixed || uniform
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn links_and_keys_are_taken_out_whole() {
        let redactor = Redactor::default();
        for (text, clean) in [
            ("a streembit:pair/abc234 b", "a streembit:[left out] b"),
            ("(\"STREEMBIT:JOIN/ABC234\")", "(\"streembit:[left out]\")"),
            ("streembit:pair/a streembit:pair/b", "streembit:[left out] streembit:[left out]"),
            ("x -----BEGIN PRIVATE KEY-----\nMIGH\n-----END PRIVATE KEY----- y", "x [left out] y"),
            ("x -----BEGIN PRIVATE KEY-----\nMIGH", "x [left out]"),
            ("nothing of the kind: äöü", "nothing of the kind: äöü"),
        ] {
            assert_eq!(redactor.text(text), clean);
        }
    }

    #[test]
    fn what_looks_like_a_secret_is_cut_and_words_are_not() {
        let redactor = Redactor::default();
        for (text, clean) in [
            ("contact=4SjZ3SxX9rNNBYRdnW8-D9T__RNMzEPt-t-XTVLKIgE ok", "contact=4SjZ3SxX… ok"),
            ("/p2p/QmPyTWeiZByi7jcVULdnNPuWRUsLcJrwnPaYNhyaP5SynU", "/p2p/QmPyTWei…"),
            ("9f86d081884c7d659a2feaa0c55ad015", "9f86d081…"),
            ("MFRGGZDFMZTWQ2LK", "MFRGGZDF…"),
        ] {
            assert_eq!(redactor.text(text), clean);
        }
        for text in [
            "/ip4/192.168.100.200/udp/7600/quic-v1",
            "2026-11-23T12:53:16.833174Z  WARN streembit_agent::daemon::plugins: it cannot run",
            "/usr/lib/streembit/plugins/gpio-switch.wasm",
            "x86_64-unknown-linux-gnu",
            "Linux 6.1.0-18-amd64 SMP PREEMPT_DYNAMIC",
            "4294967295123456789012345678901234567890",
        ] {
            assert_eq!(redactor.text(text), text);
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(\\PC|\\s|streembit:|-----BEGIN |-----END |-----){0,40}", name in "\\PC{0,3}") {
            Redactor::without(vec![name]).text(&text);
        }

        #[test]
        fn no_key_survives_whatever_is_around_it(key in proptest::array::uniform32(0_u8..), around in "[ -~]{0,20}") {
            use base64::Engine as _;
            use base64::engine::general_purpose::URL_SAFE_NO_PAD;
            let key = URL_SAFE_NO_PAD.encode(key);
            let text = Redactor::default().text(&format!("{around}{key}{around}"));
            proptest::prop_assert!(!text.contains(&key), "{text}");
        }
    }

    #[test]
    fn names_are_numbers_where_they_stand_by_themselves() {
        let redactor = Redactor::without(vec!["Al".into(), "Al Bundy".into(), String::new(), "Zoë".into()]);
        let clean = redactor.text("Al, Alarm, \"Al Bundy\", Al's, Zoë and Zoës");
        assert_eq!(clean, "[person 3], Alarm, \"[person 1]\", [person 3]'s, [person 2] and Zoës");
        assert_eq!(redactor.json(&json!({ "Al": ["Al"] })), json!({ "[person 3]": ["[person 3]"] }));
    }

    #[test]
    fn of_settings_only_their_names_are_left() {
        let settings =
            json!({ "broker": { "password": "hunter2", "port": 1883, "tls": true }, "pins": [4711, null] });
        let clean = without_values(&settings);
        let left = json!({ "broker": { "password": "[a text]", "port": "[a number]", "tls": true }, "pins": ["[a number]", null] });
        assert_eq!(clean, left);
    }
}
