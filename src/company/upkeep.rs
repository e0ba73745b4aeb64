//! The company's file as a whole: copied, checked, put back. Knows no feature.

use super::access::{Event, Granted, Verified, permissions::FileKeep};
use crate::base::error::{Error, FaultKind, Result};
use std::path::Path;

/// Copies the database while it is in use, to a file that is not there yet, and the checkpoints of that moment to another.
pub fn copy(granted: &Granted<'_, FileKeep>, to: &Path, checkpoints: &Path) -> Result<()> {
    let told = Event::new("BackupTaken").say("A backup of the company was taken");
    match granted.write(|tx| tx.record(told, ())) {
        // A backup to another disk is what helps then; that it was taken stands in the server's log.
        Err(error) if error.as_fault().is_some_and(|fault| fault.kind == FaultKind::Full) => {
            tracing::warn!(company = granted.visitor().company().slug(), %error, "a backup is taken that the audit log cannot tell of");
        }
        told => told?,
    }
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

/// How a company was put back.
#[derive(Debug, Clone, Copy)]
pub struct Back<'a> {
    /// When the copy was taken.
    pub taken: &'a str,
    /// What is wrong with it, when it was put back all the same.
    pub damage: Option<&'a str>,
    /// The sessions of the company whose place it takes, by the hashes of their tokens: whoever has one of them in the
    /// copy, too, stays signed in. One that ended since the copy does not come back.
    pub sessions: &'a [Vec<u8>],
    /// It stands beside the company it is a copy of: it sends nothing to where that one's checkpoints are kept.
    pub beside: bool,
}

/// Tells in the trail that the company was put back from a copy, and what is wrong with it when that was done on purpose.
/// Letters that waited at the time of the copy are given up: they have been sent since, or their time is over.
pub fn restored(granted: &Granted<'_, FileKeep>, back: &Back<'_>) -> Result<()> {
    let told = Event::new("Restored").say("The company was restored from the backup of ").say(back.taken);
    let told = match back.damage {
        Some(damage) => told.say(", on purpose although it is damaged").detail("Damage", damage),
        None => told,
    };
    let sessions: Vec<String> = back.sessions.iter().map(|hash| data_encoding::HEXUPPER.encode(hash)).collect();
    let sessions = serde_json::to_string(&sessions)?;
    granted.write(|tx| {
        tx.access_changed()?;
        tx.run("DELETE FROM sessions WHERE hex(token_hash) NOT IN (SELECT value FROM json_each(?1))", [sessions])?;
        tx.run(
            "UPDATE letters SET state = 'failed', body = NULL, problem = 'The company was put back from a copy.'
             WHERE state = 'waiting'",
            [],
        )?;
        if back.beside {
            tx.run("UPDATE settings SET checkpoint_syslog = 0, checkpoint_webhook = NULL", [])?;
        }
        tx.record(told, ())
    })?;
    granted.visitor().company().sign_put_back()
}

/// The sessions there are, by the hashes of their tokens.
pub fn sessions(granted: &Granted<'_, FileKeep>) -> Result<Vec<Vec<u8>>> {
    granted.read(|rows| rows.all("SELECT token_hash FROM sessions", [], |row| row.get(0)))
}
