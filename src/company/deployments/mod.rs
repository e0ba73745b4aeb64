//! Deployments: a release sent to one environment, for one tenant or for none. Each has a task that carries it out.
//!
//! Decides whether a release may go somewhere and what will run where. Does not know how a script gets there.

pub mod builtins;
mod choices;
mod deploy;
mod outlook;
pub mod plan;
mod prepare;
#[cfg(test)]
mod tests;

use super::{
    access::{
        Columns, Event, Granted, Rows,
        permissions::{DeploymentDelete, DeploymentView, List},
    },
    projects,
    tasks::{self, State},
};
use crate::base::{
    clock::Moment,
    error::{Error, Result},
    ids::{Channel, Deployment as Kind, Environment, Id, Project, Release, Space, Target, Task, Tenant},
    names,
    paging::{Listed, Page},
};
pub(in crate::company) use builtins::{page, said};
pub(in crate::company) use choices::connected;
pub use choices::{Choices, Place, Recipient, Verdict, choices};
pub use deploy::{MOST_AT_ONCE, deploy, deploy_to_many};
pub(in crate::company) use deploy::{check_options, refused_skip};
pub use outlook::Obstacle;
pub use prepare::{Prepared, Preview, prepare, preview};
pub(in crate::company) use prepare::{gather, hide_unseen, keep_targets};

/// A deployment, with the names of what it concerns and how its task stands.
#[derive(Debug, Clone)]
pub struct Deployment {
    /// Its id.
    pub id: Id<Kind>,
    /// Its space.
    pub space: Id<Space>,
    /// The project.
    pub project: Id<Project>,
    /// The project's name and slug.
    pub project_name: String,
    /// What stands for the project in addresses.
    pub project_slug: String,
    /// The release.
    pub release: Id<Release>,
    /// The release's version.
    pub version: String,
    /// The release's channel.
    pub channel: Id<Channel>,
    /// Where it went.
    pub environment: Id<Environment>,
    /// The environment's name.
    pub environment_name: String,
    /// For whom; `None`: for no tenant.
    pub tenant: Option<Id<Tenant>>,
    /// The tenant's name.
    pub tenant_name: Option<String>,
    /// What stands for the tenant in addresses.
    pub tenant_slug: Option<String>,
    /// The task that carries it out.
    pub task: Id<Task>,
    /// "Deploy to Production".
    pub name: String,
    /// What was said about it.
    pub comments: String,
    /// Steps that were left out by name.
    pub skip_steps: Vec<String>,
    /// Only to these targets; empty: to all.
    pub only_targets: Vec<Id<Target>>,
    /// Not to these targets.
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

/// How to deploy, beyond what and where.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// At most 5,000 characters.
    pub comments: String,
    /// Steps to leave out: names of steps or actions.
    pub skip_steps: Vec<String>,
    /// Only to these targets; empty: to all.
    pub only_targets: Vec<Id<Target>>,
    /// Not to these targets.
    pub not_targets: Vec<Id<Target>>,
    /// Begin no earlier; at most 30 days ahead.
    pub not_before: Option<Moment>,
    /// Give up when it has not begun by then.
    pub not_after: Option<Moment>,
}

/// Which deployments are asked for. `None` asks for all.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only these, by number.
    pub ids: Option<Vec<i64>>,
    /// Only of these projects.
    pub projects: Option<Vec<i64>>,
    /// Only to these environments.
    pub environments: Option<Vec<i64>>,
    /// Only for these tenants.
    pub tenants: Option<Vec<i64>>,
    /// Only of releases of these channels.
    pub channels: Option<Vec<i64>>,
    /// Only of these releases.
    pub releases: Option<Vec<i64>>,
    /// Only whose task is in one of these states.
    pub states: Vec<State>,
    /// Part of the version, or of the environment's or tenant's name, ignoring case.
    pub search: String,
}

const COLUMNS: Columns = Columns {
    group: Some("p.group_id"),
    project: Some("d.project_id"),
    environment: Some("d.environment_id"),
    tenant: Some("d.tenant_id"),
    runbook: None,
    null_is_any: false,
};

/// The deployments of a space that the visitor may see, newest first.
pub fn list(granted: &Granted<'_, List<DeploymentView>>, filter: &Filter, page: Page) -> Result<Listed<Deployment>> {
    let mut parameters = sql::parameters(granted.what().space(), filter);
    let seen = granted.reach().condition(COLUMNS, &mut parameters);
    granted.read(|rows| sql::list(rows, &seen, &parameters, page))
}

/// The latest deployment to each place (project, environment, tenant) that the visitor may see: what a dashboard shows. Of
/// tenants, those that are connected there.
pub fn latest(granted: &Granted<'_, List<DeploymentView>>, filter: &Filter) -> Result<Vec<Deployment>> {
    let mut parameters = sql::parameters(granted.what().space(), filter);
    let seen = granted.reach().condition(COLUMNS, &mut parameters);
    granted.read(|rows| sql::latest(rows, &seen, &parameters))
}

/// The last success before the latest deployment to each place, of those that the visitor may see.
pub fn before(granted: &Granted<'_, List<DeploymentView>>, filter: &Filter) -> Result<Vec<Deployment>> {
    let mut parameters = sql::parameters(granted.what().space(), filter);
    let seen = granted.reach().condition(COLUMNS, &mut parameters);
    granted.read(|rows| sql::before(rows, &seen, &parameters))
}

/// The deployments of the same release to the same environment that were asked for together with this one, itself among
/// them, as far as the visitor may see them; at most a hundred.
pub fn together(granted: &Granted<'_, List<DeploymentView>>, one: Id<Kind>) -> Result<Vec<Deployment>> {
    let mut parameters = sql::parameters(granted.what().space(), &Filter::default());
    let seen = granted.reach().condition(COLUMNS, &mut parameters);
    granted.read(|rows| sql::together(rows, &seen, parameters, one))
}

/// One deployment.
pub fn show(granted: &Granted<'_, DeploymentView>) -> Result<Deployment> {
    granted.read(|rows| sql::by_id(rows, granted.what().deployment.id()))
}

/// Deletes a deployment with its task and its log. Its lines in the trail stay.
///
/// # Errors
/// `Conflict` while it is under way or waits to be.
pub fn delete(granted: &Granted<'_, DeploymentDelete>) -> Result<()> {
    let id = granted.what().deployment.id();
    let task = granted.write(|tx| {
        let gone = sql::by_id(tx, id)?;
        if !gone.state.is_completed() {
            return Err(Error::Conflict(format!(
                "This deployment of {} {} cannot be deleted while it is under way or waits. Wait for its task to end, or cancel it.",
                gone.project_name, gone.version
            )));
        }
        let project = projects::by_id(tx, gone.project)?;
        tx.run("DELETE FROM deployments WHERE id = ?1", [id])?;
        tx.run("DELETE FROM tasks WHERE id = ?1", [gone.task])?;
        let mut event = Event::new("Deleted")
            .say("The deployment of ")
            .name(project.id, &project.name)
            .say(" ")
            .name(gone.release, &gone.version)
            .say(" to ")
            .name(gone.environment, &gone.environment_name);
        if let (Some(tenant), Some(name)) = (gone.tenant, &gone.tenant_name) {
            event = event.say(" for ").name(tenant, name);
        }
        let event = event
            .say(" was deleted with its log")
            .related(id)
            .related(gone.task)
            .space(gone.space.0)
            .project(project.id.0, Some(project.group.0))
            .environment(gone.environment.0)
            .tenant(gone.tenant.map(|tenant| tenant.0));
        tx.record(event, gone.task)
    })?;
    tasks::forget(granted.visitor().company().folder(), &[task]);
    Ok(())
}

/// Ids that stand in a column as a JSON list; none for what is no such list.
pub(in crate::company) fn from_json<T>(text: &str) -> Vec<Id<T>> {
    let numbers: Vec<i64> = serde_json::from_str(text).unwrap_or_default();
    numbers.into_iter().map(Id::new).collect()
}

mod sql {
    use super::*;
    use crate::base::clock;
    use crate::company::{access::Writing, environments, releases};
    use rusqlite::{Row, params_from_iter, types::Value};

    const SELECT: &str = "SELECT d.id, d.space_id, d.project_id, p.name, p.slug, d.release_id, r.version, d.channel_id, d.environment_id, e.name,
        d.tenant_id, n.name, n.slug, d.task_id, d.name, d.comments, d.skip_steps, d.only_targets, d.not_targets, d.created_at,
        d.created_by_id, d.created_by, t.state, t.started_at, t.completed_at, t.error, t.warnings, t.not_before, t.not_after";
    const FROM: &str = "FROM deployments d JOIN tasks t ON t.id = d.task_id JOIN projects p ON p.id = d.project_id
        JOIN releases r ON r.id = d.release_id JOIN environments e ON e.id = d.environment_id LEFT JOIN tenants n ON n.id = d.tenant_id";

    fn read(row: &Row<'_>) -> rusqlite::Result<Deployment> {
        let (skip, only, not, state): (String, String, String, String) =
            (row.get(16)?, row.get(17)?, row.get(18)?, row.get(22)?);
        Ok(Deployment {
            id: row.get(0)?,
            space: row.get(1)?,
            project: row.get(2)?,
            project_name: row.get(3)?,
            project_slug: row.get(4)?,
            release: row.get(5)?,
            version: row.get(6)?,
            channel: row.get(7)?,
            environment: row.get(8)?,
            environment_name: row.get(9)?,
            tenant: row.get(10)?,
            tenant_name: row.get(11)?,
            tenant_slug: row.get(12)?,
            task: row.get(13)?,
            name: row.get(14)?,
            comments: row.get(15)?,
            skip_steps: serde_json::from_str(&skip).unwrap_or_default(),
            only_targets: from_json(&only),
            not_targets: from_json(&not),
            created_at: row.get(19)?,
            created_by_id: row.get(20)?,
            created_by: row.get(21)?,
            // The table's own checks leave no other word.
            state: State::parse(&state).unwrap_or(State::Failed),
            started_at: row.get(23)?,
            completed_at: row.get(24)?,
            error: row.get(25)?,
            warnings: row.get(26)?,
            not_before: row.get(27)?,
            not_after: row.get(28)?,
        })
    }

    pub fn parameters(space: i64, filter: &Filter) -> Vec<Value> {
        let list = crate::company::naming::json;
        let states: Vec<&str> = filter.states.iter().map(|state| state.name()).collect();
        vec![
            Value::Integer(space),
            list(&filter.ids),
            list(&filter.projects),
            list(&filter.environments),
            list(&filter.tenants),
            list(&filter.channels),
            list(&filter.releases),
            if states.is_empty() {
                Value::Null
            } else {
                Value::Text(serde_json::to_string(&states).unwrap_or_default())
            },
            Value::Text(names::key(&filter.search)),
        ]
    }

    const WHERE: &str = "d.space_id = ?1 AND (?2 IS NULL OR d.id IN (SELECT value FROM json_each(?2)))
        AND (?3 IS NULL OR d.project_id IN (SELECT value FROM json_each(?3)))
        AND (?4 IS NULL OR d.environment_id IN (SELECT value FROM json_each(?4)))
        AND (?5 IS NULL OR d.tenant_id IN (SELECT value FROM json_each(?5)))
        AND (?6 IS NULL OR d.channel_id IN (SELECT value FROM json_each(?6)))
        AND (?7 IS NULL OR d.release_id IN (SELECT value FROM json_each(?7)))
        AND (?8 IS NULL OR t.state IN (SELECT value FROM json_each(?8)))
        AND (?9 = '' OR instr(r.version_key, ?9) > 0 OR instr(e.name_key, ?9) > 0 OR instr(n.name_key, ?9) > 0)";

    pub fn list(rows: &Rows<'_>, seen: &str, parameters: &[Value], page: Page) -> Result<Listed<Deployment>> {
        let sql = format!(
            "{SELECT} {FROM} WHERE {WHERE} AND {seen} ORDER BY d.id DESC LIMIT {} OFFSET {}",
            page.take, page.skip
        );
        let items = rows.all(&sql, params_from_iter(parameters), read)?;
        Listed::of(page, items, || {
            rows.number(&format!("SELECT count(*) {FROM} WHERE {WHERE} AND {seen}"), params_from_iter(parameters))
        })
    }

    /// What runs for a tenant is of interest where it is connected: what was deployed before that ended is history.
    const CONNECTED: &str =
        "(d.tenant_id IS NULL OR EXISTS (SELECT 1 FROM tenant_environments c WHERE c.tenant_id = d.tenant_id
        AND c.project_id = d.project_id AND c.environment_id = d.environment_id))";

    pub fn latest(rows: &Rows<'_>, seen: &str, parameters: &[Value]) -> Result<Vec<Deployment>> {
        let sql = format!(
            "{SELECT} {FROM} WHERE {WHERE} AND {seen} AND {CONNECTED}
             AND d.id IN (SELECT max(id) FROM deployments WHERE space_id = ?1 GROUP BY project_id, environment_id, tenant_id)
             ORDER BY d.id DESC"
        );
        rows.all(&sql, params_from_iter(parameters), read)
    }

    pub fn before(rows: &Rows<'_>, seen: &str, parameters: &[Value]) -> Result<Vec<Deployment>> {
        let sql = format!(
            "{SELECT} {FROM} WHERE {WHERE} AND {seen} AND {CONNECTED}
             AND d.id IN (SELECT max(o.id) FROM deployments o JOIN tasks w ON w.id = o.task_id
                          WHERE o.space_id = ?1 AND w.state = 'Success'
                            AND o.id < (SELECT max(i.id) FROM deployments i WHERE i.project_id = o.project_id
                                          AND i.environment_id = o.environment_id AND i.tenant_id IS o.tenant_id)
                          GROUP BY o.project_id, o.environment_id, o.tenant_id)
             ORDER BY d.id DESC"
        );
        rows.all(&sql, params_from_iter(parameters), read)
    }

    pub fn together(rows: &Rows<'_>, seen: &str, mut parameters: Vec<Value>, one: Id<Kind>) -> Result<Vec<Deployment>> {
        parameters.push(one.0.into());
        let own = format!(
            "(SELECT o.release_id, o.environment_id, o.created_by FROM deployments o WHERE o.id = ?{})",
            parameters.len()
        );
        let sql = format!(
            "{SELECT} {FROM} WHERE {WHERE} AND {seen} AND (d.release_id, d.environment_id, d.created_by) = {own}
             AND abs(d.created_at - (SELECT o.created_at FROM deployments o WHERE o.id = ?{})) < 2000 ORDER BY d.id LIMIT 100",
            parameters.len()
        );
        rows.all(&sql, params_from_iter(&parameters), read)
    }

    pub fn by_id(rows: &Rows<'_>, id: Id<Kind>) -> Result<Deployment> {
        rows.one(&format!("{SELECT} {FROM} WHERE d.id = ?1"), [id], read)?
            .ok_or_else(|| Error::NotFound(id.to_string()))
    }

    pub fn by_task(rows: &Rows<'_>, task: Id<Task>) -> Result<Deployment> {
        rows.one(&format!("{SELECT} {FROM} WHERE d.task_id = ?1"), [task], read)?
            .ok_or_else(|| Error::NotFound(task.to_string()))
    }

    /// The number that the next row will have: the task's arguments name the deployment before it is there.
    pub fn next_id(rows: &Rows<'_>) -> Result<Id<Kind>> {
        let last =
            rows.one("SELECT seq FROM sqlite_sequence WHERE name = 'deployments'", [], |row| row.get::<_, i64>(0))?;
        Ok(Id::new(last.unwrap_or(0) + 1))
    }

    pub fn insert(
        tx: &Writing<'_>,
        id: Id<Kind>,
        release: &releases::Release,
        environment: &environments::Environment,
        tenant: Option<Id<Tenant>>,
        task: Id<Task>,
        options: &Options,
    ) -> Result<()> {
        let numbers = |ids: &[Id<Target>]| serde_json::to_string(&ids.iter().map(|id| id.0).collect::<Vec<_>>());
        tx.run(
            "INSERT INTO deployments (id, space_id, project_id, release_id, channel_id, environment_id, tenant_id, task_id, name, comments,
                                      skip_steps, only_targets, not_targets, created_at, created_by_id, created_by)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
            (
                id,
                release.space,
                release.project,
                release.id,
                release.channel,
                environment.id,
                tenant,
                task,
                format!("Deploy to {}", environment.name),
                &options.comments,
                serde_json::to_string(&options.skip_steps)?,
                numbers(&options.only_targets)?,
                numbers(&options.not_targets)?,
                clock::now(),
                tx.actor_id(),
                tx.actor_name(),
            ),
        )?;
        Ok(())
    }
}
