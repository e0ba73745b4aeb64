//! A company with a project to deploy, and what one asks it through the API.

use crate::support::{
    api::{Caller, id},
    server::{Company, Server},
};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// For a debug build on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub struct Yard {
    pub server: Server,
    pub company: Company,
}

/// One script on the built-in worker.
pub fn script(name: &str, body: &str) -> Value {
    script_in(name, "Bash", body)
}

pub fn script_in(name: &str, syntax: &str, body: &str) -> Value {
    json!({ "Name": name, "Properties": {}, "Actions": [{ "Name": name, "ActionType": "Octopus.Script", "Properties": {
        "Octopus.Action.RunOnServer": "True", "Octopus.Action.Script.ScriptSource": "Inline",
        "Octopus.Action.Script.Syntax": syntax, "Octopus.Action.Script.ScriptBody": body } }] })
}

/// One script on the targets with a tag.
pub fn on_targets(name: &str, role: &str, body: &str) -> Value {
    let mut step = script(name, body);
    step["Properties"]["Octopus.Action.TargetRoles"] = json!(role);
    step["Actions"][0]["Properties"]["Octopus.Action.RunOnServer"] = json!("False");
    step
}

/// The step runs on this condition.
pub fn when(condition: &str, mut step: Value) -> Value {
    step["Condition"] = json!(condition);
    step
}

impl Yard {
    /// Harbour with the environments Staging and Production and the project Shop, whose release 1.0.0 has these steps.
    pub fn new(mode: &str, steps: &[Value]) -> Yard {
        Yard::on(Server::start(), mode, steps)
    }

    /// The same on a server that runs already.
    pub fn on(server: Server, mode: &str, steps: &[Value]) -> Yard {
        let company = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
        let yard = Yard { server, company };
        for name in ["Staging", "Production"] {
            yard.make("environments", json!({ "Name": name }));
        }
        let body = json!({ "Name": "Shop", "ProjectGroupId": "ProjectGroups-1", "LifecycleId": "Lifecycles-1", "TenantedDeploymentMode": mode });
        yard.make("projects", body);
        yard.steps(steps);
        yard.release("1.0.0");
        yard
    }
    pub fn caller(&self) -> Caller {
        self.company.caller()
    }
    /// Makes a thing; its id.
    pub fn make(&self, kind: &str, body: Value) -> String {
        id(&self.caller().post(&format!("/api/Spaces-1/{kind}"), body).expect(201).json())
    }
    /// A tenant that is connected to the project everywhere.
    pub fn tenant(&self, name: &str) -> String {
        let connected = json!({ "Projects-1": ["Environments-1", "Environments-2"] });
        self.make("tenants", json!({ "Name": name, "TenantTags": [], "ProjectEnvironments": connected }))
    }
    pub fn steps(&self, steps: &[Value]) {
        let own = "/api/Spaces-1/projects/Projects-1/deploymentprocesses";
        let mut process = self.caller().get(own).expect(200).json();
        process["Steps"] = json!(steps);
        self.caller().put(own, process).expect(200);
    }
    pub fn release(&self, version: &str) {
        let body = json!({ "ProjectName": "Shop", "ReleaseVersion": version });
        self.caller().post("/api/Spaces-1/releases/create/v1", body).expect(201);
    }
    /// Whether the project may be deployed where there is no target for it.
    pub fn allow_no_targets(&self, allowed: bool) {
        let own = "/api/Spaces-1/projects/Projects-1";
        let mut shop = self.caller().get(own).expect(200).json();
        shop["ProjectConnectivityPolicy"]["AllowDeploymentsToNoTargets"] = json!(allowed);
        let saved = self.caller().put(own, shop).expect(200).json();
        assert_eq!(saved["ProjectConnectivityPolicy"]["AllowDeploymentsToNoTargets"], json!(allowed));
    }
    /// Deploys without tenant to Staging; the task.
    pub fn deploy(&self, version: &str) -> String {
        let body = json!({ "ProjectName": "Shop", "ReleaseVersion": version, "EnvironmentNames": ["Staging"] });
        let answer = self.caller().post("/api/Spaces-1/deployments/create/untenanted/v1", body).expect(201).json();
        answer["DeploymentServerTasks"][0]["ServerTaskId"].as_str().unwrap().to_owned()
    }
    /// Deploys 1.0.0 to Staging for tenants; their tasks.
    pub fn deploy_for(&self, tenants: &[&str]) -> Vec<String> {
        let body = json!({ "projectName": "shop", "releaseVersion": "1.0.0", "environmentName": "staging", "tenants": tenants });
        let answer = self.caller().post("/api/Spaces-1/deployments/create/tenanted/v1", body).expect(201).json();
        let tasks = answer["DeploymentServerTasks"].as_array().unwrap();
        tasks.iter().map(|one| one["ServerTaskId"].as_str().unwrap().to_owned()).collect()
    }
    pub fn task(&self, task: &str) -> Value {
        self.caller().get(&format!("/api/tasks/{task}")).expect(200).json()
    }
    pub fn raw(&self, task: &str) -> String {
        self.caller().get(&format!("/api/tasks/{task}/raw")).expect(200).text()
    }
    /// Every activity below the task, as "name: status".
    pub fn activities(&self, task: &str) -> Vec<String> {
        fn walk(activity: &Value, out: &mut Vec<String>) {
            for child in activity["Children"].as_array().unwrap() {
                out.push(format!("{}: {}", child["Name"].as_str().unwrap(), child["Status"].as_str().unwrap()));
                walk(child, out);
            }
        }
        let details = self.caller().get(&format!("/api/Spaces-1/tasks/{task}/details")).expect(200).json();
        let mut out = Vec::new();
        walk(&details["ActivityLogs"][0], &mut out);
        out
    }
    /// Waits until the task has ended; how.
    pub fn end_of(&self, task: &str) -> Value {
        self.wait_for(&format!("the end of {task}"), || {
            let now = self.task(task);
            now["IsCompleted"].as_bool().unwrap().then_some(now)
        })
    }
    /// Waits until the log says something.
    pub fn until_it_says(&self, task: &str, words: &str) {
        self.wait_for(&format!("“{words}” from {task}"), || self.raw(task).contains(words).then_some(()));
    }
    pub fn wait_for<T>(&self, what: &str, look: impl Fn() -> Option<T>) -> T {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = look() {
                return found;
            }
            assert!(
                Instant::now() < until,
                "waited in vain for {what}; the server printed:\n{}",
                self.server.printed()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}
