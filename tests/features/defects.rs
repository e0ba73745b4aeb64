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

#[test]
fn the_page_of_a_release_shows_its_defects_and_who_may_reports_and_resolves_one() {
    let mut cast = crate::support::cast::Cast::assemble();
    cast.harbour.hire(&cast.server, "lena", Some("userroles-projectviewer"), json!({}));
    let house = &cast.harbour;
    let (ada, lena) = (&house.people["ada"].browser, &house.people["lena"].browser);
    let (project, release) = (&house.things["projects"], &house.things["releases"]);
    let page = format!("/{}/default/projects/{}/releases/{}", house.company.slug, project.slug, release.slug);
    says(&ada.get(&page).expect(200), &["None was reported.", "name=\"description\"", "Report the defect"]);
    // Who may only look sees that there is none, and why the button is off.
    let seen = lena.get(&page).expect(200);
    says(&seen, &["None was reported.", "Needs DefectReport"]);
    assert!(!seen.text().contains("Report the defect"), "{seen}");
    lena.post(&format!("{page}/defects"), [("description", "No")]).expect(403);

    let refused = ada.post(&format!("{page}/defects"), [("description", " ")]).expect(422);
    says(&refused, &["<details class=\"more\" open>", "f-description-error"]);
    let held = ada.done(&format!("{page}/defects"), [("description", "Prices <are> wrong")]);
    says(&held, &["The defect was reported", "Prices &#60;are&#62; wrong", ">Open<", "Resolve it"]);
    // One at a time: the form is gone, and who sends it all the same is told.
    assert!(!held.text().contains("Report the defect"), "{held}");
    says(&ada.post(&format!("{page}/defects"), [("description", "More")]).expect(422), &["Prices &#60;are&#62; wrong"]);
    let seen = lena.get(&page).expect(200);
    says(&seen, &["Prices &#60;are&#62; wrong", "Needs DefectResolve"]);
    lena.post(&format!("{page}/defects/resolve"), ()).expect(403);

    let free = ada.done(&format!("{page}/defects/resolve"), ());
    says(&free, &["The defect was resolved", ">Resolved<", "Report the defect"]);
    ada.post(&format!("{page}/defects/resolve"), ()).expect(409);
    // By the same commands as the API: the trail says the same, and the API sees it.
    let api = &house.administrator().key;
    let told = api.get("/api/events?eventCategories=DefectReported,DefectResolved").expect(200).json();
    assert_eq!(told["TotalResults"], 2);
    let all = api.get(&format!("{API}/releases/{}/defects", release.id)).expect(200).json();
    assert_eq!((&all["TotalResults"], &all["Items"][0]["Status"]), (&json!(1), &json!("Resolved")));
}
