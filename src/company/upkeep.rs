//! The company's file as a whole: copied, checked, put back. Knows no feature.

use super::access::{Event, Granted, permissions::FileKeep};
use crate::base::error::{Error, Result};
use std::path::Path;

/// Copies the database while it is in use, to a file that is not there yet.
pub fn copy(granted: &Granted<'_, FileKeep>, to: &Path) -> Result<()> {
    let told = Event::new("BackupTaken").say("A backup of the company was taken");
    granted.write(|tx| tx.record(told, ()))?;
    granted.visitor().company().copy_to(to)
}

/// Checks the database, its foreign keys and the chain of the trail. Gives the number of events.
///
/// # Errors
/// `Conflict` with the first thing that is wrong.
pub fn verify(granted: &Granted<'_, FileKeep>) -> Result<i64> {
    granted
        .visitor()
        .company()
        .verify()?
        .map_err(|what| Error::Conflict(format!("The company does not verify: {what}.")))
}

/// Tells in the trail that the company was put back from a copy.
pub fn restored(granted: &Granted<'_, FileKeep>, taken: &str) -> Result<()> {
    let told = Event::new("Restored").say("The company was restored from the backup of ").say(taken);
    granted.write(|tx| {
        tx.access_changed()?;
        tx.run("DELETE FROM sessions", [])?;
        tx.record(told, ())
    })
}
