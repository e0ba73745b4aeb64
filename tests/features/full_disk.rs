//! A full disk. Findings E2: writes say so (507), the reserve keeps signing in, reading, deleting and backups alive, and
//! the server recovers by itself.

use super::damage::told;
use crate::support::server::{How, Server};
use serde_json::json;
use std::{
    fs,
    io::Write,
    path::Path,
    process::Command,
    thread::sleep,
    time::{Duration, Instant},
};

/// A small disk of its own; gone with the test.
struct Disk(tempfile::TempDir);

impl Disk {
    /// `None` where nothing can be mounted; says so.
    fn of(size: &str) -> Option<Disk> {
        let folder = tempfile::Builder::new().prefix("bulkhead-disk-").tempdir().unwrap();
        let options = format!("size={size},mode=0755");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(folder.path()).output();
        match mounted {
            Ok(output) if output.status.success() => Some(Disk(folder)),
            other => {
                eprintln!("SKIPPED: no small disk can be mounted here: {other:?}");
                None
            }
        }
    }
    fn path(&self) -> &Path {
        self.0.path()
    }
    /// Takes all the room there is.
    fn fill(&self) {
        let mut filler = fs::OpenOptions::new().append(true).create(true).open(self.path().join("filler")).unwrap();
        for size in [1 << 20, 4096] {
            let block = vec![7u8; size];
            while filler.write_all(&block).is_ok() {}
        }
    }
    fn empty(&self) {
        fs::remove_file(self.path().join("filler")).unwrap();
    }
}
impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

fn until(what: &str, mut look: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !look() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what}: not within a minute");
        sleep(Duration::from_millis(200));
    }
}

#[test]
fn a_full_disk_says_so_and_the_reserve_keeps_the_server_alive() {
    let Some(disk) = Disk::of("40M") else { return };
    let folder = tempfile::Builder::new().tempdir_in(disk.path()).unwrap();
    let how = How { more: vec!["--reserve".into(), "8M".into()], ..How::default() };
    let server = Server::on(folder, how);
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let ada = harbour.caller();
    let doomed = ada.post("/api/environments", json!({ "Name": "Doomed" })).expect(201).json();
    let doomed = doomed["Id"].as_str().unwrap().to_owned();
    server.nobody().get("/readyz").expect(200);

    disk.fill();
    until("the server sees that the disk is full", || server.nobody().get("/readyz").status == 503);
    let ready = server.nobody().get("/readyz").expect(503);
    assert!(ready.text().contains("disk") && ready.text().contains("full"), "{ready}");
    // A write is refused with its reason, by API and page, and nothing is pretended.
    for n in 0..5 {
        let refused = ada.post("/api/environments", json!({ "Name": format!("No room {n}") })).expect(507);
        assert!(refused.text().contains("disk is full") && refused.text().contains("operator"), "{refused}");
        assert!(!refused.text().contains(disk.path().to_str().unwrap()), "no paths for people: {refused}");
    }
    // Signing in, reading, deleting, a backup on another disk.
    let mut browser = server.browser();
    browser.sign_in("harbour", &harbour.email, &harbour.password);
    let page = browser.post("/harbour/default/infrastructure/environments", [("name", "Neither")]);
    assert!(page.status == 507 && page.text().contains("disk is full"), "{page}");
    ada.get("/api/environments").expect(200);
    ada.delete(&format!("/api/environments/{doomed}"), ()).expect(200);
    ada.get("/api/events").expect(200);
    let elsewhere = tempfile::tempdir().unwrap();
    told(&server, &["backup", "harbour", "--to", elsewhere.path().to_str().unwrap()]).expect_success();
    // A backup to the full disk, and a company more, say what is wrong.
    let here = disk.path().join("backups");
    let refused = told(&server, &["backup", "harbour", "--to", here.to_str().unwrap()]);
    if refused.code != Some(0) {
        assert!(refused.stderr.contains("full") || refused.stderr.contains("No space"), "{}", refused.stderr);
    }
    assert_eq!(server.printed().matches("the disk is full").count(), 1, "said once:\n{}", server.printed());
    assert!(!server.printed().contains("panicked"), "{}", server.printed());

    // It recovers by itself, and nothing that was refused is there.
    disk.empty();
    until("the server goes on", || server.nobody().get("/readyz").status == 200);
    ada.post("/api/environments", json!({ "Name": "Room again" })).expect(201);
    let names = ada.get("/api/environments").expect(200).text();
    assert!(names.contains("Room again") && !names.contains("No room") && !names.contains("Doomed"), "{names}");
    told(&server, &["verify", "harbour"]).expect_success();
    assert_eq!(fs::metadata(server.data().join("reserve")).unwrap().len(), 8 << 20, "the reserve is kept again");
}

/// Without a reserve, SQLite itself meets the full disk: typed answers, nothing poisoned, and it goes on afterwards.
#[test]
fn a_disk_that_is_full_to_the_last_byte_loses_nothing() {
    let Some(disk) = Disk::of("24M") else { return };
    let folder = tempfile::Builder::new().tempdir_in(disk.path()).unwrap();
    let how = How { more: vec!["--reserve".into(), "0".into()], ..How::default() };
    let mut server = Server::on(folder, how);
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let ada = harbour.caller();
    ada.get("/api/environments").expect(200);
    disk.fill();
    let mut made = Vec::new();
    std::thread::scope(|scope| {
        let callers: Vec<_> = (0..6)
            .map(|caller| {
                let ada = harbour.caller();
                scope.spawn(move || {
                    let mut made = Vec::new();
                    for n in 0..20 {
                        let name = format!("Place {caller} {n}");
                        let answer =
                            ada.post("/api/environments", json!({ "Name": name, "Description": "x".repeat(2000) }));
                        match answer.status {
                            201 => made.push(name),
                            507 => assert!(answer.text().contains("disk is full"), "{answer}"),
                            other => panic!("{other}: {answer}"),
                        }
                    }
                    made
                })
            })
            .collect();
        for caller in callers {
            made.extend(caller.join().unwrap());
        }
    });
    assert!(made.len() < 120, "the disk was never full");
    ada.get("/api/environments").expect(200);
    disk.empty();
    ada.post("/api/environments", json!({ "Name": "Room again" })).expect(201);
    server.restart();
    let names = ada.get("/api/environments/all").expect(200).text();
    for name in &made {
        assert!(names.contains(&format!("\"{name}\"")), "{name} was acknowledged");
    }
    assert_eq!(names.matches("\"Place ").count(), made.len(), "and nothing else is there");
    told(&server, &["verify", "harbour"]).expect_success();
}
