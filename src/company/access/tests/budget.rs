//! What may be tried: how failures make one wait, who is not held up by them, and what is written of them.

use super::sign_in::{enrolled, from, is_nobody, password, pending, signed_in};
use crate::{
    base::{
        clock::{self, DAY, MINUTE},
        error::Error,
        secret::Secret,
    },
    company::{
        Company,
        access::{
            From,
            admit::{self, Offered, budget},
        },
        testing::{EMAIL, Harbour, harbour},
    },
};

fn wrong() -> Secret {
    Secret::new("not the password at all")
}
fn from_address(address: &str) -> From {
    From { address: address.into(), ..from() }
}
/// Seconds to wait, if the sign-in was refused without a look.
fn waits<T: std::fmt::Debug>(answer: Result<T, Error>) -> Option<i64> {
    match answer {
        Err(Error::Later { seconds, .. }) => Some(seconds),
        Err(other) => panic!("{other}"),
        Ok(_) => None,
    }
}
fn fail(company: &Company, name: &str, from: &From) -> Option<i64> {
    waits(admit::sign_in(company, name, &wrong(), from).inspect(|answer| assert!(answer.is_none())))
}
/// All waiting is over.
fn time_passes(harbour: &Harbour) {
    harbour.sql(|c| c.execute("UPDATE attempts SET next_at = 0", []));
}
fn counted(harbour: &Harbour, key: &str) -> Option<f64> {
    let sql = "SELECT max(count) FROM attempts WHERE key GLOB ?1";
    harbour.sql(|c| c.query_row(sql, [key], |row| row.get(0)))
}
/// Failures from a new address each, until one has to wait; from then on, for as long as the test takes.
fn exhaust(harbour: &Harbour, name: &str) {
    let refused = (0..50).any(|n| fail(&harbour.company, name, &from_address(&format!("203.0.113.{n}"))).is_some());
    assert!(refused, "no end of attempts");
    let later = clock::now().0 + 10 * MINUTE;
    harbour.sql(|c| c.execute("UPDATE attempts SET next_at = ?1 WHERE next_at > at AND key GLOB '[pn]:*'", [later]));
}

#[test]
fn wrong_codes_end_the_session_and_make_the_next_sign_in_wait() {
    let harbour = harbour();
    let company = &harbour.company;
    let (secret, _) = enrolled(company);
    let token = signed_in(company).token;
    let guessing = pending(company, &token);
    for _ in 0..5 {
        assert!(matches!(
            admit::check_code(company, &guessing, &Offered::code("12345"), &from()),
            Err(Error::Invalid(_))
        ));
    }
    assert!(matches!(
        admit::check_code(company, &guessing, &Offered::code(&admit::code_in(&secret, 30)), &from()),
        Err(Error::Conflict(_))
    ));
    assert!(is_nobody(company, &token));
    assert!(
        waits(admit::sign_in(company, EMAIL, &password(), &from())).is_some(),
        "codes and passwords share one budget"
    );
    time_passes(&harbour);
    let again = pending(company, &signed_in(company).token);
    admit::check_code(company, &again, &Offered::code(&admit::code_in(&secret, 30)), &from()).unwrap();
    assert_eq!(counted(&harbour, "p:*"), None, "forgotten after a whole sign-in");
}

#[test]
fn the_right_password_alone_does_not_buy_more_codes() {
    let harbour = harbour();
    let company = &harbour.company;
    enrolled(company);
    let mut guesses = 0;
    let waited = (0..50).find_map(|_| {
        let token = match admit::sign_in(company, EMAIL, &password(), &from()) {
            Ok(signed_in) => signed_in.unwrap().token,
            refused => return waits(refused),
        };
        let guessing = pending(company, &token);
        let refused =
            waits(admit::check_code(company, &guessing, &Offered::code("12345"), &from()).or_else(
                |error| match error {
                    Error::Invalid(_) => Ok(String::new()),
                    other => Err(other),
                },
            ));
        guesses += i32::from(refused.is_none());
        // Leaving wipes nothing out.
        admit::sign_out(company, &token, &from()).unwrap();
        refused
    });
    assert!(waited.is_some());
    assert!((6..12).contains(&guesses), "five are free, the sixth makes one wait: {guesses}");
}

#[test]
fn names_that_nobody_has_wait_like_persons_and_so_do_companies_that_do_not_exist() {
    let harbour = harbour();
    let free = |attempt: &dyn Fn(&From) -> Option<i64>| {
        (0..50).position(|n| attempt(&from_address(&format!("203.0.113.{n}"))).is_some()).expect("no end of attempts")
    };
    for attempts in [
        free(&|from| fail(&harbour.company, EMAIL, from)),
        free(&|from| fail(&harbour.company, "zoe@harbour.example", from)),
        free(&|from| waits(admit::decoy("test-nowhere", "zoe@harbour.example", &wrong(), from))),
    ] {
        // A machine that is slow waits out the first seconds between two attempts.
        assert!((6..12).contains(&attempts), "{attempts}");
    }
    exhaust(&harbour, EMAIL);
    harbour.sql(|c| c.execute("UPDATE users SET username = 'ada', username_key = 'ada' WHERE id = 1", []));
    assert!(fail(&harbour.company, "ada", &from()).is_some(), "by any of their names");
}

#[test]
fn the_wait_grows_and_has_an_end() {
    let harbour = harbour();
    let mut last = 0;
    for _ in 0..40 {
        if let Some(seconds) = fail(&harbour.company, EMAIL, &From::default()) {
            assert!(seconds >= last && seconds * 1000 <= budget::LONGEST_WAIT, "{seconds} after {last}");
            last = seconds;
            time_passes(&harbour);
        }
    }
    assert_eq!(last * 1000, budget::LONGEST_WAIT);
    time_passes(&harbour);
    assert!(admit::sign_in(&harbour.company, EMAIL, &password(), &from()).unwrap().is_some(), "never for ever");
}

#[test]
fn a_known_browser_is_not_held_up_by_others() {
    let harbour = harbour();
    let company = &harbour.company;
    let (secret, token) = enrolled(company);
    let device = admit::device_cookie(company, &token, &from()).unwrap().expect("a new browser");
    let known = From { device, ..from() };
    assert_eq!(admit::device_cookie(company, &token, &known).unwrap(), None, "it is known by now");
    exhaust(&harbour, EMAIL);
    assert!(waits(admit::sign_in(company, EMAIL, &password(), &from())).is_some());
    let signed_in = admit::sign_in(company, EMAIL, &password(), &known).unwrap().expect("the owner comes in");
    let pending = pending(company, &signed_in.token);
    admit::check_code(company, &pending, &Offered::code(&admit::code_in(&secret, 30)), &known).unwrap();
    assert!(
        waits(admit::sign_in(company, EMAIL, &password(), &from())).is_some(),
        "that the owner came in gives the others nothing"
    );
    // A browser that was stolen has a budget too.
    assert!((0..50).any(|_| fail(company, EMAIL, &known).is_some()));
    let ben = harbour.user("Ben");
    harbour.sql(|c| {
        c.execute(
            "UPDATE users SET password_hash = (SELECT password_hash FROM users WHERE id = 1) WHERE id = ?1",
            [ben],
        )
    });
    exhaust(&harbour, "ben@harbour.example");
    assert!(fail(company, "ben@harbour.example", &known).is_some(), "it is not known for another person");
}

#[test]
fn a_browser_of_another_company_or_from_before_a_reset_is_not_known() {
    let (here, there) = (harbour(), crate::company::testing::founded("meridian", "Meridian"));
    let (_, token) = enrolled(&there.company);
    let device = admit::device_cookie(&there.company, &token, &from()).unwrap().unwrap();
    let carried = From { device, ..from() };
    exhaust(&here, EMAIL);
    exhaust(&there, EMAIL);
    assert!(fail(&here.company, EMAIL, &carried).is_some());
    assert!(fail(&there.company, EMAIL, &carried).is_none());
    there.sql(|c| c.execute("UPDATE users SET devices_since = ?1", [clock::now().0 + 1]));
    assert!(fail(&there.company, EMAIL, &carried).is_some());
    for device in ["", "~~~", "AAAA", &"A".repeat(5000)] {
        assert!(fail(&there.company, EMAIL, &From { device: device.into(), ..from() }).is_some());
    }
}

#[test]
fn an_address_has_a_bucket_and_an_ipv6_network_is_one_address() {
    let harbour = harbour();
    let tries = |address: &dyn Fn(i32) -> String| {
        (0..60).find(|n| fail(&harbour.company, &format!("nobody-{n}@x"), &from_address(&address(*n))).is_some())
    };
    assert_eq!(tries(&|_| "192.0.2.9".into()), Some(30));
    assert_eq!(tries(&|n| format!("2001:db8:0:7::{n:x}")), Some(30));
    assert_eq!(tries(&|n| format!("198.51.100.{n}")), None);
}

#[test]
fn the_company_has_a_ceiling_and_knows_no_limit_to_names() {
    let harbour = harbour();
    let company = &harbour.company;
    harbour.sql(|c| c.execute("INSERT INTO attempts VALUES ('c', 299, ?1, 0)", [clock::now().0 + MINUTE]));
    assert!(fail(company, "zoe@x", &from_address("192.0.2.1")).is_none());
    assert!(fail(company, "zara@x", &from_address("192.0.2.2")).is_some());
    assert!(waits(admit::sign_in(company, EMAIL, &password(), &from())).is_some());
}

#[test]
fn failures_survive_a_restart_and_are_told_in_numbers() {
    let harbour = harbour();
    exhaust(&harbour, EMAIL);
    let refusals = || harbour.trail().into_iter().filter(|line| line.starts_with("LoginRefused")).collect::<Vec<_>>();
    assert_eq!(refusals(), ["LoginRefused: A sign-in as Ada was refused without a look: too many had failed"]);
    let events = harbour.trail().len();
    let digest = || harbour.sql(|c| c.query_row("SELECT total(count) FROM attempts", [], |row| row.get::<_, f64>(0)));
    let before = digest();
    for n in 0..100 {
        assert!(fail(&harbour.company, EMAIL, &from_address(&format!("198.51.100.{n}"))).is_some());
    }
    assert_eq!((harbour.trail().len(), digest()), (events, before), "refusing again writes nothing");
    let company = Company::open(harbour.company.folder(), "harbour", |_| Ok(harbour.key.clone())).unwrap();
    assert!(fail(&company, EMAIL, &from()).is_some(), "a restart forgives nothing");
    harbour.company.keep_trail(clock::now().plus(DAY), true).unwrap();
    assert!(
        refusals().iter().any(|line| line.contains("too many had failed, 100 times more since ")),
        "{:?}",
        refusals()
    );
}

#[test]
fn many_at_once_spend_no_more_than_there_is() {
    let harbour = harbour();
    let looked_at = std::thread::scope(|scope| {
        let one = |n: i32| {
            let company = &harbour.company;
            scope.spawn(move || fail(company, EMAIL, &from_address(&format!("198.51.100.{n}"))).is_none())
        };
        let all: Vec<_> = (0..24).map(one).collect();
        all.into_iter().map(|thread| thread.join().unwrap()).filter(|looked| *looked).count()
    });
    assert!((6..12).contains(&looked_at), "{looked_at}");
    assert_eq!(counted(&harbour, "p:1"), Some(looked_at as f64));
}
