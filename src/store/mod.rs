//! One SQLite file: how it is opened, written and read, ignorant of what is in it.
//!
//! One writer connection with group commit; a few readers that cannot write. Nobody outside
//! `company/access/vault.rs` opens a file with it.

#![allow(clippy::disallowed_methods, reason = "the one place that opens files")]

pub mod copy;
mod fault;
pub mod health;
pub mod migrate;
mod readers;
mod schema;
mod types;
mod writer;

use crate::base::{
    error::{Error, Fault, Result},
    room,
};
pub use readers::Reader;
use readers::Readers;
use rusqlite::{Connection, OpenFlags, config::DbConfig, functions::FunctionFlags, limits::Limit};
use std::{
    fs,
    io::ErrorKind,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::{Mutex, OnceLock},
    time::Instant,
};
pub use writer::Writer;

/// The oldest SQLite we run on: earlier ones can corrupt a WAL that two connections reset at once.
pub const OLDEST_SQLITE: i32 = 3_051_003;

/// One open file. The readers close before the writer, which folds the write-ahead log into the file: what the last
/// writer leaves behind is one file that is the whole truth.
pub struct Store {
    path: PathBuf,
    readers: Readers,
    writer: Writer,
    /// What closed it: nothing is read or written any more.
    broken: OnceLock<Fault>,
    /// When the file was last looked through because an answer was odd.
    suspected: Mutex<Option<Instant>>,
}

impl Store {
    /// Makes a file that only its owner can read, and opens it.
    ///
    /// # Errors
    /// `Fault` with the path, also when there is such a file already.
    pub fn create(path: &Path, readers: u32) -> Result<Store> {
        let made = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        made.map_err(|cause| match cause.kind() {
            ErrorKind::AlreadyExists => Error::Conflict(format!("There is a file {} already.", path.display())),
            _ => Error::from(cause).at(path),
        })?;
        Store::open(path, readers)
    }

    /// Opens a file that is there for writing and reading. `readers` is how many may read at once.
    ///
    /// # Errors
    /// `Fault` with the path when the file is not there, cannot be opened or is no database.
    pub fn open(path: &Path, readers: u32) -> Result<Store> {
        private(path);
        let writer = Writer::new(fault::at(open_writer(path), path)?);
        let readers = Readers::new(path, readers);
        Ok(Store { path: path.to_owned(), readers, writer, broken: OnceLock::new(), suspected: Mutex::default() })
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Runs `work` as one change: all of it or nothing, on the disk when this returns (see [`Writer::write`]).
    pub fn write<T>(&self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        self.usable()?;
        // Measures the disk now and then: what it is low on is known before it is full.
        room::room();
        self.writer.write(work).map_err(|error| self.met(error))
    }

    /// A connection that can only read. Blocks while all are in use: call it on a thread that may wait.
    pub fn reader(&self) -> Result<Reader> {
        self.usable()?;
        self.readers.get().map_err(|error| self.met(error))
    }
}

/// Takes the rights of others from a file that an earlier version made with them. Its log inherits its rights.
fn private(path: &Path) {
    if fs::metadata(path).is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o077 != 0) {
        // A file of somebody else stays as it is: opening it says what is wrong.
        let _ = fs::set_permissions(path, fs::Permissions::from_mode(0o600));
    }
}

/// Looks into a file that is there, by a connection of its own and no longer than that takes: nothing is written.
pub fn glance<T>(path: &Path, look: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.execute_batch("PRAGMA query_only=ON")?;
    look(&connection)
}

/// Opens one connection that may write. It makes no file: one in the place of a file that vanished would be empty.
pub(in crate::store) fn open_writer(path: &Path) -> Result<Connection> {
    let connection =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    harden(&connection)?;
    // The order matters: the journal mode first, it decides what the other two mean.
    connection.execute_batch(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA secure_delete=ON;
         PRAGMA journal_size_limit=67108864;",
    )?;
    Ok(connection)
}

/// What holds for every connection, reading or writing.
fn harden(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    connection.busy_timeout(writer::BUSY_WAIT)?;
    connection.set_prepared_statement_cache_capacity(128);
    // Whether an id is among those of a set, one bit each: a list of thousands is not read in for every question.
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_INNOCUOUS;
    connection.create_scalar_function("among", 2, flags, |context| {
        let (Ok(id), Ok(bits)) = (context.get_raw(0).as_i64(), context.get_raw(1).as_blob()) else { return Ok(false) };
        let byte = usize::try_from(id / 8).ok().and_then(|at| bits.get(at));
        Ok(byte.is_some_and(|byte| id >= 0 && byte >> (id % 8) & 1 == 1))
    })?;
    connection.execute_batch(
        "PRAGMA cell_size_check=ON; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-2000; PRAGMA mmap_size=0;",
    )
}

/// Refuses to go on with a SQLite that is too old to be safe.
pub fn check_version() -> Result<()> {
    if rusqlite::version_number() < OLDEST_SQLITE {
        return Err(Error::internal(format!("SQLite {} is too old; 3.51.3 or newer is needed.", rusqlite::version())));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn attaching_another_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::create(&folder.path().join("a.db"), 2).unwrap();
        store.write(|c| Ok(c.pragma_update(None, "application_id", migrate::APPLICATION_ID)?)).unwrap();
        let other = folder.path().join("b.db");
        Store::create(&other, 1).unwrap();
        let sql = format!("ATTACH '{}' AS other", other.display());
        let error = store.write(|c| Ok(c.execute_batch(&sql)?)).unwrap_err();
        assert!(error.to_string().contains("too many attached"), "{error}");
        let error = store.write(|c| Ok(c.execute_batch("VACUUM INTO 'x.db'")?)).unwrap_err();
        assert!(matches!(error, Error::Internal(_)), "{error}");
    }

    #[test]
    fn readers_cannot_write() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::create(&folder.path().join("a.db"), 2).unwrap();
        store.write(|c| Ok(c.execute_batch("CREATE TABLE u(x INTEGER) STRICT")?)).unwrap();
        assert!(store.reader().unwrap().execute("INSERT INTO u VALUES (1)", []).is_err());
    }

    #[test]
    fn sqlite_is_new_enough() {
        check_version().unwrap();
    }

    fn beside(path: &Path) -> Vec<String> {
        let names = std::fs::read_dir(path.parent().unwrap()).unwrap();
        let mut names: Vec<String> = names.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Findings E1.
    #[test]
    fn a_closed_file_stands_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let store = Store::create(&path, 2).unwrap();
        store.write(|c| Ok(c.execute_batch("CREATE TABLE u(x INTEGER) STRICT; INSERT INTO u VALUES (7)")?)).unwrap();
        let count = |c: &Connection| c.query_row("SELECT count(*) FROM u", [], |row| row.get::<_, i64>(0)).unwrap();
        assert_eq!(count(&store.reader().unwrap()), 1);
        drop(store);
        assert_eq!(beside(&path), ["a.db"]);
        let copy = folder.path().join("b.db");
        std::fs::copy(&path, &copy).unwrap();
        assert_eq!(count(&Store::open(&copy, 1).unwrap().reader().unwrap()), 1);
    }

    /// Findings E1, G17: a reader from outside is not waited for, and the answer says that the log stays.
    #[test]
    fn folding_says_whether_it_was_done_and_does_not_wait_long() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let store = Store::create(&path, 2).unwrap();
        store.write(|c| Ok(c.execute_batch("CREATE TABLE u(x INTEGER) STRICT")?)).unwrap();
        assert!(store.checkpoint().unwrap());
        let outside = Connection::open(&path).unwrap();
        outside.execute_batch("BEGIN; SELECT count(*) FROM u").unwrap();
        let held: i64 = outside.query_row("SELECT count(*) FROM u", [], |row| row.get(0)).unwrap();
        store.write(|c| Ok(c.execute_batch("INSERT INTO u VALUES (1)")?)).unwrap();
        let begun = std::time::Instant::now();
        assert!(!store.checkpoint().unwrap(), "somebody reads an older state ({held} rows)");
        assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
        outside.execute_batch("COMMIT").unwrap();
        assert!(store.checkpoint().unwrap());
    }

    /// A file that cannot be opened for reading says so at once; it was "busy" after ten seconds.
    #[test]
    fn a_reader_that_cannot_open_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let store = Store::create(&path, 2).unwrap();
        store.write(|c| Ok(c.execute_batch("CREATE TABLE u(x INTEGER) STRICT")?)).unwrap();
        std::fs::remove_file(&path).unwrap();
        let begun = std::time::Instant::now();
        let error = store.reader().and_then(|r| Ok(r.execute_batch("SELECT 1")?)).err().map(|error| error.to_string());
        assert!(error.is_some_and(|error| error.contains(&*path.to_string_lossy())), "no path");
        assert!(begun.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn all_readers_in_use_are_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::create(&folder.path().join("a.db"), 2).unwrap();
        let (first, second) = (store.reader().unwrap(), store.reader().unwrap());
        std::thread::scope(|scope| {
            let third = scope.spawn(|| store.reader().map(drop));
            std::thread::sleep(Duration::from_millis(50));
            assert!(!third.is_finished());
            drop(first);
            third.join().unwrap().unwrap();
        });
        drop(second);
    }
}
