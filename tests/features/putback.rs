//! Findings A9, A10, F5, G4, G5, G6, G16, G17, G18, I1, I2, I4: backups are whole or not there, and what is put back or taken in is what
//! it says it is.

use super::harbour;
use crate::support::{
    api::Caller,
    server::{Company, Program, Server, Told},
};
use serde_json::{Value, json};
use std::{
    fs,
    io::{Read, Seek, SeekFrom, Write},
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::Command,
};

fn bulkhead(data: &Path, arguments: &[&str]) -> Told {
    Program::on(data, arguments).run()
}
fn back_up(server: &Server, to: &Path) -> PathBuf {
    let told = server.command(&["backup", "harbour", "--to", to.to_str().unwrap()]).run().expect_success();
    PathBuf::from(told.stdout.trim())
}
fn copied(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap().success());
}
fn company(server: &Server, slug: &str, key: &str) -> Caller {
    Caller::with_key(&format!("{}/{slug}", server.base()), key)
}

/// Findings G4: one that cannot be backed up keeps no other from it, and is named.
#[test]
fn all_others_are_backed_up_when_one_cannot_be() {
    let mut server = Server::start();
    for slug in ["harbour", "meridian", "zenith"] {
        server.company(slug, slug, "ada@harbour.test");
    }
    server.stop();
    fs::write(server.data().join("companies/meridian/company.db"), "this is no database").unwrap();
    let to = tempfile::tempdir().unwrap();
    let told = server.command(&["backup", "--all", "--to", to.path().to_str().unwrap()]).run().expect_code(1);
    assert!(told.stderr.contains("meridian was not backed up:"), "{}", told.stderr);
    let written: Vec<&str> = told.stdout.lines().collect();
    assert_eq!(written.len(), 2, "{}", told.stdout);
    for file in written {
        server.command(&["verify", file]).run().expect_success();
        assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert_eq!(fs::read_dir(to.path()).unwrap().count(), 2, "nothing of the third is left");
    let told = server.command(&["backup", "nobody", "--to", to.path().to_str().unwrap()]).run().expect_code(3);
    assert!(told.stderr.contains("nobody"), "{}", told.stderr);
}

/// Findings G16: two backups of one second are two files.
#[test]
fn backups_of_the_same_second_have_names_of_their_own() {
    let server = Server::start();
    server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let to = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| back_up(&server, to.path()));
        }
    });
    let files: Vec<PathBuf> = fs::read_dir(to.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 4, "{files:?}");
    for file in files {
        server.command(&["verify", file.to_str().unwrap()]).run().expect_success();
    }
}

/// Where something of a backup lies: the header and the content of each entry, but not what only fills up.
fn stretches(file: &Path) -> Vec<(String, u64, u64)> {
    let mut archive = tar::Archive::new(fs::File::open(file).unwrap());
    let mut found = Vec::new();
    for entry in archive.entries().unwrap() {
        let entry = entry.unwrap();
        let name = entry.path().unwrap().to_string_lossy().into_owned();
        found.push((format!("the header of {name}"), entry.raw_header_position(), 500));
        found.push((name, entry.raw_file_position(), entry.size()));
    }
    found
}

/// Findings F5: whichever bit of a backup is another, it is neither sound nor put back.
#[test]
fn no_bit_of_a_backup_can_be_another() {
    let (server, harbour) = {
        let server = Server::start();
        let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
        (server, harbour)
    };
    harbour.caller().post("/api/environments", json!({ "Name": "Quay" })).expect(201);
    fs::write(server.data().join("companies/harbour/task-logs/7.log"), "a log\n".repeat(40)).unwrap();
    let to = tempfile::tempdir().unwrap();
    let file = back_up(&server, to.path());
    let bent = to.path().join("bent.bulkhead");
    let mut tried = 0;
    for (name, from, length) in stretches(&file) {
        for part in [0, length / 3, length / 2, length.saturating_sub(1)] {
            fs::copy(&file, &bent).unwrap();
            let mut open = fs::OpenOptions::new().read(true).write(true).open(&bent).unwrap();
            let mut byte = [0];
            open.seek(SeekFrom::Start(from + part)).unwrap();
            open.read_exact(&mut byte).unwrap();
            open.seek(SeekFrom::Start(from + part)).unwrap();
            open.write_all(&[byte[0] ^ 1 << (part % 8)]).unwrap();
            drop(open);
            let told = server.command(&["verify", bent.to_str().unwrap()]).run();
            assert_ne!(told.code, Some(0), "{name}, byte {part}: {}", told.stdout);
            assert!(!told.stderr.contains("panicked"), "{name}, byte {part}: {}", told.stderr);
            if part == 0 {
                let told = server.command(&["restore", bent.to_str().unwrap(), "--as", "again"]).run();
                assert!(matches!(told.code, Some(1 | 3)), "{name}: {:?} {}", told.code, told.stderr);
            }
            tried += 1;
        }
    }
    assert!(tried >= 40, "{tried}");
    // A file left out, and one more.
    for (change, found) in [("delete", "is missing"), ("add", "was added to it")] {
        let folder = tempfile::tempdir().unwrap();
        tar::Archive::new(fs::File::open(&file).unwrap()).unpack(folder.path()).unwrap();
        match change {
            "delete" => fs::remove_file(folder.path().join("task-logs/7.log")).unwrap(),
            _ => fs::write(folder.path().join("task-logs/8.log"), "forged").unwrap(),
        }
        let mut archive = tar::Builder::new(fs::File::create(&bent).unwrap());
        archive.append_dir_all(".", folder.path()).unwrap();
        archive.finish().unwrap();
        let told = server.command(&["restore", bent.to_str().unwrap(), "--as", "again"]).run().expect_code(3);
        assert!(told.stderr.contains(found), "{change}: {}", told.stderr);
    }
    assert!(!server.data().join("companies/again").exists());
    assert_eq!(fs::read_dir(server.data().join("unfinished")).unwrap().count(), 0);
}

/// Findings A10: who may create companies cannot take one away from where it is.
#[test]
fn a_company_where_it_belongs_is_not_adopted_under_any_name() {
    let server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let operator = server.company("operator", "Operator", "otto@operator.test");
    let told =
        operator.caller().post("/api/companies/adopt", json!({ "Folder": "harbour", "Slug": "stolen" })).expect(409);
    assert!(told.text().contains("where it belongs"), "{told}");
    server.command(&["company", "adopt", "harbour", "--as", "stolen"]).run().expect_code(3);
    harbour.caller().get("/api/users/me").expect(200);
    assert!(!server.data().join("companies/stolen").exists());
}

/// Findings A9: what comes from elsewhere is verified before it is anything here, and no link is followed.
#[test]
fn a_forged_folder_is_not_taken_in_and_links_are_not_followed() {
    let mut server = Server::start();
    server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    server.stop();
    let outside = tempfile::tempdir().unwrap();
    let from = outside.path().join("harbour");
    fs::rename(server.data().join("companies/harbour"), &from).unwrap();
    let adopt = |from: &Path| bulkhead(&server.data(), &["company", "adopt", from.to_str().unwrap()]);

    let link = outside.path().join("link");
    symlink(&from, &link).unwrap();
    let told = adopt(&link).expect_code(3);
    assert!(told.stderr.contains("is a link"), "{}", told.stderr);
    symlink("/etc/hostname", from.join("task-logs/1.log")).unwrap();
    let told = adopt(&from).expect_code(3);
    assert!(told.stderr.contains("no plain file"), "{}", told.stderr);
    fs::remove_file(from.join("task-logs/1.log")).unwrap();

    let forged = outside.path().join("forged");
    copied(&from, &forged);
    let columns = "at, category, actor_kind, actor_name, means, address, agent, related, details, hash";
    let sql = format!(
        "INSERT INTO events (id, message, {columns}) SELECT id + 1, 'forged', {columns} FROM events ORDER BY id DESC LIMIT 1"
    );
    rusqlite::Connection::open(forged.join("company.db")).unwrap().execute_batch(&sql).unwrap();
    let before = fs::read(forged.join("company.db")).unwrap();
    let told = adopt(&forged).expect_code(3);
    assert!(told.stderr.contains("does not verify") && told.stderr.contains("Nothing was changed"), "{}", told.stderr);
    assert_eq!(fs::read(forged.join("company.db")).unwrap(), before, "what was refused is as it was");
    assert_eq!(fs::read_dir(server.data().join("companies")).unwrap().count(), 0);
    assert_eq!(fs::read_dir(server.data().join("keys")).unwrap().count(), 1, "the key of a refused folder stays");
    adopt(&from).expect_success();
    bulkhead(&server.data(), &["verify", "--all"]).expect_success();
}

/// Findings G5: a company whose folder is a link is a company like any other, until it is removed with what it leads to.
#[test]
fn a_linked_folder_is_listed_served_verified_backed_up_and_removed() {
    let mut server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    server.stop();
    let disk = tempfile::tempdir().unwrap();
    let (place, link) = (disk.path().join("harbour"), server.data().join("companies/harbour"));
    copied(&link, &place);
    fs::remove_dir_all(&link).unwrap();
    symlink(&place, &link).unwrap();
    server.restart();
    harbour.caller().post("/api/environments", json!({ "Name": "Quay" })).expect(201);
    let listed = server.command(&["company", "list", "--json"]).run().expect_success().stdout;
    assert_eq!(serde_json::from_str::<Value>(&listed).unwrap()[0]["state"], "ok", "{listed}");
    let told = server.command(&["verify", "--all"]).run().expect_success();
    assert!(told.stdout.starts_with("harbour: ok"), "{}", told.stdout);
    let to = tempfile::tempdir().unwrap();
    let file = back_up(&server, to.path());
    // Put back, it stays on its disk.
    server.command(&["restore", file.to_str().unwrap(), "--replace"]).run().expect_success();
    assert!(link.is_symlink() && place.join("company.db").exists());
    assert_eq!(fs::read_dir(disk.path()).unwrap().count(), 1, "what was replaced is gone");
    harbour.caller().get("/api/users/me").expect(200);

    // While the disk is not there it is closed, and not forgotten.
    fs::rename(&place, disk.path().join("away")).unwrap();
    let listed = server.command(&["company", "list", "--json"]).run().expect_success().stdout;
    let state = serde_json::from_str::<Value>(&listed).unwrap()[0]["state"].as_str().unwrap().to_owned();
    assert!(state.contains("harbour") && state != "ok", "{state}");
    assert_ne!(server.command(&["verify", "--all"]).run().code, Some(0));
    fs::rename(disk.path().join("away"), &place).unwrap();

    server.command(&["company", "remove", "harbour", "--yes"]).run().expect_success();
    assert!(!link.is_symlink() && !place.exists(), "the link and what it led to");
}

/// Findings G6: without its master key a data folder is not given another.
#[test]
fn a_master_key_that_is_missing_is_not_made_anew_beside_what_needs_it() {
    let mut server = Server::start();
    server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    server.stop();
    let (key, aside) = (server.data().join("master.key"), server.data().join("aside"));
    fs::rename(&key, &aside).unwrap();
    for arguments in [&["company", "list"][..], &["verify", "--all"], &["serve", "--listen", "127.0.0.1:0"]] {
        let told = bulkhead(&server.data(), arguments).expect_code(3);
        assert!(told.stderr.contains("master.key") && told.stderr.contains("missing"), "{}", told.stderr);
        assert!(!key.exists(), "{arguments:?}");
    }
    // Also while only the keys of companies are left.
    fs::rename(server.data().join("companies"), server.data().join("companies-aside")).unwrap();
    bulkhead(&server.data(), &["company", "list"]).failed();
    assert!(!key.exists());
    fs::write(&key, "no key").unwrap();
    let told = bulkhead(&server.data(), &["verify"]).failed();
    assert!(told.contains("not a master key"), "{told}");
}

/// Findings I4: a company goes to a server that has companies and a master key of its own.
#[test]
fn a_company_moves_to_a_server_with_another_master_key() {
    let mut here = Server::start();
    let harbour = here.company("harbour", "Harbour Ltd", "ada@harbour.test");
    harbour.caller().post("/api/environments", json!({ "Name": "Quay" })).expect(201);
    let to = tempfile::tempdir().unwrap();
    let file = back_up(&here, to.path());
    here.stop();
    let there = Server::start();
    there.company("meridian", "Meridian", "dora@meridian.test");
    let master = here.data().join("master.key");
    let master = master.to_str().unwrap();

    for command in [&["restore", file.to_str().unwrap()][..], &["verify", file.to_str().unwrap()]] {
        let told = there.command(command).run().failed();
        assert!(told.contains("--master-key"), "{command:?}: {told}");
        let told = there.command(&[command, &["--master-key", master]].concat()).run();
        assert_eq!(told.code, Some(0), "{command:?}: {}", told.stderr);
    }
    company(&there, "harbour", &harbour.key).get("/api/environments").expect(200);
    there.command(&["company", "remove", "harbour", "--yes"]).run().expect_success();

    let from = here.data().join("companies/harbour");
    let told = there.command(&["company", "adopt", from.to_str().unwrap()]).run().expect_code(3);
    assert!(told.stderr.contains("--master-key"), "{}", told.stderr);
    there.command(&["company", "adopt", from.to_str().unwrap(), "--master-key", master]).run().expect_success();
    company(&there, "harbour", &harbour.key).get("/api/environments").expect(200);
    // From here on it is sealed with this server's master key.
    let again = back_up(&there, to.path());
    there.command(&["restore", again.to_str().unwrap(), "--as", "haven"]).run().expect_success();
    there.command(&["verify", "--all"]).run().expect_success();
}

/// Findings I2: the receipt says whether the key is gone, and which backups bring the company back.
#[test]
fn a_receipt_says_what_is_true() {
    let server = Server::start();
    server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let to = tempfile::tempdir().unwrap();
    let (file, gone) = (back_up(&server, to.path()), back_up(&server, to.path()));
    fs::remove_file(gone).unwrap();
    server.command(&["restore", file.to_str().unwrap(), "--as", "haven"]).run().expect_success();
    let remove = |slug: &str| -> Value {
        let told = server.command(&["company", "remove", slug, "--yes", "--json"]).run().expect_success();
        serde_json::from_str(&told.stdout).unwrap()
    };
    let first = remove("harbour");
    assert_eq!((&first["keyDestroyed"], &first["keyKeptFor"]), (&json!(false), &json!("haven")));
    assert_eq!(first["backups"], json!([file]));
    assert_eq!(fs::read_dir(server.data().join("keys")).unwrap().count(), 1);
    let told = server.command(&["company", "remove", "haven", "--yes"]).run().expect_success();
    assert!(told.stdout.contains("key destroyed:") && told.stdout.contains("backup left:"), "{}", told.stdout);
    assert_eq!(fs::read_dir(server.data().join("keys")).unwrap().count(), 0);
    // As it says: the backup brings it back.
    server.command(&["restore", file.to_str().unwrap()]).run().expect_success();
}

/// Findings I1: the set-up link is dead as soon as any company exists, whoever made it.
#[test]
fn the_set_up_link_is_dead_as_soon_as_a_company_exists() {
    let server = Server::start();
    let printed = server.printed();
    let link = printed.lines().find_map(|line| line.strip_prefix("setup: ")).unwrap().to_owned();
    let path = link.trim_start_matches(server.base()).to_owned();
    let browser = server.browser();
    let page = browser.get(&path).expect(200);
    // By command, while the form is open.
    server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    assert!(browser.get(&path).status >= 400);
    let form = [("name", "Mallory"), ("slug", "mallory"), ("admin_name", "Mallory"), ("admin_email", "m@mallory.test")];
    let form: Vec<(&str, &str)> =
        [&form[..], &[("admin_password", "a long enough passphrase here"), ("operator", "on")]].concat();
    let fields: [(&str, &str); 6] = form.try_into().unwrap();
    assert!(browser.send_form(&page, fields).status >= 400);
    let listed = server.command(&["company", "list"]).run().expect_success().stdout;
    assert!(!listed.contains("mallory") && !listed.contains("operator"), "{listed}");
}

/// Findings G18: people stay signed in where address and slug stay; who was shut out since does not come back in.
#[test]
fn people_stay_signed_in_where_the_address_stays() {
    let mut server = Server::start();
    let (_, ada) = harbour(&server);
    let to = tempfile::tempdir().unwrap();
    let file_of = |slug: &str| {
        let path = server.data().join("companies").join(slug).join("company.db");
        rusqlite::Connection::open(path).unwrap()
    };
    // A session that is there when the backup is taken and ends afterwards.
    let another = "INSERT INTO sessions (token_hash, user_id, stage, created_at, last_seen_at, expires_at)
        SELECT x'AB', user_id, stage, created_at, last_seen_at, expires_at FROM sessions LIMIT 1";
    assert_eq!(file_of("harbour").execute(another, []).unwrap(), 1);
    let file = back_up(&server, to.path());
    assert_eq!(file_of("harbour").execute("DELETE FROM sessions WHERE token_hash = x'AB'", []).unwrap(), 1);
    server.command(&["restore", file.to_str().unwrap(), "--replace"]).run().expect_success();
    ada.get("/harbour/me").expect(200);
    let sessions =
        |slug: &str| -> i64 { file_of(slug).query_row("SELECT count(*) FROM sessions", [], |row| row.get(0)).unwrap() };
    assert_eq!(sessions("harbour"), 1, "the one that had ended has not come back");

    // Moved away and taken in again at its address.
    server.stop();
    let outside = tempfile::tempdir().unwrap();
    fs::rename(server.data().join("companies/harbour"), outside.path().join("harbour")).unwrap();
    server.restart();
    let from = outside.path().join("harbour");
    server.command(&["company", "adopt", from.to_str().unwrap()]).run().expect_success();
    ada.get("/harbour/me").expect(200);
    // Under another slug nobody is signed in.
    server.command(&["restore", file.to_str().unwrap(), "--as", "haven"]).run().expect_success();
    let haven = rusqlite::Connection::open(server.data().join("companies/haven/company.db")).unwrap();
    let count: i64 = haven.query_row("SELECT count(*) FROM sessions", [], |row| row.get(0)).unwrap();
    assert_eq!(count, 0);
}

/// Findings G17: a rename waits for no reader from outside.
#[test]
fn a_reader_from_outside_holds_up_no_rename() {
    let server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let outside = rusqlite::Connection::open(server.data().join("companies/harbour/company.db")).unwrap();
    outside.execute_batch("BEGIN; SELECT count(*) FROM events").unwrap();
    let begun = std::time::Instant::now();
    server.command(&["company", "rename", "harbour", "haven"]).run().expect_success();
    assert!(begun.elapsed() < std::time::Duration::from_secs(4), "{:?}", begun.elapsed());
    let haven = Company { base: format!("{}/haven", server.base()), slug: "haven".into(), ..harbour };
    haven.caller().post("/api/environments", json!({ "Name": "Quay" })).expect(201);
    outside.execute_batch("COMMIT").unwrap();
    drop(outside);
    server.command(&["verify", "--all"]).run().expect_success();
}

/// Findings G7: whatever the program writes is its owner's alone, also under a loose umask.
#[test]
fn every_file_is_its_owners_alone() {
    let (server, harbour) = {
        let server = Server::start();
        let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
        (server, harbour)
    };
    harbour.caller().post("/api/environments", json!({ "Name": "Quay" })).expect(201);
    let task = harbour.caller().post("/api/tasks", json!({ "Name": "Health", "Arguments": {} }));
    assert!(task.status < 500, "{task}");
    let to = server.data().join("backups");
    let file = back_up(&server, &to);
    server.command(&["restore", file.to_str().unwrap(), "--as", "haven"]).run().expect_success();
    server.command(&["company", "suspend", "haven"]).run().expect_success();
    server.command(&["company", "remove", "haven", "--yes"]).run().expect_success();
    let mut seen = 0;
    let mut folders = vec![server.data()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let entry = entry.unwrap();
            let about = entry.metadata().unwrap();
            let mode = about.permissions().mode() & 0o777;
            // Scripts under other numbers look at the skeleton of their root folder. The way to it is closed to all.
            let skeleton = entry.path() == server.data().join("work/.root");
            assert!(skeleton || mode & 0o077 == 0, "{}: {mode:o}", entry.path().display());
            seen += 1;
            if about.is_dir() && !skeleton {
                folders.push(entry.path());
            }
        }
    }
    assert!(seen > 20, "{seen}");
}
