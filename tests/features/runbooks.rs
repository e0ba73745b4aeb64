//! Runbooks through pages and API: made, written, published, run; and somebody who may run one of them and nothing else.

use crate::support::api::id;
use crate::support::cast::{Cast, House, step};
use serde_json::{Value, json};

/// Harbour with people, and the words its addresses begin with.
fn addresses(house: &House) -> (String, String) {
    let project = &house.things["projects"];
    (format!("/harbour/default/projects/{}/runbooks", project.slug), format!("/api/Spaces-1/projects/{}", project.id))
}

#[test]
fn a_runbook_is_made_written_published_and_run_on_pages() {
    let cast = Cast::assemble();
    let house = &cast.harbour;
    let (pages, _) = addresses(house);
    let ada = &house.people["ada"].browser;
    ada.get(&format!("{pages}/new")).expect(200);
    // Nothing is lost by a mistake.
    let wrong = [("name", ""), ("description", "kept text"), ("tenanted", "Untenanted"), ("scope", "Specified")];
    let answer = ada.post(&pages, &wrong[..]).expect(422).text();
    assert!(answer.contains("kept text") && answer.contains("Choose at least one environment"), "{answer}");
    let right = [
        ("name", "Restart the shop"),
        ("description", "When it is slow"),
        ("tenanted", "Untenanted"),
        ("scope", "All"),
    ];
    let made = ada.post(&pages, &right[..]).expect(303);
    let at = format!("{pages}/restart-the-shop");
    assert_eq!(made.location(), format!("{at}/process"));
    // Without steps it is neither published nor run.
    assert!(ada.post(&format!("{at}/publish"), &[][..]).expect(422).text().contains("has no steps"));
    let page = ada.get(&at).expect(200).text();
    assert!(page.contains("It has no steps yet."), "{page}");
    let new = [
        ("version", "0"),
        ("name", "Restart"),
        ("syntax", "Bash"),
        ("script", "echo restarted"),
        ("where", "worker"),
        ("condition", "Success"),
    ];
    assert_eq!(ada.post(&format!("{at}/process/steps"), &new[..]).expect(303).location(), format!("{at}/process"));
    assert!(ada.get(&format!("{at}/process")).expect(200).text().contains("echo restarted"));
    ada.get(&format!("{at}/process/steps/restart")).expect(200);
    // One made from an older version of the process loses nothing.
    let stale = ada.post(&format!("{at}/process/steps"), &new[..]).expect(422).text();
    assert!(stale.contains("Somebody else changed the process meanwhile"), "{stale}");
    ada.post(&format!("{at}/publish"), &[][..]).expect(303);
    let page = ada.get(&at).expect(200).text();
    assert!(page.contains("Snapshot 1 is published") && page.contains("echo restarted"), "{page}");
    // What will happen, then it happens.
    let place = house.things["environments"].id.clone();
    let preview = ada.post(&format!("{at}/run"), &[("environment", place.as_str()), ("preview", "1")][..]);
    assert!(preview.expect(200).text().contains("1 step will run in"), "the plan");
    let run = ada.post(&format!("{at}/run"), &[("environment", place.as_str()), ("comments", "after lunch")][..]);
    let task = run.expect(303).location().to_owned();
    house.rest(&cast.server);
    let log = ada.get(&task).expect(200).text();
    assert!(log.contains("Run Restart the shop of") && log.contains("restarted"), "{log}");
    assert!(ada.get(&at).expect(200).text().contains(&task), "the run leads to its log");
    assert!(ada.get(&pages).expect(200).text().contains("Restart the shop"));
    // A snapshot that is not published, published by hand.
    ada.post(&format!("{at}/snapshots"), &[("name", "Before the fair"), ("notes", "")][..]).expect(303);
    let seen = ada.get(&at).expect(200).text();
    let snapshot =
        seen.split("snapshots/RunbookSnapshots-").nth(1).and_then(|rest| rest.split(['/', '"']).next()).unwrap();
    let snapshot = format!("{at}/snapshots/RunbookSnapshots-{snapshot}");
    assert!(ada.get(&snapshot).expect(200).text().contains("Before the fair"));
    ada.post(&format!("{snapshot}/publish"), &[][..]).expect(303);
    assert!(ada.get(&at).expect(200).text().contains("Before the fair is published"));
    // Settings, and away with it.
    let named = [("name", "Restart"), ("description", ""), ("tenanted", "Untenanted"), ("scope", "All")];
    ada.post(&at, &named[..]).expect(303);
    assert!(
        ada.post(&format!("{at}/delete"), &[("confirm", "wrong")][..]).expect(422).text().contains("Type the name")
    );
    ada.post(&format!("{at}/delete"), &[("confirm", "Restart")][..]).expect(303);
    ada.get(&at).expect(404);
    ada.get(&task).expect(404);
}

#[test]
fn the_api_does_all_that_the_pages_do() {
    let cast = Cast::assemble();
    let house = &cast.harbour;
    let (_, project) = addresses(house);
    let ada = &house.administrator().key;
    let body = json!({ "Name": "Renew", "MultiTenancyMode": "TenantedOrUntenanted", "EnvironmentScope": "Specified",
        "Environments": [house.things["environments"].id] });
    let made = ada.post(&format!("{project}/runbooks"), body).expect(201).json();
    let at = id(&made);
    assert_eq!((&made["PublishedRunbookSnapshotId"], &made["EnvironmentScope"]), (&Value::Null, &json!("Specified")));
    // What this version has no choice of is refused in a sentence, and taken as it was told.
    for (field, value) in [
        ("RunRetentionPolicy", json!({ "QuantityToKeep": 3, "ShouldKeepForever": false })),
        ("DefaultGuidedFailureMode", json!("On")),
        ("ForcePackageDownload", json!(true)),
        ("MultiTenancyMode", json!("Sometimes")),
        ("EnvironmentScope", json!("Everywhere")),
        ("Environments", json!(["Environments-999"])),
        ("PublishedRunbookSnapshotId", json!("RunbookSnapshots-999")),
        ("Name", json!("")),
    ] {
        let mut changed = made.clone();
        changed[field] = value;
        let refused = ada.put(&format!("/api/Spaces-1/runbooks/{at}"), changed).expect(400).json();
        assert!(refused["Errors"][0].as_str().is_some_and(|text| text.len() > 10), "{field}: {refused}");
    }
    ada.put(&format!("/api/Spaces-1/runbooks/{at}"), made.clone()).expect(200);
    // Its process, with a guard against lost updates.
    let process = format!("{project}/runbookProcesses/{}", made["RunbookProcessId"].as_str().unwrap());
    let mut steps = ada.get(&process).expect(200).json();
    steps["Steps"] = json!([step("Renew", "echo renewed #{Octopus.Runbook.Name}")]);
    let saved = ada.put(&process, steps.clone()).expect(200).json();
    assert_eq!(saved["Version"], 1);
    ada.put(&process, steps).expect(409);
    // Nothing runs that is not published.
    let run = |snapshot: Value| {
        json!({ "ProjectName": house.things["projects"].id, "RunbookName": "Renew", "Snapshot": snapshot,
            "EnvironmentNames": [house.things["environments"].id], "Tenants": [house.things["tenants"].id] })
    };
    let create = "/api/Spaces-1/runbook-runs/create/v1";
    let refused = ada.post(create, run(Value::Null)).expect(400).json();
    assert!(refused["Errors"][0].as_str().unwrap().contains("not published"), "{refused}");
    let template = ada.get(&format!("/api/Spaces-1/runbooks/{at}/runbookSnapshotTemplate")).expect(200).json();
    assert_eq!(template["NextNameIncrement"], "Snapshot 1");
    let taken =
        ada.post("/api/Spaces-1/runbookSnapshots", json!({ "RunbookId": at, "Name": "First" })).expect(201).json();
    assert_eq!(taken["IsPublished"], false);
    ada.post("/api/Spaces-1/runbookSnapshots", json!({ "RunbookId": at, "Name": "first" })).expect(400);
    ada.post(create, run(json!("First"))).expect(201);
    // Publishing one that is there is a change of the runbook.
    let mut changed = made.clone();
    changed["PublishedRunbookSnapshotId"] = taken["Id"].clone();
    let published = ada.put(&format!("/api/Spaces-1/runbooks/{at}"), changed).expect(200).json();
    assert_eq!(published["PublishedRunbookSnapshotId"], taken["Id"]);
    let answer = ada.post(create, run(Value::Null)).expect(201).json();
    let run_id = answer["RunbookRunServerTasks"][0]["RunbookRunId"].as_str().unwrap().to_owned();
    let task = answer["RunbookRunServerTasks"][0]["ServerTaskId"].as_str().unwrap().to_owned();
    house.rest(&cast.server);
    let shown = ada.get(&format!("/api/Spaces-1/runbookRuns/{run_id}")).expect(200).json();
    assert_eq!(
        (&shown["TaskId"], &shown["RunbookSnapshotId"], &shown["FailureEncountered"]),
        (&json!(task), &taken["Id"], &json!(false))
    );
    let raw = ada.get(&format!("/api/tasks/{task}/raw")).expect(200).text();
    assert!(raw.contains("renewed Renew"), "{raw}");
    for (query, count) in [
        (format!("runbooks={at}"), 2),
        (format!("runbooks={at}&taskState=Success"), 2),
        (format!("runbooks={at}&taskState=Failed"), 0),
        (format!("tenants={}&runbooks={at}", house.things["tenants"].id), 2),
        (format!("ids={run_id}"), 1),
        ("partialName=renew".into(), 2),
        ("projects=Projects-999".into(), 0),
    ] {
        let listed = ada.get(&format!("/api/Spaces-1/runbookRuns?{query}")).expect(200).json();
        assert_eq!(listed["TotalResults"], count, "{query}");
    }
    let frozen =
        ada.get(&format!("/api/Spaces-1/runbookProcesses/{}", taken["FrozenRunbookProcessId"].as_str().unwrap()));
    let mut frozen = frozen.expect(200).json();
    assert_eq!(frozen["Steps"][0]["Name"], "Renew");
    frozen["Steps"] = json!([]);
    ada.put(&format!("/api/Spaces-1/runbookProcesses/{}", taken["FrozenRunbookProcessId"].as_str().unwrap()), frozen)
        .expect(409);
    let preview = format!(
        "/api/Spaces-1/runbookSnapshots/{}/runbookRuns/preview/{}",
        taken["Id"].as_str().unwrap(),
        house.things["environments"].id
    );
    assert_eq!(ada.get(&preview).expect(200).json()["StepsToExecute"][0]["ActionName"], "Renew");
    let all = ada.get(&format!("{project}/runbooks?partialName=rene")).expect(200).json();
    assert_eq!((&all["TotalResults"], &all["Items"][0]["Id"]), (&json!(1), &json!(at)));
    // By tags: those of the project's tenants that carry them.
    let tagged = json!({ "ProjectName": house.things["projects"].id, "RunbookName": at,
        "EnvironmentNames": [house.things["environments"].id], "TenantTags": ["One tagsets 0/Blue"] });
    ada.post(create, tagged).expect(400);
    ada.delete(&format!("/api/Spaces-1/runbooks/{at}"), ()).expect(200);
    ada.get(&format!("/api/Spaces-1/runbookRuns/{run_id}")).expect(404);
}

#[test]
fn who_may_only_run_one_finds_the_way_to_it() {
    let mut cast = Cast::assemble();
    let own = cast.harbour.things["runbooks"].clone();
    let limits = json!({ "ProjectIds": [cast.harbour.things["projects"].id], "RunbookIds": [own.id] });
    cast.harbour.hire(&cast.server, "rita", Some("userroles-runbookconsumer"), limits);
    let house = &cast.harbour;
    let (pages, _) = addresses(house);
    let rita = &house.people["rita"].browser;
    let project = pages.trim_end_matches("/runbooks");
    // From the projects to the project to its runbooks to the button.
    assert!(rita.get("/harbour/default/projects").expect(200).text().contains(project));
    assert!(rita.get(project).expect(200).text().contains(&pages));
    let listed = rita.get(&pages).expect(200).text();
    assert!(
        listed.contains(&format!("{pages}/{}/run", own.slug)) && !listed.contains(&format!("{pages}/new")),
        "{listed}"
    );
    let page = rita.get(&format!("{pages}/{}", own.slug)).expect(200).text();
    assert!(page.contains(&format!("{pages}/{}/run", own.slug)) && !page.contains("/publish"), "{page}");
    let found = rita.get("/harbour/search?q=one+runbooks").expect(200).text();
    assert!(found.contains(&format!("{pages}/{}", own.slug)), "{found}");
    let form = rita.get(&format!("{pages}/{}/run", own.slug)).expect(200).text();
    assert!(!form.contains("The process as it is now"), "a draft is for who may change it");
    let sent = [("environment", house.things["environments"].id.as_str()), ("snapshot", "draft")];
    rita.post(&format!("{pages}/{}/run", own.slug), &sent[..]).expect(403);
    let task = rita.post(&format!("{pages}/{}/run", own.slug), &sent[..1]).expect(303).location().to_owned();
    house.rest(&cast.server);
    assert!(rita.get(&task).expect(200).text().contains(house.mark), "she reads what it said");
    rita.get(&format!("{pages}/new")).expect(403);
    rita.get(&format!("{pages}/{}/edit", own.slug)).expect(403);
    rita.get(&format!("{pages}/nothing-like-it")).expect(404);
    // A role limited to a runbook is one on the page that gives it, and in the words that tell of it.
    let ada = &house.people["ada"];
    let teams = ada.key.get("/api/teams?partialName=rita").expect(200).json();
    let team = id(&teams["Items"][0]);
    let roles = ada.key.get(&format!("/api/teams/{team}/scopeduserroles")).expect(200).json();
    assert_eq!(roles["Items"][0]["RunbookIds"], json!([own.id]));
    let form = ada.browser.get(&format!("/harbour/access/teams/{team}/roles/{}/edit", id(&roles["Items"][0])));
    let form = form.expect(200).text();
    assert!(form.contains("name=\"runbooks\"") && form.contains(&own.id), "{form}");
    assert!(ada.browser.get(&format!("/harbour/access/teams/{team}")).expect(200).text().contains("One runbooks 0"));
    let mine = house.people["rita"].key.get("/api/users/me").expect(200).json();
    let rights = format!("/api/users/{}/permissions", id(&mine));
    let rights = house.people["rita"].key.get(&rights).expect(200).json();
    let of = |name: &str| rights["SpacePermissions"][name][0]["RestrictedToRunbookIds"].clone();
    assert_eq!((of("RunbookRunCreate"), of("ProjectView")), (json!([own.id]), json!(["runbooks-unrelated"])));
    // A key of hers that is narrowed to another runbook runs nothing.
    let other = id(&house.make("runbooks", ""));
    let made = ada.key.post(
        &format!("/api/users/{}/apikeys", id(&ada.key.get("/api/users/me").expect(200).json())),
        json!({ "Purpose": "one runbook", "Narrowing": { "RunbookIds": [own.id] } }),
    );
    let key = made.expect(201).json()["ApiKey"].as_str().expect("the key").to_owned();
    let program = crate::support::api::Caller::with_key(&house.company.base, &key);
    program.get(&format!("/api/Spaces-1/runbooks/{}", own.id)).expect(200);
    program.get(&format!("/api/Spaces-1/runbooks/{other}")).expect(404);
}

#[test]
fn runs_and_snapshots_are_deleted_by_page_and_api() {
    let cast = Cast::assemble();
    let house = &cast.harbour;
    let (pages, _) = addresses(house);
    let (ada, key) = (&house.people["ada"].browser, &house.administrator().key);
    let at = format!("{pages}/{}", house.things["runbooks"].slug);
    let runbook = house.things["runbooks"].id.clone();
    let run = || {
        let body = json!({ "ProjectName": house.things["projects"].id, "RunbookName": runbook,
            "EnvironmentNames": [house.things["environments"].id] });
        let made = key.post("/api/Spaces-1/runbook-runs/create/v1", body).expect(201).json();
        let text = |name: &str| made["RunbookRunServerTasks"][0][name].as_str().unwrap().to_owned();
        (text("RunbookRunId"), text("ServerTaskId"))
    };
    // A run, on its page: nothing without its id, the log is gone with it.
    let (one, task) = run();
    house.rest(&cast.server);
    let list = ada.get(&at).expect(200).text();
    assert!(list.contains(&format!("{at}/runs/{one}#remove")), "{list}");
    let page = ada.get(&format!("{at}/runs/{one}")).expect(200).text();
    assert!(page.contains(&task) && page.contains("Run again"), "{page}");
    let wrong = ada.post(&format!("{at}/runs/{one}/delete"), &[("confirm", "x")][..]).expect(422).text();
    assert!(wrong.contains("Type the name as it stands here."), "{wrong}");
    let log =
        cast.server.data().join("companies/harbour/task-logs").join(format!("{}.log", &task["ServerTasks-".len()..]));
    assert!(log.exists(), "{}", log.display());
    ada.post(&format!("{at}/runs/{one}/delete"), &[("confirm", one.as_str())][..]).expect(303);
    ada.get(&format!("{at}/runs/{one}")).expect(404);
    key.get(&format!("/api/Spaces-1/tasks/{task}")).expect(404);
    assert!(!log.exists(), "its log went with it");
    // By API; one that waits stays.
    let (two, task) = run();
    house.rest(&cast.server);
    let sql = house.file(&cast.server);
    let number: i64 = task["ServerTasks-".len()..].parse().unwrap();
    let state = |state: &str| sql.execute("UPDATE tasks SET state = ?1 WHERE id = ?2", (state, number)).unwrap();
    // Not one that the engine would take up meanwhile.
    state("Cancelling");
    let refused = key.delete(&format!("/api/Spaces-1/runbookRuns/{two}"), ()).expect(409).json();
    assert!(refused["ErrorMessage"].as_str().unwrap().contains("cannot be deleted while it runs"), "{refused}");
    let refused = ada.post(&format!("{at}/runs/{two}/delete"), &[("confirm", two.as_str())][..]).expect(422).text();
    assert!(refused.contains("cannot be deleted while it runs") || refused.contains("It runs or waits"), "{refused}");
    state("Canceled");
    key.delete(&format!("/api/Spaces-1/runbookRuns/{two}"), ()).expect(200);
    key.delete(&format!("/api/Spaces-1/runbookRuns/{two}"), ()).expect(404);
    // Snapshots.
    let published = house.things["runbooksnapshots"].id.clone();
    let refused = key.delete(&format!("/api/Spaces-1/runbookSnapshots/{published}"), ()).expect(409).json();
    assert!(refused["ErrorMessage"].as_str().unwrap().contains("is the published snapshot"), "{refused}");
    assert!(ada.get(&format!("{at}/snapshots/{published}")).expect(200).text().contains("Publish another first"));
    let taken = |name: &str| {
        id(&key
            .post("/api/Spaces-1/runbookSnapshots", json!({ "RunbookId": runbook, "Name": name }))
            .expect(201)
            .json())
    };
    let (first, second) = (taken("First"), taken("Second"));
    key.delete(&format!("/api/Spaces-1/runbookSnapshots/{first}"), ()).expect(200);
    ada.post(&format!("{at}/snapshots/{second}/delete"), &[("confirm", "first")][..]).expect(422);
    ada.post(&format!("{at}/snapshots/{second}/delete"), &[("confirm", "Second")][..]).expect(303);
    for gone in [first, second] {
        key.get(&format!("/api/Spaces-1/runbookSnapshots/{gone}")).expect(404);
    }
    // Who may look may not delete.
    let cleo = &house.people["cleo"];
    let kept = house.things["runbookruns"].id.clone();
    cleo.key.delete(&format!("/api/Spaces-1/runbookRuns/{kept}"), ()).expect(403);
    assert!(!cleo.browser.get(&format!("{at}/runs/{kept}")).expect(200).text().contains("danger-zone"));
    let events = key.get("/api/Spaces-1/events?eventCategories=Deleted").expect(200).text();
    assert!(
        events.contains("was deleted with its log") && events.contains("Snapshot Second of the runbook"),
        "{events}"
    );
}

#[test]
fn the_page_of_a_run_that_waits_says_for_what_and_leads_on() {
    let mut cast = Cast::assemble();
    let role = json!({ "Name": "Sees runs", "GrantedSpacePermissions": ["TaskView", "RunbookRunView"] });
    let role = cast.harbour.post("/api/userroles", role)["Id"].as_str().expect("an id").to_owned();
    cast.harbour.hire(&cast.server, "nora", Some(&role), json!({}));
    let house = &cast.harbour;
    let (pages, _) = addresses(house);
    let things = &house.things;
    let (api, ada) = (&house.administrator().key, &house.people["ada"].browser);
    let own = format!("/api/Spaces-1/runbookProcesses/RunbookProcess-{}", things["runbooks"].id);
    let mut process = api.get(&own).expect(200).json();
    process["Steps"] = json!([step("Wait", "sleep 60")]);
    api.put(&own, process).expect(200);
    let snapshot = json!({ "RunbookId": things["runbooks"].id, "Name": "Slow" });
    api.post("/api/Spaces-1/runbookSnapshots?publish=true", snapshot).expect(201);
    let run = || {
        let run = json!({ "ProjectName": things["projects"].id, "RunbookName": things["runbooks"].id,
            "EnvironmentNames": [things["environments"].id], "Tenants": [things["tenants"].id] });
        let made = api.post("/api/Spaces-1/runbook-runs/create/v1", run).expect(201).json();
        made["RunbookRunServerTasks"][0].clone()
    };
    let (first, second) = (run(), run());
    let task = |run: &Value| run["ServerTaskId"].as_str().expect("a task").to_owned();
    let page = |run: &Value| ada.get(&format!("/harbour/tasks/{}", task(run))).expect(200).text();
    // Findings C14: what it waits for, and the way to all that it is about.
    let waits = page(&second);
    let runbook = format!("{pages}/{}", things["runbooks"].slug);
    let second_run = format!("{runbook}/runs/{}\"", second["RunbookRunId"].as_str().expect("a run"));
    for words in [
        "It waits for “Run ",
        &format!("/harbour/default/projects/{}\"", things["projects"].slug),
        &format!("{runbook}\""),
        &format!("{runbook}/snapshots/"),
        &format!("/infrastructure/environments/{}\"", things["environments"].id),
        &format!("/harbour/default/tenants/{}\"", things["tenants"].id),
        &second_run,
    ] {
        assert!(waits.contains(words), "{words} is not in {waits}");
    }
    let again = format!("{runbook}/run?environment={}&#38;tenant={}", things["environments"].id, things["tenants"].id);
    assert!(!waits.contains("Try again") && !waits.contains("Run it again"), "{waits}");
    for one in [&second, &first] {
        api.post(&format!("/api/tasks/{}/cancel", task(one)), json!({})).expect(200);
    }
    house.rest(&cast.server);
    let over = page(&second);
    assert!(over.contains("Try again…") && over.contains(&again), "{over}");
    // Who sees runs, and neither the runbook nor its project, is told the name and led to none of them.
    let seen = house.people["nora"].browser.get(&format!("/harbour/tasks/{}", task(&second))).expect(200).text();
    assert!(!seen.contains(&format!("{runbook}\"")) && !seen.contains("Try again"), "{seen}");
}
