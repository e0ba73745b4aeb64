//! A signed-in page and an API read of the real program, beside a bare server on the same machine, in turns.

use super::{
    bare,
    figures::{Table, each, median, processor_time, rounds, setting},
    support::server::Server,
};
use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

/// So many environments stand on the page.
const ROWS: usize = 10;

/// A child that ends with the measurement.
pub(super) struct Bare(Child);
impl Bare {
    pub(super) fn pid(&self) -> u32 {
        self.0.id()
    }
}
impl Drop for Bare {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(super) struct Target {
    name: String,
    address: String,
    header: String,
    rates: Vec<f64>,
    half: Vec<f64>,
    slow: Vec<f64>,
    pid: u32,
    /// Microseconds of processor time of the server for one request.
    work: Vec<f64>,
}

pub fn measure(table: &mut Table) {
    if !has_wrk() {
        return;
    }
    let server = Server::start();
    let company = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let program = company.caller();
    let rows: Vec<(String, String)> =
        (1..=ROWS).map(|n| (format!("Environment {n}"), format!("Where releases go as number {n}"))).collect();
    for (name, description) in &rows {
        program
            .post("/api/Spaces-1/environments", serde_json::json!({ "Name": name, "Description": description }))
            .expect(201);
    }
    let mut browser = server.browser();
    browser.sign_in("harbour", "ada@harbour.test", &company.password);
    let cookie = browser.caller().cookie("house_session").expect("a session");
    let path = "/harbour/default/infrastructure/environments";
    let page = browser.get(path).expect(200).text();
    assert!(page.contains("Environment 7"), "not the list of environments:\n{page}");

    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("bare.db");
    bare::fill(&file, &rows);
    let filling = page.len().saturating_sub(bare::length(&rows));
    let (child, bare) = start_bare(&file, filling);
    let (own, other) = (server.pid(), child.0.id());

    let api = format!("{}/api/Spaces-1/environments/Environments-7", company.base);
    let key = format!("X-Octopus-ApiKey: {}", company.key);
    let session = format!("Cookie: house_session={cookie}");
    let mut targets = [
        target("signed-in page", format!("{}{path}", server.base()), &session, own),
        target("bare page", format!("{bare}/page"), "X-Load: yes", other),
        target("bare page, blocking thread", format!("{bare}/hop/page"), "X-Load: yes", other),
        target("API read", api, &key, own),
        target("bare API read", format!("{bare}/api/7"), "X-Load: yes", other),
        target("bare API read, blocking thread", format!("{bare}/hop/api/7"), "X-Load: yes", other),
    ];
    eprintln!("load: {} B a page, {} rounds of {:?} each", page.len(), rounds(), each());
    for _ in 0..rounds() {
        targets.iter_mut().for_each(load);
    }
    report(table, &targets);
    table.against("signed-in page", "bare page", "≥ 50 %");
    table.against("signed-in page", "bare page, blocking thread", "");
    table.against("API read", "bare API read", "≥ 50 %");
    table.against("API read", "bare API read, blocking thread", "");
}

/// Whether there is what makes load.
pub(super) fn has_wrk() -> bool {
    let there = Command::new("wrk").arg("-v").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !there {
        eprintln!("wrk is missing (Debian: apt-get install wrk); left out");
    }
    there
}

pub(super) fn target(name: &str, address: String, header: &str, pid: u32) -> Target {
    Target {
        pid,
        work: Vec::new(),
        name: name.into(),
        address,
        header: header.into(),
        rates: Vec::new(),
        half: Vec::new(),
        slow: Vec::new(),
    }
}

/// A row of the table for each.
pub(super) fn report(table: &mut Table, targets: &[Target]) {
    for t in targets {
        let more = format!(
            "{:.0} µs of processor time each; half within {:.2} ms, 99 % within {:.1} ms",
            median(&t.work),
            median(&t.half),
            median(&t.slow)
        );
        table.figure(&t.name, median(&t.rates), "requests/s", &more);
    }
}

pub(super) fn start_bare(file: &std::path::Path, filling: usize) -> (Bare, String) {
    let program = std::env::current_exe().expect("this program");
    let mut command = Command::new(program);
    command.arg("bare").arg(file).arg(filling.to_string()).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = Bare(command.spawn().expect("to start the bare server"));
    let mut line = String::new();
    let out = child.0.stdout.take().expect("its output");
    BufReader::new(out).read_line(&mut line).expect("its address");
    let address = line.trim().strip_prefix("listening: ").expect("its address").to_owned();
    (child, address)
}

pub(super) fn load(target: &mut Target) {
    let connections = setting("CONNECTIONS", 32);
    let before = processor_time(target.pid);
    let output = Command::new("wrk")
        .args(["-t", "1", "-c", &connections.to_string(), "-d", &format!("{}s", each().as_secs()), "--latency", "-H"])
        .args([&target.header, &target.address])
        .output()
        .expect("to run wrk");
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && !told.contains("Non-2xx"), "{}: {told}", target.name);
    let after = |word: &str| {
        let line = told.lines().map(str::trim).find(|line| line.starts_with(word));
        line.and_then(|line| line.split_whitespace().last()).unwrap_or_default().to_owned()
    };
    let worked = processor_time(target.pid) - before;
    let answered: f64 =
        told.lines().find_map(|line| line.trim().split_once(" requests in ")?.0.parse().ok()).expect("requests");
    target.work.push(worked / answered * 1e6);
    let rate: f64 = after("Requests/sec:").parse().expect("requests a second");
    target.rates.push(rate);
    target.half.push(time(&after("50%")));
    target.slow.push(time(&after("99%")));
}

/// `wrk`'s spelling of a time, in milliseconds.
fn time(text: &str) -> f64 {
    let split = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let number: f64 = text[..split].parse().unwrap_or(f64::NAN);
    match &text[split..] {
        "us" => number / 1000.0,
        "s" => number * 1000.0,
        _ => number,
    }
}
