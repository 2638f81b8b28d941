//! Which commands have touched something: marks that outlive the process, but not the machine.
//!
//! An intent is durable before its command goes to the Thing, which may be a while before anything moves. If the agent is
//! killed in between, "outcome unknown" would be less than what can be known. So whatever drives hardware marks the
//! command just before it moves something ([`Mark::touch`]), and a start finds three kinds of unfinished intents: those
//! that are marked (outcome unknown), those that are not (nothing moved), and, when the machine itself went down since,
//! those of which the marks say nothing (outcome unknown).
//!
//! The marks are numbers in a small file of fixed size that is written without `fsync`: the kernel has them when the
//! process dies, and nothing is written to a card for them before the outcome is. That is why they count only within
//! one boot of the machine, whose id stands before them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The kernel's id of this boot: 36 characters, and another one after each start of the machine.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// Room for the id of the boot.
const HEADER: usize = 64;

/// Commands that may be marked and unfinished at once. It is more than the calls and the running actions that the
/// pipeline takes up together, and makes the file 64 KiB.
const PLACES: usize = (64 * 1024 - HEADER) / PLACE;

/// Bytes of one mark: the number of its intent, little-endian.
const PLACE: usize = 8;

/// The marks of one journal.
#[derive(Debug)]
pub(super) struct Marks {
    file: File,
    places: Mutex<Places>,
}

#[derive(Debug, Default)]
struct Places {
    /// Each marked intent that has not ended.
    taken: BTreeMap<u64, Taken>,
    free: Vec<usize>,
}

#[derive(Debug, Clone, Copy)]
struct Taken {
    place: usize,
    moved: bool,
}

/// What the marks of an earlier process say.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// These were marked, and all others were not.
    These(BTreeSet<u64>),
    /// Nothing: the machine was started since, or has no id of its start.
    Nothing,
}

impl Found {
    /// Whether this intent surely moved nothing.
    pub(super) fn untouched(&self, intent: u64) -> bool {
        matches!(self, Found::These(marked) if !marked.contains(&intent))
    }
}

impl Marks {
    /// Opens the file, or makes it, and reads what it says.
    pub(super) fn open(path: &Path) -> io::Result<(Self, Found)> {
        let file =
            File::options().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
        let size = HEADER + PLACES * PLACE;
        let mut bytes = Vec::with_capacity(size);
        io::Read::read_to_end(&mut io::Read::take(&file, size as u64), &mut bytes)?;
        let found = if bytes.len() == size && boot().is_some_and(|boot| bytes.starts_with(&boot)) {
            let (marks, _) = bytes.as_chunks::<PLACE>();
            let marks = marks.iter().skip(HEADER / PLACE).map(|mark| u64::from_le_bytes(*mark));
            Found::These(marks.filter(|intent| *intent != 0).collect())
        } else {
            // Written and not only reserved, so that a full disk cannot stand in the way of a mark.
            file.set_len(size as u64)?;
            file.write_all_at(&vec![0; size], 0)?;
            Found::Nothing
        };
        let places = Places { taken: BTreeMap::new(), free: (0..PLACES).rev().collect() };
        Ok((Self { file, places: Mutex::new(places) }, found))
    }

    /// From here on the marks are this process's. To be called when the ends of earlier intents are durable.
    pub(super) fn begin(&self) -> io::Result<()> {
        let mut fresh = vec![0; HEADER + PLACES * PLACE];
        if let (Some(boot), Some(header)) = (boot(), fresh.get_mut(..HEADER)) {
            header.copy_from_slice(&boot);
        }
        self.file.write_all_at(&fresh, 0)
    }

    fn set(&self, intent: u64, moved: bool) -> Result<(), NotMarked> {
        let mut places = self.lock();
        if let Some(taken) = places.taken.get_mut(&intent) {
            taken.moved |= moved;
            return Ok(());
        }
        let place = places.free.pop().ok_or(NotMarked::Full)?;
        let at = (HEADER + place * PLACE) as u64;
        if let Err(error) = self.file.write_all_at(&intent.to_le_bytes(), at) {
            places.free.push(place);
            return Err(NotMarked::Storage(error));
        }
        places.taken.insert(intent, Taken { place, moved });
        Ok(())
    }

    /// The end of an intent is durable: its place may be another's. What stands there until then is of no intent that a
    /// start would look for.
    pub(super) fn ended(&self, intent: u64) {
        let mut places = self.lock();
        if let Some(taken) = places.taken.remove(&intent) {
            places.free.push(taken.place);
        }
    }

    /// Whether something has moved for this intent, which has not ended.
    pub(super) fn moved(&self, intent: u64) -> bool {
        self.lock().taken.get(&intent).is_some_and(|taken| taken.moved)
    }

    fn lock(&self) -> MutexGuard<'_, Places> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The header of this boot's marks.
fn boot() -> Option<[u8; HEADER]> {
    let id = std::fs::read(BOOT_ID).ok().filter(|id| !id.is_empty() && id.len() <= HEADER)?;
    let mut header = [0; HEADER];
    header.get_mut(..id.len())?.copy_from_slice(&id);
    Some(header)
}

/// One command's mark. Clones are the same mark.
#[derive(Debug, Clone, Default)]
pub struct Mark(Arc<Touched>);

#[derive(Debug, Default)]
struct Touched {
    begun: AtomicBool,
    moved: AtomicBool,
    /// The number of the intent, and where its mark goes. Without it the mark is for this process alone: that of a read.
    intent: Option<(u64, Arc<Marks>)>,
}

/// A mark could not be made, so nothing may move.
#[derive(Debug, thiserror::Error)]
pub enum NotMarked {
    /// Too many are marked and unfinished.
    #[error("too many commands are unfinished")]
    Full,
    /// The file cannot be written.
    #[error("the marks cannot be written: {0}")]
    Storage(#[source] io::Error),
}

impl Mark {
    pub(super) fn of(intent: u64, marks: Arc<Marks>) -> Self {
        Self(Arc::new(Touched { intent: Some((intent, marks)), ..Touched::default() }))
    }

    /// Says that from here on the command may take effect, where nobody will say when it does. Where it fails, it may not.
    pub fn begin(&self) -> Result<(), NotMarked> {
        self.set(&self.0.begun, false)
    }

    /// Says that something is about to move in the name of this command. Where it fails, nothing may.
    pub fn touch(&self) -> Result<(), NotMarked> {
        self.set(&self.0.moved, true)
    }

    /// Whether something has moved, or was about to.
    pub fn has_moved(&self) -> bool {
        self.0.moved.load(Ordering::Acquire)
    }

    fn set(&self, flag: &AtomicBool, moved: bool) -> Result<(), NotMarked> {
        if flag.load(Ordering::Acquire) {
            return Ok(());
        }
        if let Some((intent, marks)) = &self.0.intent {
            marks.set(*intent, moved)?;
        }
        flag.store(true, Ordering::Release);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(marks: &Arc<Marks>, intent: u64) -> Mark {
        let mark = Mark::of(intent, Arc::clone(marks));
        mark.touch().unwrap();
        mark
    }

    #[test]
    fn marks_outlive_their_process_and_tell_the_touched_from_the_others() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("marks");
        let (marks, found) = Marks::open(&path).unwrap();
        assert_eq!(found, Found::Nothing, "a new file says nothing, and nothing is not \"untouched\"");
        assert!(!found.untouched(7));
        marks.begin().unwrap();
        let marks = Arc::new(marks);
        assert!(mark(&marks, 7).has_moved());
        assert!(!Mark::of(8, Arc::clone(&marks)).has_moved());

        let (marks, found) = Marks::open(&path).unwrap();
        assert!(!found.untouched(7) && found.untouched(8), "{found:?}");
        marks.begin().unwrap();
        let (_, found) = Marks::open(&path).unwrap();
        assert!(found.untouched(7), "a later start has its own");
    }

    #[test]
    fn what_may_have_taken_effect_is_marked_and_has_not_moved() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("marks");
        let (marks, _) = Marks::open(&path).unwrap();
        marks.begin().unwrap();
        let marks = Arc::new(marks);
        let mark = Mark::of(7, Arc::clone(&marks));
        mark.begin().unwrap();
        assert!(!mark.has_moved() && !marks.moved(7));
        assert!(!Marks::open(&path).unwrap().1.untouched(7));
        mark.touch().unwrap();
        assert!(mark.has_moved() && marks.moved(7));
        marks.ended(7);
        assert!(!marks.moved(7));
    }

    #[test]
    fn marks_of_another_boot_or_of_a_torn_file_say_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("marks");
        let (marks, _) = Marks::open(&path).unwrap();
        marks.begin().unwrap();
        let whole = std::fs::read(&path).unwrap();

        let mut other = whole.clone();
        other[0] ^= 1;
        std::fs::write(&path, &other).unwrap();
        assert_eq!(Marks::open(&path).unwrap().1, Found::Nothing);

        std::fs::write(&path, &whole[..whole.len() - 1]).unwrap();
        assert_eq!(Marks::open(&path).unwrap().1, Found::Nothing);

        std::fs::write(&path, &whole).unwrap();
        assert_eq!(Marks::open(&path).unwrap().1, Found::These(BTreeSet::new()));
    }

    #[test]
    fn places_are_taken_once_and_given_back() {
        let folder = tempfile::tempdir().unwrap();
        let (marks, _) = Marks::open(&folder.path().join("marks")).unwrap();
        let marks = Arc::new(marks);
        for intent in 1..=PLACES as u64 {
            let touched = mark(&marks, intent);
            touched.touch().unwrap();
        }
        let one_more = Mark::of(1_000_000, Arc::clone(&marks));
        assert!(matches!(one_more.touch(), Err(NotMarked::Full)));
        assert!(!one_more.has_moved(), "what is not marked has not moved");
        marks.ended(5);
        one_more.touch().unwrap();
    }
}
