//! People, service accounts and keys through the API.

use crate::support::{
    api::{Caller, text},
    server::founded,
};
use serde_json::json;

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
    .expect(400);
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

#[test]
fn a_thousand_people_are_found_paged_and_counted() {
    let (server, harbour) = founded();
    let mut file = rusqlite::Connection::open(server.data().join("companies/harbour/company.db")).expect("a file");
    file.busy_timeout(std::time::Duration::from_secs(30)).expect("patience");
    let change = file.transaction().expect("a transaction");
    for n in 1..1000 {
        let (name, email) = (format!("Person {n:04}"), format!("person{n:04}@harbour.test"));
        let state = ["active", "active", "invited", "inactive"][n % 4];
        change
            .execute(
                "INSERT INTO users (username, username_key, display_name, email, email_key, state, created_at) VALUES (?1, ?1, ?2, ?1, ?1, ?3, 0)",
                (&email, &name, state),
            )
            .expect("a person");
    }
    change.commit().expect("people");
    let mut ada = server.browser();
    ada.sign_in("harbour", &harbour.email, &harbour.password);
    let names = |path: &str| -> Vec<String> {
        let page = ada.get(&format!("/harbour/access/people{path}")).expect(200).text();
        let after = page.split("<th scope=\"row\"><a href=\"").skip(1);
        after.filter_map(|part| Some(part.split_once('>')?.1.split_once('<')?.0.to_owned())).collect()
    };
    let page = ada.get("/harbour/access/people").expect(200).text();
    assert!(page.contains("500 active · 250 invited · 250 inactive · 499 without a second factor"), "{page}");
    // Each is on one page, in the order of their names.
    let mut all: Vec<String> = (1..=20).flat_map(|number| names(&format!("?page={number}"))).collect();
    assert_eq!(all.len(), 1000);
    assert!(all.is_sorted());
    all.dedup();
    assert_eq!(all.len(), 1000);
    assert!(names("?page=21").is_empty() && names("?page=1").len() == 50);
    assert_eq!(names("?q=PERSON+0777"), ["Person 0777"]);
    assert_eq!(names("?q=person0777%40"), ["Person 0777"]);
    assert_eq!(names("?q=person+07").len(), 50);
    assert_eq!(names("?q=person+07&page=2").len(), 50);
    assert_eq!(names("?q=nobody").len(), 0);
    assert_eq!((1..=6).map(|number| names(&format!("?state=invited&page={number}")).len()).sum::<usize>(), 250);
    let link = ada.get("/harbour/access/people?q=person+07&state=active").expect(200).text();
    assert!(link.contains("page=2") || !link.contains("rel=\"next\""), "{link}");
    let listed = harbour.caller().get("/api/users?filter=person07&take=30&skip=90").expect(200).json();
    assert_eq!((&listed["TotalResults"], listed["Items"].as_array().map(Vec::len)), (&json!(100), Some(10)));
}
