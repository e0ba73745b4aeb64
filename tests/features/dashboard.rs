//! The dashboard, through the front door.

use crate::support::server::Server;
use serde_json::json;

#[test]
fn an_empty_dashboard_says_how_to_begin_and_a_full_one_what_runs_where() {
    let server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let mut browser = server.browser();
    let page = browser.sign_in("harbour", &harbour.email, &harbour.password).text();
    assert!(page.contains("No projects yet") && page.contains("/harbour/default/projects/new"), "{page}");

    let ada = harbour.caller();
    for name in ["Staging", "Production"] {
        ada.post("/api/Spaces-1/environments", json!({ "Name": name })).expect(201);
    }
    let project = json!({ "Name": "Shop", "ProjectGroupId": "ProjectGroups-1", "LifecycleId": "Lifecycles-1" });
    ada.post("/api/Spaces-1/projects", project).expect(201);
    ada.post("/api/Spaces-1/releases/create/v1", json!({ "ProjectName": "Shop", "ReleaseVersion": "1.0.0" }))
        .expect(201);
    let page = browser.get("/harbour/default").expect(200).text();
    for part in [
        "nothing deployed yet",
        "Staging",
        "/harbour/default/projects/shop",
        "1.0.0/deployments/new?environment=staging",
    ] {
        assert!(page.contains(part), "{part}");
    }

    // A process without steps deploys nothing and succeeds or is refused: either way a place has a state.
    let deploy = json!({ "ProjectName": "Shop", "ReleaseVersion": "1.0.0", "EnvironmentNames": ["Staging"] });
    let sent = ada.post("/api/Spaces-1/deployments/create/untenanted/v1", deploy);
    let board = ada.get("/api/Spaces-1/dashboard").expect(200).json();
    assert_eq!(board["Projects"][0]["EnvironmentIds"], json!(["Environments-1", "Environments-2"]));
    if sent.status < 300 {
        assert_eq!(board["Items"][0]["ReleaseVersion"], "1.0.0");
        assert_eq!(board["Items"][0]["EnvironmentId"], "Environments-1");
        ada.post("/api/Spaces-1/releases/create/v1", json!({ "ProjectName": "Shop", "ReleaseVersion": "1.1.0" }))
            .expect(201);
        let page = browser.get("/harbour/default").expect(200).text();
        assert!(page.contains("1 behind"), "{page}");
    }
    let some = ada.get("/api/Spaces-1/dashboard/dynamic?projects=Projects-9").expect(200).json();
    assert_eq!((&some["Projects"], &some["Items"]), (&json!([]), &json!([])));
    let none = browser.get("/harbour/default?q=nothing-like-it").expect(200).text();
    assert!(!none.contains("No projects yet"), "a filter that finds nothing is not an empty space");
}
