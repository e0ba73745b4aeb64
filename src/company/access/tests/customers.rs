//! Who is one of a tenant's own people is asked in four forms: of one user in SQL, of all at once, in the census behind
//! *who may*, and of a visitor. They answer as a fifth one does, which only counts (`access-rules §11`).

use std::collections::BTreeSet;

use crate::company::{
    access::{Rows, are_in_everyone, census::Census, customers, is_customer, is_in_everyone, testing::Dice},
    testing::{Scope, harbour},
};

/// A team as the naive answer needs it.
struct Team {
    id: i64,
    for_customers: bool,
    of_tenant: bool,
}

fn found(rows: &Rows<'_>, condition: &str) -> BTreeSet<i64> {
    let all: Vec<i64> = rows.all(&format!("SELECT u.id FROM users u WHERE {condition}"), [], |row| row.get(0)).unwrap();
    all.into_iter().collect()
}

#[test]
fn every_form_of_the_question_gives_the_same_answer() {
    let (harbour, mut dice) = (harbour(), Dice(2_026));
    let tenants: Vec<i64> = (0..4).map(|n| harbour.tenant(&format!("Tenant {n}"))).collect();
    let limited = |tenant: usize| Scope { tenants: &tenants[tenant..=tenant], ..Scope::EVERYWHERE };
    let own = "Tenant Self-Service";
    // A team that a tenant's page makes; by hand the same; with one more role; with one not limited; another role; empty.
    let kinds: [(&[(&str, Scope<'_>)], bool); 6] = [
        (&[(own, limited(0))], true),
        (&[(own, limited(1)), (own, limited(2))], true),
        (&[(own, limited(1)), ("Environment viewer", limited(1))], false),
        (&[(own, limited(1)), (own, Scope::EVERYWHERE)], false),
        (&[("Deployment creator", limited(3))], false),
        (&[], false),
    ];
    let mut teams = Vec::new();
    for (number, (roles, for_customers)) in kinds.into_iter().enumerate() {
        teams.push(Team { id: harbour.team(&format!("Team {number}"), &[], roles), for_customers, of_tenant: false });
    }
    // A tenant's team stays one whatever is done to its roles.
    for (number, roles) in
        [&[(own, limited(0))][..], &[], &[("Environment viewer", Scope::EVERYWHERE)]].iter().enumerate()
    {
        let id = harbour.team(&format!("People of {number}"), &[], roles);
        let tenant = tenants[number];
        harbour.sql(|c| c.execute("UPDATE teams SET tenant_id = ?2, space_id = 1 WHERE id = ?1", [id, tenant]));
        teams.push(Team { id, for_customers: true, of_tenant: true });
    }
    let mut expected = BTreeSet::new();
    let mut with_portal = BTreeSet::new();
    for number in 0..150 {
        let user = harbour.user(&format!("Person {number}"));
        let came = dice.one_in(4);
        let theirs: Vec<&Team> = teams.iter().filter(|_| dice.one_in(6)).collect();
        harbour.sql(|c| {
            c.execute("UPDATE users SET came_for_tenant = ?2 WHERE id = ?1", (user, came))?;
            for team in &theirs {
                c.execute("INSERT INTO team_members (team_id, user_id) VALUES (?1, ?2)", (team.id, user))?;
            }
            Ok(())
        });
        let none_for_colleagues = theirs.iter().all(|team| team.for_customers);
        if none_for_colleagues && (came || !theirs.is_empty()) {
            expected.insert(user);
        }
        if !theirs.is_empty() && theirs.iter().all(|team| team.of_tenant) {
            with_portal.insert(user);
        }
    }
    assert!(expected.len() > 20 && expected.len() < 120 && !with_portal.is_empty(), "{}", expected.len());
    assert!(with_portal.is_subset(&expected));
    for in_everyone in [false, true] {
        harbour.sql(|c| c.execute("UPDATE settings SET customers_in_everyone = ?1", [in_everyone]));
        let snapshot = harbour.company.snapshot().unwrap();
        snapshot
            .with(|rows| {
                let everybody = found(rows, "1");
                assert_eq!(found(rows, is_customer!("u.id")), expected);
                assert_eq!(found(rows, concat!("u.id IN ", customers!())), expected);
                let colleagues = if in_everyone { everybody.clone() } else { &everybody - &expected };
                assert_eq!(found(rows, is_in_everyone!("u.id")), colleagues);
                assert_eq!(found(rows, are_in_everyone!("u.id")), colleagues);
                let census = Census::read(rows)?;
                let counted = census.people.values().filter(|one| one.is_customer).map(|one| one.id).collect();
                assert_eq!(expected, counted);
                let in_it = |one: &i64| census.people[one].teams.iter().any(|team| Some(*team) == census.everyone);
                assert_eq!(everybody.iter().filter(|one| in_it(one)).copied().collect::<BTreeSet<_>>(), colleagues);
                Ok(())
            })
            .unwrap();
        for user in &found_users(&expected, &with_portal) {
            let visitor = harbour.visit(*user);
            assert_eq!(!visitor.customer_of().is_empty(), with_portal.contains(user), "{user}");
        }
    }
}

/// Some with the portal and some without.
fn found_users(expected: &BTreeSet<i64>, with_portal: &BTreeSet<i64>) -> Vec<i64> {
    expected.iter().take(40).chain(with_portal.iter().take(20)).copied().collect()
}
