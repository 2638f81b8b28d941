//! Two ends in virtual time.
