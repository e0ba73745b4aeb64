//! Lifecycles: in which order releases may go to environments. A lifecycle has phases; without any, each environment is
//! a phase, in the order of the environments.
//!
//! [`promotion`] holds the rules; here is where lifecycles are kept, and where the rules meet what was deployed.

mod places;
pub mod promotion;
mod sql;
mod ways;

use super::access::{
    Conditions, Event, Granted, Reach, Rows,
    permissions::{EnvironmentView, LifecycleCreate, LifecycleDelete, LifecycleEdit, LifecycleView, List, ProjectView},
};
use super::environments;
use super::projects::{self, Project};
use crate::base::{
    error::{Error, Fields as Wrong, Result},
    ids::{Environment, Id, Lifecycle as Kind, Phase as PhaseKind, Project as ProjectKind, Space},
    names,
    paging::{Listed, Page},
    retention::Retention,
};
pub use crate::company::naming::Filter;
use crate::company::naming::Named;
pub(in crate::company) use places::Places;
use promotion::PhaseView;
use serde::Serialize;
use std::collections::BTreeMap;
pub(in crate::company) use ways::Ways;

/// How they are named.
const NAMES: Named = Named { table: "lifecycles", within: "space_id", one: "a lifecycle", slug: "lifecycle" };

/// A lifecycle.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Lifecycle {
    /// Its id.
    #[serde(skip)]
    pub id: Id<Kind>,
    /// Its space.
    #[serde(skip)]
    pub space: Id<Space>,
    /// Its name, unique in its space.
    pub name: String,
    /// What stands for it in addresses; kept when the name changes.
    pub slug: String,
    /// What it is for.
    pub description: String,
    /// New projects follow it.
    #[serde(skip)]
    pub is_default: bool,
    /// How long releases are kept.
    #[serde(rename = "ReleaseRetentionPolicy")]
    pub release_retention: Retention,
    /// How long files on targets are kept.
    #[serde(rename = "TentacleRetentionPolicy")]
    pub tentacle_retention: Retention,
    /// Its phases in order.
    pub phases: Vec<Phase>,
}

/// A phase of a lifecycle.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Phase {
    /// Its id.
    #[serde(skip)]
    pub id: Id<PhaseKind>,
    /// Its name, unique in the lifecycle.
    pub name: String,
    /// Environments that releases go to by themselves once the phase is open.
    #[serde(rename = "AutomaticDeploymentTargets", serialize_with = "wire")]
    pub automatic: Vec<Id<Environment>>,
    /// Environments that releases go to by hand.
    #[serde(rename = "OptionalDeploymentTargets", serialize_with = "wire")]
    pub optional: Vec<Id<Environment>>,
    /// How many of its environments must succeed before the next phase opens; 0: all.
    #[serde(rename = "MinimumEnvironmentsBeforePromotion")]
    pub minimum: i64,
    /// It may be left out.
    #[serde(rename = "IsOptionalPhase")]
    pub is_optional: bool,
    /// How long releases that came so far are kept; `None`: as the nearest earlier phase, or the lifecycle, says.
    #[serde(rename = "ReleaseRetentionPolicy")]
    pub release_retention: Option<Retention>,
    /// The same for files on targets.
    #[serde(rename = "TentacleRetentionPolicy")]
    pub tentacle_retention: Option<Retention>,
}

fn wire<S: serde::Serializer>(ids: &[Id<Environment>], to: S) -> std::result::Result<S::Ok, S::Error> {
    to.collect_seq(ids.iter().map(ToString::to_string))
}

/// What a person gives.
#[derive(Debug, Clone, Default)]
pub struct Fields {
    /// Required, 1–200 characters, unique in the space.
    pub name: String,
    /// What stands for it in addresses; empty: made of the first name, and kept.
    pub slug: String,
    /// At most 2,000 characters.
    pub description: String,
    /// See [`Lifecycle::release_retention`]; `None`: as it is, at first for ever.
    pub release_retention: Option<Retention>,
    /// See [`Lifecycle::tentacle_retention`]; `None`: as it is, at first for ever.
    pub tentacle_retention: Option<Retention>,
    /// In order.
    pub phases: Vec<PhaseFields>,
}

/// What a person gives of a phase.
#[derive(Debug, Clone, Default)]
pub struct PhaseFields {
    /// The phase it was; `None`: it is new.
    pub id: Option<Id<PhaseKind>>,
    /// Required, 1–200 characters, unique in the lifecycle.
    pub name: String,
    /// See [`Phase::automatic`].
    pub automatic: Vec<Id<Environment>>,
    /// See [`Phase::optional`].
    pub optional: Vec<Id<Environment>>,
    /// See [`Phase::minimum`].
    pub minimum: i64,
    /// See [`Phase::is_optional`].
    pub is_optional: bool,
    /// See [`Phase::release_retention`].
    pub release_retention: Option<Retention>,
    /// See [`Phase::tentacle_retention`].
    pub tentacle_retention: Option<Retention>,
}

impl From<&Lifecycle> for Fields {
    fn from(lifecycle: &Lifecycle) -> Fields {
        let phases = lifecycle.phases.iter().map(|phase| PhaseFields {
            id: Some(phase.id),
            name: phase.name.clone(),
            automatic: phase.automatic.clone(),
            optional: phase.optional.clone(),
            minimum: phase.minimum,
            is_optional: phase.is_optional,
            release_retention: phase.release_retention,
            tentacle_retention: phase.tentacle_retention,
        });
        Fields {
            name: lifecycle.name.clone(),
            slug: lifecycle.slug.clone(),
            description: lifecycle.description.clone(),
            release_retention: Some(lifecycle.release_retention),
            tentacle_retention: Some(lifecycle.tentacle_retention),
            phases: phases.collect(),
        }
    }
}

/// The lifecycles of a space, by name.
pub fn list(granted: &Granted<'_, List<LifecycleView>>, filter: &Filter, page: Page) -> Result<Listed<Lifecycle>> {
    granted.read(|rows| {
        // No scope dimension is honoured: the permission in the space is enough (`access-rules §4`).
        let wanted = Conditions::of("space_id = $", granted.what().space())
            .named("name_key", &filter.partial_name)
            .among("id", filter.ids.as_deref());
        sql::list(rows, &wanted, page)
    })
}

/// One lifecycle.
pub fn show(granted: &Granted<'_, LifecycleView>) -> Result<Lifecycle> {
    granted.read(|rows| sql::by_id(rows, granted.what().lifecycle.id()))
}

/// Its phases with the environments they stand for today: all that are named in a phase, as ids for who may not see them
/// (`access-rules §4`: a lifecycle has no dimension); where each environment is a phase, those that the visitor may see.
pub fn preview(granted: &Granted<'_, LifecycleView>) -> Result<Vec<PhaseView>> {
    let space = granted.what().lifecycle.space_id();
    let reach = granted.reach_of::<EnvironmentView>(space);
    granted.read(|rows| {
        let lifecycle = sql::by_id(rows, granted.what().lifecycle.id())?;
        let mut phases = promotion::phases_of(&lifecycle, &environments::in_order(rows, lifecycle.space)?);
        if lifecycle.phases.is_empty() {
            promotion::hide(&mut phases, &sql::visible(rows, space, &reach)?);
        }
        Ok(phases)
    })
}

/// Makes a lifecycle.
///
/// # Errors
/// `Invalid` for a name that is missing, too long or taken, and for phases, under fields such as `Phases[0].Name`.
pub fn create(granted: &Granted<'_, LifecycleCreate>, fields: Fields) -> Result<Lifecycle> {
    let space = granted.what().space.id();
    granted.write(|tx| {
        let fields = check(tx, space, &fields, None)?;
        let id = sql::insert(tx, space, &fields)?;
        let made = sql::by_id(tx, id)?;
        let event = Event::new("Created").say("Lifecycle ").name(id, &made.name).say(" was created");
        tx.record(event.space(space.0), made)
    })
}

/// Changes a lifecycle. Releases on their way follow the new phases from now on.
///
/// # Errors
/// As [`create`].
pub fn edit(granted: &Granted<'_, LifecycleEdit>, fields: Fields) -> Result<Lifecycle> {
    let id = granted.what().lifecycle.id();
    granted.write(|tx| {
        let before = sql::by_id(tx, id)?;
        let fields = check(tx, before.space, &fields, Some(&before))?;
        sql::update(tx, id, &fields)?;
        let after = sql::by_id(tx, id)?;
        let event = Event::new("Modified").say("Lifecycle ").name(id, &after.name).say(" was changed");
        tx.record(event.space(after.space.0).difference(&before, &after), after)
    })
}

/// Deletes a lifecycle.
///
/// # Errors
/// `Conflict` for the default one, and while projects follow it (`domain §15`).
pub fn delete(granted: &Granted<'_, LifecycleDelete>) -> Result<()> {
    let id = granted.what().lifecycle.id();
    let reach = granted.reach_of::<ProjectView>(granted.what().lifecycle.space_id());
    granted.write(|tx| {
        let gone = sql::by_id(tx, id)?;
        if let Some(why) = stops(tx, &reach, &gone)? {
            return Err(Error::Conflict(why));
        }
        tx.run("DELETE FROM lifecycles WHERE id = ?1", [id])?;
        let event = Event::new("Deleted").say("Lifecycle ").name(id, &gone.name).say(" was deleted");
        tx.record(event.space(gone.space.0), ())
    })
}

/// Why it cannot be deleted now, as far as the visitor may see it; `None`: it can. What [`delete`] would say, said first
/// (findings C6).
pub fn obstacle(granted: &Granted<'_, LifecycleDelete>) -> Result<Option<String>> {
    let at = &granted.what().lifecycle;
    let reach = granted.reach_of::<ProjectView>(at.space_id());
    granted.read(|rows| stops(rows, &reach, &sql::by_id(rows, at.id())?))
}

fn stops(rows: &Rows<'_>, reach: &Reach, gone: &Lifecycle) -> Result<Option<String>> {
    if gone.is_default {
        return Ok(Some(format!("{} cannot be deleted: new projects of this space follow it.", gone.name)));
    }
    let users = projects::counted(rows, "lifecycle_id", gone.id.0, reach)?;
    Ok(users.map(|words| {
        format!("{} cannot be deleted: it is used by {words}. Give them another lifecycle first.", gone.name)
    }))
}

fn check(rows: &Rows<'_>, space: Id<Space>, fields: &Fields, this: Option<&Lifecycle>) -> Result<Fields> {
    let mut wrong = Wrong::new();
    let given = (fields.name.as_str(), fields.description.as_str());
    let (name, description) = NAMES.check(rows, &mut wrong, space.0, given, this.map(|one| one.id.0))?;
    let present = this.map(|this| (this.id.0, this.slug.as_str()));
    let slug = NAMES.slug(rows, &mut wrong, space.0, (&fields.slug, &name), present)?;
    let known = environments::in_order(rows, space)?;
    let mut phases = fields.phases.clone();
    if phases.len() > 100 {
        wrong.add("Phases", "A lifecycle has at most 100 phases.");
    }
    let (mut taken, mut placed): (Vec<String>, Vec<Id<Environment>>) = (Vec::new(), Vec::new());
    let mut seen: Vec<Id<PhaseKind>> = Vec::new();
    for (number, phase) in phases.iter_mut().enumerate() {
        let at = format!("Phases[{number}]");
        phase.name = wrong.check(&format!("{at}.Name"), names::name(&phase.name, 200)).unwrap_or_default();
        if !phase.name.is_empty() && taken.contains(&names::key(&phase.name)) {
            wrong.add(
                &format!("{at}.Name"),
                format!("There is a phase called “{}” already. Choose another name.", phase.name),
            );
        }
        taken.push(names::key(&phase.name));
        // Phases of a new lifecycle are all new, also when it is sent as another was read.
        phase.id = phase.id.filter(|_| this.is_some());
        if let (Some(id), Some(this)) = (phase.id, this) {
            if !this.phases.iter().any(|old| old.id == id) {
                wrong
                    .add(&format!("{at}.Id"), format!("{} has no phase {id}. Leave it empty: a new phase.", this.name));
            } else if seen.contains(&id) {
                wrong.add(&format!("{at}.Id"), format!("{id} stands here twice. Leave one empty: a new phase."));
            }
            seen.push(id);
        }
        let count = phase.automatic.len() + phase.optional.len();
        for (field, list) in
            [("AutomaticDeploymentTargets", &phase.automatic), ("OptionalDeploymentTargets", &phase.optional)]
        {
            for id in list {
                match known.iter().find(|one| one.id == *id) {
                    None => wrong.add(&format!("{at}.{field}"), format!("There is no environment {id} in this space.")),
                    Some(one) if placed.contains(id) => wrong.add(
                        &format!("{at}.{field}"),
                        format!("{} is in a phase already. An environment belongs to one phase only.", one.name),
                    ),
                    Some(_) => placed.push(*id),
                }
            }
        }
        if phase.minimum < 0 {
            wrong.add(
                &format!("{at}.MinimumEnvironmentsBeforePromotion"),
                "Give 0 for all, or a number of environments.",
            );
        } else if count > 0 && phase.minimum > count as i64 {
            wrong.add(
                &format!("{at}.MinimumEnvironmentsBeforePromotion"),
                format!(
                    "The phase has {count} environment{}; give 0 for all, or at most {count}.",
                    if count == 1 { "" } else { "s" }
                ),
            );
        }
    }
    wrong.finish()?;
    let kept = |asked: Option<Retention>, present: fn(&Lifecycle) -> Retention| asked.or(this.map(present));
    Ok(Fields {
        name,
        slug,
        description,
        release_retention: kept(fields.release_retention, |this| this.release_retention),
        tentacle_retention: kept(fields.tentacle_retention, |this| this.tentacle_retention),
        phases,
    })
}

/// The phases that releases of a project pass, over the environments of its space.
pub(in crate::company) fn phases_for(rows: &Rows<'_>, project: &Project) -> Result<Vec<PhaseView>> {
    let lifecycle = sql::by_id(rows, project.lifecycle)?;
    Ok(promotion::phases_of(&lifecycle, &environments::in_order(rows, project.space)?))
}

/// The phases that releases of a project pass, with those of their environments that the visitor may see.
pub fn of_project(granted: &Granted<'_, ProjectView>) -> Result<Vec<PhaseView>> {
    let at = &granted.what().project;
    let reach = granted.reach_of::<EnvironmentView>(at.space_id());
    granted.read(|rows| {
        let mut phases = phases_for(rows, &projects::by_id(rows, at.id())?)?;
        promotion::hide(&mut phases, &sql::visible(rows, at.space_id(), &reach)?);
        Ok(phases)
    })
}

/// The environments of a space within a reach.
pub(in crate::company) fn visible(rows: &Rows<'_>, space: i64, reach: &Reach) -> Result<Vec<Id<Environment>>> {
    sql::visible(rows, space, reach)
}

/// In which environments tenants are connected to a project, by tenant.
pub(in crate::company) fn connected(
    rows: &Rows<'_>,
    project: Id<ProjectKind>,
) -> Result<BTreeMap<i64, Vec<Id<Environment>>>> {
    Ok(sql::connected(rows, project)?.into_iter().map(|(tenant, one)| (tenant, one.environments)).collect())
}

#[cfg(test)]
mod tests;
