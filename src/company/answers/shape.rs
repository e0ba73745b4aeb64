//! Where a right holds, as something that can be compared: one set for each dimension, and a span of time. Pure.
//!
//! Project groups and projects are one dimension (`access-rules §3`): a group stands in it for the projects that will be
//! in it, beside those that are in it now.

use crate::{
    base::clock::Moment,
    company::access::{
        permissions::Info,
        policy::{Dimension, Grant, Limit},
    },
};
use std::collections::{BTreeSet, HashMap};

/// Ids of one dimension.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Set {
    /// All but these, those to come included; none at all: no restriction.
    But(BTreeSet<i64>),
    /// Only these.
    Only(BTreeSet<i64>),
}

/// In the set of a dimension, work that has no value there: an untenanted deployment.
pub const NOTHING: i64 = 0;

impl Set {
    /// No restriction.
    pub fn all() -> Set {
        Set::But(BTreeSet::new())
    }
    /// Whether there is no restriction.
    pub fn is_all(&self) -> bool {
        matches!(self, Set::But(out) if out.is_empty())
    }
    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        matches!(self, Set::Only(ids) if ids.is_empty())
    }
    /// Whether this is in it.
    pub fn has(&self, id: i64) -> bool {
        match self {
            Set::But(out) => !out.contains(&id),
            Set::Only(ids) => ids.contains(&id),
        }
    }
    fn both(&self, other: &Set) -> Set {
        match (self, other) {
            (Set::But(a), Set::But(b)) => Set::But(a | b),
            (Set::But(out), Set::Only(ids)) | (Set::Only(ids), Set::But(out)) => Set::Only(ids - out),
            (Set::Only(a), Set::Only(b)) => Set::Only(a & b),
        }
    }
    fn without(&self, other: &Set) -> Set {
        match other {
            Set::But(out) => self.both(&Set::Only(out.clone())),
            Set::Only(ids) => self.both(&Set::But(ids.clone())),
        }
    }
}

/// Where and when a right holds in its space.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shape {
    /// One set for each of [`SIDES`]. What the permission does not honour is unrestricted.
    pub sides: [Set; SIDES.len()],
    /// From when on; `None`: now.
    pub from: Option<Moment>,
    /// Until when; `None`: for good.
    pub until: Option<Moment>,
}

/// The dimensions of a shape. Projects stand for project groups too: a group is in that set with its number below zero.
pub const SIDES: [Dimension; 4] = [Dimension::Project, Dimension::Environment, Dimension::Tenant, Dimension::Runbook];

impl Shape {
    /// The shape of a grant for one of its permissions; `groups` tells which projects lie in which group now.
    pub fn of(grant: &Grant, info: &Info, groups: &HashMap<i64, Vec<i64>>) -> Shape {
        let limited = |limit: &Limit, none: bool| match limit.ids() {
            None => Set::all(),
            Some(ids) => Set::Only(ids.into_iter().chain(none.then_some(NOTHING)).collect()),
        };
        let side = |dimension: Dimension| match dimension {
            Dimension::Project if info.projects => projects(grant, groups),
            Dimension::Project if info.groups => match grant.groups.ids() {
                None => Set::all(),
                Some(ids) => Set::Only(ids.into_iter().map(|id| -id).collect()),
            },
            Dimension::Environment if info.environments => limited(&grant.environments, false),
            Dimension::Tenant if info.tenants => limited(&grant.tenants, !info.explicit),
            Dimension::Runbook if info.runbooks => limited(&grant.runbooks, false),
            _ => Set::all(),
        };
        Shape { sides: SIDES.map(side), from: None, until: grant.until }
    }

    /// The set of a dimension.
    pub fn side(&self, dimension: Dimension) -> &Set {
        let at = SIDES.iter().position(|side| *side == dimension).unwrap_or(0);
        &self.sides[at]
    }

    /// What is left of this when what is in the other is taken away: shapes that do not overlap.
    pub fn without(&self, other: &Shape) -> Vec<Shape> {
        let common: Vec<Set> = self.sides.iter().zip(&other.sides).map(|(a, b)| a.both(b)).collect();
        let apart =
            common.iter().any(Set::is_empty) || !later(self.until, other.from) || !later(other.until, self.from);
        if apart {
            return vec![self.clone()];
        }
        let mut left = Vec::new();
        let mut rest = self.clone();
        for (at, common) in common.into_iter().enumerate() {
            let outside = rest.sides[at].without(&other.sides[at]);
            if !outside.is_empty() {
                let mut piece = rest.clone();
                piece.sides[at] = outside;
                left.push(piece);
            }
            rest.sides[at] = common;
        }
        if other.from.is_some() && other.from > rest.from {
            left.push(Shape { until: other.from, ..rest.clone() });
        }
        if let Some(end) = other.until
            && later(rest.until, Some(end))
        {
            left.push(Shape { from: Some(end), ..rest });
        }
        left
    }

    /// Whether all of the other is in this one.
    pub fn holds(&self, other: &Shape) -> bool {
        other.without(self).is_empty()
    }
}

/// Whether an end (`None`: never) comes after a moment (`None`: now).
fn later(end: Option<Moment>, than: Option<Moment>) -> bool {
    match (end, than) {
        (None, _) | (Some(_), None) => true,
        (Some(end), Some(than)) => end > than,
    }
}

fn projects(grant: &Grant, groups: &HashMap<i64, Vec<i64>>) -> Set {
    if grant.projects.is_all() && grant.groups.is_all() {
        return Set::all();
    }
    let mut ids: BTreeSet<i64> = grant.projects.ids().unwrap_or_default().into_iter().collect();
    for group in grant.groups.ids().unwrap_or_default() {
        ids.insert(-group);
        ids.extend(groups.get(&group).into_iter().flatten());
    }
    Set::Only(ids)
}
