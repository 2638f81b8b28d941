//! The database: its file, its settings and its tables.

use std::fs::File;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension as _};

use super::OpenError;

/// `SBJ1` in the file's header says whose database this is.
const APPLICATION_ID: i64 = 0x5342_4a31;

/// The newest format that this version knows. A later one adds its steps to [`migrate`].
const VERSION: i64 = RESTORED;

/// The format of all but those that were restored.
const FIRST: i64 = 1;

/// The format of a journal that goes on from another one. Its tables are the same, but a program that knows the first format
/// alone would not understand its changes of rights, and where it has no entries yet, would begin an empty one: for a device
/// that has its owners' keys, and that anybody could take then.
pub(super) const RESTORED: i64 = 2;

/// What is wrong with a restored journal that has nothing to go on from.
pub(super) const NO_BEGINNING: &str =
    "the device was restored from a backup, and what its journal goes on from is gone";

/// - `entries`: the chain. `body` is the very text that was hashed.
/// - `unfinished`: intents without an outcome, so that a start finds them without a search.
/// - `answers`: what a repeated request is answered, until it expires. `ended` is the entry of its outcome.
/// - `rights`: the signed changes by their own number, to be replayed at every start.
/// - `denials`: a ring of its own.
/// - `facts`: the device, its signed standing, the floor of its clock, how often it was restored.
const TABLES: &str = "
    CREATE TABLE facts (name TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE entries (
        seq INTEGER PRIMARY KEY, prev BLOB NOT NULL, head BLOB NOT NULL, body TEXT NOT NULL, input TEXT
    ) STRICT;
    CREATE TABLE unfinished (intent INTEGER PRIMARY KEY) STRICT;
    CREATE TABLE answers (
        contact BLOB NOT NULL, call BLOB NOT NULL, content BLOB NOT NULL, intent INTEGER NOT NULL,
        ended INTEGER, head BLOB, answer BLOB,
        PRIMARY KEY (contact, call)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX answers_by_intent ON answers (intent);
    CREATE TABLE rights (number INTEGER PRIMARY KEY, entry INTEGER NOT NULL, change TEXT NOT NULL) STRICT;
    CREATE TABLE denials (
        slot INTEGER PRIMARY KEY, number INTEGER NOT NULL, at INTEGER, times INTEGER NOT NULL, denial TEXT NOT NULL
    ) STRICT;
";

/// How long a connection waits for another one of this process: the writer's transactions take milliseconds.
const BUSY: Duration = Duration::from_secs(5);

/// The lock that keeps a second process out, held as long as this lives.
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock beside the database. (SQLite's own locks let two agents write in turn.)
    pub(super) fn take(database: &Path) -> Result<Self, OpenError> {
        let path = beside(database, ".lock");
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)
            .map_err(|source| OpenError::Io { path: path.clone(), source })?;
        match rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { _file: file }),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(OpenError::InUse(database.to_owned())),
            Err(errno) => Err(OpenError::Io { path, source: errno.into() }),
        }
    }
}

pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Opens the database for its one writer, and makes it where there is none.
pub(super) fn open_for_writing(path: &Path) -> Result<Connection, OpenError> {
    let io = |source| OpenError::Io { path: path.to_owned(), source };
    // Made here and not by SQLite, so that nobody else can read it from its first moment on.
    let fresh = match File::options().create_new(true).write(true).mode(0o600).open(path) {
        Ok(_) => true,
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            // An empty one is a creation that was cut short.
            std::fs::metadata(path).map_err(io)?.len() == 0
        }
        Err(error) => return Err(io(error)),
    };
    if !fresh {
        recognise(path)?;
    }
    let sql = |error: rusqlite::Error| failed(path, &error);
    let mut connection = Connection::open_with_flags(path, flags()).map_err(sql)?;
    settle(&connection).map_err(sql)?;
    migrate(&mut connection).map_err(sql)?;
    if fresh {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(io)?;
    }
    Ok(connection)
}

/// Why SQLite does not go on: the disk's fault must not look like the journal's, since people answer to the two in very
/// different ways.
pub(super) fn failed(path: &Path, error: &rusqlite::Error) -> OpenError {
    let (path, why) = (path.to_owned(), error.to_string());
    match error.sqlite_error_code() {
        Some(
            ErrorCode::DiskFull
            | ErrorCode::SystemIoFailure
            | ErrorCode::CannotOpen
            | ErrorCode::ReadOnly
            | ErrorCode::PermissionDenied
            | ErrorCode::OutOfMemory,
        ) => {
            // Without room for its index SQLite speaks of an I/O error and no more.
            let folder =
                path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            let full = rustix::fs::statvfs(folder).is_ok_and(|disk| disk.f_bavail == 0);
            OpenError::Disk { why: if full { format!("the disk is full ({why})") } else { why }, path }
        }
        _ => OpenError::Damaged { path, why },
    }
}

/// Opens the database for looking at it, beside its writer.
///
/// Root does so in the folder of the service's user, who may have put anything there: another program's database by a link, a
/// pipe, a file that was made to be read. So it is a regular file, and nothing that its schema names is run.
pub(super) fn open_for_reading(path: &Path) -> rusqlite::Result<Connection> {
    let invalid = |_| rusqlite::Error::InvalidPath(path.to_owned());
    if !std::fs::symlink_metadata(path).map_err(invalid)?.is_file() {
        return Err(rusqlite::Error::InvalidPath(path.to_owned()));
    }
    // SQLite refuses a link anywhere on the way, and the folder itself may be behind one that its owner made.
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let real = folder.canonicalize().map_err(invalid)?.join(path.file_name().unwrap_or_default());
    // Read-only would not do after a crash: the first to open it has to bring the write-ahead log home.
    let connection = Connection::open_with_flags(real, flags() | OpenFlags::SQLITE_OPEN_NOFOLLOW)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "query_only", true)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    Ok(connection)
}

/// Whether there is something under that name, be it a link that leads nowhere.
pub(super) fn is_there(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok()
}

/// A fact of a journal.
pub(super) fn fact<T: rusqlite::types::FromSql>(
    connection: &Connection,
    name: &str,
) -> rusqlite::Result<Option<T>> {
    connection.query_row("SELECT value FROM facts WHERE name = ?1", [name], |row| row.get(0)).optional()
}

/// The format.
pub(super) fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Whether anything was ever written to it.
pub(super) fn has_tables(connection: &Connection) -> rusqlite::Result<bool> {
    let query = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'facts')";
    connection.query_row(query, [], |row| row.get(0))
}

/// Says that the journal goes on from another one.
pub(super) fn mark_restored(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "user_version", RESTORED)
}

/// The file of a restored journal before its first start: an empty database of that format, for programs that do not look
/// for a beginning beside it.
///
/// One page, as <https://www.sqlite.org/fileformat.html> has it (sections 1.3 and 1.6): made by hand, since SQLite itself would write
/// to a folder that may be another user's.
pub fn unborn() -> Vec<u8> {
    const PAGE: u16 = 4096;
    let mut page = vec![0; usize::from(PAGE)];
    let mut put = |at: usize, bytes: &[u8]| {
        for (place, byte) in page.iter_mut().skip(at).zip(bytes) {
            *place = *byte;
        }
    };
    put(0, b"SQLite format 3\0");
    put(16, &PAGE.to_be_bytes());
    // Format versions 1 (no write-ahead log yet), no reserved bytes, and the three fractions that never change.
    put(18, &[1, 1, 0, 64, 32, 32]);
    // The change counter, and the size in pages, which counts where the two are equal.
    put(24, &1u32.to_be_bytes());
    put(28, &1u32.to_be_bytes());
    put(92, &1u32.to_be_bytes());
    // The format of schemas, and UTF-8.
    put(44, &4u32.to_be_bytes());
    put(56, &1u32.to_be_bytes());
    put(60, &(RESTORED as u32).to_be_bytes());
    put(68, &(APPLICATION_ID as u32).to_be_bytes());
    // The root of an empty schema: a leaf of a table, whose cells would begin behind the page's end.
    put(100, &[13]);
    put(105, &PAGE.to_be_bytes());
    page
}

/// Sets how many bytes the database may take at most: a runaway journal must not fill the device's disk.
pub(super) fn limit(connection: &Connection, bytes: u64) -> rusqlite::Result<()> {
    let page: i64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
    let pages = i64::try_from(bytes).unwrap_or(i64::MAX) / page.max(1);
    connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))
}

fn flags() -> OpenFlags {
    // Each connection stays on one thread at a time, which Rust checks.
    OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX
}

/// Says what a file is before SQLite touches it: its header names the format and our application.
fn recognise(path: &Path) -> Result<(), OpenError> {
    use std::io::Read as _;
    let io = |source| OpenError::Io { path: path.to_owned(), source };
    let mut header = [0; 100];
    let mut file = File::open(path).map_err(io)?;
    let length = file.metadata().map_err(io)?.len();
    if length < header.len() as u64 {
        return Err(OpenError::Foreign(path.to_owned()));
    }
    file.read_exact(&mut header).map_err(io)?;
    // https://www.sqlite.org/fileformat.html, section 1.3: user version at 60, application id at 68, big-endian.
    let number = |at: usize| {
        header.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map_or(0, i32::from_be_bytes).into()
    };
    let (version, application): (i64, i64) = (number(60), number(68));
    if !header.starts_with(b"SQLite format 3\0") {
        return Err(OpenError::Foreign(path.to_owned()));
    }
    // A crash during creation can leave the header of an empty database, with all of it in the write-ahead log.
    let unborn = version == 0 && application == 0 && beside(path, "-wal").exists();
    if application != APPLICATION_ID && !unborn {
        return Err(OpenError::Foreign(path.to_owned()));
    }
    if version > VERSION {
        return Err(OpenError::Newer { path: path.to_owned(), found: version, known: VERSION });
    }
    Ok(())
}

fn settle(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // With the write-ahead log, FULL makes every commit durable before it is acknowledged.
    connection.pragma_update(None, "synchronous", "FULL")?;
    // A dropped input must not stay readable in a free page.
    connection.pragma_update(None, "secure_delete", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    // In KiB: the tail of the chain and a page of each other table; the device has little memory.
    connection.pragma_update(None, "cache_size", -512)?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(())
}

fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    if !has_tables(&transaction)? {
        transaction.execute_batch(TABLES)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        let version = version(&transaction)?.max(FIRST);
        transaction.pragma_update(None, "user_version", version)?;
    }
    transaction.commit()
}
