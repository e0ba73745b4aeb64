//! What a company settles for itself, through pages and API.

use crate::support::{
    api::Sent,
    server::{Company, Server},
};
use serde_json::{Value, json};

fn harbour() -> (Server, Company) {
    let server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    (server, harbour)
}

fn picture(side: u32) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, side, side);
    encoder.set_color(png::ColorType::Rgb);
    encoder.add_text_chunk("Comment".into(), "whohidthis".into()).unwrap();
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&vec![200; (side * side * 3) as usize]).unwrap();
    drop(writer);
    file
}

#[test]
fn the_pages_save_and_lose_nothing_when_they_refuse() {
    let (server, harbour) = harbour();
    let mut ada = server.browser();
    ada.sign_in("harbour", &harbour.email, &harbour.password).expect(200);
    let good = [("name", "Harbour & Sons"), ("time_zone", "Europe/Berlin"), ("from_address", "")];
    ada.post("/harbour/settings", good).expect(303);
    assert!(ada.get("/harbour/settings").expect(200).text().contains("Harbour &#38; Sons"));
    let bad = [("name", ""), ("time_zone", "Mars"), ("from_address", "not an address")];
    let refused = ada.post("/harbour/settings", bad).expect(422).text();
    assert!(refused.contains("Give it a name.") && refused.contains("not an address"), "{refused}");

    let page = ada.get("/harbour/settings/sign-in").expect(200).text();
    assert!(page.contains("Who must have one") && !page.contains("CompanyRemove"), "{page}");
    let rules = |idle: &'static str| {
        [
            ("second_factor", "everyone"),
            ("grace_days", "3"),
            ("password_min", "16"),
            ("idle", idle),
            ("absolute", "600"),
            ("people_may_have_keys", "true"),
            ("key_days_usual", "90"),
            ("key_days_max", "365"),
        ]
    };
    let refused = ada.post("/harbour/settings/sign-in", rules("x")).expect(422).text();
    assert!(refused.contains("Choose 5 to 10080.") && refused.contains("365"), "{refused}");
    ada.post("/harbour/settings/sign-in", rules("30")).expect(303);
    let found = harbour.caller().get("/api/settings").expect(200).json();
    assert_eq!((&found["SignIn"]["SessionIdleMinutes"], &found["SignIn"]["PasswordMin"]), (&json!(30), &json!(16)));
    let trail = harbour.caller().get("/api/events?take=20").expect(200).text();
    assert!(trail.contains("SignInRulesChanged") && trail.contains("SettingsChanged"), "{trail}");
    assert!(ada.get("/harbour/settings/limits").expect(200).text().contains("There is room"));
    ada.post("/harbour/settings/trail", [("webhook", "http://plain.example/"), ("days", "90")]).expect(422);
    ada.post("/harbour/settings/trail", [("webhook", "https://kept.example/"), ("days", "30")]).expect(303);
    let gone = ada.get("/harbour/settings/trail").expect(200).text();
    assert!(gone.contains("https://kept.example/") && gone.contains("value=\"30\""), "{gone}");
}

#[test]
fn the_face_is_on_every_page_and_before_signing_in() {
    let (server, harbour) = harbour();
    let ada = harbour.caller();
    // But for the word of its form, the page is that of a company that is not there.
    let unbranded = |slug: &str| {
        let page = server.browser().get(&format!("/{slug}/login")).expect(200).text().replace(slug, "…");
        let (before, after) = page.split_once("name=\"_csrf\" value=\"").expect("a form");
        format!("{before}{}", after.split_once('"').expect("a value").1)
    };
    assert_eq!(unbranded("harbour"), unbranded("nowhere"));
    for path in ["/harbour/brand/colours.css", "/harbour/brand/logo.png", "/nowhere/brand/colours.css"] {
        server.browser().get(path).expect(404);
    }
    ada.put("/api/settings/brand", json!({ "Name": "Harbour Deploys", "Accent": "#ffee00" })).expect(200);
    ada.put("/api/settings/brand", json!({ "Accent": "red" })).expect(400);
    for bad in [
        json!("%%%"),
        json!(data_encoding::BASE64.encode(b"<svg/>")),
        json!(data_encoding::BASE64.encode(&picture(2000))),
    ] {
        ada.put("/api/settings/brand/logo", json!({ "Logo": bad })).expect(400);
    }
    ada.put("/api/settings/brand/logo", json!({ "Logo": data_encoding::BASE64.encode(&picture(64)) })).expect(200);
    let page = server.browser().get("/harbour/login").expect(200).text();
    assert!(page.contains("Harbour Deploys"), "{page}");
    let address = |what: &str| {
        let start = page.find(what).unwrap_or_else(|| panic!("no {what} in {page}"));
        page[start..].split('"').next().unwrap().to_owned()
    };
    let sheet = server.browser().get(&address("/harbour/brand/colours.css")).expect(200);
    assert!(sheet.header("content-type").starts_with("text/css"), "{sheet}");
    assert!(sheet.text().contains("--accent:light-dark(#") && !sheet.text().contains("light-dark(#ffee00"), "{sheet}");
    let logo = server.browser().get(&address("/harbour/brand/logo.png")).expect(200);
    assert_eq!(logo.header("content-type"), "image/png");
    assert!(!logo.text().contains("whohidthis"), "what was hidden in the file is gone");

    let mut browser = server.browser();
    browser.sign_in("harbour", &harbour.email, &harbour.password).expect(200);
    let page = browser.get("/harbour/me").expect(200).text();
    assert!(page.contains("Harbour Deploys") && page.contains("/harbour/brand/logo.png"), "{page}");
    // As a browser sends a file, with the word of the page's form.
    let form = browser.get("/harbour/settings/brand").expect(200).text();
    let word = form.split("name=\"_csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let mut bytes = format!("--edge\r\nContent-Disposition: form-data; name=\"_csrf\"\r\n\r\n{word}\r\n--edge\r\nContent-Disposition: form-data; name=\"logo\"; filename=\"logo.png\"\r\nContent-Type: image/png\r\n\r\n").into_bytes();
    let head = bytes.len();
    let sent =
        |bytes: &[u8]| Sent::Bytes { content_type: "multipart/form-data; boundary=edge".into(), bytes: bytes.into() };
    bytes.extend(picture(32));
    bytes.extend(b"\r\n--edge--\r\n");
    browser.post("/harbour/settings/brand/logo", sent(&bytes)).expect(303);
    let mut wrong = bytes[..head].to_vec();
    wrong.extend(b"GIF89a\r\n--edge--\r\n");
    assert!(browser.post("/harbour/settings/brand/logo", sent(&wrong)).expect(422).text().contains("no PNG"));
    browser.post("/harbour/settings", sent(&bytes)).expect(415);
    browser.post("/harbour/settings/brand/logo/delete", [("x", "")]).expect(303);
    server.browser().get("/harbour/brand/logo.png").expect(404);
}

#[test]
fn a_session_ends_when_the_rules_say_so() {
    let (server, harbour) = harbour();
    let mut ada = server.browser();
    ada.sign_in("harbour", &harbour.email, &harbour.password).expect(200);
    let rules = json!({ "SessionIdleMinutes": 5, "SessionAbsoluteMinutes": 15 });
    let headers = [("Origin", server.base()), ("Sec-Fetch-Site", "same-origin")];
    ada.caller().call_saying("PUT", "/harbour/api/settings/signin", rules, &headers).expect(200);
    ada.get("/harbour/me").expect(200);
    let file = rusqlite::Connection::open(server.data().join("companies/harbour/company.db")).unwrap();
    let left: i64 = file
        .query_row("SELECT max(expires_at - created_at) FROM sessions WHERE stage = 'full'", [], |row| row.get(0))
        .unwrap();
    assert_eq!(left, 15 * 60_000, "a session that is there ends no later than a new one");
    file.execute_batch("UPDATE sessions SET last_seen_at = last_seen_at - 6 * 60000, failures = failures; UPDATE company SET access_version = access_version + 1")
        .unwrap();
    ada.get("/harbour/me").expect(303);
}

/// findings B7: whoever gives more is told beforehand that a second factor comes with it, and whoever gets it is led there.
#[test]
fn the_pages_that_give_more_say_that_a_second_factor_comes_with_it() {
    let (server, harbour) = harbour();
    let mut ada = server.browser();
    ada.sign_in("harbour", &harbour.email, &harbour.password).expect(200);
    let caller = harbour.caller();
    let ben = json!({ "Username": "ben", "DisplayName": "Ben", "EmailAddress": "ben@harbour.test", "Password": "boats seven copper lantern" });
    let ben_id = caller.post("/api/users", ben).expect(201).json()["Id"].as_str().expect("an id").to_owned();
    let team = caller.post("/api/teams", json!({ "Name": "Crew" })).expect(201).json()["Id"].clone();
    let team = team.as_str().expect("an id");
    caller.post("/api/scopeduserroles", json!({ "TeamId": team, "UserRoleId": "userroles-systemmanager" })).expect(201);
    let role =
        caller.post("/api/userroles", json!({ "Name": "Own", "GrantedSystemPermissions": ["UserView"] })).expect(201);
    let role = role.json()["Id"].as_str().expect("an id").to_owned();
    let pages = [
        format!("/harbour/access/teams/{team}"),
        format!("/harbour/access/teams/{team}/roles/new"),
        format!("/harbour/access/roles/{role}/edit"),
    ];
    let note = "needs a second factor; somebody without one is asked to set it up";
    for page in &pages {
        assert!(!ada.get(page).expect(200).text().contains(note), "everybody needs one anyhow: {page}");
    }
    let headers = [("Origin", server.base()), ("Sec-Fetch-Site", "same-origin")];
    let rule = json!({ "SecondFactor": "holders", "SecondFactorPermissions": ["UserEdit"] });
    ada.caller().call_saying("PUT", "/harbour/api/settings/signin", rule, &headers).expect(200);
    for page in &pages {
        let text = ada.get(page).expect(200).text();
        assert!(text.contains(note) && text.contains("UserEdit"), "{page}: {text}");
    }

    let mut browser = server.browser();
    browser.sign_in("harbour", "ben@harbour.test", "boats seven copper lantern").expect(200);
    browser.get("/harbour/me").expect(200);
    ada.post(&format!("/harbour/access/teams/{team}/members"), [("user", ben_id.as_str()), ("confirmed", "yes")]);
    let led = browser.get("/harbour/me?x=1").expect(303);
    assert_eq!(led.location(), "/harbour/enrol?next=%2Fharbour%2Fme%3Fx%3D1");
    let answer = browser.caller().call_saying("GET", "/harbour/api/users/me", (), &headers).expect(403).json();
    assert_eq!(
        (&answer["Details"]["Reason"], &answer["Details"]["Remedy"]["Page"]),
        (&json!("SecondFactorNeeded"), &json!("/enrol"))
    );
    // The key of somebody without a factor goes on working: it has none to give.
    let enrolment = browser.get("/harbour/enrol?next=%2Fharbour%2Fme%3Fx%3D1").expect(200).text();
    assert!(enrolment.contains("now asks you for a second factor") && enrolment.contains("Sign out"), "{enrolment}");
}

#[test]
fn findings_i5_what_is_left_out_of_the_settings_stays() {
    let server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let ada = harbour.caller();
    let put = |part: &str, body: Value| ada.put(&format!("/api/settings/{part}"), body).expect(200).json();
    put("general", json!({ "FromAddress": "deploy@harbour.test", "TimeZone": "Europe/Berlin" }));
    let general = put("general", json!({ "TimeZone": "Europe/Paris" }));
    assert_eq!((&general["Name"], &general["FromAddress"]), (&json!("Harbour Ltd"), &json!("deploy@harbour.test")));
    assert_eq!(put("general", json!({}))["TimeZone"], "Europe/Paris");
    assert_eq!(put("general", json!({ "fromAddress": null }))["FromAddress"], json!(null));
    put("brand", json!({ "Name": "Harbour", "Accent": "#0b6478", "NamesProduct": false }));
    let brand = put("brand", json!({ "Accent": "#0b6479" }));
    assert_eq!((&brand["Name"], &brand["NamesProduct"]), (&json!("Harbour"), &json!(false)));
    let brand = put("brand", json!({ "Name": null }));
    assert_eq!((&brand["Name"], &brand["Accent"]), (&json!(null), &json!("#0b6479")));
    let all = ada.get("/api/settings").expect(200).json();
    assert_eq!(all["Brand"]["Accent"], "#0b6479");
    // An empty name is a name that is wrong, not one that is left out.
    ada.put("/api/settings/general", json!({ "Name": "" })).expect(400);
}

#[test]
fn findings_d12_events_and_roles_of_teams_are_found_by_the_words_that_links_name() {
    let server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let ada = harbour.caller();
    ada.post("/api/Spaces-1/environments", json!({ "Name": "Staging" })).expect(201);
    let events = ada.get("/api/events?take=3").expect(200).json();
    let id = |place: usize| events["Items"][place]["Id"].as_str().unwrap().to_owned();
    let found = ada.get(&format!("/api/events?ids={},{}", id(0), id(2))).expect(200).json();
    assert_eq!((&found["TotalResults"], &found["Items"][1]["Id"]), (&json!(2), &json!(id(2))));
    for none in ["Events-999999", "Projects-1"] {
        assert_eq!(ada.get(&format!("/api/events?ids={none}")).expect(200).json()["TotalResults"], 0, "{none}");
    }
    let roles = |part: &str| {
        ada.get(&format!("/api/scopeduserroles?partialName={part}")).expect(200).json()["TotalResults"]
            .as_i64()
            .unwrap()
    };
    assert!(roles("administrat") > 0 && roles("no%20such") == 0);
}

/// What the page of published clients asks of environments and variables: counted, or true of none.
#[test]
fn environments_are_summed_up_and_variables_are_none_yet() {
    let server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let ada = harbour.caller();
    for name in ["Staging", "Production"] {
        ada.post("/api/Spaces-1/environments", json!({ "Name": name })).expect(201);
    }
    ada.post("/api/Spaces-1/tenants", json!({ "Name": "Contoso" })).expect(201);
    let account = json!({ "AccountType": "UsernamePassword", "Name": "A", "Username": "u", "Password": { "NewValue": "hunter2hunter2" } });
    ada.post("/api/Spaces-1/accounts", account).expect(201);
    for (name, places, more) in [
        ("web", json!(["Staging", "Production"]), json!({})),
        ("db", json!(["Production"]), json!({ "IsDisabled": true })),
        (
            "own",
            json!(["Production"]),
            json!({ "TenantIds": ["Contoso"], "TenantedDeploymentParticipation": "Tenanted" }),
        ),
    ] {
        let mut machine = json!({ "Name": name, "EnvironmentIds": places, "Roles": [name], "Endpoint": { "Host": format!("{name}.example"),
            "Fingerprint": "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU", "AccountId": "Accounts-1" } });
        machine.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        ada.post("/api/Spaces-1/machines", machine).expect(201);
    }
    let summary = |query: &str| ada.get(&format!("/api/Spaces-1/environments/summary{query}")).expect(200).json();
    let all = summary("");
    assert_eq!((&all["TotalMachines"], &all["TotalDisabledMachines"]), (&json!(3), &json!(1)));
    assert_eq!(
        (&all["MachineHealthStatusSummaries"]["Unknown"], &all["MachineEndpointSummaries"]["Ssh"]),
        (&json!(2), &json!(2))
    );
    assert_eq!(all["MachineTenantSummaries"], json!({ "Tenants-1": 1 }));
    let of = |all: &Value, place: usize| all["EnvironmentSummaries"][place]["TotalMachines"].clone();
    assert_eq!((of(&all, 0), of(&all, 1)), (json!(1), json!(3)));
    assert_eq!(all["EnvironmentSummaries"][1]["Environment"]["Name"], "Production");
    let some = summary("?roles=db&hideEmptyEnvironments=true");
    assert_eq!((&some["TotalMachines"], some["EnvironmentSummaries"].as_array().unwrap().len()), (&json!(1), 1));
    assert_eq!(summary("?partialName=stag")["TotalMachines"], 1);
    assert_eq!(summary("?machinePartialName=own&isDisabled=false")["TotalMachines"], 1);
    assert_eq!(summary("?commStyles=TentaclePassive")["TotalMachines"], 0);
    ada.get("/api/Spaces-1/environments/summary?colour=red").expect(400);
    let none = ada.get("/api/Spaces-1/environments/Environments-1/singlyScopedVariableDetails").expect(200).json();
    assert_eq!((&none["HasUnauthorizedProjectVariables"], &none["VariableMap"]), (&json!(false), &json!({})));
    ada.get("/api/Spaces-1/environments/Environments-9/singlyScopedVariableDetails").expect(404);

    let project = json!({ "Name": "Shop", "ProjectGroupId": "ProjectGroups-1", "LifecycleId": "Lifecycles-1" });
    ada.post("/api/Spaces-1/projects", project).expect(201);
    let mut process = ada.get("/api/Spaces-1/projects/shop/deploymentprocesses").expect(200).json();
    process["Steps"] = json!([{ "Name": "Say", "Actions": [{ "Name": "Say", "ActionType": "Octopus.Script",
        "Properties": { "Octopus.Action.RunOnServer": "True", "Octopus.Action.Script.ScriptBody": "true" } }] }]);
    ada.put("/api/Spaces-1/projects/shop/deploymentprocesses", process).expect(200);
    let release =
        ada.post("/api/Spaces-1/releases", json!({ "ProjectId": "Projects-1", "Version": "1.0.0" })).expect(201).json();
    let runbook = json!({ "Name": "Restart", "ProjectId": "Projects-1" });
    let runbook = ada.post("/api/Spaces-1/runbooks", runbook).expect(201).json();
    let own = format!("/api/Spaces-1/runbookProcesses/{}", runbook["RunbookProcessId"].as_str().unwrap());
    let mut steps = ada.get(&own).expect(200).json();
    steps["Steps"] = json!([{ "Name": "Say", "Actions": [{ "Name": "Say", "ActionType": "Octopus.Script",
        "Properties": { "Octopus.Action.RunOnServer": "True", "Octopus.Action.Script.ScriptBody": "true" } }] }]);
    ada.put(&own, steps).expect(200);
    let taken = ada.post("/api/Spaces-1/runbookSnapshots", json!({ "RunbookId": "Runbooks-1" })).expect(201).json();
    for whole in [release, taken] {
        let own = whole["Links"]["Self"].as_str().unwrap().trim_start_matches("/harbour").to_owned();
        for rest in ["snapshot-variables", "snapshot-variables-by-name"] {
            let path = format!("{own}/{rest}");
            assert_eq!(ada.post(&path, json!({ "Variables": [] })).expect(200).json()["Id"], whole["Id"]);
        }
        let named = json!({ "Variables": [{ "Name": "Colour", "OwnerId": "Projects-1" }] });
        let refused = ada.post(&format!("{own}/snapshot-variables-by-name"), named).expect(400);
        assert!(refused.text().contains("Variables"), "{refused}");
    }
}
