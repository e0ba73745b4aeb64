//! The process of a runbook: steps as a project's process has them, with the same rules.

use super::{sql, this, told};
use crate::{
    base::error::Result,
    company::{
        access::{
            Granted,
            permissions::{RunbookEdit, RunbookView},
        },
        projects::{
            self, kept,
            process::{Process, Step, by_name, to_save},
        },
    },
};

/// The process.
pub fn show(granted: &Granted<'_, RunbookView>) -> Result<Process> {
    granted.read(|rows| {
        let runbook = sql::by_id(rows, granted.what().runbook.id())?;
        let (version, steps) = sql::process(rows, runbook.id)?;
        Ok(Process { project: runbook.project, space: runbook.space, version, steps })
    })
}

/// Puts new steps in place of those that were; what is published stays as it is.
///
/// # Errors
/// As [`projects::process::save`].
pub fn save(granted: &Granted<'_, RunbookEdit>, version: i64, steps: Vec<Step>) -> Result<Process> {
    let id = this(granted)?.id();
    granted.write(|tx| {
        let changes = tx.changes();
        let runbook = sql::by_id(tx, id)?;
        let project = projects::by_id(tx, runbook.project)?;
        let (present, before) = sql::process(tx, id)?;
        let json = to_save(tx, &project, &runbook.name, (present, version), steps)?;
        if json == kept::write(tx, project.space, &before)? {
            // What was read and is sent back changes nothing.
            let found = Process { project: project.id, space: project.space, version: present, steps: before };
            return tx.unchanged(changes, found);
        }
        sql::set_process(tx, id, &json)?;
        let (version, steps) = sql::process(tx, id)?;
        let event = told(&project, &runbook, "Modified", "The process of the runbook ", " was changed");
        let event = event.difference(&by_name(&before), &by_name(&steps));
        tx.record(event, Process { project: project.id, space: project.space, version, steps })
    })
}
