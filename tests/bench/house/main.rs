//! Figures of the whole house, each beside a bare limit or a peer that is measured in the same run:
//! pages and API of a real server process under load, acknowledged writes, the trail, access, sign-ins, cold companies, a thousand companies, starts of scripts.
//!
//! `tests/bench/run` runs it. By hand: `cargo bench --bench house -- [load] [lists] [writes] [trail] [access] [signin] [companies] [backups] [worker]`.
//! ROUNDS (5), SECONDS_EACH (4), CONNECTIONS (32), EVENTS (1000000), COMPANIES (1000) and MEGABYTES (300) may be set; SHORT=1 only shows
//! that everything still runs, also in a debug build. Nothing here passes or fails by time.

// What clippy.toml bans is banned in the program; this starts processes and a bare server beside it.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

mod access;
mod backups;
mod bare;
mod companies;
mod figures;
mod lists;
mod load;
#[allow(dead_code)] // `decision` uses the rest
#[path = "../sample.rs"]
mod sample;
mod signin;
#[path = "../../support/mod.rs"]
mod support;
mod trail;
mod worker;
mod writes;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|word| word == "bare") {
        return bare::serve(&arguments[1..]);
    }
    // `cargo test --benches` comes without it and wants no figures, unless it asks for short ones.
    if !arguments.iter().any(|word| word == "--bench") && !figures::short() {
        return;
    }
    let wanted = |part: &str| {
        let mut named = arguments.iter().filter(|word| !word.starts_with("--")).peekable();
        named.peek().is_none() || named.any(|word| word == part)
    };
    let mut table = figures::Table::default();
    if wanted("load") {
        load::measure(&mut table);
    }
    if wanted("lists") {
        lists::measure(&mut table);
    }
    if wanted("writes") {
        writes::measure(&mut table);
    }
    if wanted("trail") {
        trail::measure(&mut table);
    }
    if wanted("access") {
        access::measure(&mut table);
        access::measure_review(&mut table);
    }
    if wanted("signin") {
        signin::measure(&mut table);
    }
    if wanted("companies") {
        companies::measure(&mut table);
    }
    if wanted("backups") {
        backups::measure(&mut table);
    }
    if wanted("worker") {
        worker::measure(&mut table);
    }
    table.print();
}
