//! Step-up: who is asked for a fresh proof, and what counts as one.

use crate::{
    base::{
        clock::DAY,
        error::{Error, Result},
        ids::Id,
    },
    company::{
        access::{At, Locate, TeamPart, Visitor, Within, permissions as p},
        people::keys,
        teams,
        testing::{Scope, harbour},
    },
};

fn asked<T>(answer: Result<T>) -> bool {
    match answer {
        Err(Error::ProofNeeded) => true,
        Err(error) => panic!("{error}"),
        Ok(_) => false,
    }
}
fn at<T: Locate>(visitor: &Visitor, id: &str) -> At<T> {
    visitor.locate(Within::Company, id).unwrap()
}

/// Each change that needs a fresh proof, as whoever asks.
fn changes(visitor: &Visitor, robot: i64, team: i64) -> Vec<(&'static str, bool)> {
    let team = || p::TeamEdit { team: TeamPart::Whole(at(visitor, &format!("Teams-{team}"))) };
    let robot: At<crate::base::ids::User> = at(visitor, &format!("Users-{robot}"));
    let role = |name: &str| teams::ScopedFields {
        role: Some(at::<crate::base::ids::UserRole>(visitor, name).id()),
        space: Some(Id::new(1)),
        ..teams::ScopedFields::default()
    };
    let added = teams::add_role(&visitor.ask(team()).unwrap(), &role("userroles-projectviewer"));
    let scoped = added.as_ref().ok().copied().unwrap_or(Id::new(3));
    let made = keys::create_own(&visitor.myself().unwrap(), &keys::Fields::of("one's own", None));
    let key = made.as_ref().ok().map_or(Id::new(1), |(_, key)| key.id);
    let robots = keys::create(&visitor.ask(p::UserEdit {}).unwrap(), &robot, &keys::Fields::of("another's", None));
    let robots_key = robots.as_ref().ok().map_or(Id::new(1), |(_, key)| key.id);
    let edit = visitor.ask(team()).unwrap();
    let joining = teams::Joining::ask(visitor, edit.what().team.team()).unwrap();
    let roles = visitor.ask(p::UserRoleEdit {}).unwrap();
    let fields = teams::RoleFields { name: "Own".into(), ..teams::RoleFields::default() };
    let own = teams::create_role(&roles, &fields);
    let made_role: At<crate::base::ids::UserRole> = at(visitor, if own.is_ok() { "Own" } else { "Project Lead" });
    let spaces = crate::company::spaces::Fields { name: "Own".into(), ..Default::default() };
    let space = crate::company::spaces::create(&visitor.ask(p::SpaceCreate {}).unwrap(), spaces);
    let role_changes = vec![
        ("make a role of one's own", asked(own)),
        ("change a role of one's own", asked(teams::edit_role(&roles, &made_role, &fields))),
        (
            "copy a role",
            asked(
                teams::clone_role(&roles, &made_role, "Other")
                    .and_then(|other| teams::delete_role(&roles, &at(visitor, &other.name))),
            ),
        ),
        ("delete a role of one's own", asked(teams::delete_role(&roles, &made_role))),
        ("put a role back", asked(teams::reset_role(&roles, &at(visitor, "Tenant Manager")))),
        ("make a space, with managers", matches!(space, Err(Error::ProofNeeded))),
    ];
    let mut changes = vec![
        ("add a role", asked(added)),
        ("change a role", asked(teams::change_role(&edit, scoped, &role("userroles-projectlead")))),
        ("remove a role", asked(teams::remove_role(&edit, scoped))),
        ("add a member", asked(teams::add_members(&joining, &[robot.id()]))),
        ("make a key", asked(made)),
        ("revoke a key", asked(keys::revoke_own(&visitor.myself().unwrap(), key))),
        ("make another's key", asked(robots)),
        ("revoke another's key", asked(keys::revoke_for(&visitor.ask(p::UserEdit {}).unwrap(), &robot, robots_key))),
    ];
    changes.extend(role_changes);
    changes
}

#[test]
fn a_stale_session_is_asked_and_a_fresh_one_and_a_key_are_not() {
    let harbour = harbour();
    let robot = harbour.user("Robot");
    harbour.sql(|c| c.execute("UPDATE users SET is_service = 1 WHERE id = ?1", [robot]));
    let team = harbour.team("Crew", &[], &[]);
    for (visitor, stale) in [
        (harbour.by_session(1, Some(11)), true),
        (harbour.by_session(1, None), true),
        (harbour.by_session(1, Some(9)), false),
        (harbour.ada(), false),
    ] {
        for (what, was_asked) in changes(&visitor, robot, team) {
            assert_eq!(was_asked, stale, "{what}");
        }
        harbour.sql(|c| c.execute("DELETE FROM team_members WHERE user_id = ?1", [robot]));
    }
}

#[test]
fn what_may_not_be_done_at_all_is_refused_before_a_proof_is_asked() {
    let harbour = harbour();
    let ben = harbour.person("Ben", &[("Project Viewer", Scope::EVERYWHERE)]);
    let session = harbour.by_session(ben.user().unwrap().0, Some(DAY));
    assert!(matches!(session.ask(p::UserEdit {}), Err(Error::Denied(_))));
    assert!(asked(session.fresh()));
}

#[test]
fn a_key_does_not_change_what_is_changed_in_person() {
    let harbour = harbour();
    let (key, stale, fresh) = (harbour.ada(), harbour.by_session(1, Some(11)), harbour.by_session(1, Some(1)));
    assert!(matches!(key.myself().unwrap().in_person(), Err(Error::PersonNeeded)));
    assert!(asked(stale.myself().unwrap().in_person()));
    assert!(!asked(fresh.myself().unwrap().in_person()));
}
