//! The bystander: somebody limited to one tenant, while something happens to others. Whatever it is, no byte of what they
//! can ask for changes: every GET of pages and API, by the table of routes, as three people whose access is one tenant:
//! by a custom role, by a self-service team made by hand, and by one made in one step (findings B3–B6).
//!
//! Only what passes by itself is taken out before two answers are compared; [`lasting`], [`PASSING`] and [`is_told_of_oneself`]
//! say what and why.

use super::{
    lasting::{Passing, lasting},
    narrow::{World, gets},
    rows::Row,
    surroundings::{self, OTHERS_RING},
};
use crate::support::cast::House;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const WHO: [&str; 3] = ["iris", "hana", "carla"];

/// What passes by itself here, beside what does so in every answer.
const PASSING: [Passing; 2] =
    [("\"LastSeen\":", ",", "to ask is to be seen"), ("\"Duration\":", ",", "how long what still waits has waited")];

/// What tells of what the asker did themselves: to be refused is told in the trail, of which they read their tenant's part,
/// and each look is a use of their session. The trail's other parts are asked for by category.
fn is_told_of_oneself(path: &str) -> bool {
    let trail = ["/events", "/trail"].iter().any(|trail| path.contains(trail)) && !path.contains("=DeploymentQueued");
    trail || path.starts_with("/me") || path.contains("/users/me")
}

/// The addresses of a row: with the own things, with another tenant's, and as lists are asked.
fn addresses(world: &mut World, row: &Row) -> Vec<String> {
    let own = row.path(world.house());
    let others = world.with_foreign(|house| row.path(house));
    let joint = if own.contains('?') { '&' } else { '?' };
    let mut all = vec![
        format!("{own}{joint}take=1000&categories=DeploymentQueued&category=DeploymentQueued"),
        format!("{own}{joint}tenant={0}&tenants={0}&tenantIds={0}", world.foreign["tenants"].id),
    ];
    if others != own {
        all.push(others);
    }
    all.push(own);
    all
}

type Seen = BTreeMap<(&'static str, String), String>;

fn look(world: &mut World) -> Seen {
    let mut seen = Seen::new();
    for row in gets() {
        for path in addresses(world, &row).into_iter().filter(|path| !is_told_of_oneself(path)) {
            for who in WHO {
                let person = &world.house().people[who];
                let answer = person.call("harbour", row.is_page(), "GET", &path, Value::Null);
                assert!(answer.status < 500, "{answer}");
                let face = if row.is_page() { "page" } else { "api" };
                seen.insert((who, format!("{face} {path}")), lasting(&answer, &PASSING));
            }
        }
    }
    seen
}

fn compare(what: &str, before: &Seen, after: &Seen) -> Vec<String> {
    let mut findings = Vec::new();
    for ((who, path), text) in before {
        let now = &after[&(*who, path.clone())];
        if now != text {
            let at = text.bytes().zip(now.bytes()).take_while(|(a, b)| a == b).count();
            let around = |text: &str| {
                let bytes = &text.as_bytes()[at.saturating_sub(120).min(text.len())..(at + 80).min(text.len())];
                String::from_utf8_lossy(bytes).replace('\n', " ")
            };
            findings.push(format!("{what}: {path} tells {who}:\n  {}\n  {}", around(text), around(now)));
        }
    }
    findings
}

/// The stage: the newest release has been nowhere, for anybody.
struct Stage {
    release: String,
    staging: String,
    production: String,
    tenant: String,
}

fn deploy(house: &House, stage: &Stage, environment: &str, tenant: Option<&str>) -> String {
    let body =
        json!({ "ReleaseId": stage.release, "EnvironmentId": environment, "TenantId": tenant, "Comments": "Qvorn" });
    house.post("/api/Spaces-1/deployments", body)["TaskId"].as_str().expect("a task").to_owned()
}

/// The same, but it waits for its time, and then stands as it is told.
fn stand(world: &World, stage: &Stage, tenant: Option<&str>, state: &str) {
    let later = bulkhead::base::clock::Moment(bulkhead::base::clock::now().0 + 20 * 24 * 3_600_000);
    let body = json!({ "ReleaseId": stage.release, "EnvironmentId": stage.staging, "TenantId": tenant, "RunAt": later.wire() });
    let task = world.house().post("/api/Spaces-1/deployments", body);
    let task = task["TaskId"].as_str().expect("a task").rsplit('-').next().expect("a number").to_owned();
    let sql = world.house().file(&world.cast.server);
    let put =
        "UPDATE tasks SET state = ?2, lease_owner = 'a test', lease_until = 32503680000000, started_at = queued_at,
               error = 'Qvorn', exclusive_key = exclusive_key || id WHERE id = ?1";
    sql.execute(put, (task, state)).expect("a state");
}

/// One of the things that happen.
type Happening = fn(&mut World, &Stage);

const HAPPENINGS: [(&str, Happening); 6] = [
    ("another tenant's deployments, and one for no tenant, wait, run and fail", |world, stage| {
        for tenant in [Some(stage.tenant.as_str()), None] {
            for state in ["Queued", "Executing", "Failed", "Canceled"] {
                stand(world, stage, tenant, state);
            }
        }
    }),
    ("others get the release everywhere", |world, stage| {
        let sql = world.house().file(&world.cast.server);
        sql.execute("UPDATE tasks SET state = 'Canceled' WHERE state IN ('Queued', 'Executing')", ()).expect("room");
        for environment in [&stage.staging, &stage.production] {
            for tenant in [Some(stage.tenant.as_str()), None] {
                deploy(world.house(), stage, environment, tenant);
            }
            world.house().rest(&world.cast.server);
        }
    }),
    ("runbooks run for others, and their machines are checked", |world, stage| {
        let house = world.house();
        for tenants in [json!([stage.tenant]), json!([])] {
            let run = json!({ "ProjectName": house.things["projects"].id, "RunbookName": house.things["runbooks"].id,
                "Tenants": tenants, "EnvironmentNames": [stage.staging], "Comments": "Qvorn" });
            house.post("/api/Spaces-1/runbook-runs/create/v1", run);
        }
        let machine = world.foreign["machines"].id.clone();
        house.post("/api/Spaces-1/tasks", json!({ "Name": "Health", "Arguments": { "MachineIds": [machine] } }));
        house.rest(&world.cast.server);
    }),
    ("others get machines, by name and by tag, and tags", |world, stage| {
        let house = world.house();
        for (name, participation, tenants, tags) in [
            ("qvorn-new", "Tenanted", json!([stage.tenant]), json!([])),
            ("qvorn-tag", "Tenanted", json!([]), json!([OTHERS_RING])),
            ("qvorn-none", "Untenanted", json!([]), json!([])),
        ] {
            let made = house.make("machines", name)["Id"].as_str().expect("an id").to_owned();
            surroundings::bind(house, &made, participation, tenants, tags);
        }
        let (key, path) = (&house.administrator().key, format!("/api/Spaces-1/tenants/{}", stage.tenant));
        let mut tenant = key.get(&path).expect(200).json();
        tenant["TenantTags"] = json!([OTHERS_RING, "One tagsets 0/Blue"]);
        tenant["IsDisabled"] = json!(true);
        tenant["Name"] = json!("Qvorn Renamed");
        key.put(&path, tenant).expect(200);
    }),
    ("others get people, teams and roles, and a new tenant comes", |world, stage| {
        let house = world.house();
        let selfservice = format!("/api/Spaces-1/tenants/{}/selfservice", stage.tenant);
        house.post(&selfservice, json!({ "EmailAddresses": ["qvorn-person@example.com"] }));
        let team = house.post("/api/teams", json!({ "Name": "Qvorn watch" }))["Id"].clone();
        let role = json!({ "TeamId": team, "UserRoleId": "userroles-projectdeployer", "SpaceId": "Spaces-1", "TenantIds": [stage.tenant] });
        house.post("/api/scopeduserroles", role);
        let projects = json!({ house.things["projects"].id.clone(): [stage.staging] });
        house.post(
            "/api/Spaces-1/tenants",
            json!({ "Name": "Qvorn99 new", "ProjectEnvironments": projects, "TenantTags": [OTHERS_RING] }),
        );
    }),
    ("what is another's is taken away", |world, stage| {
        let house = world.house();
        let (key, path) = (&house.administrator().key, format!("/api/Spaces-1/tenants/{}", stage.tenant));
        let mut tenant = key.get(&path).expect(200).json();
        tenant["ProjectEnvironments"] = json!({});
        tenant["TenantTags"] = json!([]);
        key.put(&path, tenant).expect(200);
        key.delete(&format!("/api/Spaces-1/machines/{}", world.foreign["machines"].id), ()).expect(200);
    }),
];

#[test]
fn whatever_happens_to_others_no_byte_changes_for_a_bystander() {
    let mut world = World::new();
    let id = |kind: &str| world.house().things[kind].id.clone();
    let environments = world.house().administrator().key.get("/api/Spaces-1/environments/all").expect(200).json();
    let named = |name: &str| {
        let all = environments.as_array().expect("environments");
        all.iter().find(|one| one["Name"] == name).expect("it")["Id"].as_str().expect("an id").to_owned()
    };
    let (staging, production, project) = (named("Staging"), named("Production"), id("projects"));
    // The lifecycle leads from Staging to Production; every tenant is connected to both.
    let phases = json!([{ "Name": "First", "OptionalDeploymentTargets": [staging] }, { "Name": "Then", "OptionalDeploymentTargets": [production] }]);
    let lifecycle = world.house().administrator().key.get("/api/Spaces-1/lifecycles/Lifecycles-1").expect(200).json();
    let mut lifecycle = lifecycle;
    lifecycle["Phases"] = phases;
    world.house().administrator().key.put("/api/Spaces-1/lifecycles/Lifecycles-1", lifecycle).expect(200);
    let others = world.foreign["tenants"].id.clone();
    for tenant in [&world.own, &others] {
        let (key, path) = (&world.house().administrator().key, format!("/api/Spaces-1/tenants/{tenant}"));
        let mut body = key.get(&path).expect(200).json();
        body["ProjectEnvironments"] = json!({ project.clone(): [staging, production] });
        key.put(&path, body).expect(200);
    }
    let release = world.house().make("releases", "")["Id"].as_str().expect("an id").to_owned();
    let stage = Stage { release, staging, production, tenant: others };

    // Twice, so that what the first look changes by itself is not taken for something that happened.
    look(&mut world);
    let mut before = look(&mut world);
    let own = before.iter().filter(|((who, _), text)| *who == "iris" && text.contains("One tenants 0")).count();
    assert!(own > 40, "iris finds the own tenant in {own} answers only");
    let mut findings = Vec::new();
    for (what, happening) in HAPPENINGS {
        happening(&mut world, &stage);
        let after = look(&mut world);
        findings.extend(compare(what, &before, &after));
        before = after;
    }
    assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n"));
}
