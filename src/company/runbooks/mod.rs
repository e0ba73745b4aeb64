//! Runbooks: processes of a project that are run where and when they are needed, without a release and without a lifecycle
//! (`domain §10`).
//!
//! A runbook's process may change at any time; a *snapshot* freezes it, and *publishing* says which snapshot is run by who
//! may only run. A run is carried out as a deployment is: by the same plan, the same tasks and the same engine.

pub mod process;
mod prepare;
mod run;
mod runs;
pub mod snapshots;
mod sql;
#[cfg(test)]
mod tests;

use super::{
    access::{
        At, Columns, Conditions, Event, Granted, Rows, RunbookPart,
        permissions::{List, RunbookEdit, RunbookView},
    },
    projects::{self, Project as OfProject, TenantedMode},
    tasks,
};
use crate::base::{
    clock::Moment,
    error::{Error, Fields as Wrong, Result},
    ids::{Environment, Id, Project, Runbook as Kind, RunbookSnapshot, Space},
    names,
    paging::{Listed, Page},
    retention::Retention,
};
use crate::company::naming::Named;
pub use prepare::{prepare, preview};
pub use run::{Choices, Spot, Which, choices, run};
pub use runs::{Run, RunFilter, delete_run, list_runs, show_run};
use serde::Serialize;

/// How they are named.
const NAMES: Named = Named { table: "runbooks", within: "project_id", one: "a runbook", slug: "runbook" };

/// Where a runbook may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub enum EnvironmentScope {
    /// In the environments of the project's lifecycle.
    #[default]
    FromProjectLifecycles,
    /// In every environment of the space, those to come included.
    All,
    /// In those named.
    Specified,
}

impl EnvironmentScope {
    /// All of them, the default first.
    pub const ALL: [EnvironmentScope; 3] =
        [EnvironmentScope::FromProjectLifecycles, EnvironmentScope::All, EnvironmentScope::Specified];
    /// Its word on the wire and in the file.
    pub fn word(self) -> &'static str {
        match self {
            EnvironmentScope::FromProjectLifecycles => "FromProjectLifecycles",
            EnvironmentScope::All => "All",
            EnvironmentScope::Specified => "Specified",
        }
    }
    /// Reads the word, ignoring case.
    pub fn parse(text: &str) -> Option<EnvironmentScope> {
        Self::ALL.into_iter().find(|scope| scope.word().eq_ignore_ascii_case(text.trim()))
    }
}

/// A runbook.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Runbook {
    /// Its id.
    #[serde(skip)]
    pub id: Id<Kind>,
    /// Its space.
    #[serde(skip)]
    pub space: Id<Space>,
    /// Its project.
    #[serde(skip)]
    pub project: Id<Project>,
    /// Its name, unique in its project.
    pub name: String,
    /// What stands for it in addresses; kept when the name changes.
    #[serde(skip)]
    pub slug: String,
    /// What it is for.
    pub description: String,
    /// Whether it is run for tenants.
    #[serde(rename = "MultiTenancyMode")]
    pub tenanted: TenantedMode,
    /// Where it may run.
    pub environment_scope: EnvironmentScope,
    /// The environments it may run in when its scope says so; else empty.
    #[serde(serialize_with = "wire_ids")]
    pub environments: Vec<Id<Environment>>,
    /// How long runs are kept.
    #[serde(rename = "RunRetentionPolicy")]
    pub run_retention: Retention,
    /// Whether a run that finds no target for any of its steps is a success.
    #[serde(rename = "AllowDeploymentsToNoTargets")]
    pub allows_no_targets: bool,
    /// The snapshot that is run when none is named.
    #[serde(skip)]
    pub published: Option<Published>,
    /// How many steps its process has now.
    #[serde(skip)]
    pub steps: usize,
    /// When it was made.
    #[serde(skip)]
    pub created_at: Moment,
}

fn wire_ids<S: serde::Serializer>(ids: &[Id<Environment>], to: S) -> std::result::Result<S::Ok, S::Error> {
    to.collect_seq(ids.iter().map(Id::to_string))
}

/// The published snapshot of a runbook.
#[derive(Debug, Clone)]
pub struct Published {
    /// The snapshot.
    pub id: Id<RunbookSnapshot>,
    /// Its name.
    pub name: String,
    /// When it was published.
    pub at: Moment,
    /// The process has changed since the snapshot was taken.
    pub is_behind: bool,
}

/// What a person gives.
#[derive(Debug, Clone, Default)]
pub struct Fields {
    /// Required, 1–200 characters, unique in the project.
    pub name: String,
    /// What stands for it in addresses; empty: made of the first name, and kept.
    pub slug: String,
    /// At most 2,000 characters.
    pub description: String,
    /// See [`Runbook::tenanted`].
    pub tenanted: TenantedMode,
    /// See [`Runbook::environment_scope`].
    pub environment_scope: EnvironmentScope,
    /// Read when the scope is [`EnvironmentScope::Specified`]; then at least one, all of the runbook's space.
    pub environments: Vec<Id<Environment>>,
    /// See [`Runbook::run_retention`]; `None`: as it is, at first for ever.
    pub run_retention: Option<Retention>,
    /// See [`Runbook::allows_no_targets`]; `None`: as it is, at first so.
    pub allows_no_targets: Option<bool>,
}

impl Fields {
    /// Nothing but a name.
    pub fn named(name: &str) -> Fields {
        Fields { name: name.into(), ..Fields::default() }
    }
}

impl From<&Runbook> for Fields {
    fn from(runbook: &Runbook) -> Fields {
        Fields {
            name: runbook.name.clone(),
            slug: runbook.slug.clone(),
            description: runbook.description.clone(),
            tenanted: runbook.tenanted,
            environment_scope: runbook.environment_scope,
            environments: runbook.environments.clone(),
            run_retention: Some(runbook.run_retention),
            allows_no_targets: Some(runbook.allows_no_targets),
        }
    }
}

/// Which runbooks are asked for.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Part of the name, ignoring case.
    pub partial_name: String,
    /// Only these, by number.
    pub ids: Option<Vec<i64>>,
    /// Only those of these projects.
    pub projects: Option<Vec<i64>>,
}

/// What a runbook's rows say of its place; `r` is the runbook, `p` its project.
const COLUMNS: Columns = Columns {
    group: Some("p.group_id"),
    project: Some("r.project_id"),
    environment: None,
    tenant: None,
    runbook: Some("r.id"),
    null_is_any: false,
};

/// The runbooks of a space that the visitor may see, by project and name. Those of projects that they may not see are
/// left out.
pub fn list(granted: &Granted<'_, List<RunbookView>>, filter: &Filter, page: Page) -> Result<Listed<Runbook>> {
    let space = granted.what().space();
    let projects = granted.reach_of::<crate::company::access::permissions::ProjectView>(space);
    granted.read(|rows| {
        let wanted = Conditions::of("r.space_id = $", space)
            .named("r.name_key", &filter.partial_name)
            .among("r.id", filter.ids.as_deref())
            .among("r.project_id", filter.projects.as_deref())
            .seen(&granted.reach(), COLUMNS)
            .seen(&projects, Columns { group: COLUMNS.group, project: COLUMNS.project, ..Columns::default() });
        sql::list(rows, &wanted, page)
    })
}

/// One runbook.
pub fn show(granted: &Granted<'_, RunbookView>) -> Result<Runbook> {
    granted.read(|rows| sql::by_id(rows, granted.what().runbook.id()))
}

/// The runbook that a proof is about.
fn this<'g>(granted: &'g Granted<'_, RunbookEdit>) -> Result<&'g At<Kind>> {
    match &granted.what().runbook {
        RunbookPart::This(runbook) => Ok(runbook),
        RunbookPart::New(_) => Err(Error::internal("a proof for a new runbook was given for one that is there")),
    }
}

/// Makes a runbook with an empty process in the project of the proof.
///
/// # Errors
/// `Invalid` for a name that is missing, too long or taken, and for environments that are not of the space.
pub fn create(granted: &Granted<'_, RunbookEdit>, fields: Fields) -> Result<Runbook> {
    let RunbookPart::New(project) = &granted.what().runbook else {
        return Err(Error::internal("a proof for a runbook that is there was given for a new one"));
    };
    granted.write(|tx| {
        let project = projects::by_id(tx, project.id())?;
        let fields = check(tx, &project, &fields, None)?;
        let id = sql::insert(tx, &project, &fields)?;
        let made = sql::by_id(tx, id)?;
        let event = told(&project, &made, "Created", "Runbook ", " was created");
        tx.record(event, made)
    })
}

/// Changes a runbook's name, description, tenancy and environments.
///
/// # Errors
/// As [`create`].
pub fn edit(granted: &Granted<'_, RunbookEdit>, fields: Fields) -> Result<Runbook> {
    let id = this(granted)?.id();
    granted.write(|tx| {
        let before = sql::by_id(tx, id)?;
        let project = projects::by_id(tx, before.project)?;
        let fields = check(tx, &project, &fields, Some(&before))?;
        sql::update(tx, id, &fields)?;
        let after = sql::by_id(tx, id)?;
        let event = told(&project, &after, "Modified", "Runbook ", " was changed");
        tx.record(event.difference(&before, &after), after)
    })
}

/// Deletes a runbook with its snapshots, its runs and their tasks. Its lines in the trail stay.
///
/// # Errors
/// `Conflict` while it runs or waits to run.
pub fn delete(granted: &Granted<'_, RunbookEdit>) -> Result<()> {
    let id = this(granted)?.id();
    let tasks = granted.write(|tx| {
        let gone = sql::by_id(tx, id)?;
        let project = projects::by_id(tx, gone.project)?;
        if let Some(why) = stops(tx, &gone)? {
            return Err(Error::Conflict(why));
        }
        // Limits of roles that name it stay: without them a role limited to this runbook alone would reach all.
        let tasks = sql::delete(tx, id)?;
        tx.record(told(&project, &gone, "Deleted", "Runbook ", " was deleted"), tasks)
    })?;
    tasks::forget(granted.visitor().company().folder(), &tasks);
    Ok(())
}

/// Why it cannot be deleted now; `None`: it can. What [`delete`] would say, said first (findings C6).
pub fn obstacle(granted: &Granted<'_, RunbookEdit>) -> Result<Option<String>> {
    let id = this(granted)?.id();
    granted.read(|rows| stops(rows, &sql::by_id(rows, id)?))
}

fn stops(rows: &Rows<'_>, gone: &Runbook) -> Result<Option<String>> {
    let why = "cannot be deleted while it runs or waits to run. Wait for its tasks to end, or cancel them.";
    Ok(sql::under_way(rows, gone.id)?.then(|| format!("{} {why}", gone.name)))
}

/// The beginning of an event about a runbook: "Runbook Restart of Shop was changed".
fn told(project: &OfProject, runbook: &Runbook, category: &'static str, before: &str, after: &str) -> Event {
    Event::new(category)
        .say(before)
        .name(runbook.id, &runbook.name)
        .say(" of ")
        .name(project.id, &project.name)
        .say(after)
        .space(project.space.0)
        .project(project.id.0, Some(project.group.0))
        .runbook(runbook.id.0)
}

fn check(rows: &Rows<'_>, project: &OfProject, fields: &Fields, this: Option<&Runbook>) -> Result<Fields> {
    let mut wrong = Wrong::new();
    let name = wrong.check("Name", names::name(&fields.name, 200)).unwrap_or_default();
    let description = wrong.check("Description", names::text(&fields.description, 2000)).unwrap_or_default();
    if wrong.is_empty() && NAMES.taken(rows, project.id.0, &name, this.map(|runbook| runbook.id.0))? {
        wrong.add("Name", format!("{} has a runbook called “{name}” already. Choose another name.", project.name));
    }
    let present = this.map(|this| (this.id.0, this.slug.as_str()));
    let slug = NAMES.slug(rows, &mut wrong, project.id.0, (&fields.slug, &name), present)?;
    let mut environments = fields.environments.clone();
    environments.sort_unstable();
    environments.dedup();
    if fields.environment_scope == EnvironmentScope::Specified {
        if environments.is_empty() {
            wrong.add("Environments", "Choose at least one environment, or let it run in all.");
        }
        if let Some(id) = sql::not_in_space(rows, project.space, &environments)? {
            wrong.add("Environments", format!("There is no environment {id} in this space. Choose another."));
        }
    } else {
        environments.clear();
    }
    wrong.finish()?;
    let run_retention = fields.run_retention.or(this.map(|this| this.run_retention));
    let allows_no_targets = fields.allows_no_targets.or(this.map(|this| this.allows_no_targets));
    Ok(Fields { name, slug, description, environments, run_retention, allows_no_targets, ..fields.clone() })
}
