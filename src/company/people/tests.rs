use super::*;
use crate::{
    base::{clock, clock::DAY, ids::Team},
    company::{
        access::{
            From, Visitor, Within, admit,
            permissions::{self as ask, UserInvite},
        },
        people::invitations::{Invited, invite, invite_again},
        teams::Joining,
        testing::{Harbour, Scope as To, harbour},
    },
};

fn fields(name: &str, email: &str) -> Fields {
    Fields { display_name: name.into(), email_address: email.into(), ..Fields::default() }
}
fn located(visitor: &Visitor, who: &str) -> At<Kind> {
    visitor.locate(Within::Company, who).unwrap()
}
fn team<'v>(visitor: &'v Visitor, name: &str) -> Joining<'v> {
    let at: At<Team> = visitor.locate(Within::Company, name).unwrap();
    Joining::ask(visitor, &at).unwrap()
}
fn invited(visitor: &Visitor, name: &str, email: &str, into: &[&str]) -> Result<Invited> {
    let teams: Vec<_> = into.iter().map(|name| team(visitor, name)).collect();
    invite(&visitor.ask(UserInvite {}).unwrap(), &teams, &fields(name, email))
}
fn editing(visitor: &Visitor) -> Granted<'_, UserEdit> {
    visitor.ask(UserEdit {}).unwrap()
}
/// The same under another name, for where `editing` is taken.
fn editing_of(visitor: &Visitor) -> Granted<'_, UserEdit> {
    editing(visitor)
}
fn is_denied<T>(answer: Result<T>, permission: &str) -> bool {
    matches!(answer, Err(Error::Denied(denied)) if denied.permission == permission)
}
fn wrong<T>(answer: Result<T>, field: &str) -> bool {
    matches!(answer, Err(Error::Invalid(fields)) if fields.of(field).is_some())
}
fn conflict<T>(answer: Result<T>) -> bool {
    matches!(answer, Err(Error::Conflict(_)))
}
fn secret(text: &str) -> Secret {
    Secret::new(text)
}
fn helper(harbour: &Harbour) -> Visitor {
    let rights = ["UserView", "UserEdit", "UserInvite", "TeamView", "TeamEdit"];
    harbour.role("Helper", &rights.map(|right| ("system", right)));
    harbour.person("Helga", &[("Helper", To::SYSTEM)])
}

#[test]
fn somebody_is_invited_comes_in_and_is_shut_out() {
    let harbour = harbour();
    let ada = harbour.ada();
    let made = invited(&ada, "Ben", "ben@harbour.example", &["teams-managers"]).unwrap();
    assert_eq!((made.user.state, made.user.username.as_str()), (State::Invited, "ben@harbour.example"));
    let password = secret("a long enough password");
    assert!(admit::sign_in(&harbour.company, "ben@harbour.example", &password, &From::default()).unwrap().is_none());
    let again = invite_again(&ada.ask(UserInvite {}).unwrap(), &located(&ada, "ben@harbour.example")).unwrap().token;
    assert!(admit::invitation(&harbour.company, &made.token).unwrap().is_none(), "the first link is dead");
    let session = admit::accept_invitation(&harbour.company, &again, &password, &From::default()).unwrap().token;
    let ada = harbour.ada();
    let ben = located(&ada, "ben@harbour.example");
    assert!(conflict(invite_again(&ada.ask(UserInvite {}).unwrap(), &ben)));
    assert!(harbour.visit(ben.id().0).may(ask::SpaceCreate {}), "what the team gives holds");

    let gone = deactivate(&editing(&ada), &ben).unwrap();
    assert_eq!(gone.state, State::Inactive);
    assert!(matches!(admit::enter(&harbour.company, &session, &From::default()).unwrap(), admit::Entry::Nobody));
    assert!(admit::sign_in(&harbour.company, "ben@harbour.example", &password, &From::default()).unwrap().is_none());
    assert_eq!(reactivate(&editing(&ada), &ben).unwrap().state, State::Active);
    assert!(admit::sign_in(&harbour.company, "ben@harbour.example", &password, &From::default()).unwrap().is_some());
    assert!(
        matches!(admit::enter(&harbour.company, &session, &From::default()).unwrap(), admit::Entry::Nobody),
        "the old session stays dead"
    );
    for line in [
        "Created: Ben was invited into Managers",
        "Modified: Ben was sent a new invitation",
        "UserActivated: Ben accepted the invitation and chose a password",
        "UserDeactivated: Ben was deactivated",
        "UserReactivated: Ben was reactivated",
    ] {
        assert!(harbour.trail().contains(&line.to_owned()), "{line}");
    }
}

#[test]
fn names_and_addresses_are_checked_and_belong_to_one_person() {
    let harbour = harbour();
    let ada = harbour.ada();
    let try_it = |username: &str, name: &str, email: &str| {
        let fields = Fields { username: username.into(), ..fields(name, email) };
        create(&editing(&ada), &fields, &secret("a long enough password"))
    };
    for (username, name, email, field) in [
        ("", "", "ben@x", "DisplayName"),
        ("", "Ben", "", "EmailAddress"),
        ("", "Ben", "no address", "EmailAddress"),
        ("", "Ben", "ADA@harbour.example", "EmailAddress"),
        ("ada@harbour.example", "Ben", "ben@x", "Username"),
        (&"x".repeat(65), "Ben", "ben@x", "Username"),
        ("", &"x".repeat(65), "ben@x", "DisplayName"),
    ] {
        assert!(wrong(try_it(username, name, email), field), "{username} {name} {email}");
    }
    assert!(wrong(create(&editing(&ada), &fields("Ben", "ben@x"), &secret("short")), "Password"));
    try_it("ben", "Ben", "ben@x").unwrap();
    assert!(wrong(try_it("", "Eve", "Ben@X"), "EmailAddress"));
    assert!(wrong(try_it("BEN", "Eve", "eve@x"), "Username"));
    let eve = try_it("", "Eve", "eve@x").unwrap();
    let eve_at = located(&ada, "eve@x");
    let saved =
        edit(&editing(&ada), &eve_at, &Fields { username: "eve".into(), ..fields("Eve Adams", "eve@x") }).unwrap();
    assert_eq!((saved.id, saved.username.as_str(), saved.display_name.as_str()), (eve.id, "eve", "Eve Adams"));
    assert!(wrong(
        edit(&editing(&ada), &eve_at, &Fields { username: "ben".into(), ..fields("Eve", "eve@x") }),
        "Username"
    ));
}

#[test]
fn the_last_administrator_stays_and_nobody_shuts_themselves_out() {
    let harbour = harbour();
    let ada = harbour.ada();
    assert!(conflict(deactivate(&editing(&ada), &located(&ada, "Users-1"))));
    assert!(conflict(delete(&editing(&ada), &located(&ada, "Users-1"))));
    let operator = harbour.operator();
    assert!(conflict(deactivate(&editing(&operator), &located(&operator, "Users-1"))), "not even the operator");
    let ben = harbour.user("Ben");
    teams::add_members(&team(&ada, "teams-administrators"), &[Id::new(ben)]).unwrap();
    let ben = harbour.visit(ben);
    deactivate(&editing(&ben), &located(&ben, "Users-1")).unwrap();
    delete(&editing(&ben), &located(&ben, "Users-1")).unwrap();
    assert!(harbour.trail().contains(&"Deleted: User Ada was deleted".to_owned()));
}

#[test]
fn of_two_administrators_who_shut_each_other_out_at_once_one_stays() {
    for round in 0..5 {
        let harbour = harbour();
        let ben = harbour.user("Ben");
        teams::add_members(&team(&harbour.ada(), "teams-administrators"), &[Id::new(ben)]).unwrap();
        let barrier = std::sync::Barrier::new(2);
        let done: Vec<bool> = std::thread::scope(|scope| {
            let tries = [(1, ben), (ben, 1)].map(|(who, whom)| {
                let (harbour, barrier) = (&harbour, &barrier);
                scope.spawn(move || {
                    let visitor = harbour.visit(who);
                    let (editing, at) = (editing_of(&visitor), located(&visitor, &format!("Users-{whom}")));
                    barrier.wait();
                    match round % 3 {
                        0 => deactivate(&editing, &at).is_ok(),
                        1 => delete(&editing, &at).is_ok(),
                        _ => {
                            let administrators = team(&visitor, "teams-administrators");
                            teams::remove_member(&administrators, at.id()).is_ok()
                        }
                    }
                })
            });
            tries.map(|one| one.join().unwrap_or(false)).to_vec()
        });
        assert_ne!(done, [true, true], "round {round}");
        let left = harbour.sql(|c| {
            c.query_row(
                "SELECT count(*) FROM users u JOIN team_members m ON m.user_id = u.id JOIN teams t ON t.id = m.team_id
                 WHERE t.builtin = 'administrators' AND u.state = 'active'",
                [],
                |row| row.get::<_, i64>(0),
            )
        });
        assert!(left >= 1, "round {round}");
    }
}

#[test]
fn each_step_of_the_table_is_what_the_commands_do() {
    for state in State::ALL {
        for step in [Step::InviteAgain, Step::Revoke, Step::Deactivate, Step::Reactivate] {
            let harbour = harbour();
            let ada = harbour.ada();
            invited(&ada, "Ben", "ben@harbour.example", &[]).unwrap();
            harbour.sql(|c| c.execute("UPDATE users SET state = ?1, password_hash = 'x' WHERE id = 2", [state.word()]));
            let ada = harbour.ada();
            let ben = located(&ada, "Users-2");
            let inviting = ada.ask(UserInvite {}).unwrap();
            let done = match step {
                Step::InviteAgain => invite_again(&inviting, &ben).map(drop),
                Step::Revoke => invitations::revoke(&inviting, &ben),
                Step::Deactivate => deactivate(&editing(&ada), &ben).map(drop),
                _ => reactivate(&editing(&ada), &ben).map(drop),
            };
            let now = harbour.sql(|c| {
                let mut found = c.prepare("SELECT state FROM users WHERE id = 2")?;
                found.query_map([], |row| row.get::<_, String>(0))?.next().transpose()
            });
            match state.next(step) {
                Next::To(next) => {
                    assert_eq!((done.is_ok(), now.as_deref()), (true, Some(next.word())), "{state:?} {step:?}")
                }
                Next::Stays => {
                    assert_eq!((done.is_ok(), now.as_deref()), (true, Some(state.word())), "{state:?} {step:?}")
                }
                Next::Gone => assert_eq!((done.is_ok(), now), (true, None), "{state:?} {step:?}"),
                Next::Refused(_) => {
                    assert!(conflict(done), "{state:?} {step:?}");
                    assert_eq!(now.as_deref(), Some(state.word()), "{state:?} {step:?}");
                }
            }
        }
    }
}

#[test]
fn an_open_invitation_does_not_outgrow_whoever_made_it() {
    let harbour = harbour();
    let crew = harbour.team("Crew", &[], &[]);
    let helga = helper(&harbour);
    let into = [team(&helga, "Crew")];
    let inviting = helga.ask(UserInvite {}).unwrap();
    assert!(is_denied(
        invitations::invite_open(&inviting, &[team(&helga, "teams-administrators")]),
        "AdministerSystem"
    ));
    let (code, open) = invitations::invite_open(&inviting, &into).unwrap();
    assert_eq!(open.teams, [(Id::new(crew), "Crew".to_owned())]);
    harbour.sql(|c| {
        c.execute(
            "INSERT INTO scoped_roles (team_id, role_id) SELECT ?1, id FROM user_roles WHERE builtin = 'systemadministrator'",
            [crew],
        )
    });
    let register = |code: &str| {
        let names = fields("Eve", "eve@harbour.example");
        admit::register(&harbour.company, code, &names, &secret("a long enough password"), &From::default())
    };
    assert!(conflict(register(&code)));
    let ada = harbour.ada();
    let (code, _) = invitations::invite_open(&ada.ask(UserInvite {}).unwrap(), &[team(&ada, "Crew")]).unwrap();
    let eve = register(&code).unwrap();
    assert!(harbour.visit(eve.id.0).may(ask::AdministerSystem {}), "whoever may give it gave it");
    assert!(matches!(register(&code), Err(Error::NotFound(_))), "once");
    // After 48 hours neither kind can be used.
    let (code, _) = invitations::invite_open(&ada.ask(UserInvite {}).unwrap(), &[]).unwrap();
    let made = invited(&ada, "Fay", "fay@harbour.example", &[]).unwrap();
    harbour.sql(|c| {
        c.execute("UPDATE open_invitations SET expires_at = expires_at - 48 * 3600000", [])?;
        c.execute("UPDATE one_time_links SET expires_at = expires_at - 48 * 3600000", [])
    });
    assert!(matches!(register(&code), Err(Error::NotFound(_))));
    assert!(admit::invitation(&harbour.company, &made.token).unwrap().is_none());
    assert!(matches!(register(&made.token), Err(Error::NotFound(_))));
}

#[test]
fn names_are_unique_in_every_spelling() {
    let harbour = harbour();
    let ada = harbour.ada();
    invited(&ada, "José", "jos\u{e9}@harbour.example", &[]).unwrap();
    for email in ["JOSE\u{301}@harbour.example", "\u{ff4a}osé@HARBOUR.example"] {
        assert!(wrong(invited(&ada, "Other", email, &[]), "EmailAddress"), "{email}");
    }
    assert!(wrong(invited(&ada, "Ada\u{202e}", "x@harbour.example", &[]), "DisplayName"));
    assert!(wrong(invited(&ada, "Ada", "a\u{200b}da@harbour.example", &[]), "EmailAddress"));
    let long = format!("{}@harbour.example", "x".repeat(80));
    let made = invited(&ada, "Long Address", &long, &[]).unwrap();
    assert_eq!(made.user.username, "long-address", "an address that is too long for a username");
    assert_eq!(located(&ada, "José@Harbour.Example").id(), Id::new(2));
}

#[test]
fn who_is_no_administrator_does_not_touch_one() {
    let harbour = harbour();
    let helga = helper(&harbour);
    let ada = located(&helga, "Users-1");
    let editing = editing_of(&helga);
    assert!(is_denied(edit(&editing, &ada, &fields("Ada", "helga2@harbour.example")), "AdministerSystem"));
    assert!(is_denied(deactivate(&editing, &ada), "AdministerSystem"));
    assert!(is_denied(delete(&editing, &ada), "AdministerSystem"));
    assert!(is_denied(invited(&helga, "Eve", "eve@x", &["teams-administrators"]), "AdministerSystem"));
    // `access-rules §9`: nobody invites to more than they hold, not only not to full administration.
    assert!(matches!(invited(&helga, "Eve", "eve@x", &["teams-managers"]), Err(Error::Denied(_))));
    let pending = invited(&harbour.ada(), "Fay", "fay@x", &["teams-administrators"]).unwrap().user;
    let helga = harbour.visit(helga.user().unwrap().0);
    let fay = located(&helga, &pending.id.to_string());
    assert!(is_denied(invite_again(&helga.ask(UserInvite {}).unwrap(), &fay), "AdministerSystem"));
    let robot = create_service_account(&editing_of(&helga), &fields("Robot", "")).unwrap();
    teams::add_members(&team(&harbour.ada(), "teams-administrators"), &[robot.id]).unwrap();
    let helga = harbour.visit(helga.user().unwrap().0);
    let made =
        keys::create(&editing_of(&helga), &located(&helga, &robot.id.to_string()), &keys::Fields::of("mine", None));
    assert!(is_denied(made, "AdministerSystem"), "nor through an account's key");
}

#[test]
fn service_accounts_come_with_keys_and_not_with_a_password() {
    let harbour = harbour();
    let ada = harbour.ada();
    let robot = create_service_account(&editing(&ada), &fields("Build robot", "")).unwrap();
    assert_eq!((robot.username.as_str(), robot.is_service, robot.email_address.as_str()), ("build-robot", true, ""));
    create_service_account(&editing(&ada), &fields("Second robot", "")).unwrap();
    let at = located(&ada, "build-robot");
    let (key, kept) = keys::create(&editing(&ada), &at, &keys::Fields::of("Pipeline", None)).unwrap();
    assert!(key.starts_with(kept.hint.trim_end_matches('…')) && kept.hint.chars().count() == 9);
    assert!((kept.expires_at.0 - clock::now().plus(180 * DAY).0).abs() < 60_000);
    let visitor = admit::api_key(&harbour.company, &key, &From::default()).unwrap().unwrap();
    assert_eq!(visitor.name(), "Build robot");
    assert_eq!(visitor.key_ends(), Some(kept.expires_at));

    // A key made with a key does not outlive it.
    let mine = visitor.myself().unwrap();
    assert!(wrong(keys::create_own(&mine, &keys::Fields::of("longer", Some(kept.expires_at.plus(DAY)))), "Expires"));
    let (_, shorter) = keys::create_own(&mine, &keys::Fields::of("as long", None)).unwrap();
    assert!(shorter.expires_at <= kept.expires_at);

    let ada = harbour.ada();
    assert_eq!(keys::list_for(&editing(&ada), &at).unwrap().len(), 2);
    keys::revoke_for(&editing(&ada), &at, kept.id).unwrap();
    assert!(admit::api_key(&harbour.company, &key, &From::default()).unwrap().is_none());
    assert!(matches!(keys::revoke_for(&editing(&ada), &at, kept.id), Err(Error::NotFound(_))));
}

#[test]
fn peoples_keys_are_their_own() {
    let harbour = harbour();
    harbour.user("Ben");
    let ada = harbour.ada();
    let ben = located(&ada, "ben@harbour.example");
    assert!(conflict(keys::create(&editing(&ada), &ben, &keys::Fields::of("mine", None))));
    assert!(conflict(keys::list_for(&editing(&ada), &ben)));
    let operator = harbour.operator();
    keys::create_for(&editing(&operator), &located(&operator, "ben@harbour.example"), "way back in", 1).unwrap();
    assert!(wrong(keys::create_for(&editing(&operator), &ben, "x", 0), "Expires"));

    let myself = ada.myself().unwrap();
    for (purpose, until, field) in [
        ("", None, "Purpose"),
        ("x", Some(clock::now().plus(-DAY)), "Expires"),
        ("x", Some(clock::now().plus(4000 * DAY)), "Expires"),
    ] {
        assert!(wrong(keys::create_own(&myself, &keys::Fields::of(purpose, until)), field));
    }
    let (key, kept) = keys::create_own(&myself, &keys::Fields::of("Laptop", Some(clock::now().plus(DAY)))).unwrap();
    assert!(!harbour.trail().iter().any(|line| line.contains(&key)));
    assert_eq!(keys::list_own(&myself).unwrap().len(), 1);
    let visiting_ben = harbour.visit(ben.id().0);
    assert!(
        matches!(keys::revoke_own(&visiting_ben.myself().unwrap(), kept.id), Err(Error::NotFound(_))),
        "not another's"
    );
    keys::revoke_own(&myself, kept.id).unwrap();
    assert!(harbour.operator().myself().is_err());
}

#[test]
fn one_sees_and_ends_ones_own_sessions() {
    let harbour = harbour();
    let session = |user: i64, stage: &str| {
        harbour.sql(|c| {
            c.execute(
                "INSERT INTO sessions (token_hash, user_id, stage, created_at, last_seen_at, expires_at) VALUES (randomblob(32), ?1, ?2, 0, 0, ?3)",
                (user, stage, clock::now().plus(DAY)),
            )?;
            Ok(c.last_insert_rowid())
        })
    };
    let ben = harbour.user("Ben");
    let (first, _second, _pending, foreign) =
        (session(1, "full"), session(1, "full"), session(1, "code"), session(ben, "full"));
    let ada = harbour.ada();
    let myself = ada.myself().unwrap();
    assert_eq!(own::sessions(&myself).unwrap().len(), 2);
    assert!(matches!(own::end_session(&myself, foreign), Err(Error::NotFound(_))));
    own::end_session(&myself, first).unwrap();
    own::end_other_sessions(&myself).unwrap();
    assert!(own::sessions(&myself).unwrap().is_empty());
    assert_eq!(own::sessions(&harbour.visit(ben).myself().unwrap()).unwrap().len(), 1);
    assert_eq!(own::rename(&myself, "Ada L.").unwrap().display_name, "Ada L.");
    assert!(wrong(own::rename(&myself, " "), "DisplayName"));
}

#[test]
fn the_list_is_found_filtered_and_counted() {
    let harbour = harbour();
    let ada = harbour.ada();
    invited(&ada, "Ben", "ben@harbour.example", &[]).unwrap();
    create_service_account(&editing(&ada), &fields("Robot", "")).unwrap();
    let found = |filter: Filter| -> Vec<String> {
        let listed = list(&ada.ask(UserView {}).unwrap(), &filter, Page::ALL).unwrap();
        listed.items.into_iter().map(|user| user.display_name).collect()
    };
    assert_eq!(found(Filter::default()), ["Ada", "Ben", "Robot"]);
    assert_eq!(found(Filter { text: "BEN@".into(), ..Filter::default() }), ["Ben"]);
    assert_eq!(found(Filter { state: Some(State::Invited), ..Filter::default() }), ["Ben"]);
    assert_eq!(found(Filter { service: Some(true), ..Filter::default() }), ["Robot"]);
    assert_eq!(found(Filter { without_second_factor: true, ..Filter::default() }), ["Ada"]);
    assert_eq!(found(Filter { ids: Some(vec![1, 3]), ..Filter::default() }), ["Ada", "Robot"]);
    let counted = counts(&ada.ask(UserView {}).unwrap()).unwrap();
    assert_eq!(counted, Counts { active: 1, invited: 1, inactive: 0, services: 1, without_second_factor: 1 });
}

#[test]
fn who_may_change_members_invites_into_teams_that_hold_no_more_than_they_do() {
    let harbour = harbour();
    harbour.team("Empty", &[], &[]);
    harbour.team("Strong", &[], &[("Deployment Creator", To::EVERYWHERE)]);
    let rights = ["UserView", "UserInvite", "TeamView", "TeamMembersEdit"];
    harbour.role("Welcomes", &rights.map(|right| ("system", right)));
    let greta = harbour.person("Greta", &[("Welcomes", To::SYSTEM)]);
    invited(&greta, "Eve", "eve@x", &["Empty"]).unwrap();
    assert!(is_denied(invited(&greta, "Fay", "fay@x", &["Strong"]), "DeploymentCreate"));
}
