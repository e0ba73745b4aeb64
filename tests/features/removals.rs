//! The page on which a thing is removed says before its name is typed what stops it, in the words of the command; once that
//! is gone, the thing goes (findings C6).

use crate::support::{
    api::{Caller, says},
    browser_like::BrowserLike,
    cast::step,
    server::founded,
};
use serde_json::{Value, json};
use std::time::Duration;

const API: &str = "/api/Spaces-1";

/// A thing, its page, and where a program deletes it.
struct Thing {
    kind: &'static str,
    name: String,
    page: String,
    api: String,
}

fn thing(kind: &'static str, name: impl Into<String>, page: impl Into<String>, api: impl Into<String>) -> Thing {
    Thing { kind, name: name.into(), page: page.into(), api: api.into() }
}

struct Yard {
    ada: Caller,
    browser: BrowserLike,
}

impl Yard {
    fn make(&self, kind: &str, body: Value) -> Value {
        self.ada.post(&format!("{API}/{kind}"), body).expect(201).json()
    }
    fn change(&self, path: &str, with: impl FnOnce(&mut Value)) {
        let mut body = self.ada.get(path).expect(200).json();
        with(&mut body);
        self.ada.put(path, body).expect(200);
    }
    fn cancel(&self, task: &Value) {
        let task = format!("/api/tasks/{}", task.as_str().expect("a task"));
        self.ada.post(&format!("{task}/cancel"), json!({})).expect(200);
        self.until(&task, "IsCompleted", &json!(true));
    }
    fn until(&self, path: &str, field: &str, value: &Value) {
        for _ in 0..300 {
            if self.ada.get(path).expect(200).json()[field] == *value {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("{path} does not come to {field} = {value}");
    }
    fn path(one: &Thing) -> String {
        format!("{}/delete", one.page.trim_end_matches("/settings").trim_end_matches("/edit"))
    }
    /// The page says why it cannot go and asks for no name; page and program refuse it in these words.
    #[track_caller]
    fn stopped(&self, one: &Thing, words: &str) {
        let refused = self.ada.delete(&one.api, ()).expect(409).json();
        let sentence = refused["ErrorMessage"].as_str().expect("a sentence").to_owned();
        assert!(sentence.contains(words), "{}: {sentence}", one.kind);
        let shown = sentence.replace('&', "&#38;").replace('"', "&#34;").replace('\'', "&#39;");
        let page = self.browser.get(&one.page).expect(200);
        says(&page, &[&format!("This {} cannot be removed yet:", one.kind), &format!("<li>{shown}</li>")]);
        assert!(!page.text().contains("name=\"confirm\""), "{} asks for the name all the same", one.kind);
        let refused = self.browser.post(&Yard::path(one), [("confirm", one.name.as_str())]).expect(422);
        says(&refused, &[&shown]);
    }
    /// The page asks for the name, and then it is gone.
    #[track_caller]
    fn goes(&self, one: &Thing) {
        let page = self.browser.get(&one.page).expect(200);
        says(&page, &["name=\"confirm\""]);
        assert!(!page.text().contains("cannot be removed yet"), "{}: {page}", one.kind);
        let action = page.text();
        let action =
            action.split("action=\"").find(|piece| piece.split('"').next().unwrap_or_default().contains("/delete"));
        let action = action.and_then(|piece| piece.split('"').next()).expect("where it is sent").replace("&#38;", "&");
        self.browser.post(&action, [("confirm", one.name.as_str())]).expect(303);
        assert_eq!(self.ada.get(&one.api).status, 404, "{} is still there", one.kind);
    }
}

fn id(value: &Value) -> &str {
    value["Id"].as_str().expect("an id")
}

#[test]
fn findings_c6_what_stops_a_removal_is_said_before_the_name_is_typed_and_it_goes_without() {
    let (server, company) = founded();
    let mut browser = server.browser();
    browser.sign_in("harbour", &company.email, &company.password);
    let yard = Yard { ada: company.caller(), browser };
    let home = "/harbour/default";
    let place = yard.make("environments", json!({ "Name": "Test" }));
    let lifecycle = yard.make("lifecycles", json!({ "Name": "Own", "Phases": [] }));
    let group = yard.make("projectgroups", json!({ "Name": "Apps" }));
    let shop = yard.make(
        "projects",
        json!({ "Name": "Shop", "ProjectGroupId": group["Id"], "LifecycleId": lifecycle["Id"],
        "TenantedDeploymentMode": "TenantedOrUntenanted" }),
    );
    let process = format!("{API}/projects/{}/deploymentprocesses", id(&shop));
    yard.change(&process, |process| process["Steps"] = json!([step("Wait", "sleep 60")]));
    let set = yard.make("tagsets", json!({ "Name": "Ring", "Tags": [{ "Name": "Stable" }] }));
    let tenant = yard.make(
        "tenants",
        json!({ "Name": "Contoso", "TenantTags": ["Ring/Stable"],
        "ProjectEnvironments": { id(&shop): [place["Id"]] } }),
    );
    let account = yard.make(
        "accounts",
        json!({ "Name": "Key", "AccountType": "UsernamePassword", "Username": "deploy",
        "Password": { "HasValue": true, "NewValue": "secret" } }),
    );
    let machine = yard.make(
        "machines",
        json!({ "Name": "Web", "EnvironmentIds": [place["Id"]], "Roles": ["web"],
        "TenantedDeploymentParticipation": "TenantedOrUntenanted", "TenantIds": [tenant["Id"]],
        "Endpoint": { "CommunicationStyle": "Ssh", "Host": "web.invalid", "Port": 22, "AccountId": account["Id"],
            "Fingerprint": "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" } }),
    );
    let runbook = yard.make("runbooks", json!({ "Name": "Restart", "ProjectId": shop["Id"] }));
    let runbook_process = format!("{API}/runbookProcesses/{}", runbook["RunbookProcessId"].as_str().expect("an id"));
    yard.change(&runbook_process, |process| process["Steps"] = json!([step("Greet", "echo hi")]));
    let first = yard.make("runbookSnapshots?publish=true", json!({ "RunbookId": runbook["Id"], "Name": "First" }));
    let release = yard.make("releases", json!({ "ProjectId": shop["Id"], "Version": "1.0.0" }));
    let role = json!({ "Name": "Looker", "GrantedSpacePermissions": ["ProjectView"] });
    let role = yard.ada.post("/api/userroles", role).expect(201).json();
    let team = yard.ada.post("/api/teams", json!({ "Name": "Lookers" })).expect(201).json();
    let held = json!({ "TeamId": team["Id"], "UserRoleId": role["Id"], "SpaceId": "Spaces-1" });
    let held = yard.ada.post("/api/scopeduserroles", held).expect(201).json();
    let second = json!({ "Name": "Second", "SpaceManagersTeamMembers": ["Users-1"] });
    let second = yard.ada.post("/api/spaces", second).expect(201).json();

    let of = |kind: &'static str, made: &Value, page: String, api: &str| {
        let name = made["Name"].as_str().or(made["Version"].as_str()).unwrap_or(id(made));
        thing(kind, name, page, format!("{api}/{}", id(made)))
    };
    let own = format!("{home}/projects/shop");
    let environment =
        of("environment", &place, format!("{home}/infrastructure/environments/test"), &format!("{API}/environments"));
    let the_lifecycle =
        of("lifecycle", &lifecycle, format!("{home}/library/lifecycles/own"), &format!("{API}/lifecycles"));
    let the_group =
        of("project group", &group, format!("{home}/library/project-groups/apps"), &format!("{API}/projectgroups"));
    let project = of("project", &shop, format!("{own}/settings"), &format!("{API}/projects"));
    let tag_set = of("tag set", &set, format!("{home}/library/tag-sets/ring"), &format!("{API}/tagsets"));
    let the_tenant = of("tenant", &tenant, format!("{home}/tenants/contoso"), &format!("{API}/tenants"));
    let the_account =
        of("account", &account, format!("{home}/infrastructure/accounts/key"), &format!("{API}/accounts"));
    let target =
        of("deployment target", &machine, format!("{home}/infrastructure/targets/web"), &format!("{API}/machines"));
    let the_runbook = of("runbook", &runbook, format!("{own}/runbooks/restart/edit"), &format!("{API}/runbooks"));
    let snapshot = of(
        "snapshot",
        &first,
        format!("{own}/runbooks/restart/snapshots/{}", id(&first)),
        &format!("{API}/runbookSnapshots"),
    );
    let the_release = of("release", &release, format!("{own}/releases/1.0.0"), &format!("{API}/releases"));
    let the_role = of("role", &role, format!("/harbour/access/roles/{}", id(&role)), "/api/userroles");
    let space = of("space", &second, "/harbour/settings/spaces/second".into(), "/api/spaces");

    // The queue rests, so that what is sent waits.
    let rests = |stopped: bool| yard.change("/api/spaces/Spaces-1", |space| space["TaskQueueStopped"] = json!(stopped));
    rests(true);
    let run = json!({ "ProjectName": "Shop", "RunbookName": "Restart", "EnvironmentNames": ["Test"] });
    let run = yard.make("runbook-runs/create/v1", run)["RunbookRunServerTasks"][0].clone();
    let run_id = run["RunbookRunId"].as_str().expect("a run").to_owned();
    let the_run =
        thing("run", &run_id, format!("{own}/runbooks/restart/runs/{run_id}"), format!("{API}/runbookRuns/{run_id}"));
    let sent = json!({ "ReleaseId": release["Id"], "EnvironmentId": place["Id"] });
    let sent = yard.make("deployments", sent);

    yard.stopped(&environment, "used by");
    yard.stopped(&the_lifecycle, "Give them another lifecycle first.");
    yard.stopped(&the_group, "Move or delete them first.");
    yard.stopped(&tag_set, "the tenant Contoso");
    yard.stopped(&the_tenant, "the deployment target Web");
    yard.stopped(&the_account, "the deployment target Web");
    yard.stopped(&the_release, "while it is being deployed");
    yard.stopped(&the_runbook, "while it runs or waits to run");
    yard.stopped(&the_run, "while it runs or waits to run");
    yard.stopped(&snapshot, "Publish another first");
    yard.stopped(&the_role, "A team holds Looker.");
    yard.stopped(&space, "Stop the task queue of Second");

    // A snapshot that is not published any more waits for its run still.
    yard.make("runbookSnapshots?publish=true", json!({ "RunbookId": runbook["Id"], "Name": "Next" }));
    yard.stopped(&snapshot, "while it runs or waits to run");
    yard.cancel(&run["ServerTaskId"]);
    for one in [&the_run, &snapshot, &the_runbook] {
        yard.goes(one);
    }
    yard.cancel(&sent["TaskId"]);
    // A project is held by what is under way alone.
    rests(false);
    let sent = yard.make("deployments", json!({ "ReleaseId": release["Id"], "EnvironmentId": place["Id"] }));
    let task = sent["TaskId"].as_str().expect("a task");
    yard.until(&format!("/api/tasks/{task}"), "State", &json!("Executing"));
    yard.stopped(&project, "while it is being deployed");
    yard.cancel(&sent["TaskId"]);
    yard.goes(&the_release);
    yard.change(&project.api, |project| project["LifecycleId"] = json!("Lifecycles-1"));
    yard.goes(&the_lifecycle);
    yard.goes(&project);
    yard.goes(&the_group);
    yard.change(&the_tenant.api, |tenant| tenant["TenantTags"] = json!([]));
    yard.goes(&tag_set);
    yard.goes(&target);
    yard.goes(&the_tenant);
    yard.goes(&the_account);
    yard.goes(&environment);
    yard.ada.delete(&format!("/api/scopeduserroles/{}", id(&held)), ()).expect(200);
    yard.goes(&the_role);
    yard.change(&space.api, |space| space["TaskQueueStopped"] = json!(true));
    yard.goes(&space);

    // What is left of its kind stays, and says so.
    let last = thing(
        "project group",
        "Default project group",
        format!("{home}/library/project-groups/default-project-group"),
        format!("{API}/projectgroups/ProjectGroups-1"),
    );
    yard.stopped(&last, "the only project group");
    let default = thing(
        "lifecycle",
        "Default lifecycle",
        format!("{home}/library/lifecycles/default-lifecycle"),
        format!("{API}/lifecycles/Lifecycles-1"),
    );
    yard.stopped(&default, "new projects of this space follow it");
    let default = thing("space", "Default", "/harbour/settings/spaces/default", "/api/spaces/Spaces-1");
    yard.stopped(&default, "is the default space");
}
