//! `/api/{space}/projectgroups`.

use super::{
    caller::Ask,
    projects::{self, ProjectQuery, ProjectResource},
    resource,
    wire::{self, All, Collection, Created, Done, Json, Links, NoList, Nothing, Query, Sent},
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
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A project group on the wire.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct ProjectGroupResource {
    #[schema(read_only)]
    id: String,
    #[schema(read_only)]
    space_id: String,
    name: String,
    /// Empty: made of the first name, and kept.
    slug: String,
    description: String,
    environment_ids: NoList,
    retention_policy_id: Nothing,
    #[schema(read_only)]
    links: Links,
}

/// Which groups.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ProjectGroupQuery {
    ids: Option<Vec<String>>,
    partial_name: String,
}

fn draw(ask: &Ask, group: &Group) -> ProjectGroupResource {
    let own = format!("{}/projectgroups/{}", resource::space_api(ask, group.space.0), group.id);
    ProjectGroupResource {
        id: group.id.to_string(),
        space_id: group.space.to_string(),
        name: group.name.clone(),
        slug: group.slug.clone(),
        description: group.description.clone(),
        // Without a template: the Go library takes it as it stands.
        links: Links::of(&own, &[("Projects", "/projects")]),
        ..ProjectGroupResource::default()
    }
}

fn located(ask: &Ask) -> Result<At<ids::ProjectGroup>> {
    ask.visitor()?.locate(&ask.space()?, ask.parameter("id"))
}

impl ProjectGroupResource {
    fn fields(self) -> Fields {
        Fields { name: self.name, slug: self.slug, description: self.description }
    }
}

fn filter(query: &ProjectGroupQuery) -> Filter {
    let ids = query.ids.as_deref().map(wire::numbers::<ids::ProjectGroup>);
    Filter { partial_name: query.partial_name.clone(), ids }
}

/// A page of them.
pub(super) fn list(ask: &Ask, query: Query<ProjectGroupQuery>) -> Result<Collection<ProjectGroupResource>> {
    let space = ask.space()?;
    let granted = ask.visitor()?.ask(List::<ProjectGroupView>::of(&space))?;
    let listed = groups::list(&granted, &filter(&query), ask.page())?;
    let own = format!("{}/projectgroups", resource::space_api(ask, space.id().0));
    Ok(wire::collection(ask, &query, &own, "ProjectGroup", listed, ask.page(), |g| draw(ask, g)))
}

/// All of them, as a bare array.
pub(super) fn all(ask: &Ask, query: Query<ProjectGroupQuery>) -> Result<All<ProjectGroupResource>> {
    let granted = ask.visitor()?.ask(List::<ProjectGroupView>::of(&ask.space()?))?;
    let listed = groups::list(&granted, &filter(&query), Page::ALL)?;
    Ok(All(listed.items.iter().map(|g| draw(ask, g)).collect()))
}

/// One.
pub(super) fn show(ask: &Ask) -> Result<Json<ProjectGroupResource>> {
    let granted = ask.visitor()?.ask(ProjectGroupView { group: located(ask)? })?;
    Ok(Json(draw(ask, &groups::show(&granted)?)))
}

/// A page of its projects.
pub(super) fn projects(ask: &Ask, query: Query<ProjectQuery>) -> Result<Collection<ProjectResource>> {
    let group = located(ask)?;
    ask.visitor()?.ask(ProjectGroupView { group: group.clone() })?;
    let filter = ProjectFilter { group: Some(group.id().0), ..projects::filter(&query) };
    projects::page(ask, &format!("/projectgroups/{}/projects", group.id()), &query, &filter)
}

/// Makes one.
pub(super) fn create(ask: &Ask, Sent(sent): Sent<ProjectGroupResource>) -> Result<Created<ProjectGroupResource>> {
    let granted = ask.visitor()?.ask(ProjectGroupCreate { space: New::of(&ask.space()?) })?;
    Ok(Created(draw(ask, &groups::create(&granted, sent.fields())?)))
}

/// Changes one.
pub(super) fn update(ask: &Ask, Sent(sent): Sent<ProjectGroupResource>) -> Result<Json<ProjectGroupResource>> {
    let granted = ask.visitor()?.ask(ProjectGroupEdit { group: located(ask)? })?;
    Ok(Json(draw(ask, &groups::edit(&granted, sent.fields())?)))
}

/// Deletes one.
pub(super) fn delete(ask: &Ask) -> Result<Done> {
    groups::delete(&ask.visitor()?.ask(ProjectGroupDelete { group: located(ask)? })?)?;
    Ok(Done)
}
