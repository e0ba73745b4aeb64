//! `/api/{space}/projects`.

use super::{
    caller::{Ask, Reply},
    resource::{self, wire},
};
use crate::{
    base::{
        error::{Error, Result},
        ids::{self, Id},
        paging::Page,
    },
    company::{
        access::{
            At, Locate,
            permissions::{List, ProcessView, ProjectCreate, ProjectDelete, ProjectEdit, ProjectView},
        },
        projects::{self, Fields, Filter, Project, TenantedMode},
    },
};
use serde_json::{Value, json};

/// The vendor's own default, which is also the rule that versions follow here.
pub(super) const VERSION_TEMPLATE: &str =
    "#{Octopus.Version.LastMajor}.#{Octopus.Version.LastMinor}.#{Octopus.Version.NextPatch}";

pub(super) fn draw(ask: &Ask, project: &Project) -> Value {
    let (id, space) = (project.id.to_string(), resource::space_api(ask, project.space.0));
    let own = format!("{space}/projects/{id}");
    let mut links = resource::links(
        &own,
        &[
            ("Channels", "/channels{/id}{?skip,take,ids,partialName}"),
            ("DeploymentProcess", "/deploymentprocesses"),
            ("DeploymentSettings", "/deploymentsettings"),
            ("Progression", "/progression{?aggregate}"),
            ("Releases", "/releases{/version}{?skip,take,searchByVersion}"),
            ("Runbooks", "/runbooks{/id}{?skip,take,partialName}"),
            ("Summary", "/summary"),
            ("Triggers", "/triggers{/id}{?skip,take,partialName,triggerActionType}"),
        ],
    );
    links["Variables"] = json!(format!("{space}/variables/variableset-{id}"));
    links["Web"] = json!(web(ask, project.space, &format!("projects/{id}")));
    json!({
        "Id": id, "SpaceId": wire::<ids::Space>(project.space.0), "Name": project.name, "Slug": project.slug,
        "Description": project.description, "ProjectGroupId": project.group.to_string(),
        "LifecycleId": project.lifecycle.to_string(), "IsDisabled": project.is_disabled,
        "TenantedDeploymentMode": project.tenanted.word(), "VariableSetId": format!("variableset-{id}"),
        "DeploymentProcessId": format!("deploymentprocess-{id}"), "DeploymentSettingsId": format!("deploymentsettings-{id}"),
        "ClonedFromProjectId": project.cloned_from.map(|id| id.to_string()), "IncludedLibraryVariableSetIds": [],
        "Templates": [], "ProjectTags": [], "AutoDeployReleaseOverrides": [], "ExtensionSettings": [],
        "VersioningStrategy": { "Template": VERSION_TEMPLATE, "DonorPackage": null, "DonorPackageStepId": null },
        "ReleaseCreationStrategy": { "ChannelId": null, "ReleaseCreationPackage": null, "ReleaseCreationPackageStepId": null },
        "ProjectConnectivityPolicy": {
            "SkipMachineBehavior": "None", "TargetRoles": [], "AllowDeploymentsToNoTargets": false, "ExcludeUnhealthyTargets": false,
        },
        "DefaultGuidedFailureMode": "EnvironmentDefault", "AutoCreateRelease": false, "DiscreteChannelRelease": false,
        "DefaultToSkipIfAlreadyInstalled": false, "ForcePackageDownload": false, "IsVersionControlled": false,
        "PersistenceSettings": { "Type": "Database" }, "ReleaseNotesTemplate": null, "DeploymentChangesTemplate": null,
        "Links": links,
    })
}

/// An address that clients print for people.
pub(super) fn web(ask: &Ask, space: Id<ids::Space>, rest: &str) -> String {
    ask.company().map(|company| format!("/{}/app#/{space}/{rest}", company.slug())).unwrap_or_default()
}

/// What a body refers to by id, slug or name. A thing that is not there is an error of the field, not of the address.
pub(super) fn referred<T: Locate>(ask: &Ask, field: &str, text: &str) -> Result<At<T>> {
    let word = T::WORD;
    if text.trim().is_empty() {
        return Err(Error::invalid(field, format!("Say which {word}.")));
    }
    let visitor = ask.visitor()?;
    let missing = || Error::invalid(field, format!("There is no {word} “{text}” in this space."));
    match visitor.locate(&ask.space()?, text) {
        // What one may not see is told like what is not there.
        Ok(at) if visitor.sees(&at) => Ok(at),
        Ok(_) | Err(Error::NotFound(_)) => Err(missing()),
        Err(other) => Err(other),
    }
}

/// The project of the path.
pub(super) fn located(ask: &Ask) -> Result<At<ids::Project>> {
    ask.visitor()?.locate(&ask.space()?, ask.parameter("project"))
}

pub(super) fn filter(ask: &Ask) -> Filter {
    let cloned_from = ask.asked("clonedFromProjectId").filter(|text| !text.is_empty());
    Filter {
        partial_name: ask.asked("partialName").or(ask.asked("name")).unwrap_or_default().to_owned(),
        ids: ask.asked_ids::<ids::Project>("ids"),
        // An id that is none matches nothing.
        cloned_from: cloned_from.map(|text| Id::<ids::Project>::parse(text).map_or(0, |id| id.0)),
        ..Filter::default()
    }
}

/// A page of projects, at an address below the space.
pub(super) fn page(ask: &Ask, below: &str, filter: &Filter) -> Result<Reply> {
    let space = ask.space()?;
    let granted = ask.visitor()?.ask(List::<ProjectView>::of(&space))?;
    let listed = projects::list(&granted, filter, ask.page())?;
    let own = format!("{}{below}", resource::space_api(ask, space.id().0));
    let template = "name,skip,ids,clone,take,partialName,clonedFromProjectId";
    resource::collection(ask, &own, "Project", listed, ask.page(), template, |p| draw(ask, p))
}

/// A page of them.
pub(super) fn list(ask: &Ask) -> Result<Reply> {
    page(ask, "/projects", &filter(ask))
}

/// All of them, as a bare array.
pub(super) fn all(ask: &Ask) -> Result<Reply> {
    every(ask, &filter(ask))
}

/// All that a filter lets through, as a bare array.
pub(super) fn every(ask: &Ask, filter: &Filter) -> Result<Reply> {
    let granted = ask.visitor()?.ask(List::<ProjectView>::of(&ask.space()?))?;
    resource::bare(&projects::list(&granted, filter, Page::ALL)?.items, |p| draw(ask, p))
}

/// One.
pub(super) fn show(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.ask(ProjectView { project: located(ask)? })?;
    Reply::ok(draw(ask, &projects::show(&granted)?))
}

fn fields(ask: &Ask) -> Result<Fields> {
    let mode = ask.body.text("TenantedDeploymentMode");
    let tenanted = if mode.is_empty() { Some(TenantedMode::default()) } else { TenantedMode::parse(&mode) };
    let lifecycle = match ask.body.some_text("LifecycleId") {
        Some(text) => Some(referred::<ids::Lifecycle>(ask, "LifecycleId", &text)?.id()),
        None => None,
    };
    Ok(Fields {
        name: ask.body.text("Name"),
        description: ask.body.text("Description"),
        lifecycle,
        is_disabled: ask.body.bool("IsDisabled"),
        tenanted: tenanted.ok_or_else(|| {
            Error::invalid("TenantedDeploymentMode", "Give Untenanted, TenantedOrUntenanted or Tenanted.")
        })?,
    })
}

/// Makes one; with `?clone=` as a copy of another.
pub(super) fn create(ask: &Ask) -> Result<Reply> {
    let visitor = ask.visitor()?;
    let group = referred::<ids::ProjectGroup>(ask, "ProjectGroupId", &ask.body.text("ProjectGroupId"))?;
    let granted = visitor.ask(ProjectCreate { group })?;
    let made = match ask.asked("clone").filter(|text| !text.is_empty()) {
        Some(source) => {
            let source = visitor.ask(ProcessView { project: visitor.locate(&ask.space()?, source)? })?;
            projects::clone(&granted, &source, fields(ask)?)?
        }
        None => projects::create(&granted, fields(ask)?)?,
    };
    Reply::created(draw(ask, &made))
}

/// Changes one; another group moves it there.
pub(super) fn update(ask: &Ask) -> Result<Reply> {
    let (visitor, at) = (ask.visitor()?, located(ask)?);
    let granted = visitor.ask(ProjectEdit { project: at.clone() })?;
    let present = projects::show(&visitor.ask(ProjectView { project: at })?)?;
    let into = match ask.body.some_text("ProjectGroupId") {
        Some(text) => {
            let group = referred::<ids::ProjectGroup>(ask, "ProjectGroupId", &text)?;
            if group.id() == present.group { None } else { Some(visitor.ask(ProjectCreate { group })?) }
        }
        None => None,
    };
    Reply::ok(draw(ask, &projects::edit(&granted, into.as_ref(), fields(ask)?)?))
}

/// Deletes one.
pub(super) fn delete(ask: &Ask) -> Result<Reply> {
    projects::delete(&ask.visitor()?.ask(ProjectDelete { project: located(ask)? })?)?;
    Reply::done()
}
