//! Spaces through the API.

use crate::support::server::Server;
use serde_json::json;

#[test]
fn a_space_is_made_found_and_deleted_with_all_in_it() {
    let server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let ada = harbour.caller();
    let first = ada.get("/api/spaces?partialName=default&skip=0&take=2147483647").expect(200).json();
    let default = &first["Items"][0];
    assert_eq!((&default["Id"], &default["IsDefault"]), (&json!("Spaces-1"), &json!(true)));
    assert!(default["Links"]["Web"].as_str().unwrap().contains("/app#/"));
    assert_eq!(default["SpaceManagersTeams"], json!(["teams-spacemanagers-Spaces-1"]));
    assert_eq!(default["SpaceManagersTeamMembers"], json!(["Users-1"]));

    let nobody = ada.post("/api/spaces", json!({ "Name": "Finance" })).expect(400).json();
    assert!(nobody["Errors"][0].as_str().unwrap().starts_with("SpaceManagersTeamMembers: "));
    let made = ada
        .post("/api/spaces", json!({ "Name": "Finance", "SpaceManagersTeamMembers": ["Users-1"] }))
        .expect(201)
        .json();
    assert_eq!((&made["Id"], &made["Slug"]), (&json!("Spaces-2"), &json!("finance")));
    assert_eq!(ada.get("/api/spaces/all").expect(200).json().as_array().unwrap().len(), 2);
    assert!(
        ada.get("/api/Spaces-2").expect(200).json()["Links"]["Projects"]
            .as_str()
            .unwrap()
            .starts_with("/harbour/api/Spaces-2/projects")
    );
    ada.get("/api/Spaces-9").expect(404);

    // It is furnished, and a wall: what is in one is not in the other.
    assert_eq!(ada.get("/api/finance/lifecycles/all").expect(200).json()[0]["Name"], "Default lifecycle");
    ada.post("/api/Spaces-2/environments", json!({ "Name": "Production" })).expect(201);
    ada.get("/api/Spaces-1/environments/Environments-1").expect(404);
    let crossing = json!({ "Name": "Shop", "ProjectGroupId": "ProjectGroups-2", "LifecycleId": "Lifecycles-1" });
    ada.post("/api/Spaces-1/projects", crossing.clone()).expect(400);
    ada.post("/api/Spaces-2/projects", crossing).expect(400);

    ada.delete("/api/spaces/Spaces-2", ()).expect(409);
    let mut stopped = made.clone();
    stopped["TaskQueueStopped"] = json!(true);
    let saved = ada.put("/api/spaces/Spaces-2", stopped).expect(200).json();
    assert_eq!((&saved["TaskQueueStopped"], &saved["SpaceManagersTeams"]), (&json!(true), &made["SpaceManagersTeams"]));
    ada.delete("/api/spaces/Spaces-2", ()).expect(200);
    ada.get("/api/Spaces-2/environments").expect(404);
    ada.delete("/api/spaces/Spaces-1", ()).expect(409);
}
