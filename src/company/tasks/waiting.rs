//! Why a task waits, as the queue decides it.

use super::{Granted, Rows, State, sql};
use crate::{
    base::{clock, error::Result},
    company::{access::permissions::TaskView, standing},
};

/// What a queued task waits for, in a sentence; `None` for one that does not wait. What holds its place is about the same
/// project, environment and tenant, so who sees the one sees the other.
pub fn waits_for(granted: &Granted<'_, TaskView>) -> Result<Option<String>> {
    let id = granted.what().task.id();
    granted.read(|rows| {
        let task = sql::by_id(rows, id)?;
        if task.state != State::Queued {
            return Ok(None);
        }
        if let Some(time) = task.not_before.filter(|time| *time > clock::now()) {
            return Ok(Some(format!("It waits for its time: it begins {} ({}).", time.relative(), time.exact())));
        }
        if let Some(other) = before(rows, id.0)? {
            return Ok(Some(format!("It waits for “{other}”: in one place one task runs at a time.")));
        }
        let stopped =
            "SELECT 1 FROM tasks t JOIN spaces s ON s.id = t.space_id WHERE t.id = ?1 AND s.task_queue_stopped = 1";
        if rows.any(stopped, [id])? {
            return Ok(Some("It waits because the task queue of its space is stopped.".into()));
        }
        Ok(Some(match standing::may_begin_tasks(rows)? {
            Ok(()) => "It waits for its turn: the server begins it as soon as it has room for another task.".into(),
            Err(Some(limit)) => limit.sentence,
            Err(None) => "It waits because this company begins no tasks now.".into(),
        }))
    })
}

/// What is under way in its place, or waits there before it.
fn before(rows: &Rows<'_>, id: i64) -> Result<Option<String>> {
    rows.one(
        "SELECT o.description FROM tasks t JOIN tasks o ON o.exclusive_key = t.exclusive_key AND o.id <> t.id
         WHERE t.id = ?1 AND (o.state IN ('Executing', 'Cancelling')
            OR (o.state = 'Queued' AND o.id < t.id AND (o.not_before IS NULL OR o.not_before <= ?2)))
         ORDER BY o.state = 'Queued', o.id LIMIT 1",
        (id, clock::now()),
        |row| row.get(0),
    )
}
