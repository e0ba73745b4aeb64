//! A company at work: people change it through the API, and a step writes its log, while something else is done to it.

use super::{
    api::{Caller, id},
    server::{Company, Server},
};
use serde_json::json;
use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    thread::{JoinHandle, sleep},
    time::{Duration, Instant},
};

pub struct Busy {
    pub server: Server,
    pub company: Company,
    stop: Arc<AtomicBool>,
    written: Arc<AtomicUsize>,
    /// The longest that a write had to wait, in microseconds.
    worst: Arc<AtomicU64>,
    writer: Option<JoinHandle<()>>,
}

impl Busy {
    /// A company whose database is at least so large.
    pub fn of_megabytes(megabytes: usize) -> Busy {
        let mut server = Server::start();
        let company = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
        server.stop();
        let file = rusqlite::Connection::open(server.data().join("companies/harbour/company.db")).unwrap();
        let row = "INSERT INTO letters (kind, receiver, subject, body, state, next_at, until, created_at)
            VALUES ('notice', 'ada@harbour.test', 'weight', randomblob(16384), 'sent', 0, 0, 0)";
        file.execute_batch("PRAGMA synchronous=OFF; BEGIN").unwrap();
        for _ in 0..megabytes * 64 {
            file.prepare_cached(row).unwrap().execute([]).unwrap();
        }
        file.execute_batch("COMMIT").unwrap();
        drop(file);
        server.restart();
        let (stop, written, worst) = (Arc::default(), Arc::default(), Arc::default());
        Busy { server, company, stop, written, worst, writer: None }
    }

    /// From now on a step writes 150 lines a second, and the company is changed some forty times a second.
    pub fn begin(&mut self) {
        let caller = self.company.caller();
        let make = |kind: &str, body| id(&caller.post(&format!("/api/Spaces-1/{kind}"), body).expect(201).json());
        make("environments", json!({ "Name": "Staging" }));
        make("projects", json!({ "Name": "Shop", "ProjectGroupId": "ProjectGroups-1", "LifecycleId": "Lifecycles-1" }));
        let script = "n=0; while :; do n=$((n+1)); echo \"line $n of a step that has much to say about what it does\"; sleep 0.006; done";
        let step = json!({ "Name": "Talk", "Properties": {}, "Actions": [{ "Name": "Talk", "ActionType": "Octopus.Script", "Properties": {
            "Octopus.Action.RunOnServer": "True", "Octopus.Action.Script.ScriptSource": "Inline",
            "Octopus.Action.Script.Syntax": "Bash", "Octopus.Action.Script.ScriptBody": script } }] });
        let path = "/api/Spaces-1/projects/shop/deploymentprocesses";
        let mut process = caller.get(path).expect(200).json();
        process["Steps"] = json!([step]);
        caller.put(path, process).expect(200);
        caller
            .post("/api/Spaces-1/releases/create/v1", json!({ "ProjectName": "Shop", "ReleaseVersion": "1.0.0" }))
            .expect(201);
        let order = json!({ "ProjectName": "Shop", "ReleaseVersion": "1.0.0", "EnvironmentNames": ["Staging"] });
        caller.post("/api/Spaces-1/deployments/create/untenanted/v1", order).expect(201);

        let (base, key) = (self.company.base.clone(), self.company.key.clone());
        let (stop, written, worst) = (self.stop.clone(), self.written.clone(), self.worst.clone());
        self.writer = Some(std::thread::spawn(move || {
            let caller = Caller::with_key(&base, &key);
            while !stop.load(Ordering::SeqCst) {
                let number = written.load(Ordering::SeqCst);
                let asked = Instant::now();
                caller.post("/api/Spaces-1/projectgroups", json!({ "Name": format!("Group {number}") })).expect(201);
                worst.fetch_max(asked.elapsed().as_micros() as u64, Ordering::SeqCst);
                written.fetch_add(1, Ordering::SeqCst);
                sleep(Duration::from_millis(20));
            }
        }));
        while self.acknowledged() < 5 {
            assert!(!self.writer.as_ref().unwrap().is_finished(), "the writer ended early");
            sleep(Duration::from_millis(5));
        }
    }

    /// How many changes were acknowledged so far.
    pub fn acknowledged(&self) -> usize {
        assert!(self.writer.as_ref().is_none_or(|writer| !writer.is_finished()), "the writer ended early");
        self.written.load(Ordering::SeqCst)
    }

    /// The longest that a change had to wait since this was asked last.
    pub fn worst(&self) -> Duration {
        Duration::from_micros(self.worst.swap(0, Ordering::SeqCst))
    }

    /// How many of those changes a database holds.
    pub fn held(database: &Path) -> usize {
        let file = rusqlite::Connection::open(database).unwrap();
        file.query_row("SELECT count(*) FROM project_groups WHERE name LIKE 'Group %'", [], |row| row.get::<_, i64>(0))
            .unwrap() as usize
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}
