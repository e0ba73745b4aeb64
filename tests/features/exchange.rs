//! A CI job's signed token for a short-lived one of a service account: a real issuer on loopback, real signatures.

use crate::support::{
    api::{Answer, Caller, text},
    issuer::{Answers, Issuer},
    server::{Company, Server},
};
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

const SUBJECT: &str = "repo:harbour/shop:ref:refs/heads/main";

struct Place {
    server: Server,
    harbour: Company,
    issuer: Issuer,
    account: String,
    audience: String,
    identity: String,
}

/// The operator lets one address inside be asked.
fn allow(server: &mut Server) {
    let config = server.data().with_file_name("bulkhead.toml");
    std::fs::write(&config, "allow-internal = [\"127.0.0.1/32\"]\n").unwrap();
    server.restart_with(&["--config", &config.to_string_lossy()]);
}

/// Harbour with a service account that takes tokens of an issuer which may be asked.
fn place() -> Place {
    let issuer = Issuer::start();
    let mut server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    allow(&mut server);
    let ada = harbour.caller();
    let robot = ada.post("/api/users", json!({ "DisplayName": "Robot", "IsService": true })).expect(201).json();
    let account = text(&robot["Id"]);
    let own = format!("/api/serviceaccounts/{account}/oidcidentities");
    let identity =
        json!({ "Name": "Shop on main", "Issuer": issuer.url(), "Subject": "repo:harbour/*:ref:refs/heads/main" });
    let made = ada.post(&format!("{own}/create/v1"), identity).expect(201).json();
    let listed = ada.get(&format!("{own}/v1?skip=0&take=10")).expect(200).json();
    assert_eq!((&listed["Count"], &listed["OidcIdentities"][0]["Id"]), (&json!(1), &made["Id"]));
    let audience = text(&listed["ExternalId"]);
    Place { server, harbour, issuer, account, audience, identity: text(&made["Id"]) }
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64
}

impl Place {
    fn claims(&self) -> Value {
        json!({ "iss": self.issuer.url(), "sub": SUBJECT, "aud": self.audience, "iat": now(), "nbf": now() - 5, "exp": now() + 300 })
    }
    fn exchange(&self, account: &str, token: &str) -> Answer {
        let body = json!({
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange", "audience": account,
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt", "subject_token": token,
        });
        self.harbour.stranger().post("/api/token/v1", body)
    }
    fn bearer(&self, token: &str) -> Caller {
        Caller::nobody(&self.harbour.base).and_header("Authorization", &format!("Bearer {token}"))
    }
}

#[test]
fn a_signed_token_is_taken_for_one_that_works_for_a_while() {
    let place = place();
    let about = place.harbour.stranger().get("/.well-known/openid-configuration").expect(200).json();
    assert_eq!(about["issuer"], json!(place.harbour.base));
    assert_eq!(about["token_endpoint"], json!(format!("{}/api/token/v1", place.harbour.base)));
    for key in ["rsa", "ec"] {
        for account in [&place.account, &place.audience] {
            let given = place.exchange(account, &place.issuer.sign(key, &place.claims())).expect(200).json();
            assert_eq!(given["token_type"], "Bearer");
            let life = given["expires_in"].as_i64().unwrap();
            assert!((3500..=3600).contains(&life), "{life}");
            let me = place.bearer(&text(&given["access_token"])).get("/api/users/me").expect(200).json();
            assert_eq!((&me["Id"], &me["IsService"]), (&json!(place.account), &json!(true)));
        }
    }
    assert_eq!(place.issuer.asked(), 2, "description and keys are asked for once");
    // A list of audiences is as good.
    let mut claims = place.claims();
    claims["aud"] = json!(["somebody else", place.audience]);
    let given = place.exchange(&place.account, &place.issuer.sign("rsa", &claims)).expect(200).json();
    let token = text(&given["access_token"]);

    // It is worthless elsewhere, ends with its account, and with its identity.
    let meridian = place.server.company("meridian", "Meridian Ltd", "dora@meridian.test");
    let there = Caller::nobody(&meridian.base).and_header("Authorization", &format!("Bearer {token}"));
    there.get("/api/users/me").expect(401);
    let ada = place.harbour.caller();
    let mut robot = ada.get(&format!("/api/users/{}", place.account)).expect(200).json();
    robot["IsActive"] = json!(false);
    ada.put(&format!("/api/users/{}", place.account), robot.clone()).expect(200);
    place.bearer(&token).get("/api/users/me").expect(401);
    place.exchange(&place.account, &place.issuer.sign("rsa", &place.claims())).expect(400);
    robot["IsActive"] = json!(true);
    ada.put(&format!("/api/users/{}", place.account), robot).expect(200);
    place.bearer(&token).get("/api/users/me").expect(401);
    let given = place.exchange(&place.account, &place.issuer.sign("rsa", &place.claims())).expect(200).json();
    let token = text(&given["access_token"]);
    place.bearer(&token).get("/api/users/me").expect(200);
    let own = format!("/api/serviceaccounts/{}/oidcidentities/{}/v1", place.account, place.identity);
    ada.delete(&own, ()).expect(200);
    place.bearer(&token).get("/api/users/me").expect(401);
    ada.get(&own).expect(404);
    let trail = ada.get("/api/events?take=200").expect(200).text();
    assert!(trail.contains("came in with a signed token of"), "{trail}");
    assert!(!trail.contains(&token));
}

#[test]
fn what_is_not_rightly_signed_for_the_account_is_refused() {
    let place = place();
    let good = place.issuer.sign("rsa", &place.claims());
    let changed = |field: &str, value: Value| {
        let mut claims = place.claims();
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(field);
        } else {
            claims[field] = value;
        }
        claims
    };
    let mut forged = good.clone();
    let end = if forged.ends_with("AA") { "BB" } else { "AA" };
    forged.replace_range(forged.len() - 2.., end);
    let unsigned = {
        let part = |value: Value| data_encoding::BASE64URL_NOPAD.encode(value.to_string().as_bytes());
        format!("{}.{}.", part(json!({ "alg": "none", "typ": "JWT" })), part(place.claims()))
    };
    let sign = |claims: &Value| place.issuer.sign("rsa", claims);
    let unproved = "it is not rightly signed";
    for (why, token, said) in [
        ("ended", sign(&changed("exp", json!(now() - 60))), "has ended"),
        ("not begun", sign(&changed("nbf", json!(now() + 120))), "not valid yet"),
        ("another audience", sign(&changed("aud", json!("somebody else"))), "another audience"),
        ("another subject", sign(&changed("sub", json!("repo:harbour/shop:ref:refs/heads/evil"))), "takes the subject"),
        ("without an end", sign(&changed("exp", Value::Null)), "lacks one of"),
        ("without an audience", sign(&changed("aud", Value::Null)), "lacks one of"),
        ("without a subject", sign(&changed("sub", Value::Null)), unproved),
        ("another issuer", sign(&changed("iss", json!("https://ci.example"))), unproved),
        ("forged", forged, unproved),
        ("unsigned", unsigned, unproved),
        ("another algorithm", place.issuer.sign("rsa384", &place.claims()), unproved),
        ("the public key as a secret", place.issuer.sign_with_public_key(&place.claims()), unproved),
        ("a key that is not shown", place.issuer.sign("hidden", &place.claims()), unproved),
        ("nonsense", "nonsense".into(), unproved),
        ("nothing", String::new(), unproved),
    ] {
        let refused = place.exchange(&place.account, &token).expect(400).json();
        assert_eq!(refused["error"], "invalid_grant", "{why}");
        assert!(text(&refused["error_description"]).contains(said), "{why}: {refused}");
    }
    // Whoever guesses accounts learns nothing.
    let mut answers: Vec<Vec<u8>> = Vec::new();
    for account in ["Users-1", "Users-99", "", "robots", "00000000-0000-0000-0000-000000000000"] {
        answers.push(place.exchange(account, &good).expect(400).body);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1);
    let other = Caller::nobody(&format!("{}/nowhere", place.server.base()));
    let asked = json!({
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange", "audience": "Users-1",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt", "subject_token": good,
    });
    assert_eq!(
        other.post("/api/token/v1", asked).expect(400).body,
        answers[0],
        "findings A14: a company that is not there"
    );
    for body in [json!({}), json!({ "grant_type": "password" })] {
        let refused = place.harbour.stranger().post("/api/token/v1", body).expect(400).json();
        assert_eq!(refused["error"], "unsupported_grant_type");
    }
    place.exchange(&place.account, &good).expect(200);
}

#[test]
fn an_issuer_is_asked_only_where_it_may_be_and_believed_only_about_itself() {
    // Described as another, it is not believed.
    let place = place();
    place.issuer.says(Answers { other_name: Some("https://ci.example".into()), ..Answers::default() });
    place.exchange(&place.account, &place.issuer.sign("rsa", &place.claims())).expect(400);
    let asked = place.issuer.asked();
    assert!(asked > 0);
    place.exchange(&place.account, &place.issuer.sign("rsa", &place.claims())).expect(400);
    assert_eq!(place.issuer.asked(), asked, "and not asked again at once");

    // A redirect is not followed; and what the operator did not allow is not even called.
    let (redirected, hidden) = (Issuer::start(), Issuer::start_at("127.0.0.2"));
    redirected.says(Answers {
        redirect: Some(format!("{}/.well-known/openid-configuration", hidden.url())),
        ..Answers::default()
    });
    let ada = place.harbour.caller();
    let own = format!("/api/serviceaccounts/{}/oidcidentities/create/v1", place.account);
    for issuer in [&redirected, &hidden] {
        let identity = json!({ "Name": "Another", "Issuer": issuer.url(), "Subject": SUBJECT, "Audience": "us" });
        ada.post(&own, identity).expect(201);
        let claims = json!({ "iss": issuer.url(), "sub": SUBJECT, "aud": "us", "exp": now() + 300 });
        let body = json!({
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange", "audience": place.account,
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt", "subject_token": issuer.sign("rsa", &claims),
        });
        place.harbour.stranger().post("/api/token/v1", body).expect(400);
    }
    assert_eq!((redirected.asked(), hidden.asked()), (1, 0));

    for (field, identity) in [
        ("Name", json!({ "Issuer": "https://ci.example", "Subject": "repo:x" })),
        ("Issuer", json!({ "Name": "x", "Issuer": "ci.example", "Subject": "repo:x" })),
        ("Issuer", json!({ "Name": "x", "Issuer": "https://me:secret@ci.example", "Subject": "repo:x" })),
        ("Subject", json!({ "Name": "x", "Issuer": "https://ci.example", "Subject": "*" })),
        ("Subject", json!({ "Name": "x", "Issuer": redirected.url(), "Subject": SUBJECT })),
    ] {
        let wrong = ada.post(&own, identity.clone()).expect(400).json();
        assert!(wrong["Details"][field].is_string(), "{identity}: {wrong}");
    }
    ada.post(
        "/api/serviceaccounts/Users-1/oidcidentities/create/v1",
        json!({ "Name": "x", "Issuer": "https://ci.example", "Subject": "repo:x" }),
    )
    .expect(409);
}
