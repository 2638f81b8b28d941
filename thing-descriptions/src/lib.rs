//! W3C Thing Descriptions 1.1 and Thing Models.

/// A Thing Model (TD 1.1, section 10).
#[derive(Debug, Clone)]
pub struct ThingModel {}
