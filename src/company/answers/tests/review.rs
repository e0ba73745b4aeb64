//! The review by small companies: what counts as unused, what would take it away, who stands out; and what the door
//! notes of uses.

use crate::{
    base::{
        clock::{self, DAY},
        error::Error,
        paging::Page,
    },
    company::{
        access::{
            Visitor, day,
            permissions::{self as ask, EnvironmentView, List, TeamView, UserEdit, UserRoleView, UserView},
        },
        answers::{Proofs, Removal, Reviewed, Show, review, sign_off, sign_offs},
        testing::{Harbour, Scope, harbour},
    },
};

fn with<T>(visitor: &Visitor, work: impl FnOnce(&Proofs<'_, '_>) -> T) -> T {
    let people = visitor.ask(UserView {}).unwrap();
    let roles = visitor.ask(UserRoleView {}).unwrap();
    let teams = visitor.ask(List::<TeamView>::system()).unwrap();
    work(&Proofs { people: &people, roles: &roles, teams: &teams })
}

fn shown(harbour: &Harbour, show: Show) -> Vec<Reviewed> {
    with(&harbour.ada(), |proofs| review(proofs, show, "", Page::ALL).unwrap().0.items)
}

fn one(harbour: &Harbour, name: &str) -> Reviewed {
    shown(harbour, Show::Everybody).into_iter().find(|one| one.who.name == name).unwrap()
}

/// Everything was given so many days ago.
fn given(harbour: &Harbour, days: i64) {
    let then = clock::now().plus(-days * DAY);
    harbour.sql(|c| {
        c.execute("UPDATE team_members SET since = ?1", [then])?;
        c.execute("UPDATE scoped_roles SET since = ?1", [then])
    });
}

fn used(harbour: &Harbour, user: i64, permission: &str, days_ago: i64) {
    let then = day(clock::now()) - days_ago;
    harbour.sql(|c| c.execute("INSERT INTO permission_uses VALUES (?1, ?2, ?3)", (user, permission, then)));
}

#[test]
fn what_was_held_for_90_days_and_not_used_in_them_is_unused() {
    let harbour = harbour();
    let ben = harbour.user("Ben");
    harbour.team("Crew", &[ben], &[("Deployment Creator", Scope::EVERYWHERE)]);
    given(&harbour, 89);
    assert!(one(&harbour, "Ben").unused.is_empty(), "there was no time to use it");
    given(&harbour, 91);
    assert!(one(&harbour, "Ben").unused.contains(&"DeploymentCreate"));
    used(&harbour, ben, "DeploymentCreate", 89);
    used(&harbour, ben, "DeploymentView", 91);
    let ben = one(&harbour, "Ben");
    assert!(!ben.unused.contains(&"DeploymentCreate"));
    assert!(ben.unused.contains(&"DeploymentView"));
    assert_eq!(ben.access[0].last_used.map(day), Some(day(clock::now()) - 89));
    assert!(ben.removals.is_empty(), "to leave the team would take a right that is used: {:?}", ben.removals);
}

#[test]
fn the_smallest_change_takes_unused_rights_and_no_other() {
    let harbour = harbour();
    let (ben, cleo) = (harbour.user("Ben"), harbour.user("Cleo"));
    let crew = harbour.team("Crew", &[ben, cleo], &[("Deployment Creator", Scope::EVERYWHERE)]);
    let both = [("Environment Manager", Scope::EVERYWHERE), ("Tenant Manager", Scope::EVERYWHERE)];
    let watch = harbour.team("Watch", &[cleo], &both);
    given(&harbour, 200);
    used(&harbour, cleo, "DeploymentCreate", 1);
    used(&harbour, cleo, "EnvironmentEdit", 1);
    let leave = |removals: &[Removal]| match removals {
        [Removal::Leave { team, .. }] => Some(team.0),
        _ => None,
    };
    assert_eq!(leave(&one(&harbour, "Ben").removals), Some(crew));
    // Cleo uses what either team gives, but nobody uses one of the roles.
    let removals = one(&harbour, "Cleo").removals;
    let [Removal::TakeOff { team, role, people, .. }] = &removals[..] else { panic!("{removals:?}") };
    assert_eq!((team.0, role.as_str(), *people), (watch, "Tenant Manager", 1));
    assert!(removals[0].words("Cleo").contains("Take the role Tenant Manager off Watch"));
}

#[test]
fn who_stands_out_is_found() {
    let harbour = harbour();
    let soon = clock::now().plus(10 * DAY);
    let ben = harbour.user("Ben");
    harbour.team("Crew", &[ben], &[("Deployment Creator", Scope { until: Some(soon), ..Scope::EVERYWHERE })]);
    harbour.user("Cleo");
    harbour.sql(|c| c.execute("UPDATE users SET last_seen_at = ?1 WHERE id <> 1", [clock::now().plus(-91 * DAY)]));
    harbour.sql(|c| c.execute("UPDATE users SET last_seen_at = ?1 WHERE id = 1", [clock::now()]));
    let names = |show| shown(&harbour, show).into_iter().map(|one| one.who.name).collect::<Vec<_>>();
    assert_eq!(names(Show::Everybody), ["Ada", "Ben", "Cleo"]);
    assert_eq!(names(Show::Ending), ["Ben"]);
    assert_eq!(names(Show::Inactive), ["Ben", "Cleo"]);
    assert_eq!(names(Show::NoFactor), ["Ada", "Ben", "Cleo"]);
    assert_eq!(names(Show::Administration), ["Ada"]);
    with(&harbour.ada(), |proofs| {
        let (found, counts) = review(proofs, Show::Everybody, "cle", Page { skip: 0, take: 1 }).unwrap();
        assert_eq!((found.total, found.items[0].who.name.as_str()), (1, "Cleo"));
        assert_eq!((counts.people, counts.ending, counts.idle, counts.administer), (3, 1, 2, 1));
    });
}

#[test]
fn what_is_used_is_noted_at_the_door_and_written_in_a_batch() {
    let harbour = harbour();
    let ada = harbour.ada();
    let space = harbour.space(&ada);
    ada.ask(List::<EnvironmentView>::of(&space)).unwrap();
    // To be able to is not to use it.
    assert!(ada.may(ask::UserEdit {}));
    harbour.company.write_uses(clock::now()).unwrap();
    let written = || -> Vec<(String, i64)> {
        harbour.sql(|c| {
            let mut statement = c.prepare("SELECT permission, day FROM permission_uses WHERE user_id = 1")?;
            statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        })
    };
    assert_eq!(written(), [("EnvironmentView".to_owned(), day(clock::now()))]);
    // The same person's next visit is noted in the same place, also after their rights were compiled anew.
    harbour.team("Crew", &[1], &[("Deployment Creator", Scope::EVERYWHERE)]);
    harbour.ada().ask(ask::UserInvite {}).unwrap();
    harbour.company.write_uses(clock::now()).unwrap();
    assert_eq!(written().len(), 2);
}

#[test]
fn signing_off_is_told_and_asks_for_a_fresh_proof() {
    let harbour = harbour();
    let ada = harbour.ada();
    let made = with(&ada, |proofs| sign_off(&ada.ask(UserEdit {}).unwrap(), proofs, " All is well ").unwrap());
    assert_eq!((made.reviewer.as_str(), made.note.as_str(), made.people), ("Ada", "All is well", 1));
    assert!(harbour.trail().iter().any(|line| line.starts_with("AccessReviewed: Ada reviewed")));
    assert_eq!(sign_offs(&ada.ask(UserView {}).unwrap()).unwrap().len(), 1);
    let stale = harbour.by_session(1, Some(60));
    let refused = with(&stale, |proofs| sign_off(&stale.ask(UserEdit {}).unwrap(), proofs, ""));
    assert!(matches!(refused, Err(Error::ProofNeeded)));
}
