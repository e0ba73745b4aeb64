//! Tasks of a company that was put back from a copy: what ran at the moment of the copy runs nowhere now, and what waited
//! may have been carried out since.

use super::{log, queue};
use crate::base::error::Result;
use crate::company::access::{Event, Granted, permissions::FileKeep};

/// What became of the tasks of a copy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Held {
    /// So many were under way, and have failed now: how they ended is not known.
    pub failed: usize,
    /// So many wait until somebody resumes the task queue of their space.
    pub waiting: usize,
    /// The names of the spaces whose task queue is stopped because of it.
    pub spaces: Vec<String>,
}

/// Fails what was under way, with the sentence of a crash, and stops the task queues of spaces in which something waits; of
/// `every` space where the copy stands beside the company it was taken of. Whoever manages a space resumes its queue.
pub fn put_back(granted: &Granted<'_, FileKeep>, every: bool) -> Result<Held> {
    let orphans = granted.read(sql::under_way)?;
    let mut ended = Vec::new();
    for id in &orphans {
        ended.push(granted.write(|tx| queue::fail_unknown(tx, *id))?);
    }
    for task in &ended {
        log::last_words(granted.visitor().company().folder(), task);
    }
    granted.write(|tx| {
        let before = tx.changes();
        let (waiting, spaces) = (sql::waiting(tx)?, sql::queues_to_stop(tx, every)?);
        let held = Held { failed: ended.len(), waiting: waiting.unsigned_abs() as usize, spaces };
        if held.spaces.is_empty() {
            return tx.unchanged(before, held);
        }
        sql::stop_queues(tx, every)?;
        let event = Event::new("TasksHeld")
            .say("The company was put back from a copy: the task queue was stopped in ")
            .say(&held.spaces.join(", "))
            .detail("Waiting", waiting);
        tx.record(event, held)
    })
}

/// How many tasks are under way.
pub fn under_way(granted: &Granted<'_, FileKeep>) -> Result<usize> {
    Ok(granted.read(sql::under_way)?.len())
}

impl Held {
    /// A sentence for whoever put the company back; empty when there is nothing to say.
    pub fn sentence(&self) -> String {
        let mut said = Vec::new();
        match self.failed {
            0 => {}
            1 => said.push(
                "One task was running when the copy was taken. It has failed now: how it ended is not known.".into(),
            ),
            some => said.push(format!(
                "{some} tasks were running when the copy was taken. They have failed now: how they ended is not known."
            )),
        }
        if !self.spaces.is_empty() {
            let waiting = match self.waiting {
                0 => "Nothing starts".to_owned(),
                1 => "One task waits, and nothing starts".to_owned(),
                some => format!("{some} tasks wait, and nothing starts"),
            };
            said.push(format!("{waiting} in {} until somebody resumes the task queue there.", self.spaces.join(", ")));
        }
        said.join(" ")
    }
}

mod sql {
    use crate::base::{
        error::Result,
        ids::{Id, Task},
    };
    use crate::company::access::{Rows, Writing};

    const WITH_WAITING: &str =
        "(?1 OR id IN (SELECT space_id FROM tasks WHERE state = 'Queued')) AND task_queue_stopped = 0";

    pub fn under_way(rows: &Rows<'_>) -> Result<Vec<Id<Task>>> {
        rows.all("SELECT id FROM tasks WHERE state IN ('Executing', 'Cancelling') ORDER BY id", [], |row| row.get(0))
    }

    pub fn waiting(rows: &Rows<'_>) -> Result<i64> {
        rows.number("SELECT count(*) FROM tasks WHERE state = 'Queued'", [])
    }

    pub fn queues_to_stop(rows: &Rows<'_>, every: bool) -> Result<Vec<String>> {
        rows.all(&format!("SELECT name FROM spaces WHERE {WITH_WAITING} ORDER BY name_key"), [every], |row| row.get(0))
    }

    pub fn stop_queues(tx: &Writing<'_>, every: bool) -> Result<()> {
        tx.run(&format!("UPDATE spaces SET task_queue_stopped = 1 WHERE {WITH_WAITING}"), [every]).map(drop)
    }
}
