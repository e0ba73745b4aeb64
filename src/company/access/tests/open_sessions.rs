//! What reaches somebody who is signed in already (findings B7, J9): a stricter rule, a team, a role, a lost right.

use super::sign_in::{admitted, from, hired, is_nobody, password, pending, rule};
use crate::{
    base::{
        clock::{self, DAY, MINUTE},
        error::Error,
        secret::Secret,
    },
    company::{
        Company,
        access::{
            admit::{self, Offered, Stage},
            permissions as p,
        },
        people::demanded,
        testing::{Harbour, Scope, harbour},
    },
};

/// Ben, signed in by his password alone, and his token.
fn ben(harbour: &Harbour) -> (i64, String) {
    let (ben, email) = hired(harbour, "Ben");
    let signed_in = admit::sign_in(&harbour.company, &email, &password(), &from()).unwrap().unwrap();
    assert_eq!(signed_in.stage, Stage::Full, "nothing is demanded of him yet");
    (ben, signed_in.token)
}

fn is_led_to_enrolment(company: &Company, token: &str) -> bool {
    if admitted(company, token).is_some() {
        return false;
    }
    let pending = pending(company, token);
    assert!(pending.was_whole() && pending.stage == Stage::Enrol);
    true
}

/// His session as it would be twenty minutes later.
fn age(harbour: &Harbour) {
    harbour.sql(|c| c.execute("UPDATE sessions SET proved_at = proved_at - ?1", [20 * MINUTE]));
}

#[test]
fn a_stricter_rule_reaches_the_next_request_of_an_open_session() {
    let harbour = harbour();
    rule(&harbour, "nobody", 0);
    let (_, token) = ben(&harbour);
    assert!(!is_led_to_enrolment(&harbour.company, &token));
    rule(&harbour, "everyone", 0);
    assert!(is_led_to_enrolment(&harbour.company, &token));
    // A rule that is taken back lets the session go on.
    rule(&harbour, "nobody", 0);
    assert!(!is_led_to_enrolment(&harbour.company, &token));
}

#[test]
fn whoever_comes_into_a_team_that_demands_one_is_led_there_and_leads_on_when_they_leave_it() {
    let harbour = harbour();
    rule(&harbour, "holders", 0);
    let (ben, token) = ben(&harbour);
    let team = harbour.team("Crew", &[], &[("System Manager", Scope::SYSTEM)]);
    assert!(!is_led_to_enrolment(&harbour.company, &token));
    harbour.sql(|c| c.execute("INSERT INTO team_members (team_id, user_id) VALUES (?1, ?2)", (team, ben)));
    assert!(is_led_to_enrolment(&harbour.company, &token));
    harbour.sql(|c| c.execute("DELETE FROM team_members WHERE user_id = ?1", [ben]));
    assert!(!is_led_to_enrolment(&harbour.company, &token));
}

#[test]
fn a_role_that_comes_to_carry_such_a_permission_reaches_its_holders() {
    let harbour = harbour();
    rule(&harbour, "holders", 0);
    let (ben, token) = ben(&harbour);
    harbour.team("Crew", &[ben], &[("Project Viewer", Scope::EVERYWHERE)]);
    assert!(!is_led_to_enrolment(&harbour.company, &token));
    let give = "INSERT INTO role_permissions (role_id, permission, level)
                SELECT id, 'UserEdit', 'system' FROM user_roles WHERE name = 'Project Viewer'";
    harbour.sql(|c| c.execute(give, []));
    assert!(is_led_to_enrolment(&harbour.company, &token));
}

#[test]
fn a_lost_right_is_lost_on_the_next_request() {
    let harbour = harbour();
    rule(&harbour, "nobody", 0);
    let (ben, token) = ben(&harbour);
    harbour.team("Crew", &[ben], &[("System Manager", Scope::SYSTEM)]);
    assert!(admitted(&harbour.company, &token).unwrap().ask(p::UserView {}).is_ok());
    harbour.sql(|c| c.execute("DELETE FROM team_members WHERE user_id = ?1", [ben]));
    let refused = admitted(&harbour.company, &token).unwrap().ask(p::UserView {}).map(drop);
    assert!(matches!(refused, Err(Error::Denied(_))));
}

#[test]
fn the_days_of_grace_are_told_and_end_for_open_sessions_too() {
    let harbour = harbour();
    let company = &harbour.company;
    rule(&harbour, "nobody", 0);
    let (_, token) = ben(&harbour);
    rule(&harbour, "everyone", 3);
    let until = admitted(company, &token).unwrap().grace_ends().expect("a day");
    assert!((until.0 - clock::now().0 - 3 * DAY).abs() < MINUTE, "{until:?}");
    harbour.sql(|c| c.execute("UPDATE settings SET second_factor_since = second_factor_since - ?1", [4 * DAY]));
    assert!(is_led_to_enrolment(company, &token));
}

#[test]
fn an_open_session_goes_on_with_the_factor_and_one_found_open_is_asked_for_the_password() {
    let harbour = harbour();
    let company = &harbour.company;
    rule(&harbour, "nobody", 0);
    let (_, token) = ben(&harbour);
    rule(&harbour, "everyone", 0);
    let fresh = pending(company, &token);
    assert!(!fresh.asks_password(), "he has just given it");
    assert!(matches!(admit::later(company, &fresh, &from()), Err(Error::Conflict(_))), "there is no later");
    age(&harbour);
    let stale = pending(company, &token);
    assert!(stale.asks_password());
    let enrolment = admit::enrolment(company, &stale, &from()).unwrap();
    let code = || Offered::code(&admit::code_in(&enrolment.secret, 0));
    for given in [None, Some(Secret::new("not the password"))] {
        let offered = Offered { password: given, ..code() };
        let refused = admit::enrol(company, &stale, &offered, &from());
        assert!(matches!(refused, Err(Error::Invalid(wrong)) if wrong.of("Password").is_some()));
    }
    let offered = Offered { password: Some(password()), ..code() };
    let enrolled = admit::enrol(company, &stale, &offered, &from()).unwrap();
    assert!(is_nobody(company, &token), "the token from before is dead");
    let visitor = admitted(company, &enrolled.token).unwrap();
    assert!(visitor.fresh().is_ok() && visitor.grace_ends().is_none());
    assert!(matches!(admit::enrol(company, &stale, &offered, &from()), Err(Error::Conflict(_))), "once");
}

#[test]
fn five_wrong_passwords_end_the_session_that_was_found_open() {
    let harbour = harbour();
    rule(&harbour, "nobody", 0);
    let (_, token) = ben(&harbour);
    rule(&harbour, "everyone", 0);
    age(&harbour);
    let stale = pending(&harbour.company, &token);
    admit::enrolment(&harbour.company, &stale, &from()).unwrap();
    for _ in 0..5 {
        let offered = Offered { password: Some(Secret::new("guessed")), ..Offered::code("000000") };
        drop(admit::enrol(&harbour.company, &stale, &offered, &from()));
    }
    assert!(is_nobody(&harbour.company, &token));
}

/// The subjects of the letters to Ben, the oldest first.
fn letters(harbour: &Harbour) -> Vec<String> {
    let engine = harbour.engine();
    demanded::tell(&engine.ask(p::GrantsKeep {}).unwrap()).unwrap();
    assert_eq!(demanded::tell(&engine.ask(p::GrantsKeep {}).unwrap()).unwrap(), 0, "each is told once");
    harbour.sql(|c| {
        let sql = "SELECT subject FROM letters WHERE receiver = 'ben@harbour.example' ORDER BY id";
        c.prepare(sql)?.query_map([], |row| row.get(0))?.collect()
    })
}

#[test]
fn people_are_told_when_the_rule_begins_to_reach_them_and_before_their_time_ends() {
    let harbour = harbour();
    rule(&harbour, "holders", 0);
    let (ben, _) = ben(&harbour);
    assert_eq!(letters(&harbour).len(), 0);
    // A team: at once, for he has been here for long.
    harbour.team("Crew", &[ben], &[("System Manager", Scope::SYSTEM)]);
    assert_eq!(letters(&harbour), ["You need a second factor at Harbour"]);
    // A stricter rule with a week of grace, and two days before its end.
    rule(&harbour, "everyone", 7);
    let told = letters(&harbour);
    assert!(told.len() == 2 && told[1].starts_with("Set up a second factor at Harbour before "), "{told:?}");
    let later = |days: i64| {
        harbour.sql(|c| c.execute("UPDATE settings SET second_factor_since = second_factor_since - ?1", [days * DAY]));
        harbour.sql(|c| c.execute("UPDATE users SET factor_told_from = factor_told_from - ?1", [days * DAY]));
    };
    later(4);
    assert_eq!(letters(&harbour).len(), 2, "three days are left");
    later(2);
    assert_eq!(letters(&harbour).len(), 3);
    let events: i64 = harbour.sql(|c| {
        c.query_row("SELECT count(*) FROM events WHERE category = 'SecondFactorDemanded'", [], |row| row.get(0))
    });
    assert!(events >= 3, "{events}");
}
