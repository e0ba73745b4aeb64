//! One's own account through the front door: factors, recovery codes, e-mail, sessions, rights.

#[path = "once.rs"]
mod once;
#[path = "typed.rs"]
mod typed;

use crate::support::{
    browser_like::BrowserLike,
    server::{Company, Server, founded},
};
use serde_json::json;

fn signed_in(server: &Server, harbour: &Company) -> (BrowserLike, Vec<String>) {
    let mut ada = server.browser();
    let page = ada.sign_in("harbour", &harbour.email, &harbour.password).text();
    (ada, codes_of(&page))
}
/// The recovery codes on a page.
fn codes_of(page: &str) -> Vec<String> {
    let shown = page.split_once("id=\"recovery-codes\"").map_or("", |(_, after)| after);
    let code = |word: &&str| word.len() == 11 && word.as_bytes()[5] == b'-' && *word == word.to_uppercase();
    shown.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').filter(code).map(str::to_owned).collect()
}
fn session_call(
    ada: &BrowserLike,
    server: &Server,
    method: &str,
    path: &str,
    body: serde_json::Value,
) -> crate::support::api::Answer {
    let headers = [("Origin", server.base()), ("Sec-Fetch-Site", "same-origin")];
    if body.is_null() {
        ada.caller().call_saying(method, path, (), &headers)
    } else {
        ada.caller().call_saying(method, path, body, &headers)
    }
}

#[test]
fn ten_recovery_codes_are_shown_once_and_each_signs_in_once() {
    let (server, harbour) = founded();
    let (ada, codes) = signed_in(&server, &harbour);
    assert_eq!(codes.len(), 10, "{codes:?}");
    let page = ada.get("/harbour/me").expect(200).text();
    assert!(page.contains("10 of 10 left"), "{page}");
    assert!(codes.iter().all(|code| !page.contains(code)), "shown once");
    let give = |code: &str| {
        let mut browser = server.browser();
        browser.give_password("harbour", &harbour.email, &harbour.password).expect(200);
        browser.post("/harbour/code", [("recovery", code)]).status
    };
    assert_eq!((give(&codes[0]), give(&codes[0]), give(&codes[1].to_lowercase())), (303, 422, 303));
    assert!(ada.get("/harbour/me").text().contains("8 of 10 left"));
    let renewed = codes_of(&ada.done("/harbour/me/recovery-codes", ()).text());
    assert_eq!(renewed.len(), 10);
    assert_eq!((give(&codes[2]), give(&renewed[0])), (422, 303));
}

#[test]
fn factors_are_looked_after_on_the_page_and_through_the_api() {
    let (server, harbour) = founded();
    let (ada, _) = signed_in(&server, &harbour);
    let factors = session_call(&ada, &server, "GET", "/harbour/api/users/me/factors", json!(null)).expect(200).json();
    assert_eq!(factors["RecoveryCodesLeft"], 10);
    assert_eq!(factors["Items"][0]["Kind"], "AuthenticatorApp");
    let id = factors["Items"][0]["Id"].as_str().expect("an id").to_owned();
    let renamed = format!("/harbour/api/users/me/factors/{id}");
    session_call(&ada, &server, "PUT", &renamed, json!({ "Name": "My telephone" })).expect(200);
    assert!(ada.get("/harbour/me").text().contains("My telephone"));
    let last = session_call(&ada, &server, "DELETE", &renamed, json!(null)).expect(409);
    assert!(last.json()["ErrorMessage"].as_str().unwrap_or_default().contains("last second factor"), "{last}");
    let page = ada.post(&format!("/harbour/me/factors/{id}/delete"), [("confirmed", "yes")]);
    assert_eq!(page.status, 409);

    let page = ada.get("/harbour/me/factors/app").expect(200).text();
    let secret =
        page.split_once("id=\"totp-secret\">").and_then(|(_, after)| after.split_once('<')).expect("a secret").0;
    let wrong = ada.post("/harbour/me/factors/app", [("name", "Tablet"), ("code", "000000")]).expect(422);
    assert!(wrong.text().contains("not right") && wrong.text().contains(secret), "{wrong}");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock").as_secs();
    let code = crate::support::browser_like::code_at(secret, now);
    let added = ada.post("/harbour/me/factors/app", [("name", "Tablet"), ("code", code.as_str())]);
    assert_eq!(added.location(), "/harbour/me#factors");
    // One press asks (findings J10).
    let asked = ada.post(&format!("/harbour/me/factors/{id}/delete"), ()).expect(200).text();
    assert!(asked.contains("Nothing is changed yet") && asked.contains("My telephone"), "{asked}");
    assert!(ada.get("/harbour/me").text().contains("My telephone"), "nothing was removed by asking");
    ada.post(&format!("/harbour/me/factors/{id}/delete"), [("confirmed", "yes")]).expect(303);
    assert!(ada.get("/harbour/me").text().contains("Tablet"));

    // A program cannot change them for its owner.
    for (method, path) in
        [("DELETE", format!("/api/users/me/factors/{id}")), ("POST", "/api/users/me/recoverycodes".into())]
    {
        let answer = harbour.caller().call(method, &path, ());
        assert_eq!(answer.status, 403, "{answer}");
    }
    let email = harbour.caller().put("/api/users/me", json!({ "EmailAddress": "mallory@harbour.test" })).expect(403);
    assert!(email.json()["ErrorMessage"].as_str().unwrap_or_default().contains("API key"), "{email}");
    let round = harbour.caller().get("/api/users/me").json();
    let mut own = round.clone();
    own["EmailAddress"] = json!("mallory@harbour.test");
    harbour.caller().put(&format!("/api/users/{}", own["Id"].as_str().expect("an id")), own).expect(403);
}

#[test]
fn the_e_mail_address_is_changed_and_signs_in() {
    let (server, harbour) = founded();
    let (ada, _) = signed_in(&server, &harbour);
    ada.get("/harbour/me/email").expect(200);
    let refused = ada.post("/harbour/me/email", [("email", "nothing")]).expect(422);
    assert!(refused.text().contains("value=\"nothing\""), "{refused}");
    ada.post("/harbour/me/email", [("email", "ada.l@harbour.test")]).expect(303);
    server.browser().give_password("harbour", "ada.l@harbour.test", &harbour.password).expect(200);
    let old = server.browser().give_password("harbour", &harbour.email, &harbour.password);
    assert_eq!(old.status, 422, "{old}");
}

#[test]
fn the_password_is_changed_with_the_present_one_and_ends_other_sessions() {
    let (server, harbour) = founded();
    let (ada, codes) = signed_in(&server, &harbour);
    let mut elsewhere = server.browser();
    elsewhere.give_password("harbour", &harbour.email, &harbour.password).expect(200);
    elsewhere.post("/harbour/code", [("recovery", codes[0].as_str())]).expect(303);
    ada.get("/harbour/me/password").expect(200);
    let new = "quite another sentence of Ada's";
    let send = |current: &str, again: &str| {
        ada.post("/harbour/me/password", [("current", current), ("password", new), ("again", again)])
    };
    assert_eq!(send("not the present one", new).status, 422);
    let trail = ada.get("/harbour/trail").expect(200).text();
    assert!(trail.contains("gave a wrong present password"), "{trail}");
    assert_eq!(send(&harbour.password, "something else").status, 422);
    send(&harbour.password, new).expect(303);
    ada.get("/harbour/me").expect(200);
    assert_eq!(elsewhere.get("/harbour/me").status, 303);
    server.browser().give_password("harbour", &harbour.email, new).expect(200);
    let key = harbour
        .caller()
        .put("/api/users/me/password", json!({ "CurrentPassword": new, "NewPassword": harbour.password }));
    assert_eq!(key.status, 403, "{key}");
}

#[test]
fn wrong_present_passwords_use_up_the_attempts_of_their_session_and_of_no_other() {
    let (server, harbour) = founded();
    let (ada, codes) = signed_in(&server, &harbour);
    let mut elsewhere = server.browser();
    elsewhere.give_password("harbour", &harbour.email, &harbour.password).expect(200);
    elsewhere.post("/harbour/code", [("recovery", codes[0].as_str())]).expect(303);
    let new = "quite another sentence of Ada's";
    let send = |who: &BrowserLike, current: &str| {
        who.post("/harbour/me/password", [("current", current), ("password", new), ("again", new)]).status
    };
    let short = [("current", "not the present one"), ("password", "short"), ("again", "short")];
    for _ in 0..8 {
        assert_eq!(ada.post("/harbour/me/password", short).status, 422, "no attempt: nothing was looked at");
    }
    let statuses: Vec<u16> = (0..8).map(|_| send(&ada, "not the present one")).collect();
    assert_eq!(statuses[..6], [422; 6], "{statuses:?}");
    assert_eq!(statuses[6..], [429; 2], "{statuses:?}");
    assert_eq!(send(&ada, &harbour.password), 429, "not looked at while she waits");
    assert_eq!(send(&elsewhere, &harbour.password), 303, "whoever is signed in elsewhere does not wait for it");
}

#[test]
fn sessions_are_listed_and_ended() {
    let (server, harbour) = founded();
    let (ada, codes) = signed_in(&server, &harbour);
    let mut elsewhere = server.browser();
    elsewhere.give_password("harbour", &harbour.email, &harbour.password).expect(200);
    elsewhere.post("/harbour/code", [("recovery", codes[0].as_str())]).expect(303);
    elsewhere.get("/harbour/me").expect(200);
    let sessions = session_call(&ada, &server, "GET", "/harbour/api/users/me/sessions", json!(null)).expect(200).json();
    assert_eq!(sessions.as_array().map(Vec::len), Some(2), "{sessions}");
    ada.post("/harbour/me/sessions/others/delete", ()).expect(303);
    assert_eq!(elsewhere.get("/harbour/me").status, 303, "at the next click");
    ada.get("/harbour/me").expect(200);
}

#[test]
fn rights_are_told_by_place_and_who_lacks_a_factor_is_listed() {
    let (server, harbour) = founded();
    let (ada, _) = signed_in(&server, &harbour);
    let rights = ada.get("/harbour/me/rights").expect(200).text();
    for part in ["The company as a whole", "AdministerSystem", "Default", "DeploymentCreate", "Administrators"] {
        assert!(rights.contains(part), "{part}");
    }
    let made =
        json!({ "DisplayName": "Ben", "EmailAddress": "ben@harbour.test", "Password": "a long password of ben" });
    let ben =
        harbour.caller().post("/api/users", made).expect(201).json()["Id"].as_str().unwrap_or_default().to_owned();
    let page = ada.get("/harbour/access/people/second-factors").expect(200).text();
    assert!(
        page.contains("Ben") && page.contains("At the next sign-in") && page.contains("Everybody who signs in"),
        "{page}"
    );
    let listed = harbour.caller().get("/api/users/withoutsecondfactor").expect(200).json();
    assert_eq!((listed[0]["UserId"].as_str(), &listed[0]["IsRequired"]), (Some(ben.as_str()), &json!(true)));
    // Ben sets one up, loses it, and Ada takes it away: he enrols anew.
    let mut browser = server.browser();
    browser.sign_in("harbour", "ben@harbour.test", "a long password of ben");
    assert_eq!(harbour.caller().get("/api/users/withoutsecondfactor").json(), json!([]));
    ada.post(&format!("/harbour/access/people/{ben}/reset-second-factors"), ()).expect(200);
    ada.post(&format!("/harbour/access/people/{ben}/reset-second-factors"), [("confirmed", "yes")]).expect(303);
    assert_eq!(browser.get("/harbour/me").status, 303);
    let page =
        server.browser().give_password("harbour", "ben@harbour.test", "a long password of ben").expect(200).text();
    assert!(page.contains("id=\"totp-secret\""), "{page}");
}

#[test]
fn the_passkey_page_is_the_same_for_companies_that_exist_and_do_not() {
    let (server, _) = founded();
    let port = server.base().rsplit(':').next().unwrap_or_default().to_owned();
    let ask = |company: &str| {
        let host = format!("localhost:{port}");
        let page = server.nobody().and_header("Host", &host).get(&format!("/{company}/passkey")).expect(200).text();
        let cut = |page: String, from: &str| match page.split_once(from) {
            Some((head, tail)) => format!("{head}{}", tail.split_once("&#34;").map_or("", |(_, rest)| rest)),
            None => page,
        };
        let page = cut(page, "challenge&#34;:&#34;").replace(company, "…");
        let page = match page.split_once("name=\"_csrf\" value=\"") {
            Some((head, tail)) => format!("{head}{}", tail.split_once('"').map_or("", |(_, rest)| rest)),
            None => page,
        };
        match page.split_once("name=\"ticket\" value=\"") {
            Some((head, tail)) => format!("{head}{}", tail.split_once('"').map_or("", |(_, rest)| rest)),
            None => panic!("no ticket: {page}"),
        }
    };
    assert_eq!(ask("harbour"), ask("nowhere"));
    let refused =
        |company: &str| server.browser().post(&format!("/{company}/passkey"), [("ticket", "x"), ("passkey", "{}")]);
    assert_eq!((refused("harbour").status, refused("nowhere").status), (422, 422));
}
