//! A server before its first company: what its pages say, what its set-up link does, how it may be started.

use crate::support::server::{PROGRAM, Program, Server};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Command, Stdio},
    time::Duration,
};

/// Findings E7.
#[test]
fn a_server_without_a_company_says_how_the_first_one_is_made_and_offers_nothing_else() {
    let server = Server::start();
    let browser = server.browser();
    for path in ["/", "/login", "/forgot", "/harbour/login", "/operator/login", "/harbour/code", "/harbour/reset"] {
        let page = browser.get(path).expect(200).text();
        for words in ["This server is not set up yet", "set-up link", "bulkhead company create"] {
            assert!(page.contains(words), "{path}: {words}\n{page}");
        }
        assert!(!page.contains("<form") && !page.contains("/setup/"), "{path}: {page}");
    }
    let led = browser.get("/harbour/default/projects").expect(303);
    assert!(browser.get(led.location()).expect(200).text().contains("not set up yet"));
    // A form that was opened before the last company went.
    let refused = browser.post("/login", [("company", "harbour"), ("email", "a@b.test"), ("password", "x")]);
    assert!(refused.status == 409 && refused.text().contains("not set up yet"), "{refused}");
    // Programs get what they always get.
    server.nobody().get("/harbour/api/users/me").expect(401);

    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    assert_eq!(browser.get("/").expect(303).location(), "/login");
    assert!(browser.get("/login").expect(200).text().contains("<form"));
    server.browser().sign_in("harbour", &harbour.email, &harbour.password);
}

/// Findings I1: what the page says.
#[test]
fn a_set_up_link_that_is_dead_says_so_in_words() {
    let server = Server::start();
    let printed = server.printed();
    let link = printed.lines().find_map(|line| line.strip_prefix("setup: ")).expect("a set-up link").to_owned();
    let path = link.trim_start_matches(server.base()).to_owned();
    let browser = server.browser();
    let form = [
        ("name", "Harbour Ltd"),
        ("slug", "harbour"),
        ("admin_name", "Ada"),
        ("admin_email", "ada@harbour.test"),
        ("password", "a long enough password"),
    ];
    let dead = |answer: crate::support::api::Answer| {
        let page = answer.expect(404).text();
        for words in ["This set-up link does not work any more", "while there is no company", "bulkhead company create"]
        {
            assert!(page.contains(words), "{words}: {page}");
        }
        assert!(!page.contains("<form"), "{page}");
    };
    dead(browser.get("/setup/another"));
    dead(browser.post("/setup/another", form));
    assert_eq!(browser.post(&path, form).expect(303).location(), "/harbour/login");
    dead(browser.get(&path));
    dead(browser.post(&path, form));
}

/// Findings I1: the link was never used, and a company was made in another way.
#[test]
fn a_set_up_link_dies_with_the_first_company_however_it_was_made() {
    let server = Server::start();
    let printed = server.printed();
    let link = printed.lines().find_map(|line| line.strip_prefix("setup: ")).expect("a set-up link").to_owned();
    let path = link.trim_start_matches(server.base()).to_owned();
    let browser = server.browser();
    assert!(browser.get(&path).expect(200).text().contains("<form"));
    server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let form = [
        ("name", "Mallory Ltd"),
        ("slug", "mallory"),
        ("admin_name", "Mallory"),
        ("admin_email", "mallory@mallory.test"),
        ("password", "a long enough password"),
        ("operator", "true"),
    ];
    for answer in [browser.get(&path), browser.post(&path, form)] {
        let page = answer.expect(404).text();
        assert!(page.contains("This set-up link does not work any more"), "{page}");
    }
    let listed = server.command(&["company", "list"]).run().expect_success().stdout;
    assert!(listed.contains("harbour") && !listed.contains("mallory") && !listed.contains("operator"), "{listed}");
}

/// Findings F7.
#[test]
fn a_public_address_that_is_none_is_refused_at_the_start_wherever_it_stands() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    for wrong in ["not a url", "ftp://x", "https://x/bulkhead", "https://x?y"] {
        let told = Program::on(&data, &["serve", "--listen", "127.0.0.1:0", "--public-url", wrong]).run();
        let told = told.expect_code(2).stderr;
        assert!(told.contains("--public-url") && told.contains("such as https://deploy.example.com"), "{told}");
    }
    let config = folder.path().join("bulkhead.toml");
    std::fs::write(&config, "public-url = \"ftp://x\"\n").expect("a file");
    let config = config.to_str().expect("a name");
    let told =
        Program::on(&data, &["serve", "--listen", "127.0.0.1:0", "--config", config]).run().expect_code(2).stderr;
    assert!(told.contains("public-url") && told.contains("http:// or https://"), "{told}");
    let told = Command::new(PROGRAM)
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(&data)
        .env("BULKHEAD_PUBLIC_URL", "deploy.example.com")
        .output()
        .expect("the program");
    assert_eq!(told.status.code(), Some(2), "{told:?}");
    assert!(!data.exists(), "nothing was made");
    // What is meant is kept as everything else compares it.
    let mut server = Server::start();
    server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    server.restart_with(&["--public-url", "HTTPS://Deploy.Example.com/"]);
    let page = server.nobody().get("/harbour/login").expect(200);
    assert!(page.header("set-cookie").contains("; Secure"), "{page}");
    assert!(page.header("strict-transport-security").contains("max-age"), "{page}");
}

/// Pipes may break: who started the server and read its first line may be gone.
#[test]
fn a_server_serves_when_nobody_reads_what_it_prints() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut child = Command::new(PROGRAM)
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(folder.path().join("data"))
        .env("BULKHEAD_LOG", "debug")
        .env_remove("BULKHEAD_CONFIG")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program");
    let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    // Dropped with what follows: both pipes are broken from here on.
    let address =
        lines.map_while(Result::ok).find_map(|line| line.strip_prefix("listening: http://").map(str::to_owned));
    let address = address.expect("an address");
    drop(child.stderr.take());
    for _ in 0..3 {
        let mut stream = TcpStream::connect(&address).expect("a connection");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a time limit");
        stream.write_all(b"GET /login HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").expect("to ask");
        let mut said = String::new();
        stream.read_to_string(&mut said).expect("an answer");
        assert!(said.starts_with("HTTP/1.1 200") && said.contains("not set up yet"), "{said}");
    }
    let pid = rustix::process::Pid::from_raw(i32::try_from(child.id()).expect("a number")).expect("a process");
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("a signal");
    assert!(child.wait().expect("its end").success());
}
