//! `/api/{space}/runbookRuns`, the executions API for runbooks, and previews.

use super as of;
use crate::{
    api::{
        caller::{Ask, Reply},
        deployments::{drawn, options, tagged},
        resource,
        tasks::moment,
    },
    base::{
        error::{Error, Fields, Result},
        ids::{self, Environment, Id, Project, Runbook, Target, Tenant},
    },
    company::{
        access::{
            At, Visitor,
            permissions::{
                EnvironmentView, List, RunbookRunCreate, RunbookRunDelete, RunbookRunView, RunbookView, TenantView,
            },
        },
        deployments::MOST_AT_ONCE,
        runbooks::{self, Run, RunFilter, Which, snapshots},
        tasks::State,
    },
};
use serde_json::{Value, json};

fn draw(ask: &Ask, run: &Run) -> Value {
    let space = resource::space_api(ask, run.space.0);
    let text = |ids: &[Id<Target>]| ids.iter().map(ToString::to_string).collect::<Vec<_>>();
    let mut links = resource::links(&format!("{space}/runbookRuns/{}", run.id), &[]);
    for (name, kind, id) in [
        ("Task", "tasks", run.task.to_string()),
        ("Runbook", "runbooks", run.runbook.to_string()),
        ("Project", "projects", run.project.to_string()),
        ("Environment", "environments", run.environment.to_string()),
    ] {
        links[name] = json!(format!("{space}/{kind}/{id}"));
    }
    json!({
        "Id": run.id.to_string(), "SpaceId": run.space.to_string(), "Name": run.name, "ProjectId": run.project.to_string(),
        "RunbookId": run.runbook.to_string(), "RunbookName": run.runbook_name, "RunbookSnapshotId": run.snapshot.to_string(),
        "RunbookSnapshotName": run.snapshot_name, "FrozenRunbookProcessId": of::frozen_id(run.runbook, run.snapshot),
        "EnvironmentId": run.environment.to_string(), "TenantId": run.tenant.map(|id| id.to_string()),
        "TaskId": run.task.to_string(), "Created": run.created_at.wire(), "Comments": run.comments,
        "SkipActions": run.skip_steps, "SpecificMachineIds": text(&run.only_targets),
        "ExcludedMachineIds": text(&run.not_targets), "ForcePackageDownload": false, "UseGuidedFailure": false,
        "FormValues": {}, "QueueTime": null, "QueueTimeExpiry": null, "ManifestVariableSetId": null,
        "DeployedBy": run.created_by, "DeployedById": run.created_by_id.map(|id| Id::<ids::User>::new(id).to_string()),
        "FailureEncountered": matches!(run.state, State::Failed | State::TimedOut), "CompletedTime": moment(run.completed_at),
        "Links": links,
    })
}

/// A page of them, newest first.
pub(in crate::api) fn list(ask: &Ask) -> Result<Reply> {
    let space = ask.space()?;
    let granted = ask.visitor()?.ask(List::<RunbookRunView>::of(&space))?;
    let filter = RunFilter {
        ids: ask.asked_ids::<ids::RunbookRun>("ids"),
        projects: ask.asked_ids::<Project>("projects"),
        environments: ask.asked_ids::<Environment>("environments"),
        tenants: ask.asked_ids::<Tenant>("tenants"),
        runbooks: ask.asked_ids::<Runbook>("runbooks"),
        states: ask.call.asked_all("taskState").iter().filter_map(|text| State::parse(text)).collect(),
        search: ask.asked_text("partialName"),
    };
    let listed = runbooks::list_runs(&granted, &filter, ask.page())?;
    let own = format!("{}/runbookRuns", resource::space_api(ask, space.id().0));
    let template = "skip,take,ids,projects,environments,tenants,runbooks,taskState,partialName";
    resource::collection(ask, &own, "RunbookRun", listed, ask.page(), template, |run| draw(ask, run))
}

/// One.
pub(in crate::api) fn show(ask: &Ask) -> Result<Reply> {
    let visitor = ask.visitor()?;
    let granted = visitor.ask(RunbookRunView { run: visitor.locate(&ask.space()?, ask.parameter("id"))? })?;
    Reply::ok(draw(ask, &runbooks::show_run(&granted)?))
}

/// Deletes one with its task and its log.
pub(in crate::api) fn delete(ask: &Ask) -> Result<Reply> {
    let visitor = ask.visitor()?;
    let run = visitor.locate(&ask.space()?, ask.parameter("id"))?;
    runbooks::delete_run(&visitor.ask(RunbookRunDelete { run })?)?;
    Reply::done()
}

/// `runbook-runs/create/v1`: in each of some environments, without tenant or for tenants by name and by tag.
pub(in crate::api) fn create(ask: &Ask) -> Result<Reply> {
    let (visitor, space) = (ask.visitor()?, ask.space()?);
    // Whoever may nowhere hears that first, whatever was sent.
    visitor.ask(List::<RunbookRunCreate>::of(&space))?;
    let mut wrong = Fields::new();
    let named = |names: [&str; 2]| names.into_iter().find_map(|name| ask.body.some_text(name));
    let project = named(["ProjectName", "ProjectId"]);
    if project.is_none() {
        wrong.add("ProjectName", "Name the project: ProjectName is required.");
    }
    let runbook = named(["RunbookName", "RunbookId"]);
    if runbook.is_none() {
        wrong.add("RunbookName", "Name the runbook: RunbookName is required.");
    }
    let mut environments = ask.body.texts("EnvironmentNames");
    environments.extend(named(["EnvironmentName", "EnvironmentId"]));
    if environments.is_empty() {
        wrong.add("EnvironmentNames", "Name at least one environment: EnvironmentNames is required.");
    }
    for (field, sentence) in [
        ("UseGuidedFailure", "This version has no guided failure yet. Leave it out, or send false."),
        ("ForcePackageDownload", "This version has no packages yet. Leave it out, or send false."),
    ] {
        if ask.body.bool(field) {
            wrong.add(field, sentence);
        }
    }
    if ["Variables", "FormValues"].into_iter().any(|field| !ask.body.map(field).is_empty()) {
        wrong.add("Variables", "This version has no prompted variables yet. Leave them out.");
    }
    let options = options(visitor, &space, &ask.body, &mut wrong)?;
    wrong.finish()?;
    let project: At<Project> = visitor.locate(&space, &project.unwrap_or_default())?;
    let runbook: At<Runbook> = visitor.locate(&project, &runbook.unwrap_or_default())?;
    // One that the caller may not see is not there, whatever else is wrong.
    visitor.ask(RunbookView { runbook: runbook.clone() })?;
    let which = match named(["Snapshot", "RunbookSnapshotId"]) {
        Some(snapshot) => Which::Snapshot(snapshot),
        None if ask.body.bool("UseDraft") => Which::Draft,
        None => Which::Published,
    };
    let (mut wanted, tags) = (ask.body.texts("Tenants"), ask.body.texts("TenantTags"));
    wanted.extend(ask.body.some_text("TenantId"));
    let mut places: Vec<(At<Environment>, Option<At<Tenant>>)> = Vec::new();
    for name in &environments {
        let environment: At<Environment> = visitor.locate(&space, name)?;
        if places.iter().any(|(other, _)| other.id() == environment.id()) {
            continue;
        }
        let mut tenants: Vec<At<Tenant>> =
            wanted.iter().map(|name| visitor.locate(&space, name)).collect::<Result<_>>()?;
        if !tags.is_empty() {
            tenants.extend(tagged(visitor, &space, &project, &environment, tags.clone())?);
        }
        let mut seen = Vec::new();
        tenants.retain(|tenant| {
            !seen.contains(&tenant.id()) && {
                seen.push(tenant.id());
                true
            }
        });
        match (wanted.is_empty() && tags.is_empty(), tenants.is_empty()) {
            (true, _) => places.push((environment, None)),
            (_, true) => {
                return Err(Error::invalid(
                    "TenantTags",
                    "No tenant with these tags is connected to the project in this environment.",
                ));
            }
            _ => places.extend(tenants.into_iter().map(|tenant| (environment.clone(), Some(tenant)))),
        }
    }
    let made = runbooks::run(visitor, &runbook, &which, &places, &options)?;
    let tasks: Vec<Value> = made
        .iter()
        .map(|one| json!({ "RunbookRunId": one.id.to_string(), "ServerTaskId": one.task.to_string() }))
        .collect();
    Reply::created(json!({ "RunbookRunServerTasks": tasks }))
}

/// What running a runbook in one environment, and for one tenant, would do: what is published, or the snapshot of the
/// path.
pub(in crate::api) fn preview(ask: &Ask) -> Result<Reply> {
    let visitor = ask.visitor()?;
    let (at, snapshot) = of::with_snapshot(ask)?;
    let which = snapshot.map_or(Which::Published, Which::Snapshot);
    let tenant = ask.asked("tenant").filter(|text| !text.is_empty());
    let disabled = ask.asked_bool("includeDisabledSteps").unwrap_or(false);
    Reply::ok(previewed(ask, visitor, &at, ask.parameter("environment"), tenant, &which, disabled)?)
}

/// The same for several places.
pub(in crate::api) fn previews(ask: &Ask) -> Result<Reply> {
    let visitor = ask.visitor()?;
    let at = of::located(ask, "runbook")?;
    visitor.ask(RunbookView { runbook: at.clone() })?;
    let wanted = ask.body.objects("DeploymentPreviews");
    if wanted.len() > MOST_AT_ONCE {
        return Err(Error::invalid("DeploymentPreviews", format!("Ask for at most {MOST_AT_ONCE} at once.")));
    }
    let disabled = ask.body.bool("IncludeDisabledSteps");
    let one = |one: &crate::api::caller::Body| {
        let (environment, tenant) = (one.text("EnvironmentId"), one.some_text("TenantId"));
        previewed(ask, visitor, &at, &environment, tenant.as_deref(), &Which::Published, disabled)
    };
    Reply::ok(Value::Array(wanted.iter().map(one).collect::<Result<_>>()?))
}

fn previewed(
    ask: &Ask,
    visitor: &Visitor,
    at: &At<Runbook>,
    environment: &str,
    tenant: Option<&str>,
    which: &Which,
    disabled: bool,
) -> Result<Value> {
    let space = ask.space()?;
    let granted = visitor.ask(RunbookView { runbook: at.clone() })?;
    let environment = visitor.ask(EnvironmentView { environment: visitor.locate(&space, environment)? })?;
    let tenant = match tenant {
        Some(tenant) => Some(visitor.ask(TenantView { tenant: visitor.locate(&space, tenant)? })?),
        None => None,
    };
    let preview = runbooks::preview(&granted, &environment, tenant.as_ref(), which, &[])?;
    let frozen = match which {
        Which::Snapshot(text) => Some(snapshots::show(&granted, text)?),
        _ => match runbooks::show(&granted)?.published {
            Some(published) => Some(snapshots::show(&granted, &published.id.to_string())?),
            None => None,
        },
    };
    let roles: Vec<_> = frozen.iter().flat_map(|one| &one.steps).map(|step| step.target_roles()).collect();
    let steps: Vec<Value> = preview
        .plan
        .steps
        .iter()
        .flat_map(|step| step.actions.iter().map(move |action| (step, action)))
        .filter(|(_, action)| disabled || action.skipped.is_none())
        .map(|(step, action)| drawn(step, action, roles.get(step.number - 1).map_or(&[], Vec::as_slice)))
        .collect();
    Ok(json!({
        "StepsToExecute": steps, "Form": { "Values": {}, "Elements": [] }, "PackageRetrieval": [],
        "UseGuidedFailureModeByDefault": false, "MissingTenantVariables": [], "Obstacle": preview.obstacle,
    }))
}
