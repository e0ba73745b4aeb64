//! The company's file as a whole: copied, checked, put back. Knows no feature.

use super::access::{Event, Granted, Verified, permissions::FileKeep};
use crate::base::error::{Error, Result};
use std::path::Path;

/// Copies the database while it is in use, to a file that is not there yet, and the checkpoints of that moment to another.
pub fn copy(granted: &Granted<'_, FileKeep>, to: &Path, checkpoints: &Path) -> Result<()> {
    let told = Event::new("BackupTaken").say("A backup of the company was taken");
    granted.write(|tx| tx.record(told, ()))?;
    granted.visitor().company().copy_to(to, checkpoints)
}

/// Checks the database, its foreign keys and the trail: its chain, its archives, its checkpoints, and checkpoints that
/// were kept elsewhere.
///
/// # Errors
/// `Conflict` with the first thing that is wrong.
pub fn verify(granted: &Granted<'_, FileKeep>, elsewhere: Option<&Path>) -> Result<Verified> {
    let outcome = granted.visitor().company().verify(elsewhere)?;
    outcome.map_err(|finding| Error::Conflict(format!("The company does not verify: {finding}.")))
}

/// Tells in the trail that the company was put back from a copy, and what is wrong with it when that was done on purpose.
pub fn restored(granted: &Granted<'_, FileKeep>, taken: &str, damage: Option<&str>) -> Result<()> {
    let told = Event::new("Restored").say("The company was restored from the backup of ").say(taken);
    let told = match damage {
        Some(damage) => told.say(", on purpose although it is damaged").detail("Damage", damage),
        None => told,
    };
    granted.write(|tx| {
        tx.access_changed()?;
        tx.run("DELETE FROM sessions", [])?;
        tx.record(told, ())
    })?;
    granted.visitor().company().sign_put_back()
}
