//! Online copies and checks of a file.

#![allow(clippy::disallowed_methods, reason = "the one place that opens files")]

use super::{Store, fault, open_writer};
use crate::base::error::{Error, Result};
use rusqlite::{Connection, OpenFlags, backup::Backup};
use std::{path::Path, time::Duration};

/// Copies the file while it is in use; the copy is one consistent moment, that of the call, without a WAL beside it. It is
/// not brought to the disk: whoever keeps it does that, and commits meanwhile do not wait for it. It takes as long as the file is large, however much is written meanwhile.
///
/// # Errors
/// `Conflict` when the copy is damaged, which the file is then, too.
pub fn copy(store: &Store, to: &Path) -> Result<()> {
    let source = Connection::open_with_flags(store.path(), OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    source.busy_timeout(Duration::from_secs(5))?;
    // INVARIANT: the view is open for all of the copy. Without it SQLite looks at the newest state with every step, and
    // begins anew whenever another connection has written.
    source.execute_batch("BEGIN")?;
    source.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    let mut target = Connection::open(to)?;
    // Nobody else sees the copy before it is whole, so it needs no journal.
    target.execute_batch("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA locking_mode=EXCLUSIVE")?;
    Backup::new(&source, &mut target)?.run_to_completion(4096, Duration::ZERO, None)?;
    // The header says WAL, as in the file that was copied.
    target.execute_batch("PRAGMA journal_mode=DELETE")?;
    let found: String = target.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    drop(target);
    if found != "ok" {
        return Err(Error::Conflict(format!("The database is damaged: {found}.")));
    }
    Ok(())
}

/// SQLite's own integrity check and the foreign keys.
///
/// # Errors
/// `Conflict` with what was found.
pub fn check(path: &Path) -> Result<()> {
    let connection = fault::at(open_writer(path), path)?;
    let found = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get::<_, String>(0));
    let found = fault::at(found.map_err(Error::from), path)?;
    if found != "ok" {
        return Err(Error::Conflict(format!("The database is damaged: {found}.")));
    }
    let loose: Option<String> =
        connection.prepare("PRAGMA foreign_key_check")?.query_map([], |row| row.get(0))?.next().transpose()?;
    match loose {
        Some(table) => Err(Error::Conflict(format!("A row of table {table} refers to something that is not there."))),
        None => Ok(()),
    }
}

impl Store {
    /// Folds the write-ahead log into the file, so that the file alone is the whole truth. Whether it was done: a reader
    /// from outside that holds an older state prevents it.
    pub fn checkpoint(&self) -> Result<bool> {
        super::fault::at(self.writer.fold(), &self.path)
    }
}
