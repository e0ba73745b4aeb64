//! The trail through the API: each change and each refusal, who did it and what differs; narrowed to what one may see.

use crate::support::{api::Caller, server::Server};
use serde_json::{Value, json};

fn messages(page: &Value) -> Vec<String> {
    page["Items"].as_array().unwrap().iter().map(|event| event["Message"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn changes_and_refusals_are_told_with_who_and_what() {
    let server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let ada = harbour.caller().and_header("user-agent", "a test of the trail");
    let made = ada.post("/api/environments", json!({ "Name": "Staging" })).expect(201).json();
    let address = format!("/api/environments/{}", made["Id"].as_str().unwrap());
    ada.put(&address, json!({ "Name": "Acceptance" })).expect(200);
    let newest = ada.get("/api/events?take=2").expect(200).json();
    assert_eq!(messages(&newest), ["Environment Acceptance was changed", "Environment Staging was created"]);
    let event = &newest["Items"][0];
    assert_eq!(
        (&event["Category"], &event["Username"], &event["SpaceId"]),
        (&json!("Modified"), &json!("Ada"), &json!("Spaces-1"))
    );
    assert_eq!(event["ChangeDetails"]["Differences"]["Name"], json!({ "From": "Staging", "To": "Acceptance" }));
    assert_eq!((&event["UserAgent"], &event["IpAddress"]), (&json!("a test of the trail"), &json!("127.0.0.1")));
    assert!(event["IdentityEstablishedWith"].as_str().unwrap().starts_with("API key API-"));
    assert_eq!(
        event["MessageReferences"][0],
        json!({ "ReferencedDocumentId": made["Id"], "StartIndex": 12, "Length": 10 })
    );
    let alone = ada.get(&format!("/api/events/{}", event["Id"].as_str().unwrap())).expect(200).json();
    assert_eq!(alone["Message"], event["Message"]);

    for (query, count) in [
        (format!("regarding={}", made["Id"].as_str().unwrap()), 2),
        ("eventCategories=Modified".into(), 1),
        ("environments=Environments-1".into(), 2),
        ("environments=Environments-9".into(), 0),
        ("environments=nonsense".into(), 0),
        ("users=Users-9".into(), 0),
        ("from=2099-01-01T00:00:00.000%2B00:00".into(), 0),
        ("text=ACCEPT".into(), 1),
    ] {
        assert_eq!(ada.get(&format!("/api/events?{query}")).expect(200).json()["TotalResults"], count, "{query}");
    }
    ada.get("/api/events?from=yesterday").expect(400);
    ada.get("/api/events/Events-9999").expect(404);
    assert!(
        ada.get("/api/events/categories")
            .expect(200)
            .json()
            .as_array()
            .unwrap()
            .iter()
            .any(|one| one["Id"] == "AccessDenied")
    );
    for method in ["PUT", "DELETE"] {
        ada.call(method, "/api/events/Events-1", json!({})).expect(405);
    }
}

#[test]
fn each_reads_what_concerns_them() {
    let server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let ada = harbour.caller();
    let robot = ada.post("/api/users", json!({ "DisplayName": "Robot", "IsService": true })).expect(201).json();
    let keys = format!("/api/users/{}/apikeys", robot["Id"].as_str().unwrap());
    let key = ada.post(&keys, json!({ "Purpose": "test" })).expect(201).json();
    let program = Caller::with_key(&harbour.base, key["ApiKey"].as_str().unwrap());
    program.get("/api/events").expect(403);
    let refusal = &ada.get("/api/events?eventCategories=AccessDenied").expect(200).json()["Items"][0];
    assert_eq!((&refusal["Message"], &refusal["IsService"]), (&json!("Robot was refused EventView"), &json!(true)));

    // With the right in the space: what happened there, nothing of the company's people.
    let team = ada.post("/api/teams", json!({ "Name": "Readers", "MemberUserIds": [robot["Id"]] })).expect(201).json();
    let role = json!({ "TeamId": team["Id"], "UserRoleId": "userroles-runbookconsumer", "SpaceId": "Spaces-1" });
    ada.post("/api/scopeduserroles", role).expect(201);
    ada.post("/api/environments", json!({ "Name": "Staging" })).expect(201);
    let seen = messages(&program.get("/api/events").expect(200).json());
    assert!(seen.contains(&"Environment Staging was created".to_owned()), "{seen:?}");
    assert!(
        seen.iter().all(|message| !message.contains("API key") && !message.contains("Robot was created")),
        "{seen:?}"
    );
    assert!(messages(&ada.get("/api/events").expect(200).json()).iter().any(|message| message.contains("API key")));
    let first = program.get("/api/events/Events-1").expect(404);
    assert!(first.json()["ErrorMessage"].as_str().unwrap().contains("Events-1"));
}

#[test]
fn the_trail_is_taken_out_filtered_and_that_is_told() {
    let server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let ada = harbour.caller();
    for name in ["Staging", "=1+1"] {
        ada.post("/api/environments", json!({ "Name": name })).expect(201);
    }
    let lines = |text: String| -> Vec<Value> { text.lines().map(|line| serde_json::from_str(line).unwrap()).collect() };
    let answer = ada.get("/api/events/export?eventCategories=Created&text=staging&apikey=API-SECRET").expect(200);
    assert_eq!(answer.header("content-disposition"), "attachment; filename=\"trail-harbour.jsonl\"");
    let rows = lines(answer.text());
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["Message"], "Environment Staging was created");
    let event = &ada.get("/api/events?take=1").expect(200).json()["Items"][0];
    assert_eq!(
        (&event["Category"], &event["Message"]),
        (&json!("TrailExported"), &json!("The trail was exported as JSON-lines"))
    );
    let told = event["ChangeDetails"]["Differences"]["Filter"].as_str().unwrap();
    assert!(told.contains("text=staging") && !told.contains("API-SECRET"), "{told}");

    let csv = ada.get("/api/events?asCsv=true&eventGroups=Document&documentTypes=Environments").expect(200);
    assert!(csv.header("content-type").starts_with("text/csv"), "{}", csv.header("content-type"));
    let text = csv.text();
    assert!(text.starts_with("Id,Occurred,Category,Message,"), "{text}");
    assert_eq!(text.lines().count(), 3);
    ada.get("/api/events/export?format=xml").expect(400);
    assert_eq!(ada.get("/api/events?eventGroups=NoSuchGroup").expect(200).json()["TotalResults"], 0);

    // On the page the same, from the filters that are shown.
    let mut browser = server.browser();
    browser.sign_in("harbour", "ada@harbour.test", &harbour.password);
    let page = browser.get("/harbour/trail?category=Document&environment=staging").expect(200).text();
    assert!(page.contains("Environment Staging was created") && !page.contains("Environment =1+1"), "{page}");
    let form = [("format", "csv"), ("category", "Document"), ("environment", "staging")];
    let answer = browser.post("/harbour/trail/export", &form[..]).expect(200);
    assert_eq!(answer.header("content-disposition"), "attachment; filename=\"trail-harbour.csv\"");
    assert_eq!(answer.text().lines().count(), 2);
    browser.post("/harbour/trail/export", &[("format", "xml")][..]).expect(422);
    // What cannot be meant finds nothing, and not everything.
    let page = browser.get("/harbour/trail?project=no-such-project").expect(200).text();
    assert!(page.contains("Nothing in the trail matches"), "{page}");
    let event =
        ada.get("/api/events?text=staging&take=1").expect(200).json()["Items"][0]["Id"].as_str().unwrap().to_owned();
    let page = browser.get(&format!("/harbour/trail/{event}")).expect(200).text();
    assert!(page.contains("Environment Staging was created"), "{page}");
    browser.get("/harbour/trail/Events-99999").expect(404);
}

#[test]
fn an_export_holds_what_one_may_see_and_no_more() {
    let server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let ada = harbour.caller();
    let robot = ada.post("/api/users", json!({ "DisplayName": "Robot", "IsService": true })).expect(201).json();
    let key = ada.post(&format!("/api/users/{}/apikeys", robot["Id"].as_str().unwrap()), json!({ "Purpose": "test" }));
    let program = Caller::with_key(&harbour.base, key.expect(201).json()["ApiKey"].as_str().unwrap());
    program.get("/api/events/export").expect(403);
    let [seen, hidden] = ["Seen", "Hidden"]
        .map(|name| ada.post("/api/environments", json!({ "Name": name })).expect(201).json()["Id"].clone());
    let team = ada.post("/api/teams", json!({ "Name": "Readers", "MemberUserIds": [robot["Id"]] })).expect(201).json();
    let role = json!({ "TeamId": team["Id"], "UserRoleId": "userroles-runbookconsumer", "SpaceId": "Spaces-1", "EnvironmentIds": [seen] });
    ada.post("/api/scopeduserroles", role).expect(201);
    for path in ["/api/events/export", "/api/events?asCsv=true"] {
        let text = program.get(path).expect(200).text();
        assert!(text.contains("Environment Seen was created"), "{text}");
        for other in ["Hidden", hidden.as_str().unwrap(), "Robot was created"] {
            assert!(!text.contains(other), "{path} tells of {other}: {text}");
        }
    }
    let found = program.get(&format!("/api/events?environments={}", hidden.as_str().unwrap())).expect(200).json();
    assert_eq!(found["TotalResults"], 0);
    program.get("/api/events/archives").expect(403);
    program.get("/api/events/proofs").expect(403);
}
