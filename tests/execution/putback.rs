//! Findings F4: what ran when a backup was taken has failed when it is put back, what waited waits for a person, and a copy starts
//! nothing.

use super::yard::{Yard, script};
use crate::support::{api::Caller, server::Company};
use serde_json::json;
use std::{thread::sleep, time::Duration};

const SENTENCE: &str = "The server stopped while step 1 (Work) on Built-in worker was under way. Whether it completed is not known. Look at what it was doing before you run it again.";

fn queue_stopped(caller: &Caller) -> bool {
    caller.get("/api/spaces/Spaces-1").expect(200).json()["TaskQueueStopped"].as_bool().unwrap()
}

#[test]
fn tasks_of_a_backup_do_not_run_again_by_themselves() {
    let yard = Yard::new("Untenanted", &[script("Work", "echo begun; sleep 60; echo ended")]);
    let (running, waiting) = (yard.deploy("1.0.0"), yard.deploy("1.0.0"));
    yard.until_it_says(&running, "begun");
    let to = tempfile::tempdir().unwrap();
    let told = yard.server.command(&["backup", "harbour", "--to", to.path().to_str().unwrap()]).run().expect_success();
    let file = told.stdout.trim().to_owned();

    // A company whose tasks run is not replaced by the way.
    let told = yard.server.command(&["restore", &file, "--replace"]).run().expect_code(3);
    assert!(told.stderr.contains("under way") && told.stderr.contains("--despite-tasks"), "{}", told.stderr);
    assert_eq!(yard.task(&running)["State"], "Executing");

    let told = yard.server.command(&["restore", &file, "--as", "haven"]).run().expect_success();
    assert!(told.stderr.contains("have failed") || told.stderr.contains("It has failed now"), "{}", told.stderr);
    assert!(told.stderr.contains("One task waits") && told.stderr.contains("Default"), "{}", told.stderr);
    let haven = Company {
        base: format!("{}/haven", yard.server.base()),
        slug: "haven".into(),
        email: yard.company.email.clone(),
        password: yard.company.password.clone(),
        key: yard.company.key.clone(),
    };
    let state = |caller: &Caller, task: &str| caller.get(&format!("/api/tasks/{task}")).expect(200).json();
    let failed = state(&haven.caller(), &running);
    assert_eq!((failed["State"].as_str(), failed["ErrorMessage"].as_str()), (Some("Failed"), Some(SENTENCE)));
    assert!(queue_stopped(&haven.caller()));
    let raw = haven.caller().get(&format!("/api/tasks/{running}/raw")).expect(200).text();
    assert!(raw.contains("Whether it completed is not known"), "{raw}");

    // The company itself, replaced on purpose: the script under way is ended, what waited is held.
    yard.server.command(&["restore", &file, "--replace", "--despite-tasks"]).run().expect_success();
    let caller = yard.caller();
    let failed = state(&caller, &running);
    assert_eq!((failed["State"].as_str(), failed["ErrorMessage"].as_str()), (Some("Failed"), Some(SENTENCE)));
    sleep(Duration::from_secs(4));
    assert_eq!(state(&caller, &waiting)["State"], "Queued");
    assert_eq!(state(&haven.caller(), &waiting)["State"], "Queued", "the copy starts nothing");
    let trail = caller.get("/api/events?eventCategories=TasksHeld").expect(200).text();
    assert!(trail.contains("the task queue was stopped in Default"), "{trail}");

    // A person lets it go: it runs, and its place is free.
    let mut space = caller.get("/api/spaces/Spaces-1").expect(200).json();
    space["TaskQueueStopped"] = json!(false);
    caller.put("/api/spaces/Spaces-1", space).expect(200);
    yard.wait_for("what waited to begin", || (state(&caller, &waiting)["State"] == "Executing").then_some(()));
    caller.post(&format!("/api/tasks/{waiting}/cancel"), json!({})).expect(200);
    let ended = yard.end_of(&waiting);
    assert_eq!(ended["State"], "Canceled");
    yard.server.command(&["verify", "--all"]).run().expect_success();
}

#[test]
fn a_company_without_tasks_goes_on_as_before() {
    let yard = Yard::new("Untenanted", &[script("Work", "echo done")]);
    let to = tempfile::tempdir().unwrap();
    let told = yard.server.command(&["backup", "harbour", "--to", to.path().to_str().unwrap()]).run().expect_success();
    let told = yard.server.command(&["restore", told.stdout.trim(), "--replace"]).run().expect_success();
    assert_eq!(told.stderr, "");
    assert!(!queue_stopped(&yard.caller()));
    let task = yard.deploy("1.0.0");
    assert_eq!(yard.end_of(&task)["State"], "Success");
}
