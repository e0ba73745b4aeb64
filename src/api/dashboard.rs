//! `/api/{space}/dashboard`: the latest deployment to each place.

use super::{
    caller::Ask,
    projects::TenantedDeploymentMode,
    resource,
    wire::{self, Json, Links, Nothing, Query},
};
use crate::{
    base::{
        clock::{self, Moment},
        error::{Error, Result},
        ids::{self, Id},
        paging::Page,
    },
    company::{
        access::permissions::{
            DeploymentView, EnvironmentView, Inside, List, ProjectGroupView, ProjectView, TenantView,
        },
        dashboard,
        deployments::{self, Deployment},
        environments::{self, Environment},
        projects::{self, groups},
        tenants,
    },
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashSet};
use utoipa::ToSchema;

/// The latest deployment to each place.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Dashboard {
    id: &'static str,
    project_limit: Nothing,
    is_filtered: bool,
    projects: Vec<DashboardProject>,
    project_groups: Vec<DashboardGroup>,
    environments: Vec<DashboardEnvironment>,
    tenants: Vec<DashboardTenant>,
    items: Vec<DashboardItem>,
    previous_items: Vec<DashboardItem>,
    links: Links,
}

/// A project on the dashboard.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
struct DashboardProject {
    id: String,
    name: String,
    slug: String,
    project_group_id: String,
    environment_ids: Vec<String>,
    tenanted_deployment_mode: TenantedDeploymentMode,
    is_disabled: bool,
    can_perform_untenanted_deployment: bool,
    links: Links,
}

/// A project group on the dashboard.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
struct DashboardGroup {
    id: String,
    name: String,
    environment_ids: Vec<String>,
    links: Links,
}

/// An environment on the dashboard.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
struct DashboardEnvironment {
    id: String,
    name: String,
    links: Links,
}

/// A tenant on the dashboard.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
struct DashboardTenant {
    id: String,
    name: String,
    /// Environments by project.
    project_environments: BTreeMap<String, Vec<String>>,
    tenant_tags: Vec<String>,
    is_disabled: bool,
    links: Links,
}

/// The latest deployment to one place.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
struct DashboardItem {
    id: String,
    project_id: String,
    environment_id: String,
    release_id: String,
    deployment_id: String,
    task_id: String,
    tenant_id: Option<String>,
    channel_id: String,
    release_version: String,
    created: String,
    queue_time: String,
    start_time: Option<String>,
    completed_time: Option<String>,
    state: &'static str,
    has_pending_interruptions: bool,
    has_warnings_or_errors: bool,
    error_message: String,
    duration: Option<String>,
    is_current: bool,
    is_previous: bool,
    is_completed: bool,
    links: Links,
}

/// What the dashboard is narrowed to.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct DashboardQuery {
    project_id: Vec<String>,
    release_id: Vec<String>,
    selected_tenants: Vec<String>,
    /// As `Set/Tag`: of tenants that have one of each set.
    selected_tags: Vec<String>,
    /// Here all projects are always shown.
    show_all: bool,
    highest_latest_version_per_project_and_environment: bool,
}

/// Which projects and environments.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct DynamicQuery {
    projects: Vec<String>,
    environments: Vec<String>,
    /// And the last success before the latest deployment to each place.
    include_previous: bool,
}

/// What is asked for: numbers; `None` for all.
#[derive(Default)]
struct Wanted {
    projects: Option<Vec<i64>>,
    releases: Option<Vec<i64>>,
    environments: Option<Vec<i64>>,
    tenants: Option<Vec<i64>>,
    /// And what was there before.
    before: bool,
}

/// The dashboard of a space.
pub(super) fn show(ask: &Ask, query: Query<DashboardQuery>) -> Result<Json<Dashboard>> {
    if query.highest_latest_version_per_project_and_environment {
        let word = "highestLatestVersionPerProjectAndEnvironment";
        return Err(Error::invalid(word, "This version shows the latest deployments only. Leave it out."));
    }
    let _ = query.show_all;
    let mut wanted = Wanted {
        projects: some(wire::numbers::<ids::Project>(&query.project_id)),
        releases: some(wire::numbers::<ids::Release>(&query.release_id)),
        tenants: some(wire::numbers::<ids::Tenant>(&query.selected_tenants)),
        ..Wanted::default()
    };
    if !query.selected_tags.is_empty() {
        let (visitor, space) = (ask.visitor()?, ask.space()?);
        let filter = tenants::Filter { tags: query.selected_tags.clone(), ..tenants::Filter::default() };
        let tagged = if visitor.may_somewhere::<TenantView>(&space) {
            tenants::list(&visitor.ask(List::<TenantView>::of(&space))?, &filter, Page::ALL)?.items
        } else {
            Vec::new()
        };
        let chosen = wanted.tenants.take();
        let both = |id: &i64| chosen.as_ref().is_none_or(|chosen| chosen.contains(id));
        wanted.tenants = Some(tagged.iter().map(|tenant| tenant.id.0).filter(both).collect());
    }
    draw(ask, &wanted)
}

/// The dashboard of some projects and environments.
pub(super) fn dynamic(ask: &Ask, query: Query<DynamicQuery>) -> Result<Json<Dashboard>> {
    let wanted = Wanted {
        projects: some(wire::numbers::<ids::Project>(&query.projects)),
        environments: some(wire::numbers::<ids::Environment>(&query.environments)),
        before: query.include_previous,
        ..Wanted::default()
    };
    draw(ask, &wanted)
}

fn some(ids: Vec<i64>) -> Option<Vec<i64>> {
    Some(ids).filter(|ids| !ids.is_empty())
}

fn draw(ask: &Ask, wanted: &Wanted) -> Result<Json<Dashboard>> {
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
    let (spots, before) = if !seen.is_empty() && visitor.may_somewhere::<DeploymentView>(&space) {
        let filter = deployments::Filter {
            projects: Some(seen),
            releases: wanted.releases.clone(),
            environments: wanted.environments.clone(),
            tenants: wanted.tenants.clone(),
            ..Default::default()
        };
        let granted = visitor.ask(List::<DeploymentView>::of(&space))?;
        let before = if wanted.before { deployments::before(&granted, &filter)? } else { Vec::new() };
        (dashboard::spots(&granted, &filter)?, before)
    } else {
        (Vec::new(), Vec::new())
    };
    let named: HashSet<i64> = spots
        .iter()
        .map(|spot| &spot.deployment)
        .chain(&before)
        .filter_map(|one| one.tenant)
        .map(|tenant| tenant.0)
        .collect();
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
    let own = |part: &str, id: &str| Links::of(format!("{api}/{part}/{id}"), &[]);
    let project = |one: &projects::Project| DashboardProject {
        links: own("projects", &one.id.to_string()),
        id: one.id.to_string(),
        name: one.name.clone(),
        slug: one.slug.clone(),
        project_group_id: one.group.to_string(),
        environment_ids: reached(one.id.0),
        tenanted_deployment_mode: one.tenanted.into(),
        is_disabled: one.is_disabled,
        can_perform_untenanted_deployment: one.tenanted.without_tenant(),
    };
    let group = |one: &groups::Group| DashboardGroup {
        links: own("projectgroups", &one.id.to_string()),
        id: one.id.to_string(),
        name: one.name.clone(),
        environment_ids: environments.iter().map(|one| one.id.to_string()).collect(),
    };
    let environment = |one: &Environment| DashboardEnvironment {
        links: own("environments", &one.id.to_string()),
        id: one.id.to_string(),
        name: one.name.clone(),
    };
    let tenant = |one: tenants::Tenant| DashboardTenant {
        links: own("tenants", &one.id.to_string()),
        id: one.id.to_string(),
        name: one.name,
        project_environments: one
            .connections
            .iter()
            .map(|to| (to.project.to_string(), to.environments.iter().map(Id::to_string).collect()))
            .collect(),
        tenant_tags: one.tags,
        is_disabled: one.is_disabled,
    };
    Ok(Json(Dashboard {
        id: "Dashboard",
        project_limit: Nothing::default(),
        is_filtered: wanted.projects.is_some(),
        projects: projects.iter().map(project).collect(),
        project_groups: groups.iter().map(group).collect(),
        environments: environments.iter().map(environment).collect(),
        tenants: tenants.into_iter().map(tenant).collect(),
        items: spots.into_iter().map(|spot| item(&api, spot.deployment, true)).collect(),
        previous_items: before.into_iter().map(|one| item(&api, one, false)).collect(),
        links: Links::of(format!("{api}/dashboard"), &[]),
    }))
}

fn item(api: &str, one: Deployment, is_current: bool) -> DashboardItem {
    let took = one.started_at.zip(one.completed_at).map(|(from, to)| clock::duration(to.0 - from.0));
    let (id, release, task) = (one.id.to_string(), one.release.to_string(), one.task.to_string());
    DashboardItem {
        links: Links::of(format!("{api}/deployments/{id}"), &[])
            .and("Release", format!("{api}/releases/{release}"))
            .and("Task", format!("{api}/tasks/{task}")),
        deployment_id: id.clone(),
        id,
        project_id: one.project.to_string(),
        environment_id: one.environment.to_string(),
        release_id: release,
        task_id: task,
        tenant_id: one.tenant.map(|id| id.to_string()),
        channel_id: one.channel.to_string(),
        release_version: one.version,
        created: one.created_at.wire(),
        queue_time: one.created_at.wire(),
        start_time: one.started_at.map(Moment::wire),
        completed_time: one.completed_at.map(Moment::wire),
        state: one.state.name(),
        has_pending_interruptions: false,
        has_warnings_or_errors: one.warnings || !one.error.is_empty(),
        error_message: one.error,
        duration: took,
        is_current,
        is_previous: !is_current,
        is_completed: one.state.is_completed(),
    }
}
