//! The server goes away in the middle: what it says afterwards is what it knows.

use super::yard::{Yard, on_targets, script};
use crate::support::machine::Machine;
use serde_json::json;
use std::time::{Duration, Instant};

#[test]
fn after_a_kill_the_task_says_which_step_had_begun_and_that_its_end_is_not_known() {
    let mut yard = Yard::new(
        "Untenanted",
        &[
            script("Prepare", "echo prepared"),
            script("Install", "echo begun; sleep 5; echo ended"),
            script("Tidy", "echo tidied"),
        ],
    );
    let (task, waiting) = (yard.deploy("1.0.0"), yard.deploy("1.0.0"));
    yard.until_it_says(&task, "begun");
    yard.server.kill9();
    assert!(yard.server.data().join("companies/harbour/pending").exists(), "the marker that work is left");
    yard.server.restart();
    let end = yard.end_of(&task);
    assert_eq!(end["State"], "Failed");
    assert_eq!(
        end["ErrorMessage"],
        "The server stopped while step 2 (Install) on Built-in worker was under way. Whether it completed is not known. Look at what it was doing before you run it again."
    );
    assert!(yard.raw(&task).contains("Whether it completed is not known"));
    assert!(!yard.raw(&task).contains("| ended"), "the sandbox ended with the server");
    let steps: Vec<String> = yard.activities(&task).into_iter().filter(|line| line.starts_with("Step")).collect();
    // The wire has no word for "not known".
    assert_eq!(steps, ["Step 1: Prepare: Success", "Step 2: Install: Failed", "Step 3: Tidy: Skipped"]);
    assert_eq!(yard.end_of(&waiting)["State"], "Success", "what was queued goes on");
}

#[test]
fn a_server_that_is_told_to_end_lets_short_work_finish_and_ends_the_rest_honestly() {
    let mut yard = Yard::new(
        "TenantedOrUntenanted",
        &[script(
            "Work",
            "echo begun; if [ \"$(get_octopusvariable Octopus.Deployment.Tenant.Name)\" = Long ]; then sleep 600; else sleep 3; fi; echo ended",
        )],
    );
    for name in ["Short", "Long"] {
        yard.tenant(name);
    }
    let tasks = yard.deploy_for(&["Short", "Long"]);
    for task in &tasks {
        yard.until_it_says(task, "begun");
    }
    let begun = Instant::now();
    let status = yard.server.stop();
    assert!(status.success(), "{status}");
    assert!(begun.elapsed() < Duration::from_secs(45), "{:?}", begun.elapsed());
    yard.server.restart();
    assert_eq!(yard.task(&tasks[0])["State"], "Success", "{}", yard.raw(&tasks[0]));
    let long = yard.task(&tasks[1]);
    assert_eq!(long["State"], "Failed");
    assert_eq!(
        long["ErrorMessage"],
        "The server was stopped while this task was under way. Step 1 (Work) was under way; its script was ended before it completed. What had been done by then stays; the steps that follow did not run."
    );
}

/// Findings G9: kill -9 of the server while a quiet script runs on a machine.
#[test]
fn after_a_kill_no_second_script_begins_beside_the_one_that_runs_on_on_a_machine() {
    let body = "echo $$ >> ~/begun; if [ -e ~/quick ]; then echo quick; else exec sleep 600; fi";
    let mut yard = Yard::new("Untenanted", &[on_targets("Install", "web", body)]);
    let machine = Machine::start();
    let key = json!({ "HasValue": true, "NewValue": machine.private_key() });
    let account =
        json!({ "Name": "Key", "AccountType": "SshKeyPair", "Username": machine.user(), "PrivateKeyFile": key });
    let account = yard.make("accounts", account);
    let endpoint = json!({ "CommunicationStyle": "Ssh", "Host": machine.host(), "Port": machine.port(), "Fingerprint": machine.fingerprint(), "AccountId": account });
    yard.make(
        "machines",
        json!({ "Name": "web-1", "EnvironmentIds": ["Environments-1"], "Roles": ["web"], "Endpoint": endpoint }),
    );
    let begun = || std::fs::read_to_string(machine.home().join("begun")).unwrap_or_default();
    let first = yard.deploy("1.0.0");
    yard.wait_for("the script to begin", || begun().ends_with('\n').then_some(()));
    let old = begun().trim().to_owned();
    yard.server.kill9();
    yard.server.restart();
    assert_eq!(yard.end_of(&first)["State"], "Failed");
    let runs = |pid: &str| {
        let facts = std::fs::read_to_string(format!("/proc/{pid}/stat"));
        facts.is_ok_and(|facts| !facts.rsplit(')').next().unwrap().trim_start().starts_with('Z'))
    };
    assert!(runs(&old), "the machine itself does not end it");
    std::fs::write(machine.home().join("quick"), "").unwrap();
    let second = yard.deploy("1.0.0");
    let end = yard.end_of(&second);
    let raw = yard.raw(&second);
    assert_eq!((&end["State"], &end["HasWarningsOrErrors"]), (&json!("Success"), &json!(true)), "{raw}");
    let told = format!("An earlier run of {first}-1.1 was still under way on this machine and was ended.");
    assert!(raw.find(&told).unwrap() < raw.find("| quick").unwrap(), "{raw}");
    assert!(!runs(&old), "the old one was ended");
}
