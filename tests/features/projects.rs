//! Project groups, projects, their processes and channels, as clients of the API use them.

mod kept;

use crate::support::{api::Caller, server::Server};
use serde_json::{Value, json};

/// A step as the command line's users write it: one script on the worker.
pub fn step(name: &str, body: &str) -> Value {
    json!({ "Id": "", "Name": name, "Properties": {}, "Actions": [{ "Id": "", "Name": name, "ActionType": "Octopus.Script", "Properties": {
        "Octopus.Action.RunOnServer": "True", "Octopus.Action.Script.ScriptSource": "Inline",
        "Octopus.Action.Script.Syntax": "Bash", "Octopus.Action.Script.ScriptBody": body } }] })
}

/// A project in the default group, following the default lifecycle.
pub fn project(caller: &Caller, name: &str) -> Value {
    let body = json!({ "Name": name, "ProjectGroupId": "ProjectGroups-1", "LifecycleId": "Lifecycles-1" });
    caller.post("/api/Spaces-1/projects", body).expect(201).json()
}

/// Gives a project these steps.
pub fn steps(caller: &Caller, project: &Value, steps: &[Value]) -> Value {
    let own = format!("/api/Spaces-1/projects/{}/deploymentprocesses", project["Id"].as_str().unwrap());
    let mut process = caller.get(&own).expect(200).json();
    process["Steps"] = json!(steps);
    caller.put(&own, process).expect(200).json()
}

fn names(collection: &Value) -> Vec<&str> {
    collection["Items"].as_array().unwrap().iter().map(|one| one["Name"].as_str().unwrap()).collect()
}

#[test]
fn a_project_is_made_found_changed_moved_and_deleted() {
    let server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let ada = harbour.caller();
    let group =
        ada.post("/api/Spaces-1/projectgroups", json!({ "name": "Web", "description": "Sites" })).expect(201).json();
    assert_eq!((group["Slug"].as_str(), group["Description"].as_str()), (Some("web"), Some("Sites")));

    let shop = project(&ada, "Shop");
    assert_eq!(shop["PersistenceSettings"], json!({ "Type": "Database" }));
    assert_eq!(shop["DeploymentProcessId"], "deploymentprocess-Projects-1");
    for link in [
        "Self",
        "Channels",
        "Releases",
        "Progression",
        "DeploymentProcess",
        "DeploymentSettings",
        "Variables",
        "Runbooks",
    ] {
        assert!(shop["Links"][link].as_str().is_some_and(|at| at.starts_with("/harbour/api/Spaces-1/")), "{link}");
    }
    for address in [
        "/api/Spaces-1/projects/Projects-1",
        "/api/spaces/default/projects/shop",
        "/api/projects/SHOP",
        "/API/Spaces-1/Projects/projects-1",
    ] {
        assert_eq!(ada.get(address).expect(200).json()["Id"], "Projects-1", "{address}");
    }
    let missing = ada.get("/api/Spaces-1/projects/My%20Project").expect(404).json();
    assert!(missing["ErrorMessage"].as_str().unwrap().contains("My Project") && missing.get("Errors").is_none());

    for number in 1..=35 {
        project(&ada, &format!("Service {number}"));
    }
    let first = ada.get("/api/Spaces-1/projects?partialName=service").expect(200).json();
    assert_eq!((first["TotalResults"].as_i64(), names(&first).len()), (Some(35), 30));
    let next =
        ada.get(first["Links"]["Page.Next"].as_str().unwrap().strip_prefix("/harbour").unwrap()).expect(200).json();
    assert!(next["Links"].get("Page.Next").is_none());
    assert_eq!(ada.get("/api/Spaces-1/projects/all").expect(200).json().as_array().unwrap().len(), 36);
    let some =
        ada.get("/api/Spaces-1/projects?ids=Projects-1,Projects-2,Projects-999&take=2147483647").expect(200).json();
    assert_eq!(names(&some), ["Service 1", "Shop"]);

    let mut changed = shop.clone();
    changed["ProjectGroupId"] = group["Id"].clone();
    changed["TenantedDeploymentMode"] = json!("tenantedoruntenanted");
    changed["IsDisabled"] = json!(true);
    let saved =
        ada.put(shop["Links"]["Self"].as_str().unwrap().strip_prefix("/harbour").unwrap(), changed).expect(200).json();
    assert_eq!(
        (&saved["ProjectGroupId"], &saved["TenantedDeploymentMode"]),
        (&group["Id"], &json!("TenantedOrUntenanted"))
    );
    assert_eq!(names(&ada.get("/api/Spaces-1/projectgroups/web/projects").expect(200).json()), ["Shop"]);
    let refused = ada.delete("/api/Spaces-1/projectgroups/web", ()).expect(409).json();
    assert!(refused["ErrorMessage"].as_str().unwrap().contains("the project Shop"));

    let gone = ada.delete("/api/Spaces-1/projects/shop", ()).expect(200);
    assert_eq!(gone.header("content-length"), "0");
    ada.get("/api/Spaces-1/projects/Projects-1").expect(404);
    ada.delete("/api/Spaces-1/projectgroups/web", ()).expect(200);
}

#[test]
fn wrong_projects_are_refused_with_the_field() {
    let server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let ada = harbour.caller();
    project(&ada, "Shop");
    let wrong = |body: Value| {
        let answer = ada.post("/api/Spaces-1/projects", body).expect(400).json();
        answer["Errors"][0].as_str().unwrap().to_owned()
    };
    let whole =
        |name: &str| json!({ "Name": name, "ProjectGroupId": "ProjectGroups-1", "LifecycleId": "Lifecycles-1" });
    assert!(wrong(json!({})).starts_with("ProjectGroupId: "));
    assert!(
        wrong(json!({ "Name": "A", "ProjectGroupId": "ProjectGroups-9" }))
            .contains("no project group “ProjectGroups-9”")
    );
    assert!(
        wrong(json!({ "Name": "A", "ProjectGroupId": "ProjectGroups-1", "LifecycleId": "Lifecycles-9" }))
            .starts_with("LifecycleId: ")
    );
    assert!(wrong(whole("shop ")).contains("already"));
    assert!(wrong(whole("  ")).starts_with("Name: "));
    assert!(wrong(whole(&"x".repeat(201))).starts_with("Name: "));
    let mut odd = whole("A");
    odd["TenantedDeploymentMode"] = json!("Sometimes");
    assert!(wrong(odd).starts_with("TenantedDeploymentMode: "));
    // Two companies with the same numbers: another company's project is not there.
    let other = server.company("meridian", "Meridian", "dora@meridian.test");
    other.caller().get("/api/Spaces-1/projects/Projects-1").expect(404);
    Caller::with_key(&other.base, &harbour.key).get("/api/Spaces-1/projects").expect(401);
}

#[test]
fn a_process_is_kept_as_it_was_sent_and_guards_against_lost_updates() {
    let server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let ada = harbour.caller();
    let shop = project(&ada, "Shop");
    let own = "/api/Spaces-1/projects/Projects-1/deploymentprocesses";
    let empty = ada.get(own).expect(200).json();
    assert_eq!(
        (&empty["Id"], &empty["Version"], &empty["Steps"]),
        (&json!("deploymentprocess-Projects-1"), &json!(0), &json!([]))
    );

    let mut greet = step("Greet", "echo \"hello\"\n");
    greet["Properties"]["My.Own"] = json!("kept");
    greet["condition"] = json!("always");
    let saved = steps(&ada, &shop, &[greet, step("Part", "echo bye")]);
    let first = &saved["Steps"][0];
    assert_eq!((&first["Properties"]["My.Own"], &first["Condition"]), (&json!("kept"), &json!("Always")));
    assert!(!first["Id"].as_str().unwrap().is_empty() && !first["Actions"][0]["Id"].as_str().unwrap().is_empty());
    assert_eq!(first["Actions"][0]["Packages"], json!([]));
    assert_eq!(first["Actions"][0]["Properties"]["Octopus.Action.Script.ScriptBody"], "echo \"hello\"\n");
    let by_id = ada.get("/api/Spaces-1/deploymentProcesses/DeploymentProcess-projects-1").expect(200).json();
    assert_eq!(by_id["Steps"], saved["Steps"]);

    // What was read can be sent back as it is, and changes nothing; what is older than a change is stale.
    let again =
        ada.put("/api/Spaces-1/deploymentprocesses/deploymentprocess-Projects-1", by_id.clone()).expect(200).json();
    assert_eq!(again, by_id);
    let mut changed = by_id.clone();
    changed["Steps"][1]["Actions"][0]["Notes"] = json!("To be looked at.");
    let again = ada.put(own, changed).expect(200).json();
    assert_eq!(again["Version"], json!(by_id["Version"].as_i64().unwrap() + 1));
    let stale = ada.put(own, by_id).expect(409).json();
    assert!(stale["ErrorMessage"].as_str().unwrap().contains("somebody else"));

    let refused = |steps: Value| {
        let answer = ada.put(own, json!({ "Version": again["Version"], "Steps": steps })).expect(400).json();
        answer["Errors"].to_string()
    };
    assert!(refused(json!("x")).contains("Send all steps"));
    assert!(refused(json!([{ "Name": "A", "Actions": 5 }])).contains("Steps[0]: Actions must be a list."));
    let mut package = step("A", "echo 1");
    package["Actions"][0]["ActionType"] = json!("Octopus.TentaclePackage");
    assert!(refused(json!([package])).contains("cannot be run by this version"));
    let mut secret = step("A", "echo 1");
    secret["Actions"][0]["Properties"]["Token"] = json!({ "HasValue": true, "NewValue": "hunter2" });
    let answer = refused(json!([secret]));
    assert!(answer.contains("sensitive value") && !answer.contains("hunter2"));
    assert!(refused(json!([step("A", "x"), step("a", "y")])).contains("There is a step called"));
    ada.put(own, json!({ "Version": again["Version"] })).expect(400);
    assert_eq!(ada.get(own).expect(200).json()["Steps"], again["Steps"], "nothing was lost on the way");

    let template = ada.get(&format!("{own}/template?channel=Channels-1")).expect(200).json();
    assert_eq!((&template["NextVersionIncrement"], &template["Packages"]), (&json!("0.0.1"), &json!([])));
}

#[test]
fn channels_belong_to_their_project() {
    let server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let ada = harbour.caller();
    project(&ada, "Shop");
    project(&ada, "Blog");
    let listed = ada.get("/api/Spaces-1/projects/shop/channels").expect(200).json();
    assert_eq!((names(&listed), &listed["Items"][0]["IsDefault"]), (vec!["Default"], &json!(true)));
    let beta = ada
        .post("/api/Spaces-1/channels", json!({ "ProjectId": "Projects-1", "Name": "Beta", "IsDefault": true }))
        .expect(201)
        .json();
    assert_eq!((&beta["ProjectId"], &beta["IsDefault"]), (&json!("Projects-1"), &json!(true)));
    ada.get("/api/Spaces-1/projects/blog/channels/beta").expect(404);
    assert_eq!(ada.get("/api/Spaces-1/projects/shop/channels/beta").expect(200).json()["Id"], beta["Id"]);
    let rules = json!({ "Name": "Beta", "Rules": [{ "VersionRange": "[1,2)" }] });
    ada.put("/api/Spaces-1/channels/Channels-3", rules).expect(400);
    ada.delete("/api/Spaces-1/channels/Channels-3", ()).expect(409);
    ada.delete("/api/Spaces-1/channels/Channels-1", ()).expect(200);
    let ids = ada.get("/api/Spaces-1/channels?ids=Channels-1,Channels-2,Channels-3").expect(200).json();
    assert_eq!(names(&ids), ["Default", "Beta"]);
}

#[test]
fn a_clone_takes_process_and_channels_along() {
    let server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let ada = harbour.caller();
    let shop = project(&ada, "Shop");
    steps(&ada, &shop, &[step("Greet", "echo 1")]);
    let body = json!({ "Name": "Shop 2", "ProjectGroupId": "ProjectGroups-1", "LifecycleId": "Lifecycles-1" });
    let copy = ada.post("/api/Spaces-1/projects?clone=Projects-1", body).expect(201).json();
    assert_eq!(copy["ClonedFromProjectId"], "Projects-1");
    let process = ada.get("/api/Spaces-1/projects/shop-2/deploymentprocesses").expect(200).json();
    assert_eq!(process["Steps"][0]["Name"], "Greet");
    assert_eq!(names(&ada.get("/api/Spaces-1/projects?clonedFromProjectId=Projects-1").expect(200).json()), ["Shop 2"]);
    assert_eq!(ada.get("/api/Spaces-1/projects?clonedFromProjectId=nonsense").expect(200).json()["TotalResults"], 0);
}
