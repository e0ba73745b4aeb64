//! A permission decision for a user with 20 teams and 40 scoped roles, among 1,000 projects and 1,000 tenants, beside
//! the same question put to plain sets of ids and beside the least that any answer costs: one look into a set of ids.
//!
//! Each sample asks 1,024 different questions; the figure is of one.

use bulkhead::{
    base::clock::Moment,
    company::access::{
        permissions::{DeploymentCreate, Permission},
        policy::{Check, Grant, Grants, Ids, Limit},
    },
};
use divan::{Bencher, black_box, counter::ItemsCount};
use std::collections::HashSet;

const QUESTIONS: usize = 1024;
const SPACE: i64 = 1;

fn main() {
    divan::main();
}

/// Numbers that look random and are the same in every run.
struct Dice(u64);
impl Dice {
    fn below(&mut self, bound: i64) -> i64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as i64 + 1
    }
    fn some(&mut self, count: usize, bound: i64) -> Vec<i64> {
        (0..count).map(|_| self.below(bound)).collect()
    }
}

/// One scoped role as lists of ids.
struct Role {
    team: i64,
    role: i64,
    projects: Vec<i64>,
    environments: Vec<i64>,
    tenants: Vec<i64>,
}

/// Forty roles on twenty teams: each for 25 of the projects, 2 of 8 environments and 50 of the tenants.
fn roles() -> Vec<Role> {
    let mut dice = Dice(0x2545_F491_4F6C_DD1D);
    let role = |n: i64, dice: &mut Dice| Role {
        team: n / 2 + 1,
        role: n + 1,
        projects: dice.some(25, 1000),
        environments: dice.some(2, 8),
        tenants: dice.some(50, 1000),
    };
    (0..40).map(|n| role(n, &mut dice)).collect()
}

fn grants(roles: &[Role]) -> Grants {
    let grant = |r: &Role| Grant {
        team: r.team,
        role: r.role,
        space: Some(SPACE),
        groups: Limit::All,
        projects: Limit::to(&r.projects),
        environments: Limit::to(&r.environments),
        tenants: Limit::to(&r.tenants),
        runbooks: Limit::All,
        until: None,
        within: None,
    };
    // A deployer's role carries some dozen permissions; all are there so that the tables have their real size.
    let key = DeploymentCreate::INFO.key;
    Grants::new(roles.iter().map(|r| (grant(r), (key..key + 12).collect())).collect())
}

type Question = (i64, i64, i64);

fn check((project, environment, tenant): Question) -> Check {
    let mut check = Check::new(true);
    check.space = Some(SPACE);
    check.groups = Ids::One(project % 20 + 1);
    check.projects = Ids::One(project);
    check.environments = Ids::One(environment);
    check.tenants = Ids::One(tenant);
    check
}

/// Questions that some role allows, spread over all forty.
fn allowed(roles: &[Role]) -> Vec<Question> {
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
    let mut pick = |list: &[i64]| list[(dice.below(list.len() as i64) - 1) as usize];
    let mut question = |r: &Role| (pick(&r.projects), pick(&r.environments), pick(&r.tenants));
    (0..QUESTIONS).map(|n| question(&roles[n * 7 % roles.len()])).collect()
}

/// Questions about anything, of which next to none is allowed: every role has to be looked at.
fn refused() -> Vec<Question> {
    let mut dice = Dice(0xD1B5_4A32_D192_ED03);
    (0..QUESTIONS).map(|_| (dice.below(1000), dice.below(8), dice.below(1000))).collect()
}

fn ask(bencher: Bencher, questions: Vec<Question>) {
    let grants = grants(&roles());
    let checks: Vec<Check> = questions.into_iter().map(check).collect();
    bencher.counter(ItemsCount::new(QUESTIONS)).bench(|| {
        let now = || Moment(0);
        checks.iter().filter(|check| grants.allows(DeploymentCreate::INFO, black_box(check), now).is_some()).count()
    });
}

#[divan::bench]
fn decision_allowed(bencher: Bencher) {
    ask(bencher, allowed(&roles()));
}

#[divan::bench]
fn decision_refused(bencher: Bencher) {
    ask(bencher, refused());
}

/// A refusal with its reason, as the trail and the page tell it.
#[divan::bench]
fn reason_of_a_refusal(bencher: Bencher) {
    let grants = grants(&roles());
    let checks: Vec<Check> = refused().into_iter().map(check).collect();
    bencher.counter(ItemsCount::new(QUESTIONS)).bench(|| {
        let now = || Moment(0);
        checks.iter().filter(|check| grants.decide(DeploymentCreate::INFO, black_box(check), now).is_ok()).count()
    });
}

/// The same with a `HashSet` a dimension: what one would write first.
fn plain(bencher: Bencher, questions: Vec<Question>) {
    let set = |ids: &[i64]| ids.iter().copied().collect::<HashSet<i64>>();
    let sets: Vec<_> = roles().iter().map(|r| (set(&r.projects), set(&r.environments), set(&r.tenants))).collect();
    bencher.counter(ItemsCount::new(QUESTIONS)).bench(|| {
        let allows = |q: &Question| {
            let (project, environment, tenant) = black_box(*q);
            sets.iter().any(|(p, e, t)| p.contains(&project) && e.contains(&environment) && t.contains(&tenant))
        };
        questions.iter().filter(|q| allows(q)).count()
    });
}

#[divan::bench]
fn plain_sets_allowed(bencher: Bencher) {
    plain(bencher, allowed(&roles()));
}

#[divan::bench]
fn plain_sets_refused(bencher: Bencher) {
    plain(bencher, refused());
}

/// The bare limit: one look into one `HashSet` of the user's projects.
#[divan::bench]
fn one_look(bencher: Bencher) {
    let set: HashSet<i64> = roles().iter().flat_map(|r| r.projects.clone()).collect();
    let questions = refused();
    bencher
        .counter(ItemsCount::new(QUESTIONS))
        .bench(|| questions.iter().filter(|(project, ..)| set.contains(black_box(project))).count());
}
