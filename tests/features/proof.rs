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
    let made = ada.post("/harbour/me/keys", [("purpose", "while fresh"), ("days", "30")]).expect(200);
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
        .post("/harbour/me/keys", [("purpose", "the <build> server"), ("days", "30"), ("proof-code", code.as_str())])
        .expect(200);
    assert!(done.text().contains("API-") && done.text().contains("the &#60;build&#62; server"), "{done}");
    ada.post("/harbour/me/keys", [("purpose", "a third"), ("days", "30")]).expect(200);
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
