//! A difference as it is told to whoever asked for it: people in words, places in words, and what of it is grave. What
//! they may not see is counted and not named.

use super::{
    difference::{Change, difference, newcomers},
    names::Names,
    sql,
};
use crate::{
    base::{
        clock::{self, Moment},
        error::Result,
    },
    company::{
        access::{
            Granted, Tried, Visitor,
            census::Census,
            permissions::{Permission, UserInvite},
            policy::Dimension,
        },
        people, teams,
    },
};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

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
    /// What everybody who comes later gains and loses, by the roles of Everyone.
    pub newcomers: Vec<Bundle>,
    /// So many rights more in spaces that whoever asks may not enter.
    pub hidden: usize,
    /// What of all of it is grave, hidden things included.
    pub dangers: Vec<Danger>,
    /// Everyone gains by it: it reaches everybody of the company and everybody who comes later. Hidden things included.
    pub reaches_everyone: bool,
    /// Somebody loses something by it, hidden things included.
    pub takes: bool,
    /// The tenants' own people among those who gain something, by number, whether or not they may be named.
    pub customers: BTreeSet<i64>,
}

impl Preview {
    /// Whether nobody would gain or lose anything.
    pub fn is_nothing(&self) -> bool {
        self.affected.is_empty() && self.newcomers.is_empty() && self.hidden == 0
    }
    /// How many people are concerned.
    pub fn people(&self) -> usize {
        self.affected.iter().map(|one| one.people.len()).sum()
    }
}

/// Tells what a command would change, without carrying it out. `command` is the command with its proofs; its own
/// refusals come back as they are. Needs no permission beside those of the command. Of a command of several changes
/// each is told against what is there now.
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
        tell(&granted, &mut told, before, after, &production, now)?;
    }
    told.dangers.sort_unstable();
    told.dangers.dedup();
    Ok(told)
}

/// Tells what an open invitation into these teams would give whoever uses it: as if somebody were invited by name.
///
/// # Errors
/// Those of the invitation.
pub fn preview_open(granted: &Granted<'_, UserInvite>, into: &[teams::Joining<'_>]) -> Result<Preview> {
    let whoever = people::Fields {
        display_name: "Whoever uses it".into(),
        email_address: "whoever-uses-it@open.invalid".into(),
        ..people::Fields::default()
    };
    preview(granted.visitor(), || people::invitations::invite(granted, into, &whoever))
}

fn tell<P: Permission>(
    granted: &Granted<'_, P>,
    told: &mut Preview,
    before: &Census,
    after: &Census,
    production: &HashSet<i64>,
    now: Moment,
) -> Result<()> {
    let (found, later) = (difference(before, after, now), newcomers(before, after, now));
    let all = found.iter().flat_map(|alike| &alike.changes).chain(&later);
    let names = Names::of_shapes(granted, all.clone().filter_map(|one| Some((one.space?, &one.at))))?;
    for change in all {
        told.takes |= !change.gained;
        told.dangers.extend(dangers(change, production));
    }
    told.reaches_everyone |= later.iter().any(|change| change.gained);
    let name = |id: i64| {
        let one = before.people.get(&id).or(after.people.get(&id)).map(|one| one.name.clone());
        (id, one.filter(|_| names.sees_person(id)))
    };
    for alike in found.iter().filter(|alike| alike.changes.iter().any(|change| change.gained)) {
        let customers = alike.users.iter().filter(|id| after.people.get(id).is_some_and(|one| one.is_customer));
        told.customers.extend(customers);
    }
    for alike in &found {
        let (bundles, hidden) = bundled(&alike.changes, &names, &after.groups, production);
        told.hidden += hidden * alike.users.len();
        if bundles.is_empty() {
            continue;
        }
        let people = alike.users.iter().copied().map(name);
        match told.affected.iter_mut().find(|one| one.bundles == bundles) {
            Some(one) => one.people.extend(people),
            None => told.affected.push(Affected { people: people.collect(), bundles }),
        }
    }
    told.newcomers.extend(bundled(&later, &names, &after.groups, production).0);
    Ok(())
}

/// Changes of one person as they are told, and how many more lie in spaces that whoever asks may not enter.
fn bundled(
    changes: &[Change],
    names: &Names,
    groups: &HashMap<i64, Vec<i64>>,
    production: &HashSet<i64>,
) -> (Vec<Bundle>, usize) {
    // What is said of a place → the permissions there.
    type Place = (bool, Option<i64>, String, Option<Moment>, Option<Moment>, Vec<Danger>);
    let mut places: BTreeMap<Place, Vec<&'static str>> = BTreeMap::new();
    let mut hidden = 0;
    for change in changes {
        if change.space.is_some_and(|space| names.space(space).is_none()) {
            hidden += 1;
            continue;
        }
        let (from, until) = (change.at.from, change.at.until);
        let words = names.words(&change.at, groups);
        let place = (!change.gained, change.space, words, from, until, dangers(change, production));
        places.entry(place).or_default().push(change.permission.name);
    }
    let bundle = |((lost, space, place, from, until, dangers), mut permissions): (Place, Vec<&'static str>)| {
        permissions.sort_unstable();
        permissions.dedup();
        let space = space.map(|space| (space, names.space(space).unwrap_or_default().to_owned()));
        Bundle { gained: !lost, space, place, from, until, dangers, permissions }
    };
    (places.into_iter().map(bundle).collect(), hidden)
}

/// What is grave about gaining a right; about losing one, nothing. One of the company as a whole is about no environment.
fn dangers(change: &Change, production: &HashSet<i64>) -> Vec<Danger> {
    let mut found = Vec::new();
    if !change.gained {
        return found;
    }
    let (info, environments) = (change.permission, change.at.side(Dimension::Environment));
    if change.space.is_some() && info.change && info.environments && production.iter().any(|id| environments.has(*id)) {
        found.push(Danger::Production);
    }
    if ADMINISTRATION.contains(&info.name) || info.held == crate::company::access::permissions::Held::Appliance {
        found.push(Danger::Administration);
    }
    found
}
