//! A device's journal as a person checks it: does the chain hold, and does it still contain what was seen before?

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use streembit_keys::jws::{self, Typ};
use streembit_keys::{PublicKey, Thumbprint};
use streembit_peer::message::JournalHead;

use crate::home::Head;

const HEAD: Typ = Typ::new("sb-head");

/// The device's signed word about where its journal stands.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Signed {
    iss: Thumbprint,
    /// The last entry.
    pub seq: u64,
    /// The head of the chain with it.
    pub head: JournalHead,
    /// The last entry that was removed for good; 0 where none was.
    pub cut: u64,
    /// The head of the chain with that entry.
    pub cut_head: JournalHead,
}

impl Signed {
    /// Checks the device's signature.
    pub fn verify(text: &str, device: &PublicKey) -> Result<Self, String> {
        let payload = jws::verify(text, HEAD, device).map_err(|e| e.to_string())?;
        let signed: Self =
            serde_json::from_slice(&payload).map_err(|_| "it is no journal head".to_owned())?;
        if signed.iss == device.thumbprint() { Ok(signed) } else { Err("it names another device".to_owned()) }
    }
}

/// What was checked, and what was not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// What is wrong. Empty: nothing was found.
    pub faults: Vec<String>,
    /// How many entries were checked, one after the other.
    pub entries: u64,
    /// What could not be checked, and why.
    pub unproven: Vec<String>,
}

/// Checks entries as they come, in their order.
#[derive(Debug)]
pub struct Chain {
    /// The number and head of the entry before the next one; the head is none where it is not known.
    last: (u64, Option<JournalHead>),
    kept: Option<Head>,
    verdict: Verdict,
}

impl Chain {
    /// A check that begins with entry `from`, against the head that was kept.
    pub fn new(device: Thumbprint, signed: &Signed, from: u64, kept: Option<Head>) -> Self {
        let mut verdict = Verdict::default();
        let last = if from <= signed.cut + 1 {
            if signed.cut > 0 {
                let cut = signed.cut;
                verdict
                    .unproven
                    .push(format!(
                        "entries 1 to {cut} are not kept: the device removed them, as it is set to, or they are from before it \
                         was restored from a backup"
                    ));
                (cut, Some(signed.cut_head))
            } else {
                (0, Some(origin(device)))
            }
        } else {
            verdict.unproven.push(format!("entries before {from} were not read"));
            (from - 1, None)
        };
        if let Some(kept) = &kept
            && kept.seq == last.0
            && let Some(head) = last.1
        {
            // The chain goes on from that one, which the device has signed.
            if kept.head != head.to_string() {
                verdict.faults.push(format!("entry {} is not the one that was seen before", kept.seq));
            }
        } else if let Some(kept) = &kept
            && kept.seq <= last.0
        {
            verdict.unproven.push(format!("entry {}, the newest seen before, is among them", kept.seq));
        }
        Self { last, kept, verdict }
    }

    /// The number of the next entry.
    pub fn next(&self) -> u64 {
        self.last.0 + 1
    }

    /// Checks one entry, as the device gave it: what the chain covers is all but its `head` and its `input`.
    pub fn check(&mut self, entry: &Value) {
        let seq = entry.get("seq").and_then(Value::as_u64);
        let head =
            entry.get("head").and_then(Value::as_str).and_then(|text| text.parse::<JournalHead>().ok());
        let (Some(seq), Some(head), Some(members)) = (seq, head, entry.as_object()) else {
            self.verdict.faults.push(format!("what follows entry {} is no entry", self.last.0));
            return;
        };
        if seq != self.next() {
            self.verdict.faults.push(format!(
                "entry {} is missing: {seq} comes after {}",
                self.next(),
                self.last.0
            ));
        } else if let Some(prev) = &self.last.1 {
            let body: serde_json::Map<String, Value> =
                members.iter().filter(|(name, _)| *name != "head" && *name != "input").map(own).collect();
            // The members keep their order on the way, and the device wrote them without spaces.
            if link(prev, &Value::Object(body).to_string()) != head {
                self.verdict.faults.push(format!("entry {seq} was changed, or one before it"));
            }
        }
        if let Some(kept) = self.kept.as_ref().filter(|kept| kept.seq == seq)
            && kept.head != head.to_string()
        {
            self.verdict.faults.push(format!("entry {seq} is not the one that was seen before"));
        }
        self.verdict.entries += 1;
        self.last = (seq, Some(head));
    }

    /// What came of it, given what the device signed.
    pub fn finish(mut self, signed: &Signed) -> Verdict {
        if self.last.0 < signed.seq {
            self.verdict.faults.push(format!("entries {} to {} are missing", self.next(), signed.seq));
        } else if self.last.0 == signed.seq && self.last.1.is_some_and(|head| head != signed.head) {
            self.verdict.faults.push("the last entry is not the one that the device signed".to_owned());
        }
        if let Some(kept) = self.kept.as_ref().filter(|kept| kept.seq > signed.seq) {
            let (seen, now) = (kept.seq, signed.seq);
            self.verdict.faults.push(format!("it ends at entry {now}, and entry {seen} was seen before"));
        }
        self.verdict
    }
}

fn own((name, value): (&String, &Value)) -> (String, Value) {
    (name.clone(), value.clone())
}

/// What the first entry of a device's journal is chained to.
fn origin(device: Thumbprint) -> JournalHead {
    let hash = Sha256::new().chain_update("streembit journal v1\n").chain_update(device.as_bytes());
    JournalHead::from_bytes(hash.finalize().into())
}

/// The head of the chain with one more entry.
fn link(prev: &JournalHead, body: &str) -> JournalHead {
    JournalHead::from_bytes(Sha256::new().chain_update(prev.as_bytes()).chain_update(body).finalize().into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use streembit_keys::{PrivateKey, rng};

    use super::*;

    struct Device {
        key: PrivateKey,
        entries: Vec<Value>,
    }

    impl Device {
        fn new(count: u64) -> Self {
            let key = PrivateKey::generate(&mut rng::system());
            let mut last = origin(key.public().thumbprint());
            let entries = (1..=count).map(|seq| {
                let mut entry = json!({"seq": seq, "at": 1000 + seq, "kind": "start", "version": "1"});
                last = link(&last, &entry.to_string());
                entry["head"] = json!(last);
                entry["input"] = json!("not covered by the chain");
                entry
            });
            let entries = entries.collect();
            Self { key, entries }
        }

        fn signed(&self) -> Signed {
            let last = self.entries.last().unwrap();
            let none = JournalHead::from_bytes([0; 32]);
            let payload = json!({
                "iss": self.key.public().thumbprint(), "seq": last["seq"], "head": last["head"],
                "rights": 0, "rights_head": none, "cut": 0, "cut_head": none
            });
            let text = jws::sign(&self.key, HEAD, payload.to_string().as_bytes());
            Signed::verify(&text, self.key.public()).unwrap()
        }

        fn kept(&self, seq: usize) -> Option<Head> {
            let head = self.entries[seq - 1]["head"].as_str().unwrap().to_owned();
            Some(Head { seq: seq as u64, head })
        }

        fn verdict(&self, from: u64, kept: Option<Head>) -> Verdict {
            let signed = self.signed();
            let mut chain = Chain::new(self.key.public().thumbprint(), &signed, from, kept);
            for entry in self.entries.iter().filter(|entry| entry["seq"].as_u64() >= Some(from)) {
                chain.check(entry);
            }
            chain.finish(&signed)
        }
    }

    #[test]
    fn a_whole_journal_holds_and_contains_what_was_seen() {
        let device = Device::new(5);
        assert_eq!(device.verdict(1, device.kept(3)), Verdict { entries: 5, ..Verdict::default() });
        // As it was after the wire: text and back.
        let text = serde_json::to_string(&device.entries).unwrap();
        let device = Device { entries: serde_json::from_str(&text).unwrap(), ..device };
        assert_eq!(device.verdict(1, None).faults, Vec::<String>::new());
    }

    #[test]
    fn a_change_a_gap_and_a_swap_are_named() {
        let mut changed = Device::new(5);
        changed.entries[2]["at"] = json!(7);
        assert_eq!(changed.verdict(1, None).faults, ["entry 3 was changed, or one before it"]);
        let mut gap = Device::new(5);
        gap.entries.remove(2);
        assert_eq!(gap.verdict(1, None).faults, ["entry 3 is missing: 4 comes after 2"]);
        let mut swapped = Device::new(5);
        swapped.entries.swap(1, 2);
        assert!(!swapped.verdict(1, None).faults.is_empty());
    }

    #[test]
    fn a_journal_that_was_cut_off_or_rewritten_contradicts_what_was_seen() {
        let mut device = Device::new(5);
        let kept = device.kept(5);
        device.entries.truncate(3);
        assert_eq!(
            device.verdict(1, kept.clone()).faults,
            ["it ends at entry 3, and entry 5 was seen before"]
        );
        let other = Device::new(6);
        assert_eq!(other.verdict(1, kept).faults, ["entry 5 is not the one that was seen before"]);
    }

    #[test]
    fn the_last_entry_that_is_not_kept_is_known_by_its_head() {
        let mut device = Device::new(5);
        let kept = [device.kept(2), device.kept(3)];
        let mut signed = device.signed();
        (signed.cut, signed.cut_head) = (3, kept[1].as_ref().unwrap().head.parse().unwrap());
        device.entries.drain(..3);
        let verdict = |kept: Option<Head>| {
            let mut chain = Chain::new(device.key.public().thumbprint(), &signed, 1, kept);
            device.entries.iter().for_each(|entry| chain.check(entry));
            chain.finish(&signed)
        };
        let [second, third] = kept;
        let proven = verdict(third.clone());
        assert_eq!((proven.faults.len(), proven.unproven.len()), (0, 1));
        let other = Head { head: second.as_ref().unwrap().head.clone(), ..third.unwrap() };
        assert_eq!(verdict(Some(other)).faults, ["entry 3 is not the one that was seen before"]);
        assert_eq!(verdict(second).unproven.len(), 2, "an older one says nothing");
    }

    #[test]
    fn what_was_not_read_is_said() {
        let device = Device::new(5);
        let verdict = device.verdict(4, device.kept(2));
        assert_eq!((verdict.faults.len(), verdict.entries), (0, 2));
        assert_eq!(verdict.unproven.len(), 2);
    }

    #[test]
    fn somebody_elses_signature_is_no_word_of_the_device() {
        let (device, other) = (Device::new(1), Device::new(1));
        let payload = json!({"iss": device.key.public().thumbprint(), "seq": 1});
        let text = jws::sign(&other.key, HEAD, payload.to_string().as_bytes());
        assert!(Signed::verify(&text, device.key.public()).is_err());
    }
}
