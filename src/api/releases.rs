//! `/api/{space}/releases`, the releases of a project, and the command `releases/create/v1`.

pub(super) mod variables;

use super::{
    caller::Ask,
    deployments::agreeing,
    processes::frozen_id,
    projects::{self, referred, web},
    resource,
    wire::{self, Collection, Created, Done, Json, Links, NoList, NoMap, Nothing, Query, Sent, refer},
};
use crate::{
    base::{
        clock::Moment,
        error::{Error, Result},
        ids::{self, Id},
    },
    company::{
        access::{
            At,
            permissions::{List, ProjectView, ReleaseCreate, ReleaseDelete, ReleaseEdit, ReleaseView},
        },
        releases::{self, Brief, Fields, Filter, Release, Said},
    },
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A release on the wire.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct ReleaseResource {
    #[schema(read_only)]
    id: String,
    #[schema(read_only)]
    space_id: String,
    project_id: refer::Project,
    /// Left out: the default one of the project.
    channel_id: refer::Channel,
    /// Left out: the next one.
    version: String,
    /// The one thing that can be changed.
    release_notes: String,
    #[schema(read_only)]
    assembled: String,
    #[schema(read_only)]
    project_deployment_process_snapshot_id: String,
    #[schema(read_only)]
    project_variable_set_snapshot_id: String,
    library_variable_set_snapshot_ids: NoList,
    selected_packages: NoList,
    selected_git_resources: NoList,
    build_information: NoList,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_control_reference: Option<NoMap>,
    ignore_channel_rules: Option<bool>,
    /// Texts by name.
    custom_fields: Option<BTreeMap<String, String>>,
    #[schema(read_only)]
    links: Links,
}

/// What the command `releases/create/v1` is told (`rest-api §4`).
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct CreateRelease {
    /// The project by id, name or slug.
    project_name: String,
    /// As `ProjectName`.
    project_id_or_name: String,
    /// As `ProjectName`.
    project_id: String,
    /// Left out: the next one.
    release_version: String,
    /// The channel by id, name or slug. Left out: the default one of the project.
    channel_name: String,
    /// As `ChannelName`.
    channel_id_or_name: String,
    /// As `ChannelName`.
    channel_id: String,
    release_notes: String,
    /// When the version is there already, that release is the answer.
    ignore_if_already_exists: bool,
    ignore_channel_rules: bool,
    /// Texts by name.
    custom_fields: BTreeMap<String, String>,
    /// Of every package that is given no version of its own; a release takes no packages yet.
    package_version: String,
    package_prerelease: Nothing,
    packages: NoList,
    selected_packages: NoList,
    git_ref: Nothing,
    git_commit: Nothing,
    git_resources: NoList,
    selected_git_resources: NoList,
}

/// What the command `releases/create/v1` answers.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ReleaseCreated {
    release_id: String,
    release_version: String,
    automatically_deployed_environments: &'static str,
}

/// Which releases.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ReleaseQuery {
    ids: Option<Vec<String>>,
    /// Part of the version.
    search_by_version: String,
}

/// Packages of a release that no feed has.
#[derive(Default, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct MissingPackages {
    packages: NoList,
}

/// What a release shows of itself, in a list and alone.
pub(super) struct Shown<'r> {
    id: Id<ids::Release>,
    space: Id<ids::Space>,
    project: Id<ids::Project>,
    channel: Id<ids::Channel>,
    version: &'r str,
    notes: &'r str,
    said: &'r Said,
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
            said: &r.said,
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
            said: &r.said,
            at: r.assembled_at,
        }
    }
}

pub(super) fn draw<'r>(ask: &Ask, release: impl Into<Shown<'r>>) -> ReleaseResource {
    let r = release.into();
    let space = resource::space_api(ask, r.space.0);
    let own = format!("{space}/releases/{}", r.id);
    let frozen = frozen_id(r.project, r.id);
    let links = Links::of(
        &own,
        &[
            ("Progression", "/progression"),
            ("Deployments", "/deployments{?skip,take}"),
            ("DeploymentTemplate", "/deployments/template"),
            ("DeploymentPreview", "/deployments/preview/{environment}{?includeDisabledSteps}"),
            ("DeploymentPreviews", "/deployments/previews"),
            ("MissingPackages", "/missingpackages"),
        ],
    );
    ReleaseResource {
        id: r.id.to_string(),
        space_id: r.space.to_string(),
        project_id: r.project.into(),
        channel_id: r.channel.into(),
        version: r.version.to_owned(),
        release_notes: r.notes.to_owned(),
        ignore_channel_rules: Some(r.said.ignore_channel_rules),
        custom_fields: Some(r.said.custom_fields.clone()),
        assembled: r.at.wire(),
        project_variable_set_snapshot_id: format!("variableset-{}", r.project),
        links: links
            .and("Project", format!("{space}/projects/{}", r.project))
            .and("Channel", format!("{space}/channels/{}", r.channel))
            .and("ProjectDeploymentProcessSnapshot", format!("{space}/deploymentprocesses/{frozen}"))
            .and("Web", web(ask, r.space, &format!("releases/{}", r.id))),
        project_deployment_process_snapshot_id: frozen,
        ..ReleaseResource::default()
    }
}

pub(super) fn located(ask: &Ask) -> Result<At<ids::Release>> {
    let (visitor, space) = (ask.visitor()?, ask.space()?);
    match ask.parameter("project") {
        "" => visitor.locate(&space, ask.parameter("id")),
        project => visitor.locate(&visitor.locate::<ids::Project>(&space, project)?, ask.parameter("id")),
    }
}

/// A page of releases, newest first, at an address below the space.
pub(super) fn page(
    ask: &Ask,
    below: &str,
    query: &Query<ReleaseQuery>,
    project: Option<i64>,
    channel: Option<i64>,
) -> Result<Collection<ReleaseResource>> {
    let space = ask.space()?;
    let granted = ask.visitor()?.ask(List::<ReleaseView>::of(&space))?;
    let ids = query.ids.as_deref().map(wire::numbers::<ids::Release>);
    let filter = Filter { project, channel, search: query.search_by_version.clone(), ids };
    let listed = releases::list(&granted, &filter, ask.page())?;
    let own = format!("{}{below}", resource::space_api(ask, space.id().0));
    Ok(wire::collection(ask, query, &own, "Release", listed, ask.page(), |r| draw(ask, r)))
}

/// A page of all of a space.
pub(super) fn list(ask: &Ask, query: Query<ReleaseQuery>) -> Result<Collection<ReleaseResource>> {
    page(ask, "/releases", &query, None, None)
}

/// A page of those of a project.
pub(super) fn of_project(ask: &Ask, query: Query<ReleaseQuery>) -> Result<Collection<ReleaseResource>> {
    let project = projects::located(ask)?;
    ask.visitor()?.ask(ProjectView { project: project.clone() })?;
    page(ask, &format!("/projects/{}/releases", project.id()), &query, Some(project.id().0), None)
}

/// One: by id, or within a project by version.
pub(super) fn show(ask: &Ask) -> Result<Json<ReleaseResource>> {
    let granted = ask.visitor()?.ask(ReleaseView { release: located(ask)? })?;
    Ok(Json(draw(ask, &releases::show(&granted)?)))
}

/// The first of some texts that has something in it.
pub(super) fn first<const N: usize>(texts: [String; N]) -> Option<String> {
    texts.into_iter().find(|text| !text.trim().is_empty())
}

/// `POST releases/create/v1` (`rest-api §4`).
pub(super) fn create_v1(ask: &Ask, Sent(sent): Sent<CreateRelease>) -> Result<Created<ReleaseCreated>> {
    // It holds for all packages, and there are none: scripts give it to every project.
    let _ = sent.package_version;
    let (visitor, space) = (ask.visitor()?, ask.space()?);
    let names = [
        ("ProjectName", sent.project_name),
        ("ProjectIdOrName", sent.project_id_or_name),
        ("ProjectId", sent.project_id),
    ];
    let name = first(names.clone().map(|(_, text)| text));
    let project: At<ids::Project> = referred(ask, "ProjectName", &name.unwrap_or_default())?;
    agreeing(&project, &names, |text| visitor.named(&space, text))?;
    let granted = visitor.ask(ReleaseCreate { project: project.clone() })?;
    let channels = [
        ("ChannelName", sent.channel_name),
        ("ChannelIdOrName", sent.channel_id_or_name),
        ("ChannelId", sent.channel_id),
    ];
    let mut given = channels.iter().filter(|(_, text)| !text.trim().is_empty());
    let word = given.next().map_or("ChannelName", |(name, _)| name);
    // Where there is but one name, the command says what is wrong with it.
    if given.next().is_some() {
        let channel = first(channels.clone().map(|(_, text)| text)).unwrap_or_default();
        let channel: At<ids::Channel> = visitor.named(&project, &channel)?;
        agreeing(&channel, &channels, |text| visitor.named(&project, text))?;
    }
    let fields = Fields {
        version: first([sent.release_version]),
        channel: first(channels.map(|(_, text)| text)),
        notes: sent.release_notes,
        ignore_if_exists: sent.ignore_if_already_exists,
        said: Said { ignore_channel_rules: sent.ignore_channel_rules, custom_fields: sent.custom_fields },
    };
    let made = wire::in_words_sent(releases::create(&granted, fields), &[("ChannelName", word)])?;
    Ok(Created(ReleaseCreated {
        release_id: made.id.to_string(),
        release_version: made.version,
        automatically_deployed_environments: "",
    }))
}

/// How a release is made the older way.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct CreateQuery {
    /// As `IgnoreChannelRules`.
    ignore_channel_rules: bool,
}

/// `POST releases`: the older way.
pub(super) fn create(
    ask: &Ask,
    query: Query<CreateQuery>,
    Sent(sent): Sent<ReleaseResource>,
) -> Result<Created<ReleaseResource>> {
    let project = referred(ask, "ProjectId", sent.project_id.text())?;
    let granted = ask.visitor()?.ask(ReleaseCreate { project })?;
    let fields = Fields {
        version: first([sent.version]),
        channel: sent.channel_id.given().map(str::to_owned),
        notes: sent.release_notes,
        ignore_if_exists: false,
        said: Said {
            ignore_channel_rules: query.ignore_channel_rules || sent.ignore_channel_rules.unwrap_or_default(),
            custom_fields: sent.custom_fields.unwrap_or_default(),
        },
    };
    let words = [("ReleaseVersion", "Version"), ("ChannelName", "ChannelId")];
    Ok(Created(draw(ask, &wire::in_words_sent(releases::create(&granted, fields), &words)?)))
}

const FROZEN: &str = "A release cannot be changed but for its notes. Make another release.";

/// Changes the notes; all else is frozen.
pub(super) fn update(ask: &Ask, Sent(sent): Sent<ReleaseResource>) -> Result<Json<ReleaseResource>> {
    let (visitor, at) = (ask.visitor()?, located(ask)?);
    let granted = visitor.ask(ReleaseEdit { release: at.clone() })?;
    let present = releases::show(&visitor.ask(ReleaseView { release: at })?)?;
    let frozen = [
        ("ProjectId", sent.project_id.text(), present.project.to_string()),
        ("ChannelId", sent.channel_id.text(), present.channel.to_string()),
        ("Version", &sent.version, present.version),
    ];
    for (field, text, now) in frozen {
        if !text.trim().is_empty() && !text.trim().eq_ignore_ascii_case(&now) {
            return Err(Error::invalid(field, FROZEN));
        }
    }
    let other_rules = sent.ignore_channel_rules.is_some_and(|sent| sent != present.said.ignore_channel_rules);
    let other_fields = sent.custom_fields.is_some_and(|sent| sent != present.said.custom_fields);
    for (field, other) in [("IgnoreChannelRules", other_rules), ("CustomFields", other_fields)] {
        if other {
            return Err(Error::invalid(field, FROZEN));
        }
    }
    Ok(Json(draw(ask, &releases::edit(&granted, &sent.release_notes)?)))
}

/// Deletes one.
pub(super) fn delete(ask: &Ask) -> Result<Done> {
    releases::delete(&ask.visitor()?.ask(ReleaseDelete { release: located(ask)? })?)?;
    Ok(Done)
}

/// Packages of a release that are not in any feed: a release has none.
pub(super) fn missing_packages(ask: &Ask) -> Result<Json<MissingPackages>> {
    ask.visitor()?.ask(ReleaseView { release: located(ask)? })?;
    Ok(Json(MissingPackages::default()))
}
