//! Accepted means kept: every field of what is read is sent back changed, one at a time. Each is either read back as it was
//! sent, or refused by its name; and what was read is always accepted and changes nothing (findings D9, D8).

use super::projects::{project, step, steps};
use crate::support::{api::Caller, server::Server};
use bulkhead::base::clock::{self, Moment};
use serde_json::{Value, json};

/// What only the server says: sent otherwise, it is passed over. And `IsDefault`, of which there is always one.
const SERVERS_OWN: &[&str] = &[
    "IsDefault",
    "Id",
    "SpaceId",
    "Links",
    "VariableSetId",
    "DeploymentProcessId",
    "DeploymentSettingsId",
    "ClonedFromProjectId",
    "RunbookProcessId",
    "Assembled",
    "ProjectDeploymentProcessSnapshotId",
    "ProjectVariableSetSnapshotId",
];

/// The id of a new release.
fn released(caller: &Caller, project: &str, version: &str) -> String {
    let body = json!({ "ProjectName": project, "ReleaseVersion": version });
    let made = caller.post("/api/Spaces-1/releases/create/v1", body).expect(201).json();
    made["ReleaseId"].as_str().unwrap().to_owned()
}

/// A moment some days ahead, as it stands on the wire.
fn soon(days: i64) -> String {
    Moment(clock::now().0 + days * clock::DAY).wire()
}

/// Other values of the same kind.
fn others(value: &Value) -> Vec<Value> {
    match value {
        Value::Bool(on) => vec![json!(!on)],
        Value::Number(number) => vec![json!(number.as_i64().unwrap_or(0) + 1)],
        Value::String(_) => vec![json!("elsewhere"), json!("Elsewhere-9")],
        Value::Null => vec![json!("Elsewhere-9"), json!({ "Name": "x" })],
        Value::Array(_) => vec![json!(["Elsewhere-9"]), json!([{ "Name": "x" }])],
        Value::Object(_) => vec![json!({ "Name": "x" })],
    }
}

/// Every way to send one field otherwise: its path, and the whole with it.
fn changed(whole: &Value, at: &Value, pointer: &str, path: &str, out: &mut Vec<(String, String, Value)>) {
    let fields: Vec<(String, String)> = match at {
        Value::Object(map) => map.keys().map(|name| (format!("/{name}"), name.clone())).collect(),
        Value::Array(list) => (0..list.len()).map(|place| (format!("/{place}"), format!("[{place}]"))).collect(),
        _ => return,
    };
    for (step, name) in fields {
        if SERVERS_OWN.contains(&name.as_str()) {
            continue;
        }
        let pointer = format!("{pointer}{step}");
        let path =
            if path.is_empty() || name.starts_with('[') { format!("{path}{name}") } else { format!("{path}.{name}") };
        let present = whole.pointer(&pointer).unwrap();
        if present.as_object().is_some_and(|map| !map.is_empty())
            || present.as_array().is_some_and(|list| !list.is_empty())
        {
            changed(whole, present, &pointer, &path, out);
            continue;
        }
        for other in others(present) {
            let mut sent = whole.clone();
            *sent.pointer_mut(&pointer).unwrap() = other;
            out.push((pointer.clone(), path.clone(), sent));
        }
    }
}

/// Sends back what is at an address, as it is and with every field changed.
fn check(caller: &Caller, address: &str) -> (usize, usize) {
    let whole = caller.get(address).expect(200).json();
    assert_eq!(caller.put(address, whole.clone()).expect(200).json(), whole, "{address}: what was read is changed");
    let mut all = Vec::new();
    changed(&whole, &whole, "", "", &mut all);
    let (mut kept, mut refused) = (0, 0);
    for (pointer, path, sent) in all {
        let answer = caller.put(address, sent.clone());
        let said = answer.json();
        match answer.status {
            200 => {
                assert_eq!(
                    said.pointer(&pointer),
                    sent.pointer(&pointer),
                    "{address}: {path} is accepted and not kept"
                );
                let read = caller.get(address).expect(200).json();
                assert_eq!(
                    read.pointer(&pointer),
                    sent.pointer(&pointer),
                    "{address}: {path} is answered and not kept"
                );
                kept += 1;
                assert_eq!(caller.put(address, whole.clone()).expect(200).json(), whole, "{address}: {path} stays");
            }
            400 | 409 => {
                let first = path.split('.').next().unwrap();
                assert!(said.to_string().contains(first), "{address}: {path} is refused without its name: {said}");
                refused += 1;
            }
            other => panic!("{address}: {path} is answered with {other}: {said}"),
        }
    }
    (kept, refused)
}

#[test]
fn findings_d9_what_is_accepted_is_kept_and_what_is_not_kept_is_refused_by_name() {
    let server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let ada = harbour.caller();
    let shop = project(&ada, "Shop");
    steps(&ada, &shop, &[step("Greet", "echo hello")]);
    let release = released(&ada, "Shop", "1.0.0");
    let runbook =
        ada.post("/api/Spaces-1/runbooks", json!({ "Name": "Restart", "ProjectId": "Projects-1" })).expect(201).json();
    let phased =
        json!({ "Name": "Phased", "Phases": [{ "Name": "First" }, { "Name": "Second", "IsOptionalPhase": true }] });
    let lifecycle = ada.post("/api/Spaces-1/lifecycles", phased).expect(201).json();
    ada.post("/api/Spaces-1/channels", json!({ "Name": "Beta", "ProjectId": "Projects-1" })).expect(201);
    for address in [
        "/api/Spaces-1/projects/Projects-1".to_owned(),
        "/api/Spaces-1/projectgroups/ProjectGroups-1".to_owned(),
        "/api/Spaces-1/channels/Channels-2".to_owned(),
        format!("/api/Spaces-1/lifecycles/{}", lifecycle["Id"].as_str().unwrap()),
        format!("/api/Spaces-1/releases/{release}"),
        format!("/api/Spaces-1/runbooks/{}", runbook["Id"].as_str().unwrap()),
    ] {
        let (kept, refused) = check(&ada, &address);
        println!("{address}: {kept} kept, {refused} refused");
        assert!(kept > 0 && refused > 0, "{address}: {kept} kept, {refused} refused");
    }
}

#[test]
fn slugs_that_are_given_are_kept_and_never_doubled() {
    let server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let ada = harbour.caller();
    project(&ada, "Shop");
    let of = json!({ "ProjectId": "Projects-1", "ProjectGroupId": "ProjectGroups-1" });
    for kind in ["projects", "projectgroups", "lifecycles", "channels", "runbooks"] {
        let address = format!("/api/Spaces-1/{kind}");
        let with = |name: &str, slug: &str| {
            let mut body = of.clone();
            (body["Name"], body["Slug"]) = (json!(name), json!(slug));
            body
        };
        let made = ada.post(&address, with("Outer Harbour", "quay")).expect(201).json();
        assert_eq!(made["Slug"], "quay", "{kind}");
        let own = format!("{address}/{}", made["Id"].as_str().unwrap());
        let mut moved = made.clone();
        moved["Slug"] = json!("pier");
        assert_eq!(ada.put(&own, moved).expect(200).json()["Slug"], "pier", "{kind}");
        let mut renamed = made.clone();
        (renamed["Name"], renamed["Slug"]) = (json!("Inner Harbour"), Value::Null);
        assert_eq!(ada.put(&own, renamed).expect(200).json()["Slug"], "pier", "{kind}: a new name keeps the slug");
        for slug in ["pier", "Not a slug!"] {
            let refused = ada.post(&address, with("Other", slug)).expect(400).json();
            assert!(refused["Errors"][0].as_str().unwrap().starts_with("Slug: "), "{kind}: {refused}");
        }
        let plain = ada.post(&address, with("Pier", "")).expect(201).json();
        assert_eq!(plain["Slug"], "pier-2", "{kind}");
    }
}

#[test]
fn unknown_filters_are_refused_and_known_ones_are_kept_by_the_next_page() {
    let server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let ada = harbour.caller();
    for kind in
        ["projects", "projectgroups", "lifecycles", "channels", "releases", "deployments", "runbooks", "runbookRuns"]
    {
        let refused = ada.get(&format!("/api/Spaces-1/{kind}?colour=red")).expect(400).json();
        assert!(refused["Errors"][0].as_str().unwrap().starts_with("colour: "), "{kind}: {refused}");
    }
    let refused = ada.get("/api/Spaces-1/deployments?taskState=Sometimes").expect(400).json();
    assert!(refused["Errors"][0].as_str().unwrap().starts_with("taskState: "));
    ada.get("/api/Spaces-1/dashboard/dynamic?includePrevious=true").expect(400);
    ada.get("/api/Spaces-1/dashboard?showAll=true&releaseId=Releases-1").expect(200);
}

#[test]
fn findings_f6_ids_in_lists_are_looked_at_one_by_one() {
    let server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let ada = harbour.caller();
    let environment = ada.post("/api/Spaces-1/environments", json!({ "Name": "Dev" })).expect(201).json();
    let body = |name: &str| json!({ "Name": name, "Phases": [{ "Name": "First" }, { "Name": "Second" }] });
    let one = ada.post("/api/Spaces-1/lifecycles", body("One")).expect(201).json();
    let other = ada.post("/api/Spaces-1/lifecycles", body("Other")).expect(201).json();
    let own = format!("/api/Spaces-1/lifecycles/{}", one["Id"].as_str().unwrap());
    let with = |change: &dyn Fn(&mut Value)| {
        let mut sent = one.clone();
        change(&mut sent["Phases"]);
        sent
    };
    let refused = |sent: Value, field: &str| {
        let said = ada.put(&own, sent).expect(400).json();
        assert!(said["Errors"][0].as_str().unwrap().starts_with(field), "{field}: {said}");
    };
    refused(with(&|phases| phases[1]["Id"] = phases[0]["Id"].clone()), "Phases[1].Id: ");
    refused(with(&|phases| phases[1]["Id"] = other["Phases"][0]["Id"].clone()), "Phases[1].Id: ");
    refused(with(&|phases| phases[1]["Id"] = json!("Phases-999")), "Phases[1].Id: ");
    refused(with(&|phases| phases[1]["Id"] = json!("mine")), "Phases[1].Id: ");
    let dev = environment["Id"].clone();
    let twice = json!([dev, dev]);
    refused(with(&|phases| phases[0]["OptionalDeploymentTargets"] = twice.clone()), "Phases[0].Optional");
    refused(
        with(&|phases| phases[0]["AutomaticDeploymentTargets"] = json!(["Environments-99"])),
        "Phases[0].Automatic",
    );
    refused(with(&|phases| phases[0]["AutomaticDeploymentTargets"] = json!(["Projects-1"])), "Phases[0].Automatic");
    // Swapped, they trade places.
    let swapped = with(&|phases| {
        let list = phases.as_array_mut().unwrap();
        list.swap(0, 1);
    });
    let after = ada.put(&own, swapped.clone()).expect(200).json();
    assert_eq!(after["Phases"], swapped["Phases"]);
    // A copy of one that was read is a new one.
    let mut copy = one.clone();
    (copy["Name"], copy["Slug"]) = (json!("Copy"), Value::Null);
    let copy = ada.post("/api/Spaces-1/lifecycles", copy).expect(201).json();
    assert_ne!(copy["Phases"][0]["Id"], one["Phases"][0]["Id"]);
}

#[test]
fn findings_f14_the_time_that_was_asked_for_is_told() {
    let server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let ada = harbour.caller();
    ada.post("/api/Spaces-1/environments", json!({ "Name": "Dev" })).expect(201);
    let shop = project(&ada, "Shop");
    steps(&ada, &shop, &[step("Greet", "echo hello")]);
    let release = released(&ada, "Shop", "1.0.0");
    let (begin, end) = (soon(2), soon(4));
    let body =
        json!({ "ReleaseId": release, "EnvironmentId": "Environments-1", "QueueTime": begin, "QueueTimeExpiry": end });
    let made = ada.post("/api/Spaces-1/deployments", body).expect(201).json();
    assert_eq!((&made["QueueTime"], &made["QueueTimeExpiry"]), (&json!(begin), &json!(end)));
    let own = format!("/api/Spaces-1/deployments/{}", made["Id"].as_str().unwrap());
    assert_eq!(ada.get(&own).expect(200).json(), made);
}
