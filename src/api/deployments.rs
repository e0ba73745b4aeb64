//! `/api/{space}/deployments` and the executions API for deployments.

mod said;

pub(super) use said::{NOBODY_TAGGED, Said, agreeing, options, tagged};

use super::{
    caller::Ask,
    releases::first,
    resource,
    wire::{self, Collection, Created, Done, Json, Links, NoList, NoMap, Nothing, Off, Query, Sent, refer},
};
use crate::{
    base::{
        clock::Moment,
        error::{Error, Fields, Result},
        ids::{self, Environment, Id, Project, Release, Space, Tenant},
    },
    company::{
        access::{
            At,
            permissions::{DeploymentCreate, DeploymentDelete, DeploymentView, List, ReleaseView},
        },
        deployments::{self, Deployment, Filter, Options},
        tasks::State,
    },
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A deployment on the wire. When it is made: one release, one environment, perhaps one tenant.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct DeploymentResource {
    #[schema(read_only)]
    id: String,
    #[schema(read_only)]
    space_id: String,
    #[schema(read_only)]
    name: String,
    #[schema(read_only)]
    project_id: String,
    release_id: refer::Release,
    #[schema(read_only)]
    channel_id: String,
    environment_id: refer::Environment,
    tenant_id: Option<refer::Tenant>,
    #[schema(read_only)]
    task_id: String,
    #[schema(read_only)]
    created: String,
    comments: String,
    /// Steps or actions to leave out, by name or id.
    skip_actions: Vec<String>,
    specific_machine_ids: Vec<refer::Target>,
    excluded_machine_ids: Vec<refer::Target>,
    #[schema(read_only)]
    deployed_to_machine_ids: Vec<String>,
    force_package_download: Off,
    force_package_redeployment: Off,
    use_guided_failure: Off,
    form_values: NoMap,
    priority: DeploymentPriority,
    /// Not before; a moment.
    queue_time: Option<String>,
    /// Given up when it has not begun by then; a moment.
    queue_time_expiry: Option<String>,
    #[schema(read_only)]
    manifest_variable_set_id: Option<String>,
    #[schema(read_only)]
    deployed_by: String,
    #[schema(read_only)]
    deployed_by_id: Option<String>,
    #[schema(read_only)]
    failure_encountered: bool,
    #[schema(read_only)]
    changes: Vec<String>,
    #[schema(read_only)]
    completed_time: Option<String>,
    #[schema(read_only)]
    links: Links,
}

wire::fixed! {
    /// As the lifecycle says.
    DeploymentPriority(DeploymentPriorityValue) = "LifecycleDefault";
}

/// What the commands `deployments/create/untenanted/v1` and `…/tenanted/v1` are told (`rest-api §4`).
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct CreateDeployments {
    /// The project by id, name or slug.
    project_name: String,
    /// As `ProjectName`.
    project_id: String,
    release_version: String,
    /// One environment by id, name or slug.
    environment_name: String,
    /// Without tenants: each of these.
    environment_names: Vec<String>,
    /// For each of these tenants, by id, name or slug.
    tenants: Vec<String>,
    /// And for those with these tags, as `Set/Tag`.
    tenant_tags: Vec<String>,
    comments: String,
    /// Steps or actions to leave out, by name or id.
    skip_step_names: Vec<String>,
    /// As `SkipStepNames`.
    skip_actions: Vec<String>,
    specific_machine_names: Vec<String>,
    /// As `SpecificMachineNames`.
    specific_machine_ids: Vec<String>,
    excluded_machine_names: Vec<String>,
    /// As `ExcludedMachineNames`.
    excluded_machine_ids: Vec<String>,
    /// Not before; a moment.
    run_at: String,
    /// `RunAt` by its older name; both may stand there when they say the same.
    queue_time: String,
    /// Given up when it has not begun by then; a moment.
    no_run_after: String,
    /// As `NoRunAfter`.
    queue_time_expiry: String,
    force_package_download: Off,
    force_package_redeployment: Off,
    update_variable_snapshot: Off,
    use_guided_failure: Off,
    priority: DeploymentPriority,
    variables: NoMap,
    form_values: NoMap,
    deployment_freeze_names: NoList,
    deployment_freeze_override_reason: Nothing,
}

/// What those commands answer.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DeploymentsCreated {
    deployment_server_tasks: Vec<DeploymentTask>,
}

/// A deployment and the task that carries it out.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
struct DeploymentTask {
    deployment_id: String,
    server_task_id: String,
}

/// Which deployments.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct DeploymentQuery {
    ids: Option<Vec<String>>,
    projects: Option<Vec<String>>,
    environments: Option<Vec<String>>,
    tenants: Option<Vec<String>>,
    channels: Option<Vec<String>>,
    releases: Option<Vec<String>>,
    task_state: Vec<String>,
    partial_name: String,
}

/// Which deployments of a release.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct OfReleaseQuery {
    environments: Option<Vec<String>>,
    tenants: Option<Vec<String>>,
    task_state: Vec<String>,
}

fn draw(ask: &Ask, d: &Deployment) -> DeploymentResource {
    let space = resource::space_api(ask, d.space.0);
    let links = Links::of(format!("{space}/deployments/{}", d.id), &[]);
    DeploymentResource {
        id: d.id.to_string(),
        space_id: d.space.to_string(),
        name: d.name.clone(),
        project_id: d.project.to_string(),
        release_id: d.release.into(),
        channel_id: d.channel.to_string(),
        environment_id: d.environment.into(),
        tenant_id: d.tenant.map(Into::into),
        task_id: d.task.to_string(),
        created: d.created_at.wire(),
        comments: d.comments.clone(),
        skip_actions: d.skip_steps.clone(),
        specific_machine_ids: d.only_targets.iter().copied().map(Into::into).collect(),
        excluded_machine_ids: d.not_targets.iter().copied().map(Into::into).collect(),
        queue_time: d.not_before.map(Moment::wire),
        queue_time_expiry: d.not_after.map(Moment::wire),
        deployed_by: d.created_by.clone(),
        deployed_by_id: d.created_by_id.map(|id| Id::<ids::User>::new(id).to_string()),
        failure_encountered: matches!(d.state, State::Failed | State::TimedOut),
        completed_time: d.completed_at.map(Moment::wire),
        links: links
            .and("Task", format!("{space}/tasks/{}", d.task))
            .and("Release", format!("{space}/releases/{}", d.release))
            .and("Project", format!("{space}/projects/{}", d.project))
            .and("Environment", format!("{space}/environments/{}", d.environment)),
        ..DeploymentResource::default()
    }
}

/// States of tasks by name.
pub(super) fn states(names: &[String]) -> Result<Vec<State>> {
    let read = |name: &String| {
        State::parse(name).ok_or_else(|| {
            let all = State::ALL.map(State::name).join(", ");
            Error::invalid("taskState", format!("There is no state {name}. Give some of: {all}."))
        })
    };
    names.iter().map(read).collect()
}

/// A page of them, newest first.
pub(super) fn list(ask: &Ask, query: Query<DeploymentQuery>) -> Result<Collection<DeploymentResource>> {
    let space = ask.space()?;
    let granted = ask.visitor()?.ask(List::<DeploymentView>::of(&space))?;
    let filter = Filter {
        ids: query.ids.as_deref().map(wire::numbers::<ids::Deployment>),
        projects: query.projects.as_deref().map(wire::numbers::<Project>),
        environments: query.environments.as_deref().map(wire::numbers::<Environment>),
        tenants: query.tenants.as_deref().map(wire::numbers::<Tenant>),
        channels: query.channels.as_deref().map(wire::numbers::<ids::Channel>),
        releases: query.releases.as_deref().map(wire::numbers::<Release>),
        states: states(&query.task_state)?,
        search: query.partial_name.clone(),
    };
    let listed = deployments::list(&granted, &filter, ask.page())?;
    let own = format!("{}/deployments", resource::space_api(ask, space.id().0));
    Ok(wire::collection(ask, &query, &own, "Deployment", listed, ask.page(), |d| draw(ask, d)))
}

/// The deployments of one release.
pub(super) fn of_release(ask: &Ask, query: Query<OfReleaseQuery>) -> Result<Collection<DeploymentResource>> {
    let space = ask.space()?;
    let release: At<Release> = ask.visitor()?.locate(&space, ask.parameter("id"))?;
    ask.visitor()?.ask(ReleaseView { release: release.clone() })?;
    let granted = ask.visitor()?.ask(List::<DeploymentView>::of(&space))?;
    let filter = Filter {
        releases: Some(vec![release.id().0]),
        environments: query.environments.as_deref().map(wire::numbers::<Environment>),
        tenants: query.tenants.as_deref().map(wire::numbers::<Tenant>),
        states: states(&query.task_state)?,
        ..Filter::default()
    };
    let listed = deployments::list(&granted, &filter, ask.page())?;
    let own = format!("{}/releases/{}/deployments", resource::space_api(ask, space.id().0), release.id());
    Ok(wire::collection(ask, &query, &own, "Deployment", listed, ask.page(), |d| draw(ask, d)))
}

/// One.
pub(super) fn show(ask: &Ask) -> Result<Json<DeploymentResource>> {
    let visitor = ask.visitor()?;
    let granted = visitor.ask(DeploymentView { deployment: visitor.locate(&ask.space()?, ask.parameter("id"))? })?;
    Ok(Json(draw(ask, &deployments::show(&granted)?)))
}

/// Deletes one with its task and its log.
pub(super) fn delete(ask: &Ask) -> Result<Done> {
    let visitor = ask.visitor()?;
    let deployment = visitor.locate(&ask.space()?, ask.parameter("id"))?;
    deployments::delete(&visitor.ask(DeploymentDelete { deployment })?)?;
    Ok(Done)
}

struct Request {
    words: Vec<(&'static str, &'static str)>,
    space: At<Space>,
    project: At<Project>,
    release: At<Release>,
    options: Options,
}

fn request(ask: &Ask, sent: &mut CreateDeployments) -> Result<Request> {
    use std::mem::take;
    let (visitor, space) = (ask.visitor()?, ask.space()?);
    // Whoever may nowhere hears that first, whatever was sent.
    visitor.ask(List::<DeploymentCreate>::of(&space))?;
    let mut wrong = Fields::new();
    let named = [("ProjectName", take(&mut sent.project_name)), ("ProjectId", take(&mut sent.project_id))];
    let name = first(named.clone().map(|(_, text)| text));
    if name.is_none() {
        wrong.add("ProjectName", "Name the project: ProjectName is required.");
    }
    let version = first([take(&mut sent.release_version)]);
    if version.is_none() {
        wrong.add("ReleaseVersion", "Name the release to deploy: ReleaseVersion is required.");
    }
    let said = Said {
        comments: take(&mut sent.comments),
        skip: [("SkipStepNames", take(&mut sent.skip_step_names)), ("SkipActions", take(&mut sent.skip_actions))],
        only: [take(&mut sent.specific_machine_names), take(&mut sent.specific_machine_ids)].concat(),
        not: [take(&mut sent.excluded_machine_names), take(&mut sent.excluded_machine_ids)].concat(),
        not_before: [("RunAt", take(&mut sent.run_at)), ("QueueTime", take(&mut sent.queue_time))],
        not_after: [
            ("NoRunAfter", take(&mut sent.no_run_after)),
            ("QueueTimeExpiry", take(&mut sent.queue_time_expiry)),
        ],
    };
    let words = said.words();
    let options = options(visitor, &space, said, &mut wrong)?;
    wrong.finish()?;
    let project: At<Project> = visitor.named(&space, &name.unwrap_or_default())?;
    agreeing(&project, &named, |text| visitor.named(&space, text))?;
    let release = visitor.named(&project, &version.unwrap_or_default())?;
    Ok(Request { words, space, project, release, options })
}

fn answer(made: &[Deployment]) -> Created<DeploymentsCreated> {
    let tasks = made
        .iter()
        .map(|one| DeploymentTask { deployment_id: one.id.to_string(), server_task_id: one.task.to_string() });
    Created(DeploymentsCreated { deployment_server_tasks: tasks.collect() })
}

/// `deployments/create/untenanted/v1`: to each of some environments.
pub(super) fn untenanted(ask: &Ask, Sent(mut sent): Sent<CreateDeployments>) -> Result<Created<DeploymentsCreated>> {
    let request = request(ask, &mut sent)?;
    let visitor = ask.visitor()?;
    if !sent.tenants.is_empty() || !sent.tenant_tags.is_empty() {
        let field = if sent.tenants.is_empty() { "TenantTags" } else { "Tenants" };
        return Err(Error::invalid(field, "This deploys for no tenant. Use deployments/create/tenanted/v1."));
    }
    let mut names = sent.environment_names;
    names.extend(first([sent.environment_name]));
    if names.is_empty() {
        return Err(Error::invalid("EnvironmentNames", "Name at least one environment: EnvironmentNames is required."));
    }
    let mut places = Vec::new();
    for name in &names {
        let environment: At<Environment> = visitor.named(&request.space, name)?;
        if !places.iter().any(|(other, _): &(At<Environment>, _)| other.id() == environment.id()) {
            places.push((environment, None));
        }
    }
    let made = deployments::deploy_to_many(visitor, &request.project, &request.release, &places, &request.options);
    Ok(answer(&wire::in_words_sent(made, &request.words)?))
}

/// `deployments/create/tenanted/v1`: to one environment, for tenants by name and by tag.
pub(super) fn tenanted(ask: &Ask, Sent(mut sent): Sent<CreateDeployments>) -> Result<Created<DeploymentsCreated>> {
    let request = request(ask, &mut sent)?;
    let visitor = ask.visitor()?;
    let mut names = sent.environment_names;
    names.extend(first([sent.environment_name]));
    let name = match names.as_slice() {
        [] => return Err(Error::invalid("EnvironmentName", "Name the environment: EnvironmentName is required.")),
        [first, rest @ ..] if rest.iter().all(|other| other == first) => first,
        _ => return Err(Error::invalid("EnvironmentNames", "For tenants, name one environment at a time.")),
    };
    let environment: At<Environment> = visitor.named(&request.space, name)?;
    let (wanted, tags) = (sent.tenants, sent.tenant_tags);
    if wanted.is_empty() && tags.is_empty() {
        return Err(Error::invalid("Tenants", "Name at least one tenant in Tenants, or a tag in TenantTags."));
    }
    let mut chosen: Vec<At<Tenant>> = Vec::new();
    let add = |tenant: At<Tenant>, chosen: &mut Vec<At<Tenant>>| {
        if !chosen.iter().any(|other| other.id() == tenant.id()) {
            chosen.push(tenant);
        }
    };
    for name in &wanted {
        add(visitor.named(&request.space, name)?, &mut chosen);
    }
    if !tags.is_empty() {
        let tagged = tagged(visitor, &request.space, &request.project, &environment, tags)?;
        // Also beside tenants that are named: a tag with a slip of the pen in it is not passed over.
        let nobody = tagged.is_empty();
        for tenant in tagged {
            add(tenant, &mut chosen);
        }
        if nobody {
            return Err(Error::invalid("TenantTags", NOBODY_TAGGED));
        }
    }
    let places: Vec<_> = chosen.into_iter().map(|tenant| (environment.clone(), Some(tenant))).collect();
    let made = deployments::deploy_to_many(visitor, &request.project, &request.release, &places, &request.options);
    Ok(answer(&wire::in_words_sent(made, &request.words)?))
}

/// The older way: one release, one environment, perhaps one tenant, all by id.
pub(super) fn create(ask: &Ask, Sent(sent): Sent<DeploymentResource>) -> Result<Created<DeploymentResource>> {
    let (visitor, space) = (ask.visitor()?, ask.space()?);
    // Whoever may nowhere hears that first, whatever was sent.
    visitor.ask(List::<DeploymentCreate>::of(&space))?;
    let mut wrong = Fields::new();
    for (name, text) in [("ReleaseId", sent.release_id.given()), ("EnvironmentId", sent.environment_id.given())] {
        if text.is_none() {
            wrong.add(name, format!("{name} is required."));
        }
    }
    let texts = |list: &[refer::Target]| list.iter().map(|one| one.text().to_owned()).collect();
    let said = Said {
        comments: sent.comments,
        skip: [("SkipActions", sent.skip_actions), ("SkipStepNames", Vec::new())],
        only: texts(&sent.specific_machine_ids),
        not: texts(&sent.excluded_machine_ids),
        not_before: [("QueueTime", sent.queue_time.unwrap_or_default()), ("RunAt", String::new())],
        not_after: [("QueueTimeExpiry", sent.queue_time_expiry.unwrap_or_default()), ("NoRunAfter", String::new())],
    };
    let mut words = said.words();
    words.extend([("EnvironmentName", "EnvironmentId"), ("Tenants", "TenantId")]);
    let options = options(visitor, &space, said, &mut wrong)?;
    wrong.finish()?;
    let release: At<Release> = visitor.named(&space, sent.release_id.text())?;
    let project = visitor.locate(&space, &format!("Projects-{}", release.project_id().unwrap_or_default()))?;
    let environment = visitor.named(&space, sent.environment_id.text())?;
    let tenant = sent.tenant_id.as_ref().and_then(refer::Tenant::given);
    let tenant = tenant.map(|id| visitor.named(&space, id)).transpose()?;
    let made = deployments::deploy_to_many(visitor, &project, &release, &[(environment, tenant)], &options);
    let made = wire::in_words_sent(made, &words)?;
    let one = made.first().ok_or_else(|| Error::internal("a deployment was made and is not there"))?;
    Ok(Created(draw(ask, one)))
}
