//! The dashboard, through the front door.

use crate::{
    execution::yard::{Yard, script},
    support::{browser_like::BrowserLike, server::Server},
};
use serde_json::json;

fn ada(yard: &Yard) -> BrowserLike {
    let mut browser = yard.server.browser();
    browser.sign_in(&yard.company.slug, &yard.company.email, &yard.company.password);
    browser
}

#[track_caller]
fn says(page: &str, words: &[&str]) {
    for word in words {
        assert!(page.contains(word), "“{word}” is not on the page:\n{page}");
    }
}

#[test]
fn an_empty_dashboard_says_how_to_begin() {
    let server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let mut browser = server.browser();
    browser.sign_in("harbour", &harbour.email, &harbour.password);
    let page = browser.get("/harbour/default").expect(200).text();
    says(&page, &["No projects yet", "/harbour/default/projects/new"]);
    let board = harbour.caller().get("/api/dashboard").expect(200).json();
    assert_eq!((&board["Projects"], &board["Items"]), (&json!([]), &json!([])));
    harbour.stranger().get("/api/dashboard").expect(401);
}

#[test]
fn what_runs_where_what_failed_and_what_is_behind() {
    let yard = Yard::new("TenantedOrUntenanted", &[script("Install", "echo hello")]);
    let (ada, api) = (ada(&yard), yard.caller());
    let page = ada.get("/harbour/default").expect(200).text();
    let deploy = "/projects/shop/releases/1.0.0/deployments/new?environment=staging";
    says(&page, &["nothing deployed yet", "Staging", "Production", deploy]);
    // Findings C5: the place is chosen, also after it was renamed: its slug stays.
    let chosen = |page: &str| {
        page.split("<input type=\"radio\"").any(|input| {
            let input = input.split('>').next().unwrap_or_default();
            input.contains("value=\"Environments-1\"") && input.contains(" checked")
        })
    };
    assert!(chosen(&ada.get(&format!("/harbour/default{deploy}")).expect(200).text()));
    let mut staging = api.get("/api/environments/Environments-1").expect(200).json();
    staging["Name"] = json!("Proving ground");
    api.put("/api/environments/Environments-1", staging.clone()).expect(200);
    says(&ada.get("/harbour/default").expect(200).text(), &[deploy]);
    assert!(chosen(&ada.get(&format!("/harbour/default{deploy}")).expect(200).text()));
    staging["Name"] = json!("Staging");
    api.put("/api/environments/Environments-1", staging).expect(200);

    let task = yard.deploy("1.0.0");
    yard.end_of(&task);
    yard.release("1.1.0");
    let page = ada.get("/harbour/default").expect(200).text();
    says(&page, &["1.0.0", "Success", "1 behind", &format!("/harbour/tasks/{task}"), "1.1.0"]);
    let board = api.get("/api/Spaces-1/dashboard").expect(200).json();
    let item = &board["Items"][0];
    assert_eq!((&item["ReleaseVersion"], &item["EnvironmentId"]), (&json!("1.0.0"), &json!("Environments-1")));
    assert_eq!(
        (&item["State"], &item["TenantId"], &item["IsCompleted"]),
        (&json!("Success"), &json!(null), &json!(true))
    );
    assert_eq!(board["Projects"][0]["EnvironmentIds"], json!(["Environments-1", "Environments-2"]));

    // A later failure takes the place of the success, and waits for someone.
    yard.steps(&[script("Install", "echo broken; exit 3")]);
    yard.release("1.2.0");
    let task = yard.deploy("1.2.0");
    assert_eq!(yard.end_of(&task)["State"], "Failed");
    let page = ada.get("/harbour/default").expect(200).text();
    says(&page, &["Needs someone", "1 deployment failed", "Shop 1.2.0 to Staging", "See the log"]);

    assert!(!ada.get("/harbour/default?q=nothing-like-it").expect(200).text().contains("No projects yet"));
    let some = api.get("/api/Spaces-1/dashboard/dynamic?projects=Projects-9").expect(200).json();
    assert_eq!((&some["Projects"], &some["Items"]), (&json!([]), &json!([])));
    ada.get("/harbour/nowhere").expect(404);
}

#[test]
fn tenants_are_counted_and_each_has_a_page_of_its_own() {
    let yard = Yard::new("Tenanted", &[script("Install", "echo hello")]);
    let contoso = yard.tenant("Contoso");
    yard.tenant("Fabrikam");
    for task in yard.deploy_for(&["Contoso", "Fabrikam"]) {
        yard.end_of(&task);
    }
    let ada = ada(&yard);
    says(&ada.get("/harbour/default").expect(200).text(), &["2 tenants", "1.0.0"]);
    let page = ada.get("/harbour/default/tenants/contoso").expect(200).text();
    says(&page, &["Gets 1 project, all at the newest release.", "Shop 1.0.0 to Staging", "Success", "Nothing yet"]);
    assert!(!page.contains("Fabrikam"));
    let board = yard.caller().get(&format!("/api/Spaces-1/dashboard?selectedTenants={contoso}")).expect(200).json();
    assert_eq!(board["Items"].as_array().unwrap().len(), 1);
    assert_eq!(board["Tenants"][0]["Name"], "Contoso");

    // What was deployed keeps its tenant.
    let kept = yard.caller().delete("/api/Spaces-1/tenants/contoso", ()).expect(409).json();
    assert!(kept["ErrorMessage"].as_str().unwrap().contains("Disable it instead"), "{kept}");
}
