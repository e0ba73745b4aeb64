//! Projects: what is deployed. Each lies in a group, follows a lifecycle and has a process of steps.
//!
//! Does not know releases or deployments, but for what goes with a project when it is deleted.

pub mod groups;
pub(in crate::company) mod kept;
pub mod process;
mod sql;
mod step;
pub mod template;
pub mod version;

use super::access::{
    Columns, Conditions, Event, Granted, Reach, Rows,
    permissions::{
        InNewProject, List, ProcessEdit, ProcessView, ProjectCreate, ProjectDelete, ProjectEdit, ProjectView,
        RunbookEdit, RunbookView,
    },
};
use super::tasks;
use crate::base::{
    clock::{self, Moment},
    error::{Error, Fields as Wrong, Result},
    ids::{Id, Lifecycle, Project as Kind, ProjectGroup, Space, Task},
    names,
    paging::{Listed, Page},
};
use crate::company::naming::Named;
use serde::Serialize;

/// How they are named.
const NAMES: Named = Named { table: "projects", within: "space_id", one: "a project", slug: "project" };

/// Whether a project is deployed for tenants (`domain §2`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub enum TenantedMode {
    /// Never.
    #[default]
    Untenanted,
    /// For a tenant or for none.
    TenantedOrUntenanted,
    /// A tenant is compulsory.
    Tenanted,
}

impl TenantedMode {
    /// All of them, the default first.
    pub const ALL: [TenantedMode; 3] =
        [TenantedMode::Untenanted, TenantedMode::TenantedOrUntenanted, TenantedMode::Tenanted];
    /// Its word on the wire and in the file.
    pub fn word(self) -> &'static str {
        match self {
            TenantedMode::Untenanted => "Untenanted",
            TenantedMode::TenantedOrUntenanted => "TenantedOrUntenanted",
            TenantedMode::Tenanted => "Tenanted",
        }
    }
    /// Reads the word, ignoring case.
    pub fn parse(text: &str) -> Option<TenantedMode> {
        Self::ALL.into_iter().find(|mode| mode.word().eq_ignore_ascii_case(text.trim()))
    }
    /// Whether a tenant may be given.
    pub fn with_tenant(self) -> bool {
        self != TenantedMode::Untenanted
    }
    /// Whether a deployment without tenant is allowed.
    pub fn without_tenant(self) -> bool {
        self != TenantedMode::Tenanted
    }
}

/// A project.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Project {
    /// Its id.
    #[serde(skip)]
    pub id: Id<Kind>,
    /// Its space.
    #[serde(skip)]
    pub space: Id<Space>,
    /// Its group.
    #[serde(rename = "ProjectGroupId", serialize_with = "wire")]
    pub group: Id<ProjectGroup>,
    /// The lifecycle its releases follow.
    #[serde(rename = "LifecycleId", serialize_with = "wire")]
    pub lifecycle: Id<Lifecycle>,
    /// Its name, unique in its space.
    pub name: String,
    /// What stands for it in addresses; kept when the name changes.
    pub slug: String,
    /// What it is for.
    pub description: String,
    /// It takes no new releases and deployments.
    pub is_disabled: bool,
    /// Whether it is deployed for tenants.
    #[serde(rename = "TenantedDeploymentMode")]
    pub tenanted: TenantedMode,
    /// What the version of the next release is made of.
    pub version_template: String,
    /// It may be deployed where there is no target for it.
    #[serde(rename = "AllowDeploymentsToNoTargets")]
    pub allows_no_targets: bool,
    /// The project it was cloned from.
    #[serde(skip)]
    pub cloned_from: Option<Id<Kind>>,
    /// When it was made.
    #[serde(skip)]
    pub created_at: Moment,
}

fn wire<T: crate::base::ids::Kind, S: serde::Serializer>(id: &Id<T>, to: S) -> std::result::Result<S::Ok, S::Error> {
    to.collect_str(id)
}

/// What a person gives. The group is in the proof.
#[derive(Debug, Clone, Default)]
pub struct Fields {
    /// Required, 1–200 characters, unique in the space.
    pub name: String,
    /// What stands for it in addresses; empty: made of the first name, and kept.
    pub slug: String,
    /// At most 2,000 characters.
    pub description: String,
    /// `None`: when made, the default lifecycle of the space; when changed, the one it has.
    pub lifecycle: Option<Id<Lifecycle>>,
    /// See [`Project::is_disabled`].
    pub is_disabled: bool,
    /// See [`Project::tenanted`].
    pub tenanted: TenantedMode,
    /// See [`Project::version_template`]; empty: when made, the usual one; when changed, the one it has.
    pub version_template: String,
    /// See [`Project::allows_no_targets`]; `None`: as it is, at first not.
    pub allows_no_targets: Option<bool>,
}

impl Fields {
    /// Nothing but a name.
    pub fn named(name: &str) -> Fields {
        Fields { name: name.into(), ..Fields::default() }
    }
}

impl From<&Project> for Fields {
    fn from(project: &Project) -> Fields {
        Fields {
            name: project.name.clone(),
            slug: project.slug.clone(),
            description: project.description.clone(),
            lifecycle: Some(project.lifecycle),
            is_disabled: project.is_disabled,
            tenanted: project.tenanted,
            version_template: project.version_template.clone(),
            allows_no_targets: Some(project.allows_no_targets),
        }
    }
}

/// Which projects are asked for.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Part of the name, ignoring case.
    pub partial_name: String,
    /// Only these, by number.
    pub ids: Option<Vec<i64>>,
    /// Only those of this group.
    pub group: Option<i64>,
    /// Only those that follow this lifecycle.
    pub lifecycle: Option<i64>,
    /// Only those cloned from this project.
    pub cloned_from: Option<i64>,
    /// Only the disabled, or only the others.
    pub is_disabled: Option<bool>,
}

/// The projects of a space that the visitor may see, by name.
pub fn list(granted: &Granted<'_, List<ProjectView>>, filter: &Filter, page: Page) -> Result<Listed<Project>> {
    let reach = granted.reach();
    granted.read(|rows| {
        let wanted = Conditions::of("space_id = $", granted.what().space())
            .named("name_key", &filter.partial_name)
            .among("id", filter.ids.as_deref())
            .asked("group_id = $", filter.group)
            .asked("lifecycle_id = $", filter.lifecycle)
            .asked("cloned_from = $", filter.cloned_from)
            .asked("is_disabled = $", filter.is_disabled.map(i64::from))
            .seen(&reach, COLUMNS);
        sql::list(rows, &wanted, page)
    })
}

/// One project.
pub fn show(granted: &Granted<'_, ProjectView>) -> Result<Project> {
    granted.read(|rows| sql::by_id(rows, granted.what().project.id()))
}

/// Makes a project with an empty process and the channel "Default".
///
/// # Errors
/// `Invalid` for a name that is missing, too long or taken, and for a lifecycle of another space.
pub fn create(granted: &Granted<'_, ProjectCreate>, fields: Fields) -> Result<Project> {
    granted.write(|tx| {
        let (made, event) = make(tx, granted, &fields, None)?;
        tx.record(event, made)
    })
}

/// Makes a project as a copy of another of the same space: its settings, process, channels and runbooks (`domain §2`); of
/// the runbooks those that the visitor may see. Each part takes the right to make it in the new project (`access-rules
/// §11`). Of `fields` only name, slug and description are read.
///
/// # Errors
/// As [`create`]; `Denied` for a part that the visitor sees and could not make there: `ProcessEdit`, `RunbookEdit`.
pub fn clone(
    granted: &Granted<'_, ProjectCreate>,
    source: &Granted<'_, ProcessView>,
    fields: Fields,
) -> Result<Project> {
    let from = source.what().project.id();
    same_company(granted, source)?;
    let (visitor, group) = (granted.visitor(), &granted.what().group);
    visitor.ask(ProjectView { project: source.what().project.clone() })?;
    visitor.ask(InNewProject::<ProcessEdit>::of(group))?;
    let runbooks = granted.reach_of::<RunbookView>(group.space_id());
    if granted.read(|rows| sql::has_runbooks(rows, from, &runbooks))? {
        visitor.ask(InNewProject::<RunbookEdit>::of(group))?;
    }
    granted.write(|tx| {
        let original = sql::by_id(tx, from)?;
        if original.space.0 != granted.what().group.space_id() {
            return Err(Error::NotFound(from.to_string()));
        }
        let (name, slug, description) = (fields.name.clone(), fields.slug.clone(), fields.description.clone());
        let fields = Fields { name, slug, description, ..Fields::from(&original) };
        let (made, event) = make(tx, granted, &fields, Some(from))?;
        sql::copy_channels(tx, from, made.id)?;
        let mut steps = process::of(tx, from)?.steps;
        let channels = sql::channels_by_name(tx, from, made.id)?;
        kept::rename_channels(&mut steps, &channels);
        sql::set_steps(tx, made.id, &kept::write(tx, made.space, &steps)?)?;
        sql::copy_runbooks(tx, from, made.id, &runbooks)?;
        for (runbook, json) in sql::runbooks_with_channels(tx, made.id)? {
            let mut steps = kept::read(tx, made.space, &json)?;
            kept::rename_channels(&mut steps, &channels);
            tx.run("UPDATE runbooks SET steps = ?2 WHERE id = ?1", (runbook, kept::write(tx, made.space, &steps)?))?;
        }
        tx.record(event.say(" as a copy of ").name(from, &original.name), made)
    })
}

fn make(
    tx: &super::access::Writing<'_>,
    granted: &Granted<'_, ProjectCreate>,
    fields: &Fields,
    from: Option<Id<Kind>>,
) -> Result<(Project, Event)> {
    let group = groups::by_id(tx, granted.what().group.id())?;
    let fields = check(tx, group.space, fields, None)?;
    let lifecycle = match fields.lifecycle {
        Some(lifecycle) => lifecycle,
        None => sql::default_lifecycle(tx, group.space)?,
    };
    let id = sql::insert(tx, &group, lifecycle, &fields, from)?;
    let made = sql::by_id(tx, id)?;
    let event = Event::new("Created").say("Project ").name(id, &made.name).say(" was created");
    let event = event.space(made.space.0).project(id.0, Some(made.group.0));
    Ok((made, event))
}

/// Two proofs that one change needs must be of one company; their numbers mean nothing to another.
fn same_company<P: super::access::permissions::Permission, Q: super::access::permissions::Permission>(
    one: &Granted<'_, P>,
    other: &Granted<'_, Q>,
) -> Result<()> {
    if one.visitor().company().id() == other.visitor().company().id() {
        Ok(())
    } else {
        Err(Error::internal("two proofs of different companies were given to one change"))
    }
}

/// Changes a project; disabling and enabling it is this too. `into` moves it to another group: the proof that the
/// visitor may add projects there (`access-rules §4`).
///
/// # Errors
/// As [`create`], and for making a project untenanted while tenants are connected to it.
pub fn edit(
    granted: &Granted<'_, ProjectEdit>,
    into: Option<&Granted<'_, ProjectCreate>>,
    fields: Fields,
) -> Result<Project> {
    edit_as_it_is(granted, into, |_| fields)
}

/// As [`edit`], for a change of some of its settings: it is made to what the project is when that is written down.
///
/// # Errors
/// As [`edit`].
pub fn edit_as_it_is(
    granted: &Granted<'_, ProjectEdit>,
    into: Option<&Granted<'_, ProjectCreate>>,
    change: impl FnOnce(&Project) -> Fields,
) -> Result<Project> {
    let id = granted.what().project.id();
    if let Some(into) = into {
        same_company(granted, into)?;
    }
    granted.write(|tx| {
        let before = sql::by_id(tx, id)?;
        let group = match into {
            Some(into) => groups::by_id(tx, into.what().group.id())?,
            None => groups::by_id(tx, before.group)?,
        };
        if group.space != before.space {
            return Err(Error::NotFound(group.id.to_string()));
        }
        let fields = check(tx, before.space, &change(&before), Some(&before))?;
        let tenants = sql::connected(tx, id)?;
        if fields.tenanted == TenantedMode::Untenanted && tenants > 0 {
            let some = if tenants == 1 { "1 tenant is".into() } else { format!("{tenants} tenants are") };
            return Err(Error::invalid(
                "TenantedDeploymentMode",
                format!("{} cannot be made untenanted: {some} connected to it. Disconnect them first.", before.name),
            ));
        }
        sql::update(tx, id, group.id, fields.lifecycle.unwrap_or(before.lifecycle), &fields)?;
        let after = sql::by_id(tx, id)?;
        let event = Event::new("Modified").say("Project ").name(id, &after.name).say(" was changed");
        let event = event.space(after.space.0).project(id.0, Some(after.group.0));
        tx.record(event.difference(&before, &after), after)
    })
}

/// Deletes a project and all below it: process, channels, releases, deployments and their tasks. Its line in the trail
/// stays.
///
/// # Errors
/// `Conflict` while a task of it executes (`domain §15`).
pub fn delete(granted: &Granted<'_, ProjectDelete>) -> Result<()> {
    let id = granted.what().project.id();
    let tasks = granted.write(|tx| {
        let gone = sql::by_id(tx, id)?;
        if let Some(why) = stops(tx, &gone)? {
            return Err(Error::Conflict(why));
        }
        // Limits of roles that name it stay: without them a role scoped to this project alone would reach everywhere.
        let tasks = sql::delete(tx, id)?;
        let event = Event::new("Deleted").say("Project ").name(id, &gone.name).say(" was deleted");
        tx.record(event.space(gone.space.0).project(id.0, Some(gone.group.0)), tasks)
    })?;
    tasks::forget(granted.visitor().company().folder(), &tasks);
    Ok(())
}

/// Why it cannot be deleted now; `None`: it can. What [`delete`] would say, said first (findings C6).
pub fn obstacle(granted: &Granted<'_, ProjectDelete>) -> Result<Option<String>> {
    granted.read(|rows| stops(rows, &sql::by_id(rows, granted.what().project.id())?))
}

fn stops(rows: &Rows<'_>, gone: &Project) -> Result<Option<String>> {
    let why = "cannot be deleted while it is being deployed. Wait for its task to end, or cancel it.";
    Ok(sql::executing(rows, gone.id)?.then(|| format!("{} {why}", gone.name)))
}

fn check(rows: &Rows<'_>, space: Id<Space>, fields: &Fields, this: Option<&Project>) -> Result<Fields> {
    let mut wrong = Wrong::new();
    let given = (fields.name.as_str(), fields.description.as_str());
    let (name, description) = NAMES.check(rows, &mut wrong, space.0, given, this.map(|this| this.id.0))?;
    let present = this.map(|this| (this.id.0, this.slug.as_str()));
    let slug = NAMES.slug(rows, &mut wrong, space.0, (&fields.slug, &name), present)?;
    if let Some(lifecycle) = fields.lifecycle
        && !sql::lifecycle_in(rows, space, lifecycle)?
    {
        wrong.add("LifecycleId", "There is no such lifecycle in this space. Choose one of its lifecycles.");
    }
    let version_template = match (fields.version_template.trim(), this) {
        ("", Some(this)) => this.version_template.clone(),
        ("", None) => template::USUAL.to_owned(),
        (wished, _) => wished.to_owned(),
    };
    if version_template.chars().count() > 500 {
        wrong.add("VersioningStrategy.Template", "Give at most 500 characters.");
    } else if let Err(sentence) = template::check(&version_template, clock::now()) {
        wrong.add("VersioningStrategy.Template", sentence);
    }
    wrong.finish()?;
    let allows_no_targets = fields.allows_no_targets.or(this.map(|this| this.allows_no_targets));
    Ok(Fields { name, slug, description, version_template, allows_no_targets, ..fields.clone() })
}

/// What a project's rows say of its place.
const COLUMNS: Columns = Columns {
    group: Some("group_id"),
    project: Some("id"),
    environment: None,
    tenant: None,
    runbook: None,
    null_is_any: false,
};

/// One project, inside a transaction that was granted for something that has it.
pub(in crate::company) fn by_id(rows: &Rows<'_>, id: Id<Kind>) -> Result<Project> {
    sql::by_id(rows, id)
}

/// The projects with some number in a column, in words: "the project Shop", "2 projects (Shop and 1 you may not see)".
/// `None` when there are none. Names only those within the reach.
pub(in crate::company) fn counted(
    rows: &Rows<'_>,
    column: &'static str,
    number: i64,
    reach: &Reach,
) -> Result<Option<String>> {
    let (total, seen) = sql::with(rows, column, number, reach)?;
    let hidden = total - seen.len() as i64;
    Ok(match (total, seen.as_slice()) {
        (0, _) => None,
        (1, [name]) => Some(format!("the project {name}")),
        (1, _) => Some("a project that you may not see".into()),
        (_, []) => Some(format!("{total} projects that you may not see")),
        (_, names) if hidden == 0 && names.len() <= 3 => Some(format!("{total} projects ({})", names.join(", "))),
        (_, [name, ..]) => Some(format!("{total} projects, among them {name}")),
    })
}

#[cfg(test)]
mod tests;
