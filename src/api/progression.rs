//! How far releases are: of one release, and of the newest ones of a project.

use super::{
    caller::Ask,
    projects::located as project_of,
    releases::{self as drawing, ReleaseResource},
    resource,
    wire::{Json, Links, Nothing},
};
use crate::{
    base::{
        clock::{self, Moment},
        error::Result,
        ids::{Environment, Id},
        paging::Page,
    },
    company::{
        access::permissions::{DeploymentView, List, ProjectView, ReleaseView},
        deployments::{self, Deployment},
        lifecycles::{self, promotion::PhaseProgress},
        releases,
    },
};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// How far a release is in its lifecycle.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ReleaseProgression {
    /// Environments by id.
    next_deployments: Vec<String>,
    next_deployments_minimum_required: usize,
    has_unresolved_defect: bool,
    phases: Vec<PhaseProgression>,
}

/// How far a release is in one phase.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PhaseProgression {
    id: Option<String>,
    name: String,
    /// `Pending`, `Current` or `Complete`.
    progress: &'static str,
    blocked: bool,
    automatic_deployment_targets: Vec<String>,
    optional_deployment_targets: Vec<String>,
    deployments: Vec<ProgressionCell>,
    minimum_environments_before_promotion: usize,
    is_optional_phase: bool,
}

/// A deployment as it stands in a cell of an overview.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ProgressionCell {
    id: String,
    deployment_id: String,
    project_id: String,
    environment_id: String,
    release_id: String,
    release_version: String,
    channel_id: String,
    tenant_id: Option<String>,
    task_id: String,
    state: &'static str,
    is_completed: bool,
    error_message: String,
    created: String,
    queue_time: String,
    start_time: Option<String>,
    completed_time: Option<String>,
    duration: String,
    has_pending_interruptions: bool,
    has_warnings_or_errors: bool,
    links: ProgressionCellLinks,
}

/// Where a cell leads.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
struct ProgressionCellLinks {
    #[serde(rename = "Self")]
    own: String,
    release: String,
    task: String,
}

/// The newest releases of a project, and how far each is.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ProjectProgression {
    /// By lifecycle.
    lifecycle_environments: BTreeMap<String, Vec<ProgressionPlace>>,
    /// By channel.
    channel_environments: BTreeMap<String, Vec<ProgressionPlace>>,
    environments: Vec<ProgressionPlace>,
    releases: Vec<ReleaseOfProject>,
    links: Links,
}

/// An environment, by id and name.
#[derive(Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
struct ProgressionPlace {
    id: String,
    name: String,
}

/// A release and where it is.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
struct ReleaseOfProject {
    release: ReleaseResource,
    channel: ChannelOfRelease,
    /// By environment, the newest first.
    deployments: BTreeMap<String, Vec<ProgressionCell>>,
    next_deployments: Vec<String>,
    has_unresolved_defect: bool,
    release_retention_period: Nothing,
    tentacle_retention_period: Nothing,
}

/// A channel, by id and name.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
struct ChannelOfRelease {
    id: String,
    name: String,
    project_id: String,
}

fn texts(ids: &[Id<Environment>]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}

fn draw_phase(ask: &Ask, one: &PhaseProgress, deployed: &[Deployment]) -> PhaseProgression {
    let of = |automatic: bool| -> Vec<String> {
        let places = one.phase.environments.iter().filter(|place| place.automatic == automatic);
        places.map(|place| place.id.to_string()).collect()
    };
    let inside = |d: &&Deployment| one.phase.environments.iter().any(|place| place.id == d.environment);
    PhaseProgression {
        id: one.phase.id.map(|id| id.to_string()),
        name: one.phase.name.clone(),
        progress: one.progress.word(),
        blocked: one.is_blocked,
        automatic_deployment_targets: of(true),
        optional_deployment_targets: of(false),
        deployments: deployed.iter().filter(inside).map(|d| draw_cell(ask, d)).collect(),
        minimum_environments_before_promotion: one.phase.minimum,
        is_optional_phase: one.phase.is_optional,
    }
}

fn draw_cell(ask: &Ask, d: &Deployment) -> ProgressionCell {
    let space = resource::space_api(ask, d.space.0);
    let lasted = d.started_at.map(|start| clock::duration(d.completed_at.unwrap_or_else(clock::now).0 - start.0));
    let (id, release, task) = (d.id.to_string(), d.release.to_string(), d.task.to_string());
    ProgressionCell {
        links: ProgressionCellLinks {
            own: format!("{space}/deployments/{id}"),
            release: format!("{space}/releases/{release}"),
            task: format!("{space}/tasks/{task}"),
        },
        deployment_id: id.clone(),
        id,
        project_id: d.project.to_string(),
        environment_id: d.environment.to_string(),
        release_id: release,
        release_version: d.version.clone(),
        channel_id: d.channel.to_string(),
        tenant_id: d.tenant.map(|id| id.to_string()),
        task_id: task,
        state: d.state.name(),
        is_completed: d.completed_at.is_some(),
        error_message: d.error.clone(),
        created: d.created_at.wire(),
        queue_time: d.created_at.wire(),
        start_time: d.started_at.map(Moment::wire),
        completed_time: d.completed_at.map(Moment::wire),
        duration: lasted.unwrap_or_default(),
        has_pending_interruptions: false,
        has_warnings_or_errors: d.warnings || !d.error.is_empty(),
    }
}

/// The deployments of some releases that the visitor may see, newest first; none for who may see none at all.
fn deployed(ask: &Ask, filter: &deployments::Filter) -> Result<Vec<Deployment>> {
    let (visitor, space) = (ask.visitor()?, ask.space()?);
    if !visitor.may_somewhere::<DeploymentView>(&space) {
        return Ok(Vec::new());
    }
    let granted = visitor.ask(List::<DeploymentView>::of(&space))?;
    Ok(deployments::list(&granted, filter, Page::ALL)?.items)
}

fn draw(
    ask: &Ask,
    (progress, has_unresolved_defect): (&[PhaseProgress], bool),
    next: &[Id<Environment>],
    deployed: &[Deployment],
) -> ReleaseProgression {
    let current = progress.iter().find(|one| one.is_open && !one.is_blocked && !one.missing.is_empty());
    let all = |one: &PhaseProgress| one.phase.environments.len();
    ReleaseProgression {
        next_deployments: texts(next),
        next_deployments_minimum_required: current
            .map_or(0, |one| if one.phase.minimum == 0 { all(one) } else { one.phase.minimum }),
        has_unresolved_defect,
        phases: progress.iter().map(|one| draw_phase(ask, one, deployed)).collect(),
    }
}

/// How far a release is in its lifecycle.
pub(super) fn of_release(ask: &Ask) -> Result<Json<ReleaseProgression>> {
    let release = drawing::located(ask)?;
    let filter = deployments::Filter { releases: Some(vec![release.id().0]), ..deployments::Filter::default() };
    let granted = ask.visitor()?.ask(ReleaseView { release })?;
    let progress = releases::progression(&granted)?;
    let next = deployments::choices(&granted)?.next();
    let progress = (progress.as_slice(), releases::defects::has_unresolved(&granted)?);
    Ok(Json(draw(ask, progress, &next, &deployed(ask, &filter)?)))
}

/// The newest releases of a project, and how far each is.
pub(super) fn of_project(ask: &Ask) -> Result<Json<ProjectProgression>> {
    let (visitor, project) = (ask.visitor()?, project_of(ask)?);
    let granted = visitor.ask(ProjectView { project: project.clone() })?;
    let lifecycle = crate::company::projects::show(&granted)?.lifecycle;
    let phases = lifecycles::of_project(&granted)?;
    let mut environments: Vec<ProgressionPlace> = Vec::new();
    for place in phases.iter().flat_map(|phase| &phase.environments) {
        let one = ProgressionPlace { id: place.id.to_string(), name: place.name.clone() };
        if !environments.contains(&one) {
            environments.push(one);
        }
    }
    let (mut rows, mut channels) = (Vec::new(), BTreeMap::new());
    if visitor.may_somewhere::<ReleaseView>(&ask.space()?) {
        let filter = releases::Filter { project: Some(project.id().0), ..releases::Filter::default() };
        let listed = releases::list(&visitor.ask(List::<ReleaseView>::of(&ask.space()?))?, &filter, ask.page())?;
        let ids = Some(listed.items.iter().map(|release| release.id.0).collect());
        let all = deployed(ask, &deployments::Filter { releases: ids, ..deployments::Filter::default() })?;
        for release in &listed.items {
            let at = visitor.locate(&project, &release.id.to_string())?;
            let granted = visitor.ask(ReleaseView { release: at })?;
            let has_unresolved_defect = releases::defects::has_unresolved(&granted)?;
            let next = deployments::choices(&granted)?.next();
            let mut cells: BTreeMap<String, Vec<ProgressionCell>> = BTreeMap::new();
            for deployment in all.iter().filter(|deployment| deployment.release == release.id) {
                cells.entry(deployment.environment.to_string()).or_default().push(draw_cell(ask, deployment));
            }
            channels.insert(release.channel.to_string(), environments.clone());
            rows.push(ReleaseOfProject {
                release: drawing::draw(ask, release),
                channel: ChannelOfRelease {
                    id: release.channel.to_string(),
                    name: release.channel_name.clone(),
                    project_id: release.project.to_string(),
                },
                deployments: cells,
                next_deployments: texts(&next),
                has_unresolved_defect,
                release_retention_period: Nothing::default(),
                tentacle_retention_period: Nothing::default(),
            });
        }
    }
    let own = format!("{}/projects/{}/progression", resource::space_api(ask, project.space_id()), project.id());
    Ok(Json(ProjectProgression {
        lifecycle_environments: BTreeMap::from([(lifecycle.to_string(), environments.clone())]),
        channel_environments: channels,
        environments,
        releases: rows,
        links: Links::of(&own, &[]),
    }))
}
