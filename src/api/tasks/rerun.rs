//! `/api/{space}/tasks/rerun/{task}`: the same once more, by the commands that began it; and whether a caller may (findings
//! C14).

use super::{TaskResource, draw, located};
use crate::{
    api::{
        caller::Ask,
        wire::{Created, Sent},
    },
    base::{
        error::{Error, Result},
        ids::{self, Id, Kind},
    },
    company::{
        access::{
            At, Locate, Within,
            permissions::{DeploymentCreate, DeploymentView, RunbookRunCreate, RunbookRunView, TaskCreate, TaskView},
        },
        deployments::{self, Options},
        runbooks::{self, Which},
        targets::health::{self, Limits},
        tasks::{self, Task, Work},
    },
};
use serde::Deserialize;
use std::collections::HashMap;
use utoipa::ToSchema;

/// Running a task again takes nothing.
#[derive(Default, Deserialize, ToSchema)]
pub(in crate::api) struct RerunTask {}

/// What decides whether a task may be run again: its work, and where.
type Place = (Work, Option<i64>, Option<i64>, Option<i64>, Option<i64>, String);

/// What was asked of the tasks of one list, so that no place is asked for twice.
#[derive(Default)]
pub(super) struct Known(HashMap<Place, bool>);

impl Known {
    /// Whether the caller may run it again, now that it has ended.
    pub fn may(&mut self, ask: &Ask, task: &Task) -> bool {
        if !task.state.is_completed() {
            return false;
        }
        let place = (
            task.work,
            task.project.map(|id| id.0),
            task.environment.map(|id| id.0),
            task.tenant.map(|id| id.0),
            task.runbook.map(|id| id.0),
            task.arguments.get("MachineId").cloned().unwrap_or_default(),
        );
        *self.0.entry(place).or_insert_with(|| may(ask, task).unwrap_or(false))
    }
}

fn may(ask: &Ask, task: &Task) -> Result<bool> {
    let (visitor, places) = (ask.visitor()?, Places { ask, task });
    Ok(match task.work {
        Work::Deploy => visitor.may(DeploymentCreate {
            project: places.of(task.project)?,
            environment: places.of(task.environment)?,
            tenant: places.tenant()?,
        }),
        Work::RunbookRun => visitor.may(RunbookRunCreate {
            runbook: places.of(task.runbook)?,
            environment: places.of(task.environment)?,
            tenant: places.tenant()?,
        }),
        Work::Health => visitor.may(TaskCreate { target: places.machine()? }),
    })
}

/// Where a task's things are.
struct Places<'a> {
    ask: &'a Ask<'a>,
    task: &'a Task,
}

impl Places<'_> {
    fn at<T: Locate>(&self, text: &str) -> Result<At<T>> {
        self.ask.visitor()?.locate(Within::Company, text)
    }
    fn of<T: Locate + Kind>(&self, id: Option<Id<T>>) -> Result<At<T>> {
        let id = id.ok_or_else(|| Error::NotFound(self.task.id.to_string()))?;
        self.at(&id.to_string())
    }
    fn tenant(&self) -> Result<Option<At<ids::Tenant>>> {
        self.task.tenant.map(|tenant| self.at(&tenant.to_string())).transpose()
    }
    fn argument<T: Locate>(&self, name: &str) -> Result<At<T>> {
        let id = self.task.arguments.get(name).ok_or_else(|| Error::NotFound(self.task.id.to_string()))?;
        self.at(id)
    }
    fn machine(&self) -> Result<At<ids::Target>> {
        self.argument("MachineId")
    }
}

/// What was asked for beside place and time; it begins at once.
fn as_then(
    comments: String,
    skip_steps: Vec<String>,
    only_targets: Vec<Id<ids::Target>>,
    not_targets: Vec<Id<ids::Target>>,
) -> Options {
    Options { comments, skip_steps, only_targets, not_targets, ..Options::default() }
}

/// Does once more what an ended task did: a new deployment of the same release, a new run of the same snapshot, another
/// look at the machine, with what was asked for then. The new task is answered.
pub(in crate::api) fn rerun(ask: &Ask, _: Sent<RerunTask>) -> Result<Created<TaskResource>> {
    let visitor = ask.visitor()?;
    let task = tasks::show(&visitor.ask(TaskView { task: located(ask)? })?)?;
    let places = Places { ask, task: &task };
    if !task.state.is_completed() {
        return Err(Error::Conflict("The task has not ended yet. Wait for its end, or cancel it.".into()));
    }
    let made = match task.work {
        Work::Deploy => {
            let one =
                deployments::show(&visitor.ask(DeploymentView { deployment: places.argument("DeploymentId")? })?)?;
            let options = as_then(one.comments, one.skip_steps, one.only_targets, one.not_targets);
            let place = (places.of(Some(one.environment))?, places.tenant()?);
            let (project, release) = (places.of(Some(one.project))?, places.of(Some(one.release))?);
            let made = deployments::deploy_to_many(visitor, &project, &release, &[place], &options)?;
            made.first().map(|made| made.task)
        }
        Work::RunbookRun => {
            let one = runbooks::show_run(&visitor.ask(RunbookRunView { run: places.argument("RunbookRunId")? })?)?;
            let options = as_then(one.comments, one.skip_steps, one.only_targets, one.not_targets);
            let place = (places.of(Some(one.environment))?, places.tenant()?);
            let which = Which::Snapshot(one.snapshot.to_string());
            let made = runbooks::run(visitor, &places.of(Some(one.runbook))?, &which, &[place], &options)?;
            made.first().map(|made| made.task)
        }
        Work::Health => {
            let granted = visitor.ask(TaskCreate { target: places.machine()? })?;
            Some(health::ask(&granted, &Limits::asked(&task))?.id)
        }
    };
    let made = made.ok_or_else(|| Error::internal("nothing was run again"))?;
    let granted = visitor.ask(TaskView { task: places.at(&made.to_string())? })?;
    Ok(Created(draw(ask, &tasks::show(&granted)?)))
}
