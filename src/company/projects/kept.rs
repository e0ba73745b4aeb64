//! Steps as they lie in the file. The tags that an action is limited to are written `Set/Tag`, and kept by their ids:
//! a step, a release and a snapshot follow a tag that is renamed, and a set. Environments and channels are ids already.

use super::{Project, step::Step};
use crate::{
    base::{
        error::Result,
        ids::{Channel, Environment, Id, Space, Tag},
        names,
    },
    company::access::Rows,
};
use std::collections::{BTreeMap, BTreeSet};

/// The tags of a space: id and `Set/Tag`.
struct Tags(Vec<(Id<Tag>, String)>);

impl Tags {
    /// Those of the space, where a step names any.
    fn for_steps(rows: &Rows<'_>, space: Id<Space>, steps: &[Step]) -> Result<Tags> {
        let none = steps.iter().flat_map(|step| &step.actions).all(|action| action.tenant_tags.is_empty());
        Ok(Tags(if none { Vec::new() } else { sql::tags(rows, space)? }))
    }

    /// The tag of this id or name.
    fn find(&self, text: &str) -> Option<&(Id<Tag>, String)> {
        match Id::<Tag>::parse(text) {
            Some(id) => self.0.iter().find(|(tag, _)| *tag == id),
            None => {
                let key = names::key(text);
                self.0.iter().find(|(_, name)| names::key(name) == key)
            }
        }
    }
}

/// Writes every tag of the steps as `spelt` says; what is no tag stays as it is.
fn spell(tags: &Tags, steps: &mut [Step], spelt: impl Fn(&(Id<Tag>, String)) -> String) {
    for tag in steps.iter_mut().flat_map(|step| &mut step.actions).flat_map(|action| &mut action.tenant_tags) {
        if let Some(found) = tags.find(tag) {
            *tag = spelt(found);
        }
    }
}

/// Steps as they lie in the file, as people read them.
pub(in crate::company) fn read(rows: &Rows<'_>, space: Id<Space>, json: &str) -> Result<Vec<Step>> {
    let mut steps: Vec<Step> = serde_json::from_str(json)?;
    spell(&Tags::for_steps(rows, space, &steps)?, &mut steps, |(_, name)| name.clone());
    Ok(steps)
}

/// Steps as people read them, as they lie in the file.
pub(in crate::company) fn write(rows: &Rows<'_>, space: Id<Space>, steps: &[Step]) -> Result<String> {
    let tags = Tags::for_steps(rows, space, steps)?;
    let mut steps = steps.to_vec();
    spell(&tags, &mut steps, |(id, _)| id.to_string());
    Ok(serde_json::to_string(&steps)?)
}

/// Steps as they were sent, each thing that they name in one spelling.
pub(super) fn spelt(rows: &Rows<'_>, space: Id<Space>, mut steps: Vec<Step>) -> Result<Vec<Step>> {
    fn one<T: crate::base::ids::Kind>(texts: &mut [String]) {
        for text in texts {
            if let Some(id) = Id::<T>::parse(text) {
                *text = id.to_string();
            }
        }
    }
    spell(&Tags::for_steps(rows, space, &steps)?, &mut steps, |(_, name)| name.clone());
    for action in steps.iter_mut().flat_map(|step| &mut step.actions) {
        one::<Environment>(&mut action.environments);
        one::<Environment>(&mut action.excluded_environments);
        one::<Channel>(&mut action.channels);
    }
    Ok(steps)
}

/// Puts other channels in the place of those that actions are limited to: a copy of a project has its own.
pub(super) fn rename_channels(steps: &mut [Step], channels: &[(Id<Channel>, Id<Channel>)]) {
    for channel in steps.iter_mut().flat_map(|step| &mut step.actions).flat_map(|action| &mut action.channels) {
        let of = Id::<Channel>::parse(channel);
        if let Some((_, new)) = channels.iter().find(|(old, _)| Some(*old) == of) {
            *channel = new.to_string();
        }
    }
}

/// Why actions of frozen steps cannot be told where they run: what they are limited to is gone. By the action's id, as a
/// sentence. Whether the action is switched off or left out is for the plan to say.
pub(in crate::company) fn gone(rows: &Rows<'_>, project: &Project, steps: &[Step]) -> Result<BTreeMap<String, String>> {
    let tags = Tags::for_steps(rows, project.space, steps)?;
    let (environments, channels) = (sql::environments(rows, project.space)?, sql::channels(rows, project)?);
    let mut gone = BTreeMap::new();
    for (step, action) in steps.iter().flat_map(|step| step.actions.iter().map(move |action| (step, action))) {
        let places = action.environments.iter().chain(&action.excluded_environments);
        let lost = |there: &BTreeSet<i64>, id: Option<i64>| !id.is_some_and(|id| there.contains(&id));
        let place = places.filter(|text| lost(&environments, Id::<Environment>::parse(text).map(|id| id.0)));
        let channel = action.channels.iter().filter(|text| lost(&channels, Id::<Channel>::parse(text).map(|id| id.0)));
        let tag = action.tenant_tags.iter().filter(|text| tags.find(text).is_none());
        let lost = place.map(|text| ("environment", text)).chain(channel.map(|text| ("channel", text)));
        if let Some((word, text)) = lost.chain(tag.map(|text| ("tag", text))).next() {
            let name = if action.name.is_empty() { &step.name } else { &action.name };
            gone.insert(
                action.id.clone(),
                format!("The step {name} is limited to the {word} {text}, which is not there any more. Change the step first."),
            );
        }
    }
    Ok(gone)
}

mod sql {
    use super::*;

    pub fn tags(rows: &Rows<'_>, space: Id<Space>) -> Result<Vec<(Id<Tag>, String)>> {
        let sql = "SELECT t.id, s.name || '/' || t.name FROM tags t JOIN tag_sets s ON s.id = t.tag_set_id
                   WHERE s.space_id = ?1 ORDER BY t.id";
        rows.all(sql, [space], |row| Ok((row.get(0)?, row.get(1)?)))
    }

    pub fn environments(rows: &Rows<'_>, space: Id<Space>) -> Result<BTreeSet<i64>> {
        let all: Vec<i64> = rows.all("SELECT id FROM environments WHERE space_id = ?1", [space], |row| row.get(0))?;
        Ok(all.into_iter().collect())
    }

    pub fn channels(rows: &Rows<'_>, project: &Project) -> Result<BTreeSet<i64>> {
        let all: Vec<i64> =
            rows.all("SELECT id FROM channels WHERE project_id = ?1", [project.id], |row| row.get(0))?;
        Ok(all.into_iter().collect())
    }
}
