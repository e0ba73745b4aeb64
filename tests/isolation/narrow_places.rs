//! One environment among many, one project among many, one project group among many: what somebody is shown whose role is
//! limited to it. As `narrow.rs` does for one tenant: every page and every answer of the API is read, with their own
//! things, with others' and with what lists and searches take; none may carry another's name or id, and none may differ
//! when there are more of them.
//!
//! What the rules let through (`access-rules`) is not called after the others, so that it is no finding:
//! - §3 step 2, a limit that a permission does not honour is dropped: who is limited to a project sees every project
//!   group, environment, tenant and machine; who is limited to an environment sees every project, its releases and its
//!   runbooks; everybody sees lifecycles (§4: no dimension).
//! - §4, lifecycles have no dimension, and §3 step 2, runbooks are not limited by environments: who may see one is told the
//!   ids of all its environments, as above and for the same reason; their names are for who may see them.
//! - §4, what is made, and what is of no environment or group, is beyond who is limited: their forms are refused.
//! - §4, a thing with several values is seen by who may see any one of them: a machine or an account that serves the own
//!   environment and another one is told whole, as ids and not by names, because a change must not lose what is not seen.
//! - §8, who may see teams is told what their roles are limited to, as ids: names are for who may see the thing.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    narrow::{Looker, PEOPLE, STEM, differences, gets, held_by, is_own_matter},
    rows::{Row, rows},
};
use crate::support::{
    api::Answer,
    cast::{Cast, House, Thing, step},
};
use bulkhead::http::table::Needs;
use serde_json::{Value, json};

/// Of what the lookers see one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum What {
    Environment,
    Project,
    Group,
}

/// So many others are there from the first, and in the end.
const FIRST: usize = 5;
const OTHERS: usize = 30;
/// So many of each half have deployments, machines, runbooks and teams of their own.
const BUSY: usize = 2;

struct World {
    what: What,
    cast: Cast,
    /// What is another's, by the word of the API.
    foreign: BTreeMap<&'static str, Thing>,
    made: usize,
}

fn id(value: &Value) -> String {
    value["Id"].as_str().unwrap_or_else(|| panic!("no id in {value}")).to_owned()
}

impl World {
    fn new(what: What) -> World {
        let mut cast = Cast::assemble();
        let own = |kind: &str| cast.harbour.things[kind].id.clone();
        let limits = match what {
            What::Environment => json!({ "EnvironmentIds": [own("environments")] }),
            What::Project => json!({ "ProjectIds": [own("projects")] }),
            What::Group => json!({ "ProjectGroupIds": [own("projectgroups")] }),
        };
        cast.harbour.hire(&cast.server, "iris", Some("userroles-projectdeployer"), limits.clone());
        cast.harbour.hire(&cast.server, "otto", Some("userroles-spacemanager"), limits);
        // What the lookers may open of kinds that the cast has elsewhere.
        let team = id(&cast.harbour.post("/api/Spaces-1/teams", json!({ "Name": "The space's own" })));
        let role = json!({ "TeamId": team, "UserRoleId": "userroles-environmentviewer", "SpaceId": "Spaces-1" });
        let role = id(&cast.harbour.post("/api/scopeduserroles", role));
        let about = match what {
            What::Environment => format!("environments={}", cast.harbour.things["environments"].id),
            _ => format!("projects={}", cast.harbour.things["projects"].id),
        };
        let event = newest_event(&cast.harbour, &about);
        for (kind, id) in [("teams", team), ("scopeduserroles", role), ("events", event)] {
            cast.harbour.things.insert(kind, Thing { slug: id.clone(), id });
        }
        let mut world = World { what, cast, foreign: BTreeMap::new(), made: 0 };
        if what == What::Environment {
            // A lifecycle that names environments, and a release that waits for others than the own one.
            let phases = json!([{ "Name": "Anywhere", "OptionalDeploymentTargets": [world.own("environments")] }]);
            let named = world.house().post("/api/Spaces-1/lifecycles", json!({ "Name": "By name", "Phases": phases }));
            let release = world.house().make("releases", "");
            world.keep("lifecycles", &named);
            world.keep("releases", &release);
        }
        world.more(FIRST);
        world
    }

    fn house(&self) -> &House {
        &self.cast.harbour
    }

    fn own(&self, kind: &str) -> String {
        self.cast.harbour.things[kind].id.clone()
    }

    fn keep(&mut self, kind: &'static str, document: &Value) {
        let slug = document["Slug"].as_str().or(document["Version"].as_str()).expect("a slug").to_owned();
        self.cast.harbour.things.insert(kind, Thing { slug, id: id(document) });
    }

    /// The project follows the lifecycle that names the environments, or the default one, where each is a phase: those of
    /// others first.
    fn follow(&self, by_name: bool) {
        if self.what != What::Environment {
            return;
        }
        self.change(&format!("/api/Spaces-1/projects/{}", self.own("projects")), |project| {
            project["LifecycleId"] = if by_name { json!(self.own("lifecycles")) } else { json!("Lifecycles-1") };
        });
        let key = &self.house().administrator().key;
        let all = key.get("/api/Spaces-1/environments/all").expect(200).json();
        let mut order: Vec<String> = all.as_array().expect("a list").iter().map(id).collect();
        order.sort_by_key(|id| *id == self.own("environments"));
        key.put("/api/Spaces-1/environments/sortorder", json!(order)).expect(200);
    }

    fn more(&mut self, count: usize) {
        self.follow(true);
        for place in 0..count {
            self.made += 1;
            let (mark, busy) = (format!("Qvorn{:02}", self.made), place < BUSY);
            let kept = match self.what {
                What::Environment => self.environment(&mark, busy),
                _ => self.project(&mark, busy),
            };
            for (kind, id) in kept {
                self.foreign.entry(kind).or_insert(Thing { slug: id.clone(), id });
            }
        }
        self.house().rest(&self.cast.server);
        self.follow(false);
        if !self.foreign.contains_key("events") {
            let about = match self.what {
                What::Environment => format!("environments={}", self.foreign["environments"].id),
                _ => format!("projects={}", self.foreign["projects"].id),
            };
            let event = newest_event(self.house(), &about);
            self.foreign.insert("events", Thing { slug: event.clone(), id: event });
        }
    }

    /// Gets what stands at an address, changes it and puts it back.
    fn change(&self, path: &str, change: impl FnOnce(&mut Value)) {
        let key = &self.house().administrator().key;
        let mut body = key.get(path).expect(200).json();
        change(&mut body);
        key.put(path, body).expect(200);
    }

    fn deployment(&self, release: &str, environment: &str, mark: &str, kept: &mut Vec<(&'static str, String)>) {
        let body = json!({ "ReleaseId": release, "EnvironmentId": environment, "TenantId": self.own("tenants"),
            "Comments": format!("for {mark}") });
        let made = self.house().post("/api/Spaces-1/deployments", body);
        kept.push(("tasks", made["TaskId"].as_str().expect("a task").to_owned()));
        kept.push(("deployments", id(&made)));
    }

    fn run(&self, project: &str, runbook: &str, environment: &str, mark: &str, kept: &mut Vec<(&'static str, String)>) {
        let body = json!({ "ProjectName": project, "RunbookName": runbook, "EnvironmentNames": [environment],
            "Tenants": [self.own("tenants")], "Comments": format!("for {mark}") });
        let made = self.house().post("/api/Spaces-1/runbook-runs/create/v1", body);
        let run = made["RunbookRunServerTasks"][0]["RunbookRunId"].as_str().expect("a run").to_owned();
        kept.push(("runbookruns", run));
    }

    /// A team with a role for it. Teams are seen by who may see teams, so they are there from the first.
    fn watched(&self, limits: Value, kept: &mut Vec<(&'static str, String)>) {
        if self.made > FIRST {
            return;
        }
        let team = json!({ "Name": format!("Watch {}", self.made) });
        let team = id(&self.house().post("/api/teams", team));
        let mut role = limits;
        role["TeamId"] = json!(team);
        role["UserRoleId"] = json!("userroles-projectdeployer");
        role["SpaceId"] = json!("Spaces-1");
        kept.push(("scopeduserroles", id(&self.house().post("/api/scopeduserroles", role))));
        kept.push(("teams", team));
    }

    /// Another environment: in the lifecycle and connected as the own one is.
    fn environment(&self, mark: &str, busy: bool) -> Vec<(&'static str, String)> {
        let house = self.house();
        let body = json!({ "Name": format!("{mark} Stage"), "Description": format!("All about {mark}") });
        let environment = id(&house.post("/api/Spaces-1/environments", body));
        let (own, project) = (self.own("environments"), self.own("projects"));
        let mut kept = vec![("environments", environment.clone())];
        let place = json!(environment);
        let list = |value: &mut Value, place: &Value| value.as_array_mut().expect("a list").push(place.clone());
        self.change(&format!("/api/Spaces-1/lifecycles/{}", self.own("lifecycles")), |lifecycle| {
            list(&mut lifecycle["Phases"][0]["OptionalDeploymentTargets"], &place);
        });
        self.change(&format!("/api/Spaces-1/tenants/{}", self.own("tenants")), |tenant| {
            list(&mut tenant["ProjectEnvironments"][&project], &place);
        });
        if !busy {
            return kept;
        }
        let machine = id(&house.make("machines", &format!("host-{mark}")));
        let path = format!("/api/Spaces-1/machines/{machine}");
        self.change(&path, |machine| {
            machine["EnvironmentIds"] = json!([environment]);
            machine["Roles"] = json!([format!("role-{mark}")]);
            machine["Endpoint"]["Host"] = json!(format!("{mark}.invalid"));
        });
        let check = json!({ "Name": "Health", "Arguments": { "MachineIds": [machine] } });
        kept.push(("checks", id(&house.post("/api/Spaces-1/tasks", check))));
        kept.push(("machines", machine));
        let account = id(&house.make("accounts", &format!("account {mark}")));
        let path = format!("/api/Spaces-1/accounts/{account}");
        self.change(&path, |account| account["EnvironmentIds"] = json!([environment]));
        kept.push(("accounts", account));
        // What serves both is seen (§4), and is there from the first, so that nothing changes.
        if self.made <= FIRST {
            for (kind, name) in [("machines", "shared machine"), ("accounts", "shared account")] {
                let both = id(&house.make(kind, &format!("{name} {}", self.made)));
                let path = format!("/api/Spaces-1/{kind}/{both}");
                self.change(&path, |thing| thing["EnvironmentIds"] = json!([own, environment]));
            }
            let both = house.make("runbooks", &format!("Shared runbook {}", self.made));
            self.change(&format!("/api/Spaces-1/runbooks/{}", id(&both)), |runbook| {
                runbook["EnvironmentScope"] = json!("Specified");
                runbook["Environments"] = json!([own, environment]);
            });
        }
        self.deployment(&self.own("releases"), &environment, mark, &mut kept);
        self.run(&project, &self.own("runbooks"), &environment, mark, &mut kept);
        self.watched(json!({ "EnvironmentIds": [environment] }), &mut kept);
        kept
    }

    /// What the rules refuse to who holds the permission within these limits (§4: nothing new is inside a limit, and what
    /// is unrestricted needs an unrestricted grant).
    fn is_beyond(&self, row: &Row) -> bool {
        let beyond: &[&str] = match self.what {
            What::Environment => &["/environments/new", "/accounts/{account}/edit"],
            What::Project => &[],
            What::Group => &["/project-groups/new"],
        };
        beyond.iter().any(|end| row.door.path.ends_with(end))
    }

    /// Another project: in the group of the own one, or in a group of its own.
    fn project(&self, mark: &str, busy: bool) -> Vec<(&'static str, String)> {
        let house = self.house();
        let environment = self.own("environments");
        let mut kept = Vec::new();
        let group = if self.what == What::Group {
            let body = json!({ "Name": format!("{mark} Group"), "Description": format!("All about {mark}") });
            let group = id(&house.post("/api/Spaces-1/projectgroups", body));
            kept.push(("projectgroups", group.clone()));
            group
        } else {
            self.own("projectgroups")
        };
        let body = json!({ "Name": format!("{mark} Shop"), "Description": format!("All about {mark}"),
            "ProjectGroupId": group, "LifecycleId": self.own("lifecycles"), "TenantedDeploymentMode": "TenantedOrUntenanted" });
        let project = id(&house.post("/api/Spaces-1/projects", body));
        kept.push(("projects", project.clone()));
        self.change(&format!("/api/Spaces-1/tenants/{}", self.own("tenants")), |tenant| {
            tenant["ProjectEnvironments"][&project] = json!([environment]);
        });
        if !busy {
            return kept;
        }
        let process = format!("/api/Spaces-1/projects/{project}/deploymentprocesses");
        self.change(&process, |process| {
            process["Steps"] = json!([step(&format!("Step {mark}"), &format!("echo {mark}"))]);
        });
        kept.push(("deploymentprocesses", format!("deploymentprocess-{project}")));
        let channel = json!({ "ProjectId": project, "Name": format!("Channel {mark}") });
        kept.push(("channels", id(&house.post("/api/Spaces-1/channels", channel))));
        let release = json!({ "ProjectId": project, "Version": format!("1.0.0-{}", mark.to_lowercase()),
            "ReleaseNotes": format!("All about {mark}") });
        let release = id(&house.post("/api/Spaces-1/releases", release));
        self.deployment(&release, &environment, mark, &mut kept);
        kept.push(("releases", release));
        let runbook = json!({ "ProjectId": project, "Name": format!("Runbook {mark}"), "MultiTenancyMode": "TenantedOrUntenanted" });
        let runbook = house.post("/api/Spaces-1/runbooks", runbook);
        let process = runbook["RunbookProcessId"].as_str().expect("an id").to_owned();
        self.change(&format!("/api/Spaces-1/runbookProcesses/{process}"), |process| {
            process["Steps"] = json!([step(&format!("Step {mark}"), &format!("echo {mark}"))]);
        });
        let snapshot = json!({ "RunbookId": id(&runbook), "Name": format!("Snapshot {mark}"), "Notes": mark });
        kept.push(("runbooksnapshots", id(&house.post("/api/Spaces-1/runbookSnapshots?publish=true", snapshot))));
        self.run(&project, &id(&runbook), &environment, mark, &mut kept);
        kept.push(("runbooks", id(&runbook)));
        kept.push(("runbookprocesses", process));
        let limits = match self.what {
            What::Group => json!({ "ProjectGroupIds": [group] }),
            _ => json!({ "ProjectIds": [project] }),
        };
        self.watched(limits, &mut kept);
        kept
    }

    /// The same row with another's things.
    fn with_foreign<T>(&mut self, work: impl FnOnce(&House) -> T) -> T {
        let own = self.cast.harbour.things.clone();
        self.cast.harbour.things.extend(self.foreign.clone());
        let answer = work(&self.cast.harbour);
        self.cast.harbour.things = own;
        answer
    }

    /// Prefixes of ids of which the lookers see one, each with that one.
    fn guarded(&self) -> Vec<(&'static str, String)> {
        let of = |prefix, kind: &str| (prefix, self.own(kind).to_lowercase());
        match self.what {
            What::Environment => vec![of("environments-", "environments")],
            What::Project => vec![of("projects-", "projects")],
            What::Group => vec![of("projects-", "projects"), of("projectgroups-", "projectgroups")],
        }
    }

    /// What lists and searches are asked with, besides nothing.
    fn questions(&self) -> Vec<String> {
        let asked = |names: [&str; 5], id: &str| names.map(|name| format!("{name}={id}")).join("&");
        let of = |kind: &str| self.foreign[kind].id.clone();
        let foreign = match self.what {
            What::Environment => {
                let names = ["environment", "environments", "environmentId", "environmentIds", "ids"];
                asked(names, &of("environments"))
            }
            What::Project => asked(["project", "projects", "projectId", "projectIds", "ids"], &of("projects")),
            What::Group => {
                let names = ["group", "groups", "projectGroupId", "projectGroupIds", "ids"];
                asked(names, &of("projectgroups"))
            }
        };
        vec![
            "skip=0&take=1000&format=csv&asCsv=true".into(),
            format!("q={STEM}&partialName={STEM}&name={STEM}&search={STEM}&filter={STEM}&text={STEM}"),
            foreign,
            "categories=DeploymentQueued&category=DeploymentQueued&eventCategories=DeploymentQueued".into(),
        ]
    }
}

/// The newest event about something, as an id.
fn newest_event(house: &House, about: &str) -> String {
    let events = house.administrator().key.get(&format!("/api/Spaces-1/events?take=1000&{about}")).expect(200).json();
    id(&events["Items"][0])
}

/// The names and ids of others in an answer that were not in the question.
fn traces(world: &World, asked: &str, answer: &Answer) -> Vec<String> {
    let text = (answer.text() + &format!("{:?}", answer.headers)).to_lowercase();
    let asked = asked.to_lowercase();
    let mut found = BTreeSet::new();
    for (at, _) in text.match_indices(STEM) {
        if text[at + STEM.len()..].starts_with(|c: char| c.is_ascii_digit()) {
            found.insert(text[at..at + STEM.len() + 2].to_owned());
        }
    }
    assert!(!text.contains(PEOPLE), "nobody here is called so");
    // Told whole, without names (see the head of this file); and the parts of pages are shown with made-up things.
    let whole = ["/machines", "/accounts", "/scopeduserroles", "/permissions", "/help/parts"];
    let of_environments = world.what == What::Environment && tells_places(&asked);
    let beside = of_environments || whole.iter().any(|part| asked.contains(part));
    for (prefix, own) in world.guarded() {
        for (at, _) in text.match_indices(prefix).filter(|_| !beside) {
            if text[..at].ends_with(|c: char| c == '-' || c.is_ascii_alphanumeric()) {
                continue;
            }
            let number: String = text[at + prefix.len()..].chars().take_while(char::is_ascii_digit).collect();
            let id = format!("{prefix}{number}");
            if !number.is_empty() && id != own && !asked.contains(&id) {
                found.insert(id);
            }
        }
    }
    found.into_iter().collect()
}

/// Answers of the API that tell the environments of lifecycles and runbooks, as ids.
fn tells_places(asked: &str) -> bool {
    asked.contains("/api/") && (asked.contains("/lifecycles") || asked.contains("/runbooks"))
}

fn ask(world: &World, who: &str, row: &Row, path: &str, body: Value) -> Answer {
    world.house().people[who].call("harbour", row.is_page(), &row.door.method, path, body)
}

/// Every address with its answer, and what was wrong with it.
fn read_all(world: &mut World, looker: &Looker) -> (BTreeMap<String, Answer>, Vec<String>) {
    let (mut answers, mut findings) = (BTreeMap::new(), Vec::new());
    let questions = world.questions();
    for row in gets() {
        let own = row.path(world.house());
        let others = world.with_foreign(|house| row.path(house));
        let joint = if own.contains('?') { '&' } else { '?' };
        let mut paths = vec![own.clone()];
        paths.extend(questions.iter().map(|question| format!("{own}{joint}{question}")));
        if others != own {
            paths.push(others);
        }
        for path in paths {
            let answer = ask(world, looker.name, &row, &path, Value::Null);
            assert!(answer.status < 500, "{answer}");
            let found = traces(world, &path, &answer);
            if !found.is_empty() {
                findings.push(format!("{} {path} ({}): {}", row.name(), looker.name, found.join(", ")));
            }
            let opened = matches!(answer.status, 200 | 303);
            // What the role holds must have been read, or nothing is shown by what was not found in it.
            if path == own && looker.holds(&row) && !is_own_matter(&row) && !world.is_beyond(&row) && !opened {
                findings.push(format!("{} {path} ({}): not read: {}", row.name(), looker.name, answer.status));
            }
            answers.insert(format!("{} {path}", if row.is_page() { "page" } else { "api" }), answer);
        }
    }
    (answers, findings)
}

/// A change of what is another's: it is not made, and the refusal names nobody.
fn try_all(world: &mut World, who: &str) -> Vec<String> {
    let mut findings = Vec::new();
    let changes =
        rows().0.into_iter().filter(|row| row.door.method != "GET" && row.door.path.starts_with("/{company}"));
    for row in changes.filter(|row| row.door.needs != Needs::Public) {
        let (path, body) = world.with_foreign(|house| {
            let row = Row { with: json!({}), ..row.clone() };
            (row.path_of_present(house), row.body(house))
        });
        // Only what names another's things.
        if !world.foreign.values().any(|thing| path.contains(&thing.id)) {
            continue;
        }
        let answer = ask(world, who, &row, &path, body);
        assert!(answer.status < 500, "{answer}");
        let found = traces(world, &path, &answer);
        if !found.is_empty() {
            findings.push(format!("{} {path} ({who}): {}", row.name(), found.join(", ")));
        }
    }
    findings
}

fn one_among_many(what: What) {
    let mut world = World::new(what);
    let mut findings = Vec::new();
    let mut before = BTreeMap::new();
    let own = match what {
        What::Environment => "Staging",
        What::Project => "One projects 0",
        What::Group => "One projectgroups 0",
    };
    for (name, role) in [("iris", "Project Deployer"), ("otto", "Space Manager")] {
        let looker = held_by(name, role);
        let (answers, found) = read_all(&mut world, &looker);
        findings.extend(found);
        let seen = answers.values().filter(|answer| answer.text().contains(own)).count();
        assert!(seen > 40, "{name} finds {own} only {seen} times: the test looks past the contents");
        if name == "iris" {
            before = answers;
        }
    }
    if what == What::Environment {
        // The page before the button says that something comes first, and not what.
        let release = format!("/harbour/default/projects/{}/releases", world.house().things["projects"].slug);
        let release = format!("{release}/{}/deployments/new", world.house().things["releases"].slug);
        let page = world.house().people["iris"].browser.get(&release).expect(200).text();
        assert!(page.contains("others that you may not see first"), "{page}");
    }
    world.more(OTHERS - FIRST);
    let (after, found) = read_all(&mut world, &held_by("iris", "Project Deployer"));
    findings.extend(found);
    let mut before = before;
    before.retain(|path, _| what != What::Environment || !tells_places(&path.to_lowercase()));
    findings.extend(differences(&before, &after));
    findings.extend(try_all(&mut world, "iris"));
    findings.extend(try_all(&mut world, "otto"));
    assert!(findings.is_empty(), "{what:?}: {} findings:\n{}", findings.len(), findings.join("\n"));
}

#[test]
fn one_environment_among_many_is_all_one_sees() {
    one_among_many(What::Environment);
}

#[test]
fn one_project_among_many_is_all_one_sees() {
    one_among_many(What::Project);
}

#[test]
fn one_project_group_among_many_is_all_one_sees() {
    one_among_many(What::Group);
}
