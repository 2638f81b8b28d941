use std::fmt::Write;

/// Where a walk is in a document: a list on the stack, turned into a JSON pointer (RFC 6901) only when there is
/// something to report.
#[derive(Clone, Copy)]
pub(crate) enum Place<'a> {
    Root,
    Key(&'a Place<'a>, &'a str),
    Index(&'a Place<'a>, usize),
}

impl<'a> Place<'a> {
    pub(crate) fn key(&'a self, key: &'a str) -> Place<'a> {
        Place::Key(self, key)
    }

    pub(crate) fn index(&'a self, index: usize) -> Place<'a> {
        Place::Index(self, index)
    }

    pub(crate) fn pointer(&self) -> String {
        match self {
            Place::Root => String::new(),
            Place::Key(parent, key) => {
                let mut text = parent.pointer();
                text.push('/');
                text.push_str(&key.replace('~', "~0").replace('/', "~1"));
                text
            }
            Place::Index(parent, index) => {
                let mut text = parent.pointer();
                // Writing to a string cannot fail.
                let _ = write!(text, "/{index}");
                text
            }
        }
    }
}
