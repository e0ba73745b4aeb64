//! Invitations: open ones and those of a person, their preview, and what happens when several use one at the same moment.

use crate::support::{
    api::{Caller, encode, text},
    server::founded,
};
use serde_json::{Value, json};
use std::{sync::Barrier, thread};

fn registration(code: &str, n: usize) -> Value {
    json!({
        "InvitationCode": code, "Username": format!("person{n}"), "DisplayName": format!("Person {n}"),
        "EmailAddress": format!("person{n}@harbour.test"), "Password": "a long enough passphrase",
    })
}

#[test]
fn an_open_invitation_lets_one_person_in_even_when_ten_use_it_at_once() {
    let (server, harbour) = founded();
    let ada = harbour.caller();
    let made = ada.post("/api/users/invitations", json!({ "AddToTeamIds": ["teams-managers"] })).expect(201).json();
    let code = text(&made["InvitationCode"]);
    assert!(text(&made["Expires"]) > text(&made["Created"]) && text(&made["Id"]).starts_with("Invitations-"));
    let listed = ada.get("/api/users/invitations").expect(200).json();
    assert_eq!((&listed["TotalResults"], &listed["Items"][0]["InvitationCode"]), (&json!(1), &Value::Null));

    let barrier = Barrier::new(10);
    let statuses: Vec<u16> = thread::scope(|scope| {
        let tries: Vec<_> = (0..10)
            .map(|n| {
                let (barrier, code, base) = (&barrier, &code, &harbour.base);
                scope.spawn(move || {
                    let caller = Caller::nobody(base);
                    barrier.wait();
                    caller.post("/api/users/register", registration(code, n)).status
                })
            })
            .collect();
        tries.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| matches!(status, 201 | 400)), "{statuses:?}");
    let people = ada.get("/api/users?filter=person").expect(200).json();
    assert_eq!(people["TotalResults"], 1);
    let who = people["Items"][0].clone();
    assert_eq!(who["State"], "Active");
    let teams = ada.get(&format!("/api/users/{}/teams", text(&who["Id"]))).expect(200).json();
    assert!(teams.to_string().contains("teams-managers"), "{teams}");
    server.browser().sign_in("harbour", &text(&who["Username"]), "a long enough passphrase").expect(200);
    assert_eq!(ada.get("/api/users/invitations").expect(200).json()["TotalResults"], 0);

    // One that was revoked, one of another company, and one that never was are answered alike.
    let meridian = server.company("meridian", "Meridian Ltd", "dora@meridian.test");
    let theirs = meridian.caller().post("/api/users/invitations", json!({})).expect(201).json();
    let gone = ada.post("/api/users/invitations", json!({})).expect(201).json();
    ada.delete(&format!("/api/users/invitations/{}", text(&gone["Id"])), ()).expect(200);
    ada.delete(&format!("/api/users/invitations/{}", text(&gone["Id"])), ()).expect(404);
    let mut answers: Vec<Vec<u8>> = Vec::new();
    for code in [text(&theirs["InvitationCode"]), text(&gone["InvitationCode"]), code, "nonsense".into(), String::new()]
    {
        answers.push(harbour.stranger().post("/api/users/register", registration(&code, 77)).expect(400).body);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1);
    for (n, (field, change)) in [
        ("Password", json!("short")),
        ("DisplayName", json!("")),
        ("EmailAddress", json!("ADA@harbour.test")),
        ("Username", json!("ada@harbour.test")),
    ]
    .into_iter()
    .enumerate()
    {
        let open = ada.post("/api/users/invitations", json!({})).expect(201).json();
        let mut body = registration(&text(&open["InvitationCode"]), 5000);
        body[field] = change;
        let wrong = harbour.stranger().post("/api/users/register", body).expect(400).json();
        assert!(wrong["Details"][field].is_string(), "{field}: {wrong}");
        let code = text(&open["InvitationCode"]);
        let again = registration(&code, 6000 + n);
        harbour.stranger().post("/api/users/register", again).expect(201);
    }
}

#[test]
fn the_link_of_a_person_works_once_even_when_ten_use_it_at_once() {
    let (server, harbour) = founded();
    let ada = harbour.caller();
    let person = json!({ "DisplayName": "Ben", "EmailAddress": "ben@harbour.test", "AddToTeamIds": [] });
    let invited = ada.post("/api/users/invitations", person).expect(201).json();
    let link = format!("/harbour/invitation/{}", text(&invited["InvitationCode"]));
    let barrier = Barrier::new(10);
    let statuses: Vec<u16> = thread::scope(|scope| {
        let tries: Vec<_> = (0..10)
            .map(|n| {
                let (barrier, link, code) = (&barrier, &link, text(&invited["InvitationCode"]));
                let (browser, caller) = (server.browser(), harbour.stranger());
                scope.spawn(move || {
                    let password = format!("a password of try {n}");
                    barrier.wait();
                    if n % 2 == 0 {
                        browser.post(link, [("password", password.as_str()), ("again", &password)]).status
                    } else {
                        caller
                            .post("/api/users/register", json!({ "InvitationCode": code, "Password": password }))
                            .status
                    }
                })
            })
            .collect();
        tries.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let won: Vec<usize> = (0..10).filter(|n| matches!(statuses[*n], 201 | 303)).collect();
    assert_eq!(won.len(), 1, "{statuses:?}");
    server.browser().sign_in("harbour", "ben@harbour.test", &format!("a password of try {}", won[0])).expect(200);

    // Registering, one may choose names, but not another's e-mail address.
    let person = json!({ "DisplayName": "Cleo", "EmailAddress": "cleo@harbour.test" });
    let cleo = ada.post("/api/users/invitations", person).expect(201).json();
    let mut body = json!({ "InvitationCode": cleo["InvitationCode"], "Password": "a password of Cleo's", "Username": "cleo",
        "EmailAddress": "eve@evil.test" });
    let wrong = harbour.stranger().post("/api/users/register", body.clone()).expect(400).json();
    assert!(wrong["Details"]["EmailAddress"].is_string());
    body["EmailAddress"] = json!("Cleo@Harbour.test");
    let registered = harbour.stranger().post("/api/users/register", body).expect(201).json();
    assert_eq!((&registered["Id"], &registered["Username"]), (&cleo["UserId"], &json!("cleo")));
}

#[test]
fn what_somebody_will_be_able_to_do_is_shown_before_the_invitation_is_made() {
    let (server, harbour) = founded();
    let ada = harbour.caller();
    let team = ada.post("/api/teams", json!({ "Name": "Release crew" })).expect(201).json();
    ada.post(
        "/api/scopeduserroles",
        json!({ "TeamId": team["Id"], "UserRoleId": "userroles-projectdeployer", "SpaceId": "Spaces-1" }),
    )
    .expect(201);
    let told = ada.post("/api/users/invitations/preview", json!({ "AddToTeamIds": [team["Id"]] })).expect(200).json();
    assert_eq!((&told["IsComplete"], &told["Roles"][0]["TeamName"]), (&json!(true), &json!("Release crew")));
    assert!(told["Roles"][0]["SpacePermissions"].as_array().unwrap().contains(&json!("DeploymentCreate")));
    ada.post("/api/users/invitations/preview", json!({ "AddToTeamIds": ["Teams-99"] })).expect(400);
    assert_eq!(ada.get("/api/users").expect(200).json()["TotalResults"], 1, "nobody was invited by looking");

    let mut browser = server.browser();
    browser.sign_in("harbour", &harbour.email, &harbour.password);
    let id = text(&team["Id"]);
    let fields = [("name", "Ben"), ("email", "ben@harbour.test"), ("teams", id.as_str())];
    let [a, b, c] = fields;
    let page = browser.post("/harbour/access/people/invite", fields).expect(200).text();
    assert!(page.contains("Gains") && page.contains("DeploymentCreate") && page.contains("All of Default"), "{page}");
    assert!(
        page.contains("value=\"Ben\"") && page.contains("Make the invitation"),
        "and nothing that was typed is lost"
    );
    assert_eq!(ada.get("/api/users").expect(200).json()["TotalResults"], 1, "nobody was invited by looking");
    let page = browser.done("/harbour/access/people/invite", [a, b, c, ("confirmed", "yes")]).text();
    assert!(page.contains("/harbour/invitation/"), "without mail the link is shown: {page}");
    let user = text(&ada.get("/api/users?filter=ben").expect(200).json()["Items"][0]["Id"]);
    let own = format!("/harbour/access/people/{user}");
    let again = browser.done(&format!("{own}/invite-again"), [("", "")]).text();
    let link = again.split("/harbour/invitation/").nth(1).unwrap().split(['<', '"', '&']).next().unwrap().to_owned();
    server.browser().get(&format!("/harbour/invitation/{}", encode(&link))).expect(200);
    assert_eq!(browser.post(&format!("{own}/deactivate"), [("", "")]).expect(422).status, 422);
    let page = browser.post(&format!("{own}/revoke"), [("", "")]).expect(200).text();
    assert!(page.contains("Loses") && page.contains("Revoke the invitation"), "{page}");
    browser.post(&format!("{own}/revoke"), [("confirmed", "yes")]).expect(303);
    server.browser().get(&format!("/harbour/invitation/{}", encode(&link))).expect(404);
    ada.get(&format!("/api/users/{user}")).expect(404);
}

#[test]
fn an_open_invitation_is_made_on_a_page_and_whoever_has_its_link_registers_once() {
    let (server, harbour) = founded();
    let mut ada = server.browser();
    ada.sign_in("harbour", &harbour.email, &harbour.password);
    let page = ada.get("/harbour/access/people/invite").expect(200).text();
    assert!(page.contains("value=\"open\""), "{page}");
    let wrong = ada.post("/harbour/access/people/invite", [("step", "open"), ("teams", "Teams-999")]).expect(422);
    assert!(wrong.text().contains("A chosen team is gone"), "{wrong}");
    let managers = harbour.caller().get("/api/teams?partialName=Managers").expect(200).json();
    let managers = text(&managers["Items"][0]["Id"]);
    let fields = [("step", "open"), ("teams", managers.as_str())];
    let shown = ada.post("/harbour/access/people/invite", fields).expect(200).text();
    assert!(shown.contains("Is this meant?") && shown.contains("Whoever uses it"), "{shown}");
    assert!(shown.contains("Make the open invitation") && !shown.contains("/harbour/register/"), "{shown}");
    let [a, b] = fields;
    let made = ada.done("/harbour/access/people/invite", [a, b, ("confirmed", "yes")]);
    let made = made.text();
    let begin = format!("{}/harbour/register/", server.base());
    let after = made.split_once(begin.as_str()).unwrap_or_else(|| panic!("no link in {made}")).1;
    let code: String = after.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect();
    let listed = ada.get("/harbour/access/people").expect(200).text();
    assert!(listed.contains("Open invitations") && !listed.contains(&code), "shown once");

    let newcomer = server.browser();
    let path = format!("/harbour/register/{code}");
    newcomer.get(&path).expect(200);
    for nowhere in [format!("/nowhere/register/{code}"), "/harbour/register/none".into()] {
        newcomer.get(&nowhere).expect(404);
        newcomer.post(&nowhere, [("name", "Mallory")]).expect(404);
    }
    let send = |name: &str, email: &str, password: &str, again: &str| {
        newcomer.post(&path, [("name", name), ("email", email), ("password", password), ("again", again)])
    };
    let long = "lantern copper seven boats";
    let short = send("Ben", "ben@harbour.test", "short", "short").expect(422).text();
    assert!(
        short.contains("value=\"ben@harbour.test\"") && short.contains("value=\"Ben\""),
        "nothing is lost: {short}"
    );
    for (name, email, password, again) in [
        ("Ben", "ben@harbour.test", long, "lantern copper seven"),
        ("", "ben@harbour.test", long, long),
        ("Ben", "no address", long, long),
        ("Ben", "ADA@harbour.test", long, long),
    ] {
        send(name, email, password, again).expect(422);
    }
    assert_eq!(send("Ben", "ben@harbour.test", long, long).expect(303).location(), "/harbour/login");
    assert!(newcomer.get("/harbour/login").expect(200).text().contains("You are registered"));
    newcomer.get(&path).expect(404);
    assert_eq!(send("Eve", "eve@harbour.test", long, long).status, 404, "once");
    let mut ben = server.browser();
    ben.sign_in("harbour", "ben@harbour.test", long).expect(200);
    ben.get("/harbour/access/people").expect(200);
}

/// Findings J10: a dead link says what it was and whom to ask, alike for companies that exist or not.
#[test]
fn a_dead_link_says_what_it_was_and_whom_to_ask() {
    let (server, _) = founded();
    let nobody = server.browser();
    for (rest, words) in [
        ("invitation/used-up", "ask whoever invited you"),
        ("register/used-up", "ask whoever gave it to you"),
        ("reset?token=used-up", "ask somebody who manages people"),
    ] {
        let page = |company: &str| nobody.get(&format!("/{company}/{rest}")).expect(404).text().replace(company, "…");
        assert!(page("harbour").to_lowercase().contains(words), "{}", page("harbour"));
        assert!(page("harbour").contains("/…/login"), "{}", page("harbour"));
        assert_eq!(page("harbour"), page("nowhere"));
    }
}

/// Findings J10: nobody is signed out silently.
#[test]
fn accepting_an_invitation_where_somebody_else_is_signed_in_asks() {
    let (server, harbour) = founded();
    let mut ada = server.browser();
    ada.sign_in("harbour", &harbour.email, &harbour.password);
    let ben = json!({ "DisplayName": "Ben", "EmailAddress": "ben@harbour.test", "AddToTeamIds": [] });
    let made = harbour.caller().post("/api/users/invitations", ben).expect(201).json();
    let link = text(&made["Links"]["Web"]);
    let page = ada.get(&link).expect(200).text();
    assert!(page.contains("Ada is signed in here") && page.contains("Sign Ada out and go on"), "{page}");
    let password = "lantern copper seven boats";
    let fields = [("password", password), ("again", password)];
    let asked = ada.post(&link, fields).expect(422).text();
    assert!(asked.contains("is signed in here"), "{asked}");
    ada.get("/harbour/me").expect(200);
    let [a, b] = fields;
    ada.post(&link, [a, b, ("instead", "yes")]).expect(303);
    assert_ne!(ada.get("/harbour/me").status, 200, "Ben goes on where Ada was");

    // A reset link of somebody else's leaves who is signed in where they are.
    let mut zoe = server.browser();
    let made = json!({ "Username": "zoe", "DisplayName": "Zoe", "EmailAddress": "zoe@harbour.test", "Password": "a long password of hers" });
    harbour.caller().post("/api/users", made).expect(201);
    zoe.sign_in("harbour", "zoe@harbour.test", "a long password of hers");
    let told = server.command(&["user", "reset-password", "harbour", &harbour.email]).run().expect_success();
    let reset = told.stdout.trim().trim_start_matches("reset: ").to_owned();
    let token = reset.split_once("token=").expect("a token").1.to_owned();
    let sent = [("token", token.as_str()), ("password", password), ("again", password)];
    zoe.post("/harbour/reset", sent).expect(303);
    zoe.get("/harbour/me").expect(200);
}

#[test]
fn findings_f15_a_code_with_blanks_around_it_and_an_address_in_two_spellings() {
    let (server, harbour) = founded();
    let ada = harbour.caller();
    let team = ada.post("/api/teams", json!({ "Name": "Readers" })).expect(201).json()["Id"].clone();
    let made = ada.post("/api/users/invitations", json!({ "AddToTeamIds": [team] })).expect(201).json();
    let mut body = registration(&format!(" \t{}\n", text(&made["InvitationCode"])), 1);
    (body["EmailAddress"], body["Username"]) = (json!("cleo@Bücher.example"), json!(""));
    Caller::nobody(&harbour.base).post("/api/users/register", body).expect(201);
    let people = ada.get("/api/users?filter=cleo").expect(200).json();
    assert_eq!(people["Items"][0]["EmailAddress"], "cleo@xn--bcher-kva.example");
    // One address is one account, and its owner signs in by either spelling.
    for spelling in ["cleo@bücher.example", "cleo@xn--bcher-kva.example", "CLEO@XN--BCHER-KVA.EXAMPLE"] {
        let again =
            json!({ "DisplayName": "Another", "EmailAddress": spelling, "Password": "a long enough passphrase" });
        ada.post("/api/users", again).expect(400);
        let next = server.browser().give_password("harbour", spelling, "a long enough passphrase").expect(200).text();
        assert!(next.contains("second factor") || next.contains("totp-secret"), "{spelling}: {next}");
    }
    let wrong =
        json!({ "DisplayName": "Nobody", "EmailAddress": "x@ü .example", "Password": "a long enough passphrase" });
    ada.post("/api/users", wrong).expect(400);
}
