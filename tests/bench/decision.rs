//! A permission decision for a user with 20 teams and 40 scoped roles, among 1,000 projects and 1,000 tenants, beside
//! the same question put to plain sets of ids and beside the least that any answer costs: one look into a set of ids.
//!
//! Each sample asks 1,024 different questions; the figure is of one.

mod sample;

use bulkhead::{
    base::clock::Moment,
    company::access::{
        permissions::{DeploymentCreate, Permission},
        policy::Check,
    },
};
use divan::{Bencher, black_box, counter::ItemsCount};
use sample::{QUESTIONS, Question, allowed, check, grants, refused, roles};
use std::collections::HashSet;

fn main() {
    divan::main();
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
