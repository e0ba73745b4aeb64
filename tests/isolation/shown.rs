//! What is copied, offered, refused and said is made with the rights of whoever asks: findings B8, B9, B11–B15, each with the
//! neighbours that were found beside it.

use crate::support::{
    api::Answer,
    cast::{Cast, House},
};
use serde_json::{Value, json};

/// Somebody with a role of these rights in the default space.
fn hire(cast: &mut Cast, name: &'static str, space: &[&str], system: &[&str], limits: Value) {
    let role = json!({ "Name": format!("Role of {name}"), "GrantedSpacePermissions": space, "GrantedSystemPermissions": system });
    let role = cast.harbour.post("/api/userroles", role)["Id"].as_str().expect("an id").to_owned();
    cast.harbour.hire(&cast.server, name, Some(&role), limits);
}

fn copy(house: &House, who: &str, name: &str) -> Answer {
    let id = |kind: &str| house.things[kind].id.clone();
    let body = json!({ "Name": name, "ProjectGroupId": id("projectgroups"), "LifecycleId": id("lifecycles") });
    house.people[who].key.post(&format!("/api/Spaces-1/projects?clone={}", id("projects")), body)
}

fn runbooks_of(house: &House, project: &Value) -> u64 {
    let path = format!("/api/Spaces-1/projects/{}/runbooks", project["Id"].as_str().expect("an id"));
    house.administrator().key.get(&path).expect(200).json()["TotalResults"].as_u64().expect("a number")
}

/// Findings B8: a copy holds what one may see, and takes the right to make each part.
#[test]
fn a_copy_is_read_and_made_with_the_rights_of_who_asks() {
    let mut cast = Cast::assemble();
    let sees = ["ProjectCreate", "ProjectView", "ProcessView", "ProjectGroupView", "LifecycleView", "EnvironmentView"];
    let and = |more: &[&'static str]| [&sees[..], more].concat();
    hire(&mut cast, "cole", &and(&["ProcessEdit"]), &[], json!({}));
    hire(&mut cast, "mona", &and(&["ProcessEdit", "RunbookView"]), &[], json!({}));
    hire(&mut cast, "nils", &sees, &[], json!({}));
    // Limited to the one project: in another they hold nothing, the right to edit processes neither.
    let limits = json!({ "ProjectIds": [cast.harbour.things["projects"].id] });
    hire(&mut cast, "rosa", &and(&["ProcessEdit"]), &[], limits);
    hire(&mut cast, "reto", &["ProjectView", "ReleaseView", "EnvironmentView"], &[], json!({}));
    let house = &cast.harbour;

    let whole = copy(house, "ada", "Whole").expect(201).json();
    assert_eq!(runbooks_of(house, &whole), 1);
    let seen = copy(house, "cole", "Of Cole").expect(201).json();
    assert_eq!(runbooks_of(house, &seen), 0, "what Cole may not see is not in the copy");
    for (who, lacks) in [("mona", "RunbookEdit"), ("nils", "ProcessEdit"), ("rosa", "ProcessEdit")] {
        let refused = copy(house, who, "Never").expect(403).text();
        assert!(refused.contains(&format!("Missing permission: {lacks}")), "{who}: {refused}");
    }
    let runbook = json!({ "Name": "Copy", "ProjectId": house.things["projects"].id });
    let path = format!("/api/Spaces-1/runbooks?clone={}", house.things["runbooks"].id);
    let refused = house.administrator().key.post(&path, runbook).expect(400).text();
    assert!(refused.contains("cannot be copied here"), "{refused}");

    // A release freezes a process: its scripts are shown to those who may see processes.
    let page = format!(
        "/harbour/default/projects/{}/releases/{}",
        house.things["projects"].slug, house.things["releases"].slug
    );
    let script = format!("echo {}", house.mark);
    assert!(house.people["ada"].browser.get(&page).expect(200).text().contains(&script));
    assert!(!house.people["reto"].browser.get(&page).expect(200).text().contains(&script));
}

/// Findings B9: the ids that a list of teams hands out are taken.
#[test]
fn the_teams_that_are_listed_can_manage_a_new_space() {
    let cast = Cast::assemble();
    let key = &cast.harbour.administrator().key;
    let listed = key.get("/api/Spaces-1/teams?includeSystem=true&take=1000").expect(200).json();
    let teams: Vec<&str> =
        listed["Items"].as_array().expect("teams").iter().filter_map(|one| one["Id"].as_str()).collect();
    assert!(teams.contains(&"teams-spacemanagers-Spaces-1") && teams.contains(&"teams-administrators"), "{teams:?}");
    let made = key.post("/api/spaces", json!({ "Name": "Second", "SpaceManagersTeams": teams })).expect(201).json();
    // The managers of another space stay a team of that space: its people are named.
    assert_eq!(made["SpaceManagersTeamMembers"], json!(["Users-1"]));
    let own = cast.harbour.post("/api/Spaces-1/teams", json!({ "Name": "Of the first" }))["Id"].clone();
    let refused = key.post("/api/spaces", json!({ "Name": "Third", "SpaceManagersTeams": [own] })).expect(400).text();
    assert!(refused.contains("Of the first is a team of another space"), "{refused}");
    let unknown =
        key.post("/api/spaces", json!({ "Name": "Third", "SpaceManagersTeams": ["Teams-9999"] })).expect(400).text();
    assert!(unknown.contains("There is no team Teams-9999"), "{unknown}");
}

/// Findings B11–B15.
#[test]
fn what_is_offered_refused_and_said_is_true_for_who_asks() {
    let mut cast = Cast::assemble();
    let tenant = cast.harbour.things["tenants"].id.clone();
    let first = json!({ "EnvironmentIds": ["Environments-1"], "TenantIds": [tenant] });
    let machines = ["MachineView", "MachineEdit", "MachineDelete", "EnvironmentView", "TenantView"];
    hire(&mut cast, "mia", &machines, &[], first);
    hire(&mut cast, "kim", &["EnvironmentView", "TenantView"], &[], json!({}));
    hire(&mut cast, "tia", &[], &["TeamView"], json!({}));
    let house = &cast.harbour;
    let key = &house.administrator().key;

    // B11: what is named is what is missing: the machine stands in both environments, Mia holds it in one. What she may not
    // see of it is not named.
    let machine = house.make("machines", "in both")["Id"].as_str().expect("an id").to_owned();
    let mut body = key.get(&format!("/api/Spaces-1/machines/{machine}")).expect(200).json();
    body["EnvironmentIds"] = json!(["Environments-1", "Environments-2"]);
    body["TenantedDeploymentParticipation"] = json!("Tenanted");
    body["TenantIds"] = json!([tenant]);
    key.put(&format!("/api/Spaces-1/machines/{machine}"), body).expect(200);
    let refused = house.people["mia"].key.delete(&format!("/api/Spaces-1/machines/{machine}"), ()).expect(403).json();
    let help = refused["HelpText"].as_str().expect("help").to_owned();
    assert!(help.contains("environments that you cannot see") && !help.contains("Production"), "{help}");
    let sql = house.file(&cast.server);
    let wider = "INSERT INTO scoped_roles (team_id, role_id, space_id) SELECT m.team_id, r.id, 1 FROM team_members m
                 JOIN users u ON u.id = m.user_id, user_roles r WHERE u.display_name = 'mia' AND r.name = 'Role of kim'";
    sql.execute(wider, ()).expect("a role");
    let refused = house.people["mia"].key.delete(&format!("/api/Spaces-1/machines/{machine}"), ()).expect(403).json();
    let help = refused["HelpText"].as_str().expect("help").to_owned();
    assert!(
        help.contains("environment Staging") && !help.contains("Production") && !help.contains("One tenants"),
        "{help}"
    );
    // The button asks what the command asks.
    let page = house.people["mia"].browser.get("/harbour/default/infrastructure/targets/in-both").expect(200).text();
    assert!(!page.contains("/infrastructure/targets/in-both/edit\""), "{page}");

    // B12: the menu leads to a page that opens.
    let tia = house.people["tia"].browser.get("/harbour/me").expect(200).text();
    assert!(
        tia.contains("href=\"/harbour/access/teams\"") && !tia.contains("href=\"/harbour/access/people\""),
        "{tia}"
    );
    house.people["tia"].browser.get("/harbour/access/teams").expect(200);
    // The dashboard offers to deploy where one may, and nowhere else: Ben may deploy to Staging.
    let boards =
        |who: &str| house.people[who].browser.get("/harbour/default").expect(200).text().matches("Deploy…").count();
    house.make("projects", "Not deployed yet");
    assert_eq!((boards("kim"), boards("mia")), (0, 0));

    // B13: one's own limits have names.
    let ben = house.people["ben"].browser.get("/harbour/me").expect(200).text();
    assert!(ben.contains("environment Staging") && !ben.contains("cannot see or that is gone"), "{ben}");

    // B14: each built-in role says what it is for, in lists, where it is chosen, and by the API; and can say it otherwise.
    let roles = key.get("/api/userroles/all").expect(200).json();
    let builtin = roles.as_array().expect("roles").iter().filter(|one| one["CanBeDeleted"] == json!(false));
    let silent: Vec<&Value> = builtin.filter(|one| one["Description"].as_str().is_none_or(str::is_empty)).collect();
    assert!(silent.is_empty(), "{silent:?}");
    let ada = &house.people["ada"].browser;
    let says = "Sees environments and their deployment targets, and changes nothing.";
    assert!(ada.get("/harbour/access/roles").expect(200).text().contains(says));
    let form = "/harbour/access/teams/teams-administrators/roles/new";
    assert!(ada.get(form).expect(200).text().contains(says));
    let mut viewer = key.get("/api/userroles/userroles-environmentviewer").expect(200).json();
    let id = {
        let find = "SELECT id FROM user_roles WHERE builtin = ?1";
        move |builtin: &str| sql.query_row(find, [builtin], |row| row.get::<_, i64>(0)).expect("a role")
    };
    viewer["Description"] = json!("For the night shift.");
    let saved = key.put("/api/userroles/userroles-environmentviewer", viewer).expect(200).json();
    assert_eq!(saved["Description"], "For the night shift.");
    assert!(ada.get("/harbour/access/roles").expect(200).text().contains("For the night shift."));
    // Limits that a role drops are not offered for it; what nothing asks for yet is marked.
    let offered =
        |role: &str| ada.get(&format!("{form}?space=Spaces-1&role=UserRoles-{}", id(role))).expect(200).text();
    let (some, none) = (offered("environmentviewer"), offered("featuretoggleeditor"));
    assert!(some.contains("name=\"runbooks\""), "{some}");
    assert!(none.contains("name=\"projects\"") && !none.contains("name=\"runbooks\""), "{none}");
    let toggles = ada.get(&format!("/harbour/access/roles/UserRoles-{}", id("featuretoggleeditor"))).expect(200).text();
    assert!(toggles.contains("nothing asks for it yet"), "{toggles}");

    // B15: what of a role holds in the whole company is said where it is given, on the team, and on the person.
    let team = house.post("/api/Spaces-1/teams", json!({ "Name": "Of the space", "MemberUserIds": ["Users-1"] }))["Id"]
        .clone();
    let team = team.as_str().expect("an id");
    let role = json!({ "TeamId": team, "UserRoleId": "userroles-projectviewer", "SpaceId": "Spaces-1" });
    house.post("/api/scopeduserroles", role);
    let beyond = "Also in the whole company, without limits: ";
    for page in [
        format!("/harbour/access/teams/{team}/roles/new?role=UserRoles-{}", id("projectviewer")),
        format!("/harbour/access/teams/{team}"),
        "/harbour/access/people/Users-1".to_owned(),
    ] {
        let text = ada.get(&page).expect(200).text();
        assert!(text.contains(beyond), "{page}: {text}");
    }
}
