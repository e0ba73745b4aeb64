//! One SQLite file: how it is opened, written and read, ignorant of what is in it.
//!
//! One writer connection with group commit; a few readers that cannot write. Nobody outside
//! `company/access/vault.rs` opens a file with it.

#![allow(clippy::disallowed_methods, reason = "the one place that opens files")]

pub mod copy;
pub mod migrate;
mod types;
mod writer;

use crate::base::error::{Error, Result};
use r2d2::Pool;
use r2d2_sqlite::SqliteConnectionManager;
use rusqlite::{Connection, OpenFlags, config::DbConfig, functions::FunctionFlags, limits::Limit};
use scheduled_thread_pool::ScheduledThreadPool;
use std::{
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
    time::Duration,
};
pub use writer::Writer;

/// The oldest SQLite we run on: earlier ones can corrupt a WAL that two connections reset at once.
pub const OLDEST_SQLITE: i32 = 3_051_003;

/// A connection from the readers' pool.
pub type Reader = r2d2::PooledConnection<SqliteConnectionManager>;

/// One open file.
pub struct Store {
    path: PathBuf,
    writer: Writer,
    readers: Pool<SqliteConnectionManager>,
}

/// All pools share one scheduling thread; r2d2 would start three for each.
fn scheduler() -> Arc<ScheduledThreadPool> {
    static SHARED: OnceLock<Arc<ScheduledThreadPool>> = OnceLock::new();
    SHARED
        .get_or_init(|| Arc::new(ScheduledThreadPool::builder().num_threads(1).thread_name_pattern("pool").build()))
        .clone()
}

impl Store {
    /// Opens the file for writing and reading. `readers` is how many may read at once.
    ///
    /// # Errors
    /// When the file cannot be opened or is no database.
    pub fn open(path: &Path, readers: u32) -> Result<Store> {
        let writer = Writer::new(open_writer(path)?);
        let manager = SqliteConnectionManager::file(path)
            .with_flags(OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)
            .with_init(|connection| {
                harden(connection)?;
                connection.execute_batch("PRAGMA query_only=ON")
            });
        let readers = Pool::builder()
            .max_size(readers)
            .min_idle(Some(0))
            .idle_timeout(Some(Duration::from_secs(60)))
            .max_lifetime(None)
            .test_on_check_out(false)
            .connection_timeout(Duration::from_secs(10))
            .thread_pool(scheduler())
            .build_unchecked(manager);
        Ok(Store { path: path.to_owned(), writer, readers })
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Runs `work` as one change: all of it or nothing, on the disk when this returns (see [`Writer::write`]).
    pub fn write<T>(&self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        self.writer.write(work)
    }

    /// A connection that can only read. Blocks while all are in use: call it on a thread that may wait.
    pub fn reader(&self) -> Result<Reader> {
        self.readers.get().map_err(|_| Error::Unavailable("This company is busy. Try again in a moment.".into()))
    }
}

/// Opens one connection that may write, creating the file when it is not there.
pub(in crate::store) fn open_writer(path: &Path) -> Result<Connection> {
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
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
    connection.busy_timeout(Duration::from_secs(5))?;
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

impl From<rusqlite::Error> for Error {
    fn from(cause: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        match cause.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                Error::Unavailable("This company is busy. Try again in a moment.".into())
            }
            Some(ErrorCode::DiskFull) => Error::Unavailable("The disk is full. Ask the operator to make room.".into()),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Error::Unavailable("This company's file is damaged. The operator has been told.".into())
            }
            _ => Error::Internal(cause.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attaching_another_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("a.db"), 2).unwrap();
        let other = folder.path().join("b.db");
        Store::open(&other, 1).unwrap();
        let sql = format!("ATTACH '{}' AS other", other.display());
        let error = store.write(|c| Ok(c.execute_batch(&sql)?)).unwrap_err();
        assert!(error.to_string().contains("too many attached"), "{error}");
        let error = store.write(|c| Ok(c.execute_batch("VACUUM INTO 'x.db'")?)).unwrap_err();
        assert!(matches!(error, Error::Internal(_)), "{error}");
    }

    #[test]
    fn readers_cannot_write() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("a.db"), 2).unwrap();
        store.write(|c| Ok(c.execute_batch("CREATE TABLE u(x INTEGER) STRICT")?)).unwrap();
        assert!(store.reader().unwrap().execute("INSERT INTO u VALUES (1)", []).is_err());
    }

    #[test]
    fn sqlite_is_new_enough() {
        check_version().unwrap();
    }
}
