//! Deployments, runs of runbooks and tasks.

use super::{
    Script,
    client::{Client, id, link},
};
use bulkhead::base::clock::{self, Moment};
use serde_json::{Value, json};

fn newest(c: &Client, project: &str) -> Value {
    let project = c.named("/api/Spaces-1/projects", project);
    c.get(link(&project, "Releases"))["Items"][0].clone()
}

fn environment(c: &Client, name: &str) -> String {
    c.id_of("/api/Spaces-1/environments", name)
}

pub const SCRIPTS: &[Script] = &[
    ("deploy the newest release and wait", |c| {
        let body = json!({ "ReleaseId": newest(c, "Shop")["Id"], "EnvironmentId": environment(c, "Test") });
        let deployment = c.post("/api/Spaces-1/deployments", body);
        let task = c.wait(deployment["TaskId"].as_str().unwrap());
        assert_eq!(task["State"], "Success", "{task}");
    }),
    ("read the log of a deployment", |c| {
        let deployment = c.get("/api/Spaces-1/deployments")["Items"][0].clone();
        let task = c.get(&format!("/api/tasks/{}", deployment["TaskId"].as_str().unwrap()));
        assert!(c.text(link(&task, "Raw")).contains("hello from Shop"));
        assert!(c.get(link(&task, "Details"))["ActivityLogs"].to_string().contains("hello from Shop"));
    }),
    ("deploy with the executions API", |c| {
        let body = json!({ "projectName": "Shop", "releaseVersion": newest(c, "Shop")["Version"], "environmentNames": ["Staging"],
            "spaceIdOrName": "Default", "spaceId": "Spaces-1" });
        let made = c.post("/api/Spaces-1/deployments/create/untenanted/v1", body);
        let task = made["DeploymentServerTasks"][0]["ServerTaskId"].as_str().unwrap();
        assert_eq!(c.wait(task)["FinishedSuccessfully"], true);
    }),
    ("connect a tenant to a project", |c| {
        for name in ["Contoso", "Fabrikam"] {
            let mut tenant = c.named("/api/Spaces-1/tenants", name);
            let project = c.id_of("/api/Spaces-1/projects", "Shop");
            tenant["ProjectEnvironments"][project] = json!([environment(c, "Test"), environment(c, "Staging")]);
            c.save(&tenant);
        }
        let project = c.id_of("/api/Spaces-1/projects", "Shop");
        assert_eq!(c.every(&format!("/api/Spaces-1/tenants?projectId={project}")).len(), 2);
    }),
    ("deploy for tenants with a tag", |c| {
        let body = json!({ "ProjectName": "shop", "ReleaseVersion": newest(c, "Shop")["Version"], "EnvironmentName": "test",
            "TenantTags": ["Ring/Late"], "Tenants": ["Contoso"] });
        let made = c.post("/api/Spaces-1/deployments/create/tenanted/v1", body);
        let tasks = made["DeploymentServerTasks"].as_array().unwrap();
        assert_eq!(tasks.len(), 2);
        for task in tasks {
            c.wait(task["ServerTaskId"].as_str().unwrap());
        }
    }),
    ("list the deployments of a tenant", |c| {
        let tenant = c.id_of("/api/Spaces-1/tenants", "Contoso");
        let all = c.every(&format!("/api/Spaces-1/deployments?tenants={tenant}&take=1"));
        assert_eq!((all.len(), &all[0]["TenantId"]), (1, &json!(tenant)));
    }),
    ("disconnect a tenant", |c| {
        let mut tenant = c.named("/api/Spaces-1/tenants", "Fabrikam");
        tenant["ProjectEnvironments"] = json!({});
        assert_eq!(c.save(&tenant)["ProjectEnvironments"], json!({}));
    }),
    ("plan a deployment and call it off", |c| {
        let in_hours = |hours: i64| Moment(clock::now().0 / 1000 * 1000 + hours * 3_600_000).wire();
        let (begin, end) = (in_hours(24), in_hours(30));
        let body = json!({ "ReleaseId": newest(c, "Shop")["Id"], "EnvironmentId": environment(c, "Test"),
            "QueueTime": begin, "QueueTimeExpiry": end });
        let deployment = c.post("/api/Spaces-1/deployments", body);
        let task = c.get(&format!("/api/tasks/{}", deployment["TaskId"].as_str().unwrap()));
        assert_eq!((&task["QueueTime"], &task["QueueTimeExpiry"]), (&json!(begin), &json!(end)));
        c.post(link(&task, "Cancel"), json!({}));
        assert_eq!(c.wait(id(&task))["State"], "Canceled");
    }),
    ("be told what is wrong by the name that was sent", |c| {
        let body = json!({ "ReleaseId": newest(c, "Shop")["Id"], "EnvironmentId": environment(c, "Test"),
            "QueueTime": "2099-01-01T00:00:00.000+00:00" });
        let refused = c.send("POST", "/api/Spaces-1/deployments", &body).expect(400).json();
        assert!(refused["Errors"][0].as_str().unwrap().starts_with("QueueTime: "), "findings D18: {refused}");
        let runbook = c.id_of("/api/Spaces-1/runbooks", "Restart");
        let body = json!({ "RunbookId": runbook, "EnvironmentId": environment(c, "Test"), "QueueTime": "2099-01-01T00:00:00.000+00:00" });
        let refused = c.send("POST", "/api/Spaces-1/runbookRuns", &body).expect(400).json();
        assert!(refused["Errors"][0].as_str().unwrap().starts_with("QueueTime: "), "findings D18: {refused}");
    }),
    ("call off all that waits", |c| {
        for task in c.every("/api/tasks?states=Queued") {
            c.post(link(&task, "Cancel"), json!({}));
        }
        assert_eq!(c.every("/api/tasks?states=Queued").len(), 0);
    }),
    ("find tasks with errors of a day", |c| {
        let troubled = c.every("/api/tasks?hasWarningsOrErrors=true&fromCompletedDate=2020-01-01T00:00:00%2B00:00");
        assert!(troubled.iter().all(|task| task["HasWarningsOrErrors"] == true), "findings D12");
        assert_eq!(c.every("/api/tasks?toCompletedDate=2020-01-01T00:00:00").len(), 0);
    }),
    ("read tasks of all spaces by their ids", |c| {
        let all = c.every("/api/tasks?spaces=all&includeSystem=true&take=3");
        let ids: Vec<&str> = all.iter().map(id).collect();
        assert_eq!(
            c.get(&format!("/api/tasks?ids={}", ids.join(",")))["Items"].as_array().map(Vec::len),
            Some(ids.len()),
            "findings D5"
        );
    }),
    ("see what is where", |c| {
        let dashboard = c.get("/api/Spaces-1/dashboard");
        assert!(dashboard["Items"].as_array().is_some_and(|items| !items.is_empty()), "{dashboard}");
    }),
    ("see how far a release has come", |c| {
        let progress = c.get(link(&newest(c, "Shop"), "Progression"));
        assert_eq!(progress["Phases"].as_array().map(Vec::len), Some(3));
        let project = c.named("/api/Spaces-1/projects", "Shop");
        assert!(c.get(link(&project, "Progression"))["Releases"].is_array());
    }),
    ("run a runbook and wait", |c| {
        let body = json!({ "ProjectName": "Shop", "RunbookName": "Restart", "EnvironmentNames": ["Test"] });
        let made = c.post("/api/Spaces-1/runbook-runs/create/v1", body);
        let task = made["RunbookRunServerTasks"][0]["ServerTaskId"].as_str().unwrap();
        assert_eq!(c.wait(task)["State"], "Success");
        assert_eq!(c.every("/api/Spaces-1/runbookRuns").len(), 1);
    }),
];
