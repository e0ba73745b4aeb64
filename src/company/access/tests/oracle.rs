//! The decision against a second implementation, written from `access-rules` alone: sets and words, nothing of
//! `policy.rs`. Each run draws other cases; a failure prints the seed that draws them again.
//!
//! `BULKHEAD_RANDOM_CASES` says how many (50,000 unless told; a million at night), `BULKHEAD_RANDOM_SEED` which.

use crate::{
    base::clock::{self, Moment},
    company::access::{
        narrowing::Narrowing,
        permissions::{Info, named},
        policy::{Check, Grant, Grants, Ids, Limit},
        testing::Dice,
    },
};
use std::{
    collections::{BTreeMap, BTreeSet},
    env,
};

/// So many cases in every run.
pub(super) const USUAL: usize = 50_000;
const NOW: i64 = 1_000_000;
/// Ids of every kind are 1 to so many.
const MOST: u64 = 5;

type Names = BTreeSet<String>;
type Numbers = BTreeSet<i64>;

/// A line of the table of permissions.
#[derive(Debug)]
struct Line {
    name: String,
    level: String,
    scopes: Names,
    explicit: bool,
    /// What only looks; all else changes something.
    reads: bool,
}

fn table() -> Vec<Line> {
    let lines = include_str!("permissions.tsv").lines().skip(1).filter(|line| !line.starts_with('#'));
    let line = |line: &str| {
        let cells: Vec<&str> = line.split('\t').collect();
        let [name, level, scopes, _, explicit] = cells[..] else { panic!("{line}") };
        Line {
            name: name.into(),
            level: level.into(),
            scopes: scopes.split(',').filter(|word| !word.is_empty()).map(str::to_owned).collect(),
            explicit: explicit == "yes",
            reads: ["View", "ViewUnscoped", "Download"].iter().any(|end| name.ends_with(end)),
        }
    };
    lines.map(line).collect()
}

/// What a role on a team, or a key, is limited to: an empty set is no limit.
#[derive(Debug, Clone, Default)]
struct Scope {
    groups: Numbers,
    projects: Numbers,
    environments: Numbers,
    tenants: Numbers,
    runbooks: Numbers,
}

/// One assignment of a role to a team.
#[derive(Debug, Clone)]
struct Assignment {
    team: i64,
    system: Names,
    space: Names,
    place: Option<i64>,
    scope: Scope,
    ends: Option<i64>,
}

#[derive(Debug)]
struct Key {
    permissions: Option<Names>,
    spaces: Numbers,
    scope: Scope,
}

/// One dimension of a question.
#[derive(Debug, Clone, PartialEq)]
enum Where {
    Any,
    Nothing,
    /// Belongs to all there are (an account without environments).
    Unrestricted,
    These(Numbers),
}

#[derive(Debug, Clone)]
struct Question {
    space: Option<i64>,
    group: Where,
    project: Where,
    environments: Where,
    tenants: Where,
    runbook: Where,
}

/// `access-rules §3` 4: one restricted dimension.
fn dimension(limit: &Numbers, asked: &Where, reads: bool, nothing: bool) -> bool {
    if limit.is_empty() {
        return true;
    }
    match asked {
        Where::Any => true,
        Where::Nothing => nothing,
        Where::Unrestricted => reads,
        Where::These(ids) if reads => !ids.is_disjoint(limit),
        Where::These(ids) => ids.is_subset(limit),
    }
}

/// `access-rules §3` 2–5 for one scope. `lies_in` tells each project's group at this moment.
fn inside(scope: &Scope, line: &Line, asked: &Question, lies_in: &BTreeMap<i64, i64>) -> bool {
    let honours = |word: &str| line.scopes.contains(word);
    if honours("projects") && !(scope.projects.is_empty() && scope.groups.is_empty()) {
        let grouped = lies_in.iter().filter(|(_, group)| scope.groups.contains(group)).map(|(project, _)| *project);
        let allowed: Numbers = scope.projects.iter().copied().chain(grouped).collect();
        let passes = match &asked.project {
            Where::Any => true,
            Where::These(ids) if line.reads => !ids.is_disjoint(&allowed),
            Where::These(ids) => ids.is_subset(&allowed),
            _ => false,
        };
        if !passes {
            return false;
        }
    }
    if honours("project-groups") && !dimension(&scope.groups, &asked.group, line.reads, false) {
        return false;
    }
    (!honours("environments") || dimension(&scope.environments, &asked.environments, line.reads, false))
        && (!honours("tenants") || dimension(&scope.tenants, &asked.tenants, line.reads, !line.explicit))
        && (!honours("runbooks") || dimension(&scope.runbooks, &asked.runbook, line.reads, false))
}

/// Whether one assignment gives the permission at the level asked about: a mixed role holds its system part everywhere
/// and without limits (`access-rules §2`).
fn allows(one: &Assignment, line: &Line, asked: &Question, lies_in: &BTreeMap<i64, i64>) -> bool {
    if one.ends.is_some_and(|end| end <= NOW) {
        return false;
    }
    match asked.space {
        None => one.system.contains(&line.name),
        Some(space) => {
            one.space.contains(&line.name) && one.place == Some(space) && inside(&one.scope, line, asked, lies_in)
        }
    }
}

/// What a key leaves of an assignment: both must hold; of several things that are looked at, one that is in both; and
/// where the two have nothing in common, nothing is left.
fn key_leaves(key: &Key, one: &Assignment, line: &Line, asked: &Question, lies_in: &BTreeMap<i64, i64>) -> bool {
    if key.permissions.as_ref().is_some_and(|listed| !listed.contains(&line.name)) {
        return false;
    }
    let (own, cut) = (&one.scope, &key.scope);
    let Some(space) = asked.space else {
        let limited = [&key.spaces, &cut.groups, &cut.projects, &cut.environments, &cut.tenants, &cut.runbooks];
        return limited.iter().all(|ids| ids.is_empty());
    };
    if !key.spaces.is_empty() && !key.spaces.contains(&space) {
        return false;
    }
    let apart = |a: &Numbers, b: &Numbers| !a.is_empty() && !b.is_empty() && a.is_disjoint(b);
    let honours = |word: &str| line.scopes.contains(word);
    let gone =
        honours("projects") && own.groups.is_empty() && cut.groups.is_empty() && apart(&own.projects, &cut.projects)
            || honours("environments") && apart(&own.environments, &cut.environments)
            || honours("tenants") && line.explicit && apart(&own.tenants, &cut.tenants)
            || honours("runbooks") && apart(&own.runbooks, &cut.runbooks);
    let common = |word: &str, a: &Numbers, b: &Numbers, asked: &Where| match asked {
        Where::These(ids) if honours(word) && line.reads => {
            ids.iter().any(|id| (a.is_empty() || a.contains(id)) && (b.is_empty() || b.contains(id)))
        }
        _ => true,
    };
    !gone
        && inside(cut, line, asked, lies_in)
        && common("environments", &own.environments, &cut.environments, &asked.environments)
        && common("tenants", &own.tenants, &cut.tenants, &asked.tenants)
}

impl Dice {
    fn id(&mut self) -> i64 {
        self.below(MOST) as i64 + 1
    }
    fn ids(&mut self, most: u64) -> Numbers {
        (0..=self.below(most)).map(|_| self.id()).collect()
    }
    fn limit(&mut self) -> Numbers {
        if self.one_in(2) { Numbers::new() } else { self.ids(3) }
    }
    fn scope(&mut self) -> Scope {
        Scope {
            groups: self.limit(),
            projects: self.limit(),
            environments: self.limit(),
            tenants: self.limit(),
            runbooks: self.limit(),
        }
    }
    fn some_of(&mut self, names: &[String]) -> Names {
        names.iter().filter(|_| !self.one_in(3)).cloned().collect()
    }
    fn assignment(&mut self, pool: &[&Line]) -> Assignment {
        let at = |level: &str| -> Vec<String> {
            pool.iter()
                .filter(|line| line.level == level || line.level == "both")
                .map(|line| line.name.clone())
                .collect()
        };
        let (system, space) = (self.some_of(&at("system")), self.some_of(&at("space")));
        Assignment {
            team: self.id(),
            system,
            space,
            place: (!self.one_in(6)).then(|| self.below(2) as i64 + 1),
            scope: self.scope(),
            ends: self.one_in(4).then(|| NOW - 2 + self.below(4) as i64),
        }
    }
    fn key(&mut self, pool: &[&Line]) -> Key {
        let names: Vec<String> = pool.iter().map(|line| line.name.clone()).collect();
        let limit = |dice: &mut Dice| if dice.one_in(3) { dice.ids(3) } else { Numbers::new() };
        Key {
            permissions: self.one_in(2).then(|| self.some_of(&names)),
            spaces: if self.one_in(2) { Numbers::new() } else { [self.below(2) as i64 + 1].into() },
            scope: Scope {
                groups: limit(self),
                projects: limit(self),
                environments: limit(self),
                tenants: limit(self),
                runbooks: limit(self),
            },
        }
    }
    fn place(&mut self, several: u64) -> Where {
        match self.below(6) {
            0 => Where::Any,
            1 => Where::Nothing,
            _ => Where::These(self.ids(several)),
        }
    }
    fn question(&mut self, line: &Line, lies_in: &BTreeMap<i64, i64>) -> Question {
        let system = line.level == "system" || line.level == "both" && self.one_in(2);
        let project = self.place(1);
        let group = match &project {
            Where::These(ids) => Where::These(ids.iter().filter_map(|id| lies_in.get(id)).copied().collect()),
            _ if line.scopes.contains("projects") => project.clone(),
            _ => self.place(1),
        };
        let environments = if self.one_in(10) { Where::Unrestricted } else { self.place(3) };
        Question {
            space: (!system).then(|| self.below(2) as i64 + 1),
            group,
            project,
            environments,
            tenants: self.place(3),
            runbook: self.place(1),
        }
    }
}

fn limit(ids: &Numbers) -> Limit {
    Limit::to(&ids.iter().copied().collect::<Vec<_>>())
}

fn keys(names: &Names) -> Vec<usize> {
    names.iter().map(|name| named(name).unwrap().key).collect()
}

/// The assignments as the door compiles them: a system part without limits, a space part with them.
fn compiled(all: &[Assignment]) -> Grants {
    let part = |one: &Assignment, space: Option<i64>, scope: &Scope| Grant {
        team: one.team,
        role: 1,
        space,
        groups: limit(&scope.groups),
        projects: limit(&scope.projects),
        environments: limit(&scope.environments),
        tenants: limit(&scope.tenants),
        runbooks: limit(&scope.runbooks),
        until: one.ends.map(Moment),
        within: None,
    };
    let grants = all.iter().flat_map(|one| {
        let system = (part(one, None, &Scope::default()), keys(&one.system));
        let space = one.place.map(|space| (part(one, Some(space), &one.scope), keys(&one.space)));
        std::iter::once(system).chain(space)
    });
    Grants::new(grants.collect())
}

fn narrowing(key: &Key) -> Narrowing {
    Narrowing {
        permissions: key.permissions.as_ref().map(keys),
        spaces: limit(&key.spaces),
        groups: limit(&key.scope.groups),
        projects: limit(&key.scope.projects),
        environments: limit(&key.scope.environments),
        tenants: limit(&key.scope.tenants),
        runbooks: limit(&key.scope.runbooks),
    }
}

fn check(info: &Info, asked: &Question) -> Check {
    let ids = |asked: &Where| match asked {
        Where::Any => Ids::Any,
        Where::Nothing => Ids::None,
        Where::Unrestricted => Ids::Every,
        Where::These(ids) => Ids::from_list(ids.iter().copied().collect()),
    };
    Check {
        space: asked.space,
        groups: ids(&asked.group),
        projects: ids(&asked.project),
        environments: ids(&asked.environments),
        tenants: ids(&asked.tenants),
        runbooks: ids(&asked.runbook),
        ..Check::new(info.change)
    }
}

fn ask(grants: &Grants, info: &Info, asked: &Question) -> bool {
    grants.decide(info, &check(info, asked), || Moment(NOW)).is_ok()
}

/// A number that whoever runs the tests gives.
pub(super) fn told_number(name: &str) -> Option<u64> {
    env::var(name).ok().and_then(|text| text.parse().ok())
}

#[test]
fn every_decision_agrees_with_the_rules_read_once_more() {
    let wanted = told_number("BULKHEAD_RANDOM_CASES").unwrap_or(USUAL as u64) as usize;
    let seed = told_number("BULKHEAD_RANDOM_SEED").unwrap_or(clock::now().0 as u64);
    let lines = table();
    let mut dice = Dice(seed);
    let (mut cases, mut yes, mut bulk) = (0, 0, 0);
    while cases < wanted {
        let pool: Vec<&Line> = (0..4).map(|_| &lines[dice.below(lines.len() as u64) as usize]).collect();
        // Now and then so many that they do not fit into one word of bits.
        let most = if dice.one_in(40) { 140 } else { 6 };
        let all: Vec<Assignment> = (0..dice.below(most)).map(|_| dice.assignment(&pool)).collect();
        let further = dice.assignment(&pool);
        let key = dice.key(&pool);
        let grants = compiled(&all);
        let more = compiled(&[&all[..], std::slice::from_ref(&further)].concat());
        let alone: Vec<Grants> = all.iter().map(|one| compiled(std::slice::from_ref(one))).collect();
        let left = narrowing(&key).of(&grants);
        let mut lies_in: BTreeMap<i64, i64> = (1..=MOST as i64).map(|project| (project, dice.id())).collect();
        for _ in 0..12 {
            // Projects move from group to group while the grants stay compiled.
            if dice.one_in(3) {
                let (project, group) = (dice.id(), dice.id());
                lies_in.insert(project, group);
            }
            let line = pool[dice.below(pool.len() as u64) as usize];
            let info = named(&line.name).unwrap();
            let asked = dice.question(line, &lies_in);
            let told = || {
                format!(
                    "BULKHEAD_RANDOM_SEED={seed} draws this again, as case {cases}: {line:?}\n{asked:#?}\n{lies_in:?}\n{all:#?}"
                )
            };
            let wanted = all.iter().any(|one| allows(one, line, &asked, &lies_in));
            assert_eq!(ask(&grants, info, &asked), wanted, "{}", told());
            let single = alone.iter().any(|one| ask(one, info, &asked));
            assert_eq!(single, wanted, "grants are not put together: {}", told());
            let with_more = ask(&more, info, &asked);
            assert!(with_more || !wanted, "another grant took a right: {further:?}\n{}", told());
            let by_key = all
                .iter()
                .any(|one| allows(one, line, &asked, &lies_in) && key_leaves(&key, one, line, &asked, &lies_in));
            assert_eq!(ask(&left, info, &asked), by_key, "with the key {key:#?}\n{}", told());
            // A request for many tenants is one question a tenant, and other grants may cover other tenants.
            if let Where::These(tenants) = &asked.tenants {
                let of = |tenant: &i64| Question { tenants: Where::These([*tenant].into()), ..asked.clone() };
                let each = |test: &dyn Fn(&Question) -> bool| tenants.iter().all(|tenant| test(&of(tenant)));
                let by_rules = each(&|one| all.iter().any(|grant| allows(grant, line, one, &lies_in)));
                assert_eq!(each(&|one| ask(&grants, info, one)), by_rules, "tenant by tenant: {}", told());
                bulk += usize::from(by_rules && !wanted);
            }
            cases += 1;
            yes += usize::from(wanted);
        }
    }
    eprintln!("{cases} cases were decided as the rules say, {yes} with yes; BULKHEAD_RANDOM_SEED={seed}");
    // The cases are worth something: both answers are common, and bulk requests need several grants now and then.
    assert!(yes * 10 > cases && yes * 10 < cases * 9, "{yes} of {cases} were allowed; seed {seed}");
    assert!(bulk > 0, "no request was covered by several grants together; seed {seed}");
}
