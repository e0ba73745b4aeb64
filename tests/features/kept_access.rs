//! Accepted means kept (findings D9), of people, teams, roles, spaces, keys and settings: every field that clients document is
//! read back as it was sent, or refused by its name; and what was read is taken back without a change.

use crate::support::{api::Caller, server::Server};
use serde_json::{Value, json};

/// Sends back what was read: nothing changes.
fn puts_back(ada: &Caller, path: &str) -> Value {
    let read = ada.get(path).expect(200).json();
    let again = ada.put(path, read.clone()).expect(200).json();
    assert_eq!(again, read, "{path}");
    assert_eq!(ada.get(path).expect(200).json(), read, "{path}");
    read
}

/// What is not kept is refused by its name, and what stands for nothing is taken.
fn refuses(ada: &Caller, path: &str, fields: &[(&str, Value)]) {
    let read = ada.get(path).expect(200).json();
    for (field, value) in fields {
        let mut sent = read.clone();
        sent[*field] = value.clone();
        let told = ada.put(path, sent).expect(400).json();
        let told = told["Errors"][0].as_str().unwrap_or_default().to_owned();
        assert!(told.starts_with(&format!("{field}: ")), "{path} {field}: {told}");
    }
    assert_eq!(ada.get(path).expect(200).json(), read, "{path}");
}

fn id(of: &Value) -> String {
    of["Id"].as_str().unwrap_or_else(|| panic!("no id: {of}")).to_owned()
}

#[test]
fn people_and_service_accounts() {
    let server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let ada = harbour.caller();
    let ben = json!({ "Username": "ben", "DisplayName": "Ben", "EmailAddress": "ben@harbour.test",
        "Password": "a long password of ben", "IsActive": false, "IsService": false, "Identities": [], "Links": null });
    let ben = ada.post("/api/users", ben).expect(201).json();
    assert_eq!((&ben["Username"], &ben["IsActive"], &ben["State"]), (&json!("ben"), &json!(false), &json!("Inactive")));
    assert_eq!(ben.get("Password"), None);
    let path = format!("/api/users/{}", id(&ben));
    puts_back(&ada, &path);
    let identity = json!([{ "IdentityProviderName": "AzureAD", "Claims": {} }]);
    refuses(
        &ada,
        &path,
        &[("Identities", identity.clone()), ("IsService", json!(true)), ("Password", json!("another password of ben"))],
    );
    let robot = json!({ "Username": "robot", "DisplayName": "Robot", "IsService": true });
    let with = |field: &str, value: Value| {
        let mut robot = robot.clone();
        robot[field] = value;
        ada.post("/api/users", robot).expect(400).json()["Errors"][0].as_str().unwrap_or_default().to_owned()
    };
    assert!(with("Password", json!("a long password")).starts_with("Password: "));
    assert!(with("Identities", identity).starts_with("Identities: "));
    let robot = ada.post("/api/users", robot).expect(201).json();
    puts_back(&ada, &format!("/api/users/{}", id(&robot)));

    // Whoever has not accepted yet is not let in by a word.
    let invited = json!({ "DisplayName": "Cleo", "EmailAddress": "cleo@harbour.test" });
    let invited = ada.post("/api/users/invitations", invited).expect(201).json();
    let path = format!("/api/users/{}", id(&invited));
    let mut cleo = puts_back(&ada, &path);
    cleo["IsActive"] = json!(true);
    ada.put(&path, cleo).expect(409);

    let me = puts_back(&ada, "/api/users/me");
    assert_eq!(me["IsRequestor"], true);
    refuses(&ada, "/api/users/me", &[("Username", json!("other")), ("IsActive", json!(false))]);
    assert!(told(&ada, "/api/users?shoe=1").starts_with("shoe: "));

    let account = id(&robot);
    let identity =
        json!({ "Name": "CI", "Issuer": "https://ci.harbour.test", "Subject": "repo:harbour/*", "Audience": "us" });
    let own = format!("/api/serviceaccounts/{account}/oidcidentities");
    let made = ada.post(&format!("{own}/create/v1"), identity.clone()).expect(201).json();
    for field in ["Name", "Issuer", "Subject", "Audience"] {
        assert_eq!(made[field], identity[field]);
    }
    puts_back(&ada, &format!("{own}/{}/v1", id(&made)));

    let open = json!({ "AddToTeamIds": [], "Expires": "0001-01-01T00:00:00Z" });
    ada.post("/api/users/invitations", open).expect(201);
    let late = ada.post("/api/users/invitations", json!({ "Expires": "2030-01-01T00:00:00Z" })).expect(400).json();
    assert!(late["Errors"][0].as_str().unwrap().starts_with("Expires: "), "{late}");

    let key = json!({ "Purpose": "CI", "Expires": "2026-12-24T00:00:00.000+00:00", "AllowedAddresses": ["192.0.2.0/24"],
        "Narrowing": { "SpaceIds": ["Spaces-1"] } });
    let made = ada.post(&format!("/api/users/{account}/apikeys"), key.clone()).expect(201).json();
    let read = ada.get(&format!("/api/users/{account}/apikeys/{}", id(&made))).expect(200).json();
    assert_eq!((&read["Purpose"], &read["AllowedAddresses"]), (&key["Purpose"], &key["AllowedAddresses"]));
    assert_eq!(read["Narrowing"]["SpaceIds"], key["Narrowing"]["SpaceIds"]);
    assert!(made["ApiKey"].as_str().unwrap().starts_with("API-"));
    assert_eq!(read["ApiKey"]["NewValue"], Value::Null);
}

fn told(ada: &Caller, path: &str) -> String {
    ada.get(path).expect(400).json()["Errors"][0].as_str().unwrap_or_default().to_owned()
}

#[test]
fn teams_and_roles() {
    let server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let ada = harbour.caller();
    let groups = json!([{ "Id": "S-1-5-21", "DisplayName": "Deployers" }]);
    let team = json!({ "Name": "Crew", "Description": "On deck", "MemberUserIds": ["Users-1"], "SpaceId": "Spaces-1",
        "ExternalSecurityGroups": [], "EmergencyHours": null });
    let mut refused = team.clone();
    refused["ExternalSecurityGroups"] = groups.clone();
    let refused = ada.post("/api/teams", refused).expect(400).json();
    assert!(refused["Errors"][0].as_str().unwrap().starts_with("ExternalSecurityGroups: "), "{refused}");
    let made = ada.post("/api/teams", team.clone()).expect(201).json();
    for field in ["Name", "Description", "MemberUserIds", "SpaceId", "ExternalSecurityGroups", "EmergencyHours"] {
        assert_eq!(made[field], team[field], "{field}");
    }
    let path = format!("/api/teams/{}", id(&made));
    puts_back(&ada, &path);
    ada.post("/api/spaces", json!({ "Name": "Other", "SpaceManagersTeamMembers": ["Users-1"] })).expect(201);
    refuses(&ada, &path, &[("ExternalSecurityGroups", groups), ("SpaceId", json!("Spaces-2"))]);
    for built_in in ["teams-everyone", "teams-administrators", "teams-spacemanagers-Spaces-1"] {
        puts_back(&ada, &format!("/api/teams/{built_in}"));
    }
    refuses(&ada, "/api/teams/teams-everyone", &[("MemberUserIds", json!(["Users-1"]))]);

    let role = json!({ "Name": "Watch", "Description": "Looks out", "GrantedSystemPermissions": ["EventView"],
        "GrantedSpacePermissions": ["EventView", "ProjectView"] });
    let made_role = ada.post("/api/userroles", role.clone()).expect(201).json();
    for field in ["Name", "Description", "GrantedSystemPermissions", "GrantedSpacePermissions"] {
        assert_eq!(made_role[field], role[field], "{field}");
    }
    puts_back(&ada, &format!("/api/userroles/{}", id(&made_role)));

    let environment = ada.post("/api/environments", json!({ "Name": "Production" })).expect(201).json();
    let crew = ada.post("/api/teams", json!({ "Name": "Crew of the company" })).expect(201).json();
    let scoped = json!({ "TeamId": crew["Id"], "UserRoleId": "userroles-projectviewer", "SpaceId": "Spaces-1",
        "EnvironmentIds": [environment["Id"]], "ProjectIds": [], "ProjectGroupIds": ["ProjectGroups-1"], "TenantIds": [],
        "ExpiresAt": "2036-01-31T10:00:00.000+00:00" });
    let given = ada.post("/api/scopeduserroles", scoped.clone()).expect(201).json();
    for (field, value) in scoped.as_object().unwrap() {
        assert_eq!(given[field], *value, "{field}");
    }
    let path = format!("/api/scopeduserroles/{}", id(&given));
    puts_back(&ada, &path);
    refuses(&ada, &path, &[("TeamId", made["Id"].clone()), ("ExpiresAt", json!("soon"))]);
}

/// Findings D9: the list of all teams' roles answers, narrowed as the list of each team.
#[test]
fn the_roles_of_all_teams_are_listed() {
    let server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let ada = harbour.caller();
    let ids = |path: &str| -> Vec<String> {
        ada.get(path).expect(200).json()["Items"].as_array().unwrap().iter().map(id).collect()
    };
    let mut one_by_one: Vec<String> = Vec::new();
    for team in ada.get("/api/teams/all").expect(200).json().as_array().unwrap() {
        one_by_one.extend(ids(&format!("/api/teams/{}/scopeduserroles?take=1000", id(team))));
    }
    let mut all = ids("/api/scopeduserroles?take=1000");
    all.sort();
    one_by_one.sort();
    assert_eq!(all, one_by_one);
    assert!(all.len() > 1);
    let in_space = ids("/api/Spaces-1/scopeduserroles?take=1000");
    assert!(!in_space.is_empty() && in_space.len() < all.len());
    assert_eq!(ids("/api/scopeduserroles?spaces=Spaces-1&includeSystem=false"), in_space);
    assert_eq!(ids(&format!("/api/scopeduserroles?ids={}", all[0])), all[..1]);
    // By the name of the team or of the role.
    let managers = ids("/api/scopeduserroles?partialName=managers");
    assert!(!managers.is_empty() && managers.len() < all.len() && managers.iter().all(|id| all.contains(id)));
    assert!(ids("/api/scopeduserroles?partialName=nobody-is-called-so").is_empty());
}

#[test]
fn spaces_and_settings() {
    let server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let ada = harbour.caller();
    let space = json!({ "Name": "Finance", "Slug": "money", "Description": "Ours", "IsDefault": false, "IsPrivate": false,
        "TaskQueueStopped": true, "SpaceManagersTeams": ["teams-administrators"], "SpaceManagersTeamMembers": ["Users-1"],
        "ExtensionSettings": [] });
    let made = ada.post("/api/spaces", space.clone()).expect(201).json();
    for field in
        ["Name", "Slug", "Description", "IsDefault", "IsPrivate", "TaskQueueStopped", "SpaceManagersTeamMembers"]
    {
        assert_eq!(made[field], space[field], "{field}");
    }
    let path = format!("/api/spaces/{}", id(&made));
    let mut kept = puts_back(&ada, &path);
    ada.get("/api/money/environments").expect(200);
    refuses(
        &ada,
        &path,
        &[
            ("IsPrivate", json!(true)),
            ("ExtensionSettings", json!([{ "ExtensionId": "x" }])),
            ("Slug", json!("default")),
            ("Slug", json!("Money!")),
            ("Slug", json!("settings")),
            ("Slug", json!("spaces-1")),
        ],
    );
    kept["Slug"] = json!("cash");
    assert_eq!(ada.put(&path, kept).expect(200).json()["Slug"], "cash");
    ada.get("/api/money/environments").expect(404);
    refuses(&ada, "/api/spaces/Spaces-1", &[("IsDefault", json!(false))]);
    let named = ada.get("/api/spaces?name=finance").expect(200).json();
    assert_eq!((&named["TotalResults"], &named["Items"][0]["Id"]), (&json!(1), &made["Id"]));
    assert_eq!(ada.get("/api/spaces?name=fin").expect(200).json()["TotalResults"], 0);
    assert!(told(&ada, "/api/spaces?colour=red").starts_with("colour: "));

    let settings = ada.get("/api/settings").expect(200).json();
    for (part, path) in [("General", "general"), ("Trail", "trail")] {
        let again = ada.put(&format!("/api/settings/{path}"), settings[part].clone()).expect(200).json();
        assert_eq!(again, settings[part], "{part}");
    }
    ada.put("/api/settings/brand", settings["Brand"].clone()).expect(200);
    assert_eq!(ada.get("/api/settings").expect(200).json()["Brand"], settings["Brand"]);
}

/// What this version has none of yet says so; its lists are empty.
#[test]
fn what_is_not_built_yet_is_empty_and_says_so() {
    let server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let ada = harbour.caller();
    for path in [
        "actiontemplates",
        "artifacts",
        "certificates",
        "feeds",
        "git-credentials",
        "interruptions",
        "libraryvariablesets",
        "projecttriggers",
        "proxies",
        "subscriptions",
    ] {
        let own = format!("/api/Spaces-1/{path}");
        assert_eq!(ada.get(&format!("{own}?skip=0&take=5&partialName=x")).expect(200).json()["Items"], json!([]));
        assert_eq!(ada.get(&format!("{own}/all")).expect(200).json(), json!([]));
        let refused = ada.post(&own, json!({ "Name": "One" })).expect(400).json();
        assert!(refused["Errors"][0].as_str().unwrap().contains("yet"), "{refused}");
        ada.get(&format!("{own}/One-1")).expect(404);
    }
}
