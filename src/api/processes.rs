//! `/api/{space}/projects/{project}/deploymentprocesses` and `/api/{space}/deploymentprocesses/{id}`.
//!
//! The frozen process of a release is read under `deploymentprocess-Projects-1-s-5`, the 5 being the release's number.

use super::{
    caller::Ask,
    projects::{VersioningStrategy, located},
    resource,
    steps::Steps,
    wire::{Json, Links, NoList, Nothing, Query, Sent, refer},
};
use crate::{
    base::{
        error::{Error, Result},
        ids::{self, Id},
    },
    company::{
        access::{
            At,
            permissions::{ProcessEdit, ProcessView, ProjectView, ReleaseCreate, ReleaseView},
        },
        projects::{
            self,
            process::{self, Process},
        },
        releases,
    },
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A process on the wire.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct ProcessResource {
    #[schema(read_only)]
    id: String,
    #[schema(read_only)]
    space_id: String,
    #[schema(read_only)]
    project_id: String,
    /// The version that a change was made from.
    pub(super) version: Option<i64>,
    #[schema(read_only)]
    last_snapshot_id: Nothing,
    pub(super) steps: Steps,
    #[schema(read_only)]
    links: Links,
}

/// What a client asks before it makes a release: the version that comes next, and the packages to choose, of which there
/// are none.
#[derive(Default, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ReleaseTemplate {
    deployment_process_id: String,
    next_version_increment: String,
    last_release_version: Nothing,
    versioning_strategy: VersioningStrategy,
    versioning_package_step_name: Nothing,
    versioning_package_reference_name: Nothing,
    packages: NoList,
    git_resources: NoList,
    links: Links,
}

/// For which channel.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct TemplateQuery {
    /// Left out: the default one.
    channel: refer::Channel,
    /// Of this release: its frozen process.
    release_id: refer::Release,
}

/// The id of a project's process.
pub(super) fn id_of(project: Id<ids::Project>) -> String {
    format!("deploymentprocess-{project}")
}

/// The id of a release's frozen process.
pub(super) fn frozen_id(project: Id<ids::Project>, release: Id<ids::Release>) -> String {
    format!("deploymentprocess-{project}-s-{}", release.0)
}

fn draw(ask: &Ask, process: Process) -> ProcessResource {
    let space = resource::space_api(ask, process.space.0);
    let project = format!("{space}/projects/{}", process.project);
    let own = format!("{project}/deploymentprocesses");
    ProcessResource {
        id: id_of(process.project),
        space_id: process.space.to_string(),
        project_id: process.project.to_string(),
        version: Some(process.version),
        steps: process.steps.into(),
        links: Links::of(&own, &[("Template", "/template{?channel}")]).and("Project", project),
        ..ProcessResource::default()
    }
}

/// The process of a project.
pub(super) fn of_project(ask: &Ask) -> Result<Json<ProcessResource>> {
    let granted = ask.visitor()?.ask(ProcessView { project: located(ask)? })?;
    Ok(Json(draw(ask, process::show(&granted)?)))
}

/// What a process id stands for.
struct Named {
    project: At<ids::Project>,
    release: Option<String>,
}

fn named(ask: &Ask) -> Result<Named> {
    let id = ask.parameter("id");
    let unknown = || Error::NotFound(id.to_owned());
    let prefix = "deploymentprocess-";
    let rest = id
        .get(prefix.len()..)
        .filter(|_| id.is_char_boundary(prefix.len()) && id[..prefix.len()].eq_ignore_ascii_case(prefix));
    let rest = rest.ok_or_else(unknown)?.to_ascii_lowercase();
    let (project, release) =
        rest.split_once("-s-").map_or((rest.as_str(), None), |(project, release)| (project, Some(release)));
    let project = Id::<ids::Project>::parse(project).ok_or_else(unknown)?;
    let located = ask.visitor()?.locate(&ask.space()?, &project.to_string()).map_err(|error| match error {
        Error::NotFound(_) => unknown(),
        other => other,
    })?;
    Ok(Named { project: located, release: release.map(|number| format!("Releases-{number}")) })
}

/// The process of a project, or the frozen one of a release, by its id.
pub(super) fn show(ask: &Ask) -> Result<Json<ProcessResource>> {
    let (visitor, named) = (ask.visitor()?, named(ask)?);
    let granted = visitor.ask(ProcessView { project: named.project.clone() })?;
    let Some(release) = named.release else { return Ok(Json(draw(ask, process::show(&granted)?))) };
    let release = releases::show(&visitor.ask(ReleaseView { release: visitor.locate(&named.project, &release)? })?)?;
    let own = format!("{}/deploymentprocesses/{}", resource::space_api(ask, release.space.0), ask.parameter("id"));
    Ok(Json(ProcessResource {
        id: frozen_id(release.project, release.id),
        space_id: release.space.to_string(),
        project_id: release.project.to_string(),
        version: Some(0),
        steps: release.steps.into(),
        links: Links::of(&own, &[]),
        ..ProcessResource::default()
    }))
}

/// New steps for a project.
pub(super) fn update_of_project(ask: &Ask, Sent(sent): Sent<ProcessResource>) -> Result<Json<ProcessResource>> {
    save(ask, located(ask)?, sent)
}

/// New steps for a project, by the id of its process. What is frozen does not change.
pub(super) fn update(ask: &Ask, Sent(sent): Sent<ProcessResource>) -> Result<Json<ProcessResource>> {
    let named = named(ask)?;
    if named.release.is_some() {
        return Err(Error::Conflict(
            "The process of a release is frozen. Change the project's process and make another release.".into(),
        ));
    }
    save(ask, named.project, sent)
}

fn save(ask: &Ask, project: At<ids::Project>, sent: ProcessResource) -> Result<Json<ProcessResource>> {
    let granted = ask.visitor()?.ask(ProcessEdit { project })?;
    let (version, steps) = sent.steps.sent(sent.version)?;
    Ok(Json(draw(ask, process::save(&granted, version, steps)?)))
}

/// What a client asks before it makes a release.
pub(super) fn template(ask: &Ask, query: Query<TemplateQuery>) -> Result<Json<ReleaseTemplate>> {
    templated(ask, located(ask)?, &query)
}

/// The same, by the id of the process.
pub(super) fn template_by_id(ask: &Ask, query: Query<TemplateQuery>) -> Result<Json<ReleaseTemplate>> {
    let named = named(ask)?;
    if named.release.is_some() {
        return Err(Error::NotFound(ask.parameter("id").to_owned()));
    }
    templated(ask, named.project, &query)
}

fn templated(ask: &Ask, project: At<ids::Project>, query: &TemplateQuery) -> Result<Json<ReleaseTemplate>> {
    let visitor = ask.visitor()?;
    let process = process::show(&visitor.ask(ProcessView { project: project.clone() })?)?;
    let strategy = match visitor.may(ProjectView { project: project.clone() }) {
        true => VersioningStrategy::of(&projects::show(&visitor.ask(ProjectView { project: project.clone() })?)?),
        false => VersioningStrategy::default(),
    };
    let release: Option<At<ids::Release>> =
        query.release_id.given().map(|text| visitor.named(&project, text)).transpose()?;
    if let Some(release) = &release {
        visitor.ask(ReleaseView { release: release.clone() })?;
    }
    let next = releases::next_version(&visitor.ask(ReleaseCreate { project })?, query.channel.given())?;
    let own = format!(
        "{}/projects/{}/deploymentprocesses/template",
        resource::space_api(ask, process.space.0),
        process.project
    );
    Ok(Json(ReleaseTemplate {
        deployment_process_id: match release {
            Some(release) => frozen_id(process.project, release.id()),
            None => id_of(process.project),
        },
        next_version_increment: next,
        versioning_strategy: strategy,
        links: Links::of(&own, &[]),
        ..ReleaseTemplate::default()
    }))
}
