//! The operator's own compartment: an ordinary one, with pages and an API over the companies of the appliance.

use crate::support::{
    browser_like::BrowserLike,
    server::{Company, Server},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{fs, path::Path};

struct Ward {
    server: Server,
    operator: Company,
    harbour: Company,
    otto: BrowserLike,
}

fn ward() -> Ward {
    let server = Server::start();
    let operator = server.company("operator", "Operator", "otto@ward.test");
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let mut otto = server.browser();
    otto.sign_in("operator", &operator.email, &operator.password).expect(200);
    Ward { server, operator, harbour, otto }
}

fn categories(company: &Company) -> Vec<(String, String)> {
    let events = company.caller().get("/api/events?take=100").expect(200).json();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let items = events["Items"].as_array().unwrap().iter();
    items.map(|one| (text(&one["Category"]), text(&one["Username"]))).collect()
}
#[track_caller]
fn both_trails_say(ward: &Ward, harbour: &Company, category: &str) {
    let own = categories(&ward.operator);
    assert!(own.iter().any(|(one, who)| one == category && who == "Otto"), "{category}: {own:?}");
    let theirs = categories(harbour);
    assert!(theirs.iter().any(|(one, who)| one == category && who == "Otto (operator)"), "{category}: {theirs:?}");
}

fn digest(folder: &Path, into: &mut Sha256) {
    let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        into.update(path.to_string_lossy().as_bytes());
        if path.is_dir() {
            digest(&path, into);
        } else if !path.to_string_lossy().ends_with("-shm") {
            into.update(fs::read(&path).unwrap());
        }
    }
}
fn digest_of(folder: &Path) -> Vec<u8> {
    let mut sum = Sha256::new();
    digest(folder, &mut sum);
    sum.finalize().to_vec()
}

#[test]
fn the_operator_sees_size_and_state_and_changes_nothing_by_looking() {
    let ward = ward();
    ward.harbour.caller().post("/api/environments", json!({ "Name": "Verysecretplace" })).expect(201);
    let folder = ward.server.data().join("companies/harbour");
    let before = digest_of(&folder);
    let front = ward.otto.follow(ward.otto.get("/operator"));
    assert!(front.text().contains("2 companies on this server, all well."), "{front}");
    for path in ["/operator/companies", "/operator/companies/harbour", "/operator/companies/new"] {
        let page = ward.otto.get(path).expect(200);
        assert!(!page.text().contains("Verysecretplace") && !page.text().contains("ada@harbour.test"), "{page}");
    }
    let caller = ward.operator.caller();
    let shown = caller.get("/api/companies/harbour").expect(200);
    assert!(!shown.text().contains("Verysecretplace") && !shown.text().contains("ada@"), "{shown}");
    let shown = shown.json();
    assert_eq!((&shown["Slug"], &shown["State"], &shown["People"]), (&json!("harbour"), &json!("ok"), &json!(1)));
    assert!(shown["Bytes"].as_u64() > Some(10_000) && shown["Limits"]["DiskBytes"].is_null());
    assert_eq!(caller.get("/api/companies").expect(200).json()["TotalResults"], 2);
    caller.get("/api/companies/nowhere").expect(404);
    assert_eq!(digest_of(&folder), before, "looking left a trace in the company's folder");
    // No page or API of the company itself opens for the operator.
    ward.server.nobody().and_header("X-Octopus-ApiKey", &ward.operator.key).get("/harbour/api/users/me").expect(401);
    ward.otto.get("/harbour/me").expect(303);
}

#[test]
fn what_the_operator_does_on_pages_takes_effect_and_is_in_both_trails() {
    let ward = ward();
    let otto = &ward.otto;
    let ada = ward.harbour.caller();
    otto.post("/operator/companies/harbour/suspend", [("reason", "Moving house")]).expect(303);
    assert!(ada.get("/api/users/me").expect(503).text().contains("Moving house"));
    assert!(otto.get("/operator/companies/harbour").expect(200).text().contains("Suspended"));
    assert!(otto.post("/operator/companies/harbour/suspend", [("reason", "")]).expect(422).text().contains("already"));
    otto.post("/operator/companies/harbour/resume", [("x", "")]).expect(303);
    ada.get("/api/users/me").expect(200);
    let limits = [("disk", "1G"), ("people", "7"), ("running_tasks", ""), ("requests", "1000")];
    otto.post("/operator/companies/harbour/limits", limits).expect(303);
    let seen = ada.get("/api/settings").expect(200).json();
    assert_eq!(seen["Limits"]["DiskBytes"]["Limit"], 1u64 << 30);
    assert_eq!((&seen["Limits"]["People"]["Limit"], &seen["Limits"]["People"]["Used"]), (&json!(7), &json!(1)));
    let refused = otto.post("/operator/companies/harbour/limits", [("disk", "much"), ("people", "0")]).expect(422);
    assert!(refused.text().contains("much") && refused.text().contains("Give a number"), "{refused}");
    otto.post("/operator/companies/harbour/backup", [("x", "")]).expect(303);
    assert_eq!(fs::read_dir(ward.server.data().join("backups")).unwrap().count(), 1);
    for category in ["CompanySuspended", "CompanyResumed"] {
        both_trails_say(&ward, &ward.harbour, category);
    }
    for (own, theirs) in [("CompanyLimitsChanged", "LimitsChanged"), ("CompanyBackedUp", "BackupTaken")] {
        assert!(categories(&ward.operator).contains(&(own.into(), "Otto".into())), "{own}");
        assert!(categories(&ward.harbour).contains(&(theirs.into(), "Otto (operator)".into())), "{theirs}");
    }

    let refused = otto.post("/operator/companies/harbour/rename", [("slug", "operator")]).expect(422);
    assert!(refused.text().contains("reserved"), "{refused}");
    let renamed = otto.post("/operator/companies/harbour/rename", [("slug", "haven")]).expect(303);
    assert_eq!(renamed.location(), "/operator/companies/haven");
    let haven = Company {
        base: format!("{}/haven", ward.server.base()),
        slug: "haven".into(),
        key: ward.harbour.key.clone(),
        email: String::new(),
        password: String::new(),
    };
    haven.caller().get("/api/users/me").expect(200);
    both_trails_say(&ward, &haven, "CompanyRenamed");

    let made = otto.done(
        "/operator/companies",
        [("name", "Meridian"), ("slug", "meridian"), ("admin_name", "Dora"), ("admin_email", "dora@meridian.test")],
    );
    let text = made.text();
    let link = text.split("/meridian/invitation/").nth(1).expect("a link to hand over");
    let token: String = link.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect();
    ward.server.browser().get(&format!("/meridian/invitation/{token}")).expect(200);
    let again = [("name", "M"), ("slug", "meridian"), ("admin_name", "Dora"), ("admin_email", "d")];
    let refused = otto.post("/operator/companies", again).expect(422);
    assert!(refused.text().contains("e-mail address"), "{refused}");

    assert!(
        otto.post("/operator/companies/haven/remove", [("confirm", "harbour")])
            .expect(422)
            .text()
            .contains("Type the name")
    );
    let receipt = otto.done("/operator/companies/haven/remove", [("confirm", "haven")]);
    assert!(receipt.text().contains("Key destroyed"), "{receipt}");
    haven.caller().get("/api/users/me").expect(401);
    for category in ["CompanyCreated", "CompanyRemoved"] {
        assert!(categories(&ward.operator).contains(&(category.into(), "Otto".into())), "{category}");
    }
    for (what, form) in
        [("suspend", ("reason", "")), ("rename", ("slug", "other")), ("remove", ("confirm", "operator"))]
    {
        let refused = otto.post(&format!("/operator/companies/operator/{what}"), [form]).expect(422);
        assert!(
            refused.text().contains("operator&#39;s own") || refused.text().contains("operator's own"),
            "{what}: {refused}"
        );
    }
}

#[test]
fn the_api_does_the_same() {
    let ward = ward();
    let otto = ward.operator.caller();
    let ada = ward.harbour.caller();
    otto.post("/api/companies/harbour/suspend", json!({ "Reason": "Why not" })).expect(200);
    ada.get("/api/users/me").expect(503);
    otto.post("/api/companies/harbour/suspend", json!({})).expect(409);
    otto.post("/api/companies/harbour/resume", json!({})).expect(200);
    otto.put("/api/companies/harbour/limits", json!({ "People": 3, "DiskBytes": null })).expect(200);
    otto.put("/api/companies/harbour/limits", json!({ "People": "many" })).expect(400);
    // What is left out stays, null takes it away (findings I5).
    let limits = |sent: Value| otto.put("/api/companies/harbour/limits", sent).expect(200).json();
    let set = limits(json!({ "DiskBytes": 5_000_000, "runningTasks": "7" }));
    assert_eq!(set, json!({ "People": 3, "DiskBytes": 5_000_000, "RunningTasks": 7, "RequestsPerMinute": null }));
    assert_eq!(limits(json!({ "DiskBytes": null, "RunningTasks": null }))["People"], 3);
    assert_eq!(limits(json!({}))["DiskBytes"], json!(null));
    otto.put("/api/companies/harbour/limits", json!({ "People": 0 })).expect(400);
    assert_eq!(ada.get("/api/settings").expect(200).json()["Limits"]["People"]["Limit"], 3);
    assert!(otto.post("/api/companies/harbour/backups", json!({})).expect(201).json()["File"].is_string());
    assert_eq!(
        otto.post("/api/companies/harbour/rename", json!({ "Slug": "haven" })).expect(200).json()["Slug"],
        "haven"
    );
    for folder in ["../keys", "/etc", "", ".new-x"] {
        otto.post("/api/companies/adopt", json!({ "Folder": folder })).expect(400);
    }
    otto.post("/api/companies/adopt", json!({ "Folder": "haven" })).expect(409);
    let new =
        json!({ "Slug": "meridian", "Name": "Meridian", "AdminName": "Dora", "AdminEmail": "dora@meridian.test" });
    let made = otto.post("/api/companies", new.clone()).expect(201).json();
    assert!(made["Invitation"].as_str().unwrap().starts_with("/meridian/invitation/"), "{made}");
    otto.post("/api/companies", new).expect(409);
    let receipt = otto.delete("/api/companies/haven", ()).expect(200).json();
    assert_eq!((&receipt["Slug"], receipt["LastHash"].as_str().unwrap().len()), (&json!("haven"), 64));
    otto.get("/api/companies/haven").expect(404);
}

#[test]
fn rights_over_the_appliance_hold_in_the_operators_compartment_alone() {
    let ward = ward();
    let ada = ward.harbour.caller();
    let mut ada_browser = ward.server.browser();
    ada_browser.sign_in("harbour", &ward.harbour.email, &ward.harbour.password).expect(200);
    // Not even an administrator who writes the rights into the company's file has them.
    let file = rusqlite::Connection::open(ward.server.data().join("companies/harbour/company.db")).unwrap();
    file.execute_batch(
        "INSERT INTO role_permissions (role_id, level, permission) SELECT id, 'system', 'CompanyRemove' FROM user_roles WHERE builtin = 'systemadministrator';
         INSERT INTO role_permissions (role_id, level, permission) SELECT id, 'system', 'CompanyView' FROM user_roles WHERE builtin = 'systemadministrator';",
    )
    .unwrap();
    for path in ["/api/companies", "/api/companies/harbour", "/api/companies/operator", "/api/companies/nowhere"] {
        ada.get(path).expect(404);
    }
    ada.delete("/api/companies/operator", ()).expect(404);
    for path in ["/harbour/companies", "/harbour/companies/harbour"] {
        ada_browser.get(path).expect(404);
    }
    ada_browser.post("/harbour/companies/operator/remove", [("confirm", "operator")]).expect(404);
    let names = |company: &Company| {
        let all = company.caller().get("/api/permissions/all").expect(200).json();
        all.as_array().unwrap().iter().filter(|one| one["Id"].as_str().unwrap().starts_with("Company")).count()
    };
    assert_eq!((names(&ward.harbour), names(&ward.operator)), (0, 7));

    // In the operator's compartment they are given by teams like any right.
    let otto = ward.operator.caller();
    let robot = json!({ "Username": "watch", "DisplayName": "Watch", "IsService": true });
    let robot = otto.post("/api/users", robot).expect(201).json()["Id"].as_str().unwrap().to_owned();
    let key = otto.post(&format!("/api/users/{robot}/apikeys"), json!({ "Purpose": "watch" })).expect(201).json();
    let watch = ward.server.nobody().and_header("X-Octopus-ApiKey", key["ApiKey"].as_str().unwrap());
    watch.get("/operator/api/companies").expect(403);
    let roles = otto.get("/api/userroles/all").expect(200).json();
    let viewer =
        roles.as_array().unwrap().iter().find(|role| role["Name"] == "Appliance Viewer").unwrap()["Id"].clone();
    let team = otto.post("/api/teams", json!({ "Name": "Watchers", "MemberUserIds": [robot] })).expect(201).json();
    otto.post("/api/scopeduserroles", json!({ "TeamId": team["Id"], "UserRoleId": viewer })).expect(201);
    watch.get("/operator/api/companies").expect(200);
    watch.post("/operator/api/companies/harbour/suspend", json!({})).expect(403);
    ada.get("/api/users/me").expect(200);
}

#[test]
fn the_operators_pages_show_no_space_and_no_tasks() {
    let ward = ward();
    for path in
        ["/operator/companies", "/operator/access/people", "/operator/settings", "/operator/trail", "/operator/me"]
    {
        let page = ward.otto.get(path).expect(200).text();
        assert!(!page.contains("Tasks under way") && !page.contains("class=\"space\""), "{path}: {page}");
        assert!(!page.contains("/operator/settings/spaces\"") && !page.contains(">Default</"), "{path}: {page}");
    }
    let mut ada = ward.server.browser();
    ada.sign_in("harbour", &ward.harbour.email, &ward.harbour.password);
    let page = ada.get("/harbour/settings").expect(200).text();
    assert!(
        page.contains("Tasks under way")
            && page.contains("class=\"space\"")
            && page.contains("/harbour/settings/spaces\""),
        "{page}"
    );
}

/// findings I9: what changes companies asks for a fresh proof, all of it, by page and API.
#[test]
fn every_change_of_a_company_asks_the_operator_for_a_fresh_proof() {
    let mut ward = ward();
    let sql = rusqlite::Connection::open(ward.server.data().join("companies/operator/company.db")).expect("a file");
    sql.busy_timeout(std::time::Duration::from_secs(30)).expect("patience");
    let age = |minutes: i64| {
        let at = bulkhead::base::clock::now().0 - minutes * 60_000;
        sql.execute("UPDATE sessions SET proved_at = ?1", [at]).expect("sessions");
    };
    let backups = ward.server.data().join("put").to_string_lossy().into_owned();
    let new = [("slug", "globex"), ("name", "Globex"), ("admin_name", "Gus"), ("admin_email", "gus@globex.test")];
    let forms: Vec<(&str, Vec<(&str, &str)>)> = vec![
        ("/operator/companies", new.to_vec()),
        ("/operator/companies/adopt", vec![("folder", "nowhere")]),
        ("/operator/companies/harbour/suspend", vec![("reason", "a test")]),
        ("/operator/companies/harbour/resume", vec![("x", "y")]),
        ("/operator/companies/harbour/limits", vec![("people", "40")]),
        ("/operator/companies/harbour/backup", vec![("to", backups.as_str())]),
        ("/operator/companies/harbour/rename", vec![("slug", "harbour-two")]),
        ("/operator/companies/harbour/remove", vec![("confirm", "harbour")]),
    ];
    let headers = [("Origin", ward.server.base()), ("Sec-Fetch-Site", "same-origin")];
    let calls = [
        (
            "POST",
            "/api/companies",
            json!({ "Slug": "globex", "Name": "Globex", "AdminName": "Gus", "AdminEmail": "gus@globex.test" }),
        ),
        ("POST", "/api/companies/adopt", json!({ "Folder": "nowhere" })),
        ("POST", "/api/companies/harbour/suspend", json!({ "Reason": "a test" })),
        ("POST", "/api/companies/harbour/resume", json!({})),
        ("PUT", "/api/companies/harbour/limits", json!({ "People": 40 })),
        ("POST", "/api/companies/harbour/backups", json!({})),
        ("POST", "/api/companies/harbour/rename", json!({ "Slug": "harbour-two" })),
        ("DELETE", "/api/companies/harbour", json!({})),
    ];
    age(11);
    let folder = ward.server.data().join("companies");
    let before = digest_of(&folder.join("harbour"));
    for (path, fields) in &forms {
        let asked = ward.otto.post(path, &fields[..]).expect(403);
        assert!(asked.text().contains("name=\"proof-code\""), "{asked}");
        for (_, typed) in fields.iter().filter(|(name, _)| *name != "x") {
            assert!(asked.text().contains(&format!("value=\"{typed}\"")), "what was typed is kept: {asked}");
        }
    }
    for (method, path, body) in &calls {
        let asked =
            ward.otto.caller().call_saying(method, &format!("/operator{path}"), body.clone(), &headers).expect(403);
        assert_eq!(asked.json()["Details"]["Reason"], "ProofNeeded", "{asked}");
    }
    assert_eq!(digest_of(&folder.join("harbour")), before, "nothing was done");
    assert!(!folder.join("globex").exists());
    // With a proof that was sent along it is done.
    let code = ward.otto.code();
    let with_proof: Vec<(&str, &str)> = [("reason", "a test"), ("proof-code", code.as_str())].to_vec();
    ward.otto.post("/operator/companies/harbour/suspend", &with_proof[..]).expect(303);
    ward.otto.post("/operator/companies/harbour/resume", [("x", "y")]).expect(303);
    // Looking asks for nothing.
    age(11);
    ward.otto.get("/operator/companies").expect(200);
    ward.otto.get("/operator/companies/harbour").expect(200);
}

/// The value that a page's form says stood in it.
fn was_in(page: &str, action: &str) -> String {
    let begin = format!("action=\"{action}\"");
    let form = page.split(begin.as_str()).nth(1).unwrap_or_else(|| panic!("no form to {action} in {page}"));
    let value = form.split("name=\"was\" value=\"").nth(1).and_then(|after| after.split('"').next());
    value.expect("what stood in it").replace("&#38;", "&")
}

/// Findings I5.
#[test]
fn what_somebody_else_set_meanwhile_is_not_taken_back_by_a_form() {
    let ward = ward();
    let (otto, caller) = (&ward.otto, ward.operator.caller());
    let address = "/operator/companies/harbour/limits";
    let was = was_in(&otto.get("/operator/companies/harbour").expect(200).text(), address);
    caller.put("/api/companies/harbour/limits", json!({ "People": 30 })).expect(200);
    let sent = [("disk", "10G"), ("people", ""), ("running_tasks", ""), ("requests", ""), ("was", was.as_str())];
    let refused = otto.post(address, sent).expect(422).text();
    assert!(
        refused.contains("Somebody else set this to “30” meanwhile") && refused.contains("value=\"10G\""),
        "{refused}"
    );
    let limits = || caller.get("/api/companies/harbour").expect(200).json()["Limits"].clone();
    assert_eq!((&limits()["People"], &limits()["DiskBytes"]), (&json!(30), &json!(null)));
    let was = was_in(&refused, address);
    let sent = [("disk", "10G"), ("people", "30"), ("running_tasks", ""), ("requests", ""), ("was", was.as_str())];
    otto.post(address, sent).expect(303);
    assert_eq!((&limits()["People"], &limits()["DiskBytes"]), (&json!(30), &json!(10_i64 << 30)));

    // The company's own settings: each form.
    let mut ada = ward.server.browser();
    ada.sign_in("harbour", &ward.harbour.email, &ward.harbour.password);
    let api = ward.harbour.caller();
    for (page, change, body, form, said) in [
        (
            "/harbour/settings",
            "/api/settings/general",
            json!({ "Name": "Haven Ltd", "TimeZone": "UTC" }),
            vec![("name", "Harbour Ltd"), ("time_zone", "Europe/Berlin"), ("from_address", "")],
            "Haven Ltd",
        ),
        (
            "/harbour/settings/sign-in",
            "/api/settings/signin",
            json!({ "PasswordMin": 20 }),
            vec![
                ("second_factor", "everyone"),
                ("grace_days", "7"),
                ("password_min", "12"),
                ("idle", "60"),
                ("absolute", "720"),
                ("key_days_max", "365"),
                ("key_days_usual", "180"),
                ("people_may_have_keys", "true"),
            ],
            "20",
        ),
        (
            "/harbour/settings/brand",
            "/api/settings/brand",
            json!({ "Name": "Harbour & Sons" }),
            vec![("name", ""), ("accent", "#0b6478")],
            "Sons",
        ),
        ("/harbour/settings/trail", "/api/settings/trail", json!({ "RetentionDays": 44 }), vec![("days", "90")], "44"),
    ] {
        let was = was_in(&ada.get(page).expect(200).text(), page);
        if change.ends_with("signin") {
            // No key changes these.
            let file = ward.server.data().join("companies/harbour/company.db");
            let sql = rusqlite::Connection::open(file).expect("the company's file");
            sql.busy_timeout(std::time::Duration::from_secs(30)).expect("patience");
            sql.execute("UPDATE settings SET password_min = 20", []).expect("another rule");
        } else {
            api.put(change, body).expect(200);
        }
        let before = api.get("/api/settings").expect(200).json();
        let mut form = form;
        form.push(("was", was.as_str()));
        let refused = ada.post(page, &form[..]).expect(422).text();
        assert!(refused.contains("Somebody else") && refused.contains(said), "{page}: {refused}");
        assert_eq!(api.get("/api/settings").expect(200).json(), before, "{page}: nothing was saved");
        was_in(&refused, page);
    }
}

/// Findings I3.
#[test]
fn the_first_administrator_is_invited_again_while_nobody_has_come() {
    let ward = ward();
    let (otto, caller) = (&ward.otto, ward.operator.caller());
    let new =
        json!({ "Slug": "meridian", "Name": "Meridian", "AdminName": "Dora", "AdminEmail": "dora@meridian.test" });
    let first =
        caller.post("/api/companies", new).expect(201).json()["Invitation"].as_str().expect("a link").to_owned();
    let page = otto.get("/operator/companies/meridian").expect(200).text();
    assert!(page.contains("Invite the administrator again"), "{page}");
    let again = otto.done("/operator/companies/meridian/invite-again", ()).text();
    let link = again.split("/meridian/invitation/").nth(1).expect("a link to hand over");
    let token: String = link.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect();
    let nobody = ward.server.browser();
    nobody.get(&first).expect(404);
    nobody.get(&format!("/meridian/invitation/{token}")).expect(200);
    let third = caller.post("/api/companies/meridian/invite-again", json!({})).expect(200).json();
    let third = third["Invitation"].as_str().expect("a link").to_owned();
    nobody.get(&format!("/meridian/invitation/{token}")).expect(404);

    // The link survives a rename, for who has it.
    caller.post("/api/companies/meridian/rename", json!({ "Slug": "apex" })).expect(200);
    caller.post("/api/companies/apex/rename", json!({ "Slug": "zenith" })).expect(200);
    let moved = nobody.get(&third).expect(303).location().to_owned();
    assert!(moved.starts_with("/zenith/invitation/"), "{moved}");
    let dead = nobody.get("/meridian/invitation/made-up").expect(404).text();
    assert!(!dead.contains("zenith") && dead.contains("does not work any more"), "{dead}");
    let password = "lantern copper seven boats";
    nobody.post(&moved, [("password", password), ("again", password)]).expect(303);
    let page = otto.get("/operator/companies/zenith").expect(200).text();
    assert!(!page.contains("Invite the administrator again"), "{page}");
    let late = otto.post("/operator/companies/zenith/invite-again", ()).expect(422).text();
    assert!(late.contains("has accepted an invitation already"), "{late}");
    caller.post("/api/companies/zenith/invite-again", json!({})).expect(409);
    caller.post("/api/companies/nowhere/invite-again", json!({})).expect(404);
}
