//! Passwords: the work that is done for whom, old hashes, lost passwords, one's own change.

use super::sign_in::{admitted, enrolled, from, is_nobody, password, pending, signed_in};
use crate::{
    base::{
        clock::{self, HOUR},
        error::Error,
        secret::Secret,
    },
    company::{
        access::{
            From,
            admit::{self, SPENT},
            permissions::UserEdit,
        },
        people,
        testing::{EMAIL, Harbour, harbour},
    },
};

const NEW: &str = "lantern copper seven boats";

/// The texts of the letters that wait, oldest first, each after its receiver and subject; but for that about the factor
/// which tests set up to begin with.
pub(super) fn letters(harbour: &Harbour) -> Vec<String> {
    let rows: Vec<(i64, String, String, Vec<u8>)> = harbour.sql(|c| {
        let mut statement =
            c.prepare("SELECT id, receiver, subject, body FROM letters WHERE body IS NOT NULL AND subject NOT LIKE 'Your second factor%' ORDER BY id")?;
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?.collect()
    });
    let text = |(id, to, subject, body): (i64, String, String, Vec<u8>)| {
        format!("{to}: {subject}: {}", harbour.company.seal().open("letters", "body", id, &body).unwrap().expose())
    };
    rows.into_iter().map(text).collect()
}
fn token_in(letter: &str) -> String {
    letter.split_once("/harbour/reset?token=").unwrap().1.split_whitespace().next().unwrap().to_owned()
}
fn hashes<T>(work: impl FnOnce() -> T) -> (T, u32) {
    let before = SPENT.get();
    let answer = work();
    (answer, SPENT.get() - before)
}
/// A link by which Ada's password can be set anew.
fn link(harbour: &Harbour) -> String {
    admit::forgot(&harbour.company, EMAIL, &from()).unwrap();
    token_in(letters(harbour).last().unwrap())
}

#[test]
fn the_same_work_is_done_for_whoever_comes() {
    let harbour = harbour();
    let company = &harbour.company;
    let hash = admit::hash_password("harbour", &password()).unwrap();
    harbour.user("Ben");
    harbour.user("Cyd");
    harbour.sql(|c| {
        c.execute("UPDATE users SET password_hash = ?1, state = 'inactive' WHERE display_name = 'Ben'", [hash])
    });
    let wrong = Secret::new("not the password at all");
    // Once, so that the hash to compare nobody with is there.
    admit::decoy("somewhere", "x", &wrong, &from()).unwrap();
    for (name, given) in [
        (EMAIL, &wrong),
        ("nobody@harbour.example", &wrong),
        ("ben@harbour.example", &password()),
        ("cyd@harbour.example", &wrong),
        ("", &wrong),
    ] {
        let (answer, spent) = hashes(|| admit::sign_in(company, name, given, &from()).unwrap());
        assert!(answer.is_none() && spent == 1, "{name}: {spent}");
    }
    let (_, spent) = hashes(|| admit::decoy("nowhere", EMAIL, &wrong, &from()));
    assert_eq!(spent, 1);
    let (answer, spent) = hashes(|| admit::sign_in(company, EMAIL, &password(), &from()).unwrap());
    assert!(answer.is_some() && spent == 1);
}

#[test]
fn what_is_refused_for_want_of_budget_costs_no_hash() {
    let harbour = harbour();
    harbour.sql(|c| c.execute("INSERT INTO attempts VALUES ('p:1', 9, ?1, ?1 + 60000)", [clock::now()]));
    let (answer, spent) = hashes(|| admit::sign_in(&harbour.company, EMAIL, &password(), &from()));
    assert!(matches!(answer, Err(Error::Later { .. })) && spent == 0);
}

#[test]
fn a_hash_of_another_cost_is_replaced_at_the_next_sign_in() {
    let harbour = harbour();
    let old = {
        use argon2::{Algorithm, Argon2, Params, Version, password_hash::PasswordHasher};
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(4096, 1, 1, None).unwrap());
        argon2.hash_password(password().expose().as_bytes()).unwrap().to_string()
    };
    let stored = || {
        harbour.sql(|c| c.query_row("SELECT password_hash FROM users WHERE id = 1", [], |row| row.get::<_, String>(0)))
    };
    harbour.sql(|c| c.execute("UPDATE users SET password_hash = ?1 WHERE id = 1", [&old]));
    assert!(admit::sign_in(&harbour.company, EMAIL, &Secret::new("wrong wrong wrong"), &from()).unwrap().is_none());
    assert_eq!(stored(), old, "only with the right password");
    signed_in(&harbour.company);
    let renewed = stored();
    assert!(renewed.contains("m=19456,t=2,p=1"), "{renewed}");
    signed_in(&harbour.company);
    assert_eq!(stored(), renewed, "and once");
}

#[test]
fn a_lost_password_is_set_anew_by_a_link_and_the_second_factor_stays() {
    let harbour = harbour();
    let company = &harbour.company;
    let (secret, token) = enrolled(company);
    let reset = link(&harbour);
    assert!(letters(&harbour)[0].starts_with("ada@harbour.example: A new password at Harbour: Hello Ada,"));
    assert_eq!(admit::reset(company, &reset).unwrap(), Some(("Ada".into(), EMAIL.into())));
    for bad in ["short", "password1234", "harbour12345"] {
        assert!(
            matches!(admit::use_reset(company, &reset, &Secret::new(bad), &from()), Err(Error::Invalid(_))),
            "{bad}"
        );
    }
    let device = admit::use_reset(company, &reset, &Secret::new(NEW), &from()).unwrap();
    assert!(is_nobody(company, &token), "all sessions end");
    assert!(matches!(admit::use_reset(company, &reset, &Secret::new(NEW), &from()), Err(Error::NotFound(_))), "once");
    assert!(admit::sign_in(company, EMAIL, &password(), &from()).unwrap().is_none(), "the old one is gone");
    let known = From { device: device.unwrap(), ..from() };
    let again = admit::sign_in(company, EMAIL, &Secret::new(NEW), &known).unwrap().unwrap();
    assert_eq!(again.stage, admit::Stage::Code, "the second factor is not skipped");
    let pending = pending(company, &again.token);
    let full =
        admit::check_code(company, &pending, &admit::Offered::code(&admit::code_in(&secret, 30)), &known).unwrap();
    assert!(admitted(company, &full).is_some());
    let told = letters(&harbour);
    assert!(told[1].starts_with("ada@harbour.example: Your password was changed at Harbour"), "{told:?}");
    assert!(!harbour.trail().iter().any(|line| line.contains(NEW) || line.contains(&reset)));
}

#[test]
fn asking_tells_nothing_and_is_bounded() {
    let harbour = harbour();
    let company = &harbour.company;
    harbour.user("Ben");
    harbour.sql(|c| c.execute("UPDATE users SET state = 'inactive' WHERE display_name = 'Ben'", []));
    harbour.sql(|c| c.execute("INSERT INTO users (username, username_key, display_name, email, state, is_service, created_at) VALUES ('robot', 'robot', 'Robot', 'r@x', 'active', 1, 0)", []));
    for name in ["nobody@harbour.example", "ben@harbour.example", "robot", ""] {
        admit::forgot(company, name, &from()).unwrap();
    }
    assert!(letters(&harbour).is_empty());
    for n in 0..20 {
        admit::forgot(company, EMAIL, &From { address: format!("192.0.2.{n}"), ..from() }).unwrap();
    }
    assert_eq!(letters(&harbour).len(), 3, "nobody's letter box is filled");
    assert!(letters(&harbour).iter().all(|letter| admit::reset(company, &token_in(letter)).unwrap().is_some()));
    let asked = || {
        harbour
            .sql(|c| c.query_row("SELECT count(*) FROM attempts WHERE key LIKE 'l:%'", [], |row| row.get::<_, i64>(0)))
    };
    assert_eq!(asked(), 20, "each address has a bucket");
}

#[test]
fn a_link_dies_with_time_with_its_person_and_at_another_company() {
    let (here, there) = (harbour(), crate::company::testing::founded("meridian", "Meridian"));
    let token = link(&here);
    assert_eq!(admit::reset(&there.company, &token).unwrap(), None);
    assert!(matches!(admit::use_reset(&there.company, &token, &Secret::new(NEW), &from()), Err(Error::NotFound(_))));
    let state = |state: &str| here.sql(|c| c.execute("UPDATE users SET state = ?1 WHERE id = 1", [state]));
    state("inactive");
    assert_eq!(admit::reset(&here.company, &token).unwrap(), None);
    state("active");
    assert!(admit::reset(&here.company, &token).unwrap().is_some());
    here.sql(|c| c.execute("UPDATE one_time_links SET expires_at = expires_at - ?1", [HOUR]));
    assert!(matches!(admit::use_reset(&here.company, &token, &Secret::new(NEW), &from()), Err(Error::NotFound(_))));
    // An invitation is no reset link, and the other way about.
    here.sql(|c| c.execute("UPDATE one_time_links SET expires_at = expires_at + ?1, kind = 'invitation'", [HOUR]));
    assert_eq!(admit::reset(&here.company, &token).unwrap(), None);
}

#[test]
fn of_many_uses_of_one_link_one_succeeds() {
    let harbour = harbour();
    let token = link(&harbour);
    let successes = std::thread::scope(|scope| {
        let one = |n: i32| {
            let (company, token) = (&harbour.company, &token);
            scope.spawn(move || admit::use_reset(company, token, &Secret::new(format!("{NEW} {n}")), &from()).is_ok())
        };
        let uses: Vec<_> = (0..4).map(one).collect();
        uses.into_iter().map(|one| one.join().unwrap()).filter(|ok| *ok).count()
    });
    assert_eq!(successes, 1);
}

#[test]
fn an_administrator_sends_a_link_and_learns_no_password() {
    let harbour = harbour();
    let ben = harbour.user("Ben");
    let ada = harbour.ada();
    let locate = |name: &str| ada.locate(crate::company::access::Within::Company, name).unwrap();
    let granted = ada.ask(UserEdit {}).unwrap();
    assert_eq!(people::reset::send(&granted, &locate("ben@harbour.example")).unwrap(), None, "by mail, to Ben alone");
    let token = token_in(letters(&harbour).last().unwrap());
    assert_eq!(admit::reset(&harbour.company, &token).unwrap().unwrap().0, "Ben");
    harbour.sql(|c| c.execute("UPDATE users SET state = 'invited' WHERE id = ?1", [ben]));
    assert!(matches!(people::reset::send(&granted, &locate("ben@harbour.example")), Err(Error::Conflict(_))));
    // Who manages people but administers nothing does not get at an administrator.
    harbour.role("Keeper of people", &[("system", "UserEdit"), ("system", "UserView")]);
    let cyd = harbour.person("Cyd", &[("Keeper of people", crate::company::testing::Scope::SYSTEM)]);
    let at = cyd.locate(crate::company::access::Within::Company, EMAIL).unwrap();
    assert!(matches!(people::reset::send(&cyd.ask(UserEdit {}).unwrap(), &at), Err(Error::Denied(_))));
}

#[test]
fn a_new_browser_is_told_by_mail_and_a_known_one_and_the_first_are_not() {
    let harbour = harbour();
    let company = &harbour.company;
    let (secret, token) = enrolled(company);
    assert!(letters(&harbour).is_empty(), "the first sign-in of all");
    let device = admit::device_cookie(company, &token, &from()).unwrap().unwrap();
    let known = From { device, ..from() };
    let comes = |from: &From, seconds: i64| {
        harbour.sql(|c| c.execute("UPDATE factors SET counter = 0", []));
        let pending = pending(company, &admit::sign_in(company, EMAIL, &password(), from).unwrap().unwrap().token);
        admit::check_code(company, &pending, &admit::Offered::code(&admit::code_in(&secret, seconds)), from).unwrap();
    };
    comes(&known, 0);
    assert!(letters(&harbour).is_empty());
    comes(&from(), 0);
    let told = letters(&harbour);
    assert!(told.len() == 1 && told[0].contains("New sign-in at Harbour") && told[0].contains("192.0.2.7"), "{told:?}");
}
