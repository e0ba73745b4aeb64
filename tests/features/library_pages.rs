//! The pages of the library: lifecycles with their phases, tag sets, project groups.

use super::harbour;
use crate::support::{
    api::{id, says},
    server::Server,
};
use serde_json::json;

const LIBRARY: &str = "/harbour/default/library";

#[test]
fn a_project_group_is_added_changed_and_removed() {
    let server = Server::start();
    let (company, ada) = harbour(&server);
    let groups = format!("{LIBRARY}/project-groups");
    says(&ada.get(&format!("{groups}/new")).expect(200), &["Add the project group", "name=\"name\" required"]);

    let refused = ada.post(&groups, [("name", ""), ("description", "Sold <on> line")]).expect(422);
    says(&refused, &["id=\"f-name-error\"", "Sold &#60;on&#62; line"]);
    let made = ada.post(&groups, [("name", "Web shops"), ("description", "Sold on line")]).expect(303);
    assert_eq!(made.location(), format!("{groups}/web-shops"));
    says(&ada.follow(made).expect(200), &["Web shops was added.", "Sold on line", "No project is in this group yet"]);
    says(&ada.post(&groups, [("name", "web SHOPS")]).expect(422), &["already. Choose another name."]);

    says(&ada.get(&format!("{groups}/web-shops/edit")).expect(200), &["value=\"Web shops\"", "Save the project group"]);
    let saved = ada.post(&format!("{groups}/web-shops"), [("name", "Shops"), ("description", "")]).expect(303);
    says(&ada.follow(saved).expect(200), &["Shops was saved."]);
    says(&ada.get(&format!("{groups}?q=sho")).expect(200), &["Shops"]);
    says(&ada.get(&format!("{groups}?q=nothing")).expect(200), &["Nothing matches these filters."]);

    let api = company.caller();
    let all = api.get("/api/Spaces-1/projectgroups/all").expect(200).json();
    let group = all.as_array().unwrap().iter().find(|one| one["Name"] == "Shops").map(id).unwrap();
    let shop = json!({ "Name": "Shop", "ProjectGroupId": group, "LifecycleId": "Lifecycles-1" });
    let shop = id(&api.post("/api/Spaces-1/projects", shop).expect(201).json());
    let page = ada.get(&format!("{groups}/web-shops")).expect(200);
    says(
        &page,
        &[
            "/harbour/default/projects/shop",
            "Shops cannot be deleted: it has the project Shop. Move or delete them first.",
        ],
    );
    let refused = ada.post(&format!("{groups}/web-shops/delete"), [("confirm", "Shops")]).expect(422);
    says(&refused, &["it has the project Shop."]);
    api.delete(&format!("/api/Spaces-1/projects/{shop}"), ()).expect(200);

    let refused = ada.post(&format!("{groups}/web-shops/delete"), [("confirm", "shops")]).expect(422);
    says(&refused, &["Type the name as it stands here."]);
    let gone = ada.post(&format!("{groups}/web-shops/delete"), [("confirm", "Shops")]).expect(303);
    says(&ada.follow(gone).expect(200), &["Shops was deleted."]);
    ada.get(&format!("{groups}/web-shops")).expect(404);
}

#[test]
fn a_lifecycle_is_made_of_phases_without_script_and_nothing_typed_is_lost() {
    let server = Server::start();
    let (company, ada) = harbour(&server);
    let api = company.caller();
    for name in ["Test", "Staging", "Production"] {
        api.post("/api/Spaces-1/environments", json!({ "Name": name })).expect(201);
    }
    let lifecycles = format!("{LIBRARY}/lifecycles");
    says(&ada.get(&lifecycles).expect(200), &["Default lifecycle", "Every environment in turn"]);
    says(&ada.get(&format!("{lifecycles}/new")).expect(200), &["Without phases, each environment is a phase"]);

    // The button draws a row and saves nothing.
    let drawn = ada.post(&lifecycles, [("name", "Careful"), ("phases", "0"), ("do", "add")]).expect(200);
    says(
        &drawn,
        &["value=\"Careful\"", "Phase 1", "name=\"phase-0-env-Environments-1\"", "name=\"phases\" value=\"1\""],
    );
    assert!(!ada.get(&lifecycles).text().contains("Careful"));
    let two = [
        ("name", "Careful"),
        ("phases", "2"),
        ("phase-0-name", "First"),
        ("phase-0-env-Environments-1", "auto"),
        ("phase-0-env-Environments-2", "hand"),
        ("phase-0-minimum", "1"),
        ("phase-1-name", "Last"),
        ("phase-1-env-Environments-3", "hand"),
        ("phase-1-optional", "true"),
    ];
    let swapped = ada.post(&lifecycles, [&two[..], &[("do", "down-0")]].concat().as_slice()).expect(200).text();
    assert!(swapped.find("value=\"Last\"").unwrap() < swapped.find("value=\"First\"").unwrap(), "{swapped}");
    let without = ada.post(&lifecycles, [&two[..], &[("do", "remove-1")]].concat().as_slice()).expect(200);
    assert!(!without.text().contains("value=\"Last\""), "{without}");

    // An environment stands in one phase only; the error stands in the phase that asked for it again.
    let twice = [&two[..], &[("phase-1-env-Environments-1", "hand")]].concat();
    let refused = ada.post(&lifecycles, twice.as_slice()).expect(422);
    says(&refused, &["Test is in a phase already.", "id=\"f-phase-1-places-error\"", "value=\"First\""]);
    let nonsense = [&two[..2], &[("phase-0-minimum", "many")]].concat();
    says(
        &ada.post(&lifecycles, nonsense.as_slice()).expect(422),
        &["id=\"f-phase-0-name-error\"", "id=\"f-phase-0-minimum-error\""],
    );

    let made = ada.post(&lifecycles, two.as_slice()).expect(303);
    assert_eq!(made.location(), format!("{lifecycles}/careful"));
    let shown = ada.follow(made).expect(200);
    says(
        &shown,
        &[
            "Careful was added.",
            "1 of 2 must succeed",
            "by itself",
            "May be left out",
            "/infrastructure/environments/production",
        ],
    );
    let kept = api.get("/api/Spaces-1/lifecycles/all").expect(200).json();
    let kept = kept.as_array().unwrap().iter().find(|one| one["Name"] == "Careful").unwrap().clone();
    assert_eq!(kept["Phases"][0]["AutomaticDeploymentTargets"], json!(["Environments-1"]));
    assert_eq!(kept["Phases"][0]["MinimumEnvironmentsBeforePromotion"], 1);

    // Saving what the form shows keeps the phases themselves.
    let form = ada.get(&format!("{lifecycles}/careful/edit")).expect(200);
    let first = kept["Phases"][0]["Id"].as_str().unwrap();
    says(&form, &[&format!("name=\"phase-0-id\" value=\"{first}\""), "value=\"auto\" checked"]);
    let same = [&two[..], &[("phase-0-id", first), ("description", "For the brave")]].concat();
    let saved = ada.post(&format!("{lifecycles}/careful"), same.as_slice()).expect(303);
    says(&ada.follow(saved).expect(200), &["Careful was saved.", "For the brave"]);
    let again = api.get(&format!("/api/Spaces-1/lifecycles/{}", id(&kept))).expect(200).json();
    assert_eq!(again["Phases"][0]["Id"], kept["Phases"][0]["Id"]);

    says(
        &ada.get(&format!("{lifecycles}/default-lifecycle")).expect(200),
        &["cannot be deleted: new projects of this space follow it."],
    );
    let refused = ada.post(&format!("{lifecycles}/careful/delete"), [("confirm", "")]).expect(422);
    says(&refused, &["Type the name as it stands here."]);
    ada.post(&format!("{lifecycles}/careful/delete"), [("confirm", "Careful")]).expect(303);
    ada.get(&format!("{lifecycles}/careful")).expect(404);

    // A thing called New has a page of its own.
    let made = ada.post(&lifecycles, [("name", "New"), ("phases", "0")]).expect(303);
    says(&ada.follow(made).expect(200), &["New was added."]);
}

#[test]
fn a_tag_set_is_made_of_rows_and_a_tag_in_use_stays() {
    let server = Server::start();
    let (company, ada) = harbour(&server);
    let sets = format!("{LIBRARY}/tag-sets");
    says(&ada.get(&sets).expect(200), &["No tag sets yet", "Add the first tag set"]);
    let ring = [
        ("name", "Ring"),
        ("tags", "3"),
        ("tag-0-name", "Early"),
        ("tag-0-color", "#0e7490"),
        ("tag-1-name", ""),
        ("tag-1-color", "#b45309"),
        ("tag-2-name", "Late"),
        ("tag-2-color", "#4d7c0f"),
        ("tag-2-description", "A month behind"),
    ];
    let drawn = ada.post(&sets, [&ring[..], &[("do", "add")]].concat().as_slice()).expect(200);
    says(&drawn, &["name=\"tag-3-name\"", "value=\"A month behind\""]);
    let twice = [&ring[..5], &[("tag-1-name", "early")]].concat();
    let twice: Vec<(&str, &str)> = twice.into_iter().filter(|pair| *pair != ("tag-1-name", "")).collect();
    let refused = ada.post(&sets, twice.as_slice()).expect(422);
    says(&refused, &["The tag “early” is in the set twice.", "id=\"f-tag-1-name-error\""]);

    // A row in which nothing was typed is no tag.
    let made = ada.post(&sets, ring.as_slice()).expect(303);
    says(
        &ada.follow(made).expect(200),
        &["Ring was added.", "2 tags", "Ring/Early", "A month behind", "fill=\"#0E7490\""],
    );
    let region = ada.post(&sets, [("name", "Region"), ("tags", "0")]).expect(303);
    says(&ada.follow(region).expect(200), &["No tags yet"]);
    ada.post(&format!("{sets}/region/up"), ()).expect(303);
    let listed = ada.get(&sets).expect(200).text();
    assert!(listed.find(">Region<").unwrap() < listed.find(">Ring<").unwrap(), "{listed}");

    let api = company.caller();
    let known = api.get("/api/Spaces-1/tagsets/all").expect(200).json();
    let known = known.as_array().unwrap().iter().find(|one| one["Name"] == "Ring").unwrap().clone();
    let tag = |at: usize| id(&known["Tags"][at]);
    api.post("/api/Spaces-1/tenants", json!({ "Name": "Contoso", "TenantTags": ["Ring/Early"] })).expect(201);
    let (early, late) = (tag(0), tag(1));
    let without = [("name", "Ring"), ("tags", "1"), ("tag-0-id", late.as_str()), ("tag-0-name", "Late")];
    let refused = ada.post(&format!("{sets}/ring"), without).expect(422);
    says(&refused, &["The tag Ring/Early cannot be removed: it is used by the tenant Contoso."]);
    let renamed = [
        ("name", "Ring"),
        ("tags", "2"),
        ("tag-0-id", late.as_str()),
        ("tag-0-name", "Late"),
        ("tag-1-id", early.as_str()),
        ("tag-1-name", "Brave"),
    ];
    let saved = ada.post(&format!("{sets}/ring"), renamed).expect(303);
    says(
        &ada.follow(saved).expect(200),
        &["Ring was saved.", "Ring/Brave", "The tag Ring/Brave cannot be removed: it is used by the tenant "],
    );
    ada.post(&format!("{sets}/ring/delete"), [("confirm", "Ring")]).expect(422);
    ada.post(&format!("{sets}/region/delete"), [("confirm", "Region")]).expect(303);
    ada.get(&format!("{sets}/region")).expect(404);
}
