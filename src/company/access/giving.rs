//! Whether one may give what is about to be given: nobody gives what they do not hold, whether by a role, a team, an
//! invitation or a space's managers (`access-rules §5, §9`). Rights to spaces count like those to the company. This is the
//! one place that decides it.
//!
//! - One holds a gift when one's own grants cover it: each permission, wherever the gift reaches, for as long as it lasts.
//!   A gift for two projects may be covered by two grants; within one place one grant has to cover it by itself.
//! - Who holds full administration, and not only for a while, may give anything: somebody has to be able to begin, in a new space and with a
//!   permission that a later version brought. So may the operator, who gives back what was lost.
//! - Who decides how somebody comes in (a new password, an e-mail address, lost factors, a link) could come in as them, so
//!   that takes all that they hold, too.
//! - A narrowed API key gives what it holds itself, not what its owner does.

use super::{
    grants::{Carried, Whose, load},
    permissions::{AdministerSystem, CATALOGUE, Info, Permission},
    policy::{Check, Grant, Grants, Limit, Reason},
    rows::Rows,
    visitor::{ActorKind, Visitor},
};
use crate::base::{
    clock::{self, Moment},
    error::Result,
    ids::{Id, Space},
};
use std::collections::HashMap;

/// More places than these are not looked at one by one: then one grant has to cover the whole gift.
const PLACES: usize = 20_000;

/// Permissions that are about to be given, at one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gift {
    /// Where, within which limits, until when. Of which team and role is beside the point.
    pub grant: Grant,
    /// The permissions, by their key in the catalogue.
    pub permissions: Vec<usize>,
}

/// All that one change gives.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gifts {
    gifts: Vec<Gift>,
    /// The present groups of the projects that are listed.
    groups: HashMap<i64, i64>,
}

impl Gifts {
    /// These, with what has to be known of the projects in them.
    pub(in crate::company) fn new(rows: &Rows<'_>, gifts: Vec<Gift>) -> Result<Gifts> {
        let mut groups = HashMap::new();
        for project in gifts.iter().filter_map(|gift| gift.grant.projects.ids()).flatten() {
            let group = rows.one("SELECT group_id FROM projects WHERE id = ?1", [project], |row| row.get(0))?;
            groups.extend(group.map(|group| (project, group)));
        }
        Ok(Gifts { gifts, groups })
    }

    /// What somebody gets who is put into these teams.
    pub(in crate::company) fn of_teams(rows: &Rows<'_>, teams: &[i64]) -> Result<Gifts> {
        let mut gifts = Vec::new();
        for team in teams {
            gifts.extend(load(rows, Whose::Team(*team))?.into_iter().map(Gift::of));
        }
        let now = clock::now();
        gifts.retain(|gift| gift.grant.until.is_none_or(|until| until > now));
        Gifts::new(rows, gifts)
    }

    /// What somebody new gets in these teams: what everybody holds is among it, which a narrowed key may leave out.
    pub(in crate::company) fn of_newcomer(rows: &Rows<'_>, teams: &[i64]) -> Result<Gifts> {
        let everyone = rows.number("SELECT id FROM teams WHERE builtin = 'everyone'", [])?;
        let teams: Vec<i64> = teams.iter().copied().chain([everyone]).collect();
        Gifts::of_teams(rows, &teams)
    }

    /// What somebody gets who comes in as this user: all that their teams allow, those for emergencies among them, whether
    /// they are used just now or not.
    pub(in crate::company) fn of_account(rows: &Rows<'_>, user: i64) -> Result<Gifts> {
        let standby: Vec<i64> = rows.all(
            "SELECT t.id FROM teams t JOIN team_members m ON m.team_id = t.id
             WHERE m.user_id = ?1 AND t.emergency_hours IS NOT NULL ORDER BY t.id",
            [user],
            |row| row.get(0),
        )?;
        let in_standby = Gifts::of_teams(rows, &standby)?;
        let mut all = Gifts::of_user(rows, user, &[])?;
        // Of an emergency that lasts, the team itself is looked at: its end would change from one look to the next.
        all.gifts.retain(|gift| !standby.contains(&gift.grant.team));
        Ok(all.and(in_standby))
    }

    /// What a way in as this user gives: all that their teams allow, or of it only these permissions.
    pub(in crate::company) fn of_user(rows: &Rows<'_>, user: i64, only: &[&'static Info]) -> Result<Gifts> {
        let mut gifts: Vec<Gift> = load(rows, Whose::User(user))?.into_iter().map(Gift::of).collect();
        let now = clock::now();
        gifts.retain(|gift| gift.grant.until.is_none_or(|until| until > now));
        for gift in gifts.iter_mut().filter(|_| !only.is_empty()) {
            gift.permissions.retain(|key| only.iter().any(|info| info.key == *key));
        }
        Gifts::new(rows, gifts)
    }

    /// What all who hold a role would get, wherever a team holds it, if it held these permissions besides.
    pub(in crate::company) fn of_role(
        rows: &Rows<'_>,
        role: i64,
        system: &[&'static Info],
        space: &[&'static Info],
    ) -> Result<Gifts> {
        let keys = |infos: &[&'static Info]| infos.iter().map(|info| info.key).collect::<Vec<_>>();
        let now = clock::now();
        let mut gifts = Vec::new();
        // A role without system rights has no grant at that level yet, so both levels are made from the assignments.
        for (outside, inside) in super::grants::places_of_role(rows, role)? {
            gifts.push(Gift { grant: outside, permissions: keys(system) });
            gifts.extend(inside.map(|grant| Gift { grant, permissions: keys(space) }));
        }
        gifts.retain(|gift| !gift.permissions.is_empty() && gift.grant.until.is_none_or(|until| until > now));
        Gifts::new(rows, gifts)
    }

    /// These as well.
    pub(in crate::company) fn and(mut self, other: Gifts) -> Gifts {
        self.gifts.extend(other.gifts);
        self.groups.extend(other.groups);
        self
    }

    /// What of these is not among others already, permission by permission.
    pub(in crate::company) fn beyond(mut self, others: &Gifts) -> Gifts {
        let there =
            Grants::new(others.gifts.iter().map(|gift| (gift.grant.clone(), gift.permissions.clone())).collect());
        let mut left = self.gifts.clone();
        for gift in &mut left {
            let known = |key: &usize| CATALOGUE.get(*key).is_some_and(|info| self.held(&there, gift, info, Moment(0)));
            gift.permissions = gift.permissions.iter().copied().filter(|key| !known(key)).collect();
        }
        self.gifts = left;
        self
    }

    /// Whether nothing is given.
    pub fn is_empty(&self) -> bool {
        self.gifts.iter().all(|gift| gift.permissions.is_empty())
    }

    /// Whether full administration is among it.
    pub(in crate::company) fn administers(&self) -> bool {
        self.gifts.iter().any(|gift| gift.permissions.contains(&AdministerSystem::INFO.key))
    }

    /// The first permission that these grants do not cover wherever it is given, and its space.
    pub(super) fn lacking(&self, holder: &Grants, now: Moment) -> Option<(&'static Info, Option<i64>)> {
        self.gifts.iter().find_map(|gift| {
            let infos = gift.permissions.iter().filter_map(|key| CATALOGUE.get(*key).copied());
            let mut lacking = infos.filter(|info| !self.held(holder, gift, info, now));
            lacking.next().map(|info| (info, gift.grant.space))
        })
    }

    /// Whether a user may give all of this at this moment, and do what it takes: for what was made in their name before.
    pub(super) fn may_come_from(&self, rows: &Rows<'_>, user: i64, right: &Info) -> Result<bool> {
        if !rows.any("SELECT 1 FROM users WHERE id = ?1 AND state = 'active'", [user])? {
            return Ok(false);
        }
        let carried = load(rows, Whose::User(user))?;
        let grants = Grants::new(carried.into_iter().map(|one| (one.grant, one.permissions)).collect());
        let holds = |info: &Info| grants.allows(info, &Check::new(true), clock::now).is_some();
        Ok(holds(right) && (administers_for_good(&grants) || self.lacking(&grants, clock::now()).is_none()))
    }

    fn held(&self, holder: &Grants, gift: &Gift, info: &Info, now: Moment) -> bool {
        let given = &gift.grant;
        let lasts = |grant: &&Grant| match (grant.until, given.until) {
            (None, _) => true,
            (Some(until), Some(end)) => until >= end && until > now,
            (Some(_), None) => false,
        };
        let mine: Vec<&Grant> = holder.of(info).filter(|grant| grant.space == given.space).filter(lasts).collect();
        let places = Places::of(given, info);
        let environments = |grant: &Grant, one| !info.environments || reaches(&grant.environments, one);
        let tenants = |grant: &Grant, one| !info.tenants || reaches(&grant.tenants, one);
        let runbooks = |grant: &Grant, one| !info.runbooks || reaches(&grant.runbooks, one);
        let whole = |grant: &&&Grant| {
            places.work.iter().all(|work| self.works(grant, info, *work))
                && places.environments.iter().all(|one| environments(grant, *one))
                && places.tenants.iter().all(|one| tenants(grant, *one))
                && places.runbooks.iter().all(|one| runbooks(grant, *one))
        };
        if mine.iter().find(whole).is_some() {
            return true;
        }
        if places.count() > PLACES {
            return false;
        }
        let one_of_mine = |work: Work, environment, tenant, runbook| {
            mine.iter().any(|grant| {
                self.works(grant, info, work)
                    && environments(grant, environment)
                    && tenants(grant, tenant)
                    && runbooks(grant, runbook)
            })
        };
        places.work.iter().all(|work| {
            places.environments.iter().all(|environment| {
                places.tenants.iter().all(|tenant| {
                    places.runbooks.iter().all(|runbook| one_of_mine(*work, *environment, *tenant, *runbook))
                })
            })
        })
    }

    /// Whether a grant covers these projects.
    fn works(&self, grant: &Grant, info: &Info, work: Work) -> bool {
        let inside = |groups: &Limit, projects: &Limit| {
            let all = groups.is_all() && (projects.is_all() || !info.projects);
            all || match work {
                Work::All => false,
                Work::Group(group) => !groups.is_all() && groups.has(group),
                Work::Project(project) => {
                    let group = self.groups.get(&project);
                    (!projects.is_all() && projects.has(project))
                        || (!groups.is_all() && group.is_some_and(|group| groups.has(*group)))
                }
            }
        };
        if !info.projects && !info.groups {
            return true;
        }
        inside(&grant.groups, &grant.projects)
            && grant.within.as_deref().is_none_or(|within| inside(&within.groups, &within.projects))
    }
}

impl Gift {
    fn of(carried: Carried) -> Gift {
        Gift { grant: carried.grant, permissions: carried.permissions }
    }
}

/// Some of the projects.
#[derive(Clone, Copy)]
enum Work {
    All,
    Group(i64),
    Project(i64),
}

/// The places that a gift reaches, for one permission: what it does not honour counts as one place.
struct Places {
    work: Vec<Work>,
    environments: Vec<Option<i64>>,
    tenants: Vec<Option<i64>>,
    runbooks: Vec<Option<i64>>,
}

impl Places {
    fn of(grant: &Grant, info: &Info) -> Places {
        let list = |limit: &Limit, honoured: bool| match limit.ids().filter(|_| honoured) {
            Some(ids) => ids.into_iter().map(Some).collect(),
            None => vec![None],
        };
        let mut work: Vec<Work> = Vec::new();
        if info.projects || info.groups {
            work.extend(grant.groups.ids().into_iter().flatten().map(Work::Group));
        }
        if info.projects {
            work.extend(grant.projects.ids().into_iter().flatten().map(Work::Project));
        }
        if work.is_empty() {
            work.push(Work::All);
        }
        Places {
            work,
            environments: list(&grant.environments, info.environments),
            tenants: list(&grant.tenants, info.tenants),
            runbooks: list(&grant.runbooks, info.runbooks),
        }
    }
    fn count(&self) -> usize {
        let lists = [self.environments.len(), self.tenants.len(), self.runbooks.len()];
        lists.into_iter().fold(self.work.len(), usize::saturating_mul)
    }
}

/// Whether a grant's limit covers one id, or (`None`) all.
fn reaches(limit: &Limit, one: Option<i64>) -> bool {
    match one {
        Some(id) => limit.has(id),
        None => limit.is_all(),
    }
}

fn administers_for_good(grants: &Grants) -> bool {
    grants.of(AdministerSystem::INFO).any(|grant| grant.space.is_none() && grant.until.is_none())
}

impl Visitor {
    /// Whether the visitor may give all of this to somebody.
    ///
    /// # Errors
    /// `Denied` with the first permission that is lacking. Not inside a change: the refusal is written to the trail.
    pub(in crate::company) fn ask_to_give(&self, gifts: &Gifts) -> Result<()> {
        self.ask_for(gifts, Reason::NotYours)
    }

    fn ask_for(&self, gifts: &Gifts, reason: Reason) -> Result<()> {
        if self.gives_anything() {
            return Ok(());
        }
        let Some((lacking, space)) = gifts.lacking(self.grants(), clock::now()) else { return Ok(()) };
        let mut place = Check::new(true);
        // The place is told as far as the visitor may enter it.
        place.space = space.filter(|space| self.locate_space(&Id::<Space>::new(*space).to_string()).is_ok());
        Err(self.refuse(lacking, &place, Vec::new(), reason))
    }

    /// Whether the visitor may come in as somebody who holds this, or decide how they come in: only who holds it all anyway.
    ///
    /// # Errors
    /// As [`Visitor::ask_to_give`].
    pub(in crate::company) fn ask_to_stand_in(&self, gifts: &Gifts) -> Result<()> {
        self.ask_for(gifts, Reason::Stronger)
    }

    /// Whether the visitor may change somebody or something that carries full administration, which is out of reach for
    /// those who do not hold it. `carried`: it carries it.
    ///
    /// # Errors
    /// As [`Visitor::ask_to_give`].
    pub(in crate::company) fn ask_to_overrule(&self, carried: bool) -> Result<()> {
        let administers = || self.decide(AdministerSystem::INFO, &Check::new(true)).is_ok();
        if !carried || self.kind() == ActorKind::Operator || administers() {
            return Ok(());
        }
        Err(self.refuse(AdministerSystem::INFO, &Check::new(true), Vec::new(), Reason::NotHeld))
    }

    /// Full administration that ends by itself (a role's end, an emergency) gives what it holds and as long as it holds it,
    /// like any other right: else it would not end.
    fn gives_anything(&self) -> bool {
        self.kind() == ActorKind::Operator || administers_for_good(self.grants())
    }
}
