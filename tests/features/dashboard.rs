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
    says(&page, &["To the first deployment", "/harbour/default/projects/new?start=yes"]);
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
    says(&page, &["Gets 1 project: 1 place without a deployment.", "Shop 1.0.0 to Staging", "Success", "Nothing yet"]);
    assert!(!page.contains("Fabrikam"));
    let board = yard.caller().get(&format!("/api/Spaces-1/dashboard?selectedTenants={contoso}")).expect(200).json();
    assert_eq!(board["Items"].as_array().unwrap().len(), 1);
    assert_eq!(board["Tenants"][0]["Name"], "Contoso");

    // What was deployed keeps its tenant.
    let kept = yard.caller().delete("/api/Spaces-1/tenants/contoso", ()).expect(409).json();
    assert!(kept["ErrorMessage"].as_str().unwrap().contains("Disable it, or delete it with its history"), "{kept}");
}

/// (findings C4, F13)
#[test]
fn one_question_has_one_answer_wherever_it_is_asked() {
    let yard = Yard::new("Tenanted", &[script("Install", "[ -e /tmp/never ] || sleep 1; exit 3")]);
    let (ada, api) = (ada(&yard), yard.caller());
    // A tenant of Production alone has no Staging to pass.
    let only = |places: serde_json::Value| json!({ "Projects-1": places });
    let body = |places| json!({ "Name": "Contoso", "TenantTags": [], "ProjectEnvironments": only(places) });
    let contoso = yard.make("tenants", body(json!(["Environments-2"])));
    yard.make(
        "tenants",
        json!({ "Name": "Fabrikam", "TenantTags": [], "ProjectEnvironments": only(json!(["Environments-1", "Environments-2"])) }),
    );
    let deploy = "/harbour/default/projects/shop/releases/1.0.0/deployments/new?environment=production";
    for page in ["/harbour/default", "/harbour/default/projects/shop", "/harbour/default/projects/shop/releases"] {
        let page = ada.get(page).expect(200).text();
        says(&page, &[deploy]);
        assert!(!page.contains("Staging first"), "{page}");
    }
    says(&ada.get("/harbour/default/projects/shop").expect(200).text(), &["next: Staging and Production"]);
    let progress = api.get("/api/Spaces-1/releases/Releases-1/progression").expect(200).json();
    assert_eq!(progress["NextDeployments"], json!(["Environments-1", "Environments-2"]));
    let template = api.get("/api/Spaces-1/releases/Releases-1/deployments/template").expect(200).json();
    let may = |tenant: usize| {
        let places = template["TenantPromotions"][tenant]["PromoteTo"].as_array().unwrap();
        places.iter().map(|place| place["Name"].clone()).collect::<Vec<_>>()
    };
    assert_eq!((may(0), may(1)), (vec![json!("Production")], vec![json!("Staging")]));
    says(&ada.get("/harbour/default/tenants/contoso").expect(200).text(), &["Gets 1 project, nothing deployed yet."]);

    // One under way and one that waits are one and one, on every page.
    let send = || {
        let body = json!({ "ProjectName": "Shop", "ReleaseVersion": "1.0.0", "EnvironmentName": "Production", "Tenants": ["Contoso"] });
        let made = api.post("/api/Spaces-1/deployments/create/tenanted/v1", body).expect(201).json();
        made["DeploymentServerTasks"][0]["ServerTaskId"].as_str().unwrap().to_owned()
    };
    yard.steps(&[script("Install", "while [ ! -e stop ]; do sleep 1; done")]);
    yard.release("1.1.0");
    let hold = |version: &str| {
        let body = json!({ "ProjectName": "Shop", "ReleaseVersion": version, "EnvironmentName": "Production", "Tenants": ["Contoso"] });
        let made = api.post("/api/Spaces-1/deployments/create/tenanted/v1", body).expect(201).json();
        made["DeploymentServerTasks"][0]["ServerTaskId"].as_str().unwrap().to_owned()
    };
    let (first, second) = (hold("1.1.0"), hold("1.1.0"));
    yard.wait_for("the first to run", || (yard.task(&first)["State"] == "Executing").then_some(()));
    says(&ada.get("/harbour/default").expect(200).text(), &["1 deployment running, 1 deployment waiting to run"]);
    for page in [ada.get("/harbour/default").expect(200), ada.get("/harbour/nowhere").expect(404)] {
        says(&page.text(), &["1 <span>running</span>"]);
    }
    // The one that waits says for what, and leads to what it is about; what is used says so before it is removed
    // (findings C14, C6).
    let waits = ada.get(&format!("/harbour/tasks/{second}")).expect(200).text();
    says(
        &waits,
        &[
            "It waits for “Deploy Shop 1.1.0 to Production for Contoso”",
            "/harbour/default/projects/shop/releases/1.1.0\"",
        ],
    );
    says(&waits, &["/harbour/default/tenants/contoso\"", "/infrastructure/environments/Environments-2\""]);
    let page = ada.get("/harbour/default/infrastructure/environments/production").expect(200).text();
    says(&page, &["Production cannot be deleted: it is used by"]);
    assert!(!page.contains("Nothing else goes with this environment"), "{page}");
    for task in [&second, &first] {
        api.post(&format!("/api/tasks/{task}/cancel"), json!({})).expect(200);
        yard.end_of(task);
    }

    // What failed for a tenant that is not connected any more asks for nobody's attention.
    let failed = send();
    assert_eq!(yard.end_of(&failed)["State"], "Failed");
    says(&ada.get(&format!("/harbour/tasks/{failed}")).expect(200).text(), &["Try again…"]);
    says(&ada.get("/harbour/default").expect(200).text(), &["Needs someone", "1 deployment failed"]);
    api.put(&format!("/api/Spaces-1/tenants/{contoso}"), body(json!([]))).expect(200);
    let page = ada.get("/harbour/default").expect(200).text();
    assert!(!page.contains("Needs someone") && !page.contains("1 deployment failed"), "{page}");
    assert_eq!(api.get("/api/Spaces-1/dashboard").expect(200).json()["Items"], json!([]));
}

/// (findings C1, C2)
#[test]
fn only_who_can_take_a_release_can_be_chosen() {
    let yard = Yard::new("Tenanted", &[script("Install", "echo hello")]);
    let ada = ada(&yard);
    for (name, places) in [
        ("Contoso", json!([])),
        ("Fabrikam", json!(["Environments-2"])),
        ("Northwind", json!(["Environments-1", "Environments-2"])),
    ] {
        yard.make(
            "tenants",
            json!({ "Name": name, "TenantTags": [], "ProjectEnvironments": { "Projects-1": places } }),
        );
    }
    let own = "/harbour/default/projects/shop/releases/1.0.0/deployments";
    let off = |page: &str| !page.contains("<button class=\"button primary\"");
    let page = ada.get(&format!("{own}/new")).expect(200).text();
    says(&page, &["Choose where to deploy."]);
    assert!(off(&page), "{page}");
    let page = ada.get(&format!("{own}/new?environment=production")).expect(200).text();
    says(
        &page,
        &[
            "Choose at least one tenant.",
            "value=\"fabrikam\"",
            "2 tenants cannot take it now",
            "Staging first · 1",
            "Not connected in Production · 1",
        ],
    );
    assert!(off(&page) && !page.contains("value=\"northwind\"") && !page.contains("value=\"contoso\""), "{page}");
    let page = ada.get(&format!("{own}/new?environment=production&tenant=fabrikam")).expect(200).text();
    says(&page, &["What each tenant gets", "nothing → 1.0.0", "for <span data-says=\"tenant\""]);
    assert!(!off(&page), "{page}");
    // All of them by hand: a sentence for each reason, and nothing is done.
    let all =
        [("environment", "Environments-2"), ("tenant", "fabrikam"), ("tenant", "northwind"), ("tenant", "contoso")];
    let page = ada.post(own, &all[..]).expect(422).text();
    says(
        &page,
        &[
            "Some of the tenants chosen cannot take it now: Not connected in Production · 1 (Contoso); Staging first · 1 (Northwind).",
        ],
    );
    assert!(!page.contains("Northwind: The release may not"), "{page}");
    assert_eq!(yard.caller().get("/api/tasks").expect(200).json()["TotalResults"], 0);
    ada.post(own, &all[..2]).expect(303);
}
