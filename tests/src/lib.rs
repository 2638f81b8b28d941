//! What the whole-system tests share: where the programs are, and processes that end with the test.
