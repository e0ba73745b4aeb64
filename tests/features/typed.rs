//! What was typed is not lost: the session ended meanwhile (findings J2), or the form is an older session's (findings J4).

use crate::support::{
    api::{Answer, Caller, text},
    browser_like::BrowserLike,
    server::{Company, Server, founded},
};
use serde_json::json;

const NEW: &str = "/harbour/default/infrastructure/environments/new";
const SAVE: &str = "/harbour/default/infrastructure/environments";

/// The field that every form of this page carries.
fn word_of(page: &str) -> String {
    let after = page.split_once("name=\"_csrf\" value=\"").unwrap_or_else(|| panic!("no form in {page}")).1;
    after.split('"').next().unwrap_or_default().to_owned()
}
/// The hidden fields of the form that is sent to this address.
fn fields_of(page: &str, action: &str) -> Vec<(String, String)> {
    let begin = format!("action=\"{action}\"");
    let form = page.split_once(begin.as_str()).unwrap_or_else(|| panic!("no form to {action} in {page}")).1;
    let form = form.split("</form>").next().unwrap_or_default();
    let hidden = form.split("<input type=\"hidden\" name=\"").skip(1).filter_map(|field| {
        let (name, rest) = field.split_once("\" value=\"")?;
        Some((name.to_owned(), rest.split('"').next()?.to_owned()))
    });
    hidden.filter(|(name, _)| name != "_csrf").collect()
}
fn end_sessions(server: &Server) {
    let sql = rusqlite::Connection::open(server.data().join("companies/harbour/company.db")).expect("the file");
    sql.busy_timeout(std::time::Duration::from_secs(30)).expect("patience");
    sql.execute("DELETE FROM sessions", []).expect("no sessions");
}
fn signed_in(server: &Server, harbour: &Company) -> BrowserLike {
    let mut ada = server.browser();
    ada.sign_in("harbour", &harbour.email, &harbour.password);
    ada
}
/// Signs in where an answer led to, with password and code; where that leads.
fn sign_in_at(browser: &mut BrowserLike, login: &str, (email, password): (&str, &str)) -> Answer {
    let sent = [("company", "harbour"), ("email", email), ("password", password)];
    let step = browser.post(login, sent).expect(303).location().to_owned();
    if !step.contains("/code?") {
        return browser.get(&step);
    }
    let code = browser.code();
    let to = browser.post(&step, [("code", code.as_str())]).expect(303).location().to_owned();
    browser.get(&to)
}

#[test]
fn what_was_typed_comes_back_after_sign_in_and_goes_on_with_one_press() {
    let (server, harbour) = founded();
    let mut ada = signed_in(&server, &harbour);
    let word = word_of(&ada.get(NEW).expect(200).text());
    end_sessions(&server);
    let long = "A <long> description. ".repeat(40);
    let sent = [("_csrf", &*word), ("name", "Wharf Nine"), ("description", &long)];
    let login = ada.post(SAVE, sent).expect(303).location().to_owned();
    assert!(login.starts_with("/harbour/login?next=%2Fharbour%2Fme%2Ftyped%2F"), "{login}");
    let page = sign_in_at(&mut ada, &login, (&harbour.email, &harbour.password)).expect(200).text();
    assert!(page.contains("Wharf Nine") && page.contains("A &#60;long&#62; description."), "{page}");
    assert!(page.contains("Nothing was done yet"), "{page}");
    assert!(!ada.get(SAVE).expect(200).text().contains("Wharf Nine"), "nothing was done by signing in");
    let fields = fields_of(&page, SAVE);
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert!(fields.contains(&("name", "Wharf Nine")), "{fields:?}");
    ada.post(SAVE, &fields[..]).expect(303);
    assert!(ada.get(SAVE).expect(200).text().contains("Wharf Nine"));
}

#[test]
fn what_was_typed_is_its_persons_alone_and_holds_no_secret() {
    let (server, harbour) = founded();
    let ben = json!({ "Username": "ben", "DisplayName": "Ben", "EmailAddress": "ben@harbour.test", "Password": "a long password of his" });
    harbour.caller().post("/api/users", ben).expect(201);
    let mut ada = signed_in(&server, &harbour);
    let accounts = "/harbour/default/infrastructure/accounts";
    let word = word_of(&ada.get(&format!("{accounts}/new")).expect(200).text());
    end_sessions(&server);
    let sent = [
        ("_csrf", &*word),
        ("name", "The web server"),
        ("password", "hunter2 of the machine"),
        ("key", "-----BEGIN KEY-----"),
        ("passphrase", "another of those"),
    ];
    let login = ada.post(accounts, sent).expect(303).location().to_owned();
    let typed = login.split_once("next=").expect("where to go on").1.replace("%2F", "/");
    let page = sign_in_at(&mut ada, &login, (&harbour.email, &harbour.password)).expect(200).text();
    assert!(page.contains("The web server") && page.contains("It was not kept"), "{page}");
    for secret in ["hunter2 of the machine", "BEGIN KEY", "another of those"] {
        assert!(!page.contains(secret), "“{secret}” was kept: {page}");
    }
    let mut ben = server.browser();
    ben.sign_in("harbour", "ben@harbour.test", "a long password of his");
    for (who, path) in [(&ben, typed.as_str()), (&ada, "/harbour/me/typed/none")] {
        let page = who.follow(who.get(path).expect(303)).expect(200).text();
        assert!(page.contains("not kept any more") && !page.contains("The web server"), "{page}");
    }
}

#[test]
fn an_action_is_offered_again_and_nobody_lands_where_a_page_is_not() {
    let (server, harbour) = founded();
    let mut ada = signed_in(&server, &harbour);
    let made = harbour.caller().post("/api/environments", json!({ "Name": "Test" })).expect(201).json();
    let page = ada.get("/harbour/default/infrastructure/environments").expect(200).text();
    assert!(page.contains(made["Name"].as_str().unwrap_or_default()));
    let word = word_of(&page);
    end_sessions(&server);
    let login = ada.post("/harbour/me/sessions/others/delete", [("_csrf", &*word)]).expect(303).location().to_owned();
    let page = sign_in_at(&mut ada, &login, (&harbour.email, &harbour.password)).expect(200).text();
    assert!(page.contains("You pressed a button"), "{page}");
    ada.post("/harbour/me/sessions/others/delete", &[("", "")][..]).expect(303);

    // A form of nobody's, a path that takes none, a company that is none: on to a page, never to what takes forms only.
    end_sessions(&server);
    for path in [SAVE, "/harbour/me/sessions/others/delete", "/harbour/nothing/here", "/nowhere/default/projects"] {
        let company = path.split('/').nth(1).unwrap_or_default();
        let to = ada.post(path, [("name", "x")]).expect(303).location().to_owned();
        assert_eq!(to, format!("/{company}/login?next=%2F{company}"), "{path}");
    }
}

/// A form that was drawn in an older session of the same person.
#[test]
fn an_old_form_of_the_same_person_is_sent_again_with_one_press() {
    let (server, harbour) = founded();
    let mut ada = signed_in(&server, &harbour);
    let word = word_of(&ada.get(NEW).expect(200).text());
    // Signed out and in again in another tab.
    ada.post("/harbour/sign-out", ()).expect(303);
    ada.give_password("harbour", &harbour.email, &harbour.password);
    let code = ada.code();
    ada.post("/harbour/code", [("code", code.as_str())]).expect(303);
    let send = |who: &BrowserLike, headers: &[(&str, &str)], sent: &[(&str, &str)]| {
        let cookie = format!("house_session={}", who.caller().cookie("house_session").expect("a session"));
        let raw = Caller::nobody(server.base()).plainly().and_header("Cookie", &cookie);
        raw.call_saying("POST", SAVE, sent, headers)
    };
    let own: &[_] = &[("Origin", server.base()), ("Sec-Fetch-Site", "same-origin")];
    let sent: &[_] = &[("_csrf", &*word), ("name", "Wharf Nine"), ("description", "for trials")];
    let page = send(&ada, own, sent).expect(403).text();
    assert!(page.contains("for trials") && page.contains("Nothing was done yet"), "{page}");
    assert_eq!(harbour.caller().get("/api/environments").expect(200).json()["TotalResults"], 0);

    // From another site, without a mark, with another's mark: not taken, and nothing is shown.
    let elsewhere: &[_] = &[("Origin", "https://evil.example"), ("Sec-Fetch-Site", "cross-site")];
    let bare = word.split('.').next().unwrap_or_default().to_owned();
    let ben = json!({ "Username": "ben", "DisplayName": "Ben", "EmailAddress": "ben@harbour.test", "Password": "a long password of his" });
    let ben = text(&harbour.caller().post("/api/users", ben).expect(201).json()["Id"]);
    let number = ben.trim_start_matches("Users-");
    let forged =
        format!("{bare}.{number}-{}", word.rsplit('.').next().and_then(|mark| mark.split_once('-')).expect("a mark").1);
    let mut other = server.browser();
    other.sign_in("harbour", "ben@harbour.test", "a long password of his");
    let refused = |who: &BrowserLike, headers, word: &str| {
        let sent = [("_csrf", word), ("name", "Wharf Nine"), ("description", "for trials")];
        let page = send(who, headers, &sent).expect(403).text();
        assert!(!page.contains("for trials"), "{word}: {page}");
        page
    };
    refused(&ada, elsewhere, &word);
    for (who, word) in [(&ada, &*bare), (&ada, "x.y-z"), (&other, &*word), (&other, &*forged)] {
        let page = refused(who, own, word);
        assert!(page.contains("This form cannot be taken"), "{word}: {page}");
    }

    let mut fields = fields_of(&page, SAVE);
    fields.push(("_csrf".into(), word_of(&page)));
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    send(&ada, own, &fields).expect(303);
    assert_eq!(harbour.caller().get("/api/environments").expect(200).json()["TotalResults"], 1);
}
