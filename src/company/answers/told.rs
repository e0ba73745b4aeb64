//! A difference as it is told to whoever asked for it: people in words, places in words, and what of it is grave. What
//! they may not see is counted and not named.

use super::{
    difference::{Change, difference},
    names::Names,
    sql,
};
use crate::{
    base::{
        clock::{self, Moment},
        error::Result,
    },
    company::access::{Granted, Tried, Visitor, permissions::Permission, policy::Dimension},
};
use std::collections::{BTreeMap, HashMap, HashSet};

/// What of a change is grave enough to be confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Danger {
    /// Somebody gains a right to change something in an environment that counts as production: one that is called so,
    /// or that is in the last phase of a lifecycle.
    Production,
    /// Somebody gains a right by which access itself is given: full administration, people, roles, teams.
    Administration,
}

impl Danger {
    /// In a word for programs.
    pub fn word(self) -> &'static str {
        match self {
            Danger::Production => "Production",
            Danger::Administration => "Administration",
        }
    }
}

/// Rights by which access itself is given, or with which nothing else is needed.
const ADMINISTRATION: [&str; 7] =
    ["AdministerSystem", "ConfigureServer", "TeamEdit", "TeamMembersEdit", "UserEdit", "UserInvite", "UserRoleEdit"];

/// Rights that are gained or lost together: in one place, for one time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bundle {
    /// Gained; else lost.
    pub gained: bool,
    /// The space by number and name; `None`: the company as a whole.
    pub space: Option<(i64, String)>,
    /// Where in it, in words; empty: everywhere.
    pub place: String,
    /// From when on; `None`: at once.
    pub from: Option<Moment>,
    /// Until when; `None`: for good.
    pub until: Option<Moment>,
    /// What of it is grave.
    pub dangers: Vec<Danger>,
    /// The permissions, by name.
    pub permissions: Vec<&'static str>,
}

/// People who gain and lose the same.
#[derive(Debug, Clone)]
pub struct Affected {
    /// Who, by number, with the name where it may be seen.
    pub people: Vec<(i64, Option<String>)>,
    /// What.
    pub bundles: Vec<Bundle>,
}

/// What a command would change.
#[derive(Debug, Clone, Default)]
pub struct Preview {
    /// Who gains and loses what.
    pub affected: Vec<Affected>,
    /// So many rights more in spaces that whoever asks may not enter.
    pub hidden: usize,
    /// What of all of it is grave, hidden things included.
    pub dangers: Vec<Danger>,
}

impl Preview {
    /// Whether nobody would gain or lose anything.
    pub fn is_nothing(&self) -> bool {
        self.affected.is_empty() && self.hidden == 0
    }
    /// How many people are concerned.
    pub fn people(&self) -> usize {
        self.affected.iter().map(|one| one.people.len()).sum()
    }
}

/// Tells what a command would change, without carrying it out. `command` is the command with its proofs; its own
/// refusals come back as they are. Needs no permission beside those of the command.
///
/// # Errors
/// Those of the command.
pub fn preview<T>(visitor: &Visitor, command: impl FnOnce() -> Result<T>) -> Result<Preview> {
    let now = clock::now();
    let tried = visitor.try_out(command)?;
    let granted = visitor.myself()?;
    let production: HashSet<i64> = granted.read(sql::production)?.into_iter().collect();
    let mut told = Preview::default();
    for Tried { before, after } in &tried {
        let changes = difference(before, after, now);
        let people = |id: i64| before.people.get(&id).or(after.people.get(&id)).map(|one| one.name.clone());
        tell(&granted, &mut told, &changes, &after.groups, &production, people)?;
    }
    told.dangers.sort_unstable();
    told.dangers.dedup();
    Ok(told)
}

fn tell<P: Permission>(
    granted: &Granted<'_, P>,
    told: &mut Preview,
    changes: &[Change],
    groups: &HashMap<i64, Vec<i64>>,
    production: &HashSet<i64>,
    name: impl Fn(i64) -> Option<String>,
) -> Result<()> {
    let names = Names::of_shapes(granted, changes.iter().filter_map(|one| Some((one.space?, &one.at))))?;
    // By person: what is said of a place → the permissions there.
    type Place = (bool, Option<i64>, String, Option<Moment>, Option<Moment>, Vec<Danger>);
    let mut of: BTreeMap<i64, BTreeMap<Place, Vec<&'static str>>> = BTreeMap::new();
    for change in changes {
        let dangers = if change.gained { dangers(change, production) } else { Vec::new() };
        told.dangers.extend(&dangers);
        if change.space.is_some_and(|space| names.space(space).is_none()) {
            told.hidden += 1;
            continue;
        }
        let (from, until) = (change.at.from, change.at.until);
        let place = (!change.gained, change.space, names.words(&change.at, groups), from, until, dangers);
        of.entry(change.user).or_default().entry(place).or_default().push(change.permission.name);
    }
    let mut same: Vec<Affected> = told.affected.drain(..).collect();
    for (user, places) in of {
        let bundles = places.into_iter().map(|((lost, space, place, from, until, dangers), mut permissions)| {
            permissions.sort_unstable();
            permissions.dedup();
            let space = space.map(|space| (space, names.space(space).unwrap_or_default().to_owned()));
            Bundle { gained: !lost, space, place, from, until, dangers, permissions }
        });
        let bundles: Vec<Bundle> = bundles.collect();
        let person = (user, name(user).filter(|_| names.sees_person(user)));
        match same.iter_mut().find(|one| one.bundles == bundles) {
            Some(one) => one.people.push(person),
            None => same.push(Affected { people: vec![person], bundles }),
        }
    }
    told.affected = same;
    Ok(())
}

/// What is grave about gaining a right. One of the company as a whole is about no environment.
fn dangers(change: &Change, production: &HashSet<i64>) -> Vec<Danger> {
    let mut found = Vec::new();
    let (info, environments) = (change.permission, change.at.side(Dimension::Environment));
    if change.space.is_some() && info.change && info.environments && production.iter().any(|id| environments.has(*id)) {
        found.push(Danger::Production);
    }
    if ADMINISTRATION.contains(&info.name) || info.held == crate::company::access::permissions::Held::Appliance {
        found.push(Danger::Administration);
    }
    found
}
