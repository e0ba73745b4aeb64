//! The server is told to end: what goes on, what is refused, in which order it ends, and what it leaves.

use super::yard::{Yard, script};
use crate::support::server::{PROGRAM, Program, Server};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Command, Stdio},
    thread::{sleep, spawn},
    time::{Duration, Instant},
};

fn yard_with(body: &str) -> (Yard, String) {
    let mut yard = Yard::new("Untenanted", &[script("Work", body)]);
    yard.server.restart_with(&["--grace", "60"]);
    let task = yard.deploy("1.0.0");
    yard.until_it_says(&task, "begun");
    (yard, task)
}

/// Findings G19.
#[test]
fn a_stopping_server_answers_reads_until_its_tasks_have_ended() {
    let (mut yard, task) = yard_with("echo begun; sleep 8; echo ended");
    let mut ada = yard.server.browser();
    ada.sign_in("harbour", &yard.company.email, &yard.company.password);
    let session = ada.caller().cookie("house_session").expect("a session");
    let (base, path) = (yard.server.base().to_owned(), format!("/harbour/tasks/{task}/events"));
    let streaming = spawn(move || {
        let caller = crate::support::api::Caller::nobody(&base).plainly();
        caller.and_header("Cookie", &format!("house_session={session}")).get(&path).expect(200).text()
    });
    sleep(Duration::from_millis(500));
    yard.server.tell(Signal::TERM);
    yard.wait_for("/readyz to say so", || (yard.server.nobody().get("/readyz").status == 503).then_some(()));
    // What only looks is answered, on new connections too.
    yard.server.nobody().get("/healthz").expect(200);
    assert_eq!(yard.task(&task)["State"], "Executing");
    assert!(ada.get(&format!("/harbour/tasks/{task}")).expect(200).text().contains("Shop"));
    // What changes is not.
    let refused = yard.caller().post("/api/Spaces-1/environments", json!({ "Name": "Later" })).expect(503);
    let words = refused.json()["ErrorMessage"].as_str().unwrap_or_default().to_owned();
    assert!(words.contains("The server is stopping") && refused.header("retry-after") == "30", "{refused}");
    let refused = ada.post("/harbour/me", [("name", "Mallory")]).expect(503);
    assert!(refused.text().contains("The server is stopping") && refused.header("retry-after") == "30", "{refused}");
    // Whoever has to look can sign in.
    yard.server.browser().give_password("harbour", &yard.company.email, &yard.company.password).expect(200);
    // The stream ends with the task.
    let told = streaming.join().expect("a stream");
    assert!(told.contains("\"text\":\"ended\"") && told.contains("event: end"), "{told}");
    assert!(yard.server.until_it_ends().success());
    yard.server.restart();
    assert_eq!(yard.task(&task)["State"], "Success", "{}", yard.raw(&task));
    let names = yard.caller().get("/api/Spaces-1/environments/all").expect(200).text();
    assert!(!names.contains("Later"), "{names}");
}

/// Findings G19: a task can be cancelled, and the stop does not wait longer than for it.
#[test]
fn a_task_can_be_cancelled_while_the_server_stops() {
    let (mut yard, task) = yard_with("echo begun; sleep 600");
    yard.server.tell(Signal::TERM);
    yard.wait_for("/readyz to say so", || (yard.server.nobody().get("/readyz").status == 503).then_some(()));
    yard.caller().post(&format!("/api/tasks/{task}/cancel"), json!({})).expect(200);
    let begun = Instant::now();
    assert!(yard.server.until_it_ends().success());
    assert!(begun.elapsed() < Duration::from_secs(40), "{:?}", begun.elapsed());
    yard.server.restart();
    assert_eq!(yard.task(&task)["State"], "Canceled");
}

/// Findings G14: told a second time, it ends at once, but in order.
#[test]
fn who_tells_a_stopping_server_again_does_not_wait() {
    let (mut yard, task) = yard_with("echo begun; sleep 600");
    let begun = Instant::now();
    yard.server.tell(Signal::TERM);
    yard.server.tell(Signal::HUP);
    sleep(Duration::from_secs(3));
    assert_eq!(yard.task(&task)["State"], "Executing", "two at the same moment are one");
    yard.server.tell(Signal::TERM);
    assert!(yard.server.until_it_ends().success());
    assert!(begun.elapsed() < Duration::from_secs(40), "{:?}", begun.elapsed());
    yard.server.restart();
    let end = yard.task(&task);
    assert_eq!(end["State"], "Failed");
    let words = end["ErrorMessage"].as_str().unwrap_or_default();
    assert!(words.starts_with("The server was stopped while this task was under way."), "{words}");
}

/// Findings G14 and E1: every signal that asks for an end gives the same end, and what is left is whole.
#[test]
fn whichever_signal_ends_the_server_each_company_is_one_file_afterwards() {
    let mut server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    for (number, signal) in [Signal::TERM, Signal::HUP, Signal::INT, Signal::QUIT].into_iter().enumerate() {
        let name = format!("Environment {number}");
        harbour.caller().post("/api/environments", json!({ "Name": name })).expect(201);
        // Connections that stay open do not hold it.
        let address = server.base().trim_start_matches("http://").to_owned();
        let _silent = TcpStream::connect(&address).expect("a connection");
        let mut idle = TcpStream::connect(&address).expect("a connection");
        idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").expect("to ask");
        let _ = idle.read(&mut [0; 512]).expect("an answer");
        let begun = Instant::now();
        server.tell(signal);
        let status = server.until_it_ends();
        assert!(status.success(), "{signal:?}: {status}");
        assert!(begun.elapsed() < Duration::from_secs(15), "{signal:?}: {:?}", begun.elapsed());
        let folder = server.data().join("companies/harbour");
        let left = |name: &str| std::fs::metadata(folder.join(name)).map_or(0, |about| about.len());
        assert_eq!((left("company.db-wal"), left("company.db-shm")), (0, 0), "{signal:?}");
        // The file alone, without what may lie beside it, holds what was acknowledged last.
        let aside = tempfile::tempdir().expect("a folder");
        let data = aside.path().join("data");
        assert!(Command::new("cp").arg("-r").arg(server.data()).arg(&data).status().expect("cp").success());
        for beside in ["company.db-wal", "company.db-shm"] {
            let _ = std::fs::remove_file(data.join("companies/harbour").join(beside));
        }
        Program::on(&data, &["verify", "harbour"]).run().expect_success();
        let copy = Server::on_copy_of(&data);
        let caller = crate::support::api::Caller::with_key(&format!("{}/harbour", copy.base()), &harbour.key);
        let names = caller.get("/api/environments/all").expect(200).text();
        assert!(names.contains(&name), "{signal:?}: {names}");
        server.restart();
    }
}

/// Findings G14: what whoever started the server wants to be ignored is ignored.
#[test]
fn a_server_below_nohup_does_not_hear_a_hangup() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut child = Command::new("sh")
        .args(["-c", "trap '' HUP; exec \"$0\" serve --listen 127.0.0.1:0 --data \"$1\"", PROGRAM])
        .arg(folder.path().join("data"))
        .env_remove("BULKHEAD_CONFIG")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("a shell");
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines().map_while(Result::ok);
    let address =
        lines.find_map(|line| line.strip_prefix("listening: http://").map(str::to_owned)).expect("an address");
    let pid = Pid::from_raw(i32::try_from(child.id()).expect("a number")).expect("a process");
    kill_process(pid, Signal::HUP).expect("a signal");
    sleep(Duration::from_secs(2));
    assert!(TcpStream::connect(&address).is_ok());
    assert!(child.try_wait().expect("its state").is_none());
    kill_process(pid, Signal::TERM).expect("a signal");
    assert!(child.wait().expect("its end").success());
}

/// Findings G16.
#[test]
fn a_second_server_is_refused_also_when_the_lock_file_was_deleted() {
    let server = Server::start();
    let second = || {
        let told = Command::new("timeout")
            .args(["60", PROGRAM, "serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(server.data())
            .output()
            .expect("the program");
        (told.status.code(), String::from_utf8_lossy(&told.stderr).into_owned())
    };
    let (code, said) = second();
    assert!(code == Some(3) && said.contains("Another server works on"), "{code:?} {said}");
    std::fs::remove_file(server.data().join("server.lock")).expect("the lock file");
    let (code, said) = second();
    assert!(code == Some(3) && said.contains("Another server works on"), "{code:?} {said}");
    server.nobody().get("/readyz").expect(200);
}

/// Findings A11: streams of one person.
#[test]
fn a_person_follows_so_many_logs_at_once() {
    let (yard, task) = yard_with("echo begun; sleep 600");
    let mut ada = yard.server.browser();
    ada.sign_in("harbour", &yard.company.email, &yard.company.password);
    let session = ada.caller().cookie("house_session").expect("a session");
    let follow = || {
        let mut stream = TcpStream::connect(yard.server.base().trim_start_matches("http://")).expect("a connection");
        let ask =
            format!("GET /harbour/tasks/{task}/events HTTP/1.1\r\nHost: x\r\nCookie: house_session={session}\r\n\r\n");
        stream.write_all(ask.as_bytes()).expect("to ask");
        let mut said = [0; 1024];
        let length = stream.read(&mut said).expect("an answer");
        (String::from_utf8_lossy(&said[..length]).into_owned(), stream)
    };
    let mut followed = Vec::new();
    for _ in 0..20 {
        let (said, stream) = follow();
        assert!(said.starts_with("HTTP/1.1 200"), "{said}");
        followed.push(stream);
    }
    let (said, _) = follow();
    assert!(said.starts_with("HTTP/1.1 429") && said.contains("retry-after: 30"), "{said}");
    // One that is closed is free again, as soon as it is noticed.
    drop(followed.pop());
    yard.wait_for("a place", || follow().0.starts_with("HTTP/1.1 200").then_some(()));
    yard.caller().post(&format!("/api/tasks/{task}/cancel"), json!({})).expect(200);
}
