//! Lifecycles through the API.

use crate::support::server::Server;
use serde_json::json;

#[test]
fn phases_are_kept_previewed_and_checked() {
    let server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let ada = harbour.caller();
    for name in ["Dev", "Staging", "Production"] {
        ada.post("/api/Spaces-1/environments", json!({ "Name": name })).expect(201);
    }
    let plain = ada.get("/api/Spaces-1/lifecycles/Lifecycles-1").expect(200).json();
    assert_eq!(plain["Phases"], json!([]));
    let seen = ada.get("/api/Spaces-1/lifecycles/Lifecycles-1/preview").expect(200).json();
    let phases: Vec<_> =
        seen["Phases"].as_array().unwrap().iter().map(|p| p["Name"].as_str().unwrap().to_owned()).collect();
    assert_eq!(phases, ["Dev", "Staging", "Production"]);

    let careful = json!({ "name": "Careful", "phases": [
        { "name": "First", "automaticDeploymentTargets": ["Environments-1"], "optionalDeploymentTargets": null },
        { "name": "Rest", "minimumEnvironmentsBeforePromotion": 1, "isOptionalPhase": true } ] });
    let made = ada.post("/api/Spaces-1/lifecycles", careful).expect(201).json();
    assert_eq!(made["Phases"][0]["AutomaticDeploymentTargets"], json!(["Environments-1"]));
    assert_eq!(
        (&made["Phases"][1]["MinimumEnvironmentsBeforePromotion"], &made["Phases"][1]["IsOptionalPhase"]),
        (&json!(1), &json!(true))
    );
    let seen = ada.get("/api/Spaces-1/lifecycles/careful/preview").expect(200).json();
    assert_eq!(seen["Phases"][1]["OptionalDeploymentTargets"], json!(["Environments-2", "Environments-3"]));
    let same = ada.put("/api/Spaces-1/lifecycles/careful", made.clone()).expect(200).json();
    assert_eq!(same["Phases"], made["Phases"]);

    let mut twice = made.clone();
    twice["Phases"][1]["OptionalDeploymentTargets"] = json!(["Environments-1"]);
    let errors = ada.put("/api/Spaces-1/lifecycles/careful", twice).expect(400).json();
    assert!(errors["Errors"][0].as_str().unwrap().contains("An environment belongs to one phase only"));
    let mut unknown = made.clone();
    unknown["Phases"][1]["OptionalDeploymentTargets"] = json!(["Production"]);
    ada.put("/api/Spaces-1/lifecycles/careful", unknown).expect(400);

    let project = json!({ "Name": "Shop", "ProjectGroupId": "ProjectGroups-1", "LifecycleId": made["Id"] });
    ada.post("/api/Spaces-1/projects", project).expect(201);
    assert_eq!(ada.get("/api/Spaces-1/lifecycles/careful/projects").expect(200).json()[0]["Name"], "Shop");
    ada.delete("/api/Spaces-1/lifecycles/careful", ()).expect(409);
    ada.delete("/api/Spaces-1/lifecycles/Lifecycles-1", ()).expect(409);
    let used = ada.delete("/api/Spaces-1/environments/dev", ()).expect(409).json();
    assert!(used["ErrorMessage"].as_str().unwrap().contains("the lifecycle Careful"));
}
