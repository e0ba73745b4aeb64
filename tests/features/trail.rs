//! The trail is proved: whatever somebody does to the file with the sqlite3 shell, `bulkhead verify` finds it and says
//! which event. While the server runs, checkpoints go to a system log and to a webhook.

use crate::support::{
    api::Caller,
    server::{Program, Server, founded},
};
use serde_json::{Value, json};
use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
    process::Command,
};

/// The schema's guards aside, some statements, and the guards again as they were: a schema that differs is told first.
fn unguarded(folder: &Path, sql: &str) {
    let guards =
        "SELECT group_concat(sql, '; ') || ';' FROM sqlite_schema WHERE name IN ('events_stay', 'events_hold')";
    let guards = shell(folder, guards);
    shell(folder, &format!("DROP TRIGGER events_stay; DROP TRIGGER events_hold; {sql}; {guards}"));
}

/// A company with a dozen events, its server stopped: all of them are signed.
fn prepared() -> (Server, PathBuf) {
    let (mut server, folder) = running();
    server.stop();
    (server, folder)
}

/// A company with a dozen events, its server running.
fn running() -> (Server, PathBuf) {
    let server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let ada = harbour.caller();
    for n in 1..=8 {
        ada.post("/api/environments", json!({ "Name": format!("Place {n}") })).expect(201);
    }
    let folder = server.data().join("companies/harbour");
    (server, folder)
}

/// The checkpoints of a company, as lines.
fn checkpoints(folder: &Path) -> Vec<Value> {
    let text = fs::read_to_string(folder.join("checkpoints.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn shell(folder: &Path, sql: &str) -> String {
    let told = Command::new("sqlite3").arg("-bail").arg(folder.join("company.db")).arg(sql).output();
    let told = told.expect("the sqlite3 shell (Debian: apt-get install sqlite3)");
    assert!(told.status.success(), "{sql}: {}", String::from_utf8_lossy(&told.stderr));
    String::from_utf8(told.stdout).unwrap().trim().to_owned()
}

fn verify(data: &Path, more: &[&str]) -> (Option<i32>, String) {
    let mut arguments = vec!["verify", "harbour"];
    arguments.extend(more);
    let told = Program::on(data, &arguments).run();
    (told.code, told.stdout)
}

/// A copy of a company's data folder, to be spoilt.
fn copy(data: &Path) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let copied = Command::new("cp").arg("-r").arg(data).arg(folder.path().join("data")).status().unwrap();
    assert!(copied.success());
    folder
}

#[test]
fn what_somebody_does_with_the_sqlite3_shell_is_found() {
    let (mut server, folder) = running();
    // The last events are signed by nothing but the mark of the end.
    server.kill9();
    let refused =
        Command::new("sqlite3").arg(folder.join("company.db")).arg("DELETE FROM events WHERE id = 5").output();
    let refused = refused.expect("the sqlite3 shell (Debian: apt-get install sqlite3)");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("append-only"), "the schema itself refuses it first");
    let last: i64 = shell(&folder, "SELECT max(id) FROM events").parse().unwrap();
    assert!(last >= 11);
    let (code, said) = verify(&server.data(), &[]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.starts_with(&format!("harbour: ok ({last} events)")), "{said}");
    let signed = checkpoints(&folder);

    let cases = [
        ("UPDATE events SET message = 'nothing happened' WHERE id = 6", "event 6 is not what was written".to_owned()),
        ("UPDATE events SET actor_name = 'Ben', actor_id = 2 WHERE id = 6", "event 6 is not what was written".into()),
        ("DELETE FROM events WHERE id = 6", "event 6 is missing: event 7 stands in its place".into()),
        ("DELETE FROM events WHERE id IN (6, 7)", "events 6 to 7 are missing: event 8 stands in its place".into()),
        ("DELETE FROM events WHERE id = (SELECT max(id) FROM events)", format!("event {last} is missing at its end")),
        (
            "DELETE FROM events WHERE id > 1",
            match signed[..] {
                [_, ref last] => format!(
                    "events 2 to {} are missing: checkpoint 2 signed event {}, the trail ends at event 1",
                    last["event"], last["event"]
                ),
                _ => panic!("{signed:?}"),
            },
        ),
        (
            "UPDATE events SET id = -1 WHERE id = 6; UPDATE events SET id = 6 WHERE id = 7; UPDATE events SET id = 7 WHERE id = -1",
            "event 6 is not what was written".into(),
        ),
        (
            "DELETE FROM events WHERE id = 6; UPDATE events SET id = id - 1 WHERE id > 6",
            "event 6 is not what was written".into(),
        ),
        ("UPDATE events SET hash = randomblob(32) WHERE id = 6", "event 6 is not what was written".into()),
        (
            "DELETE FROM events WHERE id = (SELECT max(id) FROM events); UPDATE trail_end SET event = event - 1, hash = (SELECT hash FROM events ORDER BY id DESC LIMIT 1)",
            "what marks its end was changed by hand".into(),
        ),
    ];
    for (sql, found) in cases {
        let spoilt = copy(&server.data());
        let data = spoilt.path().join("data");
        unguarded(&data.join("companies/harbour"), sql);
        let (code, said) = verify(&data, &[]);
        assert_eq!(code, Some(1), "{sql}: {said}");
        assert_eq!(said.trim(), format!("harbour: The company does not verify: {found}."), "{sql}");
    }
}

#[test]
fn a_chain_forged_with_its_hashes_and_a_forged_checkpoint_are_found() {
    use sha2::{Digest, Sha256};
    let (server, folder) = prepared();
    let last: i64 = shell(&folder, "SELECT max(id) FROM events").parse().unwrap();

    // Whoever knows how hashes are made writes an event anew and all hashes after it, as its own description says.
    let columns = "id, at, category, space_id, group_id, project_id, environment_id, tenant_id, runbook_id, actor_id, actor_kind, actor_name, means, address, agent, message, related, details";
    let spoilt = copy(&server.data());
    let data = spoilt.path().join("data");
    let forged = data.join("companies/harbour");
    unguarded(&forged, "UPDATE events SET message = 'nothing happened' WHERE id = 2");
    let guards = "SELECT sql FROM sqlite_schema WHERE name = 'events_hold'";
    let guards = shell(&forged, guards);
    shell(&forged, "DROP TRIGGER events_hold");
    let sql = rusqlite::Connection::open(forged.join("company.db")).unwrap();
    let mut before: Vec<u8> = sql.query_row("SELECT hash FROM events WHERE id = 1", [], |row| row.get(0)).unwrap();
    for id in 2..=last {
        let mut digest = Sha256::new();
        digest.update(b"bulkhead event 1\0");
        let mut add = |bytes: &[u8]| {
            digest.update((bytes.len() as u64).to_be_bytes());
            digest.update(bytes);
        };
        add(&before);
        sql.query_row(&format!("SELECT {columns} FROM events WHERE id = ?1"), [id], |row| {
            for column in 0..18 {
                match row.get_ref(column)? {
                    rusqlite::types::ValueRef::Null => add(&[]),
                    rusqlite::types::ValueRef::Integer(number) => add(&number.to_be_bytes()),
                    text => add(text.as_bytes()?),
                }
            }
            Ok(())
        })
        .unwrap();
        before = digest.finalize().to_vec();
        sql.execute("UPDATE events SET hash = ?2 WHERE id = ?1", (id, &before)).unwrap();
    }
    sql.execute_batch(&guards).unwrap();
    drop(sql);
    let (code, said) = verify(&data, &[]);
    assert_eq!(code, Some(1));
    let found = "event 2 is not the one that checkpoint 1 signed: events from 1 to 2 were written anew";
    assert_eq!(said.trim(), format!("harbour: The company does not verify: {found}."));

    // And signs a checkpoint of it with a key of their own.
    let path = forged.join("checkpoints.jsonl");
    let mut line: Value = serde_json::from_str(fs::read_to_string(&path).unwrap().lines().next().unwrap()).unwrap();
    line["hash"] = json!(data_encoding::HEXLOWER.encode(&before));
    line["event"] = json!(last);
    fs::write(&path, format!("{line}\n")).unwrap();
    let (_, said) = verify(&data, &[]);
    assert!(said.contains("event") && said.contains("not verify"), "{said}");
    // The same with a chain that is right: then it is the signature that tells.
    let right = copy(&server.data());
    let data = right.path().join("data");
    let path = data.join("companies/harbour/checkpoints.jsonl");
    let mut line: Value = serde_json::from_str(fs::read_to_string(&path).unwrap().lines().next().unwrap()).unwrap();
    line["at"] = json!("2030-01-01T00:00:00.000+00:00");
    fs::write(&path, format!("{line}\n")).unwrap();
    let (_, said) = verify(&data, &[]);
    assert!(said.contains("line 1 of checkpoints.jsonl is not signed by this company"), "{said}");
}

#[test]
fn checkpoints_kept_elsewhere_are_compared() {
    let (server, folder) = prepared();
    let elsewhere = tempfile::tempdir().unwrap();
    let kept = elsewhere.path().join("kept");
    fs::copy(folder.join("checkpoints.jsonl"), &kept).unwrap();
    let (code, said) = verify(&server.data(), &["--checkpoints", kept.to_str().unwrap()]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("checkpoints kept elsewhere agree"), "{said}");

    // Another company's checkpoints say nothing of this one, and a file without any is told.
    fs::write(&kept, "nothing\n").unwrap();
    let (code, said) = verify(&server.data(), &["--checkpoints", kept.to_str().unwrap()]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("holds no checkpoint of this company"), "{said}");
    let told = Program::on(&server.data(), &["verify", "--checkpoints", "/no/such/file"]).run().expect_code(1);
    assert!(told.stderr.contains("/no/such/file cannot be read"), "{}", told.stderr);
}

#[test]
fn a_backup_carries_its_checkpoints_and_verifies_when_it_is_put_back() {
    let (server, folder) = prepared();
    let to = tempfile::tempdir().unwrap();
    let told = server.command(&["backup", "harbour", "--to", to.path().to_str().unwrap()]).run().expect_success();
    server.command(&["restore", told.stdout.trim(), "--as", "again"]).run().expect_success();
    let again = server.data().join("companies/again/checkpoints.jsonl");
    let (again, before) = (fs::read_to_string(again).unwrap(), checkpoints(&folder).len());
    let taken = fs::read_to_string(folder.join("checkpoints.jsonl")).unwrap();
    let kept: Vec<&str> = taken.lines().take(before - 1).collect();
    assert!(again.starts_with(&kept.join("\n")), "what was signed when the backup was taken: {again}");
    let told = server.command(&["verify", "again", "--json"]).run().expect_success();
    let said: Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!((&said[0]["ok"], &said[0]["checkpoints"]), (&json!(true), &json!(again.lines().count())));
    assert_eq!(said[0]["signedTo"], said[0]["events"], "the putting back is signed: {said}");
    assert_eq!(said[0]["publicKey"].as_str().unwrap().len(), 64);
}

#[test]
fn checkpoints_go_to_a_system_log_and_to_a_webhook_that_the_operator_allows() {
    let log = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    log.set_read_timeout(Some(std::time::Duration::from_secs(60))).unwrap();
    let hook = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut server = Server::start();
    server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    server.stop();
    let folder = server.data().join("companies/harbour");
    let url = format!("http://{}/kept", hook.local_addr().unwrap());
    shell(&folder, &format!("UPDATE settings SET checkpoint_syslog = 1, checkpoint_webhook = '{url}'"));
    let config = server.data().join("../config.toml");
    let text = format!("syslog = \"udp://{}\"\nallow-internal = [\"127.0.0.0/8\"]\n", log.local_addr().unwrap());
    fs::write(&config, text).unwrap();

    server.restart_with(&["--config", config.to_str().unwrap()]);
    let mut bytes = [0; 4096];
    let length = log.recv(&mut bytes).expect("a message within a minute");
    let message = std::str::from_utf8(&bytes[..length]).unwrap();
    assert!(message.starts_with("<110>1 ") && message.contains(" bulkhead "), "{message}");
    let line: Value = serde_json::from_str(&message[message.find('{').unwrap()..]).unwrap();
    assert_eq!((&line["checkpoint"], &line["event"]), (&json!(1), &json!(2)));

    let (mut stream, _) = hook.accept().unwrap();
    let mut text = String::new();
    while !text.contains("\"signature\"") {
        let mut bytes = [0; 4096];
        let length = stream.read(&mut bytes).unwrap();
        assert!(length > 0, "{text}");
        text.push_str(std::str::from_utf8(&bytes[..length]).unwrap());
    }
    std::io::Write::write_all(&mut stream, b"HTTP/1.1 204 No Content\r\n\r\n").unwrap();
    assert!(text.starts_with("POST /kept HTTP/1.1\r\n") && text.contains("x-bulkhead-signature: sha256="), "{text}");

    let told = || {
        let sql = "SELECT group_concat(kind || ' ' || told, ', ') FROM (SELECT * FROM witnesses ORDER BY kind)";
        shell(&folder, sql)
    };
    let newest = checkpoints(&folder).len();
    let both = format!("syslog {newest}, webhook {newest}");
    for _ in 0..300 {
        if told() == both {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    assert_eq!(told(), both, "who was told is written down");

    // What a system log kept is enough to verify with.
    server.stop();
    let kept = server.data().join("../kept.log");
    fs::write(&kept, format!("{message}\n")).unwrap();
    let (code, said) = verify(&server.data(), &["--checkpoints", kept.to_str().unwrap()]);
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn an_event_tells_the_names_of_its_places_also_after_they_are_gone() {
    let (server, harbour) = founded();
    let mut ada = server.browser();
    ada.sign_in("harbour", &harbour.email, &harbour.password);
    let caller = harbour.caller();
    let made = caller.post("/api/environments", json!({ "Name": "Quay <b>7</b>" })).expect(201).json();
    let id = made["Id"].as_str().expect("an id").to_owned();
    let page = || {
        let events = caller.get(&format!("/api/events?regarding={id}&eventCategories=Created")).expect(200).json();
        let event = events["Items"][0]["Id"].as_str().expect("an event").to_owned();
        ada.get(&format!("/harbour/trail/{event}")).expect(200).text()
    };
    let shown = page();
    assert!(shown.contains(">Default<") && shown.contains("Spaces-1"), "{shown}");
    assert!(
        shown.contains("<a href=\"/harbour/go/Spaces-1/environments/") && shown.contains("Quay &#60;b&#62;7"),
        "{shown}"
    );
    assert!(shown.contains(&format!("<small class=\"quiet mono\">{id}</small>")), "{shown}");
    caller.put(&format!("/api/environments/{id}"), json!({ "Name": "Pier" })).expect(200);
    assert!(page().contains(">Pier<"), "as it is called now: {}", page());
    caller.delete(&format!("/api/environments/{id}"), ()).expect(200);
    let shown = page();
    assert!(shown.contains("deleted since") && !shown.contains(">Pier<") && shown.contains(&id), "{shown}");
    assert!(shown.contains("Quay &#60;b&#62;7"), "by the name it had then: {shown}");
}

#[test]
fn what_was_counted_is_told_after_a_crash() {
    let (mut server, harbour) = founded();
    let ben = json!({ "Username": "ben", "DisplayName": "Ben", "EmailAddress": "ben@harbour.test", "Password": "lantern copper seven boats" });
    harbour.caller().post("/api/users", ben).expect(201);
    let told = server.command(&["api-key", "create", "harbour", "ben", "--purpose", "tests"]).run().expect_success();
    let ben = Caller::with_key(&harbour.base, told.stdout.trim());
    for _ in 0..8 {
        ben.get("/api/teams").expect(403);
    }
    let file = rusqlite::Connection::open(server.data().join("companies/harbour/company.db")).expect("a file");
    let counted = || -> i64 {
        file.query_row("SELECT COALESCE(sum(more), 0) FROM counted", [], |row| row.get(0)).expect("a sum")
    };
    wait_until(|| counted() == 7);
    server.kill9();
    server.restart();
    let refusals = || {
        let events = harbour.caller().get("/api/events?eventCategories=AccessDenied").expect(200).json();
        let all = events["Items"].as_array().expect("events").iter();
        all.map(|event| event["Message"].as_str().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    wait_until(|| refusals().len() == 2);
    assert!(
        refusals()[0].starts_with("Ben was refused TeamView") && refusals()[0].contains(", 7 times more since"),
        "{:?}",
        refusals()
    );
    assert_eq!(counted(), 0);
    server.command(&["verify", "harbour"]).run().expect_success();
}

/// Waits for what the server does by itself every half minute.
#[track_caller]
fn wait_until(there: impl Fn() -> bool) {
    for _ in 0..900 {
        if there() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    panic!("it does not happen");
}

/// What somebody does to a company's folder while its server is stopped, and what `verify` and the pages say then.
fn spoilt(data: &Path, sql: &str) -> (Option<i32>, String) {
    let copy = copy(data);
    let data = copy.path().join("data");
    shell(&data.join("companies/harbour"), sql);
    verify(&data, &[])
}

/// Findings A7.
#[test]
fn a_trail_that_was_emptied_does_not_verify() {
    let (server, _) = prepared();
    let emptied = copy(&server.data());
    let data = emptied.path().join("data");
    let folder = data.join("companies/harbour");
    unguarded(&folder, "DELETE FROM events; DELETE FROM trail_end");
    fs::remove_file(folder.join("checkpoints.jsonl")).unwrap();
    let (code, said) = verify(&data, &[]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("all events and what marks its end are missing"), "{said}");
    // Also where nothing outside the folder is known.
    fs::remove_dir_all(data.join("trails")).unwrap();
    let (code, said) = verify(&data, &[]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("all events and what marks its end are missing"), "{said}");
}

/// Findings A8.
#[test]
fn a_folder_put_back_to_an_earlier_state_does_not_verify_unless_it_is_restored() {
    let (server, folder) = prepared();
    let events = || shell(&folder, "SELECT max(id) FROM events").parse::<i64>().unwrap();
    let to = tempfile::tempdir().unwrap();
    let backup = server.command(&["backup", "harbour", "--to", to.path().to_str().unwrap()]).run().expect_success();
    let kept = copy(&folder);
    let earlier = events();
    server.command(&["user", "invite", "harbour", "ben@harbour.test"]).run().expect_success();
    server.command(&["company", "limits", "harbour", "--people", "7"]).run().expect_success();
    let later = events();
    assert_eq!(later, earlier + 2);
    assert_eq!(verify(&server.data(), &[]).0, Some(0));
    let put_back = |data: &Path| {
        let folder = data.join("companies/harbour");
        fs::remove_dir_all(&folder).unwrap();
        let copied = Command::new("cp").arg("-r").arg(kept.path().join("data")).arg(&folder).status().unwrap();
        assert!(copied.success());
    };
    let spoilt = copy(&server.data());
    let data = spoilt.path().join("data");
    put_back(&data);
    let (code, said) = verify(&data, &[]);
    assert_eq!(code, Some(1), "{said}");
    let found = format!("events {} to {later} are missing at its end: event {later} was here on ", earlier + 1);
    assert!(said.contains(&found) && said.contains(&format!("the trail ends at event {earlier}")), "{said}");
    assert_eq!(verify(&data, &[]).0, Some(1), "and it stays so");

    // Put back by the program it is no damage, and what is said of it outside begins anew.
    let file = backup.stdout.trim().to_owned();
    server.command(&["restore", &file, "--replace"]).run().expect_success();
    let (code, said) = verify(&server.data(), &[]);
    assert_eq!(code, Some(0), "{said}");
    server.command(&["company", "rename", "harbour", "haven"]).run().expect_success();
    server.command(&["verify", "haven"]).run().expect_success();
    assert!(!server.data().join("trails/harbour.json").exists() && server.data().join("trails/haven.json").exists());
    server.command(&["company", "remove", "haven", "--yes"]).run().expect_success();
    assert!(!server.data().join("trails/haven.json").exists());
}

/// Findings A9.
#[test]
fn a_company_whose_schema_was_changed_by_hand_is_closed_and_says_what_differs() {
    let (server, _) = prepared();
    for (sql, found) in [
        ("CREATE TRIGGER spy AFTER INSERT ON api_keys BEGIN DELETE FROM sessions; END", "the trigger spy is not ours"),
        ("DROP TRIGGER events_stay", "the trigger events_stay is missing"),
        ("CREATE VIEW names AS SELECT username FROM users", "the view names is not ours"),
    ] {
        let (code, said) = spoilt(&server.data(), sql);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains(found), "{said}");
    }
    let litestream = "CREATE TABLE IF NOT EXISTS _litestream_seq (id INTEGER PRIMARY KEY, seq INTEGER);
        CREATE TABLE IF NOT EXISTS _litestream_lock (id INTEGER)";
    let (code, said) = spoilt(&server.data(), litestream);
    assert_eq!(code, Some(0), "{said}");

    // A folder from elsewhere with a trigger of somebody else is not taken in.
    let elsewhere = copy(&server.data().join("companies/harbour"));
    let from = elsewhere.path().join("data");
    shell(&from, "CREATE TRIGGER spy AFTER INSERT ON api_keys BEGIN DELETE FROM sessions; END");
    server.command(&["company", "remove", "harbour", "--yes"]).run().expect_success();
    let told = server.command(&["company", "adopt", from.to_str().unwrap()]).run().expect_code(3);
    assert!(told.stderr.contains("the trigger spy is not ours"), "{}", told.stderr);
}
