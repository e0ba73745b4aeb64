//! Accepted means kept: every field of what is read is sent back changed, one at a time. Each is either read back as it was
//! sent, or refused by its name; and what was read is always accepted and changes nothing (findings D9, D8).

use super::{project, step, steps};
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
        Value::Null => vec![json!("Elsewhere-9"), json!({ "Strategy": "Count", "QuantityToKeep": 3 })],
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

/// What one is told first when a change is refused.
fn told(caller: &Caller, address: &str, sent: Value) -> String {
    caller.put(address, sent).expect(400).json()["Errors"][0].as_str().unwrap().to_owned()
}

#[test]
fn findings_h9_the_template_of_versions_is_kept_and_followed() {
    let server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let ada = harbour.caller();
    let mut shop = project(&ada, "Shop");
    steps(&ada, &shop, &[step("Greet", "echo hello")]);
    let (own, settings) = ("/api/Spaces-1/projects/shop", "/api/Spaces-1/projects/shop/deploymentsettings");
    let next = |query: &str| {
        let by_id = format!("/api/Spaces-1/deploymentprocesses/deploymentprocess-Projects-1/template{query}");
        let below = ada.get(&format!("{own}/deploymentprocesses/template{query}")).expect(200).json();
        assert_eq!(ada.get(&by_id).expect(200).json(), below);
        below["NextVersionIncrement"].as_str().unwrap().to_owned()
    };
    assert_eq!(next(""), "0.0.1");
    shop["VersioningStrategy"]["Template"] = json!("2.#{Octopus.Version.NextMinor}.i");
    assert_eq!(ada.put(own, shop.clone()).expect(200).json(), shop);
    assert_eq!(next(""), "2.1.0");
    released(&ada, "Shop", "2.6.0");
    let made = ada.post("/api/Spaces-1/releases/create/v1", json!({ "ProjectName": "Shop" })).expect(201).json();
    assert_eq!(made["ReleaseVersion"], "2.7.0");
    // By the settings too, which leave all else as it is.
    let mut how = ada.get(settings).expect(200).json();
    assert_eq!(how["VersioningStrategy"], shop["VersioningStrategy"]);
    assert_eq!(ada.put(settings, how.clone()).expect(200).json(), how);
    how["VersioningStrategy"]["Template"] = json!("3.c.i");
    assert_eq!(ada.put(settings, how.clone()).expect(200).json(), how);
    assert_eq!(next(""), "3.0.0");
    ada.post("/api/Spaces-1/channels", json!({ "Name": "Beta", "ProjectId": "Projects-1" })).expect(201);
    how["VersioningStrategy"]["Template"] = json!("#{Octopus.Version.LastMajor}.0.0-#{Octopus.Release.Channel.Name}");
    ada.put(settings, how.clone()).expect(200);
    assert_eq!((next("").as_str(), next("?channel=Beta").as_str()), ("2.0.0-Default", "2.0.0-Beta"));
    for template in ["#{My.Own}.1", "#{Octopus.Version.LastMajor", "x y"] {
        how["VersioningStrategy"]["Template"] = json!(template);
        assert!(told(&ada, settings, how.clone()).starts_with("VersioningStrategy.Template: "), "{template}");
    }
    how["VersioningStrategy"] = json!({ "Template": "1.0.i", "DonorPackage": { "DeploymentAction": "A" } });
    assert!(told(&ada, settings, how.clone()).starts_with("VersioningStrategy.DonorPackage: "));
}

#[test]
fn findings_d8_retention_is_kept_in_the_forms_that_clients_send() {
    let server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let ada = harbour.caller();
    project(&ada, "Shop");
    let made = |policy: Value| {
        let name = format!("Runbook {policy}").replace(['"', '{', '}', ':', ','], " ");
        let body = json!({ "Name": name, "ProjectId": "Projects-1", "RunRetentionPolicy": policy, "DefaultGuidedFailureMode": "EnvironmentDefault" });
        ada.post("/api/Spaces-1/runbooks", body)
    };
    for policy in [
        json!(null),
        json!({}),
        json!({ "QuantityToKeep": 100 }),
        json!({ "QuantityToKeep": 100, "ShouldKeepForever": false }),
        json!({ "QuantityToKeep": 100, "ShouldKeepForever": false, "Unit": "Items", "Strategy": "Default" }),
        json!({ "QuantityToKeep": 100, "ShouldKeepForever": false, "Unit": "Days", "Strategy": "Default" }),
        json!({ "QuantityToKeep": 100, "ShouldKeepForever": false, "Unit": "", "Strategy": "Count" }),
        json!({ "QuantityToKeep": 100, "ShouldKeepForever": false, "Unit": "Items", "Strategy": "Forever" }),
        json!({ "Strategy": "Default" }),
        json!({ "Type": "Default" }),
        json!({ "QuantityToKeep": 0, "ShouldKeepForever": true }),
    ] {
        let runbook = made(policy.clone()).expect(201).json();
        let kept = &runbook["RunRetentionPolicy"];
        for (name, value) in policy.as_object().into_iter().flatten() {
            let given = !matches!(value, Value::String(text) if text.is_empty()) && name != "Type";
            assert!(!given || kept[name] == *value, "{policy} is {kept}");
        }
        for name in ["Strategy", "QuantityToKeep", "ShouldKeepForever", "Unit"] {
            assert!(kept.get(name).is_some(), "{policy}: {kept}");
        }
        let own = format!("/api/Spaces-1/projects/shop/runbooks/{}", runbook["Id"].as_str().unwrap());
        assert_eq!(ada.put(&own, runbook.clone()).expect(200).json(), runbook, "as it was read");
    }
    let refused = made(json!({ "QuantityToKeep": 5, "Strategy": "Count" })).expect(400).json();
    assert!(refused["Errors"][0].as_str().unwrap().starts_with("RunRetentionPolicy: "), "{refused}");
    // Lifecycles and their phases have the same.
    let body = json!({ "Name": "Kept", "ReleaseRetentionPolicy": { "Strategy": "Default" }, "Phases": [
        { "Name": "First", "TentacleRetentionPolicy": { "Strategy": "Forever" } }, { "Name": "Second" } ] });
    let lifecycle = ada.post("/api/Spaces-1/lifecycles", body).expect(201).json();
    assert_eq!(lifecycle["ReleaseRetentionPolicy"]["Strategy"], "Default");
    assert_eq!(lifecycle["TentacleRetentionPolicy"]["Strategy"], "Forever");
    assert_eq!(lifecycle["Phases"][0]["TentacleRetentionPolicy"]["Strategy"], "Forever");
    assert_eq!(lifecycle["Phases"][1]["TentacleRetentionPolicy"], json!(null));
    // As the Go library makes a new one.
    let usual = json!({ "QuantityToKeep": 30, "ShouldKeepForever": false, "Unit": "Days" });
    let body = json!({ "Name": "Usual", "ReleaseRetentionPolicy": usual, "TentacleRetentionPolicy": usual });
    let kept = ada.post("/api/Spaces-1/lifecycles", body).expect(201).json()["ReleaseRetentionPolicy"].clone();
    assert_eq!(
        (&kept["QuantityToKeep"], &kept["ShouldKeepForever"], &kept["Unit"]),
        (&json!(30), &json!(false), &json!("Days"))
    );
    let own = format!("/api/Spaces-1/lifecycles/{}", lifecycle["Id"].as_str().unwrap());
    assert_eq!(ada.put(&own, lifecycle.clone()).expect(200).json(), lifecycle);
    let mut counted = lifecycle.clone();
    counted["Phases"][1]["ReleaseRetentionPolicy"] =
        json!({ "QuantityToKeep": 3, "ShouldKeepForever": false, "Unit": "Days" });
    assert!(told(&ada, &own, counted).starts_with("Phases[1].ReleaseRetentionPolicy: "));
}

#[test]
fn what_is_said_of_a_release_is_kept_and_stays() {
    let server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let ada = harbour.caller();
    let shop = project(&ada, "Shop");
    steps(&ada, &shop, &[step("Greet", "echo hello")]);
    let said = json!({ "ProjectName": "Shop", "IgnoreChannelRules": true, "CustomFields": { "Ticket": "OPS-7" } });
    let made = ada.post("/api/Spaces-1/releases/create/v1", said).expect(201).json();
    let own = format!("/api/Spaces-1/releases/{}", made["ReleaseId"].as_str().unwrap());
    let release = ada.get(&own).expect(200).json();
    assert_eq!((&release["IgnoreChannelRules"], &release["CustomFields"]["Ticket"]), (&json!(true), &json!("OPS-7")));
    assert_eq!(ada.get("/api/Spaces-1/projects/shop/releases").expect(200).json()["Items"][0], release);
    let mut other = release.clone();
    other["CustomFields"]["Ticket"] = json!("OPS-8");
    assert!(told(&ada, &own, other).starts_with("CustomFields: "));
    assert_eq!(
        ada.put(&own, json!({ "ReleaseNotes": "Faster." })).expect(200).json()["CustomFields"],
        release["CustomFields"]
    );
    let older = json!({ "ProjectId": "Projects-1", "Version": "9.0", "CustomFields": { "Ticket": "OPS-9" } });
    let older = ada.post("/api/Spaces-1/releases", older).expect(201).json();
    assert_eq!(older["CustomFields"], json!({ "Ticket": "OPS-9" }));
    for (field, value) in
        [("PackagePrerelease", json!("1.0")), ("GitRef", json!("main")), ("Packages", json!(["A:1.0"]))]
    {
        let mut body = json!({ "ProjectName": "Shop" });
        body[field] = value;
        let refused = ada.post("/api/Spaces-1/releases/create/v1", body).expect(400).json();
        assert!(refused["Errors"][0].as_str().unwrap().starts_with(field), "{refused}");
    }
}

#[test]
fn findings_d10_and_d16_every_link_leads_somewhere() {
    let server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let ada = harbour.caller();
    ada.post("/api/Spaces-1/environments", json!({ "Name": "Dev" })).expect(201);
    let shop = project(&ada, "Shop");
    steps(&ada, &shop, &[step("Greet", "echo hello")]);
    let release = released(&ada, "Shop", "1.0.0");
    let deployment = json!({ "ReleaseId": release, "EnvironmentId": "Environments-1", "QueueTime": soon(2) });
    let deployment = ada.post("/api/Spaces-1/deployments", deployment).expect(201).json();
    let runbook = json!({ "Name": "Restart", "ProjectId": "Projects-1", "EnvironmentScope": "All" });
    let runbook = ada.post("/api/Spaces-1/runbooks", runbook).expect(201).json();
    let process = runbook["Links"]["RunbookProcesses"].as_str().unwrap().strip_prefix("/harbour").unwrap();
    let mut sent = ada.get(process).expect(200).json();
    sent["Steps"] = json!([step("Greet", "echo hello")]);
    ada.put(process, sent).expect(200);
    let snapshots = "/api/Spaces-1/projects/shop/runbookSnapshots";
    let snapshot = json!({ "RunbookId": runbook["Id"], "Name": "First one" });
    let snapshot = ada.post(&format!("{snapshots}?publish=true"), snapshot).expect(201).json();
    let run = json!({ "RunbookId": runbook["Id"], "EnvironmentId": "Environments-1", "QueueTime": soon(2) });
    let run = ada.post("/api/Spaces-1/runbookRuns", run).expect(201).json();
    assert_eq!((&run["RunbookSnapshotId"], run["QueueTime"].is_string()), (&snapshot["Id"], true));

    let snapshot_id = snapshot["Id"].as_str().unwrap();
    for text in [snapshot_id, "First%20one"] {
        assert_eq!(ada.get(&format!("{snapshots}/{text}")).expect(200).json(), snapshot, "{text}");
    }
    assert_eq!(ada.get(snapshots).expect(200).json()["Items"], json!([snapshot]));
    ada.get(&format!("{snapshots}/RunbookSnapshots-99")).expect(404);
    let summary = ada.get("/api/Spaces-1/projects/shop/summary").expect(200).json();
    assert_eq!((&summary["HasDeploymentProcess"], &summary["HasRunbooks"]), (&json!(true), &json!(true)));
    let template = ada.get(&format!("/api/Spaces-1/releases/{release}/deployments/template")).expect(200).json();
    assert_eq!(template["PromoteTo"][0]["Id"], "Environments-1");
    let set = ada.get("/api/Spaces-1/variables/variableset-Projects-1").expect(200).json();
    assert_eq!((&set["Variables"], &set["OwnerId"]), (&json!([]), &json!("Projects-1")));
    ada.get("/api/Spaces-1/variables/variableset-Projects-99").expect(404);
    let progress = ada.get("/api/Spaces-1/progression/Projects-1").expect(200).json();
    assert_eq!(progress["Releases"][0]["Release"]["Id"], release.as_str());

    let group = ada.get("/api/Spaces-1/projectgroups/ProjectGroups-1").expect(200).json();
    let channel = ada.get("/api/Spaces-1/channels/Channels-1").expect(200).json();
    let lifecycle = ada.get("/api/Spaces-1/lifecycles/Lifecycles-1").expect(200).json();
    let release = ada.get(&format!("/api/Spaces-1/releases/{release}")).expect(200).json();
    let settings = ada.get("/api/Spaces-1/projects/shop/deploymentsettings").expect(200).json();
    for one in [
        &shop,
        &group,
        &channel,
        &lifecycle,
        &release,
        &deployment,
        &runbook,
        &snapshot,
        &run,
        &settings,
        &template,
        &set,
        &summary,
    ] {
        for (name, link) in one["Links"].as_object().unwrap() {
            // `Web` is for people; a POST has no page of its own.
            if matches!(name.as_str(), "Web" | "DeploymentPreviews") {
                continue;
            }
            let link = link.as_str().unwrap().replace("{environment}", "Environments-1");
            let link = link.split('{').next().unwrap().strip_prefix("/harbour").unwrap();
            ada.get(link).expect(200);
        }
    }

    // What waits is not deleted; what has ended is, with its task.
    let own = format!("/api/Spaces-1/deployments/{}", deployment["Id"].as_str().unwrap());
    ada.delete(&own, ()).expect(409);
    let task = format!("/api/Spaces-1/tasks/{}", deployment["TaskId"].as_str().unwrap());
    ada.post(&format!("{task}/cancel"), json!({})).expect(200);
    ada.delete(&own, ()).expect(200);
    ada.get(&own).expect(404);
    ada.get(&task).expect(404);
    let run_task = format!("/api/Spaces-1/tasks/{}/cancel", run["TaskId"].as_str().unwrap());
    ada.post(&run_task, json!({})).expect(200);
    ada.delete(&format!("{snapshots}/{snapshot_id}"), ()).expect(409);
    let other = json!({ "RunbookId": runbook["Id"], "Publish": true });
    ada.post(snapshots, other).expect(201);
    ada.delete(&format!("{snapshots}/{snapshot_id}"), ()).expect(200);
    ada.get(&format!("{snapshots}/{snapshot_id}")).expect(404);
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
    let before = ada.get("/api/Spaces-1/dashboard/dynamic?includePrevious=true").expect(200).json();
    assert_eq!(before["PreviousItems"], json!([]));
    ada.get("/api/Spaces-1/projects?clone=true&partialName=Shop").expect(200);
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
