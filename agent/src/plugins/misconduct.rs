/// What a host that does its work never sends: it is in a plugin's hands, and is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Misconduct {
    /// An instance waits for each answer, so what is open of one is bounded by one.
    #[error("a plugin asked again before it was answered")]
    AskedTwice,
    /// A host refuses these itself.
    #[error("a plugin asked with a name or value that is too long")]
    TooLong,
}
