use std::borrow::Cow;

/// What is wrong, where, and by which rule. It never quotes the refused value: that may be a door's PIN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid {
    /// JSON pointer (RFC 6901) to the place in the document that was checked; empty is the whole of it.
    pub pointer: String,
    /// The keyword or rule that does not hold, short enough for a program to switch on.
    pub rule: Cow<'static, str>,
    /// A sentence for a person.
    pub detail: String,
}

impl Invalid {
    pub(crate) fn new(
        pointer: impl Into<String>,
        rule: impl Into<Cow<'static, str>>,
        detail: impl Into<String>,
    ) -> Self {
        Self { pointer: pointer.into(), rule: rule.into(), detail: detail.into() }
    }

    /// The same, seen from a document in which the checked one stands at `prefix`.
    #[must_use]
    pub fn below(mut self, prefix: &str) -> Self {
        self.pointer.insert_str(0, prefix);
        self
    }
}

impl std::fmt::Display for Invalid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if !self.pointer.is_empty() {
            write!(f, "{}: ", self.pointer)?;
        }
        write!(f, "{} ({})", self.detail, self.rule)
    }
}

impl std::error::Error for Invalid {}
