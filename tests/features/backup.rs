//! Backups: by command while the server is under load, and by copying the stopped folder.

use crate::support::{
    api::Caller,
    server::{Company, Program, Server, Told},
};
use serde_json::json;
use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

fn bulkhead(data: &Path, arguments: &[&str]) -> Told {
    Program::on(data, arguments).run()
}

/// Writes environments through the API until told to stop, and counts those that were acknowledged.
fn load(company: &Company, stop: Arc<AtomicBool>, written: Arc<AtomicUsize>) -> std::thread::JoinHandle<()> {
    let (base, key) = (company.base.clone(), company.key.clone());
    std::thread::spawn(move || {
        let caller = Caller::with_key(&base, &key);
        while !stop.load(Ordering::SeqCst) {
            let number = written.load(Ordering::SeqCst);
            // The server is stopped under this caller in one test; then there is no answer at all.
            let answer = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                caller.post("/api/environments", json!({ "Name": format!("Place {number}") }))
            }));
            match answer {
                Ok(answer) if answer.status == 201 => written.fetch_add(1, Ordering::SeqCst),
                _ => return,
            };
        }
    })
}

fn begin(company: &Company) -> (Arc<AtomicBool>, Arc<AtomicUsize>, std::thread::JoinHandle<()>) {
    let (stop, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let writer = load(company, stop.clone(), written.clone());
    while written.load(Ordering::SeqCst) < 20 {
        assert!(!writer.is_finished(), "the writer ended early");
        std::thread::yield_now();
    }
    (stop, written, writer)
}

fn environments(server: &Server, company: &str, key: &str) -> usize {
    let answer = Caller::with_key(server.base(), key).get(&format!("/{company}/api/environments?take=1")).expect(200);
    answer.json()["TotalResults"].as_u64().unwrap() as usize
}

#[test]
fn a_backup_taken_under_load_is_one_consistent_moment_and_restores_beside_the_original() {
    let server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let (stop, written, writer) = begin(&harbour);
    let before = written.load(Ordering::SeqCst);
    let folder = tempfile::tempdir().unwrap();
    let told = bulkhead(&server.data(), &["backup", "--all", "--to", folder.path().to_str().unwrap()]).expect_success();
    let after = written.load(Ordering::SeqCst);
    stop.store(true, Ordering::SeqCst);
    writer.join().unwrap();

    let file = told.stdout.trim();
    let refused = bulkhead(&server.data(), &["restore", file]).expect_code(3);
    assert!(refused.stderr.contains("--replace"), "an existing company is not overwritten: {}", refused.stderr);
    let told = bulkhead(&server.data(), &["restore", file, "--as", "harbour-two"]).expect_success();
    assert_eq!(told.stdout.trim(), "harbour-two");
    let restored = environments(&server, "harbour-two", &harbour.key);
    assert!((before..=after + 1).contains(&restored), "{before} <= {restored} <= {after}");
    bulkhead(&server.data(), &["verify", "--all"]).expect_success();
}

#[test]
fn a_copy_of_the_stopped_folder_is_a_complete_backup() {
    let mut server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let (stop, written, writer) = begin(&harbour);
    // Stopped in the middle of the load: whatever was acknowledged must be in the copy.
    server.stop();
    stop.store(true, Ordering::SeqCst);
    writer.join().unwrap();
    let acknowledged = written.load(Ordering::SeqCst);

    let copy = Server::on_copy_of(&server.data());
    bulkhead(&copy.data(), &["verify", "--all"]).expect_success();
    let found = environments(&copy, "harbour", &harbour.key);
    assert!(found == acknowledged || found == acknowledged + 1, "{acknowledged} acknowledged, {found} found");
}

#[test]
fn a_damaged_backup_is_refused_and_nothing_is_lost() {
    let server = Server::start();
    server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let folder = tempfile::tempdir().unwrap();
    let told =
        bulkhead(&server.data(), &["backup", "harbour", "--to", folder.path().to_str().unwrap()]).expect_success();
    let file = told.stdout.trim().to_owned();
    let mut bytes = std::fs::read(&file).unwrap();
    // Into the middle of the database pages.
    let middle = bytes.len() / 2;
    for byte in &mut bytes[middle..middle + 20_000] {
        *byte ^= 0x5A;
    }
    std::fs::write(&file, bytes).unwrap();
    let refused = bulkhead(&server.data(), &["restore", &file, "--as", "again"]).failed();
    assert!(!refused.contains("panicked"), "{refused}");
    let listed = bulkhead(&server.data(), &["company", "list"]).expect_success().stdout;
    assert!(listed.contains("harbour") && !listed.contains("again"), "{listed}");
    let refused = bulkhead(&server.data(), &["restore", "/dev/null", "--as", "again"]).failed();
    assert!(refused.contains("not a backup"), "{refused}");
}

#[test]
fn a_backup_is_verified_where_it_lies_and_leaves_nothing_behind() {
    let server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    harbour.caller().post("/api/environments", json!({ "Name": "Quay" })).expect(201);
    let folder = tempfile::tempdir().unwrap();
    let told = server.command(&["backup", "harbour", "--to", folder.path().to_str().unwrap()]).run().expect_success();
    let file = Path::new(told.stdout.trim()).to_owned();
    let verify = |file: &Path| {
        let told = bulkhead(&server.data(), &["verify", file.to_str().unwrap()]);
        let left: Vec<_> = std::fs::read_dir(server.data()).unwrap().map(|e| e.unwrap().path()).collect();
        assert!(!left.iter().any(|path| path.to_string_lossy().contains("verify-")), "{left:?}");
        told
    };
    let whole = std::fs::read(&file).unwrap();
    let told = verify(&file).expect_success();
    assert!(told.stdout.starts_with(&format!("{}: ok (", file.display())), "{}", told.stdout);
    assert_eq!(std::fs::read(&file).unwrap(), whole, "the file is as it was");
    let json = bulkhead(&server.data(), &["--json", "verify", file.to_str().unwrap()]).expect_success().stdout;
    let rows: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((rows.as_array().unwrap().len(), &rows[0]["ok"]), (1, &json!(true)), "the backup alone: {json}");

    // Somebody changed one word in the trail, and packed the file anew: sound as a database, and as an archive.
    let altered = folder.path().join("altered.bulkhead");
    repack(&file, &altered, |database| {
        let db = rusqlite::Connection::open(database).unwrap();
        let guard = "SELECT sql FROM sqlite_master WHERE name = 'events_hold'";
        let guard: String = db.query_row(guard, [], |row| row.get(0)).unwrap();
        db.execute("DROP TRIGGER events_hold", []).unwrap();
        let changed = db.execute("UPDATE events SET message = replace(message, 'Quay', 'Pier')", []).unwrap();
        db.execute_batch(&guard).unwrap();
        assert!(changed > 0);
        db.pragma_update(None, "journal_mode", "DELETE").unwrap();
    });
    let told = verify(&altered).expect_code(1);
    assert!(told.stderr.contains("altered.bulkhead cannot be restored:"), "{}", told.stderr);
    assert!(told.stderr.contains("does not verify"), "{}", told.stderr);
    assert_eq!((told.stdout.as_str(), told.stderr.trim().lines().count()), ("", 1), "{}", told.stderr);
    // The same way of packing, with nothing changed, is no reason to refuse.
    let same = folder.path().join("same.bulkhead");
    repack(&file, &same, |_| {});
    verify(&same).expect_success();

    let cut = folder.path().join("cut.bulkhead");
    std::fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
    verify(&cut).expect_code(1);
    assert!(verify(Path::new("/dev/null")).expect_code(1).stderr.contains("not a backup"));
    assert!(verify(&folder.path().join("none.bulkhead")).expect_code(1).stderr.contains("cannot be read"));
    let elsewhere = Server::start();
    let told = bulkhead(&elsewhere.data(), &["verify", file.to_str().unwrap()]).expect_code(1);
    assert!(told.stderr.contains("master key"), "another machine's key opens nothing: {}", told.stderr);
}

#[test]
fn a_damaged_company_is_put_back_on_purpose_alone_and_its_trail_says_so() {
    let server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    harbour.caller().post("/api/environments", json!({ "Name": "Quay" })).expect(201);
    let folder = tempfile::tempdir().unwrap();
    let told = server.command(&["backup", "harbour", "--to", folder.path().to_str().unwrap()]).run().expect_success();
    let altered = folder.path().join("altered.bulkhead");
    repack(Path::new(told.stdout.trim()), &altered, |database| {
        let db = rusqlite::Connection::open(database).unwrap();
        let guard = "SELECT sql FROM sqlite_master WHERE name = 'events_hold'";
        let guard: String = db.query_row(guard, [], |row| row.get(0)).unwrap();
        db.execute("DROP TRIGGER events_hold", []).unwrap();
        db.execute("UPDATE events SET message = replace(message, 'Quay', 'Pier')", []).unwrap();
        db.execute_batch(&guard).unwrap();
        db.pragma_update(None, "journal_mode", "DELETE").unwrap();
    });
    let file = altered.to_str().unwrap();
    let refused = bulkhead(&server.data(), &["restore", file, "--as", "again"]).expect_code(3);
    assert!(
        refused.stderr.contains("does not verify") && refused.stderr.contains("--despite-damage"),
        "{}",
        refused.stderr
    );
    let listed = bulkhead(&server.data(), &["company", "list"]).expect_success().stdout;
    assert!(!listed.contains("again"), "{listed}");

    let told = bulkhead(&server.data(), &["restore", file, "--as", "again", "--despite-damage"]).expect_success();
    assert_eq!(told.stdout.trim(), "again");
    assert!(
        told.stderr.contains("WARNING: The backup does not verify: company.db is not what was backed up. The company does not verify: event"),
        "{}",
        told.stderr
    );
    assert_eq!(environments(&server, "again", &harbour.key), 1);
    let again = Caller::with_key(&format!("{}/again", server.base()), &harbour.key);
    let trail = again.get("/api/events?eventCategories=Restored").expect(200).text();
    assert!(
        trail.contains("on purpose although it is damaged") && trail.contains("is not what was written"),
        "{trail}"
    );
    let told = bulkhead(&server.data(), &["verify", "again"]).expect_code(1);
    assert!(told.stdout.contains("is not what was written"), "it goes on to say so: {}", told.stdout);
    // A whole one is put back as ever, and nothing is said.
    let told =
        bulkhead(&server.data(), &["backup", "harbour", "--to", folder.path().to_str().unwrap()]).expect_success();
    let whole = ["restore", told.stdout.trim(), "--as", "whole", "--despite-damage"];
    assert!(!bulkhead(&server.data(), &whole).expect_success().stderr.contains("WARNING"));
    // What is no database at all is put back on no account.
    bulkhead(&server.data(), &["restore", "/dev/null", "--as", "none", "--despite-damage"]).expect_code(3);
}

/// A backup with its database changed, packed as it was.
fn repack(from: &Path, to: &Path, change: impl FnOnce(&Path)) {
    let folder = tempfile::tempdir().unwrap();
    tar::Archive::new(std::fs::File::open(from).unwrap()).unpack(folder.path()).unwrap();
    change(&folder.path().join("company.db"));
    let mut archive = tar::Builder::new(std::fs::File::create(to).unwrap());
    archive.append_dir_all(".", folder.path()).unwrap();
    archive.finish().unwrap();
}

#[test]
fn a_damaged_company_closes_and_the_others_go_on() {
    let mut server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test").key;
    let meridian = server.company("meridian", "Meridian", "dora@meridian.test").key;
    server.stop();
    let file = server.data().join("companies/harbour/company.db");
    std::fs::write(&file, b"this is no database, it only looks like one from afar").unwrap();
    let _ = std::fs::remove_file(server.data().join("companies/harbour/company.db-wal"));
    server.restart();
    let answer = Caller::with_key(server.base(), &harbour).get("/harbour/api/environments");
    assert_eq!(answer.status, 503, "{}", answer.text());
    let page = Caller::nobody(server.base()).get("/harbour/default");
    assert_eq!(page.status, 503);
    assert!(page.text().contains("This company cannot be served now"), "{}", page.text());
    assert_eq!(environments(&server, "meridian", &meridian), 0);
}

#[test]
fn a_company_replaced_under_the_running_server_is_the_restored_one_from_the_next_request() {
    let server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    harbour.caller().post("/api/environments", json!({ "Name": "Before" })).expect(201);
    let folder = tempfile::tempdir().unwrap();
    let told =
        bulkhead(&server.data(), &["backup", "harbour", "--to", folder.path().to_str().unwrap()]).expect_success();
    harbour.caller().post("/api/environments", json!({ "Name": "After" })).expect(201);
    assert_eq!(environments(&server, "harbour", &harbour.key), 2);
    bulkhead(&server.data(), &["restore", told.stdout.trim(), "--replace"]).expect_success();
    assert_eq!(environments(&server, "harbour", &harbour.key), 1);
    harbour.caller().post("/api/environments", json!({ "Name": "Later" })).expect(201);
    bulkhead(&server.data(), &["verify", "harbour"]).expect_success();
    std::fs::rename(server.data().join("companies/harbour"), folder.path().join("away")).unwrap();
    harbour.caller().get("/api/environments").expect(401);
}
