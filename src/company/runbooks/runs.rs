//! Runs of runbooks, as they are looked at.

use super::{sql, told};
use crate::{
    base::{
        clock::Moment,
        error::{Error, Result},
        ids::{Environment, Id, Project, Runbook, RunbookRun as Kind, RunbookSnapshot, Space, Target, Task, Tenant},
        paging::{Listed, Page},
    },
    company::{
        access::{
            Columns, Granted,
            permissions::{List, RunbookRunDelete, RunbookRunView},
        },
        projects,
        tasks::{self, State},
    },
};

/// A run, with the names of what it concerns and how its task stands.
#[derive(Debug, Clone)]
pub struct Run {
    /// Its id.
    pub id: Id<Kind>,
    /// Its space.
    pub space: Id<Space>,
    /// The project.
    pub project: Id<Project>,
    /// What stands for the project in addresses.
    pub project_slug: String,
    /// The runbook.
    pub runbook: Id<Runbook>,
    /// The runbook's name.
    pub runbook_name: String,
    /// What stands for the runbook in addresses.
    pub runbook_slug: String,
    /// The snapshot that was run.
    pub snapshot: Id<RunbookSnapshot>,
    /// The snapshot's name.
    pub snapshot_name: String,
    /// Where it ran.
    pub environment: Id<Environment>,
    /// The environment's name.
    pub environment_name: String,
    /// For whom; `None`: for no tenant.
    pub tenant: Option<Id<Tenant>>,
    /// The tenant's name.
    pub tenant_name: Option<String>,
    /// The task that carries it out.
    pub task: Id<Task>,
    /// "Run Restart in Production".
    pub name: String,
    /// What was said about it.
    pub comments: String,
    /// Steps that were left out by name.
    pub skip_steps: Vec<String>,
    /// Only on these targets; empty: on all.
    pub only_targets: Vec<Id<Target>>,
    /// Not on these targets.
    pub not_targets: Vec<Id<Target>>,
    /// Not to begin earlier.
    pub not_before: Option<Moment>,
    /// Given up when it has not begun by then.
    pub not_after: Option<Moment>,
    /// When it was asked for.
    pub created_at: Moment,
    /// Who asked.
    pub created_by_id: Option<i64>,
    /// Their name at that time.
    pub created_by: String,
    /// How its task stands.
    pub state: State,
    /// When it began.
    pub started_at: Option<Moment>,
    /// When it ended.
    pub completed_at: Option<Moment>,
    /// Why it failed.
    pub error: String,
    /// It ended well, with something that should be looked at.
    pub warnings: bool,
}

/// Which runs are asked for. `None` asks for all.
#[derive(Debug, Clone, Default)]
pub struct RunFilter {
    /// Only these, by number.
    pub ids: Option<Vec<i64>>,
    /// Only of these projects.
    pub projects: Option<Vec<i64>>,
    /// Only in these environments.
    pub environments: Option<Vec<i64>>,
    /// Only for these tenants.
    pub tenants: Option<Vec<i64>>,
    /// Only of these runbooks.
    pub runbooks: Option<Vec<i64>>,
    /// Only whose task is in one of these states.
    pub states: Vec<State>,
    /// Part of the runbook's, the environment's or the tenant's name, ignoring case.
    pub search: String,
}

const COLUMNS: Columns = Columns {
    group: Some("p.group_id"),
    project: Some("u.project_id"),
    environment: Some("u.environment_id"),
    tenant: Some("u.tenant_id"),
    runbook: Some("u.runbook_id"),
    null_is_any: false,
};

/// The runs of a space that the visitor may see, newest first.
pub fn list_runs(granted: &Granted<'_, List<RunbookRunView>>, filter: &RunFilter, page: Page) -> Result<Listed<Run>> {
    let mut parameters = sql::runs::parameters(granted.what().space(), filter);
    let seen = granted.reach().condition(COLUMNS, &mut parameters);
    granted.read(|rows| sql::runs::list(rows, &seen, &parameters, page))
}

/// One run.
pub fn show_run(granted: &Granted<'_, RunbookRunView>) -> Result<Run> {
    granted.read(|rows| sql::runs::by_id(rows, granted.what().run.id()))
}

/// Deletes a run with its task and its log. Its lines in the trail stay.
///
/// # Errors
/// `Conflict` while it runs or waits to run.
pub fn delete_run(granted: &Granted<'_, RunbookRunDelete>) -> Result<()> {
    let id = granted.what().run.id();
    let task = granted.write(|tx| {
        let gone = sql::runs::by_id(tx, id)?;
        if let Some(why) = gone.obstacle() {
            return Err(Error::Conflict(why));
        }
        let project = projects::by_id(tx, gone.project)?;
        let runbook = sql::by_id(tx, gone.runbook)?;
        sql::runs::delete(tx, id, gone.task)?;
        let mut event =
            told(&project, &runbook, "Deleted", "A run of ", " in ").name(gone.environment, &gone.environment_name);
        if let (Some(tenant), Some(name)) = (gone.tenant, &gone.tenant_name) {
            event = event.say(" for ").name(tenant, name);
        }
        let event = event.say(" was deleted with its log").related(id).related(gone.task);
        let event = event.environment(gone.environment.0).tenant(gone.tenant.map(|tenant| tenant.0));
        tx.record(event, gone.task)
    })?;
    tasks::forget(granted.visitor().company().folder(), &[task]);
    Ok(())
}

impl Run {
    /// Why it cannot be deleted now; `None`: it can. What [`delete_run`] would say, said first (findings C6).
    pub fn obstacle(&self) -> Option<String> {
        let why = "cannot be deleted while it runs or waits to run. Wait for its task to end, or cancel it.";
        (!self.state.is_completed()).then(|| format!("This run of {} {why}", self.runbook_name))
    }
}
