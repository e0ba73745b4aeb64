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

#[test]
fn full_administration_for_a_while_does_not_make_itself_last() {
    let harbour = harbour();
    let day = crate::base::clock::now().plus(crate::base::clock::DAY);
    let while_it_lasts = To { until: Some(day), ..To::SYSTEM };
    let cleo = harbour.person("Cleo", &[("System Administrator", while_it_lasts)]);
    let (id, dan) = (cleo.user().unwrap(), harbour.user("Dan"));
    let cleo = harbour.visit(id.0);
    assert!(is_denied(teams::add_members(&team(&cleo, "teams-administrators"), &[id]), "AdministerSystem"));
    let code = invite_open(&cleo.ask(UserInvite {}).unwrap(), &[team(&cleo, "teams-administrators")]);
    assert!(matches!(code, Err(Error::Denied(_))));
    // What it takes away it may, as long as it lasts, and so may it look after those who hold nothing more.
    teams::add_members(&team(&harbour.ada(), "teams-administrators"), &[Id::new(dan)]).unwrap();
    let cleo = harbour.visit(id.0);
    assert!(is_denied(reset::send(&editing(&cleo), &located(&cleo, &format!("Users-{dan}"))), "AdministerSystem"));
    deactivate(&editing(&cleo), &located(&cleo, &format!("Users-{dan}"))).unwrap();
    let eve = harbour.user("Eve");
    let cleo = harbour.visit(id.0);
    reset::send(&editing(&cleo), &located(&cleo, &format!("Users-{eve}"))).unwrap();
}

#[test]
fn what_lies_in_spaces_and_teams_one_may_not_see_is_counted_and_not_named() {
    let harbour = harbour();
    let finance = harbour.another_space("Finance");
    let contoso = harbour.tenant("Contoso");
    let rights = ["UserView", "UserRoleView", "UserInvite"];
    harbour.role("Onlooker", &rights.map(|right| ("system", right)));
    let olaf =
        harbour.person("Olaf", &[("Onlooker", To::SYSTEM), ("Deployment Creator", To::EVERYWHERE)]).user().unwrap();
    let in_finance = To { space: Some(finance), ..To::EVERYWHERE };
    let here = To { tenants: &[contoso], ..To::EVERYWHERE };
    let ben = harbour.person("Ben", &[("Space Viewer", in_finance), ("Space Viewer", here)]).user().unwrap();
    let ada = harbour.ada();
    let named = invite_open(&ada.ask(UserInvite {}).unwrap(), &[team(&ada, "Team of Ben")]).unwrap().1;
    assert_eq!(named.teams.len(), 1);
    let olaf = harbour.visit(olaf.0);
    let of_ben = located(&olaf, &ben.to_string());
    let (roles, hidden) = teams::roles_of_user(&olaf.ask(ask::UserRoleView {}).unwrap(), &of_ben).unwrap();
    assert_eq!(hidden, 1);
    assert_eq!(roles.iter().map(|role| role.space_name.as_deref()).collect::<Vec<_>>(), [Some("Default")]);
    let open = invitations::list_open(&olaf.ask(UserInvite {}).unwrap()).unwrap();
    assert_eq!(open.iter().map(|one| (one.teams.len(), one.hidden)).collect::<Vec<_>>(), [(0, 1)]);
}

#[test]
fn an_id_means_what_it_means_whatever_others_are_called() {
    let harbour = harbour();
    let ada = harbour.ada();
    let number = |name: &str| ada.locate::<Team>(Within::Company, name).unwrap().id();
    let (administrators, everyone) = (number("teams-administrators"), number("teams-everyone"));
    harbour.sql(|c| {
        c.execute_batch(
            "INSERT INTO teams (space_id, name, name_key) VALUES (1, 'Teams-Administrators', 'teams-administrators');
             INSERT INTO teams (name, name_key) VALUES ('teams-everyone', 'teams-everyone');
             INSERT INTO teams (space_id, name, name_key) VALUES (1, 'Administrators', 'administrators');
             INSERT INTO user_roles (name, name_key) VALUES ('x', 'userroles-spaceviewer');",
        )
    });
    let ada = harbour.ada();
    let space = harbour.space(&ada);
    let number = |name: &str| ada.locate::<Team>(Within::Company, name).unwrap().id();
    assert_eq!((number("teams-administrators"), number("teams-everyone")), (administrators, everyone));
    assert_eq!(number("Administrators"), administrators, "a team of the company before one of a space");
    assert_ne!(
        ada.locate::<Team>(&space, "Administrators").unwrap().id(),
        administrators,
        "and there the other way round"
    );
    let role = ada.locate::<crate::base::ids::UserRole>(Within::Company, "userroles-spaceviewer").unwrap();
    let builtin: Option<String> =
        harbour.sql(|c| c.query_row("SELECT builtin FROM user_roles WHERE id = ?1", [role.id()], |row| row.get(0)));
    assert_eq!(builtin.as_deref(), Some("spaceviewer"));
}
