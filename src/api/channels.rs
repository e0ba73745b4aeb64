//! `/api/{space}/channels` and the channels of a project.

use super::{
    caller::Ask,
    projects::{self, referred},
    releases::{self, ReleaseQuery, ReleaseResource},
    resource,
    wire::{self, All, Collection, Created, Done, Json, Links, NoList, Nothing, Query, Sent, refer},
};
use crate::{
    base::{
        error::{Error, Result},
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
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A channel on the wire.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct ChannelResource {
    #[schema(read_only)]
    id: String,
    #[schema(read_only)]
    space_id: String,
    /// Where it is made; it stays there.
    project_id: refer::Project,
    name: String,
    /// Empty: made of the first name, and kept.
    slug: String,
    description: String,
    /// True makes it the default in place of the one that was. Left out: as it is.
    is_default: Option<bool>,
    lifecycle_id: Nothing,
    rules: NoList,
    git_reference_rules: NoList,
    git_resource_rules: NoList,
    tenant_tags: NoList,
    r#type: OfLifecycle,
    #[schema(read_only)]
    links: Links,
}

wire::fixed! {
    /// A channel whose releases go along a lifecycle.
    OfLifecycle(OfLifecycleValue) = "Lifecycle";
}

/// Which channels.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ChannelQuery {
    ids: Option<Vec<String>>,
    partial_name: String,
}

fn draw(ask: &Ask, channel: &Channel) -> ChannelResource {
    let space = resource::space_api(ask, channel.space.0);
    let own = format!("{space}/channels/{}", channel.id);
    let project = format!("{space}/projects/{}", channel.project);
    ChannelResource {
        id: channel.id.to_string(),
        space_id: channel.space.to_string(),
        project_id: channel.project.into(),
        name: channel.name.clone(),
        slug: channel.slug.clone(),
        description: channel.description.clone(),
        is_default: Some(channel.is_default),
        links: Links::of(&own, &[("Releases", "/releases{?skip,take,searchByVersion}")])
            .and("Project", project.clone())
            .and("Projects", project),
        ..ChannelResource::default()
    }
}

/// The channel of the path, and its project as a place of its own.
fn located(ask: &Ask) -> Result<(At<ids::Project>, Id<ids::Channel>)> {
    let (visitor, space) = (ask.visitor()?, ask.space()?);
    let channel: At<ids::Channel> = match ask.parameter("project") {
        "" => visitor.locate(&space, ask.parameter("id"))?,
        project => visitor.locate(&visitor.locate::<ids::Project>(&space, project)?, ask.parameter("id"))?,
    };
    let project = channel.project_id().ok_or_else(|| Error::internal("a channel without project"))?;
    let project: At<ids::Project> = visitor.locate(&space, &Id::<ids::Project>::new(project).to_string())?;
    // A channel of a project that one may not see is not there, and does not tell of its project.
    if !visitor.may(ProjectView { project: project.clone() }) {
        return Err(Error::NotFound(ask.parameter("id").to_owned()));
    }
    Ok((project, channel.id()))
}

impl ChannelResource {
    fn fields(self) -> Fields {
        Fields { name: self.name, slug: self.slug, description: self.description, is_default: self.is_default }
    }
}

fn filter(query: &ChannelQuery, project: Option<i64>) -> Filter {
    let ids = query.ids.as_deref().map(wire::numbers::<ids::Channel>);
    Filter { partial_name: query.partial_name.clone(), ids, project }
}

fn page(
    ask: &Ask,
    below: &str,
    query: &Query<ChannelQuery>,
    project: Option<i64>,
) -> Result<Collection<ChannelResource>> {
    let space = ask.space()?;
    let granted = ask.visitor()?.ask(List::<ProcessView>::of(&space))?;
    let listed = channels::list(&granted, &filter(query, project), ask.page())?;
    let own = format!("{}{below}", resource::space_api(ask, space.id().0));
    Ok(wire::collection(ask, query, &own, "Channel", listed, ask.page(), |c| draw(ask, c)))
}

/// A page of the channels of a space.
pub(super) fn list(ask: &Ask, query: Query<ChannelQuery>) -> Result<Collection<ChannelResource>> {
    page(ask, "/channels", &query, None)
}

/// All of them, as a bare array.
pub(super) fn all(ask: &Ask, query: Query<ChannelQuery>) -> Result<All<ChannelResource>> {
    let granted = ask.visitor()?.ask(List::<ProcessView>::of(&ask.space()?))?;
    let listed = channels::list(&granted, &filter(&query, None), Page::ALL)?;
    Ok(All(listed.items.iter().map(|c| draw(ask, c)).collect()))
}

/// A page of the channels of a project.
pub(super) fn of_project(ask: &Ask, query: Query<ChannelQuery>) -> Result<Collection<ChannelResource>> {
    let project = projects::located(ask)?;
    ask.visitor()?.ask(ProcessView { project: project.clone() })?;
    page(ask, &format!("/projects/{}/channels", project.id()), &query, Some(project.id().0))
}

/// One.
pub(super) fn show(ask: &Ask) -> Result<Json<ChannelResource>> {
    let (project, channel) = located(ask)?;
    let granted = ask.visitor()?.ask(ProcessView { project })?;
    Ok(Json(draw(ask, &channels::show(&granted, &channel.to_string())?)))
}

/// A page of its releases.
pub(super) fn releases(ask: &Ask, query: Query<ReleaseQuery>) -> Result<Collection<ReleaseResource>> {
    let (project, channel) = located(ask)?;
    releases::page(ask, &format!("/channels/{channel}/releases"), &query, Some(project.id().0), Some(channel.0))
}

/// Makes one, in the project of the path or of the body.
pub(super) fn create(ask: &Ask, Sent(sent): Sent<ChannelResource>) -> Result<Created<ChannelResource>> {
    let project = match ask.parameter("project") {
        "" => referred(ask, "ProjectId", sent.project_id.text())?,
        _ => {
            let project = projects::located(ask)?;
            stays(ask, &project, &sent)?;
            project
        }
    };
    let granted = ask.visitor()?.ask(ProcessEdit { project })?;
    Ok(Created(draw(ask, &channels::create(&granted, sent.fields())?)))
}

/// Says when a body names another project than the one that the channel is in.
fn stays(ask: &Ask, project: &At<ids::Project>, sent: &ChannelResource) -> Result<()> {
    let Some(text) = sent.project_id.given() else { return Ok(()) };
    if referred::<ids::Project>(ask, "ProjectId", text).is_ok_and(|named| named.id() == project.id()) {
        return Ok(());
    }
    Err(Error::invalid("ProjectId", format!("The channel is one of {}. Leave this out, or send that.", project.id())))
}

/// Changes one.
pub(super) fn update(ask: &Ask, Sent(sent): Sent<ChannelResource>) -> Result<Json<ChannelResource>> {
    let (project, channel) = located(ask)?;
    let granted = ask.visitor()?.ask(ProcessEdit { project: project.clone() })?;
    stays(ask, &project, &sent)?;
    Ok(Json(draw(ask, &channels::edit(&granted, channel, sent.fields())?)))
}

/// Deletes one.
pub(super) fn delete(ask: &Ask) -> Result<Done> {
    let (project, channel) = located(ask)?;
    channels::delete(&ask.visitor()?.ask(ProcessEdit { project })?, channel)?;
    Ok(Done)
}
