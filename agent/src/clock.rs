//! The one reader of the wall clock, and what vouches for it.
