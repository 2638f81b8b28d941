//! Who may do what, as owners sign it.
