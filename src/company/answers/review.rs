//! The review of access: who may do what, when they last did, what nobody needs, and that somebody looked it through.
//!
//! A right counts as unused when it was held for 90 days and not used in them; what is newer has not had the time. The
//! smallest changes that are named take unused rights away and no other: leaving a team, or taking a role off it.

use super::{
    chart::table,
    names::Names,
    shape::Shape,
    sql::{self, Looked},
};
use crate::{
    base::{
        clock::{self, DAY, Moment},
        error::{Error, Result},
        names as words,
        paging::{Listed, Page},
    },
    company::access::{
        Event, Granted,
        census::{Census, Somebody, TeamRights},
        day,
        permissions::{CATALOGUE, Info, List, TeamView, UserEdit, UserRoleView, UserView},
    },
};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// What was not used for so many days is not needed.
pub const UNUSED_AFTER: i64 = 90;
/// What ends in so many days is told.
pub const ENDING_WITHIN: i64 = 30;

/// By these one can give access to others.
const GIVE_ACCESS: [&str; 5] = ["AdministerSystem", "TeamEdit", "TeamMembersEdit", "UserEdit", "UserRoleEdit"];

/// Which people are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Show {
    /// Everybody.
    #[default]
    Everybody,
    /// Who holds rights that were not used.
    Unused,
    /// Who can come in without a second factor.
    NoFactor,
    /// Who was not seen for 90 days, and can still come in.
    Inactive,
    /// Who holds something that ends within 30 days.
    Ending,
    /// Who can give access to others.
    Administration,
}

impl Show {
    /// From its word; everybody for another.
    pub fn of(word: &str) -> Show {
        match word {
            "unused" => Show::Unused,
            "no-factor" => Show::NoFactor,
            "inactive" => Show::Inactive,
            "ending" => Show::Ending,
            "administration" => Show::Administration,
            _ => Show::Everybody,
        }
    }
}

/// One role that somebody has through a team.
#[derive(Debug, Clone)]
pub struct Access {
    /// The team, by number.
    pub team: i64,
    /// The role on the team, by number.
    pub assignment: i64,
    /// The team's and the role's name.
    pub through: (String, String),
    /// The space and what it is limited to there, in words; empty: the company as a whole.
    pub place: String,
    /// When it ends.
    pub until: Option<Moment>,
    /// How many rights it gives them.
    pub rights: usize,
    /// Those of them that were not used, by name.
    pub unused: Vec<&'static str>,
    /// The day on which any of them was last used, as a moment.
    pub last_used: Option<Moment>,
}

/// A change that takes unused rights away and no other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removal {
    /// Taking them out of a team.
    Leave {
        /// The team, by number and name.
        team: (i64, String),
        /// How many rights go.
        rights: usize,
    },
    /// Taking a role off a team: nobody in it uses what it gives.
    TakeOff {
        /// The team, by number and name.
        team: (i64, String),
        /// The role on the team.
        assignment: i64,
        /// The role's name.
        role: String,
        /// How many people are in the team.
        people: usize,
    },
}

/// Somebody, looked at.
#[derive(Debug, Clone)]
pub struct Reviewed {
    /// Who.
    pub who: Somebody,
    /// What they sign in with.
    pub username: String,
    /// Their address.
    pub email: String,
    /// `active`, `invited` or `inactive`.
    pub state: String,
    /// Whether they have a second factor; service accounts need none.
    pub has_second_factor: bool,
    /// When they were last seen.
    pub last_seen_at: Option<Moment>,
    /// Not seen for 90 days, and can still come in.
    pub is_idle: bool,
    /// Can give access to others.
    pub administers: bool,
    /// What they have, role by role.
    pub access: Vec<Access>,
    /// How many different rights they hold.
    pub rights: usize,
    /// Those that were not used, by name.
    pub unused: Vec<&'static str>,
    /// What would take unused rights away.
    pub removals: Vec<Removal>,
}

impl Reviewed {
    /// The next end of anything they hold, if it is near.
    pub fn ends(&self, now: Moment) -> Option<Moment> {
        let near = now.plus(ENDING_WITHIN * DAY);
        self.access.iter().filter_map(|one| one.until).filter(|until| *until <= near).min()
    }
    fn is(&self, show: Show, now: Moment) -> bool {
        match show {
            Show::Everybody => true,
            Show::Unused => !self.unused.is_empty(),
            Show::NoFactor => self.state == "active" && !self.who.is_service && !self.has_second_factor,
            Show::Inactive => self.is_idle,
            Show::Ending => self.ends(now).is_some(),
            Show::Administration => self.administers,
        }
    }
}

/// Numbers for the head of the review.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Everybody.
    pub people: usize,
    /// With unused rights.
    pub unused: usize,
    /// Without a second factor.
    pub no_factor: usize,
    /// Not seen for long.
    pub idle: usize,
    /// With something that ends soon.
    pub ending: usize,
    /// Who can give access.
    pub administer: usize,
}

/// A review that was signed off.
#[derive(Debug, Clone)]
pub struct SignOff {
    /// When.
    pub at: Moment,
    /// By whom.
    pub reviewer: String,
    /// What they noted.
    pub note: String,
    /// How many people there were.
    pub people: i64,
    /// How many of them held unused rights.
    pub unused: i64,
}

/// What the review needs: to see people, roles, and the teams of the whole company. Teams and places of spaces that
/// whoever asks may not enter are not named.
pub struct Proofs<'p, 'v> {
    /// To see people.
    pub people: &'p Granted<'v, UserView>,
    /// To see roles.
    pub roles: &'p Granted<'v, UserRoleView>,
    /// To see the company's teams.
    pub teams: &'p Granted<'v, List<TeamView>>,
}

/// The people of the company, looked through.
pub fn review(proofs: &Proofs<'_, '_>, show: Show, text: &str, page: Page) -> Result<(Listed<Reviewed>, Counts)> {
    let now = clock::now();
    let all = look(proofs.people, now)?;
    let counts = count(&all, now);
    let wanted = words::key(text);
    let matches = |one: &Reviewed| {
        [&one.who.name, &one.username, &one.email].iter().any(|text| words::key(text).contains(&wanted))
    };
    let found = all.into_iter().filter(|one| one.is(show, now) && matches(one)).collect();
    Ok((Listed::from_all(page, found), counts))
}

fn count(all: &[Reviewed], now: Moment) -> Counts {
    let of = |show: Show| all.iter().filter(|one| one.is(show, now)).count();
    Counts {
        people: all.len(),
        unused: of(Show::Unused),
        no_factor: of(Show::NoFactor),
        idle: of(Show::Inactive),
        ending: of(Show::Ending),
        administer: of(Show::Administration),
    }
}

/// The review as a table: a line for each role that somebody has through a team, and one for who has none.
pub fn csv(proofs: &Proofs<'_, '_>) -> Result<Vec<u8>> {
    let all = look(proofs.people, clock::now())?;
    let head = [
        "Person",
        "Username",
        "EmailAddress",
        "State",
        "SecondFactor",
        "LastSeen",
        "Team",
        "Role",
        "Place",
        "ExpiresAt",
        "Permissions",
        "LastUsed",
        "NotUsedIn90Days",
    ];
    let moment = |at: Option<Moment>| at.map(Moment::wire).unwrap_or_default();
    let rows = all.iter().flat_map(|one| {
        let factor = match (one.who.is_service, one.has_second_factor) {
            (true, _) => "",
            (false, true) => "yes",
            (false, false) => "no",
        };
        let own = move || {
            vec![
                one.who.name.clone(),
                one.username.clone(),
                one.email.clone(),
                one.state.clone(),
                factor.to_owned(),
                moment(one.last_seen_at),
            ]
        };
        let access = one.access.iter().map(move |access| {
            let mut row = own();
            row.extend([
                access.through.0.clone(),
                access.through.1.clone(),
                access.place.clone(),
                moment(access.until),
                access.rights.to_string(),
                access.last_used.map(clock::day_of).unwrap_or_default(),
                access.unused.join(" "),
            ]);
            row
        });
        let none = one.access.is_empty().then(|| {
            let mut row = own();
            row.extend(std::iter::repeat_n(String::new(), 7));
            row
        });
        access.chain(none).collect::<Vec<_>>()
    });
    table(&head, rows)
}

/// The last reviews that were signed off.
pub fn sign_offs(granted: &Granted<'_, UserView>) -> Result<Vec<SignOff>> {
    let found = granted.read(|rows| sql::signed_off(rows, 20))?;
    let one = |(at, reviewer, note, people, unused)| SignOff { at, reviewer, note, people, unused };
    Ok(found.into_iter().map(one).collect())
}

/// Signs the review off: whoever does stands for it that who may do what was looked through. Needs `UserEdit` beside
/// what the review needs: only who could act on what is found can say that it is right.
///
/// # Errors
/// `ProofNeeded` as [`Granted::fresh`]; `Invalid` for a note that is too long.
pub fn sign_off(granted: &Granted<'_, UserEdit>, proofs: &Proofs<'_, '_>, note: &str) -> Result<SignOff> {
    granted.fresh()?;
    let note = words::text(note, 2000).map_err(|sentence| Error::invalid("Note", sentence))?;
    let now = clock::now();
    let counts = count(&look(proofs.people, now)?, now);
    let (people, unused) = (counts.people as i64, counts.unused as i64);
    granted.write(|tx| {
        let reviewer = tx.actor_name().to_owned();
        tx.run(
            "INSERT INTO access_reviews (at, reviewer, note, people, unused) VALUES (?1, ?2, ?3, ?4, ?5)",
            (now, &reviewer, &note, people, unused),
        )?;
        let event = Event::new("AccessReviewed").say(&reviewer).say(" reviewed who may do what and signed it off");
        let event = event
            .detail("Note", note.clone())
            .detail("People", people)
            .detail("PeopleWithUnusedRights", unused)
            .detail("PeopleWithoutSecondFactor", counts.no_factor as i64);
        tx.record(event, SignOff { at: now, reviewer, note: note.clone(), people, unused })
    })
}

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

fn look(granted: &Granted<'_, UserView>, now: Moment) -> Result<Vec<Reviewed>> {
    let (census, uses, assigned, joined, looked) = granted.read(|rows| {
        Ok((Census::read(rows)?, sql::uses(rows)?, sql::assigned(rows)?, sql::joined(rows)?, sql::looked(rows)?))
    })?;
    let grants: Vec<_> = census.teams.values().flat_map(|team| team.grants.parts().map(|(grant, _)| grant)).collect();
    let names = Names::of(granted, &[], &HashMap::new(), grants.into_iter())?;
    let known = Known { names, uses, assigned, joined, now, census };
    let roles = by_role(&known);
    let idle_roles = never_used(&known, &roles);
    Ok(looked.into_iter().filter_map(|one| reviewed(&known, &roles, &idle_roles, one)).collect())
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

fn reviewed(
    known: &Known,
    roles: &BTreeMap<i64, Vec<Role>>,
    idle_roles: &BTreeMap<i64, usize>,
    looked: Looked,
) -> Option<Reviewed> {
    let who = known.census.people.get(&looked.id)?.clone();
    let mine: Vec<&Role> = who.teams.iter().filter_map(|team| roles.get(team)).flatten().collect();
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
    // A right that another role gives too, where it is used or too new to tell, is not called unused.
    let mut needed: HashSet<usize> = HashSet::new();
    for role in &mine {
        let mut idle = known.unused(who.id, role).peekable();
        for key in &role.keys {
            if idle.next_if_eq(key).is_none() {
                needed.insert(*key);
            }
        }
    }
    let mut unused: Vec<&'static str> = mine
        .iter()
        .flat_map(|role| known.unused(who.id, role))
        .filter(|key| !needed.contains(key))
        .map(name_of)
        .collect();
    unused.sort_unstable();
    unused.dedup();
    let then = known.now.plus(-UNUSED_AFTER * DAY);
    let seen = looked.last_seen_at.unwrap_or(looked.created_at);
    Some(Reviewed {
        removals: removals(&who, &mine, &unused, idle_roles, &team_name, known),
        is_idle: looked.state == "active" && seen < then,
        administers: mine.iter().any(|role| role.administers),
        username: looked.username,
        email: looked.email,
        state: looked.state,
        has_second_factor: looked.has_second_factor,
        last_seen_at: looked.last_seen_at,
        rights: rights.len(),
        who,
        access,
        unused,
    })
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

impl Removal {
    /// In words.
    pub fn words(&self, name: &str) -> String {
        match self {
            Removal::Leave { team: (_, team), rights } => {
                let rights = if *rights == 1 { "1 right".to_owned() } else { format!("{rights} rights") };
                format!("Take {name} out of {team}: {rights} go, none of them used")
            }
            Removal::TakeOff { team: (_, team), role, people, .. } => {
                let people = if *people == 1 { "1 person".to_owned() } else { format!("{people} people") };
                format!("Take the role {role} off {team}: none of its {people} uses it")
            }
        }
    }
}
