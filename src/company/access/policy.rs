//! The decision: grants and a question give an answer and its reason (`access-rules §3`). Pure; knows no company, no
//! file and no clock but the moment it is given.

mod limit;

pub use limit::Limit;

use super::permissions::{Held, Info};
use crate::base::{
    clock::Moment,
    ids::{Id, Space, Tenant},
};
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
    /// Runbooks.
    Runbook,
}

impl Dimension {
    /// All five, in the order they are shown.
    pub const ALL: [Dimension; 5] =
        [Dimension::Group, Dimension::Project, Dimension::Environment, Dimension::Tenant, Dimension::Runbook];
    /// Its word in the database.
    pub fn word(self) -> &'static str {
        match self {
            Dimension::Group => "group",
            Dimension::Project => "project",
            Dimension::Environment => "environment",
            Dimension::Tenant => "tenant",
            Dimension::Runbook => "runbook",
        }
    }
    /// On the wire: the name of its list, the prefix of the ids in it; and what a person calls one.
    pub fn wire(self) -> (&'static str, &'static str, &'static str) {
        use crate::base::ids::{Environment, Kind, Project, ProjectGroup, Runbook, Tenant};
        match self {
            Dimension::Group => ("ProjectGroupIds", ProjectGroup::PREFIX, ProjectGroup::WORD),
            Dimension::Project => ("ProjectIds", Project::PREFIX, Project::WORD),
            Dimension::Environment => ("EnvironmentIds", Environment::PREFIX, Environment::WORD),
            Dimension::Tenant => ("TenantIds", Tenant::PREFIX, Tenant::WORD),
            Dimension::Runbook => ("RunbookIds", Runbook::PREFIX, Runbook::WORD),
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
    /// Runbooks. [`Ids::None`] for what could be of a runbook and is not: a deployment's task, an event about a project,
    /// a runbook that is yet to be made. It fails a restriction, as for projects and environments. [`Ids::Any`] where
    /// runbooks are beside the point (a health check), and for "anywhere?".
    pub runbooks: Ids,
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
            runbooks: Ids::Any,
            all,
            company: 0,
            void: false,
        }
    }
}

/// One role on one team, ready to be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// Restriction to runbooks: of what is about runbooks, only what is about these. It restricts nothing else.
    pub runbooks: Limit,
    /// When it ends.
    pub until: Option<Moment>,
    /// Of the project groups and projects above, only what is in these too: what a narrowed key leaves of them.
    pub within: Option<Box<Within>>,
}

impl Grant {
    /// Outside all spaces, without a limit or an end, of no team: what other grants are made from.
    pub const EVERYWHERE: Grant = Grant {
        team: 0,
        role: 0,
        space: None,
        groups: Limit::All,
        projects: Limit::All,
        environments: Limit::All,
        tenants: Limit::All,
        runbooks: Limit::All,
        until: None,
        within: None,
    };
}

/// A second restriction to project groups and projects, which counts beside the first. Two of them cannot be made into
/// one: what is in a group is known only when the question is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Within {
    /// Project groups.
    pub groups: Limit,
    /// Projects.
    pub projects: Limit,
}

/// All grants of one actor, sorted by permission.
#[derive(Debug, Clone, Default)]
pub struct Grants {
    grants: Vec<Grant>,
    customer_of: Box<[(Id<Tenant>, Id<Space>)]>,
    by_permission: Vec<Vec<u32>>,
    near: Near,
    /// Where the uses of whoever holds them are noted.
    used: Option<Arc<super::uses::Used>>,
    emergencies: Vec<Emergency>,
}

/// An emergency under way: somebody uses a team for emergencies. What its roles allow is among the grants, until then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Emergency {
    /// Its number.
    pub id: i64,
    /// The team.
    pub team: i64,
    /// The team's name.
    pub name: String,
    /// When it ends by itself.
    pub until: Moment,
}

/// Which grants can concern a project at all, one bit a grant, so that most need not be looked at. It only leaves out;
/// what it leaves in is decided by [`covers`].
#[derive(Debug, Clone, Default)]
struct Near {
    /// So many words hold one bit for every grant.
    words: usize,
    /// The grants of each permission.
    of_permission: Vec<u64>,
    /// The grants that list each project, and those of `anywhere`.
    of_project: Vec<u64>,
    /// The grants that reach further than a list of projects.
    anywhere: Vec<u64>,
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
    /// The owner of the API key may, but the key holds less than its owner.
    Narrowed,
    /// It would be given to others, and is more than the visitor holds.
    NotYours,
    /// Somebody holds it whose way in would be changed, and the visitor does not.
    Stronger,
}

impl Reason {
    /// How near a grant came that was refused for this: the dimensions are looked at in this order.
    pub fn nearness(self) -> u8 {
        match self {
            Reason::NotHeld | Reason::NotYours | Reason::Stronger | Reason::Narrowed => 0,
            Reason::Outside(Dimension::Group | Dimension::Project) => 1,
            Reason::Outside(Dimension::Environment) => 2,
            Reason::Outside(Dimension::Tenant) => 3,
            Reason::Outside(Dimension::Runbook) => 4,
            Reason::Ended => 5,
        }
    }
    /// The reason in words.
    pub fn words(self) -> &'static str {
        match self {
            Reason::NotHeld => "none of your teams' roles contains it here",
            Reason::Outside(Dimension::Group) => "your roles that contain it are limited to other project groups",
            Reason::Outside(Dimension::Project) => "your roles that contain it are limited to other projects",
            Reason::Outside(Dimension::Environment) => "your roles that contain it are limited to other environments",
            Reason::Outside(Dimension::Tenant) => "your roles that contain it are limited to other tenants",
            Reason::Outside(Dimension::Runbook) => "your roles that contain it are limited to other runbooks",
            Reason::NotYours => "nobody can give what they do not hold themselves, in as many places and for as long",
            Reason::Stronger => {
                "this account holds it and you do not: whoever decides how somebody signs in could sign in as them. Ask somebody who holds all that they do, or an administrator"
            }
            Reason::Ended => "your role that contained it has ended",
            Reason::Narrowed => "you may, but the API key you came with is narrowed and leaves it out",
        }
    }
}

impl Grants {
    /// Sorts grants by the permissions that each carries (by their key in the catalogue).
    pub fn new(grants: Vec<(Grant, Vec<usize>)>) -> Grants {
        let mut all = Grants {
            grants: Vec::with_capacity(grants.len()),
            by_permission: vec![Vec::new(); super::permissions::COUNT],
            near: Near::default(),
            customer_of: Box::default(),
            emergencies: Vec::new(),
            used: None,
        };
        for (grant, permissions) in grants {
            let number = all.grants.len() as u32;
            all.grants.push(grant);
            for key in permissions {
                all.by_permission[key].push(number);
            }
        }
        all.near = Near::new(&all.grants, &all.by_permission);
        all
    }

    /// The same, of somebody who is among these tenants' own people and nothing else. It decides nothing here.
    pub(super) fn of_customer(self, tenants: Vec<(Id<Tenant>, Id<Space>)>) -> Grants {
        Grants { customer_of: tenants.into(), ..self }
    }
    /// As given to [`Grants::of_customer`].
    pub(super) fn customer_of(&self) -> &[(Id<Tenant>, Id<Space>)] {
        &self.customer_of
    }
    /// The same grants, whose uses are noted here.
    pub(super) fn noting(self, used: Option<Arc<super::uses::Used>>) -> Grants {
        Grants { used, ..self }
    }
    /// Where uses are noted.
    pub(super) fn used(&self) -> Option<&Arc<super::uses::Used>> {
        self.used.as_ref()
    }

    /// With the emergencies that some of the grants come from.
    pub(super) fn in_emergencies(self, emergencies: Vec<Emergency>) -> Grants {
        Grants { emergencies, ..self }
    }

    /// The emergencies that last at this moment.
    pub fn emergencies(&self, now: Moment) -> impl Iterator<Item = &Emergency> {
        self.emergencies.iter().filter(move |one| one.until > now)
    }

    /// Whether any of them ends by itself, sooner or later.
    pub fn any_ends(&self) -> bool {
        !self.emergencies.is_empty() || self.grants.iter().any(|grant| grant.until.is_some())
    }
    /// Every grant with the keys of the permissions it carries.
    pub fn parts(&self) -> impl Iterator<Item = (&Grant, Vec<usize>)> {
        let mut carried = vec![Vec::new(); self.grants.len()];
        for (key, numbers) in self.by_permission.iter().enumerate() {
            numbers.iter().for_each(|number| carried[*number as usize].push(key));
        }
        self.grants.iter().zip(carried)
    }

    /// The grants that carry a permission.
    pub fn of(&self, info: &Info) -> impl Iterator<Item = &Grant> {
        self.by_permission.get(info.key).into_iter().flatten().map(|number| &self.grants[*number as usize])
    }

    /// Whether anything at all is held in a space at this moment.
    pub fn anything_in(&self, space: i64, now: Moment) -> bool {
        self.grants.iter().any(|grant| grant.space == Some(space) && grant.until.is_none_or(|until| until > now))
    }

    /// The decision: the first grant that allows, by itself. Grants are never combined (`access-rules §3`).
    #[inline]
    pub fn allows(&self, info: &Info, check: &Check, now: impl Fn() -> Moment + Copy) -> Option<&Grant> {
        let covering = |grant: &&Grant| covers(grant, info, check, now).is_ok();
        match check.projects {
            Ids::One(project) if info.projects => {
                self.near.of(info.key, project).map(|number| &self.grants[number]).find(covering)
            }
            _ => self.of(info).find(covering),
        }
    }

    /// The decision, or the reason of the nearest miss.
    pub fn decide(&self, info: &Info, check: &Check, now: impl Fn() -> Moment + Copy) -> Result<&Grant, Reason> {
        self.allows(info, check, now).ok_or_else(|| self.reason(info, check, now))
    }

    /// Why a question that no grant allows is answered with no: the reason of the nearest miss.
    pub fn reason(&self, info: &Info, check: &Check, now: impl Fn() -> Moment + Copy) -> Reason {
        let misses = self.of(info).filter_map(|grant| covers(grant, info, check, now).err());
        misses.max_by_key(|reason| reason.nearness()).unwrap_or(Reason::NotHeld)
    }
}

impl Near {
    fn new(grants: &[Grant], by_permission: &[Vec<u32>]) -> Near {
        let words = grants.len().div_ceil(64);
        let largest = grants.iter().filter_map(|grant| grant.projects.largest()).max();
        let mut of_permission = vec![0; by_permission.len() * words];
        for (key, numbers) in by_permission.iter().enumerate() {
            numbers.iter().for_each(|number| mark(&mut of_permission[key * words..], *number as usize));
        }
        let mut anywhere = vec![0; words];
        for (number, grant) in grants.iter().enumerate() {
            // A project can lie in any group; and without a list of projects there is nothing to leave out by.
            if grant.projects.is_all() || !grant.groups.is_all() {
                mark(&mut anywhere, number);
            }
        }
        let mut of_project = anywhere.repeat(largest.map_or(0, |id| id + 1));
        for (number, grant) in grants.iter().enumerate() {
            for id in grant.projects.ids().into_iter().flatten() {
                mark(&mut of_project[id as usize * words..], number);
            }
        }
        Near { words, of_permission, of_project, anywhere }
    }

    /// The numbers of the grants that carry a permission and can concern a project, in order.
    fn of(&self, key: usize, project: i64) -> impl Iterator<Item = usize> {
        let row = |table: &'_ [u64], place: usize| -> Option<std::ops::Range<usize>> {
            let start = place.checked_mul(self.words)?;
            let range = start..start.checked_add(self.words)?;
            (range.end <= table.len()).then_some(range)
        };
        let carrying = row(&self.of_permission, key).map_or(&[][..], |range| &self.of_permission[range]);
        let place = usize::try_from(project).ok().and_then(|project| row(&self.of_project, project));
        let concerning = place.map_or(&self.anywhere[..], |range| &self.of_project[range]);
        carrying.iter().zip(concerning).enumerate().flat_map(|(word, (carrying, concerning))| {
            let mut left = carrying & concerning;
            std::iter::from_fn(move || {
                let bit = (left != 0).then(|| left.trailing_zeros() as usize)?;
                left &= left - 1;
                Some(word * 64 + bit)
            })
        })
    }
}

fn mark(bits: &mut [u64], number: usize) {
    bits[number / 64] |= 1 << (number % 64);
}

/// Whether one grant allows the question by itself.
#[inline]
pub fn covers(grant: &Grant, info: &Info, check: &Check, now: impl Fn() -> Moment) -> Result<(), Reason> {
    let place = if matches!(info.held, Held::System | Held::Appliance | Held::Server) { None } else { check.space };
    if grant.space != place {
        return Err(Reason::NotHeld);
    }
    if info.projects {
        // Groups and projects are one dimension here: the allowed projects are those listed and those in a listed group.
        if !project_passes(&grant.groups, &grant.projects, check)
            || !within(grant, |w| project_passes(&w.groups, &w.projects, check))
        {
            return Err(Reason::Outside(Dimension::Project));
        }
    } else if info.groups {
        let inside = |groups: &Limit| passes(groups, &check.groups, check.all, false);
        if !inside(&grant.groups) || !within(grant, |w| inside(&w.groups)) {
            return Err(Reason::Outside(Dimension::Group));
        }
    }
    if info.environments && !passes(&grant.environments, &check.environments, check.all, false) {
        return Err(Reason::Outside(Dimension::Environment));
    }
    if info.tenants && !passes(&grant.tenants, &check.tenants, check.all, !info.explicit) {
        return Err(Reason::Outside(Dimension::Tenant));
    }
    if info.runbooks && !passes(&grant.runbooks, &check.runbooks, check.all, false) {
        return Err(Reason::Outside(Dimension::Runbook));
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
fn within(grant: &Grant, passes: impl Fn(&Within) -> bool) -> bool {
    grant.within.as_deref().is_none_or(passes)
}

#[inline]
fn project_passes(groups: &Limit, projects: &Limit, check: &Check) -> bool {
    let listed = |ids: &Ids, limit: &Limit| !limit.is_all() && passes(limit, ids, check.all, false);
    (projects.is_all() && groups.is_all())
        || matches!(check.projects, Ids::Any)
        || listed(&check.projects, projects)
        || (!matches!(check.groups, Ids::Any) && listed(&check.groups, groups))
}
