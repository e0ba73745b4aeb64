//! Nobody comes in as somebody who holds more than they do, nor decides how such a one comes in.

use super::*;
use crate::{
    base::ids::Team,
    company::{
        access::{
            From, Visitor, Within, admit,
            permissions::{self as ask, UserInvite},
        },
        people::invitations::{invite, invite_again, invite_open},
        teams::Joining,
        testing::{Harbour, Scope as To, harbour},
    },
};

fn located(visitor: &Visitor, who: &str) -> At<Kind> {
    visitor.locate(Within::Company, who).unwrap()
}
fn editing(visitor: &Visitor) -> Granted<'_, UserEdit> {
    visitor.ask(UserEdit {}).unwrap()
}
fn is_denied<T>(answer: Result<T>, permission: &str) -> bool {
    matches!(answer, Err(Error::Denied(denied)) if denied.permission == permission && !denied.reason.is_empty())
}
fn team<'v>(visitor: &'v Visitor, name: &str) -> Joining<'v> {
    let at: At<Team> = visitor.locate(Within::Company, name).unwrap();
    Joining::ask(visitor, &at).unwrap()
}
fn named(name: &str, email: &str) -> Fields {
    Fields { display_name: name.into(), email_address: email.into(), ..Fields::default() }
}
/// Helga looks after people, and deploys to Staging; nothing more.
fn helga(harbour: &Harbour, staging: i64) -> Visitor {
    let rights = ["UserView", "UserEdit", "UserInvite", "TeamView", "TeamEdit"];
    harbour.role("Helper", &rights.map(|right| ("system", right)));
    let scope = To { environments: &[staging], ..To::EVERYWHERE };
    harbour.person("Helga", &[("Helper", To::SYSTEM), ("Deployment Creator", scope)])
}

#[test]
fn who_looks_after_people_does_not_come_in_as_those_who_hold_more() {
    let harbour = harbour();
    let (staging, production) = (harbour.environment("Staging"), harbour.environment("Production"));
    let helga = helga(&harbour, staging);
    let here = |environment: &[i64]| -> i64 {
        let user = harbour.user(if environment[0] == staging { "Equal" } else { "Stronger" });
        let scope = To { environments: environment, ..To::EVERYWHERE };
        harbour.team(&format!("Team {user}"), &[user], &[("Deployment Creator", scope)]);
        user
    };
    let (equal, stronger) = (here(&[staging]), here(&[production]));
    // One who holds more only in an emergency, which has not begun.
    let standby = harbour.user("Standby");
    let team = harbour.team("Night watch", &[standby], &[("Deployment Creator", To::EVERYWHERE)]);
    harbour.sql(|c| c.execute("UPDATE teams SET emergency_hours = 4 WHERE id = ?1", [team]));
    for (user, may) in [(equal, true), (stronger, false), (standby, false)] {
        let helga = harbour.visit(helga.user().unwrap().0);
        let at = located(&helga, &format!("Users-{user}"));
        let known = show(&helga.ask(UserView {}).unwrap(), &at).unwrap();
        let other = Fields {
            username: known.username.clone(),
            display_name: known.display_name.clone(),
            email_address: format!("helga+{user}@elsewhere.example"),
        };
        let same_name =
            Fields { email_address: known.email_address.clone(), display_name: "Renamed".into(), ..other.clone() };
        harbour.sql(|c| {
            c.execute(
                "INSERT INTO factors (user_id, kind, name, sealed, created_at) VALUES (?1, 'totp', 'x', x'00', 0)",
                [user],
            )
        });
        edit(&editing(&helga), &at, &same_name).unwrap();
        for (what, done) in [
            ("password", reset::send(&editing(&helga), &at).map(drop)),
            ("factors", factors::reset_for(&editing(&helga), &at).map(drop)),
            ("address", edit(&editing(&helga), &at, &other).map(drop)),
            // Shutting out gives nobody anything; letting in again does.
            ("off", deactivate(&editing(&helga), &at).map(drop)),
            ("on", reactivate(&editing(&helga), &at).map(drop)),
        ] {
            match may || what == "off" {
                true => assert!(done.is_ok(), "{user} {what}: {done:?}"),
                false => assert!(is_denied(done, "DeploymentCreate"), "{user} {what}"),
            }
        }
        let left = harbour.sql(|c| {
            c.query_row("SELECT count(*) FROM factors WHERE user_id = ?1", [user], |row| row.get::<_, i64>(0))
        });
        assert_eq!(left, i64::from(!may), "{user}");
    }
}

#[test]
fn the_link_of_somebody_invited_is_not_had_by_who_holds_less() {
    let harbour = harbour();
    let helga = helga(&harbour, harbour.environment("Staging"));
    harbour.team("Crew", &[], &[("Deployment Creator", To::EVERYWHERE)]);
    let ada = harbour.ada();
    let pending = invite(&ada.ask(UserInvite {}).unwrap(), &[team(&ada, "Crew")], &named("Fay", "fay@x")).unwrap().user;
    let helga = harbour.visit(helga.user().unwrap().0);
    let again = invite_again(&helga.ask(UserInvite {}).unwrap(), &located(&helga, &pending.id.to_string()));
    assert!(is_denied(again, "DeploymentCreate"));
}

#[test]
fn what_somebody_handed_out_goes_with_them_and_with_their_rights() {
    let harbour = harbour();
    let helga = helga(&harbour, harbour.environment("Staging"));
    let crew = harbour.team("Crew", &[], &[]);
    let ben = harbour.user("Ben");
    let code = |helga: &Visitor| invite_open(&helga.ask(UserInvite {}).unwrap(), &[team(helga, "Crew")]).unwrap().0;
    let register = |code: &str, name: &str| {
        let password = Secret::new("a long enough password");
        admit::register(&harbour.company, code, &named(name, &format!("{name}@x.example")), &password, &From::default())
    };
    let id = helga.user().unwrap().0;
    // The team became stronger than whoever invited.
    let first = code(&harbour.visit(id));
    harbour.sql(|c| {
        c.execute(
            "INSERT INTO scoped_roles (team_id, role_id, space_id) SELECT ?1, id, 1 FROM user_roles WHERE builtin = 'deploymentcreator'",
            [crew],
        )
    });
    assert!(matches!(register(&first, "eve"), Err(Error::Conflict(_))));
    harbour.sql(|c| c.execute("DELETE FROM scoped_roles WHERE team_id = ?1", [crew]));
    register(&first, "eve").unwrap();
    // Whoever invited lost the right to invite.
    let second = code(&harbour.visit(id));
    let away = harbour.sql(|c| {
        let team: i64 = c.query_row("SELECT team_id FROM team_members WHERE user_id = ?1", [id], |row| row.get(0))?;
        c.execute("DELETE FROM team_members WHERE user_id = ?1", [id])?;
        Ok(team)
    });
    assert!(matches!(register(&second, "fay"), Err(Error::Conflict(_))));
    harbour.sql(|c| c.execute("INSERT INTO team_members (team_id, user_id) VALUES (?1, ?2)", [away, id]));
    // Whoever invited was shut out: neither their code nor their links are worth anything.
    let back = harbour.visit(id);
    let pending = invite(&back.ask(UserInvite {}).unwrap(), &[], &named("Gus", "gus@x")).unwrap();
    reset::send(&editing(&back), &located(&back, &format!("Users-{ben}"))).unwrap();
    let links = || {
        harbour.sql(|c| {
            c.query_row("SELECT count(*) FROM one_time_links WHERE made_by = ?1", [id], |row| row.get::<_, i64>(0))
        })
    };
    assert_eq!(links(), 2);
    let ada = harbour.ada();
    deactivate(&editing(&ada), &located(&ada, &format!("Users-{id}"))).unwrap();
    assert!(matches!(register(&second, "fay"), Err(Error::NotFound(_))));
    assert!(admit::invitation(&harbour.company, &pending.token).unwrap().is_none());
    assert_eq!(links(), 0);
    let ada = harbour.ada();
    invite_again(&ada.ask(UserInvite {}).unwrap(), &located(&ada, &pending.user.id.to_string())).unwrap();
    assert!(ada.may(ask::AdministerSystem {}));
}

#[test]
fn keys_and_identities_of_an_administrators_account_are_not_ended_by_others() {
    let harbour = harbour();
    let helga = helga(&harbour, harbour.environment("Staging"));
    let ada = harbour.ada();
    let robot = create_service_account(&editing(&ada), &named("Robot", "")).unwrap();
    let at = located(&ada, &robot.id.to_string());
    let (_, key) = keys::create(&editing(&ada), &at, &keys::Fields::of("x", None)).unwrap();
    teams::add_members(&team(&ada, "teams-administrators"), &[robot.id]).unwrap();
    let helga = harbour.visit(helga.user().unwrap().0);
    assert!(is_denied(keys::revoke_for(&editing(&helga), &at, key.id), "AdministerSystem"));
    let ada = harbour.ada();
    keys::revoke_for(&editing(&ada), &at, key.id).unwrap();
}
