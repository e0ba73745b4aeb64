//! `/api/{space}/projectgroups`.

use super::{
    caller::{Ask, Reply},
    projects,
    resource::{self, wire},
};
use crate::{
    base::{error::Result, ids, paging::Page},
    company::{
        access::{
            At, New,
            permissions::{List, ProjectGroupCreate, ProjectGroupDelete, ProjectGroupEdit, ProjectGroupView},
        },
        projects::{
            Filter as ProjectFilter,
            groups::{self, Fields, Filter, Group},
        },
    },
};
use serde_json::{Value, json};

fn draw(ask: &Ask, group: &Group) -> Value {
    let own = format!("{}/projectgroups/{}", resource::space_api(ask, group.space.0), group.id);
    json!({
        "Id": group.id.to_string(), "SpaceId": wire::<ids::Space>(group.space.0), "Name": group.name, "Slug": group.slug,
        "Description": group.description, "EnvironmentIds": [], "RetentionPolicyId": null,
        // Without a template: the Go library takes it as it stands.
        "Links": resource::links(&own, &[("Projects", "/projects")]),
    })
}

fn located(ask: &Ask) -> Result<At<ids::ProjectGroup>> {
    ask.visitor()?.locate(&ask.space()?, ask.parameter("id"))
}

fn fields(ask: &Ask) -> Fields {
    Fields { name: ask.body.text("Name"), description: ask.body.text("Description") }
}

/// A page of them.
pub(super) fn list(ask: &Ask) -> Result<Reply> {
    let space = ask.space()?;
    let granted = ask.visitor()?.ask(List::<ProjectGroupView>::of(&space))?;
    let filter = Filter { partial_name: ask.asked_text("partialName"), ids: ask.asked_ids::<ids::ProjectGroup>("ids") };
    let listed = groups::list(&granted, &filter, ask.page())?;
    let own = format!("{}/projectgroups", resource::space_api(ask, space.id().0));
    resource::collection(ask, &own, "ProjectGroup", listed, ask.page(), "skip,take,ids,partialName", |g| draw(ask, g))
}

/// All of them, as a bare array.
pub(super) fn all(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.ask(List::<ProjectGroupView>::of(&ask.space()?))?;
    let filter = Filter { ids: ask.asked_ids::<ids::ProjectGroup>("ids"), ..Filter::default() };
    resource::bare(&groups::list(&granted, &filter, Page::ALL)?.items, |g| draw(ask, g))
}

/// One.
pub(super) fn show(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.ask(ProjectGroupView { group: located(ask)? })?;
    Reply::ok(draw(ask, &groups::show(&granted)?))
}

/// A page of its projects.
pub(super) fn projects(ask: &Ask) -> Result<Reply> {
    let group = located(ask)?;
    ask.visitor()?.ask(ProjectGroupView { group: group.clone() })?;
    let filter = ProjectFilter { group: Some(group.id().0), ..projects::filter(ask) };
    projects::page(ask, &format!("/projectgroups/{}/projects", group.id()), &filter)
}

/// Makes one.
pub(super) fn create(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.ask(ProjectGroupCreate { space: New::of(&ask.space()?) })?;
    Reply::created(draw(ask, &groups::create(&granted, fields(ask))?))
}

/// Changes one.
pub(super) fn update(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.ask(ProjectGroupEdit { group: located(ask)? })?;
    Reply::ok(draw(ask, &groups::edit(&granted, fields(ask))?))
}

/// Deletes one.
pub(super) fn delete(ask: &Ask) -> Result<Reply> {
    groups::delete(&ask.visitor()?.ask(ProjectGroupDelete { group: located(ask)? })?)?;
    Reply::done()
}
