//! A customer is given access in one step, and what its people then see: their own tenant in the portal, and nothing else.
//! And that a limit to something that is gone never becomes no limit.

use crate::{
    execution::yard::{Yard, script},
    support::{api::Caller, browser_like::BrowserLike},
};
use serde_json::{Value, json};

/// Contoso and Fabrikam; 1.0.0 and 1.1.0 of Shop, which says for whom it is deployed.
fn yard() -> Yard {
    let yard = Yard::new("Tenanted", &[script("Install", "echo \"hello from the shop\"")]);
    yard.tenant("Contoso");
    yard.tenant("Fabrikam");
    yard.release("1.1.0");
    yard
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

/// A role with these rights; its number.
fn role(yard: &Yard, name: &str, system: &[&str], space: &[&str]) -> i64 {
    let file = yard.server.data().join("companies/harbour/company.db");
    let sql = rusqlite::Connection::open(file).expect("the company's file");
    sql.busy_timeout(std::time::Duration::from_secs(30)).expect("patience");
    sql.execute("INSERT INTO user_roles (name, name_key) VALUES (?1, lower(?1))", [name]).expect("a role");
    let id = sql.last_insert_rowid();
    for (level, names) in [("system", system), ("space", space)] {
        for name in names {
            sql.execute("INSERT INTO role_permissions VALUES (?1, ?2, ?3)", (id, level, name)).expect("a right");
        }
    }
    id
}

/// Somebody in a team of their own with these rights; their program.
fn somebody(yard: &Yard, name: &str, system: &[&str], space: &[&str], limits: Value) -> Caller {
    let ada = yard.caller();
    let role = format!("UserRoles-{}", role(yard, &format!("Role of {name}"), system, space));
    let user = json!({ "Username": name, "DisplayName": name, "EmailAddress": format!("{name}@harbour.test"), "Password": "a long password of theirs" });
    let user = ada.post("/api/users", user).expect(201).json()["Id"].clone();
    let team = json!({ "Name": format!("Team of {name}"), "MemberUserIds": [user] });
    let team = ada.post("/api/teams", team).expect(201).json()["Id"].clone();
    let mut scoped = limits;
    (scoped["TeamId"], scoped["UserRoleId"], scoped["SpaceId"]) = (team, json!(role), json!("Spaces-1"));
    ada.post("/api/scopeduserroles", scoped).expect(201);
    let email = format!("{name}@harbour.test");
    let told = yard.server.command(&["api-key", "create", "harbour", &email, "--purpose", "tests"]).run();
    Caller::with_key(&yard.company.base, told.expect_success().stdout.trim())
}

const MANAGER: &[&str] = &[
    "DeploymentCreate",
    "DeploymentView",
    "EnvironmentView",
    "ProjectView",
    "ReleaseView",
    "TaskCancel",
    "TaskView",
    "TeamCreate",
    "TeamEdit",
    "TeamView",
    "TenantView",
];

/// The person's browser, after the link was used and a telephone enrolled.
fn accept(yard: &Yard, code: &str, email: &str) -> BrowserLike {
    let mut browser = yard.server.browser();
    let password = "correct horse of a customer";
    browser.post(&format!("/harbour/invitation/{code}"), [("password", password), ("again", password)]);
    browser.sign_in("harbour", email, password);
    browser
}

fn give(caller: &Caller, tenant: &str, people: &[&str]) -> crate::support::api::Answer {
    caller.post(&format!("/api/Spaces-1/tenants/{tenant}/selfservice"), json!({ "EmailAddresses": people }))
}

/// The page, which neither names the product nor anybody else's things.
#[track_caller]
fn shown(browser: &BrowserLike, path: &str, status: u16) -> String {
    let text = browser.get(path).expect(status).text();
    let low = text.to_lowercase();
    for word in ["bulkhead", "fabrikam", "default", "octopus", "ada@", "built-in worker"] {
        let at = low.find(word).map(|at| &text[at.saturating_sub(80)..(at + 40).min(text.len())]);
        assert!(at.is_none(), "{path} names {word}: {at:?}");
    }
    text
}

#[test]
fn a_customer_is_given_access_in_one_step_and_sees_itself_alone() {
    let yard = yard();
    let mia = somebody(&yard, "mia", &["UserInvite"], MANAGER, json!({ "TenantIds": ["Tenants-1"] }));
    let given = give(&mia, "Tenants-1", &["Jo Doe <jo@contoso.test>", "kim@contoso.test"]).expect(201).json();
    assert_eq!(given["TeamName"], "Self-Service: Contoso");
    assert_eq!(given["Invitations"].as_array().unwrap().len(), 2);
    // Again for the same tenant: the same team, and nobody twice.
    let again = give(&mia, "contoso", &["jo@contoso.test", "lee@contoso.test"]).expect(200).json();
    assert_eq!((&again["TeamId"], again["Invitations"].as_array().unwrap().len()), (&given["TeamId"], 1));
    assert_eq!(again["Joined"], json!([]));
    let present = yard.caller().get("/api/Spaces-1/tenants/contoso/selfservice").expect(200).json();
    assert_eq!((&present["MemberCount"], &present["UserRoleId"]), (&json!(3), &json!("userroles-tenantself-service")));

    let code = text(&given["Invitations"][0]["InvitationCode"]);
    assert!(!yard.server.browser().get(&format!("/harbour/invitation/{code}")).expect(200).text().contains("Bulkhead"));
    let jo = accept(&yard, &code, "jo@contoso.test");
    assert_eq!(jo.get("/harbour").location(), "/harbour/portal");
    assert_eq!(jo.get("/harbour/portal").location(), "/harbour/portal/contoso");
    let home = shown(&jo, "/harbour/portal/contoso", 200);
    for word in ["Contoso", "Shop", "Staging", "Production", "Deploy 1.1.0", "Harbour Ltd"] {
        assert!(home.contains(word), "“{word}” is missing:\n{home}");
    }
    // The ordinary pages lead back, whatever is typed in; their own account is theirs.
    for path in
        ["/default", "/default/tenants", "/default/projects/shop", "/tasks", "/search?q=a", "/me/rights", "/help"]
    {
        assert_eq!(jo.get(&format!("/harbour{path}")).location(), "/harbour/portal", "{path}");
    }
    assert!(shown(&jo, "/harbour/me", 200).contains("Second factors"));
    shown(&jo, "/harbour/portal/contoso/shop/staging", 200);
    let confirm = shown(&jo, "/harbour/portal/contoso/shop/staging/1.1.0", 200);
    assert!(confirm.contains("Deploy Shop 1.1.0 to Staging"), "{confirm}");
    let sent = jo.post("/harbour/portal/contoso/shop/staging/1.1.0", ());
    let log = sent.location().to_owned();
    assert!(log.starts_with("/harbour/portal/contoso/log/Deployments-"), "{log}");
    yard.wait_for("the deployment", || jo.get(&log).text().contains("hello from the shop").then_some(()));
    yard.wait_for("its end", || jo.get(&log).text().contains("Success").then_some(()));
    let said = shown(&jo, &log, 200);
    assert!(said.contains("by you"), "{said}");
    let home = shown(&jo, "/harbour/portal/contoso", 200);
    assert!(home.contains("Up to date") && home.contains("Shop 1.1.0 to Staging"), "{home}");

    // What is another's is not there, and neither is what is not for them.
    let other = yard.deploy_for(&["Fabrikam"]);
    yard.end_of(&other[0]);
    for path in
        ["/fabrikam", "/Tenants-2", "/contoso/log/Deployments-2", "/contoso/shop/nowhere", "/contoso/shop/staging/9.9"]
    {
        let page = jo.get(&format!("/harbour/portal{path}"));
        assert_eq!(page.status, 404, "{path}");
        assert!(!page.text().to_lowercase().contains("bulkhead"));
    }
    let deploy = jo.post("/harbour/portal/fabrikam/shop/staging/1.1.0", ());
    assert_eq!(deploy.status, 404);
    // The company may say what it is made with.
    yard.caller().put("/api/settings/brand", json!({ "NamesProduct": true })).expect(200);
    assert!(jo.get("/harbour/portal/contoso").text().contains("Made with Bulkhead"));
}

#[test]
fn the_step_needs_the_rights_of_each_of_its_parts() {
    let yard = yard();
    let mia = somebody(&yard, "mia", &["UserInvite"], MANAGER, json!({ "TenantIds": ["Tenants-1"] }));
    give(&mia, "Tenants-2", &["x@fabrikam.test"]).expect(404);
    for (name, system, left) in [
        ("nora", &[][..], ""),
        ("olga", &["UserInvite"][..], "TeamCreate"),
        ("pete", &["UserInvite"][..], "TeamEdit"),
        // Holds less than the team would: nobody gives what they do not hold.
        ("rosa", &["UserInvite"][..], "TaskCancel"),
    ] {
        let space: Vec<&str> = MANAGER.iter().copied().filter(|name| *name != left).collect();
        let caller = somebody(&yard, name, system, &space, json!({}));
        let refused = give(&caller, "Tenants-1", &["x@contoso.test"]).expect(403).json();
        let missing = if left.is_empty() { "UserInvite" } else { left };
        assert!(
            text(&refused["ErrorMessage"]).contains(&format!("Missing permission: {missing}")),
            "{name}: {refused}"
        );
    }
    for people in [json!([]), json!(["nobody"]), json!(["a@b.test", "ada@harbour test"])] {
        let people: Vec<&str> = people.as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect();
        let answer = give(&mia, "Tenants-1", &people).expect(400).json();
        assert!(answer.to_string().contains("EmailAddresses"), "{answer}");
    }
    let users = yard.caller().get("/api/users?filter=contoso.test").expect(200).json();
    assert_eq!(users["TotalResults"], 0, "what was refused left nobody behind: {users}");
    let teams = yard.caller().get("/api/teams?partialName=Self-Service").expect(200).json();
    assert_eq!(teams["TotalResults"], 0, "nor a team: {teams}");
}

#[test]
fn the_team_follows_its_tenant_and_reaches_nothing_when_that_is_gone() {
    let yard = yard();
    let ada = yard.caller();
    let given = give(&ada, "Tenants-2", &["jo@fabrikam.test"]).expect(201).json();
    let jo = accept(&yard, &text(&given["Invitations"][0]["InvitationCode"]), "jo@fabrikam.test");
    assert!(jo.get("/harbour/portal/fabrikam").expect(200).text().contains("Fabrikam"));
    let mut tenant = ada.get("/api/Spaces-1/tenants/Tenants-2").expect(200).json();
    tenant["Name"] = json!("Fabrikam Foods");
    ada.put("/api/Spaces-1/tenants/Tenants-2", tenant).expect(200);
    let team = format!("/api/teams/{}", text(&given["TeamId"]));
    assert_eq!(ada.get(&team).expect(200).json()["Name"], "Self-Service: Fabrikam Foods");
    // Somebody in another team besides is no customer alone: they get the ordinary pages.
    let users = ada.get("/api/users?filter=fabrikam").expect(200).json();
    let jo_id = users["Items"][0]["Id"].clone();
    let staff = ada.post("/api/teams", json!({ "Name": "Staff", "MemberUserIds": [jo_id] })).expect(201).json();
    assert_eq!(jo.get("/harbour").location(), "/harbour/default");
    ada.delete(&format!("/api/teams/{}", text(&staff["Id"])), ()).expect(200);
    assert_eq!(jo.get("/harbour").location(), "/harbour/portal");

    ada.delete("/api/Spaces-1/tenants/Tenants-2", ()).expect(200);
    jo.get("/harbour/portal/fabrikam").expect(404);
    assert!(jo.get("/harbour/portal").expect(200).text().contains("You have no access any more"));
    jo.get("/harbour/portal/contoso").expect(404);
    let roles = ada.get(&format!("{team}/scopeduserroles")).expect(200).json();
    assert_eq!(roles["Items"][0]["TenantIds"], json!(["Tenants-2"]), "the limit stays: {roles}");
}

#[test]
fn a_limit_to_what_is_gone_allows_nothing() {
    let yard = yard();
    let ada = yard.caller();
    let group = yard.make("projectgroups", json!({ "Name": "Passing" }));
    let body = json!({ "Name": "Passing", "ProjectGroupId": "ProjectGroups-1", "LifecycleId": "Lifecycles-1" });
    let project = yard.make("projects", body);
    let environment = yard.make("environments", json!({ "Name": "Passing" }));
    let tenant = yard.make("tenants", json!({ "Name": "Passing" }));
    let looks = ["projects", "environments", "tenants", "releases"];
    for (name, limit, kind, id, closed) in [
        ("gina", "ProjectGroupIds", "projectgroups", &group, &["projects", "releases"][..]),
        ("paul", "ProjectIds", "projects", &project, &["projects", "releases"]),
        ("emma", "EnvironmentIds", "environments", &environment, &["environments"]),
        ("tess", "TenantIds", "tenants", &tenant, &["tenants"]),
    ] {
        let caller = somebody(&yard, name, &[], MANAGER, json!({ limit: [id] }));
        let counts = |caller: &Caller| -> Vec<i64> {
            let count = |kind: &&str| {
                let answer = caller.get(&format!("/api/Spaces-1/{kind}")).expect(200).json();
                answer["TotalResults"].as_i64().unwrap()
            };
            looks.iter().map(count).collect()
        };
        let before = counts(&caller);
        ada.delete(&format!("/api/Spaces-1/{kind}/{id}"), ()).expect(200);
        let after = counts(&caller);
        for (place, look) in looks.iter().enumerate() {
            assert!(after[place] <= before[place], "{name} sees more {look} than before: {before:?} {after:?}");
            if closed.contains(look) {
                assert_eq!(after[place], 0, "{name} still sees {look}");
            }
        }
        let body = json!({ "ReleaseId": "Releases-1", "EnvironmentId": "Environments-1", "TenantId": "Tenants-1" });
        let status = caller.post("/api/Spaces-1/deployments", body).status;
        assert!(matches!(status, 403 | 404), "{name} may deploy: {status}");
    }
}

#[test]
fn a_customer_runs_the_runbooks_that_their_role_allows_for_their_tenant() {
    let yard = yard();
    let ada = yard.caller();
    // Three for tenants: one published, one that is not, one that runs for nobody; and a role that may run them.
    let runbook = |name: &str, mode: &str, publish: bool| {
        let body = json!({ "ProjectId": "Projects-1", "Name": name, "MultiTenancyMode": mode, "EnvironmentScope": "All",
            "Description": "Takes a minute." });
        let made = ada.post("/api/Spaces-1/runbooks", body).expect(201).json();
        let process = format!("/api/Spaces-1/runbookProcesses/{}", text(&made["RunbookProcessId"]));
        let mut steps = ada.get(&process).expect(200).json();
        steps["Steps"] = json!([crate::support::cast::step("Say", "echo restarted well")]);
        ada.put(&process, steps).expect(200);
        let snapshot = json!({ "RunbookId": made["Id"] });
        ada.post(&format!("/api/Spaces-1/runbookSnapshots?publish={publish}"), snapshot).expect(201);
        text(&made["Id"])
    };
    let restart = runbook("Restart it", "Tenanted", true);
    runbook("Not ready", "Tenanted", false);
    runbook("For nobody", "Untenanted", true);
    let mia = somebody(&yard, "mia", &["UserInvite"], MANAGER, json!({ "TenantIds": ["Tenants-1"] }));
    let given = give(&mia, "Tenants-1", &["jo@contoso.test"]).expect(201).json();
    let jo = accept(&yard, &text(&given["Invitations"][0]["InvitationCode"]), "jo@contoso.test");
    let home = "/harbour/portal/contoso";
    // Without the right there is nothing of runbooks.
    let page = shown(&jo, home, 200);
    assert!(!page.contains("Restart it") && !page.contains("Run in"), "{page}");
    let place = "/harbour/portal/contoso/shop/runbooks/restart-it/staging";
    jo.get(place).expect(404);

    let may = role(&yard, "Runs", &[], &["RunbookView", "RunbookRunCreate", "RunbookRunView"]);
    let scoped = json!({ "TeamId": given["TeamId"], "UserRoleId": format!("UserRoles-{may}"), "SpaceId": "Spaces-1",
        "TenantIds": ["Tenants-1"] });
    ada.post("/api/scopeduserroles", scoped).expect(201);
    let page = shown(&jo, home, 200);
    assert!(page.contains("Restart it") && page.contains("Takes a minute.") && page.contains(place), "{page}");
    assert!(!page.contains("Not ready") && !page.contains("For nobody"), "{page}");
    // Where the tenant is not connected there is no button.
    let asked = shown(&jo, place, 200);
    assert!(asked.contains("Run Restart it in Staging"), "{asked}");
    let other = "/harbour/portal/fabrikam/shop/runbooks/restart-it/staging";
    jo.get(other).expect(404);
    jo.post(other, &[][..]).expect(404);
    for hidden in ["not-ready", "for-nobody", "nothing"] {
        let path = place.replace("restart-it", hidden);
        jo.get(&path).expect(404);
        jo.post(&path, &[][..]).expect(404);
    }
    let begun = jo.post(place, &[][..]).expect(303);
    let log = begun.location().to_owned();
    assert!(log.starts_with("/harbour/portal/contoso/shop/runbooks/restart-it/runs/RunbookRuns-"), "{log}");
    let run = log.rsplit('/').next().unwrap().to_owned();
    let task = text(&ada.get(&format!("/api/Spaces-1/runbookRuns/{run}")).expect(200).json()["TaskId"]);
    yard.end_of(&task);
    let shown_log = shown(&jo, &log, 200);
    assert!(shown_log.contains("restarted well") && shown_log.contains("by you"), "{shown_log}");
    let page = shown(&jo, home, 200);
    assert!(page.contains("Restart it in Staging") && page.contains(&log), "{page}");
    // Another tenant's run is not there, in no address.
    let body = json!({ "ProjectName": "Shop", "RunbookName": restart, "EnvironmentNames": ["Staging"], "Tenants": ["Fabrikam"] });
    let made = ada.post("/api/Spaces-1/runbook-runs/create/v1", body).expect(201).json();
    let foreign = text(&made["RunbookRunServerTasks"][0]["RunbookRunId"]);
    for path in [log.replace(&run, &foreign), log.replace("contoso", "fabrikam").replace(&run, &foreign)] {
        jo.get(&path).expect(404);
        jo.post(&format!("{path}/cancel"), &[][..]).expect(404);
    }
    yard.end_of(&text(&made["RunbookRunServerTasks"][0]["ServerTaskId"]));
    assert!(!shown(&jo, home, 200).contains(&foreign));
    // Their tenant disabled: no button, and none by hand.
    let mut tenant = ada.get("/api/Spaces-1/tenants/Tenants-1").expect(200).json();
    tenant["IsDisabled"] = json!(true);
    ada.put("/api/Spaces-1/tenants/Tenants-1", tenant).expect(200);
    assert!(!shown(&jo, home, 200).contains("Run in"));
    assert!(jo.post(place, &[][..]).expect(422).text().contains("is disabled"));
}
