//! A look at what is observed, after news of it were lost on the way.

use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::timeout;

use crate::json_text::JsonText;
use crate::things::{Notice, Thing};

/// How long each property may take to be read: as long as a command waits for a Thing.
const DEADLINE: Duration = Duration::from_secs(10);

type Values = Vec<(Arc<str>, JsonText)>;

/// A look that is under way, or none.
pub(super) struct Look {
    thing: Weak<dyn Thing>,
    reading: Option<Pin<Box<dyn Future<Output = Values> + Send>>>,
    /// Properties of which there has been news since. What was read of them may be older.
    heard: Vec<Arc<str>>,
    /// What to look at once more, because news were lost since.
    again: Vec<Arc<str>>,
}

impl Look {
    /// None yet.
    pub(super) fn none(thing: Weak<dyn Thing>) -> Self {
        Self { thing, reading: None, heard: Vec::new(), again: Vec::new() }
    }

    /// Looks at these properties, one after the other. Comes after the look that is under way: a Thing that always tells too
    /// much would never be seen if each loss began anew, and would be left with a call each time.
    pub(super) fn at(&mut self, names: Vec<Arc<str>>) {
        if self.reading.is_some() {
            self.again = names;
        } else {
            self.begin(names);
        }
    }

    fn begin(&mut self, names: Vec<Arc<str>>) {
        let Some(thing) = self.thing.upgrade().filter(|_| !names.is_empty()) else { return };
        let reading = async move {
            let mut values = Vec::new();
            for name in names {
                // One that cannot be read is left as it was: that something was missed is told in any case.
                if let Ok(Ok(value)) = timeout(DEADLINE, thing.read_property(&name)).await {
                    values.push((name, value.into()));
                }
            }
            values
        };
        self.reading = Some(Box::pin(reading));
    }

    /// News have come while the look is under way.
    pub(super) fn heard(&mut self, notice: &Notice) {
        if let (Some(_), Notice::PropertyChanged { name, .. }) = (&self.reading, notice)
            && !self.heard.contains(name)
        {
            self.heard.push(Arc::clone(name));
        }
    }

    /// What was seen, once: without a look it is never ready. Dropping the future loses nothing.
    pub(super) async fn done(&mut self) -> Values {
        let Some(reading) = &mut self.reading else { return std::future::pending().await };
        let mut values = reading.await;
        self.reading = None;
        let heard = std::mem::take(&mut self.heard);
        values.retain(|(name, _)| !heard.contains(name));
        let again = std::mem::take(&mut self.again);
        self.begin(again);
        values
    }
}
