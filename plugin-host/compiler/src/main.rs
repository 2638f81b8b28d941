//! plugin-host/compiler
fn main() {}
