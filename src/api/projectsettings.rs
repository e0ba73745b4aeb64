//! What stands below a project besides its parts: `/api/{space}/projects/{project}/deploymentsettings`, its summary, and
//! `/api/{space}/variables/variableset-{project}`, a set that is always empty in this version.

use super::{
    caller::Ask,
    projects::{EnvironmentDefault, ProjectConnectivityPolicy, VersioningStrategy, located},
    resource,
    wire::{Json, Links, NoList, Nothing, Off, Sent},
};
use crate::{
    base::{
        error::{Error, Result},
        ids::{self, Id},
        paging::Page,
    },
    company::{
        access::{
            At,
            permissions::{
                DeploymentView, EnvironmentView, List, ProcessView, ProjectEdit, ProjectView, RunbookView,
                VariableViewUnscoped,
            },
        },
        channels, deployments,
        environments::{self, Filter},
        projects::{self, Fields, Project, process},
        runbooks,
        tasks::State,
    },
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How a project is deployed.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct DeploymentSettings {
    #[schema(read_only)]
    id: String,
    #[schema(read_only)]
    space_id: String,
    #[schema(read_only)]
    project_id: String,
    connectivity_policy: ProjectConnectivityPolicy,
    default_guided_failure_mode: EnvironmentDefault,
    default_to_skip_if_already_installed: Off,
    deployment_changes_template: Nothing,
    force_package_download: Off,
    release_notes_template: Nothing,
    versioning_strategy: VersioningStrategy,
    #[schema(read_only)]
    links: Links,
}

/// A project at a glance: as far as one may see it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ProjectSummary {
    id: String,
    has_deployment_process: bool,
    has_been_successfully_deployed: bool,
    has_runbooks: bool,
    links: Links,
}

/// The variables of a project.
#[derive(Default, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct VariableSet {
    id: String,
    owner_id: String,
    space_id: String,
    version: i64,
    variables: NoList,
    scope_values: ScopeValues,
    links: Links,
}

/// What variables could be limited to.
#[derive(Default, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
struct ScopeValues {
    environments: Vec<ScopeValue>,
    machines: NoList,
    actions: NoList,
    roles: NoList,
    channels: Vec<ScopeValue>,
    tenant_tags: NoList,
    processes: NoList,
}

/// Something by id and name.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
struct ScopeValue {
    id: String,
    name: String,
}

fn draw(ask: &Ask, project: &Project) -> DeploymentSettings {
    let own = format!("{}/projects/{}", resource::space_api(ask, project.space.0), project.id);
    DeploymentSettings {
        id: format!("deploymentsettings-{}", project.id),
        space_id: project.space.to_string(),
        project_id: project.id.to_string(),
        versioning_strategy: VersioningStrategy::of(project),
        connectivity_policy: ProjectConnectivityPolicy::of(project),
        links: Links::of(format!("{own}/deploymentsettings"), &[]).and("Project", own),
        ..DeploymentSettings::default()
    }
}

/// How a project is deployed.
pub(super) fn show(ask: &Ask) -> Result<Json<DeploymentSettings>> {
    let granted = ask.visitor()?.ask(ProjectView { project: located(ask)? })?;
    Ok(Json(draw(ask, &projects::show(&granted)?)))
}

/// Changes how it is deployed; all else of the project stays.
pub(super) fn update(ask: &Ask, Sent(sent): Sent<DeploymentSettings>) -> Result<Json<DeploymentSettings>> {
    let (visitor, project) = (ask.visitor()?, located(ask)?);
    let granted = visitor.ask(ProjectEdit { project: project.clone() })?;
    visitor.ask(ProjectView { project })?;
    let allowed = sent.connectivity_policy.allow_deployments_to_no_targets;
    let change = |present: &Project| Fields {
        version_template: sent.versioning_strategy.template,
        allows_no_targets: allowed.or(Some(present.allows_no_targets)),
        ..Fields::from(present)
    };
    Ok(Json(draw(ask, &projects::edit_as_it_is(&granted, None, change)?)))
}

/// A project at a glance.
pub(super) fn summary(ask: &Ask) -> Result<Json<ProjectSummary>> {
    let (visitor, space, project) = (ask.visitor()?, ask.space()?, located(ask)?);
    visitor.ask(ProjectView { project: project.clone() })?;
    let one = Page::of(None, Some(1));
    let has_deployment_process = visitor.may(ProcessView { project: project.clone() })
        && !process::show(&visitor.ask(ProcessView { project: project.clone() })?)?.steps.is_empty();
    let filter = deployments::Filter {
        projects: Some(vec![project.id().0]),
        states: vec![State::Success],
        ..deployments::Filter::default()
    };
    let has_been_successfully_deployed = visitor.may_somewhere::<DeploymentView>(&space)
        && deployments::list(&visitor.ask(List::<DeploymentView>::of(&space))?, &filter, one)?.total > 0;
    let filter = runbooks::Filter { projects: Some(vec![project.id().0]), ..runbooks::Filter::default() };
    let has_runbooks = visitor.may_somewhere::<RunbookView>(&space)
        && runbooks::list(&visitor.ask(List::<RunbookView>::of(&space))?, &filter, one)?.total > 0;
    let own = format!("{}/projects/{}/summary", resource::space_api(ask, project.space_id()), project.id());
    let (id, links) = (project.id().to_string(), Links::of(&own, &[]));
    Ok(Json(ProjectSummary { id, has_deployment_process, has_been_successfully_deployed, has_runbooks, links }))
}

/// The variables of a project, by the id of the set.
pub(super) fn variables(ask: &Ask) -> Result<Json<VariableSet>> {
    let (visitor, space, id) = (ask.visitor()?, ask.space()?, ask.parameter("id"));
    let unknown = || Error::NotFound(id.to_owned());
    let (word, project) = id.split_once('-').ok_or_else(unknown)?;
    let project = Some(project).filter(|_| word.eq_ignore_ascii_case("variableset"));
    let project = project.and_then(Id::<ids::Project>::parse).ok_or_else(unknown)?;
    let project: At<ids::Project> = visitor.locate(&space, &project.to_string()).map_err(|error| match error {
        Error::NotFound(_) => unknown(),
        other => other,
    })?;
    visitor.ask(VariableViewUnscoped { project: project.clone() })?;
    let named = |id: String, name: &str| ScopeValue { id, name: name.to_owned() };
    let environments = if visitor.may_somewhere::<EnvironmentView>(&space) {
        let granted = visitor.ask(List::<EnvironmentView>::of(&space))?;
        environments::list(&granted, &Filter::default(), Page::ALL)?.items
    } else {
        Vec::new()
    };
    let channels = if visitor.may(ProcessView { project: project.clone() }) {
        let filter = channels::Filter { project: Some(project.id().0), ..channels::Filter::default() };
        channels::list(&visitor.ask(List::<ProcessView>::of(&space))?, &filter, Page::ALL)?.items
    } else {
        Vec::new()
    };
    let set = format!("variableset-{}", project.id());
    let own = format!("{}/variables/{set}", resource::space_api(ask, project.space_id()));
    Ok(Json(VariableSet {
        id: set,
        owner_id: project.id().to_string(),
        space_id: Id::<ids::Space>::new(project.space_id()).to_string(),
        scope_values: ScopeValues {
            environments: environments.iter().map(|one| named(one.id.to_string(), &one.name)).collect(),
            channels: channels.iter().map(|one| named(one.id.to_string(), &one.name)).collect(),
            ..ScopeValues::default()
        },
        links: Links::of(&own, &[]),
        ..VariableSet::default()
    }))
}
