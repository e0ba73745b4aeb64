//! Teams and their roles through the API: what they give is there with the next request, and gone with the next.

use crate::support::{
    api::{Caller, id},
    server::{Company, Server},
};
use serde_json::json;

/// A service account and its program.
fn robot(company: &Company, name: &str) -> (String, Caller) {
    let ada = company.caller();
    let made = ada.post("/api/users", json!({ "DisplayName": name, "IsService": true })).expect(201).json();
    let id = made["Id"].as_str().unwrap().to_owned();
    let key = ada.post(&format!("/api/users/{id}/apikeys"), json!({ "Purpose": "test" })).expect(201).json();
    (id, Caller::with_key(&company.base, key["ApiKey"].as_str().unwrap()))
}

#[test]
fn a_role_with_scope_bites_at_once_and_is_gone_at_once() {
    let server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let ada = harbour.caller();
    let staging = id(&ada.post("/api/environments", json!({ "Name": "Staging" })).expect(201).json());
    let production = id(&ada.post("/api/environments", json!({ "Name": "Production" })).expect(201).json());
    let (robot_id, robot) = robot(&harbour, "Robot");
    robot.get("/api/Spaces-1/environments").expect(404);

    let team = ada.post("/api/teams", json!({ "Name": "Crew", "MemberUserIds": [robot_id] })).expect(201).json();
    let wrong = ada.post("/api/teams", json!({ "Name": "crew" })).expect(400).json();
    assert!(wrong["Errors"][0].as_str().unwrap().starts_with("Name: "), "{wrong}");
    let viewer = json!({ "TeamId": id(&team), "UserRoleId": "userroles-environmentviewer", "SpaceId": "Spaces-1", "EnvironmentIds": [staging] });
    let role = ada.post("/api/scopeduserroles", viewer.clone()).expect(201).json();
    assert_eq!(
        (&role["UserRoleId"], &role["SpaceId"], &role["EnvironmentIds"]),
        (&json!("userroles-environmentviewer"), &json!("Spaces-1"), &json!([staging]))
    );

    let seen = robot.get("/api/Spaces-1/environments").expect(200).json();
    assert_eq!((&seen["TotalResults"], &seen["Items"][0]["Name"]), (&json!(1), &json!("Staging")));
    robot.get(&format!("/api/Spaces-1/environments/{production}")).expect(404);
    let refused =
        robot.put(&format!("/api/Spaces-1/environments/{staging}"), json!({ "Name": "Mine" })).expect(403).json();
    assert!(refused["ErrorMessage"].as_str().unwrap().ends_with("Missing permission: EnvironmentEdit"), "{refused}");
    assert_eq!(refused["Details"]["TeamsWithPermission"][0]["Name"], "Space managers");

    // The scope is changed, then the role is taken away.
    let address = format!("/api/scopeduserroles/{}", id(&role));
    let mut wider = viewer.clone();
    wider["EnvironmentIds"] = json!([staging, production]);
    ada.put(&address, wider).expect(200);
    robot.get(&format!("/api/Spaces-1/environments/{production}")).expect(200);
    let of_team = ada.get(&format!("/api/teams/{}/scopeduserroles", id(&team))).expect(200).json();
    assert_eq!(of_team["Items"][0]["EnvironmentIds"], json!([staging, production]));
    ada.delete(&address, ()).expect(200);
    robot.get("/api/Spaces-1/environments").expect(404);
    ada.get(&address).expect(404);

    // Out of the team, a role of the team is no use.
    ada.post("/api/scopeduserroles", viewer).expect(201);
    robot.get("/api/Spaces-1/environments").expect(200);
    let mut without = team.clone();
    without["MemberUserIds"] = json!([]);
    ada.put(&format!("/api/teams/{}", id(&team)), without).expect(200);
    robot.get("/api/Spaces-1/environments").expect(404);
    ada.delete(&format!("/api/teams/{}", id(&team)), ()).expect(200);
    ada.get(&format!("/api/teams/{}", id(&team))).expect(404);
}

#[test]
fn bad_input_is_told_beside_its_field() {
    let server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let ada = harbour.caller();
    let team = id(&ada.post("/api/teams", json!({ "Name": "Crew" })).expect(201).json());
    for (change, field) in [
        (json!({ "UserRoleId": "userroles-nothing" }), "UserRoleId"),
        (json!({ "UserRoleId": null }), "UserRoleId"),
        (json!({ "SpaceId": null }), "SpaceId"),
        (json!({ "SpaceId": "Spaces-9" }), "SpaceId"),
        (json!({ "ProjectIds": ["Projects-9"] }), "ProjectIds"),
        (json!({ "TenantIds": ["Environments-1"] }), "TenantIds"),
        (json!({ "ExpiresAt": "tomorrow" }), "ExpiresAt"),
        (json!({ "ExpiresAt": "2001-01-01T00:00:00.000+00:00" }), "ExpiresAt"),
        (json!({ "TeamId": "Teams-99" }), "TeamId"),
        (json!({ "TeamId": "" }), "TeamId"),
    ] {
        let mut body = json!({ "TeamId": team, "UserRoleId": "userroles-deploymentcreator", "SpaceId": "Spaces-1" });
        for (key, value) in change.as_object().unwrap() {
            body[key] = value.clone();
        }
        let answer = ada.post("/api/scopeduserroles", body).expect(400).json();
        assert!(answer["Details"][field].is_string(), "{field}: {answer}");
    }
    ada.post("/api/teams", json!({ "Name": "X", "SpaceId": "Spaces-9" })).expect(400);
    // Nothing is half made: the name stays free.
    for (wrong, field) in [
        (json!({ "MemberUserIds": ["Users-99"] }), "MemberUserIds"),
        (json!({ "EmergencyHours": 0 }), "EmergencyHours"),
    ] {
        let mut body = json!({ "Name": "Night watch" });
        body.as_object_mut().unwrap().extend(wrong.as_object().unwrap().clone());
        let answer = ada.post("/api/teams", body).expect(400).json();
        assert!(answer["Details"][field].is_string(), "{field}: {answer}");
    }
    let watch = json!({ "Name": "Night watch", "EmergencyHours": 4, "MemberUserIds": ["Users-1"] });
    let watch = ada.post("/api/teams", watch).expect(201).json();
    assert_eq!((&watch["EmergencyHours"], &watch["MemberUserIds"]), (&json!(4), &json!(["Users-1"])));
    let again = ada.get(&format!("/api/teams/{}", id(&watch))).expect(200).json();
    assert_eq!(again["EmergencyHours"], 4);
    assert_eq!(ada.get("/api/emergencies").expect(200).json()[0]["MostHours"], 4);
    ada.put(&format!("/api/teams/{team}"), json!({ "Name": "Crew", "MemberUserIds": ["Users-99"] })).expect(400);
    for missing in [
        "/api/teams/Teams-99",
        "/api/teams/nothing",
        "/api/scopeduserroles/ScopedUserRoles-99",
        "/api/scopeduserroles/x",
        "/api/userroles/none",
    ] {
        ada.get(missing).expect(404);
    }
}

#[test]
fn built_in_teams_hold_what_they_are_for() {
    let server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let ada = harbour.caller();
    let all = ada.get("/api/teams/all").expect(200).json();
    let ids: Vec<&str> = all.as_array().unwrap().iter().map(|team| team["Id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["teams-administrators", "teams-everyone", "teams-managers", "teams-spacemanagers-Spaces-1"]);
    let of_space = ada.get("/api/Spaces-1/teams").expect(200).json();
    assert_eq!((&of_space["TotalResults"], &of_space["Items"][0]["SpaceId"]), (&json!(1), &json!("Spaces-1")));
    assert_eq!(ada.get("/api/Spaces-1/teams?includeSystem=true").expect(200).json()["TotalResults"], 4);

    let administrators = ada.get("/api/teams/teams-administrators").expect(200).json();
    assert_eq!(
        (&administrators["MemberUserIds"], &administrators["CanBeDeleted"]),
        (&json!(["Users-1"]), &json!(false))
    );
    let mut empty = administrators.clone();
    empty["MemberUserIds"] = json!([]);
    let refused = ada.put("/api/teams/teams-administrators", empty).expect(409).json();
    assert!(refused["ErrorMessage"].as_str().unwrap().contains("Put somebody else"), "{refused}");
    ada.delete("/api/teams/teams-administrators", ()).expect(409);
    let fixed = ada.get("/api/teams/teams-administrators/scopeduserroles").expect(200).json();
    ada.delete(&format!("/api/scopeduserroles/{}", id(&fixed["Items"][0])), ()).expect(409);
    let everyone = ada.get("/api/teams/teams-everyone").expect(200).json();
    assert_eq!(everyone["CanChangeMembers"], false);
    ada.put("/api/teams/teams-everyone", everyone).expect(200);
}

#[test]
fn nobody_gives_what_they_do_not_hold() {
    let server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let ada = harbour.caller();
    let (robot_id, robot) = robot(&harbour, "Robot");
    // A manager holds every right of the company but full administration.
    let mut managers = ada.get("/api/teams/teams-managers").expect(200).json();
    managers["MemberUserIds"] = json!([robot_id]);
    ada.put("/api/teams/teams-managers", managers).expect(200);
    let team = id(&robot.post("/api/teams", json!({ "Name": "Crew" })).expect(201).json());
    let give = |role: &str, space: Option<&str>| {
        robot.post("/api/scopeduserroles", json!({ "TeamId": team, "UserRoleId": role, "SpaceId": space }))
    };
    let refused = give("userroles-systemadministrator", None).expect(403).json();
    assert_eq!(refused["Details"]["MissingPermissions"], json!(["AdministerSystem"]));
    give("userroles-systemmanager", None).expect(201);
    // Nor do they hold anything in a space.
    let refused = give("userroles-spacemanager", Some("Spaces-1")).expect(403).json();
    assert_eq!(refused["Details"]["MissingPermissions"], json!(["AccountCreate"]), "{refused}");
    let mut administrators = robot.get("/api/teams/teams-administrators").expect(200).json();
    administrators["MemberUserIds"] = json!(["Users-1", robot_id]);
    robot.put("/api/teams/teams-administrators", administrators).expect(403);
    robot.put("/api/users/Users-1", json!({ "DisplayName": "Ada", "EmailAddress": "robot@harbour.test" })).expect(403);
    robot.delete("/api/users/Users-1", ()).expect(403);
    let invitation =
        json!({ "DisplayName": "Eve", "EmailAddress": "eve@harbour.test", "AddToTeamIds": ["teams-administrators"] });
    robot.post("/api/users/invitations", invitation).expect(403);
}

#[test]
fn roles_and_permissions_are_listed() {
    let server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let ada = harbour.caller();
    let roles = ada.get("/api/userroles/all").expect(200).json();
    assert!(roles.as_array().unwrap().len() >= 20);
    let one = ada.get("/api/userroles?partialName=deployment%20creator").expect(200).json();
    assert_eq!((&one["TotalResults"], &one["Items"][0]["Id"]), (&json!(1), &json!("userroles-deploymentcreator")));
    let shown = ada.get("/api/userroles/userroles-deploymentcreator").expect(200).json();
    assert!(shown["GrantedSpacePermissions"].as_array().unwrap().contains(&json!("DeploymentCreate")));
    assert_eq!(
        shown["SupportedRestrictions"],
        json!(["ProjectGroups", "Projects", "Environments", "Tenants", "Runbooks"])
    );
    let permissions = ada.get("/api/permissions/all").expect(200).json();
    let deploy = permissions.as_array().unwrap().iter().find(|one| one["Id"] == "DeploymentCreate").unwrap().clone();
    assert_eq!((&deploy["CanApplyAtSystemLevel"], &deploy["ExplicitTenant"]), (&json!(false), &json!(true)));
    assert!(
        !permissions.as_array().unwrap().iter().any(|one| one["Id"] == "FileKeep"),
        "the server's own are in no role"
    );
}
