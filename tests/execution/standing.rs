//! Tasks of a company that the operator suspends, limits or renames.

use super::yard::{Yard, script};
use std::time::Duration;

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
