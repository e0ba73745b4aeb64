//! How far releases are: of one release, and of the newest ones of a project.

use super::{
    caller::{Ask, Reply},
    projects::located as project_of,
    releases as drawing, resource,
};
use crate::{
    base::{clock, error::Result, ids},
    company::{
        access::permissions::{DeploymentView, List, ProjectView, ReleaseView},
        deployments::{self, Deployment},
        lifecycles::{self, promotion::PhaseProgress},
        releases::{self, Progression},
    },
};
use serde_json::{Map, Value, json};

fn texts(ids: &[ids::Id<ids::Environment>]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}

fn draw_phase(one: &PhaseProgress, deployments: &[Value]) -> Value {
    let of = |automatic: bool| -> Vec<String> {
        let places = one.phase.environments.iter().filter(|place| place.automatic == automatic);
        places.map(|place| place.id.to_string()).collect()
    };
    let inside = |deployment: &&Value| {
        one.phase.environments.iter().any(|place| deployment["EnvironmentId"] == json!(place.id.to_string()))
    };
    json!({
        "Id": one.phase.id.map(|id| id.to_string()), "Name": one.phase.name, "Progress": one.progress.word(), "Blocked": false,
        "AutomaticDeploymentTargets": of(true), "OptionalDeploymentTargets": of(false),
        "Deployments": deployments.iter().filter(inside).collect::<Vec<_>>(),
        "MinimumEnvironmentsBeforePromotion": one.phase.minimum, "IsOptionalPhase": one.phase.is_optional,
    })
}

/// A deployment as it stands in a cell of an overview.
fn draw_cell(ask: &Ask, d: &Deployment) -> Value {
    let space = resource::space_api(ask, d.space.0);
    let lasted = d.started_at.map(|start| clock::duration(d.completed_at.unwrap_or_else(clock::now).0 - start.0));
    json!({
        "Id": d.id.to_string(), "DeploymentId": d.id.to_string(), "ProjectId": d.project.to_string(),
        "EnvironmentId": d.environment.to_string(), "ReleaseId": d.release.to_string(), "ReleaseVersion": d.version,
        "ChannelId": d.channel.to_string(), "TenantId": d.tenant.map(|id| id.to_string()), "TaskId": d.task.to_string(),
        "State": d.state.name(), "IsCompleted": d.completed_at.is_some(), "ErrorMessage": d.error,
        "Created": d.created_at.wire(), "QueueTime": d.created_at.wire(), "StartTime": d.started_at.map(clock::Moment::wire),
        "CompletedTime": d.completed_at.map(clock::Moment::wire), "Duration": lasted.unwrap_or_default(),
        "HasPendingInterruptions": false, "HasWarningsOrErrors": d.warnings || !d.error.is_empty(),
        "Links": { "Self": format!("{space}/deployments/{}", d.id), "Release": format!("{space}/releases/{}", d.release),
                   "Task": format!("{space}/tasks/{}", d.task) },
    })
}

/// The deployments of some releases that the visitor may see, newest first; none for who may see none at all.
fn deployed(ask: &Ask, filter: &deployments::Filter) -> Result<Vec<Deployment>> {
    let (visitor, space) = (ask.visitor()?, ask.space()?);
    if !visitor.may_somewhere::<DeploymentView>(&space) {
        return Ok(Vec::new());
    }
    let granted = visitor.ask(List::<DeploymentView>::of(&space))?;
    Ok(deployments::list(&granted, filter, crate::base::paging::Page::ALL)?.items)
}

fn draw(progress: &Progression, cells: &[Value]) -> Value {
    let current = progress.phases.iter().find(|one| one.is_open && !one.missing.is_empty());
    let all = |one: &PhaseProgress| one.phase.environments.len();
    let wanted = current.map_or(0, |one| if one.phase.minimum == 0 { all(one) } else { one.phase.minimum });
    json!({
        "NextDeployments": texts(&progress.next), "NextDeploymentsMinimumRequired": wanted, "HasUnresolvedDefect": false,
        "Phases": progress.phases.iter().map(|one| draw_phase(one, cells)).collect::<Vec<_>>(),
    })
}

/// How far a release is in its lifecycle.
pub(super) fn of_release(ask: &Ask) -> Result<Reply> {
    let release = drawing::located(ask)?;
    let filter = deployments::Filter { releases: Some(vec![release.id().0]), ..deployments::Filter::default() };
    let granted = ask.visitor()?.ask(ReleaseView { release })?;
    let progress = releases::progression(&granted)?;
    let cells: Vec<Value> = deployed(ask, &filter)?.iter().map(|d| draw_cell(ask, d)).collect();
    Reply::ok(draw(&progress, &cells))
}

/// The newest releases of a project, and how far each is.
pub(super) fn of_project(ask: &Ask) -> Result<Reply> {
    let (visitor, project) = (ask.visitor()?, project_of(ask)?);
    let granted = visitor.ask(ProjectView { project: project.clone() })?;
    let lifecycle = crate::company::projects::show(&granted)?.lifecycle;
    let phases = lifecycles::of_project(&granted)?;
    let mut environments: Vec<Value> = Vec::new();
    for place in phases.iter().flat_map(|phase| &phase.environments) {
        let one = json!({ "Id": place.id.to_string(), "Name": place.name });
        if !environments.contains(&one) {
            environments.push(one);
        }
    }
    let (mut drawn, mut channels) = (Vec::new(), Map::new());
    if visitor.may_somewhere::<ReleaseView>(&ask.space()?) {
        let filter = releases::Filter { project: Some(project.id().0), ..releases::Filter::default() };
        let listed = releases::list(&visitor.ask(List::<ReleaseView>::of(&ask.space()?))?, &filter, ask.page())?;
        let ids = Some(listed.items.iter().map(|release| release.id.0).collect());
        let all = deployed(ask, &deployments::Filter { releases: ids, ..deployments::Filter::default() })?;
        for release in &listed.items {
            let at = visitor.locate(&project, &release.id.to_string())?;
            let progress = releases::progression(&visitor.ask(ReleaseView { release: at })?)?;
            let mut cells: Map<String, Value> = Map::new();
            for deployment in all.iter().filter(|deployment| deployment.release == release.id) {
                let cell = cells.entry(deployment.environment.to_string()).or_insert_with(|| json!([]));
                if let Some(list) = cell.as_array_mut() {
                    list.push(draw_cell(ask, deployment));
                }
            }
            channels.insert(release.channel.to_string(), json!(environments));
            drawn.push(json!({
                "Release": drawing::draw(ask, release),
                "Channel": { "Id": release.channel.to_string(), "Name": release.channel_name, "ProjectId": release.project.to_string() },
                "Deployments": cells, "NextDeployments": texts(&progress.next), "HasUnresolvedDefect": false,
                "ReleaseRetentionPeriod": null, "TentacleRetentionPeriod": null,
            }));
        }
    }
    let own = format!("{}/projects/{}/progression", resource::space_api(ask, project.space_id()), project.id());
    Reply::ok(json!({
        "LifecycleEnvironments": { lifecycle.to_string(): environments }, "ChannelEnvironments": channels,
        "Environments": environments, "Releases": drawn, "Links": resource::links(&own, &[]),
    }))
}
