//! Findings G2 and G7. A command that changes companies is killed before each call that changes a name: after the next start there is the old
//! state or the new one, whole, and nothing else.

use crate::support::{
    server::{Program, Told},
    strace::{self, NAMES},
};
use serde_json::Value;
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};
use tempfile::TempDir;

fn bulkhead(data: &Path, arguments: &[&str]) -> Told {
    Program::on(data, arguments).run()
}

/// A data folder with two companies and a backup of the first, to be copied for each kill.
struct Stage {
    folder: TempDir,
    backup: PathBuf,
}

impl Stage {
    fn new() -> Stage {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        for slug in ["harbour", "meridian"] {
            let names = ["--name", slug, "--admin-name", "Ada", "--admin-email", "ada@harbour.test"];
            bulkhead(&data, &[&["company", "create", slug][..], &names].concat()).expect_success();
        }
        let to = folder.path().join("backups");
        let told = bulkhead(&data, &["backup", "harbour", "--to", to.to_str().unwrap()]).expect_success();
        // Of the account of backups nothing is said here.
        fs::remove_file(data.join("backups.jsonl")).unwrap();
        Stage { backup: PathBuf::from(told.stdout.trim()), folder }
    }
    fn copy(&self) -> (TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let copied = Command::new("cp").arg("-a").arg(self.folder.path().join("data")).arg(&data).status().unwrap();
        assert!(copied.success());
        (folder, data)
    }
}

fn names(folder: &Path) -> BTreeSet<String> {
    let Ok(entries) = fs::read_dir(folder) else { return BTreeSet::new() };
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn rows(data: &Path) -> Vec<Value> {
    let told = bulkhead(data, &["company", "list", "--json"]).expect_success();
    serde_json::from_str(&told.stdout).unwrap()
}

fn states(rows: &[Value]) -> BTreeSet<(String, String)> {
    let text = |row: &Value, name: &str| row[name].as_str().unwrap().to_owned();
    rows.iter().map(|row| (text(row, "slug"), text(row, "state"))).collect()
}

/// What holds after whatever happened: every company whole, and nothing beside them.
#[track_caller]
fn nothing_is_left(data: &Path, at: &str) -> BTreeSet<(String, String)> {
    // The next start.
    let rows = rows(data);
    let found = states(&rows);
    let told = bulkhead(data, &["verify", "--all"]);
    assert_eq!(told.code, Some(0), "{at}: {}{}", told.stdout, told.stderr);
    let slugs: BTreeSet<String> = found.iter().map(|(slug, _)| slug.clone()).collect();
    assert_eq!(names(&data.join("companies")), slugs, "{at}: in companies");
    assert_eq!(names(&data.join("unfinished")), BTreeSet::new(), "{at}: unfinished");
    let ids: BTreeSet<String> = rows.iter().map(|row| format!("{}.key", row["id"].as_str().unwrap())).collect();
    assert_eq!(names(&data.join("keys")), ids, "{at}: keys");
    assert_eq!(names(&data.join("work")), BTreeSet::new(), "{at}: work");
    let known = [
        "companies",
        "companies.lock",
        "keys",
        "master.key",
        "unfinished",
        "work",
        "receipts",
        "backups.jsonl",
        "renamed.jsonl",
        "trails",
    ];
    let ends: BTreeSet<String> = names(&data.join("trails")).iter().map(|name| name.replace(".json", "")).collect();
    assert!(ends.is_subset(&slugs), "{at}: ends of trails {ends:?}");
    let strange: Vec<String> = names(data).into_iter().filter(|name| !known.contains(&name.as_str())).collect();
    assert!(strange.is_empty(), "{at}: {strange:?}");
    found
}

/// Kills a command before each of its calls; `old` and `new` are the companies before and after it.
fn kill_at_each(arguments: &[&str], prepare: impl Fn(&Path), old: &[(&str, &str)], new: &[(&str, &str)]) {
    if let Some(why) = strace::unusable() {
        println!("not looked at: {why}");
        return;
    }
    let stage = Stage::new();
    let set = |rows: &[(&str, &str)]| -> BTreeSet<(String, String)> {
        rows.iter().map(|(slug, state)| ((*slug).to_owned(), (*state).to_owned())).collect()
    };
    let (old, new) = (set(old), set(new));
    let ready = || {
        let (folder, data) = stage.copy();
        prepare(&data);
        (folder, data)
    };
    let words = |data: &Path| -> Vec<String> {
        let place = |word: &&str| {
            let word = word.replace("{backup}", stage.backup.to_str().unwrap());
            word.replace("{beside}", data.parent().unwrap().to_str().unwrap())
        };
        arguments.iter().map(place).collect()
    };
    let counted = {
        let (_folder, data) = ready();
        let words = words(&data);
        let calls = strace::all(&data, NAMES, &words.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(nothing_is_left(&data, "left alone"), new);
        calls
    };
    assert!(!counted.is_empty(), "{arguments:?} changes no name");
    for moment in strace::sample(counted, 6) {
        let (_folder, data) = ready();
        let words = words(&data);
        let told = strace::run(&data, &moment, "signal=KILL", &words.iter().map(String::as_str).collect::<Vec<_>>());
        let at = format!("{arguments:?} killed before {} {}", moment.0, moment.1);
        assert_ne!(told.code, Some(0), "{at}: {}", told.stdout);
        let found = nothing_is_left(&data, &at);
        assert!(found == old || found == new, "{at}: {found:?}");
        // What was not done can be done now.
        if found == old {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let again = bulkhead(&data, &words);
            assert_eq!(again.code, Some(0), "{at}, and again: {}", again.stderr);
            assert_eq!(nothing_is_left(&data, &format!("{at}, and again")), new);
        }
        for file in names(&data.parent().unwrap().join("to")) {
            assert!(file.ends_with(".bulkhead"), "{at}: {file} lies among the backups");
            let file = data.parent().unwrap().join("to").join(file);
            bulkhead(&data, &["verify", file.to_str().unwrap()]).expect_success();
        }
    }
}

const BOTH: &[(&str, &str)] = &[("harbour", "ok"), ("meridian", "ok")];

#[test]
fn a_backup() {
    kill_at_each(&["backup", "harbour", "--to", "{beside}/to"], |_| {}, BOTH, BOTH);
}

#[test]
fn a_restore_beside() {
    let new = [("harbour", "ok"), ("haven", "ok"), ("meridian", "ok")];
    kill_at_each(&["restore", "{backup}", "--as", "haven"], |_| {}, BOTH, &new);
}

#[test]
fn a_restore_of_a_company_that_is_gone() {
    let gone = |data: &Path| drop(bulkhead(data, &["company", "remove", "harbour", "--yes"]).expect_success());
    kill_at_each(&["restore", "{backup}"], gone, &[("meridian", "ok")], BOTH);
}

#[test]
fn a_restore_in_place_of_a_company() {
    kill_at_each(&["restore", "{backup}", "--replace"], |_| {}, BOTH, BOTH);
}

#[test]
fn a_rename() {
    kill_at_each(&["company", "rename", "harbour", "haven"], |_| {}, BOTH, &[("haven", "ok"), ("meridian", "ok")]);
}

#[test]
fn a_removal() {
    kill_at_each(&["company", "remove", "harbour", "--yes"], |_| {}, BOTH, &[("meridian", "ok")]);
}

#[test]
fn a_creation() {
    let words =
        ["company", "create", "haven", "--name", "Haven", "--admin-name", "Eve", "--admin-email", "eve@haven.test"];
    kill_at_each(&words, |_| {}, BOTH, &[("harbour", "ok"), ("haven", "ok"), ("meridian", "ok")]);
}

#[test]
fn a_suspension() {
    kill_at_each(&["company", "suspend", "harbour"], |_| {}, BOTH, &[("harbour", "suspended"), ("meridian", "ok")]);
}

#[test]
fn an_adoption_from_elsewhere() {
    let moved_out = |data: &Path| {
        fs::rename(data.join("companies/harbour"), data.parent().unwrap().join("harbour")).unwrap();
        // Its key stays: without the company nothing but this says whose it is.
    };
    if let Some(why) = strace::unusable() {
        return println!("not looked at: {why}");
    }
    let stage = Stage::new();
    let ready = || {
        let (folder, data) = stage.copy();
        moved_out(&data);
        let from = folder.path().join("harbour").to_str().unwrap().to_owned();
        (folder, data, from)
    };
    let (_folder, data, from) = ready();
    let counted = strace::all(&data, NAMES, &["company", "adopt", &from, "--as", "haven"]);
    for moment in strace::sample(counted, 4) {
        let (_folder, data, from) = ready();
        strace::run(&data, &moment, "signal=KILL", &["company", "adopt", &from, "--as", "haven"]);
        let found = states(&rows(&data));
        let here = found.contains(&("haven".into(), "ok".into()));
        assert!(here || found.len() == 1, "{moment:?}: {found:?}");
        assert_eq!(names(&data.join("companies")).len(), found.len(), "{moment:?}");
        assert!(names(&data.join("unfinished")).is_empty(), "{moment:?}");
        assert_eq!(names(&data.join("keys")).len(), 2, "{moment:?}: the key is not the copy's to destroy");
        if !here {
            bulkhead(&data, &["company", "adopt", &from, "--as", "haven"]).expect_success();
        }
        bulkhead(&data, &["verify", "--all"]).expect_success();
    }
}
