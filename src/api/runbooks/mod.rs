//! `/api/{space}/runbooks`, `…/runbookProcesses` and `…/runbookSnapshots`, and the same below a project.

pub(super) mod runs;

use super::{
    caller::{Ask, Reply},
    processes::{draw_steps, steps_of},
    projects,
    resource::{self, wire},
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
            permissions::{EnvironmentView, List, RunbookEdit, RunbookSnapshotCreate, RunbookView},
        },
        projects::TenantedMode,
        projects::process::Process,
        runbooks::{self, EnvironmentScope, Fields, Filter, Runbook, process, snapshots, snapshots::Snapshot},
    },
};
use serde_json::{Value, json};

/// The id of a runbook's process.
fn process_id(runbook: Id<ids::Runbook>) -> String {
    format!("RunbookProcess-{runbook}")
}

/// The id of a snapshot's frozen process.
pub(super) fn frozen_id(runbook: Id<ids::Runbook>, snapshot: Id<ids::RunbookSnapshot>) -> String {
    format!("RunbookProcess-{runbook}-s-{}", snapshot.0)
}

/// What this version keeps for every runbook alike, as it stands in a resource.
fn fixed() -> [(&'static str, Value); 6] {
    [
        (
            "ConnectivityPolicy",
            json!({
                "AllowDeploymentsToNoTargets": true, "ExcludeUnhealthyTargets": false, "SkipMachineBehavior": "None", "TargetRoles": [],
            }),
        ),
        ("DefaultGuidedFailureMode", json!("EnvironmentDefault")),
        ("RunRetentionPolicy", json!({ "QuantityToKeep": 0, "ShouldKeepForever": true })),
        ("ForcePackageDownload", json!(false)),
        ("RunbookTags", json!([])),
        ("FromGit", json!(false)),
    ]
}

fn draw(ask: &Ask, runbook: &Runbook) -> Value {
    let space = resource::space_api(ask, runbook.space.0);
    let project = format!("{space}/projects/{}", runbook.project);
    let own = format!("{space}/runbooks/{}", runbook.id);
    let mut links = resource::links(
        &own,
        &[
            ("RunbookSnapshots", "/runbookSnapshots{?skip,take,searchByName}"),
            ("RunbookSnapshotTemplate", "/runbookSnapshotTemplate"),
            ("Environments", "/environments"),
        ],
    );
    links["RunbookProcesses"] = json!(format!("{project}/runbookProcesses/{}", process_id(runbook.id)));
    links["Project"] = json!(project);
    let environments: Vec<String> = runbook.environments.iter().map(Id::to_string).collect();
    let mut drawn = json!({
        "Id": runbook.id.to_string(), "SpaceId": wire::<ids::Space>(runbook.space.0), "ProjectId": runbook.project.to_string(),
        "Name": runbook.name, "Slug": runbook.slug, "Description": runbook.description,
        "RunbookProcessId": process_id(runbook.id),
        "PublishedRunbookSnapshotId": runbook.published.as_ref().map(|published| published.id.to_string()),
        "MultiTenancyMode": runbook.tenanted.word(), "EnvironmentScope": runbook.environment_scope.word(),
        "Environments": environments, "Links": links,
    });
    for (field, value) in fixed() {
        drawn[field] = value;
    }
    drawn
}

/// A runbook of the path, as a place; in a project that the visitor may not see, there is none.
pub(super) fn located(ask: &Ask, parameter: &str) -> Result<At<ids::Runbook>> {
    find(ask, ask.parameter(parameter))
}

/// A runbook by its id; below a project in the path by its slug or name too.
pub(super) fn find(ask: &Ask, text: &str) -> Result<At<ids::Runbook>> {
    let (visitor, space) = (ask.visitor()?, ask.space()?);
    if !ask.parameter("project").is_empty() {
        return visitor.locate(&projects::located(ask)?, text);
    }
    let found: At<ids::Runbook> = visitor.locate(&space, text)?;
    let project = found.project_id().ok_or_else(|| Error::internal("a runbook without project"))?;
    let project: At<ids::Project> = visitor.locate(&space, &wire::<ids::Project>(project))?;
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
fn project(ask: &Ask, of_path: Option<At<ids::Project>>) -> Result<At<ids::Project>> {
    if let Some(project) = of_path {
        return Ok(project);
    }
    let text = ask.body.text("ProjectId");
    match ask.visitor()?.locate(&ask.space()?, &text) {
        Err(Error::NotFound(_)) if text.trim().is_empty() => Err(Error::invalid("ProjectId", "Name the project.")),
        Ok(at) if !ask.visitor()?.sees::<ids::Project>(&at) => Err(Error::NotFound(text)),
        other => other,
    }
}

fn fields(ask: &Ask, before: Option<&Runbook>) -> Result<Fields> {
    let (visitor, space, body) = (ask.visitor()?, ask.space()?, &ask.body);
    let mut wrong = Wrong::new();
    for (field, only) in fixed() {
        if body.get(field).is_some_and(|sent| *sent != only) {
            wrong.add(field, format!("This version has no choice here yet. Leave {field} out, or as it is: {only}."));
        }
    }
    let mut fields = before.map(Fields::from).unwrap_or_default();
    fields.name = body.text("Name");
    if body.has("Description") || before.is_none() {
        fields.description = body.text("Description");
    }
    if let Some(text) = body.some_text("MultiTenancyMode") {
        match TenantedMode::parse(&text) {
            Some(mode) => fields.tenanted = mode,
            None => wrong.add("MultiTenancyMode", "Choose Untenanted, TenantedOrUntenanted or Tenanted."),
        }
    }
    if let Some(text) = body.some_text("EnvironmentScope") {
        match EnvironmentScope::parse(&text) {
            Some(scope) => fields.environment_scope = scope,
            None => wrong.add("EnvironmentScope", "Choose All, Specified or FromProjectLifecycles."),
        }
    }
    if body.has("Environments") {
        fields.environments.clear();
        for text in body.texts("Environments") {
            match visitor.locate::<Environment>(&space, &text) {
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

fn filter(ask: &Ask, project: Option<i64>) -> Filter {
    Filter {
        partial_name: ask.asked_text("partialName"),
        ids: ask.asked_ids::<ids::Runbook>("ids"),
        projects: project.map(|id| vec![id]).or_else(|| ask.asked_ids::<ids::Project>("projectIds")),
    }
}

/// A page of the runbooks of the space, or of the project of the path.
pub(super) fn list(ask: &Ask) -> Result<Reply> {
    let space = ask.space()?;
    let below = project_of_path(ask)?;
    let visitor = ask.visitor()?;
    let granted = visitor.ask(List::<RunbookView>::of(&space))?;
    let own = match &below {
        Some(project) => format!("{}/projects/{}/runbooks", resource::space_api(ask, space.id().0), project.id()),
        None => format!("{}/runbooks", resource::space_api(ask, space.id().0)),
    };
    let listed = runbooks::list(&granted, &filter(ask, below.map(|project| project.id().0)), ask.page())?;
    resource::collection(ask, &own, "Runbook", listed, ask.page(), "skip,take,ids,partialName", |one| draw(ask, one))
}

/// All of them, as a bare array.
pub(super) fn all(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.ask(List::<RunbookView>::of(&ask.space()?))?;
    resource::bare(&runbooks::list(&granted, &filter(ask, None), Page::ALL)?.items, |one| draw(ask, one))
}

/// One.
pub(super) fn show(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.ask(RunbookView { runbook: located(ask, "id")? })?;
    Reply::ok(draw(ask, &runbooks::show(&granted)?))
}

/// Makes one.
pub(super) fn create(ask: &Ask) -> Result<Reply> {
    let visitor = ask.visitor()?;
    let of_path = project_of_path(ask)?;
    // Whoever may nowhere hears that first, whatever was sent.
    visitor.ask(List::<RunbookEdit>::of(&ask.space()?))?;
    let granted = visitor.ask(RunbookEdit { runbook: RunbookPart::New(project(ask, of_path)?) })?;
    if ask.asked("clone").is_some_and(|text| !text.is_empty()) {
        return Err(Error::invalid("clone", "A runbook cannot be copied here. Make one and send its process."));
    }
    if ask.body.some_text("PublishedRunbookSnapshotId").is_some() {
        return Err(Error::invalid(
            "PublishedRunbookSnapshotId",
            "A new runbook has no snapshot yet. Make it, take a snapshot, then publish that.",
        ));
    }
    Reply::created(draw(ask, &runbooks::create(&granted, fields(ask, None)?)?))
}

/// Changes one; publishing a snapshot that is there is this too.
pub(super) fn update(ask: &Ask) -> Result<Reply> {
    let visitor = ask.visitor()?;
    let at = located(ask, "id")?;
    let granted = visitor.ask(RunbookEdit { runbook: RunbookPart::This(at.clone()) })?;
    let seen = visitor.ask(RunbookView { runbook: at })?;
    let before = runbooks::show(&seen)?;
    let fields = fields(ask, Some(&before))?;
    let wanted = ask.body.some_text("PublishedRunbookSnapshotId");
    if let Some(wanted) = &wanted {
        snapshots::show(&seen, wanted).map_err(|error| match error {
            Error::NotFound(_) => Error::invalid(
                "PublishedRunbookSnapshotId",
                format!("{} has no snapshot {wanted}. Choose one of its snapshots.", before.name),
            ),
            other => other,
        })?;
    }
    runbooks::edit(&granted, fields)?;
    if let Some(wanted) = &wanted {
        snapshots::publish(&granted, wanted)?;
    }
    Reply::ok(draw(ask, &runbooks::show(&seen)?))
}

/// Deletes one.
pub(super) fn delete(ask: &Ask) -> Result<Reply> {
    let runbook = RunbookPart::This(located(ask, "id")?);
    runbooks::delete(&ask.visitor()?.ask(RunbookEdit { runbook })?)?;
    Reply::done()
}

/// The environments that it may run in and the caller may see.
pub(super) fn environments(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.ask(RunbookView { runbook: located(ask, "id")? })?;
    let space = resource::space_api(ask, granted.what().runbook.space_id());
    let draw = |place: &runbooks::Spot| {
        json!({ "Id": place.id.to_string(), "Name": place.name, "Slug": place.slug,
            "Links": resource::links(&format!("{space}/environments/{}", place.id), &[]) })
    };
    resource::bare(&runbooks::choices(&granted)?.places, draw)
}

/// What a process id stands for: the runbook, and a snapshot of it.
fn named(ask: &Ask) -> Result<(At<ids::Runbook>, Option<String>)> {
    let id = ask.parameter("id");
    let plain = id.to_ascii_lowercase();
    let rest = plain.strip_prefix("runbookprocess-").unwrap_or(&plain);
    let (runbook, snapshot) =
        rest.split_once("-s-").map_or((rest, None), |(runbook, snapshot)| (runbook, Some(snapshot)));
    let found = match find(ask, runbook) {
        Ok(found) if ask.visitor()?.sees(&found) => found,
        Ok(_) | Err(Error::NotFound(_)) => return Err(Error::NotFound(id.to_owned())),
        Err(error) => return Err(error),
    };
    Ok((found, snapshot.map(|number| format!("{}-{number}", ids::RunbookSnapshot::PREFIX))))
}

fn draw_process(ask: &Ask, runbook: Id<ids::Runbook>, id: &str, found: &Process) -> Result<Value> {
    let space = resource::space_api(ask, found.space.0);
    let project = format!("{space}/projects/{}", found.project);
    let mut links = resource::links(&format!("{project}/runbookProcesses/{id}"), &[]);
    links["Project"] = json!(project);
    links["Runbook"] = json!(format!("{space}/runbooks/{runbook}"));
    Ok(json!({
        "Id": id, "SpaceId": wire::<ids::Space>(found.space.0), "ProjectId": found.project.to_string(),
        "RunbookId": runbook.to_string(), "Version": found.version, "LastSnapshotId": null,
        "Steps": draw_steps(&found.steps)?, "Links": links,
    }))
}

/// The process of a runbook, or the frozen one of a snapshot, by its id.
pub(super) fn show_process(ask: &Ask) -> Result<Reply> {
    let (at, snapshot) = named(ask)?;
    let (runbook, granted) = (at.id(), ask.visitor()?.ask(RunbookView { runbook: at })?);
    let Some(snapshot) = snapshot else {
        return Reply::ok(draw_process(ask, runbook, &process_id(runbook), &process::show(&granted)?)?);
    };
    let frozen = snapshots::show(&granted, &snapshot).map_err(|error| match error {
        Error::NotFound(_) => Error::NotFound(ask.parameter("id").to_owned()),
        other => other,
    })?;
    let id = frozen_id(runbook, frozen.id);
    let found = Process { project: frozen.project, space: frozen.space, version: 0, steps: frozen.steps };
    Reply::ok(draw_process(ask, runbook, &id, &found)?)
}

/// New steps for a runbook. What is frozen does not change.
pub(super) fn update_process(ask: &Ask) -> Result<Reply> {
    let (at, snapshot) = named(ask)?;
    let runbook = at.id();
    let granted = ask.visitor()?.ask(RunbookEdit { runbook: RunbookPart::This(at) })?;
    if snapshot.is_some() {
        return Err(Error::Conflict(
            "The process of a snapshot is frozen. Change the runbook's process and take another snapshot.".into(),
        ));
    }
    let (version, steps) = steps_of(ask)?;
    let saved = process::save(&granted, version, steps)?;
    Reply::ok(draw_process(ask, runbook, &process_id(runbook), &saved)?)
}

fn draw_snapshot(ask: &Ask, snapshot: &Snapshot) -> Value {
    let space = resource::space_api(ask, snapshot.space.0);
    let own = format!("{space}/runbookSnapshots/{}", snapshot.id);
    let mut links =
        resource::links(&own, &[("RunbookRunPreview", "/runbookRuns/preview/{environment}{?includeDisabledSteps}")]);
    links["Runbook"] = json!(format!("{space}/runbooks/{}", snapshot.runbook));
    links["Project"] = json!(format!("{space}/projects/{}", snapshot.project));
    json!({
        "Id": snapshot.id.to_string(), "SpaceId": wire::<ids::Space>(snapshot.space.0),
        "ProjectId": snapshot.project.to_string(), "RunbookId": snapshot.runbook.to_string(), "Name": snapshot.name,
        "Notes": snapshot.notes, "Assembled": snapshot.assembled_at.wire(), "AssembledBy": snapshot.created_by,
        "FrozenRunbookProcessId": frozen_id(snapshot.runbook, snapshot.id), "FrozenProjectVariableSetId": null,
        "ProjectVariableSetSnapshotId": null, "LibraryVariableSetSnapshotIds": [], "SelectedPackages": [],
        "SelectedGitResources": [], "IsPublished": snapshot.is_published, "Links": links,
    })
}

/// A page of a runbook's snapshots, newest first.
pub(super) fn list_snapshots(ask: &Ask) -> Result<Reply> {
    let at = located(ask, "runbook")?;
    let own = format!("{}/runbooks/{}/runbookSnapshots", resource::space_api(ask, at.space_id()), at.id());
    let granted = ask.visitor()?.ask(RunbookView { runbook: at })?;
    let listed = snapshots::list(&granted, &ask.asked_text("searchByName"), ask.page())?;
    resource::collection(ask, &own, "RunbookSnapshot", listed, ask.page(), "skip,take,searchByName", |one| {
        draw_snapshot(ask, one)
    })
}

/// The runbook of the path, and the snapshot when one is named: of a runbook by id or name, else by id.
pub(super) fn with_snapshot(ask: &Ask) -> Result<(At<ids::Runbook>, Option<String>)> {
    let text = ask.parameter("snapshot");
    if text.is_empty() {
        let named = Some(ask.parameter("id").to_owned()).filter(|text| !text.is_empty());
        return Ok((located(ask, "runbook")?, named));
    }
    let unknown = || Error::NotFound(text.to_owned());
    let at: At<ids::RunbookSnapshot> = ask.visitor()?.locate(&ask.space()?, text)?;
    let runbook = find(ask, &wire::<ids::Runbook>(at.runbook_id().ok_or_else(unknown)?));
    match runbook {
        Ok(runbook) if ask.visitor()?.sees(&runbook) => Ok((runbook, Some(at.id().to_string()))),
        Ok(_) | Err(Error::NotFound(_)) => Err(unknown()),
        Err(error) => Err(error),
    }
}

/// One of a runbook's snapshots.
pub(super) fn show_snapshot(ask: &Ask) -> Result<Reply> {
    let (runbook, snapshot) = with_snapshot(ask)?;
    let granted = ask.visitor()?.ask(RunbookView { runbook })?;
    Reply::ok(draw_snapshot(ask, &snapshots::show(&granted, &snapshot.unwrap_or_default())?))
}

/// Deletes a snapshot with its runs.
pub(super) fn delete_snapshot(ask: &Ask) -> Result<Reply> {
    let (runbook, snapshot) = with_snapshot(ask)?;
    let granted = ask.visitor()?.ask(RunbookEdit { runbook: RunbookPart::This(runbook) })?;
    snapshots::delete(&granted, &snapshot.unwrap_or_default())?;
    Reply::done()
}

/// What a client asks before it takes a snapshot: the name that comes next, and the packages to choose, of which there
/// are none.
pub(super) fn template(ask: &Ask) -> Result<Reply> {
    let at = located(ask, "runbook")?;
    let own = format!("{}/runbooks/{}/runbookSnapshotTemplate", resource::space_api(ask, at.space_id()), at.id());
    let granted = ask.visitor()?.ask(RunbookSnapshotCreate { runbook: at.clone() })?;
    Reply::ok(json!({
        "RunbookId": at.id().to_string(), "RunbookProcessId": process_id(at.id()),
        "NextNameIncrement": snapshots::next_name(&granted)?, "Packages": [], "GitResources": [],
        "Links": resource::links(&own, &[]),
    }))
}

/// Takes a snapshot, and publishes it with `?publish=true`.
pub(super) fn take_snapshot(ask: &Ask) -> Result<Reply> {
    let visitor = ask.visitor()?;
    project_of_path(ask)?;
    // Whoever may nowhere hears that first, whatever was sent.
    visitor.ask(List::<RunbookSnapshotCreate>::of(&ask.space()?))?;
    let mut wrong = Wrong::new();
    for (field, what) in [("SelectedPackages", "packages"), ("SelectedGitResources", "Git resources")] {
        if ask.body.get(field).and_then(Value::as_array).is_some_and(|list| !list.is_empty()) {
            wrong.add(field, format!("This version has no {what} yet. Leave them out."));
        }
    }
    let runbook = ask.body.some_text("RunbookId");
    if runbook.is_none() {
        wrong.add("RunbookId", "Name the runbook: RunbookId is required.");
    }
    wrong.finish()?;
    let at = find(ask, &runbook.unwrap_or_default())?;
    let granted = visitor.ask(RunbookSnapshotCreate { runbook: at.clone() })?;
    let publish = match ask.asked_bool("publish") == Some(true) || ask.body.bool("Publish") {
        true => Some(visitor.ask(RunbookEdit { runbook: RunbookPart::This(at) })?),
        false => None,
    };
    let fields = snapshots::Fields { name: ask.body.some_text("Name"), notes: ask.body.text("Notes") };
    Reply::created(draw_snapshot(ask, &snapshots::take(&granted, &fields, publish.as_ref())?))
}
