//! A defect keeps a release where it is (findings D10).

use crate::support::{api::says, cast::step, server::founded};
use serde_json::{Value, json};

const API: &str = "/api/Spaces-1";

#[test]
fn findings_d10_a_defect_prevents_progression_until_it_is_resolved() {
    let (_server, harbour) = founded();
    let ada = harbour.caller();
    let make = |kind: &str, body: Value| ada.post(&format!("{API}/{kind}"), body).expect(201).json();
    let places = ["Dev", "Test", "Production"].map(|name| make("environments", json!({ "Name": name }))["Id"].clone());
    make("projects", json!({ "Name": "Shop", "ProjectGroupId": "ProjectGroups-1", "LifecycleId": "Lifecycles-1" }));
    let process = format!("{API}/projects/shop/deploymentprocesses");
    ada.put(&process, json!({ "Version": 0, "Steps": [step("Greet", "echo hello")] })).expect(200);
    make("releases/create/v1", json!({ "ProjectName": "Shop", "ReleaseVersion": "1.0.0" }));
    let deploy = |place: &str| {
        let wanted = json!({ "ProjectName": "Shop", "ReleaseVersion": "1.0.0", "EnvironmentNames": [place] });
        ada.post(&format!("{API}/deployments/create/untenanted/v1"), wanted)
    };
    let through = |place: &str| {
        let made = deploy(place).expect(201).json();
        let task = made["DeploymentServerTasks"][0]["ServerTaskId"].as_str().unwrap().to_owned();
        for _ in 0..300 {
            if ada.get(&format!("/api/tasks/{task}")).expect(200).json()["State"] == "Success" {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        panic!("{task} does not end");
    };
    through("Dev");
    let at = format!("{API}/releases/Releases-1");
    ada.post(&format!("{at}/defects"), json!({})).expect(400);
    ada.post(&format!("{at}/defects/resolve"), json!({})).expect(409);
    let made = ada.post(&format!("{at}/defects"), json!({ "description": "Prices are wrong" })).expect(201).json();
    assert_eq!((&made["Status"], &made["Description"]), (&json!("Unresolved"), &json!("Prices are wrong")));
    ada.post(&format!("{at}/defects"), json!({ "Description": "More" })).expect(409);
    // It stays where it is, and goes no further.
    says(&deploy("Test").expect(400), &["Prices are wrong"]);
    through("Dev");
    let progress = ada.get(&format!("{at}/progression")).expect(200).json();
    assert_eq!((&progress["HasUnresolvedDefect"], &progress["NextDeployments"]), (&json!(true), &json!([])));
    let blocked: Vec<_> = progress["Phases"].as_array().unwrap().iter().map(|one| one["Blocked"].clone()).collect();
    assert_eq!(blocked, [json!(false), json!(true), json!(true)]);
    let of_project = ada.get(&format!("{API}/projects/shop/progression")).expect(200).json();
    assert_eq!(of_project["Releases"][0]["HasUnresolvedDefect"], json!(true));
    let test = places[1].as_str().unwrap();
    ada.get(&format!("{at}/deployments/preview/{test}")).expect(200);
    let solved = ada.post(&format!("{at}/defects/resolve"), json!({})).expect(200).json();
    assert_eq!(solved["Status"], "Resolved");
    through("Test");
    let all = ada.get(&format!("{at}/defects")).expect(200).json();
    assert_eq!((&all["TotalResults"], &all["Items"][0]["Status"]), (&json!(1), &json!("Resolved")));
    let told = ada.get("/api/events?eventCategories=DefectReported,DefectResolved").expect(200).json();
    assert_eq!(told["TotalResults"], 2);
    ada.delete(&at, ()).expect(200);
}
