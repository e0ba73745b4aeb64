//! `/api/{space}/deployments`, the executions API for deployments, and previews.

use super::{
    caller::{Ask, Body, Reply},
    resource,
    tasks::moment,
};
use crate::{
    base::{
        clock::Moment,
        error::{Error, Fields, Result},
        ids::{self, Environment, Id, Project, Release, Space, Target, Tenant},
        paging::Page,
    },
    company::{
        access::{
            At, Visitor,
            permissions::{DeploymentCreate, DeploymentView, EnvironmentView, List, ReleaseView, TenantView},
        },
        deployments::{
            self, Deployment, Filter, Options,
            plan::{Place, PlannedAction, PlannedStep},
        },
        releases,
        tasks::State,
        tenants,
    },
};
use serde_json::{Value, json};

fn draw(ask: &Ask, d: &Deployment) -> Value {
    let space = resource::space_api(ask, d.space.0);
    let text = |ids: &[Id<Target>]| ids.iter().map(ToString::to_string).collect::<Vec<_>>();
    let mut links = resource::links(&format!("{space}/deployments/{}", d.id), &[]);
    if let Some(links) = links.as_object_mut() {
        for (name, id) in [
            ("Task", ("tasks", d.task.to_string())),
            ("Release", ("releases", d.release.to_string())),
            ("Project", ("projects", d.project.to_string())),
            ("Environment", ("environments", d.environment.to_string())),
        ] {
            links.insert(name.into(), json!(format!("{space}/{}/{}", id.0, id.1)));
        }
    }
    json!({
        "Id": d.id.to_string(), "SpaceId": d.space.to_string(), "Name": d.name, "ProjectId": d.project.to_string(),
        "ReleaseId": d.release.to_string(), "ChannelId": d.channel.to_string(), "EnvironmentId": d.environment.to_string(),
        "TenantId": d.tenant.map(|id| id.to_string()), "TaskId": d.task.to_string(), "Created": d.created_at.wire(),
        "Comments": d.comments, "SkipActions": d.skip_steps, "SpecificMachineIds": text(&d.only_targets),
        "ExcludedMachineIds": text(&d.not_targets), "DeployedToMachineIds": [], "ForcePackageDownload": false,
        "ForcePackageRedeployment": false, "UseGuidedFailure": false, "FormValues": {}, "Priority": "LifecycleDefault",
        "QueueTime": Value::Null, "QueueTimeExpiry": Value::Null, "ManifestVariableSetId": Value::Null,
        "DeployedBy": d.created_by, "DeployedById": d.created_by_id.map(|id| Id::<ids::User>::new(id).to_string()),
        "FailureEncountered": matches!(d.state, State::Failed | State::TimedOut), "Changes": [],
        "CompletedTime": moment(d.completed_at),
        "Links": links,
    })
}

/// A page of them, newest first.
pub(super) fn list(ask: &Ask) -> Result<Reply> {
    let space = ask.space()?;
    let granted = ask.visitor()?.ask(List::<DeploymentView>::of(&space))?;
    let states = ask.call.asked_all("taskState").iter().filter_map(|text| State::parse(text)).collect();
    let filter = Filter {
        ids: ask.asked_ids::<ids::Deployment>("ids"),
        projects: ask.asked_ids::<Project>("projects"),
        environments: ask.asked_ids::<Environment>("environments"),
        tenants: ask.asked_ids::<Tenant>("tenants"),
        channels: ask.asked_ids::<ids::Channel>("channels"),
        releases: ask.asked_ids::<Release>("releases"),
        states,
        search: ask.asked_text("partialName"),
    };
    let listed = deployments::list(&granted, &filter, ask.page())?;
    let own = format!("{}/deployments", resource::space_api(ask, space.id().0));
    let template = "skip,take,ids,projects,environments,tenants,channels,releases,taskState";
    resource::collection(ask, &own, "Deployment", listed, ask.page(), template, |d| draw(ask, d))
}

/// The deployments of one release.
pub(super) fn of_release(ask: &Ask) -> Result<Reply> {
    let space = ask.space()?;
    let release: At<Release> = ask.visitor()?.locate(&space, ask.parameter("id"))?;
    ask.visitor()?.ask(ReleaseView { release: release.clone() })?;
    let granted = ask.visitor()?.ask(List::<DeploymentView>::of(&space))?;
    let filter = Filter { releases: Some(vec![release.id().0]), ..Filter::default() };
    let listed = deployments::list(&granted, &filter, ask.page())?;
    let own = format!("{}/releases/{}/deployments", resource::space_api(ask, space.id().0), release.id());
    resource::collection(ask, &own, "Deployment", listed, ask.page(), "skip,take", |d| draw(ask, d))
}

/// One.
pub(super) fn show(ask: &Ask) -> Result<Reply> {
    let visitor = ask.visitor()?;
    let granted = visitor.ask(DeploymentView { deployment: visitor.locate(&ask.space()?, ask.parameter("id"))? })?;
    Reply::ok(draw(ask, &deployments::show(&granted)?))
}

/// What both flavours of the executions API say beside the place.
pub(super) fn options(visitor: &Visitor, space: &At<Space>, body: &Body, wrong: &mut Fields) -> Result<Options> {
    let mut time = |name: &str| {
        let text = body.some_text(name)?;
        let read = Moment::parse(&text);
        if read.is_none() {
            wrong.add(name, "Give a time such as 2026-01-31T10:00:00+00:00.");
        }
        read
    };
    let (not_before, not_after) =
        (time("RunAt").or_else(|| time("QueueTime")), time("NoRunAfter").or_else(|| time("QueueTimeExpiry")));
    let targets = |names: Vec<String>| -> Result<Vec<Id<Target>>> {
        // One that may not be seen is not there.
        let seen = |name: &String| match visitor.locate::<Target>(space, name)? {
            at if visitor.sees(&at) => Ok(at.id()),
            _ => Err(Error::NotFound(name.clone())),
        };
        names.iter().map(seen).collect()
    };
    Ok(Options {
        comments: body.text("Comments"),
        skip_steps: [body.texts("SkipStepNames"), body.texts("SkipActions")].concat(),
        only_targets: targets([body.texts("SpecificMachineNames"), body.texts("SpecificMachineIds")].concat())?,
        not_targets: targets([body.texts("ExcludedMachineNames"), body.texts("ExcludedMachineIds")].concat())?,
        not_before,
        not_after,
    })
}

struct Request {
    space: At<Space>,
    project: At<Project>,
    release: At<Release>,
    options: Options,
}

fn request(ask: &Ask) -> Result<Request> {
    let (visitor, space) = (ask.visitor()?, ask.space()?);
    // Whoever may nowhere hears that first, whatever was sent.
    visitor.ask(List::<DeploymentCreate>::of(&space))?;
    let mut wrong = Fields::new();
    let name =
        [ask.body.text("ProjectName"), ask.body.text("ProjectId")].into_iter().find(|text| !text.trim().is_empty());
    if name.is_none() {
        wrong.add("ProjectName", "Name the project: ProjectName is required.");
    }
    let version = ask.body.some_text("ReleaseVersion");
    if version.is_none() {
        wrong.add("ReleaseVersion", "Name the release to deploy: ReleaseVersion is required.");
    }
    let options = options(visitor, &space, &ask.body, &mut wrong)?;
    wrong.finish()?;
    let project: At<Project> = visitor.locate(&space, &name.unwrap_or_default())?;
    let release = visitor.locate(&project, &version.unwrap_or_default())?;
    Ok(Request { space, project, release, options })
}

fn answer(made: &[Deployment]) -> Result<Reply> {
    let tasks: Vec<Value> = made
        .iter()
        .map(|one| json!({ "DeploymentId": one.id.to_string(), "ServerTaskId": one.task.to_string() }))
        .collect();
    Reply::created(json!({ "DeploymentServerTasks": tasks }))
}

/// `deployments/create/untenanted/v1`: to each of some environments.
pub(super) fn untenanted(ask: &Ask) -> Result<Reply> {
    let request = request(ask)?;
    let visitor = ask.visitor()?;
    let mut names = ask.body.texts("EnvironmentNames");
    names.extend(ask.body.some_text("EnvironmentName"));
    if names.is_empty() {
        return Err(Error::invalid("EnvironmentNames", "Name at least one environment: EnvironmentNames is required."));
    }
    let mut places = Vec::new();
    for name in &names {
        let environment: At<Environment> = visitor.locate(&request.space, name)?;
        if !places.iter().any(|(other, _): &(At<Environment>, _)| other.id() == environment.id()) {
            places.push((environment, None));
        }
    }
    answer(&deployments::deploy_to_many(visitor, &request.project, &request.release, &places, &request.options)?)
}

/// `deployments/create/tenanted/v1`: to one environment, for tenants by name and by tag.
pub(super) fn tenanted(ask: &Ask) -> Result<Reply> {
    let request = request(ask)?;
    let visitor = ask.visitor()?;
    let name = ask.body.some_text("EnvironmentName").or_else(|| ask.body.texts("EnvironmentNames").into_iter().next());
    let name =
        name.ok_or_else(|| Error::invalid("EnvironmentName", "Name the environment: EnvironmentName is required."))?;
    let environment: At<Environment> = visitor.locate(&request.space, &name)?;
    let (wanted, tags) = (ask.body.texts("Tenants"), ask.body.texts("TenantTags"));
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
        add(visitor.locate(&request.space, name)?, &mut chosen);
    }
    if !tags.is_empty() {
        for tenant in tagged(visitor, &request.space, &request.project, &environment, tags)? {
            add(tenant, &mut chosen);
        }
        if chosen.is_empty() {
            return Err(Error::invalid(
                "TenantTags",
                "No tenant with these tags is connected to the project in this environment.",
            ));
        }
    }
    let places: Vec<_> = chosen.into_iter().map(|tenant| (environment.clone(), Some(tenant))).collect();
    answer(&deployments::deploy_to_many(visitor, &request.project, &request.release, &places, &request.options)?)
}

/// The tenants with these tags, by the filter rule, that are connected to the project in the environment (`domain §7`).
pub(super) fn tagged(
    visitor: &Visitor,
    space: &At<Space>,
    project: &At<Project>,
    environment: &At<Environment>,
    tags: Vec<String>,
) -> Result<Vec<At<Tenant>>> {
    let granted = visitor.ask(List::<TenantView>::of(space))?;
    let filter =
        tenants::Filter { project: Some(project.id()), tags, is_disabled: Some(false), ..tenants::Filter::default() };
    let listed = tenants::list(&granted, &filter, Page::ALL)?;
    let connected = listed.items.iter().filter(|tenant| {
        tenant.connections.iter().any(|one| one.project == project.id() && one.environments.contains(&environment.id()))
    });
    connected.map(|tenant| visitor.locate(space, &tenant.id.to_string())).collect()
}

/// The older way: one release, one environment, perhaps one tenant, all by id.
pub(super) fn create(ask: &Ask) -> Result<Reply> {
    let (visitor, space) = (ask.visitor()?, ask.space()?);
    // Whoever may nowhere hears that first, whatever was sent.
    visitor.ask(List::<DeploymentCreate>::of(&space))?;
    let mut wrong = Fields::new();
    for name in ["ReleaseId", "EnvironmentId"] {
        if !ask.body.has(name) {
            wrong.add(name, format!("{name} is required."));
        }
    }
    let options = options(visitor, &space, &ask.body, &mut wrong)?;
    wrong.finish()?;
    let release: At<Release> = visitor.locate(&space, &ask.body.text("ReleaseId"))?;
    let project = visitor.locate(&space, &format!("Projects-{}", release.project_id().unwrap_or_default()))?;
    let environment = visitor.locate(&space, &ask.body.text("EnvironmentId"))?;
    let tenant = ask.body.some_text("TenantId").map(|id| visitor.locate(&space, &id)).transpose()?;
    let made = deployments::deploy_to_many(visitor, &project, &release, &[(environment, tenant)], &options)?;
    let one = made.first().ok_or_else(|| Error::internal("a deployment was made and is not there"))?;
    Reply::created(draw(ask, one))
}

/// What a deployment to one environment, and for one tenant, would do.
pub(super) fn preview(ask: &Ask) -> Result<Reply> {
    let (visitor, space) = (ask.visitor()?, ask.space()?);
    let release = visitor.locate(&space, ask.parameter("id"))?;
    let tenant = Some(ask.parameter("tenant"))
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
        .or(ask.asked("tenant").map(str::to_owned));
    let disabled = ask.asked_bool("includeDisabledSteps").unwrap_or(false);
    Reply::ok(previewed(visitor, &space, &release, ask.parameter("environment"), tenant.as_deref(), disabled)?)
}

/// The same for several places.
pub(super) fn previews(ask: &Ask) -> Result<Reply> {
    let (visitor, space) = (ask.visitor()?, ask.space()?);
    let release = visitor.locate(&space, ask.parameter("id"))?;
    visitor.ask(ReleaseView { release: release.clone() })?;
    let disabled = ask.body.bool("IncludeDisabledSteps");
    let wanted = ask.body.objects("DeploymentPreviews");
    if wanted.len() > deployments::MOST_AT_ONCE {
        return Err(Error::invalid(
            "DeploymentPreviews",
            format!("Ask for at most {} at once.", deployments::MOST_AT_ONCE),
        ));
    }
    let drawn = wanted.iter().map(|one| {
        previewed(visitor, &space, &release, &one.text("EnvironmentId"), one.some_text("TenantId").as_deref(), disabled)
    });
    Reply::ok(Value::Array(drawn.collect::<Result<_>>()?))
}

fn previewed(
    visitor: &Visitor,
    space: &At<Space>,
    release: &At<Release>,
    environment: &str,
    tenant: Option<&str>,
    disabled: bool,
) -> Result<Value> {
    let granted = visitor.ask(ReleaseView { release: release.clone() })?;
    let environment = visitor.ask(EnvironmentView { environment: visitor.locate(space, environment)? })?;
    let tenant = match tenant {
        Some(tenant) => Some(visitor.ask(TenantView { tenant: visitor.locate(space, tenant)? })?),
        None => None,
    };
    let preview = deployments::preview(&granted, &environment, tenant.as_ref(), &[])?;
    let roles = releases::show(&granted)?.steps.iter().map(|step| step.target_roles()).collect::<Vec<_>>();
    let steps: Vec<Value> = preview
        .plan
        .steps
        .iter()
        .flat_map(|step| step.actions.iter().map(move |action| (step, action)))
        .filter(|(_, action)| disabled || action.skipped.is_none())
        .map(|(step, action)| drawn(step, action, roles.get(step.number - 1).map_or(&[], Vec::as_slice)))
        .collect();
    Ok(json!({
        "StepsToExecute": steps, "Form": { "Values": {}, "Elements": [] }, "PackageRetrieval": [], "Changes": [],
        "ChangesMarkdown": "", "UseGuidedFailureModeByDefault": false, "MissingTenantVariables": [],
        "Obstacle": preview.obstacle,
    }))
}

pub(super) fn drawn(step: &PlannedStep, action: &PlannedAction, roles: &[String]) -> Value {
    let machines: Vec<_> = step.places.iter().filter_map(Place::machine).collect();
    let number =
        if step.actions.len() > 1 { format!("{}.{}", step.number, action.number) } else { step.number.to_string() };
    json!({
        "ActionId": action.id, "ActionName": action.name, "ActionNumber": number, "Roles": roles,
        "MachineNames": machines.iter().map(|machine| &machine.name).collect::<Vec<_>>(),
        "Machines": machines.iter().map(|machine| json!({ "Id": machine.id.to_string(), "Name": machine.name })).collect::<Vec<_>>(),
        "CanBeSkipped": !action.is_required, "IsDisabled": action.is_disabled,
        "HasNoApplicableMachines": step.skipped.is_some() && action.skipped.is_none(),
        "UnavailableMachines": [], "ExcludedMachines": [],
    })
}
