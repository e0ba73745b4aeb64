//! `/api/{space}/dashboard`: the latest deployment to each place.

use super::{
    caller::{Ask, Reply},
    resource,
};
use crate::{
    base::{
        clock,
        error::Result,
        ids::{self, Id},
        paging::Page,
    },
    company::{
        access::permissions::{
            DeploymentView, EnvironmentView, Inside, List, ProjectGroupView, ProjectView, TenantView,
        },
        dashboard::{self, Spot},
        deployments,
        environments::{self, Environment},
        projects::{self, groups},
        tenants,
    },
};
use serde_json::{Map, Value, json};
use std::collections::HashSet;

/// What is asked for: numbers of projects, environments and tenants; `None` for all.
#[derive(Default)]
struct Wanted {
    projects: Option<Vec<i64>>,
    environments: Option<Vec<i64>>,
    tenants: Option<Vec<i64>>,
}

/// The dashboard of a space.
pub(super) fn show(ask: &Ask) -> Result<Reply> {
    let wanted = Wanted {
        projects: some(ask.asked_ids::<ids::Project>("projectId")),
        tenants: some(ask.asked_ids::<ids::Tenant>("selectedTenants")),
        ..Wanted::default()
    };
    draw(ask, &wanted)
}

/// The dashboard of some projects and environments.
pub(super) fn dynamic(ask: &Ask) -> Result<Reply> {
    let wanted = Wanted {
        projects: some(ask.asked_ids::<ids::Project>("projects")),
        environments: some(ask.asked_ids::<ids::Environment>("environments")),
        ..Wanted::default()
    };
    draw(ask, &wanted)
}

fn some(ids: Option<Vec<i64>>) -> Option<Vec<i64>> {
    ids.filter(|ids| !ids.is_empty())
}

fn draw(ask: &Ask, wanted: &Wanted) -> Result<Reply> {
    let (visitor, space) = (ask.visitor()?, ask.space()?);
    // Whoever is in the space has a dashboard; what is on it is what they may see.
    visitor.ask(Inside { at: space.clone() })?;
    let api = resource::space_api(ask, space.id().0);

    let environments = if visitor.may_somewhere::<EnvironmentView>(&space) {
        let filter = environments::Filter { ids: wanted.environments.clone(), ..Default::default() };
        environments::list(&visitor.ask(List::<EnvironmentView>::of(&space))?, &filter, Page::ALL)?.items
    } else {
        Vec::new()
    };
    let groups = if visitor.may_somewhere::<ProjectGroupView>(&space) {
        let granted = visitor.ask(List::<ProjectGroupView>::of(&space))?;
        groups::list(&granted, &groups::Filter::default(), Page::ALL)?.items
    } else {
        Vec::new()
    };
    let (projects, left_out) = if visitor.may_somewhere::<ProjectView>(&space) {
        let granted = visitor.ask(List::<ProjectView>::of(&space))?;
        let filter = projects::Filter { ids: wanted.projects.clone(), ..Default::default() };
        let items = projects::list(&granted, &filter, Page::ALL)?.items;
        let numbers: Vec<i64> = items.iter().map(|project| project.id.0).collect();
        let left_out = dashboard::left_out(&granted, &numbers)?;
        (items, left_out)
    } else {
        (Vec::new(), HashSet::new())
    };
    let seen: Vec<i64> = projects.iter().map(|project| project.id.0).collect();
    let spots = if !seen.is_empty() && visitor.may_somewhere::<DeploymentView>(&space) {
        let filter = deployments::Filter {
            projects: Some(seen),
            environments: wanted.environments.clone(),
            tenants: wanted.tenants.clone(),
            ..Default::default()
        };
        dashboard::spots(&visitor.ask(List::<DeploymentView>::of(&space))?, &filter)?
    } else {
        Vec::new()
    };
    let named: HashSet<i64> = spots.iter().filter_map(|spot| spot.deployment.tenant).map(|tenant| tenant.0).collect();
    let tenants = if !named.is_empty() && visitor.may_somewhere::<TenantView>(&space) {
        let filter = tenants::Filter { ids: Some(named.into_iter().collect()), ..Default::default() };
        tenants::list(&visitor.ask(List::<TenantView>::of(&space))?, &filter, Page::ALL)?.items
    } else {
        Vec::new()
    };

    let reached = |project: i64| -> Vec<String> {
        let inside = |one: &&Environment| !left_out.contains(&(project, one.id.0));
        environments.iter().filter(inside).map(|one| one.id.to_string()).collect()
    };
    let own = |part: &str, id: String| resource::links(&format!("{api}/{part}/{id}"), &[]);
    Reply::ok(json!({
        "Id": "Dashboard", "ProjectLimit": null, "IsFiltered": wanted.projects.is_some(),
        "Projects": projects.iter().map(|one| json!({
            "Id": one.id.to_string(), "Name": one.name, "Slug": one.slug, "ProjectGroupId": one.group.to_string(),
            "EnvironmentIds": reached(one.id.0), "TenantedDeploymentMode": one.tenanted.word(), "IsDisabled": one.is_disabled,
            "CanPerformUntenantedDeployment": one.tenanted.without_tenant(), "Links": own("projects", one.id.to_string()),
        })).collect::<Vec<_>>(),
        "ProjectGroups": groups.iter().map(|one| json!({
            "Id": one.id.to_string(), "Name": one.name,
            "EnvironmentIds": environments.iter().map(|one| one.id.to_string()).collect::<Vec<_>>(),
            "Links": own("projectgroups", one.id.to_string()),
        })).collect::<Vec<_>>(),
        "Environments": environments.iter().map(|one| json!({
            "Id": one.id.to_string(), "Name": one.name, "Links": own("environments", one.id.to_string()),
        })).collect::<Vec<_>>(),
        "Tenants": tenants.iter().map(|one| {
            let connections: Map<String, Value> = one.connections.iter()
                .map(|to| (to.project.to_string(), to.environments.iter().map(Id::to_string).collect())).collect();
            json!({
                "Id": one.id.to_string(), "Name": one.name, "ProjectEnvironments": connections, "TenantTags": one.tags,
                "IsDisabled": one.is_disabled, "Links": own("tenants", one.id.to_string()),
            })
        }).collect::<Vec<_>>(),
        "Items": spots.iter().map(|spot| item(&api, spot)).collect::<Vec<_>>(),
        "PreviousItems": [],
        "Links": resource::links(&format!("{api}/dashboard"), &[]),
    }))
}

fn item(api: &str, spot: &Spot) -> Value {
    let one = &spot.deployment;
    let wire = |moment: Option<clock::Moment>| moment.map(clock::Moment::wire);
    let took = one.started_at.zip(one.completed_at).map(|(from, to)| clock::duration(to.0 - from.0));
    json!({
        "Id": one.id.to_string(), "ProjectId": one.project.to_string(), "EnvironmentId": one.environment.to_string(),
        "ReleaseId": one.release.to_string(), "DeploymentId": one.id.to_string(), "TaskId": one.task.to_string(),
        "TenantId": one.tenant.map(|id| id.to_string()), "ChannelId": one.channel.to_string(), "ReleaseVersion": one.version,
        "Created": one.created_at.wire(), "QueueTime": one.created_at.wire(), "StartTime": wire(one.started_at),
        "CompletedTime": wire(one.completed_at), "State": one.state.name(), "HasPendingInterruptions": false,
        "HasWarningsOrErrors": one.warnings || !one.error.is_empty(), "ErrorMessage": one.error, "Duration": took,
        "IsCurrent": true, "IsPrevious": false, "IsCompleted": one.state.is_completed(),
        "Links": {
            "Self": format!("{api}/deployments/{}", one.id), "Release": format!("{api}/releases/{}", one.release),
            "Task": format!("{api}/tasks/{}", one.task),
        },
    })
}
