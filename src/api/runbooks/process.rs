//! `/api/{space}/runbookProcesses`, and the same below a project.

use super::{find, frozen_id, process_id};
use crate::{
    api::{
        caller::Ask,
        resource,
        steps::Steps,
        wire::{Json, Links, Nothing, Sent},
    },
    base::{
        error::{Error, Result},
        ids::{self, Id, Kind},
    },
    company::{
        access::{
            At, RunbookPart,
            permissions::{RunbookEdit, RunbookView},
        },
        projects::process::Process,
        runbooks::{process, snapshots},
    },
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The process of a runbook on the wire.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(in crate::api) struct RunbookProcessResource {
    #[schema(read_only)]
    id: String,
    #[schema(read_only)]
    space_id: String,
    #[schema(read_only)]
    project_id: String,
    #[schema(read_only)]
    runbook_id: String,
    /// The version that a change was made from.
    version: Option<i64>,
    #[schema(read_only)]
    last_snapshot_id: Nothing,
    steps: Steps,
    #[schema(read_only)]
    links: Links,
}

/// What a process id stands for: the runbook, and a snapshot of it.
fn named(ask: &Ask) -> Result<(At<ids::Runbook>, Option<String>)> {
    let id = ask.parameter("id");
    let plain = id.to_ascii_lowercase();
    let rest = plain.strip_prefix("runbookprocess-").unwrap_or(&plain);
    let (runbook, snapshot) =
        rest.split_once("-s-").map_or((rest, None), |(runbook, snapshot)| (runbook, Some(snapshot)));
    let found = match find(ask, runbook, false) {
        Ok(found) if ask.visitor()?.sees(&found) => found,
        Ok(_) | Err(Error::NotFound(_)) => return Err(Error::NotFound(id.to_owned())),
        Err(error) => return Err(error),
    };
    Ok((found, snapshot.map(|number| format!("{}-{number}", ids::RunbookSnapshot::PREFIX))))
}

fn draw(ask: &Ask, runbook: Id<ids::Runbook>, id: String, found: Process) -> Json<RunbookProcessResource> {
    let space = resource::space_api(ask, found.space.0);
    let project = format!("{space}/projects/{}", found.project);
    Json(RunbookProcessResource {
        space_id: found.space.to_string(),
        project_id: found.project.to_string(),
        runbook_id: runbook.to_string(),
        version: Some(found.version),
        steps: found.steps.into(),
        links: Links::of(format!("{project}/runbookProcesses/{id}"), &[])
            .and("Project", project)
            .and("Runbook", format!("{space}/runbooks/{runbook}")),
        id,
        ..RunbookProcessResource::default()
    })
}

/// The process of a runbook, or the frozen one of a snapshot, by its id.
pub(in crate::api) fn show(ask: &Ask) -> Result<Json<RunbookProcessResource>> {
    let (at, snapshot) = named(ask)?;
    let (runbook, granted) = (at.id(), ask.visitor()?.ask(RunbookView { runbook: at })?);
    let Some(snapshot) = snapshot else {
        return Ok(draw(ask, runbook, process_id(runbook), process::show(&granted)?));
    };
    let frozen = snapshots::show(&granted, &snapshot).map_err(|error| match error {
        Error::NotFound(_) => Error::NotFound(ask.parameter("id").to_owned()),
        other => other,
    })?;
    let id = frozen_id(runbook, frozen.id);
    let found = Process { project: frozen.project, space: frozen.space, version: 0, steps: frozen.steps };
    Ok(draw(ask, runbook, id, found))
}

/// New steps for a runbook. What is frozen does not change.
pub(in crate::api) fn update(
    ask: &Ask,
    Sent(sent): Sent<RunbookProcessResource>,
) -> Result<Json<RunbookProcessResource>> {
    let (at, snapshot) = named(ask)?;
    let runbook = at.id();
    let granted = ask.visitor()?.ask(RunbookEdit { runbook: RunbookPart::This(at) })?;
    if snapshot.is_some() {
        return Err(Error::Conflict(
            "The process of a snapshot is frozen. Change the runbook's process and take another snapshot.".into(),
        ));
    }
    let (version, steps) = sent.steps.sent(sent.version)?;
    Ok(draw(ask, runbook, process_id(runbook), process::save(&granted, version, steps)?))
}
