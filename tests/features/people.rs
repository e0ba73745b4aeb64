//! People, service accounts and keys through the API.

use crate::support::{
    api::Caller,
    server::{Company, Server},
};
use serde_json::{Value, json};

fn founded() -> (Server, Company) {
    let server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    (server, harbour)
}
fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[test]
fn an_invited_person_comes_in_by_the_link_and_is_shut_out_at_once() {
    let (server, harbour) = founded();
    let ada = harbour.caller();
    let invitation =
        json!({ "DisplayName": "Ben", "EmailAddress": "ben@harbour.test", "AddToTeamIds": ["teams-managers"] });
    let invited = ada.post("/api/users/invitations", invitation.clone()).expect(201).json();
    let user = text(&invited["UserId"]);
    let again = ada.post("/api/users/invitations", invitation).expect(400).json();
    assert!(again["Details"]["EmailAddress"].is_string(), "{again}");
    let seen = ada.get(&format!("/api/users/{user}")).expect(200).json();
    assert_eq!(
        (&seen["State"], &seen["IsActive"], &seen["HasSecondFactor"]),
        (&json!("Invited"), &json!(false), &json!(false))
    );

    let link = format!("/harbour/invitation/{}", text(&invited["InvitationCode"]));
    let mut browser = server.browser();
    let page = browser.get(&link).expect(200);
    assert!(page.text().contains("Ben"));
    let password = "a password of Ben's own";
    let accepted = browser.post(&link, [("password", password), ("again", password)]);
    assert_eq!(accepted.location(), "/harbour/enrol");
    browser.sign_in("harbour", "ben@harbour.test", password).expect(200);
    assert_eq!(ada.get(&format!("/api/users/{user}")).expect(200).json()["State"], "Active");
    browser.get("/harbour/api/users/me").expect(200);
    server.browser().get(&link).expect(404);

    let mut shut = ada.get(&format!("/api/users/{user}")).expect(200).json();
    shut["IsActive"] = json!(false);
    ada.put(&format!("/api/users/{user}"), shut.clone()).expect(200);
    browser.get("/harbour/api/users/me").expect(401);
    shut["IsActive"] = json!(true);
    assert_eq!(ada.put(&format!("/api/users/{user}"), shut).expect(200).json()["IsActive"], true);
    ada.delete(&format!("/api/users/{user}"), ()).expect(200);
    ada.get(&format!("/api/users/{user}")).expect(404);
}

#[test]
fn keys_are_shown_once_and_end_with_their_owner() {
    let (_server, harbour) = founded();
    let ada = harbour.caller();
    let robot = ada
        .post("/api/users", json!({ "Username": "robot", "DisplayName": "Robot", "IsService": true }))
        .expect(201)
        .json();
    let keys = format!("/api/users/{}/apikeys", text(&robot["Id"]));
    let made = ada.post(&keys, json!({ "Purpose": "Pipeline" })).expect(201).json();
    let key = text(&made["ApiKey"]);
    assert!(
        key.strip_prefix("API-").is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())),
        "{key}"
    );
    let listed = ada.get(&keys).expect(200).json();
    assert_eq!(
        (&listed["Items"][0]["ApiKey"]["HasValue"], &listed["Items"][0]["Purpose"]),
        (&json!(true), &json!("Pipeline"))
    );
    assert!(!listed.to_string().contains(&key), "never shown again");

    let program = Caller::with_key(&harbour.base, &key);
    let me = program.get("/api/users/me").expect(200).json();
    assert_eq!((&me["Username"], &me["IsService"], &me["IsRequestor"]), (&json!("robot"), &json!(true), &json!(true)));
    program.get("/api/users").expect(403);
    for other in ["/api/users/Users-1", "/api/users/Users-99"] {
        program.get(other).expect(403);
    }
    program.get(&keys).expect(200);
    program.get("/api/users/Users-1/apikeys").expect(403);

    // Another person's keys are theirs; a key's end is in the future, and no later than the key it was made with.
    ada.post("/api/users/me/apikeys", json!({ "Purpose": "Laptop" })).expect(201);
    ada.post("/api/users/me/apikeys", json!({ "Purpose": "" })).expect(400);
    ada.post("/api/users/me/apikeys", json!({ "Purpose": "x", "Expires": "2001-01-01T00:00:00.000+00:00" }))
        .expect(400);
    ada.post("/api/users/me/apikeys", json!({ "Purpose": "x", "Expires": "2099-01-01T00:00:00.000+00:00" }))
        .expect(400);
    let ben =
        json!({ "DisplayName": "Ben", "EmailAddress": "ben@harbour.test", "Password": "a password of Ben's own" });
    let ben = ada.post("/api/users", ben).expect(201).json();
    ada.post(&format!("/api/users/{}/apikeys", text(&ben["Id"])), json!({ "Purpose": "mine" })).expect(409);

    let mut off = robot.clone();
    off["IsActive"] = json!(false);
    ada.put(&format!("/api/users/{}", text(&robot["Id"])), off.clone()).expect(200);
    let shut = program.get("/api/users/me").expect(401);
    assert!(shut.json()["ErrorMessage"].is_string());
    off["IsActive"] = json!(true);
    ada.put(&format!("/api/users/{}", text(&robot["Id"])), off).expect(200);
    program.get("/api/users/me").expect(200);
    ada.delete(&format!("{keys}/{}", text(&made["Id"])), ()).expect(200);
    program.get("/api/users/me").expect(401);
    Caller::with_key(&harbour.base, "API-NOBODYSKEY").get("/api/users/me").expect(401);
}

#[test]
fn users_are_listed_found_and_checked() {
    let (_server, harbour) = founded();
    let ada = harbour.caller();
    for (name, email) in [("Ben", "ben@harbour.test"), ("Cleo", "cleo@harbour.test")] {
        ada.post(
            "/api/users",
            json!({ "displayName": name, "emailAddress": email, "password": "long enough to pass" }),
        )
        .expect(201);
    }
    let listed = ada.get("/api/users?take=2").expect(200).json();
    assert_eq!((&listed["TotalResults"], listed["Items"].as_array().unwrap().len()), (&json!(3), 2));
    assert!(listed["Links"]["Page.Next"].is_string());
    let last = ada.get("/api/users?skip=2&take=2").expect(200).json();
    assert!(last["Links"].get("Page.Next").is_none());
    assert_eq!(ada.get("/api/users?filter=CLEO").expect(200).json()["TotalResults"], 1);
    assert_eq!(ada.get("/api/users/all").expect(200).json().as_array().unwrap().len(), 3);
    for (body, field) in [
        (json!({ "EmailAddress": "x@harbour.test", "Password": "long enough to pass" }), "DisplayName"),
        (json!({ "DisplayName": "X", "Password": "long enough to pass" }), "EmailAddress"),
        (
            json!({ "DisplayName": "X", "EmailAddress": "BEN@harbour.test", "Password": "long enough to pass" }),
            "EmailAddress",
        ),
        (json!({ "DisplayName": "X", "EmailAddress": "x@harbour.test", "Password": "short" }), "Password"),
    ] {
        let wrong = ada.post("/api/users", body).expect(400).json();
        assert!(wrong["Details"][field].is_string(), "{field}: {wrong}");
    }
    ada.put(
        "/api/users/Users-1",
        json!({ "DisplayName": "Ada", "EmailAddress": "ada@harbour.test", "IsActive": false }),
    )
    .expect(409);
    ada.delete("/api/users/Users-1", ()).expect(409);
    ada.get("/api/users/Users-99").expect(404);
    ada.get("/api/users/nobody").expect(404);
}

#[test]
fn what_somebody_may_do_is_told_grant_by_grant() {
    let (_server, harbour) = founded();
    let ada = harbour.caller();
    let own = ada.get("/api/users/me/permissions").expect(200).json();
    assert!(own["SystemPermissions"].as_array().unwrap().contains(&json!("AdministerSystem")));
    assert_eq!(own["SpacePermissions"]["DeploymentCreate"][0]["RestrictedToProjectIds"], json!(["projects-all"]));
    assert_eq!(own["SpacePermissions"]["EnvironmentView"][0]["RestrictedToProjectIds"], json!(["projects-unrelated"]));
    let teams: Vec<String> = own["Teams"].as_array().unwrap().iter().map(|team| text(&team["Id"])).collect();
    assert_eq!(teams, ["teams-administrators", "teams-everyone", "teams-spacemanagers-Spaces-1"]);
    assert_eq!(ada.get("/api/users/Users-1/teams").expect(200).json().as_array().unwrap().len(), 3);
    assert_eq!(ada.get("/api/teammembership?userId=Users-1").expect(200).json().as_array().unwrap().len(), 3);
    assert_eq!(ada.get("/api/users/me/spaces").expect(200).json()[0]["Id"], "Spaces-1");
    let robot = ada.post("/api/users", json!({ "DisplayName": "Robot", "IsService": true })).expect(201).json();
    let of_robot = ada.get(&format!("/api/users/{}/permissions", text(&robot["Id"]))).expect(200).json();
    assert_eq!((&of_robot["SystemPermissions"], &of_robot["SpacePermissions"]), (&json!([]), &json!({})));
}
