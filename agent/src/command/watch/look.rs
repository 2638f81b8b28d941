//! A look at what is observed, after news of it were lost on the way.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::time::timeout;

use crate::things::{Notice, Thing};

/// How long each property may take to be read: as long as a command waits for a Thing.
const DEADLINE: Duration = Duration::from_secs(10);

type Values = Vec<(Arc<str>, Value)>;

/// A look that is under way, or none.
#[derive(Default)]
pub(super) struct Look {
    reading: Option<Pin<Box<dyn Future<Output = Values> + Send>>>,
    /// Properties of which there has been news since. What was read of them may be older.
    heard: Vec<Arc<str>>,
}

impl Look {
    /// Looks at these properties, one after the other.
    pub(super) fn at(thing: Arc<dyn Thing>, names: Vec<Arc<str>>) -> Self {
        let reading = async move {
            let mut values = Vec::new();
            for name in names {
                // One that cannot be read is left as it was: that something was missed is told in any case.
                if let Ok(Ok(value)) = timeout(DEADLINE, thing.read_property(&name)).await {
                    values.push((name, value));
                }
            }
            values
        };
        Self { reading: Some(Box::pin(reading)), heard: Vec::new() }
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
        values
    }
}
