//! Looks people through: all of them at a glance, and as a whole those who are shown.

use super::*;
use crate::company::{
    access::{
        census::{Census, TeamRights},
        day,
        permissions::{CATALOGUE, Info},
    },
    answers::{names::Names, shape::Shape, sql::Looked},
};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What is known beside who may do what.
struct Known {
    census: Census,
    names: Names,
    uses: HashMap<i64, sql::Days>,
    assigned: HashMap<i64, Moment>,
    joined: HashMap<(i64, i64), Moment>,
    now: Moment,
}

impl Known {
    fn day_of(&self, user: i64, key: usize) -> Option<i64> {
        self.uses.get(&user)?.get(key).copied().flatten()
    }
    /// Whether somebody had the time to use what a role on a team gives.
    fn had_time(&self, user: i64, role: &Role) -> bool {
        let then = self.now.plus(-UNUSED_AFTER * DAY);
        let old = |since: Option<&Moment>| since.is_none_or(|since| *since <= then);
        old(self.assigned.get(&role.assignment)) && old(self.joined.get(&(user, role.team)))
    }
    /// What of a role on a team somebody had the time to use, and did not; by name.
    fn unused<'r>(&'r self, user: i64, role: &'r Role) -> impl Iterator<Item = usize> + 'r {
        let then = day(self.now.plus(-UNUSED_AFTER * DAY));
        let keys = if self.had_time(user, role) { &role.keys[..] } else { &[] };
        let days = self.uses.get(&user);
        let last = move |key: usize| days.and_then(|days| days.get(key).copied().flatten());
        keys.iter().copied().filter(move |key| last(*key).is_none_or(|last| last < then))
    }
}

/// Everybody at a glance: what is counted and chosen by. The rest is worked out for those who are shown.
pub struct Glance {
    pub who: Somebody,
    pub looked: Looked,
    is_idle: bool,
    administers: bool,
    ends_soon: bool,
    has_unused: bool,
}

impl Glance {
    pub fn is(&self, show: Show) -> bool {
        let one = &self.looked;
        match show {
            Show::Everybody => true,
            Show::Unused => self.has_unused,
            Show::NoFactor => one.state == "active" && !self.who.is_service && !one.has_second_factor,
            Show::Inactive => self.is_idle,
            Show::Ending => self.ends_soon,
            Show::Administration => self.administers,
        }
    }
}

/// What is known, and what the roles on teams give.
pub struct Review {
    known: Known,
    roles: BTreeMap<i64, Vec<Role>>,
    /// Those that nobody in their team uses, each with how many are in it.
    idle_roles: BTreeMap<i64, usize>,
}

pub fn look(granted: &Granted<'_, UserView>, now: Moment) -> Result<(Review, Vec<Glance>)> {
    let (census, uses, assigned, joined, looked) = granted.read(|rows| {
        Ok((Census::read(rows)?, sql::uses(rows)?, sql::assigned(rows)?, sql::joined(rows)?, sql::looked(rows)?))
    })?;
    let grants: Vec<_> = census.teams.values().flat_map(|team| team.grants.parts().map(|(grant, _)| grant)).collect();
    let names = Names::of(granted, &[], &HashMap::new(), grants.into_iter())?;
    let known = Known { names, uses, assigned, joined, now, census };
    let roles = by_role(&known);
    let idle_roles = never_used(&known, &roles);
    let review = Review { known, roles, idle_roles };
    let all = looked.into_iter().filter_map(|one| review.glance(one)).collect();
    Ok((review, all))
}

/// What a role on a team gives: its permissions with the levels they hold at, and how it is said.
struct Role {
    team: i64,
    assignment: i64,
    rights: BTreeSet<(Option<i64>, usize)>,
    /// The permissions alone, each once, by name.
    keys: Vec<usize>,
    /// By it one can give access.
    administers: bool,
    place: String,
    until: Option<Moment>,
    role: i64,
}

fn by_role(known: &Known) -> BTreeMap<i64, Vec<Role>> {
    let of_team = |team: &TeamRights| {
        let mut roles: BTreeMap<i64, Role> = BTreeMap::new();
        for ((grant, keys), assignment) in team.grants.parts().zip(&team.assignments) {
            if grant.until.is_some_and(|until| until <= known.now) {
                continue;
            }
            let role = roles.entry(*assignment).or_insert_with(|| Role {
                team: team.team,
                assignment: *assignment,
                rights: BTreeSet::new(),
                keys: Vec::new(),
                administers: false,
                place: String::new(),
                until: grant.until,
                role: grant.role,
            });
            role.rights.extend(keys.iter().map(|key| (grant.space, *key)));
            role.keys.extend(keys);
            if let Some(space) = grant.space {
                role.place = place(known, space, grant);
            }
        }
        for role in roles.values_mut() {
            role.keys.sort_unstable_by_key(|key| name_of(*key));
            role.keys.dedup();
            role.administers = role.keys.iter().any(|key| GIVE_ACCESS.contains(&name_of(*key)));
        }
        roles.into_values().collect()
    };
    known.census.teams.values().map(|team| (team.team, of_team(team))).collect()
}

fn name_of(key: usize) -> &'static str {
    CATALOGUE.get(key).map_or("", |info| info.name)
}

/// "Default: project Shop; environment Staging".
fn place(known: &Known, space: i64, grant: &crate::company::access::policy::Grant) -> String {
    // As if everything were honoured: what the role is limited to, not one of its permissions.
    static ALL: Info = Info {
        key: usize::MAX,
        name: "",
        held: crate::company::access::permissions::Held::Space,
        change: false,
        groups: true,
        projects: true,
        environments: true,
        tenants: true,
        runbooks: true,
        explicit: true,
        meaning: "",
    };
    let Some(name) = known.names.space(space) else { return "A space you cannot enter".into() };
    let words = known.names.words(&Shape::of(grant, &ALL, &known.census.groups), &known.census.groups);
    if words.is_empty() { name.to_owned() } else { format!("{name}: {words}") }
}

/// The roles on teams that give nothing that anybody in the team used.
fn never_used(known: &Known, roles: &BTreeMap<i64, Vec<Role>>) -> BTreeMap<i64, usize> {
    let mut members: HashMap<i64, Vec<i64>> = HashMap::new();
    for one in known.census.people.values() {
        one.teams.iter().for_each(|team| members.entry(*team).or_default().push(one.id));
    }
    let mut idle = BTreeMap::new();
    for role in roles.values().flatten() {
        let Some(people) = members.get(&role.team).filter(|people| !people.is_empty()) else { continue };
        let unused = |user: &i64| known.unused(*user, role).count() == role.keys.len();
        if people.iter().all(unused) {
            idle.insert(role.assignment, people.len());
        }
    }
    idle
}

impl Review {
    /// The roles that somebody has through teams.
    fn of<'r>(&'r self, who: &'r Somebody) -> impl Iterator<Item = &'r Role> {
        who.teams.iter().filter_map(|team| self.roles.get(team)).flatten()
    }

    /// The rights that somebody holds and did not use. One that another role gives too, where it is used or too new to tell,
    /// is not called unused.
    fn unused<'r>(&'r self, who: &'r Somebody) -> impl Iterator<Item = usize> + 'r {
        let (mut idle, mut needed) = (vec![false; CATALOGUE.len()], vec![false; CATALOGUE.len()]);
        let mark = |marks: &mut [bool], key: usize| marks.get_mut(key).into_iter().for_each(|mark| *mark = true);
        for role in self.of(who) {
            let mut unused = self.known.unused(who.id, role).peekable();
            for key in &role.keys {
                let marks = if unused.next_if_eq(key).is_some() { &mut idle } else { &mut needed };
                mark(marks, *key);
            }
        }
        idle.into_iter().zip(needed).enumerate().filter(|(_, (idle, needed))| *idle && !needed).map(|(key, _)| key)
    }

    fn glance(&self, looked: Looked) -> Option<Glance> {
        let who = self.known.census.people.get(&looked.id)?;
        let now = self.known.now;
        let seen = looked.last_seen_at.unwrap_or(looked.created_at);
        Some(Glance {
            is_idle: looked.state == "active" && seen < now.plus(-UNUSED_AFTER * DAY),
            administers: self.of(who).any(|role| role.administers),
            ends_soon: next_end(self.of(who).map(|role| role.until), now).is_some(),
            has_unused: self.unused(who).next().is_some(),
            who: who.clone(),
            looked,
        })
    }

    pub fn reviewed(&self, Glance { who, looked, is_idle, administers, .. }: Glance) -> Reviewed {
        let known = &self.known;
        let mine: Vec<&Role> = self.of(&who).collect();
        let team_name = |team: i64| (team, known.names.team_words(team));
        let access: Vec<Access> = mine
            .iter()
            .map(|role| {
                let unused = known.unused(who.id, role).map(name_of).collect();
                let last = role.keys.iter().filter_map(|key| known.day_of(who.id, *key)).max();
                Access {
                    team: role.team,
                    assignment: role.assignment,
                    through: (known.names.team_words(role.team), known.names.role_words(role.role)),
                    place: role.place.clone(),
                    until: role.until,
                    rights: role.rights.len(),
                    unused,
                    last_used: last.map(|day| Moment(day * DAY)),
                }
            })
            .collect();
        let mut rights: Vec<(Option<i64>, usize)> = mine.iter().flat_map(|role| role.rights.iter().copied()).collect();
        rights.sort_unstable();
        rights.dedup();
        let mut unused: Vec<&'static str> = self.unused(&who).map(name_of).collect();
        unused.sort_unstable();
        Reviewed {
            removals: removals(&who, &mine, &unused, &self.idle_roles, &team_name, known),
            is_idle,
            administers,
            username: looked.username,
            email: looked.email,
            state: looked.state,
            has_second_factor: looked.has_second_factor,
            last_seen_at: looked.last_seen_at,
            rights: rights.len(),
            who,
            access,
            unused,
        }
    }
}

/// What would take unused rights away and no other: first the roles that nobody in their team uses, then leaving a team.
fn removals(
    who: &Somebody,
    mine: &[&Role],
    unused: &[&'static str],
    idle_roles: &BTreeMap<i64, usize>,
    team_name: &impl Fn(i64) -> (i64, String),
    known: &Known,
) -> Vec<Removal> {
    let mut found = Vec::new();
    // Each right, with the team that gives it, or with none when several do.
    let mut only: BTreeMap<(Option<i64>, usize), Option<i64>> = BTreeMap::new();
    if !unused.is_empty() {
        for role in mine {
            for right in &role.rights {
                let team = only.entry(*right).or_insert(Some(role.team));
                if *team != Some(role.team) {
                    *team = None;
                }
            }
        }
    }
    for team in &who.teams {
        let of_team: Vec<&&Role> = mine.iter().filter(|role| role.team == *team).collect();
        if of_team.is_empty() {
            continue;
        }
        let lost: Vec<(Option<i64>, usize)> =
            only.iter().filter(|(_, by)| **by == Some(*team)).map(|(right, _)| *right).collect();
        let idle = |key: usize| unused.binary_search(&name_of(key)).is_ok();
        let chosen = known.joined.contains_key(&(who.id, *team));
        if chosen && !lost.is_empty() && lost.iter().all(|(_, key)| idle(*key)) {
            found.push(Removal::Leave { team: team_name(*team), rights: lost.len() });
            continue;
        }
        for role in of_team {
            if let Some(people) = idle_roles.get(&role.assignment) {
                found.push(Removal::TakeOff {
                    team: team_name(*team),
                    assignment: role.assignment,
                    role: known.names.role_words(role.role),
                    people: *people,
                });
            }
        }
    }
    found
}
