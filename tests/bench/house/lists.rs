//! Lists of thirty over the API, each beside a bare list of as many bytes from one SQLite query.

use super::{
    bare,
    figures::Table,
    load::{has_wrk, load, report, start_bare, target},
    support::{cast::step, server::Server},
};
use serde_json::{Value, json};

/// So many rows has a page of a list that nobody asked more of.
const ROWS: usize = 30;

pub fn measure(table: &mut Table) {
    if !has_wrk() {
        return;
    }
    let server = Server::start();
    let company = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let program = company.caller();
    let post = |path: &str, body: Value| program.post(&format!("/api/Spaces-1/{path}"), body).expect(201).json();
    let id = |made: &Value| made["Id"].as_str().expect("an id").to_owned();
    let environment = id(&post("environments", json!({ "Name": "Production" })));
    let secret = json!({ "HasValue": true, "NewValue": "a long secret" });
    let account =
        json!({ "Name": "Deployer", "AccountType": "UsernamePassword", "Username": "deploy", "Password": secret });
    let account = id(&post("accounts", account));
    let groups = program.get("/api/Spaces-1/projectgroups/all").expect(200).json();
    let lifecycles = program.get("/api/Spaces-1/lifecycles/all").expect(200).json();
    let mut first = String::new();
    for n in 1..=ROWS {
        let description = format!("What there is to say of number {n}");
        post("environments", json!({ "Name": format!("Environment {n}"), "Description": description }));
        let project = json!({ "Name": format!("Project {n}"), "Description": description, "ProjectGroupId": groups[0]["Id"],
            "LifecycleId": lifecycles[0]["Id"], "TenantedDeploymentMode": "TenantedOrUntenanted" });
        let project = id(&post("projects", project));
        if n == 1 {
            first.clone_from(&project);
            let own = format!("/api/Spaces-1/projects/{project}/deploymentprocesses");
            let mut process = program.get(&own).expect(200).json();
            process["Steps"] = json!([step("Greet", "echo hello")]);
            program.put(&own, process).expect(200);
        }
        let connections = json!({ project.as_str(): [environment] });
        post(
            "tenants",
            json!({ "Name": format!("Tenant {n}"), "Description": description, "ProjectEnvironments": connections }),
        );
        post("releases", json!({ "ProjectId": first, "Version": format!("1.0.{n}"), "ReleaseNotes": description }));
        let endpoint = json!({ "CommunicationStyle": "Ssh", "Host": format!("web-{n}.invalid"), "Port": 22, "AccountId": account,
            "Fingerprint": "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" });
        post(
            "machines",
            json!({ "Name": format!("web-{n}"), "EnvironmentIds": [environment], "Roles": ["web"], "Endpoint": endpoint }),
        );
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("bare.db");
    let rows: Vec<(String, String)> =
        (1..=ROWS).map(|n| (format!("Project {n}"), format!("What there is to say of number {n}"))).collect();
    bare::fill(&file, &rows);
    let own = bare::list_length(&file);
    let (child, address) = start_bare(&file, 0);
    let key = format!("X-Octopus-ApiKey: {}", company.key);
    for kind in ["environments", "projects", "tenants", "releases", "machines"] {
        let path = format!("{}/api/Spaces-1/{kind}?take={ROWS}", company.base);
        let answer = program.get(&format!("/api/Spaces-1/{kind}?take={ROWS}")).expect(200).text();
        let filling = answer.len().saturating_sub(own) / ROWS;
        let (name, beside) =
            (format!("{ROWS} {kind} by API"), format!("a bare list of as many bytes ({})", answer.len()));
        let mut targets = [
            target(&name, path, &key, server.pid()),
            target(&beside, format!("{address}/list/{filling}"), "X-Load: yes", child.pid()),
        ];
        for _ in 0..super::figures::rounds() {
            targets.iter_mut().for_each(load);
        }
        report(table, &targets);
        table.against(&name, &beside, "≥ 50 %");
    }
}
