//! Backups: by command while the server is under load, and by copying the stopped folder.

use crate::support::{api::Caller, server::Server};
use serde_json::json;
use std::{
    path::Path,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

fn bulkhead(data: &Path, arguments: &[&str]) -> (bool, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_bulkhead")).arg("--data").arg(data).args(arguments).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.success(), text(&output.stdout), text(&output.stderr))
}

/// Writes environments through the API until told to stop; gives how many were acknowledged.
fn load(server: &Server, key: &str, stop: Arc<AtomicBool>, written: Arc<AtomicUsize>) -> std::thread::JoinHandle<()> {
    let caller = Caller::with_key(server.base(), key);
    std::thread::spawn(move || {
        while !stop.load(Ordering::SeqCst) {
            let number = written.load(Ordering::SeqCst);
            let answer = caller.post_json("/harbour/api/environments", &json!({ "Name": format!("Place {number}") }));
            if answer.status == 201 {
                written.fetch_add(1, Ordering::SeqCst);
            }
        }
    })
}

fn environments(server: &Server, company: &str, key: &str) -> usize {
    let answer = Caller::with_key(server.base(), key).get(&format!("/{company}/api/environments?take=1"));
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["TotalResults"].as_u64().unwrap() as usize
}

#[test]
fn a_backup_taken_under_load_is_one_consistent_moment_and_restores_beside_the_original() {
    let server = Server::start();
    let key = server.company("harbour", "Harbour Ltd", "ada@harbour.test").api_key;
    let (stop, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let writer = load(&server, &key, stop.clone(), written.clone());
    while written.load(Ordering::SeqCst) < 20 {
        std::thread::yield_now();
    }
    let before = written.load(Ordering::SeqCst);
    let folder = tempfile::tempdir().unwrap();
    let (ok, out, err) = bulkhead(server.data(), &["backup", "--all", "--to", folder.path().to_str().unwrap()]);
    assert!(ok, "{err}");
    let after = written.load(Ordering::SeqCst);
    stop.store(true, Ordering::SeqCst);
    writer.join().unwrap();

    let file = out.trim();
    let (ok, _, err) = bulkhead(server.data(), &["restore", file]);
    assert!(!ok && err.contains("--replace"), "an existing company is not overwritten: {err}");
    let (ok, out, err) = bulkhead(server.data(), &["restore", file, "--as", "harbour-two"]);
    assert!(ok, "{err}");
    assert_eq!(out.trim(), "harbour-two");
    let restored = environments(&server, "harbour-two", &key);
    assert!((before..=after + 1).contains(&restored), "{before} <= {restored} <= {after}");
    let (ok, out, err) = bulkhead(server.data(), &["verify", "--all"]);
    assert!(ok, "{out}{err}");
}

#[test]
fn a_copy_of_the_stopped_folder_is_a_complete_backup() {
    let mut server = Server::start();
    let key = server.company("harbour", "Harbour Ltd", "ada@harbour.test").api_key;
    let (stop, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let writer = load(&server, &key, stop.clone(), written.clone());
    while written.load(Ordering::SeqCst) < 20 {
        std::thread::yield_now();
    }
    // Stopped in the middle of the load: whatever was acknowledged must be in the copy.
    server.stop();
    stop.store(true, Ordering::SeqCst);
    writer.join().unwrap();
    let acknowledged = written.load(Ordering::SeqCst);

    let copy = tempfile::tempdir().unwrap();
    let target = copy.path().join("data");
    assert!(Command::new("cp").arg("-r").arg(server.data()).arg(&target).status().unwrap().success());
    let (ok, out, err) = bulkhead(&target, &["verify", "--all"]);
    assert!(ok, "{out}{err}");
    let second = Server::start_on(&target);
    let found = environments(&second, "harbour", &key);
    assert!(found == acknowledged || found == acknowledged + 1, "{acknowledged} acknowledged, {found} found");
}

#[test]
fn a_damaged_backup_is_refused_and_nothing_is_lost() {
    let server = Server::start();
    server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let folder = tempfile::tempdir().unwrap();
    let (_, out, _) = bulkhead(server.data(), &["backup", "harbour", "--to", folder.path().to_str().unwrap()]);
    let file = out.trim().to_owned();
    let mut bytes = std::fs::read(&file).unwrap();
    // Into the middle of the database pages.
    let middle = bytes.len() / 2;
    for byte in &mut bytes[middle..middle + 20_000] {
        *byte ^= 0x5A;
    }
    std::fs::write(&file, bytes).unwrap();
    let (ok, _, err) = bulkhead(server.data(), &["restore", &file, "--as", "again"]);
    assert!(!ok, "{err}");
    let (_, out, _) = bulkhead(server.data(), &["company", "list"]);
    assert!(out.contains("harbour") && !out.contains("again"), "{out}");
    let (ok, _, err) = bulkhead(server.data(), &["restore", "/dev/null", "--as", "again"]);
    assert!(!ok && err.contains("not a backup"), "{err}");
}

#[test]
fn a_damaged_company_closes_and_the_others_go_on() {
    let mut server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test").api_key;
    let meridian = server.company("meridian", "Meridian", "dora@meridian.test").api_key;
    server.stop();
    let file = server.data().join("companies/harbour/company.db");
    std::fs::write(&file, b"this is no database, it only looks like one from afar").unwrap();
    let _ = std::fs::remove_file(server.data().join("companies/harbour/company.db-wal"));
    let server = Server::start_on(server.data());
    let answer = Caller::with_key(server.base(), &harbour).get("/harbour/api/environments");
    assert_eq!(answer.status, 503, "{}", answer.text());
    let page = Caller::anonymous(server.base()).get("/harbour/default");
    assert_eq!(page.status, 503);
    assert!(page.text().contains("This company cannot be served now"), "{}", page.text());
    assert_eq!(environments(&server, "meridian", &meridian), 0);
}
