//! Damage: whoever meets it first closes that company, by name; the others are served. Findings E1, E3, G8, G16.

use crate::support::server::{Company, Server, Told};
use serde_json::{Value, json};
use std::{
    fs,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    thread::sleep,
    time::{Duration, Instant},
};

const PAGE: u64 = 4096;

/// Bytes that no file of ours holds; the same for the same seed.
pub fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed | 1;
    let next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}

fn overwrite(path: &Path, at: u64, bytes: &[u8]) {
    fs::OpenOptions::new().write(true).open(path).unwrap().write_all_at(bytes, at).unwrap();
}

/// Every page from one on becomes noise; the length stays.
fn spoil(path: &Path, from: u64) {
    let length = fs::metadata(path).unwrap().len();
    overwrite(path, from * PAGE, &noise(length, (length - from * PAGE) as usize));
}

pub fn told(server: &Server, words: &[&str]) -> Told {
    server.command(words).run()
}

/// What the operator's list says of a company.
pub fn state(told: &Told, slug: &str) -> String {
    let rows: Value =
        serde_json::from_str(&told.stdout).unwrap_or_else(|e| panic!("{e}: {}{}", told.stdout, told.stderr));
    let rows = rows.as_array().expect("a list");
    let row = rows.iter().find(|row| row["slug"] == slug).unwrap_or_else(|| panic!("{slug} is not in {rows:?}"));
    row["state"].as_str().unwrap().to_owned()
}

/// The lines of the log that say that a company is closed.
pub fn closings(server: &Server, slug: &str) -> Vec<String> {
    let named = [format!("company=\"{slug}\""), format!("company={slug}")];
    let printed = server.printed();
    let mine =
        printed.lines().filter(|line| line.contains("a company is closed") && named.iter().any(|n| line.contains(n)));
    mine.map(str::to_owned).collect()
}

pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{what}: not within a minute");
        sleep(Duration::from_millis(200));
    }
}

fn two() -> (Server, Company, Company) {
    let server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let meridian = server.company("meridian", "Meridian", "dora@meridian.test");
    (server, harbour, meridian)
}

fn file_of(server: &Server, slug: &str) -> PathBuf {
    server.data().join("companies").join(slug).join("company.db")
}

/// Findings E3.
#[test]
fn damage_met_in_an_open_company_closes_it_for_everybody_and_is_said_once() {
    let (server, harbour, meridian) = two();
    let operator = server.company("operator", "Operator", "otto@operator.test");
    let ada = harbour.caller();
    ada.post("/api/environments", json!({ "Name": "Before" })).expect(201);
    let backups = tempfile::tempdir().unwrap();
    let backup = told(&server, &["backup", "harbour", "--to", backups.path().to_str().unwrap()]).expect_success();
    spoil(&file_of(&server, "harbour"), 1);
    // What is known already is served until somebody needs what is damaged.
    let mut n = 0;
    until("the damage is met", || {
        n += 1;
        let answer = ada.post("/api/environments", json!({ "Name": format!("After {n}") }));
        assert!(answer.status == 503 || answer.status == 201, "{answer}");
        assert!(ada.get("/api/events").status != 500);
        (answer.status == 503).then_some(())
    });
    for path in ["/api/users/me", "/api/events", "/api/environments", "/api/teams"] {
        let answer = ada.get(path).expect(503);
        let text = answer.text();
        assert!(text.contains("damaged") && text.contains("operator") && !text.contains("company.db"), "{text}");
    }
    assert!(server.nobody().get("/harbour/default").expect(503).text().contains("damaged"));
    meridian.caller().get("/api/users/me").expect(200);
    let lines = closings(&server, "harbour");
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("companies/harbour/company.db") && lines[0].contains("bulkhead restore"), "{}", lines[0]);

    // The operator reads it everywhere: in the API, on the command line, on the page.
    let seen = operator.caller().get("/api/companies/harbour").expect(200).json();
    assert!(seen["State"].as_str().unwrap().contains("damaged"), "{seen}");
    let list = told(&server, &["company", "list", "--json"]);
    assert!(state(&list, "harbour").contains("damaged") && state(&list, "meridian") == "ok", "{}", list.stdout);
    let shown = told(&server, &["company", "show", "harbour"]).expect_success();
    assert!(shown.stdout.contains("damaged"), "{}", shown.stdout);
    let mut otto = server.browser();
    otto.sign_in("operator", &operator.email, &operator.password);
    let page = otto.get("/operator/companies/harbour").expect(200);
    assert!(page.text().contains("Closed by a fault") && page.text().contains("bulkhead restore"), "{page}");
    assert_ne!(told(&server, &["verify", "harbour"]).code, Some(0));

    // Restored, it is served from the next request, and the log says so.
    told(&server, &["restore", backup.stdout.trim(), "--replace"]).expect_success();
    ada.get("/api/environments").expect(200);
    until("the log says that it is served again", || server.printed().contains("is served again").then_some(()));
    assert_eq!(state(&told(&server, &["company", "list", "--json"]), "harbour"), "ok");
    assert!(!server.printed().contains("panicked"));
}

/// Findings E3: nobody has to ask. Who goes round the companies for tasks and letters meets the damage, says it once, and
/// goes on with the others.
#[test]
fn damage_met_by_the_rounds_for_tasks_and_letters_is_said_once_by_name() {
    let (mut server, harbour, meridian) = two();
    server.stop();
    let folder = server.data().join("companies/harbour");
    spoil(&folder.join("company.db"), 1);
    for mark in ["pending", "outbox"] {
        fs::write(folder.join(mark), b"").unwrap();
    }
    server.restart();
    let line = until("the log names it", || closings(&server, "harbour").pop());
    assert!(line.contains("companies/harbour/company.db") && line.contains("bulkhead restore"), "{line}");
    // The rounds go on meanwhile.
    sleep(Duration::from_secs(6));
    meridian.caller().post("/api/environments", json!({ "Name": "Open" })).expect(201);
    harbour.caller().get("/api/users/me").expect(503);
    assert_eq!(closings(&server, "harbour").len(), 1, "{}", server.printed());
    let about = server.printed().lines().filter(|line| line.contains("harbour")).count();
    assert!(about < 10, "the log is not filled with it: {}", server.printed());
    assert!(!server.printed().contains("panicked"));
}

/// Findings E3, neighbours: the file cut to nothing, removed, or taken over by another while it is open.
#[test]
fn a_file_cut_removed_or_replaced_under_an_open_company_closes_it() {
    type Damage = fn(&Path, &Path);
    let kinds: [(&str, Damage); 4] = [
        ("cut to nothing", |file, _| drop(fs::File::create(file).unwrap())),
        ("cut in the middle", |file, _| {
            fs::OpenOptions::new().write(true).open(file).unwrap().set_len(5 * PAGE + 100).unwrap();
        }),
        ("removed", |file, _| fs::remove_file(file).unwrap()),
        ("another company's in its place", |file, other| {
            fs::copy(other, file.with_extension("aside")).unwrap();
            fs::rename(file.with_extension("aside"), file).unwrap();
        }),
    ];
    for (kind, damage) in kinds {
        let (mut server, harbour, meridian) = two();
        // The log is folded in: what is cut is all there is.
        server.restart();
        let ada = harbour.caller();
        ada.get("/api/users/me").expect(200);
        damage(&file_of(&server, "harbour"), &file_of(&server, "meridian"));
        let mut n = 0;
        until(kind, || {
            n += 1;
            let answer = ada.post("/api/environments", json!({ "Name": format!("After {n}") }));
            assert!([201, 503].contains(&answer.status), "{kind}: {answer}");
            (answer.status == 503).then_some(())
        });
        ada.get("/api/events").expect(503);
        meridian.caller().get("/api/users/me").expect(200);
        // What a server prints is read a moment later.
        until(kind, || (!closings(&server, "harbour").is_empty()).then_some(()));
        assert_eq!(closings(&server, "harbour").len(), 1, "{kind}: {}", server.printed());
        assert_ne!(state(&told(&server, &["company", "list", "--json"]), "harbour"), "ok", "{kind}");
        assert!(!server.printed().contains("panicked"), "{kind}");
    }
}

/// Findings G16: a log that is deleted or replaced under an open company loses nothing that was acknowledged.
#[test]
fn a_log_removed_under_an_open_company_is_noticed_and_loses_nothing() {
    type Damage = fn(&Path);
    let kinds: [(&str, Damage); 4] = [
        ("-wal removed", |folder| fs::remove_file(folder.join("company.db-wal")).unwrap()),
        ("-wal replaced", |folder| {
            fs::write(folder.join("aside"), noise(7, 9000)).unwrap();
            fs::rename(folder.join("aside"), folder.join("company.db-wal")).unwrap();
        }),
        ("-shm removed", |folder| fs::remove_file(folder.join("company.db-shm")).unwrap()),
        ("both removed", |folder| {
            fs::remove_file(folder.join("company.db-wal")).unwrap();
            fs::remove_file(folder.join("company.db-shm")).unwrap();
        }),
    ];
    for (kind, damage) in kinds {
        let mut server = Server::start();
        let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
        let ada = harbour.caller();
        let add = |name: &str| ada.post("/api/environments", json!({ "Name": name })).expect(201);
        add("Before");
        // The folder stands still: the change is noticed all the same.
        sleep(Duration::from_secs(5));
        ada.get("/api/environments").expect(200);
        damage(&server.data().join("companies/harbour"));
        until(kind, || {
            let answer = ada.post("/api/environments", json!({ "Name": "After" }));
            assert!([201, 503].contains(&answer.status), "{kind}: {answer}");
            (answer.status == 201).then_some(())
        });
        add("Later");
        server.kill9();
        server.restart();
        let names = ada.get("/api/environments").expect(200).text();
        for name in ["Before", "After", "Later"] {
            assert!(names.contains(name), "{kind}: {name} was acknowledged and is not in {names}");
        }
        told(&server, &["verify", "harbour"]).expect_success();
    }
}

/// Findings E1: after a stop and while a company is suspended, its file alone is all of it.
#[test]
fn a_stopped_or_suspended_company_is_one_file() {
    let (mut server, harbour, meridian) = two();
    harbour.caller().post("/api/environments", json!({ "Name": "Last" })).expect(201);
    meridian.caller().get("/api/users/me").expect(200);
    let stray = |server: &Server, slug: &str| {
        let folder = server.data().join("companies").join(slug);
        let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.ends_with("-wal") || name.ends_with("-shm")).collect::<Vec<_>>()
    };
    told(&server, &["company", "suspend", "harbour"]).expect_success();
    until("the suspended company is closed", || stray(&server, "harbour").is_empty().then_some(()));
    assert!(!stray(&server, "meridian").is_empty(), "the other one is open");
    told(&server, &["company", "resume", "harbour"]).expect_success();
    harbour.caller().post("/api/environments", json!({ "Name": "Newest" })).expect(201);
    server.stop();
    for slug in ["harbour", "meridian"] {
        assert_eq!(stray(&server, slug), Vec::<String>::new(), "{slug}");
    }
    // A plain copy of the one file is the company.
    let file = file_of(&server, "harbour");
    let copy = file.with_file_name("copy");
    fs::copy(&file, &copy).unwrap();
    fs::rename(&copy, &file).unwrap();
    server.restart();
    let names = harbour.caller().get("/api/environments").expect(200).text();
    assert!(names.contains("Last") && names.contains("Newest"), "{names}");
}
