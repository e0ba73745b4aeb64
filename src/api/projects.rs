//! `/api/{space}/projects`.

use super::{
    caller::Ask,
    resource,
    wire::{self, All, Collection, Created, Done, Json, Links, NoList, Nothing, Off, Query, Sent, refer},
};
use crate::{
    base::{
        error::{Error, Result},
        ids::{self, Id},
        paging::Page,
    },
    company::{
        access::{
            At, Locate,
            permissions::{List, ProcessView, ProjectCreate, ProjectDelete, ProjectEdit, ProjectView},
        },
        projects::{self, Fields, Filter, Project, TenantedMode},
    },
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A project on the wire.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct ProjectResource {
    #[schema(read_only)]
    id: String,
    #[schema(read_only)]
    space_id: String,
    name: String,
    /// Empty: made of the first name, and kept.
    slug: String,
    description: String,
    /// When changed and left out: the one it has.
    project_group_id: refer::ProjectGroup,
    /// Left out: the default one of the space, or the one it has.
    lifecycle_id: refer::Lifecycle,
    is_disabled: bool,
    tenanted_deployment_mode: TenantedDeploymentMode,
    #[schema(read_only)]
    variable_set_id: String,
    #[schema(read_only)]
    deployment_process_id: String,
    #[schema(read_only)]
    deployment_settings_id: String,
    #[schema(read_only)]
    cloned_from_project_id: Option<String>,
    included_library_variable_set_ids: NoList,
    templates: NoList,
    project_tags: NoList,
    auto_deploy_release_overrides: NoList,
    extension_settings: NoList,
    versioning_strategy: VersioningStrategy,
    release_creation_strategy: ReleaseCreationStrategy,
    project_connectivity_policy: ProjectConnectivityPolicy,
    default_guided_failure_mode: EnvironmentDefault,
    auto_create_release: Off,
    discrete_channel_release: Off,
    default_to_skip_if_already_installed: Off,
    force_package_download: Off,
    allow_ignore_channel_rules: Off,
    is_version_controlled: Off,
    persistence_settings: Database,
    release_notes_template: Nothing,
    deployment_changes_template: Nothing,
    #[schema(read_only)]
    links: Links,
}

/// Whether something is done for tenants.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
pub(super) enum TenantedDeploymentMode {
    /// Never.
    #[default]
    Untenanted,
    /// For a tenant or for none.
    TenantedOrUntenanted,
    /// A tenant is compulsory.
    Tenanted,
}
impl From<TenantedMode> for TenantedDeploymentMode {
    fn from(mode: TenantedMode) -> Self {
        match mode {
            TenantedMode::Untenanted => TenantedDeploymentMode::Untenanted,
            TenantedMode::TenantedOrUntenanted => TenantedDeploymentMode::TenantedOrUntenanted,
            TenantedMode::Tenanted => TenantedDeploymentMode::Tenanted,
        }
    }
}
impl From<TenantedDeploymentMode> for TenantedMode {
    fn from(mode: TenantedDeploymentMode) -> Self {
        match mode {
            TenantedDeploymentMode::Untenanted => TenantedMode::Untenanted,
            TenantedDeploymentMode::TenantedOrUntenanted => TenantedMode::TenantedOrUntenanted,
            TenantedDeploymentMode::Tenanted => TenantedMode::Tenanted,
        }
    }
}

/// What the next version of a project is made of.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct VersioningStrategy {
    /// Expressions such as `#{Octopus.Version.NextPatch}`, and parts `i` (one more) and `c` (as it is). Empty: as it is, at
    /// first the vendor's own default.
    pub(super) template: String,
    donor_package: Nothing,
    donor_package_step_id: Nothing,
}

impl ProjectConnectivityPolicy {
    /// That of a project.
    pub fn of(project: &Project) -> ProjectConnectivityPolicy {
        let allow_deployments_to_no_targets = Some(project.allows_no_targets);
        ProjectConnectivityPolicy { allow_deployments_to_no_targets, ..ProjectConnectivityPolicy::default() }
    }
}

impl VersioningStrategy {
    /// That of a project.
    pub fn of(project: &Project) -> VersioningStrategy {
        VersioningStrategy { template: project.version_template.clone(), ..VersioningStrategy::default() }
    }
}

/// Which packages make releases when they arrive.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct ReleaseCreationStrategy {
    channel_id: Nothing,
    release_creation_package: Nothing,
    release_creation_package_step_id: Nothing,
}

/// What is done about targets that are not there.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct ProjectConnectivityPolicy {
    skip_machine_behavior: NoSkipping,
    target_roles: NoList,
    /// A deployment may go where none of its steps that need a target has one; otherwise it fails there.
    pub(super) allow_deployments_to_no_targets: Option<bool>,
    exclude_unhealthy_targets: Off,
}

wire::fixed! {
    /// Kept in the company's file.
    Database(DatabaseValue) = {"Type": "Database"};
    /// As the environment says.
    EnvironmentDefault(EnvironmentDefaultValue) = "EnvironmentDefault";
    /// No target is passed over.
    NoSkipping(NoSkippingValue) = "None";
}

/// Which projects.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ProjectQuery {
    ids: Option<Vec<String>>,
    name: String,
    partial_name: String,
    cloned_from_project_id: String,
    /// Clients send it along; it says something only where a project is made.
    clone: String,
}

/// How a project is made.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct CloneProjectQuery {
    /// As a copy of this one.
    clone: refer::Project,
}

pub(super) fn draw(ask: &Ask, project: &Project) -> ProjectResource {
    let (id, space) = (project.id.to_string(), resource::space_api(ask, project.space.0));
    let own = format!("{space}/projects/{id}");
    let links = Links::of(
        &own,
        &[
            ("Channels", "/channels{/id}{?skip,take,ids,partialName}"),
            ("DeploymentProcess", "/deploymentprocesses"),
            ("DeploymentSettings", "/deploymentsettings"),
            ("Progression", "/progression"),
            ("Releases", "/releases{/version}{?skip,take,searchByVersion}"),
            ("Runbooks", "/runbooks{/id}{?skip,take,partialName}"),
            ("Summary", "/summary"),
        ],
    )
    .and("Variables", format!("{space}/variables/variableset-{id}"));
    ProjectResource {
        space_id: project.space.to_string(),
        name: project.name.clone(),
        slug: project.slug.clone(),
        description: project.description.clone(),
        project_group_id: project.group.into(),
        lifecycle_id: project.lifecycle.into(),
        is_disabled: project.is_disabled,
        tenanted_deployment_mode: project.tenanted.into(),
        variable_set_id: format!("variableset-{id}"),
        deployment_process_id: format!("deploymentprocess-{id}"),
        deployment_settings_id: format!("deploymentsettings-{id}"),
        versioning_strategy: VersioningStrategy::of(project),
        project_connectivity_policy: ProjectConnectivityPolicy::of(project),
        cloned_from_project_id: project.cloned_from.map(|id| id.to_string()),
        links: links.and("Web", web(ask, project.space, &format!("projects/{id}"))),
        id,
        ..ProjectResource::default()
    }
}

/// An address that clients print for people.
pub(super) fn web(ask: &Ask, space: Id<ids::Space>, rest: &str) -> String {
    format!("{}/app#/{space}/{rest}", ask.base())
}

/// What a body refers to by id, slug or name. A thing that is not there is an error of the field, not of the address.
pub(super) fn referred<T: Locate>(ask: &Ask, field: &str, text: &str) -> Result<At<T>> {
    let word = T::WORD;
    if text.trim().is_empty() {
        return Err(Error::invalid(field, format!("Say which {word}.")));
    }
    let visitor = ask.visitor()?;
    let missing = || Error::invalid(field, format!("There is no {word} “{text}” in this space."));
    match visitor.named(&ask.space()?, text) {
        // What one may not see is told like what is not there.
        Ok(at) if visitor.sees(&at) => Ok(at),
        Ok(_) | Err(Error::NotFound(_)) => Err(missing()),
        Err(other) => Err(other),
    }
}

/// The project of the path.
pub(super) fn located(ask: &Ask) -> Result<At<ids::Project>> {
    ask.visitor()?.locate(&ask.space()?, ask.parameter("project"))
}

pub(super) fn filter(query: &ProjectQuery) -> Filter {
    let _ = &query.clone;
    let name = if query.partial_name.is_empty() { &query.name } else { &query.partial_name };
    let cloned_from = Some(&query.cloned_from_project_id).filter(|text| !text.is_empty());
    Filter {
        partial_name: name.clone(),
        ids: query.ids.as_deref().map(wire::numbers::<ids::Project>),
        // An id that is none matches nothing.
        cloned_from: cloned_from.map(|text| Id::<ids::Project>::parse(text).map_or(0, |id| id.0)),
        ..Filter::default()
    }
}

/// A page of projects, at an address below the space.
pub(super) fn page(
    ask: &Ask,
    below: &str,
    query: &Query<ProjectQuery>,
    filter: &Filter,
) -> Result<Collection<ProjectResource>> {
    let space = ask.space()?;
    let granted = ask.visitor()?.ask(List::<ProjectView>::of(&space))?;
    let listed = projects::list(&granted, filter, ask.page())?;
    let own = format!("{}{below}", resource::space_api(ask, space.id().0));
    Ok(wire::collection(ask, query, &own, "Project", listed, ask.page(), |p| draw(ask, p)))
}

/// A page of them.
pub(super) fn list(ask: &Ask, query: Query<ProjectQuery>) -> Result<Collection<ProjectResource>> {
    page(ask, "/projects", &query, &filter(&query))
}

/// All of them, as a bare array.
pub(super) fn all(ask: &Ask, query: Query<ProjectQuery>) -> Result<All<ProjectResource>> {
    every(ask, &filter(&query))
}

/// All that a filter lets through, as a bare array.
pub(super) fn every(ask: &Ask, filter: &Filter) -> Result<All<ProjectResource>> {
    let granted = ask.visitor()?.ask(List::<ProjectView>::of(&ask.space()?))?;
    Ok(All(projects::list(&granted, filter, Page::ALL)?.items.iter().map(|p| draw(ask, p)).collect()))
}

/// One.
pub(super) fn show(ask: &Ask) -> Result<Json<ProjectResource>> {
    let granted = ask.visitor()?.ask(ProjectView { project: located(ask)? })?;
    Ok(Json(draw(ask, &projects::show(&granted)?)))
}

fn fields(ask: &Ask, sent: ProjectResource) -> Result<Fields> {
    let lifecycle = match sent.lifecycle_id.given() {
        Some(text) => Some(referred::<ids::Lifecycle>(ask, "LifecycleId", text)?.id()),
        None => None,
    };
    Ok(Fields {
        name: sent.name,
        slug: sent.slug,
        description: sent.description,
        lifecycle,
        is_disabled: sent.is_disabled,
        tenanted: sent.tenanted_deployment_mode.into(),
        version_template: sent.versioning_strategy.template,
        allows_no_targets: sent.project_connectivity_policy.allow_deployments_to_no_targets,
    })
}

/// Makes one; with `?clone=` as a copy of another.
pub(super) fn create(
    ask: &Ask,
    query: Query<CloneProjectQuery>,
    Sent(sent): Sent<ProjectResource>,
) -> Result<Created<ProjectResource>> {
    let visitor = ask.visitor()?;
    let group = referred::<ids::ProjectGroup>(ask, "ProjectGroupId", sent.project_group_id.text())?;
    let granted = visitor.ask(ProjectCreate { group })?;
    let made = match query.clone.given() {
        Some(source) => {
            let source = visitor.ask(ProcessView { project: visitor.named(&ask.space()?, source)? })?;
            projects::clone(&granted, &source, fields(ask, sent)?)?
        }
        None => projects::create(&granted, fields(ask, sent)?)?,
    };
    Ok(Created(draw(ask, &made)))
}

/// Changes one; another group moves it there.
pub(super) fn update(ask: &Ask, Sent(sent): Sent<ProjectResource>) -> Result<Json<ProjectResource>> {
    let (visitor, at) = (ask.visitor()?, located(ask)?);
    let granted = visitor.ask(ProjectEdit { project: at.clone() })?;
    let present = projects::show(&visitor.ask(ProjectView { project: at })?)?;
    let into = match sent.project_group_id.given() {
        Some(text) => {
            let group = referred::<ids::ProjectGroup>(ask, "ProjectGroupId", text)?;
            if group.id() == present.group { None } else { Some(visitor.ask(ProjectCreate { group })?) }
        }
        None => None,
    };
    Ok(Json(draw(ask, &projects::edit(&granted, into.as_ref(), fields(ask, sent)?)?)))
}

/// Deletes one.
pub(super) fn delete(ask: &Ask) -> Result<Done> {
    projects::delete(&ask.visitor()?.ask(ProjectDelete { project: located(ask)? })?)?;
    Ok(Done)
}
