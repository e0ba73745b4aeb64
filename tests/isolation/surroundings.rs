//! What else there is around the one tenant of `narrow.rs`: tags, machines bound by tag, work for no tenant, a self-service
//! team that was made by hand beside the one made in one step, and a role that Everyone holds (findings B3, B5, B6).

use super::narrow::{CUSTOMERS_RUNBOOKS, World, held_by};
use crate::support::cast::House;
use serde_json::{Value, json};

/// The tags of the ring that the own tenant is in, and of the one that others are in.
pub(super) const OWN_RING: &str = "Rings/Inner";
pub(super) const OTHERS_RING: &str = "Rings/Outer";

/// Before the lookers are hired.
pub(super) fn surround(house: &House, own: &str) {
    let rings = json!({ "Name": "Rings", "Tags": [{ "Name": "Inner", "Color": "#112233" }, { "Name": "Outer", "Color": "#112233" }] });
    house.post("/api/Spaces-1/tagsets", rings);
    let key = &house.administrator().key;
    let path = format!("/api/Spaces-1/tenants/{own}");
    let mut tenant = key.get(&path).expect(200).json();
    tenant["TenantTags"] = json!([OWN_RING]);
    key.put(&path, tenant).expect(200);
    // The machine of the cast becomes the tenant's, by name and by tag.
    let machine = house.things["machines"].id.clone();
    bind(house, &machine, "Tenanted", json!([own]), json!([]));
    let tagged = house.make("machines", "bound by tag");
    bind(house, tagged["Id"].as_str().expect("an id"), "Tenanted", json!([]), json!([OWN_RING]));
    let id = |kind: &str| house.things[kind].id.clone();
    // The machine that others' tags reach, and the one for no tenant, each with its health check; work for no tenant.
    for (name, participation, tags) in [
        ("host-Qvorn00-tag", "Tenanted", json!([OTHERS_RING])),
        ("host-Qvorn00-both", "TenantedOrUntenanted", json!([OTHERS_RING])),
        ("host-Qvorn00-own", "Untenanted", json!([])),
    ] {
        let made = house.make("machines", name);
        let made = made["Id"].as_str().expect("an id").to_owned();
        bind(house, &made, participation, json!([]), tags);
        house.post("/api/Spaces-1/tasks", json!({ "Name": "Health", "Arguments": { "MachineIds": [made] } }));
    }
    // The environment that comes first in the default lifecycle.
    let untenanted =
        json!({ "ReleaseId": id("releases"), "EnvironmentId": "Environments-1", "Comments": "Qvorn00's own" });
    house.post("/api/Spaces-1/deployments", untenanted);
    let run = json!({ "ProjectName": id("projects"), "RunbookName": id("runbooks"), "EnvironmentNames": [id("environments")],
        "Comments": "Qvorn00's own" });
    house.post("/api/Spaces-1/runbook-runs/create/v1", run);
    let everyone =
        house.post("/api/userroles", json!({ "Name": "Everyone's", "GrantedSystemPermissions": ["SpaceView"] }));
    house.post("/api/scopeduserroles", json!({ "TeamId": "teams-everyone", "UserRoleId": everyone["Id"] }));
}

/// For whom a machine is.
pub(super) fn bind(house: &House, machine: &str, participation: &str, tenants: Value, tags: Value) {
    let (key, path) = (&house.administrator().key, format!("/api/Spaces-1/machines/{machine}"));
    let mut body = key.get(&path).expect(200).json();
    body["TenantedDeploymentParticipation"] = json!(participation);
    body["TenantIds"] = tenants;
    body["TenantTags"] = tags;
    key.put(&path, body).expect(200);
}

impl World {
    /// Hana, whom somebody has put into a team with the role *Tenant Self-Service* by hand: no portal, and no colleague.
    pub(super) fn hire_by_hand(&mut self) {
        let limits = json!({ "TenantIds": [self.own] });
        self.cast.harbour.hire(&self.cast.server, "hana", Some("userroles-tenantself-service"), limits);
    }

    pub(super) fn by_hand(name: &'static str) -> super::narrow::Looker {
        let mut looker = held_by(name, "Tenant Self-Service");
        looker.space.extend(CUSTOMERS_RUNBOOKS.map(str::to_owned));
        looker
    }
}

/// Customers' people are no part of Everyone: what its roles allow does not reach them, and they are marked for who looks
/// after people, until the company says otherwise (findings B6, B10).
#[test]
fn customers_are_marked_and_get_nothing_of_everyone() {
    let world = World::new();
    let house = world.house();
    let people =
        house.post("/api/userroles", json!({ "Name": "Sees people", "GrantedSystemPermissions": ["UserView"] }));
    house.post("/api/scopeduserroles", json!({ "TeamId": "teams-everyone", "UserRoleId": people["Id"] }));
    for (name, status) in [("iris", 200), ("otto", 200), ("carla", 403), ("hana", 403)] {
        assert_eq!(house.people[name].key.get("/api/users").status, status, "{name}");
    }
    let all = house.administrator().key.get("/api/users?take=1000").expect(200).json();
    let marked: Vec<&str> = all["Items"]
        .as_array()
        .expect("people")
        .iter()
        .filter(|one| one["IsCustomer"] == json!(true))
        .filter_map(|one| one["DisplayName"].as_str())
        .filter(|name| !name.contains(super::narrow::PEOPLE))
        .collect();
    assert_eq!(marked, ["carla", "hana"]);
    let ada = &house.administrator().browser;
    let page = ada.get("/harbour/access/people?q=carla").expect(200).text();
    assert!(page.contains("carla@example.com · customer"), "{page}");
    let everyone = ada.get("/harbour/access/teams/Teams-1").expect(200).text();
    assert!(
        everyone.contains("Customers&#39; people (2) are not among them")
            || everyone.contains("Customers' people (2) are not among them"),
        "{everyone}"
    );

    // The company says so: from the next request on they are.
    let put = |value: bool| {
        let mut general = house.administrator().key.get("/api/settings").expect(200).json()["General"].clone();
        general["CustomersInEveryone"] = json!(value);
        house.administrator().key.put("/api/settings/general", general).expect(200);
    };
    put(true);
    for name in ["carla", "hana"] {
        house.people[name].key.get("/api/users").expect(200);
    }
    put(false);
    for name in ["carla", "hana"] {
        house.people[name].key.get("/api/users").expect(403);
    }
    // Taken out of the tenant's team, she is in no team, and still no colleague.
    let carla =
        all["Items"].as_array().expect("people").iter().find(|one| one["DisplayName"] == "carla").expect("carla");
    let sql = house.file(&world.cast.server);
    sql.execute("UPDATE users SET came_for_tenant = 1 WHERE display_name = 'carla'", ()).expect("invited");
    sql.execute("DELETE FROM team_members WHERE user_id = (SELECT id FROM users WHERE display_name = 'carla')", ())
        .expect("taken out");
    house.people["carla"].key.get("/api/users").expect(403);
    let shown = house
        .administrator()
        .key
        .get(&format!("/api/users/{}", carla["Id"].as_str().expect("an id")))
        .expect(200)
        .json();
    assert_eq!(shown["IsCustomer"], json!(true));
}
