//! Step-up through the front door: asked once more who one is, nothing lost on the way.

use crate::support::{
    browser_like::BrowserLike,
    server::{Company, Server},
};
use rusqlite::Connection;

fn file(server: &Server, company: &Company) -> Connection {
    let sql = Connection::open(server.data().join("companies").join(&company.slug).join("company.db")).expect("a file");
    sql.busy_timeout(std::time::Duration::from_secs(30)).expect("patience");
    sql
}

/// All sessions proved themselves so long ago that it no longer counts.
fn age(server: &Server, company: &Company) {
    let sql = file(server, company);
    sql.execute("UPDATE sessions SET proved_at = proved_at - 601000", ()).expect("sessions");
    sql.execute("UPDATE company SET access_version = access_version + 1", ()).expect("the version");
}

fn signed_in() -> (Server, Company, BrowserLike) {
    let server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let mut ada = server.browser();
    ada.sign_in("harbour", &harbour.email, &harbour.password);
    (server, harbour, ada)
}

#[test]
fn a_stale_session_is_asked_for_a_code_and_goes_on_with_what_was_sent() {
    let (server, harbour, mut ada) = signed_in();
    let made = ada.done("/harbour/me/keys", [("purpose", "while fresh"), ("days", "30")]);
    assert!(made.text().contains("API-"), "{made}");
    age(&server, &harbour);

    let asked = ada.post("/harbour/me/keys", [("purpose", "the <build> server"), ("days", "30")]).expect(403);
    let page = asked.text();
    assert!(page.contains("name=\"proof-code\"") && page.contains("the &#60;build&#62; server"), "{page}");
    assert!(page.contains("action=\"/harbour/me/keys\""), "{page}");
    let wrong = ada
        .post("/harbour/me/keys", [("purpose", "the <build> server"), ("days", "30"), ("proof-code", "000000")])
        .expect(422);
    assert!(wrong.text().contains("the &#60;build&#62; server"), "nothing is lost: {wrong}");
    let code = ada.code();
    let done = ada
        .done("/harbour/me/keys", [("purpose", "the <build> server"), ("days", "30"), ("proof-code", code.as_str())]);
    assert!(done.text().contains("API-") && done.text().contains("the &#60;build&#62; server"), "{done}");
    ada.done("/harbour/me/keys", [("purpose", "a third"), ("days", "30")]);
    let replayed = {
        age(&server, &harbour);
        ada.post("/harbour/me/keys", [("purpose", "a fourth"), ("days", "30"), ("proof-code", code.as_str())])
    };
    assert_eq!(replayed.status, 422, "a code proves once: {replayed}");
}

#[test]
fn a_program_is_told_in_a_sentence_and_a_key_is_not_asked() {
    let (server, harbour, ada) = signed_in();
    age(&server, &harbour);
    let headers = [("Origin", server.base()), ("Sec-Fetch-Site", "same-origin")];
    let body = serde_json::json!({ "Purpose": "by session" });
    let answer = ada.caller().call_saying("POST", "/harbour/api/users/me/apikeys", body.clone(), &headers).expect(403);
    let said = answer.json()["ErrorMessage"].as_str().unwrap_or_default().to_owned();
    assert!(said.contains("fresh proof"), "{answer}");
    let details = &answer.json()["Details"];
    assert_eq!(
        (&details["Reason"], &details["Remedy"]["Path"]),
        (&serde_json::json!("ProofNeeded"), &serde_json::json!("/api/users/me/proof"))
    );
    harbour.caller().post("/api/users/me/apikeys", body).expect(201);
}

#[test]
fn five_wrong_proofs_end_the_session() {
    let (server, harbour, ada) = signed_in();
    age(&server, &harbour);
    for _ in 0..5 {
        ada.post("/harbour/me/keys", [("purpose", "x"), ("days", "30"), ("proof-code", "000000")]);
    }
    assert_eq!(ada.get("/harbour/me").status, 303, "signed out");
}

#[test]
fn a_password_on_the_way_is_not_sent_back() {
    let (server, harbour, ada) = signed_in();
    age(&server, &harbour);
    let sent = [("purpose", "x"), ("days", "30"), ("new_password", "a secret that nobody sees")];
    let page = ada.post("/harbour/me/keys", sent).expect(403).text();
    assert!(!page.contains("a secret that nobody sees"), "{page}");
    assert!(page.contains("type=\"password\" id=\"f-new_password\"") && page.contains("type them again"), "{page}");
}

#[test]
fn after_the_proof_one_goes_on_within_the_company_only() {
    let (_server, _, ada) = signed_in();
    for (next, to) in
        [("/harbour/trail", "/harbour/trail"), ("https://evil.example/", "/harbour"), ("//evil.example", "/harbour")]
    {
        let answer = ada.get(&format!("/harbour/me/proof?next={}", crate::support::api::encode(next)));
        assert_eq!(answer.location(), to);
    }
}

/// findings B1: each way of proving is a form of its own, so that a browser sends whichever somebody takes.
#[test]
fn each_way_of_proving_is_a_form_of_its_own() {
    let (server, harbour, ada) = signed_in();
    let codes = ada.done("/harbour/me/recovery-codes", [("x", "y")]).text();
    age(&server, &harbour);
    let asked = ada.post("/harbour/me/keys", [("purpose", "kept"), ("days", "30")]).expect(403).text();
    let forms: Vec<&str> = asked.split("<form").skip(1).filter(|form| form.contains("name=\"proof-")).collect();
    assert_eq!(forms.len(), 2, "a code, a recovery code: {asked}");
    for form in &forms {
        let form = form.split("</form>").next().unwrap_or_default();
        assert_eq!(form.matches(" required").count(), 1, "one way each, and what it asks for: {form}");
        assert!(form.contains("name=\"purpose\" value=\"kept\""), "{form}");
    }
    let code: Vec<&str> = codes.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').collect();
    let code = code.into_iter().find(|word| word.len() == 11 && word.as_bytes()[5] == b'-').expect("a recovery code");
    let sent = [("purpose", "kept"), ("days", "30"), ("proof-recovery", "AAAAA-AAAAA")];
    let wrong = ada.post("/harbour/me/keys", sent).expect(422).text();
    assert!(wrong.contains("<details class=\"card-more\" open>"), "where it was wrong stands open: {wrong}");
    let sent = [("purpose", "kept"), ("days", "30"), ("proof-recovery", code)];
    assert!(ada.done("/harbour/me/keys", sent).text().contains("API-"));
}

/// findings B2: what passed a stale session by. With a proof all of it is done.
#[test]
fn what_gave_and_took_rights_beside_the_proof_asks_for_it() {
    let (server, harbour, mut ada) = signed_in();
    let caller = harbour.caller();
    let made = |path: &str, body: serde_json::Value| {
        caller.post(path, body).expect(201).json()["Id"].as_str().expect("an id").to_owned()
    };
    let environment = made("/api/Spaces-1/environments", serde_json::json!({ "Name": "Staging" }));
    let secret = serde_json::json!({ "HasValue": true, "NewValue": "a secret" });
    let account = serde_json::json!({ "Name": "Deploy", "AccountType": "UsernamePassword", "Username": "deploy",
        "Password": secret, "EnvironmentIds": [environment] });
    let account_id = made("/api/Spaces-1/accounts", account.clone());
    let user = |name: &str| {
        serde_json::json!({ "Username": name, "DisplayName": name, "EmailAddress": format!("{name}@harbour.test"),
        "Password": "boats seven copper lantern" })
    };
    let ben = made("/api/users", user("ben"));
    let team = made("/api/teams", serde_json::json!({ "Name": "Crew" }));
    let mut inactive = caller.get(&format!("/api/users/{ben}")).expect(200).json();
    inactive["IsActive"] = serde_json::json!(false);
    let headers = [("Origin", server.base()), ("Sec-Fetch-Site", "same-origin")];
    let calls = [
        ("POST", "/api/users/invitations".to_owned(), serde_json::json!({ "AddToTeamIds": ["teams-administrators"] })),
        ("POST", "/api/users".into(), user("zoe")),
        ("PUT", format!("/api/users/{ben}"), inactive),
        ("DELETE", format!("/api/users/{ben}"), serde_json::Value::Null),
        ("DELETE", format!("/api/teams/{team}"), serde_json::Value::Null),
        ("PUT", format!("/api/Spaces-1/accounts/{account_id}"), account),
    ];
    age(&server, &harbour);
    let send = |ada: &BrowserLike, (method, path, body): &(&str, String, serde_json::Value)| {
        let path = format!("/harbour{path}");
        match body {
            serde_json::Value::Null => ada.caller().call_saying(method, &path, (), &headers),
            body => ada.caller().call_saying(method, &path, body.clone(), &headers),
        }
    };
    for call in &calls {
        let answer = send(&ada, call).expect(403);
        assert_eq!(answer.json()["Details"]["Reason"], "ProofNeeded", "{answer}");
    }
    let code = ada.code();
    let proof = ("POST", "/api/users/me/proof".to_owned(), serde_json::json!({ "Code": code }));
    assert!(send(&ada, &proof).status < 300);
    for call in &calls {
        let answer = send(&ada, call);
        assert!(answer.status < 300, "{answer}");
    }
}
