//! Nobody gives what they do not hold: what covers what, as a table.

use crate::{
    base::clock::{self, DAY, Moment},
    company::{
        access::{
            Gift, Gifts,
            permissions::named,
            policy::{Grant, Grants, Limit, Within},
        },
        testing::harbour,
    },
};

/// A place in space 1: `p1 g2 e3 t4 r5` are limits, `s2` another space, `out` the company as a whole; empty: all of space 1.
fn grant(words: &str, until: Option<Moment>) -> Grant {
    let ids = |mark: char| -> Vec<i64> {
        words.split(' ').filter_map(|word| word.strip_prefix(mark)?.parse().ok()).collect()
    };
    Grant {
        team: 0,
        role: 0,
        space: (!words.contains("out")).then(|| ids('s').first().copied().unwrap_or(1)),
        groups: Limit::to(&ids('g')),
        projects: Limit::to(&ids('p')),
        environments: Limit::to(&ids('e')),
        tenants: Limit::to(&ids('t')),
        runbooks: Limit::to(&ids('r')),
        until,
        within: None,
    }
}

fn key(name: &str) -> usize {
    named(name).unwrap().key
}

#[test]
fn what_one_holds_covers_what_one_gives() {
    let harbour = harbour();
    let group = harbour.group("Web");
    let shop = harbour.project("Shop", Some(group));
    assert_eq!((group, shop), (2, 1), "the table below counts on it");
    let rows = harbour.company.snapshot().unwrap();
    for (permission, held, given, covered) in [
        // The same, less, more.
        ("DeploymentCreate", &["p1 e1 t1"][..], "p1 e1 t1", true),
        ("DeploymentCreate", &["e1"], "p1 e1 t1", true),
        ("DeploymentCreate", &["p1 e1"], "e1", false),
        ("DeploymentCreate", &["p1"], "p2", false),
        ("DeploymentCreate", &["p1"], "p1 p2", false),
        ("DeploymentCreate", &["t1"], "", false),
        // Two grants together cover two places, and never a place that neither covers by itself.
        ("DeploymentCreate", &["p1", "p2"], "p1 p2", true),
        ("DeploymentCreate", &["p1 e1", "p2 e2"], "p1 p2 e1 e2", false),
        ("DeploymentCreate", &["p1 e1", "p2 e2", "p1 e2", "p2 e1"], "p1 p2 e1 e2", true),
        ("DeploymentCreate", &["t1", "t2"], "t1 t2", true),
        ("DeploymentCreate", &["t1", "t2"], "", false),
        // A group covers what is in it now; a project never its group.
        ("DeploymentCreate", &["g2"], "p1", true),
        ("DeploymentCreate", &["g3"], "p1", false),
        ("DeploymentCreate", &["p1"], "g2", false),
        ("DeploymentCreate", &["g2"], "g2 p1", true),
        ("DeploymentCreate", &["g2"], "g2 p9", false),
        ("RunbookRunCreate", &["r1"], "r1", true),
        ("RunbookRunCreate", &["r1"], "p1", false),
        ("RunbookRunCreate", &["r1", "r2"], "r1 r2", true),
        ("DeploymentCreate", &["r1"], "", true),
        // Limits that the permission does not honour are beside the point, on both sides (`access-rules §3`).
        ("EnvironmentView", &["p1"], "", true),
        ("EnvironmentView", &["e1"], "p1", false),
        ("ProjectCreate", &["p1"], "", true),
        ("ProjectCreate", &["g2"], "p1", false),
        ("FeedEdit", &["p1 e1 t1"], "", true),
        // Space and level.
        ("DeploymentCreate", &["s2"], "", false),
        ("DeploymentCreate", &[], "", false),
        ("TeamEdit", &["out"], "", false),
        ("TeamEdit", &[""], "out", false),
        ("TeamEdit", &["out"], "out", true),
    ] {
        let holder = Grants::new(held.iter().map(|words| (grant(words, None), vec![key(permission)])).collect());
        let gift = Gift { grant: grant(given, None), permissions: vec![key(permission)] };
        let gifts = rows.with(|rows| Gifts::new(rows, vec![gift])).unwrap();
        let lacking = gifts.lacking(&holder, clock::now());
        assert_eq!(lacking.is_none(), covered, "{permission}: who holds {held:?} gives {given:?}");
    }
}

#[test]
fn nothing_is_given_for_longer_than_it_is_held() {
    let harbour = harbour();
    let rows = harbour.company.snapshot().unwrap();
    let now = clock::now();
    let (past, day, week) = (Some(now.plus(-DAY)), Some(now.plus(DAY)), Some(now.plus(7 * DAY)));
    for (held, given, covered) in [
        (None, None, true),
        (None, day, true),
        (week, day, true),
        (day, day, true),
        (day, week, false),
        (day, None, false),
        (past, None, false),
        (past, past, false),
    ] {
        let holder = Grants::new(vec![(grant("", held), vec![key("FeedEdit")])]);
        let gift = Gift { grant: grant("", given), permissions: vec![key("FeedEdit")] };
        let gifts = rows.with(|rows| Gifts::new(rows, vec![gift])).unwrap();
        assert_eq!(gifts.lacking(&holder, now).is_none(), covered, "held until {held:?}, given until {given:?}");
    }
}

#[test]
fn what_a_narrowed_key_leaves_is_what_it_gives() {
    let harbour = harbour();
    let rows = harbour.company.snapshot().unwrap();
    let within = Within { groups: Limit::All, projects: Limit::to(&[1]) };
    let held = Grant { within: Some(Box::new(within)), ..grant("g2 p1 p2", None) };
    let holder = Grants::new(vec![(held, vec![key("DeploymentCreate")])]);
    for (given, covered) in [("p1", true), ("p2", false), ("g2", false), ("", false)] {
        let gift = Gift { grant: grant(given, None), permissions: vec![key("DeploymentCreate")] };
        let gifts = rows.with(|rows| Gifts::new(rows, vec![gift])).unwrap();
        assert_eq!(gifts.lacking(&holder, clock::now()).is_none(), covered, "{given}");
    }
}

#[test]
fn what_somebody_has_already_is_not_given() {
    let harbour = harbour();
    let rows = harbour.company.snapshot().unwrap();
    let gifts = |places: &[&str]| {
        let gift = |place: &&str| Gift { grant: grant(place, None), permissions: vec![key("DeploymentCreate")] };
        rows.with(|rows| Gifts::new(rows, places.iter().map(gift).collect())).unwrap()
    };
    for (had, given, left) in
        [("", "p1", false), ("p1", "p1", false), ("p1", "", true), ("p1", "p1 p2", true), ("e1", "p1 e1", false)]
    {
        assert_eq!(!gifts(&[given]).beyond(&gifts(&[had])).is_empty(), left, "had {had}, is given {given}");
    }
}
