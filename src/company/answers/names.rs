//! The names of what answers speak of, as far as whoever asks may see them; and places in words.

use super::shape::{NOTHING, SIDES, Set, Shape};
use super::sql;
use crate::{
    base::{
        error::Result,
        ids::{Id, Kind},
    },
    company::{
        access::{
            Granted,
            permissions::{Info, List, Permission, TeamView, UserRoleView, UserView},
            policy::{Dimension, Grant, Limit},
        },
        teams,
    },
};
use std::collections::{BTreeSet, HashMap, HashSet};

/// So many names are told; the rest is "and 7 more".
const TOLD: usize = 8;

/// Names by number. What is not in it may not be seen, or is gone.
#[derive(Debug, Default)]
pub struct Names {
    things: HashMap<(Dimension, i64), String>,
    spaces: HashMap<i64, String>,
    teams: HashMap<i64, (String, String)>,
    roles: HashMap<i64, (String, String)>,
    people: bool,
    me: i64,
}

/// To what a right is limited in one dimension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Where {
    /// The permission does not honour it.
    Unrelated,
    /// No limit.
    All,
    /// Only these; each with its name where it may be seen.
    Only(Vec<(i64, Option<String>)>),
}

impl Names {
    /// Those of the things that some grants are limited to, of the spaces one may enter, and of the teams and roles one
    /// may see. One's own teams and roles one may always see: `own` are their teams. `groups` tells what else lies in the
    /// project groups that are named.
    pub(super) fn of<'g, P: Permission>(
        granted: &Granted<'_, P>,
        own: &[teams::Team],
        groups: &HashMap<i64, Vec<i64>>,
        grants: impl Iterator<Item = &'g Grant>,
    ) -> Result<Names> {
        let limits = |grant: &'g Grant| {
            let of = |limit: &Limit| limit.ids().unwrap_or_default();
            let within = grant.within.as_deref();
            [
                (Dimension::Group, of(&grant.groups)),
                (Dimension::Project, of(&grant.projects)),
                (Dimension::Group, within.map(|within| of(&within.groups)).unwrap_or_default()),
                (Dimension::Project, within.map(|within| of(&within.projects)).unwrap_or_default()),
                (Dimension::Environment, of(&grant.environments)),
                (Dimension::Tenant, of(&grant.tenants)),
                (Dimension::Runbook, of(&grant.runbooks)),
            ]
        };
        let mut wanted: HashMap<(i64, Dimension), HashSet<i64>> = HashMap::new();
        for grant in grants {
            let Some(space) = grant.space else { continue };
            for (dimension, ids) in limits(grant) {
                if dimension == Dimension::Group {
                    let inside = ids.iter().filter_map(|id| groups.get(id)).flatten();
                    wanted.entry((space, Dimension::Project)).or_default().extend(inside);
                }
                wanted.entry((space, dimension)).or_default().extend(ids);
            }
        }
        Names::named(granted, own, wanted)
    }

    /// Those of what shapes are made of.
    pub(super) fn of_shapes<'s, P: Permission>(
        granted: &Granted<'_, P>,
        shapes: impl Iterator<Item = (i64, &'s Shape)>,
    ) -> Result<Names> {
        let mut wanted: HashMap<(i64, Dimension), HashSet<i64>> = HashMap::new();
        for (space, shape) in shapes {
            for (dimension, set) in SIDES.into_iter().zip(&shape.sides) {
                let (Set::But(ids) | Set::Only(ids)) = set;
                for id in ids.iter().copied() {
                    match dimension {
                        Dimension::Project if id < 0 => {
                            wanted.entry((space, Dimension::Group)).or_default().insert(-id);
                        }
                        _ if id > 0 => {
                            wanted.entry((space, dimension)).or_default().insert(id);
                        }
                        _ => {}
                    }
                }
            }
        }
        Names::named(granted, &[], wanted)
    }

    fn named<P: Permission>(
        granted: &Granted<'_, P>,
        own: &[teams::Team],
        wanted: HashMap<(i64, Dimension), HashSet<i64>>,
    ) -> Result<Names> {
        let visitor = granted.visitor();
        let mut names = Names {
            spaces: visitor.spaces()?.into_iter().map(|row| (row.id.0, row.name)).collect(),
            people: visitor.may(UserView {}),
            me: visitor.user().map_or(0, |me| me.0),
            ..Names::default()
        };
        let mut levels = Vec::new();
        if visitor.may(List::<TeamView>::system()) {
            levels.push(visitor.ask(List::<TeamView>::system())?);
        }
        for space in names.spaces.keys() {
            let space = visitor.locate_space(&Id::<crate::base::ids::Space>::new(*space).to_string())?;
            if visitor.may(List::<TeamView>::of(&space)) {
                levels.push(visitor.ask(List::<TeamView>::of(&space))?);
            }
        }
        let seen = teams::list(&levels, &teams::Filter::default(), crate::base::paging::Page::ALL)?.items;
        for team in own.iter().chain(&seen) {
            names.teams.insert(team.id.0, (team.wire_id(), team.name.clone()));
        }
        if !own.is_empty() || visitor.may(UserRoleView {}) {
            names.roles = granted.read(sql::roles)?;
        }
        for ((space, dimension), ids) in wanted {
            let ids: Vec<i64> = ids.into_iter().collect();
            let found = teams::names_seen(granted, dimension, Id::new(space), &ids)?;
            names.things.extend(found.into_iter().map(|(id, name)| ((dimension, id), name)));
        }
        Ok(names)
    }

    /// A space one may enter.
    pub fn space(&self, id: i64) -> Option<&str> {
        self.spaces.get(&id).map(String::as_str)
    }
    /// A team's id on the wire and its name.
    pub fn team(&self, id: i64) -> Option<(&str, &str)> {
        self.teams.get(&id).map(|(wire, name)| (wire.as_str(), name.as_str()))
    }
    /// A user role's id on the wire and its name.
    pub fn role(&self, id: i64) -> Option<(&str, &str)> {
        self.roles.get(&id).map(|(wire, name)| (wire.as_str(), name.as_str()))
    }
    /// Whether somebody may be named.
    pub fn sees_person(&self, id: i64) -> bool {
        self.people || self.me == id
    }
    /// Whether roles may be named.
    pub fn sees_roles(&self) -> bool {
        !self.roles.is_empty()
    }
    /// A team's name, or that it is not for whoever asks.
    pub fn team_words(&self, id: i64) -> String {
        self.team(id).map_or("A team you cannot see", |(_, name)| name).to_owned()
    }
    /// A role's name, or that it is not for whoever asks.
    pub fn role_words(&self, id: i64) -> String {
        self.role(id).map_or("A role you cannot see", |(_, name)| name).to_owned()
    }
    fn thing(&self, dimension: Dimension, id: i64) -> Option<&String> {
        self.things.get(&(dimension, id))
    }

    /// Whether a thing may be named.
    pub fn sees(&self, dimension: Dimension, id: i64) -> bool {
        self.thing(dimension, id).is_some()
    }

    /// To what a grant limits a permission in one dimension; project groups are said as such.
    pub fn limit(&self, grant: &Grant, info: &Info, dimension: Dimension) -> Where {
        let (honoured, limit) = match dimension {
            Dimension::Group => (info.groups || info.projects, &grant.groups),
            Dimension::Project => (info.projects, &grant.projects),
            Dimension::Environment => (info.environments, &grant.environments),
            Dimension::Tenant => (info.tenants, &grant.tenants),
            Dimension::Runbook => (info.runbooks, &grant.runbooks),
        };
        if !honoured {
            return Where::Unrelated;
        }
        match limit.ids() {
            // A limit to groups alone is no leave for all projects.
            None if dimension == Dimension::Project && !grant.groups.is_all() => Where::Only(Vec::new()),
            None if dimension == Dimension::Group && !grant.projects.is_all() && info.projects => {
                Where::Only(Vec::new())
            }
            None => Where::All,
            Some(ids) => Where::Only(ids.into_iter().map(|id| (id, self.thing(dimension, id).cloned())).collect()),
        }
    }

    /// Whether all that a grant limits a permission to may be seen.
    pub fn sees_limits(&self, grant: &Grant, info: &Info) -> bool {
        Dimension::ALL.into_iter().all(|dimension| match self.limit(grant, info, dimension) {
            Where::Only(ids) => ids.iter().all(|(_, name)| name.is_some()),
            _ => true,
        })
    }

    /// Where a shape is, in words: "project Shop; environments Staging and Production". Empty: without limit.
    pub fn words(&self, shape: &Shape, groups: &HashMap<i64, Vec<i64>>) -> String {
        let parts = SIDES.into_iter().zip(&shape.sides).filter(|(_, set)| !set.is_all());
        parts.map(|(dimension, set)| self.side(dimension, set, groups)).collect::<Vec<_>>().join("; ")
    }

    fn side(&self, dimension: Dimension, set: &Set, groups: &HashMap<i64, Vec<i64>>) -> String {
        let (all_but, ids) = match set {
            Set::But(ids) => (true, ids),
            Set::Only(ids) => (false, ids),
        };
        let (word, many) = match dimension {
            Dimension::Group => ("project group", "project groups"),
            Dimension::Project => (crate::base::ids::Project::WORD, "projects"),
            Dimension::Environment => (crate::base::ids::Environment::WORD, "environments"),
            Dimension::Tenant => (crate::base::ids::Tenant::WORD, "tenants"),
            Dimension::Runbook => (crate::base::ids::Runbook::WORD, "runbooks"),
        };
        // What lies in a group that is named is not named again.
        let in_groups: BTreeSet<i64> =
            ids.iter().filter(|id| **id < 0).flat_map(|id| groups.get(&-id).into_iter().flatten().copied()).collect();
        let single: Vec<i64> = ids.iter().copied().filter(|id| *id > 0 && !in_groups.contains(id)).collect();
        let mut said = Vec::new();
        let mut list = |dimension: Dimension, ids: &[i64], word: &str, many: &str| {
            let mut names: Vec<String> =
                ids.iter().filter_map(|id| self.thing(dimension, *id)).take(TOLD).cloned().collect();
            names.sort();
            match ids.len() - names.len() {
                0 => {}
                more if names.is_empty() => names.push(format!("{more} that you cannot see")),
                more => names.push(format!("{more} more")),
            }
            if !ids.is_empty() {
                said.push(format!("{} {}", if ids.len() == 1 { word } else { many }, and(&names)));
            }
        };
        let grouped: Vec<i64> = ids.iter().filter(|id| **id < 0).map(|id| -id).collect();
        list(Dimension::Group, &grouped, "what is in project group", "what is in project groups");
        list(dimension, &single, word, many);
        if ids.contains(&NOTHING) {
            said.push("work for no tenant".into());
        }
        let said = and(&said);
        if all_but { format!("all but {said}") } else { said }
    }
}

/// "a, b and c".
pub(super) fn and(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [some @ .., last] => format!("{} and {last}", some.join(", ")),
    }
}
