//! `/api/{space}/projects/{project}/deploymentprocesses` and `/api/{space}/deploymentprocesses/{id}`.
//!
//! The frozen process of a release is read under `deploymentprocess-Projects-1-s-5`, the 5 being the release's number.

use super::{
    caller::{Ask, Reply},
    projects::{VERSION_TEMPLATE, located},
    resource::{self, wire},
};
use crate::{
    base::{
        error::{Error, Result},
        ids::{self, Id},
    },
    company::{
        access::{
            At,
            permissions::{ProcessEdit, ProcessView, ReleaseCreate, ReleaseView},
        },
        projects::process::{self, Process, Step},
        releases,
    },
};
use serde_json::{Value, json};

/// The id of a project's process.
pub(super) fn id_of(project: Id<ids::Project>) -> String {
    format!("deploymentprocess-{project}")
}

/// The id of a release's frozen process.
pub(super) fn frozen_id(project: Id<ids::Project>, release: Id<ids::Release>) -> String {
    format!("deploymentprocess-{project}-s-{}", release.0)
}

/// Steps as clients want them: with every field they may look at.
pub(super) fn draw_steps(steps: &[Step]) -> Result<Value> {
    let mut drawn = serde_json::to_value(steps)?;
    let actions = drawn.as_array_mut().into_iter().flatten().filter_map(|step| step.get_mut("Actions"));
    for action in actions.filter_map(Value::as_array_mut).flatten().filter_map(Value::as_object_mut) {
        for (field, value) in [
            ("CanBeUsedForProjectVersioning", json!(false)),
            ("Condition", json!("Success")),
            ("Container", json!({ "Image": null, "FeedId": null })),
            ("GitDependencies", json!([])),
            ("Packages", json!([])),
            ("WorkerPoolId", Value::Null),
            ("WorkerPoolVariable", Value::Null),
        ] {
            action.entry(field).or_insert(value);
        }
    }
    Ok(drawn)
}

fn draw(ask: &Ask, process: &Process) -> Result<Value> {
    let space = resource::space_api(ask, process.space.0);
    let project = format!("{space}/projects/{}", process.project);
    let own = format!("{project}/deploymentprocesses");
    let mut links = resource::links(&own, &[("Template", "/template{?channel,releaseId}")]);
    links["Project"] = json!(project);
    Ok(json!({
        "Id": id_of(process.project), "SpaceId": wire::<ids::Space>(process.space.0), "ProjectId": process.project.to_string(),
        "Version": process.version, "LastSnapshotId": null, "Steps": draw_steps(&process.steps)?, "Links": links,
    }))
}

/// The process of a project.
pub(super) fn of_project(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.ask(ProcessView { project: located(ask)? })?;
    Reply::ok(draw(ask, &process::show(&granted)?)?)
}

/// What a process id stands for.
struct Named {
    project: At<ids::Project>,
    release: Option<String>,
}

fn named(ask: &Ask) -> Result<Named> {
    let id = ask.parameter("id");
    let unknown = || Error::NotFound(id.to_owned());
    let prefix = "deploymentprocess-";
    let rest = id
        .get(prefix.len()..)
        .filter(|_| id.is_char_boundary(prefix.len()) && id[..prefix.len()].eq_ignore_ascii_case(prefix));
    let rest = rest.ok_or_else(unknown)?.to_ascii_lowercase();
    let (project, release) =
        rest.split_once("-s-").map_or((rest.as_str(), None), |(project, release)| (project, Some(release)));
    let project = Id::<ids::Project>::parse(project).ok_or_else(unknown)?;
    let located = ask.visitor()?.locate(&ask.space()?, &project.to_string()).map_err(|error| match error {
        Error::NotFound(_) => unknown(),
        other => other,
    })?;
    Ok(Named { project: located, release: release.map(|number| format!("Releases-{number}")) })
}

/// The process of a project, or the frozen one of a release, by its id.
pub(super) fn show(ask: &Ask) -> Result<Reply> {
    let (visitor, named) = (ask.visitor()?, named(ask)?);
    let granted = visitor.ask(ProcessView { project: named.project.clone() })?;
    let Some(release) = named.release else { return Reply::ok(draw(ask, &process::show(&granted)?)?) };
    let release = releases::show(&visitor.ask(ReleaseView { release: visitor.locate(&named.project, &release)? })?)?;
    let own = format!("{}/deploymentprocesses/{}", resource::space_api(ask, release.space.0), ask.parameter("id"));
    Reply::ok(json!({
        "Id": frozen_id(release.project, release.id), "SpaceId": wire::<ids::Space>(release.space.0),
        "ProjectId": release.project.to_string(), "Version": 0, "LastSnapshotId": null,
        "Steps": draw_steps(&release.steps)?, "Links": resource::links(&own, &[]),
    }))
}

/// New steps for a project.
pub(super) fn update_of_project(ask: &Ask) -> Result<Reply> {
    save(ask, located(ask)?)
}

/// New steps for a project, by the id of its process. What is frozen does not change.
pub(super) fn update(ask: &Ask) -> Result<Reply> {
    let named = named(ask)?;
    if named.release.is_some() {
        return Err(Error::Conflict(
            "The process of a release is frozen. Change the project's process and make another release.".into(),
        ));
    }
    save(ask, named.project)
}

fn save(ask: &Ask, project: At<ids::Project>) -> Result<Reply> {
    let granted = ask.visitor()?.ask(ProcessEdit { project })?;
    let (version, steps) = steps_of(ask)?;
    Reply::ok(draw(ask, &process::save(&granted, version, steps)?)?)
}

/// The version that a change was made from, and the steps as they were sent.
pub(super) fn steps_of(ask: &Ask) -> Result<(i64, Vec<Step>)> {
    let Some(Value::Array(steps)) = ask.body.get("Steps") else {
        return Err(Error::invalid("Steps", "Send all steps of the process, as a list; an empty one removes them."));
    };
    let version = ask
        .body
        .number("Version")
        .ok_or_else(|| Error::invalid("Version", "Send the version that the change was made from."))?;
    let read = |(number, step): (usize, &Value)| {
        Step::from_wire(step.clone()).map_err(|sentence| Error::invalid(&format!("Steps[{number}]"), sentence))
    };
    Ok((version, steps.iter().enumerate().map(read).collect::<Result<Vec<_>>>()?))
}

/// What a client asks before it makes a release: the version that comes next, and the packages to choose, of which there
/// are none.
pub(super) fn template(ask: &Ask) -> Result<Reply> {
    let (visitor, project) = (ask.visitor()?, located(ask)?);
    let process = process::show(&visitor.ask(ProcessView { project: project.clone() })?)?;
    let next = releases::next_version(&visitor.ask(ReleaseCreate { project })?)?;
    let own = format!(
        "{}/projects/{}/deploymentprocesses/template",
        resource::space_api(ask, process.space.0),
        process.project
    );
    Reply::ok(json!({
        "DeploymentProcessId": id_of(process.project), "NextVersionIncrement": next, "LastReleaseVersion": null,
        "VersioningStrategy": { "Template": VERSION_TEMPLATE }, "VersioningPackageStepName": null,
        "VersioningPackageReferenceName": null, "Packages": [], "GitResources": [], "Links": resource::links(&own, &[]),
    }))
}
