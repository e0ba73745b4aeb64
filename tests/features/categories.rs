//! Every kind of event of Octopus Deploy (`domain §14`) that the product has the feature for is written when that happens:
//! a round of real work through the front door, then a look at what the trail says. The kinds that
//! nothing can cause yet are named with the reason.

use crate::support::{
    api::Caller,
    cast::{Cast, House, step},
    server::Program,
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What Octopus Deploy names and nothing here can cause yet.
const NOT_YET: &[(&str, &str)] = &[
    ("DeploymentResumed", "deployments do not wait for people yet"),
    ("GuidedFailureInterruptionRaised", "there is no guided failure yet"),
    ("ManualInterventionInterruptionRaised", "there are no manual steps yet"),
    ("InterruptionTakenResponsibility", "there are no interruptions yet"),
    ("InterruptionSubmitted", "there are no interruptions yet"),
    ("MachineHasWarnings", "a health check finds a target healthy or not reached"),
    ("MachineUnhealthy", "a health check finds a target healthy or not reached"),
    ("MachineCleanupFailed", "nothing is cleaned up on targets yet"),
    ("AutoDeploy…", "there are no triggers yet"),
    ("Certificate…", "there are no certificates yet"),
    ("Comment", "events carry no comments yet"),
];

fn seen(house: &House) -> BTreeSet<String> {
    let all = house.administrator().key.get("/api/events?take=2147483647&excludeDifference=true").expect(200).json();
    let items = all["Items"].as_array().unwrap();
    items.iter().map(|event| event["Category"].as_str().unwrap().to_owned()).collect()
}

/// A task that does nothing but fail, or that never begins.
fn deploy(house: &House, release: &str) -> Value {
    let body = json!({ "ReleaseId": release, "EnvironmentId": "Environments-1" });
    house.administrator().key.post("/api/Spaces-1/deployments", body).expect(201).json()
}

#[test]
fn what_happens_is_told_under_its_own_kind() {
    let cast = Cast::assemble();
    let (server, house) = (&cast.server, &cast.harbour);
    let ada = &house.administrator().key;
    let id = |kind: &str| house.things[kind].id.clone();

    // Things.
    let made = house.make("environments", "Short-lived");
    let place = format!("/api/environments/{}", made["Id"].as_str().unwrap());
    ada.put(&place, json!({ "Name": "Shorter-lived" })).expect(200);
    ada.delete(&place, ()).expect(200);

    // Targets.
    let mut machine = ada.get(&format!("/api/Spaces-1/machines/{}", id("machines"))).expect(200).json();
    let address = format!("/api/Spaces-1/machines/{}", id("machines"));
    for (name, value) in [("IsDisabled", json!(true)), ("IsDisabled", json!(false)), ("Roles", json!(["web", "db"]))] {
        machine[name] = value;
        machine = ada.put(&address, machine).expect(200).json();
    }
    let health = json!({ "Name": "Health", "Description": "Look", "Arguments": { "MachineIds": [id("machines")] } });
    ada.post("/api/Spaces-1/tasks", health).expect(201);
    house.rest(server);
    let other = house.make("machines", "Another");
    ada.delete(&format!("/api/Spaces-1/machines/{}", other["Id"].as_str().unwrap()), ()).expect(200);

    // A deployment that fails, and one that is cancelled before it begins.
    let process = format!("/api/Spaces-1/projects/{}/deploymentprocesses", id("projects"));
    let mut steps = ada.get(&process).expect(200).json();
    steps["Steps"] = json!([step("Fail", "exit 3")]);
    ada.put(&process, steps).expect(200);
    let release = house.make("releases", "");
    deploy(house, release["Id"].as_str().unwrap());
    house.rest(server);
    let mut space = ada.get("/api/spaces/Spaces-1").expect(200).json();
    space["TaskQueueStopped"] = json!(true);
    ada.put("/api/spaces/Spaces-1", space.clone()).expect(200);
    let waiting = deploy(house, release["Id"].as_str().unwrap());
    ada.post(&format!("/api/Spaces-1/tasks/{}/cancel", waiting["TaskId"].as_str().unwrap()), json!({})).expect(200);
    space["TaskQueueStopped"] = json!(false);
    ada.put("/api/spaces/Spaces-1", space).expect(200);

    // A defect of its release.
    let defects = format!("/api/releases/{}/defects", release["Id"].as_str().unwrap());
    ada.post(&defects, json!({ "Description": "It does not start." })).expect(201);
    ada.post(&format!("{defects}/resolve"), json!({})).expect(200);

    // Runs of a runbook, of which the cast has one that ended well: one that fails.
    let process = format!("/api/Spaces-1/runbookProcesses/{}", id("runbookprocesses"));
    let mut steps = ada.get(&process).expect(200).json();
    steps["Steps"] = json!([step("Fail", "exit 3")]);
    ada.put(&process, steps).expect(200);
    ada.post("/api/Spaces-1/runbookSnapshots?publish=true", json!({ "RunbookId": id("runbooks") })).expect(201);
    let run = json!({ "ProjectName": id("projects"), "RunbookName": id("runbooks"), "EnvironmentNames": [id("environments")] });
    ada.post("/api/Spaces-1/runbook-runs/create/v1", run).expect(201);
    house.rest(server);

    // People.
    let user = house.make("users", "Passing");
    let mut passing = ada.get(&format!("/api/users/{}", user["Id"].as_str().unwrap())).expect(200).json();
    for active in [false, true] {
        passing["IsActive"] = json!(active);
        passing = ada.put(&format!("/api/users/{}", user["Id"].as_str().unwrap()), passing).expect(200).json();
    }
    house.people["noel"].key.get("/api/users").expect(403);
    server.browser().give_password("harbour", &house.company.email, "not the password at all");
    house.people["ada"].call("harbour", true, "POST", "/sign-out", json!({}));

    // The trail itself, and the file as a whole.
    ada.get("/api/events/export").expect(200).text();
    ada.get("/api/events/archives/1").expect(200).text();
    let folder = tempfile::tempdir().unwrap();
    server.command(&["backup", "harbour", "--to", folder.path().to_str().unwrap()]).run().expect_success();
    let sql = "UPDATE settings SET checkpoint_webhook = 'https://kept.example/'";
    house.file(server).execute(sql, ()).unwrap();
    ada.post("/api/events/proofs/secret", json!({})).expect(200);

    let seen = seen(house);
    let wanted = [
        "Created",
        "Modified",
        "Deleted",
        "DeploymentQueued",
        "DeploymentStarted",
        "DeploymentSucceeded",
        "DeploymentFailed",
        "DefectReported",
        "DefectResolved",
        "RunbookPublished",
        "RunbookRunQueued",
        "RunbookRunStarted",
        "RunbookRunSucceeded",
        "RunbookRunFailed",
        "TaskQueued",
        "TaskStarted",
        "TaskFailed",
        "TaskCanceled",
        "MachineAdded",
        "MachineDeleted",
        "MachineEnabled",
        "MachineDisabled",
        "MachineUnavailable",
        "MachineDeploymentRelatedPropertyWasUpdated",
        "LoginSucceeded",
        "LoginPassword",
        "LoginFailed",
        "Logout",
        "SecondFactorStarted",
        "SecondFactorAdded",
        "UserDeactivated",
        "UserReactivated",
        "AccessDenied",
        "SecretRead",
        "TrailExported",
        "TrailArchiveRead",
        "BackupTaken",
    ];
    // Pages and clients can choose each of them.
    let offered = ada.get("/api/events/categories").expect(200).json();
    let offered: Vec<&str> = offered.as_array().unwrap().iter().map(|one| one["Id"].as_str().unwrap()).collect();
    let unknown: Vec<&String> = seen.iter().filter(|kind| !offered.contains(&kind.as_str())).collect();
    assert!(unknown.is_empty(), "nobody can choose {unknown:?}");
    let missing: Vec<&str> = wanted.into_iter().filter(|kind| !seen.contains(*kind)).collect();
    assert!(missing.is_empty(), "nothing tells of {missing:?}; the trail has {seen:?}");
    for (kind, reason) in NOT_YET {
        assert!(!seen.contains(*kind), "{kind} happens now: it is not true any more that {reason}");
    }
}

#[test]
fn an_event_says_who_by_which_means_from_where_and_what_differs_and_no_secret() {
    let cast = Cast::assemble();
    let (server, house) = (&cast.server, &cast.harbour);
    let ada = &house.administrator().key;
    let account = ada.get(&format!("/api/Spaces-1/accounts/{}", house.things["accounts"].id)).expect(200).json();
    let mut changed = account.clone();
    changed["Password"] = json!({ "HasValue": true, "NewValue": "a-new-secret-of-the-account" });
    ada.put(&format!("/api/Spaces-1/accounts/{}", house.things["accounts"].id), changed).expect(200);
    let event = &ada.get("/api/events?take=1").expect(200).json()["Items"][0];
    assert_eq!(event["Category"], "Modified");
    assert!(event["IdentityEstablishedWith"].as_str().unwrap().starts_with("API key API-"));
    assert_eq!(event["IpAddress"], "127.0.0.1");
    assert_eq!(event["ChangeDetails"]["Differences"]["Password"], "changed", "{event}");

    house.people["ada"].call(
        "harbour",
        true,
        "POST",
        "/default/infrastructure/environments",
        json!({ "name": "By hand", "Name": "By hand" }),
    );
    let event = &ada.get("/api/events?take=1").expect(200).json()["Items"][0];
    assert!(event["IdentityEstablishedWith"].as_str().unwrap().starts_with("session"), "{event}");

    // Whatever was typed as a secret is nowhere in the trail, nor in the log of the program.
    let told = server.command(&["api-key", "create", "harbour", &house.company.email, "--purpose", "x"]).run();
    let key = told.expect_success().stdout.trim().to_owned();
    Caller::with_key(&house.company.base, &key).get("/api/users/me").expect(200);
    let dump = Program::on(&server.data(), &["verify", "harbour"]).run();
    assert!(!dump.stdout.contains(&key));
    let sql = house.file(server);
    for secret in ["a-new-secret-of-the-account", &house.company.password, &key] {
        let found: i64 = sql
            .query_row(
                "SELECT count(*) FROM events WHERE instr(message || related || details || means, ?1) > 0",
                [secret],
                |row| row.get(0),
            )
            .unwrap();
        assert_eq!(found, 0, "a secret is in the trail");
        assert!(!server.printed().contains(secret), "a secret is in the log");
    }
}
