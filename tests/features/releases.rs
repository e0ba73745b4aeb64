//! Releases through the API, as `release create` and the clients use them.

use super::projects::{project, step, steps};
use crate::support::{api::Caller, server::Server};
use serde_json::{Value, json};

fn release(caller: &Caller, body: Value) -> crate::support::api::Answer {
    caller.post("/api/Spaces-1/releases/create/v1", body)
}
fn versions(collection: &Value) -> Vec<&str> {
    collection["Items"].as_array().unwrap().iter().map(|one| one["Version"].as_str().unwrap()).collect()
}

#[test]
fn releases_are_made_numbered_found_and_frozen() {
    let server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let ada = harbour.caller();
    let shop = project(&ada, "Shop");
    let none = release(&ada, json!({ "ProjectName": "Shop" })).expect(409).json();
    assert!(none["ErrorMessage"].as_str().unwrap().contains("has no steps to run"));
    steps(&ada, &shop, &[step("Greet", "echo one")]);

    let first = release(&ada, json!({ "spaceIdOrName": "Default", "projectName": "shop", "channelName": null }))
        .expect(201)
        .json();
    assert_eq!((&first["ReleaseId"], &first["ReleaseVersion"]), (&json!("Releases-1"), &json!("0.0.1")));
    let named = json!({ "ProjectName": "Projects-1", "ReleaseVersion": "1.2.0", "ReleaseNotes": "Faster.", "ChannelName": "default" });
    release(&ada, named.clone()).expect(201);
    assert!(
        release(&ada, named.clone()).expect(409).json()["ErrorMessage"].as_str().unwrap().contains("1.2.0 already")
    );
    let mut again = named;
    again["IgnoreIfAlreadyExists"] = json!(true);
    assert_eq!(release(&ada, again).expect(201).json()["ReleaseId"], "Releases-2");
    for (body, field) in [
        (json!({}), "ProjectName"),
        (json!({ "ProjectName": "Nothing" }), "ProjectName"),
        (json!({ "ProjectName": "Shop", "ReleaseVersion": "one two" }), "ReleaseVersion"),
        (json!({ "ProjectName": "Shop", "ChannelName": "Beta" }), "ChannelName"),
        (json!({ "ProjectName": "Shop", "Packages": ["Greet:1.0"] }), "Packages"),
    ] {
        let errors = release(&ada, body).expect(400).json();
        assert!(errors["Errors"][0].as_str().unwrap().starts_with(field), "{errors}");
    }
    let old = json!({ "ProjectId": "Projects-1", "ChannelId": "Channels-1", "Version": "1.2.1-beta.1" });
    assert_eq!(ada.post("/api/Spaces-1/releases", old).expect(201).json()["Version"], "1.2.1-beta.1");

    let listed = ada.get("/api/Spaces-1/projects/shop/releases").expect(200).json();
    assert_eq!(versions(&listed), ["1.2.1-beta.1", "1.2.0", "0.0.1"]);
    assert_eq!(
        versions(&ada.get("/api/Spaces-1/projects/shop/releases?searchByVersion=1.2.0").expect(200).json()),
        ["1.2.0"]
    );
    let found = ada.get("/api/Spaces-1/projects/Projects-1/releases/1.2.0").expect(200).json();
    assert_eq!((&found["Id"], &found["ReleaseNotes"]), (&json!("Releases-2"), &json!("Faster.")));
    assert!(found["Assembled"].as_str().unwrap().ends_with("+00:00"));
    for link in ["Self", "Progression", "Deployments", "Project", "Channel"] {
        assert!(found["Links"][link].is_string(), "{link}");
    }

    steps(&ada, &shop, &[step("Other", "echo two")]);
    let frozen = found["ProjectDeploymentProcessSnapshotId"].as_str().unwrap();
    let frozen = ada.get(&format!("/api/Spaces-1/deploymentprocesses/{frozen}")).expect(200).json();
    assert_eq!(frozen["Steps"][0]["Name"], "Greet");
    ada.put(&format!("/api/Spaces-1/deploymentprocesses/{}", frozen["Id"].as_str().unwrap()), frozen.clone())
        .expect(409);

    let mut notes = found.clone();
    notes["ReleaseNotes"] = json!("Faster and safer.");
    assert_eq!(
        ada.put("/api/Spaces-1/releases/Releases-2", notes).expect(200).json()["ReleaseNotes"],
        "Faster and safer."
    );
    let mut other = found;
    other["Version"] = json!("9.9.9");
    ada.put("/api/Spaces-1/releases/Releases-2", other).expect(400);
    ada.delete("/api/Spaces-1/releases/Releases-2", ()).expect(200);
    ada.get("/api/Spaces-1/projects/shop/releases/1.2.0").expect(404);
    ada.delete("/api/Spaces-1/channels/Channels-1", ()).expect(409);
}

#[test]
fn progression_says_where_a_release_may_go() {
    let server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let ada = harbour.caller();
    for name in ["Staging", "Production"] {
        ada.post("/api/Spaces-1/environments", json!({ "Name": name })).expect(201);
    }
    let shop = project(&ada, "Shop");
    steps(&ada, &shop, &[step("Greet", "echo one")]);
    release(&ada, json!({ "ProjectName": "Shop" })).expect(201);
    let seen = ada.get("/api/Spaces-1/releases/Releases-1/progression").expect(200).json();
    assert_eq!(seen["NextDeployments"], json!(["Environments-1"]));
    let phases: Vec<_> = seen["Phases"].as_array().unwrap().iter().map(|p| p["Progress"].as_str().unwrap()).collect();
    assert_eq!(phases, ["Current", "Pending"]);
    let board = ada.get("/api/Spaces-1/projects/shop/progression").expect(200).json();
    assert_eq!(
        board["Environments"],
        json!([{ "Id": "Environments-1", "Name": "Staging" }, { "Id": "Environments-2", "Name": "Production" }])
    );
    assert_eq!(board["Releases"][0]["NextDeployments"], json!(["Environments-1"]));
    assert_eq!(ada.get("/api/Spaces-1/releases/Releases-1/missingpackages").expect(200).json()["Packages"], json!([]));
}
