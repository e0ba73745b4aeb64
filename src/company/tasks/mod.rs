//! Tasks: the server's work as rows. What is to be done and for whom, how it stands, which steps it took, what they said.
//!
//! A task is enqueued in the same change as what it is for, claimed by the engine with a lease, and moves between its
//! states by the commands here alone. It promises that two tasks with the same exclusive key never run together, that a
//! step is recorded before it begins, and that after a crash it does not claim to know what it does not know.
//! Does not know how a task is carried out.

mod log;
mod put_back;
mod queue;
mod states;
mod steps;
mod waiting;
#[cfg(test)]
mod tests;

use super::access::{
    Columns, Conditions, Granted, Rows, is_for_one_of,
    permissions::{List, TaskView},
};
use crate::base::{
    clock::Moment,
    error::{Error, Result},
    ids::{Environment, Id, Project, Runbook, Space, Task as Kind, Tenant},
    paging::{Listed, Page},
};
use rusqlite::types::Value;
use serde::Serialize;
use std::collections::BTreeMap;

pub(in crate::company) use log::forget;
pub use log::{Category, From, Line, Lines, Log, Most, Place, Plain, Text, log_size, plain, read_log};
pub use put_back::{Held, put_back, under_way};
pub use queue::{
    Lease, Left, Outcome, PENDING, Standing, bell, cancel, claim, expire, finish, next_queued, recover, renew, settle,
    standing,
};
pub(in crate::company) use queue::{NewTask, enqueue, ring, scope};
pub use states::{State, StepStatus};
pub use steps::{NewStep, Step, begin, end, lay_out, steps};
pub use waiting::waits_for;

/// What a task does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub enum Work {
    /// Carries out a deployment.
    Deploy,
    /// Runs a runbook.
    RunbookRun,
    /// Looks whether targets answer.
    Health,
}

impl Work {
    /// All kinds.
    pub const ALL: [Work; 3] = [Work::Deploy, Work::RunbookRun, Work::Health];

    /// What people call it.
    pub fn words(self) -> &'static str {
        match self {
            Work::Deploy => "Deploy",
            Work::RunbookRun => "Run a runbook",
            Work::Health => "Check health",
        }
    }
    /// Its name in the database and on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Work::Deploy => "Deploy",
            Work::RunbookRun => "RunbookRun",
            Work::Health => "Health",
        }
    }
    /// Reads its name, ignoring case.
    pub fn parse(text: &str) -> Option<Work> {
        Work::ALL.into_iter().find(|work| work.name().eq_ignore_ascii_case(text.trim()))
    }
}

/// A task.
#[derive(Debug, Clone)]
pub struct Task {
    /// Its id.
    pub id: Id<Kind>,
    /// Its space; `None` outside all spaces.
    pub space: Option<Id<Space>>,
    /// What it does.
    pub work: Work,
    /// What it does, in a sentence: "Deploy Shop 1.2.0 to Production for Contoso".
    pub description: String,
    /// What it works on, as wire ids: `DeploymentId` → `Deployments-1`.
    pub arguments: BTreeMap<String, String>,
    /// The project it concerns.
    pub project: Option<Id<Project>>,
    /// The environment it concerns.
    pub environment: Option<Id<Environment>>,
    /// The tenant it concerns.
    pub tenant: Option<Id<Tenant>>,
    /// The runbook it concerns.
    pub runbook: Option<Id<Runbook>>,
    /// How it stands.
    pub state: State,
    /// When it was asked for.
    pub queued_at: Moment,
    /// It begins no earlier.
    pub not_before: Option<Moment>,
    /// Unstarted by then, it is given up.
    pub not_after: Option<Moment>,
    /// When it was claimed.
    pub started_at: Option<Moment>,
    /// When it ended.
    pub completed_at: Option<Moment>,
    /// When its state last changed.
    pub updated_at: Moment,
    /// Why it failed; empty when it did not.
    pub error: String,
    /// It ended well, with something that should be looked at.
    pub warnings: bool,
    /// Who asked for it; `None` for the server itself.
    pub created_by_id: Option<i64>,
    /// Their name at that time.
    pub created_by: String,
}

/// Which tasks are asked for. Empty fields ask for all.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only these, by number.
    pub ids: Option<Vec<i64>>,
    /// Only in these states.
    pub states: Vec<State>,
    /// Only of this project.
    pub project: Option<i64>,
    /// Only in this environment.
    pub environment: Option<i64>,
    /// Only for this tenant.
    pub tenant: Option<i64>,
    /// Only of this runbook.
    pub runbook: Option<i64>,
    /// Only this kind of work.
    pub work: Option<Work>,
    /// Only the health checks of this deployment target, by its id.
    pub machine: Option<String>,
    /// Part of the description, ignoring case.
    pub name: String,
    /// Part of the description, too: both must be in it.
    pub description: String,
    /// Only with, or only without, warnings or errors.
    pub troubled: Option<bool>,
    /// Only those queued, begun and ended within these times.
    pub queued: Span,
    /// See [`Filter::queued`].
    pub started: Span,
    /// See [`Filter::queued`].
    pub completed: Span,
}

/// From when on and until when, both included; open where nothing is said.
#[derive(Debug, Clone, Copy, Default)]
pub struct Span {
    /// The first moment.
    pub from: Option<Moment>,
    /// The last one.
    pub to: Option<Moment>,
}

/// The tasks that the visitor may see, newest first: of a space, or of the company outside all spaces.
pub fn list(granted: &Granted<'_, List<TaskView>>, filter: &Filter, page: Page) -> Result<Listed<Task>> {
    list_together(std::slice::from_ref(granted), filter, page)
}

/// How many of the tasks that [`list_together`] would show are in each state; every state is named.
pub fn counts(granted: &[Granted<'_, List<TaskView>>], filter: &Filter) -> Result<BTreeMap<State, i64>> {
    let Some(first) = granted.first() else { return Ok(State::ALL.into_iter().map(|state| (state, 0)).collect()) };
    let wanted = asked(granted, filter);
    first.read(|rows| sql::counts(rows, &wanted))
}

/// How many of the tasks that [`list_together`] would show are under way: stands on every page, so it looks at those
/// alone.
pub fn running(granted: &[Granted<'_, List<TaskView>>]) -> Result<i64> {
    let Some(first) = granted.first() else { return Ok(0) };
    let wanted = asked(granted, &Filter::default());
    // In the words of the partial index on what is under way.
    let wanted = wanted.made(|_| "t.state IN ('Executing', 'Cancelling')".into());
    first.read(|rows| rows.count(sql::FROM, &wanted))
}

/// The tasks of several spaces and of the company outside them, newest first: at each level what the visitor may see
/// there (`access-rules §2`). All proofs are of one visitor.
pub fn list_together(granted: &[Granted<'_, List<TaskView>>], filter: &Filter, page: Page) -> Result<Listed<Task>> {
    let Some(first) = granted.first() else { return Ok(Listed { items: Vec::new(), total: 0 }) };
    let wanted = asked(granted, filter);
    first.read(|rows| sql::list(rows, &wanted, page))
}

/// One task.
pub fn show(granted: &Granted<'_, TaskView>) -> Result<Task> {
    granted.read(|rows| sql::by_id(rows, granted.what().task.id()))
}

fn asked(granted: &[Granted<'_, List<TaskView>>], filter: &Filter) -> Conditions {
    let states: Vec<&str> = filter.states.iter().map(|state| state.name()).collect();
    let states = (!states.is_empty()).then(|| serde_json::to_string(&states).unwrap_or_default());
    let wanted = Conditions::default()
        .among("t.id", filter.ids.as_deref())
        .asked("t.state IN (SELECT value FROM json_each($))", states)
        .asked("t.project_id = $", filter.project)
        .asked("t.environment_id = $", filter.environment)
        .asked("t.tenant_id = $", filter.tenant)
        .asked("t.runbook_id = $", filter.runbook)
        .asked("t.kind = $", filter.work.map(|work| work.name().to_owned()))
        .named("lower(t.description)", &filter.name)
        .named("lower(t.description)", &filter.description)
        .asked("(t.kind = 'Health' AND t.arguments ->> 'MachineId' = $)", filter.machine.clone())
        .asked("(t.warnings OR t.state IN ('Failed', 'TimedOut')) = $", filter.troubled)
        .asked("COALESCE(t.not_before, t.queued_at) >= $", filter.queued.from.map(|at| at.0))
        .asked("COALESCE(t.not_before, t.queued_at) <= $", filter.queued.to.map(|at| at.0))
        .asked("t.started_at >= $", filter.started.from.map(|at| at.0))
        .asked("t.started_at <= $", filter.started.to.map(|at| at.0))
        .asked("t.completed_at >= $", filter.completed.from.map(|at| at.0))
        .asked("t.completed_at <= $", filter.completed.to.map(|at| at.0));
    let columns = Columns {
        group: Some("COALESCE((SELECT p.group_id FROM projects p WHERE p.id = t.project_id), t.group_id)"),
        project: Some("t.project_id"),
        // A machine that stands in several places is checked in each of them; any one inside is enough to see it.
        environment: Some(
            "(t.environment_id IN $ OR (t.environment_id IS NULL AND (EXISTS (SELECT 1 FROM task_scopes x
              WHERE x.task_id = t.id AND x.dimension = 'environment' AND x.target_id IN $)
              OR NOT EXISTS (SELECT 1 FROM task_scopes x WHERE x.task_id = t.id AND x.dimension = 'environment'))))",
        ),
        // A health check is its machine's tenants' matter; what is for no tenant is out of reach for who is limited to some.
        tenant: Some(concat!(
            "(t.tenant_id IN $ OR (t.kind = 'Health' AND ",
            is_for_one_of!("CAST(substr(t.arguments ->> 'MachineId', 10) AS INTEGER)"),
            "))"
        )),
        // A project's deployment is of no runbook; a health check has no project and runbooks are beside the point.
        runbook: Some("(t.runbook_id IN $ OR t.project_id IS NULL)"),
        null_is_any: true,
    };
    wanted.made(|parameters| {
        let level = |granted: &Granted<'_, List<TaskView>>| {
            let space = granted.what().space();
            parameters.push(if space > 0 { space.into() } else { Value::Null });
            let level = format!("t.space_id IS ?{}", parameters.len());
            format!("({level} AND {})", granted.reach().condition(columns, parameters))
        };
        format!("({})", granted.iter().map(level).collect::<Vec<_>>().join(" OR "))
    })
}

/// One task, inside a transaction that was granted for something that has it.
pub(in crate::company) fn by_id(rows: &Rows<'_>, id: Id<Kind>) -> Result<Task> {
    sql::by_id(rows, id)
}

mod sql {
    use super::*;
    use rusqlite::Row;

    const COLUMNS: &str =
        "t.id, t.space_id, t.kind, t.description, t.arguments, t.project_id, t.environment_id, t.tenant_id, t.state,
         t.queued_at, t.not_before, t.not_after, t.started_at, t.completed_at, t.updated_at, t.error, t.warnings,
         t.created_by_id, t.created_by, t.runbook_id";

    fn read(row: &Row<'_>) -> rusqlite::Result<Task> {
        let kind: String = row.get(2)?;
        let arguments: String = row.get(4)?;
        let state: String = row.get(8)?;
        Ok(Task {
            id: row.get(0)?,
            space: row.get(1)?,
            // The table's own checks leave no other word.
            work: Work::parse(&kind).unwrap_or(Work::Deploy),
            description: row.get(3)?,
            arguments: serde_json::from_str(&arguments).unwrap_or_default(),
            project: row.get(5)?,
            environment: row.get(6)?,
            tenant: row.get(7)?,
            state: State::parse(&state).unwrap_or(State::Failed),
            queued_at: row.get(9)?,
            not_before: row.get(10)?,
            not_after: row.get(11)?,
            started_at: row.get(12)?,
            completed_at: row.get(13)?,
            updated_at: row.get(14)?,
            error: row.get(15)?,
            warnings: row.get(16)?,
            created_by_id: row.get(17)?,
            created_by: row.get(18)?,
            runbook: row.get(19)?,
        })
    }

    pub const FROM: &str = "FROM tasks t";

    pub fn list(rows: &Rows<'_>, wanted: &Conditions, page: Page) -> Result<Listed<Task>> {
        rows.page((COLUMNS, FROM, "t.id DESC"), wanted, page, read)
    }

    pub fn counts(rows: &Rows<'_>, wanted: &Conditions) -> Result<BTreeMap<State, i64>> {
        let mut counts: BTreeMap<State, i64> = State::ALL.into_iter().map(|state| (state, 0)).collect();
        let found = rows.counts("t.state", FROM, wanted)?;
        counts.extend(found.into_iter().filter_map(|(name, count)| Some((State::parse(&name)?, count))));
        Ok(counts)
    }

    pub fn by_id(rows: &Rows<'_>, id: Id<Kind>) -> Result<Task> {
        rows.one(&format!("SELECT {COLUMNS} FROM tasks t WHERE t.id = ?1"), [id], read)?
            .ok_or_else(|| Error::NotFound(id.to_string()))
    }
}
