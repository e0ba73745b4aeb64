//! Two companies with the same ids and the same e-mails: whatever proves something at one of them is carried to the
//! other and proves nothing there, in the words for what never was. At home it goes on working.

use crate::support::{
    api::{Answer, Caller, encode},
    browser_like::BrowserLike,
    server::{Company, Server},
};
use rusqlite::Connection;
use serde_json::json;
use std::time::Duration;

const ADA: &str = "ada@example.com";

struct Twins {
    server: Server,
    harbour: Company,
    meridian: Company,
}

impl Twins {
    fn found() -> Twins {
        let server = Server::start();
        let harbour = server.company("harbour", "Harbour Ltd", ADA);
        let meridian = server.company("meridian", "Meridian Ltd", ADA);
        Twins { server, harbour, meridian }
    }
    /// Ada of Meridian, at a browser.
    fn at_home(&self) -> BrowserLike {
        let mut ada = self.server.browser();
        ada.sign_in("meridian", ADA, &self.meridian.password);
        ada
    }
    fn file(&self, slug: &str) -> Connection {
        let sql = Connection::open(self.server.data().join("companies").join(slug).join("company.db")).expect("a file");
        sql.busy_timeout(Duration::from_secs(30)).expect("patience");
        sql
    }
}

/// What an answer says beside what was brought.
fn meaning(answer: &Answer, brought: &str) -> (u16, String) {
    let text = answer.text().replace(brought, "…").replace(&encode(brought), "…");
    let mut parts = text.split("name=\"_csrf\" value=\"");
    let first = parts.next().unwrap_or_default().to_owned();
    (answer.status, parts.fold(first, |text, part| text + "…" + part.split_once('"').map_or("", |(_, rest)| rest)))
}

#[test]
fn a_cookie_is_worthless_elsewhere() {
    let twins = Twins::found();
    let ada = twins.at_home();
    let cookie = ada.caller().cookie("house_session").expect("a session");
    let with = |cookie: &str, path: &str| {
        let caller = twins.server.nobody().and_header("Cookie", &format!("house_session={cookie}"));
        meaning(&caller.get(path), cookie)
    };
    let never = "A".repeat(cookie.len());
    for path in ["/harbour/me", "/harbour/default", "/harbour/trail", "/harbour/api/users/me"] {
        assert_eq!(with(&cookie, path), with(&never, path), "{path}");
        assert!(matches!(with(&cookie, path).0, 303 | 401), "{path}");
    }
    ada.get("/meridian/me").expect(200);
}

#[test]
fn an_api_key_is_worthless_elsewhere() {
    let twins = Twins::found();
    let key = &twins.meridian.key;
    let never = format!("API-{}", "A".repeat(key.len() - 4));
    for path in ["/api/users/me", "/api/environments", "/api/users/Users-1", "/api/users/Users-99"] {
        let with = |key: &str| meaning(&Caller::with_key(&twins.harbour.base, key).get(path), key);
        assert_eq!(with(key).0, 401, "{path}");
        assert_eq!(with(key), with(&never), "{path}");
    }
    twins.meridian.caller().get("/api/users/me").expect(200);
}

#[test]
fn an_invitation_is_worthless_elsewhere() {
    let twins = Twins::found();
    let home = twins.meridian.caller();
    let person = json!({ "DisplayName": "Ben", "EmailAddress": "ben@example.com", "AddToTeamIds": [] });
    // The twin has an invitation of its own for the same person: it stays what it was.
    let twin = twins.harbour.caller().post("/api/users/invitations", person.clone()).expect(201).json();
    let named = home.post("/api/users/invitations", person).expect(201).json();
    let code = named["InvitationCode"].as_str().expect("a code").to_owned();
    let never = "A".repeat(code.len());
    let newcomer = twins.server.browser();
    let choose = |company: &str, code: &str| {
        let fields = [("password", "lantern copper seven boats"), ("again", "lantern copper seven boats")];
        newcomer.post(&format!("/{company}/invitation/{code}"), fields)
    };
    let look = |code: &str| newcomer.get(&format!("/harbour/invitation/{code}"));
    assert_eq!(meaning(&look(&code), &code), meaning(&look(&never), &never));
    assert_eq!(look(&code).status, 404);
    assert_eq!(meaning(&choose("harbour", &code), &code), meaning(&choose("harbour", &never), &never));
    assert_eq!(choose("harbour", &code).status, 404);

    let open = home.post("/api/users/invitations", json!({ "AddToTeamIds": [] })).expect(201).json();
    let open = open["InvitationCode"].as_str().expect("a code").to_owned();
    let register = |caller: Caller, code: &str| {
        let body = json!({ "InvitationCode": code, "Username": "mallory", "DisplayName": "Mallory",
            "EmailAddress": "mallory@example.com", "Password": "lantern copper seven boats" });
        meaning(&caller.post("/api/users/register", body), code)
    };
    let never = "A".repeat(open.len());
    assert_eq!(register(twins.harbour.stranger(), &open), register(twins.harbour.stranger(), &never));
    assert_eq!(register(twins.harbour.stranger(), &open).0, 400);
    let people = twins.harbour.caller().get("/api/users?take=100").expect(200).text();
    assert!(!people.contains("mallory"), "{people}");

    assert_eq!(register(twins.meridian.stranger(), &open).0, 201, "at home it works");
    assert_eq!(choose("meridian", &code).status, 303, "at home it works");
    assert_eq!(choose("harbour", twin["InvitationCode"].as_str().expect("a code")).status, 303, "the twin's own works");
}

#[test]
fn a_reset_link_is_worthless_elsewhere() {
    let twins = Twins::found();
    let told = twins.server.command(&["user", "reset-password", "meridian", ADA]).run().expect_success();
    let token = told.stdout.trim().rsplit_once("token=").expect("a link").1.to_owned();
    let never = "A".repeat(token.len());
    let somebody = twins.server.browser();
    let look = |token: &str| meaning(&somebody.get(&format!("/harbour/reset?token={token}")), token);
    let choose = |company: &str, token: &str| {
        let (path, password) = (format!("/{company}/reset"), "lantern copper seven boats");
        let fields = [("token", token), ("password", password), ("again", password)];
        meaning(&somebody.post(&path, fields), token)
    };
    assert_eq!(look(&token), look(&never));
    assert_eq!(choose("harbour", &token), choose("harbour", &never));
    assert_eq!(choose("harbour", &token).0, 404);
    let mut ada = twins.server.browser();
    ada.sign_in("harbour", ADA, &twins.harbour.password).expect(200);
    assert_eq!(choose("meridian", &token).0, 303, "at home it works");
}

#[test]
fn a_telephone_and_recovery_codes_are_worthless_elsewhere() {
    let twins = Twins::found();
    let mut here = twins.server.browser();
    here.sign_in("harbour", ADA, &twins.harbour.password);
    let mut there = twins.at_home();
    let page = there.done("/meridian/me/recovery-codes", ()).text();
    let shown = page.split_once("id=\"recovery-codes\"").expect("codes").1;
    let recovery = shown
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '-')
        .find(|word| word.len() == 11 && word.as_bytes()[5] == b'-')
        .expect("a recovery code");
    let thief = twins.server.browser();
    let mut thief = thief;
    thief.give_password("harbour", ADA, &twins.harbour.password).expect(200);
    let code = there.code();
    let wrong = thief.post("/harbour/code", [("code", code.as_str())]);
    assert_eq!(wrong.status, 422, "{wrong}");
    let wrong = thief.post("/harbour/code", [("recovery", recovery)]);
    assert_eq!(wrong.status, 422, "{wrong}");
    assert_eq!(thief.get("/harbour/me").status, 303);
    let mut home = twins.server.browser();
    home.give_password("meridian", ADA, &twins.meridian.password).expect(200);
    assert_eq!(home.post("/meridian/code", [("recovery", recovery)]).status, 303, "at home it works");
}

#[test]
fn a_sealed_value_is_worthless_elsewhere() {
    let twins = Twins::found();
    let mut here = twins.server.browser();
    here.sign_in("harbour", ADA, &twins.harbour.password);
    let mut there = twins.at_home();
    // The same cell: the same table, column and row. Only the company differs.
    let read = |slug: &str| {
        let sql = "SELECT id, sealed FROM factors WHERE kind = 'totp'";
        twins.file(slug).query_row(sql, (), |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?))).expect("one")
    };
    let ((row, own), (same, sealed)) = (read("harbour"), read("meridian"));
    assert_eq!(row, same);
    let put = |bytes: &[u8]| {
        let changed =
            twins.file("harbour").execute("UPDATE factors SET sealed = ?1, counter = 0 WHERE id = ?2", (bytes, row));
        assert_eq!(changed.expect("a change by hand"), 1);
    };
    put(&sealed);
    let mut thief = twins.server.browser();
    thief.give_password("harbour", ADA, &twins.harbour.password);
    let answer = thief.post("/harbour/code", [("code", there.code().as_str())]);
    assert!(!matches!(answer.status, 200 | 303), "{answer}");
    assert_eq!(thief.get("/harbour/me").status, 303, "nobody is signed in");
    put(&own);
    let mut ada = twins.server.browser();
    ada.give_password("harbour", ADA, &twins.harbour.password);
    assert_eq!(ada.post("/harbour/code", [("code", here.code().as_str())]).status, 303);
}
