//! The decision: grants and a question give an answer and its reason (`access-rules §3`). Pure; knows no company, no
//! file and no clock but the moment it is given.

use super::permissions::{Held, Info};
use crate::base::clock::Moment;
use std::sync::Arc;

/// A scope dimension.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dimension {
    /// Project groups.
    Group,
    /// Projects.
    Project,
    /// Environments.
    Environment,
    /// Tenants.
    Tenant,
}

impl Dimension {
    /// All four, in the order they are shown.
    pub const ALL: [Dimension; 4] = [Dimension::Group, Dimension::Project, Dimension::Environment, Dimension::Tenant];
    /// Its word in the database.
    pub fn word(self) -> &'static str {
        match self {
            Dimension::Group => "group",
            Dimension::Project => "project",
            Dimension::Environment => "environment",
            Dimension::Tenant => "tenant",
        }
    }
}

/// Where the question is asked, for one dimension.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Ids {
    /// "Anywhere?", or beside the point for this thing.
    #[default]
    Any,
    /// The dimension could apply but this thing has no value.
    None,
    /// It belongs to this one.
    One(i64),
    /// It belongs to several.
    Many(Arc<[i64]>),
    /// It is unrestricted and so belongs to all of them, those to come included: anybody may look, and only who is
    /// unrestricted may change it (`access-rules §4`, accounts).
    Every,
}

impl Ids {
    /// From the ids a thing carries: none of them means [`Ids::None`].
    pub fn from_list(ids: Vec<i64>) -> Ids {
        match ids.as_slice() {
            [] => Ids::None,
            [one] => Ids::One(*one),
            _ => Ids::Many(ids.into()),
        }
    }
    /// The first id, if there is one.
    pub fn first(&self) -> Option<i64> {
        match self {
            Ids::One(id) => Some(*id),
            Ids::Many(ids) => ids.first().copied(),
            _ => None,
        }
    }
}

/// A question, worked out: level, space, and where in each dimension.
#[derive(Debug, Clone)]
pub struct Check {
    /// The space asked about; `None` at system level.
    pub space: Option<i64>,
    /// Project groups of the projects concerned.
    pub groups: Ids,
    /// Projects.
    pub projects: Ids,
    /// Environments.
    pub environments: Ids,
    /// Tenants.
    pub tenants: Ids,
    /// A change needs all of several values inside the grant, a look any one of them (`access-rules §4`).
    pub all: bool,
    /// Which company each part belongs to; parts of two companies or two spaces make the question void.
    pub company: u64,
    /// The parts of the question do not belong together.
    pub void: bool,
}

impl Check {
    /// A question about nothing in particular yet.
    pub fn new(all: bool) -> Check {
        Check {
            space: None,
            groups: Ids::Any,
            projects: Ids::Any,
            environments: Ids::Any,
            tenants: Ids::Any,
            all,
            company: 0,
            void: false,
        }
    }
}

/// The ids that one dimension of a grant is restricted to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Limit {
    /// No restriction.
    All,
    /// Only these, one bit each.
    Only(Box<[u64]>),
}

impl Limit {
    /// A restriction to these ids; none of them means no restriction.
    pub fn to(ids: &[i64]) -> Limit {
        let Some(largest) = ids.iter().copied().max() else { return Limit::All };
        let mut bits = vec![0u64; largest.max(0) as usize / 64 + 1];
        for id in ids.iter().filter(|id| **id >= 0) {
            bits[*id as usize / 64] |= 1 << (*id as usize % 64);
        }
        Limit::Only(bits.into())
    }
    /// Whether there is no restriction.
    pub fn is_all(&self) -> bool {
        matches!(self, Limit::All)
    }
    /// Whether this id is inside.
    #[inline]
    pub fn has(&self, id: i64) -> bool {
        match self {
            Limit::All => true,
            Limit::Only(bits) => bits.get(id as usize / 64).is_some_and(|word| word >> (id as usize % 64) & 1 == 1),
        }
    }
    /// The ids inside, in order; `None` when all are.
    pub fn ids(&self) -> Option<Vec<i64>> {
        let Limit::Only(bits) = self else { return None };
        let of_word = |(n, word): (usize, &u64)| {
            let word = *word;
            (0..64).filter(move |bit| word >> bit & 1 == 1).map(move |bit| (n * 64 + bit) as i64)
        };
        Some(bits.iter().enumerate().flat_map(of_word).collect())
    }
}

/// One role on one team, ready to be asked.
#[derive(Debug, Clone)]
pub struct Grant {
    /// The team it comes from; 0 for the server's own actors.
    pub team: i64,
    /// The role it comes from.
    pub role: i64,
    /// The space it holds in; `None` at system level.
    pub space: Option<i64>,
    /// Restriction to project groups.
    pub groups: Limit,
    /// Restriction to projects.
    pub projects: Limit,
    /// Restriction to environments.
    pub environments: Limit,
    /// Restriction to tenants.
    pub tenants: Limit,
    /// When it ends.
    pub until: Option<Moment>,
}

/// All grants of one actor, sorted by permission.
#[derive(Debug, Clone, Default)]
pub struct Grants {
    grants: Vec<Grant>,
    by_permission: Vec<Vec<u32>>,
}

/// Why a question was answered with no.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// No grant holds the permission at this level or in this space.
    NotHeld,
    /// The nearest grant is restricted in this dimension.
    Outside(Dimension),
    /// The nearest grant has ended.
    Ended,
}

impl Reason {
    /// The reason in words.
    pub fn words(self) -> &'static str {
        match self {
            Reason::NotHeld => "none of your teams' roles contains it here",
            Reason::Outside(Dimension::Group) => "your roles that contain it are limited to other project groups",
            Reason::Outside(Dimension::Project) => "your roles that contain it are limited to other projects",
            Reason::Outside(Dimension::Environment) => "your roles that contain it are limited to other environments",
            Reason::Outside(Dimension::Tenant) => "your roles that contain it are limited to other tenants",
            Reason::Ended => "your role that contained it has ended",
        }
    }
}

impl Grants {
    /// Sorts grants by the permissions that each carries (by their key in the catalogue).
    pub fn new(grants: Vec<(Grant, Vec<usize>)>) -> Grants {
        let mut all = Grants {
            grants: Vec::with_capacity(grants.len()),
            by_permission: vec![Vec::new(); super::permissions::COUNT],
        };
        for (grant, permissions) in grants {
            let number = all.grants.len() as u32;
            all.grants.push(grant);
            for key in permissions {
                all.by_permission[key].push(number);
            }
        }
        all
    }

    /// The grants that carry a permission.
    pub fn of(&self, info: &Info) -> impl Iterator<Item = &Grant> {
        self.by_permission.get(info.key).into_iter().flatten().map(|number| &self.grants[*number as usize])
    }

    /// Whether anything at all is held in a space at this moment.
    pub fn anything_in(&self, space: i64, now: Moment) -> bool {
        self.grants.iter().any(|grant| grant.space == Some(space) && grant.until.is_none_or(|until| until > now))
    }

    /// The decision: the first grant that allows, by itself, or the reason of the nearest miss. Grants are never
    /// combined (`access-rules §3`).
    pub fn decide(&self, info: &Info, check: &Check, now: impl Fn() -> Moment + Copy) -> Result<&Grant, Reason> {
        let mut nearest = Reason::NotHeld;
        for grant in self.of(info) {
            match covers(grant, info, check, now) {
                Ok(()) => return Ok(grant),
                Err(reason) if reason != Reason::NotHeld => nearest = reason,
                Err(_) => {}
            }
        }
        Err(nearest)
    }
}

/// Whether one grant allows the question by itself.
#[inline]
pub fn covers(grant: &Grant, info: &Info, check: &Check, now: impl Fn() -> Moment) -> Result<(), Reason> {
    let place = if matches!(info.held, Held::System | Held::Server) { None } else { check.space };
    if grant.space != place {
        return Err(Reason::NotHeld);
    }
    if info.projects {
        // Groups and projects are one dimension here: the allowed projects are those listed and those in a listed group.
        let unlimited = grant.projects.is_all() && grant.groups.is_all();
        if !unlimited && !project_passes(grant, check) {
            return Err(Reason::Outside(Dimension::Project));
        }
    } else if info.groups && !passes(&grant.groups, &check.groups, check.all, false) {
        return Err(Reason::Outside(Dimension::Group));
    }
    if info.environments && !passes(&grant.environments, &check.environments, check.all, false) {
        return Err(Reason::Outside(Dimension::Environment));
    }
    if info.tenants && !passes(&grant.tenants, &check.tenants, check.all, !info.explicit) {
        return Err(Reason::Outside(Dimension::Tenant));
    }
    if grant.until.is_some_and(|until| until <= now()) {
        return Err(Reason::Ended);
    }
    Ok(())
}

#[inline]
fn passes(limit: &Limit, asked: &Ids, all: bool, none_passes: bool) -> bool {
    match (limit, asked) {
        (Limit::All, _) | (_, Ids::Any) => true,
        (_, Ids::None) => none_passes,
        (_, Ids::Every) => !all,
        (limit, Ids::One(id)) => limit.has(*id),
        (limit, Ids::Many(ids)) if all => ids.iter().all(|id| limit.has(*id)),
        (limit, Ids::Many(ids)) => ids.iter().any(|id| limit.has(*id)),
    }
}

#[inline]
fn project_passes(grant: &Grant, check: &Check) -> bool {
    let listed = |ids: &Ids, limit: &Limit| !limit.is_all() && passes(limit, ids, check.all, false);
    matches!(check.projects, Ids::Any) || listed(&check.projects, &grant.projects) || {
        !matches!(check.groups, Ids::Any) && listed(&check.groups, &grant.groups)
    }
}
