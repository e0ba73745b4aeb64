//! Numbered SQL, forward only, each step in one transaction; `user_version` is the number.

use super::schema;
use crate::base::error::{Error, Fault, FaultKind, Result};
use rusqlite::Connection;

/// "BULK" as a number: the application id of every company's file.
pub const APPLICATION_ID: i32 = 0x4255_4C4B;

const STEPS: &[&str] = &[
    include_str!("migrations/0001_start.sql"),
    include_str!("migrations/0002_proof.sql"),
    include_str!("migrations/0003_customers.sql"),
    include_str!("migrations/0004_kept.sql"),
];

/// The number that this program's files carry.
pub fn newest() -> i64 {
    STEPS.len() as i64
}

/// The number that this file carries.
pub fn number(connection: &Connection) -> Result<i64> {
    Ok(connection.pragma_query_value(None, "user_version", |row| row.get(0))?)
}

/// Brings a file up to [`newest`], after comparing its schema with the one that this program makes: a trigger that
/// somebody added must not run with what follows. Runs inside the caller's transaction.
///
/// # Errors
/// `Fault` for a file that a newer Bulkhead wrote, and for one whose schema is not the program's own.
pub fn migrate(connection: &Connection) -> Result<()> {
    let present = number(connection)?;
    if present > newest() {
        let cause =
            format!("this file was written by a newer Bulkhead (schema {present}, this program knows {})", newest());
        return Err(Error::Fault(Box::new(Fault::new(FaultKind::Foreign, cause).remedy("Install the newer program."))));
    }
    if let Some(difference) = difference(connection)? {
        let remedy = "Undo that with the sqlite3 shell if you know who did it, or restore the company from a backup: bulkhead restore FILE.";
        let cause = format!("its structure was changed by hand: {difference}");
        return Err(Error::Fault(Box::new(Fault::new(FaultKind::Damaged, cause).remedy(remedy))));
    }
    for (done, step) in STEPS.iter().enumerate().skip(present.max(0) as usize) {
        connection.execute_batch(step)?;
        connection.pragma_update(None, "user_version", done as i64 + 1)?;
    }
    Ok(())
}

/// What differs between the schema of a file and the one that this program makes, in words.
pub fn difference(connection: &Connection) -> Result<Option<String>> {
    schema::difference(connection, STEPS, number(connection)?.max(0) as usize)
}
