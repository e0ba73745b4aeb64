//! Ten thousand wrong passwords for one person, from as many addresses: the owner comes in, and the server stays small.

use crate::support::{
    api::Caller,
    server::{Company, Server},
};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

const ATTEMPTS: usize = 10_000;
/// Of memory, in KiB, at its highest.
const MOST: u64 = 256 * 1024;

/// The most memory that the process ever held, in KiB.
fn peak(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).expect("the process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("its memory");
    line.split_whitespace().next().and_then(|number| number.parse().ok()).expect("a number")
}

const SECRET: &str = "agreed on by the proxy and the server";

/// The tests speak as a proxy on this machine does.
fn behind_a_proxy(config: &std::path::Path) {
    let secret = config.with_file_name("proxy-secret");
    std::fs::write(&secret, format!("{SECRET}\n")).expect("a file");
    let text = format!("trusted-proxies = [\"127.0.0.0/8\"]\nproxy-secret-file = {secret:?}\n");
    std::fs::write(config, text).expect("a file");
}

fn attempt(caller: &Caller, harbour: &Company, n: usize) -> (u16, i64) {
    let address = format!("10.{}.{}.{}", n % 250, n / 250 % 250, n % 199);
    let form = [("company", "harbour"), ("email", harbour.email.as_str()), ("password", "none of the passwords")];
    let answer = caller.call_saying(
        "POST",
        "/harbour/login",
        form,
        &[("X-Forwarded-For", &address), ("X-Bulkhead-Proxy-Secret", SECRET)],
    );
    (answer.status, answer.header("retry-after").parse().unwrap_or_default())
}

#[test]
fn a_company_under_attack_keeps_nobody_of_another_from_signing_in() {
    let mut server = Server::start();
    server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let meridian = server.company("meridian", "Meridian Ltd", "dora@meridian.test");
    let config = server.data().join("../bulkhead.toml");
    behind_a_proxy(&config);
    server.restart_with(&["--config", config.to_str().expect("a path")]);
    let (stop, looked_at) = (AtomicBool::new(false), AtomicUsize::new(0));
    let mut came = 0;
    std::thread::scope(|scope| {
        for thread in 0..32 {
            let (server, stop, looked_at) = (&server, &stop, &looked_at);
            scope.spawn(move || {
                let caller = server.nobody();
                for n in 0.. {
                    if stop.load(Ordering::SeqCst) {
                        break;
                    }
                    // Everybody's name and address another: no budget but the company's stands in the way, and that leaks.
                    let (name, address) = (
                        format!("somebody{thread}x{n}@harbour.test"),
                        format!("10.{thread}.{}.{}", n / 250 % 250, n % 250),
                    );
                    let form =
                        [("company", "harbour"), ("email", name.as_str()), ("password", "none of the passwords")];
                    let answer = caller.call_saying(
                        "POST",
                        "/harbour/login",
                        form,
                        &[("X-Forwarded-For", &address), ("X-Bulkhead-Proxy-Secret", SECRET)],
                    );
                    assert!(matches!(answer.status, 422 | 429), "{answer}");
                    looked_at.fetch_add(usize::from(answer.status == 422), Ordering::SeqCst);
                }
            });
        }
        while looked_at.load(Ordering::SeqCst) < 20 {
            std::thread::yield_now();
        }
        for _ in 0..5 {
            let answer = server.browser().give_password("meridian", &meridian.email, &meridian.password);
            came += usize::from(answer.status == 200 && answer.text().contains("id=\"totp-secret\""));
        }
        stop.store(true, Ordering::SeqCst);
    });
    assert_eq!(came, 5, "each of Dora's sign-ins is taken at once");
}

#[test]
fn ten_thousand_wrong_passwords_neither_lock_the_owner_out_nor_fill_the_memory() {
    let mut server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let config = server.data().join("../bulkhead.toml");
    behind_a_proxy(&config);
    server.restart_with(&["--config", config.to_str().expect("a path")]);
    let mut ada = server.browser();
    ada.sign_in("harbour", &harbour.email, &harbour.password);
    ada.post("/harbour/sign-out", ()).expect(303);

    let (next, looked_at, refused, longest) = Default::default();
    let count = |counter: &AtomicUsize| counter.fetch_add(1, Ordering::SeqCst);
    std::thread::scope(|scope| {
        for _ in 0..6 {
            let (server, harbour) = (&server, &harbour);
            let (next, looked_at, refused, longest): (&AtomicUsize, &AtomicUsize, &AtomicUsize, &AtomicUsize) =
                (&next, &looked_at, &refused, &longest);
            scope.spawn(move || {
                let caller = server.nobody();
                loop {
                    let n = count(next);
                    if n >= ATTEMPTS {
                        break;
                    }
                    match attempt(&caller, harbour, n) {
                        (422, _) => drop(count(looked_at)),
                        (429, seconds) => {
                            count(refused);
                            longest.fetch_max(usize::try_from(seconds).expect("seconds"), Ordering::SeqCst);
                        }
                        (other, _) => panic!("answered with {other}"),
                    }
                }
            });
        }
        while next.load(Ordering::SeqCst) < ATTEMPTS / 2 {
            std::thread::yield_now();
        }
        // In the midst of it, from the browser where she has signed in before.
        ada.sign_in("harbour", &harbour.email, &harbour.password);
        ada.get("/harbour/me").expect(200);
        assert!(next.load(Ordering::SeqCst) < ATTEMPTS, "the attack was over before the owner came in");
    });
    assert_eq!(looked_at.load(Ordering::SeqCst) + refused.load(Ordering::SeqCst), ATTEMPTS);
    let looked_at = looked_at.load(Ordering::SeqCst);
    assert!((6..40).contains(&looked_at), "{looked_at} were looked at");
    assert!(longest.load(Ordering::SeqCst) <= 15 * 60, "nobody waits longer than a quarter of an hour");
    let peak = peak(&server);
    assert!(peak < MOST, "{peak} KiB");

    // From a new browser she waits, but not for ever; and a restart forgives nothing. The attack goes on until the wait is
    // longer than a restart takes.
    let (attacker, mut number) = (server.nobody(), ATTEMPTS);
    while !matches!(attempt(&attacker, &harbour, number), (429, seconds) if seconds > 3) {
        number += 1;
    }
    server.restart_with(&["--config", config.to_str().expect("a path")]);
    let form = [("company", "harbour"), ("email", harbour.email.as_str()), ("password", harbour.password.as_str())];
    let told = server.browser().post("/harbour/login", form);
    let seconds: i64 = told.header("retry-after").parse().unwrap_or_default();
    assert!(told.status == 429 && (1..=15 * 60).contains(&seconds), "{told}");
    server.stop();
    let file = rusqlite::Connection::open(server.data().join("companies/harbour/company.db")).expect("the file");
    file.execute("UPDATE attempts SET next_at = next_at - ?1, at = at - ?1", [seconds * 1000]).expect("time to pass");
    drop(file);
    server.restart_with(&["--config", config.to_str().expect("a path")]);
    let after = server.browser().post("/harbour/login", form);
    assert_eq!(after.status, 303, "after that wait she comes in: {after}");
    // The trail has not been filled, and counts what it does not tell one by one.
    let events = harbour.caller().get("/api/events?eventCategories=LoginRefused&take=1000").expect(200).json();
    assert!(events["TotalResults"].as_i64().is_some_and(|n| (1..200).contains(&n)), "{}", events["TotalResults"]);
}
