//! A thousand companies in one data folder: how long until the server is ready, how much memory it holds when idle, and
//! what the first request to a company costs that is not open.

use super::{
    figures::{Table, median, milliseconds, processor_time, rank, rounds, setting, short},
    support::{api::Caller, server::Server},
    writes,
};
use bulkhead::appliance::Appliance;
use std::{
    fs,
    path::Path,
    thread::sleep,
    time::{Duration, Instant},
};

pub fn measure(table: &mut Table) {
    let many = setting("COMPANIES", if short() { 4 } else { 1000 }) as usize;
    let mut server = Server::start();
    let key = {
        let appliance = Appliance::open(&server.data()).expect("the data folder");
        let (company, key) = writes::found(&appliance, "c-0");
        company.settle().expect("one file");
        key
    };
    let starts = |server: &mut Server| -> f64 {
        let times: Vec<f64> = (0..rounds()).map(|_| milliseconds(start(server))).collect();
        median(&times)
    };
    let alone = starts(&mut server);
    let begun = Instant::now();
    copies(&server.data(), many);
    eprintln!("companies: {many} made in {:.1?}", begun.elapsed());

    table.figure("ready, 1 company", alone, "ms", "");
    let full = starts(&mut server);
    let name = format!("ready, {many} companies");
    table.figure(&name, full, "ms", "");
    table.against(&name, "ready, 1 company", "≤ 1 s");

    sleep(if short() { Duration::ZERO } else { Duration::from_secs(3) });
    let before = processor_time(server.pid());
    let watched = if short() { Duration::from_millis(100) } else { Duration::from_secs(5) };
    sleep(watched);
    let used = processor_time(server.pid()) - before;
    let idle = memory(server.pid());
    let name = format!("memory, idle, {many} companies");
    let more = format!("{:.1} % of a processor", used / watched.as_secs_f64() * 100.0);
    table.figure(&name, idle, "MiB", &more);
    table.aim(&name, "≤ 64 MiB");

    let (cold, warm) = first_requests(&server, &key, many.min(200));
    let more = format!("99 % within {:.1} ms", rank(&cold, 0.99));
    table.figure("first request to a cold company", median(&cold), "ms", &more);
    table.figure("the same request, warm", median(&warm), "ms", "");
    table.against("first request to a cold company", "the same request, warm", "");

    let caller = Caller::with_key(server.base(), &key);
    let begun = Instant::now();
    for n in 0..many {
        caller.get(&format!("/{}/api/Spaces-1", slug(n))).expect(200);
    }
    let rate = many as f64 / begun.elapsed().as_secs_f64();
    table.figure("requests, each to another company", rate, "requests/s", "");
    let name = "memory after asking every company, 256 of them open";
    table.figure(name, memory(server.pid()), "MiB", "");
    server.stop();
}

fn slug(n: usize) -> String {
    format!("c-{n}")
}

/// From nothing to an answer of `/readyz`.
fn start(server: &mut Server) -> Duration {
    server.stop();
    let begun = Instant::now();
    server.restart();
    server.nobody().get("/readyz").expect(200);
    begun.elapsed()
}

/// The first company again and again under other slugs. The stamp of each says its own slug; they share a key.
fn copies(data: &Path, many: usize) {
    let companies = data.join("companies");
    let first = companies.join(slug(0));
    for n in 1..many {
        let folder = companies.join(slug(n));
        fs::create_dir(&folder).expect("a folder");
        for entry in fs::read_dir(&first).expect("the first company") {
            let entry = entry.expect("an entry");
            let to = folder.join(entry.file_name());
            if entry.file_type().expect("its type").is_dir() {
                fs::create_dir(to).expect("a folder");
            } else {
                fs::copy(entry.path(), to).expect("a copy");
            }
        }
        #[allow(clippy::disallowed_methods)] // no server has it open
        let connection = rusqlite::Connection::open(folder.join("company.db")).expect("the copy");
        connection.execute_batch("PRAGMA synchronous=OFF").expect("speed");
        connection.execute("UPDATE company SET slug = ?1", [slug(n)]).expect("its own slug");
    }
}

/// Milliseconds of the first request to each of some companies, and of the third.
fn first_requests(server: &Server, key: &str, many: usize) -> (Vec<f64>, Vec<f64>) {
    let caller = Caller::with_key(server.base(), key);
    caller.get("/healthz").expect(200);
    let (mut cold, mut warm) = (Vec::new(), Vec::new());
    for n in 0..many {
        let path = format!("/{}/api/Spaces-1", slug(n));
        let ask = || {
            let begun = Instant::now();
            caller.get(&path).expect(200);
            milliseconds(begun.elapsed())
        };
        cold.push(ask());
        ask();
        warm.push(ask());
    }
    (cold, warm)
}

/// Resident memory in MiB.
fn memory(pid: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("the server's status");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("its memory");
    let kib: f64 = line.split_whitespace().nth(1).and_then(|text| text.parse().ok()).expect("a number");
    kib / 1024.0
}
