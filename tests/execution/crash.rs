//! The server goes away in the middle: what it says afterwards is what it knows.

use super::yard::{Yard, script};
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
