//! Two companies with the same names, slugs and ids inside, but every free text marked. No answer of one may carry the
//! other's mark, and nothing that one's administrator tries at the other's door may change anything there.

use super::rows::{Row, rows};
use crate::support::{
    api::Caller,
    cast::{Cast, House, MARKS},
};

fn looks() -> impl Iterator<Item = Row> {
    rows().0.into_iter().filter(|row| row.door.method == "GET" && row.door.path.starts_with("/{company}"))
}

#[test]
fn no_answer_of_one_company_carries_the_others_mark() {
    let cast = Cast::assemble();
    let mut findings = Vec::new();
    for (house, other) in [(&cast.harbour, MARKS[1]), (&cast.meridian, MARKS[0])] {
        let mut own = 0;
        for row in looks() {
            let path = row.path(house);
            let slug = &house.company.slug;
            let answer = house.administrator().call(slug, row.is_page(), "GET", &path, row.body(house));
            let text = answer.text() + &format!("{:?}", answer.headers);
            if text.contains(other) || text.to_lowercase().contains(&other.to_lowercase()) {
                findings.push(format!("{} of {slug} carries {other}", row.name()));
            }
            own += usize::from(text.contains(house.mark));
        }
        assert!(own > 20, "only {own} answers of {} carry its own mark: the test looks past the contents", house.mark);
    }
    assert!(findings.is_empty(), "{}", findings.join("\n"));
}

#[test]
fn the_twins_have_the_same_ids() {
    let cast = Cast::assemble();
    let called = |house: &House| {
        // A step's id is its own in the whole world.
        house
            .things
            .iter()
            .filter(|(kind, _)| **kind != "steps")
            .map(|(kind, thing)| format!("{kind} {} {}", thing.id, thing.slug))
            .collect::<Vec<_>>()
    };
    assert_eq!(called(&cast.harbour), called(&cast.meridian));
}

#[test]
fn a_stranger_changes_nothing() {
    let cast = Cast::assemble();
    let house = &cast.harbour;
    house.rest(&cast.server);
    let before = house.contents(&cast.server);
    let dora = &cast.meridian.people["dora"];
    let cookie = dora.browser.caller().cookie("bulkhead_session").expect("dora is signed in");
    // With her key, with her cookie, with both, and with the cookie of her company sent as if it were Harbour's.
    let callers = [
        Caller::with_key(&house.company.base, &cast.meridian.company.key),
        Caller::nobody(&house.company.base).and_header("Cookie", &format!("bulkhead_session={cookie}")),
        Caller::nobody(&house.company.base)
            .and_header("Authorization", &format!("Bearer {}", cast.meridian.company.key)),
    ];
    let mut tried = 0;
    for row in rows().0.iter().filter(|row| row.door.path.starts_with("/{company}") && row.door.method != "GET") {
        let (path, body) = (row.path(house), row.body(house));
        for caller in &callers {
            let caller = caller.call(
                &row.door.method,
                &path,
                if row.is_page() { crate::support::api::Sent::Form(Vec::new()) } else { body.clone().into() },
            );
            assert!(caller.status < 500, "{caller}");
            tried += 1;
        }
    }
    assert!(tried > 50, "only {tried} attempts");
    let mut after = house.contents(&cast.server);
    for (table, rows) in before {
        let now = after.remove(&table).unwrap_or_default();
        // Rows that the test itself made, for routes that delete, are there in addition.
        let lost: Vec<&String> = rows.iter().filter(|row| !now.contains(row)).collect();
        let known = ["company", "projects", "processes", "attempts", "trail_end"].contains(&table.as_str());
        assert!(lost.is_empty() || known, "{table} lost or changed {lost:?}");
    }
}
