//! What runs, in which order, and what its end is.

use super::yard::{Yard, on_targets, script, script_in, when};
use serde_json::{Value, json};
use std::path::Path;

#[test]
fn a_deployment_runs_its_steps_and_tells_what_they_said() {
    let yard = Yard::new(
        "Untenanted",
        &[
            script(
                "Build",
                "echo \"Building #{Octopus.Project.Name} $(get_octopusvariable Octopus.Release.Number)\"; set_octopusvariable Colour blue; echo oops >&2",
            ),
            script("Use", "echo \"The colour is #{Octopus.Action[Build].Output.Colour}; #{Unknown} stays\""),
        ],
    );
    let task = yard.deploy("1.0.0");
    let end = yard.end_of(&task);
    assert_eq!((&end["State"], &end["FinishedSuccessfully"]), (&json!("Success"), &json!(true)), "{}", yard.raw(&task));
    assert!(end["StartTime"].as_str().unwrap().ends_with("+00:00") && end["CompletedTime"].is_string());
    let raw = yard.raw(&task);
    for words in ["Building Shop 1.0.0", "The colour is blue; #{Unknown} stays", "Error    | oops", "asked for by Ada"]
    {
        assert!(raw.contains(words), "{words} in:\n{raw}");
    }
    assert_eq!(
        yard.activities(&task),
        ["Step 1: Build: Success", "Built-in worker: Success", "Step 2: Use: Success", "Built-in worker: Success"]
    );
    let ids = yard.caller().get(&format!("/api/tasks?ids={task},ServerTasks-999&skip=300&take=30")).expect(200).json();
    assert_eq!(ids["Items"].as_array().unwrap().len(), 1, "unknown ids are left out and skip hides nothing");
    assert_eq!(ids["TotalCounts"]["Success"], 1);
    yard.caller().post(&format!("/api/tasks/{task}/cancel"), json!({})).expect(409);
    yard.caller().get("/api/tasks/ServerTasks-999").expect(404);
    let deployment = yard.caller().get("/api/Spaces-1/deployments/Deployments-1").expect(200).json();
    assert_eq!((&deployment["TaskId"], &deployment["Name"]), (&json!(task), &json!("Deploy to Staging")));
    let marker = yard.server.data().join("companies/harbour/pending");
    yard.wait_for("the marker of unfinished work to go", || (!marker.exists()).then_some(()));
}

#[test]
fn after_a_failure_only_the_steps_that_want_it_run() {
    let yard = Yard::new(
        "Untenanted",
        &[
            script("Break", "echo before; exit 3"),
            script("Next", "echo never"),
            when("Failure", script("Mend", "echo \"Mending: #{Octopus.Deployment.Error}\"")),
            when("Always", script("Tidy", "echo tidied")),
            when("Always", on_targets("Far", "web", "echo never")),
        ],
    );
    yard.allow_no_targets(true);
    let task = yard.deploy("1.0.0");
    let end = yard.end_of(&task);
    assert_eq!(end["State"], "Failed");
    assert_eq!(end["ErrorMessage"], "Step 1 (Break) failed: The script ended with exit code 3.");
    let raw = yard.raw(&task);
    assert!(
        raw.contains("Mending: Step 1 (Break) failed") && raw.contains("tidied") && !raw.contains("| never"),
        "{raw}"
    );
    assert!(raw.contains("Passed over: No deployment target in Staging has the tag web."), "{raw}");
    let said = yard.activities(&task);
    let steps: Vec<&String> = said.iter().filter(|line| line.starts_with("Step")).collect();
    assert_eq!(
        steps,
        [
            "Step 1: Break: Failed",
            "Step 2: Next: Skipped",
            "Step 3: Mend: Success",
            "Step 4: Tidy: Success",
            "Step 5: Far: Skipped"
        ]
    );
    // The failure does not open the next environment.
    let body = json!({ "ProjectName": "Shop", "ReleaseVersion": "1.0.0", "EnvironmentNames": ["Production"] });
    let refused = yard.caller().post("/api/Spaces-1/deployments/create/untenanted/v1", body).expect(400).json();
    assert!(refused["Errors"][0].as_str().unwrap().contains("may not go to Production yet"), "{refused}");
}

/// (findings C3)
#[test]
fn a_deployment_that_did_nothing_is_never_green() {
    let yard = Yard::new(
        "Untenanted",
        &[on_targets("Far", "web", "echo never"), when("Failure", script("Mend", "echo never either"))],
    );
    let preview =
        || yard.caller().get("/api/Spaces-1/releases/Releases-1/deployments/preview/Environments-1").expect(200);
    let why = "There is no deployment target for this deployment. No deployment target in Staging has the tag web. \
               Add one, or let the settings of Shop allow deployments to no targets.";
    // Without a target it fails, which the preview says.
    assert_eq!(preview().json()["Obstacle"], why);
    let task = yard.deploy("1.0.0");
    let end = yard.end_of(&task);
    assert_eq!((&end["State"], &end["ErrorMessage"]), (&json!("Failed"), &json!(why)), "{}", yard.raw(&task));
    assert_eq!(yard.activities(&task), ["Step 1: Far: Skipped", "Step 2: Mend: Skipped", "Built-in worker: Skipped"]);
    // Where that is allowed, it is a warning.
    yard.allow_no_targets(true);
    assert_eq!(preview().json()["Obstacle"], json!(null));
    let task = yard.deploy("1.0.0");
    let end = yard.end_of(&task);
    assert_eq!((&end["State"], &end["HasWarningsOrErrors"]), (&json!("Success"), &json!(true)), "{}", yard.raw(&task));
    assert!(yard.raw(&task).contains("Nothing was done: no step ran."), "{}", yard.raw(&task));
    let board = yard.caller().get("/api/Spaces-1/dashboard").expect(200).json();
    assert_eq!(board["Items"][0]["HasWarningsOrErrors"], true, "{board}");
    // The same for what was left out by hand, wherever targets are, and for a run of a runbook.
    yard.allow_no_targets(false);
    let body = json!({ "ProjectName": "Shop", "ReleaseVersion": "1.0.0", "EnvironmentNames": ["Staging"], "SkipStepNames": ["Far"] });
    let made = yard.caller().post("/api/Spaces-1/deployments/create/untenanted/v1", body).expect(201).json();
    let end = yard.end_of(made["DeploymentServerTasks"][0]["ServerTaskId"].as_str().unwrap());
    assert_eq!((&end["State"], &end["HasWarningsOrErrors"]), (&json!("Success"), &json!(true)), "{end}");
    let made = yard.caller().post(
        "/api/Spaces-1/projects/Projects-1/runbooks",
        json!({ "Name": "Renew", "ProjectId": "Projects-1", "EnvironmentScope": "All" }),
    );
    let runbook = made.expect(201).json();
    let process = format!("/api/Spaces-1/runbookProcesses/{}", runbook["RunbookProcessId"].as_str().unwrap());
    let mut steps = yard.caller().get(&process).expect(200).json();
    steps["Steps"] = json!([on_targets("Far", "web", "echo never")]);
    yard.caller().put(&process, steps).expect(200);
    let snapshot = json!({ "ProjectId": "Projects-1", "RunbookId": "Runbooks-1", "Name": "One" });
    yard.caller().post("/api/Spaces-1/runbookSnapshots?publish=true", snapshot).expect(201);
    let body = json!({ "ProjectName": "Shop", "RunbookName": "Renew", "EnvironmentNames": ["Staging"] });
    let made = yard.caller().post("/api/Spaces-1/runbook-runs/create/v1", body).expect(201).json();
    let end = yard.end_of(made["RunbookRunServerTasks"][0]["ServerTaskId"].as_str().unwrap());
    assert_eq!((&end["State"], &end["HasWarningsOrErrors"]), (&json!("Success"), &json!(true)), "{end}");
}

#[test]
fn a_missing_interpreter_is_a_failure_that_says_what_to_do() {
    if Path::new("/usr/bin/pwsh").exists() || Path::new("/usr/local/bin/pwsh").exists() {
        return;
    }
    let yard = Yard::new("Untenanted", &[script_in("Ask", "PowerShell", "Write-Host hello")]);
    let end = yard.end_of(&yard.deploy("1.0.0"));
    assert_eq!(end["State"], "Failed");
    assert!(end["ErrorMessage"].as_str().unwrap().contains("has no pwsh"), "{end}");
}

#[test]
fn one_place_takes_one_deployment_after_the_other_and_others_do_not_wait() {
    let yard = Yard::new("TenantedOrUntenanted", &[script("Hold", "echo begun; sleep 2; echo ended")]);
    for name in ["Contoso", "Northwind"] {
        yard.tenant(name);
    }
    let (first, second) = (yard.deploy("1.0.0"), yard.deploy("1.0.0"));
    let others = yard.deploy_for(&["Contoso", "northwind"]);
    let ends: Vec<Value> = [&first, &second, &others[0], &others[1]].iter().map(|task| yard.end_of(task)).collect();
    assert!(ends.iter().all(|end| end["State"] == "Success"), "{ends:?}");
    let time = |end: &Value, name: &str| end[name].as_str().unwrap().to_owned();
    assert!(time(&ends[1], "StartTime") >= time(&ends[0], "CompletedTime"), "the second waited for the first");
    assert!(time(&ends[2], "StartTime") < time(&ends[0], "CompletedTime"), "another tenant did not");
    assert!(time(&ends[3], "StartTime") < time(&ends[0], "CompletedTime"), "nor did the third");
}

#[test]
fn a_cancelled_deployment_stops_its_script_and_goes_no_further() {
    let yard = Yard::new(
        "Untenanted",
        &[script("Hold", "echo begun; sleep 300; echo never"), when("Always", script("Next", "echo never"))],
    );
    let (task, waiting) = (yard.deploy("1.0.0"), yard.deploy("1.0.0"));
    yard.until_it_says(&task, "begun");
    let gone =
        yard.caller().post(&format!("/api/spaces/Spaces-1/tasks/{waiting}/cancel"), json!({})).expect(200).json();
    assert_eq!(gone["State"], "Canceled", "what waits ends at once");
    let told = yard.caller().post(&format!("/api/tasks/{task}/cancel"), json!({})).expect(200).json();
    assert_eq!(told["State"], "Cancelling");
    let end = yard.end_of(&task);
    assert_eq!(end["State"], "Canceled");
    assert!(end["ErrorMessage"].as_str().unwrap().contains("Step 1 (Hold) was under way"), "{end}");
    assert!(!yard.raw(&task).contains("| never"));
    assert_eq!(
        yard.activities(&task),
        ["Step 1: Hold: Canceled", "Built-in worker: Canceled", "Step 2: Next: Skipped", "Built-in worker: Skipped"]
    );
}

#[test]
fn what_is_asked_wrongly_is_refused_in_words() {
    let yard = Yard::new("TenantedOrUntenanted", &[script("One", "true")]);
    yard.tenant("Contoso");
    let (untenanted, tenanted) =
        ("/api/Spaces-1/deployments/create/untenanted/v1", "/api/Spaces-1/deployments/create/tenanted/v1");
    let with = |body: Value| {
        let mut whole = json!({ "ProjectName": "Shop", "ReleaseVersion": "1.0.0" });
        whole.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
        whole
    };
    for (address, body, status, words) in [
        (untenanted, json!({}), 400, "ProjectName is required"),
        (untenanted, with(json!({})), 400, "EnvironmentNames is required"),
        (untenanted, with(json!({ "EnvironmentNames": ["Nowhere"] })), 404, "Nowhere"),
        (
            untenanted,
            with(json!({ "EnvironmentNames": ["Staging"], "SkipStepNames": ["Nothing"] })),
            400,
            "no step called",
        ),
        (untenanted, with(json!({ "EnvironmentNames": ["Staging"], "RunAt": "tomorrow" })), 400, "Give a time"),
        (tenanted, with(json!({ "EnvironmentName": "Staging" })), 400, "at least one tenant"),
        (
            tenanted,
            with(json!({ "EnvironmentName": "Staging", "Tenants": [], "TenantTags": ["Ring/None"] })),
            400,
            "No tenant with these tags",
        ),
        (tenanted, with(json!({ "EnvironmentName": "Staging", "Tenants": ["Nobody"] })), 404, "Nobody"),
    ] {
        let answer = yard.caller().post(address, body).expect(status).json();
        assert!(answer.to_string().contains(words), "{words} in {answer}");
    }
    let preview =
        yard.caller().get("/api/Spaces-1/releases/Releases-1/deployments/preview/Environments-1").expect(200).json();
    assert_eq!(preview["StepsToExecute"][0]["ActionName"], "One");
    assert_eq!(preview["Obstacle"], Value::Null);
}

#[test]
fn a_published_runbook_runs_for_a_tenant_by_the_same_engine() {
    let yard = Yard::new("TenantedOrUntenanted", &[script("Deploy", "echo deployed")]);
    let tenant = yard.tenant("Contoso");
    let body = json!({ "Name": "Restart", "ProjectId": "Projects-1", "MultiTenancyMode": "Tenanted" });
    let runbook = yard.make("runbooks", body);
    let own = format!("/api/Spaces-1/runbookProcesses/RunbookProcess-{runbook}");
    let mut process = yard.caller().get(&own).expect(200).json();
    let say = "echo \"Restarting #{Octopus.Runbook.Name} (#{Octopus.RunbookSnapshot.Name}) for #{Octopus.Deployment.Tenant.Name} in #{Octopus.Environment.Name}\"; set_octopusvariable Up yes";
    process["Steps"] = json!([
        script("Restart", say),
        script("Look", "echo \"Up: #{Octopus.Action[Restart].Output.Up}; #{Octopus.Release.Number} is of releases\""),
        when("Failure", script("Mend", "echo never")),
    ]);
    yard.caller().put(&own, process.clone()).expect(200);
    yard.caller().post("/api/Spaces-1/runbookSnapshots?publish=true", json!({ "RunbookId": runbook })).expect(201);
    // What is written after that does not run.
    let mut process = yard.caller().get(&own).expect(200).json();
    process["Steps"] = json!([script("Restart", "exit 7")]);
    yard.caller().put(&own, process).expect(200);
    let run = json!({ "ProjectName": "Shop", "RunbookName": "Restart", "EnvironmentNames": ["Staging"], "Tenants": [tenant] });
    let made = yard.caller().post("/api/Spaces-1/runbook-runs/create/v1", run.clone()).expect(201).json();
    let task = made["RunbookRunServerTasks"][0]["ServerTaskId"].as_str().unwrap().to_owned();
    let end = yard.end_of(&task);
    let raw = yard.raw(&task);
    assert_eq!(end["State"], "Success", "{raw}");
    for words in [
        "Restarting Restart (Snapshot 1) for Contoso in Staging",
        "Up: yes; #{Octopus.Release.Number} is of releases",
        "Run Restart of Shop in Staging for Contoso, asked for by Ada",
    ] {
        assert!(raw.contains(words), "{words} in:\n{raw}");
    }
    assert!(!raw.contains("| never"), "{raw}");
    let steps: Vec<String> = yard.activities(&task).into_iter().filter(|line| line.starts_with("Step")).collect();
    assert_eq!(steps, ["Step 1: Restart: Success", "Step 2: Look: Success", "Step 3: Mend: Skipped"]);
    // Its draft is what fails.
    let mut draft = run;
    draft["UseDraft"] = json!(true);
    let made = yard.caller().post("/api/Spaces-1/runbook-runs/create/v1", draft).expect(201).json();
    let task = made["RunbookRunServerTasks"][0]["ServerTaskId"].as_str().unwrap().to_owned();
    assert_eq!(yard.end_of(&task)["ErrorMessage"], "Step 1 (Restart) failed: The script ended with exit code 7.");
}
