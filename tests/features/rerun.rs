//! A task that has ended may be run again, by who may do what it did; the wire says so (findings C14).

use crate::support::cast::{Cast, House};
use serde_json::{Value, json};

fn task(house: &House, who: &str, id: &Value) -> Value {
    let at = format!("/api/tasks/{}", id.as_str().expect("a task"));
    house.people[who].key.get(&at).expect(200).json()
}

#[test]
fn what_ended_is_run_again_by_who_may_and_the_wire_says_who() {
    let mut cast = Cast::assemble();
    let views = [
        "ProjectView",
        "ReleaseView",
        "EnvironmentView",
        "TenantView",
        "DeploymentView",
        "RunbookView",
        "RunbookRunView",
        "MachineView",
        "TaskView",
    ];
    let role = json!({ "Name": "Only looks", "GrantedSpacePermissions": views });
    let role = cast.harbour.post("/api/userroles", role)["Id"].as_str().expect("an id").to_owned();
    cast.harbour.hire(&cast.server, "lena", Some(&role), json!({}));
    let house = &cast.harbour;
    let things = &house.things;
    let health = json!({ "Name": "Health", "Arguments": { "MachineIds": [things["machines"].id] } });
    let health = house.post("/api/Spaces-1/tasks", health)["Id"].clone();
    let run = house.administrator().key.get("/api/Spaces-1/tasks?name=RunbookRun&take=1").expect(200).json();
    house.rest(&cast.server);
    let deploy = json!(things["tasks"].id);
    for (id, kind) in [(&deploy, "Deploy"), (&run["Items"][0]["Id"], "RunbookRun"), (&health, "Health")] {
        let before = task(house, "ada", id);
        assert_eq!((&before["Name"], &before["CanRerun"]), (&json!(kind), &json!(true)), "{before}");
        assert_eq!(task(house, "lena", id)["CanRerun"], json!(false), "{kind}");
        // A list says the same.
        let listed = format!("/api/tasks?ids={}", id.as_str().expect("an id"));
        for (who, may) in [("ada", true), ("lena", false)] {
            let found = house.people[who].key.get(&listed).expect(200).json();
            assert_eq!(found["Items"][0]["CanRerun"], json!(may), "{kind} for {who}");
        }
        let again = before["Links"]["Rerun"].as_str().expect("a link").trim_start_matches("/harbour").to_owned();
        house.people["lena"].key.post(&again, json!({})).expect(403);
        let made = house.people["ada"].key.post(&again, json!({})).expect(201).json();
        assert_ne!(made["Id"], before["Id"]);
        for field in ["Name", "ProjectId", "EnvironmentId", "TenantId", "Description"] {
            assert_eq!(made[field], before[field], "{kind}: {field}");
        }
        house.rest(&cast.server);
        assert_eq!(task(house, "ada", &made["Id"])["CanRerun"], json!(true));
    }
    // What waits is not run again.
    let later = bulkhead::base::clock::Moment(bulkhead::base::clock::now().0 + 3_600_000);
    let waits = json!({ "ReleaseId": things["releases"].id, "EnvironmentId": things["environments"].id,
        "TenantId": things["tenants"].id, "QueueTime": later.wire() });
    let waits = house.post("/api/Spaces-1/deployments", waits)["TaskId"].clone();
    assert_eq!(task(house, "ada", &waits)["CanRerun"], json!(false));
    let at = format!("/api/tasks/rerun/{}", waits.as_str().expect("a task"));
    house.administrator().key.post(&at, json!({})).expect(409);
    house.administrator().key.post("/api/tasks/rerun/ServerTasks-999999", json!({})).expect(404);
}
