//! `/api/{space}/runbookSnapshots`, and the snapshots of one runbook.

use super::{find, frozen_id, located, process_id, project_of_path};
use crate::{
    api::{
        caller::Ask,
        releases::{first, variables::VariablesByName},
        resource,
        wire::{self, Collection, Created, Done, Json, Links, NoList, Nothing, Query, Sent, refer},
    },
    base::{
        error::{Error, Result},
        ids::{self, Id},
        names,
        paging::Page,
    },
    company::{
        access::{
            At, RunbookPart,
            permissions::{List, RunbookEdit, RunbookSnapshotCreate, RunbookView},
        },
        runbooks::snapshots::{self, Snapshot},
    },
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A snapshot of a runbook on the wire.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(in crate::api) struct SnapshotResource {
    #[schema(read_only)]
    id: String,
    #[schema(read_only)]
    space_id: String,
    #[schema(read_only)]
    project_id: String,
    runbook_id: refer::Runbook,
    /// Empty: the one that comes next.
    name: String,
    notes: String,
    #[schema(read_only)]
    assembled: String,
    #[schema(read_only)]
    assembled_by: String,
    #[schema(read_only)]
    frozen_runbook_process_id: String,
    frozen_project_variable_set_id: Nothing,
    project_variable_set_snapshot_id: Nothing,
    library_variable_set_snapshot_ids: NoList,
    selected_packages: NoList,
    selected_git_resources: NoList,
    #[schema(read_only)]
    is_published: bool,
    /// As `?publish=true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    publish: Option<bool>,
    #[schema(read_only)]
    links: Links,
}

/// What a client asks before it takes a snapshot: the name that comes next, and the packages to choose, of which there
/// are none.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(in crate::api) struct SnapshotTemplate {
    runbook_id: String,
    runbook_process_id: String,
    next_name_increment: String,
    packages: NoList,
    git_resources: NoList,
    links: Links,
}

/// Which snapshots.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub(in crate::api) struct SnapshotQuery {
    /// Part of the name.
    search_by_name: String,
}

/// How a snapshot is taken.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub(in crate::api) struct PublishQuery {
    publish: bool,
}

fn draw(ask: &Ask, snapshot: &Snapshot) -> SnapshotResource {
    let space = resource::space_api(ask, snapshot.space.0);
    let own = format!("{space}/runbookSnapshots/{}", snapshot.id);
    SnapshotResource {
        id: snapshot.id.to_string(),
        space_id: snapshot.space.to_string(),
        project_id: snapshot.project.to_string(),
        runbook_id: snapshot.runbook.into(),
        name: snapshot.name.clone(),
        notes: snapshot.notes.clone(),
        assembled: snapshot.assembled_at.wire(),
        assembled_by: snapshot.created_by.clone(),
        frozen_runbook_process_id: frozen_id(snapshot.runbook, snapshot.id),
        is_published: snapshot.is_published,
        links: Links::of(&own, &[("RunbookRunPreview", "/runbookRuns/preview/{environment}{?includeDisabledSteps}")])
            .and("Runbook", format!("{space}/runbooks/{}", snapshot.runbook))
            .and("Project", format!("{space}/projects/{}", snapshot.project)),
        ..SnapshotResource::default()
    }
}

/// A page of a runbook's snapshots, newest first.
pub(in crate::api) fn list(ask: &Ask, query: Query<SnapshotQuery>) -> Result<Collection<SnapshotResource>> {
    let at = located(ask, "runbook")?;
    let own = format!("{}/runbooks/{}/runbookSnapshots", resource::space_api(ask, at.space_id()), at.id());
    let granted = ask.visitor()?.ask(RunbookView { runbook: at })?;
    let listed = snapshots::list(&granted, &query.search_by_name, ask.page())?;
    Ok(wire::collection(ask, &query, &own, "RunbookSnapshot", listed, ask.page(), |one| draw(ask, one)))
}

/// A page of the snapshots of the runbooks of a project, newest first.
pub(in crate::api) fn of_project(ask: &Ask, query: Query<SnapshotQuery>) -> Result<Collection<SnapshotResource>> {
    let (visitor, space) = (ask.visitor()?, ask.space()?);
    let project = project_of_path(ask)?.ok_or_else(|| Error::NotFound(ask.parameter("project").to_owned()))?;
    let granted = visitor.ask(List::<RunbookView>::of(&space))?;
    let listed = snapshots::of_project(&granted, project.id(), &query.search_by_name, ask.page())?;
    let own = format!("{}/projects/{}/runbookSnapshots", resource::space_api(ask, space.id().0), project.id());
    Ok(wire::collection(ask, &query, &own, "RunbookSnapshot", listed, ask.page(), |one| draw(ask, one)))
}

/// A snapshot of a project's runbooks, by id, or by a name that only one of them has.
fn in_project(ask: &Ask) -> Result<(At<ids::Runbook>, String)> {
    let (visitor, space, text) = (ask.visitor()?, ask.space()?, ask.parameter("snapshot"));
    let unknown = || Error::NotFound(text.to_owned());
    let project = project_of_path(ask)?.ok_or_else(unknown)?;
    let granted = visitor.ask(List::<RunbookView>::of(&space))?;
    let is_meant = |one: &Snapshot| one.id.to_string().eq_ignore_ascii_case(text);
    let search = if Id::<ids::RunbookSnapshot>::parse(text).is_some() { "" } else { text };
    let listed = snapshots::of_project(&granted, project.id(), search, Page::ALL)?.items;
    let same = |one: &&Snapshot| names::key(&one.name) == names::key(text);
    let found = match listed.iter().find(|one| is_meant(one)) {
        Some(found) => found,
        None => match listed.iter().filter(same).collect::<Vec<_>>().as_slice() {
            [] => return Err(unknown()),
            [found] => found,
            _ => {
                return Err(Error::Conflict(format!("Several runbooks have a snapshot {text}. Name it by its id.")));
            }
        },
    };
    let runbook = visitor.locate(&project, &found.runbook.to_string())?;
    Ok((runbook, found.id.to_string()))
}

/// One of the snapshots of a project's runbooks.
pub(in crate::api) fn show_in_project(ask: &Ask) -> Result<Json<SnapshotResource>> {
    let (runbook, snapshot) = in_project(ask)?;
    let granted = ask.visitor()?.ask(RunbookView { runbook })?;
    Ok(Json(draw(ask, &snapshots::show(&granted, &snapshot)?)))
}

/// Deletes one of them with its runs.
pub(in crate::api) fn delete_in_project(ask: &Ask) -> Result<Done> {
    let (runbook, snapshot) = in_project(ask)?;
    snapshots::delete(&ask.visitor()?.ask(RunbookEdit { runbook: RunbookPart::This(runbook) })?, &snapshot)?;
    Ok(Done)
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
    let runbook = find(ask, &Id::<ids::Runbook>::new(at.runbook_id().ok_or_else(unknown)?).to_string(), false);
    match runbook {
        Ok(runbook) if ask.visitor()?.sees(&runbook) => Ok((runbook, Some(at.id().to_string()))),
        Ok(_) | Err(Error::NotFound(_)) => Err(unknown()),
        Err(error) => Err(error),
    }
}

/// One of a runbook's snapshots.
pub(in crate::api) fn show(ask: &Ask) -> Result<Json<SnapshotResource>> {
    let (runbook, snapshot) = with_snapshot(ask)?;
    let granted = ask.visitor()?.ask(RunbookView { runbook })?;
    Ok(Json(draw(ask, &snapshots::show(&granted, &snapshot.unwrap_or_default())?)))
}

/// Deletes a snapshot with its runs.
pub(in crate::api) fn delete(ask: &Ask) -> Result<Done> {
    let (runbook, snapshot) = with_snapshot(ask)?;
    let granted = ask.visitor()?.ask(RunbookEdit { runbook: RunbookPart::This(runbook) })?;
    snapshots::delete(&granted, &snapshot.unwrap_or_default())?;
    Ok(Done)
}

/// Freezes the variables of a snapshot anew: as they are now, which is none, since there are no variables yet.
pub(in crate::api) fn variables(ask: &Ask) -> Result<Json<SnapshotResource>> {
    let (runbook, _) = with_snapshot(ask)?;
    ask.visitor()?.ask(RunbookEdit { runbook: RunbookPart::This(runbook) })?;
    show(ask)
}

/// The same of some variables.
pub(in crate::api) fn variables_by_name(ask: &Ask, _: Sent<VariablesByName>) -> Result<Json<SnapshotResource>> {
    variables(ask)
}

/// What a client asks before it takes a snapshot.
pub(in crate::api) fn template(ask: &Ask) -> Result<Json<SnapshotTemplate>> {
    let at = located(ask, "runbook")?;
    let own = format!("{}/runbooks/{}/runbookSnapshotTemplate", resource::space_api(ask, at.space_id()), at.id());
    let granted = ask.visitor()?.ask(RunbookSnapshotCreate { runbook: at.clone() })?;
    Ok(Json(SnapshotTemplate {
        runbook_id: at.id().to_string(),
        runbook_process_id: process_id(at.id()),
        next_name_increment: snapshots::next_name(&granted)?,
        packages: NoList::default(),
        git_resources: NoList::default(),
        links: Links::of(&own, &[]),
    }))
}

/// Takes a snapshot, and publishes it with `?publish=true`.
pub(in crate::api) fn take(
    ask: &Ask,
    query: Query<PublishQuery>,
    Sent(sent): Sent<SnapshotResource>,
) -> Result<Created<SnapshotResource>> {
    let visitor = ask.visitor()?;
    project_of_path(ask)?;
    // Whoever may nowhere hears that first, whatever was sent.
    visitor.ask(List::<RunbookSnapshotCreate>::of(&ask.space()?))?;
    let Some(runbook) = sent.runbook_id.given() else {
        return Err(Error::invalid("RunbookId", "Name the runbook: RunbookId is required."));
    };
    let at = find(ask, runbook, true)?;
    let granted = visitor.ask(RunbookSnapshotCreate { runbook: at.clone() })?;
    let publish = match query.publish || sent.publish == Some(true) {
        true => Some(visitor.ask(RunbookEdit { runbook: RunbookPart::This(at) })?),
        false => None,
    };
    let fields = snapshots::Fields { name: first([sent.name]), notes: sent.notes };
    Ok(Created(draw(ask, &snapshots::take(&granted, &fields, publish.as_ref())?)))
}
