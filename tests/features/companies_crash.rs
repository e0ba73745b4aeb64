//! The power fails while a company is renamed or removed: what is left is whole, under the one slug or the other, or gone.

use crate::support::server::{Program, Server};
use rusqlite::Connection;
use std::{
    fs,
    process::{Command, Stdio},
    thread::sleep,
    time::Duration,
};

/// Runs a command and ends it after so long, however far it got.
fn killed_after(server: &Server, wait: Duration, arguments: &[&str]) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_bulkhead"))
        .args(arguments)
        .env("BULKHEAD_DATA", server.data())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    sleep(wait);
    let _ = child.kill();
    child.wait().unwrap();
}

fn mark(server: &Server, slug: &str, sql: &str) {
    let file = Connection::open(server.data().join("companies").join(slug).join("company.db")).unwrap();
    file.execute_batch(sql).unwrap();
}

fn who(server: &Server, slug: &str, key: &str) -> u16 {
    server.nobody().and_header("X-Octopus-ApiKey", key).get(&format!("/{slug}/api/users/me")).status
}

#[test]
fn a_rename_that_was_interrupted_is_ended_or_undone() {
    let mut server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let companies = server.data().join("companies");

    // After the intention was written, before the folder moved: it did not take place.
    server.kill9();
    mark(&server, "harbour", "UPDATE company SET moving_to = 'haven'");
    server.restart();
    assert_eq!((who(&server, "harbour", &harbour.key), who(&server, "haven", &harbour.key)), (200, 401));
    let trail = harbour.caller().get("/api/events?take=5").expect(200).text();
    assert!(trail.contains("CompanyRenameUndone"), "{trail}");

    // After the folder moved, before the stamp followed: it took place.
    server.kill9();
    mark(&server, "harbour", "UPDATE company SET moving_to = 'haven'");
    fs::rename(companies.join("harbour"), companies.join("haven")).unwrap();
    server.restart();
    assert_eq!((who(&server, "harbour", &harbour.key), who(&server, "haven", &harbour.key)), (401, 200));
    server.command(&["verify", "--all"]).run().expect_success();
}

#[test]
fn a_rename_killed_at_any_moment_leaves_one_whole_company() {
    let server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let (mut at, mut to) = ("harbour", "haven");
    let mut moved = 0;
    for step in 0..24 {
        killed_after(&server, Duration::from_millis(step * 4), &["company", "rename", at, to]);
        let answers = (who(&server, at, &harbour.key), who(&server, to, &harbour.key));
        match answers {
            (200, 401) => {}
            (401, 200) => {
                (at, to) = (to, at);
                moved += 1;
            }
            other => panic!("after {} ms: {other:?}\n{}", step * 4, server.printed()),
        }
    }
    // At least once the command was quick enough to do its work.
    let done = server.command(&["company", "rename", at, to]).run();
    assert!(moved > 0 || done.code == Some(0), "{}", done.stderr);
    Program::on(&server.data(), &["verify", "--all"]).run().expect_success();
}

#[test]
fn a_removal_killed_at_any_moment_leaves_the_company_whole_or_gone_after_the_next_start() {
    let mut server = Server::start();
    for step in 0..8 {
        let slug = format!("harbour-{step}");
        let company = server.company(&slug, "Harbour Ltd", "ada@harbour.test");
        killed_after(&server, Duration::from_millis(10 + step * 12), &["company", "remove", &slug, "--yes"]);
        server.restart();
        let key = fs::read_dir(server.data().join("keys")).unwrap().count();
        match who(&server, &slug, &company.key) {
            200 => {
                assert_eq!(key, 1);
                server.command(&["company", "remove", &slug, "--yes"]).run().expect_success();
            }
            401 => {
                assert_eq!(key, 0, "its key is destroyed");
                assert_eq!(fs::read_dir(server.data().join("companies")).unwrap().count(), 0);
                let receipts = fs::read_dir(server.data().join("receipts")).unwrap();
                let names: Vec<_> = receipts.map(|one| one.unwrap().file_name().into_string().unwrap()).collect();
                assert!(
                    names.iter().any(|name| name.starts_with(&slug) && name.ends_with(".json")),
                    "no receipt of {slug}: {names:?}"
                );
            }
            other => panic!("{slug}: {other}\n{}", server.printed()),
        }
    }
}
