//! Two companies with the same names, slugs and ids inside, but every free text marked. No answer of one may carry the
//! other's mark. What a stranger may try is in `strangers.rs`, what may be carried from one to the other in `carried.rs`.

use super::rows::{Row, rows};
use crate::support::cast::{Cast, House, MARKS};

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
