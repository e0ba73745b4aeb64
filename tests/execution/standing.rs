//! Tasks of a company that the operator suspends, limits or renames.

use super::yard::{Yard, script};
use crate::support::api::id;
use serde_json::json;
use std::time::{Duration, Instant};

#[test]
fn tasks_of_a_suspended_company_wait_and_those_under_way_end_by_themselves() {
    let yard = Yard::new("Untenanted", &[script("Work", "echo begun; sleep 3; echo ended")]);
    let (running, waiting) = (yard.deploy("1.0.0"), yard.deploy("1.0.0"));
    yard.until_it_says(&running, "begun");
    let operator = |arguments: &[&str]| yard.server.command(arguments).run();
    for arguments in [&["company", "rename", "harbour", "haven"][..], &["company", "remove", "harbour", "--yes"]] {
        let refused = operator(arguments).expect_code(3);
        assert!(refused.stderr.contains("One task is under way"), "{}", refused.stderr);
    }
    operator(&["company", "suspend", "harbour"]).expect_success();
    let shown = || {
        let told = operator(&["company", "show", "harbour", "--json"]).expect_success();
        serde_json::from_str::<serde_json::Value>(&told.stdout).unwrap()
    };
    while shown()["tasksRunning"] != 0 {
        std::thread::sleep(Duration::from_millis(100));
    }
    // Several rounds of the engine.
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!((&shown()["tasksRunning"], &shown()["tasksQueued"]), (&0.into(), &1.into()));
    operator(&["company", "resume", "harbour"]).expect_success();
    assert_eq!(yard.end_of(&running)["State"], "Success", "what was under way ended by itself");
    assert_eq!(yard.end_of(&waiting)["State"], "Success", "what waited goes on");
}

#[test]
fn no_more_tasks_run_at_once_than_the_limit_allows() {
    let yard = Yard::new("TenantedOrUntenanted", &[script("Work", "echo begun; sleep 1; echo ended")]);
    for name in ["A", "B", "C"] {
        yard.tenant(name);
    }
    yard.server.command(&["company", "limits", "harbour", "--running-tasks", "1"]).run().expect_success();
    let tasks = yard.deploy_for(&["A", "B", "C"]);
    let ended: Vec<_> = tasks.iter().map(|task| yard.end_of(task)).collect();
    let time = |task: &serde_json::Value, field: &str| task[field].as_str().unwrap().to_owned();
    let mut spans: Vec<_> = ended.iter().map(|task| (time(task, "StartTime"), time(task, "CompletedTime"))).collect();
    spans.sort();
    assert!(ended.iter().all(|task| task["State"] == "Success"));
    assert!(spans.windows(2).all(|pair| pair[0].1 <= pair[1].0), "they ran one after the other: {spans:?}");
    let trail = yard.company.caller().get("/api/events?take=50").expect(200).text();
    assert_eq!(trail.matches("\"LimitReached\"").count(), 1, "told once: {trail}");
}

/// Findings G11: many long tasks of one company; another company's `echo` does not wait for them.
#[test]
fn long_tasks_of_one_company_do_not_keep_another_waiting() {
    let yard = Yard::new("TenantedOrUntenanted", &[script("Work", "echo begun; sleep 600")]);
    let names: Vec<String> = (1..=12).map(|n| format!("T{n}")).collect();
    names.iter().for_each(|name| drop(yard.tenant(name)));
    let long = yard.deploy_for(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let states = || {
        let all = yard.caller().get(&format!("/api/tasks?ids={}", long.join(","))).expect(200).json();
        all["TotalCounts"].clone()
    };
    // As many as it may have, and no more after some rounds of the engine.
    yard.wait_for("half of the slots to be taken", || (states()["Executing"] == 4).then_some(()));
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(states()["Executing"], 4, "{}", states());
    for (slug, name) in [("globex", "Globex"), ("initech", "Initech")] {
        let other = yard.server.company(slug, name, &format!("gus@{slug}.test"));
        let make =
            |kind: &str, body| id(&other.caller().post(&format!("/api/Spaces-1/{kind}"), body).expect(201).json());
        make("environments", json!({ "Name": "Staging" }));
        make("projects", json!({ "Name": "Shop", "ProjectGroupId": "ProjectGroups-1", "LifecycleId": "Lifecycles-1" }));
        let own = "/api/Spaces-1/projects/Projects-1/deploymentprocesses";
        let mut process = other.caller().get(own).expect(200).json();
        process["Steps"] = json!([script("Say", "echo hello")]);
        other.caller().put(own, process).expect(200);
        let body = json!({ "ProjectName": "Shop", "ReleaseVersion": "1.0.0" });
        other.caller().post("/api/Spaces-1/releases/create/v1", body).expect(201);
        let body = json!({ "ProjectName": "Shop", "ReleaseVersion": "1.0.0", "EnvironmentNames": ["Staging"] });
        let asked = Instant::now();
        let made = other.caller().post("/api/Spaces-1/deployments/create/untenanted/v1", body).expect(201).json();
        let task = made["DeploymentServerTasks"][0]["ServerTaskId"].as_str().unwrap().to_owned();
        yard.wait_for("the other company's task to end", || {
            let now = other.caller().get(&format!("/api/tasks/{task}")).expect(200).json();
            (now["State"] == "Success").then_some(())
        });
        assert!(asked.elapsed() < Duration::from_secs(15), "{slug}: {:?}", asked.elapsed());
    }
    assert_eq!(states()["Executing"], 4);
    for task in &long {
        yard.caller().post(&format!("/api/tasks/{task}/cancel"), json!({})).expect(200);
    }
}

/// Findings A4: a step fills its folder beyond what the company's limit on the disk leaves.
#[test]
fn a_run_takes_no_more_of_the_disk_than_its_company_has_left() {
    let yard = Yard::new("Untenanted", &[script("Fill", "echo begun; head -c 100000000 /dev/zero > big; sleep 600")]);
    yard.server.command(&["company", "limits", "harbour", "--disk", "30M"]).run().expect_success();
    let end = yard.end_of(&yard.deploy("1.0.0"));
    let why = end["ErrorMessage"].as_str().unwrap();
    assert_eq!(end["State"], "Failed");
    assert!(why.contains("its folder holds more than ") && why.contains("the company's limit on the disk"), "{why}");
    assert!(yard.server.runs().is_empty(), "nothing of it is left");
}
