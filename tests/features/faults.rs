//! The disk fails at one call of a command after another: each failure is a typed answer, nothing is reported that did not
//! happen, and what is there afterwards is whole. All calls with `BULKHEAD_EVERY_CALL=1`, a sample otherwise.

use super::damage_kinds::Failed;
use crate::support::{
    server::{Program, Told},
    strace,
};
use std::{path::Path, process::Command};
use tempfile::TempDir;

/// What SQLite and the file writers do to bring something to the disk.
const WRITES: &str = "pwrite64,write,fsync,fdatasync,ftruncate,openat";

fn bulkhead(data: &Path, words: &[&str]) -> Told {
    Program::on(data, words).run()
}

fn stage() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    for slug in ["harbour", "meridian"] {
        let who = ["--name", slug, "--admin-name", "Ada", "--admin-email", "ada@harbour.test"];
        bulkhead(&data, &[&["company", "create", slug][..], &who].concat()).expect_success();
    }
    folder
}

/// Lets each of the calls fail in turn. `done` says whether what the command does is there.
fn fail_at_each(step: usize, words: &[&str], done: impl Fn(&Path) -> bool) {
    if let Some(why) = strace::unusable() {
        eprintln!("SKIPPED: {why}");
        return;
    }
    let stage = stage();
    let copy = || {
        let folder = tempfile::tempdir().unwrap();
        let copied = Command::new("cp").arg("-a").arg(stage.path().join("data")).arg(folder.path()).status().unwrap();
        assert!(copied.success());
        folder
    };
    let to = |folder: &TempDir| -> Vec<String> {
        words.iter().map(|word| word.replace("DIR", folder.path().join("backups").to_str().unwrap())).collect()
    };
    let whole = copy();
    let all: Vec<String> = to(&whole);
    let moments = strace::all(&whole.path().join("data"), WRITES, &all.iter().map(String::as_str).collect::<Vec<_>>());
    let mut failed = Failed::default();
    let (mut failing, mut passing) = (0, 0);
    for fault in ["error=ENOSPC", "error=EIO"] {
        for moment in strace::sample(moments.clone(), step) {
            let folder = copy();
            let data = folder.path().join("data");
            let words = to(&folder);
            let told = strace::run(&data, &moment, fault, &words.iter().map(String::as_str).collect::<Vec<_>>());
            *(if told.code == Some(0) { &mut passing } else { &mut failing }) += 1;
            let at = format!("{fault} at {moment:?}, code {:?}\n{}{}", told.code, told.stdout, told.stderr);
            failed.unless(&at, || {
                assert!(!told.stderr.contains("panicked") && told.code.is_some(), "it panicked");
                if told.code == Some(0) || told.stderr.contains("It was done") {
                    assert!(done(folder.path()), "it said that it was done, and it was not");
                }
                // Before the program itself begins, the loader answers for it.
                if told.code != Some(0) && moment.0 != "openat" {
                    assert!(told.stderr.contains("bulkhead: "), "no sentence");
                }
                bulkhead(&data, &["verify", "--all"]).expect_success();
            });
        }
    }
    println!("{words:?}: {failing} calls failed it, {passing} did not matter");
    failed.none();
}

/// Whether a question about Harbour's file has a row.
fn holds(folder: &Path, sql: &str) -> bool {
    let db = rusqlite::Connection::open(folder.join("data/companies/harbour/company.db")).unwrap();
    db.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap() > 0
}

#[test]
fn a_company_that_is_reported_as_created_is_there() {
    let words =
        ["company", "create", "globex", "--name", "Globex", "--admin-name", "Eve", "--admin-email", "eve@globex.test"];
    fail_at_each(61, &words, |folder| folder.join("data/companies/globex/company.db").exists());
}

#[test]
fn a_suspension_that_is_reported_holds() {
    fail_at_each(37, &["company", "suspend", "harbour", "--reason", "x"], |folder| {
        holds(folder, "SELECT count(*) FROM company WHERE suspended_at > 0")
    });
}

#[test]
fn an_api_key_that_is_printed_is_there() {
    let words = ["api-key", "create", "harbour", "ada@harbour.test", "--purpose", "x"];
    fail_at_each(37, &words, |folder| holds(folder, "SELECT count(*) FROM api_keys"));
}

#[test]
fn an_invitation_that_is_reported_is_there() {
    let words = ["user", "invite", "harbour", "bob@harbour.test", "--name", "Bob"];
    fail_at_each(37, &words, |folder| holds(folder, "SELECT count(*) FROM users WHERE email = 'bob@harbour.test'"));
}

#[test]
fn a_backup_that_is_reported_is_whole() {
    fail_at_each(53, &["backup", "harbour", "--to", "DIR"], |folder| {
        let all: Vec<_> =
            std::fs::read_dir(folder.join("backups")).unwrap().map(|entry| entry.unwrap().path()).collect();
        let backups: Vec<_> = all.iter().filter(|path| path.extension().is_some_and(|end| end == "bulkhead")).collect();
        backups.len() == 1 && bulkhead(&folder.join("data"), &["verify", backups[0].to_str().unwrap()]).code == Some(0)
    });
}

#[test]
fn a_check_that_could_not_be_made_is_not_reported_as_ok() {
    fail_at_each(41, &["verify", "--all"], |_| true);
}
