//! `/api/{space}/channels` and the channels of a project.

use super::{
    caller::{Ask, Reply},
    projects::{self, referred},
    releases,
    resource::{self, wire},
};
use crate::{
    base::{
        error::{Error, Fields as Wrong, Result},
        ids::{self, Id},
        paging::Page,
    },
    company::{
        access::{
            At,
            permissions::{List, ProcessEdit, ProcessView, ProjectView},
        },
        channels::{self, Channel, Fields, Filter},
    },
};
use serde_json::{Value, json};

fn draw(ask: &Ask, channel: &Channel) -> Value {
    let space = resource::space_api(ask, channel.space.0);
    let own = format!("{space}/channels/{}", channel.id);
    let mut links = resource::links(&own, &[("Releases", "/releases{?skip,take,searchByVersion}")]);
    links["Project"] = json!(format!("{space}/projects/{}", channel.project));
    links["Projects"] = json!(format!("{space}/projects/{}", channel.project));
    json!({
        "Id": channel.id.to_string(), "SpaceId": wire::<ids::Space>(channel.space.0), "ProjectId": channel.project.to_string(),
        "Name": channel.name, "Slug": channel.slug, "Description": channel.description, "IsDefault": channel.is_default,
        "LifecycleId": null, "Rules": [], "GitReferenceRules": [], "GitResourceRules": [], "TenantTags": [],
        "Type": "Lifecycle", "Links": links,
    })
}

/// The channel of the path, and its project as a place of its own.
fn located(ask: &Ask) -> Result<(At<ids::Project>, Id<ids::Channel>)> {
    let (visitor, space) = (ask.visitor()?, ask.space()?);
    let channel: At<ids::Channel> = match ask.parameter("project") {
        "" => visitor.locate(&space, ask.parameter("id"))?,
        project => visitor.locate(&visitor.locate::<ids::Project>(&space, project)?, ask.parameter("id"))?,
    };
    let project = channel.project_id().ok_or_else(|| Error::internal("a channel without project"))?;
    let project: At<ids::Project> = visitor.locate(&space, &wire::<ids::Project>(project))?;
    // A channel of a project that one may not see is not there, and does not tell of its project.
    if !visitor.may(ProjectView { project: project.clone() }) {
        return Err(Error::NotFound(ask.parameter("id").to_owned()));
    }
    Ok((project, channel.id()))
}

fn fields(ask: &Ask) -> Result<Fields> {
    let mut wrong = Wrong::new();
    for (field, what) in [
        ("Rules", "version rules"),
        ("GitReferenceRules", "Git rules"),
        ("GitResourceRules", "Git rules"),
        ("TenantTags", "tenant tags"),
    ] {
        if ask.body.get(field).and_then(Value::as_array).is_some_and(|list| !list.is_empty()) {
            wrong.add(field, format!("This version has no {what} on channels yet. Leave them out."));
        }
    }
    if ask.body.some_text("LifecycleId").is_some() {
        wrong.add(
            "LifecycleId",
            "This version has no lifecycles on channels yet. Leave it out: the project's one holds.",
        );
    }
    wrong.finish()?;
    Ok(Fields {
        name: ask.body.text("Name"),
        description: ask.body.text("Description"),
        is_default: ask.body.bool("IsDefault"),
    })
}

fn page(ask: &Ask, below: &str, project: Option<i64>) -> Result<Reply> {
    let space = ask.space()?;
    let granted = ask.visitor()?.ask(List::<ProcessView>::of(&space))?;
    let filter =
        Filter { partial_name: ask.asked_text("partialName"), ids: ask.asked_ids::<ids::Channel>("ids"), project };
    let listed = channels::list(&granted, &filter, ask.page())?;
    let own = format!("{}{below}", resource::space_api(ask, space.id().0));
    resource::collection(ask, &own, "Channel", listed, ask.page(), "skip,take,ids,partialName", |c| draw(ask, c))
}

/// A page of the channels of a space.
pub(super) fn list(ask: &Ask) -> Result<Reply> {
    page(ask, "/channels", None)
}

/// All of them, as a bare array.
pub(super) fn all(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.ask(List::<ProcessView>::of(&ask.space()?))?;
    let filter = Filter { ids: ask.asked_ids::<ids::Channel>("ids"), ..Filter::default() };
    resource::bare(&channels::list(&granted, &filter, Page::ALL)?.items, |c| draw(ask, c))
}

/// A page of the channels of a project.
pub(super) fn of_project(ask: &Ask) -> Result<Reply> {
    let project = projects::located(ask)?;
    ask.visitor()?.ask(ProcessView { project: project.clone() })?;
    page(ask, &format!("/projects/{}/channels", project.id()), Some(project.id().0))
}

/// One.
pub(super) fn show(ask: &Ask) -> Result<Reply> {
    let (project, channel) = located(ask)?;
    let granted = ask.visitor()?.ask(ProcessView { project })?;
    Reply::ok(draw(ask, &channels::show(&granted, &channel.to_string())?))
}

/// A page of its releases.
pub(super) fn releases(ask: &Ask) -> Result<Reply> {
    let (project, channel) = located(ask)?;
    releases::page(ask, &format!("/channels/{channel}/releases"), Some(project.id().0), Some(channel.0))
}

/// Makes one, in the project of the path or of the body.
pub(super) fn create(ask: &Ask) -> Result<Reply> {
    let project = match ask.parameter("project") {
        "" => referred(ask, "ProjectId", &ask.body.text("ProjectId"))?,
        _ => projects::located(ask)?,
    };
    let granted = ask.visitor()?.ask(ProcessEdit { project })?;
    Reply::created(draw(ask, &channels::create(&granted, fields(ask)?)?))
}

/// Changes one.
pub(super) fn update(ask: &Ask) -> Result<Reply> {
    let (project, channel) = located(ask)?;
    let granted = ask.visitor()?.ask(ProcessEdit { project })?;
    Reply::ok(draw(ask, &channels::edit(&granted, channel, fields(ask)?)?))
}

/// Deletes one.
pub(super) fn delete(ask: &Ask) -> Result<Reply> {
    let (project, channel) = located(ask)?;
    channels::delete(&ask.visitor()?.ask(ProcessEdit { project })?, channel)?;
    Reply::done()
}
