//! What if: the exact difference between two states of a company's access, person by person. Pure.

use super::shape::Shape;
use crate::{
    base::clock::Moment,
    company::access::{
        census::Census,
        permissions::{CATALOGUE, Info},
    },
};
use std::collections::{BTreeMap, HashSet};

/// A right that somebody gains or loses.
#[derive(Debug, Clone)]
pub struct Change {
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

/// People who gain and lose the same: they were in the same teams before, and are afterwards.
#[derive(Debug, Clone)]
pub struct Alike {
    /// Who, by number, in order.
    pub users: Vec<i64>,
    /// What, never nothing.
    pub changes: Vec<Change>,
}

/// By permission and space, where it holds.
type Rights = BTreeMap<(usize, Option<i64>), Vec<Shape>>;

/// What everybody gains and loses between two states, those who come and go included, and those who are shut out or let
/// in again. What has ended at this moment counts for nothing; a right that lasts longer than before is gained from its
/// old end on.
pub fn difference(before: &Census, after: &Census, now: Moment) -> Vec<Alike> {
    // The teams that count for somebody; none for who is not there.
    let teams = |census: &Census, id: i64| match census.people.get(&id) {
        Some(one) if !one.is_out => one.teams.clone(),
        _ => Vec::new(),
    };
    let mut ids: Vec<i64> = before.people.keys().chain(after.people.keys()).copied().collect();
    ids.sort_unstable();
    ids.dedup();
    let moved = before.groups != after.groups;
    let same: HashSet<i64> = after
        .teams
        .keys()
        .chain(before.teams.keys())
        .copied()
        .filter(|team| !moved && grants_of(before, *team) == grants_of(after, *team))
        .collect();
    // Whoever is in the same teams gains and loses the same.
    let mut known: BTreeMap<(Vec<i64>, Vec<i64>), Alike> = BTreeMap::new();
    for id in ids {
        let (old, new) = (teams(before, id), teams(after, id));
        if old == new && old.iter().all(|team| same.contains(team) || !has_team(before, after, *team)) {
            continue;
        }
        let alike = known.entry((old, new)).or_insert_with_key(|(old, new)| Alike {
            users: Vec::new(),
            changes: compare(&rights(before, old, now), &rights(after, new, now)),
        });
        alike.users.push(id);
    }
    let mut found: Vec<Alike> = known.into_values().filter(|alike| !alike.changes.is_empty()).collect();
    found.sort_by(|a, b| a.users.cmp(&b.users));
    found
}

/// What whoever comes later gains and loses, who is in Everyone and no other team.
pub fn newcomers(before: &Census, after: &Census, now: Moment) -> Vec<Change> {
    let of = |census: &Census| rights(census, census.everyone.as_slice(), now);
    compare(&of(before), &of(after))
}

fn has_team(before: &Census, after: &Census, team: i64) -> bool {
    before.teams.contains_key(&team) || after.teams.contains_key(&team)
}

fn grants_of(census: &Census, team: i64) -> Vec<(&crate::company::access::policy::Grant, Vec<usize>)> {
    census.teams.get(&team).map(|team| team.grants.parts().collect()).unwrap_or_default()
}

fn rights(census: &Census, teams: &[i64], now: Moment) -> Rights {
    let mut rights = Rights::new();
    for team in teams.iter().filter_map(|team| census.teams.get(team)) {
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
            changes.extend(told.into_iter().map(|at| Change { permission, space: *space, gained, at }));
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
