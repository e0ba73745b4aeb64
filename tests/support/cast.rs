//! Two companies of the same shape on one real server, for tests of who may do what.
//!
//! **Harbour**: ada, administrator and space manager; ben, who may deploy Shop to Staging for Contoso and nothing else;
//! cleo, who may look at everything; noel, who may do nothing. **Meridian**: dora, its administrator. Both have the same
//! things under the same names, slugs and ids, but every free text carries the company's own mark.

use rusqlite::Connection;
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};

use super::{
    api::{Answer, Caller},
    browser_like::BrowserLike,
    server::{Company, Server},
};

pub const MARKS: [&str; 2] = ["HARBOUR-MARK", "MERIDIAN-MARK"];

pub struct Cast {
    pub server: Server,
    pub harbour: House,
    pub meridian: House,
}

/// A company, its people, and what is in it.
pub struct House {
    pub company: Company,
    pub mark: &'static str,
    pub people: BTreeMap<&'static str, Person>,
    /// By the word of the API: `environments` → what addresses call it.
    pub things: BTreeMap<&'static str, Thing>,
}

/// What stands for a thing in addresses.
#[derive(Clone, Debug)]
pub struct Thing {
    pub id: String,
    pub slug: String,
}

/// Somebody with an API key, and signed in at a browser.
pub struct Person {
    pub key: Caller,
    pub browser: BrowserLike,
}

impl Person {
    /// A request with the key, or with the browser's cookie. Paths begin at the company.
    pub fn call(&self, company: &str, page: bool, method: &str, path: &str, body: Value) -> Answer {
        if page {
            send_form(&self.browser, company, method, path, &body)
        } else {
            send_json(&self.key, method, path, body)
        }
    }
}

/// A program's request.
pub fn send_json(caller: &Caller, method: &str, path: &str, body: Value) -> Answer {
    if method == "GET" || body.is_null() { caller.call(method, path, ()) } else { caller.call(method, path, body) }
}

/// A browser's request; the fields of the object are those of a form.
pub fn send_form(browser: &BrowserLike, company: &str, method: &str, path: &str, body: &Value) -> Answer {
    let path = format!("/{company}{path}");
    if method == "GET" {
        return browser.get(&path);
    }
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let fields: Vec<(String, String)> =
        body.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), text(value))).collect();
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    browser.post(&path, &fields[..])
}

impl Cast {
    pub fn assemble() -> Cast {
        let server = Server::start();
        let harbour = House::found(&server, "harbour", "Harbour", "ada", MARKS[0]);
        let meridian = House::found(&server, "meridian", "Meridian", "dora", MARKS[1]);
        let mut cast = Cast { server, harbour, meridian };
        let things = &cast.harbour.things;
        let id = |kind: &str| vec![things[kind].id.clone()];
        let narrow =
            json!({ "ProjectIds": id("projects"), "EnvironmentIds": id("environments"), "TenantIds": id("tenants") });
        cast.harbour.hire(&cast.server, "ben", Some("userroles-projectdeployer"), narrow);
        cast.harbour.hire(&cast.server, "cleo", Some("userroles-readonly"), json!({}));
        cast.harbour.hire(&cast.server, "noel", None, json!({}));
        cast
    }
}

impl House {
    fn found(server: &Server, slug: &str, name: &str, who: &'static str, mark: &'static str) -> House {
        let company = server.company(slug, &format!("{name} {mark}"), &format!("{who}@example.com"));
        let mut browser = server.browser();
        browser.sign_in(slug, &company.email, &company.password);
        let person = Person { key: company.caller(), browser };
        let mut house = House { company, mark, people: BTreeMap::new(), things: BTreeMap::new() };
        house.people.insert(who, person);
        house.furnish(server);
        house
    }

    /// The database file itself, to seed it and to compare it.
    pub fn file(&self, server: &Server) -> Connection {
        let path = server.data().join("companies").join(&self.company.slug).join("company.db");
        let sql = Connection::open(path).expect("the company's file");
        sql.busy_timeout(Duration::from_secs(30)).expect("patience");
        sql
    }

    /// Somebody in a team of their own, which has this role in the first space, within these limits.
    pub fn hire(&mut self, server: &Server, name: &'static str, role: Option<&str>, limits: Value) {
        let (email, password) = (format!("{name}@example.com"), format!("the long password of {name}"));
        let user = json!({ "Username": email, "DisplayName": name, "EmailAddress": email, "Password": password });
        let user = self.post("/api/users", user)["Id"].clone();
        let team = self.post("/api/teams", json!({ "Name": format!("Team of {name}"), "MemberUserIds": [user] }))["Id"]
            .clone();
        if let Some(role) = role {
            let mut assignment = limits;
            assignment["TeamId"] = team;
            assignment["UserRoleId"] = json!(role);
            assignment["SpaceId"] = json!("Spaces-1");
            self.post("/api/scopeduserroles", assignment);
        }
        let told = server.command(&["api-key", "create", &self.company.slug, &email, "--purpose", "tests"]).run();
        let key = Caller::with_key(&self.company.base, told.expect_success().stdout.trim());
        let mut browser = server.browser();
        browser.sign_in(&self.company.slug, &email, &password);
        self.people.insert(name, Person { key, browser });
    }

    pub fn administrator(&self) -> &Person {
        self.people.get("ada").or(self.people.get("dora")).expect("an administrator")
    }

    fn keep(&mut self, kind: &'static str, document: &Value) {
        let text = |name: &str| document[name].as_str().map(str::to_owned);
        let id = text("Id").unwrap_or_else(|| panic!("{kind} without an id: {document}"));
        let slug = text("Slug").or(text("Version")).unwrap_or_else(|| id.clone());
        self.things.insert(kind, Thing { id, slug });
    }

    /// One of everything, through the API.
    fn furnish(&mut self, server: &Server) {
        self.keep("spaces", &json!({ "Id": "Spaces-1", "Slug": "default" }));
        self.keep("lifecycles", &json!({ "Id": "Lifecycles-1", "Slug": "default-lifecycle" }));
        for name in ["Production", "Staging"] {
            let environment = self.make("environments", name);
            self.keep("environments", &environment);
        }
        for kind in ["projectgroups", "tagsets", "accounts", "projects"] {
            let made = self.make(kind, "");
            self.keep(kind, &made);
        }
        let process = format!("deploymentprocess-{}", self.things["projects"].id);
        self.keep("deploymentprocesses", &json!({ "Id": process }));
        for kind in ["channels", "tenants", "machines", "releases"] {
            let made = self.make(kind, "");
            self.keep(kind, &made);
        }
        let ids = |kind: &str| self.things[kind].id.clone();
        let deployment = json!({ "ReleaseId": ids("releases"), "EnvironmentId": ids("environments"), "TenantId": ids("tenants"),
            "Comments": self.mark });
        let deployment = self.post("/api/Spaces-1/deployments", deployment);
        let task = deployment["TaskId"].as_str().expect("a task").to_owned();
        self.keep("deployments", &deployment);
        self.keep("tasks", &json!({ "Id": task }));
        let runbook = self.make("runbooks", "");
        self.keep("runbooks", &runbook);
        self.keep("runbookprocesses", &json!({ "Id": runbook["RunbookProcessId"] }));
        self.keep("runbooksnapshots", &json!({ "Id": runbook["PublishedRunbookSnapshotId"] }));
        let run = json!({ "ProjectName": self.things["projects"].id, "RunbookName": runbook["Id"], "Comments": self.mark,
            "EnvironmentNames": [self.things["environments"].id], "Tenants": [self.things["tenants"].id] });
        let run =
            self.post("/api/Spaces-1/runbook-runs/create/v1", run)["RunbookRunServerTasks"][0]["RunbookRunId"].clone();
        self.keep("runbookruns", &json!({ "Id": run }));
        self.keep("users", &json!({ "Id": "Users-1" }));
        self.keep("userroles", &json!({ "Id": "UserRoles-1" }));
        for kind in
            ["teams", "scopeduserroles", "apikeys", "serviceaccounts", "oidcidentities", "invitations", "invited"]
        {
            let made = self.make(kind, "");
            self.keep(kind, &made);
        }
        // The oldest of the space: how many there are by now is a matter of moments.
        let events = self.administrator().key.get("/api/Spaces-1/events?take=2147483647").expect(200).json();
        let event = events["Items"].as_array().and_then(|all| all.last()).expect("an event").clone();
        self.keep("events", &event);
        let process = format!("/api/Spaces-1/projects/{}/deploymentprocesses", self.things["projects"].id);
        let process = self.administrator().key.get(&process).expect(200).json();
        self.keep("steps", &process["Steps"][0]);
        self.archive(server);
        self.rest(server);
    }

    /// An archive of the trail, as it is listed and read; only the tests of the trail have real ones.
    fn archive(&mut self, server: &Server) {
        let folder = server.data().join("companies").join(&self.company.slug).join("archive");
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(folder.join("2026-01-31.jsonl"), format!("{{\"Message\":\"{}\"}}\n", self.mark))
            .expect("an archive");
        let sql = "INSERT INTO tombstones (id, day, file, first, last, bytes, at, hash, digest, signature)
                   VALUES (1, '2026-01-31', '2026-01-31.jsonl', 1, 1, 20, 32503680000000, zeroblob(32), zeroblob(32), zeroblob(64))";
        self.file(server).execute(sql, ()).expect("a tombstone");
        self.keep("archives", &json!({ "Id": "1" }));
    }

    /// Waits until the engine has nothing to do, so that what changes afterwards was changed by a request.
    pub fn rest(&self, server: &Server) {
        let sql = self.file(server);
        let busy = "SELECT count(*) FROM tasks WHERE state IN ('Queued', 'Executing', 'Cancelling')";
        for _ in 0..600 {
            if sql.query_row(busy, (), |row| row.get::<_, i64>(0)).expect("tasks") == 0 {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("a task does not end");
    }

    /// Made by the administrator through the API.
    #[track_caller]
    pub fn post(&self, path: &str, body: Value) -> Value {
        let answer = self.administrator().key.post(path, body);
        assert!(matches!(answer.status, 200 | 201), "{answer}");
        answer.json()
    }

    /// A new thing of a kind, called `name` or by a name that is free.
    pub fn make(&self, kind: &str, name: &str) -> Value {
        let mark = self.mark;
        let sum: i64 = self.post_count(kind);
        let name = if name.is_empty() { format!("One {kind} {sum}") } else { name.to_owned() };
        let id = |kind: &str| self.things.get(kind).map(|thing| thing.id.clone());
        match kind {
            "runbooksnapshots" => {
                return self.post("/api/Spaces-1/runbookSnapshots", json!({ "RunbookId": id("runbooks") }));
            }
            // One that never begins, and has ended.
            "runbookruns" => {
                let runbook = format!("/api/Spaces-1/runbooks/{}", id("runbooks").unwrap_or_default());
                let runbook = self.administrator().key.get(&runbook).expect(200).json();
                let later = bulkhead::base::clock::Moment(bulkhead::base::clock::now().0 + 20 * 24 * 3_600_000);
                let run = json!({ "ProjectName": runbook["ProjectId"], "RunbookName": runbook["Id"],
                    "EnvironmentNames": [id("environments")], "RunAt": later.wire() });
                let made = self.post("/api/Spaces-1/runbook-runs/create/v1", run)["RunbookRunServerTasks"][0].clone();
                let task = made["ServerTaskId"].as_str().unwrap_or_default();
                self.post(&format!("/api/Spaces-1/tasks/{task}/cancel"), json!({}));
                return json!({ "Id": made["RunbookRunId"] });
            }
            "deployments" => {
                let later = bulkhead::base::clock::Moment(bulkhead::base::clock::now().0 + 20 * 24 * 3_600_000);
                // The first in the order, whatever that is by now.
                let first = self.administrator().key.get("/api/Spaces-1/environments?take=1").expect(200).json();
                let deployment = json!({ "ReleaseId": id("releases"), "EnvironmentId": first["Items"][0]["Id"], "QueueTime": later.wire() });
                let made = self.post("/api/Spaces-1/deployments", deployment);
                let task = made["TaskId"].as_str().unwrap_or_default();
                self.post(&format!("/api/Spaces-1/tasks/{task}/cancel"), json!({}));
                return json!({ "Id": made["Id"] });
            }
            _ => {}
        }
        // A team has a role once.
        let fresh_team = || match sum {
            0 => json!(id("teams")),
            _ => self.make("teams", "")["Id"].clone(),
        };
        let mut body = match kind {
            "projects" => json!({ "ProjectGroupId": id("projectgroups"), "LifecycleId": id("lifecycles"),
                "TenantedDeploymentMode": "TenantedOrUntenanted" }),
            "accounts" => {
                json!({ "AccountType": "UsernamePassword", "Username": mark, "Password": { "HasValue": true, "NewValue": mark } })
            }
            "machines" => {
                json!({ "EnvironmentIds": [id("environments")], "Roles": ["web"], "TenantedDeploymentParticipation": "TenantedOrUntenanted",
                "Endpoint": { "CommunicationStyle": "Ssh", "Host": format!("{}.invalid", mark.to_lowercase()), "Port": 22, "AccountId": id("accounts"),
                    "Fingerprint": "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" } })
            }
            "tagsets" => json!({ "Tags": [{ "Name": "Blue", "Color": "#112233", "Description": mark }] }),
            "channels" => json!({ "ProjectId": id("projects") }),
            "runbooks" => json!({ "ProjectId": id("projects"), "MultiTenancyMode": "TenantedOrUntenanted" }),
            "tenants" => {
                let projects = BTreeMap::from([(id("projects").unwrap_or_default(), vec![id("environments")])]);
                json!({ "ProjectEnvironments": projects })
            }
            "releases" => json!({ "ProjectId": id("projects"), "Version": format!("1.{sum}.0"), "ReleaseNotes": mark }),
            "spaces" => json!({ "SpaceManagersTeamMembers": ["Users-1"] }),
            "users" => {
                json!({ "Username": format!("user{sum}@example.com"), "DisplayName": mark, "EmailAddress": format!("user{sum}@example.com"),
                "Password": format!("a long password {sum}") })
            }
            "scopeduserroles" => {
                json!({ "TeamId": fresh_team(), "UserRoleId": "userroles-projectviewer", "SpaceId": "Spaces-1" })
            }
            "apikeys" => json!({ "Purpose": format!("{mark} {sum}") }),
            "serviceaccounts" => json!({ "Username": format!("robot{sum}"), "DisplayName": mark, "IsService": true }),
            "oidcidentities" => {
                json!({ "Issuer": "https://ci.example", "Subject": format!("repo:{}/{sum}", mark.to_lowercase()), "Audience": mark })
            }
            "invited" => {
                json!({ "DisplayName": mark, "EmailAddress": format!("invited{sum}@example.com"), "AddToTeamIds": [id("teams")] })
            }
            _ => json!({}),
        };
        if kind != "releases" {
            body["Name"] = json!(name);
        }
        if body["Description"].is_null() {
            body["Description"] = json!(mark);
        }
        let path = match kind {
            "spaces" | "users" | "teams" | "scopeduserroles" | "userroles" => format!("/api/{kind}"),
            "apikeys" => "/api/users/Users-1/apikeys".to_owned(),
            "serviceaccounts" => "/api/users".to_owned(),
            "oidcidentities" => {
                format!("/api/serviceaccounts/{}/oidcidentities/create/v1", id("serviceaccounts").unwrap_or_default())
            }
            "invitations" | "invited" => "/api/users/invitations".to_owned(),
            _ => format!("/api/Spaces-1/{kind}"),
        };
        let made = self.post(&path, body);
        if kind == "projects" {
            let own = format!("/api/Spaces-1/projects/{}/deploymentprocesses", made["Id"].as_str().unwrap_or_default());
            let mut process = self.administrator().key.get(&own).expect(200).json();
            process["Steps"] = json!([crate::support::cast::step("Greet", &format!("echo {mark}"))]);
            self.administrator().key.put(&own, process).expect(200);
        }
        if kind == "runbooks" {
            let (key, at) = (&self.administrator().key, made["Id"].as_str().unwrap_or_default());
            let own =
                format!("/api/Spaces-1/runbookProcesses/{}", made["RunbookProcessId"].as_str().unwrap_or_default());
            let mut process = key.get(&own).expect(200).json();
            process["Steps"] = json!([crate::support::cast::step("Greet", &format!("echo {mark}"))]);
            key.put(&own, process).expect(200);
            let snapshot = json!({ "RunbookId": at, "Notes": mark });
            key.post("/api/Spaces-1/runbookSnapshots?publish=true", snapshot).expect(201);
            return key.get(&format!("/api/Spaces-1/runbooks/{at}")).expect(200).json();
        }
        made
    }

    /// How many there have been, for names.
    fn post_count(&self, kind: &str) -> i64 {
        use std::sync::atomic::{AtomicI64, Ordering};
        static MADE: AtomicI64 = AtomicI64::new(0);
        // The first of each kind is called alike in both companies.
        if self.things.contains_key(kind) { 1 + MADE.fetch_add(1, Ordering::SeqCst) } else { 0 }
    }

    /// Every row of every table, as text, but for what a mere request may change: the trail, sessions, when somebody was
    /// last seen.
    pub fn contents(&self, server: &Server) -> BTreeMap<String, Vec<String>> {
        let sql = self.file(server);
        let names = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT IN ('events', 'trail_end', 'attempts', 'sessions', 'sqlite_sequence')
                     AND name NOT LIKE 'sqlite_stat%'";
        let mut names = sql.prepare(names).expect("tables");
        let tables: Vec<String> =
            names.query_map((), |row| row.get(0)).expect("tables").map(|name| name.expect("a name")).collect();
        tables.into_iter().map(|table| (table.clone(), rows(&sql, &table))).collect()
    }
}

fn rows(sql: &Connection, table: &str) -> Vec<String> {
    // Times of use, and the version that a sign-out raises.
    let passing = ["last_seen_at", "last_used_at", "access_version"];
    let mut statement = sql.prepare(&format!("SELECT * FROM {table}")).expect("a table");
    let columns: Vec<String> = statement.column_names().into_iter().map(str::to_owned).collect();
    let line = |row: &rusqlite::Row<'_>| {
        let value = |(place, name): (usize, &String)| {
            let value: rusqlite::types::Value = row.get(place).ok()?;
            (!passing.contains(&name.as_str())).then(|| format!("{name}={value:?}"))
        };
        Ok(columns.iter().enumerate().filter_map(value).collect::<Vec<_>>().join(" "))
    };
    let mut found: Vec<String> = statement.query_map((), line).expect("rows").map(|row| row.expect("a row")).collect();
    found.sort();
    found
}

/// A script that runs on the built-in worker.
pub fn step(name: &str, body: &str) -> Value {
    json!({ "Id": "", "Name": name, "Properties": {}, "Actions": [{ "Id": "", "Name": name, "ActionType": "Octopus.Script", "Properties": {
        "Octopus.Action.RunOnServer": "True", "Octopus.Action.Script.ScriptSource": "Inline",
        "Octopus.Action.Script.Syntax": "Bash", "Octopus.Action.Script.ScriptBody": body } }] })
}
