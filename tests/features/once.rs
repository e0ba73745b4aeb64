//! What is shown once: the form that makes it leads to an address, and loading that address again makes nothing anew
//! (findings J5, I11).

use crate::support::{
    api::{encode, text},
    browser_like::BrowserLike,
    server::{Company, Server, founded},
};
use serde_json::json;

/// The letters of a secret after these words in a page.
fn secret<'p>(page: &'p str, before: &str) -> &'p str {
    let after = page.split_once(before).unwrap_or_else(|| panic!("no {before} in {page}")).1;
    let end = after.find(|c: char| !c.is_ascii_alphanumeric() && !"-_".contains(c)).unwrap_or(after.len());
    assert!(end > 5, "“{before}” is followed by no secret in {page}");
    &after[..end]
}

/// Sends a form whose page shows a secret after these words, then loads its address again. Nobody else finds it there.
#[track_caller]
fn shown_once(
    who: &BrowserLike,
    other: &BrowserLike,
    (path, form): (&str, &[(&str, &str)]),
    before: &str,
    again: &str,
) {
    let to = who.post(path, form).expect(303).location().to_owned();
    let stranger = other.get(&to).text();
    let first = who.get(&to).expect(200);
    let (page, secret) = (first.text(), secret(&first.text(), before).to_owned());
    assert!(!stranger.contains(&secret), "{path}: another session's page shows it");
    assert!(page.contains(&secret));
    for _ in 0..2 {
        let reloaded = who.get(&to).expect(200).text();
        assert!(!reloaded.contains(&secret), "{path}: it is shown again");
        assert!(reloaded.contains("shown once") && reloaded.contains(again), "{path}: {reloaded}");
    }
}

fn count(company: &Company, path: &str) -> serde_json::Value {
    company.caller().get(path).expect(200).json()["TotalResults"].clone()
}

#[test]
fn a_page_that_shows_something_once_is_loaded_again_and_makes_nothing_anew() {
    let (server, harbour) = founded();
    let mut ada = server.browser();
    ada.sign_in("harbour", &harbour.email, &harbour.password);
    // Ada in another browser: the same person, another session.
    let mut other = server.browser();
    other.give_password("harbour", &harbour.email, &harbour.password);
    let code = ada.code();
    other.post("/harbour/code", [("code", code.as_str())]).expect(303);
    other.get("/harbour/me").expect(200);
    let caller = harbour.caller();
    let robot = json!({ "Username": "robot", "DisplayName": "Robot", "IsService": true });
    let robot = text(&caller.post("/api/users", robot).expect(201).json()["Id"]);
    let people = "/harbour/access/people";

    let key: &[_] = &[("purpose", "once"), ("days", "30")];
    shown_once(&ada, &other, ("/harbour/me/keys", key), ">API-", "revoke it and make another");
    shown_once(&ada, &other, (&format!("{people}/{robot}/keys"), key), ">API-", "revoke it and make another");
    assert_eq!(ada.get("/harbour/me/keys").text().matches(">once<").count(), 1, "one key was made");

    let to = ada.post("/harbour/me/recovery-codes", ()).expect(303).location().to_owned();
    let codes = ada.get(&to).expect(200).text();
    let reloaded = ada.get(&to).expect(200).text();
    assert!(reloaded.contains("shown once") && reloaded.contains("10 of 10 left"), "{reloaded}");
    let code: Vec<&str> = codes.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').collect();
    let code = code.into_iter().find(|word| word.len() == 11 && word.as_bytes()[5] == b'-').expect("a recovery code");
    let mut fresh = server.browser();
    fresh.give_password("harbour", &harbour.email, &harbour.password);
    fresh.post("/harbour/code", [("recovery", code)]).expect(303);

    let ben: &[_] = &[("name", "Ben"), ("email", "ben@harbour.test"), ("confirmed", "yes")];
    let link = "/harbour/invitation/";
    shown_once(&ada, &other, (&format!("{people}/invite"), ben), link, "Send it again");
    assert_eq!(count(&harbour, "/api/users?filter=ben"), 1);
    let ben = text(&caller.get("/api/users?filter=ben").expect(200).json()["Items"][0]["Id"]);
    shown_once(&ada, &other, (&format!("{people}/{ben}/invite-again"), &[("", "")]), link, "Send it again");
    let open: &[_] = &[("step", "open"), ("confirmed", "yes")];
    shown_once(&ada, &other, (&format!("{people}/invite"), open), "/harbour/register/", "revoke the invitation");
    assert_eq!(count(&harbour, "/api/users/invitations"), 1);

    let zoe = json!({ "Username": "zoe", "DisplayName": "Zoe", "EmailAddress": "zoe@harbour.test", "Password": "a long password of theirs" });
    let zoe = text(&caller.post("/api/users", zoe).expect(201).json()["Id"]);
    let reset = format!("{people}/{zoe}/reset-password");
    shown_once(&ada, &other, (&reset, &[("", "")]), "/harbour/reset?token=", "Reset the password");

    let sql = rusqlite::Connection::open(server.data().join("companies/harbour/company.db")).expect("the file");
    sql.execute("UPDATE settings SET checkpoint_webhook = 'https://kept.example/'", []).expect("a webhook");
    let to = ada.post("/harbour/trail/proofs/secret", ()).expect(303).location().to_owned();
    assert_ne!(ada.get(&to).expect(200).text(), ada.get(&to).expect(200).text());

    let group = json!({ "Name": "Contoso" });
    caller.post("/api/Spaces-1/tenants", group).expect(201);
    let kim: &[_] = &[("emails", "kim@contoso.example"), ("confirmed", "yes")];
    shown_once(&ada, &other, ("/harbour/default/tenants/contoso/access", kim), link, "Send it again");
}

#[test]
fn codes_of_a_first_sign_in_are_lost_by_no_reload() {
    let (server, harbour) = founded();
    let mut browser = server.browser();
    let page = browser.give_password("harbour", &harbour.email, &harbour.password).text();
    let secret = secret(&page, "id=\"totp-secret\">").to_owned();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock").as_secs();
    let code = crate::support::browser_like::code_at(&secret, now);
    let to = browser.post("/harbour/enrol", [("code", code.as_str())]).expect(303).location().to_owned();
    assert!(browser.get(&to).expect(200).text().contains("id=\"recovery-codes\""));
    let reloaded = browser.get(&to).expect(200).text();
    assert!(reloaded.contains("make new ones") && reloaded.contains("10 of 10 left"), "{reloaded}");
    assert!(browser.get(&format!("/harbour/me?shown={}", encode("nonsense.x"))).expect(200).text().len() > 100);
}

#[test]
fn the_operators_create_and_remove_lead_to_addresses() {
    let server = Server::start();
    let operator = server.company("operator", "Operator", "otto@ward.test");
    let mut otto = server.browser();
    otto.sign_in("operator", &operator.email, &operator.password).expect(200);
    let nobody = server.browser();
    let new: &[_] =
        &[("name", "Meridian"), ("slug", "meridian"), ("admin_name", "Dora"), ("admin_email", "dora@meridian.test")];
    shown_once(&otto, &nobody, ("/operator/companies", new), "/meridian/invitation/", "invite the administrator again");
    let to = otto.post("/operator/companies/meridian/remove", [("confirm", "meridian")]).expect(303);
    let to = to.location().to_owned();
    assert!(otto.get(&to).expect(200).text().contains("Key destroyed"));
    let reloaded = otto.get(&to).expect(200).text();
    assert!(reloaded.contains("receipts") && !reloaded.contains("Key destroyed"), "{reloaded}");
}
