//! `/api/{space}/releases`, the releases of a project, and the command `releases/create/v1`.

use super::{
    caller::{Ask, Reply},
    processes::frozen_id,
    projects::{self, referred, web},
    resource::{self, wire},
};
use crate::{
    base::{
        clock::Moment,
        error::{Error, Fields as Wrong, Result},
        ids::{self, Id},
    },
    company::{
        access::{
            At,
            permissions::{List, ProjectView, ReleaseCreate, ReleaseDelete, ReleaseEdit, ReleaseView},
        },
        releases::{self, Brief, Fields, Filter, Release},
    },
};
use serde_json::{Value, json};

/// What a release shows of itself, in a list and alone.
pub(super) struct Shown<'r> {
    id: Id<ids::Release>,
    space: Id<ids::Space>,
    project: Id<ids::Project>,
    channel: Id<ids::Channel>,
    version: &'r str,
    notes: &'r str,
    at: Moment,
}
impl<'r> From<&'r Release> for Shown<'r> {
    fn from(r: &'r Release) -> Self {
        Shown {
            id: r.id,
            space: r.space,
            project: r.project,
            channel: r.channel,
            version: &r.version,
            notes: &r.notes,
            at: r.assembled_at,
        }
    }
}
impl<'r> From<&'r Brief> for Shown<'r> {
    fn from(r: &'r Brief) -> Self {
        Shown {
            id: r.id,
            space: r.space,
            project: r.project,
            channel: r.channel,
            version: &r.version,
            notes: &r.notes,
            at: r.assembled_at,
        }
    }
}

pub(super) fn draw<'r>(ask: &Ask, release: impl Into<Shown<'r>>) -> Value {
    let r = release.into();
    let space = resource::space_api(ask, r.space.0);
    let own = format!("{space}/releases/{}", r.id);
    let mut links = resource::links(
        &own,
        &[
            ("Progression", "/progression"),
            ("Deployments", "/deployments{?skip,take}"),
            ("DeploymentTemplate", "/deployments/template"),
            ("DeploymentPreview", "/deployments/preview/{environment}{?includeDisabledSteps}"),
            ("DeploymentPreviews", "/deployments/previews"),
            ("MissingPackages", "/missingpackages"),
            ("Snapshot", "/snapshot-variables"),
        ],
    );
    let frozen = frozen_id(r.project, r.id);
    links["Project"] = json!(format!("{space}/projects/{}", r.project));
    links["Channel"] = json!(format!("{space}/channels/{}", r.channel));
    links["ProjectDeploymentProcessSnapshot"] = json!(format!("{space}/deploymentprocesses/{frozen}"));
    links["Web"] = json!(web(ask, r.space, &format!("releases/{}", r.id)));
    json!({
        "Id": r.id.to_string(), "SpaceId": wire::<ids::Space>(r.space.0), "ProjectId": r.project.to_string(),
        "ChannelId": r.channel.to_string(), "Version": r.version, "ReleaseNotes": r.notes, "Assembled": r.at.wire(),
        "ProjectDeploymentProcessSnapshotId": frozen, "ProjectVariableSetSnapshotId": format!("variableset-{}", r.project),
        "LibraryVariableSetSnapshotIds": [], "SelectedPackages": [], "SelectedGitResources": [], "BuildInformation": [],
        "IgnoreChannelRules": false, "CustomFields": {}, "Links": links,
    })
}

pub(super) fn located(ask: &Ask) -> Result<At<ids::Release>> {
    let (visitor, space) = (ask.visitor()?, ask.space()?);
    match ask.parameter("project") {
        "" => visitor.locate(&space, ask.parameter("id")),
        project => visitor.locate(&visitor.locate::<ids::Project>(&space, project)?, ask.parameter("id")),
    }
}

/// A page of releases, newest first, at an address below the space.
pub(super) fn page(ask: &Ask, below: &str, project: Option<i64>, channel: Option<i64>) -> Result<Reply> {
    let space = ask.space()?;
    let granted = ask.visitor()?.ask(List::<ReleaseView>::of(&space))?;
    let filter = Filter {
        project,
        channel,
        search: ask.asked_text("searchByVersion"),
        ids: ask.asked_ids::<ids::Release>("ids"),
    };
    let listed = releases::list(&granted, &filter, ask.page())?;
    let own = format!("{}{below}", resource::space_api(ask, space.id().0));
    resource::collection(ask, &own, "Release", listed, ask.page(), "skip,take,ids,searchByVersion", |r| draw(ask, r))
}

/// A page of all of a space.
pub(super) fn list(ask: &Ask) -> Result<Reply> {
    page(ask, "/releases", None, None)
}

/// A page of those of a project.
pub(super) fn of_project(ask: &Ask) -> Result<Reply> {
    let project = projects::located(ask)?;
    ask.visitor()?.ask(ProjectView { project: project.clone() })?;
    page(ask, &format!("/projects/{}/releases", project.id()), Some(project.id().0), None)
}

/// One: by id, or within a project by version.
pub(super) fn show(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.ask(ReleaseView { release: located(ask)? })?;
    Reply::ok(draw(ask, &releases::show(&granted)?))
}

/// What this version cannot put into a release is refused in words, not left out in silence.
fn refuse_unknown(ask: &Ask) -> Result<()> {
    let mut wrong = Wrong::new();
    let full = |field: &str| ask.body.get(field).and_then(Value::as_array).is_some_and(|list| !list.is_empty());
    for field in ["Packages", "SelectedPackages"] {
        if full(field) {
            wrong.add(field, "This version has no packages yet. Leave them out.");
        }
    }
    for field in ["GitRef", "GitCommit"] {
        if ask.body.some_text(field).is_some() {
            wrong.add(field, "This project is not kept in Git. Leave it out.");
        }
    }
    for field in ["GitResources", "SelectedGitResources"] {
        if full(field) {
            wrong.add(field, "This version has no steps from Git yet. Leave them out.");
        }
    }
    wrong.finish()
}

/// `POST releases/create/v1` (`rest-api §4`).
pub(super) fn create_v1(ask: &Ask) -> Result<Reply> {
    refuse_unknown(ask)?;
    let name = ["ProjectName", "ProjectIdOrName", "ProjectId"].iter().find_map(|field| ask.body.some_text(field));
    let project = referred(ask, "ProjectName", &name.unwrap_or_default())?;
    let granted = ask.visitor()?.ask(ReleaseCreate { project })?;
    let channel = ["ChannelName", "ChannelIdOrName", "ChannelId"].iter().find_map(|field| ask.body.some_text(field));
    let fields = Fields {
        version: ask.body.some_text("ReleaseVersion"),
        channel,
        notes: ask.body.text("ReleaseNotes"),
        ignore_if_exists: ask.body.bool("IgnoreIfAlreadyExists"),
    };
    let made = releases::create(&granted, fields)?;
    Reply::created(json!({
        "ReleaseId": made.id.to_string(), "ReleaseVersion": made.version, "AutomaticallyDeployedEnvironments": "",
    }))
}

/// `POST releases`: the older way.
pub(super) fn create(ask: &Ask) -> Result<Reply> {
    refuse_unknown(ask)?;
    let project = referred(ask, "ProjectId", &ask.body.text("ProjectId"))?;
    let granted = ask.visitor()?.ask(ReleaseCreate { project })?;
    let fields = Fields {
        version: ask.body.some_text("Version"),
        channel: ask.body.some_text("ChannelId"),
        notes: ask.body.text("ReleaseNotes"),
        ignore_if_exists: false,
    };
    Reply::created(draw(ask, &releases::create(&granted, fields)?))
}

/// Changes the notes; all else is frozen.
pub(super) fn update(ask: &Ask) -> Result<Reply> {
    let (visitor, at) = (ask.visitor()?, located(ask)?);
    let granted = visitor.ask(ReleaseEdit { release: at.clone() })?;
    let present = releases::show(&visitor.ask(ReleaseView { release: at })?)?;
    let frozen = [("Version", present.version.clone()), ("ChannelId", present.channel.to_string())];
    for (field, now) in frozen {
        if ask.body.some_text(field).is_some_and(|text| !text.eq_ignore_ascii_case(&now)) {
            return Err(Error::invalid(field, "A release cannot be changed but for its notes. Make another release."));
        }
    }
    Reply::ok(draw(ask, &releases::edit(&granted, &ask.body.text("ReleaseNotes"))?))
}

/// Deletes one.
pub(super) fn delete(ask: &Ask) -> Result<Reply> {
    releases::delete(&ask.visitor()?.ask(ReleaseDelete { release: located(ask)? })?)?;
    Reply::done()
}

/// Packages of a release that are not in any feed: a release has none.
pub(super) fn missing_packages(ask: &Ask) -> Result<Reply> {
    ask.visitor()?.ask(ReleaseView { release: located(ask)? })?;
    Reply::ok(json!({ "Packages": [] }))
}
