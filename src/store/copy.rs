//! Online copies and checks of a file.

#![allow(clippy::disallowed_methods, reason = "the one place that opens files")]

use super::{Store, fault, open_writer};
use crate::base::error::{Error, Result};
use rusqlite::{Connection, OpenFlags, backup::Backup};
use std::{path::Path, time::Duration};

/// Copies the file while it is in use; the copy is one consistent moment, without a WAL beside it, and on the disk
/// when this returns.
pub fn copy(store: &Store, to: &Path) -> Result<()> {
    let source = Connection::open_with_flags(store.path(), OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    copy_connection(&source, to)
}

fn copy_connection(source: &Connection, to: &Path) -> Result<()> {
    let mut target = Connection::open(to)?;
    Backup::new(source, &mut target)?.run_to_completion(1000, Duration::ZERO, None)?;
    target.execute_batch("PRAGMA journal_mode=DELETE")?;
    drop(target);
    std::fs::File::open(to)?.sync_all()?;
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
