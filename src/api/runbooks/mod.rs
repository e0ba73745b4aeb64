//! `/api/{space}/runbooks` and the same below a project.

pub(super) mod process;
pub(super) mod runs;
pub(super) mod snapshots;

use super::{
    caller::Ask,
    lifecycles::RetentionResource,
    projects::{self, EnvironmentDefault, NoSkipping, TenantedDeploymentMode},
    resource,
    wire::{self, All, Collection, Created, Done, Json, Links, NoList, Off, Query, Sent, refer},
};
use crate::{
    base::{
        error::{Error, Fields as Wrong, Result},
        ids::{self, Environment, Id, Kind},
        paging::Page,
    },
    company::{
        access::{
            At, RunbookPart,
            permissions::{EnvironmentView, List, RunbookEdit, RunbookView},
        },
        runbooks::{self, EnvironmentScope, Fields, Filter, Runbook, snapshots as frozen},
    },
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A runbook on the wire.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct RunbookResource {
    #[schema(read_only)]
    id: String,
    #[schema(read_only)]
    space_id: String,
    /// Where it is made; it stays there.
    project_id: refer::Project,
    name: String,
    /// Empty: made of the first name, and kept.
    slug: String,
    /// When changed and left out: as it is.
    description: Option<String>,
    #[schema(read_only)]
    runbook_process_id: String,
    /// The snapshot that is run when none is named; another one publishes that. Left out: as it is.
    published_runbook_snapshot_id: Option<String>,
    /// Left out: as it is.
    multi_tenancy_mode: Option<TenantedDeploymentMode>,
    /// Left out: as it is.
    environment_scope: Option<RunbookScope>,
    /// Where it may run when the scope is `Specified`. Left out: as it is.
    environments: Option<Vec<refer::Environment>>,
    connectivity_policy: RunbookConnectivityPolicy,
    default_guided_failure_mode: EnvironmentDefault,
    run_retention_policy: RetentionResource,
    force_package_download: Off,
    runbook_tags: NoList,
    from_git: Off,
    #[schema(read_only)]
    links: Links,
}

/// Where a runbook may run.
#[derive(Clone, Copy, Serialize, Deserialize, ToSchema)]
pub(super) enum RunbookScope {
    /// In the environments of the project's lifecycle.
    FromProjectLifecycles,
    /// In every environment of the space.
    All,
    /// In those named.
    Specified,
}
impl From<EnvironmentScope> for RunbookScope {
    fn from(scope: EnvironmentScope) -> Self {
        match scope {
            EnvironmentScope::FromProjectLifecycles => RunbookScope::FromProjectLifecycles,
            EnvironmentScope::All => RunbookScope::All,
            EnvironmentScope::Specified => RunbookScope::Specified,
        }
    }
}
impl From<RunbookScope> for EnvironmentScope {
    fn from(scope: RunbookScope) -> Self {
        match scope {
            RunbookScope::FromProjectLifecycles => EnvironmentScope::FromProjectLifecycles,
            RunbookScope::All => EnvironmentScope::All,
            RunbookScope::Specified => EnvironmentScope::Specified,
        }
    }
}

/// What a runbook does about targets that are not there: its steps are passed over.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct RunbookConnectivityPolicy {
    /// Whether a run that finds no target for any of its steps is a success. Left out: as it is, at first so.
    allow_deployments_to_no_targets: Option<bool>,
    exclude_unhealthy_targets: Off,
    skip_machine_behavior: NoSkipping,
    target_roles: NoList,
}

/// Which runbooks.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct RunbookQuery {
    ids: Option<Vec<String>>,
    partial_name: String,
    project_ids: Option<Vec<String>>,
}

/// How a runbook is made.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct CloneRunbookQuery {
    clone: String,
}

/// An environment that a runbook may run in.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RunbookEnvironment {
    id: String,
    name: String,
    slug: String,
    links: Links,
}

/// The id of a runbook's process.
fn process_id(runbook: Id<ids::Runbook>) -> String {
    format!("RunbookProcess-{runbook}")
}

/// The id of a snapshot's frozen process.
fn frozen_id(runbook: Id<ids::Runbook>, snapshot: Id<ids::RunbookSnapshot>) -> String {
    format!("RunbookProcess-{runbook}-s-{}", snapshot.0)
}

fn draw(ask: &Ask, runbook: &Runbook) -> RunbookResource {
    let space = resource::space_api(ask, runbook.space.0);
    let project = format!("{space}/projects/{}", runbook.project);
    let own = format!("{space}/runbooks/{}", runbook.id);
    let process = process_id(runbook.id);
    let links = Links::of(
        &own,
        &[
            ("RunbookSnapshots", "/runbookSnapshots{?skip,take,searchByName}"),
            ("RunbookSnapshotTemplate", "/runbookSnapshotTemplate"),
            ("Environments", "/environments"),
        ],
    );
    RunbookResource {
        id: runbook.id.to_string(),
        space_id: runbook.space.to_string(),
        project_id: runbook.project.into(),
        name: runbook.name.clone(),
        slug: runbook.slug.clone(),
        description: Some(runbook.description.clone()),
        published_runbook_snapshot_id: runbook.published.as_ref().map(|published| published.id.to_string()),
        multi_tenancy_mode: Some(runbook.tenanted.into()),
        environment_scope: Some(runbook.environment_scope.into()),
        environments: Some(runbook.environments.iter().copied().map(Into::into).collect()),
        connectivity_policy: RunbookConnectivityPolicy {
            allow_deployments_to_no_targets: Some(runbook.allows_no_targets),
            ..RunbookConnectivityPolicy::default()
        },
        run_retention_policy: runbook.run_retention.into(),
        links: links.and("RunbookProcesses", format!("{project}/runbookProcesses/{process}")).and("Project", project),
        runbook_process_id: process,
        ..RunbookResource::default()
    }
}

/// A runbook of the path, as a place; in a project that the visitor may not see, there is none.
fn located(ask: &Ask, parameter: &str) -> Result<At<ids::Runbook>> {
    find(ask, ask.parameter(parameter), false)
}

/// A runbook by its id; below a project in the path by its slug or name too. `said`: in a body, not in the address.
fn find(ask: &Ask, text: &str, said: bool) -> Result<At<ids::Runbook>> {
    let (visitor, space) = (ask.visitor()?, ask.space()?);
    if !ask.parameter("project").is_empty() {
        let project = projects::located(ask)?;
        return if said { visitor.named(&project, text) } else { visitor.locate(&project, text) };
    }
    let found: At<ids::Runbook> = visitor.locate(&space, text)?;
    let project = found.project_id().ok_or_else(|| Error::internal("a runbook without project"))?;
    let project: At<ids::Project> = visitor.locate(&space, &Id::<ids::Project>::new(project).to_string())?;
    match visitor.sees(&project) {
        true => Ok(found),
        false => Err(Error::NotFound(text.to_owned())),
    }
}

/// The project of the path, if there is one. One that the visitor may not see is not there.
fn project_of_path(ask: &Ask) -> Result<Option<At<ids::Project>>> {
    if ask.parameter("project").is_empty() {
        return Ok(None);
    }
    let project = projects::located(ask)?;
    match ask.visitor()?.sees(&project) {
        true => Ok(Some(project)),
        false => Err(Error::NotFound(ask.parameter("project").to_owned())),
    }
}

/// The project of the path or the body.
fn project(ask: &Ask, of_path: Option<At<ids::Project>>, text: &str) -> Result<At<ids::Project>> {
    if let Some(project) = of_path {
        return Ok(project);
    }
    match ask.visitor()?.named(&ask.space()?, text) {
        Err(Error::NotFound(_)) if text.trim().is_empty() => Err(Error::invalid("ProjectId", "Name the project.")),
        Ok(at) if !ask.visitor()?.sees::<ids::Project>(&at) => Err(Error::NotFound(text.to_owned())),
        other => other,
    }
}

fn fields(ask: &Ask, sent: RunbookResource, before: Option<&Runbook>) -> Result<Fields> {
    let (visitor, space) = (ask.visitor()?, ask.space()?);
    let mut wrong = Wrong::new();
    // Clients send 100 for the default.
    let run_retention = sent.run_retention_policy.kept("RunRetentionPolicy", 100, &mut wrong);
    let mut fields = before.map(Fields::from).unwrap_or_default();
    fields.run_retention = run_retention.or(fields.run_retention);
    let allowed = sent.connectivity_policy.allow_deployments_to_no_targets;
    fields.allows_no_targets = allowed.or(fields.allows_no_targets);
    fields.name = sent.name;
    fields.slug = sent.slug;
    if let Some(description) = sent.description {
        fields.description = description;
    }
    if let Some(mode) = sent.multi_tenancy_mode {
        fields.tenanted = mode.into();
    }
    if let Some(scope) = sent.environment_scope {
        fields.environment_scope = scope.into();
    }
    if let Some(environments) = sent.environments {
        let kept = before.map(|before| before.environments.as_slice()).unwrap_or_default();
        let same = |one: &refer::Environment| kept.iter().any(|id| id.to_string().eq_ignore_ascii_case(one.text()));
        // What was read and stays behind when the scope changes is no wish.
        if fields.environment_scope != EnvironmentScope::Specified && !environments.iter().all(same) {
            let words = "Environments are read when EnvironmentScope is Specified. Send that too, or leave them out.";
            return Err(Error::invalid("Environments", words));
        }
        fields.environments.clear();
        for text in environments.iter().map(refer::Environment::text) {
            match visitor.named::<Environment>(&space, text) {
                // One that is kept from before needs not be seen.
                Ok(at)
                    if visitor.may(EnvironmentView { environment: at.clone() })
                        || before.is_some_and(|runbook| runbook.environments.contains(&at.id())) =>
                {
                    fields.environments.push(at.id());
                }
                Ok(_) | Err(Error::NotFound(_)) => {
                    let words = format!("There is no {} {text} in this space. Choose another.", Environment::WORD);
                    wrong.add("Environments", words);
                }
                Err(error) => return Err(error),
            }
        }
    }
    wrong.finish()?;
    Ok(fields)
}

fn filter(query: &RunbookQuery, project: Option<i64>) -> Filter {
    let projects = query.project_ids.as_deref().map(wire::numbers::<ids::Project>);
    Filter {
        partial_name: query.partial_name.clone(),
        ids: query.ids.as_deref().map(wire::numbers::<ids::Runbook>),
        projects: project.map(|id| vec![id]).or(projects),
    }
}

/// A page of the runbooks of the space, or of the project of the path.
pub(super) fn list(ask: &Ask, query: Query<RunbookQuery>) -> Result<Collection<RunbookResource>> {
    let space = ask.space()?;
    let below = project_of_path(ask)?;
    let visitor = ask.visitor()?;
    let granted = visitor.ask(List::<RunbookView>::of(&space))?;
    let own = match &below {
        Some(project) => format!("{}/projects/{}/runbooks", resource::space_api(ask, space.id().0), project.id()),
        None => format!("{}/runbooks", resource::space_api(ask, space.id().0)),
    };
    let filter = filter(&query, below.map(|project| project.id().0));
    let listed = runbooks::list(&granted, &filter, ask.page())?;
    Ok(wire::collection(ask, &query, &own, "Runbook", listed, ask.page(), |one| draw(ask, one)))
}

/// All of them, as a bare array.
pub(super) fn all(ask: &Ask, query: Query<RunbookQuery>) -> Result<All<RunbookResource>> {
    let granted = ask.visitor()?.ask(List::<RunbookView>::of(&ask.space()?))?;
    let listed = runbooks::list(&granted, &filter(&query, None), Page::ALL)?;
    Ok(All(listed.items.iter().map(|one| draw(ask, one)).collect()))
}

/// One.
pub(super) fn show(ask: &Ask) -> Result<Json<RunbookResource>> {
    let granted = ask.visitor()?.ask(RunbookView { runbook: located(ask, "id")? })?;
    Ok(Json(draw(ask, &runbooks::show(&granted)?)))
}

/// Makes one.
pub(super) fn create(
    ask: &Ask,
    query: Query<CloneRunbookQuery>,
    Sent(sent): Sent<RunbookResource>,
) -> Result<Created<RunbookResource>> {
    let visitor = ask.visitor()?;
    let of_path = project_of_path(ask)?;
    // Whoever may nowhere hears that first, whatever was sent.
    visitor.ask(List::<RunbookEdit>::of(&ask.space()?))?;
    let project = project(ask, of_path, sent.project_id.text())?;
    let granted = visitor.ask(RunbookEdit { runbook: RunbookPart::New(project.clone()) })?;
    stays(ask, project.id(), &sent)?;
    if !query.clone.is_empty() {
        return Err(Error::invalid("clone", "A runbook cannot be copied here. Make one and send its process."));
    }
    if wanted(&sent).is_some() {
        return Err(Error::invalid(
            "PublishedRunbookSnapshotId",
            "A new runbook has no snapshot yet. Make it, take a snapshot, then publish that.",
        ));
    }
    Ok(Created(draw(ask, &runbooks::create(&granted, fields(ask, sent, None)?)?)))
}

/// The snapshot that is to be published.
fn wanted(sent: &RunbookResource) -> Option<String> {
    sent.published_runbook_snapshot_id.clone().filter(|text| !text.trim().is_empty())
}

/// Says when a body names another project than the one that the runbook is in.
fn stays(ask: &Ask, project: Id<ids::Project>, sent: &RunbookResource) -> Result<()> {
    let Some(text) = sent.project_id.given() else { return Ok(()) };
    if projects::referred::<ids::Project>(ask, "ProjectId", text).is_ok_and(|named| named.id() == project) {
        return Ok(());
    }
    Err(Error::invalid("ProjectId", format!("The runbook is one of {project}. Leave this out, or send that.")))
}

/// Changes one; publishing a snapshot that is there is this too.
pub(super) fn update(ask: &Ask, Sent(sent): Sent<RunbookResource>) -> Result<Json<RunbookResource>> {
    let visitor = ask.visitor()?;
    let at = located(ask, "id")?;
    let granted = visitor.ask(RunbookEdit { runbook: RunbookPart::This(at.clone()) })?;
    let seen = visitor.ask(RunbookView { runbook: at })?;
    let before = runbooks::show(&seen)?;
    stays(ask, before.project, &sent)?;
    let wanted = wanted(&sent);
    let fields = fields(ask, sent, Some(&before))?;
    if let Some(wanted) = &wanted {
        frozen::show(&seen, wanted).map_err(|error| match error {
            Error::NotFound(_) => Error::invalid(
                "PublishedRunbookSnapshotId",
                format!("{} has no snapshot {wanted}. Choose one of its snapshots.", before.name),
            ),
            other => other,
        })?;
    }
    runbooks::edit(&granted, fields)?;
    if let Some(wanted) = &wanted {
        frozen::publish(&granted, wanted)?;
    }
    Ok(Json(draw(ask, &runbooks::show(&seen)?)))
}

/// Deletes one.
pub(super) fn delete(ask: &Ask) -> Result<Done> {
    let runbook = RunbookPart::This(located(ask, "id")?);
    runbooks::delete(&ask.visitor()?.ask(RunbookEdit { runbook })?)?;
    Ok(Done)
}

/// The environments that it may run in and the caller may see.
pub(super) fn environments(ask: &Ask) -> Result<All<RunbookEnvironment>> {
    let granted = ask.visitor()?.ask(RunbookView { runbook: located(ask, "id")? })?;
    let space = resource::space_api(ask, granted.what().runbook.space_id());
    let draw = |place: &runbooks::Spot| RunbookEnvironment {
        id: place.id.to_string(),
        name: place.name.clone(),
        slug: place.slug.clone(),
        links: Links::of(format!("{space}/environments/{}", place.id), &[]),
    };
    Ok(All(runbooks::choices(&granted)?.places.iter().map(draw).collect()))
}
