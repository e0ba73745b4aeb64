//! "Team B may only run one runbook of one project": everything that somebody is shown whose role is limited to it. Every
//! page and answer is read, with their own things and with another runbook's; none may carry the name or the id of another
//! runbook, of its snapshots, runs and tasks, or of another project's.

use super::rows::{Row, rows};
use crate::support::cast::{Cast, Thing};
use bulkhead::http::table::Needs;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Stands in every name and text of the others.
const OTHER: &str = "qvornwipe";

#[test]
fn one_runbook_of_one_project_is_all_one_sees_and_runs() {
    let mut cast = Cast::assemble();
    let own = cast.harbour.things["runbooks"].id.clone();
    let limits = json!({ "ProjectIds": [cast.harbour.things["projects"].id], "RunbookIds": [own] });
    cast.harbour.hire(&cast.server, "rita", Some("userroles-runbookconsumer"), limits);
    let house = &mut cast.harbour;
    // Another runbook of the project, with a script, a snapshot and a run; and another project with one.
    let wipe = house.make("runbooks", OTHER);
    let id = |value: &Value| value.as_str().expect("an id").to_owned();
    let at = id(&wipe["Id"]);
    let process = format!("/api/Spaces-1/runbookProcesses/{}", id(&wipe["RunbookProcessId"]));
    let mut steps = house.administrator().key.get(&process).expect(200).json();
    steps["Steps"] = json!([crate::support::cast::step(OTHER, &format!("echo {OTHER}"))]);
    house.administrator().key.put(&process, steps).expect(200);
    let snapshot = json!({ "RunbookId": at, "Name": format!("Snapshot {OTHER}"), "Notes": OTHER });
    let snapshot = house.post("/api/Spaces-1/runbookSnapshots?publish=true", snapshot);
    let run = json!({ "ProjectName": house.things["projects"].id, "RunbookName": at, "Comments": OTHER,
        "EnvironmentNames": [house.things["environments"].id] });
    let run = house.post("/api/Spaces-1/runbook-runs/create/v1", run)["RunbookRunServerTasks"][0].clone();
    let elsewhere = house.make("projects", &format!("Project {OTHER}"));
    let there = house.post("/api/Spaces-1/runbooks", json!({ "Name": "Elsewhere", "ProjectId": elsewhere["Id"] }));
    house.rest(&cast.server);
    let events = format!("/api/Spaces-1/events?take=1000&regarding={at}");
    let events = house.administrator().key.get(&events).expect(200).json();
    let event = events["Items"].as_array().and_then(|all| all.iter().find(|one| one.to_string().contains(OTHER)));
    let foreign: BTreeMap<&'static str, String> = BTreeMap::from([
        ("runbooks", at.clone()),
        ("runbookprocesses", id(&wipe["RunbookProcessId"])),
        ("runbooksnapshots", id(&snapshot["Id"])),
        ("runbookruns", id(&run["RunbookRunId"])),
        ("tasks", id(&run["ServerTaskId"])),
        ("events", id(&event.expect("an event about it")["Id"])),
    ]);
    // What the cast has of kinds that her role does not reach is another matter; her task is her runbook's.
    let mine = house.administrator().key.get(&format!("/api/Spaces-1/runbookRuns?runbooks={own}")).expect(200).json();
    let task = id(&mine["Items"][0]["TaskId"]);
    house.things.insert("tasks", Thing { slug: task.clone(), id: task });

    let (mut findings, mut read, mut carried) = (Vec::new(), 0, 0);
    let ask = |house: &crate::support::cast::House, row: &Row, path: &str, body: Value| {
        house.people["rita"].call("harbour", row.is_page(), &row.door.method, path, body)
    };
    for row in rows().0.into_iter().filter(|row| row.door.path.starts_with("/{company}")) {
        let path = row.path_of_present(house);
        let plain = house.things.clone();
        house.things.extend(foreign.iter().map(|(kind, id)| (*kind, Thing { id: id.clone(), slug: id.clone() })));
        let (others, body) = (row.path_of_present(house), row.body(house));
        house.things = plain;
        let looks = row.door.method == "GET";
        let joint = if path.contains('?') { '&' } else { '?' };
        let mut asked: Vec<(String, Value)> = Vec::new();
        if looks {
            asked.push((path.clone(), Value::Null));
            asked.push((format!("{path}{joint}skip=0&take=1000&format=csv"), Value::Null));
            let search =
                format!("q={OTHER}&partialName={OTHER}&searchByName={OTHER}&runbooks={at}&runbook={at}&ids={at}");
            asked.push((format!("{path}{joint}{search}"), Value::Null));
        }
        if others != path || !looks && body.to_string().contains(&at) {
            asked.push((others.clone(), body));
        }
        for (path, body) in asked {
            let answer = ask(house, &row, &path, body);
            assert!(answer.status < 500, "{answer}");
            let text = answer.text().to_lowercase();
            // What was asked for may be said back.
            let said = text.replace(&format!("q={OTHER}"), "").replace(&format!("value=\"{OTHER}\""), "");
            let searched = path.contains(&format!("q={OTHER}"));
            let named = if searched {
                said.contains(&format!("echo {OTHER}")) || said.contains(&format!("snapshot {OTHER}"))
            } else {
                text.contains(OTHER)
            };
            if named || text.contains(&format!("project {OTHER}")) {
                findings.push(format!("{} {path} carries another runbook's name: {}", row.name(), answer.status));
            }
            if path == others
                && others != row.path_of_present(house)
                && row.door.path.contains("unbook")
                && answer.status < 400
            {
                findings.push(format!("{} {path} opens another's: {}", row.name(), answer.status));
            }
            read += 1;
            carried += usize::from(text.contains("one runbooks 0"));
        }
    }
    assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n"));
    assert!(read > 300 && carried > 15, "{read} read, {carried} with her own: the test looks past the contents");

    // Unknown and another's are one answer; her own runs; nothing can be deployed, made or published.
    let rita = &house.people["rita"];
    let stranger = [at.clone(), id(&there["Id"])];
    for other in &stranger {
        for path in ["runbooks/{}", "runbooks/{}/runbookSnapshots", "runbookProcesses/RunbookProcess-{}"] {
            let path = format!("/api/Spaces-1/{path}");
            let unknown = rita.key.get(&path.replace("{}", "Runbooks-999")).expect(404).text();
            let answer = rita.key.get(&path.replace("{}", other)).expect(404).text();
            assert_eq!(answer.replace(other.as_str(), "Runbooks-999"), unknown, "{path}");
        }
    }
    let run = |runbook: &str| {
        json!({ "ProjectName": house.things["projects"].id, "RunbookName": runbook,
            "EnvironmentNames": [house.things["environments"].id] })
    };
    let create = "/api/Spaces-1/runbook-runs/create/v1";
    rita.key.post(create, run(&own)).expect(201);
    for (runbook, unknown) in [(at.as_str(), "Runbooks-999"), (OTHER, "nothing-like-it")] {
        let words = rita.key.post(create, run(unknown)).expect(404).text();
        assert_eq!(rita.key.post(create, run(runbook)).expect(404).text().replace(runbook, unknown), words);
    }
    let deployment =
        json!({ "ReleaseId": house.things["releases"].id, "EnvironmentId": house.things["environments"].id });
    let refused = rita.key.post("/api/Spaces-1/deployments", deployment);
    assert!(matches!(refused.status, 403 | 404), "{refused}");
    let needs = |name: &str| {
        rows()
            .0
            .into_iter()
            .filter(|row| row.door.needs == Needs::Permission("RunbookEdit"))
            .any(|row| row.name() == name)
    };
    assert!(needs("PUT /{company}/api/{space}/runbooks/{id}"));
    rita.key.put(&format!("/api/Spaces-1/runbooks/{own}"), json!({ "Name": "Mine" })).expect(403);
    rita.key.post("/api/Spaces-1/runbookSnapshots", json!({ "RunbookId": own })).expect(403);
}
