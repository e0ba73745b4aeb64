//! Projects, their processes, channels and releases; runbooks.

use super::{
    Script,
    client::{Client, id, link},
};
use crate::support::cast::step;
use serde_json::{Value, json};

fn project(c: &Client, name: &str) -> Value {
    c.named("/api/Spaces-1/projects", name)
}

pub const SCRIPTS: &[Script] = &[
    ("add projects", |c| {
        for name in ["Shop", "Billing", "Scratch"] {
            let group = c.id_of("/api/Spaces-1/projectgroups", "Web");
            let lifecycle = c.id_of("/api/Spaces-1/lifecycles", "Slow");
            let body = json!({ "Name": name, "ProjectGroupId": group, "LifecycleId": lifecycle,
                "TenantedDeploymentMode": "TenantedOrUntenanted" });
            c.post("/api/Spaces-1/projects", body);
        }
        assert_eq!(c.every("/api/Spaces-1/projects?take=1").len(), 3);
    }),
    ("find a project by its slug", |c| assert_eq!(c.get("/api/projects/shop")["Name"], "Shop")),
    ("list the projects of a group", |c| {
        let group = c.named("/api/Spaces-1/projectgroups", "Web");
        assert_eq!(c.every(link(&group, "Projects")).len(), 3);
    }),
    ("describe all projects of a group", |c| {
        for mut one in c.every("/api/Spaces-1/projects") {
            one["Description"] = json!(format!("{} is looked after by the web team", one["Name"].as_str().unwrap()));
            c.save(&one);
        }
        assert!(project(c, "Billing")["Description"].as_str().unwrap().starts_with("Billing is"));
    }),
    ("rename a project", |c| {
        let mut billing = project(c, "Billing");
        billing["Name"] = json!("Invoicing");
        c.save(&billing);
        assert_eq!(c.get("/api/Spaces-1/projects/billing")["Name"], "Invoicing");
    }),
    ("disable a project", |c| {
        let mut scratch = project(c, "Scratch");
        scratch["IsDisabled"] = json!(true);
        assert_eq!(c.save(&scratch)["IsDisabled"], true);
    }),
    ("copy a project", |c| {
        let source = project(c, "Invoicing");
        let body = json!({ "Name": "Invoicing copy", "ProjectGroupId": source["ProjectGroupId"], "LifecycleId": source["LifecycleId"] });
        let made = c.post(&format!("/api/Spaces-1/projects?clone={}", id(&source)), body);
        assert_eq!(made["ClonedFromProjectId"], source["Id"]);
        assert_eq!(c.every(&format!("/api/Spaces-1/projects?clonedFromProjectId={}", id(&source))).len(), 1);
    }),
    ("delete a project", |c| {
        c.delete(link(&project(c, "Invoicing copy"), "Self"));
        assert_eq!(c.every("/api/Spaces-1/projects").len(), 3);
    }),
    ("add a step to a process", |c| {
        for name in ["Shop", "Invoicing"] {
            let mut process = c.get(link(&project(c, name), "DeploymentProcess"));
            process["Steps"].as_array_mut().unwrap().push(step("Greet", "echo hello from #{Octopus.Project.Name}"));
            assert_eq!(c.save(&process)["Steps"].as_array().map(Vec::len), Some(1));
        }
    }),
    ("find a text in the scripts of all projects", |c| {
        let mut found = Vec::new();
        for one in c.get("/api/Spaces-1/projects/all").as_array().unwrap() {
            let process =
                c.get(&format!("/api/Spaces-1/deploymentprocesses/{}", one["DeploymentProcessId"].as_str().unwrap()));
            if process["Steps"].to_string().contains("hello from") {
                found.push(one["Name"].clone());
            }
        }
        assert_eq!(found, ["Invoicing", "Shop"]);
    }),
    ("disable a step and enable it again", |c| {
        for disabled in [true, false] {
            let mut process = c.get(link(&project(c, "Shop"), "DeploymentProcess"));
            process["Steps"][0]["Actions"][0]["IsDisabled"] = json!(disabled);
            assert_eq!(c.save(&process)["Steps"][0]["Actions"][0]["IsDisabled"], disabled);
        }
    }),
    ("find the default channel", |c| {
        let channels = c.every(link(&project(c, "Shop"), "Channels"));
        assert_eq!(channels.iter().filter(|one| one["IsDefault"] == true).count(), 1);
    }),
    ("add a channel and remove it", |c| {
        let body = json!({ "Name": "Hotfix", "ProjectId": project(c, "Shop")["Id"], "LifecycleId": null });
        let made = c.post("/api/Spaces-1/channels", body);
        assert_eq!(c.get(&format!("/api/Spaces-1/channels/{}", id(&made)))["Name"], "Hotfix");
        c.delete(link(&made, "Self"));
    }),
    ("make releases from what the project proposes", |c| {
        for name in ["Shop", "Invoicing"] {
            for _ in 0..3 {
                let one = project(c, name);
                let process = c.get(link(&one, "DeploymentProcess"));
                let template = c.get(link(&process, "Template"));
                let body = json!({ "ProjectId": one["Id"], "Version": template["NextVersionIncrement"], "ReleaseNotes": "Made by a script" });
                c.post("/api/Spaces-1/releases", body);
            }
            assert_eq!(c.every(link(&project(c, name), "Releases")).len(), 3);
        }
    }),
    ("find a release by its version", |c| {
        let newest = c.get(link(&project(c, "Shop"), "Releases"))["Items"][0].clone();
        let version = newest["Version"].as_str().unwrap();
        let found = c.get(&format!("/api/Spaces-1/projects/{}/releases/{version}", id(&project(c, "Shop"))));
        assert_eq!(found["Id"], newest["Id"]);
        let path = format!("/api/Spaces-1/projects/shop/releases?searchByVersion={version}");
        assert_eq!(c.every(&path).len(), 1);
    }),
    ("change the notes of a release", |c| {
        let mut release = c.get(link(&project(c, "Shop"), "Releases"))["Items"][0].clone();
        release["ReleaseNotes"] = json!("* the basket keeps its things");
        assert_eq!(c.save(&release)["ReleaseNotes"], "* the basket keeps its things");
    }),
    ("delete all releases but the newest two", |c| {
        for name in ["Shop", "Invoicing"] {
            for release in c.every(link(&project(c, name), "Releases")).iter().skip(2) {
                c.delete(link(release, "Self"));
            }
            assert_eq!(c.every(link(&project(c, name), "Releases")).len(), 2);
        }
    }),
    ("find projects without releases", |c| {
        let all = c.every("/api/Spaces-1/projects");
        let without = all.iter().filter(|one| c.get(link(one, "Releases"))["TotalResults"] == 0);
        assert_eq!(without.map(|one| one["Name"].clone()).collect::<Vec<_>>(), ["Scratch"]);
    }),
    ("add a runbook with a step and publish it", |c| {
        let shop = project(c, "Shop");
        let body = json!({ "Name": "Restart", "ProjectId": shop["Id"], "EnvironmentScope": "All" });
        let runbook = c.post("/api/Spaces-1/runbooks", body);
        let mut process =
            c.get(&format!("/api/Spaces-1/runbookProcesses/{}", runbook["RunbookProcessId"].as_str().unwrap()));
        process["Steps"] = json!([step("Restart", "echo restarted")]);
        c.save(&process);
        let snapshot = json!({ "ProjectId": shop["Id"], "RunbookId": runbook["Id"], "Name": "First" });
        let snapshot = c.post("/api/Spaces-1/runbookSnapshots?publish=true", snapshot);
        let runbook = c.get(&format!("/api/Spaces-1/runbooks/{}", id(&runbook)));
        assert_eq!(runbook["PublishedRunbookSnapshotId"], snapshot["Id"]);
    }),
    ("list the runbooks of a project", |c| {
        assert_eq!(c.named(link(&project(c, "Shop"), "Runbooks"), "Restart")["ProjectId"], project(c, "Shop")["Id"]);
    }),
    ("save a runbook as it was read", |c| {
        let runbook = c.named("/api/Spaces-1/runbooks", "Restart");
        assert_eq!(c.save(&runbook), runbook, "findings D8");
    }),
];
