//! The pages of the company and its spaces, and what somebody who may only look finds on all of them.

use super::harbour;
use crate::support::{
    api::says,
    browser_like::BrowserLike,
    server::{Company, Server},
};
use serde_json::{Value, json};

const SPACES: &str = "/harbour/settings/spaces";

#[test]
fn a_space_is_added_with_managers_stopped_and_removed() {
    let server = Server::start();
    let (_company, ada) = harbour(&server);
    says(&ada.get("/harbour/settings").expect(200), &["Harbour Ltd", "harbour", "/harbour/settings/spaces"]);
    says(&ada.get(SPACES).expect(200), &["Default", "Tasks run"]);
    says(&ada.get(&format!("{SPACES}/new")).expect(200), &["value=\"Users-1\" checked", "Add the space"]);

    let refused = ada.post(SPACES, [("name", ""), ("description", "Money")]).expect(422);
    says(&refused, &["id=\"f-name-error\"", "id=\"f-managers-error\"", "Money"]);
    let made = ada.post(SPACES, [("name", "Finance"), ("description", "Money"), ("managers", "Users-1")]).expect(303);
    assert_eq!(made.location(), format!("{SPACES}/finance"));
    says(
        &ada.follow(made).expect(200),
        &["Finance was added.", "Ada", "Stop the task queue of Finance before you delete it."],
    );
    ada.get("/harbour/finance/library/lifecycles").expect(200);
    says(&ada.post(SPACES, [("name", "finance"), ("managers", "Users-1")]).expect(422), &["already"]);

    let nobody = ada.post(&format!("{SPACES}/finance"), [("name", "Finance")]).expect(422);
    says(&nobody, &["id=\"f-managers-error\""]);
    let saved = ada.post(&format!("{SPACES}/finance"), [("name", "Treasury"), ("managers", "Users-1")]).expect(303);
    says(&ada.follow(saved).expect(200), &["Treasury was saved."]);

    says(&ada.get(&format!("{SPACES}/default")).expect(200), &["Default is the default space."]);
    let refused = ada.post(&format!("{SPACES}/finance/delete"), [("confirm", "Treasury")]).expect(422);
    says(&refused, &["Stop the task queue of Treasury before you delete it."]);
    let stopped = ada.post(&format!("{SPACES}/finance/stop"), ()).expect(303);
    says(&ada.follow(stopped).expect(200), &["Queue stopped", "Resume the task queue", "Type <strong"]);
    let resumed = ada.post(&format!("{SPACES}/finance/resume"), ()).expect(303);
    says(&ada.follow(resumed).expect(200), &["Tasks run"]);
    ada.post(&format!("{SPACES}/finance/stop"), ()).expect(303);
    ada.post(&format!("{SPACES}/finance/delete"), [("confirm", "Finance")]).expect(422);
    let gone = ada.post(&format!("{SPACES}/finance/delete"), [("confirm", "Treasury")]).expect(303);
    says(&ada.follow(gone).expect(200), &["Treasury was deleted."]);
    ada.get(&format!("{SPACES}/finance")).expect(404);
    ada.get("/harbour/finance/library/lifecycles").expect(404);
}

#[test]
fn whoever_may_only_look_finds_no_button_that_works_and_cannot_press_one() {
    let server = Server::start();
    let (company, ada) = harbour(&server);
    let api = company.caller();
    for name in ["Staging", "Production"] {
        api.post("/api/Spaces-1/environments", json!({ "Name": name })).expect(201);
    }
    ada.post("/harbour/default/library/tag-sets", [("name", "Ring"), ("tags", "1"), ("tag-0-name", "Early")])
        .expect(303);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let team = text(&api.post("/api/teams", json!({ "Name": "Readers" })).expect(201).json()["Id"]);
    for role in ["userroles-projectviewer", "userroles-environmentviewer"] {
        let role = json!({ "TeamId": team, "UserRoleId": role, "SpaceId": "Spaces-1" });
        api.post("/api/scopeduserroles", role).expect(201);
    }
    let ben = invited(&server, &company, "Ben", "ben@harbour.test", &team);

    for (page, words) in [
        ("library/lifecycles", "Default lifecycle"),
        ("library/lifecycles/default-lifecycle", "The way of a release"),
        ("library/tag-sets", "Ring"),
        ("library/tag-sets/ring", "Ring/Early"),
        ("library/project-groups", "Default project group"),
    ] {
        let seen = ben.get(&format!("/harbour/default/{page}")).expect(200);
        says(&seen, &[words]);
        for button in ["/edit\"", "/new\"", "/delete\""] {
            assert!(!seen.text().contains(button), "{button} on {seen}");
        }
    }
    for page in ["library/lifecycles/new", "library/lifecycles/default-lifecycle/edit", "library/tag-sets/ring/edit"] {
        ben.get(&format!("/harbour/default/{page}")).expect(403);
    }
    ben.post("/harbour/default/library/lifecycles", [("name", "Mine"), ("phases", "0")]).expect(403);
    ben.post("/harbour/default/library/tag-sets/ring/up", ()).expect(403);
    ben.post("/harbour/default/library/lifecycles/default-lifecycle/delete", [("confirm", "Default lifecycle")])
        .expect(403);
    for page in ["infrastructure/accounts/new", "infrastructure/targets/new"] {
        let refused = ben.get(&format!("/harbour/default/{page}"));
        assert!(matches!(refused.status, 403 | 404), "{refused}");
    }
    ben.get("/harbour/settings/spaces").expect(403);
    ben.post("/harbour/settings/spaces/default/stop", ()).expect(403);
    ben.get("/harbour/help").expect(200);
    ben.get("/harbour/help/parts").expect(200);
}

/// Somebody who accepted an invitation into a team and signed in.
fn invited(server: &Server, company: &Company, name: &str, email: &str, team: &str) -> BrowserLike {
    let invitation = json!({ "DisplayName": name, "EmailAddress": email, "AddToTeamIds": [team] });
    let made = company.caller().post("/api/users/invitations", invitation).expect(201).json();
    let mut browser = server.browser();
    let password = "a long enough password of ours";
    let address = format!("/harbour/invitation/{}", made["InvitationCode"].as_str().unwrap());
    let accepted = browser.post(&address, [("password", password), ("again", password)]);
    assert!(accepted.status < 400, "{accepted}");
    browser.sign_in("harbour", email, password);
    browser
}
