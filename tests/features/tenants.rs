//! Tenants and tag sets, through the front door.

use crate::support::{
    api::{Answer, Caller},
    server::{Company, Server},
};
use serde_json::{Value, json};

/// Harbour with two environments, two tenanted projects and the tag set Ring.
fn house(server: &Server) -> Company {
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let ada = harbour.caller();
    for name in ["Staging", "Production"] {
        ada.post("/api/Spaces-1/environments", json!({ "Name": name })).expect(201);
    }
    for name in ["Shop", "Ledger"] {
        let project = json!({ "Name": name, "ProjectGroupId": "ProjectGroups-1", "LifecycleId": "Lifecycles-1", "TenantedDeploymentMode": "Tenanted" });
        ada.post("/api/Spaces-1/projects", project).expect(201);
    }
    let ring = json!({ "name": "Ring", "tags": [{ "name": "Early", "color": "#1f6feb" }, { "Name": "Late" }] });
    ada.post("/api/Spaces-1/tagsets", ring).expect(201);
    harbour
}

fn names(answer: &Answer) -> Vec<String> {
    let json = answer.json();
    let items = json.get("Items").unwrap_or(&json).as_array().unwrap().clone();
    items.iter().map(|item| item["Name"].as_str().unwrap().to_owned()).collect()
}

/// A service account with a role of these permissions, limited as told; its caller.
fn narrowed(harbour: &Company, role: &str, limits: Value) -> Caller {
    let ada = harbour.caller();
    let user = json!({ "Username": "narrow", "DisplayName": "Narrow", "EmailAddress": "narrow@harbour.test", "IsService": true, "IsActive": true });
    let user = ada.post("/api/users", user).expect(201).json();
    let team = json!({ "Name": "Narrow ones", "MemberUserIds": [user["Id"]] });
    let team = ada.post("/api/teams", team).expect(201).json();
    let mut scoped = json!({ "TeamId": team["Id"], "UserRoleId": role, "SpaceId": "Spaces-1" });
    for (name, value) in limits.as_object().unwrap() {
        scoped[name] = value.clone();
    }
    ada.post("/api/scopeduserroles", scoped).expect(201);
    let id = user["Id"].as_str().unwrap();
    let key = ada.post(&format!("/api/users/{id}/apikeys"), json!({ "Purpose": "test" })).expect(201).json();
    Caller::with_key(&harbour.base, key["ApiKey"].as_str().unwrap())
}

#[test]
fn a_tenant_is_made_connected_listed_and_deleted() {
    let server = Server::start();
    let harbour = house(&server);
    let ada = harbour.caller();
    // Mixed case, and what the Go client leaves out when it is empty.
    let made = ada.post("/api/Spaces-1/tenants", json!({ "name": "Contoso" })).expect(201).json();
    assert_eq!((&made["ProjectEnvironments"], &made["TenantTags"]), (&json!({}), &json!([])));
    assert!(made["Links"]["Web"].as_str().unwrap().contains("/app#/Spaces-1/tenants/Tenants-1"));

    let mut changed = made.clone();
    changed["ProjectEnvironments"] = json!({ "Projects-1": ["Environments-1", "Environments-2"] });
    changed["TenantTags"] = json!(["ring/early"]);
    let saved = ada.put("/api/Spaces-1/tenants/Tenants-1", changed.clone()).expect(200).json();
    assert_eq!(saved["ProjectEnvironments"], changed["ProjectEnvironments"]);
    assert_eq!(saved["TenantTags"], json!(["Ring/Early"]));
    let copy = ada.post("/api/tenants?clone=Tenants-1", json!({ "Name": "Fabrikam" })).expect(201).json();
    assert_eq!(copy["ProjectEnvironments"], changed["ProjectEnvironments"]);
    assert_eq!(copy["ClonedFromTenantId"], "Tenants-1");

    for (query, expected) in [
        ("", vec!["Contoso", "Fabrikam"]),
        ("?partialName=fab", vec!["Fabrikam"]),
        ("?projectId=Projects-1", vec!["Contoso", "Fabrikam"]),
        ("?projectId=Projects-2", vec![]),
        ("?projectId=Projects-99", vec![]),
        ("?tags=Ring/Early", vec!["Contoso", "Fabrikam"]),
        ("?tags=Ring/Late", vec![]),
        ("?ids=tenants-2,Tenants-9", vec!["Fabrikam"]),
        ("?clonedFromTenantId=Tenants-1", vec!["Fabrikam"]),
        ("?isDisabled=true", vec![]),
        ("?skip=1&take=1", vec!["Fabrikam"]),
    ] {
        assert_eq!(names(&ada.get(&format!("/api/Spaces-1/tenants{query}")).expect(200)), expected, "{query}");
    }
    let paged = ada.get("/api/spaces/spaces-1/tenants?take=1").expect(200).json();
    assert_eq!((&paged["TotalResults"], paged["Links"]["Page.Next"].is_string()), (&json!(2), true));
    let last = ada.get("/api/tenants?take=1&skip=1").expect(200).json();
    assert!(last["Links"].get("Page.Next").is_none());
    assert_eq!(names(&ada.get("/api/Spaces-1/tenants/all").expect(200)), ["Contoso", "Fabrikam"]);

    let tested = ada.get("/api/Spaces-1/tenants/tag-test?tenantIds=Tenants-1&tags=Ring/Late").expect(200).json();
    assert_eq!(
        (&tested["Tenants-1"]["IsMatched"], &tested["Tenants-1"]["MissingTags"][0]),
        (&json!(false), &json!("Ring/Late"))
    );
    for rest in ["/variables", "/commonvariables", "/projectvariables"] {
        let empty = ada.get(&format!("/api/Spaces-1/tenants/contoso{rest}")).expect(200).json();
        assert_eq!(empty["Variables"], json!([]));
        // The TypeScript client sends the list alone, others the object; only none can be kept yet (findings D9).
        let path = format!("/api/Spaces-1/tenants/contoso{rest}");
        for none in [json!([]), json!({ "Variables": [] }), empty.clone()] {
            assert_eq!(ada.put(&path, none).expect(200).json()["TenantName"], "Contoso");
        }
        let some = json!([{ "TemplateId": "x", "Value": "y" }]);
        for sent in [some.clone(), json!({ "variables": some })] {
            let wrong = ada.put(&path, sent).expect(400).text();
            assert!(wrong.contains("Variables"), "{wrong}");
        }
    }
    let wrong =
        ada.put("/api/Spaces-1/tenants/contoso/variables", json!({ "ProjectVariables": { "P": { "a": "b" } } }));
    assert!(wrong.expect(400).text().contains("ProjectVariables"));
    let all = ada.get("/api/Spaces-1/tenantvariables/all").expect(200).json();
    assert_eq!(all.as_array().unwrap().len(), 2);
    assert_eq!(ada.get("/api/Spaces-1/tenantvariables/all?projectId=Projects-99").expect(200).json(), json!([]));
    assert_eq!(ada.get("/api/Spaces-1/tenants/variables-missing?includeDetails=true").expect(200).json(), json!([]));
    ada.delete("/api/Spaces-1/tenants/Tenants-2", ()).expect(200);
    ada.get("/api/Spaces-1/tenants/Tenants-2").expect(404);
}

#[test]
fn what_is_wrong_with_a_tenant_is_said() {
    let server = Server::start();
    let harbour = house(&server);
    let ada = harbour.caller();
    for (body, part) in [
        (json!({}), "name"),
        (json!({ "Name": "A", "TenantTags": ["No/Such"] }), "No/Such"),
        (json!({ "Name": "A", "ProjectEnvironments": { "Projects-9": [] } }), "Projects-9"),
        (json!({ "Name": "A", "ProjectEnvironments": { "Projects-1": ["Environments-9"] } }), "Environments-9"),
    ] {
        let refused = ada.post("/api/Spaces-1/tenants", body.clone()).expect(400).json();
        assert!(refused["Errors"][0].as_str().unwrap().contains(part), "{body}: {refused}");
    }
    ada.post("/api/Spaces-1/tenants", json!({ "Name": "Contoso", "TenantTags": ["Ring/Early"] })).expect(201);
    ada.post("/api/Spaces-1/tenants", json!({ "Name": "contoso" })).expect(400);
    let kept = ada.delete("/api/Spaces-1/tagsets/TagSets-1", ()).expect(409).json();
    assert!(kept["ErrorMessage"].as_str().unwrap().contains("the tenant Contoso"));
    let mut set = ada.get("/api/Spaces-1/tagsets/TagSets-1").expect(200).json();
    assert_eq!(set["Tags"][0]["CanonicalTagName"], "Ring/Early");
    assert_eq!(set["Tags"][0]["Color"], "#1F6FEB");
    set["Tags"][0]["Name"] = json!("First");
    ada.put("/api/Spaces-1/tagsets/TagSets-1", set.clone()).expect(200);
    assert_eq!(ada.get("/api/Spaces-1/tenants/contoso").expect(200).json()["TenantTags"], json!(["Ring/First"]));
    set["Tags"] = json!([]);
    ada.put("/api/Spaces-1/tagsets/TagSets-1", set).expect(409);
    ada.post("/api/Spaces-1/tagsets", json!({ "Name": "a/b" })).expect(400);
    ada.put("/api/Spaces-1/tagsets/sortorder", json!(["TagSets-1"])).expect(200);
}

#[test]
fn one_tenant_of_many_and_nothing_of_the_others() {
    let server = Server::start();
    let harbour = house(&server);
    let ada = harbour.caller();
    let connected = json!({ "Projects-1": ["Environments-1"], "Projects-2": ["Environments-2"] });
    for name in ["Contoso", "Fabrikam"] {
        ada.post("/api/Spaces-1/tenants", json!({ "Name": name, "ProjectEnvironments": connected })).expect(201);
    }
    let limits =
        json!({ "TenantIds": ["Tenants-1"], "ProjectIds": ["Projects-1"], "EnvironmentIds": ["Environments-1"] });
    let narrow = narrowed(&harbour, "userroles-tenantmanager", limits);
    assert_eq!(names(&narrow.get("/api/Spaces-1/tenants").expect(200)), ["Contoso"]);
    let unknown = narrow.get("/api/Spaces-1/tenants/Tenants-9").expect(404).text().replace("Tenants-9", "Tenants-2");
    assert_eq!(narrow.get("/api/Spaces-1/tenants/Tenants-2").expect(404).text(), unknown);
    let told = narrow.get("/api/Spaces-1/tenants/tag-test?tenantIds=Tenants-1,Tenants-2&tags=Ring/Early").expect(200);
    assert!(told.text().contains("Tenants-1") && !told.text().contains("Tenants-2"));

    // What they do not see survives their change.
    let mut mine = narrow.get("/api/Spaces-1/tenants/Tenants-1").expect(200).json();
    assert!(mine["ProjectEnvironments"].get("Projects-2").is_none(), "{mine}");
    mine["Description"] = json!("Seen by few");
    narrow.put("/api/Spaces-1/tenants/Tenants-1", mine).expect(200);
    let whole = ada.get("/api/Spaces-1/tenants/Tenants-1").expect(200).json();
    assert_eq!((&whole["ProjectEnvironments"], &whole["Description"]), (&connected, &json!("Seen by few")));

    let refused = narrow.post("/api/Spaces-1/tenants", json!({ "Name": "New" })).expect(403).json();
    assert!(refused["ErrorMessage"].as_str().unwrap().ends_with("Missing permission: TenantCreate"));
    narrow.delete("/api/Spaces-1/tenants/Tenants-2", ()).expect(404);
    narrow.get("/api/Spaces-1/tagsets/all").expect(200);
    let board = narrow.get("/api/Spaces-1/dashboard").expect(200);
    assert!(
        !board.text().contains("Ledger") && !board.text().contains("Fabrikam") && !board.text().contains("Production")
    );
}

#[test]
fn pages_of_tenants() {
    let server = Server::start();
    let harbour = house(&server);
    let mut ada = server.browser();
    ada.sign_in("harbour", &harbour.email, &harbour.password);
    let empty = ada.get("/harbour/default/tenants").expect(200).text();
    assert!(empty.contains("No tenants yet") && empty.contains("/harbour/default/tenants/new"));

    let refused =
        ada.post("/harbour/default/tenants", [("name", " "), ("description", "Kept as typed")]).expect(422).text();
    assert!(refused.contains("Give it a name.") && refused.contains("Kept as typed"));
    let form = [("name", "Contoso"), ("tag-1", "Ring/Early")];
    let made = ada.post("/harbour/default/tenants", form).expect(303);
    assert_eq!(made.location(), "/harbour/default/tenants/contoso/connections");
    let boxes = ada.follow(made).expect(200).text();
    assert!(boxes.contains("value=\"Projects-1/Environments-2\"") && boxes.contains("Shop in Production"));

    let ticks = [("shown", "Projects-1"), ("shown", "Projects-2"), ("connect", "Projects-1/Environments-2")];
    let saved = ada.post("/harbour/default/tenants/contoso/connections", ticks).expect(303);
    let page = ada.follow(saved).expect(200).text();
    for part in ["The connections were saved.", "Ring/Early", "Production", "nothing deployed yet", "Nothing yet"] {
        assert!(page.contains(part), "{part}");
    }
    // A project that was not on the page stays.
    let ticks = [("shown", "Projects-2"), ("connect", "Projects-2/Environments-1")];
    ada.post("/harbour/default/tenants/contoso/connections", ticks).expect(303);
    let whole = harbour.caller().get("/api/tenants/Tenants-1").expect(200).json();
    assert_eq!(
        whole["ProjectEnvironments"],
        json!({ "Projects-1": ["Environments-2"], "Projects-2": ["Environments-1"] })
    );

    let copied = ada.post("/harbour/default/tenants/contoso/clone", [("name", "Fabrikam")]).expect(303);
    assert_eq!(copied.location(), "/harbour/default/tenants/fabrikam");
    ada.follow(copied).expect(200);
    let list = ada.get("/harbour/default/tenants?q=cont").expect(200).text();
    assert!(list.contains("Contoso") && !list.contains("Fabrikam"));
    ada.post("/harbour/default/tenants/fabrikam", [("name", "Fabrikam"), ("disabled", "true")]).expect(303);
    assert!(ada.get("/harbour/default/tenants/fabrikam").expect(200).text().contains("Disabled"));
    ada.post("/harbour/default/tenants/fabrikam/delete", [("confirm", "Fab")]).expect(422);
    ada.post("/harbour/default/tenants/fabrikam/delete", [("confirm", "Fabrikam")]).expect(303);
    ada.get("/harbour/default/tenants/fabrikam").expect(404);
}

#[test]
fn a_body_that_names_what_one_may_not_see_is_answered_like_one_that_names_nothing() {
    let server = Server::start();
    let harbour = house(&server);
    let narrow = narrowed(&harbour, "userroles-releasecreator", json!({ "ProjectIds": ["Projects-1"] }));
    for (path, field) in [("releases/create/v1", "ProjectName"), ("releases", "ProjectId"), ("channels", "ProjectId")] {
        let told = |project: &str| {
            let answer = narrow.post(
                &format!("/api/Spaces-1/{path}"),
                json!({ (field): project, "Name": "Beta", "Version": "1.0.0" }),
            );
            (answer.status, answer.text().replace(project, "…"))
        };
        assert_eq!(told("Projects-2"), told("Projects-9"), "{path}");
        assert_eq!(told("Projects-2").0, 400, "{path}");
    }
}

#[test]
fn a_machine_one_may_not_see_is_not_found_by_naming_it() {
    let server = Server::start();
    let harbour = house(&server);
    let blind = narrowed(&harbour, "userroles-deploymentcreator", json!({ "ProjectIds": ["Projects-1"] }));
    let admin = harbour.caller();
    let key = format!("SHA256:{}", "A".repeat(43));
    let account = admin
        .post(
            "/api/Spaces-1/accounts",
            json!({ "Name": "Deployer", "AccountType": "UsernamePassword", "Username": "deploy",
                    "Password": { "HasValue": true, "NewValue": "a password of a machine" } }),
        )
        .expect(201)
        .json();
    let environment = admin.get("/api/Spaces-1/environments").expect(200).json()["Items"][0]["Id"].clone();
    admin
        .post(
            "/api/Spaces-1/machines",
            json!({ "Name": "hidden-db", "EnvironmentIds": [environment], "Roles": ["db"],
                    "Endpoint": { "CommunicationStyle": "Ssh", "Host": "db.example.com", "Port": 22, "Fingerprint": key,
                                  "AccountId": account["Id"] } }),
        )
        .expect(201);
    let told = |machine: &str| {
        let body = json!({ "ProjectName": "Projects-1", "ReleaseVersion": "9.9.9", "EnvironmentNames": [environment],
                           "SpecificMachineNames": [machine] });
        let answer = blind.post("/api/Spaces-1/deployments/create/untenanted/v1", body);
        (answer.status, answer.text().replace(machine, "…"))
    };
    assert_eq!(told("hidden-db"), told("no-such-machine"));
    assert_eq!(told("hidden-db").0, 404);
}
