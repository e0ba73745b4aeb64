//! API keys that hold less than their owner, through pages and API.

use crate::support::{
    api::{Caller, text},
    server::founded,
};
use serde_json::{Value, json};

#[test]
fn a_narrowed_key_sees_and_does_what_it_was_given_and_gets_nothing_from_its_owner() {
    let (_server, harbour) = founded();
    let ada = harbour.caller();
    let environment =
        |name: &str| text(&ada.post("/api/environments", json!({ "Name": name })).expect(201).json()["Id"]);
    let (staging, production) = (environment("Staging"), environment("Production"));
    let make = |narrowing: Value| {
        let made =
            ada.post("/api/users/me/apikeys", json!({ "Purpose": "CI", "Narrowing": narrowing })).expect(201).json();
        (Caller::with_key(&harbour.base, &text(&made["ApiKey"])), made)
    };
    let (program, made) =
        make(json!({ "Permissions": ["environmentview", "EnvironmentEdit"], "EnvironmentIds": [staging] }));
    assert_eq!(made["Narrowing"]["Permissions"], json!(["EnvironmentEdit", "EnvironmentView"]));
    assert_eq!(made["Narrowing"]["SpaceIds"], json!(["Spaces-1"]), "the space of what it is limited to");
    let seen = program.get("/api/environments/all").expect(200).json();
    assert_eq!(seen.as_array().unwrap().len(), 1);
    let named = |name: &str| json!({ "Name": name });
    program.put(&format!("/api/environments/{staging}"), named("Staging 2")).expect(200);
    program.put(&format!("/api/environments/{production}"), named("Production 2")).expect(404);
    program.delete(&format!("/api/environments/{staging}"), ()).expect(403);
    program.post("/api/environments", named("Third")).expect(403);
    for system in ["/api/users", "/api/teams", "/api/userroles", "/api/projects", "/api/tasks"] {
        program.get(system).expect(403);
    }
    let refused = program.get("/api/users").expect(403).json();
    assert!(text(&refused["HelpText"]).contains("narrowed"), "{refused}");

    let told = program.get("/api/users/me/permissions").expect(200).json();
    assert_eq!((&told["SystemPermissions"], &told["IsNarrowedByKey"]), (&json!([]), &json!(true)));
    assert_eq!(told["SpacePermissions"].as_object().unwrap().len(), 2, "{told}");

    // Of its owner's account it may look at the name, and change nothing: no other keys, no names.
    program.get("/api/users/me").expect(200);
    program.post("/api/users/me/apikeys", json!({ "Purpose": "more" })).expect(409);
    program.delete(&format!("/api/users/me/apikeys/{}", text(&made["Id"])), ()).expect(403);

    // Spaces: another one is not there for it.
    let finance = ada
        .post("/api/spaces", json!({ "Name": "Finance", "SpaceManagersTeamMembers": ["Users-1"] }))
        .expect(201)
        .json();
    let finance = text(&finance["Id"]);
    let (everywhere, _) = make(json!({}));
    everywhere.get(&format!("/api/{finance}/environments")).expect(200);
    let (inside, _) = make(json!({ "SpaceIds": ["Spaces-1"] }));
    inside.get("/api/Spaces-1/environments").expect(200);
    inside.get(&format!("/api/{finance}/environments")).expect(404);
    inside.get("/api/users").expect(403);
    assert_eq!(inside.get("/api/spaces/all").expect(200).json().as_array().unwrap().len(), 1);

    for (field, narrowing) in [
        ("Permissions", json!({ "Permissions": ["NoSuchThing"] })),
        ("Permissions", json!({ "Permissions": ["TaskExecute"] })),
        ("SpaceIds", json!({ "SpaceIds": ["Spaces-99"] })),
        ("EnvironmentIds", json!({ "EnvironmentIds": ["Environments-99"] })),
        ("EnvironmentIds", json!({ "EnvironmentIds": ["Projects-1"] })),
        ("EnvironmentIds", json!({ "EnvironmentIds": [staging], "SpaceIds": [finance] })),
    ] {
        let body = json!({ "Purpose": "x", "Narrowing": narrowing });
        let wrong = ada.post("/api/users/me/apikeys", body).expect(400).json();
        assert!(wrong["Details"][field].is_string(), "{narrowing}: {wrong}");
    }
}

#[test]
fn a_key_comes_from_its_addresses_only() {
    let (_server, harbour) = founded();
    let ada = harbour.caller();
    let make = |addresses: Value| {
        let body = json!({ "Purpose": "CI", "AllowedAddresses": addresses });
        let made = ada.post("/api/users/me/apikeys", body).expect(201).json();
        (Caller::with_key(&harbour.base, &text(&made["ApiKey"])), made)
    };
    let (near, made) = make(json!(["127.0.0.1", "2001:db8::7/32"]));
    assert_eq!(made["AllowedAddresses"], json!(["127.0.0.1/32", "2001:db8::/32"]));
    near.get("/api/users/me").expect(200);
    let (far, _) = make(json!(["192.0.2.0/24"]));
    far.get("/api/users/me").expect(401);
    far.get("/api/users/me").expect(401);
    let trail = ada.get("/api/events?take=50").expect(200).text();
    assert_eq!(trail.matches("\"Message\":\"An API key of Ada was used from").count(), 1, "told once: {trail}");
    let wrong = json!({ "Purpose": "x", "AllowedAddresses": ["everywhere"] });
    assert!(ada.post("/api/users/me/apikeys", wrong).expect(400).json()["Details"]["AllowedAddresses"].is_string());
}

#[test]
fn keys_are_made_and_revoked_on_pages_too() {
    let (server, harbour) = founded();
    let ada = harbour.caller();
    let robot = ada.post("/api/users", json!({ "DisplayName": "Robot", "IsService": true })).expect(201).json();
    let mut browser = server.browser();
    browser.sign_in("harbour", &harbour.email, &harbour.password);
    for base in ["/harbour/me/keys".to_owned(), format!("/harbour/access/people/{}/keys", text(&robot["Id"]))] {
        let form = browser.get(&format!("{base}/new")).expect(200).text();
        assert!(form.contains("name=\"purpose\"") && form.contains("value=\"180\""), "{form}");
        let form = browser
            .get(&format!("{base}/new?purpose=Mine&days=3&space=Spaces-1&permissions=ProjectView"))
            .expect(200)
            .text();
        assert!(
            form.contains("value=\"Mine\"") && form.contains("Project groups") && form.contains("value=\"3\""),
            "{form}"
        );
        let fields = [
            ("purpose", "CI"),
            ("days", "30"),
            ("addresses", "127.0.0.0/8"),
            ("permissions", "UserView"),
            ("space", ""),
        ];
        let page = browser.done(&base, fields).text();
        let key = page.split("API-").nth(1).unwrap().split('<').next().unwrap();
        let program = Caller::with_key(&harbour.base, &format!("API-{key}"));
        program.get("/api/users/me").expect(200);
        program.get("/api/teams").expect(403);
        assert!(page.contains("only UserView") && page.contains("from 127.0.0.0/8"), "{page}");
        let wrong = browser.post(&base, [("purpose", ""), ("days", "5000"), ("addresses", "x y")]).expect(422).text();
        assert!(wrong.contains("value=\"5000\""), "{wrong}");
        let revoke = page.split(&format!("action=\"{base}/")).nth(1).unwrap().split('"').next().unwrap();
        let asked = browser.post(&format!("{base}/{revoke}"), [("", "")]).expect(200).text();
        assert!(asked.contains("Nothing is changed yet") && asked.contains("CI"), "{asked}");
        program.get("/api/users/me").expect(200);
        browser.post(&format!("{base}/{revoke}"), [("confirmed", "yes")]).expect(303);
        program.get("/api/users/me").expect(401);
    }
}
