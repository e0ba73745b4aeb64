//! How a word becomes a thing (findings F1): in a body its name goes before its slug, in an address the slug goes before
//! the name, and what could be either of two is refused.

use crate::support::{
    api::{Caller, says},
    cast::step,
    server::founded,
};
use serde_json::{Value, json};

const API: &str = "/api/Spaces-1";

fn make(ada: &Caller, kind: &str, body: Value) -> Value {
    ada.post(&format!("{API}/{kind}"), body).expect(201).json()
}

/// Renames one, which keeps its slug, and makes another of the name that it had.
fn rename_and_make(ada: &Caller, kind: &str, mut body: Value) -> (Value, Value) {
    let mut old = make(ada, kind, body.clone());
    old["Name"] = json!(format!("{} (retired)", body["Name"].as_str().unwrap()));
    let at = format!("{API}/{kind}/{}", old["Id"].as_str().unwrap());
    let old = ada.put(&at, old).expect(200).json();
    body["Slug"] = Value::Null;
    (old, make(ada, kind, body))
}

fn project(name: &str) -> Value {
    json!({ "Name": name, "ProjectGroupId": "ProjectGroups-1", "LifecycleId": "Lifecycles-1",
        "TenantedDeploymentMode": "TenantedOrUntenanted" })
}

/// Writes a process with one step.
fn write(ada: &Caller, at: &str) {
    let process = ada.get(at).expect(200).json();
    let steps = json!({ "Version": process["Version"], "Steps": [step("Greet", "echo hello")] });
    ada.put(at, steps).expect(200);
}

#[test]
fn findings_f1_a_new_thing_has_the_name_that_a_renamed_one_had() {
    let (_server, harbour) = founded();
    let ada = harbour.caller();
    let (old_place, place) = rename_and_make(&ada, "environments", json!({ "Name": "Staging" }));
    // A release may go anywhere.
    let mut anywhere = ada.get(&format!("{API}/lifecycles/Lifecycles-1")).expect(200).json();
    anywhere["Phases"] = json!([{ "Name": "Anywhere" }]);
    ada.put(&format!("{API}/lifecycles/Lifecycles-1"), anywhere).expect(200);
    let (_, shop) = rename_and_make(&ada, "projects", project("Shop"));
    let shop_id = shop["Id"].as_str().unwrap();
    let of_shop = |name: &str| json!({ "Name": name, "ProjectId": shop["Id"] });
    let (_, channel) = rename_and_make(&ada, "channels", of_shop("Beta"));
    let (_, runbook) = rename_and_make(&ada, "runbooks", of_shop("Restart"));
    let connected = json!({ "Name": "Contoso", "ProjectEnvironments": { shop_id: [place["Id"]] } });
    let (_, tenant) = rename_and_make(&ada, "tenants", connected);
    write(&ada, &format!("{API}/projects/{shop_id}/deploymentprocesses"));

    let wanted = json!({ "ProjectName": "Shop", "ReleaseVersion": "1.0.0", "ChannelName": "Beta" });
    let made = make(&ada, "releases/create/v1", wanted);
    let release = ada.get(&format!("{API}/releases/{}", made["ReleaseId"].as_str().unwrap())).expect(200).json();
    assert_eq!((&release["ProjectId"], &release["ChannelId"]), (&shop["Id"], &channel["Id"]));

    let where_to = |kind: &str, body: Value, tasks: &str, id: &str| {
        let made = make(&ada, kind, body);
        let list = if tasks.starts_with("Runbook") { "runbookRuns" } else { "deployments" };
        let one = made[tasks][0][id].as_str().unwrap().to_owned();
        ada.get(&format!("{API}/{list}/{one}")).expect(200).json()
    };
    let ask = json!({ "ProjectName": "Shop", "ReleaseVersion": "1.0.0", "EnvironmentNames": ["Staging"] });
    let seen = where_to("deployments/create/untenanted/v1", ask.clone(), "DeploymentServerTasks", "DeploymentId");
    assert_eq!(seen["EnvironmentId"], place["Id"]);
    let for_tenant = json!({ "ProjectName": "Shop", "ReleaseVersion": "1.0.0", "EnvironmentName": "Staging", "Tenants": ["Contoso"] });
    let seen = where_to("deployments/create/tenanted/v1", for_tenant, "DeploymentServerTasks", "DeploymentId");
    assert_eq!((&seen["EnvironmentId"], &seen["TenantId"]), (&place["Id"], &tenant["Id"]));
    let runbook_id = runbook["Id"].as_str().unwrap();
    write(&ada, &format!("{API}/projects/{shop_id}/runbookProcesses/RunbookProcess-{runbook_id}"));
    make(
        &ada,
        "runbookSnapshots?publish=true",
        json!({ "RunbookId": runbook_id, "ProjectId": shop_id, "Name": "One" }),
    );
    let ask = json!({ "ProjectName": "Shop", "RunbookName": "Restart", "EnvironmentNames": ["Staging"] });
    let seen = where_to("runbook-runs/create/v1", ask, "RunbookRunServerTasks", "RunbookRunId");
    assert_eq!((&seen["EnvironmentId"], &seen["RunbookId"]), (&place["Id"], &runbook["Id"]));

    // An id is an id; and "staging", which is the slug of one and nearly the name of another, is not guessed.
    let with = |word: &Value| json!({ "ProjectName": "Shop", "ReleaseVersion": "1.0.0", "EnvironmentNames": [word] });
    let at = format!("{API}/deployments/create/untenanted/v1");
    let ids: Vec<&str> = [&old_place, &place].iter().map(|one| one["Id"].as_str().unwrap()).collect();
    says(&ada.post(&at, with(&json!("staging"))).expect(400), &ids);
    ada.post(&at, with(&old_place["Id"])).expect(201);
    ada.post(&at, with(&json!("Staging (retired)"))).expect(201);
}

#[test]
fn findings_f1_an_address_is_made_of_slugs() {
    let (_server, harbour) = founded();
    let ada = harbour.caller();
    let first = make(&ada, "projects", project("Pay!"));
    let second = make(&ada, "projects", project("Pay"));
    assert_eq!((&first["Slug"], &second["Slug"]), (&json!("pay"), &json!("pay-2")));
    let show = |word: &str| ada.get(&format!("{API}/projects/{word}"));
    assert_eq!(show("pay").expect(200).json()["Id"], first["Id"]);
    assert_eq!(show("Pay%21").expect(200).json()["Id"], first["Id"]);
    assert_eq!(show("PAY-2").expect(200).json()["Id"], second["Id"]);
    // A client that is told 404 looks for the name in the list.
    let ids: Vec<&str> = [&first, &second].iter().map(|one| one["Id"].as_str().unwrap()).collect();
    says(&show("Pay").expect(404), &ids);
    ada.delete(&format!("{API}/projects/Pay"), ()).expect(404);
    write(&ada, &format!("{API}/projects/{}/deploymentprocesses", ids[1]));
    let made = make(&ada, "releases/create/v1", json!({ "ProjectName": "Pay", "ReleaseVersion": "1.0.0" }));
    let release = ada.get(&format!("{API}/releases/{}", made["ReleaseId"].as_str().unwrap())).expect(200).json();
    assert_eq!(release["ProjectId"], second["Id"]);
}

#[test]
fn findings_f1_what_one_may_not_see_makes_nothing_ambiguous() {
    let mut cast = crate::support::cast::Cast::assemble();
    let house = &mut cast.harbour;
    let first = house.post(&format!("{API}/projects"), project("Pay!"));
    let second = house.post(&format!("{API}/projects"), project("Pay"));
    house.hire(&cast.server, "penny", Some("userroles-projectviewer"), json!({ "ProjectIds": [first["Id"]] }));
    let seen = house.people["penny"].key.get(&format!("{API}/projects/Pay")).expect(200).json();
    assert_eq!(seen["Id"], first["Id"]);
    let all = house.people["ada"].key.get(&format!("{API}/projects/Pay")).expect(404);
    says(&all, &[second["Id"].as_str().unwrap()]);
}
