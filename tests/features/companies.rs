//! The course of companies from the command line, beside a running server: each command takes effect on the next request
//! and is told in the company's trail as done by the operator.

use crate::support::server::{Company, Server};
use serde_json::{Value, json};
use std::fs;

fn harbour() -> (Server, Company) {
    let server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    (server, harbour)
}

fn told(server: &Server, arguments: &[&str]) -> Value {
    let mut all = arguments.to_vec();
    all.push("--json");
    let told = server.command(&all).run().expect_success();
    serde_json::from_str(&told.stdout).unwrap_or_else(|e| panic!("{e}: {}", told.stdout))
}

/// The newest events of a company's trail: category, who, message.
fn trail(company: &Company) -> Vec<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let events = company.caller().get("/api/events?take=50").expect(200).json();
    let items = events["Items"].as_array().unwrap().iter();
    items.map(|one| (text(&one["Category"]), text(&one["Username"]), text(&one["Message"]))).collect()
}

#[track_caller]
fn trail_says(company: &Company, category: &str) {
    let events = trail(company);
    let found = events.iter().find(|(one, ..)| one == category).unwrap_or_else(|| panic!("no {category}: {events:?}"));
    assert_eq!(found.1, "The operator", "{found:?}");
}

#[test]
fn a_suspended_company_says_so_and_goes_on_after_it_is_resumed() {
    let (server, harbour) = harbour();
    server.company("meridian", "Meridian", "dora@meridian.test");
    let mut ada = server.browser();
    ada.sign_in("harbour", &harbour.email, &harbour.password).expect(200);

    server.command(&["company", "suspend", "harbour", "--reason", "The bill is open."]).run().expect_success();
    for answer in [
        ada.get("/harbour/me"),
        ada.post("/harbour/me", [("name", "Ada")]),
        server.browser().post("/login", [("company", "harbour"), ("email", "ada@harbour.test"), ("password", "x")]),
        harbour.caller().get("/api/users/me"),
        harbour.caller().post("/api/environments", json!({ "Name": "Production" })),
        harbour.stranger().get("/api"),
    ] {
        let answer = answer.expect(503);
        assert!(answer.text().contains("suspended by the operator of this server. The bill is open."), "{answer}");
    }
    server.nobody().get("/meridian/api").expect(200);
    let shown = told(&server, &["company", "show", "harbour"]);
    assert_eq!((&shown["state"], &shown["suspended"]["reason"]), (&json!("suspended"), &json!("The bill is open.")));
    assert!(server.command(&["company", "suspend", "harbour"]).run().expect_code(3).stderr.contains("already"));

    server.command(&["company", "resume", "harbour"]).run().expect_success();
    ada.get("/harbour/me").expect(200);
    harbour.caller().get("/api/users/me").expect(200);
    for category in ["CompanySuspended", "CompanyResumed"] {
        trail_says(&harbour, category);
    }
    server.command(&["company", "resume", "harbour"]).run().expect_code(3);
    server.command(&["company", "suspend", "nowhere"]).run().expect_code(3);
}

#[test]
fn a_renamed_company_has_other_addresses_and_its_old_cookies_are_worth_nothing() {
    let (server, harbour) = harbour();
    server.company("meridian", "Meridian", "dora@meridian.test");
    let mut ada = server.browser();
    ada.sign_in("harbour", &harbour.email, &harbour.password).expect(200);
    let cookie = ada.caller().cookie("house_session").unwrap();

    for (to, why) in
        [("meridian", "already"), ("operator", "reserved"), ("No Slug", "lower-case"), ("harbour", "already")]
    {
        let refused = server.command(&["company", "rename", "harbour", to]).run().expect_code(3);
        assert!(refused.stderr.contains(why), "{to}: {}", refused.stderr);
    }
    harbour.caller().get("/api/users/me").expect(200);

    let shown = told(&server, &["company", "rename", "harbour", "haven"]);
    assert_eq!((&shown["slug"], &shown["state"]), (&json!("haven"), &json!("ok")));
    ada.get("/harbour/me").expect(303);
    harbour.caller().get("/api/users/me").expect(401);
    let carried = server.nobody().and_header("Cookie", &format!("house_session={cookie}"));
    assert!(carried.get("/haven/me").expect(303).location().starts_with("/haven/login"));
    carried.get("/haven/api/users/me").expect(401);
    let haven = Company { base: format!("{}/haven", server.base()), slug: "haven".into(), ..harbour };
    assert_eq!(haven.caller().get("/api/users/me").expect(200).json()["EmailAddress"], "ada@harbour.test");
    trail_says(&haven, "CompanyRenamed");
    // The old slug is free for another.
    server.company("harbour", "Another", "eve@harbour.test");
    assert_eq!(haven.caller().get("/api/users/me").expect(200).json()["EmailAddress"], "ada@harbour.test");
    server.command(&["verify", "--all"]).run().expect_success();
}

#[test]
fn a_removed_company_leaves_a_receipt_and_nothing_else() {
    let (server, harbour) = harbour();
    server.company("meridian", "Meridian", "dora@meridian.test");
    let keys = || fs::read_dir(server.data().join("keys")).unwrap().count();
    assert_eq!(keys(), 2);
    harbour.caller().get("/api/users/me").expect(200);
    let refused = server.command(&["company", "remove", "harbour"]).run().expect_code(3);
    assert!(refused.stderr.contains("--yes"), "{}", refused.stderr);
    harbour.caller().get("/api/users/me").expect(200);

    let last = told(&server, &["company", "show", "harbour"]);
    let receipt = told(&server, &["company", "remove", "harbour", "--yes"]);
    assert_eq!((&receipt["slug"], &receipt["id"]), (&json!("harbour"), &last["id"]));
    assert_eq!(receipt["events"].as_i64(), Some(last["events"].as_i64().unwrap() + 1));
    assert_eq!(receipt["lastHash"].as_str().unwrap().len(), 64);
    assert_eq!(receipt["keyFingerprint"].as_str().unwrap().len(), 16);
    harbour.caller().get("/api/users/me").expect(401);
    assert_eq!(keys(), 1, "its key is destroyed");
    assert!(!server.data().join("companies/harbour").exists());
    let kept: Vec<_> = fs::read_dir(server.data().join("receipts")).unwrap().collect();
    assert_eq!(kept.len(), 1);
    let left: Vec<String> = fs::read_dir(server.data().join("companies"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(left, ["meridian"]);
    server.command(&["company", "remove", "harbour", "--yes"]).run().expect_code(3);
    // Another company of the same name is another company.
    let again = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    assert_ne!(told(&server, &["company", "show", "harbour"])["id"], receipt["id"]);
    again.caller().get("/api/users/me").expect(200);
    harbour.caller().get("/api/users/me").expect(401);
}

#[test]
fn a_folder_under_another_name_is_refused_and_adopt_takes_it_in() {
    let (mut server, harbour) = harbour();
    let meridian = server.company("meridian", "Meridian", "dora@meridian.test");
    server.stop();
    let companies = server.data().join("companies");
    fs::rename(companies.join("meridian"), companies.join("aside")).unwrap();
    fs::rename(companies.join("harbour"), companies.join("meridian")).unwrap();
    server.restart();

    // Harbour's folder under Meridian's name is nobody's: neither key opens it. People do not read whose it is; the
    // operator reads that and the remedy, in the log and in the list.
    for company in [&harbour, &meridian] {
        let caller = server.nobody().and_header("X-Octopus-ApiKey", &company.key);
        let answer = caller.get("/meridian/api/users/me").expect(503);
        assert!(!answer.text().contains("harbour") && answer.text().contains("operator"), "{answer}");
    }
    assert!(server.printed().contains("bulkhead company adopt meridian --as meridian"), "{}", server.printed());
    assert!(told(&server, &["company", "show", "meridian"])["state"].as_str().unwrap().contains("adopt"));

    // It goes back to its own name, and the other to its own.
    server.command(&["company", "adopt", "meridian"]).run().expect_success();
    server.command(&["company", "adopt", "aside"]).run().expect_success();
    for company in [&harbour, &meridian] {
        let me = company.caller().get("/api/users/me").expect(200).json();
        assert_eq!(me["EmailAddress"], company.email);
        trail_says(company, "CompanyAdopted");
    }
    assert!(server.command(&["company", "adopt", "harbour"]).run().expect_code(3).stderr.contains("where it belongs"));

    // A copy of a company that is here is not taken in beside it; once the other is gone there is no key for it.
    let copy = server.data().join("copy-of-harbour");
    assert!(
        std::process::Command::new("cp")
            .arg("-r")
            .arg(companies.join("harbour"))
            .arg(&copy)
            .status()
            .unwrap()
            .success()
    );
    let adopt = |slug: &str| server.command(&["company", "adopt", copy.to_str().unwrap(), "--as", slug]).run();
    assert!(adopt("haven").expect_code(3).stderr.contains("copy of the company “harbour”"));
    assert!(adopt("meridian").expect_code(3).stderr.contains("already"));
    fs::rename(companies.join("harbour"), server.data().join("taken-away")).unwrap();
    adopt("haven").expect_success();
    assert!(copy.join("company.db").exists(), "what was copied is left as it is");
    let haven = Company { base: format!("{}/haven", server.base()), slug: "haven".into(), ..harbour };
    haven.caller().get("/api/users/me").expect(200);
    server.command(&["company", "remove", "haven", "--yes"]).run().expect_success();
    assert!(adopt("haven").expect_code(3).stderr.contains("key of this company is not on this machine"));
    assert!(server.command(&["company", "adopt", "/nowhere/at/all"]).run().expect_code(3).stderr.contains("no folder"));
}

#[test]
fn limits_are_refusals_with_a_sentence_and_an_event() {
    let (server, harbour) = harbour();
    let meridian = server.company("meridian", "Meridian", "dora@meridian.test");
    let ada = harbour.caller();
    let limits = |more: &[&str]| {
        let mut all = vec!["company", "limits", "harbour"];
        all.extend(more);
        told(&server, &all)
    };
    // People: Ada and one more.
    assert_eq!(limits(&["--people", "2"])["limits"]["people"], 2);
    let invite = |name: &str| {
        ada.post(
            "/api/users/invitations",
            json!({ "DisplayName": name, "EmailAddress": format!("{name}@harbour.test") }),
        )
    };
    invite("ben").expect(201);
    let refused = invite("cy").expect(409);
    assert!(refused.text().contains("may have 2 people"), "{refused}");
    assert_eq!(invite("di").status, 409);
    ada.post("/api/users", json!({ "Username": "robot", "DisplayName": "Robot", "IsService": true })).expect(201);
    assert_eq!(limits(&["--people", "none"])["limits"]["people"], Value::Null);
    invite("cy").expect(201);

    // The disk: what adds is refused, what removes is not.
    let made = ada.post("/api/environments", json!({ "Name": "Production" })).expect(201).json();
    limits(&["--disk", "1M"]);
    fs::write(server.data().join("companies/harbour/packages/large"), vec![0; 2 << 20]).unwrap();
    limits(&["--disk", "1100K"]);
    let refused = ada.post("/api/environments", json!({ "Name": "Staging" })).expect(507);
    assert!(refused.text().contains("so nothing can be added"), "{refused}");
    ada.delete(&format!("/api/environments/{}", made["Id"].as_str().unwrap()), ()).expect(200);
    limits(&["--disk", "none"]);
    ada.post("/api/environments", json!({ "Name": "Staging" })).expect(201);

    // Requests in a minute: counted for this company alone.
    limits(&["--requests-per-minute", "10"]);
    let answers: Vec<_> = (0..40).map(|_| ada.get("/api/users/me")).collect();
    let refused: Vec<_> = answers.iter().filter(|answer| answer.status == 429).collect();
    assert!(answers.iter().filter(|answer| answer.status == 200).count() >= 10);
    assert!(refused.len() >= 20, "{} refused", refused.len());
    assert!(refused[0].text().contains("10 requests a minute"), "{}", refused[0]);
    assert!(refused[0].header("retry-after").parse::<u64>().unwrap() >= 1);
    meridian.caller().get("/api/users/me").expect(200);
    let page = server.browser().get("/harbour/me").expect(429);
    assert!(page.text().contains("A limit of this company is reached"), "{page}");
    limits(&["--requests-per-minute", "none"]);

    let reached: Vec<_> = trail(&harbour).into_iter().filter(|(category, ..)| category == "LimitReached").collect();
    // One for each limit, however often it was reached; opening the company anew may tell one of them again.
    assert!((3..=4).contains(&reached.len()), "{reached:?}");
    trail_says(&harbour, "LimitsChanged");
    for wrong in [["--people", "0"], ["--people", "x"], ["--disk", "5"], ["--requests-per-minute", "1"]] {
        server.command(&["company", "limits", "harbour", wrong[0], wrong[1]]).run().expect_code(3);
    }
}

#[test]
fn commands_on_companies_work_without_a_server() {
    let (mut server, harbour) = harbour();
    server.stop();
    server.command(&["company", "suspend", "harbour"]).run().expect_success();
    server.command(&["company", "rename", "harbour", "haven"]).run().expect_success();
    assert_eq!(told(&server, &["company", "list"])[0]["state"], "suspended", "renaming does not resume");
    server.restart();
    let haven = Company { base: format!("{}/haven", server.base()), slug: "haven".into(), ..harbour };
    haven.caller().get("/api/users/me").expect(503);
    server.command(&["company", "resume", "haven"]).run().expect_success();
    haven.caller().get("/api/users/me").expect(200);
    for category in ["CompanySuspended", "CompanyRenamed", "CompanyResumed"] {
        trail_says(&haven, category);
    }
}
