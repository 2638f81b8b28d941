//! Figures by name, and what they come to beside each other.

use std::fmt;

use anyhow::Result;
use serde_json::{Map, Value, json};

/// What was measured, in the order in which it was.
#[derive(Default)]
pub(crate) struct Figures(Vec<Figure>);

struct Figure {
    name: String,
    value: f64,
    unit: &'static str,
    /// The most that it should be, where the project has promised something.
    at_most: Option<f64>,
}

impl Figures {
    /// Notes one figure.
    pub(crate) fn note(&mut self, name: impl Into<String>, value: f64, unit: &'static str) {
        self.0.push(Figure { name: name.into(), value, unit, at_most: None });
    }

    /// Notes one for which there is a promise.
    pub(crate) fn promise(&mut self, name: impl Into<String>, value: f64, unit: &'static str, at_most: f64) {
        self.0.push(Figure { name: name.into(), value, unit, at_most: Some(at_most) });
    }

    fn get(&self, name: &str) -> Option<f64> {
        self.0.iter().find(|figure| figure.name == name).map(|figure| figure.value)
    }

    /// Adds the ratios: the costs of a command in signatures, and everybody's costs beside each other.
    pub(crate) fn compare(&mut self) {
        // The promise: at most 2.5 times what the two signatures of a command must cost anyway.
        self.ratio("read.64.cpu / openssl.pair", "read.64.cpu", "openssl.pair", Some(2.5));
        self.ratio("read.64.cpu / aws-lc.pair", "read.64.cpu", "aws-lc.pair", None);
        self.ratio("read.64.cpu / libp2p.64.cpu", "read.64.cpu", "libp2p.64.cpu", None);
        self.ratio("read.1.median / libp2p.1.median", "read.1.median", "libp2p.1.median", None);
        self.ratio("read.64.cpu / node-wot.64.cpu", "read.64.cpu", "node-wot.64.cpu", None);
        self.ratio("read.1.median / node-wot.1.median", "read.1.median", "node-wot.1.median", None);
        self.ratio("memory / node-wot.memory", "memory", "node-wot.memory", None);
        self.ratio("start / node-wot.start", "start", "node-wot.start", None);
        // An action may take two durable writes longer than a read.
        if let Some(write) = self.get("disk.write") {
            let most = 1_000.0 + 2.0 * write;
            for figure in self.0.iter_mut().filter(|figure| figure.name == "action.1.median") {
                figure.at_most = Some(most);
            }
        }
    }

    fn ratio(&mut self, name: &str, of: &str, to: &str, at_most: Option<f64>) {
        if let (Some(of), Some(to)) = (self.get(of), self.get(to)) {
            self.0.push(Figure { name: name.to_owned(), value: of / to, unit: "times", at_most });
        }
    }

    /// What was promised and is not kept, by name.
    pub(crate) fn missed(&self) -> Vec<&str> {
        let is_missed = |figure: &&Figure| figure.at_most.is_some_and(|at_most| figure.value > at_most);
        self.0.iter().filter(is_missed).map(|figure| figure.name.as_str()).collect()
    }

    /// The figures by name, for scripts.
    pub(crate) fn to_json(&self) -> Result<String> {
        let entry = |figure: &Figure| {
            let mut entry = json!({ "value": figure.value, "unit": figure.unit });
            if let Some(at_most) = figure.at_most {
                entry["at_most"] = json!(at_most);
            }
            (figure.name.clone(), entry)
        };
        let all: Map<String, Value> = self.0.iter().map(entry).collect();
        Ok(serde_json::to_string_pretty(&all)? + "\n")
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Figure { name, value, unit, at_most } in &self.0 {
            write!(f, "{name:<34} {value:>12.2} {unit:<6}")?;
            match at_most {
                Some(at_most) if value <= at_most => writeln!(f, " (at most {at_most:.1})")?,
                Some(at_most) => writeln!(f, " (at most {at_most:.1}: MISSED)")?,
                None => writeln!(f)?,
            }
        }
        Ok(())
    }
}
