//! Deployments to real machines, over SSH.

use super::yard::{Yard, on_targets};
use crate::support::machine::Machine;
use serde_json::json;

#[test]
fn two_tenants_get_their_release_on_their_own_machines() {
    let body = "echo \"$(get_octopusvariable Octopus.Release.Number) for #{Octopus.Deployment.Tenant.Name} on #{Octopus.Machine.Name}\" > ~/installed.txt; cat ~/installed.txt; \
                echo The key is:; cat \"$HOME/../user_ed25519\"; \
                echo And in one line: $(base64 -w0 \"$HOME/../user_ed25519\")";
    let yard = Yard::new("Tenanted", &[on_targets("Install", "web", body)]);
    let machines = [Machine::start(), Machine::start()];
    for (name, machine) in ["Contoso", "Northwind"].iter().zip(&machines) {
        let tenant = yard.tenant(name);
        let key = json!({ "HasValue": true, "NewValue": machine.private_key() });
        let account = yard.make(
            "accounts",
            json!({ "Name": format!("Key of {name}"), "AccountType": "SshKeyPair", "Username": machine.user(), "PrivateKeyFile": key }),
        );
        yard.make(
            "machines",
            json!({
                "Name": format!("web-{name}"), "EnvironmentIds": ["Environments-1"], "Roles": ["web"], "TenantIds": [tenant],
                "TenantedDeploymentParticipation": "Tenanted",
                "Endpoint": { "CommunicationStyle": "Ssh", "Host": machine.host(), "Port": machine.port(), "Fingerprint": machine.fingerprint(), "AccountId": account },
            }),
        );
    }
    let tasks = yard.deploy_for(&["Contoso", "Northwind"]);
    for (name, (task, machine)) in ["Contoso", "Northwind"].iter().zip(tasks.iter().zip(&machines)) {
        let end = yard.end_of(task);
        let raw = yard.raw(task);
        assert_eq!(end["State"], "Success", "{raw}\n{}", machine.log());
        let left = std::fs::read_to_string(machine.home().join("installed.txt")).unwrap();
        assert_eq!(left, format!("1.0.0 for {name} on web-{name}\n"), "each machine got its tenant's, and only that");
        // The account's key is not shown, whatever a script does with it.
        let key = machine.private_key();
        let secret = key.lines().nth(2).unwrap();
        assert!(raw.contains("The key is:") && raw.contains("*****"), "{raw}");
        assert!(!raw.contains(secret) && !raw.contains(&data_encoding::BASE64.encode(key.as_bytes())), "{raw}");
        assert!(yard.activities(task).contains(&format!("web-{name}: Success")));
    }
}

/// The effect is seen on the machine of the tenant it was run for, and on no other.
#[test]
fn a_runbook_runs_on_the_machine_of_its_tenant() {
    let yard = Yard::new("Tenanted", &[on_targets("Install", "web", "true")]);
    let machines = [Machine::start(), Machine::start()];
    for (name, machine) in ["Contoso", "Northwind"].iter().zip(&machines) {
        let tenant = yard.tenant(name);
        let key = json!({ "HasValue": true, "NewValue": machine.private_key() });
        let account = json!({ "Name": format!("Key of {name}"), "AccountType": "SshKeyPair", "Username": machine.user(), "PrivateKeyFile": key });
        let account = yard.make("accounts", account);
        let endpoint = json!({ "CommunicationStyle": "Ssh", "Host": machine.host(), "Port": machine.port(), "Fingerprint": machine.fingerprint(), "AccountId": account });
        yard.make(
            "machines",
            json!({ "Name": format!("web-{name}"), "EnvironmentIds": ["Environments-1"], "Roles": ["web"], "TenantIds": [tenant],
                "TenantedDeploymentParticipation": "Tenanted", "Endpoint": endpoint }),
        );
    }
    let runbook =
        yard.make("runbooks", json!({ "Name": "Restart", "ProjectId": "Projects-1", "MultiTenancyMode": "Tenanted" }));
    let own = format!("/api/Spaces-1/runbookProcesses/RunbookProcess-{runbook}");
    let mut process = yard.caller().get(&own).expect(200).json();
    process["Steps"] = json!([on_targets(
        "Restart",
        "web",
        "echo \"#{Octopus.Runbook.Name} on #{Octopus.Machine.Name}\" > ~/restarted.txt"
    )]);
    yard.caller().put(&own, process).expect(200);
    yard.caller().post("/api/Spaces-1/runbookSnapshots?publish=true", json!({ "RunbookId": runbook })).expect(201);
    let run = json!({ "ProjectName": "Shop", "RunbookName": "Restart", "EnvironmentNames": ["Staging"], "Tenants": ["Northwind"] });
    let made = yard.caller().post("/api/Spaces-1/runbook-runs/create/v1", run).expect(201).json();
    let task = made["RunbookRunServerTasks"][0]["ServerTaskId"].as_str().unwrap().to_owned();
    let end = yard.end_of(&task);
    assert_eq!(end["State"], "Success", "{}\n{}", yard.raw(&task), machines[1].log());
    let left = |machine: &Machine| std::fs::read_to_string(machine.home().join("restarted.txt")).ok();
    assert_eq!([left(&machines[0]), left(&machines[1])], [None, Some("Restart on web-Northwind\n".to_owned())]);
}

#[test]
fn a_machine_with_another_key_gets_nothing() {
    let yard = Yard::new("Untenanted", &[on_targets("Install", "web", "touch ~/was-here")]);
    let machine = Machine::start();
    let key = json!({ "HasValue": true, "NewValue": machine.private_key() });
    let account = yard.make(
        "accounts",
        json!({ "Name": "Key", "AccountType": "SshKeyPair", "Username": machine.user(), "PrivateKeyFile": key }),
    );
    let other = format!("SHA256:{}", "A".repeat(43));
    yard.make(
        "machines",
        json!({
            "Name": "web-1", "EnvironmentIds": ["Environments-1"], "Roles": ["Web"],
            "Endpoint": { "CommunicationStyle": "Ssh", "Host": machine.host(), "Port": machine.port(), "Fingerprint": other, "AccountId": account },
        }),
    );
    let end = yard.end_of(&yard.deploy("1.0.0"));
    assert_eq!(end["State"], "Failed");
    let why = end["ErrorMessage"].as_str().unwrap();
    assert!(why.starts_with("Step 1 (Install) on web-1 failed: ") && why.contains("host key"), "{why}");
    assert!(!machine.home().join("was-here").exists());
}

#[test]
fn a_health_check_tells_what_it_found() {
    let yard = Yard::new("Untenanted", &[on_targets("Install", "web", "true")]);
    let mut machine = Machine::start();
    let key = json!({ "HasValue": true, "NewValue": machine.private_key() });
    let account = yard.make(
        "accounts",
        json!({ "Name": "Key", "AccountType": "SshKeyPair", "Username": machine.user(), "PrivateKeyFile": key }),
    );
    let target = yard.make(
        "machines",
        json!({
            "Name": "web-1", "EnvironmentIds": ["Environments-1"], "Roles": ["web"],
            "Endpoint": { "CommunicationStyle": "Ssh", "Host": machine.host(), "Port": machine.port(), "Fingerprint": machine.fingerprint(), "AccountId": account },
        }),
    );
    let check = || yard.make("tasks", json!({ "Name": "Health", "Arguments": { "MachineIds": [target] } }));
    let health =
        || yard.caller().get(&format!("/api/Spaces-1/machines/{target}")).expect(200).json()["HealthStatus"].clone();
    assert_eq!(yard.end_of(&check())["State"], "Success");
    assert_eq!(health(), "Healthy");
    machine.stop();
    let end = yard.end_of(&check());
    assert_eq!(end["State"], "Failed");
    assert!(end["ErrorMessage"].as_str().unwrap().contains("Check that the machine is on"), "{end}");
    assert_eq!(health(), "Unavailable");
}
