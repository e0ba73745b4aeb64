//! One tenant among fifty: what somebody is shown whose role is limited to it. Every page and every answer of the API is
//! read, with their own things, with other tenants' and with what lists and searches take; none may carry the name or the
//! id of another tenant, and none may differ when there are more of them: so that no count tells of them either.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    lasting::{Passing, lasting},
    rows::{Row, rows},
    surroundings,
};
use crate::support::{
    api::{Answer, Caller},
    cast::{Cast, House, Person, Thing},
};
use bulkhead::{
    company::{access::builtin, recipes::TENANT_PROJECT_DEPLOYER},
    http::table::Needs,
};
use serde_json::{Value, json};

/// What begins the name of every other tenant, and whatever is theirs; two figures follow.
pub(super) const STEM: &str = "qvorn";
/// The same for people, whom some of the visitors may see.
pub(super) const PEOPLE: &str = "vexil";
const OTHERS: usize = 49;
/// So many of them are there from the first.
const FIRST: usize = 9;
/// So many of each half have machines, deployments, teams and people of their own.
const BUSY: usize = 4;

/// Carla, one of the tenant's own people: she has the portal, may deploy, and may run runbooks for her tenant.
fn customer(cast: &mut Cast, tenant: &str) {
    let sql = cast.harbour.file(&cast.server);
    for permission in CUSTOMERS_RUNBOOKS {
        let more =
            "INSERT INTO role_permissions SELECT id, 'space', ?1 FROM user_roles WHERE builtin = 'tenantself-service'";
        sql.execute(more, [permission]).expect("a right");
    }
    let (email, password) = ("carla@example.com", "the long password of carla");
    let user = json!({ "Username": email, "DisplayName": "carla", "EmailAddress": email, "Password": password });
    cast.harbour.post("/api/users", user);
    cast.harbour.post(&format!("/api/Spaces-1/tenants/{tenant}/selfservice"), json!({ "EmailAddresses": [email] }));
    let told = cast.server.command(&["api-key", "create", "harbour", email, "--purpose", "tests"]).run();
    let key = Caller::with_key(&cast.harbour.company.base, told.expect_success().stdout.trim());
    let mut browser = cast.server.browser();
    browser.sign_in("harbour", email, password);
    cast.harbour.people.insert("carla", Person { key, browser });
}

pub(super) const CUSTOMERS_RUNBOOKS: [&str; 3] = ["RunbookView", "RunbookRunCreate", "RunbookRunView"];

pub(super) struct World {
    pub cast: Cast,
    /// What is another tenant's, by the word of the API.
    pub foreign: BTreeMap<&'static str, Thing>,
    pub own: String,
    made: usize,
}

/// Who looks: a name, what their role holds in the space and for the company, and whether they may see people.
pub(super) struct Looker {
    pub name: &'static str,
    pub space: BTreeSet<String>,
    system: BTreeSet<String>,
}

impl World {
    pub fn new() -> World {
        let mut cast = Cast::assemble();
        let own = cast.harbour.things["tenants"].id.clone();
        surroundings::surround(&cast.harbour, &own);
        let custom = {
            let sql = cast.harbour.file(&cast.server);
            sql.execute(
                "INSERT INTO user_roles (name, name_key) VALUES ('Tenant project deployer', 'tenant project deployer')",
                (),
            )
            .expect("a role");
            let id = sql.last_insert_rowid();
            for permission in TENANT_PROJECT_DEPLOYER.space {
                sql.execute("INSERT INTO role_permissions VALUES (?1, 'space', ?2)", (id, permission))
                    .expect("a right");
            }
            format!("UserRoles-{id}")
        };
        let limits = json!({ "TenantIds": [own] });
        cast.harbour.hire(&cast.server, "iris", Some(&custom), limits.clone());
        cast.harbour.hire(&cast.server, "otto", Some("userroles-projectdeployer"), limits);
        customer(&mut cast, &own);
        // What the lookers may open of kinds that the cast has elsewhere: a team of the space, an event about their tenant.
        let team = cast.harbour.post("/api/Spaces-1/teams", json!({ "Name": "The space's own" }))["Id"].clone();
        let role = json!({ "TeamId": team, "UserRoleId": "userroles-environmentviewer", "SpaceId": "Spaces-1" });
        let role = cast.harbour.post("/api/scopeduserroles", role)["Id"].clone();
        let events = format!("/api/Spaces-1/events?take=1000&tenants={own}");
        let events = cast.harbour.administrator().key.get(&events).expect(200).json();
        for (kind, id) in [("teams", team), ("scopeduserroles", role), ("events", events["Items"][0]["Id"].clone())] {
            let id = id.as_str().expect("an id").to_owned();
            cast.harbour.things.insert(kind, Thing { slug: id.clone(), id });
        }
        let mut world = World { cast, foreign: BTreeMap::new(), own, made: 0 };
        world.hire_by_hand();
        world.more(FIRST);
        world
    }

    pub fn house(&self) -> &House {
        &self.cast.harbour
    }

    /// More tenants, the first of them busy.
    fn more(&mut self, count: usize) {
        for place in 0..count {
            self.made += 1;
            self.tenant(self.made, place < BUSY);
        }
        self.house().rest(&self.cast.server);
        if !self.foreign.contains_key("events") {
            let events = format!("/api/Spaces-1/events?take=1000&tenants={}", self.foreign["tenants"].id);
            let events = self.house().administrator().key.get(&events).expect(200).json();
            let event = events["Items"][0]["Id"].as_str().expect("an event about the tenant").to_owned();
            self.foreign.insert("events", Thing { slug: event.clone(), id: event });
        }
    }

    fn tenant(&mut self, number: usize, busy: bool) {
        let house = &self.cast.harbour;
        let (mark, person) = (format!("Qvorn{number:02}"), format!("{PEOPLE}{number:02}"));
        let id = |kind: &str| house.things[kind].id.clone();
        let projects = json!({ id("projects"): [id("environments")] });
        let body = json!({ "Name": format!("{mark} Works"), "Description": format!("All about {mark}"),
            "ProjectEnvironments": projects, "TenantTags": ["One tagsets 0/Blue", surroundings::OTHERS_RING] });
        let made = house.post("/api/Spaces-1/tenants", body);
        let tenant = made["Id"].as_str().expect("an id").to_owned();
        let mut kept = vec![("tenants", tenant.clone())];
        if busy {
            let mut machine = house.make("machines", &format!("host-{mark}"));
            let path = format!("/api/Spaces-1/machines/{}", machine["Id"].as_str().expect("an id"));
            machine["TenantIds"] = json!([tenant]);
            machine["TenantedDeploymentParticipation"] = json!("Tenanted");
            machine["Roles"] = json!([format!("role-{mark}")]);
            machine["Endpoint"]["Host"] = json!(format!("{mark}.invalid"));
            let machine = house.administrator().key.put(&path, machine).expect(200).json();
            kept.push(("machines", machine["Id"].as_str().expect("an id").to_owned()));
            // One that serves the looker's tenant and this one.
            let mut shared = house.make("machines", &format!("shared {number}"));
            let path = format!("/api/Spaces-1/machines/{}", shared["Id"].as_str().expect("an id"));
            shared["TenantIds"] = json!([self.own, tenant]);
            shared["TenantedDeploymentParticipation"] = json!("Tenanted");
            if number <= FIRST {
                house.administrator().key.put(&path, shared).expect(200);
            } else {
                // A machine of one's own is no other's secret: only the first half has such, so that nothing changes.
                house.administrator().key.delete(&path, ()).expect(200);
            }
            // Its health check is about its tenant too.
            let check = json!({ "Name": "Health", "Arguments": { "MachineIds": [machine["Id"]] } });
            let check = house.post("/api/Spaces-1/tasks", check)["Id"].as_str().expect("a task").to_owned();
            kept.push(("checks", check));
            let deployment = json!({ "ReleaseId": id("releases"), "EnvironmentId": id("environments"), "TenantId": tenant,
                "Comments": format!("for {mark}") });
            let deployment = house.post("/api/Spaces-1/deployments", deployment);
            kept.push(("deployments", deployment["Id"].as_str().expect("an id").to_owned()));
            kept.push(("tasks", deployment["TaskId"].as_str().expect("a task").to_owned()));
            let run = json!({ "ProjectName": id("projects"), "RunbookName": id("runbooks"), "Tenants": [tenant],
                "EnvironmentNames": [id("environments")], "Comments": format!("for {mark}") });
            let run = house.post("/api/Spaces-1/runbook-runs/create/v1", run);
            let run = run["RunbookRunServerTasks"][0]["RunbookRunId"].as_str().expect("a run").to_owned();
            kept.push(("runbookruns", run));
            let email = format!("{person}@example.com");
            let user = json!({ "Username": email, "DisplayName": format!("Person {person}"), "EmailAddress": email,
                "Password": "a long password of theirs" });
            let user = house.post("/api/users", user)["Id"].as_str().expect("an id").to_owned();
            let team = json!({ "Name": format!("Watch {number}"), "MemberUserIds": [user] });
            let team = house.post("/api/teams", team)["Id"].as_str().expect("an id").to_owned();
            let role = json!({ "TeamId": team, "UserRoleId": "userroles-projectdeployer", "SpaceId": "Spaces-1",
                "TenantIds": [tenant] });
            let role = house.post("/api/scopeduserroles", role)["Id"].as_str().expect("an id").to_owned();
            let invited = json!({ "DisplayName": format!("Guest {person}"), "EmailAddress": format!("guest-{person}@example.com"),
                "AddToTeamIds": [team] });
            house.post("/api/users/invitations", invited);
            kept.extend([("users", user), ("teams", team), ("scopeduserroles", role)]);
        }
        for (kind, id) in kept {
            self.foreign.entry(kind).or_insert(Thing { slug: id.clone(), id });
        }
    }

    /// The same row with another tenant's things.
    pub fn with_foreign<T>(&mut self, work: impl FnOnce(&House) -> T) -> T {
        let own = self.cast.harbour.things.clone();
        self.cast.harbour.things.extend(self.foreign.clone());
        let answer = work(&self.cast.harbour);
        self.cast.harbour.things = own;
        answer
    }

    pub fn looker(&self, name: &'static str) -> Looker {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        if name == "iris" {
            // And what Everyone holds.
            return Looker { name, space: set(TENANT_PROJECT_DEPLOYER.space), system: set(&["SpaceView"]) };
        }
        if name == "hana" {
            return World::by_hand(name);
        }
        if name == "carla" {
            let mut looker = held_by(name, "Tenant Self-Service");
            looker.space.extend(set(&CUSTOMERS_RUNBOOKS));
            return looker;
        }
        held_by(name, "Project Deployer")
    }
}

/// Somebody with a built-in role.
pub(super) fn held_by(name: &'static str, role: &str) -> Looker {
    let held = |level: &str| -> BTreeSet<String> {
        let found = builtin::roles().find(|(one, at, _)| *one == role && *at == level);
        found.map(|(_, _, names)| names).unwrap_or_default().iter().map(|name| (*name).to_owned()).collect()
    };
    let looker = Looker { name, space: held("space"), system: held("system") };
    assert!(!looker.space.is_empty(), "{role} is a built-in role");
    looker
}

/// What everybody has of their own, whatever their role.
pub(super) fn is_own_matter(row: &Row) -> bool {
    matches!(row.door.needs, Needs::Public | Needs::Authenticated)
}

impl Looker {
    pub(super) fn holds(&self, row: &Row) -> bool {
        let Needs::Permission(name) = row.door.needs else { return true };
        let in_space = row.door.path.contains("{space}")
            || ["/{company}/tasks", "/{company}/trail"].iter().any(|path| row.door.path.starts_with(path));
        // The trail of the company as a whole is another matter.
        let held = self.system.contains(name) || (in_space && self.space.contains(name));
        // The review needs the right to see roles too.
        let review = row.door.path.contains("/access/review") && !self.system.contains("UserRoleView");
        held && !review && !row.door.path.contains("/proofs") && !row.door.path.contains("/archives")
    }
}

/// What lists and searches are asked with, besides nothing.
fn questions(foreign: &str) -> Vec<String> {
    vec![
        "skip=0&take=1000&format=csv&asCsv=true".into(),
        format!("q={STEM}&partialName={STEM}&name={STEM}&search={STEM}&filter={STEM}&text={STEM}"),
        format!("tenant={foreign}&tenants={foreign}&tenantId={foreign}&tenantIds={foreign}&ids={foreign}"),
        "categories=DeploymentQueued&category=DeploymentQueued&eventCategories=DeploymentQueued".into(),
        "state=enabled&tag=One+tagsets+0%2FBlue&tags=One+tagsets+0%2FBlue&skip=0&take=30".into(),
    ]
}

/// The names and ids of others in an answer that were not in the question.
fn traces(world: &World, looker: &Looker, asked: &str, answer: &Answer) -> Vec<String> {
    let text = (answer.text() + &format!("{:?}", answer.headers)).to_lowercase();
    let mut found = BTreeSet::new();
    for (at, _) in text.match_indices(STEM) {
        if text[at + STEM.len()..].starts_with(|c: char| c.is_ascii_digit()) {
            found.insert(text[at..at + STEM.len() + 2].to_owned());
        }
    }
    if !looker.system.contains("UserView") {
        for (at, _) in text.match_indices(PEOPLE) {
            found.insert(text[at..].chars().take(PEOPLE.len() + 2).collect());
        }
    }
    let own = world.own.to_lowercase();
    // Whoever may look at a team's roles is sent the ids back that a change must not lose; never a name. And the parts of
    // pages are shown with made-up customers.
    let keeps = ["/scopeduserroles", "/permissions", "/help/parts"];
    let beside = keeps.iter().any(|part| asked.contains(part));
    for (at, _) in text.match_indices("tenants-").filter(|_| !beside) {
        if text[..at].ends_with(|c: char| c == '-' || c.is_ascii_alphanumeric()) {
            continue;
        }
        let number: String = text[at + 8..].chars().take_while(char::is_ascii_digit).collect();
        let id = format!("tenants-{number}");
        if !number.is_empty() && id != own && !asked.to_lowercase().contains(&id) {
            found.insert(id);
        }
    }
    found.into_iter().collect()
}

fn ask(world: &World, who: &str, row: &Row, path: &str, body: Value) -> Answer {
    world.house().people[who].call("harbour", row.is_page(), &row.door.method, path, body)
}

pub(super) fn gets() -> Vec<Row> {
    rows().0.into_iter().filter(|row| row.door.method == "GET" && row.door.path.starts_with("/{company}")).collect()
}

/// Every address with its answer, and what was wrong with it.
pub(super) fn read_all(world: &mut World, looker: &Looker) -> (BTreeMap<String, Answer>, Vec<String>) {
    let foreign_tenant = world.foreign["tenants"].id.clone();
    let (mut answers, mut findings) = (BTreeMap::new(), Vec::new());
    for row in gets() {
        let own = row.path(world.house());
        let others = world.with_foreign(|house| row.path(house));
        let mut paths = vec![own.clone()];
        let joint = if own.contains('?') { '&' } else { '?' };
        paths.extend(questions(&foreign_tenant).into_iter().map(|question| format!("{own}{joint}{question}")));
        if others != own {
            paths.push(others);
        }
        for path in paths {
            let answer = ask(world, looker.name, &row, &path, Value::Null);
            assert!(answer.status < 500, "{answer}");
            let found = traces(world, looker, &path, &answer);
            if !found.is_empty() {
                findings.push(format!("{} {path} ({}): {}", row.name(), looker.name, found.join(", ")));
            }
            let opened = matches!(answer.status, 200 | 303);
            // What the role holds must have been read, or nothing is shown by what was not found in it.
            if path == own && looker.holds(&row) && !is_own_matter(&row) && !opened {
                findings.push(format!("{} {path} ({}): not read: {}", row.name(), looker.name, answer.status));
            }
            answers.insert(format!("{} {path}", if row.is_page() { "page" } else { "api" }), answer);
        }
    }
    (answers, findings)
}

/// The number that a thing is sorted by is the thing's own, and changes when somebody puts others before it.
const PASSING: [Passing; 1] = [("\"SortOrder\":", ",", "others are put before it")];

/// What answers say otherwise than before.
pub(super) fn differences(before: &BTreeMap<String, Answer>, after: &BTreeMap<String, Answer>) -> Vec<String> {
    let mut findings = Vec::new();
    for (path, answer) in before {
        let (before, after) = (lasting(answer, &PASSING), lasting(&after[path], &PASSING));
        if before != after && !passes(path) {
            let at = before.bytes().zip(after.bytes()).take_while(|(a, b)| a == b).count();
            let around = |text: &str| {
                let bytes = &text.as_bytes()[at.saturating_sub(120).min(text.len())..(at + 80).min(text.len())];
                String::from_utf8_lossy(bytes).replace('\n', " ")
            };
            findings.push(format!("{path} tells of more:\n  {}\n  {}", around(&before), around(&after)));
        }
    }
    findings
}

/// A change of what is another's: it is not made, and the refusal names nobody.
fn try_all(world: &mut World, looker: &Looker) -> Vec<String> {
    let mut findings = Vec::new();
    let changes =
        rows().0.into_iter().filter(|row| row.door.method != "GET" && row.door.path.starts_with("/{company}"));
    let names_things = |row: &Row| row.parameters().iter().any(|(name, _)| !matches!(*name, "session" | "factor"));
    for row in changes.filter(|row| row.door.needs != Needs::Public && names_things(row)) {
        // What is made for a row alone belongs to nobody yet; here it is another tenant's or nothing.
        let (path, body) = world.with_foreign(|house| {
            let row = Row { with: json!({}), ..row.clone() };
            (row.path_of_present(house), row.body(house))
        });
        let answer = ask(world, looker.name, &row, &path, body);
        assert!(answer.status < 500, "{answer}");
        let found = traces(world, looker, &path, &answer);
        if !found.is_empty() {
            findings.push(format!("{} {path} ({}): {}", row.name(), looker.name, found.join(", ")));
        }
    }
    findings
}

#[test]
fn one_tenant_among_fifty_is_all_one_sees() {
    let mut world = World::new();
    let mut findings = Vec::new();
    let mut before: BTreeMap<&str, BTreeMap<String, Answer>> = BTreeMap::new();
    for (name, least) in [("iris", 40), ("otto", 40), ("carla", 15), ("hana", 20)] {
        let looker = world.looker(name);
        let (answers, found) = read_all(&mut world, &looker);
        findings.extend(found);
        // Their own tenant is there, so that the search could find something.
        let own: Vec<&String> = answers
            .iter()
            .filter(|(_, answer)| answer.text().contains("One tenants 0"))
            .map(|(path, _)| path)
            .collect();
        assert!(own.len() > least, "{name} finds the own tenant only in {own:?}");
        let check = format!("/api/Spaces-1/tasks/{}", world.foreign["checks"].id);
        world.house().people[name].key.get(&check).expect(404);
        before.insert(name, answers);
    }
    // The portal shows what her tenant ran, with the button for it.
    let home = world.house().people["carla"].browser.get(&format!("/harbour/portal/{}", world.own)).expect(200).text();
    assert!(home.contains("One runbooks 0") && home.contains("Run in Staging"), "{home}");
    assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n"));

    // Forty more, with all that is theirs: nothing that is shown may tell of it, no count and no picker.
    world.more(OTHERS - FIRST);
    for name in ["iris", "carla"] {
        let looker = world.looker(name);
        let (after, found) = read_all(&mut world, &looker);
        findings.extend(found);
        findings.extend(differences(&before[name], &after));
    }
    for name in ["iris", "otto", "carla", "hana"] {
        let looker = world.looker(name);
        findings.extend(try_all(&mut world, &looker));
    }
    assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n"));
}

/// What changes by being looked at: when one was last seen, and the trail, which tells of what was refused meanwhile. Of the
/// trail, one category is compared.
fn passes(path: &str) -> bool {
    let trail = ["/events", "/trail"].iter().any(|trail| path.contains(trail)) && !path.contains("=DeploymentQueued");
    trail || ["/me", "/users/me"].iter().any(|own| path.contains(own))
}
