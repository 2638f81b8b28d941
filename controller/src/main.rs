//! The program of a person.
fn main() {}
