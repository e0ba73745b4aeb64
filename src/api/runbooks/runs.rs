//! `/api/{space}/runbookRuns`, the executions API for runbooks, and previews.

use super::{find, frozen_id, located, snapshots::with_snapshot};
use crate::{
    api::{
        caller::Ask,
        deployments::{DeploymentPriority, NOBODY_TAGGED, Said, agreeing, options, states, tagged},
        previews::{PreviewQuery, PreviewResource, PreviewsWanted},
        releases::first,
        resource,
        wire::{self, All, Collection, Created, Done, Json, Links, NoList, NoMap, Nothing, Off, Query, Sent, refer},
    },
    base::{
        clock::Moment,
        error::{Error, Fields, Result},
        ids::{self, Environment, Id, Project, Runbook, Tenant},
    },
    company::{
        access::{
            At, Granted, Visitor,
            permissions::{
                EnvironmentView, List, RunbookRunCreate, RunbookRunDelete, RunbookRunView, RunbookView, TenantView,
            },
        },
        runbooks::{self, Run, RunFilter, Which, snapshots},
        tasks::State,
    },
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A run of a runbook on the wire. When it is made: one environment, perhaps one tenant.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(in crate::api) struct RunResource {
    #[schema(read_only)]
    id: String,
    #[schema(read_only)]
    space_id: String,
    #[schema(read_only)]
    name: String,
    #[schema(read_only)]
    project_id: String,
    runbook_id: refer::Runbook,
    #[schema(read_only)]
    runbook_name: String,
    /// Left out: the published one.
    runbook_snapshot_id: String,
    #[schema(read_only)]
    runbook_snapshot_name: String,
    #[schema(read_only)]
    frozen_runbook_process_id: String,
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
    force_package_download: Off,
    use_guided_failure: Off,
    form_values: NoMap,
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
    completed_time: Option<String>,
    #[schema(read_only)]
    links: Links,
}

/// What the command `runbook-runs/create/v1` is told (`rest-api §4`).
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(in crate::api) struct CreateRuns {
    /// The project by id, name or slug.
    project_name: String,
    /// As `ProjectName`.
    project_id: String,
    /// The runbook by id, name or slug.
    runbook_name: String,
    /// As `RunbookName`.
    runbook_id: String,
    /// Each of these.
    environment_names: Vec<String>,
    /// One more.
    environment_name: String,
    /// As `EnvironmentName`.
    environment_id: String,
    /// For each of these tenants, by id, name or slug.
    tenants: Vec<String>,
    /// One more.
    tenant_id: String,
    /// And for those with these tags, as `Set/Tag`.
    tenant_tags: Vec<String>,
    /// A snapshot by id or name. Left out: the published one.
    snapshot: String,
    /// As `Snapshot`.
    runbook_snapshot_id: String,
    /// Takes a snapshot of the process as it is now, and runs that.
    use_draft: bool,
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
    /// As `RunAt`.
    queue_time: String,
    /// Given up when it has not begun by then; a moment.
    no_run_after: String,
    /// As `NoRunAfter`.
    queue_time_expiry: String,
    force_package_download: Off,
    use_guided_failure: Off,
    priority: DeploymentPriority,
    variables: NoMap,
    form_values: NoMap,
    deployment_freeze_names: NoList,
    deployment_freeze_override_reason: Nothing,
}

/// What that command answers.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(in crate::api) struct RunsCreated {
    runbook_run_server_tasks: Vec<RunTask>,
}

/// A run and the task that carries it out.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
struct RunTask {
    runbook_run_id: String,
    server_task_id: String,
}

/// Which runs.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub(in crate::api) struct RunQuery {
    ids: Option<Vec<String>>,
    projects: Option<Vec<String>>,
    environments: Option<Vec<String>>,
    tenants: Option<Vec<String>>,
    runbooks: Option<Vec<String>>,
    task_state: Vec<String>,
    partial_name: String,
}

fn draw(ask: &Ask, run: &Run) -> RunResource {
    let space = resource::space_api(ask, run.space.0);
    RunResource {
        id: run.id.to_string(),
        space_id: run.space.to_string(),
        name: run.name.clone(),
        project_id: run.project.to_string(),
        runbook_id: run.runbook.into(),
        runbook_name: run.runbook_name.clone(),
        runbook_snapshot_id: run.snapshot.to_string(),
        runbook_snapshot_name: run.snapshot_name.clone(),
        frozen_runbook_process_id: frozen_id(run.runbook, run.snapshot),
        environment_id: run.environment.into(),
        tenant_id: run.tenant.map(Into::into),
        task_id: run.task.to_string(),
        created: run.created_at.wire(),
        comments: run.comments.clone(),
        skip_actions: run.skip_steps.clone(),
        specific_machine_ids: run.only_targets.iter().copied().map(Into::into).collect(),
        excluded_machine_ids: run.not_targets.iter().copied().map(Into::into).collect(),
        queue_time: run.not_before.map(Moment::wire),
        queue_time_expiry: run.not_after.map(Moment::wire),
        deployed_by: run.created_by.clone(),
        deployed_by_id: run.created_by_id.map(|id| Id::<ids::User>::new(id).to_string()),
        failure_encountered: matches!(run.state, State::Failed | State::TimedOut),
        completed_time: run.completed_at.map(Moment::wire),
        links: Links::of(format!("{space}/runbookRuns/{}", run.id), &[])
            .and("Task", format!("{space}/tasks/{}", run.task))
            .and("Runbook", format!("{space}/runbooks/{}", run.runbook))
            .and("Project", format!("{space}/projects/{}", run.project))
            .and("Environment", format!("{space}/environments/{}", run.environment)),
        ..RunResource::default()
    }
}

/// A page of them, newest first.
pub(in crate::api) fn list(ask: &Ask, query: Query<RunQuery>) -> Result<Collection<RunResource>> {
    let space = ask.space()?;
    let granted = ask.visitor()?.ask(List::<RunbookRunView>::of(&space))?;
    let filter = RunFilter {
        ids: query.ids.as_deref().map(wire::numbers::<ids::RunbookRun>),
        projects: query.projects.as_deref().map(wire::numbers::<Project>),
        environments: query.environments.as_deref().map(wire::numbers::<Environment>),
        tenants: query.tenants.as_deref().map(wire::numbers::<Tenant>),
        runbooks: query.runbooks.as_deref().map(wire::numbers::<Runbook>),
        states: states(&query.task_state)?,
        search: query.partial_name.clone(),
    };
    let listed = runbooks::list_runs(&granted, &filter, ask.page())?;
    let own = format!("{}/runbookRuns", resource::space_api(ask, space.id().0));
    Ok(wire::collection(ask, &query, &own, "RunbookRun", listed, ask.page(), |run| draw(ask, run)))
}

/// One.
pub(in crate::api) fn show(ask: &Ask) -> Result<Json<RunResource>> {
    let visitor = ask.visitor()?;
    let granted = visitor.ask(RunbookRunView { run: visitor.locate(&ask.space()?, ask.parameter("id"))? })?;
    Ok(Json(draw(ask, &runbooks::show_run(&granted)?)))
}

/// Deletes one with its task and its log.
pub(in crate::api) fn delete(ask: &Ask) -> Result<Done> {
    let visitor = ask.visitor()?;
    let run = visitor.locate(&ask.space()?, ask.parameter("id"))?;
    runbooks::delete_run(&visitor.ask(RunbookRunDelete { run })?)?;
    Ok(Done)
}

/// `POST runbookRuns`: the older way, one environment and perhaps one tenant.
pub(in crate::api) fn create_one(ask: &Ask, Sent(sent): Sent<RunResource>) -> Result<Created<RunResource>> {
    let (visitor, space) = (ask.visitor()?, ask.space()?);
    // Whoever may nowhere hears that first, whatever was sent.
    visitor.ask(List::<RunbookRunCreate>::of(&space))?;
    let mut wrong = Fields::new();
    for (name, text) in [("RunbookId", sent.runbook_id.given()), ("EnvironmentId", sent.environment_id.given())] {
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
    words.extend([("EnvironmentName", "EnvironmentId"), ("Tenants", "TenantId"), ("Snapshot", "RunbookSnapshotId")]);
    let options = options(visitor, &space, said, &mut wrong)?;
    wrong.finish()?;
    let runbook = find(ask, sent.runbook_id.text(), true)?;
    // One that the caller may not see is not there, whatever else is wrong.
    visitor.ask(RunbookView { runbook: runbook.clone() })?;
    let which = first([sent.runbook_snapshot_id]).map_or(Which::Published, Which::Snapshot);
    let environment = visitor.named(&space, sent.environment_id.text())?;
    let tenant = sent.tenant_id.as_ref().and_then(refer::Tenant::given);
    let tenant = tenant.map(|id| visitor.named(&space, id)).transpose()?;
    let made = runbooks::run(visitor, &runbook, &which, &[(environment, tenant)], &options);
    let made = wire::in_words_sent(made, &words)?;
    let one = made.first().ok_or_else(|| Error::internal("a run was made and is not there"))?;
    Ok(Created(draw(ask, one)))
}

/// `runbook-runs/create/v1`: in each of some environments, without tenant or for tenants by name and by tag.
pub(in crate::api) fn create(ask: &Ask, Sent(sent): Sent<CreateRuns>) -> Result<Created<RunsCreated>> {
    let (visitor, space) = (ask.visitor()?, ask.space()?);
    // Whoever may nowhere hears that first, whatever was sent.
    visitor.ask(List::<RunbookRunCreate>::of(&space))?;
    let mut wrong = Fields::new();
    let projects = [("ProjectName", sent.project_name), ("ProjectId", sent.project_id)];
    let project = first(projects.clone().map(|(_, text)| text));
    if project.is_none() {
        wrong.add("ProjectName", "Name the project: ProjectName is required.");
    }
    let runbooks_named = [("RunbookName", sent.runbook_name), ("RunbookId", sent.runbook_id)];
    let runbook = first(runbooks_named.clone().map(|(_, text)| text));
    if runbook.is_none() {
        wrong.add("RunbookName", "Name the runbook: RunbookName is required.");
    }
    let mut environments = sent.environment_names;
    environments.extend(first([sent.environment_name]));
    environments.extend(first([sent.environment_id]));
    if environments.is_empty() {
        wrong.add("EnvironmentNames", "Name at least one environment: EnvironmentNames is required.");
    }
    let said = Said {
        comments: sent.comments,
        skip: [("SkipStepNames", sent.skip_step_names), ("SkipActions", sent.skip_actions)],
        only: [sent.specific_machine_names, sent.specific_machine_ids].concat(),
        not: [sent.excluded_machine_names, sent.excluded_machine_ids].concat(),
        not_before: [("RunAt", sent.run_at), ("QueueTime", sent.queue_time)],
        not_after: [("NoRunAfter", sent.no_run_after), ("QueueTimeExpiry", sent.queue_time_expiry)],
    };
    let mut words = said.words();
    let options = options(visitor, &space, said, &mut wrong)?;
    wrong.finish()?;
    let project: At<Project> = visitor.named(&space, &project.unwrap_or_default())?;
    agreeing(&project, &projects, |text| visitor.named(&space, text))?;
    let runbook: At<Runbook> = visitor.named(&project, &runbook.unwrap_or_default())?;
    agreeing(&runbook, &runbooks_named, |text| visitor.named(&project, text))?;
    // One that the caller may not see is not there, whatever else is wrong.
    visitor.ask(RunbookView { runbook: runbook.clone() })?;
    if sent.snapshot.trim().is_empty() {
        words.push(("Snapshot", "RunbookSnapshotId"));
    } else if !sent.runbook_snapshot_id.trim().is_empty() && sent.snapshot != sent.runbook_snapshot_id {
        let words = "Name one snapshot: this is spelt otherwise than Snapshot. Leave one of them out.";
        return Err(Error::invalid("RunbookSnapshotId", words));
    }
    let which = match first([sent.snapshot, sent.runbook_snapshot_id]) {
        Some(_) if sent.use_draft => {
            return Err(Error::invalid("UseDraft", "Name a snapshot, or run the draft, not both."));
        }
        Some(snapshot) => Which::Snapshot(snapshot),
        None if sent.use_draft => Which::Draft,
        None => Which::Published,
    };
    let (mut wanted, tags) = (sent.tenants, sent.tenant_tags);
    wanted.extend(first([sent.tenant_id]));
    let mut places: Vec<(At<Environment>, Option<At<Tenant>>)> = Vec::new();
    for name in &environments {
        let environment: At<Environment> = visitor.named(&space, name)?;
        if places.iter().any(|(other, _)| other.id() == environment.id()) {
            continue;
        }
        let mut tenants: Vec<At<Tenant>> =
            wanted.iter().map(|name| visitor.named(&space, name)).collect::<Result<_>>()?;
        if !tags.is_empty() {
            let tagged = tagged(visitor, &space, &project, &environment, tags.clone())?;
            if tagged.is_empty() {
                return Err(Error::invalid("TenantTags", NOBODY_TAGGED));
            }
            tenants.extend(tagged);
        }
        let mut seen = Vec::new();
        tenants.retain(|tenant| {
            !seen.contains(&tenant.id()) && {
                seen.push(tenant.id());
                true
            }
        });
        match wanted.is_empty() && tags.is_empty() {
            true => places.push((environment, None)),
            false => places.extend(tenants.into_iter().map(|tenant| (environment.clone(), Some(tenant)))),
        }
    }
    let made = wire::in_words_sent(runbooks::run(visitor, &runbook, &which, &places, &options), &words)?;
    let tasks =
        made.iter().map(|one| RunTask { runbook_run_id: one.id.to_string(), server_task_id: one.task.to_string() });
    Ok(Created(RunsCreated { runbook_run_server_tasks: tasks.collect() }))
}

/// What running a runbook in one environment, and for one tenant, would do: what is published, or the snapshot of the
/// path.
pub(in crate::api) fn preview(ask: &Ask, query: Query<PreviewQuery>) -> Result<Json<PreviewResource>> {
    let visitor = ask.visitor()?;
    let (at, snapshot) = with_snapshot(ask)?;
    let which = snapshot.map_or(Which::Published, Which::Snapshot);
    let granted = visitor.ask(RunbookView { runbook: at })?;
    let space = ask.space()?;
    let environment = visitor.locate(&space, ask.parameter("environment"))?;
    let tenant = query.tenant.given().map(|text| visitor.named(&space, text)).transpose()?;
    Ok(Json(previewed(visitor, &granted, (environment, tenant), &which, query.include_disabled_steps)?))
}

/// The same for several places.
pub(in crate::api) fn previews(ask: &Ask, Sent(sent): Sent<PreviewsWanted>) -> Result<All<PreviewResource>> {
    let visitor = ask.visitor()?;
    let at = located(ask, "runbook")?;
    let granted = visitor.ask(RunbookView { runbook: at })?;
    let (space, wanted) = (ask.space()?, sent.few()?);
    let drawn = wanted.deployment_previews.iter().map(|one| {
        let environment = visitor.named(&space, one.environment_id.text())?;
        let tenant = one.tenant_id.given().map(|text| visitor.named(&space, text)).transpose()?;
        previewed(visitor, &granted, (environment, tenant), &Which::Published, wanted.include_disabled_steps)
    });
    Ok(All(drawn.collect::<Result<_>>()?))
}

fn previewed(
    visitor: &Visitor,
    granted: &Granted<'_, RunbookView>,
    (environment, tenant): (At<Environment>, Option<At<Tenant>>),
    which: &Which,
    disabled: bool,
) -> Result<PreviewResource> {
    let environment = visitor.ask(EnvironmentView { environment })?;
    let tenant = tenant.map(|tenant| visitor.ask(TenantView { tenant })).transpose()?;
    let preview = runbooks::preview(granted, &environment, tenant.as_ref(), which, &[])?;
    let frozen = match which {
        Which::Snapshot(text) => Some(snapshots::show(granted, text)?),
        _ => match runbooks::show(granted)?.published {
            Some(published) => Some(snapshots::show(granted, &published.id.to_string())?),
            None => None,
        },
    };
    let steps = frozen.map(|one| one.steps).unwrap_or_default();
    Ok(PreviewResource::of(&preview, &steps, disabled))
}
