//! A tenant that has a history, deleted with it: its deployments and runs, their tasks and their logs. Who does it may
//! delete each of them.

use super::{Kind, by_id, sql};
use crate::{
    base::{
        error::{Error, Result},
        ids::{Id, Target, Task},
    },
    company::{
        access::{
            Columns, Event, Granted, Reach, Rows, Writing,
            permissions::{DeploymentDelete, RunbookRunDelete, TenantDelete},
        },
        tasks,
    },
};
use rusqlite::params_from_iter;

/// What goes with a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct History {
    /// Deployments for it.
    pub deployments: i64,
    /// Runs of runbooks for it.
    pub runs: i64,
    /// There are others, which the visitor may not delete.
    pub has_others: bool,
}

impl History {
    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.deployments == 0 && self.runs == 0 && !self.has_others
    }
}

const OTHERS: &str =
    "it has deployments or runs that you may not delete. Disable it instead: it keeps its history and takes no more.";

/// What would go with the tenant, as far as the visitor may delete it.
pub fn of(granted: &Granted<'_, TenantDelete>) -> Result<History> {
    let reaches = Reaches::of(granted);
    granted.read(|rows| reaches.history(rows, granted.what().tenant.id()))
}

/// Why it cannot be deleted with its history now; `None`: it can. What [`delete`] would say, said first (findings C6).
pub fn obstacle(granted: &Granted<'_, TenantDelete>) -> Result<Option<String>> {
    let reaches = Reaches::of(granted);
    granted.read(|rows| {
        let history = reaches.history(rows, granted.what().tenant.id())?;
        stops(rows, granted, history, &by_id(rows, granted.what().tenant.id())?.name)
    })
}

fn stops(rows: &Rows<'_>, granted: &Granted<'_, TenantDelete>, history: History, name: &str) -> Result<Option<String>> {
    let called = |target: Id<Target>, name: &str| granted.visitor().called(target, name);
    let why = sql::kept_by(rows, granted.what().tenant.id(), true, called)?;
    let why = why.or_else(|| history.has_others.then(|| OTHERS.to_owned()));
    Ok(why.map(|why| format!("{name} cannot be deleted: {why}")))
}

/// Deletes a tenant with all that was deployed and run for it. Lines in the trail stay.
///
/// # Errors
/// `Conflict` while something is under way for it, while a deployment target names it, and where it has deployments or
/// runs that the visitor may not delete.
pub fn delete(granted: &Granted<'_, TenantDelete>) -> Result<()> {
    let (id, reaches) = (granted.what().tenant.id(), Reaches::of(granted));
    let tasks = granted.write(|tx| {
        let gone = by_id(tx, id)?;
        let history = reaches.history(tx, id)?;
        if let Some(why) = stops(tx, granted, history, &gone.name)? {
            return Err(Error::Conflict(why));
        }
        let tasks = forget(tx, id)?;
        let event = Event::new("Deleted").say("Tenant ").name(id, &gone.name).say(" was deleted with its history");
        let event = event.detail("Deployments", history.deployments).detail("Runs", history.runs);
        tx.record(event.space(gone.space.0).tenant(Some(id.0)), tasks)
    })?;
    tasks::forget(granted.visitor().company().folder(), &tasks);
    Ok(())
}

/// The tasks that went with it.
fn forget(tx: &Writing<'_>, id: Id<Kind>) -> Result<Vec<Id<Task>>> {
    let tasks = tx.all("SELECT id FROM tasks WHERE tenant_id = ?1", [id], |row| row.get(0))?;
    for table in ["deployments", "runbook_runs", "tasks"] {
        tx.run(&format!("DELETE FROM {table} WHERE tenant_id = ?1"), [id])?;
    }
    // INVARIANT: as where a tenant without a history is deleted, the limits of roles to it stay.
    tx.run("DELETE FROM tenants WHERE id = ?1", [id])?;
    Ok(tasks)
}

/// What the visitor may delete.
struct Reaches {
    deployments: Reach,
    runs: Reach,
}

impl Reaches {
    fn of(granted: &Granted<'_, TenantDelete>) -> Reaches {
        let space = granted.what().tenant.space_id();
        Reaches {
            deployments: granted.reach_of::<DeploymentDelete>(space),
            runs: granted.reach_of::<RunbookRunDelete>(space),
        }
    }

    fn history(&self, rows: &Rows<'_>, id: Id<Kind>) -> Result<History> {
        let count = |table: &str, reach: &Reach, runbook: Option<&'static str>| -> Result<(i64, i64)> {
            let columns = Columns {
                group: Some("p.group_id"),
                project: Some("x.project_id"),
                environment: Some("x.environment_id"),
                tenant: Some("x.tenant_id"),
                runbook,
                null_is_any: false,
            };
            let mut parameters = vec![id.0.into()];
            let within = reach.condition(columns, &mut parameters);
            let from = format!("FROM {table} x JOIN projects p ON p.id = x.project_id WHERE x.tenant_id = ?1");
            let all = rows.number(&format!("SELECT count(*) {from}"), [id])?;
            Ok((rows.number(&format!("SELECT count(*) {from} AND {within}"), params_from_iter(&parameters))?, all))
        };
        let (deployments, all) = count("deployments", &self.deployments, None)?;
        let (runs, all_runs) = count("runbook_runs", &self.runs, Some("x.runbook_id"))?;
        Ok(History { deployments, runs, has_others: deployments < all || runs < all_runs })
    }
}
