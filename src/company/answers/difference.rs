//! What if: the exact difference between two states of a company's access, person by person. Pure.

use super::shape::Shape;
use crate::{
    base::clock::Moment,
    company::access::{
        census::{Census, Somebody},
        permissions::{CATALOGUE, Info},
    },
};
use std::collections::{BTreeMap, HashMap};

/// A right that somebody gains or loses.
#[derive(Debug, Clone)]
pub struct Change {
    /// Who, by number.
    pub user: i64,
    /// What.
    pub permission: &'static Info,
    /// In which space; `None`: in the company as a whole.
    pub space: Option<i64>,
    /// Gained; else lost.
    pub gained: bool,
    /// Where and when.
    pub at: Shape,
}

impl Change {
    fn key(&self) -> usize {
        self.permission.key
    }
}

/// By permission and space, where it holds.
type Rights = BTreeMap<(usize, Option<i64>), Vec<Shape>>;

/// What everybody gains and loses between two states, those who come and go included. What has ended at this moment
/// counts for nothing; a right that lasts longer than before is gained from its old end on.
pub fn difference(before: &Census, after: &Census, now: Moment) -> Vec<Change> {
    let nobody = |id: i64, like: &Somebody| Somebody { id, teams: Vec::new(), ..like.clone() };
    let mut known: HashMap<(&[i64], &[i64]), Vec<Change>> = HashMap::new();
    let mut changes = Vec::new();
    let mut ids: Vec<i64> = before.people.keys().chain(after.people.keys()).copied().collect();
    ids.sort_unstable();
    ids.dedup();
    let moved = before.groups != after.groups;
    let same: Vec<i64> = after
        .teams
        .keys()
        .chain(before.teams.keys())
        .copied()
        .filter(|team| !moved && grants_of(before, *team) == grants_of(after, *team))
        .collect();
    let pairs: Vec<(i64, Somebody, Somebody)> = ids
        .into_iter()
        .filter_map(|id| {
            let (old, new) = (before.people.get(&id), after.people.get(&id));
            let either = old.or(new)?;
            Some((
                id,
                old.cloned().unwrap_or_else(|| nobody(id, either)),
                new.cloned().unwrap_or_else(|| nobody(id, either)),
            ))
        })
        .collect();
    for (id, old, new) in &pairs {
        if old.teams == new.teams && old.teams.iter().all(|team| same.contains(team) || !has_team(before, after, *team))
        {
            continue;
        }
        // Whoever is in the same teams gains and loses the same.
        let found = known
            .entry((&old.teams, &new.teams))
            .or_insert_with(|| compare(&rights(before, old, now), &rights(after, new, now)));
        changes.extend(found.iter().map(|change| Change { user: *id, ..change.clone() }));
    }
    changes
}

fn has_team(before: &Census, after: &Census, team: i64) -> bool {
    before.teams.contains_key(&team) || after.teams.contains_key(&team)
}

fn grants_of(census: &Census, team: i64) -> Vec<(&crate::company::access::policy::Grant, Vec<usize>)> {
    census.teams.get(&team).map(|team| team.grants.parts().collect()).unwrap_or_default()
}

fn rights(census: &Census, one: &Somebody, now: Moment) -> Rights {
    let mut rights = Rights::new();
    for team in census.rights_of(one) {
        for (grant, keys) in team.grants.parts().filter(|(grant, _)| grant.until.is_none_or(|until| until > now)) {
            for info in keys.iter().filter_map(|key| CATALOGUE.get(*key)) {
                let shape = Shape::of(grant, info, &census.groups);
                let shapes = rights.entry((info.key, grant.space)).or_default();
                if !shapes.contains(&shape) {
                    shapes.push(shape);
                }
            }
        }
    }
    rights
}

fn compare(before: &Rights, after: &Rights) -> Vec<Change> {
    let mut changes = Vec::new();
    for (gained, from, to) in [(true, before, after), (false, after, before)] {
        for ((key, space), shapes) in to {
            let Some(permission) = CATALOGUE.get(*key) else { continue };
            let had = from.get(&(*key, *space)).map_or(&[][..], Vec::as_slice);
            let left = shapes.iter().flat_map(|shape| beyond(permission, shape, had));
            let mut told: Vec<Shape> = Vec::new();
            for at in left {
                if !told.iter().any(|other| other.holds(&at)) {
                    told.retain(|other| !at.holds(other));
                    told.push(at);
                }
            }
            changes.extend(told.into_iter().map(|at| Change { user: 0, permission, space: *space, gained, at }));
        }
    }
    changes.sort_by_key(|change| (!change.gained, change.space, change.key()));
    changes
}

/// What of a shape is in none of the others.
fn beyond(info: &Info, shape: &Shape, others: &[Shape]) -> Vec<Shape> {
    if others.contains(shape) {
        return Vec::new();
    }
    let mut left = vec![shape.clone()];
    for other in others {
        left = left.iter().flat_map(|piece| piece.without(other)).collect();
        if left.is_empty() {
            break;
        }
    }
    // A thing in two environments is changed only by who holds both in one grant; each in a grant of its own is less.
    if left.is_empty() && takes_several(info) && !others.iter().any(|other| other.holds(shape)) {
        left.push(shape.clone());
    }
    left
}

/// Whether what it changes can be in several environments or belong to several tenants (`access-rules §4`).
fn takes_several(info: &Info) -> bool {
    info.change && ["Account", "Certificate", "Machine"].iter().any(|kind| info.name.starts_with(kind))
}
