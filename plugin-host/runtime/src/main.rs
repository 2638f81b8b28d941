//! plugin-host/runtime
fn main() {}
