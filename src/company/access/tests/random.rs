//! The decision and the lists' conditions against a second, naive reading of `access-rules §3`, for many random cases;
//! the same for API keys that hold less than their owner. `BULKHEAD_RANDOM_CASES` and `BULKHEAD_RANDOM_SEED` as for the
//! oracle; unless told, the cases are the same in every run.

use super::{
    oracle::{USUAL, told_number},
    rules::{check, grant},
};
use crate::{
    base::clock,
    company::{
        access::{
            Columns,
            narrowing::Narrowing,
            permissions::{self as ask, Info, Permission},
            policy::{Check, Dimension, Grant, Grants, Ids, Limit},
            reach::Reach,
        },
        testing::harbour,
    },
};
use rusqlite::params_from_iter;

/// A small generator (xorshift).
struct Dice(u64);
impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
    /// No restriction as often as not, else up to three of the ids 1 to 5.
    fn limit(&mut self) -> Vec<i64> {
        if self.below(2) == 0 { vec![] } else { (0..=self.below(3)).map(|_| self.id()).collect() }
    }
    fn lists(&mut self) -> Lists {
        std::array::from_fn(|_| self.limit())
    }
    fn id(&mut self) -> i64 {
        self.below(5) as i64 + 1
    }
    fn maybe(&mut self) -> Option<i64> {
        if self.below(3) == 0 { None } else { Some(self.id()) }
    }
}

/// A grant as five lists: groups, projects, environments, tenants, runbooks.
type Lists = [Vec<i64>; 5];

/// A thing with its project, environment, tenant and runbook. Project p lies in group p modulo 3, plus 1; what is of a
/// runbook is of a project too.
#[derive(Debug, Clone)]
struct Thing {
    project: Option<i64>,
    environments: Vec<i64>,
    tenant: Option<i64>,
    runbook: Option<i64>,
}
fn group_of(project: i64) -> i64 {
    project % 3 + 1
}

/// Which dimensions the rows of a list have, and what a missing value means.
#[derive(Clone, Copy)]
struct Shape {
    info: &'static Info,
    project: bool,
    environment: bool,
    tenant: bool,
    runbook: bool,
    missing_is_any: bool,
}

/// `access-rules §3` once more, word by word.
fn naive(grants: &[Lists], shape: Shape, thing: &Thing) -> bool {
    let honours = |dimension| ask::honoured(shape.info).any(|d| d == dimension);
    grants.iter().any(|[groups, projects, environments, tenants, runbooks]| {
        let mut passes = true;
        if honours(Dimension::Project) && shape.project && !(groups.is_empty() && projects.is_empty()) {
            passes &= match thing.project {
                Some(project) => projects.contains(&project) || groups.contains(&group_of(project)),
                None => shape.missing_is_any,
            };
        }
        if honours(Dimension::Environment) && shape.environment && !environments.is_empty() {
            passes &= match thing.environments.as_slice() {
                [] => shape.missing_is_any,
                some if shape.info.change => some.iter().all(|id| environments.contains(id)),
                some => some.iter().any(|id| environments.contains(id)),
            };
        }
        if honours(Dimension::Tenant) && shape.tenant && !tenants.is_empty() {
            passes &= match thing.tenant {
                Some(tenant) => tenants.contains(&tenant),
                None => !shape.info.explicit,
            };
        }
        if honours(Dimension::Runbook) && shape.runbook && !runbooks.is_empty() {
            passes &= match thing.runbook {
                Some(runbook) => runbooks.contains(&runbook),
                // A project's deployment could be of a runbook and is not; for a health check that is beside the point.
                None => shape.missing_is_any && thing.project.is_none(),
            };
        }
        passes
    })
}

fn question(shape: Shape, thing: &Thing) -> Check {
    let missing = || if shape.missing_is_any { Ids::Any } else { Ids::None };
    let of = |present: bool, value: Option<i64>| if present { value.map_or_else(missing, Ids::One) } else { Ids::Any };
    let environments = match thing.environments.as_slice() {
        _ if !shape.environment => Ids::Any,
        [] => missing(),
        some => Ids::from_list(some.to_vec()),
    };
    let runbooks = match (shape.runbook, thing.runbook) {
        (false, _) => Ids::Any,
        (true, Some(runbook)) => Ids::One(runbook),
        (true, None) if shape.missing_is_any && thing.project.is_none() => Ids::Any,
        (true, None) => Ids::None,
    };
    let (group, project) = (of(shape.project, thing.project.map(group_of)), of(shape.project, thing.project));
    // Work for no tenant is not beside the point for who is limited to tenants.
    let tenant = if shape.tenant { thing.tenant.map_or(Ids::None, Ids::One) } else { Ids::Any };
    Check { runbooks, ..check(shape.info, group, project, environments, tenant) }
}

/// What a key leaves of a grant, word by word: a thing is inside when it is inside both; of several environments, one
/// that is in both. A grant of which nothing is left in some dimension is gone, also for things without a value there.
fn naive_with_key(grants: &[Lists], key: &Key, shape: Shape, thing: &Thing) -> bool {
    if key.elsewhere || key.lacks {
        return false;
    }
    let honours = ask::honoured(shape.info).any(|d| d == Dimension::Environment) && shape.environment;
    let common = |grant: &Lists| {
        let inside = |lists: &Lists, id: &i64| lists[2].is_empty() || lists[2].contains(id);
        !honours
            || thing.environments.is_empty()
            || thing.environments.iter().any(|id| inside(grant, id) && inside(&key.lists, id))
    };
    let one = std::slice::from_ref(&key.lists);
    let apart = |grant: &Lists, at: usize| {
        let (a, b) = (&grant[at], &key.lists[at]);
        !a.is_empty() && !b.is_empty() && a.iter().all(|id| !b.contains(id))
    };
    let is_gone = |grant: &Lists| {
        let no_groups = grant[0].is_empty() && key.lists[0].is_empty();
        shape.info.projects && no_groups && apart(grant, 1)
            || shape.info.environments && apart(grant, 2)
            || shape.info.tenants && shape.info.explicit && apart(grant, 3)
            || shape.info.runbooks && apart(grant, 4)
    };
    grants
        .iter()
        .filter(|grant| !is_gone(grant))
        .any(|grant| naive(std::slice::from_ref(grant), shape, thing) && naive(one, shape, thing) && common(grant))
}

/// To what a key is narrowed.
#[derive(Debug)]
struct Key {
    lists: Lists,
    /// It names permissions, and not this one.
    lacks: bool,
    /// It names spaces, and not this one.
    elsewhere: bool,
}

impl Key {
    fn narrowing(&self, info: &Info, dice: &mut Dice) -> Narrowing {
        let [groups, projects, environments, tenants, runbooks] = &self.lists;
        let permissions = match (self.lacks, dice.below(2)) {
            (true, _) => Some(vec![ask::AccountView::INFO.key]),
            (false, 0) => None,
            _ => Some(vec![ask::AccountView::INFO.key, info.key]),
        };
        let spaces = match (self.elsewhere, dice.below(2)) {
            (true, _) => Limit::to(&[2, 3]),
            (false, 0) => Limit::All,
            _ => Limit::to(&[1, 2]),
        };
        Narrowing {
            permissions,
            spaces,
            groups: Limit::to(groups),
            projects: Limit::to(projects),
            environments: Limit::to(environments),
            tenants: Limit::to(tenants),
            runbooks: Limit::to(runbooks),
        }
    }
}

#[test]
fn decisions_and_lists_agree_with_the_rules() {
    compare(400, false);
}

#[test]
fn a_narrowed_key_does_what_its_owner_may_and_it_holds_and_nothing_else() {
    compare(800, true);
}

fn compare(rounds: usize, with_keys: bool) {
    let harbour = harbour();
    let rounds = rounds * (told_number("BULKHEAD_RANDOM_CASES").unwrap_or(0) as usize / USUAL).max(1);
    let seed = told_number("BULKHEAD_RANDOM_SEED").unwrap_or(0x9E37_79B9_7F4A_7C15).max(1);
    let mut dice = Dice(seed);
    let all = Shape {
        info: ask::DeploymentView::INFO,
        project: true,
        environment: true,
        tenant: true,
        runbook: false,
        missing_is_any: false,
    };
    let shapes = [
        all,
        Shape { info: ask::TaskView::INFO, runbook: true, missing_is_any: true, ..all },
        Shape { info: ask::RunbookRunView::INFO, runbook: true, ..all },
        Shape { info: ask::EventView::INFO, runbook: true, ..all },
        Shape { info: ask::RunbookView::INFO, environment: false, tenant: false, runbook: true, ..all },
        Shape { info: ask::ProjectView::INFO, environment: false, tenant: false, ..all },
        Shape { info: ask::ReleaseView::INFO, environment: false, ..all },
        Shape { info: ask::EnvironmentView::INFO, project: false, tenant: false, ..all },
        Shape { info: ask::TenantView::INFO, project: false, environment: false, ..all },
        Shape { info: ask::MachineView::INFO, project: false, ..all },
        Shape { info: ask::InterruptionView::INFO, missing_is_any: true, ..all },
    ];
    harbour.sql(|c| {
        c.execute_batch(
            "CREATE TABLE things (id INTEGER PRIMARY KEY, grp INTEGER, project INTEGER, environment INTEGER, tenant INTEGER, runbook INTEGER) STRICT;
             CREATE TABLE thing_environments (thing INTEGER, environment INTEGER) STRICT;",
        )
    });
    for round in 0..rounds {
        let shape = shapes[round % shapes.len()];
        let several = shape.info.name == "MachineView";
        // Now and then so many grants that they do not fit into one word of bits.
        let most = if round % 20 == 7 { 150 } else { 4 };
        let grants: Vec<Lists> = (0..dice.below(most)).map(|_| dice.lists()).collect();
        let of = |[g, p, e, t, r]: &Lists| Grant { runbooks: Limit::to(r), ..grant(g, p, e, t) };
        let compiled: Vec<_> = grants.iter().map(|lists| (of(lists), vec![shape.info.key])).collect();
        let owner = Grants::new(compiled);
        let key =
            with_keys.then(|| Key { lists: dice.lists(), lacks: dice.below(12) == 0, elsewhere: dice.below(12) == 0 });
        let compiled = match &key {
            Some(key) => key.narrowing(shape.info, &mut dice).of(&owner),
            None => owner.clone(),
        };
        let things: Vec<Thing> = (0..12)
            .map(|_| {
                let project = dice.maybe();
                Thing {
                    project,
                    environments: if several {
                        (0..=dice.below(2)).map(|_| dice.id()).collect()
                    } else {
                        dice.maybe().into_iter().collect()
                    },
                    tenant: dice.maybe(),
                    runbook: project.and_then(|_| dice.maybe()),
                }
            })
            .collect();
        let by_rules: Vec<i64> = things
            .iter()
            .enumerate()
            .filter(|(_, thing)| match &key {
                Some(key) => naive_with_key(&grants, key, shape, thing),
                None => naive(&grants, shape, thing),
            })
            .map(|(n, _)| n as i64)
            .collect();
        let by_door: Vec<i64> = things
            .iter()
            .enumerate()
            .filter(|(_, thing)| compiled.decide(shape.info, &question(shape, thing), clock::now).is_ok())
            .map(|(n, _)| n as i64)
            .collect();
        assert_eq!(
            by_door, by_rules,
            "BULKHEAD_RANDOM_SEED={seed}, round {round}: {} with {grants:?}, {key:?} on {things:?}",
            shape.info.name
        );
        for thing in &things {
            let asked = question(shape, thing);
            let beyond = compiled.allows(shape.info, &asked, clock::now).is_some()
                && owner.allows(shape.info, &asked, clock::now).is_none();
            assert!(
                !beyond,
                "BULKHEAD_RANDOM_SEED={seed}, round {round}: the key does what its owner may not: {grants:?}, {key:?} on {thing:?}"
            );
        }

        let reach = Reach::new(&compiled, shape.info, Some(1), clock::now());
        let columns = Columns {
            group: shape.project.then_some("grp"),
            project: shape.project.then_some("project"),
            environment: match (shape.environment, several) {
                (false, _) => None,
                (true, false) => Some("environment"),
                (true, true) => {
                    Some("EXISTS (SELECT 1 FROM thing_environments e WHERE e.thing = id AND e.environment IN $)")
                }
            },
            tenant: shape.tenant.then_some("tenant"),
            runbook: match (shape.runbook, shape.missing_is_any) {
                (false, _) => None,
                (true, false) => Some("runbook"),
                // As the list of tasks says it.
                (true, true) => Some("(runbook IN $ OR project IS NULL)"),
            },
            null_is_any: shape.missing_is_any,
        };
        let mut parameters = Vec::new();
        let condition = reach.condition(columns, &mut parameters);
        let by_list: Vec<i64> = harbour.sql(|c| {
            c.execute_batch("DELETE FROM things; DELETE FROM thing_environments")?;
            for (n, thing) in things.iter().enumerate() {
                let first = thing.environments.first();
                c.execute(
                    "INSERT INTO things VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                    (n as i64, thing.project.map(group_of), thing.project, first, thing.tenant, thing.runbook),
                )?;
                for environment in &thing.environments {
                    c.execute("INSERT INTO thing_environments VALUES (?1, ?2)", (n as i64, environment))?;
                }
            }
            let mut statement = c.prepare(&format!("SELECT id FROM things WHERE {condition} ORDER BY id"))?;
            statement.query_map(params_from_iter(&parameters), |row| row.get(0))?.collect()
        });
        assert_eq!(
            by_list, by_rules,
            "BULKHEAD_RANDOM_SEED={seed}, round {round}: {} with {grants:?}, {key:?} on {things:?}: {condition}",
            shape.info.name
        );
        match &key {
            None => assert_eq!(reach.is_nothing(), grants.is_empty()),
            // A button is not shown where nothing can be behind it.
            Some(_) => {
                let anywhere = check(shape.info, Ids::Any, Ids::Any, Ids::Any, Ids::Any);
                let somewhere = compiled.allows(shape.info, &anywhere, clock::now).is_some();
                assert_eq!(somewhere, !reach.is_nothing(), "BULKHEAD_RANDOM_SEED={seed}, round {round}");
                assert!(somewhere || by_rules.is_empty(), "BULKHEAD_RANDOM_SEED={seed}, round {round}");
            }
        }
    }
}
