//! Accepted means kept (findings D9, D12): what was taken and then passed over has its effect.

use super::yard::{Yard, on_targets, script};
use serde_json::{Value, json};
use std::net::TcpListener;

const KEY: &str = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU";

/// A machine that takes connections and never says a word.
fn silent(yard: &Yard, name: &str, skip: Option<bool>) -> (TcpListener, Value) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let account = json!({ "Name": format!("Account of {name}"), "AccountType": "UsernamePassword", "Username": "u", "Password": { "NewValue": "hunter2hunter2" } });
    let account = yard.make("accounts", account);
    let port = listener.local_addr().unwrap().port();
    let mut machine = json!({ "Name": name, "EnvironmentIds": ["Environments-1"], "Roles": ["web"],
        "Endpoint": { "Host": "127.0.0.1", "Port": port, "Fingerprint": KEY, "AccountId": account } });
    if let Some(skip) = skip {
        machine["SkipInitialHealthCheck"] = json!(skip);
    }
    let made = yard.caller().post("/api/Spaces-1/machines", machine).expect(201).json();
    (listener, made)
}

#[test]
fn findings_d9_a_machine_is_looked_at_first_when_its_maker_says_so() {
    let yard = Yard::new("Untenanted", &[script("Say", "true")]);
    let (_quiet, made) = silent(&yard, "later", None);
    assert_eq!(made["SkipInitialHealthCheck"], true);
    let (_silent, made) = silent(&yard, "now", Some(false));
    assert_eq!(made["SkipInitialHealthCheck"], false);
    let ada = yard.caller();
    let of = |name: &str, query: &str| {
        let path = format!("/api/Spaces-1/machines/{name}/tasks{query}");
        ada.get(&path).expect(200).json()["TotalResults"].as_i64().unwrap()
    };
    assert_eq!((of("later", ""), of("now", "")), (0, 1));
    // A target's tasks take the filters of all tasks, and refuse others.
    let task = ada.get("/api/Spaces-1/machines/now/tasks").expect(200).json()["Items"][0]["Id"].clone();
    let task = task.as_str().unwrap().to_owned();
    assert_eq!(of("now", &format!("?ids={task}")), 1);
    assert_eq!((of("now", "?states=Success"), of("now", "?name=Deploy"), of("now", "?name=Health")), (0, 0, 1));
    assert!(ada.get("/api/Spaces-1/machines/now/tasks?colour=red").expect(400).text().contains("colour"));
    // It stays as it was said; a health check that was asked for takes no longer than it may.
    let mut kept = ada.get("/api/Spaces-1/machines/now").expect(200).json();
    kept.as_object_mut().unwrap().remove("SkipInitialHealthCheck");
    assert_eq!(ada.put("/api/Spaces-1/machines/now", kept).expect(200).json()["SkipInitialHealthCheck"], false);
    ada.post(&format!("/api/tasks/{task}/cancel"), json!({})).expect(200);
    yard.end_of(&task);

    let arguments = json!({ "MachineIds": ["later"], "Timeout": "00:05:00", "MachineTimeout": "0:00:01" });
    let asked = ada.post("/api/Spaces-1/tasks", json!({ "Name": "Health", "Arguments": arguments })).expect(201).json();
    assert_eq!(
        (&asked["Arguments"]["Timeout"], &asked["Arguments"]["MachineTimeout"]),
        (&json!("00:05:00"), &json!("00:00:01"))
    );
    let end = yard.end_of(asked["Id"].as_str().unwrap());
    assert_eq!(end["State"], "Failed");
    assert!(end["ErrorMessage"].as_str().unwrap().contains("within 00:00:01"), "{end}");
    assert_eq!(ada.get("/api/Spaces-1/machines/later").expect(200).json()["HealthStatus"], "Unavailable");
    for (field, wrong) in [("Timeout", "soon"), ("MachineTimeout", "00:00:00"), ("MachineTimeout", "25:00:00")] {
        let arguments = json!({ "MachineIds": ["later"], field: wrong });
        let refused = ada.post("/api/Spaces-1/tasks", json!({ "Name": "Health", "Arguments": arguments })).expect(400);
        assert!(refused.text().contains(&format!("Arguments.{field}")), "{}", refused.text());
    }
}

#[test]
fn findings_d9_a_runbook_that_needs_targets_fails_where_there_is_none() {
    let yard = Yard::new("Untenanted", &[script("Say", "true")]);
    let ada = yard.caller();
    let runbook =
        ada.post("/api/Spaces-1/runbooks", json!({ "Name": "Restart", "ProjectId": "Projects-1" })).expect(201).json();
    assert_eq!(runbook["ConnectivityPolicy"]["AllowDeploymentsToNoTargets"], true);
    let process = format!("/api/Spaces-1/runbookProcesses/{}", runbook["RunbookProcessId"].as_str().unwrap());
    let mut steps = ada.get(&process).expect(200).json();
    steps["Steps"] = json!([on_targets("Restart", "web", "true")]);
    ada.put(&process, steps).expect(200);
    let own = format!("/api/Spaces-1/runbooks/{}", runbook["Id"].as_str().unwrap());
    let run = || {
        let body = json!({ "ProjectName": "Shop", "RunbookName": "Restart", "EnvironmentNames": ["Staging"], "UseDraft": true });
        let made = ada.post("/api/Spaces-1/runbook-runs/create/v1", body).expect(201).json();
        yard.end_of(made["RunbookRunServerTasks"][0]["ServerTaskId"].as_str().unwrap())
    };
    assert_eq!(run()["State"], "Success");
    let mut kept = runbook.clone();
    kept["ConnectivityPolicy"]["AllowDeploymentsToNoTargets"] = json!(false);
    let kept = ada.put(&own, kept).expect(200).json();
    assert_eq!(kept["ConnectivityPolicy"]["AllowDeploymentsToNoTargets"], false);
    // Left out, it stays.
    let partial = json!({ "Name": "Restart", "ProjectId": "Projects-1" });
    assert_eq!(ada.put(&own, partial).expect(200).json()["ConnectivityPolicy"]["AllowDeploymentsToNoTargets"], false);
    let end = run();
    assert_eq!(end["State"], "Failed");
    assert!(end["ErrorMessage"].as_str().unwrap().contains("the settings of Restart"), "{end}");
    // A copy of the project keeps it.
    let copy = ada.post(
        "/api/Spaces-1/projects?clone=Projects-1",
        json!({ "Name": "Copy", "ProjectGroupId": "ProjectGroups-1", "LifecycleId": "Lifecycles-1" }),
    );
    let copy = copy.expect(201).json()["Id"].as_str().unwrap().to_owned();
    let copied = ada.get(&format!("/api/Spaces-1/projects/{copy}/runbooks")).expect(200).json();
    assert_eq!(copied["Items"][0]["ConnectivityPolicy"]["AllowDeploymentsToNoTargets"], false);
}

#[test]
fn findings_d18_a_moment_is_named_as_it_was_sent() {
    let yard = Yard::new("Untenanted", &[script("Say", "true")]);
    let ada = yard.caller();
    ada.post("/api/Spaces-1/runbooks", json!({ "Name": "Restart", "ProjectId": "Projects-1" })).expect(201);
    let far = "2099-01-31T10:00:00+00:00";
    for (path, base) in [
        (
            "deployments/create/untenanted/v1",
            json!({ "ProjectName": "Shop", "ReleaseVersion": "1.0.0", "EnvironmentNames": ["Staging"] }),
        ),
        (
            "runbook-runs/create/v1",
            json!({ "ProjectName": "Shop", "RunbookName": "Restart", "EnvironmentNames": ["Staging"], "UseDraft": true }),
        ),
    ] {
        let send = |fields: Value| {
            let mut body = base.clone();
            body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
            ada.post(&format!("/api/Spaces-1/{path}"), body).expect(400).json()["Details"].clone()
        };
        for name in ["RunAt", "QueueTime"] {
            let told = send(json!({ name: far }));
            assert!(told.get(name).is_some() && told.as_object().unwrap().len() == 1, "{path} {name}: {told}");
        }
        let told = send(json!({ "QueueTimeExpiry": "2001-01-01T00:00:00Z" }));
        assert!(told.get("QueueTimeExpiry").is_some(), "{told}");
        // Two names for one moment that say two things: one of them would be passed over.
        let told = send(json!({ "RunAt": "2026-12-01T00:00:00Z", "QueueTime": "2026-12-02T00:00:00Z" }));
        assert!(told.get("QueueTime").is_some(), "{told}");
    }
}

/// An account that may be used elsewhere alone, under a machine that stands here: no command leads there, a file can.
#[test]
fn a_target_whose_account_is_barred_fails_the_plan_that_uses_it_and_no_page() {
    let yard = Yard::new("Untenanted", &[on_targets("Install", "web", "true"), script("Say", "true")]);
    yard.caller().delete("/api/Spaces-1/environments/Environments-9", ()).expect(404);
    let (_listener, machine) = silent(&yard, "web-1", None);
    let account = machine["Endpoint"]["AccountId"].as_str().unwrap().to_owned();
    let file = rusqlite::Connection::open(yard.server.data().join("companies/harbour/company.db")).unwrap();
    file.busy_timeout(std::time::Duration::from_secs(30)).unwrap();
    let number = account.rsplit('-').next().unwrap();
    file.execute("INSERT INTO account_environments (account_id, environment_id) VALUES (?1, 2)", [number]).unwrap();
    drop(file);
    let ada = yard.caller();
    // Programs and people see the plan, why it is not carried out, and nothing of the account.
    let preview = ada.get("/api/Spaces-1/releases/Releases-1/deployments/preview/Environments-1").expect(200).text();
    assert!(preview.contains("web-1 signs in with an account that may not be used in Staging"), "{preview}");
    assert!(!preview.contains("Account of web-1"), "{preview}");
    ada.get("/api/Spaces-1/releases/Releases-1/deployments/template").expect(200);
    let mut browser = yard.server.browser();
    browser.sign_in("harbour", &yard.company.email, &yard.company.password).expect(200);
    let page =
        browser.get("/harbour/default/projects/shop/releases/1.0.0/deployments/new?environment=staging").expect(200);
    assert!(page.text().contains("may not be used in Staging"), "{page}");
    browser.get("/harbour/default/projects/shop/releases/1.0.0").expect(200);
    let end = yard.end_of(&yard.deploy("1.0.0"));
    assert_eq!(end["State"], "Failed");
    assert!(end["ErrorMessage"].as_str().unwrap().contains("may not be used in Staging"), "{end}");
    // A plan that goes to other machines is not stopped by it.
    yard.steps(&[script("Say", "true")]);
    yard.release("1.1.0");
    assert_eq!(yard.end_of(&yard.deploy("1.1.0"))["State"], "Success");
}

#[test]
fn disabled_steps_stand_in_previews_when_they_are_asked_for() {
    let mut off = script("Rest", "true");
    off["Actions"][0]["IsDisabled"] = json!(true);
    let yard = Yard::new("Untenanted", &[script("Say", "true"), off]);
    for (with, steps) in [(false, 1), (true, 2)] {
        let wanted = json!({ "DeploymentPreviews": [{ "EnvironmentId": "Staging" }], "IncludeDisabledSteps": with });
        let told =
            yard.caller().post("/api/Spaces-1/releases/Releases-1/deployments/previews", wanted).expect(200).json();
        assert_eq!(told[0]["StepsToExecute"].as_array().unwrap().len(), steps, "{told}");
    }
}

/// Findings D18, D9: what goes by several names is one thing by all of them, and an error names the one that was sent.
#[test]
fn findings_d18_a_thing_that_two_names_name_is_one_and_errors_say_which_was_sent() {
    let yard = Yard::new("Untenanted", &[script("Say", "true")]);
    let ada = yard.caller();
    let other = json!({ "Name": "Other", "ProjectGroupId": "ProjectGroups-1", "LifecycleId": "Lifecycles-1" });
    ada.post("/api/Spaces-1/projects", other).expect(201);
    ada.post("/api/Spaces-1/runbooks", json!({ "Name": "Restart", "ProjectId": "Projects-1" })).expect(201);
    let deploy = json!({ "ProjectName": "Shop", "ReleaseVersion": "1.0.0", "EnvironmentNames": ["Staging"] });
    let run =
        json!({ "ProjectName": "Shop", "RunbookName": "Restart", "EnvironmentNames": ["Staging"], "UseDraft": true });
    let old = json!({ "ReleaseId": "Releases-1", "EnvironmentId": "Environments-1" });
    for (path, base, more, field) in [
        ("deployments/create/untenanted/v1", &deploy, json!({ "ProjectId": "Projects-2" }), "ProjectId"),
        ("deployments/create/untenanted/v1", &deploy, json!({ "ProjectId": "Projects-99" }), "ProjectId"),
        ("deployments/create/untenanted/v1", &deploy, json!({ "SkipActions": ["Nope"] }), "SkipActions"),
        ("deployments/create/untenanted/v1", &deploy, json!({ "SkipStepNames": ["Nope"] }), "SkipStepNames"),
        ("deployments", &old, json!({ "SkipActions": ["Nope"] }), "SkipActions"),
        ("deployments", &old, json!({ "EnvironmentId": "Environments-2" }), "EnvironmentId"),
        ("runbook-runs/create/v1", &run, json!({ "ProjectId": "Other" }), "ProjectId"),
        ("runbook-runs/create/v1", &run, json!({ "RunbookId": "Runbooks-9" }), "RunbookId"),
        (
            "runbook-runs/create/v1",
            &run,
            json!({ "UseDraft": false, "RunbookSnapshotId": "Nope" }),
            "RunbookSnapshotId",
        ),
        (
            "releases/create/v1",
            &json!({ "ProjectName": "Shop" }),
            json!({ "ProjectIdOrName": "Other" }),
            "ProjectIdOrName",
        ),
        ("releases/create/v1", &json!({ "ProjectName": "Shop" }), json!({ "ChannelId": "Channels-99" }), "ChannelId"),
        (
            "runbooks",
            &json!({ "Name": "R", "ProjectId": "Projects-1" }),
            json!({ "Environments": ["Environments-1"] }),
            "Environments",
        ),
    ] {
        let mut body = base.clone();
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let told = ada.post(&format!("/api/Spaces-1/{path}"), body).expect(400).json();
        assert!(told["Details"].get(field).is_some(), "{path} {more}: {told}");
    }
    // The same thing by two names is no contradiction.
    let mut both = deploy;
    both["ProjectId"] = json!("Projects-1");
    ada.post("/api/Spaces-1/deployments/create/untenanted/v1", both).expect(201);
    let both = json!({ "ProjectName": "Shop", "ProjectId": "Projects-1", "ChannelName": "Default", "ChannelId": "Channels-1", "ReleaseVersion": "2.0.0" });
    ada.post("/api/Spaces-1/releases/create/v1", both).expect(201);
}
