//! Releases: a version of a project with its process as it was, frozen. What is deployed is always a release.

pub mod defects;
mod sql;

pub use super::projects::version;

use super::access::{
    Columns, Conditions, Event, Granted, Rows,
    permissions::{DeploymentView, EnvironmentView, List, ReleaseCreate, ReleaseDelete, ReleaseEdit, ReleaseView},
};
use super::channels;
use super::lifecycles::{self, Ways, promotion::PhaseProgress};
use super::projects::{self, process::Step, template};
use super::tasks;
use crate::base::{
    clock::{self, Moment},
    error::{Error, Fields as Wrong, Result},
    ids::{Channel, Id, Project, Release as Kind, Space},
    names,
    paging::{Listed, Page},
};
use std::collections::BTreeMap;

/// A release.
#[derive(Debug, Clone)]
pub struct Release {
    /// Its id.
    pub id: Id<Kind>,
    /// Its space.
    pub space: Id<Space>,
    /// Its project.
    pub project: Id<Project>,
    /// Its channel.
    pub channel: Id<Channel>,
    /// Its version, unique in the project ignoring case.
    pub version: String,
    /// What is in it, for people (Markdown).
    pub notes: String,
    /// When it was made.
    pub assembled_at: Moment,
    /// By whom.
    pub created_by: String,
    /// What was said beside it.
    pub said: Said,
    /// The process as it was then.
    pub steps: Vec<Step>,
}

/// What is said of a release when it is made, and stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    /// The rules of its channel do not count.
    pub ignore_channel_rules: bool,
    /// Texts by name, at most 100.
    pub custom_fields: BTreeMap<String, String>,
}

/// A release in a list: all but its steps.
#[derive(Debug, Clone)]
pub struct Brief {
    /// Its id.
    pub id: Id<Kind>,
    /// Its space.
    pub space: Id<Space>,
    /// Its project.
    pub project: Id<Project>,
    /// Its channel.
    pub channel: Id<Channel>,
    /// The name of its channel.
    pub channel_name: String,
    /// Its version.
    pub version: String,
    /// What is in it.
    pub notes: String,
    /// When it was made.
    pub assembled_at: Moment,
    /// By whom.
    pub created_by: String,
    /// What was said beside it.
    pub said: Said,
}

/// What a person gives.
#[derive(Debug, Clone, Default)]
pub struct Fields {
    /// `None` or blank: the one that the project's template makes (`domain §5`).
    pub version: Option<String>,
    /// Id, slug or name of the channel. `None` or blank: the default one.
    pub channel: Option<String>,
    /// At most 100,000 characters.
    pub notes: String,
    /// When the version is there already, that release is the answer, and nothing is made.
    pub ignore_if_exists: bool,
    /// What is said beside it.
    pub said: Said,
}

impl Said {
    fn check(&self, wrong: &mut Wrong) {
        if self.custom_fields.len() > 100 {
            wrong.add("CustomFields", "Give at most 100.");
        }
        for (name, value) in &self.custom_fields {
            if let Err(sentence) = names::name(name, 200).and(names::text(value, 10_000)) {
                wrong.add(&format!("CustomFields.{name}"), sentence);
            }
        }
    }
}

/// Which releases are asked for.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only those of this project.
    pub project: Option<i64>,
    /// Only those of this channel.
    pub channel: Option<i64>,
    /// Part of the version, ignoring case.
    pub search: String,
    /// Only these, by number.
    pub ids: Option<Vec<i64>>,
}

/// The releases that the visitor may see, newest first.
pub fn list(granted: &Granted<'_, List<ReleaseView>>, filter: &Filter, page: Page) -> Result<Listed<Brief>> {
    let reach = granted.reach();
    granted.read(|rows| {
        let wanted = Conditions::of("r.space_id = $", granted.what().space())
            .asked("r.project_id = $", filter.project)
            .asked("r.channel_id = $", filter.channel)
            .named("r.version_key", &filter.search)
            .among("r.id", filter.ids.as_deref())
            .seen(&reach, Columns { group: Some("p.group_id"), project: Some("p.id"), ..Columns::default() });
        sql::list(rows, &wanted, page)
    })
}

/// One release.
pub fn show(granted: &Granted<'_, ReleaseView>) -> Result<Release> {
    granted.read(|rows| sql::by_id(rows, granted.what().release.id()))
}

/// The version that the next release of a project is given when none is named, in a channel (id, slug or name) or in the
/// default one.
///
/// # Errors
/// `Invalid` under `channel` for one that the project does not have.
pub fn next_version(granted: &Granted<'_, ReleaseCreate>, channel: Option<&str>) -> Result<String> {
    let project = granted.what().project.id();
    granted.read(|rows| {
        let channel = match channel {
            Some(text) => channels::find(rows, project, text).map_err(|error| match error {
                Error::NotFound(_) => Error::invalid("channel", format!("The project has no channel “{text}”.")),
                other => other,
            })?,
            None => channels::default_of(rows, project)?,
        };
        next_in(rows, &projects::by_id(rows, project)?, &channel)
    })
}

fn next_in(rows: &Rows<'_>, project: &projects::Project, channel: &channels::Channel) -> Result<String> {
    let known = template::Known {
        project: &sql::versions(rows, project.id, None)?,
        channel: &sql::versions(rows, project.id, Some(channel.id))?,
        channel_name: &channel.name,
        now: clock::now(),
    };
    template::next(&project.version_template, &known).map_err(|sentence| Error::invalid("ReleaseVersion", sentence))
}

/// The version of a release that is made without one.
fn made_up(rows: &Rows<'_>, project: &projects::Project, channel: &channels::Channel) -> Result<String> {
    let next = next_in(rows, project, channel)?;
    names::version(&next).map_err(|_| {
        let words = format!("The template of {} makes “{next}”, which is no version. Give one.", project.name);
        Error::invalid("ReleaseVersion", words)
    })
}

/// Makes a release: the process is frozen as it is now.
///
/// # Errors
/// `Conflict` for a version that is there already, a disabled project, a process without steps; `Invalid` for a version
/// that is none, and for a channel that the project does not have.
pub fn create(granted: &Granted<'_, ReleaseCreate>, fields: Fields) -> Result<Release> {
    let project = granted.what().project.id();
    granted.write(|tx| {
        let before = tx.changes();
        let of = projects::by_id(tx, project)?;
        let mut wrong = Wrong::new();
        let named = fields.version.as_deref().map(str::trim).filter(|text| !text.is_empty());
        let version = named.map(|text| wrong.check("ReleaseVersion", names::version(text)).unwrap_or_default());
        let channel = match fields.channel.as_deref().map(str::trim).filter(|text| !text.is_empty()) {
            Some(text) => match channels::find(tx, project, text) {
                Err(Error::NotFound(_)) => {
                    wrong.add("ChannelName", format!("{} has no channel “{text}”.", of.name));
                    None
                }
                found => Some(found?),
            },
            None => Some(channels::default_of(tx, project)?),
        };
        let notes = wrong.check("ReleaseNotes", names::text(&fields.notes, 100_000)).unwrap_or_default();
        fields.said.check(&mut wrong);
        wrong.finish()?;
        let channel = channel.ok_or_else(|| Error::internal("a release without channel passed the check"))?;
        let version = match version {
            Some(version) => version,
            None => made_up(tx, &of, &channel)?,
        };
        if let Some(existing) = sql::by_version(tx, project, &version)? {
            if fields.ignore_if_exists {
                return tx.unchanged(before, existing);
            }
            return Err(Error::Conflict(format!(
                "{} has a release {} already. Give another version.",
                of.name, existing.version
            )));
        }
        if of.is_disabled {
            return Err(Error::Conflict(format!(
                "{} is disabled. Enable it in its settings, then create the release.",
                of.name
            )));
        }
        let process = projects::process::of(tx, project)?;
        if process.steps.iter().all(|step| step.actions.iter().all(|action| action.is_disabled)) {
            return Err(Error::Conflict(format!(
                "{} has no steps to run. Add a step to its process, then create the release.",
                of.name
            )));
        }
        let steps = projects::kept::write(tx, of.space, &process.steps)?;
        let id = sql::insert(tx, &of, channel.id, (&version, &notes, &fields.said), &steps)?;
        let made = sql::by_id(tx, id)?;
        let event = Event::new("Created")
            .say("Release ")
            .name(id, &made.version)
            .say(" of ")
            .name(of.id, &of.name)
            .say(" was created");
        tx.record(event.space(of.space.0).project(of.id.0, Some(of.group.0)), made)
    })
}

/// Changes the notes of a release; all else in it is frozen.
///
/// # Errors
/// `Invalid` for notes that are too long.
pub fn edit(granted: &Granted<'_, ReleaseEdit>, notes: &str) -> Result<Release> {
    let id = granted.what().release.id();
    let notes = names::text(notes, 100_000).map_err(|message| Error::invalid("ReleaseNotes", message))?;
    granted.write(|tx| {
        let before = sql::by_id(tx, id)?;
        let of = projects::by_id(tx, before.project)?;
        tx.run("UPDATE releases SET notes = ?2 WHERE id = ?1", (id, &notes))?;
        let after = sql::by_id(tx, id)?;
        let event = Event::new("Modified")
            .say("The notes of ")
            .name(of.id, &of.name)
            .say(" ")
            .name(id, &after.version)
            .say(" were changed");
        let event = event.space(of.space.0).project(of.id.0, Some(of.group.0));
        tx.record(event.difference(&sql::told(&before), &sql::told(&after)), after)
    })
}

/// Deletes a release with its deployments and their tasks.
///
/// # Errors
/// `Conflict` while it is being deployed or waits to be (`domain §15`).
pub fn delete(granted: &Granted<'_, ReleaseDelete>) -> Result<()> {
    let id = granted.what().release.id();
    let tasks = granted.write(|tx| {
        let gone = sql::by_id(tx, id)?;
        let of = projects::by_id(tx, gone.project)?;
        if let Some(why) = stops(tx, &gone)? {
            return Err(Error::Conflict(why));
        }
        let tasks = sql::delete(tx, id)?;
        let event = Event::new("Deleted")
            .say("Release ")
            .name(id, &gone.version)
            .say(" of ")
            .name(of.id, &of.name)
            .say(" was deleted");
        tx.record(event.space(of.space.0).project(of.id.0, Some(of.group.0)), tasks)
    })?;
    tasks::forget(granted.visitor().company().folder(), &tasks);
    Ok(())
}

/// Why it cannot be deleted now; `None`: it can. What [`delete`] would say, said first (findings C6).
pub fn obstacle(granted: &Granted<'_, ReleaseDelete>) -> Result<Option<String>> {
    granted.read(|rows| stops(rows, &sql::by_id(rows, granted.what().release.id())?))
}

fn stops(rows: &Rows<'_>, gone: &Release) -> Result<Option<String>> {
    if !sql::on_its_way(rows, gone.id)? {
        return Ok(None);
    }
    let of = projects::by_id(rows, gone.project)?.name;
    let why = "cannot be deleted while it is being deployed. Wait for its tasks to end, or cancel them.";
    Ok(Some(format!("{of} {} {why}", gone.version)))
}

/// How far a release is, on the way of each tenant and, where the project is deployed without one, of nobody: of those
/// whose deployments the visitor may see, in the environments where they may see them. Where they could see none anywhere,
/// all count and none is done. So nothing is told of what others were deployed (`access-rules §11`). Environments that the
/// visitor may not see are left out. Where it can go next is for [`super::deployments::choices`] to say.
pub fn progression(granted: &Granted<'_, ReleaseView>) -> Result<Vec<PhaseProgress>> {
    let at = &granted.what().release;
    let reach = granted.reach_of::<EnvironmentView>(at.space_id());
    let eyes = granted.reach_of::<DeploymentView>(at.space_id());
    granted.read(|rows| {
        let release = sql::brief(rows, at.id())?;
        let project = projects::by_id(rows, release.project)?;
        let watched = lifecycles::Places::of(rows, project.id, &eyes)?;
        let mut phases = Ways::of(rows, &project, release.id, Some(&eyes))?.standing(&watched);
        let visible = lifecycles::visible(rows, at.space_id(), &reach)?;
        for phase in &mut phases {
            phase.phase.environments.retain(|place| visible.contains(&place.id));
            phase.done.retain(|id| visible.contains(id));
            phase.missing.retain(|id| visible.contains(id));
        }
        // Where each environment is a phase, its name is the phase's.
        phases.retain(|one| one.phase.id.is_some() || !one.phase.environments.is_empty());
        Ok(phases)
    })
}

/// One release, inside a transaction that was granted for something that has it.
pub(in crate::company) fn by_id(rows: &Rows<'_>, id: Id<Kind>) -> Result<Release> {
    sql::by_id(rows, id)
}

#[cfg(test)]
mod tests;
