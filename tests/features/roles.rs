//! User roles, emergencies and recipes through pages and API.

use super::harbour;
use crate::support::{
    api::{Caller, id, says},
    server::{Company, Server},
};
use serde_json::{Value, json};

const ROLES: &str = "/harbour/access/roles";

/// A service account and its program.
fn robot(company: &Company, name: &str) -> (String, Caller) {
    let ada = company.caller();
    let robot = id(&ada.post("/api/users", json!({ "DisplayName": name, "IsService": true })).expect(201).json());
    let key = ada.post(&format!("/api/users/{robot}/apikeys"), json!({ "Purpose": "test" })).expect(201).json();
    (robot, Caller::with_key(&company.base, key["ApiKey"].as_str().unwrap()))
}

#[test]
fn a_role_of_ones_own_bites_at_once_through_the_api() {
    let server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let ada = harbour.caller();
    let (robot_id, robot) = robot(&harbour, "Robot");
    let body =
        json!({ "Name": "Looker", "GrantedSpacePermissions": ["EnvironmentView"], "GrantedSystemPermissions": [] });
    let role = ada.post("/api/userroles", body.clone()).expect(201).json();
    assert_eq!((&role["CanBeDeleted"], &role["NewPermissions"]), (&json!(true), &json!([])));
    let wrong = ada.post("/api/userroles", body.clone()).expect(400).json();
    assert!(wrong["Details"]["Name"].is_string(), "{wrong}");
    let unknown = ada.post("/api/userroles", json!({ "Name": "X", "GrantedSpacePermissions": ["Fly"] })).expect(400);
    assert!(unknown.json()["Details"]["GrantedSpacePermissions"].is_string());

    let team = id(&ada.post("/api/teams", json!({ "Name": "Crew", "MemberUserIds": [robot_id] })).expect(201).json());
    let place = json!({ "TeamId": team, "UserRoleId": role["Id"], "SpaceId": "Spaces-1" });
    ada.post("/api/scopeduserroles", place).expect(201);
    robot.get("/api/Spaces-1/environments").expect(200);
    robot.get("/api/Spaces-1/tenants").expect(403);
    let address = format!("/api/userroles/{}", id(&role));
    let mut other = role.clone();
    other["GrantedSpacePermissions"] = json!(["TenantView"]);
    ada.put(&address, other).expect(200);
    robot.get("/api/Spaces-1/environments").expect(403);
    robot.get("/api/Spaces-1/tenants").expect(200);
    let used = ada.get(&format!("{address}/uses")).expect(200).json();
    assert_eq!((&used["Places"][0]["TeamId"], &used["People"]), (&json!(team), &json!(1)));
    ada.delete(&address, ()).expect(409);
    let copy = ada.post(&format!("{address}/clone"), json!({ "Name": "Second" })).expect(201).json();
    assert_eq!(copy["GrantedSpacePermissions"], json!(["TenantView"]));
    ada.delete(&format!("/api/userroles/{}", id(&copy)), ()).expect(200);

    let lead = ada.get("/api/userroles/userroles-projectlead").expect(200).json();
    let mut bare = lead.clone();
    bare["GrantedSpacePermissions"] = json!(["ProjectView"]);
    assert_eq!(ada.put("/api/userroles/userroles-projectlead", bare).expect(200).json()["IsDefault"], false);
    let back = ada.post("/api/userroles/userroles-projectlead/reset", ()).expect(200).json();
    assert_eq!(
        (&back["GrantedSpacePermissions"], &back["IsDefault"]),
        (&lead["GrantedSpacePermissions"], &json!(true))
    );
    ada.delete("/api/userroles/userroles-projectlead", ()).expect(409);
    ada.post(&format!("{address}/reset"), ()).expect(409);
    robot.post("/api/userroles", body).expect(403);
}

#[test]
fn a_role_is_made_edited_cloned_and_deleted_on_its_pages() {
    let server = Server::start();
    let (_company, ada) = harbour(&server);
    says(&ada.get(ROLES).expect(200), &["Space Manager", "Built in", "Add a role"]);
    says(&ada.get(&format!("{ROLES}/new")).expect(200), &["value=\"DeploymentCreate\"", "can be limited to"]);
    // Refused, nothing is lost.
    let refused =
        ada.post(ROLES, [("name", ""), ("description", "For Friday"), ("space", "DeploymentCreate")]).expect(422);
    says(&refused, &["id=\"f-name-error\"", "For Friday", "value=\"DeploymentCreate\" checked"]);
    let made = ada
        .post(
            ROLES,
            [("name", "Friday"), ("space", "DeploymentCreate"), ("space", "ProjectView"), ("system", "UserView")],
        )
        .expect(303);
    let address = made.location().to_owned();
    let shown = ada.follow(made).expect(200);
    says(
        &shown,
        &["Friday was added.", "Deploy (or redeploy) a release", "See users", "No team that you can see holds it"],
    );
    let found = ada.get(&format!("{address}?q=redeploy")).expect(200).text();
    assert!(found.contains("DeploymentCreate") && !found.contains("UserView"), "{found}");
    says(&ada.get(&format!("{address}/edit")).expect(200), &["value=\"ProjectView\" checked"]);
    let saved = ada.post(&address, [("name", "Saturday"), ("space", "ProjectView")]).expect(303);
    says(&ada.follow(saved).expect(200), &["Saturday was saved."]);
    says(&ada.get(&format!("{address}/clone")).expect(200), &["Saturday (copy)"]);
    says(&ada.post(&format!("{address}/clone"), [("name", "Saturday")]).expect(422), &["already"]);
    ada.post(&format!("{address}/clone"), [("name", "Sunday")]).expect(303);
    says(&ada.get(&format!("{ROLES}?kind=custom")).expect(200), &["Saturday", "Sunday"]);
    ada.post(&format!("{address}/delete"), [("confirm", "no")]).expect(422);
    let gone = ada.post(&format!("{address}/delete"), [("confirm", "Saturday")]).expect(303);
    says(&ada.follow(gone).expect(200), &["Saturday was deleted."]);
    // A built-in one keeps its name and goes back to what it came with.
    let lead = format!("{ROLES}/userroles-projectlead");
    says(&ada.post(&lead, [("name", "Boss")]).expect(422), &["keeps its name"]);
    ada.post(&lead, [("name", "Project Lead"), ("space", "ProjectView")]).expect(303);
    says(&ada.get(&lead).expect(200), &["Reset to its default", "changed here"]);
    let back = ada.post(&format!("{lead}/reset"), ()).expect(303);
    says(&ada.follow(back).expect(200), &["holds again what it came with", "Built in, as it came"]);
}

#[test]
fn permissions_of_a_later_version_are_offered_on_the_page() {
    let server = Server::start();
    let (_company, ada) = harbour(&server);
    // The file of a program that knew less.
    let file = rusqlite::Connection::open(server.data().join("companies/harbour/company.db")).unwrap();
    file.execute_batch(
        "DELETE FROM role_permissions WHERE permission = 'RunbookEdit';
         DELETE FROM known_permissions WHERE name = 'RunbookEdit';",
    )
    .unwrap();
    says(&ada.get(&format!("{ROLES}?kind=offered")).expect(200), &["Project Lead", "1 new offered"]);
    let lead = format!("{ROLES}/userroles-projectlead");
    says(&ada.get(&lead).expect(200), &["None joins by itself", "RunbookEdit", "Decide on them"]);
    says(&ada.get(&format!("{lead}/edit")).expect(200), &["value=\"RunbookEdit\">", "class=\"tag\">new"]);
    ada.post(&lead, [("name", "Project Lead"), ("space", "ProjectView")]).expect(303);
    assert!(!ada.get(&lead).expect(200).text().contains("None joins by itself"));
}

#[test]
fn giving_everyone_a_role_is_confirmed_and_a_role_may_end() {
    let server = Server::start();
    let (company, ada) = harbour(&server);
    let everyone = company.caller().get("/api/teams/teams-everyone").expect(200).json();
    assert_eq!(everyone["CanChangeMembers"], false);
    let team = "/harbour/access/teams/teams-everyone";
    let form = ada.get(&format!("{team}/roles/new?space=Spaces-1")).expect(200);
    says(
        &form,
        &["1 person or service account", "now and later", "Customers&#39; people are not among them", "datetime-local"],
    );
    let options = ada.get(&format!("{team}/roles/new")).expect(200).text();
    let before = options.split(">Environment Viewer (").next().unwrap();
    let value = before.rsplit("value=\"").next().unwrap().split('"').next().unwrap().to_owned();
    assert!(value.starts_with("UserRoles-"), "{value}");
    let fields = |more: &'static [(&'static str, &'static str)]| {
        let mut all = vec![("role".to_owned(), value.clone()), ("space".to_owned(), "Spaces-1".to_owned())];
        all.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        all
    };
    let send = |more| {
        let all = fields(more);
        let all: Vec<(&str, &str)> = all.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        ada.post(&format!("{team}/roles"), &all[..])
    };
    says(&send(&[("until", "soon")]).expect(422), &["Give a day and a time"]);
    // What it does is shown unasked (findings B6).
    says(
        &send(&[("until", "2099-01-01T18:30")]).expect(200),
        &["Is this meant?", "Everyone gains", "Customers&#39; people gain nothing"],
    );
    send(&[("confirmed", "yes"), ("until", "2099-01-01T18:30")]).expect(303);
    says(&ada.get(team).expect(200), &["until 2099-01-01 18:30", "now and later"]);
}

#[test]
fn a_team_for_emergencies_is_used_on_its_page_and_ends() {
    let server = Server::start();
    let (company, ada) = harbour(&server);
    let api = company.caller();
    let team =
        api.post("/api/teams", json!({ "Name": "Firefighters", "MemberUserIds": ["Users-1"] })).expect(201).json();
    let address = format!("/harbour/access/teams/{}", id(&team));
    ada.post(&format!("{address}/emergency"), [("hours", "100")]).expect(422);
    let set = ada.post(&format!("{address}/emergency"), [("hours", "4")]).expect(303);
    says(&ada.follow(set).expect(200), &["for at most 4 hours at a time", "It was never used."]);
    assert_eq!(api.get(&format!("/api/teams/{}", id(&team))).expect(200).json()["EmergencyHours"], 4);
    says(&ada.get("/harbour/me").expect(200), &["For emergencies you may use Firefighters"]);
    let own = ada.get("/harbour/me/emergencies").expect(200);
    says(&own, &["Firefighters", "At most 4 hours"]);
    let team_id = id(&team);
    let begin = |reason: &str, hours: &str| {
        ada.post("/harbour/me/emergencies", [("team", team_id.as_str()), ("reason", reason), ("hours", hours)])
    };
    says(&begin("no", "2").expect(422), &["Say what for"]);
    says(&begin("The shop is down, ticket 4711", "9").expect(422), &["Choose 1 to 4 hours", "ticket 4711"]);
    let begun = begin("The shop is down, ticket 4711", "2").expect(303);
    says(&ada.follow(begun).expect(200), &["Emergency: you use Firefighters until", "End it now"]);
    says(&ada.get("/harbour/access/people").expect(200), &["Emergency: you use Firefighters until"]);
    says(&ada.get(&address).expect(200), &["ticket 4711", "Now"]);
    let listed = api.get(&format!("/api/teams/{team_id}/emergencies")).expect(200).json();
    assert_eq!((&listed[0]["IsActive"], &listed[0]["Reason"]), (&json!(true), &json!("The shop is down, ticket 4711")));
    // A program's key has no fresh proof to give.
    api.post("/api/emergencies", json!({ "TeamId": team_id, "Reason": "by a program, all night" })).expect(403);
    let one = listed[0]["Id"].as_str().unwrap().trim_start_matches("Emergencies-").to_owned();
    let ended = ada.post(&format!("/harbour/me/emergencies/{one}/end"), ()).expect(303);
    assert!(!ada.follow(ended).expect(200).text().contains("Emergency: you use"));
    assert_eq!(api.get("/api/emergencies").expect(200).json()[0]["Emergency"], Value::Null);
}

#[test]
fn a_team_starts_from_a_recipe() {
    let server = Server::start();
    let (company, ada) = harbour(&server);
    let api = company.caller();
    let contoso = id(&api.post("/api/tenants", json!({ "Name": "Contoso" })).expect(201).json());
    says(
        &ada.get("/harbour/access/recipes").expect(200),
        &["Account managers", "Tenant project deployer", "A department as a space"],
    );
    let manager = "/harbour/access/recipes/account-manager";
    says(&ada.get(manager).expect(200), &["Contoso", "Name of the team"]);
    says(
        &ada.post(manager, [("name", "Jo's"), ("space", "Spaces-1")]).expect(422),
        &["Choose at least one", "Jo&#39;s"],
    );
    let made = ada.post(manager, [("name", "Jo's"), ("space", "Spaces-1"), ("tenants", contoso.as_str())]).expect(303);
    says(&ada.follow(made).expect(200), &["Now say who is in it", "Tenant project deployer", "tenant Contoso"]);
    ada.get("/harbour/access/recipes/nothing").expect(404);

    // Where a role has permissions about runbooks, it can be limited to them.
    let group = id(&api.get("/api/projectgroups/all").expect(200).json()[0]);
    let lifecycle = id(&api.get("/api/lifecycles/all").expect(200).json()[0]);
    let shop = json!({ "Name": "Shop", "ProjectGroupId": group, "LifecycleId": lifecycle });
    let shop = id(&api.post("/api/projects", shop).expect(201).json());
    let restart = json!({ "Name": "Restart", "ProjectId": shop });
    let restart = id(&api.post("/api/runbooks", restart).expect(201).json());
    let viewers = "/harbour/access/recipes/viewers";
    assert!(!ada.get(manager).expect(200).text().contains("name=\"runbooks\""));
    says(&ada.get(viewers).expect(200), &["name=\"runbooks\"", "Restart"]);
    let fields = [("name", "Onlookers"), ("space", "Spaces-1"), ("runbooks", restart.as_str())];
    let made = ada.post(viewers, fields).expect(303);
    says(&ada.follow(made).expect(200), &["Space Viewer", "runbook Restart"]);
    let limits = json!({ "Name": "Others", "SpaceId": "Spaces-1", "TenantIds": [contoso], "RunbookIds": [restart] });
    api.post("/api/recipes/account-manager", limits).expect(400);

    let all = api.get("/api/recipes").expect(200).json();
    assert_eq!(all.as_array().unwrap().len(), 5);
    let made = api.post("/api/recipes/department", json!({ "Name": "Finance" })).expect(201).json();
    assert_eq!((&made["SpaceId"], made["TeamIds"].as_array().unwrap().len()), (&json!("Spaces-2"), 2));
    api.post("/api/recipes/department", json!({ "Name": "Finance" })).expect(400);
    api.post("/api/recipes/viewers", json!({})).expect(400);
    api.post("/api/recipes/viewers", json!({ "SpaceId": "Spaces-1" })).expect(201);
    let (_, robot) = robot(&company, "Robot");
    robot.get("/api/recipes").expect(403);
}
