//! Ways in: password, second factor, session, invitation, API key; and all that does not get in.

use crate::{
    base::{
        clock::{self, DAY, MINUTE},
        error::Error,
        secret::Secret,
    },
    company::{
        Company,
        access::{
            From, Visitor,
            admit::{self, Entry, Offered, PendingSession, Stage},
        },
        testing::{EMAIL, Harbour, PASSWORD, harbour},
    },
};

pub(super) fn from() -> From {
    From { address: "192.0.2.7".into(), agent: "test".into(), ..From::default() }
}
pub(super) fn password() -> Secret {
    Secret::new(PASSWORD)
}
pub(super) fn signed_in(company: &Company) -> admit::SignedIn {
    admit::sign_in(company, EMAIL, &password(), &from()).unwrap().unwrap()
}
pub(super) fn pending(company: &Company, token: &str) -> PendingSession {
    match admit::enter(company, token, &from()).unwrap() {
        Entry::Pending(pending) => pending,
        Entry::Admitted(_) => panic!("admitted"),
        Entry::Nobody => panic!("nobody"),
    }
}
pub(super) fn admitted(company: &Company, token: &str) -> Option<Visitor> {
    match admit::enter(company, token, &from()).unwrap() {
        Entry::Admitted(visitor) => Some(*visitor),
        _ => None,
    }
}
pub(super) fn is_nobody(company: &Company, token: &str) -> bool {
    matches!(admit::enter(company, token, &from()).unwrap(), Entry::Nobody)
}

/// Ada with a second factor: the secret and a full session's token. The code of the present step is used up.
pub(super) fn enrolled(company: &Company) -> (String, String) {
    // What a test does next is to fall into the same half minute.
    while clock::now().0 % 30_000 > 24_000 {
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    let signed_in = signed_in(company);
    assert_eq!(signed_in.stage, Stage::Enrol);
    let pending = pending(company, &signed_in.token);
    let enrolment = admit::enrolment(company, &pending, &from()).unwrap();
    assert_eq!(
        admit::enrolment(company, &pending, &from()).unwrap().secret,
        enrolment.secret,
        "shown again, not made anew"
    );
    assert!(enrolment.address.starts_with("otpauth://totp/") && enrolment.address.contains(&enrolment.secret));
    let enrolled =
        admit::enrol(company, &pending, &Offered::code(&admit::code_in(&enrolment.secret, 0)), &from()).unwrap();
    assert_eq!(enrolled.codes.len(), 10);
    let token = enrolled.token;
    assert!(is_nobody(company, &signed_in.token), "the token from before the code is dead");
    (enrolment.secret, token)
}

#[test]
fn a_person_signs_in_with_password_and_code() {
    let harbour = harbour();
    let company = &harbour.company;
    let (secret, token) = enrolled(company);
    assert_eq!(admitted(company, &token).unwrap().name(), "Ada");
    let again = admit::sign_in(company, "  ADA@harbour.example ", &password(), &from()).unwrap().unwrap();
    assert_eq!(again.stage, Stage::Code);
    let pending = pending(company, &again.token);
    assert!(matches!(admit::enrol(company, &pending, &Offered::code("000000"), &from()), Err(Error::Conflict(_))));
    assert!(
        matches!(admit::enrolment(company, &pending, &from()), Err(Error::Conflict(_))),
        "a password alone sets up no factor"
    );
    let used = admit::check_code(company, &pending, &Offered::code(&admit::code_in(&secret, 0)), &from());
    assert!(matches!(used, Err(Error::Invalid(_))), "the code that set it up is used");
    let token = admit::check_code(company, &pending, &Offered::code(&admit::code_in(&secret, 30)), &from()).unwrap();
    assert!(admitted(company, &token).is_some());
    admit::sign_out(company, &token, &from()).unwrap();
    assert!(is_nobody(company, &token));
    for line in [
        "LoginPassword: Ada gave the right password",
        "SecondFactorAdded: Ada set up a second factor",
        "LoginSucceeded: Ada signed in",
        "Logout: Ada signed out",
    ] {
        assert!(harbour.trail().contains(&line.to_owned()), "{line}");
    }
}

/// Findings G15.
#[test]
fn a_clock_that_was_put_back_refuses_no_right_code() {
    let harbour = harbour();
    let company = &harbour.company;
    let (secret, _) = enrolled(company);
    let pending = || pending(company, &admit::sign_in(company, EMAIL, &password(), &from()).unwrap().unwrap().token);
    // Signed in last a year from now, as the clock said then.
    let year = 365 * 24 * 60 * 2;
    harbour.sql(|c| c.execute("UPDATE factors SET counter = counter + ?1", [year]));
    let code = admit::code_in(&secret, 0);
    let begun = pending();
    admit::check_code(company, &begun, &Offered::code(&code), &from()).unwrap();
    let again = admit::check_code(company, &pending(), &Offered::code(&code), &from());
    assert!(matches!(again, Err(Error::Invalid(_))), "and it is good once");
    // The step after this one can have been used already: that counts.
    harbour.sql(|c| c.execute("UPDATE factors SET counter = ?1", [clock::now().0 / 30_000 + 1]));
    let next = admit::check_code(company, &pending(), &Offered::code(&admit::code_in(&secret, 30)), &from());
    assert!(matches!(next, Err(Error::Invalid(_))));
}

#[test]
fn unknown_person_and_wrong_password_are_answered_alike() {
    let harbour = harbour();
    harbour.sql(|c| c.execute("INSERT INTO users (username, username_key, display_name, email, state, is_service, created_at) VALUES ('robot', 'robot', 'Robot', '', 'active', 1, 0)", []));
    let hash = admit::hash_password("harbour", &password()).unwrap();
    harbour.user("Ben");
    harbour.sql(|c| {
        c.execute("UPDATE users SET password_hash = ?1, state = 'inactive' WHERE display_name = 'Ben'", [hash])
    });
    for (name, password) in [
        (EMAIL, "wrong horse battery"),
        ("nobody@harbour.example", PASSWORD),
        ("ben@harbour.example", PASSWORD),
        ("robot", PASSWORD),
        ("", ""),
    ] {
        assert!(admit::sign_in(&harbour.company, name, &Secret::new(password), &from()).unwrap().is_none(), "{name}");
    }
    let failures = harbour.trail().iter().filter(|line| line.starts_with("LoginFailed")).count();
    assert_eq!(failures, 5);
    assert!(
        !harbour.trail().iter().any(|line| line.contains("nobody@") || line.contains("battery")),
        "what was typed is not told"
    );
}

#[test]
fn of_two_uses_of_one_code_only_one_succeeds() {
    let harbour = harbour();
    let (secret, _) = enrolled(&harbour.company);
    let code = admit::code_in(&secret, 30);
    let sessions: Vec<PendingSession> =
        (0..4).map(|_| pending(&harbour.company, &signed_in(&harbour.company).token)).collect();
    let successes = std::thread::scope(|scope| {
        let uses: Vec<_> = sessions
            .iter()
            .map(|pending| {
                scope.spawn(|| admit::check_code(&harbour.company, pending, &Offered::code(&code), &from()).is_ok())
            })
            .collect();
        uses.into_iter().map(|one| one.join().unwrap()).filter(|ok| *ok).count()
    });
    assert_eq!(successes, 1);
}

#[test]
fn a_session_ends_with_time_and_with_its_person() {
    let harbour = harbour();
    let company = &harbour.company;
    let (_, token) = enrolled(company);
    let state = |state: &str| harbour.sql(|c| c.execute("UPDATE users SET state = ?1 WHERE id = 1", [state]));
    state("inactive");
    assert!(is_nobody(company, &token));
    state("active");
    assert!(admitted(company, &token).is_some());
    harbour.sql(|c| c.execute("UPDATE sessions SET last_seen_at = last_seen_at - ?1", [DAY]));
    assert!(is_nobody(company, &token));
    harbour.sql(|c| c.execute("UPDATE sessions SET last_seen_at = ?1, expires_at = ?1 - 1", [clock::now().0]));
    assert!(is_nobody(company, &token));
    for token in ["", "x", &"A".repeat(500)] {
        assert!(is_nobody(company, token));
    }
}

#[test]
fn a_session_of_another_company_is_nothing_here() {
    let (here, there) = (harbour(), crate::company::testing::founded("meridian", "Meridian"));
    let (_, token) = enrolled(&there.company);
    assert!(is_nobody(&here.company, &token));
}

fn key(harbour: &Harbour, user: i64, expires: i64) -> String {
    let key = admit::new_key();
    let hash = admit::hash_key(&key);
    harbour.sql(|c| {
        c.execute(
            "INSERT INTO api_keys (user_id, key_hash, hint, purpose, created_at, expires_at) VALUES (?1, ?2, 'API-XX', 'test', 0, ?3)",
            (user, &hash[..], expires),
        )
    });
    key
}

#[test]
fn keys_admit_their_active_owner_until_they_expire() {
    let harbour = harbour();
    let company = &harbour.company;
    let later = clock::now().0 + DAY;
    let good = key(&harbour, 1, later);
    assert!(good.strip_prefix("API-").unwrap().bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()));
    let enters = |key: &str| admit::api_key(company, key, &from()).unwrap().map(|visitor| visitor.name().to_owned());
    assert_eq!(enters(&good).as_deref(), Some("Ada"));
    let expired = key(&harbour, 1, clock::now().0 - 1);
    for bad in [&expired[..], "API-GUEST", "API-", "", &good[4..]] {
        assert_eq!(enters(bad), None, "{bad}");
    }
    harbour.sql(|c| c.execute("UPDATE users SET state = 'inactive' WHERE id = 1", []));
    assert_eq!(enters(&good), None);
    harbour.sql(|c| c.execute("UPDATE users SET state = 'active' WHERE id = 1", []));
    assert_eq!(enters(&good).as_deref(), Some("Ada"));
    let used: Option<i64> = harbour
        .sql(|c| c.query_row("SELECT last_used_at FROM api_keys WHERE expires_at = ?1", [later], |row| row.get(0)));
    assert!(used.is_some());
}

#[test]
fn an_invitation_is_used_once_and_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let key = zeroize::Zeroizing::new([7u8; 32]);
    let administrator = crate::company::access::FirstPerson { name: "Ada", email: EMAIL, password: None };
    let founding = crate::company::access::Founding { slug: "harbour", name: "Harbour", administrator };
    let founded = Company::found(&folder.path().join("harbour"), uuid::Uuid::new_v4(), &key, &founding).unwrap();
    let (company, token) = (founded.company, founded.invitation.unwrap());
    assert!(admit::sign_in(&company, EMAIL, &password(), &from()).unwrap().is_none());
    assert_eq!(admit::invitation(&company, &token).unwrap(), Some(("Ada".into(), EMAIL.into())));
    assert!(matches!(
        admit::accept_invitation(&company, &token, &Secret::new("short"), &from()),
        Err(Error::Invalid(_))
    ));
    assert!(matches!(admit::accept_invitation(&company, "other", &password(), &from()), Err(Error::NotFound(_))));
    let signed_in = admit::accept_invitation(&company, &token, &password(), &from()).unwrap();
    assert_eq!(pending(&company, &signed_in.token).stage, Stage::Enrol);
    assert!(matches!(admit::accept_invitation(&company, &token, &password(), &from()), Err(Error::NotFound(_))));
    assert!(admit::sign_in(&company, EMAIL, &password(), &from()).unwrap().is_some());
}

pub(super) fn rule(harbour: &Harbour, word: &str, grace_days: i64) {
    harbour.sql(|c| {
        c.execute(
            "UPDATE settings SET second_factor = ?1, grace_days = ?2, second_factor_since = ?3,
             second_factor_permissions = '[\"UserEdit\"]'",
            (word, grace_days, clock::now().0),
        )
    });
}

/// Somebody with Ada's password.
pub(super) fn hired(harbour: &Harbour, name: &str) -> (i64, String) {
    let user = harbour.user(name);
    harbour.sql(|c| {
        c.execute(
            "UPDATE users SET password_hash = (SELECT password_hash FROM users WHERE id = 1) WHERE id = ?1",
            [user],
        )
    });
    (user, format!("{}@harbour.example", name.to_lowercase()))
}

#[test]
fn a_second_factor_is_demanded_as_the_company_settled_it() {
    let harbour = harbour();
    let company = &harbour.company;
    hired(&harbour, "Ben");
    let stage = |email: &str| admit::sign_in(company, email, &password(), &from()).unwrap().unwrap().stage;
    for (word, ada, ben) in [
        ("everyone", Stage::Enrol, Stage::Enrol),
        ("holders", Stage::Enrol, Stage::Full),
        ("nobody", Stage::Full, Stage::Full),
    ] {
        rule(&harbour, word, 0);
        assert_eq!((stage(EMAIL), stage("ben@harbour.example")), (ada, ben), "{word}");
    }
    let token = signed_in(company).token;
    assert!(admitted(company, &token).unwrap().fresh().is_ok(), "the password is what there is to prove");
    // Who has a factor is asked for it, whatever the rule.
    rule(&harbour, "everyone", 0);
    enrolled(company);
    rule(&harbour, "nobody", 0);
    assert_eq!(stage(EMAIL), Stage::Code);
}

#[test]
fn a_role_that_has_ended_demands_nothing() {
    let harbour = harbour();
    let (ben, email) = hired(&harbour, "Ben");
    let ended = crate::company::testing::Scope {
        until: Some(clock::now().plus(-MINUTE)),
        ..crate::company::testing::Scope::SYSTEM
    };
    harbour.team("Once", &[ben], &[("System Administrator", ended)]);
    rule(&harbour, "holders", 0);
    assert_eq!(admit::sign_in(&harbour.company, &email, &password(), &from()).unwrap().unwrap().stage, Stage::Full);
    harbour.team("Now", &[ben], &[("System Administrator", crate::company::testing::Scope::SYSTEM)]);
    assert_eq!(admit::sign_in(&harbour.company, &email, &password(), &from()).unwrap().unwrap().stage, Stage::Enrol);
}

#[test]
fn within_the_days_of_grace_one_may_go_on_without() {
    let harbour = harbour();
    let company = &harbour.company;
    rule(&harbour, "everyone", 7);
    let first = pending(company, &signed_in(company).token);
    assert!(admit::grace(company, &first).unwrap().is_some());
    let token = admit::later(company, &first, &from()).unwrap();
    assert!(admitted(company, &token).is_some());
    assert!(matches!(admit::later(company, &first, &from()), Err(Error::Conflict(_))), "once");
    harbour.sql(|c| c.execute("UPDATE settings SET second_factor_since = second_factor_since - ?1", [8 * DAY]));
    harbour.sql(|c| c.execute("UPDATE users SET created_at = created_at - ?1", [8 * DAY]));
    let late = pending(company, &signed_in(company).token);
    assert!(admit::grace(company, &late).unwrap().is_none());
    assert!(matches!(admit::later(company, &late, &from()), Err(Error::Conflict(_))));
    // Who has a factor cannot go round it.
    enrolled(company);
    harbour.sql(|c| c.execute("UPDATE settings SET grace_days = 90", []));
    let code = pending(company, &signed_in(company).token);
    assert!(matches!(admit::later(company, &code, &from()), Err(Error::Conflict(_))));
}

/// Ada with a second factor: her recovery codes.
fn with_codes(company: &Company) -> Vec<String> {
    let pending = pending(company, &signed_in(company).token);
    let enrolment = admit::enrolment(company, &pending, &from()).unwrap();
    admit::enrol(company, &pending, &Offered::code(&admit::code_in(&enrolment.secret, 0)), &from()).unwrap().codes
}

#[test]
fn a_recovery_code_is_good_once_and_is_not_kept_as_it_is() {
    let harbour = harbour();
    let company = &harbour.company;
    let codes = with_codes(company);
    let mut distinct = codes.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!((codes.len(), distinct.len()), (10, 10));
    let give = |code: &str| {
        let pending = pending(company, &signed_in(company).token);
        admit::check_code(company, &pending, &Offered::code(code), &from())
    };
    let spelt = format!(" {} ", codes[0].to_lowercase());
    assert!(admitted(company, &give(&spelt).unwrap()).is_some());
    assert!(matches!(give(&codes[0]), Err(Error::Invalid(_))));
    assert!(matches!(give("ABCDE-FGHIJ"), Err(Error::Invalid(_))));
    assert!(give(&codes[9]).is_ok());
    assert_eq!(harbour.trail().iter().filter(|line| line.starts_with("RecoveryCodeUsed: Ada used")).count(), 2);
    let told: Vec<String> = harbour.sql(|c| {
        let sql = "SELECT receiver FROM letters WHERE kind = 'notice' AND subject LIKE 'A recovery code was used%'";
        c.prepare(sql)?.query_map([], |row| row.get(0))?.collect()
    });
    assert_eq!(told, [EMAIL, EMAIL], "its person is told of each use, and of no wrong one");
    let stored: Vec<Vec<u8>> =
        harbour.sql(|c| c.prepare("SELECT code_hash FROM recovery_codes")?.query_map([], |row| row.get(0))?.collect());
    for code in &codes {
        let plain = code.replace('-', "");
        assert!(stored.iter().all(|hash| hash.len() == 32 && !hash.starts_with(&plain.as_bytes()[..5])));
        assert!(!harbour.trail().join("\n").contains(code));
    }
}

#[test]
fn of_two_uses_of_one_recovery_code_only_one_succeeds() {
    let harbour = harbour();
    let codes = with_codes(&harbour.company);
    let sessions: Vec<PendingSession> =
        (0..4).map(|_| pending(&harbour.company, &signed_in(&harbour.company).token)).collect();
    let offered = Offered::code(&codes[3]);
    let successes = std::thread::scope(|scope| {
        let uses: Vec<_> = sessions
            .iter()
            .map(|pending| scope.spawn(|| admit::check_code(&harbour.company, pending, &offered, &from()).is_ok()))
            .collect();
        uses.into_iter().map(|one| one.join().unwrap()).filter(|ok| *ok).count()
    });
    assert_eq!(successes, 1);
}

#[test]
fn what_one_company_gave_is_worth_nothing_at_its_twin() {
    let (here, there) = (harbour(), crate::company::testing::founded("meridian", "Meridian"));
    let codes = with_codes(&there.company);
    let (secret, _) = enrolled(&here.company);
    let pending_there = pending(&there.company, &signed_in(&there.company).token);
    let pending_here = pending(&here.company, &signed_in(&here.company).token);
    assert!(admit::check_code(&here.company, &pending_here, &Offered::code(&codes[0]), &from()).is_err());
    assert!(
        admit::check_code(&there.company, &pending_there, &Offered::code(&admit::code_in(&secret, 30)), &from())
            .is_err()
    );
    // Even copied from file to file: a sealed secret opens only with its own company's key.
    let factor: (Vec<u8>, i64) =
        here.sql(|c| c.query_row("SELECT sealed, counter FROM factors", [], |row| Ok((row.get(0)?, row.get(1)?))));
    there.sql(|c| c.execute("UPDATE factors SET sealed = ?1, counter = 0", [factor.0]));
    let again = pending(&there.company, &signed_in(&there.company).token);
    let carried = admit::check_code(&there.company, &again, &Offered::code(&admit::code_in(&secret, 30)), &from());
    assert!(matches!(carried, Err(Error::Internal(_))), "it does not open");
}
