//! Teams for emergencies: who may use one, for how long, and that it ends by itself.

use super::{
    emergency::{self, MOST_HOURS},
    ending,
};
use crate::{
    base::{
        clock::{self, DAY, HOUR},
        error::{Error, Result},
        ids::{Id, Team as Kind},
    },
    company::{
        access::{
            At, Granted, TeamPart, Visitor, Within,
            permissions::{EnvironmentView, GrantsKeep, List, TeamEdit, TeamView},
        },
        testing::{Harbour, Scope as To, harbour},
    },
};

fn located(visitor: &Visitor, team: i64) -> At<Kind> {
    visitor.locate(Within::Company, &format!("Teams-{team}")).unwrap()
}
fn editing(visitor: &Visitor, team: i64) -> Granted<'_, TeamEdit> {
    visitor.ask(TeamEdit { team: TeamPart::Whole(located(visitor, team)) }).unwrap()
}
fn sees(visitor: &Visitor) -> bool {
    let space = visitor.locate_space("Spaces-1");
    space.is_ok_and(|space| visitor.ask(List::<EnvironmentView>::of(&space)).is_ok())
}
fn wrong<T>(answer: Result<T>) -> String {
    match answer {
        Err(Error::Invalid(fields)) => fields.iter().map(|(field, _)| field.to_owned()).collect::<Vec<_>>().join(" "),
        Err(Error::Denied(denied)) => format!("denied {}", denied.permission),
        Err(other) => other.to_string(),
        Ok(_) => "fine".into(),
    }
}
/// Ben is in the team Firefighters, which sees environments, in emergencies of at most four hours.
fn firefighters(harbour: &Harbour) -> (i64, i64) {
    let ben = harbour.user("Ben");
    let team = harbour.team("Firefighters", &[ben], &[("Environment Viewer", To::EVERYWHERE)]);
    emergency::set_emergency(&editing(&harbour.ada(), team), Some(4)).unwrap();
    (ben, team)
}
const REASON: &str = "Production is down, ticket 4711";

#[test]
fn a_team_for_emergencies_allows_nothing_until_it_is_used_and_nothing_after() {
    let harbour = harbour();
    let (ben, team) = firefighters(&harbour);
    assert!(!sees(&harbour.visit(ben)), "being in it is not enough");
    let session = harbour.by_session(ben, Some(1));
    let at = located(&session, team);
    let begun = emergency::begin(&session.myself().unwrap(), &at, REASON, Some(2)).unwrap();
    assert!(begun.lasts() && begun.until.0 - begun.began_at.0 == 2 * HOUR);
    assert!(sees(&harbour.visit(ben)));
    assert_eq!(harbour.visit(ben).emergencies().map(|one| one.name.clone()).collect::<Vec<_>>(), ["Firefighters"]);
    assert!(wrong(emergency::begin(&session.myself().unwrap(), &at, REASON, None)).contains("already"));
    // Ended early, it is over with the next request.
    emergency::end_own(&session.myself().unwrap(), Some(begun.id)).unwrap();
    assert!(!sees(&harbour.visit(ben)));
    let told: Vec<String> = harbour.trail().into_iter().filter(|line| line.starts_with("Emergency")).collect();
    assert_eq!(
        told,
        [
            format!("EmergencyBegan: Ben used team Firefighters in an emergency: {REASON}"),
            "EmergencyEnded: The emergency for which Ben used team Firefighters ended before its time".to_owned(),
        ]
    );
    // The administrators were told by mail.
    let letters: Vec<String> = harbour.sql(|c| {
        let mut rows = c.prepare("SELECT subject FROM letters")?;
        rows.query_map([], |row| row.get(0))?.collect()
    });
    assert_eq!(letters, ["Firefighters: an emergency in Harbour"]);
}

#[test]
fn time_ends_it_without_anybody_and_it_is_told_once() {
    let harbour = harbour();
    let (ben, team) = firefighters(&harbour);
    let session = harbour.by_session(ben, Some(1));
    emergency::begin(&session.myself().unwrap(), &located(&session, team), REASON, None).unwrap();
    drop(session);
    assert!(sees(&harbour.visit(ben)));
    // Five hours later, as the file has it.
    harbour.sql(|c| c.execute("UPDATE emergencies SET began_at = began_at - ?1, ends_at = ends_at - ?1", [5 * HOUR]));
    assert!(!sees(&harbour.visit(ben)), "no round of the engine was needed");
    let engine = harbour.engine();
    let tell = || ending::tell(&engine.ask(GrantsKeep {}).unwrap()).unwrap();
    assert_eq!((tell(), tell()), (1, 0));
    let told = harbour.trail();
    assert!(
        told.contains(&"EmergencyEnded: The emergency for which Ben used team Firefighters ended by itself".into())
    );
    // It can be used anew.
    let session = harbour.by_session(ben, Some(1));
    emergency::begin(&session.myself().unwrap(), &located(&session, team), REASON, None).unwrap();
    assert!(sees(&harbour.visit(ben)));
}

#[test]
fn what_it_takes_to_begin() {
    let harbour = harbour();
    let (ben, team) = firefighters(&harbour);
    let other = harbour.team("Ordinary", &[ben], &[]);
    let stranger = harbour.user("Eve");
    for (reason, hours, answer) in
        [("", None, "Reason"), ("no", None, "Reason"), (REASON, Some(5), "Hours"), (REASON, Some(0), "Hours")]
    {
        let visitor = harbour.by_session(ben, Some(1));
        let at = located(&visitor, team);
        assert_eq!(
            wrong(emergency::begin(&visitor.myself().unwrap(), &at, reason, hours)),
            answer,
            "{reason} {hours:?}"
        );
    }
    let not_there = |visitor: Visitor, team| {
        let at = located(&visitor, team);
        matches!(emergency::begin(&visitor.myself().unwrap(), &at, REASON, None), Err(Error::NotFound(_)))
    };
    assert!(not_there(harbour.by_session(ben, Some(1)), other), "an ordinary team");
    assert!(not_there(harbour.by_session(stranger, Some(1)), team), "somebody else's");
    let stale = harbour.by_session(ben, Some(30));
    let at = located(&stale, team);
    assert!(matches!(emergency::begin(&stale.myself().unwrap(), &at, REASON, None), Err(Error::ProofNeeded)));
    drop(stale);
    let key = harbour.visit(ben);
    let at = located(&key, team);
    assert!(matches!(emergency::begin(&key.myself().unwrap(), &at, REASON, None), Err(Error::PersonNeeded)));
}

#[test]
fn who_leaves_the_team_leaves_the_emergency_and_comes_back_without_it() {
    let harbour = harbour();
    let (ben, team) = firefighters(&harbour);
    let session = harbour.by_session(ben, Some(1));
    emergency::begin(&session.myself().unwrap(), &located(&session, team), REASON, None).unwrap();
    drop(session);
    let ada = harbour.ada();
    let joining = super::Joining::ask(&ada, &located(&ada, team)).unwrap();
    super::remove_member(&joining, Id::new(ben)).unwrap();
    assert!(!sees(&harbour.visit(ben)));
    super::add_members(&joining, &[Id::new(ben)]).unwrap();
    assert!(!sees(&harbour.visit(ben)));
    // An administrator ends another's; nobody ends what is not theirs.
    let session = harbour.by_session(ben, Some(1));
    let begun = emergency::begin(&session.myself().unwrap(), &located(&session, team), REASON, None).unwrap();
    assert!(matches!(emergency::end_own(&harbour.ada().myself().unwrap(), Some(begun.id)), Err(Error::NotFound(_))));
    let ordinary = harbour.team("Ordinary", &[], &[]);
    assert!(matches!(emergency::end(&editing(&harbour.ada(), ordinary), Some(begun.id)), Err(Error::NotFound(_))));
    let ada = harbour.ada();
    emergency::end(&editing(&ada, team), Some(begun.id)).unwrap();
    assert!(!sees(&harbour.visit(ben)));
    let listed = emergency::emergencies(&ada.ask(TeamView { team: located(&ada, team) }).unwrap()).unwrap();
    assert_eq!((listed.len(), listed[0].reason.as_str(), listed[0].lasts()), (2, REASON, false));
}

#[test]
fn a_team_becomes_ordinary_again_by_who_could_give_what_it_holds() {
    let harbour = harbour();
    let (ben, team) = firefighters(&harbour);
    harbour.role("Team editor", &[("system", "TeamEdit"), ("system", "TeamView")]);
    let eve = harbour.person("Eve", &[("Team editor", To::SYSTEM)]).user().unwrap().0;
    for (hours, answer) in [
        (None, "denied AccountView"),
        (Some(8), "denied AccountView"),
        (Some(2), "fine"),
        (Some(0), "EmergencyHours"),
        (Some(MOST_HOURS + 1), "EmergencyHours"),
    ] {
        let eve = harbour.visit(eve);
        assert_eq!(wrong(emergency::set_emergency(&editing(&eve, team), hours)), answer, "{hours:?}");
    }
    emergency::set_emergency(&editing(&harbour.ada(), team), None).unwrap();
    assert!(sees(&harbour.visit(ben)), "an ordinary team's members hold its roles");
    let ada = harbour.ada();
    let everyone: At<Kind> = ada.locate(Within::Company, "teams-everyone").unwrap();
    let granted = ada.ask(TeamEdit { team: TeamPart::Whole(everyone) }).unwrap();
    assert!(matches!(emergency::set_emergency(&granted, Some(4)), Err(Error::Conflict(_))));
}

#[test]
fn that_a_role_has_ended_is_told_once_also_when_the_server_was_off() {
    let harbour = harbour();
    let past = To { until: Some(clock::now().plus(-30 * DAY)), ..To::EVERYWHERE };
    let later = To { until: Some(clock::now().plus(DAY)), ..To::EVERYWHERE };
    harbour.team(
        "Crew",
        &[],
        &[("Project Lead", past), ("Project Deployer", later), ("Project Viewer", To::EVERYWHERE)],
    );
    let engine = harbour.engine();
    let tell = || ending::tell(&engine.ask(GrantsKeep {}).unwrap()).unwrap();
    assert_eq!((tell(), tell()), (1, 0));
    let told: Vec<String> = harbour.trail().into_iter().filter(|line| line.starts_with("RoleExpired")).collect();
    assert_eq!(told, ["RoleExpired: The role Project Lead of team Crew ended"]);
    assert!(harbour.ada().ask(GrantsKeep {}).is_err(), "the engine's alone");
}
