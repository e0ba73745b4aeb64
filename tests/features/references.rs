//! What steps name is followed when it is renamed (findings F2), and is not deleted while they name it (findings F3).
//! What is switched off is kept as it came (findings H3); a script that does not say where it runs does so on the worker
//! (findings H2).

use crate::support::{
    api::{Caller, says},
    cast::{House, step},
    server::{Company, Server, founded},
};
use rusqlite::Connection;
use serde_json::{Value, json};
use std::time::Duration;

const API: &str = "/api/Spaces-1";

fn make(ada: &Caller, kind: &str, body: Value) -> Value {
    ada.post(&format!("{API}/{kind}"), body).expect(201).json()
}

fn id(value: &Value) -> &str {
    value["Id"].as_str().expect("an id")
}

fn file(server: &Server, company: &Company) -> Connection {
    let sql =
        Connection::open(server.data().join("companies").join(&company.slug).join("company.db")).expect("the file");
    sql.busy_timeout(Duration::from_secs(30)).expect("patience");
    sql
}

/// Harbour with a project, a runbook, an environment and a tenant with the tag Ring/Stable that is connected.
struct Yard {
    server: Server,
    company: Company,
    ada: Caller,
    place: Value,
    shop: Value,
    runbook: Value,
    tenant: Value,
    rings: Value,
}

impl Yard {
    fn new() -> Yard {
        let (server, company) = founded();
        let ada = company.caller();
        let place = make(&ada, "environments", json!({ "Name": "Test" }));
        let shop = json!({ "Name": "Shop", "ProjectGroupId": "ProjectGroups-1", "LifecycleId": "Lifecycles-1",
            "TenantedDeploymentMode": "TenantedOrUntenanted" });
        let shop = make(&ada, "projects", shop);
        let runbook = json!({ "Name": "Restart", "ProjectId": shop["Id"], "MultiTenancyMode": "TenantedOrUntenanted" });
        let runbook = make(&ada, "runbooks", runbook);
        let rings =
            make(&ada, "tagsets", json!({ "Name": "Ring", "Tags": [{ "Name": "Stable" }, { "Name": "Early" }] }));
        let tenant = json!({ "Name": "Contoso", "TenantTags": ["Ring/Stable"],
            "ProjectEnvironments": { id(&shop): [place["Id"]] } });
        let tenant = make(&ada, "tenants", tenant);
        Yard { server, company, ada, place, shop, runbook, tenant, rings }
    }

    fn process(&self) -> String {
        format!("{API}/projects/{}/deploymentprocesses", id(&self.shop))
    }
    fn runbook_process(&self) -> String {
        format!("{API}/projects/{}/runbookProcesses/RunbookProcess-{}", id(&self.shop), id(&self.runbook))
    }
    /// Writes a process with these steps.
    fn write(&self, at: &str, steps: Value) -> crate::support::api::Answer {
        let process = self.ada.get(at).expect(200).json();
        self.ada.put(at, json!({ "Version": process["Version"], "Steps": steps }))
    }
    fn release(&self, version: &str) -> Value {
        make(&self.ada, "releases/create/v1", json!({ "ProjectName": "Shop", "ReleaseVersion": version }))
    }
    /// Deploys to the tenant; how its task ended and what it said.
    fn deploy(&self, version: &str) -> (Value, String) {
        let wanted = json!({ "ProjectName": "Shop", "ReleaseVersion": version, "EnvironmentName": "Test", "Tenants": ["Contoso"] });
        let made = make(&self.ada, "deployments/create/tenanted/v1", wanted);
        self.ended(&made["DeploymentServerTasks"][0]["ServerTaskId"])
    }
    fn run(&self) -> (Value, String) {
        let wanted = json!({ "ProjectName": "Shop", "RunbookName": "Restart", "EnvironmentNames": ["Test"], "Tenants": ["Contoso"] });
        let made = make(&self.ada, "runbook-runs/create/v1", wanted);
        self.ended(&made["RunbookRunServerTasks"][0]["ServerTaskId"])
    }
    fn ended(&self, task: &Value) -> (Value, String) {
        let at = format!("/api/tasks/{}", task.as_str().unwrap());
        for _ in 0..300 {
            let task = self.ada.get(&at).expect(200).json();
            if task["IsCompleted"] == json!(true) {
                return (task, self.ada.get(&format!("{at}/raw")).expect(200).text());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("the task does not end");
    }
}

fn tagged(name: &str, field: &str, what: Value) -> Value {
    let mut step = step(name, "echo hello from $(hostname)");
    step["Actions"][0][field] = json!([what]);
    step
}

#[test]
fn findings_f2_a_tag_and_its_set_are_renamed_and_every_step_follows() {
    let yard = Yard::new();
    for at in [yard.process(), yard.runbook_process()] {
        let saved = yard.write(&at, json!([tagged("Greet", "TenantTags", json!("ring/STABLE"))])).expect(200).json();
        assert_eq!(saved["Steps"][0]["Actions"][0]["TenantTags"], json!(["Ring/Stable"]), "in one spelling");
    }
    let release = yard.release("1.0.0");
    let snapshot = json!({ "RunbookId": yard.runbook["Id"], "ProjectId": yard.shop["Id"], "Name": "One" });
    let snapshot = make(&yard.ada, "runbookSnapshots?publish=true", snapshot);
    let mut rings = yard.rings.clone();
    rings["Name"] = json!("Wave");
    rings["Tags"][0]["Name"] = json!("Steady");
    yard.ada.put(&format!("{API}/tagsets/{}", id(&rings)), rings).expect(200);

    for at in [yard.process(), yard.runbook_process()] {
        let process = yard.ada.get(&at).expect(200).json();
        assert_eq!(process["Steps"][0]["Actions"][0]["TenantTags"], json!(["Wave/Steady"]));
        let same = yard.ada.put(&at, process.clone()).expect(200).json();
        assert_eq!(same["Version"], process["Version"], "what is sent back as it was read changes nothing");
    }
    let (shop, runbook) = (id(&yard.shop), id(&yard.runbook));
    let frozen = format!(
        "{API}/deploymentprocesses/deploymentprocess-{shop}-s-{}",
        release["ReleaseId"].as_str().unwrap().trim_start_matches("Releases-")
    );
    let frozen = yard.ada.get(&frozen).expect(200).json();
    assert_eq!(frozen["Steps"][0]["Actions"][0]["TenantTags"], json!(["Wave/Steady"]));
    assert!(snapshot["Id"].is_string() && !runbook.is_empty());
    let (task, log) = yard.deploy("1.0.0");
    assert!(task["State"] == "Success" && log.contains("hello from"), "{log}");
    let (task, log) = yard.run();
    assert!(task["State"] == "Success" && log.contains("hello from"), "{log}");
}

#[test]
fn findings_f2_a_step_whose_limit_is_gone_fails_the_plan() {
    let yard = Yard::new();
    yard.write(
        &yard.process(),
        json!([tagged("Greet", "TenantTags", json!("Ring/Early")), step("Later", "echo later")]),
    )
    .expect(200);
    let release = yard.release("1.0.0");
    // As an older version left it.
    let sql = file(&yard.server, &yard.company);
    assert_eq!(
        sql.execute("UPDATE releases SET steps = replace(steps, '\"Tags-2\"', '\"Ring/Gone\"')", ()).unwrap(),
        1
    );
    let sentence = "The step Greet is limited to the tag Ring/Gone, which is not there any more.";
    let preview = format!(
        "{API}/releases/{}/deployments/preview/{}/{}",
        release["ReleaseId"].as_str().unwrap(),
        id(&yard.place),
        id(&yard.tenant)
    );
    yard.ada.get(&preview).expect(200);
    let (task, log) = yard.deploy("1.0.0");
    assert_eq!(task["State"], "Failed");
    assert!(task["ErrorMessage"].as_str().unwrap().contains(sentence), "{task}");
    assert!(log.contains(sentence) && !log.contains("later"), "{log}");
    // Who leaves it out by hand knows what they do.
    let wanted = json!({ "ProjectName": "Shop", "ReleaseVersion": "1.0.0", "EnvironmentName": "Test", "Tenants": ["Contoso"], "SkipStepNames": ["Greet"] });
    let made = make(&yard.ada, "deployments/create/tenanted/v1", wanted);
    let (task, log) = yard.ended(&made["DeploymentServerTasks"][0]["ServerTaskId"]);
    assert!(task["State"] == "Success" && log.contains("later"), "{log}");
}

#[test]
fn findings_f3_what_a_step_names_is_not_deleted_and_who_names_it_is_told() {
    let yard = Yard::new();
    let ada = &yard.ada;
    let other = make(ada, "environments", json!({ "Name": "Other" }));
    let left_out = make(ada, "environments", json!({ "Name": "Left out" }));
    let beta = make(ada, "channels", json!({ "Name": "Beta", "ProjectId": yard.shop["Id"] }));
    let steps = json!([
        tagged("One", "Environments", other["Id"].clone()),
        tagged("Two", "ExcludedEnvironments", left_out["Id"].clone()),
        tagged("Three", "Channels", beta["Id"].clone()),
        tagged("Four", "TenantTags", json!("Ring/Early"))
    ]);
    yard.write(&yard.process(), steps).expect(200);
    yard.write(&yard.runbook_process(), json!([tagged("Five", "TenantTags", json!("Ring/Early"))])).expect(200);
    let refused = |at: String, words: &[&str]| says(&ada.delete(&at, ()).expect(409), words);
    refused(format!("{API}/environments/{}", id(&other)), &["the step One of the project Shop"]);
    refused(format!("{API}/environments/{}", id(&left_out)), &["the step Two of the project Shop"]);
    refused(format!("{API}/channels/{}", id(&beta)), &["the step Three of the project Shop"]);
    let used = ["the step Four of the project Shop", "the step Five of the runbook Restart"];
    let mut rings = yard.rings.clone();
    rings["Tags"].as_array_mut().unwrap().retain(|tag| tag["Name"] != "Early");
    says(&ada.put(&format!("{API}/tagsets/{}", id(&rings)), rings.clone()).expect(409), &used);
    // Without tenants that carry its tags, too.
    let mut tenant = yard.tenant.clone();
    tenant["TenantTags"] = json!([]);
    ada.put(&format!("{API}/tenants/{}", id(&tenant)), tenant).expect(200);
    refused(format!("{API}/tagsets/{}", id(&rings)), &used);
    // What is frozen is deployed as it is, so it uses what it names, too.
    yard.release("1.0.0");
    yard.write(&yard.process(), json!([step("One", "echo one")])).expect(200);
    yard.write(&yard.runbook_process(), json!([])).expect(200);
    refused(format!("{API}/environments/{}", id(&other)), &["the release 1.0.0 of Shop"]);
    refused(format!("{API}/tagsets/{}", id(&rings)), &["the release 1.0.0 of Shop"]);
    let release = ada.get(&format!("{API}/projects/{}/releases/1.0.0", id(&yard.shop))).expect(200).json();
    ada.delete(&format!("{API}/releases/{}", id(&release)), ()).expect(200);
    ada.delete(&format!("{API}/environments/{}", id(&other)), ()).expect(200);
    ada.delete(&format!("{API}/environments/{}", id(&left_out)), ()).expect(200);
    ada.delete(&format!("{API}/channels/{}", id(&beta)), ()).expect(200);
    ada.delete(&format!("{API}/tagsets/{}", id(&rings)), ()).expect(200);
}

#[test]
fn findings_f3_a_user_that_one_may_not_see_is_not_named() {
    let mut cast = crate::support::cast::Cast::assemble();
    let house: &mut House = &mut cast.harbour;
    let place = house.post(&format!("{API}/environments"), json!({ "Name": "Quiet place" }));
    let hidden = json!({ "Name": "Hidden", "ProjectGroupId": "ProjectGroups-1", "LifecycleId": "Lifecycles-1" });
    let hidden = house.post(&format!("{API}/projects"), hidden);
    let at = format!("{API}/projects/{}/deploymentprocesses", id(&hidden));
    let steps = json!({ "Version": 0, "Steps": [tagged("Secret step", "Environments", place["Id"].clone())] });
    house.people["ada"].key.put(&at, steps).expect(200);
    house.hire(&cast.server, "emil", Some("userroles-environmentmanager"), json!({}));
    let told = house.people["emil"].key.delete(&format!("{API}/environments/{}", id(&place)), ()).expect(409).text();
    assert!(told.contains("a step of a project that you may not see"), "{told}");
    assert!(!told.contains("Hidden") && !told.contains("Secret step"), "{told}");
}

#[test]
fn findings_h2_h3_what_does_not_say_where_it_runs_and_what_is_switched_off() {
    let yard = Yard::new();
    let mut plain = step("Migrate", "echo migrating");
    plain["Actions"][0]["Properties"].as_object_mut().unwrap().remove("Octopus.Action.RunOnServer");
    plain["Actions"][0]["WorkerPoolId"] = json!("WorkerPools-7");
    let off = json!({ "Id": "", "Name": "Ask", "Condition": "Variable", "Properties": { "Octopus.Step.ConditionVariableExpression": "#{x}" },
        "Actions": [{ "Id": "", "Name": "Ask", "ActionType": "Octopus.Manual", "IsDisabled": true, "WorkerPoolVariable": "",
            "Environments": ["Environments-99"], "TenantTags": ["No/Such"], "Packages": [{ "Id": "", "Name": "", "PackageId": "Acme" }],
            "StepPackageVersion": "1.2.3", "Inputs": { "z": 1.50, "a": { "deep": [1, "two"] } }, "Container": { "Image": "alpine", "FeedId": null },
            "Properties": { "Octopus.Action.Manual.Instructions": "Look first.", "Octopus.Action.AutoRetry.MaximumCount": "3" } }] });
    let saved = yard.write(&yard.process(), json!([plain, off])).expect(200).json();
    let action = &saved["Steps"][1]["Actions"][0];
    for field in [
        "ActionType",
        "IsDisabled",
        "Environments",
        "TenantTags",
        "Packages",
        "StepPackageVersion",
        "Inputs",
        "Container",
        "Properties",
    ] {
        assert_eq!(action[field], off["Actions"][0][field], "{field}");
    }
    assert_eq!(saved["Steps"][0]["Actions"][0]["WorkerPoolId"], json!("WorkerPools-7"));
    // A company with a host name of its own is known to its scripts by that.
    yard.server.command(&["company", "hosts", "harbour", "--set", "deploy.harbour.test"]).run().expect_success();
    std::thread::sleep(std::time::Duration::from_millis(1500));
    let uri = "echo \"<server=$(get_octopusvariable Octopus.Web.ServerUri)>\"";
    yard.write(&yard.runbook_process(), json!([step("Tell", uri)])).expect(200);
    let snapshot = json!({ "RunbookId": yard.runbook["Id"], "ProjectId": yard.shop["Id"], "Name": "Two" });
    make(&yard.ada, "runbookSnapshots?publish=true", snapshot);
    let (_, log) = yard.run();
    let port = yard.server.base().rsplit(':').next().unwrap();
    assert!(log.contains(&format!("<server=http://deploy.harbour.test:{port}>")), "{log}");
    let mut ada = yard.server.browser();
    ada.sign_in("harbour", &yard.company.email, &yard.company.password);
    let page = ada.get("/harbour/default/projects/shop/process").expect(200).text();
    assert!(page.contains("Octopus.Manual, which this version cannot run") && page.contains("isabled"), "{page}");
    // Its page changes what it can, and leaves the rest as it is.
    let at = "/harbour/default/projects/shop/process/steps/ask";
    ada.get(at).expect(200);
    let version = saved["Version"].to_string();
    let sent = [
        ("version", version.as_str()),
        ("name", "Ask them"),
        ("condition", "Variable"),
        ("disabled", "1"),
        ("notes", "Later"),
    ];
    ada.post(at, &sent[..]).expect(303);
    let after = yard.ada.get(&yard.process()).expect(200).json();
    assert_eq!(after["Steps"][1]["Name"], "Ask them");
    assert_eq!(after["Steps"][1]["Actions"][0]["Inputs"], off["Actions"][0]["Inputs"]);
    yard.release("1.0.0");
    let (task, log) = yard.deploy("1.0.0");
    assert_eq!(task["State"], "Success", "{log}");
    assert!(log.contains("migrating") && log.contains("There is no worker pool WorkerPools-7"), "{log}");
    // Switched on, it is checked.
    let mut on = after.clone();
    on["Steps"][1]["Actions"][0]["IsDisabled"] = json!(false);
    says(
        &yard.ada.put(&yard.process(), on).expect(400),
        &["Octopus.Manual", "Condition", "Environments-99", "No/Such"],
    );
    let mut nowhere = after.clone();
    nowhere["Steps"][0]["Actions"][0]["Properties"]["Octopus.Action.RunOnServer"] = json!("False");
    says(&yard.ada.put(&yard.process(), nowhere).expect(400), &["TargetRoles"]);
}

#[test]
fn findings_h8_scripts_are_told_slugs_links_and_who_deploys() {
    let yard = Yard::new();
    let names = [
        ("Deployment.Tenant.Slug", "contoso"),
        ("Environment.Slug", "test"),
        ("Environment.SortOrder", "0"),
        ("ProjectGroup.Id", "ProjectGroups-1"),
        ("ProjectGroup.Name", "Default project group"),
        ("ProjectGroup.Slug", "default-project-group"),
        ("Space.Slug", "default"),
        ("Release.Channel.Id", "Channels-1"),
        ("Deployment.CreatedBy.Username", "ada@harbour.test"),
        ("Deployment.CreatedBy.EmailAddress", "ada@harbour.test"),
        ("Deployment.CreatedBy.Id", "Users-1"),
        ("Web.BaseUrl", yard.server.base()),
        ("Web.ProjectLink", "/harbour/default/projects/shop"),
        ("Web.DeploymentLink", "/harbour/default/projects/shop/deployments/Deployments-2"),
        ("Web.ReleaseLink", "/harbour/default/projects/shop/releases/Releases-1"),
        ("Deployment.PreviousSuccessful.Id", "Deployments-1"),
        ("Release.CurrentForEnvironment.Number", "1.0.0"),
        ("Release.Previous.Number", "1.0.0"),
        ("WorkerPool.Name", "Default Worker Pool"),
        ("Action.TargetRoles", ""),
    ];
    let mut body: String = names.iter().map(|(name, _)| format!("echo '<{name}=#{{Octopus.{name}}}>'\n")).collect();
    body += "echo \"<server=$(get_octopusvariable Octopus.Web.ServerUri)>\"\n";
    yard.write(&yard.process(), json!([step("Tell", &body)])).expect(200);
    yard.release("1.0.0");
    yard.deploy("1.0.0");
    let (_, log) = yard.deploy("1.0.0");
    for (name, value) in names {
        assert!(log.contains(&format!("<{name}={value}>")), "{name}: {log}");
    }
    assert!(log.contains(&format!("<server={}/harbour>", yard.server.base())), "{log}");
    let link = "echo '<#{Octopus.Web.RunbookRunLink}|#{Octopus.RunbookRun.CreatedBy.Id}|#{Octopus.Environment.Slug}>'";
    yard.write(&yard.runbook_process(), json!([step("Tell", link)])).expect(200);
    let snapshot = json!({ "RunbookId": yard.runbook["Id"], "ProjectId": yard.shop["Id"], "Name": "One" });
    make(&yard.ada, "runbookSnapshots?publish=true", snapshot);
    let (_, log) = yard.run();
    let told = "</harbour/default/projects/shop/runbooks/restart/runs/RunbookRuns-1|Users-1|test>";
    assert!(log.contains(told), "{log}");
    let mut ada = yard.server.browser();
    ada.sign_in("harbour", &yard.company.email, &yard.company.password);
    for at in ["deployments/Deployments-2", "releases/Releases-1", "runbooks/restart/runs/RunbookRuns-1"] {
        ada.get(&format!("/harbour/default/projects/shop/{at}")).expect(200);
    }
}

#[test]
fn findings_d14_a_tenant_is_deleted_with_its_history_when_that_is_asked_for() {
    let yard = Yard::new();
    yard.write(&yard.process(), json!([step("Greet", "echo hello")])).expect(200);
    yard.write(&yard.runbook_process(), json!([step("Greet", "echo hello")])).expect(200);
    yard.release("1.0.0");
    let snapshot = json!({ "RunbookId": yard.runbook["Id"], "ProjectId": yard.shop["Id"], "Name": "One" });
    make(&yard.ada, "runbookSnapshots?publish=true", snapshot);
    let (task, _) = yard.deploy("1.0.0");
    yard.run();
    let at = format!("{API}/tenants/{}", id(&yard.tenant));
    says(&yard.ada.delete(&at, ()).expect(409), &["deleteHistory=true"]);
    let mut ada = yard.server.browser();
    ada.sign_in("harbour", &yard.company.email, &yard.company.password);
    let page = ada.get("/harbour/default/tenants/contoso").expect(200).text();
    assert!(page.contains("Its history: 1 deployment and 1 run, with their tasks and logs."), "{page}");
    assert!(page.contains("/delete?history=1"), "{page}");
    // The name is asked for.
    ada.post("/harbour/default/tenants/contoso/delete?history=1", &[("confirm", "Con")][..]).expect(422);
    yard.ada.get(&at).expect(200);
    ada.post("/harbour/default/tenants/contoso/delete?history=1", &[("confirm", "Contoso")][..]).expect(303);
    yard.ada.get(&at).expect(404);
    yard.ada.get(&format!("/api/tasks/{}", id(&task))).expect(404);
    for list in ["deployments", "runbookRuns"] {
        assert_eq!(yard.ada.get(&format!("{API}/{list}")).expect(200).json()["TotalResults"], 0);
    }
    yard.ada.get(&format!("{API}/projects/{}/releases/1.0.0", id(&yard.shop))).expect(200);
    let told = yard.ada.get("/api/events?eventCategories=Deleted").expect(200).text();
    assert!(told.contains("Tenant Contoso was deleted with its history"), "{told}");
}

#[test]
fn findings_d14_who_may_not_delete_the_deployments_does_not_delete_the_tenant() {
    let mut cast = crate::support::cast::Cast::assemble();
    let house: &mut House = &mut cast.harbour;
    let sql = house.file(&cast.server);
    let tenant: i64 =
        sql.query_row("SELECT tenant_id FROM deployments WHERE tenant_id IS NOT NULL", (), |row| row.get(0)).unwrap();
    house.hire(&cast.server, "tara", Some("userroles-tenantmanager"), json!({}));
    house.rest(&cast.server);
    let at = format!("{API}/tenants/Tenants-{tenant}?deleteHistory=true");
    let told = house.people["tara"].key.delete(&at, ()).expect(409).text();
    assert!(told.contains("you may not delete") || told.contains("you cannot delete"), "{told}");
    house.people["ada"].key.get(&format!("{API}/tenants/Tenants-{tenant}")).expect(200);
}
