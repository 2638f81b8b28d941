//! The book in `docs/`, read and walked through as its reader would.
//!
//! Every block of commands in a chapter says where it is typed: at a [`Place`]. [`Walk`] types all commands of some places, in
//! order, and holds what is printed against what the chapter shows. The rules for whoever writes a chapter:
//!
//! - Commands are in blocks of the language `console`, each after `$ `; what they print stands below them, or nothing does.
//!   `…` in it stands for anything, alone on a line for any number of lines.
//! - `<some words>` stands for one word that differs from reader to reader. Where a command says it, it is what an earlier
//!   command printed there.
//! - A command succeeds, unless the next one is `echo $?`, whose number must then be shown.
//! - A block without a place is typed on the machine of `ann`. `console,on-bea` is on bea's, `console,on-bea-2` in a second
//!   terminal there: there the last command may run on, until a later block shows more of what it prints, or `^C`.
//! - `toml,file=config.toml` is a file that the reader makes, below the home folder of the place.

mod chapter;
mod shown;
mod terminal;
mod walk;
mod world;

pub use chapter::{Block, Chapter, Kind, Link, Place};
pub use walk::{Site, Walk};
pub use world::World;
