//! What a task did, step by step, each recorded before the next begins.

use super::StepStatus;
use crate::base::{
    clock::{self, Moment},
    error::Result,
    ids::{Id, Task as Kind},
};
use crate::company::access::{
    Granted, Rows, Writing,
    permissions::{TaskExecute, TaskView},
};

/// A step of a task, or what it did on one machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// "1", and "1.2" below it.
    pub number: String,
    /// The step above, for what was done on one machine.
    pub parent: Option<String>,
    /// The step's name, or the machine's.
    pub name: String,
    /// How it stands.
    pub status: StepStatus,
    /// When it began.
    pub started_at: Option<Moment>,
    /// When it ended.
    pub ended_at: Option<Moment>,
}

/// A step that will be taken.
#[derive(Debug, Clone)]
pub struct NewStep {
    /// "1", "1.2".
    pub number: String,
    /// The step above.
    pub parent: Option<String>,
    /// Its name.
    pub name: String,
}

/// The steps of a task in their order.
pub fn steps(granted: &Granted<'_, TaskView>) -> Result<Vec<Step>> {
    granted.read(|rows| sql::all(rows, granted.what().task.id()))
}

/// Writes down what will be done, before any of it.
pub fn lay_out(granted: &Granted<'_, TaskExecute>, steps: &[NewStep]) -> Result<()> {
    granted.note(|tx| {
        for (position, step) in steps.iter().enumerate() {
            sql::insert(tx, granted.what().task.id(), step, position)?;
        }
        Ok(())
    })
}

/// A step begins. When this returns it is on the disk, so that a crash after it is known to be one in the middle.
pub fn begin(granted: &Granted<'_, TaskExecute>, number: &str) -> Result<()> {
    granted.note(|tx| sql::begin(tx, granted.what().task.id(), number, clock::now()))
}

/// A step ended, or was passed over.
pub fn end(granted: &Granted<'_, TaskExecute>, number: &str, status: StepStatus) -> Result<()> {
    granted.note(|tx| sql::end(tx, granted.what().task.id(), number, status, clock::now()))
}

/// The steps that had begun and not ended.
pub(super) fn begun(rows: &Rows<'_>, task: Id<Kind>) -> Result<Vec<Step>> {
    Ok(sql::all(rows, task)?.into_iter().filter(|step| step.status == StepStatus::Running).collect())
}

/// With the end of the task: what had begun ends as `running`, what had not is passed over.
pub(super) fn close(tx: &Writing<'_>, task: Id<Kind>, running: StepStatus) -> Result<()> {
    sql::close(tx, task, running, clock::now())
}

mod sql {
    use super::*;

    pub fn all(rows: &Rows<'_>, task: Id<Kind>) -> Result<Vec<Step>> {
        rows.all(
            "SELECT number, parent, name, status, started_at, ended_at FROM task_steps WHERE task_id = ?1 ORDER BY position, number",
            [task],
            |row| {
                let status: String = row.get(3)?;
                Ok(Step {
                    number: row.get(0)?,
                    parent: row.get(1)?,
                    name: row.get(2)?,
                    status: StepStatus::parse(&status).unwrap_or(StepStatus::Unknown),
                    started_at: row.get(4)?,
                    ended_at: row.get(5)?,
                })
            },
        )
    }

    pub fn insert(tx: &Writing<'_>, task: Id<Kind>, step: &NewStep, position: usize) -> Result<()> {
        tx.run(
            "INSERT INTO task_steps (task_id, number, parent, name, status, position) VALUES (?1, ?2, ?3, ?4, 'Pending', ?5)",
            (task, &step.number, &step.parent, &step.name, position as i64),
        )?;
        Ok(())
    }

    pub fn begin(tx: &Writing<'_>, task: Id<Kind>, number: &str, now: Moment) -> Result<()> {
        tx.run(
            "UPDATE task_steps SET status = 'Running', started_at = ?3 WHERE task_id = ?1 AND number = ?2",
            (task, number, now),
        )?;
        Ok(())
    }

    pub fn end(tx: &Writing<'_>, task: Id<Kind>, number: &str, status: StepStatus, now: Moment) -> Result<()> {
        tx.run(
            "UPDATE task_steps SET status = ?3, ended_at = ?4 WHERE task_id = ?1 AND number = ?2",
            (task, number, status.name(), now),
        )?;
        Ok(())
    }

    pub fn close(tx: &Writing<'_>, task: Id<Kind>, running: StepStatus, now: Moment) -> Result<()> {
        tx.run(
            "UPDATE task_steps SET status = ?2, ended_at = ?3 WHERE task_id = ?1 AND status = 'Running'",
            (task, running.name(), now),
        )?;
        tx.run("UPDATE task_steps SET status = 'Skipped' WHERE task_id = ?1 AND status = 'Pending'", [task])?;
        Ok(())
    }
}
